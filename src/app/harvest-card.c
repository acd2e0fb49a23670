#include "harvest-card.h"

#include <glib/gi18n.h>

#include "feedback.h"
#include "job-row.h"
#include "plot-view.h"

#define POLL_INTERVAL 250 /* ms between two points of the plot */
#define HARVEST_TITLE "Harvest activations" /* the study's name for this job */

struct _CsHarvestCard
{
  AdwBin parent;
  GtkWidget *card;
  GtkLabel *title, *detail;
  GtkProgressBar *bar;
  CsPlotView *view;
  CsLayer *line;            /* owned by the plot */
  CsStudy *study;
  CsJob *job;               /* active, or NULL */
  CsJobState state;         /* that was told last */
  double last_done, last_elapsed;
  guint n_points;
  char *status;
  guint poll;
};

G_DEFINE_FINAL_TYPE (CsHarvestCard, cs_harvest_card, ADW_TYPE_BIN)

static guint changed_signal;

static CsPlot *
plot_new (CsHarvestCard *self)
{
  CsPlot *plot = cs_plot_new (_ ("Tokens read a second"));

  cs_axis_set_label (cs_plot_x (plot), _ ("time"), _ ("s"));
  cs_axis_set_label (cs_plot_y (plot), _ ("tokens/s"), NULL);
  cs_axis_set_from_zero (cs_plot_y (plot), true);
  cs_plot_set_placeholder (plot, _ ("The first tokens are on their way"));
  self->line = cs_plot_add_line (plot, _ ("tokens/s"));
  cs_line_set_smoothing (self->line, 0.6);
  return plot;
}

/* The rate between two looks: it moves from the first second on. */
static void
add_point (CsHarvestCard *self, const CsJobSnapshot *s)
{
  double seconds = s->elapsed - self->last_elapsed;

  if (s->state != CS_JOB_RUNNING || s->done <= 0 || g_strcmp0 (s->unit, "tokens") != 0 || seconds < 0.1)
    return;
  if (self->last_done > 0 && s->done >= self->last_done)
    {
      cs_line_append (self->line, s->elapsed, (s->done - self->last_done) / seconds);
      cs_plot_view_changed (self->view);
      self->n_points++;
    }
  self->last_done = s->done;
  self->last_elapsed = s->elapsed;
}

/* What stands before it in the queue. */
static char *
describe_waiting (CsHarvestCard *self)
{
  GListModel *jobs = cs_study_jobs (self->study);
  char *text = NULL;

  for (guint i = 0; i < g_list_model_get_n_items (jobs) && text == NULL; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (jobs, i);
      CsJobSnapshot s;

      if (job == self->job || !cs_job_is_active (job))
        continue;
      cs_job_snapshot (job, &s);
      text = g_strdup_printf (_ ("Waiting for “%s”"), s.title);
      cs_job_snapshot_clear (&s);
    }
  return text != NULL ? text : g_strdup (_ ("Waiting"));
}

static void
show_progress (CsHarvestCard *self, const CsJobSnapshot *s)
{
  g_autofree char *detail = s->state == CS_JOB_QUEUED ? describe_waiting (self) : cs_job_row_describe (s);
  g_autofree char *done = cs_feedback_count (s->done), *total = cs_feedback_count (s->total);
  g_autofree char *title = NULL;

  if (s->total > 0)
    title = g_strdup_printf (_ ("%s of %s tokens"), done, total);
  else if (s->done > 0)
    title = g_strdup_printf (_ ("%s tokens"), done);
  gtk_label_set_text (self->title, title != NULL ? title : _ ("Harvest"));
  gtk_label_set_text (self->detail, detail);
  gtk_progress_bar_set_fraction (self->bar, s->total > 0 ? CLAMP (s->done / s->total, 0, 1) : 0);
  g_free (self->status);
  self->status = s->total > 0 ? g_strdup_printf (_ ("%.0f %%"), 100 * s->done / s->total) : NULL;
}

static void
show_end (CsHarvestCard *self, const CsJobSnapshot *s)
{
  g_autofree char *detail = cs_job_row_describe (s);
  g_autofree char *total = cs_feedback_count (s->total), *title = NULL;

  gtk_label_set_text (self->detail, detail);
  if (s->state == CS_JOB_DONE && s->total > 0)
    {
      title = g_strdup_printf (_ ("%s tokens"), total);
      gtk_label_set_text (self->title, title);
    }
  if (s->state == CS_JOB_DONE)
    gtk_progress_bar_set_fraction (self->bar, 1);
  g_clear_pointer (&self->status, g_free);
}

/* Shows how far the job is; false once it has ended. */
static bool
look (CsHarvestCard *self)
{
  CsJobSnapshot s;
  bool active = cs_job_is_active (self->job);

  cs_job_snapshot (self->job, &s);
  add_point (self, &s);
  if (active)
    show_progress (self, &s);
  else
    show_end (self, &s);
  cs_job_snapshot_clear (&s);
  if (!active)
    g_clear_object (&self->job);
  g_signal_emit (self, changed_signal, 0);
  return active;
}

static gboolean
poll_cb (void *data)
{
  CsHarvestCard *self = data;

  if (look (self))
    return G_SOURCE_CONTINUE;
  self->poll = 0;
  return G_SOURCE_REMOVE;
}

/* A pause or an end is told at once, progress by the timer. */
static void
job_changed_cb (CsHarvestCard *self, CsJob *job)
{
  CsJobState state = cs_job_state (job);

  if (job != self->job || state == self->state)
    return;
  self->state = state;
  if (!look (self))
    g_clear_handle_id (&self->poll, g_source_remove);
}

static void
watch (CsHarvestCard *self, CsJob *job)
{
  CsPlot *plot = plot_new (self);

  g_set_object (&self->job, job);
  self->state = cs_job_state (job);
  self->last_done = self->last_elapsed = 0;
  self->n_points = 0;
  cs_plot_view_set_plot (self->view, plot);
  gtk_widget_set_visible (self->card, TRUE);
  g_signal_connect_object (job, "changed", G_CALLBACK (job_changed_cb), self, G_CONNECT_SWAPPED);
  if (self->poll == 0)
    self->poll = g_timeout_add (POLL_INTERVAL, poll_cb, self);
  if (!look (self))
    g_clear_handle_id (&self->poll, g_source_remove);
}

static void
find_job (CsHarvestCard *self)
{
  GListModel *jobs = cs_study_jobs (self->study);

  for (guint i = 0; i < g_list_model_get_n_items (jobs) && self->job == NULL; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (jobs, i);
      CsJobSnapshot s;

      cs_job_snapshot (job, &s);
      if (cs_job_is_active (job) && g_strcmp0 (s.title, HARVEST_TITLE) == 0)
        watch (self, job);
      cs_job_snapshot_clear (&s);
    }
}

static void
forget (CsHarvestCard *self)
{
  g_clear_handle_id (&self->poll, g_source_remove);
  if (self->job != NULL)
    g_signal_handlers_disconnect_by_data (self->job, self);
  g_clear_object (&self->job);
  if (self->study != NULL)
    g_signal_handlers_disconnect_by_data (cs_study_jobs (self->study), self);
  g_clear_object (&self->study);
  g_clear_pointer (&self->status, g_free);
}

void
cs_harvest_card_set_study (CsHarvestCard *self, CsStudy *study)
{
  forget (self);
  gtk_widget_set_visible (self->card, FALSE);
  if (study == NULL)
    return;
  self->study = g_object_ref (study);
  g_signal_connect_object (cs_study_jobs (study), "items-changed", G_CALLBACK (find_job), self,
                           G_CONNECT_SWAPPED);
  find_job (self);
}

CsJob *
cs_harvest_card_job (CsHarvestCard *self)
{
  return self->job;
}

const char *
cs_harvest_card_status (CsHarvestCard *self)
{
  return self->status;
}

guint
cs_harvest_card_n_points (CsHarvestCard *self)
{
  return self->n_points;
}

static void
cs_harvest_card_dispose (GObject *object)
{
  forget (CS_HARVEST_CARD (object));
  G_OBJECT_CLASS (cs_harvest_card_parent_class)->dispose (object);
}

static void
cs_harvest_card_class_init (CsHarvestCardClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_harvest_card_dispose;
  changed_signal = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                 NULL, G_TYPE_NONE, 0);
}

static GtkLabel *
add_label (GtkWidget *box, const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_widget_add_css_class (label, css_class);
  gtk_widget_add_css_class (label, "numeric");
  gtk_box_append (GTK_BOX (box), label);
  return GTK_LABEL (label);
}

static void
cs_harvest_card_init (CsHarvestCard *self)
{
  GtkWidget *text = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *view;

  self->card = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  self->title = add_label (text, "title-3");
  self->detail = add_label (text, "dim-label");
  self->bar = GTK_PROGRESS_BAR (gtk_progress_bar_new ());
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->bar), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Progress of the harvest"), -1);
  gtk_widget_set_margin_top (GTK_WIDGET (self->bar), 6);
  gtk_box_append (GTK_BOX (text), GTK_WIDGET (self->bar));
  gtk_widget_set_margin_top (text, 12);
  gtk_widget_set_margin_start (text, 12);
  gtk_widget_set_margin_end (text, 12);
  view = cs_plot_view_new (plot_new (self));
  self->view = CS_PLOT_VIEW (view);
  gtk_widget_remove_css_class (view, "card"); /* it stands on one */
  gtk_widget_set_size_request (view, 280, 200);
  gtk_box_append (GTK_BOX (self->card), text);
  gtk_box_append (GTK_BOX (self->card), view);
  gtk_widget_add_css_class (self->card, "card");
  gtk_widget_set_visible (self->card, FALSE);
  adw_bin_set_child (ADW_BIN (self), self->card);
}

GtkWidget *
cs_harvest_card_new (void)
{
  return g_object_new (CS_TYPE_HARVEST_CARD, NULL);
}
