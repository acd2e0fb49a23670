/* Where everything goes: from the outside in, text first, and the data get what is left. */
#include "plot-private.h"

#include <math.h>
#include <string.h>

#define SWATCH 11.0 /* a colour sample in legend and strip */
#define SWATCH_GAP 6.0
#define ITEM_GAP 18.0

static void
collect_items (CsPlot *plot, CsLayout *layout)
{
  layout->legend = g_array_new (FALSE, FALSE, sizeof (CsLegendItem));
  layout->strip = g_array_new (FALSE, FALSE, sizeof (CsStripItem));
  for (guint i = 0; i < plot->layers->len; i++)
    {
      CsLayer *layer = g_ptr_array_index (plot->layers, i);

      if (layer->hidden)
        continue;
      if (layer->klass->legend != NULL)
        layer->klass->legend (layer, layout->legend);
      if (layer->klass->strip != NULL)
        layer->klass->strip (layer, layout->strip);
    }
  /* One curve needs no legend: the axis says what it is. */
  if (layout->legend->len == 1 && !g_array_index (layout->legend, CsLegendItem, 0).part &&
      g_array_index (layout->legend, CsLegendItem, 0).klass == CS_PLOT_CLASS_PLAIN)
    g_array_set_size (layout->legend, 0);
}

/* The range of all data, of x alone or within a window of x. */
static bool
data_extent (CsPlot *plot, const CsRange *x_window, CsRange *x, CsRange *y)
{
  bool any = false;

  *x = *y = (CsRange){ HUGE_VAL, -HUGE_VAL };
  for (guint i = 0; i < plot->layers->len; i++)
    {
      CsLayer *layer = g_ptr_array_index (plot->layers, i);

      if (!layer->hidden && layer->klass->extent != NULL)
        any |= layer->klass->extent (layer, x_window, plot->x->scale == CS_SCALE_LOG,
                                     plot->y->scale == CS_SCALE_LOG, x, y);
    }
  return any;
}

/* Raises the top of an automatic y axis until the data under the inset end below it. */
static void
make_headroom (CsPlot *plot, double low, double high, double bottom)
{
  CsRange window = { cs_axis_from_unit (plot->x, low), cs_axis_from_unit (plot->x, high) }, x, y;
  double unit;

  if (!plot->y->automatic || plot->y->zoomed || !data_extent (plot, &window, &x, &y))
    return;
  unit = cs_axis_to_unit (plot->y, y.max);
  if (isnan (unit) || unit <= bottom)
    return;
  unit = cs_axis_from_unit (plot->y, MIN (unit / bottom, 4));
  if (!cs_is_plottable (unit))
    return;
  plot->y->home.max = unit;
  plot->y->view = plot->y->home;
}

static void
fit_axes (CsPlot *plot, CsLayout *layout)
{
  CsRange x, y;

  layout->has_data = data_extent (plot, NULL, &x, &y);
  cs_axis_fit (plot->x, layout->has_data ? &x : NULL);
  cs_axis_fit (plot->y, layout->has_data ? &y : NULL);
  if (layout->draw_inset && layout->has_data)
    make_headroom (plot, plot->inset_rect.x, plot->inset_rect.x + plot->inset_rect.width,
                   1 - plot->inset_rect.y - plot->inset_rect.height - 0.03);
}

static double
line_height (CsPlot *plot, const CsLayout *layout)
{
  double height;

  cs_text_measure (plot->pango, &plot->theme, layout->font_size, "Åg", NULL, &height);
  return ceil (height);
}

/* The legend flows in rows; what does not fit in CS_MAX_LEGEND_ROWS is left out. Returns the number
 * of rows. */
static size_t
place_legend (CsPlot *plot, CsLayout *layout, double left, double width)
{
  double x = left;
  size_t row = 0;

  layout->legend_placed = g_array_new (FALSE, FALSE, sizeof (CsPlaced));
  for (guint i = 0; i < layout->legend->len; i++)
    {
      const CsLegendItem *item = &g_array_index (layout->legend, CsLegendItem, i);
      CsPlaced placed = { .item = i, .text = item->text };
      double swatch = item->klass == CS_PLOT_CLASS_PLAIN && !item->part ? 2 * SWATCH : SWATCH;

      cs_text_measure (plot->pango, &plot->theme, layout->font_size, item->text, &placed.width,
                       NULL);
      placed.width += swatch + SWATCH_GAP;
      if (x > left && x + placed.width > left + width)
        {
          x = left;
          row++;
        }
      if (row == (layout->compact ? 2 : CS_MAX_LEGEND_ROWS))
        break;
      placed.x = x;
      placed.row = row;
      x += placed.width + ITEM_GAP;
      g_array_append_val (layout->legend_placed, placed);
    }
  return layout->legend_placed->len > 0
             ? g_array_index (layout->legend_placed, CsPlaced, layout->legend_placed->len - 1).row +
                   1
             : 0;
}

static bool
overlaps (const GArray *placed, double x, double width)
{
  for (guint i = 0; i < placed->len; i++)
    {
      const CsPlaced *other = &g_array_index (placed, CsPlaced, i);

      if (x < other->x + other->width + 8 && other->x < x + width + 8)
        return true;
    }
  return false;
}

/* Places the words above the data. Returns whether all found room. */
static bool
try_strip (CsPlot *plot, CsLayout *layout, bool short_texts)
{
  bool all = true;

  g_array_set_size (layout->strip_placed, 0);
  for (guint i = 0; i < layout->strip->len; i++)
    {
      const CsStripItem *item = &g_array_index (layout->strip, CsStripItem, i);
      CsPlaced placed = { .item = i, .text = short_texts ? item->short_text : item->text };
      double unit = cs_axis_to_unit (plot->x, item->x), right = layout->width - 6;

      if (!(unit >= -1e-9 && unit <= 1 + 1e-9))
        continue;
      cs_text_measure (plot->pango, &plot->theme, 0.9 * layout->font_size, placed.text,
                       &placed.width, NULL);
      if (item->klass != CS_PLOT_CLASS_PLAIN)
        placed.width += SWATCH + SWATCH_GAP;
      placed.x = layout->frame.x + unit * layout->frame.width - placed.width / 2;
      placed.x = CLAMP (placed.x, layout->frame.x, MAX (layout->frame.x, right - placed.width));
      if (overlaps (layout->strip_placed, placed.x, placed.width))
        all = false;
      else
        g_array_append_val (layout->strip_placed, placed);
    }
  return all;
}

/* Fewer ticks until their labels keep apart; explicit ones are thinned when they are drawn. */
static GArray *
fit_ticks (CsPlot *plot,
           const CsAxis *axis,
           double length,
           double apart,
           bool along_x,
           double font_size)
{
  size_t n = CLAMP ((size_t)(length / apart), 3, 12);

  for (;; n--)
    {
      GArray *ticks = cs_axis_make_ticks (axis, n);
      double end = -HUGE_VAL;
      bool clash = false;

      for (guint i = 0; along_x && axis->n_ticks == 0 && i < ticks->len; i++)
        {
          const CsTick *tick = &g_array_index (ticks, CsTick, i);
          double width, x = length * cs_axis_to_unit (axis, tick->value);

          if (tick->label[0] == '\0')
            continue;
          cs_text_measure (plot->pango, &plot->theme, font_size, tick->label, &width, NULL);
          clash |= x - width / 2 < end + 8;
          end = x + width / 2;
        }
      if (!clash || n <= 2)
        return ticks;
      g_array_unref (ticks);
    }
}

static double
widest_label (CsPlot *plot, const CsLayout *layout, const GArray *ticks)
{
  double widest = 0;

  for (guint i = 0; i < ticks->len; i++)
    {
      const CsTick *tick = &g_array_index (ticks, CsTick, i);
      double width = 0;

      if (tick->label[0] != '\0')
        cs_text_measure (plot->pango, &plot->theme, layout->font_size, tick->label, &width, NULL);
      widest = MAX (widest, width);
    }
  return ceil (widest);
}

static double
x_label_height (const CsPlot *plot, double line)
{
  return plot->x->label != NULL || plot->x->low_label != NULL ? line : 0;
}

/* The heights, from the top: title, legend, strip, marginal, data, tick labels, axis label. */
static void
lay_out_rows (CsPlot *plot, CsLayout *layout, double line, double pad)
{
  double y = pad;
  size_t rows;

  layout->title_y = y;
  if (plot->show_title && plot->title != NULL)
    y += ceil (1.2 * line) + 4;
  layout->legend_y = y;
  rows = place_legend (plot, layout, pad + 4, layout->width - 2 * pad - 4);
  y += (double)rows * (line + 2) + (rows > 0 ? 6 : 0);
  layout->strip_y = y;
  layout->strip_placed = g_array_new (FALSE, FALSE, sizeof (CsPlaced));
  if (layout->strip->len > 0)
    y += line + 4;
  layout->marginal = plot->n_marginal_bins > 0 && layout->has_data && !layout->compact
                         ? CLAMP (0.12 * MIN (layout->width, layout->height), 24, 56)
                         : 0;
  if (layout->marginal > 0)
    y += layout->marginal + 4;
  /* Half of the topmost tick label stands out above the data. */
  y = MAX (y, pad + ceil (line / 2) - 2);
  layout->frame.y = y;
  layout->frame.height = MAX (8, layout->height - y - pad - line - 5 - x_label_height (plot, line));
}

static void
lay_out_columns (CsPlot *plot, CsLayout *layout, double line, double pad)
{
  double left = pad,
         right = layout->width - pad - (layout->marginal > 0 ? layout->marginal + 4 : 0);

  layout->y_ticks =
      fit_ticks (plot, plot->y, layout->frame.height, 2.2 * line, false, layout->font_size);
  if (plot->y->label != NULL)
    left += line + 2;
  left += widest_label (plot, layout, layout->y_ticks) + 6;
  layout->frame.x = ceil (left);
  /* Room for half of the last tick's label. */
  layout->frame.width = MAX (8, floor (right - layout->frame.x - (layout->marginal > 0 ? 0 : 6)));
  layout->x_ticks =
      fit_ticks (plot, plot->x, layout->frame.width, 4.2 * line, true, layout->font_size);
  if (layout->x_ticks->len > 0 && layout->marginal == 0)
    {
      const CsTick *last = &g_array_index (layout->x_ticks, CsTick, layout->x_ticks->len - 1);
      double width,
          x = layout->frame.x + layout->frame.width * cs_axis_to_unit (plot->x, last->value);

      cs_text_measure (plot->pango, &plot->theme, layout->font_size, last->label, &width, NULL);
      layout->frame.width -= ceil (MAX (0, x + width / 2 - (layout->width - 4)));
      layout->frame.width = MAX (8, layout->frame.width);
    }
}

void
cs_plot_lay_out (CsPlot *plot, double width, double height, CsLayout *layout)
{
  double line, pad;

  memset (layout, 0, sizeof *layout);
  layout->width = isfinite (width) ? MAX (width, 1) : 1;
  layout->height = isfinite (height) ? MAX (height, 1) : 1;
  layout->compact = width < 480 || height < 280;
  layout->font_size = plot->theme.font_size * (plot->is_inset ? 0.78 : layout->compact ? 0.84 : 1);
  pad = plot->is_inset ? 6 : layout->compact ? 8 : 12;
  layout->draw_inset = plot->inset != NULL && !plot->x->zoomed && width >= 560 && height >= 300;
  collect_items (plot, layout);
  fit_axes (plot, layout);
  line = line_height (plot, layout);
  lay_out_rows (plot, layout, line, pad);
  lay_out_columns (plot, layout, line, pad);
  if (!try_strip (plot, layout, false))
    try_strip (plot, layout, true);
  layout->inset = (CsRect){ round (layout->frame.x + plot->inset_rect.x * layout->frame.width),
                            round (layout->frame.y + plot->inset_rect.y * layout->frame.height),
                            round (plot->inset_rect.width * layout->frame.width),
                            round (plot->inset_rect.height * layout->frame.height) };
}

void
cs_layout_clear (CsLayout *layout)
{
  g_clear_pointer (&layout->legend, g_array_unref);
  g_clear_pointer (&layout->strip, g_array_unref);
  g_clear_pointer (&layout->legend_placed, g_array_unref);
  g_clear_pointer (&layout->strip_placed, g_array_unref);
  g_clear_pointer (&layout->x_ticks, g_array_unref);
  g_clear_pointer (&layout->y_ticks, g_array_unref);
}

CsFrame
cs_plot_frame (CsPlot *plot, const CsLayout *layout, cairo_t *cr)
{
  return (CsFrame){ .cr = cr,
                    .rect = layout->frame,
                    .x = plot->x,
                    .y = plot->y,
                    .theme = &plot->theme,
                    .pango = plot->pango,
                    .font_size = layout->font_size,
                    .n_lines = cs_plot_count_lines (plot) };
}

void
cs_plot_get_frame (CsPlot *plot,
                   double width,
                   double height,
                   double *x,
                   double *y,
                   double *frame_width,
                   double *frame_height)
{
  g_auto (CsLayout) layout = { 0 };

  cs_plot_lay_out (plot, width, height, &layout);
  *x = layout.frame.x;
  *y = layout.frame.y;
  *frame_width = layout.frame.width;
  *frame_height = layout.frame.height;
}
