/* Bars with names, one below another, each with its interval: a few quantities side by side. Bar i
 * is at y = n − 1 − i; its name stands above it, within the data area, so that it may be long. */
#include "plot-private.h"

#include <math.h>

#define BAR_LOW (-0.40) /* of a bar, about its row's middle, in rows */
#define BAR_HIGH 0.02
#define NEAR_ROWS 0.5

typedef struct
{
  char *name;
  double value, low, high;
  CsPlotClass klass;
  double *parts; /* of a stack, whose sum is value; NULL: one piece */
} CsBar;

typedef struct
{
  CsLayer layer; /* name: what the length is */
  CsBar *bars;
  size_t n;
  char **parts; /* names of the parts that each bar has; NULL: they are of one piece */
  size_t n_parts;
} CsBars;

static double
row_of (const CsBars *bars, size_t i)
{
  return (double)(bars->n - 1 - i);
}

/* A line from low to high with short ends. */
static void
draw_interval (CsFrame *frame, const CsBar *bar, double y, double half)
{
  double from, to;

  if (!cs_is_plottable (bar->low) || !cs_is_plottable (bar->high))
    return;
  from = cs_crisp (cs_frame_x (frame, bar->low));
  to = cs_crisp (cs_frame_x (frame, bar->high));
  cs_set_color (frame->cr, frame->theme->foreground);
  cairo_set_line_width (frame->cr, 1.25);
  cairo_move_to (frame->cr, from, y);
  cairo_line_to (frame->cr, to, y);
  for (int end = 0; end < 2; end++)
    {
      cairo_move_to (frame->cr, end == 0 ? from : to, y - half);
      cairo_line_to (frame->cr, end == 0 ? from : to, y + half);
    }
  cairo_stroke (frame->cr);
}

static void
draw_parts (const CsBars *bars, CsFrame *frame, const CsBar *bar, double top, double bottom)
{
  double at = 0;

  for (size_t k = 0; k < bars->n_parts; k++)
    {
      const double from = cs_frame_x (frame, at), to = cs_frame_x (frame, at + bar->parts[k]);
      const CsRect bounds = { from, top, to - from, bottom - top };

      at += bar->parts[k];
      cairo_rectangle (frame->cr, bounds.x, bounds.y, bounds.width, bounds.height);
      cs_fill_part (frame->cr, frame->theme, k, bounds);
    }
}

static void
draw_bar (const CsBars *bars, CsFrame *frame, size_t i)
{
  const CsBar *bar = &bars->bars[i];
  double top = cs_frame_y (frame, row_of (bars, i) + BAR_HIGH),
         bottom = cs_frame_y (frame, row_of (bars, i) + BAR_LOW);
  double zero = cs_frame_x (frame, 0), end = cs_frame_x (frame, bar->value);
  double size = MIN (frame->font_size, (bottom - top) * 1.05);
  g_autofree char *escaped = g_markup_escape_text (bar->name, -1);

  if (size >= 5)
    cs_text_draw_within (frame, escaped, size, frame->theme->foreground, frame->rect.x + 6, top - 1,
                         0, 1, frame->rect.width - 12);
  if (!cs_is_plottable (bar->value))
    return;
  if (bar->parts != NULL)
    {
      draw_parts (bars, frame, bar, top, bottom);
      return;
    }
  CsRect bounds = { MIN (zero, end), top, fabs (end - zero), bottom - top };
  cairo_rectangle (frame->cr, bounds.x, bounds.y, bounds.width, bounds.height);
  cs_fill_class (frame->cr, frame->theme, bar->klass, bounds);
  draw_interval (frame, bar, (top + bottom) / 2, MIN (4, (bottom - top) / 3));
}

static void
bars_draw (CsLayer *layer, CsFrame *frame)
{
  const CsBars *bars = (CsBars *)layer;

  for (size_t i = 0; i < bars->n; i++)
    draw_bar (bars, frame, i);
}

static bool
bars_extent (const CsLayer *layer,
             const CsRange *x_window,
             bool positive_x,
             bool positive_y,
             CsRange *x,
             CsRange *y)
{
  const CsBars *bars = (const CsBars *)layer;
  bool any = false;

  for (size_t i = 0; i < bars->n; i++)
    {
      /* A little more than the interval, whose end would be cut otherwise. */
      const double values[] = { 0, bars->bars[i].value, bars->bars[i].low,
                                bars->bars[i].high * 1.01 };

      for (size_t k = 0; k < G_N_ELEMENTS (values); k++)
        if (cs_is_plottable (values[k]) && cs_is_plottable (values[1]))
          {
            *x = (CsRange){ MIN (x->min, values[k]), MAX (x->max, values[k]) };
            any = true;
          }
    }
  if (any)
    *y = (CsRange){ MIN (y->min, -0.5), MAX (y->max, (double)bars->n - 0.5) };
  return any;
}

/* "name: user 0.50, model 0.25": parts of nothing are left out. */
static void
append_parts (GString *text, const CsBars *bars, const CsAxis *axis, const CsBar *bar)
{
  const char *between = "";
  char value[32];

  g_string_append_printf (text, "%s: ", bar->name);
  for (size_t k = 0; k < bars->n_parts; k++)
    if (bar->parts[k] > 0)
      {
        g_string_append_printf (text, "%s%s %s", between, bars->parts[k],
                                cs_axis_format_value (axis, value, bar->parts[k]));
        between = ", ";
      }
}

/* "name: 0.50 (0.40 – 0.60)" */
static void
append_bar (GString *text, const CsBars *bars, const CsAxis *axis, const CsBar *bar)
{
  char value[32], low[32], high[32];

  if (bar->parts != NULL)
    {
      append_parts (text, bars, axis, bar);
      return;
    }
  g_string_append_printf (text, "%s: %s", bar->name,
                          cs_axis_format_value (axis, value, bar->value));
  if (cs_is_plottable (bar->low) && cs_is_plottable (bar->high))
    g_string_append_printf (text, " (%s – %s)", cs_axis_format_value (axis, low, bar->low),
                            cs_axis_format_value (axis, high, bar->high));
}

static bool
bars_nearest (CsLayer *layer,
              const CsFrame *frame,
              double px,
              double py,
              CsPlotHit *hit,
              GString *text)
{
  const CsBars *bars = (CsBars *)layer;

  for (size_t i = 0; i < bars->n; i++)
    {
      const CsBar *bar = &bars->bars[i];
      double top = cs_frame_y (frame, row_of (bars, i) + NEAR_ROWS),
             bottom = cs_frame_y (frame, row_of (bars, i) - NEAR_ROWS);

      if (py < top || py >= bottom || !cs_is_plottable (bar->value))
        continue;
      *hit = (CsPlotHit){ .px = cs_frame_x (frame, bar->value),
                          .py = cs_frame_y (frame, row_of (bars, i) + (BAR_LOW + BAR_HIGH) / 2),
                          .index = i,
                          .color = bar->parts != NULL ? frame->theme->foreground
                                                      : frame->theme->classes[bar->klass] };
      append_bar (text, bars, frame->x, bar);
      g_string_append_c (text, '\n');
      return true;
    }
  return false;
}

static void
bars_describe (const CsLayer *layer, GString *text)
{
  const CsBars *bars = (const CsBars *)layer;

  for (size_t i = 0; i < bars->n; i++)
    {
      if (i > 0)
        g_string_append (text, "; ");
      append_bar (text, bars, cs_plot_x (layer->plot), &bars->bars[i]);
    }
}

static void
bars_free (CsLayer *layer)
{
  CsBars *bars = (CsBars *)layer;

  for (size_t i = 0; i < bars->n; i++)
    {
      g_free (bars->bars[i].name);
      g_free (bars->bars[i].parts);
    }
  for (size_t k = 0; k < bars->n_parts; k++)
    g_free (bars->parts[k]);
  g_free (bars->parts);
  g_free (bars->bars);
}

/* Those parts that some bar has. */
static void
bars_legend (const CsLayer *layer, GArray *items)
{
  const CsBars *bars = (const CsBars *)layer;

  for (size_t k = 0; k < bars->n_parts; k++)
    for (size_t i = 0; i < bars->n; i++)
      if (bars->bars[i].parts[k] > 0)
        {
          CsLegendItem item = {
            .klass = CS_PLOT_CLASS_PLAIN, .series = k, .part = true, .text = bars->parts[k]
          };

          g_array_append_val (items, item);
          break;
        }
}

static const CsLayerClass cs_bars_class = {
  .stage = CS_STAGE_DATA,
  .clipped = true,
  .draw = bars_draw,
  .extent = bars_extent,
  .nearest = bars_nearest,
  .describe = bars_describe,
  .legend = bars_legend,
  .free = bars_free,
};

CsLayer *
cs_plot_add_bars (CsPlot *plot, const char *noun)
{
  cs_axis_hide_ticks (cs_plot_y (plot)); /* the rows have names */
  cs_axis_set_grid (cs_plot_y (plot), false);
  return cs_plot_add_layer (plot, g_new0 (CsBars, 1), &cs_bars_class, noun);
}

CsLayer *
cs_plot_add_stacked_bars (CsPlot *plot, const char *noun, const char *const *parts, size_t n_parts)
{
  CsLayer *layer = cs_plot_add_bars (plot, noun);
  CsBars *bars = (CsBars *)layer;

  bars->parts = g_new0 (char *, n_parts);
  bars->n_parts = n_parts;
  for (size_t k = 0; k < n_parts; k++)
    bars->parts[k] = g_utf8_make_valid (parts[k], -1);
  return layer;
}

static void
append (CsBars *bars, const CsBar *bar)
{
  bars->bars = g_renew (CsBar, bars->bars, bars->n + 1);
  bars->bars[bars->n++] = *bar;
  cs_axis_set_range (cs_plot_y (bars->layer.plot), -0.5, (double)bars->n - 0.5);
}

void
cs_bars_append (CsLayer *layer,
                const char *name,
                double value,
                double low,
                double high,
                CsPlotClass klass)
{
  const CsBar bar = { .name = g_utf8_make_valid (name, -1),
                      .value = value,
                      .low = low,
                      .high = high,
                      .klass = klass < CS_PLOT_N_CLASSES ? klass : CS_PLOT_CLASS_PLAIN };

  g_assert (layer->klass == &cs_bars_class && ((CsBars *)layer)->n_parts == 0);
  append ((CsBars *)layer, &bar);
}

void
cs_bars_append_parts (CsLayer *layer, const char *name, const double *values)
{
  CsBars *bars = (CsBars *)layer;
  CsBar bar = { .name = g_utf8_make_valid (name, -1), .low = NAN, .high = NAN };

  g_assert (layer->klass == &cs_bars_class && bars->n_parts > 0);
  bar.parts = g_new0 (double, bars->n_parts);
  for (size_t k = 0; k < bars->n_parts; k++)
    {
      bar.parts[k] = cs_is_plottable (values[k]) ? MAX (values[k], 0) : 0;
      bar.value += bar.parts[k];
    }
  append (bars, &bar);
}
