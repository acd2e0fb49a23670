/* The Report page: empty, with a study, exported, gone. */
#include <string.h>

#include <glib/gstdio.h>

#include "latents-private.h"
#include "report-page.h"
#include "report.h"

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

/* --- The same from the window and from the command --- */

static const char *command; /* crosscope-cli; NULL: not given */

/* Every label's text, in the order of the page, each followed by a line feed. */
static void
collect_texts (GtkWidget *widget, GString *texts)
{
  if (GTK_IS_LABEL (widget))
    g_string_append_printf (texts, "%s\n", gtk_label_get_text (GTK_LABEL (widget)));
  for (GtkWidget *w = gtk_widget_get_first_child (widget); w != NULL;
       w = gtk_widget_get_next_sibling (w))
    collect_texts (w, texts);
}

/* `text` stands on a line of its own, or lines, behind *at, which moves behind it. */
static void
assert_next (const char **at, const char *text)
{
  g_autofree char *line = g_strdup_printf ("\n%s\n", text);
  const char *found = strstr (*at, line);

  if (found == NULL)
    g_error ("“%s” is not on the page where it should be", text);
  *at = found + strlen (line) - 1;
}

static void
assert_shown (const char **at, const CsReportBlock *block)
{
  if (block->kind == CS_REPORT_FIGURE)
    return; /* its caption stands under its legend */
  if (block->kind == CS_REPORT_CLAIM)
    assert_next (at, cs_report_verdict_word (block->verdict));
  assert_next (at, block->text);
  if (block->detail != NULL && block->kind != CS_REPORT_TEXTS)
    assert_next (at, block->detail);
  for (size_t c = 0; block->kind == CS_REPORT_TABLE && c < block->n_columns; c++)
    assert_next (at, block->columns[c]);
  for (size_t i = 0; block->kind == CS_REPORT_TABLE && i < block->n_rows * block->n_columns; i++)
    if (block->cells[i].text[0] != '\0')
      assert_next (at, block->cells[i].text);
}

/* Each block of the report that the command writes is on the page, word for word and in order. */
static void
test_page_shows_report (Fixture *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReport) report = cs_report_new (f->folder, NULL, &error);
  g_autoptr (GString) texts = g_string_new ("\n");
  const char *at;
  size_t n = 0;

  g_assert_no_error (error);
  collect_texts (GTK_WIDGET (f->page), texts);
  at = texts->str;
  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      assert_next (&at, section->title);
      for (guint b = 0; b < section->blocks->len; b++, n++)
        assert_shown (&at, g_ptr_array_index (section->blocks, b));
    }
  g_assert_cmpuint (n, >, 15);
}

static void
assert_same_file (const char *folder, const char *a, const char *b)
{
  g_autofree char *a_path = g_build_filename (folder, a, NULL),
                  *b_path = g_build_filename (folder, b, NULL);
  g_autofree char *a_text = NULL, *b_text = NULL;
  gsize a_size, b_size;

  g_assert_true (g_file_get_contents (a_path, &a_text, &a_size, NULL));
  g_assert_true (g_file_get_contents (b_path, &b_text, &b_size, NULL));
  g_assert_cmpmem (a_text, a_size, b_text, b_size);
}

static void
export_to (Fixture *f, const char *name, bool tables)
{
  g_autofree char *path = g_build_filename (f->folder, name, NULL);

  wanted = tables ? g_build_filename (path, "texts.csv", NULL) : g_strdup (path);
  cs_report_page_export (f->page, path, tables);
  iterate_until (is_written, f);
  g_clear_pointer (&wanted, g_free);
}

static void
test_same_as_command (Fixture *f, const void *data)
{
  g_autofree char *html = g_build_filename (f->folder, "command.html", NULL),
                  *tables = g_build_filename (f->folder, "command", NULL);
  const char *words[] = { command, "report", f->folder, "--html", html, "--csv", tables, NULL };
  g_autoptr (GError) error = NULL;
  int status;

  if (command == NULL)
    {
      g_test_skip ("The command is not given.");
      return;
    }
  g_assert_true (g_spawn_sync (NULL, (char **)(uintptr_t)words, NULL,
                               G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL,
                               NULL, NULL, &status, &error));
  g_assert_no_error (error);
  g_assert_true (g_spawn_check_wait_status (status, &error));
  export_to (f, "window.html", false);
  export_to (f, "window", true);
  assert_same_file (f->folder, "command.html", "window.html");
  assert_same_file (f->folder, "command/claims.csv", "window/claims.csv");
  assert_same_file (f->folder, "command/claims-table.csv", "window/claims-table.csv");
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
  command = argc > 1 ? argv[1] : NULL;
#define ADD(name, data, func)                                                                      \
  g_test_add ("/report-page/" name, Fixture, GINT_TO_POINTER (data), set_up, func, tear_down)
  ADD ("empty", 0, test_empty);
  ADD ("content", 1, test_content);
  ADD ("export", 1, test_export);
  ADD ("shows-report", 1, test_page_shows_report);
  ADD ("same-as-command", 1, test_same_as_command);
  ADD ("gone", 1, test_gone);
  return g_test_run ();
}
