/* Bars, stacked by class; also the bars of marginal histograms. */
#include "plot-private.h"

#include <math.h>

#include <glib/gi18n.h>

typedef struct
{
  CsLayer layer;
  double low, high;
  size_t n_bins;
  double *counts; /* [class][n_bins], never negative */
  bool in_legend;
} CsHistogram;

/* From the bottom: what is a part of a class, before the rest of it, so that its bars show its own
 * numbers. */
static const CsPlotClass stack[CS_PLOT_N_CLASSES] = {
  CS_PLOT_CLASS_CHAT_SPECIFIC, CS_PLOT_CLASS_CHAT_ONLY, CS_PLOT_CLASS_BASE_ONLY,
  CS_PLOT_CLASS_SHARED,        CS_PLOT_CLASS_OTHER,     CS_PLOT_CLASS_PLAIN
};

static double
bin_total (const CsHistogram *histogram, size_t bin)
{
  double total = 0;

  for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
    total += histogram->counts[k * histogram->n_bins + bin];
  return total;
}

static double
bin_edge (const CsHistogram *histogram, size_t bin)
{
  double part = (double)bin / (double)histogram->n_bins;

  return histogram->low + part * (histogram->high - histogram->low);
}

/* The pixel height of a count; what a log scale cannot show lies on the floor. */
static double
count_y (const CsFrame *frame, double count)
{
  double y = cs_frame_y (frame, count), floor_y = frame->rect.y + frame->rect.height;

  return isnan (y) ? floor_y : CLAMP (y, frame->rect.y - 10, floor_y);
}

/* One path for all bars of a class: the hatch then runs on from bar to bar. */
static void
class_path (const CsHistogram *histogram, CsFrame *frame, size_t klass, const double *below)
{
  for (size_t i = 0; i < histogram->n_bins; i++)
    {
      double count = histogram->counts[klass * histogram->n_bins + i];
      double left = cs_frame_x (frame, bin_edge (histogram, i));
      double right = cs_frame_x (frame, bin_edge (histogram, i + 1));

      if (count <= 0 || isnan (left) || isnan (right) || right < frame->rect.x ||
          left > frame->rect.x + frame->rect.width)
        continue;
      double gap = right - left >= 5.5 ? 1 : 0;

      left = round (MAX (left, frame->rect.x - 10));
      right = round (MIN (right, frame->rect.x + frame->rect.width + 10));
      double width = MAX (right - left - gap, 0.5);
      double bottom = count_y (frame, below[i]), top = count_y (frame, below[i] + count);
      /* A lone latent in a tall plot is still a bar one can see. */
      if (below[i] == 0)
        top = MIN (top, bottom - 1.5);
      cairo_rectangle (frame->cr, left, top, width, bottom - top);
    }
}

static void
histogram_draw (CsLayer *layer, CsFrame *frame)
{
  CsHistogram *histogram = (CsHistogram *)layer;
  g_autofree double *below = g_new0 (double, histogram->n_bins);

  for (size_t part = 0; part < CS_PLOT_N_CLASSES; part++)
    {
      size_t k = stack[part];

      class_path (histogram, frame, k, below);
      cs_fill_class (frame->cr, frame->theme, k, frame->rect);
      for (size_t i = 0; i < histogram->n_bins; i++)
        below[i] += histogram->counts[k * histogram->n_bins + i];
    }
}

static bool
histogram_extent (const CsLayer *layer,
                  const CsRange *x_window,
                  bool positive_x,
                  bool positive_y,
                  CsRange *x,
                  CsRange *y)
{
  const CsHistogram *histogram = (const CsHistogram *)layer;
  bool any = false;

  for (size_t i = 0; i < histogram->n_bins; i++)
    {
      double total = bin_total (histogram, i);
      double left = bin_edge (histogram, i), right = bin_edge (histogram, i + 1);

      if (total <= 0 || !cs_is_plottable (total))
        continue;
      if (x_window != NULL && (right <= x_window->min || left >= x_window->max))
        continue;
      /* On a log axis a count of one needs some height. */
      *y = (CsRange){ MIN (y->min, positive_y ? MIN (total, 0.7) : 0), MAX (y->max, total) };
      any = true;
    }
  if (any)
    *x = (CsRange){ MIN (x->min, histogram->low), MAX (x->max, histogram->high) };
  return any;
}

static void
append_classes (const double *counts, size_t stride, GString *text)
{
  char number[32];
  bool first = true;

  for (size_t k = 0; k < CS_PLOT_CLASS_PLAIN; k++)
    {
      const char *name = cs_plot_class_name (k);

      if (counts[k * stride] <= 0)
        continue;
      if (k == CS_PLOT_CLASS_CHAT_ONLY && counts[CS_PLOT_CLASS_CHAT_SPECIFIC * stride] > 0)
        /* Translators: chat-only latents that are not chat-specific. */
        name = _ ("other chat-only");
      g_string_append_printf (text, "%s%s %s", first ? "" : ", ", name,
                              cs_format_value (number, counts[k * stride]));
      first = false;
    }
}

static bool
histogram_nearest (CsLayer *layer,
                   const CsFrame *frame,
                   double px,
                   double py,
                   CsPlotHit *hit,
                   GString *text)
{
  CsHistogram *histogram = (CsHistogram *)layer;
  double value = cs_axis_from_unit (frame->x, (px - frame->rect.x) / frame->rect.width);
  double place =
      (value - histogram->low) / (histogram->high - histogram->low) * (double)histogram->n_bins;
  char from[32], to[32], number[32];

  if (!(place >= 0) || place > (double)histogram->n_bins)
    return false;
  size_t bin = MIN ((size_t)place, histogram->n_bins - 1);
  double total = bin_total (histogram, bin);
  double middle = 0.5 * (bin_edge (histogram, bin) + bin_edge (histogram, bin + 1));

  *hit =
      (CsPlotHit){ .px = cs_frame_x (frame, middle), .py = count_y (frame, total), .index = bin };
  hit->color = frame->theme->foreground;
  g_string_append_printf (text, "%s – %s\n%s %s\n",
                          cs_axis_format_value (frame->x, from, bin_edge (histogram, bin)),
                          cs_axis_format_value (frame->x, to, bin_edge (histogram, bin + 1)),
                          cs_format_value (number, total), layer->name);
  if (histogram->counts[CS_PLOT_CLASS_PLAIN * histogram->n_bins + bin] < total)
    {
      append_classes (histogram->counts + bin, histogram->n_bins, text);
      g_string_append_c (text, '\n');
    }
  return true;
}

double
cs_histogram_total (const CsLayer *layer, CsPlotClass klass)
{
  const CsHistogram *histogram = (const CsHistogram *)layer;
  double total = 0;

  g_assert (layer->klass == &cs_histogram_class);
  for (size_t i = 0; i < histogram->n_bins; i++)
    total += histogram->counts[klass * histogram->n_bins + i];
  return total;
}

static void
histogram_describe (const CsLayer *layer, GString *text)
{
  const CsHistogram *histogram = (const CsHistogram *)layer;
  double totals[CS_PLOT_N_CLASSES], all = 0;
  char number[32], from[32], to[32];
  size_t peak = 0;

  for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
    all += totals[k] = cs_histogram_total (layer, k);
  for (size_t i = 1; i < histogram->n_bins; i++)
    if (bin_total (histogram, i) > bin_total (histogram, peak))
      peak = i;
  /* Translators: number, what is counted, number of bins. */
  g_string_append_printf (text, _ ("%s %s in %zu bins"), cs_format_value (number, all), layer->name,
                          histogram->n_bins);
  if (all <= 0)
    return;
  g_string_append_printf (text, _ (", most between %s and %s"),
                          cs_format_value (from, bin_edge (histogram, peak)),
                          cs_format_value (to, bin_edge (histogram, peak + 1)));
  if (totals[CS_PLOT_CLASS_PLAIN] < all)
    {
      g_string_append (text, "; ");
      append_classes (totals, 1, text);
    }
}

static void
histogram_legend (const CsLayer *layer, GArray *items)
{
  for (size_t k = 0; k < CS_PLOT_CLASS_PLAIN; k++)
    if (((const CsHistogram *)layer)->in_legend && cs_histogram_total (layer, k) > 0)
      {
        CsLegendItem item = { .klass = k, .text = cs_plot_class_name (k) };
        g_array_append_val (items, item);
      }
}

void
cs_histogram_set_legend (CsLayer *layer, bool in_legend)
{
  g_assert (layer->klass == &cs_histogram_class);
  ((CsHistogram *)layer)->in_legend = in_legend;
}

static void
histogram_free (CsLayer *layer)
{
  g_free (((CsHistogram *)layer)->counts);
}

const CsLayerClass cs_histogram_class = {
  .stage = CS_STAGE_DATA,
  .clipped = true,
  .draw = histogram_draw,
  .extent = histogram_extent,
  .nearest = histogram_nearest,
  .describe = histogram_describe,
  .legend = histogram_legend,
  .free = histogram_free,
};

CsLayer *
cs_plot_add_histogram (CsPlot *plot, const char *noun, double low, double high, size_t n_bins)
{
  CsHistogram *histogram = g_new0 (CsHistogram, 1);
  bool sound = cs_is_plottable (low) && cs_is_plottable (high) && high > low;

  histogram->low = sound ? low : 0;
  histogram->high = sound ? high : 1;
  histogram->n_bins = MAX (n_bins, 1);
  histogram->counts = g_new0 (double, CS_PLOT_N_CLASSES * histogram->n_bins);
  plot->x->snug = true;
  plot->y->from_zero = true;
  return cs_plot_add_layer (plot, histogram, &cs_histogram_class, noun);
}

void
cs_histogram_set_counts (CsLayer *layer, CsPlotClass klass, const double *counts)
{
  CsHistogram *histogram = (CsHistogram *)layer;

  g_assert (layer->klass == &cs_histogram_class && klass < CS_PLOT_N_CLASSES);
  for (size_t i = 0; i < histogram->n_bins; i++)
    {
      double count = counts != NULL ? counts[i] : 0;

      histogram->counts[klass * histogram->n_bins + i] =
          cs_is_plottable (count) && count > 0 ? count : 0;
    }
}

void
cs_bars_draw (cairo_t *cr,
              const CsPlotTheme *theme,
              const double *counts,
              size_t n_bins,
              double width,
              double height)
{
  g_autofree double *below = g_new0 (double, n_bins);
  double most = 0, bar = width / (double)n_bins;

  for (size_t i = 0; i < n_bins; i++)
    {
      double total = 0;

      for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
        total += counts[k * n_bins + i];
      most = MAX (most, total);
    }
  for (size_t part = 0; most > 0 && part < CS_PLOT_N_CLASSES; part++)
    {
      size_t k = stack[part];

      for (size_t i = 0; i < n_bins; i++)
        {
          double y = height * below[i] / most, rise = height * counts[k * n_bins + i] / most;
          double left = round ((double)i * bar), right = round ((double)(i + 1) * bar);

          if (rise > 0)
            cairo_rectangle (cr, left, y, right - left - (bar >= 5 ? 1 : 0), rise);
          below[i] += counts[k * n_bins + i];
        }
      cs_fill_class (cr, theme, k, (CsRect){ 0, 0, width, height });
    }
}
