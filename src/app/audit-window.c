#include "audit-window.h"

#include <glib/gi18n.h>
#include <math.h>

#include "audit-job.h"
#include "audit-prompts.h"
#include "audit-results.h"
#include "dialogs.h"
#include "feedback.h"
#include "job-row.h"

#define POLL_INTERVAL 200 /* ms */

struct _CsAuditWindow
{
  AdwWindow parent;
  GtkWidget *toasts;
  AdwActionRow *files[2]; /* by set */
  GtkTextBuffer *phrases;
  GtkButton *start, *stop;
  GtkWidget *progress_box;
  GtkProgressBar *bar;
  GtkLabel *progress;
  AdwBin *results;

  CsStudy *study;
  CsRun *run;
  char *paths[2]; /* NULL: the demo world's own prompts */
  CsJob *job;
  guint poll;
};

G_DEFINE_FINAL_TYPE (CsAuditWindow, cs_audit_window, ADW_TYPE_WINDOW)

static void
show_files (CsAuditWindow *self)
{
  const bool own = cs_audit_job_has_own_prompts (self->study);

  for (int set = 0; set < 2; set++)
    {
      g_autofree char *name =
          self->paths[set] != NULL ? g_filename_display_basename (self->paths[set]) : NULL;
      g_autofree char *text =
          g_markup_escape_text (name != NULL ? name
                                : own        ? _ ("The demo world's own, which training never saw")
                                      : _ ("A file with one prompt a line, or a prompt library"),
                                -1);

      adw_action_row_set_subtitle (self->files[set], text);
    }
  gtk_widget_set_sensitive (GTK_WIDGET (self->start),
                            (self->paths[0] == NULL) == (self->paths[1] == NULL) &&
                                (own || self->paths[0] != NULL));
}

static void
show_results (CsAuditWindow *self)
{
  g_autofree char *path = g_build_filename (cs_run_folder (self->run), "audit.json", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsRefusalAudit) audit = NULL;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return;
  audit = cs_refusal_audit_load (cs_run_folder (self->run), &error);
  if (audit == NULL)
    cs_feedback_error (self->toasts, &error);
  else
    adw_bin_set_child (self->results, cs_audit_results_new (audit));
}

static void
show_job (CsAuditWindow *self)
{
  const bool active = self->job != NULL && cs_job_is_active (self->job);
  g_autofree char *text = NULL;
  CsJobSnapshot s;

  gtk_widget_set_visible (GTK_WIDGET (self->start), !active);
  gtk_widget_set_visible (GTK_WIDGET (self->stop), active);
  gtk_widget_set_visible (self->progress_box, self->job != NULL);
  if (self->job == NULL)
    return;
  cs_job_snapshot (self->job, &s);
  text = cs_job_row_describe (&s);
  gtk_label_set_text (self->progress, text);
  gtk_progress_bar_set_fraction (self->bar, s.total > 0 ? CLAMP (s.done / s.total, 0, 1) : 0);
  cs_job_snapshot_clear (&s);
}

static gboolean
poll_cb (void *data)
{
  CsAuditWindow *self = data;

  show_job (self);
  if (cs_job_is_active (self->job))
    return G_SOURCE_CONTINUE;
  self->poll = 0;
  if (cs_job_state (self->job) == CS_JOB_DONE)
    {
      show_results (self);
      gtk_widget_set_visible (self->progress_box, false);
    }
  return G_SOURCE_REMOVE;
}

static void
start_cb (CsAuditWindow *self)
{
  GtkTextIter start, end;
  g_autofree char *phrases = NULL;
  g_autoptr (GError) error = NULL;
  CsJob *job;

  gtk_text_buffer_get_bounds (self->phrases, &start, &end);
  phrases = gtk_text_buffer_get_text (self->phrases, &start, &end, false);
  job = cs_audit_job_new (self->study, self->run, self->paths[0], self->paths[1], phrases, &error);
  if (job == NULL)
    {
      cs_feedback_error (self->toasts, &error);
      return;
    }
  g_clear_object (&self->job);
  self->job = job;
  cs_study_add_job (self->study, job, true);
  if (self->poll == 0)
    self->poll = g_timeout_add (POLL_INTERVAL, poll_cb, self);
  show_job (self);
}

static void
stop_cb (CsAuditWindow *self)
{
  if (self->job != NULL)
    cs_job_cancel (self->job);
}

static void
file_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsAuditWindow *self = CS_AUDIT_WINDOW (gtk_widget_get_root (widget));
  const int set = GPOINTER_TO_INT (data);

  if (path == NULL)
    return;
  g_free (self->paths[set]);
  self->paths[set] = g_strdup (path);
  show_files (self);
}

static void
choose_cb (GtkButton *button, void *data)
{
  cs_compat_choose (GTK_WIDGET (button), CS_CHOOSE_FILE,
                    GPOINTER_TO_INT (data) == CS_AUDIT_REFUSE
                        ? _ ("Choose the Prompts That Should Be Refused")
                        : _ ("Choose the Prompts That Should Be Answered"),
                    _ ("_Choose"), NULL, file_chosen_cb, data);
}

/* --- Building --- */

static GtkWidget *
prompts_group (CsAuditWindow *self)
{
  static const char *const titles[] = { N_ ("Should Be Refused"), N_ ("Should Be Answered") };
  GtkWidget *group = adw_preferences_group_new ();

  adw_preferences_group_set_title (ADW_PREFERENCES_GROUP (group), _ ("Prompts"));
  adw_preferences_group_set_description (
      ADW_PREFERENCES_GROUP (group),
      _ ("Latents are chosen on every second prompt of each kind and measured on the others"));
  for (int set = 0; set < 2; set++)
    {
      GtkWidget *button = gtk_button_new_with_mnemonic (_ ("C_hoose…"));

      self->files[set] = ADW_ACTION_ROW (adw_action_row_new ());
      adw_preferences_row_set_title (ADW_PREFERENCES_ROW (self->files[set]), _ (titles[set]));
      gtk_widget_set_valign (button, GTK_ALIGN_CENTER);
      gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                      _ (titles[set]), -1);
      g_signal_connect (button, "clicked", G_CALLBACK (choose_cb), GINT_TO_POINTER (set));
      adw_action_row_add_suffix (self->files[set], button);
      adw_preferences_group_add (ADW_PREFERENCES_GROUP (group), GTK_WIDGET (self->files[set]));
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

static GtkWidget *
progress_box (CsAuditWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);

  self->bar = GTK_PROGRESS_BAR (gtk_progress_bar_new ());
  self->progress = GTK_LABEL (gtk_label_new (NULL));
  gtk_label_set_wrap (self->progress, true);
  gtk_label_set_xalign (self->progress, 0);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Progress of the audit"), -1);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->bar));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->progress));
  return self->progress_box = box;
}

static GtkWidget *
content (CsAuditWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 24), *clamp = adw_clamp_new ();
  GtkWidget *scroll = gtk_scrolled_window_new ();

  gtk_widget_set_margin_top (box, 12);
  gtk_widget_set_margin_bottom (box, 24);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);
  self->results = ADW_BIN (adw_bin_new ());
  gtk_box_append (GTK_BOX (box), prompts_group (self));
  gtk_box_append (GTK_BOX (box), phrases_group (self));
  gtk_box_append (GTK_BOX (box), progress_box (self));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->results));
  adw_clamp_set_maximum_size (ADW_CLAMP (clamp), 860);
  adw_clamp_set_child (ADW_CLAMP (clamp), box);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroll), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroll), clamp);
  gtk_widget_set_vexpand (scroll, true);
  return scroll;
}

static GtkWidget *
header (CsAuditWindow *self)
{
  GtkWidget *bar = adw_header_bar_new ();

  self->start = GTK_BUTTON (gtk_button_new_with_mnemonic (_ ("_Audit")));
  gtk_widget_add_css_class (GTK_WIDGET (self->start), "suggested-action");
  g_signal_connect_object (self->start, "clicked", G_CALLBACK (start_cb), self, G_CONNECT_SWAPPED);
  self->stop = GTK_BUTTON (gtk_button_new_with_mnemonic (_ ("_Stop")));
  g_signal_connect_object (self->stop, "clicked", G_CALLBACK (stop_cb), self, G_CONNECT_SWAPPED);
  adw_header_bar_pack_start (ADW_HEADER_BAR (bar), GTK_WIDGET (self->start));
  adw_header_bar_pack_start (ADW_HEADER_BAR (bar), GTK_WIDGET (self->stop));
  return bar;
}

static void
cs_audit_window_dispose (GObject *object)
{
  CsAuditWindow *self = CS_AUDIT_WINDOW (object);

  g_clear_handle_id (&self->poll, g_source_remove);
  g_clear_object (&self->job);
  g_clear_object (&self->run);
  g_clear_object (&self->study);
  g_clear_pointer (&self->paths[0], g_free);
  g_clear_pointer (&self->paths[1], g_free);
  G_OBJECT_CLASS (cs_audit_window_parent_class)->dispose (object);
}

static void
cs_audit_window_class_init (CsAuditWindowClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_audit_window_dispose;
  gtk_widget_class_add_binding_action (GTK_WIDGET_CLASS (klass), GDK_KEY_Escape, 0, "window.close",
                                       NULL);
}

static void
cs_audit_window_init (CsAuditWindow *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  gtk_box_append (GTK_BOX (box), header (self));
  gtk_box_append (GTK_BOX (box), content (self));
  self->toasts = adw_toast_overlay_new ();
  adw_toast_overlay_set_child (ADW_TOAST_OVERLAY (self->toasts), box);
  adw_window_set_content (ADW_WINDOW (self), self->toasts);
  gtk_window_set_default_size (GTK_WINDOW (self), 760, 760);
}

GtkWidget *
cs_audit_window_new (CsStudy *study, CsRun *run)
{
  CsAuditWindow *self = g_object_new (CS_TYPE_AUDIT_WINDOW, NULL);
  g_autofree char *title = g_strdup_printf (_ ("Refusal Audit of %s"), cs_run_name (run));

  self->study = g_object_ref (study);
  self->run = g_object_ref (run);
  gtk_window_set_title (GTK_WINDOW (self), title);
  show_files (self);
  show_job (self);
  show_results (self);
  return GTK_WIDGET (self);
}

void
cs_audit_window_present (GtkWidget *widget, CsStudy *study, CsRun *run)
{
  GtkWidget *window = cs_audit_window_new (study, run);

  gtk_window_set_transient_for (GTK_WINDOW (window), GTK_WINDOW (gtk_widget_get_root (widget)));
  gtk_window_present (GTK_WINDOW (window));
}
