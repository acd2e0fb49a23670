#include "plot-view-private.h"

#include <math.h>
#include <string.h>

#include <adwaita.h>
#include <glib/gi18n.h>

#include "plot-view-theme.h"

#define MIN_WIDTH 160
#define MIN_HEIGHT 120
#define ZOOM_STEP 0.8
#define RADIUS 12.0

enum
{
  PROP_0,
  PROP_LOG_Y,
  N_PROPS
};
enum
{
  BRUSH_CHANGED,
  POINT_ACTIVATED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (CsPlotView, cs_plot_view, GTK_TYPE_WIDGET)

static gboolean
describe_cb (gpointer data)
{
  CsPlotView *self = data;
  g_autofree char *text = NULL;

  self->describe_id = 0;
  if (self->plot == NULL)
    return G_SOURCE_REMOVE;
  text = cs_plot_describe (self->plot);
  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL,
                                  cs_plot_get_title (self->plot),
                                  GTK_ACCESSIBLE_PROPERTY_DESCRIPTION, text, -1);
  return G_SOURCE_REMOVE;
}

void
cs_plot_view_changed (CsPlotView *self)
{
  g_return_if_fail (CS_IS_PLOT_VIEW (self));
  self->outdated = true;
  gtk_widget_queue_draw (GTK_WIDGET (self));
  /* Words are for slow readers: once in half a second is enough while a run trains. */
  if (self->describe_id == 0)
    self->describe_id = g_timeout_add (500, describe_cb, self);
}

static void
restyle (CsPlotView *self)
{
  CsPlotTheme theme;

  if (self->plot == NULL)
    return;
  theme = cs_plot_view_theme (GTK_WIDGET (self));
  /* The style changes whenever the pointer comes or goes; the plot rarely does. */
  if (memcmp (&theme, cs_plot_get_theme (self->plot), sizeof theme) == 0)
    return;
  cs_plot_set_theme (self->plot, &theme);
  cs_plot_view_changed (self);
}

static void
snapshot_focus (CsPlotView *self, GtkSnapshot *snapshot, const graphene_rect_t *bounds)
{
  const CsPlotColor *accent = &cs_plot_get_theme (self->plot)->accent;
  GdkRGBA color = { (float)accent->red, (float)accent->green, (float)accent->blue, 0.8f };
  const float widths[4] = { 2, 2, 2, 2 };
  const GdkRGBA colors[4] = { color, color, color, color };
  GskRoundedRect outline;

  gsk_rounded_rect_init_from_rect (&outline, bounds, RADIUS);
  gtk_snapshot_append_border (snapshot, &outline, widths, colors);
}

/* The data are drawn once into a picture; what follows the pointer is drawn over it in every frame.
 */
static void
cs_plot_view_snapshot (GtkWidget *widget, GtkSnapshot *snapshot)
{
  CsPlotView *self = CS_PLOT_VIEW (widget);
  int width = gtk_widget_get_width (widget), height = gtk_widget_get_height (widget);
  int scale = gtk_widget_get_scale_factor (widget);
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (0, 0, width, height);

  if (self->plot == NULL || width < 2 || height < 2)
    return;
  if (!cs_plot_view_refresh (self, width, height, scale))
    return;
  gtk_snapshot_append_texture (snapshot, self->picture, &bounds);
  if (self->has_pointer && !self->dragging)
    {
      cairo_t *cr = gtk_snapshot_append_cairo (snapshot, &bounds);

      cs_plot_draw_hover (self->plot, cr, width, height, self->pointer_x, self->pointer_y);
      cairo_destroy (cr);
    }
  if (gtk_widget_has_visible_focus (widget))
    snapshot_focus (self, snapshot, &bounds);
}

static void
cs_plot_view_measure (GtkWidget *widget,
                      GtkOrientation orientation,
                      int for_size,
                      int *minimum,
                      int *natural,
                      int *minimum_baseline,
                      int *natural_baseline)
{
  bool across = orientation == GTK_ORIENTATION_HORIZONTAL;

  *minimum = across ? MIN_WIDTH : MIN_HEIGHT;
  *natural = across ? 480 : 260;
}

static void
cs_plot_view_size_allocate (GtkWidget *widget, int width, int height, int baseline)
{
  CsPlotView *self = CS_PLOT_VIEW (widget);

  if (self->menu != NULL)
    gtk_popover_present (GTK_POPOVER (self->menu));
}

static void
cs_plot_view_system_setting_changed (GtkWidget *widget, GtkSystemSetting setting)
{
  GTK_WIDGET_CLASS (cs_plot_view_parent_class)->system_setting_changed (widget, setting);
  restyle (CS_PLOT_VIEW (widget));
}

static void
cs_plot_view_css_changed (GtkWidget *widget, GtkCssStyleChange *change)
{
  GTK_WIDGET_CLASS (cs_plot_view_parent_class)->css_changed (widget, change);
  restyle (CS_PLOT_VIEW (widget));
}

static void
emit_brush (CsPlotView *self)
{
  double low = -INFINITY, high = INFINITY;

  cs_plot_get_brush (self->plot, &low, &high);
  g_signal_emit (self, signals[BRUSH_CHANGED], 0, low, high);
}

void
cs_plot_view_set_brush (CsPlotView *self, double low, double high)
{
  double old_low, old_high;
  bool had, has = low <= high && isfinite (low) && isfinite (high);

  g_return_if_fail (CS_IS_PLOT_VIEW (self));
  if (self->plot == NULL)
    return;
  had = cs_plot_get_brush (self->plot, &old_low, &old_high);
  if (had == has && (!has || (old_low == low && old_high == high)))
    return;
  if (has)
    cs_plot_set_brush (self->plot, low, high);
  else
    cs_plot_clear_brush (self->plot);
  cs_plot_view_changed (self);
  emit_brush (self);
}

void
cs_plot_view_reset (CsPlotView *self)
{
  g_return_if_fail (CS_IS_PLOT_VIEW (self));
  if (self->plot == NULL)
    return;
  cs_axis_reset (cs_plot_x (self->plot));
  cs_axis_reset (cs_plot_y (self->plot));
  cs_plot_view_changed (self);
}

void
cs_plot_view_zoom (CsPlotView *self, bool along_y, double unit, double factor)
{
  if (self->plot == NULL)
    return;
  cs_axis_zoom (along_y ? cs_plot_y (self->plot) : cs_plot_x (self->plot), unit, factor);
  cs_plot_view_changed (self);
}

void
cs_plot_view_show_menu (CsPlotView *self, double x, double y)
{
  if (self->plot == NULL)
    return;
  gtk_popover_set_pointing_to (GTK_POPOVER (self->menu), &(GdkRectangle){ (int)x, (int)y, 1, 1 });
  gtk_popover_popup (GTK_POPOVER (self->menu));
}

void
cs_plot_view_activate (CsPlotView *self, uint64_t id)
{
  g_signal_emit (self, signals[POINT_ACTIVATED], 0, (guint64)id);
}

static void
reset_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  cs_plot_view_reset (CS_PLOT_VIEW (widget));
}

static void
zoom_action (GtkWidget *widget, const char *name, GVariant *parameter)
{
  cs_plot_view_zoom (CS_PLOT_VIEW (widget), false, 0.5,
                     g_str_has_suffix (name, "in") ? ZOOM_STEP : 1 / ZOOM_STEP);
}

static GtkWidget *
make_menu (CsPlotView *self)
{
  g_autoptr (GMenu) menu = g_menu_new (), view = g_menu_new (), files = g_menu_new ();
  GtkWidget *popover;

  g_menu_append (view, _ ("Zoom _In"), "plot.zoom-in");
  g_menu_append (view, _ ("Zoom _Out"), "plot.zoom-out");
  g_menu_append (view, _ ("Show _Everything"), "plot.reset");
  g_menu_append (view, _ ("_Logarithmic Scale"), "plot.log-y");
  g_menu_append (files, _ ("_Copy Picture"), "plot.copy");
  g_menu_append (files, _ ("Save as _PNG…"), "plot.save-png");
  g_menu_append (files, _ ("Save as _SVG…"), "plot.save-svg");
  g_menu_append (files, _ ("Save as P_DF…"), "plot.save-pdf");
  g_menu_append_section (menu, NULL, G_MENU_MODEL (view));
  g_menu_append_section (menu, NULL, G_MENU_MODEL (files));
  popover = gtk_popover_menu_new_from_model (G_MENU_MODEL (menu));
  gtk_popover_set_has_arrow (GTK_POPOVER (popover), FALSE);
  gtk_widget_set_halign (popover, GTK_ALIGN_START);
  gtk_widget_set_parent (popover, GTK_WIDGET (self));
  return popover;
}

static void
cs_plot_view_init (CsPlotView *self)
{
  AdwStyleManager *manager = adw_style_manager_get_default ();

  gtk_widget_set_focusable (GTK_WIDGET (self), TRUE);
  gtk_widget_set_hexpand (GTK_WIDGET (self), TRUE);
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
  gtk_widget_add_css_class (GTK_WIDGET (self), "card");
  self->cost = G_MAXINT32; /* until it is known */
  self->drawn_frame = -1;
  self->menu = make_menu (self);
  cs_plot_view_add_gestures (self);
  g_signal_connect_object (manager, "notify::dark", G_CALLBACK (restyle), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (manager, "notify::high-contrast", G_CALLBACK (restyle), self,
                           G_CONNECT_SWAPPED);
}

static void
cs_plot_view_dispose (GObject *object)
{
  CsPlotView *self = CS_PLOT_VIEW (object);

  g_clear_handle_id (&self->describe_id, g_source_remove);
  g_clear_pointer (&self->menu, gtk_widget_unparent);
  g_clear_object (&self->picture);
  g_clear_pointer (&self->plot, cs_plot_free);
  G_OBJECT_CLASS (cs_plot_view_parent_class)->dispose (object);
}

static void
cs_plot_view_get_property (GObject *object, guint id, GValue *value, GParamSpec *spec)
{
  CsPlotView *self = CS_PLOT_VIEW (object);

  if (id != PROP_LOG_Y)
    {
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
      return;
    }
  g_value_set_boolean (value, self->plot != NULL &&
                                  cs_axis_get_scale (cs_plot_y (self->plot)) == CS_SCALE_LOG);
}

static void
cs_plot_view_set_property (GObject *object, guint id, const GValue *value, GParamSpec *spec)
{
  if (id == PROP_LOG_Y)
    cs_plot_view_set_log_y (CS_PLOT_VIEW (object), g_value_get_boolean (value));
  else
    G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, spec);
}

static void
install_actions (GtkWidgetClass *widget_class)
{
  gtk_widget_class_install_action (widget_class, "plot.save-png", NULL, cs_plot_view_save_action);
  gtk_widget_class_install_action (widget_class, "plot.save-svg", NULL, cs_plot_view_save_action);
  gtk_widget_class_install_action (widget_class, "plot.save-pdf", NULL, cs_plot_view_save_action);
  gtk_widget_class_install_action (widget_class, "plot.copy", NULL, cs_plot_view_copy_action);
  gtk_widget_class_install_action (widget_class, "plot.reset", NULL, reset_action);
  gtk_widget_class_install_action (widget_class, "plot.zoom-in", NULL, zoom_action);
  gtk_widget_class_install_action (widget_class, "plot.zoom-out", NULL, zoom_action);
  gtk_widget_class_install_property_action (widget_class, "plot.log-y", "log-y");
}

static void
cs_plot_view_class_init (CsPlotViewClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  object_class->dispose = cs_plot_view_dispose;
  object_class->get_property = cs_plot_view_get_property;
  object_class->set_property = cs_plot_view_set_property;
  widget_class->snapshot = cs_plot_view_snapshot;
  widget_class->measure = cs_plot_view_measure;
  widget_class->size_allocate = cs_plot_view_size_allocate;
  widget_class->system_setting_changed = cs_plot_view_system_setting_changed;
  widget_class->css_changed = cs_plot_view_css_changed;
  properties[PROP_LOG_Y] =
      g_param_spec_boolean ("log-y", NULL, NULL, FALSE,
                            G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
  signals[BRUSH_CHANGED] =
      g_signal_new ("brush-changed", CS_TYPE_PLOT_VIEW, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                    G_TYPE_NONE, 2, G_TYPE_DOUBLE, G_TYPE_DOUBLE);
  signals[POINT_ACTIVATED] = g_signal_new ("point-activated", CS_TYPE_PLOT_VIEW, G_SIGNAL_RUN_LAST,
                                           0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_UINT64);
  install_actions (widget_class);
  gtk_widget_class_set_css_name (widget_class, "plotview");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

GtkWidget *
cs_plot_view_new (CsPlot *plot)
{
  CsPlotView *self = g_object_new (CS_TYPE_PLOT_VIEW, NULL);

  cs_plot_view_set_plot (self, plot);
  return GTK_WIDGET (self);
}

void
cs_plot_view_set_plot (CsPlotView *self, CsPlot *plot)
{
  g_return_if_fail (CS_IS_PLOT_VIEW (self));
  if (self->plot == plot)
    return;
  g_clear_pointer (&self->plot, cs_plot_free);
  self->plot = plot;
  if (plot == NULL)
    g_clear_object (&self->picture);
  self->dragging = self->dragged = false;
  restyle (self);
  cs_plot_view_changed (self);
  /* The name at once: a test, or a reader, may look before the first frame. */
  g_clear_handle_id (&self->describe_id, g_source_remove);
  describe_cb (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOG_Y]);
}

CsPlot *
cs_plot_view_get_plot (CsPlotView *self)
{
  g_return_val_if_fail (CS_IS_PLOT_VIEW (self), NULL);
  return self->plot;
}

void
cs_plot_view_set_drag (CsPlotView *self, CsPlotDrag drag)
{
  g_return_if_fail (CS_IS_PLOT_VIEW (self));
  self->drag = drag;
}

void
cs_plot_view_set_log_y (CsPlotView *self, gboolean log_y)
{
  g_return_if_fail (CS_IS_PLOT_VIEW (self));
  if (self->plot == NULL || (cs_axis_get_scale (cs_plot_y (self->plot)) == CS_SCALE_LOG) == log_y)
    return;
  cs_plot_set_log_y (self->plot, log_y);
  cs_plot_view_changed (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LOG_Y]);
}
