/* Curves, read-outs, pictures and files of src/plot, without a display. */
#include "figures.h"

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#define WIDTH 640
#define HEIGHT 400

static cairo_surface_t *
render (CsPlot *plot, int width, int height)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, width, height);
  cairo_t *cr = cairo_create (surface);

  cs_plot_draw (plot, cr, width, height);
  g_assert_cmpint (cairo_status (cr), ==, CAIRO_STATUS_SUCCESS);
  cairo_destroy (cr);
  cairo_surface_flush (surface);
  return surface;
}

static guint32
pixel (cairo_surface_t *surface, int x, int y)
{
  const unsigned char *data = cairo_image_surface_get_data (surface);

  return ((const guint32 *)(const void *)(data + y * cairo_image_surface_get_stride (surface)))[x] &
         0xffffff;
}

static guint32
rgb (CsPlotColor color)
{
  return (guint32)(color.red * 255 + 0.5) << 16 | (guint32)(color.green * 255 + 0.5) << 8 |
         (guint32)(color.blue * 255 + 0.5);
}

/* How many pixels of a rectangle have about this colour. */
static int
count_ink (cairo_surface_t *surface, double x, double y, double width, double height, guint32 color)
{
  int n = 0;

  for (int j = (int)MAX (y, 0);
       j < (int)(y + height) && j < cairo_image_surface_get_height (surface); j++)
    for (int i = (int)MAX (x, 0);
         i < (int)(x + width) && i < cairo_image_surface_get_width (surface); i++)
      {
        guint32 p = pixel (surface, i, j);
        int far = 0;

        for (int shift = 0; shift < 24; shift += 8)
          far = MAX (far, ABS ((int)(p >> shift & 0xff) - (int)(color >> shift & 0xff)));
        n += far < 40;
      }
  return n;
}

/* One point in a hundred thousand, far above the rest: its column must show it, and at its height.
 */
static void
test_decimation_keeps_spikes (void)
{
  for (size_t spike = 3; spike < 99000; spike += 9973)
    {
      g_autoptr (CsPlot) plot = cs_plot_new ("spikes");
      CsLayer *line = cs_plot_add_line (plot, "x");
      double x, y, width, height;

      for (size_t i = 0; i < 100000; i++)
        cs_line_append (line, (double)i,
                        i == spike         ? 9.5
                        : i == spike + 400 ? -9.5
                                           : 0.01 * sin ((double)i));
      cs_axis_set_range (cs_plot_y (plot), -10, 10);
      cairo_surface_t *surface = render (plot, WIDTH, HEIGHT);
      cs_plot_get_frame (plot, WIDTH, HEIGHT, &x, &y, &width, &height);
      double at = x + width * (double)spike / 99999;
      guint32 ink = rgb (cs_plot_theme_light ()->series[0]);
      g_assert_cmpint (count_ink (surface, at - 3, y + 0.03 * height, 6, 0.2 * height, ink), >,
                       0.1 * height);
      g_assert_cmpint (count_ink (surface, at, y + 0.77 * height, 8, 0.2 * height, ink), >,
                       0.1 * height);
      /* And nowhere else at that height. */
      g_assert_cmpint (count_ink (surface, x, y + 0.03 * height, at - 4 - x, 0.2 * height, ink), ==,
                       0);
      cairo_surface_destroy (surface);
    }
}

/* All colour on the page, as the red that is missing from white. */
static double
total_ink (cairo_surface_t *surface)
{
  double sum = 0;

  for (int j = 0; j < cairo_image_surface_get_height (surface); j++)
    for (int i = 0; i < cairo_image_surface_get_width (surface); i++)
      sum += 255 - (double)(pixel (surface, i, j) >> 16);
  return sum;
}

/* A curve by columns must have the ink of the curve by points, smooth or noisy. */
static void
test_decimation_matches_stroke (void)
{
  double ink[3];

  for (int dense = 0; dense < 3; dense++)
    {
      g_autoptr (CsPlot) plot = cs_plot_new ("sine");
      CsLayer *line = cs_plot_add_line (plot, "x");
      int n = dense == 0 ? 0 : dense == 1 ? 800 : 40000;

      for (int i = 0; i <= n; i++)
        cs_line_append (line, (double)i / MAX (n, 1), sin (12.0 * i / MAX (n, 1)));
      cs_axis_set_range (cs_plot_x (plot), 0, 1);
      cs_axis_set_range (cs_plot_y (plot), -1.1, 1.1);
      cairo_surface_t *surface = render (plot, WIDTH, HEIGHT);
      ink[dense] = total_ink (surface);
      cairo_surface_destroy (surface);
    }
  g_assert_cmpfloat (ink[1] - ink[0], >, 255 * 1000);
  g_assert_cmpfloat_with_epsilon ((ink[2] - ink[0]) / (ink[1] - ink[0]), 1, 0.12);
}

static void
test_gap (void)
{
  g_autoptr (CsPlot) plot = cs_plot_new ("gap");
  CsLayer *line = cs_plot_add_line (plot, "x");
  guint32 ink = rgb (cs_plot_theme_light ()->series[0]);
  double x, y, width, height;

  for (int i = 0; i <= 100; i++)
    cs_line_append (line, i, i > 40 && i < 60 ? NAN : 5);
  cairo_surface_t *surface = render (plot, WIDTH, HEIGHT);
  cs_plot_get_frame (plot, WIDTH, HEIGHT, &x, &y, &width, &height);
  g_assert_cmpint (count_ink (surface, x + 0.42 * width, y, 0.16 * width, height, ink), ==, 0);
  g_assert_cmpint (count_ink (surface, x + 0.1 * width, y, 0.2 * width, height, ink), >,
                   0.15 * width);
  cairo_surface_destroy (surface);
}

static void
test_smoothing (void)
{
  g_autoptr (CsPlot) plot = cs_plot_new ("smooth");
  CsLayer *line = cs_plot_add_line (plot, "run");
  g_auto (CsPlotReadout) readout = { 0 };
  double x, y, width, height;

  cs_line_set_smoothing (line, 0.9);
  for (int i = 0; i <= 10; i++)
    cs_line_append (line, i, 3);
  cs_plot_get_frame (plot, WIDTH, HEIGHT, &x, &y, &width, &height);
  /* Without its bias the average of a constant is the constant, from the first point. */
  g_assert_true (cs_plot_locate (plot, WIDTH, HEIGHT, x + 1, y + height / 2, &readout));
  g_assert_nonnull (strstr (readout.text, "run: 3 (smoothed 3)"));
}

static void
test_locate_line (void)
{
  g_autoptr (CsPlot) plot = cs_figure_metric ("Loss over steps", "loss", false);
  CsLayer *one = cs_plot_add_line (plot, "one"), *two = cs_plot_add_line (plot, "two");
  g_auto (CsPlotReadout) readout = { 0 };
  double x, y, width, height;

  for (int i = 0; i <= 100; i++)
    {
      cs_line_append (one, i, 2 * i);
      if (i <= 50)
        cs_line_append (two, i, i);
    }
  cs_plot_get_frame (plot, WIDTH, HEIGHT, &x, &y, &width, &height);
  g_assert_false (cs_plot_locate (plot, WIDTH, HEIGHT, x - 2, y + 5, &readout));
  g_assert_false (cs_plot_locate (plot, WIDTH, HEIGHT, NAN, y + 5, &readout));
  g_assert_true (cs_plot_locate (plot, WIDTH, HEIGHT, x + 0.4 * width, y + height / 2, &readout));
  g_assert_cmpfloat_with_epsilon (readout.x, 40, 1e-9);
  g_assert_cmpuint (readout.hits->len, ==, 2);
  g_assert_cmpuint (g_array_index (readout.hits, CsPlotHit, 0).index, ==, 40);
  g_assert_cmpfloat_with_epsilon (g_array_index (readout.hits, CsPlotHit, 0).px, x + 0.4 * width,
                                  1e-9);
  g_assert_cmpstr (readout.text, ==, "step 40\none: 80\ntwo: 40");
  cs_plot_readout_clear (&readout);
  g_assert_true (cs_plot_locate (plot, WIDTH, HEIGHT, x + width, y, &readout));
  g_assert_cmpstr (readout.text, ==, "step 100\none: 200\ntwo: 50 at 50");
}

static void
test_locate_points_and_bins (void)
{
  const CsScalingPoint points[] = { { 0.1, 0.1, 1483, 412, CS_PLOT_CLASS_CHAT_SPECIFIC },
                                    { 0.9, 0.8, 7, 3, CS_PLOT_CLASS_SHARED },
                                    { NAN, 0.5, 8, 3, CS_PLOT_CLASS_SHARED } };
  g_autoptr (CsPlot) scaling = cs_figure_scaling (points, G_N_ELEMENTS (points));
  double counts[100] = { [93] = 31 }, specific[100] = { [93] = 11 }, x, y, width, height;
  g_autoptr (CsPlot) ratio = cs_figure_norm_ratio (counts, specific, true);
  g_auto (CsPlotReadout) readout = { 0 };

  cs_plot_get_frame (scaling, WIDTH, HEIGHT, &x, &y, &width, &height);
  g_assert_true (cs_plot_locate (scaling, WIDTH, HEIGHT, x + width * 0.2 / 1.2 + 3,
                                 y + height * (1 - 0.2 / 1.2), &readout));
  g_assert_cmpstr (readout.text, ==,
                   "Latent 1483 (chat-specific)\nν^ε 0.1\nν^r 0.1\n412 active tokens");
  cs_plot_readout_clear (&readout);
  g_assert_true (cs_plot_locate (scaling, WIDTH, HEIGHT, x + width / 2, y + height / 2, &readout));
  g_assert_cmpstr (readout.text, ==, "");
  cs_plot_readout_clear (&readout);
  cs_plot_get_frame (ratio, WIDTH, HEIGHT, &x, &y, &width, &height);
  g_assert_true (
      cs_plot_locate (ratio, WIDTH, HEIGHT, x + 0.935 * width, y + 0.9 * height, &readout));
  g_assert_cmpstr (readout.text, ==,
                   "0.93 – 0.94\n31 latents\nother chat-only 20, chat-specific 11");
}

static void
test_describe (void)
{
  g_autoptr (CsPlot) plot = cs_figure_metric ("Loss over steps", "loss", false);
  g_autofree char *empty = cs_plot_describe (plot);
  CsLayer *line = cs_plot_add_line (plot, "batchtopk-1");

  g_assert_cmpstr (empty, ==, "Loss over steps: No data yet");
  for (int i = 0; i < 120; i++)
    cs_line_append (line, i, 0.138 + (119 - i) * 0.5);
  g_autofree char *one = cs_plot_describe (plot);
  g_assert_cmpstr (
      one, ==,
      "Loss over steps: batchtopk-1: 120 points, last value 0.138, between 0.138 and 59.64");
  cs_line_append (cs_plot_add_line (plot, "l1"), 0, 2);
  cs_plot_set_brush (plot, 8, 4);
  g_autofree char *two = cs_plot_describe (plot);
  g_assert_cmpstr (
      two, ==,
      "Loss over steps: 2 series; batchtopk-1: 120 points, last value 0.138, between 0.138 and "
      "59.64; l1: 1 point, last value 2, between 2 and 2; selected from 4 to 8");
}

static void
test_norm_ratio_classes (void)
{
  const float delta[] = { 0.0f, 0.1f, 0.11f, 0.4f, 0.5f, 0.6f, 0.89f, 0.9f, 1.0f, 0.95f, NAN };
  const uint8_t classes[] = { 0, 0, 4, 1, 1, 1, 4, 2, 2, CS_PLOT_CLASS_CHAT_SPECIFIC, 2 };
  g_autoptr (CsPlot) plot =
      cs_figure_norm_ratio_values (delta, classes, G_N_ELEMENTS (delta), false);
  g_autofree char *text = cs_plot_describe (plot);
  g_autofree char *inset = cs_plot_describe (cs_plot_get_inset (plot));

  g_assert_nonnull (strstr (text, "10 latents in 100 bins"));
  g_assert_nonnull (
      strstr (text, "base-only 2, shared 3, other chat-only 2, chat-specific 1, other 2"));
  g_assert_nonnull (strstr (inset, "3 latents in 20 bins"));
}

/* Bars stand where their bins are, in their colours; the empty middle has none. */
static void
test_norm_ratio_ink (void)
{
  double counts[100] = { 0 }, x, y, width, height;
  const CsPlotTheme *theme = cs_plot_theme_light ();

  for (int i = 0; i < 100; i++)
    counts[i] = i < 10 || (i >= 40 && i < 60) || i >= 90 ? 50 : 0;
  g_autoptr (CsPlot) plot = cs_figure_norm_ratio (counts, NULL, false);
  cairo_surface_t *surface = render (plot, 900, 500);
  cs_plot_get_frame (plot, 900, 500, &x, &y, &width, &height);
  double low = y + 0.7 * height;
  g_assert_cmpint (
      count_ink (surface, x, low, 0.1 * width, 60, rgb (theme->classes[CS_PLOT_CLASS_BASE_ONLY])),
      >, 800);
  g_assert_cmpint (count_ink (surface, x + 0.4 * width, low, 0.2 * width, 60,
                              rgb (theme->classes[CS_PLOT_CLASS_SHARED])),
                   >, 5000);
  g_assert_cmpint (count_ink (surface, x + 0.9 * width, low, 0.1 * width, 60,
                              rgb (theme->classes[CS_PLOT_CLASS_CHAT_ONLY])),
                   >, 800);
  g_assert_cmpint (
      count_ink (surface, x + 0.7 * width, low, 0.15 * width, 60, rgb (theme->background)), >,
      0.15 * width * 50);
  cairo_surface_destroy (surface);
}

static void
draw_everywhere (CsPlot *plot)
{
  const int sizes[][2] = { { 900, 500 }, { 320, 200 }, { 40, 24 }, { 1, 1 } };

  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (int log_y = 0; log_y < 2; log_y++)
      {
        g_auto (CsPlotReadout) readout = { 0 };

        cs_plot_set_log_y (plot, log_y);
        cairo_surface_destroy (render (plot, sizes[i][0], sizes[i][1]));
        cs_plot_locate (plot, sizes[i][0], sizes[i][1], sizes[i][0] * 0.5, sizes[i][1] * 0.5,
                        &readout);
      }
}

static void
test_degenerate_lines (void)
{
  const double values[][4] = { { 1, 1, 1, 1 },
                               { NAN, NAN, NAN, NAN },
                               { INFINITY, -INFINITY, 0, 0 },
                               { 1e308, -1e308, 1e299, -1e299 },
                               { 0, -1, -2, -3 },
                               { 1e-320, 1e-310, 2e-310, 0 },
                               { 1e15, 1e15 + 0.125, 1e15 + 0.25, 1e15 } };

  for (size_t i = 0; i < G_N_ELEMENTS (values); i++)
    for (size_t n = 0; n <= 4; n += 1)
      for (int as_x = 0; as_x < 2; as_x++)
        {
          g_autoptr (CsPlot) plot = cs_plot_new ("odd");
          const double index[] = { 0, 1, 2, 3 };
          CsLayer *line = cs_plot_add_line (plot, "odd <&");

          cs_line_set_points (line, as_x ? values[i] : index, as_x ? index : values[i], n);
          cs_line_set_smoothing (line, n % 2 ? 0.5 : 0);
          draw_everywhere (plot);
          g_autofree char *text = cs_plot_describe (plot);
          g_assert_true (g_utf8_validate (text, -1, NULL));
        }
}

static void
test_degenerate_figures (void)
{
  const float odd[] = { NAN, INFINITY, -INFINITY, -1, 2, 0, 1 };
  double counts[100] = { [3] = NAN, [4] = INFINITY, [5] = -7, [99] = 1e299 }, none[100] = { 0 };
  const CsScalingPoint points[] = { { NAN, INFINITY, 0, 0, 77 }, { 1e300, -1e300, 1, 1, 0 } };
  CsPlot *plots[] = { cs_figure_norm_ratio (counts, counts, true),
                      cs_figure_norm_ratio (none, NULL, true),
                      cs_figure_norm_ratio_values (odd, NULL, 7, true),
                      cs_figure_norm_ratio_values (NULL, NULL, 0, false),
                      cs_figure_scaling (points, 2),
                      cs_figure_scaling (NULL, 0),
                      cs_figure_cosine (odd, NULL, 7, true),
                      cs_figure_cosine (NULL, NULL, 0, false),
                      cs_figure_density (odd, NULL, 7, true),
                      cs_figure_density (NULL, NULL, 0, true),
                      cs_figure_template_share (odd, NULL, 7, true),
                      cs_figure_template_share (NULL, NULL, 0, false) };

  for (size_t i = 0; i < G_N_ELEMENTS (plots); i++)
    {
      cs_plot_set_brush (plots[i], -INFINITY, NAN);
      draw_everywhere (plots[i]);
      cs_plot_set_brush (plots[i], 5, -5);
      draw_everywhere (plots[i]);
      cs_plot_free (plots[i]);
    }
}

static void
test_template_share (void)
{
  const float share[] = { 0, 0.02f, 0.5f, 0.97f, 1, NAN };
  const uint8_t classes[] = { CS_PLOT_CLASS_SHARED,    CS_PLOT_CLASS_SHARED,    CS_PLOT_CLASS_CHAT_ONLY,
                              CS_PLOT_CLASS_CHAT_ONLY, CS_PLOT_CLASS_CHAT_ONLY, CS_PLOT_CLASS_SHARED };
  g_autoptr (CsPlot) plot = cs_figure_template_share (share, classes, 6, false);
  g_auto (CsPlotReadout) readout = { 0 };
  double x, y, width, height;

  draw_everywhere (plot);
  cs_plot_get_frame (plot, WIDTH, HEIGHT, &x, &y, &width, &height);
  g_assert_true (cs_plot_locate (plot, WIDTH, HEIGHT, x + 0.99 * width, y + 0.5 * height, &readout));
  g_assert_nonnull (strstr (readout.text, "2")); /* the last bin holds 0.97 and 1 */
}

static void
test_heat (void)
{
  const double values[6] = { 0, 1, 2, 3, NAN, 5 };
  g_autoptr (CsPlot) plot = cs_plot_new ("AUC of concepts");
  g_auto (CsPlotReadout) readout = { 0 };
  double x, y, width, height;

  cs_plot_add_heat (plot, "AUC", 0, 3, 3, 0, 2, 2, values);
  cs_plot_get_frame (plot, WIDTH, HEIGHT, &x, &y, &width, &height);
  g_assert_true (cs_plot_locate (plot, WIDTH, HEIGHT, x + 0.9 * width, y + 0.1 * height, &readout));
  g_assert_cmpstr (readout.text, ==, "5 AUC");
  g_autofree char *text = cs_plot_describe (plot);
  g_assert_cmpstr (text, ==, "AUC of concepts: 3 by 2 cells, AUC between 0 and 5");
  draw_everywhere (plot);
}

static void
assert_save_fails (CsPlot *plot, const char *path, double width, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (cs_plot_save (plot, path, width, 300, &error));
  g_assert_error (error, G_FILE_ERROR, code);
}

static void
test_export (void)
{
  const struct
  {
    const char *name, *start;
  } files[] = { { "a.png", "\x89PNG\r\n\x1a\n" }, { "b.svg", "<?xml" }, { "c.PDF", "%PDF-" } };
  g_autofree char *folder = g_dir_make_tmp ("cs-plot-XXXXXX", NULL);
  g_autofree char *no_folder = g_build_filename (folder, "none", "a.png", NULL);
  g_autofree char *no_suffix = g_build_filename (folder, "plot", NULL);
  double counts[100] = { [50] = 1000, [99] = 10 };
  g_autoptr (CsPlot) plot = cs_figure_norm_ratio (counts, NULL, true);

  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (folder, files[i].name, NULL), *content = NULL;
      g_autoptr (GError) error = NULL;
      gsize size = 0;

      /* Twice: an older file is replaced. */
      for (int k = 0; k < 2; k++)
        g_assert_true (cs_plot_save (plot, path, 600, 300, &error));
      g_assert_no_error (error);
      g_assert_true (g_file_get_contents (path, &content, &size, &error));
      g_assert_cmpuint (size, >, 1000);
      g_assert_cmpmem (content, strlen (files[i].start), files[i].start, strlen (files[i].start));
      if (i == 1)
        {
          const GMarkupParser parser = { NULL };
          GMarkupParseContext *context = g_markup_parse_context_new (&parser, 0, NULL, NULL);

          g_assert_true (g_markup_parse_context_parse (context, content, (gssize)size, &error));
          g_assert_true (g_markup_parse_context_end_parse (context, &error));
          g_markup_parse_context_free (context);
        }
      if (i == 2)
        g_assert_nonnull (g_strstr_len (content + size - 16, 16, "%%EOF"));
      g_unlink (path);
    }
  assert_save_fails (plot, no_suffix, 600, G_FILE_ERROR_INVAL);
  assert_save_fails (plot, no_folder, 600, G_FILE_ERROR_FAILED);
  g_autofree char *huge = g_build_filename (folder, "huge.png", NULL);
  assert_save_fails (plot, huge, 1e9, G_FILE_ERROR_INVAL);
  assert_save_fails (plot, huge, NAN, G_FILE_ERROR_INVAL);
  /* Nothing is left behind. */
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

/* Many points must not cost more than a few frames, even on a slow machine under a sanitizer. */
static void
test_many_points (void)
{
  g_autoptr (CsPlot) plot = cs_plot_new ("many");
  CsLayer *line = cs_plot_add_line (plot, "noise");
  g_autoptr (GRand) random = g_rand_new_with_seed (1);
  gint64 best = G_MAXINT64;

  for (int i = 0; i < 100000; i++)
    cs_line_append (line, i, g_rand_double (random));
  for (int k = 0; k < 5; k++)
    {
      gint64 start = g_get_monotonic_time ();

      cairo_surface_destroy (render (plot, 900, 500));
      best = MIN (best, g_get_monotonic_time () - start);
    }
  g_test_message ("100000 points: %.2f ms", (double)best / 1000);
  g_assert_cmpint (best, <, 250000);
}

static void
test_hover_draws (void)
{
  g_autoptr (CsPlot) plot = cs_figure_metric ("Loss over steps", "loss", false);
  CsLayer *line = cs_plot_add_line (plot, "a & b <c>");
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_ARGB32, WIDTH, HEIGHT);
  cairo_t *cr = cairo_create (surface);

  cs_line_append (line, 0, 1);
  cs_line_append (line, 1, 2);
  cs_plot_draw_hover (plot, cr, WIDTH, HEIGHT, 2, 2);
  cairo_surface_flush (surface);
  g_assert_cmpint (count_ink (surface, 0, 0, WIDTH, HEIGHT, 0), ==, WIDTH * HEIGHT);
  cs_plot_draw_hover (plot, cr, WIDTH, HEIGHT, WIDTH / 2.0, HEIGHT / 2.0);
  cairo_surface_flush (surface);
  g_assert_cmpint (count_ink (surface, 0, 0, WIDTH, HEIGHT, 0), <, WIDTH * HEIGHT - 500);
  cairo_destroy (cr);
  cairo_surface_destroy (surface);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plot/line/spikes", test_decimation_keeps_spikes);
  g_test_add_func ("/plot/line/decimation", test_decimation_matches_stroke);
  g_test_add_func ("/plot/line/gap", test_gap);
  g_test_add_func ("/plot/line/smoothing", test_smoothing);
  g_test_add_func ("/plot/line/many-points", test_many_points);
  g_test_add_func ("/plot/locate/line", test_locate_line);
  g_test_add_func ("/plot/locate/points-and-bins", test_locate_points_and_bins);
  g_test_add_func ("/plot/hover", test_hover_draws);
  g_test_add_func ("/plot/describe", test_describe);
  g_test_add_func ("/plot/figures/norm-ratio-classes", test_norm_ratio_classes);
  g_test_add_func ("/plot/figures/norm-ratio-ink", test_norm_ratio_ink);
  g_test_add_func ("/plot/figures/degenerate", test_degenerate_figures);
  g_test_add_func ("/plot/degenerate-lines", test_degenerate_lines);
  g_test_add_func ("/plot/heat", test_heat);
  g_test_add_func ("/plot/template-share", test_template_share);
  g_test_add_func ("/plot/export", test_export);
  return g_test_run ();
}
