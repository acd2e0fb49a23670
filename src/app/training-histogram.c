#include "training-histogram.h"

#include <glib/gi18n.h>

#include "feedback.h"
#include "figures.h"
#include "plot-view.h"

#define REPLAY_INTERVAL 70 /* ms a snapshot */

struct _CsTrainingHistogram
{
  AdwBin parent;
  CsRun *run;
  CsPlotView *view;
  GtkLabel *title, *caption;
  GtkScale *scrubber;
  GtkButton *play;
  GtkWidget *controls;
  size_t n_snapshots; /* known so far */
  gssize shown;       /* −1: none */
  uint64_t shown_step;
  bool follow;        /* the newest one is shown as it comes */
  bool updating;
  guint replay;       /* source id */
};

G_DEFINE_FINAL_TYPE (CsTrainingHistogram, cs_training_histogram, ADW_TYPE_BIN)

static void
show_counts (CsTrainingHistogram *self, const CsNormRatioSnapshot *snapshot)
{
  double counts[CS_NORM_RATIO_BINS] = { 0 }, total = 0;
  g_autofree char *step = NULL, *latents = NULL, *text = NULL;

  for (size_t i = 0; snapshot != NULL && i < CS_NORM_RATIO_BINS; i++)
    total += counts[i] = snapshot->count[i];
  cs_figure_norm_ratio_update (cs_plot_view_get_plot (self->view), counts, NULL);
  cs_plot_view_changed (self->view);
  if (snapshot != NULL)
    {
      step = cs_feedback_count ((double) snapshot->step);
      latents = cs_feedback_count (total);
      text = g_strdup_printf (_ ("Step %s · %s living latents"), step, latents);
    }
  gtk_label_set_text (self->caption,
                      text != NULL ? text : _ ("The first histogram comes with the first snapshot"));
}

static void
show_snapshot (CsTrainingHistogram *self, size_t index)
{
  CsNormRatioSnapshot snapshot;

  if (self->run == NULL
      || cs_run_log_copy_snapshots (cs_run_log (self->run), index, 1, &snapshot) != 1)
    {
      self->shown = -1;
      show_counts (self, NULL);
      return;
    }
  if (self->shown == (gssize) index && self->shown_step == snapshot.step)
    return;
  self->shown = (gssize) index;
  self->shown_step = snapshot.step;
  show_counts (self, &snapshot);
}

static void
set_position (CsTrainingHistogram *self, size_t index)
{
  self->updating = true;
  gtk_range_set_value (GTK_RANGE (self->scrubber), (double) index);
  self->updating = false;
  show_snapshot (self, index);
}

static void
update_play_button (CsTrainingHistogram *self)
{
  const char *label = self->replay != 0 ? _ ("Stop the Replay") : _ ("Replay from the Beginning");

  gtk_button_set_icon_name (self->play, self->replay != 0 ? "media-playback-stop-symbolic"
                                                          : "media-playback-start-symbolic");
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->play), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->play), GTK_ACCESSIBLE_PROPERTY_LABEL, label,
                                  -1);
}

static void
stop_replay (CsTrainingHistogram *self)
{
  g_clear_handle_id (&self->replay, g_source_remove);
  update_play_button (self);
}

static gboolean
replay_cb (void *data)
{
  CsTrainingHistogram *self = data;
  size_t next = (size_t) MAX (self->shown + 1, 0);

  if (next >= self->n_snapshots)
    {
      self->replay = 0;
      self->follow = true;
      update_play_button (self);
      return G_SOURCE_REMOVE;
    }
  set_position (self, next);
  return G_SOURCE_CONTINUE;
}

static void
play_clicked_cb (CsTrainingHistogram *self)
{
  if (self->replay != 0)
    {
      stop_replay (self);
      return;
    }
  if (self->n_snapshots == 0)
    return;
  self->follow = false;
  set_position (self, 0);
  self->replay = g_timeout_add (REPLAY_INTERVAL, replay_cb, self);
  update_play_button (self);
}

static void
scrubbed_cb (CsTrainingHistogram *self)
{
  double value = gtk_range_get_value (GTK_RANGE (self->scrubber));

  if (self->updating || self->n_snapshots == 0)
    return;
  stop_replay (self);
  self->follow = value + 0.5 >= (double) (self->n_snapshots - 1);
  show_snapshot (self, (size_t) (value + 0.5));
}

void
cs_training_histogram_sync (CsTrainingHistogram *self)
{
  size_t n = self->run != NULL ? cs_run_log_n_snapshots (cs_run_log (self->run)) : 0;

  if (n < self->n_snapshots) /* the run went back to its checkpoint */
    stop_replay (self);
  if (n < self->n_snapshots)
    self->follow = true;
  if (n != self->n_snapshots)
    {
      self->n_snapshots = n;
      self->updating = true;
      gtk_range_set_range (GTK_RANGE (self->scrubber), 0, n > 1 ? (double) (n - 1) : 1);
      self->updating = false;
    }
  gtk_widget_set_sensitive (self->controls, n > 1);
  if (self->follow && self->replay == 0)
    set_position (self, n > 0 ? n - 1 : 0);
}

void
cs_training_histogram_set_run (CsTrainingHistogram *self, CsRun *run)
{
  g_autofree char *title = NULL;

  if (self->run == run && run != NULL)
    return;
  g_set_object (&self->run, run);
  stop_replay (self);
  self->follow = true;
  self->shown = -1;
  self->n_snapshots = 0;
  title = run != NULL ? g_strdup_printf (_ ("Δ_norm of %s"), cs_run_name (run)) : g_strdup ("Δ_norm");
  gtk_label_set_text (self->title, title);
  show_counts (self, NULL);
  cs_training_histogram_sync (self);
}

gssize
cs_training_histogram_position (CsTrainingHistogram *self)
{
  return self->shown;
}

static GtkWidget *
controls_new (CsTrainingHistogram *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);

  self->play = GTK_BUTTON (gtk_button_new ());
  gtk_widget_add_css_class (GTK_WIDGET (self->play), "flat");
  gtk_widget_set_valign (GTK_WIDGET (self->play), GTK_ALIGN_CENTER);
  self->scrubber = GTK_SCALE (gtk_scale_new_with_range (GTK_ORIENTATION_HORIZONTAL, 0, 1, 1));
  gtk_scale_set_draw_value (self->scrubber, FALSE);
  gtk_widget_set_hexpand (GTK_WIDGET (self->scrubber), TRUE);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->scrubber),
                               _ ("Replay how the histogram formed; at the end it follows the run"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (self->scrubber), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Snapshot"), -1);
  g_signal_connect_swapped (self->play, "clicked", G_CALLBACK (play_clicked_cb), self);
  g_signal_connect_swapped (self->scrubber, "value-changed", G_CALLBACK (scrubbed_cb), self);
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->play));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->scrubber));
  gtk_widget_set_margin_start (box, 6);
  gtk_widget_set_margin_end (box, 12);
  gtk_widget_set_margin_bottom (box, 6);
  self->controls = box;
  return box;
}

static GtkLabel *
label_new (const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (label, css_class);
  return GTK_LABEL (label);
}

static GtkWidget *
heading_new (CsTrainingHistogram *self)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  self->title = label_new ("heading");
  self->caption = label_new ("caption");
  gtk_widget_add_css_class (GTK_WIDGET (self->caption), "dim-label");
  gtk_widget_add_css_class (GTK_WIDGET (self->caption), "numeric");
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->title));
  gtk_box_append (GTK_BOX (box), GTK_WIDGET (self->caption));
  gtk_widget_set_margin_top (box, 12);
  gtk_widget_set_margin_start (box, 12);
  gtk_widget_set_margin_end (box, 12);
  return box;
}

static void
cs_training_histogram_dispose (GObject *object)
{
  CsTrainingHistogram *self = CS_TRAINING_HISTOGRAM (object);

  g_clear_handle_id (&self->replay, g_source_remove);
  g_clear_object (&self->run);
  G_OBJECT_CLASS (cs_training_histogram_parent_class)->dispose (object);
}

static void
cs_training_histogram_class_init (CsTrainingHistogramClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_training_histogram_dispose;
}

static void
cs_training_histogram_init (CsTrainingHistogram *self)
{
  const double nothing[CS_NORM_RATIO_BINS] = { 0 };
  CsPlot *plot = cs_figure_norm_ratio (nothing, NULL, true);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *view = cs_plot_view_new (plot);

  self->view = CS_PLOT_VIEW (view);
  self->shown = -1;
  self->follow = true;
  gtk_widget_remove_css_class (view, "card"); /* it stands on one */
  gtk_widget_set_size_request (view, 280, 260);
  gtk_widget_set_vexpand (view, TRUE);
  gtk_box_append (GTK_BOX (box), heading_new (self));
  gtk_box_append (GTK_BOX (box), view);
  gtk_box_append (GTK_BOX (box), controls_new (self));
  gtk_widget_add_css_class (box, "card");
  adw_bin_set_child (ADW_BIN (self), box);
  update_play_button (self);
  show_counts (self, NULL);
}

GtkWidget *
cs_training_histogram_new (void)
{
  return g_object_new (CS_TYPE_TRAINING_HISTOGRAM, NULL);
}
