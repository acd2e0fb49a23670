/* Going over a store with a trained crosscoder: densities, maxima, Latent Scaling, template share, examples. */
#include <math.h>
#include <string.h>

#include "errors.h"
#include "example-collector.h"
#include "examples.h"
#include "latents-private.h"
#include "random.h"
#include "scaling.h"
#include "store.h"
#include "trainer.h"
#include "vector.h"

#define BATCH_TOKENS 4096
#define DEAD_BELOW 10     /* active tokens */

typedef struct {
  CsJob *job;
  const CsAnalyzeOptions *options;
  CsCrosscoder *crosscoder;
  CsStore *store;
  CsTeam *team;
  size_t n_tokens;           /* to go over */
  float *scales;             /* [F] */
  CsScaling *scaling;
  /* One batch of whole documents: */
  size_t first, n, capacity;
  float *x, *reconstruction; /* [capacity, 2, d] */
  int32_t *ids, *position;
  uint8_t *is_template;      /* 0 ordinary, 1 template, 2 BOS */
  size_t template_left;      /* template tokens still to come at the end of the batch */
  bool has_template;         /* some token was one */
  CsCodes codes;
  /* Per latent: */
  float *max_act;
  uint64_t *n_template, *n_text;   /* active tokens without BOS */
} Pass;

static void
pass_clear (Pass *p)
{
  g_clear_pointer (&p->crosscoder, cs_crosscoder_free);
  g_clear_pointer (&p->store, cs_store_free);
  g_clear_pointer (&p->team, cs_team_free);
  g_clear_pointer (&p->scaling, cs_scaling_free);
  cs_codes_clear (&p->codes);
  g_free (p->scales);
  g_free (p->x);
  g_free (p->reconstruction);
  g_free (p->ids);
  g_free (p->position);
  g_free (p->is_template);
  g_free (p->max_act);
  g_free (p->n_template);
  g_free (p->n_text);
}

static bool
check_store (const Pass *p, const char *run_folder, GError **error)
{
  if (cs_store_info (p->store)->d_model == p->crosscoder->d_model)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "The run %s has d_model %zu but the store %s has %zu: analyse it on the store that it was trained on.",
               run_folder, p->crosscoder->d_model, cs_store_path (p->store), cs_store_info (p->store)->d_model);
  return false;
}

static bool
pass_init (Pass *p, const char *run_folder, const char *store_path, GError **error)
{
  if ((p->crosscoder = cs_crosscoder_load (run_folder, error)) == NULL ||
      (p->store = cs_store_open (store_path, false, error)) == NULL || !check_store (p, run_folder, error))
    return false;
  const size_t n_latents = p->crosscoder->n_latents;
  p->n_tokens = cs_store_n_tokens (p->store);
  if (p->options->max_tokens > 0)
    p->n_tokens = MIN (p->n_tokens, p->options->max_tokens);
  p->team = cs_team_new (p->options->n_threads);
  p->scales = g_new (float, n_latents);
  cs_crosscoder_scales (p->crosscoder, p->team, p->scales);
  p->scaling = cs_scaling_new (p->crosscoder);
  p->capacity = BATCH_TOKENS;
  p->x = g_new (float, p->capacity * 2 * p->crosscoder->d_model);
  p->reconstruction = g_new (float, p->capacity * 2 * p->crosscoder->d_model);
  p->ids = g_new (int32_t, p->capacity);
  p->position = g_new (int32_t, p->capacity);
  p->is_template = g_new (uint8_t, p->capacity);
  p->max_act = g_new0 (float, n_latents);
  p->n_template = g_new0 (uint64_t, n_latents);
  p->n_text = g_new0 (uint64_t, n_latents);
  return true;
}

/* As many whole documents from `first` on as fit (a longer one is cut into batches). */
static size_t
batch_end (const Pass *p, size_t first)
{
  const int64_t *documents = cs_store_documents (p->store);
  size_t lo = 0, hi = cs_store_n_documents (p->store), limit = MIN (first + p->capacity, p->n_tokens);

  while (lo < hi) /* the last document boundary ≤ limit */
    {
      size_t mid = (lo + hi + 1) / 2;
      if ((size_t) documents[mid] <= limit)
        lo = mid;
      else
        hi = mid - 1;
    }
  return (size_t) documents[lo] > first ? (size_t) documents[lo] : limit;
}

/* Template tokens: the markers, the role and its newline after <start_of_turn>, the newline after <end_of_turn>. */
static void
mark_template (Pass *p)
{
  const CsAnalyzeOptions *o = p->options;
  size_t left = p->template_left;

  for (size_t t = 0; t < p->n; t++)
    {
      if (p->position[t] == 0)
        left = 0;
      p->is_template[t] = left > 0;
      left -= left > 0;
      if (o->bos >= 0 && p->ids[t] == o->bos)
        p->is_template[t] = 2;
      else if (o->start_of_turn >= 0 && p->ids[t] == o->start_of_turn)
        p->is_template[t] = 1, left = 2;
      else if (o->end_of_turn >= 0 && p->ids[t] == o->end_of_turn)
        p->is_template[t] = 1, left = 1;
      p->has_template = p->has_template || p->is_template[t] == 1;
    }
  p->template_left = left;
}

static bool
next_batch (Pass *p, GError **error)
{
  p->first += p->n;
  p->n = 0;
  if (p->first >= p->n_tokens)
    return true;
  if (!cs_job_checkpoint (p->job, error))
    return false;
  p->n = batch_end (p, p->first) - p->first;
  return cs_store_read (p->store, p->first, p->n, p->x, error) &&
         cs_store_read_tokens (p->store, p->first, p->n, p->ids, p->position, NULL, error) &&
         cs_crosscoder_encode (p->crosscoder, p->team, p->x, p->n, &p->codes, error);
}

/* To the crosscoder's own space, where it normalises. */
static void
normalise (const CsCrosscoder *cc, float *rows, size_t n)
{
  const size_t d = cc->d_model;

  if (!cc->normalised)
    return;
  for (size_t r = 0; r < 2 * n; r++)
    for (size_t i = 0; i < d; i++)
      rows[r * d + i] = (rows[r * d + i] - cc->mean[(r % 2) * d + i]) * cc->gain[r % 2];
}

static void
count_batch (Pass *p)
{
  for (size_t t = 0; t < p->n; t++)
    for (size_t e = p->codes.start[t]; e < p->codes.start[t + 1]; e++)
      {
        const uint32_t j = p->codes.latent[e];

        p->max_act[j] = MAX (p->max_act[j], p->codes.value[e] * p->scales[j]);
        p->n_text[j] += p->is_template[t] != 2;
        p->n_template[j] += p->is_template[t] == 1;
      }
}

static bool
sums_pass (Pass *p, GError **error)
{
  for (p->first = p->n = 0; next_batch (p, error); cs_job_progress (p->job, p->first + p->n, 2.0 * p->n_tokens, "tokens"))
    {
      if (p->n == 0)
        return true;
      cs_crosscoder_decode (p->crosscoder, p->team, &p->codes, p->reconstruction);
      mark_template (p);
      count_batch (p);
      normalise (p->crosscoder, p->x, p->n);
      normalise (p->crosscoder, p->reconstruction, p->n);
      cs_scaling_add (p->scaling, p->team, p->x, &p->codes, p->reconstruction);
    }
  return false;
}

static bool
examples_pass (Pass *p, CsExampleCollector *collector, GError **error)
{
  for (p->first = p->n = 0; next_batch (p, error);
       cs_job_progress (p->job, p->n_tokens + p->first + p->n, 2.0 * p->n_tokens, "tokens"))
    {
      if (p->n == 0)
        return true;
      cs_example_collector_add (collector, p->first, p->position, &p->codes);
    }
  return false;
}

static float
cosine (const float *row, size_t d)
{
  double base = cs_norm2 (row, d), chat = cs_norm2 (row + d, d);

  return base > 0 && chat > 0 ? (float) (cs_dot_double (row, row + d, d) / (base * chat)) : NAN;
}

static void
fill_scaling (CsLatentRow *row, const CsScaling *scaling, size_t j)
{
  CsScalingResult r;

  cs_scaling_result (scaling, j, &r);
  row->count_active = r.count_active;
  for (int m = 0; m < 2; m++)
    {
      row->beta_activation[m] = (float) r.beta_activation[m];
      row->beta_reconstruction[m] = (float) r.beta_reconstruction[m];
      row->beta_error[m] = (float) r.beta_error[m];
    }
  row->nu_activation = (float) r.nu_activation;
  row->nu_reconstruction = (float) r.nu_reconstruction;
  row->nu_error = (float) r.nu_error;
}

static void
fill_rows (const Pass *p, CsLatents *latents)
{
  const CsCrosscoder *cc = p->crosscoder;
  g_autofree double *norms = g_new (double, 2 * cc->n_latents);

  cs_crosscoder_norms (cc, p->team, norms);
  for (size_t j = 0; j < cc->n_latents; j++)
    {
      CsLatentRow *row = &latents->rows[j];
      const double delta_norm = cs_norm_ratio (norms[2 * j], norms[2 * j + 1]);

      row->latent = (uint32_t) j;
      row->dec_base_norm = (float) norms[2 * j];
      row->dec_chat_norm = (float) norms[2 * j + 1];
      row->delta_norm = (float) delta_norm;
      row->dec_cos_sim = cosine (cc->decoder + j * 2 * cc->d_model, cc->d_model);
      row->enc_cos_sim = cosine (cc->encoder + j * 2 * cc->d_model, cc->d_model);
      fill_scaling (row, p->scaling, j);
      row->density = (float) ((double) row->count_active / (double) p->n_tokens);
      row->max_act = p->max_act[j];
      row->template_share = p->has_template && p->n_text[j] > 0
                              ? (float) ((double) p->n_template[j] / (double) p->n_text[j])
                              : NAN;
      row->tag = (uint8_t) cs_latent_classify (delta_norm, row->count_active < DEAD_BELOW);
      row->dead = row->tag == CS_LATENT_DEAD;
    }
}

static int
by_delta (const void *a, const void *b, void *data)
{
  const CsLatentRow *rows = data, *x = &rows[*(const uint32_t *) a], *y = &rows[*(const uint32_t *) b];

  if (x->delta_norm != y->delta_norm)
    return x->delta_norm < y->delta_norm ? -1 : 1;
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

static bool
is_chat_specific (const CsLatentRow *row)
{
  /* A negative β of chat makes the ratio's sign meaningless; NaN fails every comparison. */
  return row->delta_norm >= CS_CHAT_LEANING && row->beta_error[1] > 0 && row->beta_reconstruction[1] > 0 &&
         row->nu_error < CS_NU_ERROR_LIMIT && row->nu_reconstruction < CS_NU_RECONSTRUCTION_LIMIT;
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
    latents->rows[j].chat_specific = latents->rows[j].tested && is_chat_specific (&latents->rows[j]);
}

/* FVE and L0 on the held-out documents; NaN where the run does not say which those are, or there are none. */
static void
fill_validation (const Pass *p, const char *run_folder, const char *store_path, CsLatents *latents)
{
  CsTrainConfig config;
  CsValidation v;
  g_autoptr (GError) error = NULL;

  latents->fve_base = latents->fve_chat = latents->l0 = NAN;
  if (!cs_train_config_load (&config, run_folder, &error) ||
      !cs_validate (p->crosscoder, store_path, &config, p->team, &v, &error))
    {
      g_message ("No validation figures for %s: %s", run_folder, error->message);
      return;
    }
  if (v.n_tokens == 0)
    return;
  latents->fve_base = v.fve_base;
  latents->fve_chat = v.fve_chat;
  latents->l0 = v.l0;
}

static bool
analyze (Pass *p, const char *run_folder, const char *store_path, GError **error)
{
  const size_t per_group = p->options->examples > 0 ? p->options->examples : 10;
  g_autoptr (CsLatents) latents = g_new0 (CsLatents, 1);
  g_autoptr (CsExampleCollector) collector = NULL;

  if (!pass_init (p, run_folder, store_path, error))
    return false;
  cs_job_phase (p->job, "Latent Scaling");
  if (!sums_pass (p, error))
    return false;
  latents->n_latents = p->crosscoder->n_latents;
  latents->n_tokens = p->n_tokens;
  latents->rows = g_new0 (CsLatentRow, latents->n_latents);
  fill_rows (p, latents);
  test_latents (latents, p->options);
  cs_job_phase (p->job, "Collecting examples");
  collector = cs_example_collector_new (latents->n_latents, per_group, p->max_act, p->scales, p->options->seed);
  if (!examples_pass (p, collector, error))
    return false;
  fill_validation (p, run_folder, store_path, latents);
  return cs_latents_save (latents, run_folder, cs_example_collector_finish (collector), per_group, error);
}

bool
cs_analyze (CsJob *job, const char *run_folder, const char *store_path, const CsAnalyzeOptions *options,
            GError **error)
{
  Pass pass = { .job = job, .options = options };
  bool ok = analyze (&pass, run_folder, store_path, error);

  pass_clear (&pass);
  return ok;
}
