/* Ranges, ticks and numbers of an axis; contrast of the colours. */
#include "plot.h"

#include <math.h>

static void
test_nice_steps (void)
{
  for (int e = -250; e < 250; e++)
    for (int k = 0; k < 40; k++)
      {
        double span = pow (10, e) * (1 + 0.23 * k), step = cs_nice_step (span, 5);
        double mantissa = step / pow (10, floor (log10 (step) + 1e-9));

        g_assert_cmpfloat (span / step, <=, 5 * (1 + 1e-6));
        /* The next finer step would have cut too finely. */
        g_assert_cmpfloat (span / (step / 2.5), >, 5 * (1 - 1e-6));
        g_assert_true (fabs (mantissa - 1) < 1e-6 || fabs (mantissa - 2) < 1e-6 ||
                       fabs (mantissa - 5) < 1e-6);
      }
}

static void
assert_ticks (CsAxis *axis, size_t max, const char *expected)
{
  g_autoptr (GArray) ticks = cs_axis_make_ticks (axis, max);
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < ticks->len; i++)
    if (g_array_index (ticks, CsTick, i).label[0] != '\0')
      g_string_append_printf (text, "%s%s", text->len > 0 ? " " : "",
                              g_array_index (ticks, CsTick, i).label);
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_tick_labels (void)
{
  g_autoptr (CsPlot) plot = cs_plot_new ("ticks");
  CsAxis *axis = cs_plot_x (plot);
  const double bounds[] = { 0, 0.1, 0.4, 0.5, 0.6, 0.9, 1 };

  cs_axis_set_range (axis, 0, 1);
  assert_ticks (axis, 6, "0 0.2 0.4 0.6 0.8 1.0");
  cs_axis_set_range (axis, -0.1, 1.1);
  assert_ticks (axis, 8, "0 0.2 0.4 0.6 0.8 1.0");
  cs_axis_set_range (axis, -3, 3);
  assert_ticks (axis, 4, "−2 0 2");
  cs_axis_set_range (axis, 0, 50000);
  assert_ticks (axis, 6, "0 10k 20k 30k 40k 50k");
  cs_axis_set_range (axis, 0, 3e-5);
  assert_ticks (axis, 4, "0 1×10⁻⁵ 2×10⁻⁵ 3×10⁻⁵");
  cs_axis_set_format (axis, CS_TICKS_PERCENT);
  cs_axis_set_range (axis, 0, 0.5);
  assert_ticks (axis, 6, "0 % 10 % 20 % 30 % 40 % 50 %");
  cs_axis_set_format (axis, CS_TICKS_POWER);
  cs_axis_set_range (axis, -6, 0);
  assert_ticks (axis, 4, "10⁻⁶ 10⁻⁴ 10⁻² 10⁰");
  cs_axis_set_format (axis, CS_TICKS_NUMBER);
  cs_axis_set_scale (axis, CS_SCALE_LOG);
  cs_axis_set_range (axis, 0.7, 12000);
  assert_ticks (axis, 8, "1 10 100 1k 10k");
  cs_axis_set_scale (axis, CS_SCALE_LINEAR);
  cs_axis_set_range (axis, 0, 1);
  cs_axis_set_ticks (axis, bounds, G_N_ELEMENTS (bounds));
  assert_ticks (axis, 3, "0 0.1 0.4 0.5 0.6 0.9 1");
  /* A close view of explicit ticks has ticks of its own. */
  cs_axis_set_view (axis, 0.91, 0.94);
  assert_ticks (axis, 4, "0.91 0.92 0.93 0.94");
}

/* Ticks lie in the view, ascend, and are not too many, for any range whatever. */
static void
test_tick_properties (void)
{
  g_autoptr (CsPlot) plot = cs_plot_new ("ticks");
  CsAxis *axis = cs_plot_x (plot);
  g_autoptr (GRand) random = g_rand_new_with_seed (7);

  for (int trial = 0; trial < 3000; trial++)
    {
      bool logarithmic = trial % 2;
      double low = pow (10, g_rand_double_range (random, -200, 200));
      double high = low * (1 + pow (10, g_rand_double_range (random, -8, logarithmic ? 60 : 3)));
      size_t max = (size_t)g_rand_int_range (random, 2, 13), labels = 0;

      cs_axis_set_scale (axis, logarithmic ? CS_SCALE_LOG : CS_SCALE_LINEAR);
      cs_axis_set_range (axis, logarithmic || trial % 3 ? low : -high, high);
      cs_axis_get_view (axis, &low, &high);
      g_autoptr (GArray) ticks = cs_axis_make_ticks (axis, max);
      double slack = 1e-4 * (high - low), before = -HUGE_VAL;
      for (guint i = 0; i < ticks->len; i++)
        {
          const CsTick *tick = &g_array_index (ticks, CsTick, i);

          g_assert_true (tick->value >= low - slack && tick->value <= high + slack);
          g_assert_cmpfloat (tick->value, >, before);
          g_assert_true (g_utf8_validate (tick->label, -1, NULL));
          before = tick->value;
          labels += tick->label[0] != '\0';
        }
      g_assert_cmpuint (labels, <=, max + 1);
    }
}

static void
test_axis_view (void)
{
  g_autoptr (CsPlot) plot = cs_plot_new ("view");
  CsAxis *axis = cs_plot_x (plot);
  double low, high, at;

  cs_axis_set_range (axis, 10, 20);
  at = cs_axis_from_unit (axis, 0.3);
  cs_axis_zoom (axis, 0.3, 0.5);
  g_assert_true (cs_axis_is_zoomed (axis));
  g_assert_cmpfloat_with_epsilon (cs_axis_to_unit (axis, at), 0.3, 1e-12);
  cs_axis_get_view (axis, &low, &high);
  g_assert_cmpfloat_with_epsilon (high - low, 5, 1e-12);
  cs_axis_pan (axis, 0.2);
  cs_axis_get_view (axis, &at, &high);
  g_assert_cmpfloat_with_epsilon (at, low + 1, 1e-12);
  for (int i = 0; i < 500; i++)
    cs_axis_zoom (axis, 0.5, 0.5);
  cs_axis_get_view (axis, &low, &high);
  g_assert_cmpfloat (low, <, high);
  cs_axis_zoom (axis, NAN, 0.5);
  cs_axis_set_view (axis, 3, 3);
  cs_axis_set_view (axis, -INFINITY, INFINITY);
  cs_axis_reset (axis);
  cs_axis_get_view (axis, &low, &high);
  g_assert_cmpfloat (low, ==, 10);
  g_assert_cmpfloat (high, ==, 20);
  cs_axis_set_scale (axis, CS_SCALE_LOG);
  g_assert_true (isnan (cs_axis_to_unit (axis, 0)));
  g_assert_true (isnan (cs_axis_to_unit (axis, NAN)));
  for (double unit = 0; unit <= 1; unit += 0.125)
    g_assert_cmpfloat_with_epsilon (cs_axis_to_unit (axis, cs_axis_from_unit (axis, unit)), unit,
                                    1e-12);
}

static void
test_format_value (void)
{
  const struct
  {
    double value;
    const char *text;
  } cases[] = { { 0, "0" },         { -0.0, "0" },          { 64, "64" },
                { -12, "−12" },     { 0.13812, "0.1381" },  { NAN, "–" },
                { INFINITY, "∞" },  { 1234567, "1234567" }, { 3.5e-6, "3.500×10⁻⁶" },
                { -0.25, "−0.25" }, { 123456.5, "123.5k" } };
  char buffer[32];

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    g_assert_cmpstr (cs_format_value (buffer, cases[i].value), ==, cases[i].text);
}

static void
test_contrast (void)
{
  const CsPlotTheme *themes[] = { cs_plot_theme_light (), cs_plot_theme_dark () };

  g_assert_cmpfloat_with_epsilon (
      cs_plot_color_contrast ((CsPlotColor){ 0, 0, 0, 1 }, (CsPlotColor){ 1, 1, 1, 1 }), 21, 1e-9);
  for (size_t t = 0; t < 2; t++)
    {
      g_assert_cmpfloat (cs_plot_color_contrast (themes[t]->foreground, themes[t]->background), >=,
                         4.5);
      g_assert_cmpfloat (cs_plot_color_contrast (themes[t]->muted, themes[t]->background), >=, 4.5);
      for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
        g_assert_cmpfloat (cs_plot_color_contrast (themes[t]->classes[k], themes[t]->background),
                           >=, 3);
      for (size_t s = 0; s < CS_PLOT_N_SERIES; s++)
        g_assert_cmpfloat (cs_plot_color_contrast (themes[t]->series[s], themes[t]->background), >=,
                           3);
      g_assert_cmpfloat (cs_plot_color_contrast (themes[t]->classes[CS_PLOT_CLASS_CHAT_ONLY],
                                                 themes[t]->classes[CS_PLOT_CLASS_CHAT_SPECIFIC]),
                         >=, 1.5);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plot/ticks/nice-steps", test_nice_steps);
  g_test_add_func ("/plot/ticks/labels", test_tick_labels);
  g_test_add_func ("/plot/ticks/properties", test_tick_properties);
  g_test_add_func ("/plot/axis/view", test_axis_view);
  g_test_add_func ("/plot/format-value", test_format_value);
  g_test_add_func ("/plot/contrast", test_contrast);
  return g_test_run ();
}
