#include "planted-trial.h"

#include <errno.h>
#include <math.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "file-replace.h"
#include "planted-world.h"
#include "trainer.h"

static bool
exists (const char *path)
{
  return g_file_test (path, G_FILE_TEST_EXISTS);
}

/* --- The world --- */

/* The truth of a world that is there already, which has to be the one asked for. */
static bool
adopt_world (const char *path, const CsPlantedSettings *settings, uint64_t seed, GError **error)
{
  g_autoptr (CsPlantedTruth) truth = cs_planted_truth_load (path, error);
  const char *name;

  if (truth == NULL)
    return false;
  name = cs_planted_settings_difference (&truth->settings, settings, true);
  if (name == NULL && truth->seed != seed)
    name = "seed";
  if (name == NULL)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "%s is the truth of a world with another %s: choose another folder.", path, name);
  return false;
}

/* The store is made under another name and the truth is written last but one, so that a store
 * under its own name always has its truth beside it. */
static bool
plant (CsJob *job,
       const CsPlantedSettings *settings,
       uint64_t seed,
       const char *store,
       const char *truth_path,
       GError **error)
{
  g_autofree char *unfinished = g_strconcat (store, ".unfinished", NULL);
  g_autoptr (CsPlantedTruth) truth = NULL;

  if (exists (store) && !exists (truth_path))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "%s has no truth.json beside it: choose another folder.", store);
      return false;
    }
  if (exists (truth_path) && !adopt_world (truth_path, settings, seed, error))
    return false;
  if (exists (store))
    return true;
  truth = cs_planted_world_make (job, settings, seed, unfinished, error);
  if (truth == NULL || !cs_planted_truth_save (truth, truth_path, error))
    {
      g_unlink (unfinished);
      return false;
    }
  return cs_file_replace_adopt (unfinished, store, error);
}

/* --- Training --- */

static void
fill_config (CsTrainConfig *config, const CsPlantedSettings *s, CsVariant variant, uint64_t seed)
{
  cs_train_config_init (config, variant, s->d_model);
  config->n_latents = s->latents;
  config->mu = s->mu;
  config->steps = s->steps;
  config->batch = s->batch;
  config->lr = s->lr;
  config->held_out = s->held_out;
  config->seed = seed;
  config->validate_every = 0;
}

/* The k of BatchTopK at which it has L1's L0; 1 where that is not known. */
static size_t
equal_k (double l0, const CsPlantedSettings *settings)
{
  return isfinite (l0) ? (size_t)CLAMP (round (l0), 1, (double)settings->latents) : 1;
}

/* --- Scoring --- */

/* FVE over both models on the documents that the run held out (a twentieth where it does not say).
 */
static bool
measure_fve (const char *run,
             const CsCrosscoder *crosscoder,
             const char *store,
             CsTeam *team,
             CsPlantedResult *out,
             GError **error)
{
  CsTrainConfig config;
  CsValidation validation;

  if (!cs_train_config_load (&config, run, NULL))
    cs_train_config_init (&config, crosscoder->variant, crosscoder->d_model);
  if (!cs_validate (crosscoder, store, &config, team, &validation, error))
    return false;
  out->value[CS_PLANTED_FVE] = validation.n_tokens > 0 ? validation.fve : NAN;
  out->value[CS_PLANTED_L0] = validation.n_tokens > 0 ? validation.l0 : NAN;
  return true;
}

static bool
analyze (CsJob *job,
         const char *run,
         const char *store,
         size_t n_latents,
         unsigned n_threads,
         GError **error)
{
  CsAnalyzeOptions options = CS_ANALYZE_DEFAULT;

  options.n_test = n_latents;
  options.n_threads = n_threads;
  return cs_analyze (job, run, store, &options, error);
}

bool
cs_planted_score_run (CsJob *job,
                      const char *run,
                      const char *planted,
                      unsigned n_threads,
                      CsPlantedResult *out,
                      GError **error)
{
  g_autofree char *store = g_build_filename (planted, "activations.h5", NULL);
  g_autofree char *truth_path = g_build_filename (planted, "truth.json", NULL);
  g_autoptr (CsPlantedTruth) truth = cs_planted_truth_load (truth_path, error);
  g_autoptr (CsCrosscoder) crosscoder = truth != NULL ? cs_crosscoder_load (run, error) : NULL;
  g_autoptr (CsTeam) team = NULL;
  g_autoptr (CsLatents) latents = NULL;

  if (crosscoder == NULL || !analyze (job, run, store, crosscoder->n_latents, n_threads, error))
    return false;
  latents = cs_latents_load (run, error);
  if (latents == NULL || !cs_planted_score (truth, crosscoder, latents, out->value, error))
    return false;
  out->variant = crosscoder->variant;
  out->seed = truth->seed;
  team = cs_team_new (n_threads);
  return measure_fve (run, crosscoder, store, team, out, error);
}

static bool
train_and_score (CsJob *job,
                 const char *planted,
                 const CsTrainConfig *config,
                 CsPlantedResult *out,
                 GError **error)
{
  g_autofree char *store = g_build_filename (planted, "activations.h5", NULL);
  g_autofree char *run = g_build_filename (planted, cs_variant_name (config->variant), NULL);

  return cs_train (job, store, run, config, NULL, NULL, error) &&
         cs_planted_score_run (job, run, planted, config->n_threads, out, error);
}

bool
cs_planted_trial (CsJob *job,
                  const char *folder,
                  const CsPlantedSettings *settings,
                  uint64_t seed,
                  unsigned n_threads,
                  CsPlantedResult out[2],
                  GError **error)
{
  g_autofree char *name = g_strdup_printf ("seed-%" G_GUINT64_FORMAT, seed);
  g_autofree char *planted = g_build_filename (folder, name, NULL);
  g_autofree char *store = g_build_filename (planted, "activations.h5", NULL);
  g_autofree char *truth = g_build_filename (planted, "truth.json", NULL);
  CsTrainConfig config;

  if (!cs_planted_settings_check (settings, error))
    return false;
  if (g_mkdir_with_parents (planted, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder %s cannot be made: %s.", planted,
                   g_strerror (errno));
      return false;
    }
  if (job != NULL)
    cs_job_phase (job, "Planting");
  if (!plant (job, settings, seed, store, truth, error))
    return false;
  fill_config (&config, settings, CS_VARIANT_L1, seed);
  config.n_threads = n_threads;
  if (!train_and_score (job, planted, &config, &out[0], error))
    return false;
  fill_config (&config, settings, CS_VARIANT_BATCHTOPK, seed);
  config.n_threads = n_threads;
  config.k = settings->k > 0 ? settings->k : equal_k (out[0].value[CS_PLANTED_L0], settings);
  return train_and_score (job, planted, &config, &out[1], error);
}
