/* Pair, Activations and Training: without a study, with an empty and with a filled one; a run from the form to its curves. */
#include <glib/gstdio.h>
#include <math.h>

#include "activations-page.h"
#include "demo.h"
#include "harvest-card.h"
#include "new-run-panel.h"
#include "pair-page.h"
#include "run-row.h"
#include "training-actions.h"
#include "training-histogram.h"
#include "training-plots.h"
#include "run-pages-fixture.h"

/* --- Tests --- */

static void
test_no_study (PagesFixture *f, gconstpointer data)
{
  for (int i = 0; i < 3; i++)
    {
      pages_show (f, cs_page_name (f->pages[i]));
      pages_settle (0.1);
    }
  g_assert_true (pages_wait_text (GTK_WIDGET (f->pages[0]), "No Study"));
}

static void
test_empty_study (PagesFixture *f, gconstpointer data)
{
  pages_set_study (f, f->study);
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *name = g_strdup_printf ("empty-%s", cs_page_name (f->pages[i]));

      pages_show (f, cs_page_name (f->pages[i]));
      pages_settle (0.3);
      pages_shoot (f, name);
    }
  g_assert_true (pages_wait_text (GTK_WIDGET (f->pages[0]), "Choose Two Models"));
  g_assert_true (pages_wait_text (GTK_WIDGET (f->pages[1]), "No corpus yet"));
  g_assert_true (pages_wait_text (GTK_WIDGET (f->pages[2]), "No Runs Yet"));
  gtk_widget_activate_action (GTK_WIDGET (f->pages[2]), "training.new-run", NULL);
  pages_settle (0.2);
  g_assert_true (pages_wait_text (GTK_WIDGET (f->pages[2]), "harvest them first"));
  pages_shoot (f, "new-run-impossible");
}

static void
shoot_sizes (PagesFixture *f, const char *page)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();

  for (int dark = 0; dark < 2; dark++)
    for (int narrow = 0; narrow < 2; narrow++)
      {
        g_autofree char *name = g_strdup_printf ("%s-%s-%s", page, dark ? "dark" : "light", narrow ? "narrow" : "wide");

        adw_style_manager_set_color_scheme (manager, dark ? ADW_COLOR_SCHEME_FORCE_DARK : ADW_COLOR_SCHEME_FORCE_LIGHT);
        gtk_window_set_default_size (GTK_WINDOW (f->window), narrow ? 380 : 940, narrow ? 1500 : 1150);
        pages_settle (0.4);
        pages_shoot (f, name);
      }
  adw_style_manager_set_color_scheme (manager, ADW_COLOR_SCHEME_DEFAULT);
}

static void
test_filled_study (PagesFixture *f, gconstpointer data)
{
  GtkWidget *histogram, *scale;
  int minimum;

  pages_make_run (f, "batchtopk-1", CS_VARIANT_BATCHTOPK, 0.8);
  pages_make_run (f, "l1-1", CS_VARIANT_L1, 1.1);
  pages_reopen (f);
  pages_show (f, "training");
  pages_settle (0.5);
  g_assert_cmpuint (pages_count (GTK_WIDGET (f->pages[2]), CS_TYPE_RUN_ROW), ==, 2);
  histogram = pages_find (GTK_WIDGET (f->pages[2]), CS_TYPE_TRAINING_HISTOGRAM);
  g_assert_cmpint (cs_training_histogram_position (CS_TRAINING_HISTOGRAM (histogram)), ==, 47);
  scale = pages_find (histogram, GTK_TYPE_SCALE);
  gtk_range_set_value (GTK_RANGE (scale), 3);
  g_assert_cmpint (cs_training_histogram_position (CS_TRAINING_HISTOGRAM (histogram)), ==, 3);
  cs_training_histogram_sync (CS_TRAINING_HISTOGRAM (histogram)); /* it does not jump away from what is looked at */
  g_assert_cmpint (cs_training_histogram_position (CS_TRAINING_HISTOGRAM (histogram)), ==, 3);
  gtk_range_set_value (GTK_RANGE (scale), 47);
  gtk_widget_measure (GTK_WIDGET (f->pages[2]), GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL, NULL);
  g_assert_cmpint (minimum, <=, 340);
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL)
    shoot_sizes (f, "training");
}

typedef struct
{
  CsStudy *study;
  const char *name;
} Wanted;

static bool
has_ended (void *data)
{
  const Wanted *wanted = data;
  CsRun *run = cs_study_find_run (wanted->study, wanted->name);

  return run != NULL && cs_run_is_trained (run) && !cs_study_has_active_jobs (wanted->study);
}

static bool
has_snapshot (void *data)
{
  const Wanted *wanted = data;
  CsRun *run = cs_study_find_run (wanted->study, wanted->name);

  return run != NULL && cs_run_log_n_snapshots (cs_run_log (run)) > 0;
}

static bool
is_idle (void *study)
{
  return !cs_study_has_active_jobs (study);
}

static CsRun *
start_from_form (PagesFixture *f, size_t steps)
{
  CsNewRunPanel *panel = CS_NEW_RUN_PANEL (pages_find (GTK_WIDGET (f->pages[2]), CS_TYPE_NEW_RUN_PANEL));
  CsTrainConfig config;

  pages_small_config (&config, steps);
  gtk_widget_activate_action (GTK_WIDGET (f->pages[2]), "training.new-run", NULL);
  cs_new_run_panel_set_preset (panel, CS_PRESET_PAPER_L1);
  g_assert_cmpfloat (cs_new_run_panel_config (panel)->mu, ==, 0.041);
  g_assert_cmpuint (cs_new_run_panel_config (panel)->n_latents, ==, 32 * PAGES_D_MODEL);
  cs_new_run_panel_set_config (panel, &config);
  g_assert_true (steps >= 10000 || pages_wait_text (GTK_WIDGET (panel), "Warm-up shortened"));
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL && steps < 1000)
    shoot_sizes (f, "new-run");
  cs_new_run_panel_start (panel);
  return cs_study_find_run (f->study, "batchtopk-1");
}

static void
test_train (PagesFixture *f, gconstpointer data)
{
  Wanted wanted = { f->study, "batchtopk-1" };
  CsTrainingHistogram *histogram;

  pages_make_store (f, 40);
  pages_set_study (f, f->study);
  pages_show (f, "training");
  pages_settle (0.2);
  g_assert_nonnull (start_from_form (f, 300));
  g_assert_true (pages_wait_for (has_ended, &wanted, 60));
  pages_settle (0.5);
  histogram = CS_TRAINING_HISTOGRAM (pages_find (GTK_WIDGET (f->pages[2]), CS_TYPE_TRAINING_HISTOGRAM));
  g_assert_cmpint (cs_training_histogram_position (histogram), >=, 20);
  g_assert_null (cs_page_status (f->pages[2]));
  g_assert_cmpuint (pages_count (GTK_WIDGET (f->pages[2]), CS_TYPE_RUN_ROW), ==, 1);
  pages_shoot (f, "trained");
}

static void
test_pause (PagesFixture *f, gconstpointer data)
{
  Wanted wanted = { f->study, "batchtopk-1" };
  GtkWidget *page = GTK_WIDGET (f->pages[2]);
  CsRun *run;
  CsJob *job;

  pages_make_store (f, 40);
  pages_set_study (f, f->study);
  pages_show (f, "training");
  run = start_from_form (f, 1000000);
  g_assert_true (pages_wait_for (has_snapshot, &wanted, 30));
  job = cs_run_job (run);
  gtk_widget_activate_action (page, "training.pause", "s", "batchtopk-1");
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_PAUSED);
  pages_settle (0.5);
  g_assert_true (pages_wait_text (page, "Paused"));
  g_assert_nonnull (cs_page_status (f->pages[2]));
  gtk_widget_activate_action (page, "training.resume", "s", "batchtopk-1");
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_RUNNING);
  gtk_widget_activate_action (page, "training.stop", "s", "batchtopk-1");
  g_assert_true (pages_wait_for (is_idle, f->study, 30));
  pages_settle (0.5);
  g_assert_true (pages_wait_text (page, "Stopped"));
  gtk_widget_activate_action (page, "training.continue", "s", "batchtopk-1");
  g_assert_nonnull (cs_run_job (run));
}

static void
test_remove (PagesFixture *f, gconstpointer data)
{
  GtkWidget *page = GTK_WIDGET (f->pages[2]);

  pages_make_run (f, "l1-1", CS_VARIANT_L1, 1);
  pages_reopen (f);
  pages_show (f, "training");
  pages_settle (0.2);
  gtk_widget_activate_action (page, "training.remove", "s", "l1-1");
  pages_settle (0.3);
  g_assert_null (cs_study_find_run (f->study, "l1-1"));
  g_assert_true (pages_wait_text (page, "No Runs Yet"));
  /* as the toast does it: from beside the page */
  gtk_widget_activate_action (f->stack, "training.restore", "s", "l1-1");
  pages_settle (0.3);
  g_assert_nonnull (cs_study_find_run (f->study, "l1-1"));
  g_assert_cmpuint (pages_count (page, CS_TYPE_RUN_ROW), ==, 1);
  gtk_widget_activate_action (page, "training.duplicate", "s", "l1-1");
  g_assert_cmpuint (cs_new_run_panel_config (CS_NEW_RUN_PANEL (pages_find (page, CS_TYPE_NEW_RUN_PANEL)))->steps, ==, 3000);
}

static void
test_corpora (PagesFixture *f, gconstpointer data)
{
  GtkWidget *page = GTK_WIDGET (f->pages[1]);
  g_autofree char *a = g_build_filename (f->folder, "a.txt", NULL), *b = g_build_filename (f->folder, "b.jsonl", NULL);
  const char *const paths[] = { a, b, NULL };
  g_autoptr (GError) error = NULL;

  g_file_set_contents (a, "one\ntwo\n\nthree\n\n\nfour", -1, &error);
  g_file_set_contents (b, "{\"text\": \"x\"}\n{\"text\": \"y\"}\n", -1, &error);
  pages_make_store (f, 10);
  g_assert_true (cs_study_set_corpora (f->study, paths, &error));
  pages_set_study (f, f->study);
  pages_show (f, "activations");
  g_assert_true (pages_wait_text (page, "3 documents"));
  g_assert_true (pages_wait_text (page, "2 documents"));
  g_assert_true (pages_wait_text (page, "500 tokens in 10 documents"));
  pages_shoot (f, "corpora");
  gtk_widget_activate_action (page, "activations.remove-corpus", "s", a);
  pages_settle (0.4);
  g_assert_false (pages_shows_text (page, "3 documents"));
  g_assert_cmpstr (cs_study_corpora (f->study)[0], ==, b);
  gtk_widget_activate_action (f->stack, "activations.insert-corpus", "(us)", 0u, a);
  g_assert_cmpstr (cs_study_corpora (f->study)[0], ==, a);
  g_assert_cmpstr (cs_study_corpora (f->study)[1], ==, b);
}

static bool
has_no_job (void *card)
{
  return cs_harvest_card_job (card) == NULL;
}

static bool
has_points (void *card)
{
  return cs_harvest_card_n_points (card) > 1;
}

/* The demo pair, or one named by CROSSCOPE_DEMO. */
static bool
set_models (PagesFixture *f)
{
  g_autofree char *demo = cs_demo_folder (NULL);
  g_autofree char *base = g_build_filename (demo != NULL ? demo : "", "base", NULL);
  g_autofree char *chat = g_build_filename (demo != NULL ? demo : "", "chat", NULL);

  if (demo == NULL || !g_file_test (base, G_FILE_TEST_IS_DIR))
    return false;
  return cs_study_set_model_folder (f->study, 0, base, NULL) && cs_study_set_model_folder (f->study, 1, chat, NULL);
}

static void
test_pair (PagesFixture *f, gconstpointer data)
{
  GtkWidget *page = GTK_WIDGET (f->pages[0]);

  if (!set_models (f))
    {
      g_test_skip ("The demo pair is not here.");
      return;
    }
  pages_set_study (f, f->study);
  pages_show (f, "pair");
  g_assert_true (pages_wait_text (page, "The two models can be compared"));
  g_assert_true (pages_wait_text (page, "<start_of_turn>user"));
  g_assert_true (pages_wait_text (page, "the middle"));
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL)
    shoot_sizes (f, "pair");
  g_assert_true (cs_study_set_model_folder (f->study, 0, f->folder, NULL));
  g_assert_true (pages_wait_text (page, "These two cannot be compared yet"));
  g_assert_cmpstr (cs_page_status (f->pages[0]), ==, "!");
  pages_shoot (f, "pair-broken");
}

static void
test_harvest (PagesFixture *f, gconstpointer data)
{
  g_autofree char *a = g_build_filename (f->folder, "a.jsonl", NULL);
  const char *const paths[] = { a, NULL };
  g_autoptr (GString) text = g_string_new (NULL);
  GtkWidget *card = pages_find (GTK_WIDGET (f->pages[1]), CS_TYPE_HARVEST_CARD);

  if (!set_models (f))
    {
      g_test_skip ("The demo pair is not here.");
      return;
    }
  for (int i = 0; i < 500; i++)
    g_string_append_printf (text, "{\"text\": \"Document %d speaks of rivers, of the towns at their banks and of their bridges.\"}\n", i);
  g_file_set_contents (a, text->str, -1, NULL);
  g_assert_true (cs_study_set_corpora (f->study, paths, NULL));
  pages_set_study (f, f->study);
  pages_show (f, "activations");
  g_assert_nonnull (cs_study_harvest (f->study, NULL));
  g_assert_nonnull (cs_harvest_card_job (CS_HARVEST_CARD (card)));
  pages_wait_for (has_points, card, 30);
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL)
    pages_settle (3);
  pages_shoot (f, "harvest");
  g_assert_true (pages_wait_for (has_no_job, card, 100));
  g_assert_true (pages_wait_text (GTK_WIDGET (f->pages[1]), "complete"));
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL)
    shoot_sizes (f, "activations");
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
#define ADD(path, test) g_test_add ("/run-pages/" path, PagesFixture, NULL, pages_set_up, test, pages_tear_down)
  ADD ("no-study", test_no_study);
  ADD ("empty-study", test_empty_study);
  ADD ("filled-study", test_filled_study);
  ADD ("train", test_train);
  ADD ("pause", test_pause);
  ADD ("remove", test_remove);
  ADD ("corpora", test_corpora);
  ADD ("pair", test_pair);
  ADD ("harvest", test_harvest);
  return g_test_run ();
}
