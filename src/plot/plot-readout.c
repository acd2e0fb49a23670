/* What lies under the pointer, and what the plot shows, in words. */
#include "plot-private.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

static bool
inside (const CsRect *rect, double px, double py)
{
  return px >= rect->x && px <= rect->x + rect->width && py >= rect->y &&
         py <= rect->y + rect->height;
}

static void
locate_in (CsPlot *plot, const CsFrame *frame, double px, double py, CsPlotReadout *readout)
{
  g_autoptr (GString) text = g_string_new (NULL);

  readout->x = cs_axis_from_unit (frame->x, (px - frame->rect.x) / frame->rect.width);
  readout->y = cs_axis_from_unit (frame->y, 1 - (py - frame->rect.y) / frame->rect.height);
  readout->hits = g_array_new (FALSE, FALSE, sizeof (CsPlotHit));
  for (guint i = 0; i < plot->layers->len; i++)
    {
      CsLayer *layer = g_ptr_array_index (plot->layers, i);
      CsPlotHit hit;

      if (layer->hidden || layer->klass->nearest == NULL ||
          !layer->klass->nearest (layer, frame, px, py, &hit, text))
        continue;
      hit.series = i;
      g_array_append_val (readout->hits, hit);
    }
  if (text->len > 0 && text->str[text->len - 1] == '\n')
    g_string_truncate (text, text->len - 1);
  readout->text = g_strdup (text->str);
}

bool
cs_plot_locate (CsPlot *plot,
                double width,
                double height,
                double px,
                double py,
                CsPlotReadout *readout)
{
  g_auto (CsLayout) layout = { 0 };

  cs_plot_lay_out (plot, width, height, &layout);
  if (!inside (&layout.frame, px, py) || !layout.has_data)
    return false;
  CsFrame frame = cs_plot_frame (plot, &layout, NULL);
  locate_in (plot, &frame, px, py, readout);
  return true;
}

void
cs_plot_readout_clear (CsPlotReadout *readout)
{
  g_clear_pointer (&readout->text, g_free);
  g_clear_pointer (&readout->hits, g_array_unref);
}

static void
rounded_rectangle (cairo_t *cr, CsRect rect, double radius)
{
  cairo_new_sub_path (cr);
  cairo_arc (cr, rect.x + rect.width - radius, rect.y + radius, radius, -G_PI / 2, 0);
  cairo_arc (cr, rect.x + rect.width - radius, rect.y + rect.height - radius, radius, 0, G_PI / 2);
  cairo_arc (cr, rect.x + radius, rect.y + rect.height - radius, radius, G_PI / 2, G_PI);
  cairo_arc (cr, rect.x + radius, rect.y + radius, radius, G_PI, 1.5 * G_PI);
  cairo_close_path (cr);
}

/* The box of words keeps off the pointer and inside the plot. */
static void
draw_box (CsFrame *frame, const CsLayout *layout, const char *text, double px, double py)
{
  g_autofree char *markup = g_markup_escape_text (text, -1);
  CsPlotColor ground = frame->theme->background;
  double width, height, size = 0.9 * layout->font_size;
  CsRect box;

  cs_text_measure (frame->pango, frame->theme, size, markup, &width, &height);
  box = (CsRect){ px + 14, py - height / 2 - 7, ceil (width) + 18, ceil (height) + 14 };
  if (box.x + box.width > layout->width - 4)
    box.x = px - 14 - box.width;
  box.x = round (MAX (box.x, 4));
  box.y = round (CLAMP (box.y, 4, MAX (4, layout->height - 4 - box.height)));
  rounded_rectangle (frame->cr, (CsRect){ box.x + 0.5, box.y + 0.5, box.width, box.height }, 6);
  ground.alpha = 0.95;
  cs_set_color (frame->cr, ground);
  cairo_fill_preserve (frame->cr);
  cs_set_color (frame->cr, cs_plot_color_with_alpha (frame->theme->foreground, 0.25));
  cairo_set_line_width (frame->cr, 1);
  cairo_stroke (frame->cr);
  cs_text_draw (frame, markup, size, frame->theme->foreground, box.x + 9, box.y + 7, 0, 0);
}

static void
draw_hit (CsFrame *frame, const CsPlotHit *hit)
{
  CsPlotColor ground = frame->theme->background;

  if (!inside (&frame->rect, hit->px,
               CLAMP (hit->py, frame->rect.y, frame->rect.y + frame->rect.height)) ||
      isnan (hit->py))
    return;
  ground.alpha = 1;
  cairo_arc (frame->cr, hit->px, hit->py, 5, 0, 2 * G_PI);
  cs_set_color (frame->cr, ground);
  cairo_fill_preserve (frame->cr);
  cs_set_color (frame->cr, hit->color);
  cairo_set_line_width (frame->cr, 2.5);
  cairo_stroke (frame->cr);
}

void
cs_plot_draw_hover (CsPlot *plot, cairo_t *cr, double width, double height, double px, double py)
{
  g_auto (CsLayout) layout = { 0 };
  g_auto (CsPlotReadout) readout = { 0 };

  cs_plot_lay_out (plot, width, height, &layout);
  if (!inside (&layout.frame, px, py) || !layout.has_data ||
      (layout.draw_inset && inside (&layout.inset, px, py)))
    return;
  CsFrame frame = cs_plot_frame (plot, &layout, cr);
  locate_in (plot, &frame, px, py, &readout);
  cairo_save (cr);
  cairo_move_to (cr, cs_crisp (px), frame.rect.y);
  cairo_line_to (cr, cs_crisp (px), frame.rect.y + frame.rect.height);
  cs_set_color (cr, cs_plot_color_with_alpha (frame.theme->foreground, 0.3));
  cairo_set_line_width (cr, 1);
  cairo_stroke (cr);
  for (guint i = 0; i < readout.hits->len; i++)
    draw_hit (&frame, &g_array_index (readout.hits, CsPlotHit, i));
  if (readout.text[0] != '\0')
    draw_box (&frame, &layout, readout.text, px, py);
  cairo_restore (cr);
}

/* The totals of several curves, before each of them. */
static void
describe_lines (CsPlot *plot, GString *text)
{
  size_t n = cs_plot_count_lines (plot);

  if (n > 1)
    g_string_append_printf (text, ngettext ("%zu series; ", "%zu series; ", n), n);
}

char *
cs_plot_describe (CsPlot *plot)
{
  g_autoptr (GString) text = g_string_new (plot->title);
  char low[32], high[32];
  bool any = false;

  g_string_append (text, ": ");
  describe_lines (plot, text);
  for (guint i = 0; i < plot->layers->len; i++)
    {
      CsLayer *layer = g_ptr_array_index (plot->layers, i);

      if (layer->hidden || layer->klass->describe == NULL)
        continue;
      if (any)
        g_string_append (text, "; ");
      layer->klass->describe (layer, text);
      any = true;
    }
  if (!any)
    g_string_append (text, plot->placeholder != NULL ? plot->placeholder : _ ("No data yet"));
  if (plot->has_brush)
    g_string_append_printf (text, _ ("; selected from %s to %s"),
                            cs_format_value (low, plot->brush.min),
                            cs_format_value (high, plot->brush.max));
  if (plot->x->zoomed)
    g_string_append_printf (text, _ ("; showing %s to %s"),
                            cs_format_value (low, plot->x->view.min),
                            cs_format_value (high, plot->x->view.max));
  return g_string_free (g_steal_pointer (&text), FALSE);
}
