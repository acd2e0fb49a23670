/* The counts, spreads and overlaps of a claims table, from the rows alone. */
#include <math.h>

#include "latents.h"

static bool
has_usable_nu (const CsLatentRow *row)
{
  return cs_nu_is_usable (row->nu_error) && cs_nu_is_usable (row->nu_reconstruction);
}

static bool
leans_to_chat (const CsLatentRow *row)
{
  return row->tested && row->tag != CS_LATENT_DEAD && row->delta_norm >= CS_CHAT_LEANING;
}

static void
count_verdicts (const CsLatents *latents, CsLatentSummary *s)
{
  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];
      const float *error = row->nu_error_interval, *rebuilt = row->nu_reconstruction_interval;

      s->tested += row->tested;
      s->chat_specific += row->chat_specific;
      s->base_specific += row->base_specific;
      s->chat_leaning += leans_to_chat (row);
      s->base_leaning += row->tested && row->tag != CS_LATENT_DEAD && row->delta_norm <= CS_BASE_LEANING;
      s->chat_only_specific += row->chat_specific && row->tag == CS_LATENT_CHAT_ONLY;
      s->chat_specific_surely +=
        row->chat_specific && error[1] < CS_NU_ERROR_LIMIT && rebuilt[1] < CS_NU_RECONSTRUCTION_LIMIT;
      s->chat_specific_possibly +=
        leans_to_chat (row) && error[0] < CS_NU_ERROR_LIMIT && rebuilt[0] < CS_NU_RECONSTRUCTION_LIMIT;
    }
  s->confirmed_share = s->chat_leaning > 0 ? (double) s->chat_specific / (double) s->chat_leaning : NAN;
  cs_share_interval (MIN (s->chat_specific, s->chat_leaning), s->chat_leaning, s->confirmed_interval);
}

static void
measure_shared (const CsLatents *latents, CsLatentSummary *s)
{
  g_autofree double *error = g_new (double, MAX (latents->n_latents, 1));
  g_autofree double *rebuilt = g_new (double, MAX (latents->n_latents, 1));
  size_t n = 0;

  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      if (!row->tested || row->tag != CS_LATENT_SHARED || !has_usable_nu (row))
        continue;
      error[n] = row->nu_error;
      rebuilt[n++] = row->nu_reconstruction;
    }
  cs_spread_of (error, n, &s->shared_nu_error);
  cs_spread_of (rebuilt, n, &s->shared_nu_reconstruction);
}

static void
count_overlap (CsOverlap *overlap, const CsSpread *shared, double nu)
{
  overlap->n++;
  overlap->inside += nu >= shared->low && nu <= shared->high;
}

static void
end_overlap (CsOverlap *overlap, const CsSpread *shared)
{
  if (isnan (shared->low)) /* nothing to lie inside of */
    overlap->n = overlap->inside = 0;
  overlap->share = overlap->n > 0 ? (double) overlap->inside / (double) overlap->n : NAN;
  cs_share_interval (overlap->inside, overlap->n, overlap->interval);
}

static void
measure_overlaps (const CsLatents *latents, CsLatentSummary *s)
{
  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      if (!has_usable_nu (row))
        continue;
      if (leans_to_chat (row))
        {
          count_overlap (&s->leaning_error, &s->shared_nu_error, row->nu_error);
          count_overlap (&s->leaning_reconstruction, &s->shared_nu_reconstruction, row->nu_reconstruction);
        }
      if (row->tag == CS_LATENT_CHAT_ONLY)
        {
          count_overlap (&s->only_error, &s->shared_nu_error, row->nu_error);
          count_overlap (&s->only_reconstruction, &s->shared_nu_reconstruction, row->nu_reconstruction);
        }
    }
  end_overlap (&s->leaning_error, &s->shared_nu_error);
  end_overlap (&s->leaning_reconstruction, &s->shared_nu_reconstruction);
  end_overlap (&s->only_error, &s->shared_nu_error);
  end_overlap (&s->only_reconstruction, &s->shared_nu_reconstruction);
}

/* Each pair is seen from its chat-leaning latent. */
static void
measure_twins (const CsLatents *latents, CsLatentSummary *s)
{
  double sum = 0;
  size_t n = 0;

  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      if (row->twin < 0 || !(row->twin_cos > 0) || row->delta_norm < CS_CHAT_LEANING)
        continue;
      s->twins++;
      if (!isnan (row->twin_divergence))
        {
          sum += row->twin_divergence;
          n++;
        }
    }
  s->twin_divergence = n > 0 ? sum / (double) n : NAN;
}

void
cs_latents_summarise (const CsLatents *latents, CsLatentSummary *summary)
{
  size_t counts[CS_LATENT_DEAD + 1] = { 0 };

  *summary = (CsLatentSummary) { .latents = latents->n_latents, .fve_base = latents->fve_base,
                                 .fve_chat = latents->fve_chat, .l0 = latents->l0,
                                 .identity_gap = latents->identity_gap, .close_pairs = latents->close_pairs };
  for (size_t j = 0; j < latents->n_latents; j++)
    counts[latents->rows[j].tag]++;
  summary->dead = counts[CS_LATENT_DEAD];
  summary->base_only = counts[CS_LATENT_BASE_ONLY];
  summary->shared = counts[CS_LATENT_SHARED];
  summary->chat_only = counts[CS_LATENT_CHAT_ONLY];
  summary->other = counts[CS_LATENT_OTHER];
  count_verdicts (latents, summary);
  measure_shared (latents, summary);
  measure_overlaps (latents, summary);
  measure_twins (latents, summary);
}
