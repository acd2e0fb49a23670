/* Points. Many thousands are stamped into an image, pixel by pixel; few are drawn as shapes, sharp
 * at any scale. */
#include "plot-private.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

/* Up to so many points a vector file keeps them as shapes. */
#define MAX_SHAPES 3000
#define NEAR 18.0 /* pixels: within this a point answers the pointer */

typedef struct
{
  CsLayer layer; /* name: the noun */
  char *plural, *count_noun;
  CsScatterPoint *points;
  size_t n;
} CsScatter;

static double
radius_for (size_t n)
{
  return n > 20000 ? 1.6 : n > 3000 ? 2.2 : n > 500 ? 2.8 : 3.6;
}

static bool
place (const CsFrame *frame, const CsScatterPoint *point, double *px, double *py)
{
  *px = cs_frame_x (frame, point->x);
  *py = cs_frame_y (frame, point->y);
  return *px >= frame->rect.x - 4 && *px <= frame->rect.x + frame->rect.width + 4 &&
         *py >= frame->rect.y - 4 && *py <= frame->rect.y + frame->rect.height + 4;
}

static void
draw_shapes (CsScatter *scatter, CsFrame *frame, double radius)
{
  for (size_t i = 0; i < scatter->n; i++)
    {
      const CsScatterPoint *point = &scatter->points[i];
      double px, py;

      if (!place (frame, point, &px, &py))
        continue;
      cs_marker_path (frame->cr, cs_class_marker (point->klass), px, py, radius);
      cs_set_color (frame->cr,
                    cs_plot_color_with_alpha (frame->theme->classes[point->klass], point->alpha));
      cairo_fill (frame->cr);
    }
}

/* A marker as coverage, 0 … 255, of side × side device pixels. */
static cairo_surface_t *
make_stamp (size_t marker, double radius, double scale, int *side)
{
  int size = (int)ceil (2 * (1.3 * radius + 1) * scale) | 1;
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_A8, size, size);
  cairo_t *cr = cairo_create (surface);

  cs_marker_path (cr, marker, size / 2.0, size / 2.0, radius * scale);
  cairo_fill (cr);
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  *side = size;
  return surface;
}

/* Blends a stamp over premultiplied ARGB32, centred on device pixel (cx, cy). */
static void
stamp_point (cairo_surface_t *canvas,
             cairo_surface_t *stamp,
             int side,
             int cx,
             int cy,
             CsPlotColor color)
{
  int width = cairo_image_surface_get_width (canvas),
      height = cairo_image_surface_get_height (canvas);
  int stride = cairo_image_surface_get_stride (canvas),
      stamp_stride = cairo_image_surface_get_stride (stamp);
  unsigned char *pixels = cairo_image_surface_get_data (canvas);
  const unsigned char *mask = cairo_image_surface_get_data (stamp);
  unsigned int alpha = (unsigned int)(color.alpha * 255 + 0.5);
  unsigned int red = (unsigned int)(color.red * 255 + 0.5);
  unsigned int green = (unsigned int)(color.green * 255 + 0.5);
  unsigned int blue = (unsigned int)(color.blue * 255 + 0.5);

  for (int j = MAX (0, side / 2 - cy); j < side && cy - side / 2 + j < height; j++)
    {
      uint32_t *row = (uint32_t *)(void *)(pixels + (size_t)(cy - side / 2 + j) * (size_t)stride);

      for (int i = MAX (0, side / 2 - cx); i < side && cx - side / 2 + i < width; i++)
        {
          unsigned int a = mask[j * stamp_stride + i] * alpha / 255, rest = 255 - a;
          uint32_t old = row[cx - side / 2 + i];

          if (a == 0)
            continue;
          uint32_t na = a + (old >> 24) * rest / 255;
          uint32_t nr = (red * a + (old >> 16 & 0xff) * rest) / 255;
          uint32_t ng = (green * a + (old >> 8 & 0xff) * rest) / 255;
          uint32_t nb = (blue * a + (old & 0xff) * rest) / 255;
          row[cx - side / 2 + i] = na << 24 | MIN (nr, na) << 16 | MIN (ng, na) << 8 | MIN (nb, na);
        }
    }
}

static void
draw_stamps (CsScatter *scatter, CsFrame *frame, double radius, double scale)
{
  int width = (int)ceil (frame->rect.width * scale),
      height = (int)ceil (frame->rect.height * scale);
  cairo_surface_t *canvas =
      cairo_image_surface_create (CAIRO_FORMAT_ARGB32, MAX (width, 1), MAX (height, 1));
  cairo_surface_t *stamps[CS_PLOT_N_CLASSES];
  int sides[CS_PLOT_N_CLASSES];

  for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
    stamps[k] = make_stamp (cs_class_marker (k), radius, scale, &sides[k]);
  cairo_surface_flush (canvas);
  for (size_t i = 0; i < scatter->n && cairo_image_surface_get_data (canvas) != NULL; i++)
    {
      const CsScatterPoint *point = &scatter->points[i];
      double px, py;

      if (place (frame, point, &px, &py))
        stamp_point (canvas, stamps[point->klass], sides[point->klass],
                     (int)floor ((px - frame->rect.x) * scale),
                     (int)floor ((py - frame->rect.y) * scale),
                     cs_plot_color_with_alpha (frame->theme->classes[point->klass], point->alpha));
    }
  cairo_surface_mark_dirty (canvas);
  cairo_surface_set_device_scale (canvas, scale, scale);
  cairo_set_source_surface (frame->cr, canvas, frame->rect.x, frame->rect.y);
  cairo_paint (frame->cr);
  for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
    cairo_surface_destroy (stamps[k]);
  cairo_surface_destroy (canvas);
}

static void
scatter_draw (CsLayer *layer, CsFrame *frame)
{
  CsScatter *scatter = (CsScatter *)layer;
  cairo_surface_t *target = cairo_get_group_target (frame->cr);
  double radius = radius_for (scatter->n), scale = 1, scale_y = 1;

  if (scatter->n <= MAX_SHAPES)
    {
      draw_shapes (scatter, frame, radius);
      return;
    }
  cairo_surface_get_device_scale (target, &scale, &scale_y);
  if (cairo_surface_get_type (target) != CAIRO_SURFACE_TYPE_IMAGE)
    scale = MAX (scale, 2);
  draw_stamps (scatter, frame, radius, CLAMP (scale, 1, 4));
}

static bool
scatter_extent (const CsLayer *layer,
                const CsRange *x_window,
                bool positive_x,
                bool positive_y,
                CsRange *x,
                CsRange *y)
{
  const CsScatter *scatter = (const CsScatter *)layer;
  bool any = false;

  for (size_t i = 0; i < scatter->n; i++)
    {
      double px = scatter->points[i].x, py = scatter->points[i].y;

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

static bool
scatter_nearest (CsLayer *layer,
                 const CsFrame *frame,
                 double px,
                 double py,
                 CsPlotHit *hit,
                 GString *text)
{
  CsScatter *scatter = (CsScatter *)layer;
  double best = NEAR * NEAR;
  size_t found = SIZE_MAX;
  char x_text[32], y_text[32];

  for (size_t i = 0; i < scatter->n; i++)
    {
      double x = cs_frame_x (frame, scatter->points[i].x),
             y = cs_frame_y (frame, scatter->points[i].y);
      double distance = (x - px) * (x - px) + (y - py) * (y - py);

      if (distance <= best)
        {
          best = distance;
          found = i;
        }
    }
  if (found == SIZE_MAX)
    return false;
  const CsScatterPoint *point = &scatter->points[found];
  *hit = (CsPlotHit){ .px = cs_frame_x (frame, point->x),
                      .py = cs_frame_y (frame, point->y),
                      .index = found,
                      .has_id = true,
                      .id = point->id,
                      .color = frame->theme->classes[point->klass] };
  g_string_append_printf (text, "%s %" G_GUINT64_FORMAT, layer->name, point->id);
  if (point->klass != CS_PLOT_CLASS_PLAIN)
    g_string_append_printf (text, " (%s)", cs_plot_class_name (point->klass));
  g_string_append_printf (text, "\n%s %s\n%s %s\n", cs_axis_symbol (frame->x),
                          cs_axis_format_value (frame->x, x_text, point->x),
                          cs_axis_symbol (frame->y),
                          cs_axis_format_value (frame->y, y_text, point->y));
  if (scatter->count_noun != NULL)
    g_string_append_printf (text, "%" G_GUINT64_FORMAT " %s\n", point->count, scatter->count_noun);
  return true;
}

static void
count_classes (const CsScatter *scatter, size_t counts[CS_PLOT_N_CLASSES], size_t *n_shown)
{
  memset (counts, 0, CS_PLOT_N_CLASSES * sizeof *counts);
  *n_shown = 0;
  for (size_t i = 0; i < scatter->n; i++)
    if (cs_is_plottable (scatter->points[i].x) && cs_is_plottable (scatter->points[i].y))
      {
        counts[scatter->points[i].klass]++;
        (*n_shown)++;
      }
}

static void
scatter_describe (const CsLayer *layer, GString *text)
{
  const CsScatter *scatter = (const CsScatter *)layer;
  size_t counts[CS_PLOT_N_CLASSES], n;
  bool first = true;

  count_classes (scatter, counts, &n);
  g_string_append_printf (text, "%zu %s", n, scatter->plural);
  for (size_t k = 0; k < CS_PLOT_CLASS_PLAIN; k++)
    if (counts[k] > 0)
      {
        g_string_append_printf (text, "%s%s %zu", first ? ": " : ", ", cs_plot_class_name (k),
                                counts[k]);
        first = false;
      }
}

static void
scatter_legend (const CsLayer *layer, GArray *items)
{
  size_t counts[CS_PLOT_N_CLASSES], n;

  count_classes ((const CsScatter *)layer, counts, &n);
  for (size_t k = 0; k < CS_PLOT_CLASS_PLAIN; k++)
    if (counts[k] > 0)
      {
        CsLegendItem item = { .klass = k, .point = true, .text = cs_plot_class_name (k) };
        g_array_append_val (items, item);
      }
}

static void
scatter_free (CsLayer *layer)
{
  CsScatter *scatter = (CsScatter *)layer;

  g_free (scatter->plural);
  g_free (scatter->count_noun);
  g_free (scatter->points);
}

const CsLayerClass cs_scatter_class = {
  .stage = CS_STAGE_DATA,
  .clipped = true,
  .draw = scatter_draw,
  .extent = scatter_extent,
  .nearest = scatter_nearest,
  .describe = scatter_describe,
  .legend = scatter_legend,
  .free = scatter_free,
};

CsLayer *
cs_plot_add_scatter (CsPlot *plot, const char *noun, const char *plural, const char *count_noun)
{
  CsScatter *scatter = g_new0 (CsScatter, 1);

  scatter->plural = g_strdup (plural);
  scatter->count_noun = g_strdup (count_noun);
  return cs_plot_add_layer (plot, scatter, &cs_scatter_class, noun);
}

void
cs_scatter_set_points (CsLayer *layer, const CsScatterPoint *points, size_t n)
{
  CsScatter *scatter = (CsScatter *)layer;

  g_assert (layer->klass == &cs_scatter_class);
  g_free (scatter->points);
  scatter->points = g_new (CsScatterPoint, n);
  scatter->n = n;
  for (size_t i = 0; i < n; i++)
    {
      scatter->points[i] = points[i];
      scatter->points[i].alpha = points[i].alpha >= 0 ? MIN (points[i].alpha, 1.0f) : 0;
      if (points[i].klass >= CS_PLOT_N_CLASSES)
        scatter->points[i].klass = CS_PLOT_CLASS_PLAIN;
    }
}

void
cs_scatter_count (const CsLayer *layer,
                  const CsAxis *axis,
                  bool along_y,
                  size_t n_bins,
                  double *counts)
{
  const CsScatter *scatter = (const CsScatter *)layer;

  for (size_t i = 0; i < scatter->n; i++)
    {
      const CsScatterPoint *point = &scatter->points[i];
      double unit = cs_axis_to_unit (axis, along_y ? point->y : point->x);

      if (!cs_is_plottable (point->x) || !cs_is_plottable (point->y) || !(unit >= 0 && unit <= 1))
        continue;
      size_t bin = MIN ((size_t)(unit * (double)n_bins), n_bins - 1);
      counts[point->klass * n_bins + bin] += 1;
    }
}
