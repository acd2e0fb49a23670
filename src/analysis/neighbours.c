#include "neighbours.h"

#include <math.h>

#include "errors.h"
#include "store.h"
#include "vector.h"

#define BATCH_TOKENS ((size_t)4096)
#define DEFAULT_TOKENS ((size_t)262144)
#define MAX_PAIRS ((size_t)32 << 20)

/* --- By decoder cosine --- */

typedef struct
{
  const CsCrosscoder *crosscoder;
  size_t latent;
  bool parts[2];
  double *cosines; /* [F] */
} Cosines;

/* ⟨a, b⟩ over the parts asked for, in raw space. */
static double
part_dot (const Cosines *c, size_t a, size_t b)
{
  const CsCrosscoder *cc = c->crosscoder;
  const size_t d = cc->d_model;
  double sum = 0;

  for (size_t m = 0; m < 2; m++)
    if (c->parts[m])
      sum += cs_dot_double (cc->decoder + (2 * a + m) * d, cc->decoder + (2 * b + m) * d, d) /
             ((double)cc->gain[m] * cc->gain[m]);
  return sum;
}

static void
fill_cosines (size_t begin, size_t end, unsigned worker, void *data)
{
  Cosines *c = data;
  const double own = part_dot (c, c->latent, c->latent);

  for (size_t j = begin; j < end; j++)
    {
      const double other = part_dot (c, j, j);

      c->cosines[j] = own > 0 && other > 0 && j != c->latent
                          ? part_dot (c, c->latent, j) / sqrt (own * other)
                          : NAN;
    }
}

size_t
cs_neighbours (const CsCrosscoder *crosscoder,
               CsTeam *team,
               size_t latent,
               CsNeighbourPart part,
               size_t n,
               CsNeighbour *out)
{
  Cosines c = { crosscoder,
                latent,
                { part != CS_NEIGHBOUR_CHAT, part != CS_NEIGHBOUR_BASE },
                g_new (double, crosscoder->n_latents) };
  size_t found = 0;

  g_return_val_if_fail (latent < crosscoder->n_latents, 0);
  cs_team_run (team, crosscoder->n_latents, fill_cosines, &c);
  for (size_t j = 0; j < crosscoder->n_latents && n > 0; j++)
    {
      size_t i;

      if (isnan (c.cosines[j]) || (found == n && !(c.cosines[j] > out[n - 1].cosine)))
        continue;
      i = found < n ? found++ : n - 1;
      for (; i > 0 && c.cosines[j] > out[i - 1].cosine; i--)
        out[i] = out[i - 1];
      out[i] = (CsNeighbour){ j, c.cosines[j] };
    }
  g_free (c.cosines);
  return found;
}

/* --- Firing on the same tokens --- */

struct CsCofiring
{
  size_t n_latents, n_tokens;
  GArray *start;   /* size_t: the pairs of token t are start[t] … start[t+1]−1 */
  GArray *latents; /* uint32_t, one a pair */
  size_t *first;   /* [F + 1]: the same pairs by latent */
  uint32_t *tokens;
};

void
cs_cofiring_free (CsCofiring *cofiring)
{
  if (cofiring == NULL)
    return;
  g_clear_pointer (&cofiring->start, g_array_unref);
  g_clear_pointer (&cofiring->latents, g_array_unref);
  g_free (cofiring->first);
  g_free (cofiring->tokens);
  g_free (cofiring);
}

static void
add_codes (CsCofiring *cofiring, const CsCodes *codes)
{
  for (size_t t = 0; t < codes->n_tokens; t++)
    {
      size_t end;

      for (size_t e = codes->start[t]; e < codes->start[t + 1]; e++)
        if (codes->value[e] > 0)
          g_array_append_val (cofiring->latents, codes->latent[e]);
      end = cofiring->latents->len;
      g_array_append_val (cofiring->start, end);
    }
  cofiring->n_tokens += codes->n_tokens;
}

static bool
read_stretch (CsCofiring *cofiring,
              const CsCrosscoder *cc,
              CsTeam *team,
              CsStore *store,
              size_t first,
              size_t n,
              float *rows,
              CsCodes *codes,
              GError **error)
{
  if (!cs_store_read (store, first, n, rows, error) ||
      !cs_crosscoder_encode (cc, team, rows, n, codes, error))
    return false;
  add_codes (cofiring, codes);
  return true;
}

/* Stretches of equal size, evenly spread: number i of `n` begins at i/n of the store. */
static bool
read_sample (CsCofiring *cofiring,
             CsJob *job,
             const CsCrosscoder *cc,
             CsTeam *team,
             CsStore *store,
             size_t max_tokens,
             GError **error)
{
  const size_t total = cs_store_n_tokens (store), wanted = MIN (max_tokens, total);
  const size_t n = (wanted + BATCH_TOKENS - 1) / BATCH_TOKENS;
  g_autofree float *rows = g_new (float, BATCH_TOKENS * 2 * cc->d_model);
  g_auto (CsCodes) codes = { 0 };

  for (size_t i = 0; i < n && cofiring->latents->len < MAX_PAIRS; i++)
    {
      const size_t first = (size_t)((double)total * (double)i / (double)n);
      const size_t next = i + 1 < n ? (size_t)((double)total * (double)(i + 1) / (double)n) : total;
      const size_t size = MIN (MIN (BATCH_TOKENS, next - first), wanted - cofiring->n_tokens);

      if (!cs_job_checkpoint (job, error) ||
          !read_stretch (cofiring, cc, team, store, first, size, rows, &codes, error))
        return false;
      cs_job_progress (job, (double)cofiring->n_tokens, (double)wanted, "tokens");
    }
  return true;
}

static void
turn_round (CsCofiring *cofiring)
{
  const uint32_t *latents = (const uint32_t *)(const void *)cofiring->latents->data;
  const size_t *start = (const size_t *)(const void *)cofiring->start->data;
  g_autofree size_t *at = g_new (size_t, cofiring->n_latents + 1);

  cofiring->first = g_new0 (size_t, cofiring->n_latents + 1);
  cofiring->tokens = g_new (uint32_t, MAX (cofiring->latents->len, 1));
  for (size_t e = 0; e < cofiring->latents->len; e++)
    cofiring->first[latents[e] + 1]++;
  for (size_t j = 0; j < cofiring->n_latents; j++)
    cofiring->first[j + 1] += cofiring->first[j];
  for (size_t j = 0; j < cofiring->n_latents; j++)
    at[j] = cofiring->first[j];
  for (size_t t = 0; t < cofiring->n_tokens; t++)
    for (size_t e = start[t]; e < start[t + 1]; e++)
      cofiring->tokens[at[latents[e]]++] = (uint32_t)t;
}

CsCofiring *
cs_cofiring_new (CsJob *job,
                 const CsCrosscoder *crosscoder,
                 CsTeam *team,
                 const char *store_path,
                 size_t max_tokens,
                 GError **error)
{
  g_autoptr (CsStore) store = cs_store_open (store_path, false, error);
  g_autoptr (CsCofiring) cofiring = g_new0 (CsCofiring, 1);
  const size_t zero = 0;

  if (store == NULL)
    return NULL;
  if (cs_store_info (store)->d_model != crosscoder->d_model)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_MISMATCH,
          "The store %s has d_model %zu but the crosscoder %zu: take the store that it was "
          "trained on.",
          store_path, cs_store_info (store)->d_model, crosscoder->d_model);
      return NULL;
    }
  cofiring->n_latents = crosscoder->n_latents;
  cofiring->start = g_array_new (FALSE, FALSE, sizeof (size_t));
  cofiring->latents = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  g_array_append_val (cofiring->start, zero);
  if (!read_sample (cofiring, job, crosscoder, team, store,
                    max_tokens > 0 ? max_tokens : DEFAULT_TOKENS, error))
    return NULL;
  turn_round (cofiring);
  return g_steal_pointer (&cofiring);
}

size_t
cs_cofiring_n_tokens (const CsCofiring *cofiring)
{
  return cofiring->n_tokens;
}

size_t
cs_cofiring_count (const CsCofiring *cofiring, size_t latent)
{
  g_return_val_if_fail (latent < cofiring->n_latents, 0);
  return cofiring->first[latent + 1] - cofiring->first[latent];
}

static CsCofiringLatent
compare (const CsCofiring *cofiring, size_t latent, size_t other, size_t both)
{
  const double n = (double)cofiring->n_tokens, a = (double)cs_cofiring_count (cofiring, latent),
               b = (double)cs_cofiring_count (cofiring, other), ab = (double)both;
  const double spread = sqrt (a * (n - a) * b * (n - b));

  return (CsCofiringLatent){ .latent = other,
                             .count = (size_t)b,
                             .both = both,
                             .given_this = ab / a,
                             .given_other = ab / b,
                             .jaccard = ab / (a + b - ab),
                             .correlation = spread > 0 ? (n * ab - a * b) / spread : NAN };
}

size_t
cs_cofiring_find (const CsCofiring *cofiring, size_t latent, size_t n, CsCofiringLatent *out)
{
  const uint32_t *latents = (const uint32_t *)(const void *)cofiring->latents->data;
  const size_t *start = (const size_t *)(const void *)cofiring->start->data;
  g_autofree size_t *both = NULL;
  size_t found = 0;

  g_return_val_if_fail (latent < cofiring->n_latents, 0);
  both = g_new0 (size_t, cofiring->n_latents);
  for (size_t i = cofiring->first[latent]; i < cofiring->first[latent + 1]; i++)
    for (size_t e = start[cofiring->tokens[i]]; e < start[cofiring->tokens[i] + 1]; e++)
      both[latents[e]]++;
  for (size_t j = 0; j < cofiring->n_latents && n > 0; j++)
    {
      CsCofiringLatent other;
      size_t i;

      if (both[j] == 0 || j == latent)
        continue;
      other = compare (cofiring, latent, j, both[j]);
      if (found == n && !(other.jaccard > out[n - 1].jaccard))
        continue;
      i = found < n ? found++ : n - 1;
      for (; i > 0 && other.jaccard > out[i - 1].jaccard; i--)
        out[i] = out[i - 1];
      out[i] = other;
    }
  return found;
}
