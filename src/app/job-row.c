#include "job-row.h"

#include <glib/gi18n.h>

#include "feedback.h"

struct _CsJobRow {
  GtkListBoxRow parent;
  CsJob *job;
  GtkLabel *title;
  GtkLabel *detail;
  GtkProgressBar *bar;
  GtkButton *pause;
  GtkButton *cancel;
};

G_DEFINE_FINAL_TYPE (CsJobRow, cs_job_row, GTK_TYPE_LIST_BOX_ROW)

static char *
describe_running (const CsJobSnapshot *s)
{
  g_autofree char *rate = cs_feedback_count (s->rate);
  g_autofree char *left = cs_feedback_duration (s->eta);

  if (s->total <= 0)
    return g_strdup (s->phase != NULL ? s->phase : _("Working"));
  if (s->eta < 0 || s->rate <= 0)
    return g_strdup_printf (_("%.0f %%"), 100 * s->done / s->total);
  /* Translators: percentage, rate, unit ("steps"), time left */
  return g_strdup_printf (_("%.0f %% · %s %s/s · %s left"), 100 * s->done / s->total, rate,
                          s->unit != NULL ? s->unit : "", left);
}

char *
cs_job_row_describe (const CsJobSnapshot *s)
{
  switch (s->state)
    {
    case CS_JOB_QUEUED: return g_strdup (_("Waiting"));
    case CS_JOB_RUNNING: return describe_running (s);
    case CS_JOB_PAUSED: return g_strdup (_("Paused"));
    case CS_JOB_DONE: return g_strdup (_("Done"));
    case CS_JOB_CANCELLED: return g_strdup (_("Stopped"));
    case CS_JOB_FAILED: return g_strdup (s->message != NULL ? s->message : _("Failed"));
    default: return g_strdup ("");
    }
}

static void
update_pause_button (CsJobRow *self, CsJobState state)
{
  bool paused = state == CS_JOB_PAUSED;
  const char *label = paused ? _("Resume") : _("Pause");

  gtk_widget_set_visible (GTK_WIDGET (self->pause), state == CS_JOB_RUNNING || paused);
  gtk_button_set_icon_name (self->pause, paused ? "media-playback-start-symbolic" : "media-playback-pause-symbolic");
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->pause), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->pause), GTK_ACCESSIBLE_PROPERTY_LABEL, label, -1);
}

static void
update (CsJobRow *self)
{
  CsJobSnapshot s;
  g_autofree char *detail = NULL;
  bool active;

  cs_job_snapshot (self->job, &s);
  active = s.state == CS_JOB_QUEUED || s.state == CS_JOB_RUNNING || s.state == CS_JOB_PAUSED;
  detail = cs_job_row_describe (&s);
  gtk_label_set_text (self->title, s.title);
  if (g_strcmp0 (gtk_label_get_text (self->detail), detail) != 0)
    {
      gtk_label_set_text (self->detail, detail);
      gtk_widget_set_tooltip_text (GTK_WIDGET (self->detail), detail);
      gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, s.title,
                                      GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, detail, -1);
    }
  gtk_widget_set_visible (GTK_WIDGET (self->bar), active && s.state != CS_JOB_QUEUED);
  if (s.total > 0)
    gtk_progress_bar_set_fraction (self->bar, CLAMP (s.done / s.total, 0, 1));
  update_pause_button (self, s.state);
  gtk_widget_set_visible (GTK_WIDGET (self->cancel), active);
  if (s.state == CS_JOB_FAILED)
    gtk_widget_add_css_class (GTK_WIDGET (self->detail), "error");
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->bar), GTK_ACCESSIBLE_PROPERTY_LABEL, s.title, -1);
  cs_job_snapshot_clear (&s);
}

static void
pause_clicked_cb (CsJobRow *self)
{
  if (cs_job_state (self->job) == CS_JOB_PAUSED)
    cs_job_resume (self->job);
  else
    cs_job_pause (self->job);
}

static void
cancel_clicked_cb (CsJobRow *self)
{
  cs_job_cancel (self->job);
}

static void
cs_job_row_dispose (GObject *object)
{
  CsJobRow *self = CS_JOB_ROW (object);

  g_clear_object (&self->job);
  G_OBJECT_CLASS (cs_job_row_parent_class)->dispose (object);
}

static void
cs_job_row_class_init (CsJobRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_job_row_dispose;
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/crosscope/Crosscope/ui/job-row.ui");
  gtk_widget_class_bind_template_child (widget_class, CsJobRow, title);
  gtk_widget_class_bind_template_child (widget_class, CsJobRow, detail);
  gtk_widget_class_bind_template_child (widget_class, CsJobRow, bar);
  gtk_widget_class_bind_template_child (widget_class, CsJobRow, pause);
  gtk_widget_class_bind_template_child (widget_class, CsJobRow, cancel);
  gtk_widget_class_bind_template_callback (widget_class, pause_clicked_cb);
  gtk_widget_class_bind_template_callback (widget_class, cancel_clicked_cb);
}

static void
cs_job_row_init (CsJobRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

GtkWidget *
cs_job_row_new (CsJob *job)
{
  CsJobRow *self = g_object_new (CS_TYPE_JOB_ROW, NULL);

  self->job = g_object_ref (job);
  g_signal_connect_object (job, "changed", G_CALLBACK (update), self, G_CONNECT_SWAPPED);
  update (self);
  return GTK_WIDGET (self);
}
