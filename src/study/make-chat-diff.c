/* The diff of a chat model of one's own: harvest, BatchTopK with the demo's settings, analysis, and
 * which latents show which behaviour. */
#include "analyze-options.h"
#include "demo.h"
#include "harvest.h"
#include "make-chat-private.h"

static bool
harvest (CsJob *job, CsStudy *study, unsigned n_threads, GError **error)
{
  g_autofree char *store = cs_study_store_path (study);
  CsHarvestOptions options = { .base_folder = cs_study_model_folder (study, 0),
                               .chat_folder = cs_study_model_folder (study, 1),
                               .layer = cs_study_layer (study),
                               .corpora = cs_study_corpora (study),
                               .dtype = CS_DTYPE_F16,
                               .out = store,
                               .n_threads = n_threads };

  cs_job_phase (job, "Harvesting both models");
  return cs_harvest (job, &options, error);
}

static bool
train (CsJob *job, CsStudy *study, const char *run, const CsTrainConfig *config, GError **error)
{
  g_autofree char *store = cs_study_store_path (study);
  CsPair *pair = cs_study_pair (study, error);
  CsAnalyzeOptions analyze;

  if (pair == NULL)
    return false;
  analyze = cs_analyze_options_for_pair (pair);
  analyze.n_threads = config->n_threads;
  cs_job_phase (job, "Training BatchTopK");
  return cs_train (job, store, run, config, NULL, NULL, error) &&
         cs_analyze (job, run, store, &analyze, error);
}

GArray *
cs_make_chat_diff_with (CsJob *job, const char *out, const CsTrainConfig *config, GError **error)
{
  g_autoptr (CsStudy) study = cs_make_chat_study (out, error);
  g_autofree char *run = NULL;

  if (study == NULL)
    return NULL;
  run = g_build_filename (cs_study_folder (study), "runs", cs_demo_run_name (CS_VARIANT_BATCHTOPK),
                          NULL);
  if (!harvest (job, study, config->n_threads, error) || !train (job, study, run, config, error))
    return NULL;
  return cs_behaviour_match (job, out, run, cs_study_layer (study), 0, config->n_threads, error);
}

GArray *
cs_make_chat_diff (CsJob *job, const char *out, unsigned n_threads, GError **error)
{
  g_autofree char *base = g_build_filename (out, "base", NULL);
  g_autoptr (CsModel) model = cs_model_open (base, error);
  CsTrainConfig config;

  if (model == NULL)
    return NULL;
  cs_demo_train_config (&config, CS_VARIANT_BATCHTOPK, cs_model_config (model)->d_model);
  config.n_threads = n_threads;
  return cs_make_chat_diff_with (job, out, &config, error);
}
