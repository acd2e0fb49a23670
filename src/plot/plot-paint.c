/* Text, hatches and markers. */
#include "plot-private.h"

#include <math.h>
#include <string.h>

void
cs_set_color (cairo_t *cr, CsPlotColor color)
{
  cairo_set_source_rgba (cr, color.red, color.green, color.blue, color.alpha);
}

double
cs_crisp (double coordinate)
{
  return floor (coordinate) + 0.5;
}

double
cs_frame_x (const CsFrame *frame, double value)
{
  return frame->rect.x + frame->rect.width * cs_axis_to_unit (frame->x, value);
}

double
cs_frame_y (const CsFrame *frame, double value)
{
  return frame->rect.y + frame->rect.height * (1 - cs_axis_to_unit (frame->y, value));
}

/* Text that is not well-formed markup (a run's name with "<") is shown as it is. */
PangoLayout *
cs_text_new (PangoContext *pango, const CsPlotTheme *theme, double size, const char *markup)
{
  PangoLayout *layout = pango_layout_new (pango);
  PangoFontDescription *font = pango_font_description_from_string (theme->font);
  g_autoptr (PangoAttrList) attributes = NULL;
  g_autofree char *text = NULL;

  pango_font_description_set_absolute_size (font, size * PANGO_SCALE);
  pango_layout_set_font_description (layout, font);
  pango_font_description_free (font);
  if (pango_parse_markup (markup, -1, 0, &attributes, &text, NULL, NULL))
    {
      pango_layout_set_text (layout, text, -1);
      pango_layout_set_attributes (layout, attributes);
    }
  else
    {
      g_autofree char *valid = g_utf8_make_valid (markup, -1);

      pango_layout_set_text (layout, valid, -1);
    }
  return layout;
}

void
cs_text_measure (PangoContext *pango,
                 const CsPlotTheme *theme,
                 double size,
                 const char *markup,
                 double *width,
                 double *height)
{
  g_autoptr (PangoLayout) layout = cs_text_new (pango, theme, size, markup);
  int w, h;

  pango_layout_get_size (layout, &w, &h);
  if (width != NULL)
    *width = w / (double)PANGO_SCALE;
  if (height != NULL)
    *height = h / (double)PANGO_SCALE;
}

void
cs_text_draw (const CsFrame *frame,
              const char *markup,
              double size,
              CsPlotColor color,
              double x,
              double y,
              double ax,
              double ay)
{
  cs_text_draw_within (frame, markup, size, color, x, y, ax, ay, 1e6);
}

void
cs_text_draw_within (const CsFrame *frame,
                     const char *markup,
                     double size,
                     CsPlotColor color,
                     double x,
                     double y,
                     double ax,
                     double ay,
                     double room)
{
  g_autoptr (PangoLayout) layout = cs_text_new (frame->pango, frame->theme, size, markup);
  int w, h;

  pango_layout_get_size (layout, &w, &h);
  if (w > room * PANGO_SCALE && strchr (markup, '<') != NULL)
    {
      /* Pango cannot cut text with raised or lowered parts: make it smaller. */
      double smaller = size * room * PANGO_SCALE / w;

      g_clear_object (&layout);
      if (!(smaller >= 4))
        return;
      layout = cs_text_new (frame->pango, frame->theme, smaller, markup);
    }
  else if (w > room * PANGO_SCALE)
    {
      pango_layout_set_ellipsize (layout, PANGO_ELLIPSIZE_END);
      pango_layout_set_width (layout, (int)(MAX (room, 8) * PANGO_SCALE));
    }
  pango_layout_get_size (layout, &w, &h);
  cairo_move_to (frame->cr, x - ax * w / PANGO_SCALE, y - ay * h / PANGO_SCALE);
  cs_set_color (frame->cr, color);
  pango_cairo_show_layout (frame->cr, layout);
  cairo_new_path (frame->cr);
}

/* One family of parallel lines through the bounds, each from its foot upwards: to the right (1) or
 * left (−1). */
static void
hatch_lines (cairo_t *cr, CsRect bounds, double direction, double spacing)
{
  double reach = bounds.width + bounds.height;
  double floor_y = bounds.y + bounds.height;
  double foot = direction > 0 ? bounds.x - bounds.height : bounds.x;

  for (double x = floor (foot / spacing) * spacing; x < foot + reach + spacing; x += spacing)
    {
      cairo_move_to (cr, x, floor_y);
      cairo_rel_line_to (cr, direction * bounds.height, -bounds.height);
    }
}

/* Hatches by number; 0 is none. */
static void
hatch_draw (cairo_t *cr, size_t hatch, CsRect bounds)
{
  static const struct
  {
    double up, down; /* spacing of the lines to the right, and to the left; 0: none */
  } hatches[] = { { 0, 0 }, { 0, 7 }, { 7, 0 }, { 6, 6 }, { 0, 4 }, { 4, 0 }, { 10, 10 }, { 14, 4 } };
  const size_t kind = hatch % G_N_ELEMENTS (hatches);

  if (hatches[kind].up > 0)
    hatch_lines (cr, bounds, 1, hatches[kind].up);
  if (hatches[kind].down > 0)
    hatch_lines (cr, bounds, -1, hatches[kind].down);
}

static size_t
hatch_of (CsPlotClass klass)
{
  switch (klass)
    {
    case CS_PLOT_CLASS_BASE_ONLY:
      return 1;
    case CS_PLOT_CLASS_CHAT_ONLY:
      return 2;
    case CS_PLOT_CLASS_CHAT_SPECIFIC:
      return 3;
    case CS_PLOT_CLASS_SHARED:
    case CS_PLOT_CLASS_OTHER:
    case CS_PLOT_CLASS_PLAIN:
    default:
      return 0;
    }
}

static void
fill (cairo_t *cr, const CsPlotTheme *theme, CsPlotColor color, size_t hatch, CsRect bounds)
{
  CsPlotColor ink = theme->background;
  double x0, y0, x1, y1;

  ink.alpha = 0.42;
  cairo_path_extents (cr, &x0, &y0, &x1, &y1);
  if (x1 <= x0 || y1 <= y0)
    {
      cairo_new_path (cr);
      return;
    }
  /* Whole steps of the hatch, so that it stays where it is when the bars change. */
  bounds = (CsRect){ x0, y0, x1 - x0, bounds.y + bounds.height - y0 };
  cairo_save (cr);
  cairo_clip_preserve (cr);
  cs_set_color (cr, color);
  cairo_fill (cr);
  hatch_draw (cr, hatch, bounds);
  cs_set_color (cr, ink);
  cairo_set_line_width (cr, 1.25);
  cairo_stroke (cr);
  cairo_restore (cr);
}

void
cs_fill_class (cairo_t *cr, const CsPlotTheme *theme, CsPlotClass klass, CsRect bounds)
{
  fill (cr, theme, theme->classes[klass], hatch_of (klass), bounds);
}

void
cs_fill_part (cairo_t *cr, const CsPlotTheme *theme, size_t part, CsRect bounds)
{
  fill (cr, theme, theme->series[part % CS_PLOT_N_SERIES], part, bounds);
}

void
cs_part_swatch_draw (
    cairo_t *cr, const CsPlotTheme *theme, size_t part, double x, double y, double size)
{
  CsRect bounds = { floor (x), floor (y), round (size), round (size) };

  cairo_rectangle (cr, bounds.x, bounds.y, bounds.width, bounds.height);
  cs_fill_part (cr, theme, part, bounds);
}

void
cs_swatch_draw (cairo_t *cr,
                const CsPlotTheme *theme,
                CsPlotClass klass,
                double x,
                double y,
                double size)
{
  CsRect bounds = { floor (x), floor (y), round (size), round (size) };

  cairo_rectangle (cr, bounds.x, bounds.y, bounds.width, bounds.height);
  cs_fill_class (cr, theme, klass, bounds);
}

void
cs_marker_path (cairo_t *cr, size_t kind, double x, double y, double r)
{
  double turn = kind == 4 ? -1 : 1;

  cairo_new_sub_path (cr);
  switch (kind % CS_N_MARKERS)
    {
    case 0:
      cairo_arc (cr, x, y, r, 0, 2 * G_PI);
      break;
    case 1:
      cairo_rectangle (cr, x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r);
      return;
    case 3:
      cairo_move_to (cr, x, y - 1.25 * r);
      cairo_line_to (cr, x + 1.25 * r, y);
      cairo_line_to (cr, x, y + 1.25 * r);
      cairo_line_to (cr, x - 1.25 * r, y);
      break;
    case 2:
    case 4:
    default:
      cairo_move_to (cr, x, y - turn * 1.2 * r);
      cairo_line_to (cr, x + 1.15 * r, y + turn * 0.85 * r);
      cairo_line_to (cr, x - 1.15 * r, y + turn * 0.85 * r);
      break;
    }
  cairo_close_path (cr);
}

size_t
cs_class_marker (CsPlotClass klass)
{
  switch (klass)
    {
    case CS_PLOT_CLASS_BASE_ONLY:
      return 4;
    case CS_PLOT_CLASS_CHAT_ONLY:
      return 2;
    case CS_PLOT_CLASS_CHAT_SPECIFIC:
      return 3;
    case CS_PLOT_CLASS_SHARED:
      return 1;
    case CS_PLOT_CLASS_OTHER:
    case CS_PLOT_CLASS_PLAIN:
    default:
      return 0;
    }
}
