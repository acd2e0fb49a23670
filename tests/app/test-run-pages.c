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

#define D_MODEL 16

/* --- Fixture: a window with the three pages, a study in a temporary folder --- */

typedef struct
{
  char *folder;
  CsStudy *study;
  GtkWidget *window, *stack;
  CsPage *pages[3]; /* pair, activations, training */
} Fixture;

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

static gboolean
wake_cb (void *data)
{
  return G_SOURCE_CONTINUE;
}

/* Iterates until condition holds; false after the deadline. */
static bool
wait_for (bool (*condition) (void *data), void *data, double seconds)
{
  gint64 end = g_get_monotonic_time () + (gint64) (seconds * G_USEC_PER_SEC);
  guint tick = g_timeout_add (10, wake_cb, NULL);
  bool held;

  while (!(held = condition (data)) && g_get_monotonic_time () < end)
    g_main_context_iteration (NULL, TRUE);
  g_source_remove (tick);
  return held;
}

static bool
never (void *data)
{
  return false;
}

static void
settle (double seconds)
{
  wait_for (never, NULL, seconds);
}

static bool
is_mapped (void *widget)
{
  return gtk_widget_get_mapped (widget) && gtk_widget_get_width (widget) > 0;
}

static void
set_up (Fixture *f, gconstpointer data)
{
  const GType types[] = { CS_TYPE_PAIR_PAGE, CS_TYPE_ACTIVATIONS_PAGE, CS_TYPE_TRAINING_PAGE };
  GtkWidget *overlay = adw_toast_overlay_new ();
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("crosscope-pages-XXXXXX", &error);
  g_assert_no_error (error);
  f->study = cs_study_create (f->folder, "Test", &error);
  g_assert_no_error (error);
  f->stack = gtk_stack_new ();
  gtk_stack_set_hhomogeneous (GTK_STACK (f->stack), FALSE);
  for (int i = 0; i < 3; i++)
    {
      f->pages[i] = g_object_new (types[i], NULL);
      gtk_stack_add_named (GTK_STACK (f->stack), GTK_WIDGET (f->pages[i]), cs_page_name (f->pages[i]));
    }
  adw_toast_overlay_set_child (ADW_TOAST_OVERLAY (overlay), f->stack);
  f->window = adw_window_new ();
  gtk_window_set_default_size (GTK_WINDOW (f->window), 900, 760);
  adw_window_set_content (ADW_WINDOW (f->window), overlay);
  gtk_window_present (GTK_WINDOW (f->window));
  g_assert_true (wait_for (is_mapped, f->window, 20));
}

static void
set_study (Fixture *f, CsStudy *study)
{
  for (int i = 0; i < 3; i++)
    cs_page_set_study (f->pages[i], study);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  CsPage *pages[3];

  cs_study_stop_jobs (f->study);
  set_study (f, NULL);
  settle (0.3);
  for (int i = 0; i < 3; i++)
    {
      pages[i] = f->pages[i];
      g_object_add_weak_pointer (G_OBJECT (pages[i]), (void **) &pages[i]);
    }
  gtk_window_destroy (GTK_WINDOW (f->window));
  settle (0.3);
  for (int i = 0; i < 3; i++)
    g_assert_null (pages[i]);
  g_assert_finalize_object (f->study);
  remove_tree (f->folder);
  g_free (f->folder);
}

static void
show (Fixture *f, const char *page)
{
  gtk_stack_set_visible_child_name (GTK_STACK (f->stack), page);
}

/* With CROSSCOPE_SHOTS set to a folder, writes what the window shows there. */
static void
shoot (Fixture *f, const char *name)
{
  const char *folder = g_getenv ("CROSSCOPE_SHOTS");
  g_autofree char *file = NULL, *path = NULL;
  g_autoptr (GdkPaintable) paintable = NULL;
  g_autoptr (GdkTexture) texture = NULL;
  g_autoptr (GtkSnapshot) snapshot = gtk_snapshot_new ();
  g_autoptr (GskRenderNode) node = NULL;
  int width = gtk_widget_get_width (f->window), height = gtk_widget_get_height (f->window);

  if (folder == NULL)
    return;
  settle (0.3);
  paintable = gtk_widget_paintable_new (f->window);
  gdk_paintable_snapshot (paintable, snapshot, width, height);
  node = gtk_snapshot_free_to_node (g_steal_pointer (&snapshot));
  if (node == NULL)
    return;
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (f->window)), node,
                                         &GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height));
  file = g_strdup_printf ("%s.png", name);
  path = g_build_filename (folder, file, NULL);
  gdk_texture_save_to_png (texture, path);
}

static GtkWidget *
find (GtkWidget *widget, GType type)
{
  if (g_type_is_a (G_OBJECT_TYPE (widget), type))
    return widget;
  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL; w = gtk_widget_get_next_sibling (w))
    {
      GtkWidget *found = find (w, type);
      if (found != NULL)
        return found;
    }
  return NULL;
}

static guint
count (GtkWidget *widget, GType type)
{
  guint n = g_type_is_a (G_OBJECT_TYPE (widget), type);

  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL; w = gtk_widget_get_next_sibling (w))
    n += count (w, type);
  return n;
}

static bool
shows_text (GtkWidget *widget, const char *text)
{
  if (GTK_IS_LABEL (widget) && gtk_widget_get_child_visible (widget)
      && strstr (gtk_label_get_text (GTK_LABEL (widget)), text) != NULL)
    return true;
  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL; w = gtk_widget_get_next_sibling (w))
    if (shows_text (w, text))
      return true;
  return false;
}

/* --- Synthetic files --- */

static void
make_store (Fixture *f, size_t n_documents)
{
  g_autofree char *path = cs_study_store_path (f->study);
  char *corpora[] = { g_strdup ("made-up"), NULL };
  CsStoreInfo info = { .d_model = D_MODEL, .layer = 2, .dtype = CS_DTYPE_F32, .corpora = corpora };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  g_autofree float *rows = g_new (float, 50 * 2 * D_MODEL);
  int32_t ids[50] = { 0 };

  info.base_model = info.chat_model = info.base_hash = info.chat_hash = info.tokenizer_hash = corpora[0];
  store = cs_store_create (path, &info, 50 * n_documents, n_documents, &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < n_documents; i++)
    {
      for (size_t j = 0; j < 50 * 2 * D_MODEL; j++)
        rows[j] = (float) sin (0.37 * (double) j * (1 + (double) (i % 7)) + (double) i);
      g_assert_true (cs_store_append_document (store, ids, 50, 0, rows, &error));
    }
  g_assert_true (cs_store_finish (store, &error));
  g_free (corpora[0]);
}

static void
small_config (CsTrainConfig *config, size_t steps)
{
  cs_train_config_init (config, CS_VARIANT_BATCHTOPK, D_MODEL);
  config->n_latents = 64;
  config->k = 4;
  config->steps = steps;
  config->batch = 64;
  config->lr = 1e-3;
  config->log_every = 5;
  config->snapshot_every = 10;
  config->validate_every = 0;
  config->n_threads = 1;
}

static void
make_run (Fixture *f, const char *name, CsVariant variant, double level)
{
  g_autofree char *folder = g_build_filename (f->folder, "runs", name, NULL);
  g_autoptr (CsRunLog) log = cs_run_log_new ();
  g_autoptr (GError) error = NULL;
  CsTrainConfig config;

  g_mkdir_with_parents (folder, 0777);
  cs_train_config_init (&config, variant, 128);
  config.steps = 3000;
  g_assert_true (cs_train_config_save (&config, folder, 128, NULL, &error));
  for (uint64_t step = 10; step <= 2400; step += 10)
    {
      double t = (double) step / 600, noise = sin ((double) step * 1.7) * 0.05;
      CsMetrics m = { .step = step, .loss = level * (exp (-t) * 8 + 1 + noise), .fve_base = 1 - exp (-t) - 0.1 * level,
                      .fve_chat = 1 - exp (-t) - 0.13 * level + noise / 9, .l0 = 16 + 40 * exp (-t) * level,
                      .dead = 800 * (1 - exp (-t / 3)) * level, .aux = 0.1, .lr = step > 2000 ? 1e-4 : 1e-3,
                      .tokens_per_s = 40000 };

      cs_run_log_add_metrics (log, &m);
      if (step % 50 == 0)
        {
          CsNormRatioSnapshot s = { .step = step };

          for (int i = 0; i < CS_NORM_RATIO_BINS; i++)
            {
              double x = i / 100., w = 0.05 + 0.2 * exp (-t / 2);
              s.count[i] = (uint32_t) (3000 * exp (-pow ((x - 0.5) / w, 2)) + t * 20 * exp (-pow ((x - 0.96) / 0.03, 2))
                                       + t * 12 * exp (-pow ((x - 0.04) / 0.03, 2)));
            }
          cs_run_log_add_snapshot (log, &s);
        }
    }
  g_assert_true (cs_run_log_save (log, folder, &error));
}

static void
reopen (Fixture *f)
{
  g_autoptr (GError) error = NULL;

  set_study (f, NULL);
  g_object_unref (f->study);
  f->study = cs_study_open (f->folder, &error);
  g_assert_no_error (error);
  set_study (f, f->study);
}

/* --- Tests --- */

static void
test_no_study (Fixture *f, gconstpointer data)
{
  for (int i = 0; i < 3; i++)
    {
      show (f, cs_page_name (f->pages[i]));
      settle (0.1);
    }
  g_assert_true (shows_text (GTK_WIDGET (f->pages[0]), "No Study"));
}

static void
test_empty_study (Fixture *f, gconstpointer data)
{
  set_study (f, f->study);
  for (int i = 0; i < 3; i++)
    {
      g_autofree char *name = g_strdup_printf ("empty-%s", cs_page_name (f->pages[i]));

      show (f, cs_page_name (f->pages[i]));
      settle (0.3);
      shoot (f, name);
    }
  g_assert_true (shows_text (GTK_WIDGET (f->pages[0]), "Choose Two Models"));
  g_assert_true (shows_text (GTK_WIDGET (f->pages[1]), "No corpus yet"));
  g_assert_true (shows_text (GTK_WIDGET (f->pages[2]), "No Runs Yet"));
  gtk_widget_activate_action (GTK_WIDGET (f->pages[2]), "training.new-run", NULL);
  settle (0.2);
  g_assert_true (shows_text (GTK_WIDGET (f->pages[2]), "harvest them first"));
  shoot (f, "new-run-impossible");
}

static void
shoot_sizes (Fixture *f, const char *page)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();

  for (int dark = 0; dark < 2; dark++)
    for (int narrow = 0; narrow < 2; narrow++)
      {
        g_autofree char *name = g_strdup_printf ("%s-%s-%s", page, dark ? "dark" : "light", narrow ? "narrow" : "wide");

        adw_style_manager_set_color_scheme (manager, dark ? ADW_COLOR_SCHEME_FORCE_DARK : ADW_COLOR_SCHEME_FORCE_LIGHT);
        gtk_window_set_default_size (GTK_WINDOW (f->window), narrow ? 380 : 940, narrow ? 1500 : 1150);
        settle (0.4);
        shoot (f, name);
      }
  adw_style_manager_set_color_scheme (manager, ADW_COLOR_SCHEME_DEFAULT);
}

static void
test_filled_study (Fixture *f, gconstpointer data)
{
  GtkWidget *histogram, *scale;
  int minimum;

  make_run (f, "batchtopk-1", CS_VARIANT_BATCHTOPK, 0.8);
  make_run (f, "l1-1", CS_VARIANT_L1, 1.1);
  reopen (f);
  show (f, "training");
  settle (0.5);
  g_assert_cmpuint (count (GTK_WIDGET (f->pages[2]), CS_TYPE_RUN_ROW), ==, 2);
  histogram = find (GTK_WIDGET (f->pages[2]), CS_TYPE_TRAINING_HISTOGRAM);
  g_assert_cmpint (cs_training_histogram_position (CS_TRAINING_HISTOGRAM (histogram)), ==, 47);
  scale = find (histogram, GTK_TYPE_SCALE);
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
start_from_form (Fixture *f, size_t steps)
{
  CsNewRunPanel *panel = CS_NEW_RUN_PANEL (find (GTK_WIDGET (f->pages[2]), CS_TYPE_NEW_RUN_PANEL));
  CsTrainConfig config;

  small_config (&config, steps);
  gtk_widget_activate_action (GTK_WIDGET (f->pages[2]), "training.new-run", NULL);
  cs_new_run_panel_set_preset (panel, CS_PRESET_PAPER_L1);
  g_assert_cmpfloat (cs_new_run_panel_config (panel)->mu, ==, 0.041);
  g_assert_cmpuint (cs_new_run_panel_config (panel)->n_latents, ==, 32 * D_MODEL);
  cs_new_run_panel_set_config (panel, &config);
  g_assert_true (steps >= 10000 || shows_text (GTK_WIDGET (panel), "Warm-up shortened"));
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL && steps < 1000)
    shoot_sizes (f, "new-run");
  cs_new_run_panel_start (panel);
  return cs_study_find_run (f->study, "batchtopk-1");
}

static void
test_train (Fixture *f, gconstpointer data)
{
  Wanted wanted = { f->study, "batchtopk-1" };
  CsTrainingHistogram *histogram;

  make_store (f, 40);
  set_study (f, f->study);
  show (f, "training");
  settle (0.2);
  g_assert_nonnull (start_from_form (f, 300));
  g_assert_true (wait_for (has_ended, &wanted, 60));
  settle (0.5);
  histogram = CS_TRAINING_HISTOGRAM (find (GTK_WIDGET (f->pages[2]), CS_TYPE_TRAINING_HISTOGRAM));
  g_assert_cmpint (cs_training_histogram_position (histogram), >=, 20);
  g_assert_null (cs_page_status (f->pages[2]));
  g_assert_cmpuint (count (GTK_WIDGET (f->pages[2]), CS_TYPE_RUN_ROW), ==, 1);
  shoot (f, "trained");
}

static void
test_pause (Fixture *f, gconstpointer data)
{
  Wanted wanted = { f->study, "batchtopk-1" };
  GtkWidget *page = GTK_WIDGET (f->pages[2]);
  CsRun *run;
  CsJob *job;

  make_store (f, 40);
  set_study (f, f->study);
  show (f, "training");
  run = start_from_form (f, 1000000);
  g_assert_true (wait_for (has_snapshot, &wanted, 30));
  job = cs_run_job (run);
  gtk_widget_activate_action (page, "training.pause", "s", "batchtopk-1");
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_PAUSED);
  settle (0.5);
  g_assert_true (shows_text (page, "Paused"));
  g_assert_nonnull (cs_page_status (f->pages[2]));
  gtk_widget_activate_action (page, "training.resume", "s", "batchtopk-1");
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_RUNNING);
  gtk_widget_activate_action (page, "training.stop", "s", "batchtopk-1");
  g_assert_true (wait_for (is_idle, f->study, 30));
  settle (0.5);
  g_assert_true (shows_text (page, "Stopped"));
  gtk_widget_activate_action (page, "training.continue", "s", "batchtopk-1");
  g_assert_nonnull (cs_run_job (run));
}

static void
test_remove (Fixture *f, gconstpointer data)
{
  GtkWidget *page = GTK_WIDGET (f->pages[2]);

  make_run (f, "l1-1", CS_VARIANT_L1, 1);
  reopen (f);
  show (f, "training");
  settle (0.2);
  gtk_widget_activate_action (page, "training.remove", "s", "l1-1");
  settle (0.3);
  g_assert_null (cs_study_find_run (f->study, "l1-1"));
  g_assert_true (shows_text (page, "No Runs Yet"));
  /* as the toast does it: from beside the page */
  gtk_widget_activate_action (f->stack, "training.restore", "s", "l1-1");
  settle (0.3);
  g_assert_nonnull (cs_study_find_run (f->study, "l1-1"));
  g_assert_cmpuint (count (page, CS_TYPE_RUN_ROW), ==, 1);
  gtk_widget_activate_action (page, "training.duplicate", "s", "l1-1");
  g_assert_cmpuint (cs_new_run_panel_config (CS_NEW_RUN_PANEL (find (page, CS_TYPE_NEW_RUN_PANEL)))->steps, ==, 3000);
}

static void
test_corpora (Fixture *f, gconstpointer data)
{
  GtkWidget *page = GTK_WIDGET (f->pages[1]);
  g_autofree char *a = g_build_filename (f->folder, "a.txt", NULL), *b = g_build_filename (f->folder, "b.jsonl", NULL);
  const char *const paths[] = { a, b, NULL };
  g_autoptr (GError) error = NULL;

  g_file_set_contents (a, "one\ntwo\n\nthree\n\n\nfour", -1, &error);
  g_file_set_contents (b, "{\"text\": \"x\"}\n{\"text\": \"y\"}\n", -1, &error);
  make_store (f, 10);
  g_assert_true (cs_study_set_corpora (f->study, paths, &error));
  set_study (f, f->study);
  show (f, "activations");
  settle (1);
  g_assert_true (shows_text (page, "3 documents"));
  g_assert_true (shows_text (page, "2 documents"));
  g_assert_true (shows_text (page, "500 tokens in 10 documents"));
  shoot (f, "corpora");
  gtk_widget_activate_action (page, "activations.remove-corpus", "s", a);
  settle (0.4);
  g_assert_false (shows_text (page, "3 documents"));
  g_assert_cmpstr (cs_study_corpora (f->study)[0], ==, b);
  gtk_widget_activate_action (f->stack, "activations.insert-corpus", "(us)", 0u, a);
  g_assert_cmpstr (cs_study_corpora (f->study)[0], ==, a);
  g_assert_cmpstr (cs_study_corpora (f->study)[1], ==, b);
}

static bool
has_points (void *card)
{
  return cs_harvest_card_n_points (card) > 1;
}

/* The demo pair, or one named by CROSSCOPE_DEMO. */
static bool
set_models (Fixture *f)
{
  g_autofree char *demo = cs_demo_folder (NULL);
  g_autofree char *base = g_build_filename (demo != NULL ? demo : "", "base", NULL);
  g_autofree char *chat = g_build_filename (demo != NULL ? demo : "", "chat", NULL);

  if (demo == NULL || !g_file_test (base, G_FILE_TEST_IS_DIR))
    return false;
  return cs_study_set_model_folder (f->study, 0, base, NULL) && cs_study_set_model_folder (f->study, 1, chat, NULL);
}

static void
test_pair (Fixture *f, gconstpointer data)
{
  GtkWidget *page = GTK_WIDGET (f->pages[0]);

  if (!set_models (f))
    {
      g_test_skip ("The demo pair is not here.");
      return;
    }
  set_study (f, f->study);
  show (f, "pair");
  settle (3);
  g_assert_true (shows_text (page, "The two models can be compared"));
  g_assert_true (shows_text (page, "<start_of_turn>user"));
  g_assert_true (shows_text (page, "the middle"));
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL)
    shoot_sizes (f, "pair");
  g_assert_true (cs_study_set_model_folder (f->study, 0, f->folder, NULL));
  settle (2);
  g_assert_true (shows_text (page, "These two cannot be compared yet"));
  g_assert_cmpstr (cs_page_status (f->pages[0]), ==, "!");
  shoot (f, "pair-broken");
}

static void
test_harvest (Fixture *f, gconstpointer data)
{
  g_autofree char *a = g_build_filename (f->folder, "a.jsonl", NULL);
  const char *const paths[] = { a, NULL };
  g_autoptr (GString) text = g_string_new (NULL);
  GtkWidget *card = find (GTK_WIDGET (f->pages[1]), CS_TYPE_HARVEST_CARD);

  if (!set_models (f))
    {
      g_test_skip ("The demo pair is not here.");
      return;
    }
  for (int i = 0; i < 4000; i++)
    g_string_append_printf (text, "{\"text\": \"Document %d speaks of rivers, of the towns at their banks and of their bridges.\"}\n", i);
  g_file_set_contents (a, text->str, -1, NULL);
  g_assert_true (cs_study_set_corpora (f->study, paths, NULL));
  set_study (f, f->study);
  show (f, "activations");
  g_assert_nonnull (cs_study_harvest (f->study, NULL));
  g_assert_nonnull (cs_harvest_card_job (CS_HARVEST_CARD (card)));
  wait_for (has_points, card, 30);
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL)
    settle (3);
  shoot (f, "harvest");
  g_assert_true (wait_for (is_idle, f->study, 100));
  settle (2);
  g_assert_null (cs_harvest_card_job (CS_HARVEST_CARD (card)));
  g_assert_true (shows_text (GTK_WIDGET (f->pages[1]), "complete"));
  if (g_getenv ("CROSSCOPE_SHOTS") != NULL)
    shoot_sizes (f, "activations");
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
#define ADD(path, test) g_test_add ("/run-pages/" path, Fixture, NULL, set_up, test, tear_down)
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
