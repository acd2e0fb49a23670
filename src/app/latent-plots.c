#include "latent-plots.h"

#include <math.h>

#include <glib/gi18n.h>

#include "figures.h"
#include "latent-shares.h"
#include "latent-words.h"
#include "plot-view.h"

/* A drag moves the selection many times a second; the table follows at this pace, or at a slower one where it takes long. */
#define BRUSH_INTERVAL_MS 30
#define SHARES_MARGINS 110 /* of the figure of the tokens, above and below its bars, in pixels */
#define SHARES_ROW 26
#define BRUSH_INTERVAL_MAX_MS 300

struct _CsLatentPlots
{
  GtkWidget parent;
  GtkWidget *box;
  GtkStack *stack;
  CsPlotView *views[CS_LATENT_N_BRUSHES];
  GtkWidget *shares_scroll; /* the fifth: on what tokens; it filters nothing */
  CsPlotView *shares;
  bool stale[CS_LATENT_N_BRUSHES];
  bool filled[CS_LATENT_N_BRUSHES];
  CsLatentList *list;
  bool updating; /* the selection is set here, not by the user */
  CsLatentBrush pending;
  double pending_low, pending_high;
  guint pending_source;
  guint rebuild_source;
  guint interval; /* ms between two selections that are acted on while one drags */
};

G_DEFINE_FINAL_TYPE (CsLatentPlots, cs_latent_plots, GTK_TYPE_WIDGET)

enum
{
  SIGNAL_LATENT_ACTIVATED,
  N_SIGNALS
};
static guint signals[N_SIGNALS];

const char *
cs_latent_brush_name (CsLatentBrush brush)
{
  switch (brush)
    {
    case CS_LATENT_BRUSH_DELTA_NORM:
      return "Δ_norm";
    case CS_LATENT_BRUSH_NU_ERROR:
      return "ν^ε × ν^r";
    case CS_LATENT_BRUSH_COSINE:
      return _ ("Cosine");
    default:
      return _ ("Density");
    }
}

/* --- Figures --- */

typedef struct
{
  float *values;
  uint8_t *classes;
  size_t n;
} Columns;

static Columns
gather (CsLatentPlots *self, CsLatentBrush brush)
{
  size_t n = cs_latent_list_n_latents (self->list);
  Columns c = { g_new (float, n), g_new (uint8_t, n), 0 };

  for (size_t i = 0; i < n; i++)
    if (cs_latent_list_passes (self->list, i, (int)brush))
      {
        const CsLatentRow *row = cs_latent_list_row (self->list, i);

        c.values[c.n] = brush == CS_LATENT_BRUSH_DELTA_NORM ? row->delta_norm
                        : brush == CS_LATENT_BRUSH_COSINE   ? row->dec_cos_sim
                                                            : row->density;
        c.classes[c.n++] = (uint8_t)cs_latent_plot_class (row);
      }
  return c;
}

static CsPlot *
scaling_figure (CsLatentPlots *self)
{
  size_t n = cs_latent_list_n_latents (self->list), m = 0;
  g_autofree CsScalingPoint *points = g_new0 (CsScalingPoint, n);

  for (size_t i = 0; i < n; i++)
    {
      const CsLatentRow *row = cs_latent_list_row (self->list, i);

      if (row->tested && isfinite (row->nu_error) && isfinite (row->nu_reconstruction) &&
          cs_latent_list_passes (self->list, i, CS_LATENT_BRUSH_NU_ERROR))
        points[m++] = (CsScalingPoint){ .error = row->nu_error,
                                        .reconstruction = row->nu_reconstruction,
                                        .latent = i,
                                        .count_active = row->count_active,
                                        .klass = (uint8_t)cs_latent_plot_class (row) };
    }
  return cs_figure_scaling (points, m);
}

static CsPlot *
figure (CsLatentPlots *self, CsLatentBrush brush, bool log_y)
{
  Columns c;
  CsPlot *plot;

  if (brush == CS_LATENT_BRUSH_NU_ERROR)
    return scaling_figure (self);
  c = gather (self, brush);
  if (brush == CS_LATENT_BRUSH_DELTA_NORM)
    plot = cs_figure_norm_ratio_values (c.values, c.classes, c.n, log_y);
  else if (brush == CS_LATENT_BRUSH_COSINE)
    plot = cs_figure_cosine (c.values, c.classes, c.n, log_y);
  else
    plot = cs_figure_density (c.values, c.classes, c.n, log_y);
  if (c.n == 0)
    cs_plot_set_placeholder (plot, _ ("No latent passes the filter"));
  g_free (c.values);
  g_free (c.classes);
  return plot;
}

static void
rebuild (CsLatentPlots *self, CsLatentBrush brush)
{
  const CsLatentInterval *interval = &cs_latent_list_filter (self->list)->brush[brush];
  gboolean log_y = brush != CS_LATENT_BRUSH_DENSITY;

  if (self->filled[brush])
    g_object_get (self->views[brush], "log-y", &log_y, NULL);
  self->stale[brush] = false;
  self->filled[brush] = true;
  self->updating = true;
  cs_plot_view_set_plot (self->views[brush], figure (self, brush, log_y));
  if (interval->on)
    cs_plot_view_set_brush (self->views[brush], interval->low, interval->high);
  self->updating = false;
}

static bool
shares_visible (CsLatentPlots *self)
{
  return gtk_stack_get_visible_child (self->stack) == self->shares_scroll;
}

static void
rebuild_shares (CsLatentPlots *self)
{
  size_t n_bars;
  CsPlot *plot = cs_latent_shares_figure (self->list, &n_bars);

  cs_plot_view_set_plot (self->shares, plot);
  gtk_widget_set_size_request (GTK_WIDGET (self->shares), -1,
                               SHARES_MARGINS + SHARES_ROW * (int)n_bars);
}

static int
visible_brush (CsLatentPlots *self)
{
  GtkWidget *child = gtk_stack_get_visible_child (self->stack);

  for (int b = 0; b < CS_LATENT_N_BRUSHES; b++)
    if (child == GTK_WIDGET (self->views[b]))
      return b;
  return -1;
}

static gboolean
rebuild_visible_cb (void *data)
{
  CsLatentPlots *self = data;
  int brush = visible_brush (self);

  self->rebuild_source = 0;
  /* A plot that is dragged on waits until its selection has reached the list: it comes from there. */
  if (self->list != NULL && shares_visible (self))
    rebuild_shares (self);
  else if (self->list != NULL && brush >= 0 && self->stale[brush] &&
      !(self->pending_source != 0 && brush == (int)self->pending))
    rebuild (self, brush);
  return G_SOURCE_REMOVE;
}

/* The table shows what has changed first; the plot that is seen follows after that frame, the others
 * when they are. */
static void
rebuild_visible_later (CsLatentPlots *self)
{
  if (self->rebuild_source == 0 && self->list != NULL &&
      gtk_widget_get_mapped (GTK_WIDGET (self)))
    self->rebuild_source =
        g_idle_add_full (GDK_PRIORITY_REDRAW + 10, rebuild_visible_cb, self, NULL);
}

/* --- Links --- */

static void
visible_changed_cb (CsLatentPlots *self)
{
  /* The plot that is being dragged on is not touched: its own selection does not filter it. */
  int dragged = self->updating ? (int)self->pending : -1;

  for (int b = 0; b < CS_LATENT_N_BRUSHES; b++)
    if (b != dragged || b != visible_brush (self))
      self->stale[b] = true;
  rebuild_visible_later (self);
}

/* Sorted anew, perhaps: the figure of the tokens shows the first ones. */
static void
items_changed_cb (CsLatentPlots *self)
{
  if (shares_visible (self))
    rebuild_visible_later (self);
}

static gboolean
apply_brush_cb (void *data)
{
  CsLatentPlots *self = data;
  gint64 start = g_get_monotonic_time ();

  self->pending_source = 0;
  if (self->list == NULL)
    return G_SOURCE_REMOVE;
  self->updating = true;
  if (isfinite (self->pending_low) && isfinite (self->pending_high))
    cs_latent_list_set_brush (self->list, self->pending, self->pending_low, self->pending_high);
  else
    cs_latent_list_clear_brush (self->list, self->pending);
  self->updating = false;
  rebuild_visible_later (self);
  self->interval = (guint)CLAMP (3 * (g_get_monotonic_time () - start) / 1000, BRUSH_INTERVAL_MS,
                                 BRUSH_INTERVAL_MAX_MS);
  return G_SOURCE_REMOVE;
}

static void
brush_changed_cb (CsPlotView *view, double low, double high, CsLatentPlots *self)
{
  if (self->updating || visible_brush (self) < 0)
    return;
  self->pending = (CsLatentBrush)visible_brush (self);
  self->pending_low = low;
  self->pending_high = high;
  if (self->pending_source == 0)
    self->pending_source = g_timeout_add (self->interval, apply_brush_cb, self);
}

static void
point_activated_cb (CsPlotView *view, guint64 id, CsLatentPlots *self)
{
  g_signal_emit (self, signals[SIGNAL_LATENT_ACTIVATED], 0, (guint)id);
}

void
cs_latent_plots_set_brush (CsLatentPlots *self, CsLatentBrush brush, double low, double high)
{
  g_return_if_fail (CS_IS_LATENT_PLOTS (self) && self->list != NULL);
  if (low <= high)
    cs_latent_list_set_brush (self->list, brush, low, high);
  else
    cs_latent_list_clear_brush (self->list, brush);
}

void
cs_latent_plots_set_list (CsLatentPlots *self, CsLatentList *list)
{
  g_return_if_fail (CS_IS_LATENT_PLOTS (self));
  if (self->list != NULL)
    {
      g_signal_handlers_disconnect_by_func (self->list, visible_changed_cb, self);
      g_signal_handlers_disconnect_by_func (self->list, items_changed_cb, self);
    }
  g_set_object (&self->list, list);
  if (list == NULL)
    return;
  g_signal_connect_object (list, "visible-changed", G_CALLBACK (visible_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (list, "items-changed", G_CALLBACK (items_changed_cb), self,
                           G_CONNECT_SWAPPED);
  visible_changed_cb (self);
}

/* --- Class --- */

static void
cs_latent_plots_dispose (GObject *object)
{
  CsLatentPlots *self = CS_LATENT_PLOTS (object);

  cs_latent_plots_set_list (self, NULL);
  g_clear_handle_id (&self->pending_source, g_source_remove);
  g_clear_handle_id (&self->rebuild_source, g_source_remove);
  g_clear_pointer (&self->box, gtk_widget_unparent);
  G_OBJECT_CLASS (cs_latent_plots_parent_class)->dispose (object);
}

static void
cs_latent_plots_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (cs_latent_plots_parent_class)->map (widget);
  rebuild_visible_later (CS_LATENT_PLOTS (widget));
}

static void
cs_latent_plots_class_init (CsLatentPlotsClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = cs_latent_plots_dispose;
  widget_class->map = cs_latent_plots_map;
  signals[SIGNAL_LATENT_ACTIVATED] =
      g_signal_new ("latent-activated", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                    NULL, G_TYPE_NONE, 1, G_TYPE_UINT);
  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BIN_LAYOUT);
}

static void
add_view (CsLatentPlots *self, CsLatentBrush brush)
{
  static const char *const names[] = { "delta-norm", "scaling", "cosine", "density" };
  GtkWidget *view = cs_plot_view_new (NULL);

  self->views[brush] = CS_PLOT_VIEW (view);
  cs_plot_view_set_drag (self->views[brush], CS_PLOT_DRAG_BRUSH);
  gtk_widget_set_hexpand (view, TRUE);
  gtk_widget_set_vexpand (view, TRUE);
  gtk_widget_add_css_class (view, "card");
  g_signal_connect (view, "brush-changed", G_CALLBACK (brush_changed_cb), self);
  g_signal_connect (view, "point-activated", G_CALLBACK (point_activated_cb), self);
  gtk_stack_add_titled (self->stack, view, names[brush], cs_latent_brush_name (brush));
}

static void
add_shares (CsLatentPlots *self)
{
  GtkWidget *view = cs_plot_view_new (NULL);

  self->shares = CS_PLOT_VIEW (view);
  self->shares_scroll = gtk_scrolled_window_new ();
  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (self->shares_scroll), GTK_POLICY_NEVER,
                                  GTK_POLICY_AUTOMATIC);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (self->shares_scroll), view);
  gtk_widget_set_hexpand (view, TRUE);
  gtk_widget_set_vexpand (view, TRUE);
  gtk_stack_add_titled (self->stack, self->shares_scroll, "tokens", _ ("Tokens"));
}

static void
cs_latent_plots_init (CsLatentPlots *self)
{
  GtkWidget *switcher = gtk_stack_switcher_new ();

  self->interval = BRUSH_INTERVAL_MS;
  self->box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 6);
  self->stack = GTK_STACK (gtk_stack_new ());
  gtk_stack_switcher_set_stack (GTK_STACK_SWITCHER (switcher), self->stack);
  gtk_widget_set_halign (switcher, GTK_ALIGN_CENTER);
  gtk_widget_add_css_class (switcher, "compact");
  gtk_accessible_update_property (GTK_ACCESSIBLE (switcher), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  _ ("Plot"), -1);
  for (CsLatentBrush b = 0; b < CS_LATENT_N_BRUSHES; b++)
    add_view (self, b);
  add_shares (self);
  g_signal_connect_swapped (self->stack, "notify::visible-child",
                            G_CALLBACK (rebuild_visible_later), self);
  gtk_box_append (GTK_BOX (self->box), switcher);
  gtk_box_append (GTK_BOX (self->box), GTK_WIDGET (self->stack));
  gtk_widget_set_parent (self->box, GTK_WIDGET (self));
}
