/* The picture of a plot, and in which frame it is drawn. */
#include "plot-view-private.h"

/* What drawing data may take of one frame, all views together; µs. */
#define FRAME_BUDGET 12000

GdkTexture *
cs_plot_view_draw (CsPlotView *self, int width, int height, int scale)
{
  cairo_surface_t *surface =
      cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width * scale, height * scale);
  gsize stride = (gsize)cairo_image_surface_get_stride (surface);
  g_autoptr (GBytes) bytes = NULL;
  cairo_t *cr;

  cairo_surface_set_device_scale (surface, scale, scale);
  cr = cairo_create (surface);
  cs_plot_draw (self->plot, cr, width, height);
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  bytes = g_bytes_new_with_free_func (cairo_image_surface_get_data (surface),
                                      stride * (gsize)(height * scale),
                                      (GDestroyNotify)cairo_surface_destroy, surface);
  return gdk_memory_texture_new (width * scale, height * scale, GDK_MEMORY_DEFAULT, bytes, stride);
}

/* A page with many plots is drawn over several frames, so that no frame keeps the window from
 * answering. The frame that draws now: main thread only. */
static struct
{
  const GdkFrameClock *clock; /* whose frame; compared, never used */
  gint64 frame;               /* its counter */
  gint64 spent;               /* µs of drawing so far */
  gint64 put_off;             /* the last frame that had to put a view off */
} drawing;

static gint64
enter_frame (CsPlotView *self)
{
  GdkFrameClock *clock = gtk_widget_get_frame_clock (GTK_WIDGET (self));
  gint64 frame = clock != NULL ? gdk_frame_clock_get_frame_counter (clock) : 0;

  if (clock != drawing.clock || frame != drawing.frame)
    {
      if (clock != drawing.clock)
        drawing.put_off = G_MININT64;
      drawing.clock = clock;
      drawing.frame = frame;
      drawing.spent = 0;
    }
  return frame;
}

/* The first that asks may draw, the next ones while there is time; who has just drawn lets those
 * pass that could not, or one plot that follows the pointer would keep the others waiting. */
static bool
may_draw (CsPlotView *self)
{
  gint64 frame = enter_frame (self);

  if (drawing.put_off == frame - 1 && self->drawn_frame == frame - 1)
    return false;
  return drawing.spent == 0 || drawing.spent + self->cost <= FRAME_BUDGET;
}

static gboolean
draw_again_cb (GtkWidget *widget, GdkFrameClock *clock, gpointer data)
{
  CS_PLOT_VIEW (widget)->again_id = 0;
  gtk_widget_queue_draw (widget);
  return G_SOURCE_REMOVE;
}

/* A widget cannot ask for another draw while it draws: the next frame does. */
static void
put_off (CsPlotView *self)
{
  drawing.put_off = drawing.frame;
  if (self->again_id == 0)
    self->again_id = gtk_widget_add_tick_callback (GTK_WIDGET (self), draw_again_cb, NULL, NULL);
}

static void
draw_now (CsPlotView *self, int width, int height, int scale)
{
  gint64 start = g_get_monotonic_time ();

  g_clear_object (&self->picture);
  self->picture = cs_plot_view_draw (self, width, height, scale);
  self->picture_width = width;
  self->picture_height = height;
  self->picture_scale = scale;
  self->outdated = false;
  self->cost = g_get_monotonic_time () - start;
  self->drawn_frame = drawing.frame;
  drawing.spent += MAX (self->cost, 1);
}

bool
cs_plot_view_refresh (CsPlotView *self, int width, int height, int scale)
{
  bool fits = self->picture != NULL && self->picture_width == width &&
              self->picture_height == height && self->picture_scale == scale;

  if (fits && !self->outdated)
    return true;
  if (may_draw (self))
    draw_now (self, width, height, scale);
  else
    put_off (self);
  return self->picture != NULL;
}
