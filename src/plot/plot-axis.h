/* One axis of a plot: its range, scale, ticks and names.
 *
 * An axis has a home range, given or taken from the data, and a view range, which zoom and pan
 * change. Positions are in units of the view: 0 is its low end, 1 its high end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef struct CsAxis CsAxis;

typedef enum
{
  CS_SCALE_LINEAR,
  CS_SCALE_LOG, /* base 10; values ≤ 0 have no position */
} CsScale;

typedef enum
{
  CS_TICKS_NUMBER,  /* 0.25, 12k, 3×10⁻⁵ */
  CS_TICKS_PERCENT, /* the value 0.25 is written 25 % */
  CS_TICKS_POWER,   /* the value −3 is written 10⁻³: data that are logarithms already */
} CsTickFormat;

typedef struct
{
  double value;
  char label[32]; /* empty: a minor tick */
} CsTick;

/* The name and unit are shown as "name (unit)"; NULL for none. Pango markup is allowed in the name.
 */
void cs_axis_set_label (CsAxis *axis, const char *name, const char *unit);
/* What read-outs call the axis: plain text, short ("ν^r"). At first the name. */
void cs_axis_set_symbol (CsAxis *axis, const char *symbol);
/* Never NULL. */
const char *cs_axis_symbol (const CsAxis *axis);
/* Words at the two ends of the axis, beside its name: "← base" and "chat →". */
void cs_axis_set_end_labels (CsAxis *axis, const char *low, const char *high);
void cs_axis_set_scale (CsAxis *axis, CsScale scale);
CsScale cs_axis_get_scale (const CsAxis *axis);
void cs_axis_set_format (CsAxis *axis, CsTickFormat format);
void cs_axis_set_grid (CsAxis *axis, bool grid);
/* An automatic range starts at zero where the data are not negative. */
void cs_axis_set_from_zero (CsAxis *axis, bool from_zero);
/* Exactly these ticks; n = 0 goes back to nice ones. Copied. */
void cs_axis_set_ticks (CsAxis *axis, const double *values, size_t n);
/* No ticks and no numbers: what lies along the axis has names of its own. */
void cs_axis_hide_ticks (CsAxis *axis);

/* The home range; a range that is empty, reversed or not finite makes it automatic. */
void cs_axis_set_range (CsAxis *axis, double low, double high);
/* What is shown now. */
void cs_axis_get_view (const CsAxis *axis, double *low, double *high);
/* Shows a part (or more) of the home range; ignored where the range makes no sense. */
void cs_axis_set_view (CsAxis *axis, double low, double high);
/* Scales the view by factor (< 1 comes closer) about the position unit. */
void cs_axis_zoom (CsAxis *axis, double unit, double factor);
/* Moves the view by a fraction of itself. */
void cs_axis_pan (CsAxis *axis, double fraction);
void cs_axis_reset (CsAxis *axis);
bool cs_axis_is_zoomed (const CsAxis *axis);

/* NaN where a value has no position. */
double cs_axis_to_unit (const CsAxis *axis, double value);
double cs_axis_from_unit (const CsAxis *axis, double unit);

/* The ticks of the view, ascending, at most max_major with labels (explicit ticks: all that are in
 * the view). An array of CsTick; free with g_array_unref(). */
GArray *cs_axis_make_ticks (const CsAxis *axis, size_t max_major);
/* The least of 1, 2, 5 × 10^k that cuts span > 0 into at most max_parts ≥ 1 parts. */
double cs_nice_step (double span, size_t max_parts);
/* A number for people: four significant digits, a true minus sign. buffer holds 32 bytes; returned.
 */
char *cs_format_value (char *buffer, double value);
/* The same as the axis writes it (percent, power). */
char *cs_axis_format_value (const CsAxis *axis, char *buffer, double value);
