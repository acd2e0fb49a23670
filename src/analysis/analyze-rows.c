/* What analysis knows of each latent after a pass over the store: classes, Latent Scaling, verdicts, intervals, shares, twins. */
#include <math.h>

#include "analyze-private.h"
#include "random.h"
#include "vector.h"

#define DEAD_BELOW 10     /* active tokens */
#define N_DRAWS 1000      /* of blocks, for an interval */

static float
cosine (const float *row, size_t d)
{
  double base = cs_norm2 (row, d), chat = cs_norm2 (row + d, d);

  return base > 0 && chat > 0 ? (float) (cs_dot_double (row, row + d, d) / (base * chat)) : NAN;
}

/* Sums that do not add up say nothing: all NaN. */
static void
drop_if_broken (CsScalingResult *r, CsLatents *latents, size_t *n_broken)
{
  latents->identity_gap = fmax (latents->identity_gap, r->identity_gap);
  if (r->identity_gap <= CS_SCALING_MAX_GAP)
    return;
  ++*n_broken;
  for (int m = 0; m < 2; m++)
    r->beta_activation[m] = r->beta_reconstruction[m] = r->beta_error[m] = r->beta_activation_nobias[m] =
      r->beta_reconstruction_nobias[m] = NAN;
  r->nu_activation = r->nu_reconstruction = r->nu_error = r->nu_activation_nobias = r->nu_reconstruction_nobias = NAN;
}

static void
fill_chat_scaling (CsLatentRow *row, const CsScalingResult *r)
{
  row->count_active = r->count_active;
  for (int m = 0; m < 2; m++)
    {
      row->beta_activation[m] = (float) r->beta_activation[m];
      row->beta_reconstruction[m] = (float) r->beta_reconstruction[m];
      row->beta_error[m] = (float) r->beta_error[m];
      row->beta_activation_nobias[m] = (float) r->beta_activation_nobias[m];
      row->beta_reconstruction_nobias[m] = (float) r->beta_reconstruction_nobias[m];
    }
  row->nu_activation = (float) r->nu_activation;
  row->nu_reconstruction = (float) r->nu_reconstruction;
  row->nu_error = (float) r->nu_error;
  row->nu_activation_nobias = (float) r->nu_activation_nobias;
  row->nu_reconstruction_nobias = (float) r->nu_reconstruction_nobias;
}

static void
fill_base_scaling (CsLatentRow *row, const CsScalingResult *r)
{
  for (int m = 0; m < 2; m++)
    {
      row->base_beta_activation[m] = (float) r->beta_activation[m];
      row->base_beta_reconstruction[m] = (float) r->beta_reconstruction[m];
      row->base_beta_error[m] = (float) r->beta_error[m];
    }
  row->base_nu_activation = (float) r->nu_activation;
  row->base_nu_reconstruction = (float) r->nu_reconstruction;
  row->base_nu_error = (float) r->nu_error;
}

static void
fill_scaling (const CsScaling *scaling, size_t j, CsLatents *latents, size_t *n_broken)
{
  CsScalingResult r;

  cs_scaling_result (scaling, j, 1, &r);
  drop_if_broken (&r, latents, n_broken);
  fill_chat_scaling (&latents->rows[j], &r);
  cs_scaling_result (scaling, j, 0, &r);
  drop_if_broken (&r, latents, n_broken);
  fill_base_scaling (&latents->rows[j], &r);
}

static void
fill_shares (const CsAnalyzePass *p, size_t j, CsLatentRow *row)
{
  uint64_t n_all = 0, n_template = 0;
  const uint64_t *n = p->n_class[j], n_bos = n[CS_TOKEN_CLASS_BOS];

  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    {
      n_all += n[c];
      n_template += cs_token_class_is_template (c) ? n[c] : 0;
    }
  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    row->share[c] = p->has_template && n_all > 0 ? (float) ((double) n[c] / (double) n_all) : NAN;
  row->template_share =
    p->has_template && n_all > n_bos ? (float) ((double) n_template / (double) (n_all - n_bos)) : NAN;
}

static void
fill_row (const CsAnalyzePass *p, size_t j, const double norms[2], CsLatentRow *row)
{
  const CsCrosscoder *cc = p->crosscoder;
  const double delta_norm = cs_crosscoder_norm_ratio (cc, norms[0], norms[1]);

  row->dec_base_norm = (float) norms[0];
  row->dec_chat_norm = (float) norms[1];
  row->delta_norm = (float) delta_norm;
  row->dec_cos_sim = cosine (cc->decoder + j * 2 * cc->d_model, cc->d_model);
  row->enc_cos_sim = cosine (cc->encoder + j * 2 * cc->d_model, cc->d_model);
  row->density = (float) ((double) row->count_active / (double) p->n_tokens);
  row->max_act = p->max_act[j];
  row->tag = (uint8_t) cs_latent_classify (delta_norm, row->count_active < DEAD_BELOW);
  row->dead = row->tag == CS_LATENT_DEAD;
}

static int
by_delta (const void *a, const void *b, void *data)
{
  const CsLatentRow *rows = data, *x = &rows[*(const uint32_t *) a], *y = &rows[*(const uint32_t *) b];

  if (x->delta_norm != y->delta_norm)
    return x->delta_norm < y->delta_norm ? -1 : 1;
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

bool
cs_analyze_is_chat_specific (const CsLatentRow *row)
{
  /* A negative β of chat makes the ratio's sign meaningless; NaN fails every comparison. There is no lower limit: a latent
   * of chat alone easily has a small d^base that points the other way, and with it a ratio somewhat below 0. */
  return row->delta_norm >= CS_CHAT_LEANING && row->beta_error[1] > 0 && row->beta_reconstruction[1] > 0 &&
         row->nu_error < CS_NU_ERROR_LIMIT && row->nu_reconstruction < CS_NU_RECONSTRUCTION_LIMIT;
}

static bool
is_base_specific (const CsLatentRow *row)
{
  return row->delta_norm <= CS_BASE_LEANING && row->base_beta_error[0] > 0 && row->base_beta_reconstruction[0] > 0 &&
         row->base_nu_error < CS_NU_ERROR_LIMIT && row->base_nu_reconstruction < CS_NU_RECONSTRUCTION_LIMIT;
}

/* The N that lean furthest to either side and as many random shared ones; their verdicts. */
static void
test_latents (CsLatents *latents, const CsAnalyzeOptions *options)
{
  g_autofree uint32_t *living = g_new (uint32_t, latents->n_latents), *shared = g_new (uint32_t, latents->n_latents);
  g_autofree uint32_t *order = g_new (uint32_t, latents->n_latents);
  size_t n_living = 0, n_shared = 0, n;
  CsRandom random;

  for (size_t j = 0; j < latents->n_latents; j++)
    {
      if (latents->rows[j].tag != CS_LATENT_DEAD)
        living[n_living++] = (uint32_t) j;
      if (latents->rows[j].tag == CS_LATENT_SHARED)
        shared[n_shared++] = (uint32_t) j;
    }
  n = MIN (options->n_test > 0 ? options->n_test : MAX (n_living / 10, 50), n_living);
  g_qsort_with_data (living, (int) n_living, sizeof *living, by_delta, latents->rows);
  for (size_t i = 0; i < n; i++)
    latents->rows[living[i]].tested = latents->rows[living[n_living - 1 - i]].tested = 1;
  cs_random_init (&random, options->seed, 0);
  cs_random_permutation (&random, order, n_shared);
  for (size_t i = 0; i < MIN (n, n_shared); i++)
    latents->rows[shared[order[i]]].tested = 1;
  for (size_t j = 0; j < latents->n_latents; j++)
    {
      CsLatentRow *row = &latents->rows[j];

      row->chat_specific = row->tested && cs_analyze_is_chat_specific (row);
      row->base_specific = row->tested && is_base_specific (row);
    }
}

typedef struct {
  const CsScaling *scaling;
  const CsBlockDraws *draws;
  CsLatents *latents;
} IntervalTask;

static void
fill_interval (const IntervalTask *task, size_t j, int direction, CsScalingTarget target, float interval[2])
{
  double numerator[CS_SCALING_BLOCKS], denominator[CS_SCALING_BLOCKS];
  const size_t n = cs_scaling_blocks (task->scaling, j, direction, target, numerator, denominator);

  cs_ratio_interval (task->draws, numerator, denominator, n, interval);
}

static void
fill_some_intervals (size_t begin, size_t end, unsigned worker, void *data)
{
  const IntervalTask *task = data;

  for (size_t j = begin; j < end; j++)
    {
      CsLatentRow *row = &task->latents->rows[j];

      if (!row->tested)
        continue;
      if (!isnan (row->nu_error))
        {
          fill_interval (task, j, 1, CS_SCALING_ERROR, row->nu_error_interval);
          fill_interval (task, j, 1, CS_SCALING_RECONSTRUCTION, row->nu_reconstruction_interval);
        }
      if (!isnan (row->base_nu_error))
        {
          fill_interval (task, j, 0, CS_SCALING_ERROR, row->base_nu_error_interval);
          fill_interval (task, j, 0, CS_SCALING_RECONSTRUCTION, row->base_nu_reconstruction_interval);
        }
    }
}

static void
warn_of_broken (size_t n_broken, double gap)
{
  if (n_broken > 0)
    g_warning ("Latent Scaling of %zu latent directions does not add up (β^a = β^r + β^ε − the latent's own part is missed by "
               "up to %.2g): their values are too large for this arithmetic, and they are left without β and verdict.",
               n_broken, gap);
}

void
cs_analyze_fill_rows (const CsAnalyzePass *p, CsLatents *latents)
{
  const size_t n_latents = p->crosscoder->n_latents;
  g_autofree double *norms = g_new (double, 2 * n_latents);
  g_autoptr (CsBlockDraws) draws = cs_block_draws_new (N_DRAWS, p->options->seed);
  IntervalTask task = { p->scaling, draws, latents };
  size_t n_broken = 0;

  cs_crosscoder_norms (p->crosscoder, p->team, norms);
  for (size_t j = 0; j < n_latents; j++)
    {
      cs_latent_row_init (&latents->rows[j], j);
      fill_scaling (p->scaling, j, latents, &n_broken);
      fill_row (p, j, norms + 2 * j, &latents->rows[j]);
      fill_shares (p, j, &latents->rows[j]);
    }
  warn_of_broken (n_broken, latents->identity_gap);
  test_latents (latents, p->options);
  cs_team_run (p->team, n_latents, fill_some_intervals, &task);
}

CsTwins *
cs_analyze_find_twins (const CsAnalyzePass *p, const CsLatents *latents)
{
  g_autofree uint32_t *chat = g_new (uint32_t, MAX (latents->n_latents, 1));
  g_autofree uint32_t *base = g_new (uint32_t, MAX (latents->n_latents, 1));
  size_t n_chat = 0, n_base = 0;

  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      if (!row->tested || row->dead)
        continue;
      if (row->delta_norm >= CS_CHAT_LEANING)
        chat[n_chat++] = (uint32_t) j;
      else if (row->delta_norm <= CS_BASE_LEANING)
        base[n_base++] = (uint32_t) j;
    }
  return cs_twins_new (p->crosscoder, p->team, chat, n_chat, base, n_base, p->max_act, p->scales);
}

void
cs_analyze_fill_twins (const CsAnalyzePass *p, CsLatents *latents)
{
  for (size_t i = 0; i < cs_twins_n (p->twins); i++)
    {
      const CsTwin *twin = cs_twins_get (p->twins, i);
      CsLatentRow *chat = &latents->rows[twin->chat], *base = &latents->rows[twin->base];

      chat->twin = (int32_t) twin->base;
      base->twin = (int32_t) twin->chat;
      chat->twin_cos = base->twin_cos = twin->cosine;
      chat->twin_divergence = base->twin_divergence = (float) cs_twin_divergence (twin);
    }
  latents->close_pairs = cs_twins_n_close (p->twins);
}
