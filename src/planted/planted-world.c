#include "planted-world.h"

#include <errno.h>
#include <math.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "random.h"
#include "store.h"
#include "vector.h"

/* Streams of the seed's random numbers. */
enum
{
  STREAM_DIRECTIONS = 71,
  STREAM_STRENGTHS,
  STREAM_FIRING,
  STREAM_NOISE
};

typedef struct
{
  CsPlantedTruth *truth;
  CsRandom firing, noise;
  bool *group_occurs;   /* [groups] at this token */
  double *active;       /* [n_features, 2] activations at this token */
  double *cross, *chat; /* [n_features] Σ a_base·a_chat, Σ a_chat² so far */
  size_t *count;        /* [n_features, 2] active tokens so far */
  float *rows;          /* [document_tokens, 2, d_model] */
  int32_t *ids;         /* [document_tokens] */
} Generator;

static void
generator_clear (Generator *g)
{
  g_free (g->group_occurs);
  g_free (g->active);
  g_free (g->cross);
  g_free (g->chat);
  g_free (g->count);
  g_free (g->rows);
  g_free (g->ids);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Generator, generator_clear)

/* --- The features --- */

static void
random_direction (CsRandom *random, float *direction, size_t d)
{
  double norm;

  do
    {
      for (size_t i = 0; i < d; i++)
        direction[i] = (float)cs_random_normal (random);
      norm = cs_norm2 (direction, d);
    }
  while (norm < 1e-6);
  cs_scale ((float)(1 / norm), direction, d);
}

/* The strengths of weak features in base go up in equal steps, again and again. */
static double
base_share (const CsPlantedSettings *s, CsPlantedClass class, size_t index)
{
  const size_t levels = s->weak_levels, level = index % levels;
  const double step = levels > 1 ? (double)level / (double)(levels - 1) : 1;

  return class == CS_PLANTED_CLASS_WEAK ? s->weak_min + (s->weak_max - s->weak_min) * step : 1;
}

static void
add_features (CsPlantedTruth *truth, CsPlantedClass class, size_t n, size_t *next, CsRandom *random)
{
  const CsPlantedSettings *s = &truth->settings;

  for (size_t i = 0; i < n; i++, (*next)++)
    {
      CsPlantedFeature *f = &truth->features[*next];
      const double sigma = s->strength_spread;
      const double strength = exp (sigma * cs_random_normal (random) - sigma * sigma / 2);

      f->class = class;
      f->group = class == CS_PLANTED_CLASS_SHARED && i < s->groups * s->group_size
                     ? (int)(i / s->group_size)
                     : -1;
      f->strength[0] =
          class == CS_PLANTED_CLASS_CHAT_ONLY ? 0 : strength * base_share (s, class, i);
      f->strength[1] = class == CS_PLANTED_CLASS_BASE_ONLY ? 0 : strength;
    }
}

static void
make_directions (CsPlantedTruth *truth, uint64_t seed)
{
  const size_t d = truth->settings.d_model;
  g_autofree float *direction = g_new (float, d);
  CsRandom random;

  cs_random_init (&random, seed, STREAM_DIRECTIONS);
  for (size_t i = 0; i < truth->n_features; i++)
    {
      random_direction (&random, direction, d);
      for (size_t m = 0; m < 2; m++)
        if (truth->features[i].strength[m] > 0)
          cs_add (direction, truth->directions + (2 * i + m) * d, d);
    }
}

static CsPlantedTruth *
make_truth (const CsPlantedSettings *s, uint64_t seed)
{
  CsPlantedTruth *truth = g_new0 (CsPlantedTruth, 1);
  const size_t counts[CS_PLANTED_N_CLASSES] = { s->shared, s->base_only, s->chat_only, s->weak,
                                                s->split };
  size_t next = 0;
  CsRandom random;

  truth->settings = *s;
  truth->seed = seed;
  truth->n_features = cs_planted_settings_n_features (s);
  truth->features = g_new0 (CsPlantedFeature, truth->n_features);
  truth->directions = g_new0 (float, 2 * truth->n_features * s->d_model);
  cs_random_init (&random, seed, STREAM_STRENGTHS);
  for (int c = 0; c < CS_PLANTED_N_CLASSES; c++)
    add_features (truth, (CsPlantedClass)c, counts[c], &next, &random);
  make_directions (truth, seed);
  return truth;
}

/* --- Their firing --- */

static bool
chance (Generator *g, double probability)
{
  return cs_random_uniform (&g->firing) < probability;
}

/* Which models feature f is active in at this token. */
static void
draw_firing (Generator *g, const CsPlantedFeature *f, bool fires[2])
{
  const CsPlantedSettings *s = &g->truth->settings;
  const double p = s->frequency;

  if (f->group >= 0)
    fires[0] = fires[1] = g->group_occurs[f->group] && chance (g, s->group_firing);
  else
    fires[0] = fires[1] = chance (g, p);
  if (f->class == CS_PLANTED_CLASS_SPLIT)
    fires[0] = chance (g, fires[1] ? s->split_overlap : p * (1 - s->split_overlap) / (1 - p));
}

static void
draw_feature (Generator *g, size_t i)
{
  const CsPlantedSettings *s = &g->truth->settings;
  const CsPlantedFeature *f = &g->truth->features[i];
  const double c = s->split_correlation;
  double *a = g->active + 2 * i, z[2];
  bool fires[2];

  a[0] = a[1] = 0;
  draw_firing (g, f, fires);
  if (!fires[0] && !fires[1])
    return;
  z[0] = z[1] = cs_random_normal (&g->firing);
  if (f->class == CS_PLANTED_CLASS_SPLIT)
    z[0] = c * z[1] + sqrt (1 - c * c) * cs_random_normal (&g->firing);
  for (int m = 0; m < 2; m++)
    if (fires[m] && f->strength[m] > 0)
      {
        a[m] = f->strength[m] * exp (s->spread * z[m] - s->spread * s->spread / 2);
        g->count[2 * i + (size_t)m]++;
      }
  g->cross[i] += a[0] * a[1];
  g->chat[i] += a[1] * a[1];
}

/* Fills one token's row [2, d_model]; returns its id. */
static int32_t
draw_token (Generator *g, float *row)
{
  const CsPlantedTruth *truth = g->truth;
  const CsPlantedSettings *s = &truth->settings;
  const size_t d = s->d_model;
  double strongest = 0;
  int32_t id = 0;

  for (size_t i = 0; i < s->groups; i++)
    g->group_occurs[i] = chance (g, s->frequency / s->group_firing);
  for (size_t i = 0; i < 2 * d; i++)
    row[i] = s->noise > 0 ? (float)(s->noise * cs_random_normal (&g->noise)) : 0;
  for (size_t i = 0; i < truth->n_features; i++)
    {
      draw_feature (g, i);
      for (size_t m = 0; m < 2; m++)
        if (g->active[2 * i + m] > 0)
          cs_axpy ((float)g->active[2 * i + m], truth->directions + (2 * i + m) * d, row + m * d,
                   d);
      if (g->active[2 * i + 1] > strongest)
        {
          strongest = g->active[2 * i + 1];
          id = (int32_t)i + 1;
        }
    }
  return id;
}

static bool
fill_store (Generator *g, CsJob *job, CsStore *store, GError **error)
{
  const CsPlantedSettings *s = &g->truth->settings;

  for (size_t done = 0; done < s->tokens;)
    {
      const size_t n = MIN (s->document_tokens, s->tokens - done);

      if (!cs_job_checkpoint (job, error))
        return false;
      for (size_t t = 0; t < n; t++)
        g->ids[t] = draw_token (g, g->rows + t * 2 * s->d_model);
      if (!cs_store_append_document (store, g->ids, n, 0, g->rows, error))
        return false;
      done += n;
      cs_job_progress (job, (double)done, (double)s->tokens, "tokens");
    }
  return cs_store_finish (store, error);
}

/* What only the finished store can tell. */
static void
complete_truth (const Generator *g)
{
  const double n = (double)g->truth->settings.tokens;

  for (size_t i = 0; i < g->truth->n_features; i++)
    {
      CsPlantedFeature *f = &g->truth->features[i];

      f->nu = f->strength[1] <= 0 ? NAN : g->chat[i] > 0 ? g->cross[i] / g->chat[i] : 0;
      for (size_t m = 0; m < 2; m++)
        f->frequency[m] = (double)g->count[2 * i + m] / n;
    }
}

static CsStore *
make_store (const CsPlantedSettings *s, uint64_t seed, const char *path, GError **error)
{
  static char base[] = "planted base", chat[] = "planted chat", name[] = "planted";
  static char *corpora[] = { name, NULL };
  g_autofree char *hash = g_strdup_printf ("planted-%" G_GUINT64_FORMAT, seed);
  const CsStoreInfo info = { .d_model = s->d_model,
                             .dtype = CS_DTYPE_F32,
                             .base_model = base,
                             .base_hash = hash,
                             .chat_model = chat,
                             .chat_hash = hash,
                             .tokenizer_hash = name,
                             .corpora = corpora };

  if (g_file_test (path, G_FILE_TEST_EXISTS) && g_unlink (path) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be replaced: %s.", path,
                   g_strerror (errno));
      return NULL;
    }
  return cs_store_create (path, &info, s->tokens, s->tokens / s->document_tokens + 1, error);
}

CsPlantedTruth *
cs_planted_world_make (CsJob *job,
                       const CsPlantedSettings *settings,
                       uint64_t seed,
                       const char *store_path,
                       GError **error)
{
  g_auto (Generator) g = { 0 };
  g_autoptr (CsPlantedTruth) truth = NULL;
  g_autoptr (CsStore) store = NULL;
  size_t n;

  if (!cs_planted_settings_check (settings, error))
    return NULL;
  g.truth = truth = make_truth (settings, seed);
  n = truth->n_features;
  g.group_occurs = g_new0 (bool, MAX (settings->groups, 1));
  g.active = g_new0 (double, 2 * n);
  g.cross = g_new0 (double, n);
  g.chat = g_new0 (double, n);
  g.count = g_new0 (size_t, 2 * n);
  g.rows = g_new (float, settings->document_tokens * 2 * settings->d_model);
  g.ids = g_new (int32_t, settings->document_tokens);
  cs_random_init (&g.firing, seed, STREAM_FIRING);
  cs_random_init (&g.noise, seed, STREAM_NOISE);
  store = make_store (settings, seed, store_path, error);
  if (store == NULL || !fill_store (&g, job, store, error))
    return NULL;
  complete_truth (&g);
  return g_steal_pointer (&truth);
}
