#include "job-window.h"

#include <glib/gi18n.h>

#include "feedback.h"
#include "job-row.h"

#define WIDTH 960
#define HEIGHT 760
#define MARGIN 12

typedef struct
{
  GtkWidget *toasts;
  GtkButton *start, *stop;
  GtkWidget *settings; /* box of groups */
  GtkWidget *progress_box;
  GtkProgressBar *bar;
  GtkLabel *phase, *progress;
  GtkWidget *trouble; /* card with what went wrong */
  GtkLabel *trouble_text;
  AdwBin *results;

  CsStudy *study;
  char *key;
  CsJob *job;
  bool ready, shown_done;
} CsJobWindowPrivate;

G_DEFINE_ABSTRACT_TYPE_WITH_PRIVATE (CsJobWindow, cs_job_window, ADW_TYPE_WINDOW)

#define JOB_KEY "crosscope-job-window"

static CsJobWindowPrivate *
private_of (CsJobWindow *self)
{
  return cs_job_window_get_instance_private (self);
}

/* --- Showing --- */

void
cs_job_window_show_results (CsJobWindow *self)
{
  CsJobWindowPrivate *p = private_of (self);
  g_autoptr (GError) error = NULL;
  GtkWidget *results = CS_JOB_WINDOW_GET_CLASS (self)->make_results (self, &error);

  if (error != NULL)
    cs_feedback_error (p->toasts, &error);
  else
    adw_bin_set_child (p->results, results);
}

static void
show_progress (CsJobWindowPrivate *p, const CsJobSnapshot *s, bool active)
{
  g_autofree char *text = cs_job_row_describe (s);
  const bool failed = s->state == CS_JOB_FAILED;

  gtk_widget_set_visible (p->progress_box, active || s->state == CS_JOB_CANCELLED);
  gtk_widget_set_visible (GTK_WIDGET (p->bar), active);
  gtk_widget_set_visible (GTK_WIDGET (p->phase), active && s->phase != NULL && s->total > 0);
  gtk_label_set_text (p->phase, s->phase != NULL ? s->phase : "");
  /* What is kept of a job that was stopped differs; what there was before is always there. */
  gtk_label_set_text (p->progress, s->state == CS_JOB_CANCELLED ? _ ("Stopped") : text);
  gtk_widget_set_visible (p->trouble, failed);
  if (failed)
    gtk_label_set_text (p->trouble_text, text);
  if (s->total > 0)
    gtk_progress_bar_set_fraction (p->bar, CLAMP (s->done / s->total, 0, 1));
  else if (s->state == CS_JOB_RUNNING)
    gtk_progress_bar_pulse (p->bar);
}

static void
show_job (CsJobWindow *self)
{
  CsJobWindowPrivate *p = private_of (self);
  const bool active = p->job != NULL && cs_job_is_active (p->job);
  CsJobSnapshot s;

  gtk_widget_set_visible (GTK_WIDGET (p->start), !active);
  gtk_widget_set_visible (GTK_WIDGET (p->stop), active);
  /* A setting that has the focus would lose it without a word. */
  if (active && gtk_widget_get_focus_child (p->settings) != NULL)
    gtk_widget_grab_focus (GTK_WIDGET (p->stop));
  gtk_widget_set_sensitive (GTK_WIDGET (p->start), p->ready);
  gtk_widget_set_sensitive (p->settings, !active);
  if (p->job == NULL)
    {
      gtk_widget_set_visible (p->progress_box, false);
      gtk_widget_set_visible (p->trouble, false);
      return;
    }
  cs_job_snapshot (p->job, &s);
  show_progress (p, &s, active);
  cs_job_snapshot_clear (&s);
}

static void
job_changed_cb (CsJobWindow *self)
{
  CsJobWindowPrivate *p = private_of (self);

  show_job (self);
  if (p->shown_done || cs_job_state (p->job) != CS_JOB_DONE)
    return;
  p->shown_done = true;
  cs_job_window_show_results (self);
}

static void
take_job (CsJobWindow *self, CsJob *job)
{
  CsJobWindowPrivate *p = private_of (self);

  if (p->job != NULL)
    g_signal_handlers_disconnect_by_func (p->job, job_changed_cb, self);
  g_set_object (&p->job, job);
  p->shown_done = false;
  g_signal_connect_object (job, "changed", G_CALLBACK (job_changed_cb), self, G_CONNECT_SWAPPED);
  show_job (self);
}

/* A job of another window like this one, which may have been closed since. */
static void
find_job (CsJobWindow *self)
{
  CsJobWindowPrivate *p = private_of (self);
  GListModel *jobs = cs_study_jobs (p->study);

  for (guint i = 0; i < g_list_model_get_n_items (jobs); i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (jobs, i);

      if (cs_job_is_active (job) &&
          g_strcmp0 (g_object_get_data (G_OBJECT (job), JOB_KEY), p->key) == 0)
        take_job (self, job);
    }
}

/* --- Acting --- */

CsJob *
cs_job_window_start (CsJobWindow *self)
{
  CsJobWindowClass *klass;
  CsJobWindowPrivate *p;
  g_autoptr (CsJob) job = NULL;
  g_autoptr (GError) error = NULL;

  g_return_val_if_fail (CS_IS_JOB_WINDOW (self), NULL);
  klass = CS_JOB_WINDOW_GET_CLASS (self);
  p = private_of (self);
  if ((job = klass->make_job (self, &error)) == NULL)
    {
      cs_feedback_error (p->toasts, &error);
      return NULL;
    }
  g_object_set_data_full (G_OBJECT (job), JOB_KEY, g_strdup (p->key), g_free);
  take_job (self, job);
  cs_study_add_job (p->study, job, klass->heavy);
  show_job (self);
  return job;
}

static void
stop_cb (CsJobWindow *self)
{
  CsJobWindowPrivate *p = private_of (self);

  if (p->job != NULL)
    cs_job_cancel (p->job);
}

void
cs_job_window_set_ready (CsJobWindow *self, bool ready)
{
  g_return_if_fail (CS_IS_JOB_WINDOW (self));
  private_of (self)->ready = ready;
  show_job (self);
}

void
cs_job_window_show_state (CsJobWindow *self)
{
  g_return_if_fail (CS_IS_JOB_WINDOW (self) && private_of (self)->study != NULL);
  find_job (self);
  show_job (self);
  cs_job_window_show_results (self);
}

CsStudy *
cs_job_window_study (CsJobWindow *self)
{
  g_return_val_if_fail (CS_IS_JOB_WINDOW (self), NULL);
  return private_of (self)->study;
}

void
cs_job_window_present (CsJobWindow *self, GtkWidget *widget)
{
  g_return_if_fail (CS_IS_JOB_WINDOW (self));
  gtk_window_set_transient_for (GTK_WINDOW (self), GTK_WINDOW (gtk_widget_get_root (widget)));
  gtk_window_present (GTK_WINDOW (self));
}

/* --- Building --- */

void
cs_job_window_add (CsJobWindow *self, GtkWidget *settings)
{
  g_return_if_fail (CS_IS_JOB_WINDOW (self) && GTK_IS_WIDGET (settings));
  gtk_box_append (GTK_BOX (private_of (self)->settings), settings);
}

static GtkLabel *
text_new (const char *style)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_wrap (GTK_LABEL (label), true);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  if (style != NULL)
    gtk_widget_add_css_class (label, style);
  return GTK_LABEL (label);
}

static GtkWidget *
progress_new (CsJobWindowPrivate *p)
{
  p->progress_box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  p->bar = GTK_PROGRESS_BAR (gtk_progress_bar_new ());
  p->phase = text_new ("heading");
  p->progress = text_new ("numeric");
  gtk_accessible_update_property (GTK_ACCESSIBLE (p->bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Progress"), -1);
  gtk_box_append (GTK_BOX (p->progress_box), GTK_WIDGET (p->phase));
  gtk_box_append (GTK_BOX (p->progress_box), GTK_WIDGET (p->bar));
  gtk_box_append (GTK_BOX (p->progress_box), GTK_WIDGET (p->progress));
  return p->progress_box;
}

static GtkWidget *
trouble_new (CsJobWindowPrivate *p)
{
  GtkWidget *icon = gtk_image_new_from_icon_name ("dialog-warning-symbolic");

  p->trouble = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, MARGIN);
  gtk_widget_add_css_class (p->trouble, "card");
  gtk_widget_add_css_class (icon, "error");
  gtk_widget_set_margin_start (icon, MARGIN);
  p->trouble_text = text_new (NULL);
  gtk_label_set_selectable (p->trouble_text, true);
  gtk_widget_set_hexpand (GTK_WIDGET (p->trouble_text), true);
  gtk_widget_set_margin_top (GTK_WIDGET (p->trouble_text), MARGIN);
  gtk_widget_set_margin_bottom (GTK_WIDGET (p->trouble_text), MARGIN);
  gtk_widget_set_margin_end (GTK_WIDGET (p->trouble_text), MARGIN);
  gtk_box_append (GTK_BOX (p->trouble), icon);
  gtk_box_append (GTK_BOX (p->trouble), GTK_WIDGET (p->trouble_text));
  return p->trouble;
}

static GtkWidget *
content_new (CsJobWindowPrivate *p)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2 * MARGIN), *clamp = adw_clamp_new ();
  GtkWidget *scroll = gtk_scrolled_window_new ();

  gtk_widget_set_margin_top (box, MARGIN);
  gtk_widget_set_margin_bottom (box, 2 * MARGIN);
  gtk_widget_set_margin_start (box, MARGIN);
  gtk_widget_set_margin_end (box, MARGIN);
  p->settings = gtk_box_new (GTK_ORIENTATION_VERTICAL, 2 * MARGIN);
  p->results = ADW_BIN (adw_bin_new ());
  gtk_box_append (GTK_BOX (box), p->settings);
  gtk_box_append (GTK_BOX (box), progress_new (p));
  gtk_box_append (GTK_BOX (box), trouble_new (p));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (p->results));
  adw_clamp_set_maximum_size (ADW_CLAMP (clamp), WIDTH);
  adw_clamp_set_tightening_threshold (ADW_CLAMP (clamp), WIDTH);
  adw_clamp_set_child (ADW_CLAMP (clamp), box);
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroll), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroll), clamp);
  gtk_widget_set_vexpand (scroll, true);
  return scroll;
}

static GtkWidget *
header_new (CsJobWindow *self, CsJobWindowPrivate *p)
{
  GtkWidget *bar = adw_header_bar_new ();

  p->start = GTK_BUTTON (gtk_button_new ());
  gtk_button_set_use_underline (p->start, true);
  gtk_widget_add_css_class (GTK_WIDGET (p->start), "suggested-action");
  g_signal_connect_object (p->start, "clicked", G_CALLBACK (cs_job_window_start), self,
                           G_CONNECT_SWAPPED);
  p->stop = GTK_BUTTON (gtk_button_new_with_mnemonic (_ ("_Stop")));
  g_signal_connect_object (p->stop, "clicked", G_CALLBACK (stop_cb), self, G_CONNECT_SWAPPED);
  adw_header_bar_pack_start (ADW_HEADER_BAR (bar), GTK_WIDGET (p->start));
  adw_header_bar_pack_start (ADW_HEADER_BAR (bar), GTK_WIDGET (p->stop));
  return bar;
}

void
cs_job_window_set_up (CsJobWindow *self,
                      CsStudy *study,
                      const char *title,
                      const char *start,
                      const char *key)
{
  CsJobWindowPrivate *p;

  g_return_if_fail (CS_IS_JOB_WINDOW (self) && CS_IS_STUDY (study));
  p = private_of (self);
  g_set_object (&p->study, study);
  g_free (p->key);
  p->key = g_strdup (key);
  gtk_window_set_title (GTK_WINDOW (self), title);
  gtk_button_set_label (p->start, start);
}

static void
cs_job_window_dispose (GObject *object)
{
  CsJobWindowPrivate *p = private_of (CS_JOB_WINDOW (object));

  g_clear_object (&p->job);
  g_clear_object (&p->study);
  g_clear_pointer (&p->key, g_free);
  G_OBJECT_CLASS (cs_job_window_parent_class)->dispose (object);
}

static void
cs_job_window_class_init (CsJobWindowClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_job_window_dispose;
  klass->heavy = true;
  gtk_widget_class_add_binding_action (GTK_WIDGET_CLASS (klass), GDK_KEY_Escape, 0, "window.close",
                                       NULL);
}

static void
cs_job_window_init (CsJobWindow *self)
{
  CsJobWindowPrivate *p = private_of (self);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  p->ready = true;
  p->toasts = adw_toast_overlay_new ();
  gtk_box_append (GTK_BOX (box), header_new (self, p));
  gtk_box_append (GTK_BOX (box), content_new (p));
  adw_toast_overlay_set_child (ADW_TOAST_OVERLAY (p->toasts), box);
  adw_window_set_content (ADW_WINDOW (self), p->toasts);
  gtk_window_set_default_size (GTK_WINDOW (self), WIDTH, HEIGHT);
  show_job (self);
}
