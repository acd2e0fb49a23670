#include "run-pages-fixture.h"

#include <glib/gstdio.h>
#include <math.h>

#include "activations-page.h"
#include "pair-page.h"
#include "training-page.h"

/* --- The window --- */

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
bool
pages_wait_for (bool (*condition) (void *data), void *data, double seconds)
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

void
pages_settle (double seconds)
{
  pages_wait_for (never, NULL, seconds);
}

static bool
is_mapped (void *widget)
{
  return gtk_widget_get_mapped (widget) && gtk_widget_get_width (widget) > 0;
}

void
pages_set_up (PagesFixture *f, gconstpointer data)
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
  g_assert_true (pages_wait_for (is_mapped, f->window, 20));
}

void
pages_set_study (PagesFixture *f, CsStudy *study)
{
  for (int i = 0; i < 3; i++)
    cs_page_set_study (f->pages[i], study);
}

static bool
are_gone (void *data)
{
  CsPage *const *pages = data;

  return pages[0] == NULL && pages[1] == NULL && pages[2] == NULL;
}

void
pages_tear_down (PagesFixture *f, gconstpointer data)
{
  CsPage *pages[3];

  cs_study_stop_jobs (f->study);
  pages_set_study (f, NULL);
  pages_settle (0.3);
  for (int i = 0; i < 3; i++)
    {
      pages[i] = f->pages[i];
      g_object_add_weak_pointer (G_OBJECT (pages[i]), (void **) &pages[i]);
    }
  gtk_window_destroy (GTK_WINDOW (f->window));
  g_assert_true (pages_wait_for (are_gone, pages, 60)); /* threads may hold them a while */
  g_assert_finalize_object (f->study);
  remove_tree (f->folder);
  g_free (f->folder);
}

void
pages_show (PagesFixture *f, const char *page)
{
  gtk_stack_set_visible_child_name (GTK_STACK (f->stack), page);
}

/* With CROSSCOPE_SHOTS set to a folder, writes what the window shows there. */
void
pages_shoot (PagesFixture *f, const char *name)
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
  pages_settle (0.3);
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

GtkWidget *
pages_find (GtkWidget *widget, GType type)
{
  if (g_type_is_a (G_OBJECT_TYPE (widget), type))
    return widget;
  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL; w = gtk_widget_get_next_sibling (w))
    {
      GtkWidget *found = pages_find (w, type);
      if (found != NULL)
        return found;
    }
  return NULL;
}

guint
pages_count (GtkWidget *widget, GType type)
{
  guint n = g_type_is_a (G_OBJECT_TYPE (widget), type);

  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL; w = gtk_widget_get_next_sibling (w))
    n += pages_count (w, type);
  return n;
}

bool
pages_shows_text (GtkWidget *widget, const char *text)
{
  if (GTK_IS_LABEL (widget) && gtk_widget_get_child_visible (widget)
      && strstr (gtk_label_get_text (GTK_LABEL (widget)), text) != NULL)
    return true;
  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL; w = gtk_widget_get_next_sibling (w))
    if (pages_shows_text (w, text))
      return true;
  return false;
}

typedef struct
{
  GtkWidget *widget;
  const char *text;
} WantedText;

static bool
text_is_there (void *data)
{
  const WantedText *wanted = data;

  return pages_shows_text (wanted->widget, wanted->text);
}

bool
pages_wait_text (GtkWidget *widget, const char *text)
{
  WantedText wanted = { widget, text };

  return pages_wait_for (text_is_there, &wanted, 40);
}

/* --- Synthetic files --- */

void
pages_make_store (PagesFixture *f, size_t n_documents)
{
  g_autofree char *path = cs_study_store_path (f->study);
  char *corpora[] = { g_strdup ("made-up"), NULL };
  CsStoreInfo info = { .d_model = PAGES_D_MODEL, .layer = 2, .dtype = CS_DTYPE_F32, .corpora = corpora };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  g_autofree float *rows = g_new (float, 50 * 2 * PAGES_D_MODEL);
  int32_t ids[50] = { 0 };

  info.base_model = info.chat_model = info.base_hash = info.chat_hash = info.tokenizer_hash = corpora[0];
  store = cs_store_create (path, &info, 50 * n_documents, n_documents, &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < n_documents; i++)
    {
      for (size_t j = 0; j < 50 * 2 * PAGES_D_MODEL; j++)
        rows[j] = (float) sin (0.37 * (double) j * (1 + (double) (i % 7)) + (double) i);
      g_assert_true (cs_store_append_document (store, ids, 50, 0, rows, &error));
    }
  g_assert_true (cs_store_finish (store, &error));
  g_free (corpora[0]);
}

void
pages_small_config (CsTrainConfig *config, size_t steps)
{
  cs_train_config_init (config, CS_VARIANT_BATCHTOPK, PAGES_D_MODEL);
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

void
pages_make_run (PagesFixture *f, const char *name, CsVariant variant, double level)
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

void
pages_reopen (PagesFixture *f)
{
  g_autoptr (GError) error = NULL;

  pages_set_study (f, NULL);
  g_object_unref (f->study);
  f->study = cs_study_open (f->folder, &error);
  g_assert_no_error (error);
  pages_set_study (f, f->study);
}
