#include "audit-window.h"

#include <glib/gi18n.h>

#include "audit-job.h"
#include "audit-prompts.h"
#include "audit-results.h"
#include "file-row.h"

struct _CsAuditWindow
{
  CsJobWindow parent;
  CsFileRow *files[2]; /* by set; none chosen: the demo world's own prompts */
  GtkTextBuffer *phrases;
  CsRun *run;
};

G_DEFINE_FINAL_TYPE (CsAuditWindow, cs_audit_window, CS_TYPE_JOB_WINDOW)

static void
files_changed_cb (CsAuditWindow *self)
{
  CsStudy *study = cs_job_window_study (CS_JOB_WINDOW (self));
  const bool chosen[] = { cs_file_row_path (self->files[0]) != NULL,
                          cs_file_row_path (self->files[1]) != NULL };

  cs_job_window_set_ready (CS_JOB_WINDOW (self),
                           chosen[0] == chosen[1] &&
                               (chosen[0] || cs_audit_job_has_own_prompts (study)));
}

static GtkWidget *
make_results (CsJobWindow *window, GError **error)
{
  CsAuditWindow *self = CS_AUDIT_WINDOW (window);
  g_autofree char *path = g_build_filename (cs_run_folder (self->run), "audit.json", NULL);
  g_autoptr (CsRefusalAudit) audit = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  audit = cs_refusal_audit_load (cs_run_folder (self->run), error);
  return audit != NULL ? cs_audit_results_new (audit) : NULL;
}

static CsJob *
make_job (CsJobWindow *window, GError **error)
{
  CsAuditWindow *self = CS_AUDIT_WINDOW (window);
  GtkTextIter start, end;
  g_autofree char *phrases = NULL;

  gtk_text_buffer_get_bounds (self->phrases, &start, &end);
  phrases = gtk_text_buffer_get_text (self->phrases, &start, &end, false);
  return cs_audit_job_new (cs_job_window_study (window), self->run,
                           cs_file_row_path (self->files[CS_AUDIT_REFUSE]),
                           cs_file_row_path (self->files[CS_AUDIT_COMPLY]), phrases, error);
}

/* --- Building --- */

static GtkWidget *
prompts_group (CsAuditWindow *self, CsStudy *study)
{
  static const char *const titles[] = { N_ ("Should Be Refused"), N_ ("Should Be Answered") };
  static const char *const choosers[] = { N_ ("Choose the Prompts That Should Be Refused"),
                                          N_ ("Choose the Prompts That Should Be Answered") };
  const char *fallback = cs_audit_job_has_own_prompts (study)
                             ? _ ("The demo world's own, which training never saw")
                             : _ ("A file with one prompt a line, or a prompt library");
  GtkWidget *group = adw_preferences_group_new ();

  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (group), _ ("Prompts"));
  adw_preferences_group_set_description (
      ADW_PREFERENCES_GROUP (group),
      _ ("Latents are chosen on every second prompt of each kind and measured on the others"));
  for (int set = 0; set < 2; set++)
    {
      GtkWidget *row = cs_file_row_new (_ (titles[set]), _ (choosers[set]), fallback);

      self->files[set] = CS_FILE_ROW (row);
      g_signal_connect_object (row, "file-changed", G_CALLBACK (files_changed_cb), self,
                               G_CONNECT_SWAPPED);
      adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), row);
    }
  return group;
}

static GtkWidget *
phrases_group (CsAuditWindow *self)
{
  GtkWidget *group = adw_preferences_group_new (), *expander = adw_expander_row_new ();
  GtkWidget *view = gtk_text_view_new (), *scroll = gtk_scrolled_window_new ();
  g_autofree char *path = cs_refusal_phrases_path (NULL), *text = NULL;

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (expander), _ ("What Counts as a Refusal"));
  adw_expander_row_set_subtitle (ADW_EXPANDER_ROW (expander),
                                 _ ("An answer with one of these phrases; edit them"));
  gtk_text_view_set_wrap_mode (GTK_TEXT_VIEW (view), GTK_WRAP_WORD_CHAR);
  gtk_text_view_set_left_margin (GTK_TEXT_VIEW (view), 12);
  gtk_text_view_set_top_margin (GTK_TEXT_VIEW (view), 12);
  gtk_text_view_set_accepts_tab (GTK_TEXT_VIEW (view), false);
  gtk_accessible_update_property (GTK_ACCESSIBLE (view), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Phrases of refusals, one a line"), -1);
  self->phrases = gtk_text_view_get_buffer (GTK_TEXT_VIEW (view));
  if (path != NULL && g_file_get_contents (path, &text, NULL, NULL))
    gtk_text_buffer_set_text (self->phrases, text, -1);
  gtk_scrolled_window_set_min_content_height (GTK_SCROLLED_WINDOW (scroll), 220);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroll), view);
  adw_expander_row_add_row (ADW_EXPANDER_ROW (expander), scroll);
  adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), expander);
  return group;
}

static void
cs_audit_window_dispose (GObject *object)
{
  g_clear_object (&CS_AUDIT_WINDOW (object)->run);
  G_OBJECT_CLASS (cs_audit_window_parent_class)->dispose (object);
}

static void
cs_audit_window_class_init (CsAuditWindowClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_audit_window_dispose;
  CS_JOB_WINDOW_CLASS (klass)->make_job = make_job;
  CS_JOB_WINDOW_CLASS (klass)->make_results = make_results;
}

static void
cs_audit_window_init (CsAuditWindow *self)
{
}

GtkWidget *
cs_audit_window_new (CsStudy *study, CsRun *run)
{
  CsAuditWindow *self = g_object_new (CS_TYPE_AUDIT_WINDOW, NULL);
  CsJobWindow *window = CS_JOB_WINDOW (self);
  g_autofree char *title = g_strdup_printf (_ ("Refusal Audit of %s"), cs_run_name (run));
  g_autofree char *key = g_strconcat ("audit ", cs_run_name (run), NULL);

  self->run = g_object_ref (run);
  cs_job_window_set_up (window, study, title, _ ("_Audit"), key);
  cs_job_window_add (window, prompts_group (self, study));
  cs_job_window_add (window, phrases_group (self));
  files_changed_cb (self);
  cs_job_window_show_state (window);
  return GTK_WIDGET (self);
}

void
cs_audit_window_present (GtkWidget *widget, CsStudy *study, CsRun *run)
{
  cs_job_window_present (CS_JOB_WINDOW (cs_audit_window_new (study, run)), widget);
}
