/* Controls of a run, on a pair made in a moment. */
#include <math.h>
#include <string.h>

#include "../analysis/tiny-pair.h"
#include "controls.h"
#include "errors.h"
#include "organism-study.h"

static char *folder;
static CsStudy *study;
static CsRun *of;

static CsControl *
carry_out (const CsControlOptions *options)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsControlPlan) plan = cs_control_plan_new (study, of, options, &error);
  g_autofree char *at = NULL;
  CsControl *control;

  g_assert_no_error (error);
  at = g_build_filename (cs_study_folder (study), "runs", cs_control_plan_run_name (plan), NULL);
  g_assert_true (cs_control_run (NULL, plan, NULL, &error));
  g_assert_no_error (error);
  control = cs_control_load (at, &error);
  g_assert_no_error (error);
  g_assert_true (control->done);
  g_assert_cmpstr (control->of, ==, "batchtopk-1");
  g_assert_cmpuint (control->counts.latents, ==, 48);
  g_assert_cmpuint (control->of_counts.latents, ==, 48);
  return control;
}

static bool
in_study (const char *name)
{
  g_autofree char *path = g_build_filename (cs_study_folder (study), name, NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static CsLatents *
latents_of (const char *run)
{
  g_autofree char *at = g_build_filename (cs_study_folder (study), "runs", run, NULL);
  g_autoptr (GError) error = NULL;
  CsLatents *latents = cs_latents_load (at, &error);

  g_assert_no_error (error);
  return latents;
}

/* Nothing can be told apart: every latent is shared alike. */
static void
test_null (void)
{
  g_autoptr (CsControl) control = carry_out (&(CsControlOptions){ .kind = CS_CONTROL_NULL });
  g_autoptr (CsLatents) latents = latents_of ("batchtopk-1-null");

  g_assert_cmpstr (control->run, ==, "batchtopk-1-null");
  g_assert_cmpuint (control->counts.chat_only, ==, 0);
  g_assert_cmpuint (control->counts.chat_leaning, ==, 0);
  g_assert_cmpuint (control->counts.chat_specific, ==, 0);
  for (size_t j = 0; j < latents->n_latents; j++)
    if (!latents->rows[j].dead)
      g_assert_cmpfloat_with_epsilon (latents->rows[j].delta_norm, 0.5, 1e-3);
  g_assert_false (in_study (control->store)); /* large, and gone when done */
}

static CsControl *
tune (size_t tokens)
{
  CsControlOptions options = { .kind = CS_CONTROL_TUNED, .value = tokens, .keep_store = true };
  g_autofree char *run =
                      g_build_filename (cs_study_folder (study), "runs", "batchtopk-1-tuned", NULL),
                  *copy = g_build_filename (cs_study_folder (study), "controls", "tuned", NULL);
  CsControl *control;

  remove_tree (run);
  remove_tree (copy);
  control = carry_out (&options);
  g_assert_cmpfloat (control->value, ==, (double)tokens);
  for (int i = 0; i < 2; i++)
    g_assert_true (isfinite (control->tune_loss[i]) && control->moved[i] > 0);
  return control;
}

/* The copy goes as far from the base as the chat model, and says so where it does not get there. */
static void
test_tuned (void)
{
  g_autoptr (CsControl) near = tune (4000), far = tune (400000);
  g_autofree char *near_text = cs_control_tuned_text (near),
                  *far_text = cs_control_tuned_text (far);
  g_autoptr (CsLatents) latents = latents_of ("batchtopk-1-tuned");
  bool differs = false;

  g_assert_cmpfloat (near->tune_tokens, <=, 4000);
  g_assert_cmpfloat (near->moved[0], <, near->moved[1]);
  g_assert_nonnull (strstr (near_text, "ran out of tokens"));
  g_assert_cmpfloat (far->tune_tokens, <, 400000);
  g_assert_cmpfloat (far->moved[1], ==, near->moved[1]);
  g_assert_cmpfloat (far->moved[0], >, 0.98 * far->moved[1]);
  g_assert_cmpfloat (far->moved[0], <,
                     1.25 * far->moved[1]); /* the last step goes a little beyond */
  g_assert_nonnull (strstr (far_text, "there the tuning stopped"));
  g_assert_true (in_study (far->store));
  g_assert_true (in_study ("controls/tuned/model/tokenizer_config.json"));
  for (size_t j = 0; j < latents->n_latents; j++)
    differs = differs || fabsf (latents->rows[j].delta_norm - 0.5f) > 1e-3f;
  g_assert_true (differs);
}

/* What a copy was tuned to is kept: another run of the study takes it as it is. */
static void
test_tuned_once (void)
{
  g_autofree char *record = g_build_filename (cs_study_folder (study), "controls", "tuned",
                                              "tuned.json", NULL),
                  *run =
                      g_build_filename (cs_study_folder (study), "runs", "batchtopk-1-tuned", NULL),
                  *before = NULL, *after = NULL;
  CsControlOptions options = { .kind = CS_CONTROL_TUNED, .value = 400000 };

  g_assert_true (g_file_get_contents (record, &before, NULL, NULL));
  remove_tree (run);
  g_autoptr (CsControl) again = carry_out (&options);
  g_assert_true (g_file_get_contents (record, &after, NULL, NULL));
  g_assert_cmpstr (before, ==, after);
  g_assert_true (isfinite (again->moved[0]) && again->tune_tokens > 0);
}

static void
test_settings (void)
{
  CsControlOptions options;

  cs_control_default (study, of, CS_CONTROL_SEED, &options);
  g_autoptr (CsControl) seed = carry_out (&options);
  g_assert_cmpstr (seed->run, ==, "batchtopk-1-seed-43");
  g_assert_null (seed->store);
  cs_control_default (study, of, CS_CONTROL_K, &options);
  g_autoptr (CsControl) k = carry_out (&options);
  g_assert_cmpstr (k->run, ==, "batchtopk-1-k-8");
  g_assert_cmpfloat (k->counts.l0, >, k->of_counts.l0);
  cs_control_default (study, of, CS_CONTROL_LAYER, &options);
  options.value = 0;
  g_autoptr (CsControl) layer = carry_out (&options);
  g_assert_cmpuint (layer->layer, ==, 0);
  g_assert_cmpstr (layer->run, ==, "batchtopk-1-layer-0");
  g_assert_cmpuint (seed->layer, ==, 1);
}

/* In the study's queue, beside the other runs; done before, it is done at once. */
static void
test_in_queue (void)
{
  CsControlOptions options = { .kind = CS_CONTROL_SEED, .value = 7 };
  g_autoptr (GError) error = NULL;
  CsRun *run;

  for (int i = 0; i < 2; i++)
    {
      g_assert_nonnull (cs_study_control (study, of, &options, &error));
      g_assert_no_error (error);
      run = cs_study_find_run (study, "batchtopk-1-seed-7");
      g_assert_nonnull (cs_run_job (run));
      if (i == 0)
        {
          g_assert_null (cs_study_control (study, of, &options, &error)); /* at work */
          g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
          g_clear_error (&error);
        }
      while (cs_study_has_active_jobs (study) || cs_run_job (run) != NULL)
        if (!g_main_context_iteration (NULL, false))
          g_usleep (1000);
      g_assert_true (cs_run_is_trained (run));
      g_assert_nonnull (cs_run_latents (run, NULL));
    }
}

static void
test_list (void)
{
  g_autoptr (GPtrArray) list = cs_controls_load (cs_study_folder (study));
  g_autofree char *text = cs_controls_text (list);

  g_assert_cmpuint (list->len, ==, 6);
  g_assert_cmpstr (((CsControl *)g_ptr_array_index (list, 0))->run, ==, "batchtopk-1-k-8");
  g_assert_nonnull (strstr (text, "batchtopk-1-null"));
  for (guint i = 0; i < list->len; i++)
    {
      json_t *json = cs_control_to_json (g_ptr_array_index (list, i));
      g_assert_true (json_is_object (json_object_get (json, "of_counts")));
      json_decref (json);
    }
}

static void
assert_refused (CsRun *run, CsControlOptions options)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_control_plan_new (study, run, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
}

static void
test_refused (void)
{
  g_autofree char *at =
      g_build_filename (cs_study_folder (study), "runs", "batchtopk-1-null", NULL);
  g_autofree char *nothing = g_build_filename (cs_study_folder (study), "runs", "none", NULL);
  g_autoptr (CsRun) control = cs_run_new (at), none = cs_run_new (nothing);

  assert_refused (control, (CsControlOptions){ .kind = CS_CONTROL_NULL });
  assert_refused (none, (CsControlOptions){ .kind = CS_CONTROL_NULL });
  assert_refused (of, (CsControlOptions){ .kind = CS_CONTROL_SEED, .value = 42 });
  assert_refused (of, (CsControlOptions){ .kind = CS_CONTROL_K, .value = 4 });
  assert_refused (of, (CsControlOptions){ .kind = CS_CONTROL_LAYER, .value = 1 });
  assert_refused (of, (CsControlOptions){ .kind = CS_CONTROL_LAYER, .value = 2 });
}

static void
test_hostile (void)
{
  static const char *const texts[] = {
    "",
    "{}",
    "{\"format_version\": 1, \"kind\": \"other\", \"run\": \"a\", \"of\": \"b\"}",
    "{\"format_version\": 1, \"kind\": \"null\", \"run\": 3, \"of\": \"b\"}",
    "{\"format_version\": 1, \"kind\": \"null\", \"run\": \"a\", \"of\": \"b\", \"store\": "
    "\"../../x.h5\"}",
    "{\"format_version\": 1, \"kind\": \"null\", \"run\": \"a\", \"of\": \"b\", \"store\": "
    "\"/x.h5\"}",
    "{\"format_version\": 1, \"kind\": \"null\", \"run\": \"a\", \"of\": \"b\", \"layer\": -1}",
    "{\"format_version\": 1, \"kind\": \"null\", \"run\": \"a\", \"of\": \"b\", \"done\": true, "
    "\"counts\": {\"latents\": \"many\"}}",
  };
  g_autofree char *dir = g_dir_make_tmp ("crosscope-control-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (dir, "control.json", NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_true (g_file_set_contents (path, texts[i], -1, NULL));
      g_assert_null (cs_control_load (dir, &error));
      g_assert_nonnull (error);
      g_assert_true (error->domain == CS_ERROR);
    }
  remove_tree (dir);
}

int
main (int argc, char **argv)
{
  CsOrganismOptions options;
  CsTrainConfig config = organism_study_config (16);
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("crosscope-controls-XXXXXX", NULL);
  organism_study_options (&options);
  study = organism_study_new (folder, &options);
  of = organism_study_run (study, "batchtopk-1", &config);
  g_test_add_func ("/controls/null", test_null);
  g_test_add_func ("/controls/tuned", test_tuned);
  g_test_add_func ("/controls/tuned-once", test_tuned_once);
  g_test_add_func ("/controls/settings", test_settings);
  g_test_add_func ("/controls/in-queue", test_in_queue);
  g_test_add_func ("/controls/list", test_list);
  g_test_add_func ("/controls/refused", test_refused);
  g_test_add_func ("/controls/hostile", test_hostile);
  status = g_test_run ();
  g_object_unref (of);
  g_object_unref (study);
  remove_tree (folder);
  g_free (folder);
  return status;
}
