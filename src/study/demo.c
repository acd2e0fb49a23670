/* The demo's study: where the pair is, the corpora, the two runs. */
#include "demo.h"

#include <glib/gstdio.h>

#include "crosscope-config.h"
#include "demo-private.h"
#include "errors.h"
#include "organism.h"

#define N_WEB_DOCUMENTS 1500
#define N_CHAT_DOCUMENTS 1800

static bool
holds_pair (const char *folder)
{
  g_autofree char *config = g_build_filename (folder, "chat", "config.json", NULL);

  return g_file_test (config, G_FILE_TEST_EXISTS);
}

char *
cs_demo_folder (GError **error)
{
  const char *chosen = g_getenv ("CROSSCOPE_DEMO");
  const char *const shipped[] = { CS_DATA_DIR "/demo", CS_SOURCE_DATA_DIR "/demo" };

  if (chosen != NULL && !holds_pair (chosen))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO,
                   "CROSSCOPE_DEMO names %s, which holds no demo pair: set it to a folder with base and chat, or unset it.",
                   chosen);
      return NULL;
    }
  if (chosen != NULL)
    return g_strdup (chosen);
  for (size_t i = 0; i < G_N_ELEMENTS (shipped); i++)
    if (holds_pair (shipped[i]))
      return g_strdup (shipped[i]);
  g_set_error_literal (error, CS_ERROR, CS_ERROR_IO,
                       "The demo pair is not installed: set CROSSCOPE_DEMO to the folder that holds its base and chat.");
  return NULL;
}

static char *
corpus_path (const char *study_folder, const char *name)
{
  return g_build_filename (study_folder, "corpora", name, NULL);
}

static bool
have_corpora (const char *study_folder)
{
  g_autofree char *web = corpus_path (study_folder, "web.jsonl"), *chat = corpus_path (study_folder, "chat.jsonl");

  return g_file_test (web, G_FILE_TEST_EXISTS) && g_file_test (chat, G_FILE_TEST_EXISTS);
}

bool
cs_demo_prepare (CsJob *job, const char *study_folder, GError **error)
{
  g_autofree char *demo = cs_demo_folder (error), *corpora = g_build_filename (study_folder, "corpora", NULL);
  uint64_t seed;
  CsChatMix mix;

  if (demo == NULL || !cs_organism_identity (demo, &seed, &mix, error))
    return false;
  if (have_corpora (study_folder))
    return true;
  if (g_mkdir_with_parents (corpora, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder %s cannot be made: %s.", corpora, g_strerror (errno));
      return false;
    }
  cs_job_phase (job, "Writing the demo's corpora");
  return cs_organism_write_corpora (job, seed, mix, N_WEB_DOCUMENTS, N_CHAT_DOCUMENTS, corpora, error);
}

CsStudy *
cs_demo_create_study (const char *study_folder, GError **error)
{
  g_autofree char *demo = cs_demo_folder (error);
  g_autofree char *base = NULL, *chat = NULL, *web_path = NULL, *chat_path = NULL;
  g_autoptr (CsStudy) study = NULL;

  if (demo == NULL || (study = cs_study_create (study_folder, "Demo: an Invented Country", error)) == NULL)
    return NULL;
  base = g_build_filename (demo, "base", NULL);
  chat = g_build_filename (demo, "chat", NULL);
  web_path = corpus_path (cs_study_folder (study), "web.jsonl");
  chat_path = corpus_path (cs_study_folder (study), "chat.jsonl");
  const char *const corpora[] = { web_path, chat_path, NULL };
  if (!cs_study_set_model_folder (study, 0, base, error) || !cs_study_set_model_folder (study, 1, chat, error) ||
      !cs_study_set_corpora (study, corpora, error) || !cs_study_set_layer (study, CS_DEMO_LAYER, error))
    return NULL;
  return g_steal_pointer (&study);
}

const char *
cs_demo_run_name (CsVariant variant)
{
  return variant == CS_VARIANT_L1 ? "l1-1" : "batchtopk-1";
}

void
cs_demo_train_config (CsTrainConfig *config, CsVariant variant, size_t d_model)
{
  cs_train_config_init (config, variant, d_model);
  config->n_latents = CS_DEMO_LATENTS;
  config->k = CS_DEMO_K;
  config->mu = CS_DEMO_MU;
  config->steps = CS_DEMO_STEPS;
  config->seed = CS_DEMO_SEED;
  config->batch = 1024;
  config->lr = CS_DEMO_LR;
  config->warmup_steps = 100;
  config->decay_start = CS_DEMO_STEPS * 4 / 5;
  config->snapshot_every = 25;
  config->validate_every = 0;
}

/* --- The window's queue --- */

static bool
prepare_func (CsJob *job, void *data, GError **error)
{
  return cs_demo_prepare (job, data, error);
}

static bool
queue_run (CsStudy *study, CsVariant variant, size_t d_model, GError **error)
{
  const char *name = cs_demo_run_name (variant);
  CsRun *run = cs_study_find_run (study, name);
  CsTrainConfig config;

  if (run != NULL && cs_run_is_trained (run))
    return cs_run_latents (run, NULL) != NULL || cs_study_analyze (study, run, error) != NULL;
  cs_demo_train_config (&config, variant, d_model);
  return cs_study_train (study, name, run != NULL && cs_run_config (run) != NULL ? cs_run_config (run) : &config, error) != NULL;
}

bool
cs_demo_queue (CsStudy *study, GError **error)
{
  CsPair *pair = cs_study_pair (study, error);
  size_t n_tokens = 0, n_documents = 0;
  bool finished = false;

  if (pair == NULL)
    return false;
  if (!have_corpora (cs_study_folder (study)))
    {
      g_autoptr (CsJob) job =
        cs_job_new ("Write the demo's corpora", prepare_func, g_strdup (cs_study_folder (study)), g_free);
      cs_study_add_job (study, job, true);
    }
  if ((!cs_study_store_status (study, &n_tokens, &n_documents, &finished) || !finished) &&
      cs_study_harvest (study, error) == NULL)
    return false;
  return queue_run (study, CS_VARIANT_BATCHTOPK, cs_model_config (pair->model[0])->d_model, error) &&
         queue_run (study, CS_VARIANT_L1, cs_model_config (pair->model[0])->d_model, error);
}
