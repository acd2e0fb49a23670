/* study.json, labels.json and the list of runs, good and hostile; the claims table. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../analysis/tiny-pair.h"
#include "claims.h"
#include "crosscope-config.h"
#include "errors.h"
#include "harvest.h"
#include "json.h"
#include "test-study.h"

CsStudy *
test_study_new (char **folder)
{
  g_autoptr (GError) error = NULL;
  CsStudy *study;

  *folder = g_dir_make_tmp ("crosscope-study-XXXXXX", &error);
  g_assert_no_error (error);
  study = cs_study_create (*folder, "A study", &error);
  g_assert_no_error (error);
  return study;
}

void
test_study_free (CsStudy *study, char *folder)
{
  g_object_add_weak_pointer (G_OBJECT (study), (gpointer *) &study);
  g_object_unref (study);
  g_assert_null (study); /* nothing else held it */
  remove_tree (folder);
  g_free (folder);
}

void
test_write (const char *folder, const char *name, const char *content)
{
  g_autofree char *path = g_build_filename (folder, name, NULL), *parent = g_path_get_dirname (path);

  g_assert_cmpint (g_mkdir_with_parents (parent, 0777), ==, 0);
  g_assert_true (g_file_set_contents (path, content, -1, NULL));
}

static void
count (CsStudy *study, unsigned *n)
{
  g_assert_true (CS_IS_STUDY (study));
  ++*n;
}

static void
test_round_trip (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autofree char *inside = g_build_filename (folder, "models/base", NULL);
  g_autofree char *corpus = g_build_filename (folder, "web.txt", NULL);
  const char *corpora[] = { corpus, "relative.txt", NULL };
  g_autofree char *whole = g_canonicalize_filename ("relative.txt", NULL);
  unsigned n_changed = 0;

  g_signal_connect (study, "changed", G_CALLBACK (count), &n_changed);
  g_assert_cmpuint (cs_study_layer (study), ==, CS_LAYER_MIDDLE);
  g_assert_null (cs_study_model_folder (study, 0));
  g_assert_true (cs_study_set_title (study, "Øther", NULL));
  g_assert_true (cs_study_set_model_folder (study, 0, inside, NULL));
  g_assert_true (cs_study_set_model_folder (study, 1, "/far/chat", NULL));
  g_assert_true (cs_study_set_layer (study, 3, NULL));
  g_assert_true (cs_study_set_corpora (study, corpora, NULL));
  g_assert_true (cs_study_set_max_tokens (study, 1234, NULL));
  g_assert_cmpuint (n_changed, ==, 6);
  g_object_unref (study);

  study = cs_study_open (folder, NULL);
  g_assert_cmpstr (cs_study_title (study), ==, "Øther");
  g_assert_cmpstr (cs_study_model_folder (study, 0), ==, inside);
  g_assert_cmpstr (cs_study_model_folder (study, 1), ==, "/far/chat");
  g_assert_cmpuint (cs_study_layer (study), ==, 3);
  g_assert_cmpstr (cs_study_corpora (study)[0], ==, corpus);
  g_assert_cmpstr (cs_study_corpora (study)[1], ==, whole);
  g_assert_null (cs_study_corpora (study)[2]);
  g_assert_cmpuint (cs_study_max_tokens (study), ==, 1234);
  test_study_free (study, folder);
}

/* What lies inside the study is found again after the whole folder has moved. */
static void
test_moved (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autofree char *inside = g_build_filename (folder, "models/base", NULL);
  g_autofree char *moved = g_strconcat (folder, "-moved", NULL);
  g_autofree char *expected = g_build_filename (moved, "models/base", NULL);

  g_assert_true (cs_study_set_model_folder (study, 0, inside, NULL));
  g_object_unref (study);
  g_assert_cmpint (g_rename (folder, moved), ==, 0);
  study = cs_study_open (moved, NULL);
  g_assert_cmpstr (cs_study_model_folder (study, 0), ==, expected);
  g_free (folder);
  test_study_free (study, g_steal_pointer (&moved));
}

static void
test_create_errors (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_study_create (folder, "Again", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_null (cs_study_create ("/proc/none", "No place", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  /* A path that JSON cannot hold is refused, not forgotten. */
  g_assert_false (cs_study_set_model_folder (study, 0, "/caf\xe9", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED);
  g_assert_true (g_utf8_validate (error->message, -1, NULL));
  test_study_free (study, folder);
}

static void
test_newer_version (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autoptr (GError) error = NULL;

  test_write (folder, "study.json", "{\"format_version\": 7, \"title\": \"From tomorrow\"}");
  g_assert_null (cs_study_open (folder, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "format 7"));
  g_assert_nonnull (strstr (error->message, "format 1"));
  g_assert_nonnull (strstr (error->message, CS_VERSION));
  test_study_free (study, folder);
}

static void
test_corrupted (void)
{
  static const char *const contents[] = {
    "", "{", "[]", "3", "null", "{}", "{\"format_version\": \"1\"}", "{\"format_version\": -1}", "{\"format_version\": 0}",
    "{\"format_version\": 99999999999}", "{\"format_version\": 1, \"title\": 3}", "{\"format_version\": 1, \"layer\": -2}",
    "{\"format_version\": 1, \"layer\": 1e9}", "{\"format_version\": 1, \"base\": []}",
    "{\"format_version\": 1, \"corpora\": \"web.txt\"}", "{\"format_version\": 1, \"corpora\": [\"web.txt\", 3]}",
    "{\"format_version\": 1, \"max_tokens\": -4}", "{\"format_version\": 1, \"title\": \"\xff\"}",
    "{\"format_version\": 1, \"title\": \"\\u0000\"}",
  };
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autofree char *path = g_build_filename (folder, "study.json", NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (contents); i++)
    {
      g_autoptr (GError) error = NULL;

      test_write (folder, "study.json", contents[i]);
      g_assert_null (cs_study_open (folder, &error));
      g_assert_true (error != NULL && error->domain == CS_ERROR);
      g_assert_nonnull (strstr (error->message, path));
      g_assert_null (strchr (error->message, '\n'));
    }
  g_unlink (path);
  g_autoptr (GError) error = NULL;
  g_assert_null (cs_study_open (folder, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  test_study_free (study, folder);
}

/* --- Labels --- */

static void
test_labels (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autofree char *path = g_build_filename (folder, "labels.json", NULL), *content = NULL;
  unsigned n_changed = 0;
  const CsLabel *label;

  g_signal_connect (study, "labels-changed", G_CALLBACK (count), &n_changed);
  g_assert_null (cs_study_label (study, "l1-1", 5));
  g_assert_true (cs_study_set_label (study, "l1-1", 5, "refusal ✗", NULL, false, NULL));
  g_assert_true (cs_study_set_label (study, "l1-1", 6, NULL, "a\nnote", true, NULL));
  label = cs_study_label (study, "l1-1", 5);
  g_assert_true (cs_study_set_label (study, "l1-2", 5, label->name, "copied", false, NULL)); /* its own text */
  g_assert_cmpuint (n_changed, ==, 3);
  g_object_unref (study);

  study = cs_study_open (folder, NULL);
  label = cs_study_label (study, "l1-1", 5);
  g_assert_cmpstr (label->name, ==, "refusal ✗");
  g_assert_true (label->note == NULL && !label->bookmarked);
  label = cs_study_label (study, "l1-1", 6);
  g_assert_true (label->name == NULL && label->bookmarked);
  g_assert_cmpstr (label->note, ==, "a\nnote");
  g_assert_cmpstr (cs_study_label (study, "l1-2", 5)->name, ==, "refusal ✗");
  g_assert_true (cs_study_set_label (study, "l1-2", 5, "", NULL, false, NULL)); /* all empty: gone */
  g_assert_true (cs_study_set_label (study, "l1-3", 5, NULL, NULL, false, NULL));
  g_assert_null (cs_study_label (study, "l1-2", 5));
  g_assert_false (cs_study_set_label (study, "l1-1", 5, "\xff", NULL, false, NULL));
  g_assert_cmpstr (cs_study_label (study, "l1-1", 5)->name, ==, "refusal ✗");
  g_assert_true (g_file_get_contents (path, &content, NULL, NULL));
  g_assert_null (strstr (content, "l1-2"));
  g_assert_null (strstr (content, "l1-3"));
  test_study_free (study, folder);
}

/* Lists and suggestions live beside the user's words, and what others wrote meanwhile is kept. */
static void
test_lists_and_suggestions (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder), *other = cs_study_open (folder, NULL);
  const char *const lists[] = { " zebra", "ape ", "", "ape", NULL }, *const bad[] = { "\xff", NULL };
  const CsSuggestion suggestion = { (char *) (intptr_t) "says no", (char *) (intptr_t) "m", 0.75, NAN, 1 };
  g_auto (GStrv) names = NULL, none = cs_study_list_names (study, "l1-1");
  const CsLabel *label;

  g_assert_cmpuint (g_strv_length (none), ==, 0);
  g_assert_true (cs_study_set_lists (study, "l1-1", 5, lists, NULL));
  g_assert_true (cs_study_set_suggestion (other, "l1-1", 5, &suggestion, NULL));
  g_assert_true (cs_study_set_label (study, "l1-1", 5, "mine", NULL, false, NULL));
  label = cs_study_label (study, "l1-1", 5);
  g_assert_cmpstr (label->name, ==, "mine");
  g_assert_cmpuint (g_strv_length (label->lists), ==, 2);
  g_assert_cmpstr (label->lists[0], ==, "ape");
  g_assert_cmpstr (label->lists[1], ==, "zebra");
  g_assert_cmpstr (label->suggestion->text, ==, "says no");
  g_assert_cmpstr (label->suggestion->model, ==, "m");
  g_assert_cmpfloat (label->suggestion->balanced_accuracy, ==, 0.75);
  g_assert_true (isnan (label->suggestion->against_random));
  g_assert_false (cs_study_set_lists (study, "l1-1", 5, bad, NULL));
  g_assert_true (cs_study_set_lists (study, "l1-1", 6, lists + 1, NULL));
  names = cs_study_list_names (study, "l1-1");
  g_assert_cmpuint (g_strv_length (names), ==, 2);
  /* The label goes with the last thing in it. */
  g_assert_true (cs_study_set_label (study, "l1-1", 5, NULL, NULL, false, NULL));
  g_assert_true (cs_study_set_lists (study, "l1-1", 5, NULL, NULL));
  g_assert_null (cs_study_label (study, "l1-1", 5)->name);
  g_assert_true (cs_study_set_suggestion (study, "l1-1", 5, NULL, NULL));
  g_assert_null (cs_study_label (study, "l1-1", 5));
  g_object_unref (other);
  test_study_free (study, folder);
}

static void
test_hostile_labels (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autoptr (GError) error = NULL;

  g_object_unref (study);
  test_write (folder, "labels.json", "[1]");
  g_assert_null (cs_study_open (folder, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_clear_error (&error);
  test_write (folder, "labels.json", "{\"l1-1\": {");
  g_assert_null (cs_study_open (folder, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  test_write (folder, "labels.json", "{\"l1-1\": 3, \"l1-2\": {\"4\": [], \"5\": {\"name\": 8, \"bookmarked\": \"yes\", \"lists\": [3, \"\"], "
              "\"suggestion\": {\"text\": 4}}}}");
  study = cs_study_open (folder, NULL);
  g_assert_null (cs_study_label (study, "l1-1", 4));
  g_assert_null (cs_study_label (study, "l1-2", 4)->name);
  g_assert_true (cs_study_label (study, "l1-2", 5)->name == NULL && !cs_study_label (study, "l1-2", 5)->bookmarked);
  g_assert_true (cs_study_set_label (study, "l1-1", 4, "good", NULL, false, NULL));
  g_assert_cmpstr (cs_study_label (study, "l1-1", 4)->name, ==, "good");
  test_study_free (study, folder);
}

/* --- Runs --- */

static void
make_run (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, "runs", name, NULL);
  CsTrainConfig config;

  g_assert_cmpint (g_mkdir_with_parents (path, 0777), ==, 0);
  cs_train_config_init (&config, CS_VARIANT_L1, 16);
  g_assert_true (cs_train_config_save (&config, path, 16, "activations.h5", NULL));
}

static void
expect_runs (CsStudy *study, const char *expected)
{
  GListModel *runs = cs_study_runs (study);
  g_autoptr (GString) names = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (runs); i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (runs, i);
      g_string_append_printf (names, "%s%s", i > 0 ? " " : "", cs_run_name (run));
    }
  g_assert_cmpstr (names->str, ==, expected);
}

static void
test_runs (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autofree char *path = g_build_filename (folder, "runs/l1-1", NULL), *name = NULL, *other = NULL;
  g_autoptr (GError) error = NULL;

  g_object_unref (study);
  make_run (folder, "l1-2");
  make_run (folder, "batchtopk-1");
  make_run (folder, "l1-1");
  test_write (folder, "runs/notes.txt", "not a run");
  test_write (folder, "runs/empty/notes.txt", "not a run either");
  study = cs_study_open (folder, NULL);
  expect_runs (study, "batchtopk-1 l1-1 l1-2");
  g_assert_true (cs_study_set_label (study, "l1-1", 3, "kept", NULL, false, NULL));
  g_assert_true (cs_study_remove_run (study, cs_study_find_run (study, "l1-1"), &error));
  g_assert_no_error (error);
  expect_runs (study, "batchtopk-1 l1-2");
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  name = cs_study_new_run_name (study, CS_VARIANT_L1); /* not the removed one's, which may come back */
  g_assert_cmpstr (name, ==, "l1-3");
  other = cs_study_new_run_name (study, CS_VARIANT_TOPK);
  g_assert_cmpstr (other, ==, "topk-1");
  g_assert_true (cs_study_restore_run (study, "l1-1", &error));
  expect_runs (study, "batchtopk-1 l1-1 l1-2");
  g_assert_cmpstr (cs_study_label (study, "l1-1", 3)->name, ==, "kept");
  g_assert_false (cs_study_restore_run (study, "l1-1", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (cs_study_restore_run (study, "never", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  /* Removed twice under one name: both stay in the trash. */
  g_assert_true (cs_study_remove_run (study, cs_study_find_run (study, "l1-1"), NULL));
  make_run (folder, "l1-1");
  g_object_unref (study);
  study = cs_study_open (folder, NULL);
  g_assert_true (cs_study_remove_run (study, cs_study_find_run (study, "l1-1"), NULL));
  g_autofree char *first = g_build_filename (folder, "trash/l1-1.1/config.json", NULL);
  g_autofree char *second = g_build_filename (folder, "trash/l1-1/config.json", NULL);
  g_assert_true (g_file_test (first, G_FILE_TEST_EXISTS) && g_file_test (second, G_FILE_TEST_EXISTS));
  test_study_free (study, folder);
}

static void
test_hostile_run (void)
{
  char *folder;
  CsStudy *study = test_study_new (&folder);
  g_autoptr (GError) error = NULL;

  g_object_unref (study);
  test_write (folder, "runs/bad/config.json", "{");
  test_write (folder, "runs/bad/metrics.csv", "step,loss\n1,a\n");
  test_write (folder, "runs/bad/latents.h5", "no");
  test_write (folder, "runs/bad/model.safetensors", "no");
  study = cs_study_open (folder, NULL);
  expect_runs (study, "bad");
  CsRun *run = cs_study_find_run (study, "bad");
  g_assert_null (cs_run_config (run));
  g_assert_false (cs_run_is_trained (run));
  g_assert_null (cs_run_latents (run, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_clear_error (&error);
  g_assert_null (cs_run_crosscoder (run, &error));
  g_assert_true (error->domain == CS_ERROR);
  g_clear_error (&error);
  g_assert_null (cs_study_continue_run (study, run, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  test_study_free (study, folder);
}

/* --- Claims --- */

static void
test_claims (void)
{
  const CsLatentSummary summary = { .latents = 64, .dead = 2, .base_only = 3, .shared = 50, .chat_only = 5, .other = 4,
                                    .tested = 12, .chat_specific = 4, .fve_base = .8765, .fve_chat = NAN, .l0 = 7.25 };
  g_autoptr (json_t) json = cs_claims_summary_json (&summary);
  g_autofree char *text = cs_claims_summary_text (json);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autoptr (json_t) demo = json_pack ("{s:O, s:O, s:{s:n}, s:n}", "l1", json, "batchtopk", json, "concepts", "refusal",
                                       "steering"); /* where nothing leans to chat */
  g_autofree char *table = cs_claims_text (demo);
  g_autoptr (json_t) empty = json_object ();
  g_autofree char *of_nothing = cs_claims_text (empty);

  g_assert_cmpint (json_integer_value (json_object_get (json, "chat_only")), ==, 5);
  g_assert_true (json_is_null (json_object_get (json, "fve_chat")));
  g_assert_nonnull (strstr (text, "0.876"));
  g_assert_null (strstr (text, "nan"));
  for (size_t i = 0; lines[i] != NULL && *lines[i] != '\0'; i++)
    g_assert_cmpint (g_utf8_strlen (lines[i], -1), ==, 34 + 13);
  g_assert_nonnull (strstr (table, "BatchTopK"));
  g_assert_nonnull (strstr (table, "no latent leans to chat"));
  g_assert_null (strstr (table, "steering the chat model"));
  g_assert_nonnull (strstr (table, "64"));
  g_assert_true (g_utf8_validate (of_nothing, -1, NULL));
}

/* Wilson's interval, and the AUC's: the score interval of Newcombe (2006). */
static void
test_claims_intervals (void)
{
  g_autoptr (json_t) object = json_object ();
  json_t *interval;
  double narrow[2], wide[2], perfect[2], none[2];

  cs_claims_set_share (object, "refused", 78, 80);
  g_assert_cmpfloat (json_real_value (json_object_get (object, "refused")), ==, 0.975);
  interval = json_object_get (object, "refused_interval");
  g_assert_cmpfloat_with_epsilon (json_real_value (json_array_get (interval, 0)), 0.9134, 1e-4);
  g_assert_cmpfloat_with_epsilon (json_real_value (json_array_get (interval, 1)), 0.9931, 1e-4);
  cs_claims_set_share (object, "none", 0, 0);
  g_assert_true (json_is_null (json_object_get (object, "none")));
  cs_claims_auc_interval (0.9, 40, 40, wide);
  cs_claims_auc_interval (0.9, 400, 400, narrow);
  g_assert_true (wide[0] < narrow[0] && narrow[0] < 0.9 && 0.9 < narrow[1] && narrow[1] < wide[1] && wide[1] < 1);
  for (int end = 0; end < 2; end++) /* |0.9 − t| is 1.96 standard errors at t */
    {
      const double t = wide[end],
                   variance = t * (1 - t) / 1600 * (1 + 39 * (1 - t) / (2 - t) + 39 * t / (1 + t));

      g_assert_cmpfloat_with_epsilon (fabs (0.9 - t) / sqrt (variance), 1.96, 1e-3);
    }
  cs_claims_auc_interval (1, 60, 300, perfect);
  g_assert_true (perfect[0] > 0.9 && perfect[0] < 0.99 && perfect[1] == 1);
  cs_claims_auc_interval (0.5, 0, 10, none);
  g_assert_true (isnan (none[0]) && isnan (none[1]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/study/round-trip", test_round_trip);
  g_test_add_func ("/study/moved", test_moved);
  g_test_add_func ("/study/create-errors", test_create_errors);
  g_test_add_func ("/study/newer-version", test_newer_version);
  g_test_add_func ("/study/corrupted", test_corrupted);
  g_test_add_func ("/study/labels", test_labels);
  g_test_add_func ("/study/lists-and-suggestions", test_lists_and_suggestions);
  g_test_add_func ("/study/hostile-labels", test_hostile_labels);
  g_test_add_func ("/study/runs", test_runs);
  g_test_add_func ("/study/hostile-run", test_hostile_run);
  g_test_add_func ("/study/claims", test_claims);
  g_test_add_func ("/study/claims-intervals", test_claims_intervals);
  add_job_tests ();
  return g_test_run ();
}
