#include "plot-private.h"

#include <string.h>

CsPlot *
cs_plot_new (const char *title)
{
  CsPlot *plot = g_new0 (CsPlot, 1);
  PangoFontMap *map = pango_cairo_font_map_get_default ();
  cairo_font_options_t *options = cairo_font_options_create ();

  plot->title = g_strdup (title);
  plot->theme = *cs_plot_theme_light ();
  plot->x = cs_axis_new ();
  plot->y = cs_axis_new ();
  plot->x->snug = true;
  plot->layers = g_ptr_array_new ();
  /* Text keeps its proportions at any scale, and is as wide in a PDF as on the screen. */
  plot->pango = pango_font_map_create_context (map);
  cairo_font_options_set_hint_metrics (options, CAIRO_HINT_METRICS_OFF);
  cairo_font_options_set_hint_style (options, CAIRO_HINT_STYLE_SLIGHT);
  cairo_font_options_set_antialias (options, CAIRO_ANTIALIAS_GRAY);
  pango_cairo_context_set_font_options (plot->pango, options);
  cairo_font_options_destroy (options);
  return plot;
}

static void
layer_free (CsLayer *layer)
{
  if (layer->klass->free != NULL)
    layer->klass->free (layer);
  g_free (layer->name);
  g_free (layer);
}

void
cs_plot_clear (CsPlot *plot)
{
  for (guint i = 0; i < plot->layers->len; i++)
    layer_free (g_ptr_array_index (plot->layers, i));
  g_ptr_array_set_size (plot->layers, 0);
}

void
cs_plot_free (CsPlot *plot)
{
  if (plot == NULL)
    return;
  cs_plot_clear (plot);
  g_ptr_array_unref (plot->layers);
  cs_plot_free (plot->inset);
  cs_axis_free (plot->x);
  cs_axis_free (plot->y);
  g_object_unref (plot->pango);
  g_free (plot->title);
  g_free (plot->placeholder);
  g_free (plot);
}

CsLayer *
cs_plot_add_layer (CsPlot *plot, void *layer, const CsLayerClass *klass, const char *name)
{
  CsLayer *self = layer;

  self->klass = klass;
  self->plot = plot;
  self->name = g_strdup (name);
  for (guint i = 0; i < plot->layers->len; i++)
    if (((CsLayer *)g_ptr_array_index (plot->layers, i))->klass == klass)
      self->series++;
  g_ptr_array_add (plot->layers, self);
  return self;
}

void
cs_layer_set_visible (CsLayer *layer, bool visible)
{
  layer->hidden = !visible;
}

void
cs_plot_set_title (CsPlot *plot, const char *title)
{
  g_free (plot->title);
  plot->title = g_strdup (title);
}

const char *
cs_plot_get_title (const CsPlot *plot)
{
  return plot->title;
}

void
cs_plot_set_show_title (CsPlot *plot, bool show_title)
{
  plot->show_title = show_title;
}

void
cs_plot_set_placeholder (CsPlot *plot, const char *placeholder)
{
  g_free (plot->placeholder);
  plot->placeholder = g_strdup (placeholder);
}

void
cs_plot_set_theme (CsPlot *plot, const CsPlotTheme *theme)
{
  plot->theme = *theme;
  plot->theme.font = g_intern_string (theme->font);
  if (plot->inset != NULL)
    cs_plot_set_theme (plot->inset, theme);
}

const CsPlotTheme *
cs_plot_get_theme (const CsPlot *plot)
{
  return &plot->theme;
}

CsAxis *
cs_plot_x (CsPlot *plot)
{
  return plot->x;
}

CsAxis *
cs_plot_y (CsPlot *plot)
{
  return plot->y;
}

void
cs_plot_set_log_y (CsPlot *plot, bool log_y)
{
  cs_axis_set_scale (plot->y, log_y ? CS_SCALE_LOG : CS_SCALE_LINEAR);
  if (plot->inset != NULL)
    cs_plot_set_log_y (plot->inset, log_y);
}

void
cs_plot_set_inset (CsPlot *plot, CsPlot *inset, double x, double y, double width, double height)
{
  if (plot->inset != inset)
    cs_plot_free (plot->inset);
  plot->inset = inset;
  plot->inset_rect = (CsRect){ x, y, width, height };
  if (inset == NULL)
    return;
  inset->is_inset = true;
  cs_plot_set_theme (inset, &plot->theme);
}

CsPlot *
cs_plot_get_inset (CsPlot *plot)
{
  return plot->inset;
}

void
cs_plot_set_marginals (CsPlot *plot, size_t n_bins)
{
  plot->n_marginal_bins = MIN (n_bins, 4096);
}

void
cs_plot_set_brush (CsPlot *plot, double low, double high)
{
  plot->has_brush = cs_is_plottable (low) && cs_is_plottable (high);
  plot->brush = (CsRange){ MIN (low, high), MAX (low, high) };
}

void
cs_plot_clear_brush (CsPlot *plot)
{
  plot->has_brush = false;
}

bool
cs_plot_get_brush (const CsPlot *plot, double *low, double *high)
{
  if (!plot->has_brush)
    return false;
  *low = plot->brush.min;
  *high = plot->brush.max;
  return true;
}

size_t
cs_plot_count_lines (const CsPlot *plot)
{
  size_t n = 0;

  for (guint i = 0; i < plot->layers->len; i++)
    {
      const CsLayer *layer = g_ptr_array_index (plot->layers, i);

      n += layer->klass == &cs_line_class && !layer->hidden;
    }
  return n;
}
