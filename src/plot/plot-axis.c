#include "plot-private.h"

#include <math.h>

/* Beyond this a difference of two values would leave the finite numbers. */
#define LARGEST 1e300
/* The narrowest view, as a part of the magnitude of its ends: what doubles can still tell apart. */
#define NARROWEST 1e-10

bool
cs_is_plottable (double value)
{
  return isfinite (value) && fabs (value) < LARGEST;
}

static bool
is_range (const CsAxis *axis, double low, double high)
{
  if (!cs_is_plottable (low) || !cs_is_plottable (high) || high <= low)
    return false;
  if (high - low < NARROWEST * MAX (fabs (low), fabs (high)))
    return false;
  return axis->scale == CS_SCALE_LINEAR || low > 0;
}

CsAxis *
cs_axis_new (void)
{
  CsAxis *axis = g_new0 (CsAxis, 1);

  axis->automatic = true;
  axis->view = (CsRange){ 0, 1 };
  axis->home = axis->view;
  axis->grid = true;
  return axis;
}

void
cs_axis_free (CsAxis *axis)
{
  if (axis == NULL)
    return;
  g_free (axis->label);
  g_free (axis->symbol);
  g_free (axis->low_label);
  g_free (axis->high_label);
  g_free (axis->ticks);
  g_free (axis);
}

void
cs_axis_set_label (CsAxis *axis, const char *name, const char *unit)
{
  g_free (axis->label);
  axis->label = unit != NULL ? g_strdup_printf ("%s (%s)", name, unit) : g_strdup (name);
}

void
cs_axis_set_symbol (CsAxis *axis, const char *symbol)
{
  g_free (axis->symbol);
  axis->symbol = g_strdup (symbol);
}

const char *
cs_axis_symbol (const CsAxis *axis)
{
  if (axis->symbol != NULL)
    return axis->symbol;
  return axis->label != NULL ? axis->label : "";
}

void
cs_axis_set_end_labels (CsAxis *axis, const char *low, const char *high)
{
  g_free (axis->low_label);
  g_free (axis->high_label);
  axis->low_label = g_strdup (low);
  axis->high_label = g_strdup (high);
}

void
cs_axis_set_scale (CsAxis *axis, CsScale scale)
{
  if (axis->scale == scale)
    return;
  axis->scale = scale;
  axis->zoomed = false;
}

CsScale
cs_axis_get_scale (const CsAxis *axis)
{
  return axis->scale;
}

void
cs_axis_set_format (CsAxis *axis, CsTickFormat format)
{
  axis->format = format;
}

void
cs_axis_set_grid (CsAxis *axis, bool grid)
{
  axis->grid = grid;
}

void
cs_axis_set_from_zero (CsAxis *axis, bool from_zero)
{
  axis->from_zero = from_zero;
}

void
cs_axis_set_ticks (CsAxis *axis, const double *values, size_t n)
{
  g_free (axis->ticks);
  axis->ticks = n > 0 ? g_memdup2 (values, n * sizeof *values) : NULL;
  axis->n_ticks = n;
}

void
cs_axis_hide_ticks (CsAxis *axis)
{
  axis->bare = true;
}

void
cs_axis_set_range (CsAxis *axis, double low, double high)
{
  axis->automatic = !is_range (axis, low, high);
  if (axis->automatic)
    return;
  axis->home = (CsRange){ low, high };
  if (!axis->zoomed)
    axis->view = axis->home;
}

/* Widens a range of data that is a single point (or nothing) until it can be drawn. */
static CsRange
widened (const CsAxis *axis, CsRange data)
{
  double span = data.max - data.min, magnitude = MAX (fabs (data.min), fabs (data.max));

  if (axis->scale == CS_SCALE_LOG)
    {
      double ratio = MAX (data.max / data.min, 1.0);
      double pad = ratio < 1.0 + 1e-6 ? sqrt (10) : pow (ratio, 0.04);

      return (CsRange){ data.min / pad, data.max * pad };
    }
  if (span <= 1e-9 * magnitude || span == 0)
    {
      double half = magnitude > 0 ? 0.1 * magnitude : 0.5;

      return (CsRange){ data.min - half, data.max + half };
    }
  if (axis->snug)
    return data;
  return (CsRange){ axis->from_zero && data.min == 0 ? 0 : data.min - 0.05 * span,
                    data.max + 0.05 * span };
}

void
cs_axis_fit (CsAxis *axis, const CsRange *data)
{
  if (axis->automatic)
    {
      CsRange range = axis->scale == CS_SCALE_LOG ? (CsRange){ 1, 10 } : (CsRange){ 0, 1 };

      if (data != NULL)
        {
          range = *data;
          if (axis->from_zero && axis->scale == CS_SCALE_LINEAR)
            range = (CsRange){ MIN (range.min, 0), MAX (range.max, 0) };
          range = widened (axis, range);
          if (axis->scale == CS_SCALE_LOG)
            range =
                (CsRange){ MAX (range.min, 1 / LARGEST), CLAMP (range.max, 10 / LARGEST, LARGEST) };
        }
      axis->home = range;
    }
  else if (axis->scale == CS_SCALE_LOG && axis->home.min <= 0)
    axis->home = (CsRange){ 0.7, MAX (axis->home.max, 10) };
  if (!axis->zoomed)
    axis->view = axis->home;
}

void
cs_axis_get_view (const CsAxis *axis, double *low, double *high)
{
  *low = axis->view.min;
  *high = axis->view.max;
}

void
cs_axis_set_view (CsAxis *axis, double low, double high)
{
  if (!is_range (axis, low, high))
    return;
  axis->view = (CsRange){ low, high };
  axis->zoomed = true;
}

void
cs_axis_zoom (CsAxis *axis, double unit, double factor)
{
  if (!isfinite (unit) || !isfinite (factor) || factor <= 0)
    return;
  cs_axis_set_view (axis, cs_axis_from_unit (axis, unit - unit * factor),
                    cs_axis_from_unit (axis, unit + (1 - unit) * factor));
}

void
cs_axis_pan (CsAxis *axis, double fraction)
{
  if (isfinite (fraction))
    cs_axis_set_view (axis, cs_axis_from_unit (axis, fraction),
                      cs_axis_from_unit (axis, 1 + fraction));
}

void
cs_axis_reset (CsAxis *axis)
{
  axis->zoomed = false;
  axis->view = axis->home;
}

bool
cs_axis_is_zoomed (const CsAxis *axis)
{
  return axis->zoomed;
}

double
cs_axis_to_unit (const CsAxis *axis, double value)
{
  if (!cs_is_plottable (value))
    return NAN;
  if (axis->scale == CS_SCALE_LINEAR)
    return (value - axis->view.min) / (axis->view.max - axis->view.min);
  if (value <= 0)
    return NAN;
  return log10 (value / axis->view.min) / log10 (axis->view.max / axis->view.min);
}

double
cs_axis_from_unit (const CsAxis *axis, double unit)
{
  if (axis->scale == CS_SCALE_LINEAR)
    return axis->view.min + unit * (axis->view.max - axis->view.min);
  return axis->view.min * pow (axis->view.max / axis->view.min, unit);
}
