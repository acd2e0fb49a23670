/* What is drawn about the data: dashed lines, shaded regions, notes; and heat cells. */
#include "plot-private.h"

#include <math.h>

#include <glib/gi18n.h>

typedef struct
{
  CsLayer layer; /* name: the label, or NULL */
  double x;
  CsPlotClass klass;
  char *short_label;
} CsNote;

typedef struct
{
  CsLayer layer; /* name: the label, or NULL */
  double x_low, x_high, y_low, y_high;
  CsPlotClass klass;
  char *short_label;
} CsRegion;

typedef struct
{
  CsLayer layer; /* name: the noun */
  double x_low, x_high, y_low, y_high;
  size_t n_x, n_y;
  double *values; /* [n_y][n_x] */
  CsRange range;
} CsHeat;

static void
vline_draw (CsLayer *layer, CsFrame *frame)
{
  double px = cs_frame_x (frame, ((CsNote *)layer)->x);
  const double dashes[] = { 4, 4 };

  if (!(px >= frame->rect.x - 0.5 && px <= frame->rect.x + frame->rect.width + 0.5))
    return;
  cairo_move_to (frame->cr, cs_crisp (px), frame->rect.y);
  cairo_line_to (frame->cr, cs_crisp (px), frame->rect.y + frame->rect.height);
  cs_set_color (frame->cr, cs_plot_color_with_alpha (frame->theme->foreground, 0.5));
  cairo_set_line_width (frame->cr, 1);
  cairo_set_dash (frame->cr, dashes, 2, 0);
  cairo_stroke (frame->cr);
  cairo_set_dash (frame->cr, NULL, 0, 0);
}

static void
note_strip (const CsLayer *layer, GArray *items)
{
  const CsNote *note = (const CsNote *)layer;
  CsStripItem item = { .x = note->x, .klass = note->klass, .text = layer->name };

  item.short_text = note->short_label != NULL ? note->short_label : layer->name;
  if (layer->name != NULL)
    g_array_append_val (items, item);
}

static void
note_free (CsLayer *layer)
{
  g_free (((CsNote *)layer)->short_label);
}

static const CsLayerClass vline_class = { .stage = CS_STAGE_OVER,
                                          .draw = vline_draw,
                                          .strip = note_strip,
                                          .free = note_free };
static const CsLayerClass note_class = { .stage = CS_STAGE_OVER,
                                         .strip = note_strip,
                                         .free = note_free };

CsLayer *
cs_plot_add_vline (CsPlot *plot, double x, const char *label)
{
  CsNote *note = g_new0 (CsNote, 1);

  note->x = x;
  note->klass = CS_PLOT_CLASS_PLAIN;
  return cs_plot_add_layer (plot, note, &vline_class, label);
}

CsLayer *
cs_plot_add_note (CsPlot *plot,
                  double x,
                  CsPlotClass klass,
                  const char *label,
                  const char *short_label)
{
  CsNote *note = g_new0 (CsNote, 1);

  note->x = x;
  note->klass = klass;
  note->short_label = g_strdup (short_label);
  return cs_plot_add_layer (plot, note, &note_class, label);
}

/* An end in pixels; an infinite one is the edge of the data area. */
static double
region_end (double pixel, double value, double low_edge, double high_edge, bool reversed)
{
  if (!isfinite (value) || isnan (pixel))
    return (value > 0) != reversed ? high_edge : low_edge;
  return CLAMP (pixel, low_edge, high_edge);
}

static CsRect
region_rect (const CsRegion *region, const CsFrame *frame)
{
  double left = frame->rect.x, right = left + frame->rect.width;
  double top = frame->rect.y, bottom = top + frame->rect.height;
  double x0 = region_end (cs_frame_x (frame, region->x_low), region->x_low, left, right, false);
  double x1 = region_end (cs_frame_x (frame, region->x_high), region->x_high, left, right, false);
  double y0 = region_end (cs_frame_y (frame, region->y_high), region->y_high, top, bottom, true);
  double y1 = region_end (cs_frame_y (frame, region->y_low), region->y_low, top, bottom, true);

  return (CsRect){ round (x0), round (y0), round (x1) - round (x0), round (y1) - round (y0) };
}

static bool
region_is_column (const CsRegion *region)
{
  return !isfinite (region->y_low) && !isfinite (region->y_high);
}

static void
region_draw (CsLayer *layer, CsFrame *frame)
{
  CsRegion *region = (CsRegion *)layer;
  CsRect rect = region_rect (region, frame);
  CsPlotColor color = frame->theme->classes[region->klass];
  const double dashes[] = { 4, 3 };
  double width, height;

  if (rect.width <= 0 || rect.height <= 0)
    return;
  cairo_rectangle (frame->cr, rect.x, rect.y, rect.width, rect.height);
  cs_set_color (frame->cr, cs_plot_color_with_alpha (color, 0.11));
  cairo_fill (frame->cr);
  if (region_is_column (region))
    return;
  cairo_rectangle (frame->cr, rect.x + 0.5, rect.y + 0.5, rect.width - 1, rect.height - 1);
  cs_set_color (frame->cr, cs_plot_color_with_alpha (color, 0.7));
  cairo_set_line_width (frame->cr, 1);
  cairo_set_dash (frame->cr, dashes, 2, 0);
  cairo_stroke (frame->cr);
  cairo_set_dash (frame->cr, NULL, 0, 0);
  /* In a small plot the points need the room. */
  if (layer->name == NULL || frame->rect.width < 480)
    return;
  cs_text_measure (frame->pango, frame->theme, 0.85 * frame->font_size, layer->name, &width,
                   &height);
  if (width + 12 < rect.width && height + 8 < rect.height)
    cs_text_draw (frame, layer->name, 0.85 * frame->font_size, frame->theme->foreground, rect.x + 6,
                  rect.y + 4, 0, 0);
}

static void
region_strip (const CsLayer *layer, GArray *items)
{
  const CsRegion *region = (const CsRegion *)layer;
  CsStripItem item = { .klass = region->klass, .text = layer->name };

  if (layer->name == NULL || !region_is_column (region))
    return;
  item.x = 0.5 * (region->x_low + region->x_high);
  item.short_text = region->short_label != NULL ? region->short_label : layer->name;
  g_array_append_val (items, item);
}

static void
region_free (CsLayer *layer)
{
  g_free (((CsRegion *)layer)->short_label);
}

static const CsLayerClass region_class = { .stage = CS_STAGE_UNDER,
                                           .clipped = true,
                                           .draw = region_draw,
                                           .strip = region_strip,
                                           .free = region_free };

CsLayer *
cs_plot_add_region (CsPlot *plot,
                    double x_low,
                    double x_high,
                    double y_low,
                    double y_high,
                    CsPlotClass klass)
{
  CsRegion *region = g_new0 (CsRegion, 1);

  region->x_low = x_low;
  region->x_high = x_high;
  region->y_low = y_low;
  region->y_high = y_high;
  region->klass = klass;
  return cs_plot_add_layer (plot, region, &region_class, NULL);
}

void
cs_region_set_label (CsLayer *layer, const char *label, const char *short_label)
{
  CsRegion *region = (CsRegion *)layer;

  g_assert (layer->klass == &region_class);
  g_free (layer->name);
  g_free (region->short_label);
  layer->name = g_strdup (label);
  region->short_label = g_strdup (short_label);
}

static void
heat_draw (CsLayer *layer, CsFrame *frame)
{
  CsHeat *heat = (CsHeat *)layer;
  double x_step = (heat->x_high - heat->x_low) / (double)heat->n_x;
  double y_step = (heat->y_high - heat->y_low) / (double)heat->n_y;
  double span = heat->range.max - heat->range.min;

  for (size_t j = 0; j < heat->n_y; j++)
    for (size_t i = 0; i < heat->n_x; i++)
      {
        double value = heat->values[j * heat->n_x + i];
        double left = cs_frame_x (frame, heat->x_low + (double)i * x_step);
        double right = cs_frame_x (frame, heat->x_low + (double)(i + 1) * x_step);
        double top = cs_frame_y (frame, heat->y_low + (double)(j + 1) * y_step);
        double bottom = cs_frame_y (frame, heat->y_low + (double)j * y_step);

        if (!cs_is_plottable (value) || isnan (left + right + top + bottom))
          continue;
        cairo_rectangle (frame->cr, round (left), round (top), round (right) - round (left),
                         round (bottom) - round (top));
        double part = span > 0 ? (value - heat->range.min) / span : 1;
        cs_set_color (frame->cr,
                      cs_plot_color_with_alpha (frame->theme->accent, 0.05 + 0.95 * part));
        cairo_fill (frame->cr);
      }
}

static bool
heat_extent (const CsLayer *layer,
             const CsRange *x_window,
             bool positive_x,
             bool positive_y,
             CsRange *x,
             CsRange *y)
{
  const CsHeat *heat = (const CsHeat *)layer;

  if (heat->range.max < heat->range.min || (positive_x && heat->x_low <= 0) ||
      (positive_y && heat->y_low <= 0))
    return false;
  *x = (CsRange){ MIN (x->min, heat->x_low), MAX (x->max, heat->x_high) };
  *y = (CsRange){ MIN (y->min, heat->y_low), MAX (y->max, heat->y_high) };
  return true;
}

static bool
heat_nearest (CsLayer *layer,
              const CsFrame *frame,
              double px,
              double py,
              CsPlotHit *hit,
              GString *text)
{
  CsHeat *heat = (CsHeat *)layer;
  double x = cs_axis_from_unit (frame->x, (px - frame->rect.x) / frame->rect.width);
  double y = cs_axis_from_unit (frame->y, 1 - (py - frame->rect.y) / frame->rect.height);
  double i = floor ((x - heat->x_low) / (heat->x_high - heat->x_low) * (double)heat->n_x);
  double j = floor ((y - heat->y_low) / (heat->y_high - heat->y_low) * (double)heat->n_y);
  char number[32];

  if (!(i >= 0 && i < (double)heat->n_x && j >= 0 && j < (double)heat->n_y))
    return false;
  *hit = (CsPlotHit){ .px = px, .py = py, .index = (size_t)j * heat->n_x + (size_t)i };
  hit->color = frame->theme->accent;
  g_string_append_printf (text, "%s %s\n", cs_format_value (number, heat->values[hit->index]),
                          layer->name);
  return true;
}

static void
heat_describe (const CsLayer *layer, GString *text)
{
  const CsHeat *heat = (const CsHeat *)layer;
  char low[32], high[32];

  if (heat->range.max < heat->range.min)
    g_string_append (text, _ ("no values"));
  else
    /* Translators: columns, rows, what the cells show, least and greatest value. */
    g_string_append_printf (text, _ ("%zu by %zu cells, %s between %s and %s"), heat->n_x,
                            heat->n_y, layer->name, cs_format_value (low, heat->range.min),
                            cs_format_value (high, heat->range.max));
}

static void
heat_free (CsLayer *layer)
{
  g_free (((CsHeat *)layer)->values);
}

static const CsLayerClass heat_class = { .stage = CS_STAGE_UNDER,
                                         .clipped = true,
                                         .draw = heat_draw,
                                         .extent = heat_extent,
                                         .nearest = heat_nearest,
                                         .describe = heat_describe,
                                         .free = heat_free };

CsLayer *
cs_plot_add_heat (CsPlot *plot,
                  const char *noun,
                  double x_low,
                  double x_high,
                  size_t n_x,
                  double y_low,
                  double y_high,
                  size_t n_y,
                  const double *values)
{
  CsHeat *heat = g_new0 (CsHeat, 1);
  bool sound = cs_is_plottable (x_low) && cs_is_plottable (x_high) && cs_is_plottable (y_low) &&
               cs_is_plottable (y_high) && x_high > x_low && y_high > y_low;

  heat->x_low = sound ? x_low : 0;
  heat->x_high = sound ? x_high : 1;
  heat->y_low = sound ? y_low : 0;
  heat->y_high = sound ? y_high : 1;
  heat->n_x = n_x;
  heat->n_y = n_y;
  heat->values = g_memdup2 (values, n_x * n_y * sizeof *values);
  heat->range = (CsRange){ HUGE_VAL, -HUGE_VAL };
  for (size_t i = 0; i < n_x * n_y; i++)
    if (cs_is_plottable (values[i]))
      heat->range = (CsRange){ MIN (heat->range.min, values[i]), MAX (heat->range.max, values[i]) };
  plot->x->snug = plot->y->snug = true;
  return cs_plot_add_layer (plot, heat, &heat_class, noun);
}
