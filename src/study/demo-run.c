/* The whole story on one thread: what `crosscope-cli demo` does. */
#include <math.h>

#include "analyze-options.h"
#include "claims.h"
#include "demo-private.h"
#include "harvest.h"
#include "json.h"
#include "organism.h"
#include "trials.h"

typedef struct {
  CsJob *job;
  unsigned n_threads;
  CsStudy *study;
  CsPair *pair;
  char *store;
  CsWorld *world;
} Story;

static void
story_clear (Story *s)
{
  g_clear_object (&s->study);
  g_clear_pointer (&s->store, g_free);
  g_clear_pointer (&s->world, cs_world_free);
}

static bool
open_study (Story *s, const char *folder, GError **error)
{
  g_autofree char *file = g_build_filename (folder, "study.json", NULL), *demo = cs_demo_folder (error);
  uint64_t seed;
  CsChatMix mix;

  if (demo == NULL || !cs_organism_identity (demo, &seed, &mix, error))
    return false;
  s->world = cs_world_new (seed);
  s->study = g_file_test (file, G_FILE_TEST_EXISTS) ? cs_study_open (folder, error) : cs_demo_create_study (folder, error);
  if (s->study == NULL || (s->pair = cs_study_pair (s->study, error)) == NULL)
    return false;
  s->store = cs_study_store_path (s->study);
  return cs_demo_prepare (s->job, cs_study_folder (s->study), error);
}

static bool
harvest (Story *s, GError **error)
{
  CsHarvestOptions options = {
    .base_folder = cs_study_model_folder (s->study, 0), .chat_folder = cs_study_model_folder (s->study, 1),
    .layer = cs_study_layer (s->study), .corpora = cs_study_corpora (s->study), .dtype = CS_DTYPE_F16, .out = s->store,
    .n_threads = s->n_threads,
  };

  cs_job_phase (s->job, "Harvesting both models");
  return cs_harvest (s->job, &options, error);
}

/* Trains and analyses one run; *summary is the object of the claims table. */
static CsLatents *
train_and_analyze (Story *s, CsVariant variant, json_t **summary, GError **error)
{
  g_autofree char *folder = g_build_filename (cs_study_folder (s->study), "runs", cs_demo_run_name (variant), NULL);
  g_autofree char *phase = g_strdup_printf ("Training %s", variant == CS_VARIANT_L1 ? "L1" : "BatchTopK");
  CsAnalyzeOptions analyze = cs_analyze_options_for_pair (s->pair);
  g_autoptr (CsLatents) latents = NULL;
  CsTrainConfig config;
  CsLatentSummary counts;

  cs_demo_train_config (&config, variant, cs_model_config (s->pair->model[0])->d_model);
  config.n_threads = s->n_threads;
  analyze.n_threads = s->n_threads;
  cs_job_phase (s->job, phase);
  if (!cs_train (s->job, s->store, folder, &config, NULL, NULL, error) ||
      !cs_analyze (s->job, folder, s->store, &analyze, error) || (latents = cs_latents_load (folder, error)) == NULL)
    return NULL;
  cs_latents_summarise (latents, &counts);
  *summary = cs_claims_summary_json (&counts);
  return g_steal_pointer (&latents);
}

static json_t *
score_models (Story *s, GError **error)
{
  g_autoptr (CsTeam) team = cs_team_new (s->n_threads);
  g_autofree char *demo = cs_demo_folder (error);
  CsOrganismScore score;

  cs_job_phase (s->job, "Measuring the models");
  return demo != NULL && cs_organism_score (s->job, team, demo, 0, NULL, NULL, &score, error)
           ? cs_organism_score_to_json (&score) : NULL;
}

static bool
add_latent_claims (Story *s, const CsLatents *latents, json_t *result, GError **error)
{
  g_autofree char *folder =
    g_build_filename (cs_study_folder (s->study), "runs", cs_demo_run_name (CS_VARIANT_BATCHTOPK), NULL);
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (folder, error);
  CsDemoContext context = { s->job, s->n_threads, s->pair, cs_study_layer (s->study), s->world, s->study };
  json_t *concepts, *steering;

  if (crosscoder == NULL)
    return false;
  cs_job_phase (s->job, "Matching latents to concepts");
  concepts = cs_demo_concepts (&context, crosscoder, latents, error);
  if (concepts == NULL)
    return false;
  json_object_set_new (result, "concepts", concepts);
  cs_job_phase (s->job, "Steering");
  steering = cs_demo_steering (&context, crosscoder, latents, error);
  if (steering == NULL)
    return false;
  json_object_set_new (result, "steering", steering);
  return true;
}

static bool
add_null (Story *s, CsVariant variant, const char *key, json_t *result, GError **error)
{
  json_t *summary;

  if (!cs_demo_null_control (s->job, s->study, variant, s->n_threads, &summary, error))
    return false;
  json_object_set_new (result, key, summary);
  return true;
}

static bool
tell (Story *s, const char *folder, json_t *result, GError **error)
{
  g_autoptr (CsLatents) batchtopk = NULL, l1 = NULL;
  json_t *models, *summary;

  if (!open_study (s, folder, error) || !harvest (s, error) || (models = score_models (s, error)) == NULL)
    return false;
  json_object_set_new (result, "models", models);
  if ((batchtopk = train_and_analyze (s, CS_VARIANT_BATCHTOPK, &summary, error)) == NULL)
    return false;
  json_object_set_new (result, "batchtopk", summary);
  if ((l1 = train_and_analyze (s, CS_VARIANT_L1, &summary, error)) == NULL)
    return false;
  json_object_set_new (result, "l1", summary);
  return add_latent_claims (s, batchtopk, result, error) && add_null (s, CS_VARIANT_BATCHTOPK, "null", result, error) &&
         add_null (s, CS_VARIANT_L1, "null_l1", result, error) &&
         cs_demo_causality (s->job, s->study, 0, s->n_threads, error);
}

bool
cs_demo_run (CsJob *job, const char *study_folder, unsigned n_threads, json_t **result, GError **error)
{
  Story story = { .job = job, .n_threads = n_threads };
  g_autoptr (json_t) object = json_object ();
  g_autofree char *path = g_build_filename (study_folder, "claims.json", NULL);
  const gint64 start = g_get_monotonic_time ();
  bool ok = tell (&story, study_folder, object, error);

  story_clear (&story);
  if (!ok)
    return false;
  json_object_set_new (object, "seconds", json_real ((double) (g_get_monotonic_time () - start) / 1e6));
  if (!cs_json_save (object, path, error))
    return false;
  *result = json_incref (object);
  return true;
}
