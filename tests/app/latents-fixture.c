#include "latents-fixture.h"

#include <math.h>

#include <glib/gstdio.h>

#define D_MODEL 8
#define N_DOCUMENTS 80
#define DOCUMENT 20

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

void
latents_settle (int milliseconds)
{
  gint64 end = g_get_monotonic_time () + milliseconds * 1000;

  while (g_get_monotonic_time () < end)
    if (!g_main_context_iteration (NULL, FALSE))
      g_usleep (1000);
}

static void
make_study (LatentsFixture *f, const char *state)
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
  config.n_latents = LATENTS_N;
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

void
latents_show_page (LatentsFixture *f, int width, int height)
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
  latents_settle (50);
}

void
latents_set_up (LatentsFixture *f, gconstpointer state)
{
  make_study (f, state);
  latents_show_page (f, 950, 720);
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

void
latents_close_page (LatentsFixture *f)
{
  gpointer page = f->page, list = f->page->list, detail = f->page->detail;

  g_object_add_weak_pointer (G_OBJECT (f->page), &page);
  g_object_add_weak_pointer (G_OBJECT (f->page->list), &list);
  g_object_add_weak_pointer (G_OBJECT (f->page->detail), &detail);
  cs_page_set_study (CS_PAGE (f->page), NULL);
  gtk_window_destroy (GTK_WINDOW (f->window));
  WAIT_FOR (page == NULL && list == NULL && detail == NULL);
}

void
latents_tear_down (LatentsFixture *f, gconstpointer state)
{
  latents_close_page (f);
  cs_study_stop_jobs (f->study);
  g_clear_object (&f->study);
  remove_tree (f->folder);
  g_free (f->folder);
  g_free (f->run_folder);
}

guint
latents_n_shown (LatentsFixture *f)
{
  return g_list_model_get_n_items (G_LIST_MODEL (f->page->list));
}

/* --- Made-up latents --- */

CsLatents *
latents_made_up (size_t n)
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
      row->delta_norm = (float)(v < 0.75   ? CLAMP (0.5 + 0.15 * (u - 0.5), 0, 1)
                                : v < 0.85 ? 1 - 0.1 * u * u
                                           : u);
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

void
latents_test_init (int *argc, char ***argv)
{
  g_test_init (argc, argv, NULL);
  adw_init ();
  load_style ();
  g_object_set (gtk_settings_get_default (), "gtk-enable-animations", FALSE, NULL);
}
