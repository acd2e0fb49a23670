/* Trials of a study's pair: which conversations they read, what they leave behind. */
#include "trials.h"

#include <string.h>

#include <glib/gstdio.h>

#include "../analysis/tiny-pair.h"
#include "baselines.h"
#include "causality.h"
#include "controls.h"
#include "errors.h"
#include "organism-study.h"

/* For a structure that is only read. */
#define TEXT(string) ((char *)(uintptr_t)(string))

enum
{
  N_SEEN = 60,
  N = 12,
};

static void
wait_for (CsStudy *study, CsJob *job, GError *error)
{
  g_assert_no_error (error);
  g_assert_nonnull (job);
  cs_study_add_job (study, job, true);
  while (cs_job_is_active (job))
    g_main_context_iteration (NULL, true);
  cs_job_wait (job, &error);
  g_assert_no_error (error);
  g_object_unref (job);
}

static char **
read_lines (CsStudy *study, const char *name)
{
  g_autofree char *path = g_build_filename (cs_study_folder (study), "corpora", name, NULL);
  g_autofree char *text = NULL;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  return g_strsplit (g_strchomp (text), "\n", -1);
}

/* The conversations that follow those of the study, and nothing else beside them. */
static void
check_held_out (CsStudy *study)
{
  g_auto (GStrv) seen = read_lines (study, "chat.jsonl"),
                 held_out = read_lines (study, "held-out.jsonl");
  g_autofree char *folder = g_build_filename (cs_study_folder (study), "corpora", "held-out", NULL);

  g_assert_cmpuint (g_strv_length (seen), ==, N_SEEN);
  g_assert_cmpuint (g_strv_length (held_out), ==, N);
  g_assert_cmpstr (held_out[0], !=, seen[0]);
  g_assert_false (g_file_test (folder, G_FILE_TEST_EXISTS));
}

static void
check_causality (CsStudy *study, CsRun *run)
{
  const CsTrialOptions options = { .n_documents = N, .n_threads = 1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCausality) causality = NULL;

  wait_for (study, cs_causality_job_new (study, run, &options, &error), error);
  check_held_out (study);
  causality = cs_causality_load (cs_run_folder (run), &error);
  g_assert_no_error (error);
  g_assert_cmpuint (causality->n_documents, ==, N);
  g_assert_cmpstr (causality->corpora[0], ==, "held-out");
  g_assert_null (causality->corpora[1]);
  g_assert_cmpuint (causality->layer, ==, 1);
}

static void
check_baselines (CsStudy *study)
{
  g_autofree char *chosen =
      g_build_filename (cs_study_folder (study), "corpora", "web.jsonl", NULL);
  const char *const corpora[] = { chosen, NULL };
  CsTrialOptions options = { .n_documents = N, .n_threads = 1 };

  for (int i = 0; i < 2; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (CsBaselines) baselines = NULL;

      options.corpora = i == 0 ? NULL : corpora;
      wait_for (study, cs_baselines_job_new (study, &options, &error), error);
      baselines = cs_baselines_load (cs_study_folder (study), &error);
      g_assert_no_error (error);
      g_assert_cmpstr (baselines->corpora[0], ==, "web");
      g_assert_cmpstr (baselines->corpora[1], ==, i == 0 ? "held-out" : NULL);
    }
}

/* A control of the base against itself has no chat model that latents could move. */
static void
check_refusals (CsStudy *study, CsRun *run)
{
  const CsTrialOptions options = { 0 };
  CsControl control = { .kind = CS_CONTROL_NULL,
                        .run = TEXT ("batchtopk-1"),
                        .of = TEXT ("other") };
  g_autofree char *path = g_build_filename (cs_run_folder (run), "control.json", NULL);
  g_autofree char *latents = g_build_filename (cs_run_folder (run), "latents.h5", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_control_save (&control, cs_run_folder (run), NULL));
  g_assert_null (cs_causality_job_new (study, run, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_unlink (path);
  g_unlink (latents);
  g_assert_null (cs_causality_job_new (study, run, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
}

static bool
demo_func (CsJob *job, void *study, GError **error)
{
  return cs_demo_causality (job, study, N, 1, error);
}

/* Both runs of the demo's names and the baselines, in one call. */
static void
check_demo (CsStudy *study)
{
  static const char *const names[] = { "runs/batchtopk-1/causality.json",
                                       "runs/l1-1/causality.json", "baselines.json" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (cs_study_folder (study), names[i], NULL);
      g_unlink (path);
    }
  wait_for (study, cs_job_new ("Demo", demo_func, study, NULL), NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (cs_study_folder (study), names[i], NULL);
      g_assert_true (g_file_test (path, G_FILE_TEST_EXISTS));
    }
}

static void
test_trials (void)
{
  g_autofree char *folder = g_dir_make_tmp ("crosscope-trials-XXXXXX", NULL);
  CsOrganismOptions options;
  CsTrainConfig config = organism_study_config (16);
  CsStudy *study;
  g_autoptr (CsRun) run = NULL;
  g_autoptr (CsRun) l1 = NULL;

  /* A run whose latents all live: nothing is pressed towards 0. */
  config.variant = CS_VARIANT_L1;
  config.mu = 1e-6;
  organism_study_options (&options);
  study = organism_study_new (folder, &options);
  g_assert_true (cs_trial_has_held_out (study));
  run = organism_study_run (study, "batchtopk-1", &config);
  l1 = organism_study_run (study, "l1-1", &config);
  check_causality (study, run);
  check_baselines (study);
  check_demo (study);
  check_refusals (study, run);
  g_object_unref (study);
  remove_tree (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/study/trials", test_trials);
  return g_test_run ();
}
