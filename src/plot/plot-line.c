/* Curves: every logged point counts.
 *
 * With more points than columns of pixels the path through a column goes first, minimum, maximum,
 * last: exactly what a stroke through all of its points would cover, at a cost bounded by the
 * width. */
#include "plot-private.h"

#include <math.h>

#include <glib/gi18n.h>

typedef struct
{
  CsLayer layer;
  GArray *x, *y;  /* double */
  GArray *smooth; /* double, the moving average of y; empty without smoothing */
  double weight;
  double average, mass; /* of the moving average so far, before its bias is taken out */
} CsLine;

#define AT(array, i) g_array_index (array, double, i)

/* The moving average starts from nothing; dividing by the mass of the weights takes that bias out.
 */
static void
smooth_one (CsLine *line, double y)
{
  double value = NAN;

  if (cs_is_plottable (y))
    {
      line->average = line->weight * line->average + (1 - line->weight) * y;
      line->mass = line->weight * line->mass + (1 - line->weight);
      value = line->average / line->mass;
    }
  g_array_append_val (line->smooth, value);
}

static void
smooth_all (CsLine *line)
{
  g_array_set_size (line->smooth, 0);
  line->average = line->mass = 0;
  if (line->weight > 0)
    for (guint i = 0; i < line->y->len; i++)
      smooth_one (line, AT (line->y, i));
}

/* The first index whose x is not below value. */
static guint
lower_bound (const GArray *x, double value)
{
  guint low = 0, high = x->len;

  while (low < high)
    {
      guint middle = low + (high - low) / 2;

      if (AT (x, middle) < value)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

/* What the points of one column of pixels cover; without decimation, one point. */
typedef struct
{
  double x, y; /* pixels */
} Spot;

typedef struct
{
  double px; /* the middle of the column */
  Spot first, least, most, last;
  bool after_gap;
} Column;

static void
collect (GArray *columns, Spot spot, bool decimate, bool after_gap)
{
  Column column = { spot.x, spot, spot, spot, spot, after_gap };

  if (decimate)
    column.px = cs_crisp (spot.x);
  if (decimate && !after_gap && columns->len > 0)
    {
      Column *open = &g_array_index (columns, Column, columns->len - 1);

      if (open->px == column.px)
        {
          if (spot.y < open->least.y)
            open->least = spot;
          if (spot.y > open->most.y)
            open->most = spot;
          open->last = spot;
          return;
        }
    }
  g_array_append_val (columns, column);
}

/* The points in view as columns. Far outside ones are brought near, so that cairo's fixed point
 * does not overflow. */
static GArray *
collect_columns (CsLine *line, CsFrame *frame, const GArray *values, bool *decimated)
{
  GArray *columns = g_array_new (FALSE, FALSE, sizeof (Column));
  guint from = lower_bound (line->x, frame->x->view.min);
  guint to = lower_bound (line->x, frame->x->view.max);
  double top = frame->rect.y - 2 * frame->rect.height,
         bottom = frame->rect.y + 3 * frame->rect.height;
  bool after_gap = true;

  from = from > 0 ? from - 1 : 0;
  to = MIN (to + 1, values->len);
  *decimated = (double)to - from > 2 * frame->rect.width;
  for (guint i = from; i < to; i++)
    {
      double px = cs_frame_x (frame, AT (line->x, i)), py = cs_frame_y (frame, AT (values, i));

      if (isnan (px) || isnan (py))
        {
          after_gap = true;
          continue;
        }
      px = CLAMP (px, frame->rect.x - 4e3, frame->rect.x + frame->rect.width + 4e3);
      collect (columns, (Spot){ px, CLAMP (py, top, bottom) }, *decimated, after_gap);
      after_gap = false;
    }
  return columns;
}

static void
stroke_columns (cairo_t *cr, const GArray *columns)
{
  for (guint i = 0; i < columns->len; i++)
    {
      const Column *column = &g_array_index (columns, Column, i);

      bool falls = column->least.x <= column->most.x;

      if (column->after_gap)
        cairo_move_to (cr, column->first.x, column->first.y);
      cairo_line_to (cr, column->first.x, column->first.y);
      if (column->least.y == column->most.y)
        continue;
      /* In the order of their places, so that a smooth curve stays smooth. */
      cairo_line_to (cr, falls ? column->least.x : column->most.x,
                     falls ? column->least.y : column->most.y);
      cairo_line_to (cr, falls ? column->most.x : column->least.x,
                     falls ? column->most.y : column->least.y);
      cairo_line_to (cr, column->last.x, column->last.y);
    }
  cairo_stroke (cr);
}

/* A lone point between gaps has no line to be seen by. */
static void
dot_columns (cairo_t *cr, const GArray *columns)
{
  for (guint i = 0; i < columns->len; i++)
    {
      const Column *column = &g_array_index (columns, Column, i);

      if (!column->after_gap ||
          (i + 1 < columns->len && !g_array_index (columns, Column, i + 1).after_gap))
        continue;
      cairo_new_sub_path (cr);
      cairo_arc (cr, column->first.x, column->first.y, 2.5, 0, 2 * G_PI);
    }
  cairo_fill (cr);
}

/* A noisy curve as one bar a column, each reaching to its neighbour: the same ink as the stroke, at
 * a fraction of the cost, as cairo need not join thousands of crossing lines. */
static void
fill_columns (cairo_t *cr, const GArray *columns, double line_width)
{
  for (guint i = 0; i < columns->len; i++)
    {
      const Column *column = &g_array_index (columns, Column, i);
      double least = column->least.y, most = column->most.y, left = column->px - 0.5;

      if (i > 0 && !column->after_gap)
        {
          const Column *before = &g_array_index (columns, Column, i - 1);

          least = MIN (least, before->last.y);
          most = MAX (most, before->last.y);
          left = MAX (before->px + 0.5, left - 1);
        }
      cairo_rectangle (cr, left, least - line_width / 2, column->px + 0.5 - left,
                       most - least + line_width);
    }
  cairo_fill (cr);
}

static void
draw_curve (CsLine *line, CsFrame *frame, const GArray *values, CsPlotColor color, double width)
{
  bool decimated;
  g_autoptr (GArray) columns = collect_columns (line, frame, values, &decimated);
  double spread = 0;

  for (guint i = 0; i < columns->len; i++)
    spread +=
        g_array_index (columns, Column, i).most.y - g_array_index (columns, Column, i).least.y;
  cs_set_color (frame->cr, color);
  cairo_set_line_width (frame->cr, width);
  if (decimated && spread > 3 * (double)columns->len)
    fill_columns (frame->cr, columns, width);
  else
    {
      stroke_columns (frame->cr, columns);
      dot_columns (frame->cr, columns);
    }
}

/* Hollow marks far enough apart to name the curve without hiding it. */
static void
draw_marks (CsLine *line, CsFrame *frame, const GArray *values, CsPlotColor color)
{
  const double apart = 96;
  CsPlotColor ground = frame->theme->background;

  ground.alpha = 1;
  for (double px = frame->rect.x + apart * (0.3 + 0.17 * (double)(line->layer.series % 4));
       px < frame->rect.x + frame->rect.width; px += apart)
    {
      double unit = (px - frame->rect.x) / frame->rect.width;
      guint i = lower_bound (line->x, cs_axis_from_unit (frame->x, unit));

      if (i >= values->len)
        break;
      double mx = cs_frame_x (frame, AT (line->x, i)), my = cs_frame_y (frame, AT (values, i));
      if (isnan (mx) || isnan (my) || fabs (mx - px) > apart / 2 || my < frame->rect.y ||
          my > frame->rect.y + frame->rect.height)
        continue;
      cs_marker_path (frame->cr, line->layer.series, mx, my, 3.5);
      cs_set_color (frame->cr, ground);
      cairo_fill_preserve (frame->cr);
      cs_set_color (frame->cr, color);
      cairo_set_line_width (frame->cr, 1.5);
      cairo_stroke (frame->cr);
    }
}

static void
line_draw (CsLayer *layer, CsFrame *frame)
{
  CsLine *line = (CsLine *)layer;
  CsPlotColor color = frame->theme->series[layer->series % CS_PLOT_N_SERIES];
  bool smoothed = line->weight > 0;

  cairo_set_line_join (frame->cr, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap (frame->cr, CAIRO_LINE_CAP_ROUND);
  draw_curve (line, frame, line->y, cs_plot_color_with_alpha (color, smoothed ? 0.28 : 1),
              smoothed ? 1 : 1.75);
  if (smoothed)
    draw_curve (line, frame, line->smooth, color, 2);
  if (frame->n_lines > 1)
    draw_marks (line, frame, smoothed ? line->smooth : line->y, color);
}

static bool
line_extent (const CsLayer *layer,
             const CsRange *x_window,
             bool positive_x,
             bool positive_y,
             CsRange *x,
             CsRange *y)
{
  const CsLine *line = (const CsLine *)layer;
  bool any = false;

  for (guint i = 0; i < line->x->len; i++)
    {
      double px = AT (line->x, i), py = AT (line->y, i);

      if (!cs_is_plottable (px) || !cs_is_plottable (py) || (positive_x && px <= 0) ||
          (positive_y && py <= 0))
        continue;
      if (x_window != NULL && (px < x_window->min || px > x_window->max))
        continue;
      *x = (CsRange){ MIN (x->min, px), MAX (x->max, px) };
      *y = (CsRange){ MIN (y->min, py), MAX (y->max, py) };
      any = true;
    }
  return any;
}

/* The index of the drawn point nearest in x; false where there is none. */
static bool
nearest_index (CsLine *line, const CsFrame *frame, double px, guint *index)
{
  double best = HUGE_VAL;
  guint middle =
      lower_bound (line->x, cs_axis_from_unit (frame->x, (px - frame->rect.x) / frame->rect.width));

  for (guint side = 0; side < 2; side++)
    for (guint k = 0; k < line->x->len; k++)
      {
        if (side == 0 ? k >= middle : middle + k >= line->x->len)
          break;
        guint i = side == 0 ? middle - 1 - k : middle + k;
        double distance = fabs (cs_frame_x (frame, AT (line->x, i)) - px);

        if (!cs_is_plottable (AT (line->y, i)) || isnan (distance))
          continue;
        if (distance < best)
          {
            best = distance;
            *index = i;
          }
        break;
      }
  return best < HUGE_VAL;
}

static bool
line_nearest (CsLayer *layer,
              const CsFrame *frame,
              double px,
              double py,
              CsPlotHit *hit,
              GString *text)
{
  CsLine *line = (CsLine *)layer;
  char x_text[32], y_text[32], smooth_text[32];
  guint i = 0;

  if (!nearest_index (line, frame, px, &i))
    return false;
  double y = line->weight > 0 ? AT (line->smooth, i) : AT (line->y, i);
  *hit = (CsPlotHit){ .px = cs_frame_x (frame, AT (line->x, i)),
                      .py = cs_frame_y (frame, y),
                      .index = i,
                      .color = frame->theme->series[layer->series % CS_PLOT_N_SERIES] };
  cs_axis_format_value (frame->y, y_text, AT (line->y, i));
  cs_axis_format_value (frame->x, x_text, AT (line->x, i));
  if (text->len == 0)
    g_string_append_printf (text, "%s %s\n", cs_axis_symbol (frame->x), x_text);
  g_string_append_printf (text, "%s: %s", layer->name, y_text);
  if (line->weight > 0)
    /* Translators: the value of a smoothed curve, behind the raw value. */
    g_string_append_printf (text, _ (" (smoothed %s)"),
                            cs_axis_format_value (frame->y, smooth_text, y));
  if (fabs (hit->px - px) > 16)
    /* Translators: "at" a position on the x axis, behind a value that is not quite under the
     * pointer. */
    g_string_append_printf (text, _ (" at %s"), x_text);
  g_string_append_c (text, '\n');
  return true;
}

static void
line_describe (const CsLayer *layer, GString *text)
{
  const CsLine *line = (const CsLine *)layer;
  CsRange x = { HUGE_VAL, -HUGE_VAL }, y = x;
  char last[32], least[32], most[32];
  guint n = 0, end = 0;

  for (guint i = 0; i < line->y->len; i++)
    if (cs_is_plottable (AT (line->y, i)) && cs_is_plottable (AT (line->x, i)))
      {
        n++;
        end = i;
      }
  if (n == 0)
    {
      g_string_append_printf (text, _ ("%s: no points"), layer->name);
      return;
    }
  line_extent (layer, NULL, false, false, &x, &y);
  g_string_append_printf (text, ngettext ("%s: %u point", "%s: %u points", n), layer->name, n);
  g_string_append_printf (text, _ (", last value %s, between %s and %s"),
                          cs_format_value (last, AT (line->y, end)), cs_format_value (least, y.min),
                          cs_format_value (most, y.max));
}

static void
line_legend (const CsLayer *layer, GArray *items)
{
  CsLegendItem item = { .klass = CS_PLOT_CLASS_PLAIN,
                        .series = layer->series,
                        .text = layer->name };

  g_array_append_val (items, item);
}

static void
line_free (CsLayer *layer)
{
  CsLine *line = (CsLine *)layer;

  g_array_unref (line->x);
  g_array_unref (line->y);
  g_array_unref (line->smooth);
}

const CsLayerClass cs_line_class = {
  .stage = CS_STAGE_DATA,
  .clipped = true,
  .draw = line_draw,
  .extent = line_extent,
  .nearest = line_nearest,
  .describe = line_describe,
  .legend = line_legend,
  .free = line_free,
};

CsLayer *
cs_plot_add_line (CsPlot *plot, const char *name)
{
  CsLine *line = g_new0 (CsLine, 1);

  line->x = g_array_new (FALSE, FALSE, sizeof (double));
  line->y = g_array_new (FALSE, FALSE, sizeof (double));
  line->smooth = g_array_new (FALSE, FALSE, sizeof (double));
  return cs_plot_add_layer (plot, line, &cs_line_class, name);
}

void
cs_line_append (CsLayer *layer, double x, double y)
{
  CsLine *line = (CsLine *)layer;

  g_assert (layer->klass == &cs_line_class);
  /* Binary search needs ascending x: a point without a place is left out, one that steps back stays
   * put. */
  if (!cs_is_plottable (x))
    return;
  if (line->x->len > 0)
    x = MAX (x, AT (line->x, line->x->len - 1));
  g_array_append_val (line->x, x);
  g_array_append_val (line->y, y);
  if (line->weight > 0)
    smooth_one (line, y);
}

void
cs_line_set_points (CsLayer *layer, const double *x, const double *y, size_t n)
{
  CsLine *line = (CsLine *)layer;

  g_assert (layer->klass == &cs_line_class);
  g_array_set_size (line->x, 0);
  g_array_set_size (line->y, 0);
  smooth_all (line);
  for (size_t i = 0; i < n; i++)
    cs_line_append (layer, x[i], y[i]);
}

void
cs_line_set_smoothing (CsLayer *layer, double weight)
{
  CsLine *line = (CsLine *)layer;

  g_assert (layer->klass == &cs_line_class);
  line->weight = isfinite (weight) ? CLAMP (weight, 0, 0.9999) : 0;
  smooth_all (line);
}
