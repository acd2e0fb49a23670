#include "plot-private.h"

#include <math.h>

#include <glib/gi18n.h>

#define SWATCH 11.0

static void
draw_background (CsFrame *frame, const CsLayout *layout, bool is_inset)
{
  CsPlotColor color = frame->theme->background;

  if (is_inset)
    color.alpha = 1;
  if (color.alpha <= 0)
    return;
  cairo_rectangle (frame->cr, 0, 0, layout->width, layout->height);
  cs_set_color (frame->cr, color);
  cairo_fill (frame->cr);
}

static void
draw_grid (CsFrame *frame, const CsLayout *layout)
{
  const CsRect *rect = &layout->frame;

  cairo_set_line_width (frame->cr, 1);
  cs_set_color (frame->cr, frame->theme->grid);
  for (guint i = 0; frame->y->grid && i < layout->y_ticks->len; i++)
    {
      const CsTick *tick = &g_array_index (layout->y_ticks, CsTick, i);
      double y = cs_crisp (cs_frame_y (frame, tick->value));

      if (tick->label[0] == '\0')
        continue;
      cairo_move_to (frame->cr, rect->x, y);
      cairo_line_to (frame->cr, rect->x + rect->width, y);
    }
  for (guint i = 0; frame->x->grid && i < layout->x_ticks->len; i++)
    {
      const CsTick *tick = &g_array_index (layout->x_ticks, CsTick, i);
      double x = cs_crisp (cs_frame_x (frame, tick->value));

      if (tick->label[0] == '\0')
        continue;
      cairo_move_to (frame->cr, x, rect->y);
      cairo_line_to (frame->cr, x, rect->y + rect->height);
    }
  cairo_stroke (frame->cr);
}

static void
draw_layers (CsPlot *plot, CsFrame *frame, CsStage stage)
{
  for (guint i = 0; i < plot->layers->len; i++)
    {
      CsLayer *layer = g_ptr_array_index (plot->layers, i);

      if (layer->hidden || layer->klass->stage != stage || layer->klass->draw == NULL)
        continue;
      cairo_save (frame->cr);
      if (layer->klass->clipped)
        {
          cairo_rectangle (frame->cr, frame->rect.x, frame->rect.y - 1, frame->rect.width,
                           frame->rect.height + 1);
          cairo_clip (frame->cr);
        }
      layer->klass->draw (layer, frame);
      cairo_restore (frame->cr);
    }
}

/* The base line and the tick marks. */
static void
draw_axis_lines (CsFrame *frame, const CsLayout *layout)
{
  const CsRect *rect = &layout->frame;
  double floor_y = cs_crisp (rect->y + rect->height);

  cairo_set_line_width (frame->cr, 1);
  cs_set_color (frame->cr, cs_plot_color_with_alpha (frame->theme->foreground, 0.45));
  cairo_move_to (frame->cr, rect->x, floor_y);
  cairo_line_to (frame->cr, rect->x + rect->width, floor_y);
  for (guint i = 0; i < layout->x_ticks->len; i++)
    {
      const CsTick *tick = &g_array_index (layout->x_ticks, CsTick, i);
      double x = cs_crisp (cs_frame_x (frame, tick->value));

      cairo_move_to (frame->cr, x, floor_y);
      cairo_rel_line_to (frame->cr, 0, tick->label[0] != '\0' ? 4 : 2);
    }
  for (guint i = 0; i < layout->y_ticks->len; i++)
    {
      const CsTick *tick = &g_array_index (layout->y_ticks, CsTick, i);
      double y = cs_crisp (cs_frame_y (frame, tick->value));

      cairo_move_to (frame->cr, rect->x, y);
      cairo_rel_line_to (frame->cr, tick->label[0] != '\0' ? -4 : -2, 0);
    }
  cairo_stroke (frame->cr);
}

static bool
has_room (const GArray *taken, double x, double width)
{
  for (guint i = 0; i < taken->len; i++)
    {
      const CsRange *other = &g_array_index (taken, CsRange, i);

      if (x < other->max + 4 && other->min < x + width + 4)
        return false;
    }
  return true;
}

static void
draw_x_label (CsFrame *frame, const CsLayout *layout, guint index, GArray *taken)
{
  const CsTick *tick = &g_array_index (layout->x_ticks, CsTick, index);
  double x = cs_frame_x (frame, tick->value), width;
  CsRange range;

  if (tick->label[0] == '\0')
    return;
  cs_text_measure (frame->pango, frame->theme, layout->font_size, tick->label, &width, NULL);
  range.min = CLAMP (x - width / 2, 2, MAX (2, layout->width - 2 - width));
  range.max = range.min + width;
  if (!has_room (taken, range.min, width))
    return;
  g_array_append_val (taken, range);
  cs_text_draw (frame, tick->label, layout->font_size, frame->theme->muted, range.min,
                layout->frame.y + layout->frame.height + 5, 0, 0);
}

static void
draw_tick_labels (CsFrame *frame, const CsLayout *layout)
{
  g_autoptr (GArray) taken = g_array_new (FALSE, FALSE, sizeof (CsRange));

  /* The ends first: where there is no room for all, they say the range. */
  if (layout->x_ticks->len > 1)
    draw_x_label (frame, layout, layout->x_ticks->len - 1, taken);
  for (guint i = 0; i < layout->x_ticks->len; i++)
    draw_x_label (frame, layout, i, taken);
  for (guint i = 0; i < layout->y_ticks->len; i++)
    {
      const CsTick *tick = &g_array_index (layout->y_ticks, CsTick, i);

      if (tick->label[0] != '\0')
        cs_text_draw (frame, tick->label, layout->font_size, frame->theme->muted,
                      layout->frame.x - 7, cs_frame_y (frame, tick->value), 1, 0.5);
    }
}

static void
draw_axis_labels (CsFrame *frame, const CsLayout *layout)
{
  const CsRect *rect = &layout->frame;
  double bottom = layout->height - (layout->compact ? 5 : 8);

  if (frame->x->label != NULL)
    cs_text_draw_within (frame, frame->x->label, layout->font_size, frame->theme->foreground,
                         rect->x + rect->width / 2, bottom, 0.5, 1, rect->width);
  if (frame->x->low_label != NULL)
    cs_text_draw (frame, frame->x->low_label, layout->font_size, frame->theme->foreground, rect->x,
                  bottom, 0, 1);
  if (frame->x->high_label != NULL)
    cs_text_draw (frame, frame->x->high_label, layout->font_size, frame->theme->foreground,
                  rect->x + rect->width, bottom, 1, 1);
  if (frame->y->label == NULL)
    return;
  cairo_save (frame->cr);
  cairo_translate (frame->cr, layout->compact ? 5 : 8, rect->y + rect->height / 2);
  cairo_rotate (frame->cr, -G_PI / 2);
  cs_text_draw_within (frame, frame->y->label, layout->font_size, frame->theme->foreground, 0, 0,
                       0.5, 0, rect->height + (layout->compact ? 8 : 24));
  cairo_restore (frame->cr);
}

/* A short piece of the curve with its marker. */
static void
draw_line_sample (CsFrame *frame, size_t series, double x, double y)
{
  CsPlotColor color = frame->theme->series[series % CS_PLOT_N_SERIES],
              ground = frame->theme->background;

  ground.alpha = 1;
  cairo_set_line_cap (frame->cr, CAIRO_LINE_CAP_ROUND);
  cairo_set_line_width (frame->cr, 2);
  cs_set_color (frame->cr, color);
  cairo_move_to (frame->cr, x + 1, y);
  cairo_line_to (frame->cr, x + 2 * SWATCH - 1, y);
  cairo_stroke (frame->cr);
  if (frame->n_lines < 2)
    return;
  cs_marker_path (frame->cr, series, x + SWATCH, y, 3.5);
  cs_set_color (frame->cr, ground);
  cairo_fill_preserve (frame->cr);
  cs_set_color (frame->cr, color);
  cairo_set_line_width (frame->cr, 1.5);
  cairo_stroke (frame->cr);
}

static void
draw_legend (CsFrame *frame, const CsLayout *layout)
{
  double line = ceil (layout->font_size * 1.36);

  for (guint i = 0; i < layout->legend_placed->len; i++)
    {
      const CsPlaced *placed = &g_array_index (layout->legend_placed, CsPlaced, i);
      const CsLegendItem *item = &g_array_index (layout->legend, CsLegendItem, placed->item);
      double y = layout->legend_y + (double)placed->row * (line + 2) + line / 2;

      if (item->part)
        cs_part_swatch_draw (frame->cr, frame->theme, item->series, placed->x, y - SWATCH / 2,
                             SWATCH);
      else if (item->klass == CS_PLOT_CLASS_PLAIN)
        draw_line_sample (frame, item->series, placed->x, y);
      else if (item->point)
        {
          cs_marker_path (frame->cr, cs_class_marker (item->klass), placed->x + SWATCH / 2, y, 4.5);
          cs_set_color (frame->cr, frame->theme->classes[item->klass]);
          cairo_fill (frame->cr);
        }
      else
        cs_swatch_draw (frame->cr, frame->theme, item->klass, placed->x, y - SWATCH / 2, SWATCH);
      cs_text_draw (frame, item->text, layout->font_size, frame->theme->foreground,
                    placed->x + placed->width, y, 1, 0.5);
    }
}

static void
draw_strip (CsFrame *frame, const CsLayout *layout)
{
  double line = ceil (layout->font_size * 1.36), y = layout->strip_y + line / 2;

  for (guint i = 0; i < layout->strip_placed->len; i++)
    {
      const CsPlaced *placed = &g_array_index (layout->strip_placed, CsPlaced, i);
      const CsStripItem *item = &g_array_index (layout->strip, CsStripItem, placed->item);

      if (item->klass != CS_PLOT_CLASS_PLAIN)
        cs_swatch_draw (frame->cr, frame->theme, item->klass, placed->x, y - SWATCH / 2, SWATCH);
      cs_text_draw (frame, placed->text, 0.9 * layout->font_size, frame->theme->foreground,
                    placed->x + placed->width, y, 1, 0.5);
    }
}

static void
draw_brush (CsPlot *plot, CsFrame *frame)
{
  CsRect rect = frame->rect;
  double left = cs_frame_x (frame, plot->brush.min), right = cs_frame_x (frame, plot->brush.max);
  CsPlotColor veil = frame->theme->background;

  if (!plot->has_brush || isnan (left) || isnan (right))
    return;
  left = round (CLAMP (left, rect.x, rect.x + rect.width));
  right = round (CLAMP (right, rect.x, rect.x + rect.width));
  /* What is not selected steps back. */
  veil.alpha = 0.6;
  cairo_rectangle (frame->cr, rect.x, rect.y, left - rect.x, rect.height);
  cairo_rectangle (frame->cr, right, rect.y, rect.x + rect.width - right, rect.height);
  cs_set_color (frame->cr, veil);
  cairo_fill (frame->cr);
  cairo_rectangle (frame->cr, left, rect.y, right - left, rect.height);
  cs_set_color (frame->cr, cs_plot_color_with_alpha (frame->theme->accent, 0.12));
  cairo_fill (frame->cr);
  cairo_rectangle (frame->cr, left - 1, rect.y, 2, rect.height);
  cairo_rectangle (frame->cr, right - 1, rect.y, 2, rect.height);
  cs_set_color (frame->cr, frame->theme->accent);
  cairo_fill (frame->cr);
}

static void
draw_marginals (CsPlot *plot, CsFrame *frame, const CsLayout *layout)
{
  size_t n = plot->n_marginal_bins;
  g_autofree double *across = NULL, *along = NULL;

  if (layout->marginal <= 0)
    return;
  across = g_new0 (double, CS_PLOT_N_CLASSES *n);
  along = g_new0 (double, CS_PLOT_N_CLASSES *n);
  for (guint i = 0; i < plot->layers->len; i++)
    {
      CsLayer *layer = g_ptr_array_index (plot->layers, i);

      if (layer->klass != &cs_scatter_class || layer->hidden)
        continue;
      cs_scatter_count (layer, plot->x, false, n, across);
      cs_scatter_count (layer, plot->y, true, n, along);
    }
  cairo_save (frame->cr);
  cairo_translate (frame->cr, frame->rect.x, frame->rect.y - 4);
  cairo_scale (frame->cr, 1, -1);
  cs_bars_draw (frame->cr, frame->theme, across, n, frame->rect.width, layout->marginal);
  cairo_restore (frame->cr);
  cairo_save (frame->cr);
  cairo_translate (frame->cr, frame->rect.x + frame->rect.width + 4,
                   frame->rect.y + frame->rect.height);
  cairo_rotate (frame->cr, -G_PI / 2);
  cs_bars_draw (frame->cr, frame->theme, along, n, frame->rect.height, layout->marginal);
  cairo_restore (frame->cr);
}

static void
draw_inset (CsPlot *plot, CsFrame *frame, const CsLayout *layout)
{
  const CsRect *rect = &layout->inset;

  if (!layout->draw_inset || !layout->has_data)
    return;
  cairo_save (frame->cr);
  cairo_translate (frame->cr, rect->x, rect->y);
  cairo_rectangle (frame->cr, 0, 0, rect->width, rect->height);
  cairo_clip (frame->cr);
  cs_plot_draw (plot->inset, frame->cr, rect->width, rect->height);
  cairo_restore (frame->cr);
  cairo_rectangle (frame->cr, rect->x + 0.5, rect->y + 0.5, rect->width - 1, rect->height - 1);
  cs_set_color (frame->cr, cs_plot_color_with_alpha (frame->theme->foreground, 0.2));
  cairo_set_line_width (frame->cr, 1);
  cairo_stroke (frame->cr);
}

static void
draw_placeholder (CsPlot *plot, CsFrame *frame)
{
  cs_text_draw (frame, plot->placeholder != NULL ? plot->placeholder : _ ("No data yet"),
                frame->font_size, frame->theme->muted, frame->rect.x + frame->rect.width / 2,
                frame->rect.y + frame->rect.height / 2, 0.5, 0.5);
}

void
cs_plot_draw (CsPlot *plot, cairo_t *cr, double width, double height)
{
  g_auto (CsLayout) layout = { 0 };

  cs_plot_lay_out (plot, width, height, &layout);
  CsFrame frame = cs_plot_frame (plot, &layout, cr);

  cairo_save (cr);
  draw_background (&frame, &layout, plot->is_inset);
  draw_layers (plot, &frame, CS_STAGE_UNDER);
  draw_grid (&frame, &layout);
  draw_layers (plot, &frame, CS_STAGE_DATA);
  draw_layers (plot, &frame, CS_STAGE_OVER);
  draw_brush (plot, &frame);
  draw_axis_lines (&frame, &layout);
  draw_tick_labels (&frame, &layout);
  draw_axis_labels (&frame, &layout);
  draw_marginals (plot, &frame, &layout);
  draw_legend (&frame, &layout);
  draw_strip (&frame, &layout);
  if (plot->show_title && plot->title != NULL)
    cs_text_draw (&frame, plot->title, 1.15 * layout.font_size, plot->theme.foreground,
                  layout.width / 2, layout.title_y, 0.5, 0);
  if (layout.has_data)
    draw_inset (plot, &frame, &layout);
  else
    draw_placeholder (plot, &frame);
  cairo_restore (cr);
}
