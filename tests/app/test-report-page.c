/* The Report page: empty, with a study, exported, gone. */
#include <glib/gstdio.h>

#include "latents-private.h"
#include "report-page.h"

#define N_LATENTS 100
#define TIMEOUT_S 30

typedef struct
{
  char *folder;
  CsStudy *study;
  GtkWindow *window;
  CsReportPage *page;
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

static void
write_run (const Fixture *f, const char *name, const char *variant)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_build_filename (f->folder, "runs", name, NULL),
                  *config = g_build_filename (folder, "config.json", NULL),
                  *content = g_strdup_printf ("{\"variant\": \"%s\"}", variant);
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_LATENTS * 5);
  CsLatentRow rows[N_LATENTS];
  const CsLatents latents = { .n_latents = N_LATENTS, .n_tokens = 1000, .rows = rows };

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  for (size_t j = 0; j < N_LATENTS; j++)
    {
      cs_latent_row_init (&rows[j], j);
      rows[j].delta_norm = (float)j / N_LATENTS;
      rows[j].max_act = 40;
      rows[j].tag = (uint8_t)cs_latent_classify (rows[j].delta_norm, false);
    }
  for (size_t i = 0; i < N_LATENTS * 5; i++)
    slots[i].token = -1;
  cs_latents_save (&latents, folder, slots, 1, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_set_contents (config, content, -1, NULL));
}

static bool
settled (Fixture *f)
{
  return cs_report_page_is_settled (f->page);
}

static void
iterate_until (bool (*done) (Fixture *f), Fixture *f)
{
  const gint64 end = g_get_monotonic_time () + TIMEOUT_S * G_USEC_PER_SEC;

  while (!done (f))
    {
      g_assert_cmpint (g_get_monotonic_time (), <, end);
      g_main_context_iteration (NULL, FALSE);
      g_usleep (500);
    }
}

static void
set_up (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;

  f->folder = g_dir_make_tmp ("crosscope-report-page-XXXXXX", NULL);
  f->study = cs_study_create (f->folder, "<i>Title</i>", &error);
  g_assert_no_error (error);
  if (GPOINTER_TO_INT (data) == 1)
    {
      write_run (f, "l1-1", "l1");
      write_run (f, "batchtopk-1", "batchtopk");
    }
  f->window = GTK_WINDOW (gtk_window_new ());
  f->page = g_object_new (CS_TYPE_REPORT_PAGE, NULL);
  gtk_window_set_default_size (f->window, 360, 640);
  gtk_window_set_child (f->window, GTK_WIDGET (f->page));
  cs_page_set_study (CS_PAGE (f->page), f->study);
  gtk_window_present (f->window);
  cs_report_page_refresh (f->page);
  iterate_until (settled, f);
}

static bool
page_is_gone (Fixture *f)
{
  return f->page == NULL;
}

static void
tear_down (Fixture *f, const void *data)
{
  g_object_add_weak_pointer (G_OBJECT (f->page), (void **)&f->page);
  gtk_window_destroy (f->window);
  iterate_until (page_is_gone, f);
  g_assert_finalize_object (f->study);
  remove_tree (f->folder);
  g_free (f->folder);
}

/* --- Looking --- */

static GtkWidget *
find_label (GtkWidget *widget, const char *text)
{
  if (GTK_IS_LABEL (widget) && strcmp (gtk_label_get_text (GTK_LABEL (widget)), text) == 0)
    return widget;
  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL;
       w = gtk_widget_get_next_sibling (w))
    {
      GtkWidget *found = find_label (w, text);

      if (found != NULL)
        return found;
    }
  return NULL;
}

static bool
shows (Fixture *f, const char *text)
{
  GtkWidget *label = find_label (GTK_WIDGET (f->page), text);

  return label != NULL && gtk_widget_get_mapped (label);
}

/* --- Tests --- */

static void
test_empty (Fixture *f, const void *data)
{
  g_assert_true (shows (f, "Nothing to Report Yet"));
  write_run (f, "l1-1", "l1");
  cs_report_page_refresh (f->page);
  iterate_until (settled, f);
  g_assert_false (shows (f, "Nothing to Report Yet"));
  g_assert_nonnull (find_label (GTK_WIDGET (f->page), "Claims"));
}

static void
test_content (Fixture *f, const void *data)
{
  int least, natural;

  g_assert_nonnull (find_label (GTK_WIDGET (f->page), "<i>Title</i>"));
  g_assert_nonnull (find_label (GTK_WIDGET (f->page), "Latent Scaling"));
  g_assert_nonnull (find_label (GTK_WIDGET (f->page), "not measured"));
  g_assert_nonnull (find_label (GTK_WIDGET (f->page), "chat-only (≥ 0.9)"));
  gtk_widget_measure (GTK_WIDGET (f->page), GTK_ORIENTATION_HORIZONTAL, -1, &least, &natural, NULL,
                      NULL);
  g_assert_cmpint (least, <=, 340);
}

static char *wanted;

static bool
is_written (Fixture *f)
{
  return g_file_test (wanted, G_FILE_TEST_EXISTS);
}

static void
test_export (Fixture *f, const void *data)
{
  static const char *const names[] = { "out.html", "out.pdf", "tables" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (f->folder, names[i], NULL);

      wanted = i == 2 ? g_build_filename (path, "claims.csv", NULL) : g_strdup (path);
      cs_report_page_export (f->page, path, i == 2);
      iterate_until (is_written, f);
      g_free (wanted);
    }
}

/* A reading that is under way when the study or the page goes. */
static void
test_gone (Fixture *f, const void *data)
{
  cs_report_page_refresh (f->page);
  cs_page_set_study (CS_PAGE (f->page), NULL);
  g_assert_true (settled (f));
  g_assert_null (find_label (GTK_WIDGET (f->page), "Claims"));
  cs_page_set_study (CS_PAGE (f->page), f->study);
  cs_report_page_refresh (f->page);
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
#define ADD(name, data, func)                                                                      \
  g_test_add ("/report-page/" name, Fixture, GINT_TO_POINTER (data), set_up, func, tear_down)
  ADD ("empty", 0, test_empty);
  ADD ("content", 1, test_content);
  ADD ("export", 1, test_export);
  ADD ("gone", 1, test_gone);
  return g_test_run ();
}
