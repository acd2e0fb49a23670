/* Bars with names, and bars of parts, without a display. */
#include "plot.h"

#include <math.h>
#include <string.h>

static void
draw (CsPlot *plot, int width, int height)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (surface);

  cs_plot_draw (plot, cr, width, height);
  g_assert_cmpint (cairo_status (cr), ==, CAIRO_STATUS_SUCCESS);
  cairo_destroy (cr);
  if (g_getenv ("CS_TEST_PICTURES") != NULL)
    {
      g_autofree char *path =
          g_strdup_printf ("%s/bars-%d.png", g_getenv ("CS_TEST_PICTURES"), width);

      cairo_surface_write_to_png (surface, path);
    }
  cairo_surface_destroy (surface);
}

static char *
read_at (CsPlot *plot, double x, double y)
{
  g_auto (CsPlotReadout) readout = { 0 };

  g_assert_true (cs_plot_locate (plot, 640, 400, x, y, &readout));
  return g_strdup (readout.text);
}

static void
test_plain (void)
{
  g_autoptr (CsPlot) plot = cs_plot_new ("Rates");
  CsLayer *layer = cs_plot_add_bars (plot, "refused");
  g_autofree char *text = NULL, *there = NULL;
  double x, y, width, height;

  cs_bars_append (layer, "plain", .5, .25, .75, CS_PLOT_CLASS_CHAT_ONLY);
  cs_bars_append (layer, "unknown", NAN, NAN, NAN, CS_PLOT_CLASS_SHARED);
  draw (plot, 640, 400);
  text = cs_plot_describe (plot);
  g_assert_nonnull (strstr (text, "plain: 0.5"));
  g_assert_nonnull (strstr (text, "(0.25 – 0.75)"));
  cs_plot_get_frame (plot, 640, 400, &x, &y, &width, &height);
  there = read_at (plot, x + width / 2, y + height / 4);
  g_assert_nonnull (strstr (there, "plain"));
}

/* Parts stand one behind another; what is negative or not known is none, and a part that no bar has
 * is not in the legend, which takes its place above the data. */
static void
test_parts (void)
{
  const char *const parts[] = { "user", "model", "markers" };
  g_autoptr (CsPlot) plot = cs_plot_new ("Tokens"), bare = cs_plot_new ("Tokens");
  CsLayer *layer = cs_plot_add_stacked_bars (plot, "share", parts, 3);
  CsLayer *none = cs_plot_add_stacked_bars (bare, "share", parts, 3);
  g_autofree char *text = NULL, *there = NULL;
  double x, y, width, height, bare_y;

  cs_bars_append_parts (layer, "one", (const double[]){ .5, .25, -1 });
  cs_bars_append_parts (layer, "two", (const double[]){ 0, 1, NAN });
  cs_bars_append_parts (none, "one", (const double[]){ 0, 0, 0 });
  draw (plot, 640, 400);
  draw (bare, 200, 150);
  draw (plot, 40, 30);
  text = cs_plot_describe (plot);
  g_assert_nonnull (strstr (text, "one: user 0.5, model 0.25"));
  g_assert_nonnull (strstr (text, "two: model 1"));
  g_assert_null (strstr (text, "markers"));
  cs_plot_get_frame (plot, 640, 400, &x, &y, &width, &height);
  cs_plot_get_frame (bare, 640, 400, &x, &bare_y, &width, &height);
  g_assert_cmpfloat (y, >, bare_y);
  there = read_at (plot, x + width / 2, y + 10);
  g_assert_nonnull (strstr (there, "one: user"));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plot/bars/plain", test_plain);
  g_test_add_func ("/plot/bars/parts", test_parts);
  return g_test_run ();
}
