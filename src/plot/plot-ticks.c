/* Where ticks stand and how they are written. */
#include "plot-private.h"

#include <math.h>
#include <string.h>

#define LABEL_SIZE 32

double
cs_nice_step (double span, size_t max_parts)
{
  double rough = span / (double)MAX (max_parts, 1);
  double power = pow (10, floor (log10 (rough)));

  for (int i = 0; i < 2; i++, power *= 10)
    {
      const double steps[] = { 1, 2, 5 };

      for (size_t k = 0; k < G_N_ELEMENTS (steps); k++)
        if (span / (steps[k] * power) <= (double)max_parts * (1 + 1e-9))
          return steps[k] * power;
    }
  return power;
}

/* Writes n as superscript digits. */
static void
append_superscript (GString *text, int n)
{
  static const char *const digits[] = { "⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹" };
  char plain[16];

  if (n < 0)
    g_string_append (text, "⁻");
  g_snprintf (plain, sizeof plain, "%d", ABS (n));
  for (const char *p = plain; *p != '\0'; p++)
    g_string_append (text, digits[*p - '0']);
}

/* A fixed number of decimals, the minus sign of typography, and no "−0". */
static void
append_fixed (GString *text, double value, int decimals)
{
  char format[16], plain[G_ASCII_DTOSTR_BUF_SIZE + 32];

  g_snprintf (format, sizeof format, "%%.%df", CLAMP (decimals, 0, 12));
  g_ascii_formatd (plain, sizeof plain, format, fabs (value));
  if (value < 0 && strpbrk (plain, "123456789") != NULL)
    g_string_append (text, "−");
  g_string_append (text, plain);
}

static int
decimals_of_step (double step)
{
  return step > 0 ? MAX (0, (int)-floor (log10 (step) + 1e-9)) : 0;
}

/* magnitude: the largest absolute value on the axis, so that all labels share one suffix. */
static void
append_number (GString *text, double value, double step, double magnitude)
{
  static const struct
  {
    double unit;
    const char *suffix;
  } units[] = { { 1e9, "G" }, { 1e6, "M" }, { 1e3, "k" } };

  if (value == 0)
    {
      g_string_append_c (text, '0');
      return;
    }
  if (magnitude >= 1e13 || magnitude < 1e-3)
    {
      int exponent = (int)floor (log10 (magnitude) + 1e-9);
      double unit = pow (10, exponent);

      append_fixed (text, value / unit, decimals_of_step (step / unit));
      g_string_append (text, "×10");
      append_superscript (text, exponent);
      return;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (units); i++)
    if (magnitude >= 10 * units[i].unit || (i < 2 && magnitude >= units[i].unit))
      {
        append_fixed (text, value / units[i].unit, decimals_of_step (step / units[i].unit));
        g_string_append (text, units[i].suffix);
        return;
      }
  append_fixed (text, value, decimals_of_step (step));
}

static void
write_label (const CsAxis *axis, CsTick *tick, double step, double magnitude)
{
  g_autoptr (GString) text = g_string_new (NULL);

  switch (axis->format)
    {
    case CS_TICKS_PERCENT:
      append_fixed (text, 100 * tick->value, decimals_of_step (100 * step));
      g_string_append (text, " %");
      break;
    case CS_TICKS_POWER:
      if (fabs (tick->value - round (tick->value)) > 1e-9 || fabs (tick->value) > 300)
        {
          append_fixed (text, tick->value, decimals_of_step (step));
          break;
        }
      g_string_append (text, "10");
      append_superscript (text, (int)round (tick->value));
      break;
    case CS_TICKS_NUMBER:
    default:
      append_number (text, tick->value, step, magnitude);
      break;
    }
  g_strlcpy (tick->label, text->str, LABEL_SIZE);
}

static void
add_tick (const CsAxis *axis, GArray *ticks, double value, double step, double magnitude)
{
  CsTick tick = { .value = value };

  if (step > 0)
    write_label (axis, &tick, step, magnitude);
  g_array_append_val (ticks, tick);
}

static void
make_linear_ticks (const CsAxis *axis, GArray *ticks, size_t max_major)
{
  double low = axis->view.min, high = axis->view.max;
  double step = cs_nice_step (high - low, MAX (max_major, 2) - 1);
  double first = ceil (low / step - 1e-6), magnitude = MAX (fabs (low), fabs (high));

  for (size_t i = 0; i <= max_major; i++)
    {
      double value = (first + (double)i) * step;

      if (value > high + 1e-6 * step)
        break;
      add_tick (axis, ticks, fabs (value) < 1e-9 * step ? 0 : value, step, magnitude);
    }
}

/* Decades carry labels, 2 … 9 between them are minor; few decades also name 2 and 5. */
static void
make_log_ticks (const CsAxis *axis, GArray *ticks, size_t max_major)
{
  int first = (int)floor (log10 (axis->view.min)), last = (int)ceil (log10 (axis->view.max));
  int n_decades = last - first;
  int first_labelled = (int)ceil (log10 (axis->view.min) - 1e-9);
  int n_labelled = (int)floor (log10 (axis->view.max) + 1e-9) - first_labelled + 1;
  int every = MAX (1, (int)ceil ((double)n_labelled / (double)MAX (max_major, 2)));
  bool between = (size_t)(3 * n_decades) <= max_major;
  /* 1k beside 10k, but 1000 where nothing is greater. */
  double thousands = axis->view.max >= 1e4 ? 1e4 : 0;

  for (int e = first; e <= last; e++)
    for (int k = 1; k <= 9; k++)
      {
        double value = k * pow (10, e), step = 0;

        if (value < axis->view.min * (1 - 1e-9) || value > axis->view.max * (1 + 1e-9))
          continue;
        if (k > 1 && (every > 1 || n_decades > 12))
          continue;
        if ((k == 1 && (e - first_labelled) % every == 0) || (between && (k == 2 || k == 5)))
          step = pow (10, e);
        add_tick (axis, ticks, value, step, value >= 1e3 ? MAX (value, thousands) : value);
      }
}

static void
make_explicit_ticks (const CsAxis *axis, GArray *ticks)
{
  double span = axis->view.max - axis->view.min, step = axis->n_ticks > 1 ? span : 1;

  for (size_t i = 1; i < axis->n_ticks; i++)
    step = MIN (step, fabs (axis->ticks[i] - axis->ticks[i - 1]));
  step = pow (10, floor (log10 (MAX (step, 1e-12)) + 1e-6));
  for (size_t i = 0; i < axis->n_ticks; i++)
    {
      double unit = cs_axis_to_unit (axis, axis->ticks[i]), value = axis->ticks[i];

      if (!(unit >= -1e-9 && unit <= 1 + 1e-9))
        continue;
      /* A whole number needs no decimals beside its neighbours. */
      add_tick (axis, ticks, value, value == round (value) ? 1 : step, MAX (fabs (value), 1e-3));
    }
}

GArray *
cs_axis_make_ticks (const CsAxis *axis, size_t max_major)
{
  GArray *ticks = g_array_new (FALSE, TRUE, sizeof (CsTick));

  if (axis->bare)
    return ticks;
  if (axis->n_ticks > 0)
    make_explicit_ticks (axis, ticks);
  /* Explicit ticks are for the whole; a close view needs ticks of its own. */
  if (ticks->len >= 2)
    return ticks;
  g_array_set_size (ticks, 0);
  if (axis->scale == CS_SCALE_LOG && axis->view.max / axis->view.min >= 8)
    make_log_ticks (axis, ticks, max_major);
  else
    make_linear_ticks (axis, ticks, max_major);
  return ticks;
}

char *
cs_format_value (char *buffer, double value)
{
  g_autoptr (GString) text = g_string_new (NULL);
  char plain[G_ASCII_DTOSTR_BUF_SIZE];
  double size = fabs (value);

  if (!isfinite (value))
    {
      g_strlcpy (buffer, isnan (value) ? "–" : value > 0 ? "∞" : "−∞", LABEL_SIZE);
      return buffer;
    }
  if (size == round (size) && size < 1e9)
    append_fixed (text, value, 0);
  else if (size >= 1e-3 && size < 1e5)
    {
      g_ascii_formatd (plain, sizeof plain, "%.4g", size);
      g_string_append_printf (text, "%s%s", value < 0 ? "−" : "", plain);
    }
  else
    append_number (text, value, size * 1e-3, size);
  g_strlcpy (buffer, text->str, LABEL_SIZE);
  return buffer;
}

char *
cs_axis_format_value (const CsAxis *axis, char *buffer, double value)
{
  g_autoptr (GString) text = g_string_new (NULL);

  if (axis->format != CS_TICKS_PERCENT || !isfinite (value))
    return cs_format_value (buffer, axis->format == CS_TICKS_POWER ? pow (10, value) : value);
  append_fixed (text, 100 * value, 2);
  g_string_append (text, " %");
  g_strlcpy (buffer, text->str, LABEL_SIZE);
  return buffer;
}
