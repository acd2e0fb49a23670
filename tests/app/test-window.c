/* The window in process, on a virtual display: Welcome, opening, pages, jobs, closing. */
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "job-row.h"
#include "welcome-page.h"
#include "window-driver.h"

typedef struct {
  char *folder;
} Fixture;

static void
set_up (Fixture *fixture, const void *data)
{
  fixture->folder = g_dir_make_tmp ("crosscope-window-XXXXXX", NULL);
}

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
tear_down (Fixture *fixture, const void *data)
{
  remove_tree (fixture->folder);
  g_free (fixture->folder);
}

static char *
new_study_folder (Fixture *fixture, const char *name)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_build_filename (fixture->folder, name, NULL);
  g_autoptr (CsStudy) study = cs_study_create (folder, name, &error);

  g_assert_no_error (error);
  g_assert_nonnull (study);
  return folder;
}

static CsWindow *
window_on (Fixture *fixture, const char *name)
{
  g_autofree char *folder = new_study_folder (fixture, name);
  CsWindow *window = driver_window (900, 600);

  cs_application_open_study (driver_application (), folder);
  g_assert_nonnull (cs_window_study (window));
  driver_settle (0.1);
  return window;
}

/* --- A job that goes on until it is cancelled, or ends as it is told --- */

typedef struct {
  int outcome; /* atomic: 0 goes on, 1 done, 2 failed */
} Work;

static bool
work_func (CsJob *job, void *data, GError **error)
{
  Work *work = data;
  double done = 0;

  while (g_atomic_int_get (&work->outcome) == 0)
    {
      if (!cs_job_checkpoint (job, error))
        return false;
      cs_job_progress (job, ++done, 1e9, "steps");
      g_usleep (2000);
    }
  if (work->outcome == 1)
    return true;
  g_set_error_literal (error, CS_ERROR, CS_ERROR_IO, "The disk is full: free some space and go on.");
  return false;
}

typedef struct {
  CsJob *job;
  CsJobState state;
} StateWanted;

static bool
has_state (void *data)
{
  const StateWanted *wanted = data;

  return cs_job_state (wanted->job) == wanted->state;
}

static void
wait_state (CsJob *job, CsJobState state)
{
  g_assert_true (driver_wait (has_state, &(StateWanted) { job, state }, 10));
}

typedef struct {
  GtkWidget *root;
  const char *text;
} TextWanted;

static bool
shows_text (void *data)
{
  const TextWanted *wanted = data;

  return driver_find_text (wanted->root, wanted->text) != NULL;
}

static void
wait_text (void *root, const char *text)
{
  if (!driver_wait (shows_text, &(TextWanted) { root, text }, 10))
    g_error ("The window never showed “%s”.", text);
}

/* The icon-only button of that tooltip. */
static bool
has_tooltip (GtkWidget *widget, const void *tooltip)
{
  return gtk_widget_get_visible (widget) && g_strcmp0 (gtk_widget_get_tooltip_text (widget), tooltip) == 0;
}

static void
click_tooltip (void *root, const char *tooltip)
{
  GtkWidget *button = driver_find (root, GTK_TYPE_BUTTON, has_tooltip, tooltip);

  g_assert_nonnull (button);
  g_signal_emit_by_name (button, "clicked");
}

/* --- Tests --- */

static void
test_welcome (Fixture *fixture, const void *data)
{
  CsWindow *window = driver_window (900, 600);
  GtkWidget *demo = driver_find_button (GTK_WIDGET (window), "Open the _Demo");

  g_assert_null (cs_window_study (window));
  g_assert_nonnull (demo);
  g_assert_true (gtk_widget_get_mapped (demo));
  g_assert_true (gtk_root_get_focus (GTK_ROOT (window)) == demo);
  g_assert_nonnull (driver_find_text (GTK_WIDGET (window), "New Study"));
  g_assert_nonnull (driver_find_text (GTK_WIDGET (window), "Open Study"));
  /* Shortcuts of pages do nothing without a study. */
  gtk_widget_activate_action (GTK_WIDGET (window), "win.show-page", "s", "latents");
  g_assert_true (gtk_widget_get_mapped (demo));
  driver_close (window);
}

static void
test_open_and_pages (Fixture *fixture, const void *data)
{
  static const char *const pages[] = { "pair", "activations", "training", "latents", "steering", "report" };
  CsWindow *window = window_on (fixture, "empty");
  GtkListBox *list;

  g_assert_cmpstr (gtk_window_get_title (GTK_WINDOW (window)), ==, "empty – Crosscope");
  list = GTK_LIST_BOX (gtk_widget_get_ancestor (driver_find_text (GTK_WIDGET (window), "Latents"), GTK_TYPE_LIST_BOX));
  for (size_t i = 0; i < G_N_ELEMENTS (pages); i++)
    {
      gtk_widget_activate_action (GTK_WIDGET (window), "win.show-page", "s", pages[i]);
      driver_settle (0.3);
      g_assert_true (gtk_widget_get_mapped (GTK_WIDGET (cs_window_page (window, pages[i]))));
      g_assert_cmpint (gtk_list_box_row_get_index (gtk_list_box_get_selected_row (list)), ==, i);
    }
  gtk_list_box_select_row (list, gtk_list_box_get_row_at_index (list, 2));
  driver_settle (0.3);
  g_assert_true (gtk_widget_get_mapped (GTK_WIDGET (cs_window_page (window, "training"))));
  gtk_widget_activate_action (GTK_WIDGET (window), "win.close-study", NULL);
  g_assert_null (cs_window_study (window));
  driver_close (window);
}

static void
test_same_study_once (Fixture *fixture, const void *data)
{
  CsWindow *window = window_on (fixture, "once");
  CsStudy *study = cs_window_study (window);

  cs_application_open_study (driver_application (), cs_study_folder (study));
  g_assert_true (cs_window_study (window) == study);
  driver_close (window);
}

static void
test_broken (Fixture *fixture, const void *data)
{
  CsWindow *window = window_on (fixture, "good");
  CsStudy *study = cs_window_study (window);
  g_autofree char *broken = g_build_filename (fixture->folder, "broken", NULL);
  g_autofree char *newer = g_build_filename (fixture->folder, "newer", NULL);
  g_autofree char *broken_file = g_build_filename (broken, "study.json", NULL);
  g_autofree char *newer_file = g_build_filename (newer, "study.json", NULL);

  g_mkdir (broken, 0777);
  g_mkdir (newer, 0777);
  g_assert_true (g_file_set_contents (broken_file, "{\"format_version\": 1, <b>", -1, NULL));
  g_assert_true (g_file_set_contents (newer_file, "{\"format_version\": 99}", -1, NULL));
  cs_application_open_study (driver_application (), broken);
  wait_text (window, "broken/study.json");
  g_assert_true (cs_window_study (window) == study);
  driver_close (window);

  window = driver_window (900, 600);
  cs_application_open_study (driver_application (), newer);
  wait_text (window, "99");
  g_assert_null (cs_window_study (window));
  driver_close (window);
}

static void
test_narrow (Fixture *fixture, const void *data)
{
  CsWindow *window = window_on (fixture, "narrow");
  AdwFlap *flap = ADW_FLAP (driver_find (GTK_WIDGET (window), ADW_TYPE_FLAP, NULL, NULL));

  g_assert_false (adw_flap_get_folded (flap));
  g_assert_true (adw_flap_get_reveal_flap (flap));
  gtk_window_set_default_size (GTK_WINDOW (window), 360, 294);
  driver_settle (0.5);
  g_assert_true (adw_flap_get_folded (flap));
  g_assert_false (adw_flap_get_reveal_flap (flap));
  for (int i = 0; i < 6; i++)
    {
      static const char *const pages[] = { "report", "steering", "latents", "training", "activations", "pair" };
      gtk_widget_activate_action (GTK_WIDGET (window), "win.show-page", "s", pages[i]);
      driver_settle (0.3);
      if (gtk_widget_get_width (GTK_WIDGET (window)) > 380)
        g_error ("The page “%s” makes the window %d wide.", pages[i], gtk_widget_get_width (GTK_WIDGET (window)));
    }
  gtk_widget_activate_action (GTK_WIDGET (window), "win.toggle-sidebar", NULL);
  driver_settle (0.3);
  g_assert_true (adw_flap_get_reveal_flap (flap));
  driver_close (window);
}

static void
test_job_rows (Fixture *fixture, const void *data)
{
  Work work = { 0 }, other = { 0 };
  CsWindow *window = window_on (fixture, "jobs");
  g_autoptr (CsJob) job = cs_job_new ("Count steps", work_func, &work, NULL);
  g_autoptr (CsJob) waiting = cs_job_new ("Count others", work_func, &other, NULL);

  cs_study_add_job (cs_window_study (window), job, true);
  cs_study_add_job (cs_window_study (window), waiting, true);
  wait_state (job, CS_JOB_RUNNING);
  wait_text (window, "Jobs: 2 running or waiting");
  wait_text (window, "Waiting");
  wait_text (window, "steps/s");
  click_tooltip (window, "Pause");
  wait_state (job, CS_JOB_PAUSED);
  wait_text (window, "Paused");
  click_tooltip (window, "Resume");
  wait_state (job, CS_JOB_RUNNING);
  g_atomic_int_set (&work.outcome, 2);
  wait_state (job, CS_JOB_FAILED);
  wait_text (window, "The disk is full");
  wait_state (waiting, CS_JOB_RUNNING);
  g_atomic_int_set (&other.outcome, 1);
  wait_state (waiting, CS_JOB_DONE);
  wait_text (window, "Done");
  click_tooltip (window, "Forget Ended Jobs");
  driver_settle (0.1);
  g_assert_cmpuint (g_list_model_get_n_items (cs_study_jobs (cs_window_study (window))), ==, 0);
  g_assert_null (driver_find_text (GTK_WIDGET (window), "The disk is full"));
  driver_close (window);
}

static void
test_stop_job (Fixture *fixture, const void *data)
{
  Work work = { 0 };
  CsWindow *window = window_on (fixture, "stop");
  g_autoptr (CsJob) job = cs_job_new ("Count steps", work_func, &work, NULL);

  cs_study_add_job (cs_window_study (window), job, true);
  wait_state (job, CS_JOB_RUNNING);
  wait_text (window, "steps/s");
  click_tooltip (window, "Stop");
  wait_state (job, CS_JOB_CANCELLED);
  wait_text (window, "Stopped");
  driver_close (window);
}

static GtkWindow *
find_dialog (void)
{
  GListModel *windows = gtk_window_get_toplevels ();
  GtkWindow *found = NULL;

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++)
    {
      g_autoptr (GtkWindow) window = g_list_model_get_item (windows, i);

      if (ADW_IS_MESSAGE_DIALOG (window))
        {
          g_assert_null (found); /* it asks once */
          found = window;
        }
    }
  return found;
}

static bool
has_no_dialog (void *data)
{
  return find_dialog () == NULL;
}

static void
answer (const char *label)
{
  GtkWidget *button = driver_find_button (GTK_WIDGET (find_dialog ()), label);

  g_assert_nonnull (button);
  g_signal_emit_by_name (button, "clicked");
  g_assert_true (driver_wait (has_no_dialog, NULL, 10));
}

static bool
is_null (void *place)
{
  return *(void **) place == NULL;
}

static void
test_close_while_running (Fixture *fixture, const void *data)
{
  Work work = { 0 };
  CsWindow *window = window_on (fixture, "close");
  g_autoptr (CsJob) job = cs_job_new ("Count steps", work_func, &work, NULL);
  void *place = window;

  g_object_add_weak_pointer (G_OBJECT (window), &place);
  cs_study_add_job (cs_window_study (window), job, true);
  wait_state (job, CS_JOB_RUNNING);
  gtk_window_close (GTK_WINDOW (window));
  gtk_window_close (GTK_WINDOW (window));
  driver_settle (0.2);
  answer ("_Cancel");
  driver_settle (0.2);
  g_assert_nonnull (place);
  g_assert_true (cs_job_is_active (job));

  gtk_window_close (GTK_WINDOW (window));
  driver_settle (0.2);
  answer ("_Stop and Close");
  g_assert_true (driver_wait (is_null, &place, 10));
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_CANCELLED);
}

/* Opening another study while jobs run asks too, and the refusal keeps the first. */
static void
test_open_while_running (Fixture *fixture, const void *data)
{
  Work work = { 0 };
  CsWindow *window = window_on (fixture, "first");
  g_autofree char *second = new_study_folder (fixture, "second");
  g_autoptr (CsJob) job = cs_job_new ("Count steps", work_func, &work, NULL);

  cs_study_add_job (cs_window_study (window), job, true);
  wait_state (job, CS_JOB_RUNNING);
  cs_application_open_study (driver_application (), second);
  driver_settle (0.2);
  answer ("_Cancel");
  driver_settle (0.1);
  g_assert_cmpstr (cs_study_title (cs_window_study (window)), ==, "first");
  g_assert_true (cs_job_is_active (job));
  cs_application_open_study (driver_application (), second);
  driver_settle (0.2);
  answer ("_Stop and Close");
  driver_settle (0.1);
  g_assert_cmpstr (cs_study_title (cs_window_study (window)), ==, "second");
  g_assert_cmpint (cs_job_state (job), ==, CS_JOB_CANCELLED);
  driver_close (window);
}

static void
test_recent (Fixture *fixture, const void *data)
{
  CsWindow *window = window_on (fixture, "recent");
  g_auto (GStrv) recent = cs_application_recent_studies (driver_application ());

  if (recent[0] == NULL)
    g_test_skip ("The settings schema is not found: GSETTINGS_SCHEMA_DIR is not set.");
  else
    {
      g_assert_true (g_str_has_suffix (recent[0], "/recent"));
      cs_window_set_study (window, NULL);
      driver_settle (0.5);
      g_assert_nonnull (driver_find_text (GTK_WIDGET (window), recent[0]));
    }
  driver_close (window);
}

static void
test_dialogs (Fixture *fixture, const void *data)
{
  CsWindow *window = driver_window (900, 600);
  GtkWindow *overlay;

  gtk_widget_activate_action (GTK_WIDGET (window), "win.show-help-overlay", NULL);
  driver_settle (0.3);
  overlay = GTK_WINDOW (gtk_application_window_get_help_overlay (GTK_APPLICATION_WINDOW (window)));
  g_assert_true (gtk_widget_get_mapped (GTK_WIDGET (overlay)));
  gtk_window_close (overlay);
  g_action_group_activate_action (G_ACTION_GROUP (driver_application ()), "about", NULL);
  driver_settle (0.3);
  driver_close (window);
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
#define ADD(name, func) g_test_add ("/window/" name, Fixture, NULL, set_up, func, tear_down)
  ADD ("welcome", test_welcome);
  ADD ("open-and-pages", test_open_and_pages);
  ADD ("same-study-once", test_same_study_once);
  ADD ("broken-study", test_broken);
  ADD ("narrow", test_narrow);
  ADD ("job-rows", test_job_rows);
  ADD ("stop-job", test_stop_job);
  ADD ("close-while-running", test_close_while_running);
  ADD ("open-while-running", test_open_while_running);
  ADD ("recent-studies", test_recent);
  ADD ("dialogs", test_dialogs);
  return g_test_run ();
}
