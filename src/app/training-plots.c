#include "training-plots.h"

#include <glib/gi18n.h>

#include "figures.h"
#include "plot-view.h"

#define N_METRICS 6

static const struct
{
  const char *title, *symbol;
  size_t offset; /* of a double in CsMetrics */
  bool log_y;
  bool fraction; /* shown from 0 to 1: far below 0 in the first steps, which would hide the rest */
} metrics[N_METRICS] = {
  { N_ ("Loss"), N_ ("loss"), G_STRUCT_OFFSET (CsMetrics, loss), true, false },
  { N_ ("Explained Variance, Base"), N_ ("FVE base"), G_STRUCT_OFFSET (CsMetrics, fve_base), false, true },
  { N_ ("Explained Variance, Chat"), N_ ("FVE chat"), G_STRUCT_OFFSET (CsMetrics, fve_chat), false, true },
  { N_ ("L0, Active Latents per Token"), N_ ("L0"), G_STRUCT_OFFSET (CsMetrics, l0), false, false },
  { N_ ("Dead Latents"), N_ ("dead"), G_STRUCT_OFFSET (CsMetrics, dead), false, false },
  { N_ ("Learning Rate"), N_ ("lr"), G_STRUCT_OFFSET (CsMetrics, lr), false, false },
};

struct _CsTrainingPlots
{
  AdwBin parent;
  CsPlotView *views[N_METRICS];
  GPtrArray *series;           /* CsRunSeries */
  GPtrArray *lines[N_METRICS]; /* CsLayer, owned by the plots; parallel to series */
  double smoothing;
};

G_DEFINE_FINAL_TYPE (CsTrainingPlots, cs_training_plots, ADW_TYPE_BIN)

static double
value_of (const CsMetrics *row, guint metric)
{
  return *(const double *) (const void *) ((const char *) row + metrics[metric].offset);
}

static void
fill_line (CsLayer *line, const GArray *rows, guint metric)
{
  g_autofree double *x = g_new (double, rows->len + 1);
  g_autofree double *y = g_new (double, rows->len + 1);

  for (guint i = 0; i < rows->len; i++)
    {
      const CsMetrics *row = &g_array_index (rows, CsMetrics, i);

      x[i] = (double) row->step;
      y[i] = value_of (row, metric);
    }
  cs_line_set_points (line, x, y, rows->len);
}

void
cs_training_plots_set_series (CsTrainingPlots *self, GPtrArray *series)
{
  g_ptr_array_ref (series);
  g_clear_pointer (&self->series, g_ptr_array_unref);
  self->series = series;
  for (guint m = 0; m < N_METRICS; m++)
    {
      CsPlot *plot = cs_plot_view_get_plot (self->views[m]);

      cs_plot_clear (plot);
      g_ptr_array_set_size (self->lines[m], 0);
      for (guint i = 0; i < series->len; i++)
        {
          const CsRunSeries *s = g_ptr_array_index (series, i);
          CsLayer *line = cs_plot_add_line (plot, cs_run_name (s->run));

          fill_line (line, s->rows, m);
          cs_line_set_smoothing (line, self->smoothing);
          cs_layer_set_visible (line, s->shown);
          g_ptr_array_add (self->lines[m], line);
        }
      cs_plot_view_changed (self->views[m]);
    }
}

void
cs_training_plots_append (CsTrainingPlots *self, guint index, guint first)
{
  const CsRunSeries *s = g_ptr_array_index (self->series, index);

  for (guint m = 0; m < N_METRICS; m++)
    {
      for (guint i = first; i < s->rows->len; i++)
        {
          const CsMetrics *row = &g_array_index (s->rows, CsMetrics, i);

          cs_line_append (g_ptr_array_index (self->lines[m], index), (double) row->step,
                          value_of (row, m));
        }
      if (s->shown)
        cs_plot_view_changed (self->views[m]);
    }
}

void
cs_training_plots_update_shown (CsTrainingPlots *self)
{
  for (guint m = 0; m < N_METRICS; m++)
    {
      for (guint i = 0; i < self->lines[m]->len; i++)
        {
          const CsRunSeries *s = g_ptr_array_index (self->series, i);

          cs_layer_set_visible (g_ptr_array_index (self->lines[m], i), s->shown);
        }
      cs_plot_view_changed (self->views[m]);
    }
}

void
cs_training_plots_set_smoothing (CsTrainingPlots *self, double weight)
{
  self->smoothing = CLAMP (weight, 0, 0.999);
  for (guint m = 0; m < N_METRICS; m++)
    {
      for (guint i = 0; i < self->lines[m]->len; i++)
        cs_line_set_smoothing (g_ptr_array_index (self->lines[m], i), self->smoothing);
      cs_plot_view_changed (self->views[m]);
    }
}

/* A card asks for less width than its plot would like, so that the grid puts several beside each other; it then takes all it
 * is given. */
static void
measure_card (GtkWidget *card,
              GtkOrientation orientation,
              int for_size,
              int *minimum,
              int *natural,
              int *minimum_baseline,
              int *natural_baseline)
{
  gtk_widget_measure (gtk_widget_get_first_child (card), orientation, for_size, minimum, natural,
                      NULL, NULL);
  if (orientation == GTK_ORIENTATION_HORIZONTAL)
    *natural = *minimum;
}

static void
allocate_card (GtkWidget *card, int width, int height, int baseline)
{
  gtk_widget_allocate (gtk_widget_get_first_child (card), width, height, baseline, NULL);
}

static GtkWidget *
card_cell_new (GtkWidget *card)
{
  GtkWidget *child = gtk_flow_box_child_new ();
  GtkWidget *bin = adw_bin_new ();

  gtk_widget_set_layout_manager (bin, gtk_custom_layout_new (NULL, measure_card, allocate_card));
  adw_bin_set_child (ADW_BIN (bin), card);
  gtk_flow_box_child_set_child (GTK_FLOW_BOX_CHILD (child), bin);
  gtk_widget_set_focusable (child, FALSE);
  gtk_widget_add_css_class (child, "plot-cell");
  return child;
}

static GtkWidget *
plot_card_new (CsTrainingPlots *self, guint m)
{
  CsPlot *plot = cs_figure_metric (_ (metrics[m].title), _ (metrics[m].symbol), metrics[m].log_y);
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 3);
  GtkWidget *title = gtk_label_new (_ (metrics[m].title));
  GtkWidget *view;

  cs_plot_set_placeholder (plot, _ ("Nothing logged yet"));
  if (metrics[m].fraction)
    cs_axis_set_range (cs_plot_y (plot), 0, 1);
  view = cs_plot_view_new (plot);
  self->views[m] = CS_PLOT_VIEW (view);
  gtk_label_set_xalign (GTK_LABEL (title), 0);
  gtk_label_set_ellipsize (GTK_LABEL (title), PANGO_ELLIPSIZE_END);
  gtk_widget_add_css_class (title, "heading");
  gtk_widget_set_margin_top (title, 12);
  gtk_widget_set_margin_start (title, 12);
  gtk_widget_set_margin_end (title, 12);
  gtk_widget_remove_css_class (view, "card"); /* it stands on one */
  gtk_widget_set_size_request (view, 280, 210);
  gtk_widget_set_vexpand (view, TRUE);
  gtk_box_append (GTK_BOX (box), title);
  gtk_box_append (GTK_BOX (box), view);
  gtk_widget_add_css_class (box, "card");
  return box;
}

static void
cs_training_plots_dispose (GObject *object)
{
  CsTrainingPlots *self = CS_TRAINING_PLOTS (object);

  g_clear_pointer (&self->series, g_ptr_array_unref);
  for (guint m = 0; m < N_METRICS; m++)
    g_clear_pointer (&self->lines[m], g_ptr_array_unref);
  G_OBJECT_CLASS (cs_training_plots_parent_class)->dispose (object);
}

static void
cs_training_plots_class_init (CsTrainingPlotsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = cs_training_plots_dispose;
}

static void
cs_training_plots_init (CsTrainingPlots *self)
{
  GtkWidget *flow = gtk_flow_box_new ();

  gtk_flow_box_set_selection_mode (GTK_FLOW_BOX (flow), GTK_SELECTION_NONE);
  gtk_flow_box_set_homogeneous (GTK_FLOW_BOX (flow), TRUE);
  gtk_flow_box_set_min_children_per_line (GTK_FLOW_BOX (flow), 1);
  gtk_flow_box_set_max_children_per_line (GTK_FLOW_BOX (flow), 3);
  gtk_flow_box_set_column_spacing (GTK_FLOW_BOX (flow), 12);
  gtk_flow_box_set_row_spacing (GTK_FLOW_BOX (flow), 12);
  gtk_accessible_update_property (GTK_ACCESSIBLE (flow), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Curves of the runs"), -1);
  for (guint m = 0; m < N_METRICS; m++)
    {
      self->lines[m] = g_ptr_array_new ();
      gtk_flow_box_append (GTK_FLOW_BOX (flow), card_cell_new (plot_card_new (self, m)));
    }
  adw_bin_set_child (ADW_BIN (self), flow);
}

GtkWidget *
cs_training_plots_new (void)
{
  return g_object_new (CS_TYPE_TRAINING_PLOTS, NULL);
}
