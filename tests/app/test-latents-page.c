/* The Latents page under a virtual display, on a small run that is really trained and analysed, and its list of latents on
 * as many as the paper's crosscoder has. CS_TEST_SHOTS=FOLDER keeps pictures; CS_TEST_STUDY=FOLDER shows them of that study. */
#include <math.h>

#include <glib/gstdio.h>

#include "chat-server.h"
#include "describe-window.h"
#include "latent-kin-cards.h"
#include "latent-words.h"
#include "latents-page-private.h"
#include "random.h"
#include "token-text.h"

#define D_MODEL 8
#define N_LATENTS 48
#define N_DOCUMENTS 80
#define DOCUMENT 20
#define MANY 73728

/* --- A study with one run --- */

static void
write_store (const char *path)
{
  CsStoreInfo info = { .d_model = D_MODEL, .layer = 1, .dtype = CS_DTYPE_F32 };
  char *corpora[] = { (char *)(intptr_t) "web", NULL };
  float rows[DOCUMENT * 2 * D_MODEL];
  int32_t ids[DOCUMENT];
  GError *error = NULL;
  CsStore *store;
  GRand *random = g_rand_new_with_seed (1);

  info.base_model = info.base_hash = info.chat_model = info.chat_hash = info.tokenizer_hash =
      (char *)(intptr_t) "test";
  info.corpora = corpora;
  store = cs_store_create (path, &info, N_DOCUMENTS * DOCUMENT, N_DOCUMENTS, &error);
  g_assert_no_error (error);
  for (int d = 0; d < N_DOCUMENTS; d++)
    {
      for (size_t t = 0; t < DOCUMENT; t++)
        {
          ids[t] = g_rand_int_range (random, 0, 100);
          for (size_t i = 0; i < 2 * D_MODEL; i++)
            rows[t * 2 * D_MODEL + i] = (float)g_rand_double_range (random, -1, 1);
          rows[t * 2 * D_MODEL + (size_t)ids[t] % D_MODEL] += 4;
        }
      g_assert_true (cs_store_append_document (store, ids, DOCUMENT, 0, rows, &error));
    }
  g_assert_true (cs_store_finish (store, &error));
  cs_store_free (store);
  g_rand_free (random);
}

typedef struct
{
  char *folder;
  char *run_folder;
  CsStudy *study;
  GtkWidget *window;
  AdwBin *header;
  CsLatentsPage *page;
} Fixture;

static void
settle (int milliseconds)
{
  gint64 end = g_get_monotonic_time () + milliseconds * 1000;

  while (g_get_monotonic_time () < end)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
}

#define WAIT_FOR(condition)                                                                        \
  do                                                                                               \
    {                                                                                              \
      gint64 wait_end = g_get_monotonic_time () + 30 * G_USEC_PER_SEC;                             \
      while (!(condition) && g_get_monotonic_time () < wait_end)                                   \
        if (!g_main_context_iteration (NULL, FALSE))                                               \
          g_usleep (1000);                                                                         \
      g_assert_true (condition);                                                                   \
    }                                                                                              \
  while (0)

/* data: "" = no run, "trained", "analysed". */
static void
make_study (Fixture *f, const char *state)
{
  g_autofree char *store = NULL;
  GError *error = NULL;
  CsTrainConfig config;
  CsAnalyzeOptions options = CS_ANALYZE_DEFAULT;

  f->folder = g_dir_make_tmp ("crosscope-XXXXXX", &error);
  f->study = cs_study_create (f->folder, "Test", &error);
  g_assert_no_error (error);
  if (*state == '\0')
    return;
  store = cs_study_store_path (f->study);
  g_clear_object (&f->study);
  write_store (store);
  f->run_folder = g_build_filename (f->folder, "runs", "batchtopk-1", NULL);
  g_mkdir_with_parents (f->run_folder, 0777);
  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, D_MODEL);
  config.n_latents = N_LATENTS;
  config.k = 6;
  config.steps = 60;
  config.batch = 128;
  config.lr = 1e-2;
  config.n_threads = 1;
  g_assert_true (cs_train (NULL, store, f->run_folder, &config, NULL, NULL, &error));
  options.n_threads = 1;
  if (g_str_equal (state, "analysed"))
    g_assert_true (cs_analyze (NULL, f->run_folder, store, &options, &error));
  g_assert_no_error (error);
  f->study = cs_study_open (f->folder, &error);
  g_assert_no_error (error);
}

static void
show_page (Fixture *f, int width, int height)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *bar = adw_header_bar_new ();
  GtkWidget *title = adw_window_title_new ("Latents", NULL);
  GtkWidget *toasts = adw_toast_overlay_new ();

  f->page = g_object_new (CS_TYPE_LATENTS_PAGE, NULL);
  f->window = adw_window_new ();
  adw_header_bar_set_title_widget (ADW_HEADER_BAR (bar), title);
  adw_header_bar_pack_end (ADW_HEADER_BAR (bar), cs_page_header (CS_PAGE (f->page)));
  gtk_widget_set_vexpand (GTK_WIDGET (f->page), TRUE);
  adw_toast_overlay_set_child (ADW_TOAST_OVERLAY (toasts), GTK_WIDGET (f->page));
  gtk_box_append (GTK_BOX (box), bar);
  gtk_box_append (GTK_BOX (box), toasts);
  adw_window_set_content (ADW_WINDOW (f->window), box);
  gtk_window_set_default_size (GTK_WINDOW (f->window), width, height);
  cs_page_set_study (CS_PAGE (f->page), f->study);
  gtk_window_present (GTK_WINDOW (f->window));
  WAIT_FOR (gtk_widget_get_width (GTK_WIDGET (f->page)) > 0);
  settle (50);
}

static void
set_up (Fixture *f, gconstpointer state)
{
  make_study (f, state);
  show_page (f, 950, 720);
}

static void
remove_tree (const char *path)
{
  GDir *dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_clear_pointer (&dir, g_dir_close);
  g_remove (path);
}

/* Everything goes when the window does. */
static void
close_page (Fixture *f)
{
  gpointer page = f->page, list = f->page->list, detail = f->page->detail;

  g_object_add_weak_pointer (G_OBJECT (f->page), &page);
  g_object_add_weak_pointer (G_OBJECT (f->page->list), &list);
  g_object_add_weak_pointer (G_OBJECT (f->page->detail), &detail);
  cs_page_set_study (CS_PAGE (f->page), NULL);
  gtk_window_destroy (GTK_WINDOW (f->window));
  WAIT_FOR (page == NULL && list == NULL && detail == NULL);
}

static void
tear_down (Fixture *f, gconstpointer state)
{
  close_page (f);
  cs_study_stop_jobs (f->study);
  g_clear_object (&f->study);
  remove_tree (f->folder);
  g_free (f->folder);
  g_free (f->run_folder);
}

static guint
n_shown (Fixture *f)
{
  return g_list_model_get_n_items (G_LIST_MODEL (f->page->list));
}

/* --- Made-up latents --- */

static CsLatents *
many_latents (size_t n)
{
  CsLatents *latents = g_new0 (CsLatents, 1);
  GRand *random = g_rand_new_with_seed (7);

  latents->n_latents = n;
  latents->n_tokens = 1000000;
  latents->rows = g_new0 (CsLatentRow, n);
  for (size_t i = 0; i < n; i++)
    {
      CsLatentRow *row = &latents->rows[i];
      double u = g_rand_double (random), v = g_rand_double (random);

      row->latent = (uint32_t)i;
      row->dead = v > 0.9;
      row->delta_norm =
          (float)(v < 0.75 ? CLAMP (0.5 + 0.15 * (u - 0.5), 0, 1) : v < 0.85 ? 1 - 0.1 * u * u : u);
      row->tag = (uint8_t)cs_latent_classify (row->delta_norm, row->dead);
      row->tested = row->delta_norm > 0.7;
      row->nu_error = row->tested ? (float)(0.6 * g_rand_double (random)) : NAN;
      row->nu_reconstruction = row->tested ? (float)g_rand_double (random) : NAN;
      row->chat_specific = row->tested && row->nu_error < 0.2 && row->nu_reconstruction < 0.5;
      row->density = (float)pow (10, -1 - 4 * u);
      row->dec_cos_sim = (float)(2 * g_rand_double (random) - 1);
      row->max_act = (float)(40 * u);
      row->count_active = (uint64_t)(1e6 * row->density);
      row->template_share = i % 3 ? (float)u : NAN;
    }
  g_rand_free (random);
  return latents;
}

/* --- States --- */

static void
test_no_run (Fixture *f, gconstpointer data)
{
  g_assert_cmpstr (gtk_stack_get_visible_child_name (f->page->stack), ==, "status");
  g_assert_cmpstr (adw_status_page_get_title (f->page->status), ==, "Train a Crosscoder First");
  g_assert_null (cs_page_status (CS_PAGE (f->page)));
}

static void
test_analyse (Fixture *f, gconstpointer data)
{
  g_assert_cmpstr (adw_status_page_get_title (f->page->status), ==, "Not Analysed Yet");
  g_signal_emit_by_name (f->page->status_button, "clicked");
  WAIT_FOR (g_str_equal (gtk_stack_get_visible_child_name (f->page->stack), "latents"));
  g_assert_cmpstr (cs_page_status (CS_PAGE (f->page)), ==, "48");
  g_assert_cmpuint (n_shown (f), >, 0);
}

/* --- The page on a run --- */

static void
test_filter (Fixture *f, gconstpointer data)
{
  guint all = n_shown (f);
  const CsLatentRow *first = cs_latent_list_row (f->page->list, cs_latent_list_at (f->page->list, 0));
  g_autofree char *id = g_strdup_printf ("%u", first->latent);

  g_assert_cmpuint (all, >, 4);
  for (guint i = 1; i < all; i++)
    {
      const CsLatentRow *row =
          cs_latent_list_row (f->page->list, cs_latent_list_at (f->page->list, i));
      g_assert_cmpfloat (row->delta_norm, <=, first->delta_norm);
    }
  cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, first->delta_norm, 1);
  g_assert_cmpuint (n_shown (f), >=, 1);
  g_assert_cmpuint (n_shown (f), <, all);
  g_assert_nonnull (gtk_widget_get_first_child (GTK_WIDGET (f->page->chips)));
  g_signal_emit_by_name (gtk_widget_get_first_child (GTK_WIDGET (f->page->chips)), "clicked");
  g_assert_cmpuint (n_shown (f), ==, all);
  gtk_editable_set_text (GTK_EDITABLE (f->page->search_entry), id);
  WAIT_FOR (n_shown (f) < all);
  g_assert_cmpint (cs_latent_list_position (f->page->list, first->latent), >=, 0);
  gtk_editable_set_text (GTK_EDITABLE (f->page->search_entry), "no such words");
  WAIT_FOR (n_shown (f) == 0);
  gtk_editable_set_text (GTK_EDITABLE (f->page->search_entry), "");
  WAIT_FOR (n_shown (f) == all);
}

static void
test_header_sorts (Fixture *f, gconstpointer data)
{
  double last = -INFINITY;

  cs_latent_table_sort (f->page->table, CS_LATENT_COLUMN_MAX_ACT, false);
  for (guint i = 0; i < n_shown (f); i++)
    {
      double value =
          cs_latent_list_row (f->page->list, cs_latent_list_at (f->page->list, i))->max_act;
      g_assert_cmpfloat (value, >=, last);
      last = value;
    }
  cs_latent_table_sort (f->page->table, CS_LATENT_COLUMN_ID, true);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), >,
                    cs_latent_list_at (f->page->list, n_shown (f) - 1));
}

static void
test_label (Fixture *f, gconstpointer data)
{
  size_t latent = cs_latent_list_at (f->page->list, 1);
  g_autoptr (CsStudy) again = NULL;
  CsLatentFilter filter = CS_LATENT_FILTER_DEFAULT;
  const CsLabel *label;

  cs_latents_page_select (f->page, latent, true);
  gtk_editable_set_text (GTK_EDITABLE (gtk_widget_get_template_child (
                             GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "name_row")),
                         "Refuses Harm");
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.bookmark", NULL);
  again = cs_study_open (f->folder, NULL);
  label = cs_study_label (again, "batchtopk-1", latent);
  g_assert_nonnull (label);
  g_assert_cmpstr (label->name, ==, "Refuses Harm");
  g_assert_true (label->bookmarked);
  filter.bookmarked = true;
  filter.search = (char *)(intptr_t) "harm";
  cs_latent_list_set_filter (f->page->list, &filter);
  g_assert_cmpuint (n_shown (f), ==, 1);
  /* What is typed and not yet saved is saved when another latent is looked at. */
  gtk_editable_set_text (GTK_EDITABLE (gtk_widget_get_template_child (
                             GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "note_row")),
                         "see paper");
  cs_latents_page_select (f->page, latent == 0, false); /* any other */
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->note, ==, "see paper");
}

/* Lists are written with commas between them, and filter. */
static void
test_lists (Fixture *f, gconstpointer data)
{
  const guint all = n_shown (f);
  size_t latent = cs_latent_list_at (f->page->list, 1);
  g_autoptr (GString) csv = NULL;
  g_autofree char *id = NULL;
  GtkDropDown *chooser;

  cs_latents_page_select (f->page, latent, true);
  gtk_editable_set_text (GTK_EDITABLE (gtk_widget_get_template_child (
                             GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "lists_row")),
                         "to check, refusals,");
  cs_latent_detail_flush (f->page->detail);
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->lists[0], ==, "refusals");
  chooser = GTK_DROP_DOWN (gtk_widget_get_template_child (GTK_WIDGET (f->page->header),
                                                          CS_TYPE_LATENT_HEADER, "list_chooser"));
  g_assert_cmpuint (g_list_model_get_n_items (gtk_drop_down_get_model (chooser)), ==, 3);
  gtk_drop_down_set_selected (chooser, 2);
  g_assert_cmpuint (n_shown (f), ==, 1);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), ==, latent);
  csv = cs_latents_as_csv (f->page->list);
  g_assert_nonnull (strstr (csv->str, "\"refusals;to check\""));
  /* The list goes with the last latent on it. */
  g_assert_true (cs_study_set_lists (f->study, "batchtopk-1", latent, NULL, NULL));
  g_assert_cmpuint (n_shown (f), ==, all);
}

/* A description comes from the server that was named, stays beside the user's name, and is taken only where there is none. */
static void
test_describe (Fixture *f, gconstpointer data)
{
  g_autoptr (ChatServer) server = chat_server_new ();
  size_t latent = cs_latent_list_at (f->page->list, 0);
  GtkWidget *detail = GTK_WIDGET (f->page->detail), *window;
  GtkWidget *row = GTK_WIDGET (gtk_widget_get_template_child (detail, CS_TYPE_LATENT_DETAIL, "suggestion_row"));
  GObject *button = gtk_widget_get_template_child (detail, CS_TYPE_LATENT_DETAIL, "suggestion_button");
  CsJob *job;

  cs_latents_page_select (f->page, latent, true);
  g_assert_false (gtk_widget_get_visible (row));
  window = g_object_ref_sink (cs_describe_window_new (f->study, f->page->run, f->page->list));
  cs_describe_window_fill (CS_DESCRIBE_WINDOW (window), "nowhere", "test-model", "", 0, false);
  g_assert_null (cs_describe_window_start (CS_DESCRIBE_WINDOW (window)));
  cs_describe_window_fill (CS_DESCRIBE_WINDOW (window), chat_server_url (server), "test-model", "k", 0, false);
  job = cs_describe_window_start (CS_DESCRIBE_WINDOW (window));
  g_assert_nonnull (job);
  WAIT_FOR (!cs_job_is_active (job) && gtk_widget_get_visible (row));
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_DONE);
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->suggestion->text, ==, "the number 31");
  g_assert_null (cs_study_label (f->study, "batchtopk-1", latent)->name);
  g_signal_emit_by_name (button, "clicked");
  g_assert_cmpstr (cs_study_label (f->study, "batchtopk-1", latent)->name, ==, "the number 31");
  g_assert_false (gtk_widget_get_sensitive (GTK_WIDGET (button)));
  gtk_window_destroy (GTK_WINDOW (window));
  g_object_unref (window);
}

/* A text that is searched by leaves what fires on it, strongest first. */
static void
test_prompt (Fixture *f, gconstpointer data)
{
  const guint all = n_shown (f);
  const size_t a = cs_latent_list_at (f->page->list, 0), b = cs_latent_list_at (f->page->list, 2);
  float values[N_LATENTS];
  GtkWidget *search = GTK_WIDGET (f->page->prompt_search);

  for (size_t i = 0; i < N_LATENTS; i++)
    values[i] = NAN;
  values[a] = 1;
  values[b] = 2;
  cs_latent_list_set_firing (f->page->list, values);
  g_assert_cmpuint (n_shown (f), ==, 2);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), ==, b);
  cs_latent_list_set_firing (f->page->list, NULL);
  g_assert_cmpuint (n_shown (f), ==, all);
  g_assert_cmpuint (cs_latent_list_at (f->page->list, 0), ==, a);
  /* This study has no models. */
  cs_latent_prompt_search_ask (f->page->prompt_search, "How do I pick a lock?");
  g_assert_true (gtk_widget_get_visible (gtk_widget_get_last_child (search)));
  g_assert_nonnull (strstr (gtk_label_get_text (GTK_LABEL (gtk_widget_get_last_child (search))), "no pair"));
  cs_latent_prompt_search_ask (f->page->prompt_search, "");
  g_assert_false (gtk_widget_get_visible (gtk_widget_get_last_child (search)));
}

/* Latents like the one that is shown are worked out beside, and lead on to theirs. */
static void
test_similar (Fixture *f, gconstpointer data)
{
  CsLatentKinCards *kin = CS_LATENT_KIN_CARDS (gtk_widget_get_template_child (
      GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "kin"));
  g_autofree char *text = NULL, *whole = NULL;

  cs_latents_page_select (f->page, 2, true);
  g_assert_true (gtk_widget_get_visible (GTK_WIDGET (kin)));
  cs_latents_page_select (f->page, 3, true); /* before the other was loaded */
#define TEXT (g_free (text), text = cs_latent_kin_cards_as_text (kin))
  WAIT_FOR (strstr (TEXT, "Nearest chat decoders:") != NULL &&
            strstr (text, "Fire on the same tokens:") != NULL);
#undef TEXT
  whole = cs_latent_detail_as_text (f->page->detail);
  g_assert_nonnull (strstr (whole, text));
  g_signal_emit_by_name (kin, "latent-activated", 7);
  g_assert_cmpint (cs_latent_list_selected (f->page->list), ==, 7);
}

static void
test_history (Fixture *f, gconstpointer data)
{
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.step", "i", 1);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.step", "i", 1);
  g_assert_cmpint (cs_latent_list_position (f->page->list, cs_latent_list_selected (f->page->list)),
                   ==, 2);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.history-back", NULL);
  g_assert_cmpint (cs_latent_list_position (f->page->list, cs_latent_list_selected (f->page->list)),
                   ==, 1);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.history-forward", NULL);
  g_assert_cmpint (cs_latent_list_position (f->page->list, cs_latent_list_selected (f->page->list)),
                   ==, 2);
  /* Shown by name, whatever is filtered. */
  cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, 2, 3);
  g_assert_cmpuint (n_shown (f), ==, 0);
  cs_latents_page_show (f->page, "batchtopk-1", 7);
  g_assert_cmpint (cs_latent_list_selected (f->page->list), ==, 7);
  g_assert_cmpint (cs_latent_list_position (f->page->list, 7), >=, 0);
}

static void
test_examples (Fixture *f, gconstpointer data)
{
  GtkWidget *examples = GTK_WIDGET (gtk_widget_get_template_child (
      GTK_WIDGET (f->page->detail), CS_TYPE_LATENT_DETAIL, "examples"));
  g_autofree char *text = NULL, *copied = NULL;
  GString *csv;
  char **lines;

  cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 0), true);
  WAIT_FOR (gtk_widget_get_first_child (gtk_widget_get_first_child (examples)) != NULL);
  copied = cs_latent_detail_as_text (f->page->detail);
  g_assert_nonnull (strstr (copied, "Latent "));
  g_assert_nonnull (strchr (copied, '\t')); /* an example */
  csv = cs_latents_as_csv (f->page->list);
  lines = g_strsplit (csv->str, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, n_shown (f) + 2);
  g_assert_true (g_str_has_prefix (lines[0], "latent,tag,dead,tested,chat_specific,delta_norm,"));
  g_strfreev (lines);
  g_string_free (csv, TRUE);
  /* Left while it loads. */
  cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 1), true);
  settle (130);
}

static void
test_narrow (Fixture *f, gconstpointer data)
{
  int minimum;

  gtk_widget_measure (GTK_WIDGET (f->page), GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL,
                      NULL);
  g_assert_cmpint (minimum, <=, 360);
  close_page (f);
  show_page (f, 380, 700);
  g_assert_true (adw_leaflet_get_folded (f->page->leaflet));
  cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 0), true);
  g_assert_true (adw_leaflet_get_visible_child (f->page->leaflet) == GTK_WIDGET (f->page->detail));
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.show-table", NULL);
  g_assert_false (adw_leaflet_get_visible_child (f->page->leaflet) ==
                  GTK_WIDGET (f->page->detail));
}

/* The longest turn of the main loop while a selection is dragged over 73,728 latents, drawing included. */
static void
test_page_of_many (Fixture *f, gconstpointer data)
{
  g_autoptr (CsLatents) latents = many_latents (MANY);
  double longest = 0, set = 0;

  cs_latent_list_set_latents (f->page->list, latents);
  gtk_stack_set_visible_child_name (f->page->stack, "latents");
  settle (300);
  for (int i = 0; i < 30; i++)
    {
      gint64 start = g_get_monotonic_time (), until;

      cs_latent_list_set_brush (f->page->list, CS_LATENT_BRUSH_DELTA_NORM, 0.01 * i, 1);
      set = MAX (set, (g_get_monotonic_time () - start) / 1e3);
      until = g_get_monotonic_time () + 60000;
      while (g_get_monotonic_time () < until)
        {
          start = g_get_monotonic_time ();
          if (!g_main_context_iteration (NULL, FALSE))
            g_usleep (500);
          longest = MAX (longest, (g_get_monotonic_time () - start) / 1e3);
        }
    }
  g_test_message ("brushing %d latents: a selection takes at most %.1f ms, the frame after it %.1f ms",
                  MANY, set, longest);
  g_assert_cmpuint (n_shown (f), >, 1000);
}

/* --- Token text --- */

static void
test_token_text (void)
{
  CsTokenText *text = CS_TOKEN_TEXT (g_object_ref_sink (cs_token_text_new ()));
  const int32_t ids[] = { 4, 15, 7 };
  const float values[] = { 0, 2.5f, -1 };
  g_autofree char *word = NULL;

  g_assert_cmpfloat_with_epsilon (cs_token_text_opacity (1, 1), 1, 1e-9);
  g_assert_cmpfloat_with_epsilon (cs_token_text_opacity (1, 3), 0.05 + 0.95 * log10 (4), 1e-9);
  g_assert_cmpfloat (cs_token_text_opacity (0, 1), ==, 0);
  g_assert_cmpfloat (cs_token_text_opacity (NAN, 1), ==, 0);
  cs_token_text_set (text, NULL, ids, values, 3, 5);
  g_assert_cmpstr (cs_token_text_get_text (text), ==, "4 15 7");
  word = cs_token_text_dup_token (text, 1);
  g_assert_cmpstr (word, ==, "15");
  g_clear_pointer (&word, g_free);
  word = cs_token_text_describe (text, 1);
  g_assert_nonnull (strstr (word, "2.5, 0.50 of max"));
  cs_token_text_set (text, NULL, NULL, NULL, 0, 0);
  g_assert_cmpuint (cs_token_text_get_n (text), ==, 0);
  g_object_unref (text);
}

/* --- Many latents --- */

static void
test_list_of_many (void)
{
  g_autoptr (CsLatentList) list = cs_latent_list_new ();
  g_autoptr (CsLatents) latents = many_latents (MANY);
  CsLatentFilter filter = CS_LATENT_FILTER_DEFAULT;
  gint64 start = g_get_monotonic_time ();
  double sort_ms = 0, filter_ms, brush_ms, search_ms;

  cs_latent_list_set_latents (list, latents);
  for (CsLatentColumn c = 0; c < CS_LATENT_N_COLUMNS; c++)
    {
      start = g_get_monotonic_time ();
      cs_latent_list_sort (list, c, true);
      sort_ms = MAX (sort_ms, (g_get_monotonic_time () - start) / 1e3);
    }
  /* What is not known comes last, in both directions. */
  cs_latent_list_sort (list, CS_LATENT_COLUMN_NU_ERROR, false);
  for (int descending = 0; descending < 2; descending++)
    {
      guint n = g_list_model_get_n_items (G_LIST_MODEL (list));
      float first = cs_latent_list_row (list, cs_latent_list_at (list, 0))->nu_error;

      g_assert_true (isnan (cs_latent_list_row (list, cs_latent_list_at (list, n - 1))->nu_error));
      g_assert_true (descending ? first > 0.59 : first < 0.01);
      cs_latent_list_sort (list, CS_LATENT_COLUMN_NU_ERROR, true);
    }
  start = g_get_monotonic_time ();
  filter.chat_specific = true;
  filter.search = (char *)(intptr_t) "12";
  cs_latent_list_set_filter (list, &filter);
  search_ms = (g_get_monotonic_time () - start) / 1e3;
  g_assert_cmpuint (g_list_model_get_n_items (G_LIST_MODEL (list)), >, 10);
  filter.search = NULL;
  filter.chat_specific = false;
  start = g_get_monotonic_time ();
  cs_latent_list_set_filter (list, &filter);
  filter_ms = (g_get_monotonic_time () - start) / 1e3;
  start = g_get_monotonic_time ();
  cs_latent_list_set_brush (list, CS_LATENT_BRUSH_DELTA_NORM, 0.9, 1);
  brush_ms = (g_get_monotonic_time () - start) / 1e3;
  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (list)); i++)
    g_assert_cmpfloat (cs_latent_list_row (list, cs_latent_list_at (list, i))->delta_norm, >=, 0.9f);
  g_test_message ("%d latents: sort %.1f ms, filter %.1f ms, brush %.1f ms, search %.1f ms", MANY,
                  sort_ms, filter_ms, brush_ms, search_ms);
  if (g_test_perf ())
    {
      g_assert_cmpfloat (sort_ms, <, 100);
      g_assert_cmpfloat (MAX (filter_ms, MAX (brush_ms, search_ms)), <, 50);
    }
}

/* The selection is a latent, not a place. */
static void
test_list_selection (void)
{
  g_autoptr (CsLatentList) list = cs_latent_list_new ();
  g_autoptr (CsLatents) latents = many_latents (200);
  gssize position;

  cs_latent_list_set_latents (list, latents);
  gtk_selection_model_select_item (GTK_SELECTION_MODEL (list), 3, TRUE);
  g_assert_cmpint (cs_latent_list_selected (list), ==, (gssize)cs_latent_list_at (list, 3));
  cs_latent_list_sort (list, CS_LATENT_COLUMN_COSINE, false);
  position = cs_latent_list_position (list, (size_t)cs_latent_list_selected (list));
  g_assert_true (gtk_selection_model_is_selected (GTK_SELECTION_MODEL (list), (guint)position));
  cs_latent_list_set_latents (list, NULL);
  g_assert_cmpint (cs_latent_list_selected (list), ==, -1);
}

/* --- Words --- */

static void
test_words (void)
{
  CsLatentRow row = { .tag = CS_LATENT_CHAT_ONLY, .delta_norm = 0.97f, .tested = 1, .chat_specific = 1,
                      .nu_error = 0.04f, .nu_reconstruction = 0.11f, .template_share = NAN };
  g_autofree char *yes = cs_latent_verdict_reason (&row), *no = NULL, *dash = NULL;

  g_assert_cmpstr (yes, ==, "ν^ε 0.04 < 0.2 and ν^r 0.11 < 0.5: chat-specific");
  row.chat_specific = 0;
  row.nu_reconstruction = 0.66f;
  no = cs_latent_verdict_reason (&row);
  g_assert_nonnull (strstr (no, "ν^r 0.66 ≥ 0.5"));
  g_assert_nonnull (strstr (no, "Latent Decoupling"));
  dash = cs_latent_column_text (&row, CS_LATENT_COLUMN_TEMPLATE_SHARE);
  g_assert_cmpstr (dash, ==, "–");
}

/* --- Pictures --- */

static void
save_picture (GtkWidget *window, const char *name)
{
  GdkPaintable *paintable = gtk_widget_paintable_new (window);
  GtkSnapshot *snapshot = gtk_snapshot_new ();
  g_autofree char *path = g_strdup_printf ("%s/%s.png", g_getenv ("CS_TEST_SHOTS"), name);
  GskRenderNode *node;
  GdkTexture *texture;

  gdk_paintable_snapshot (paintable, snapshot, gtk_widget_get_width (window),
                          gtk_widget_get_height (window));
  node = gtk_snapshot_free_to_node (snapshot);
  texture = gsk_renderer_render_texture (gtk_native_get_renderer (GTK_NATIVE (window)), node, NULL);
  gdk_texture_save_to_png (texture, path);
  g_object_unref (texture);
  gsk_render_node_unref (node);
  g_object_unref (paintable);
}

static void
count_cb (guint *n)
{
  (*n)++;
}

/* Search by a text, and the window that asks for descriptions. */
static void
picture_search (Fixture *f, const char *scheme, int narrow)
{
  g_autofree char *searched = g_strdup_printf ("latents-%s-%s-prompt", scheme, narrow ? "narrow" : "wide");
  g_autofree char *asked = g_strdup_printf ("latents-%s-%s-describe", scheme, narrow ? "narrow" : "wide");
  GtkWidget *window = cs_describe_window_new (f->study, f->page->run, f->page->list);
  guint ready = 0;

  cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, 1, 0);
  gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.find", NULL);
  g_signal_connect_swapped (f->page->prompt_search, "ready", G_CALLBACK (count_cb), &ready);
  cs_latent_prompt_search_ask (f->page->prompt_search, "How do I pick a lock?");
  WAIT_FOR (ready > 0);
  g_assert_cmpuint (n_shown (f), >, 5);
  settle (1500);
  save_picture (f->window, searched);
  if (narrow)
    gtk_window_set_default_size (GTK_WINDOW (window), 360, 600);
  gtk_window_present (GTK_WINDOW (window));
  settle (1000);
  save_picture (window, asked);
  gtk_window_destroy (GTK_WINDOW (window));
}

static void
take_pictures (Fixture *f, const char *scheme)
{
  static const char *const plots[] = { "delta-norm", "scaling", "cosine", "density" };
  GtkWidget *plot_stack;

  for (int narrow = 0; narrow < 2; narrow++)
    {
      show_page (f, narrow ? 380 : 950, narrow ? 720 : 760);
      plot_stack = gtk_widget_get_last_child (gtk_widget_get_first_child (GTK_WIDGET (f->page->plots)));
      for (size_t i = 0; i < G_N_ELEMENTS (plots); i++)
        {
          g_autofree char *name = g_strdup_printf ("latents-%s-%s-%s", scheme, narrow ? "narrow" : "wide", plots[i]);

          gtk_stack_set_visible_child_name (GTK_STACK (plot_stack), plots[i]);
          if (i == 1 && n_shown (f) > 0)
            cs_latents_page_select (f->page, cs_latent_list_at (f->page->list, 0), true);
          if (i == 2)
            gtk_widget_activate_action (GTK_WIDGET (f->page), "latents.show-table", NULL);
          if (i == 3)
            cs_latent_plots_set_brush (f->page->plots, CS_LATENT_BRUSH_DELTA_NORM, 0.8, 1);
          settle (2500);
          save_picture (f->window, name);
        }
      picture_search (f, scheme, narrow);
      close_page (f);
    }
}

static void
test_pictures (void)
{
  Fixture f = { 0 };
  GError *error = NULL;

  if (g_getenv ("CS_TEST_SHOTS") == NULL || g_getenv ("CS_TEST_STUDY") == NULL)
    {
      g_test_skip ("CS_TEST_SHOTS and CS_TEST_STUDY are not set.");
      return;
    }
  f.study = cs_study_open (g_getenv ("CS_TEST_STUDY"), &error);
  g_assert_no_error (error);
  adw_style_manager_set_color_scheme (adw_style_manager_get_default (), ADW_COLOR_SCHEME_FORCE_LIGHT);
  take_pictures (&f, "light");
  adw_style_manager_set_color_scheme (adw_style_manager_get_default (), ADW_COLOR_SCHEME_FORCE_DARK);
  take_pictures (&f, "dark");
  g_object_unref (f.study);
}

/* What AdwApplication does by itself. */
static void
load_style (void)
{
  g_autoptr (GtkCssProvider) provider = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (provider, "/io/github/crosscope/Crosscope/style.css");
  gtk_style_context_add_provider_for_display (gdk_display_get_default (),
                                              GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  adw_init ();
  load_style ();
  g_object_set (gtk_settings_get_default (), "gtk-enable-animations", FALSE, NULL);
  g_test_add_func ("/latents/words", test_words);
  g_test_add_func ("/latents/token-text", test_token_text);
  g_test_add_func ("/latents/list/many", test_list_of_many);
  g_test_add_func ("/latents/list/selection", test_list_selection);
#define ADD(path, state, func) g_test_add (path, Fixture, state, set_up, func, tear_down)
  ADD ("/latents/page/no-run", "", test_no_run);
  ADD ("/latents/page/analyse", "trained", test_analyse);
  ADD ("/latents/page/filter", "analysed", test_filter);
  ADD ("/latents/page/sort", "analysed", test_header_sorts);
  ADD ("/latents/page/label", "analysed", test_label);
  ADD ("/latents/page/lists", "analysed", test_lists);
  ADD ("/latents/page/describe", "analysed", test_describe);
  ADD ("/latents/page/prompt", "analysed", test_prompt);
  ADD ("/latents/page/similar", "analysed", test_similar);
  ADD ("/latents/page/history", "analysed", test_history);
  ADD ("/latents/page/examples", "analysed", test_examples);
  ADD ("/latents/page/many", "", test_page_of_many);
  ADD ("/latents/page/narrow", "analysed", test_narrow);
  g_test_add_func ("/latents/page/pictures", test_pictures);
  return g_test_run ();
}
