/* Going over a store with a trained crosscoder: densities, maxima, Latent Scaling, template share, examples. */
#include <math.h>
#include <string.h>

#include "analyze-private.h"
#include "errors.h"
#include "example-collector.h"
#include "examples.h"
#include "latents-private.h"
#include "trainer.h"

#define BATCH_TOKENS 4096
#define SHARE_ABOVE 1e-3f   /* v of the tokens that count in shares by class (Minder et al. 2025) */

typedef CsAnalyzePass Pass;

static void
pass_clear (Pass *p)
{
  g_clear_pointer (&p->crosscoder, cs_crosscoder_free);
  g_clear_pointer (&p->store, cs_store_free);
  g_clear_pointer (&p->team, cs_team_free);
  g_clear_pointer (&p->scaling, cs_scaling_free);
  g_clear_pointer (&p->twins, cs_twins_free);
  cs_codes_clear (&p->codes);
  g_free (p->scales);
  g_free (p->x);
  g_free (p->reconstruction);
  g_free (p->ids);
  g_free (p->position);
  g_free (p->classes);
  g_free (p->blocks);
  g_free (p->max_act);
  g_free (p->n_class);
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
  if ((p->scaling = cs_scaling_new (p->crosscoder, error)) == NULL)
    return false;
  p->capacity = BATCH_TOKENS;
  p->x = g_new (float, p->capacity * 2 * p->crosscoder->d_model);
  p->reconstruction = g_new (float, p->capacity * 2 * p->crosscoder->d_model);
  p->ids = g_new (int32_t, p->capacity);
  p->position = g_new (int32_t, p->capacity);
  p->classes = g_new (uint8_t, p->capacity);
  p->blocks = g_new (uint8_t, p->capacity);
  p->max_act = g_new0 (float, n_latents);
  p->n_class = g_malloc0_n (n_latents, sizeof *p->n_class);
  p->block_reader.seed = p->options->seed;
  cs_token_reader_init (&p->reader, &p->options->markers);
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

/* What the tokens are and which block they belong to. */
static void
read_tokens (Pass *p)
{
  cs_token_reader_classify (&p->reader, p->ids, p->position, p->n, p->classes);
  cs_block_reader_assign (&p->block_reader, p->position, p->n, p->blocks);
  for (size_t t = 0; t < p->n && !p->has_template; t++)
    p->has_template = cs_token_class_is_template (p->classes[t]);
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
        const float v = cs_codes_activation (&p->codes, e, p->scales);

        p->max_act[j] = MAX (p->max_act[j], v);
        p->n_class[j][p->classes[t]] += v > SHARE_ABOVE;
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
      read_tokens (p);
      count_batch (p);
      normalise (p->crosscoder, p->x, p->n);
      normalise (p->crosscoder, p->reconstruction, p->n);
      cs_scaling_add (p->scaling, p->team, p->x, &p->codes, p->reconstruction, p->blocks);
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
      cs_twins_add (p->twins, &p->codes);
    }
  return false;
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
  cs_analyze_fill_rows (p, latents);
  p->twins = cs_analyze_find_twins (p, latents);
  cs_job_phase (p->job, "Collecting examples");
  collector = cs_example_collector_new (latents->n_latents, per_group, p->max_act, p->scales, p->options->seed);
  if (!examples_pass (p, collector, error))
    return false;
  cs_analyze_fill_twins (p, latents);
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
