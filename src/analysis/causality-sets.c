/* Which latents are patched: the most chat-leaning ones, halves of them by two rankings, controls.
 */
#include "causality-private.h"

#include <math.h>
#include <stdlib.h>

#include "errors.h"
#include "random.h"

static int
by_chat_leaning (const void *a, const void *b, void *data)
{
  const CsLatentRow *rows = data, *x = &rows[*(const uint32_t *)a],
                    *y = &rows[*(const uint32_t *)b];

  if (x->delta_norm != y->delta_norm)
    return x->delta_norm > y->delta_norm ? -1 : 1;
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

typedef struct
{
  uint32_t latent;
  float value;
  double rank;
} Ranked;

static int
by_value (const void *a, const void *b)
{
  const Ranked *x = a, *y = b;

  if (x->value != y->value)
    return x->value < y->value ? -1 : 1;
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

/* Adds each latent's rank by one of the ratios, mean ranks for ties. */
static void
add_ranks (double *rank, const uint32_t *set, size_t n, const CsLatentRow *rows, bool by_error)
{
  g_autofree Ranked *order = g_new0 (Ranked, n);

  for (size_t i = 0; i < n; i++)
    order[i] = (Ranked){ (uint32_t)i,
                         by_error ? rows[set[i]].nu_error : rows[set[i]].nu_reconstruction, 0 };
  qsort (order, n, sizeof *order, by_value);
  for (size_t i = 0, end; i < n; i = end)
    {
      for (end = i + 1; end < n && order[end].value == order[i].value; end++)
        ;
      for (size_t k = i; k < end; k++)
        rank[order[k].latent] += (double)(i + end - 1) / 2;
    }
}

static int
by_rank (const void *a, const void *b, void *data)
{
  const double *rank = data;
  const uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;

  if (rank[i] != rank[k])
    return rank[i] < rank[k] ? -1 : 1;
  return i < k ? -1 : i > k;
}

static void
include (CsLatentSets *sets, size_t set, uint32_t latent)
{
  sets->member[latent] |= (uint32_t)1 << set;
  sets->size[set]++;
}

/* Both rankings begin with what is most chat-specific; halves have equal sizes. */
static void
add_halves (CsLatentSets *sets, const CsLatents *latents, const uint32_t *set, size_t n)
{
  g_autofree double *rank = g_new0 (double, MAX (n, 1));
  g_autofree uint32_t *order = g_new (uint32_t, MAX (n, 1));
  const size_t half = n / 2;

  add_ranks (rank, set, n, latents->rows, false);
  add_ranks (rank, set, n, latents->rows, true);
  for (size_t i = 0; i < n; i++)
    order[i] = (uint32_t)i;
  g_qsort_with_data (order, (int)n, sizeof *order, by_rank, rank);
  for (size_t i = 0; i < half; i++)
    {
      include (sets, SET_BEST_DELTA, set[i]);
      include (sets, SET_WORST_DELTA, set[n - 1 - i]);
      include (sets, SET_BEST_SCALING, set[order[i]]);
      include (sets, SET_WORST_SCALING, set[order[n - 1 - i]]);
    }
}

static void
add_random (CsLatentSets *sets, const uint32_t *outside, size_t n, size_t n_random, uint64_t seed)
{
  g_autofree uint32_t *order = g_new (uint32_t, MAX (n, 1));

  for (size_t draw = 0; draw < n_random; draw++)
    {
      CsRandom random;

      cs_random_init (&random, seed, 1 + draw);
      cs_random_permutation (&random, order, n);
      for (size_t i = 0; i < MIN (sets->size[SET_BEST_DELTA], n); i++)
        include (sets, SET_FIRST_RANDOM + draw, outside[order[i]]);
    }
}

bool
cs_latent_sets_init (CsLatentSets *sets,
                     const CsLatents *latents,
                     size_t n_set,
                     size_t n_random,
                     uint64_t seed,
                     GError **error)
{
  g_autofree uint32_t *living = g_new (uint32_t, MAX (latents->n_latents, 1));
  g_autofree uint32_t *set = g_new (uint32_t, MAX (latents->n_latents, 1));
  size_t n_living = 0, n = 0;

  *sets = (CsLatentSets){ .n_latents = latents->n_latents, .n_sets = SET_FIRST_RANDOM + n_random };
  sets->member = g_new0 (uint32_t, MAX (latents->n_latents, 1));
  for (uint32_t j = 0; j < latents->n_latents; j++)
    {
      include (sets, SET_ALL, j);
      if (latents->rows[j].tag != CS_LATENT_DEAD && !isnan (latents->rows[j].delta_norm))
        living[n_living++] = j;
      if (latents->rows[j].chat_specific)
        include (sets, SET_SPECIFIC, j);
    }
  g_qsort_with_data (living, (int)n_living, sizeof *living, by_chat_leaning, latents->rows);
  sets->n_asked = MIN (n_set, n_living);
  for (size_t i = 0; i < sets->n_asked; i++)
    {
      const CsLatentRow *row = &latents->rows[living[i]];

      sets->lowest_delta_norm = row->delta_norm;
      if (cs_nu_is_usable (row->nu_error) && cs_nu_is_usable (row->nu_reconstruction))
        set[n++] = living[i];
    }
  if (n < 2)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "Of the %zu latents that lean furthest to chat, %zu have usable scaling ratios: "
                   "choose a larger set, or analyse the run on more tokens.",
                   sets->n_asked, n);
      return false;
    }
  for (size_t i = 0; i < n; i++)
    include (sets, SET_FILTERED, set[i]);
  add_halves (sets, latents, set, n);
  add_random (sets, living + sets->n_asked, n_living - sets->n_asked, n_random, seed);
  return true;
}

void
cs_latent_sets_clear (CsLatentSets *sets)
{
  g_clear_pointer (&sets->member, g_free);
}
