/* The card for one's own chat model and the audit's window, in process. */
#include <adwaita.h>
#include <glib/gstdio.h>
#include <math.h>

#include "audit-window.h"
#include "errors.h"
#include "make-chat-card.h"
#include "refusal-audit.h"
#include "window-driver.h"

static const char audit_json[] =
    "{\"format_version\": 1, \"layer\": 4, \"refuse_prompts\": 8, \"comply_prompts\": 8,"
    " \"last_tokens\": 5, \"chat_leaning\": true, \"arms\": {"
    " \"plain\": {\"items\": [], \"refuse\": {\"n\": 4, \"refused\": 4},"
    "  \"comply\": {\"n\": 4, \"refused\": 0}},"
    " \"added\": {\"items\": [{\"latent\": 7, \"mode\": \"add\", \"scope\": \"prompt\","
    "  \"scale\": 1.0, \"max_act\": 3.0}], \"refuse\": {\"n\": 4, \"refused\": 4, \"kl\": 0.1},"
    "  \"comply\": {\"n\": 4, \"refused\": 3, \"garbled\": 1, \"kl\": 0.2}},"
    " \"ablated\": {\"items\": [], \"refuse\": {\"n\": 0}, \"comply\": {\"n\": 0}},"
    " \"random-added\": {\"items\": [], \"refuse\": {\"n\": 0}, \"comply\": {\"n\": 0}},"
    " \"random-ablated\": {\"items\": [], \"refuse\": {\"n\": 0}, \"comply\": {\"n\": 0}}},"
    " \"latents\": [{\"latent\": 7, \"auc\": 0.9, \"auc_held_out\": 0.8, \"share\": 0.31,"
    "  \"delta_norm\": 0.95}],"
    " \"examples\": [{\"prompt\": \"A <b>prompt</b> & more\", \"set\": \"comply\","
    "  \"plain\": {\"answer\": \"Yes.\", \"refused\": false}}], \"phrases\": [\"no\"]}";

/* All text that labels below a widget show. */
static void
collect (GtkWidget *widget, GString *text)
{
  if (GTK_IS_LABEL (widget))
    g_string_append_printf (text, "%s\n", gtk_label_get_text (GTK_LABEL (widget)));
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    collect (child, text);
}

static CsStudy *
study_new (char **folder)
{
  g_autofree char *at = NULL, *run = NULL;
  g_autoptr (GError) error = NULL;
  CsStudy *study;

  *folder = g_dir_make_tmp ("crosscope-audit-window-XXXXXX", NULL);
  at = g_build_filename (*folder, "study", NULL);
  study = cs_study_create (at, "Study", &error);
  g_assert_no_error (error);
  run = g_build_filename (at, "runs", "batchtopk-1", NULL);
  g_assert_cmpint (g_mkdir_with_parents (run, 0777), ==, 0);
  return study;
}

static void
remove_study (CsStudy *study, char *folder)
{
  static const char *const names[] = { "study/runs/batchtopk-1/audit.json",
                                       "study/runs/batchtopk-1",
                                       "study/runs",
                                       "study/study.json",
                                       "study",
                                       "" };

  g_object_unref (study);
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_remove (path);
    }
  g_free (folder);
}

static void
test_audit_window (void)
{
  char *folder;
  CsStudy *study = study_new (&folder);
  g_autofree char *at = g_build_filename (folder, "study", "runs", "batchtopk-1", NULL);
  g_autofree char *path = g_build_filename (at, "audit.json", NULL);
  g_autoptr (CsRun) run = cs_run_new (at);
  g_autoptr (GString) text = g_string_new (NULL);
  GtkWidget *window;

  g_assert_true (g_file_set_contents (path, audit_json, -1, NULL));
  window = cs_audit_window_new (study, run);
  gtk_window_present (GTK_WINDOW (window));
  for (int i = 0; i < 20; i++)
    g_main_context_iteration (NULL, false);
  collect (window, text);
  g_assert_nonnull (strstr (text->str, "\n7\n0.900\n0.800\n–\n31 %\n"));
  g_assert_nonnull (strstr (text->str, "Latent 7, 1.00 × its maximum, prompt only"));
  g_assert_nonnull (strstr (text->str, "A <b>prompt</b> & more"));
  g_assert_nonnull (strstr (text->str, "75 % (30–95)\n25 %\n0.200"));
  gtk_window_destroy (GTK_WINDOW (window));
  g_clear_object (&run);
  remove_study (study, folder);
}

/* --- What every such window does --- */

G_DECLARE_FINAL_TYPE (TestWindow, test_window, TEST, WINDOW, CsJobWindow)

struct _TestWindow
{
  CsJobWindow parent;
};

G_DEFINE_FINAL_TYPE (TestWindow, test_window, CS_TYPE_JOB_WINDOW)

static struct
{
  bool refuse, fail; /* the settings, the job */
  int go;            /* the job may end */
  int n_done;
} work;

static bool
work_func (CsJob *job, void *data, GError **error)
{
  cs_job_phase (job, "Counting");
  while (g_atomic_int_get (&work.go) == 0)
    {
      cs_job_progress (job, 1, 4, "sheep");
      if (!cs_job_checkpoint (job, error))
        return false;
      g_usleep (1000);
    }
  if (work.fail)
    g_set_error_literal (error, CS_ERROR, CS_ERROR_IO, "The sheep are gone.");
  else
    g_atomic_int_inc (&work.n_done);
  return !work.fail;
}

static CsJob *
work_job (CsJobWindow *window, GError **error)
{
  if (!work.refuse)
    return cs_job_new ("Count", work_func, NULL, NULL);
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, "Choose a sheep first.");
  return NULL;
}

static GtkWidget *
work_results (CsJobWindow *window, GError **error)
{
  return g_atomic_int_get (&work.n_done) > 0 ? gtk_label_new ("Four sheep") : NULL;
}

static void
test_window_class_init (TestWindowClass *klass)
{
  CS_JOB_WINDOW_CLASS (klass)->make_job = work_job;
  CS_JOB_WINDOW_CLASS (klass)->make_results = work_results;
}

static void
test_window_init (TestWindow *self)
{
}

static GtkWidget *
test_window_new (CsStudy *study)
{
  CsJobWindow *window = g_object_new (test_window_get_type (), NULL);

  cs_job_window_set_up (window, study, "Sheep", "_Count", "sheep");
  cs_job_window_add (window, gtk_label_new ("Which sheep?"));
  cs_job_window_show_state (window);
  gtk_window_present (GTK_WINDOW (window));
  return GTK_WIDGET (window);
}

/* Whether a visible label below the window has this text, before ten seconds are over. */
static bool
comes_to_show (GtkWidget *window, const char *text)
{
  const gint64 end = g_get_monotonic_time () + 10 * G_USEC_PER_SEC;

  while (g_get_monotonic_time () < end)
    {
      if (driver_find_text (window, text) != NULL)
        return true;
      g_main_context_iteration (NULL, false);
    }
  return false;
}

static void
test_job_window (void)
{
  char *folder;
  CsStudy *study = study_new (&folder);
  GtkWidget *window = test_window_new (study), *other;
  CsJob *job;

  work.refuse = true;
  g_assert_null (cs_job_window_start (CS_JOB_WINDOW (window)));
  g_assert_true (comes_to_show (window, "Choose a sheep first."));
  work.refuse = false;
  job = cs_job_window_start (CS_JOB_WINDOW (window));
  g_assert_nonnull (job);
  g_assert_true (comes_to_show (window, "Counting"));
  g_assert_false (gtk_widget_is_sensitive (driver_find_text (window, "Which sheep?")));
  /* Closed and opened again, it shows the job that goes on. */
  gtk_window_destroy (GTK_WINDOW (window));
  window = test_window_new (study);
  other = test_window_new (study);
  g_assert_true (comes_to_show (window, "Counting"));
  g_atomic_int_set (&work.go, 1);
  g_assert_true (comes_to_show (window, "Four sheep"));
  g_assert_true (comes_to_show (other, "Four sheep"));
  g_assert_null (driver_find_text (window, "Counting"));
  /* What went wrong stays to be read, and the settings can be changed. */
  work.fail = true;
  g_assert_nonnull (cs_job_window_start (CS_JOB_WINDOW (window)));
  g_assert_true (comes_to_show (window, "The sheep are gone."));
  g_assert_true (gtk_widget_is_sensitive (driver_find_text (window, "Which sheep?")));
  gtk_window_destroy (GTK_WINDOW (window));
  gtk_window_destroy (GTK_WINDOW (other));
  cs_study_stop_jobs (study);
  remove_study (study, folder);
}

static void
test_make_chat_card (void)
{
  char *folder;
  CsStudy *study = study_new (&folder);
  GtkWidget *card = g_object_ref_sink (cs_make_chat_card_new ());
  g_autoptr (GString) text = g_string_new (NULL);

  cs_make_chat_card_set_study (CS_MAKE_CHAT_CARD (card), study);
  g_assert_false (gtk_widget_get_visible (card)); /* no base yet */
  g_assert_true (cs_study_set_model_folder (study, 0, DEMO_FOLDER "/base", NULL));
  g_assert_true (gtk_widget_get_visible (card));
  collect (card, text);
  g_assert_nonnull (strstr (text->str, "refuse-harm"));
  g_assert_true (cs_study_set_model_folder (study, 0, "/nowhere/base", NULL));
  g_assert_false (gtk_widget_get_visible (card));
  cs_make_chat_card_set_study (CS_MAKE_CHAT_CARD (card), NULL);
  g_object_unref (card);
  remove_study (study, folder);
}

int
main (int argc, char **argv)
{
  gtk_test_init (&argc, &argv, NULL);
  adw_init ();
  g_test_add_func ("/audit-window/results", test_audit_window);
  g_test_add_func ("/audit-window/job-window", test_job_window);
  g_test_add_func ("/audit-window/make-chat-card", test_make_chat_card);
  return g_test_run ();
}
