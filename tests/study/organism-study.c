#include "organism-study.h"

#include "analyze-options.h"
#include "harvest.h"

void
organism_study_options (CsOrganismOptions *options)
{
  cs_organism_default_options (options);
  options->model = (CsTrainModelConfig){ .vocab_size = 400,
                                         .d_model = 16,
                                         .n_layers = 2,
                                         .n_heads = 2,
                                         .d_ff = 24,
                                         .max_position = 256,
                                         .norm_eps = 1e-5,
                                         .rope_theta = 10000 };
  options->web_tokens = 6000;
  options->chat_tokens = 6000;
  options->base.shard_tokens = options->chat.shard_tokens = 256;
  options->n_threads = 2;
}

static void
harvest (CsStudy *study)
{
  g_autofree char *store = cs_study_store_path (study);
  g_autoptr (GError) error = NULL;
  CsHarvestOptions options = { .base_folder = cs_study_model_folder (study, 0),
                               .chat_folder = cs_study_model_folder (study, 1),
                               .layer = cs_study_layer (study),
                               .corpora = cs_study_corpora (study),
                               .dtype = CS_DTYPE_F16,
                               .out = store,
                               .n_threads = 2 };

  cs_harvest (NULL, &options, &error);
  g_assert_no_error (error);
}

CsStudy *
organism_study_new (const char *folder, const CsOrganismOptions *options)
{
  g_autofree char *pair = g_build_filename (folder, "pair", NULL);
  g_autofree char *base = g_build_filename (pair, "base", NULL);
  g_autofree char *chat = g_build_filename (pair, "chat", NULL);
  g_autofree char *corpora = g_build_filename (folder, "study", "corpora", NULL);
  g_autofree char *web = g_build_filename (corpora, "web.jsonl", NULL);
  g_autofree char *talk = g_build_filename (corpora, "chat.jsonl", NULL);
  g_autofree char *at = g_build_filename (folder, "study", NULL);
  const char *const paths[] = { web, talk, NULL };
  g_autoptr (GError) error = NULL;
  CsStudy *study;

  g_assert_true (cs_organism_make (NULL, 7, pair, options, &error));
  g_assert_no_error (error);
  g_assert_true (cs_organism_write_corpora (NULL, 7, options->mix, 60, 60, corpora, &error));
  study = cs_study_create (at, "Organism", &error);
  g_assert_no_error (error);
  g_assert_true (cs_study_set_model_folder (study, 0, base, NULL) &&
                 cs_study_set_model_folder (study, 1, chat, NULL) &&
                 cs_study_set_corpora (study, paths, NULL) && cs_study_set_layer (study, 1, NULL));
  harvest (study);
  return study;
}

CsTrainConfig
organism_study_config (size_t d_model)
{
  CsTrainConfig config;

  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, d_model);
  config.n_latents = 48;
  config.k = 4;
  config.steps = 120;
  config.batch = 128;
  config.lr = 1e-3;
  config.n_threads = 2;
  return config;
}

CsRun *
organism_study_run (CsStudy *study, const char *name, const CsTrainConfig *config)
{
  g_autofree char *store = cs_study_store_path (study);
  g_autofree char *folder = g_build_filename (cs_study_folder (study), "runs", name, NULL);
  CsAnalyzeOptions analyze = cs_analyze_options_for_pair (cs_study_pair (study, NULL));
  g_autoptr (GError) error = NULL;

  analyze.n_threads = 2;
  g_assert_true (cs_train (NULL, store, folder, config, NULL, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (cs_analyze (NULL, folder, store, &analyze, &error));
  g_assert_no_error (error);
  return cs_run_new (folder);
}
