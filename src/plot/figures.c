#include "figures.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

#define BINS CS_FIGURE_NORM_RATIO_BINS
#define INSET_LOW 0.9
#define FEW_TOKENS 100.0
#define LEAST_LOG_FREQUENCY (-8.0)

/* The class of a value of Δ_norm by its place alone. A value on a bound is in the class. */
static CsPlotClass
class_of_delta (double delta)
{
  if (delta <= 0.1)
    return CS_PLOT_CLASS_BASE_ONLY;
  if (delta >= 0.9)
    return CS_PLOT_CLASS_CHAT_ONLY;
  return delta >= 0.4 && delta <= 0.6 ? CS_PLOT_CLASS_SHARED : CS_PLOT_CLASS_OTHER;
}

/* A bin is counted where its middle lies, as its ends may be on the bound of a class. */
static CsPlotClass
class_of_bin (size_t bin, size_t n_bins, double low, double high)
{
  return class_of_delta (low + (high - low) * ((double)bin + 0.5) / (double)n_bins);
}

typedef struct
{
  double low, high;
  size_t n_bins;
  double *counts; /* [class][n_bins] */
} Tally;

static Tally
tally_new (double low, double high, size_t n_bins)
{
  return (Tally){ low, high, n_bins, g_new0 (double, CS_PLOT_N_CLASSES *n_bins) };
}

static void
tally_add (Tally *tally, double value, CsPlotClass klass)
{
  double place = (value - tally->low) / (tally->high - tally->low) * (double)tally->n_bins;

  /* 0.9 in single precision is a hair under it: a value that close to an edge belongs above. */
  place += 1e-5;
  if (!(place >= 0 && place <= (double)tally->n_bins + 1e-4))
    return;
  size_t bin = MIN ((size_t)place, tally->n_bins - 1);
  tally->counts[klass * tally->n_bins + bin] += 1;
}

/* Hands the counts to a histogram layer, and frees them. */
static void
tally_give (Tally *tally, CsLayer *layer)
{
  for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
    cs_histogram_set_counts (layer, k, tally->counts + k * tally->n_bins);
  g_clear_pointer (&tally->counts, g_free);
}

static void
tally_from_bins (Tally *tally, const double *counts, const double *specific)
{
  size_t n = tally->n_bins;

  memset (tally->counts, 0, CS_PLOT_N_CLASSES * n * sizeof *tally->counts);
  for (size_t i = 0; i < n; i++)
    {
      double part = specific != NULL ? CLAMP (specific[i], 0, counts[i]) : 0;

      tally->counts[class_of_bin (i, n, tally->low, tally->high) * n + i] = counts[i] - part;
      tally->counts[CS_PLOT_CLASS_CHAT_SPECIFIC * n + i] = part;
    }
}

static void
set_norm_ratio_axis (CsPlot *plot)
{
  const double ticks[] = { 0, 0.1, 0.4, 0.5, 0.6, 0.9, 1 };

  cs_axis_set_label (cs_plot_x (plot), "Δ<sub>norm</sub>", NULL);
  cs_axis_set_symbol (cs_plot_x (plot), "Δ_norm");
  cs_axis_set_end_labels (cs_plot_x (plot), _ ("← base"), _ ("chat →"));
  cs_axis_set_range (cs_plot_x (plot), 0, 1);
  cs_axis_set_ticks (cs_plot_x (plot), ticks, G_N_ELEMENTS (ticks));
  cs_axis_set_grid (cs_plot_x (plot), false);
  cs_axis_set_label (cs_plot_y (plot), _ ("latents"), NULL);
}

/* Shaded classes with their names and numbers, and the dashed bounds between them. */
static void
add_classes (CsPlot *plot, const double totals[CS_PLOT_N_CLASSES])
{
  static const struct
  {
    double low, high;
    CsPlotClass klass;
  } bands[] = { { -INFINITY, 0.1, CS_PLOT_CLASS_BASE_ONLY },
                { 0.4, 0.6, CS_PLOT_CLASS_SHARED },
                { 0.9, INFINITY, CS_PLOT_CLASS_CHAT_ONLY } };
  const double bounds[] = { 0.1, 0.4, 0.6, 0.9 };

  for (size_t i = 0; i < G_N_ELEMENTS (bands); i++)
    cs_plot_add_region (plot, MAX (bands[i].low, 0), MIN (bands[i].high, 1), -INFINITY, INFINITY,
                        bands[i].klass);
  for (size_t i = 0; i < G_N_ELEMENTS (bounds); i++)
    cs_plot_add_vline (plot, bounds[i], NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (bands); i++)
    {
      CsPlotClass klass = bands[i].klass;
      const char *name = cs_plot_class_name (klass);
      g_autofree char *label = g_strdup_printf ("%s %.0f", name, totals[klass]);

      cs_plot_add_note (plot, 0.5 * (MAX (bands[i].low, 0) + MIN (bands[i].high, 1)), klass, label,
                        name);
    }
  if (totals[CS_PLOT_CLASS_CHAT_SPECIFIC] > 0)
    {
      const char *name = cs_plot_class_name (CS_PLOT_CLASS_CHAT_SPECIFIC);
      g_autofree char *label =
          g_strdup_printf ("%s %.0f", name, totals[CS_PLOT_CLASS_CHAT_SPECIFIC]);

      cs_plot_add_note (plot, 0.74, CS_PLOT_CLASS_CHAT_SPECIFIC, label, name);
    }
}

static void
tally_totals (const Tally *tally, double totals[CS_PLOT_N_CLASSES])
{
  memset (totals, 0, CS_PLOT_N_CLASSES * sizeof *totals);
  for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
    for (size_t i = 0; i < tally->n_bins; i++)
      totals[k] += tally->counts[k * tally->n_bins + i];
}

/* (Re)builds the layers of the figure from its two tallies, which are consumed. */
static void
fill_norm_ratio (CsPlot *plot, Tally *whole, Tally *close)
{
  CsPlot *inset = cs_plot_get_inset (plot);
  double totals[CS_PLOT_N_CLASSES], sum = 0;

  tally_totals (whole, totals);
  /* The chat-specific latents of the chat-only bins are chat-only too. */
  for (size_t i = whole->n_bins - whole->n_bins / 10; i < whole->n_bins; i++)
    totals[CS_PLOT_CLASS_CHAT_ONLY] +=
        whole->counts[CS_PLOT_CLASS_CHAT_SPECIFIC * whole->n_bins + i];
  cs_plot_clear (plot);
  add_classes (plot, totals);
  tally_give (whole, cs_plot_add_histogram (plot, _ ("latents"), 0, 1, whole->n_bins));
  tally_totals (close, totals);
  for (size_t k = 0; k < CS_PLOT_N_CLASSES; k++)
    sum += totals[k];
  cs_plot_clear (inset);
  cs_plot_set_placeholder (inset, sum > 0 ? NULL : _ ("None here"));
  tally_give (close, cs_plot_add_histogram (inset, _ ("latents"), INSET_LOW, 1, close->n_bins));
}

static CsPlot *
norm_ratio_new (bool log_y)
{
  const double ticks[] = { 0.9, 0.95, 1 };
  CsPlot *plot =
      cs_plot_new (_ ("Relative difference of decoder norms, Δ_norm, from 0 (base) to 1 (chat)"));
  CsPlot *inset = cs_plot_new (_ ("Δ_norm from 0.9 to 1"));

  set_norm_ratio_axis (plot);
  cs_axis_set_range (cs_plot_x (inset), INSET_LOW, 1);
  cs_axis_set_ticks (cs_plot_x (inset), ticks, G_N_ELEMENTS (ticks));
  cs_axis_set_grid (cs_plot_x (inset), false);
  cs_plot_set_inset (plot, inset, 0.63, 0.02, 0.255, 0.40);
  cs_plot_set_log_y (plot, log_y);
  cs_plot_set_placeholder (plot, _ ("No latents yet"));
  return plot;
}

void
cs_figure_norm_ratio_update (CsPlot *plot, const double *counts, const double *specific)
{
  Tally whole = tally_new (0, 1, BINS), close = tally_new (INSET_LOW, 1, BINS / 10);
  size_t from = BINS - BINS / 10;

  tally_from_bins (&whole, counts, specific);
  tally_from_bins (&close, counts + from, specific != NULL ? specific + from : NULL);
  fill_norm_ratio (plot, &whole, &close);
}

CsPlot *
cs_figure_norm_ratio (const double *counts, const double *specific, bool log_y)
{
  CsPlot *plot = norm_ratio_new (log_y);

  cs_figure_norm_ratio_update (plot, counts, specific);
  return plot;
}

CsPlot *
cs_figure_norm_ratio_values (const float *delta, const uint8_t *classes, size_t n, bool log_y)
{
  CsPlot *plot = norm_ratio_new (log_y);
  Tally whole = tally_new (0, 1, BINS), close = tally_new (INSET_LOW, 1, 20);

  for (size_t i = 0; i < n; i++)
    {
      bool specific = classes != NULL && classes[i] == CS_PLOT_CLASS_CHAT_SPECIFIC;
      CsPlotClass klass =
          specific ? CS_PLOT_CLASS_CHAT_SPECIFIC : class_of_delta (roundf (delta[i] * 1e6f) / 1e6);

      if (!isfinite (delta[i]))
        continue;
      tally_add (&whole, delta[i], klass);
      tally_add (&close, delta[i], klass);
    }
  fill_norm_ratio (plot, &whole, &close);
  return plot;
}

CsPlot *
cs_figure_scaling (const CsScalingPoint *points, size_t n)
{
  CsPlot *plot = cs_plot_new (_ ("Latent Scaling"));
  CsLayer *corner =
      cs_plot_add_region (plot, -INFINITY, CS_FIGURE_CORNER_ERROR, -INFINITY,
                          CS_FIGURE_CORNER_RECONSTRUCTION, CS_PLOT_CLASS_CHAT_SPECIFIC);
  CsLayer *layer = cs_plot_add_scatter (plot, _ ("Latent"), _ ("latents"), _ ("active tokens"));
  g_autofree CsScatterPoint *shown = g_new0 (CsScatterPoint, n);

  for (size_t i = 0; i < n; i++)
    {
      double known = MIN (1.0, (double)points[i].count_active / FEW_TOKENS);

      shown[i] =
          (CsScatterPoint){ .x = points[i].error,
                            .y = points[i].reconstruction,
                            .alpha = (float)((n > 3000 ? 0.35 : 0.75) * (0.25 + 0.75 * known)),
                            .klass = points[i].klass,
                            .id = points[i].latent,
                            .count = points[i].count_active };
    }
  cs_scatter_set_points (layer, shown, n);
  cs_region_set_label (corner, _ ("accepted"), NULL);
  cs_axis_set_label (cs_plot_x (plot), _ ("ν<sup>ε</sup> (error)"), NULL);
  cs_axis_set_symbol (cs_plot_x (plot), "ν^ε");
  cs_axis_set_symbol (cs_plot_y (plot), "ν^r");
  cs_axis_set_label (cs_plot_y (plot), _ ("ν<sup>r</sup> (reconstruction)"), NULL);
  cs_axis_set_range (cs_plot_x (plot), -0.1, 1.1);
  cs_axis_set_range (cs_plot_y (plot), -0.1, 1.1);
  cs_plot_set_marginals (plot, 50);
  cs_plot_set_placeholder (plot, _ ("No latent has been tested yet"));
  return plot;
}

static CsPlotClass
class_at (const uint8_t *classes, size_t i, CsPlotClass otherwise)
{
  if (classes == NULL)
    return otherwise;
  return classes[i] < CS_PLOT_N_CLASSES ? classes[i] : CS_PLOT_CLASS_OTHER;
}

/* Classes are named in a legend here: they stand over no particular place. */
static CsPlot *
class_histogram (const char *title, Tally *tally, bool log_y)
{
  CsPlot *plot = cs_plot_new (title);
  CsLayer *layer;

  layer = cs_plot_add_histogram (plot, _ ("latents"), tally->low, tally->high, tally->n_bins);
  cs_histogram_set_legend (layer, true);
  tally_give (tally, layer);
  cs_axis_set_range (cs_plot_x (plot), tally->low, tally->high);
  cs_axis_set_grid (cs_plot_x (plot), false);
  cs_axis_set_label (cs_plot_y (plot), _ ("latents"), NULL);
  cs_plot_set_log_y (plot, log_y);
  cs_plot_set_placeholder (plot, _ ("No latents yet"));
  return plot;
}

CsPlot *
cs_figure_cosine (const float *cosine, const uint8_t *classes, size_t n, bool log_y)
{
  Tally tally = tally_new (-1, 1, 100);
  CsPlot *plot;

  for (size_t i = 0; i < n; i++)
    /* Rounding takes a cosine past one. */
    if (isfinite (cosine[i]) && fabsf (cosine[i]) < 1.001f)
      tally_add (&tally, CLAMP (cosine[i], -1, 1), class_at (classes, i, CS_PLOT_CLASS_SHARED));
  plot = class_histogram (_ ("Cosine of the two decoders"), &tally, log_y);
  cs_axis_set_label (cs_plot_x (plot), _ ("cosine of the two decoders"), NULL);
  return plot;
}

CsPlot *
cs_figure_density (const float *frequency, const uint8_t *classes, size_t n, bool log_y)
{
  Tally tally = tally_new (LEAST_LOG_FREQUENCY, 0, 80);
  double least = 0;
  CsPlot *plot;

  for (size_t i = 0; i < n; i++)
    if (isfinite (frequency[i]) && frequency[i] > 0 && frequency[i] <= 1)
      {
        double value = MAX (log10 (frequency[i]), LEAST_LOG_FREQUENCY);

        least = MIN (least, value);
        tally_add (&tally, value, class_at (classes, i, CS_PLOT_CLASS_PLAIN));
      }
  plot = class_histogram (_ ("Firing frequency of the latents"), &tally, log_y);
  cs_axis_set_label (cs_plot_x (plot), _ ("fraction of tokens on which a latent fires"), NULL);
  cs_axis_set_format (cs_plot_x (plot), CS_TICKS_POWER);
  cs_axis_set_range (cs_plot_x (plot), MIN (floor (least), -2), 0);
  return plot;
}

CsPlot *
cs_figure_template_share (const float *template_share,
                          const uint8_t *classes,
                          size_t n,
                          bool log_y)
{
  Tally tally = tally_new (0, 1, 20);
  CsPlot *plot;

  for (size_t i = 0; i < n; i++)
    if (isfinite (template_share[i]))
      tally_add (&tally, template_share[i], class_at (classes, i, CS_PLOT_CLASS_PLAIN));
  plot = class_histogram (_ ("Activity on tokens of the chat template"), &tally, log_y);
  cs_axis_set_label (cs_plot_x (plot), _ ("share of active tokens that are the chat template's"), NULL);
  cs_axis_set_format (cs_plot_x (plot), CS_TICKS_PERCENT);
  cs_plot_set_placeholder (plot, _ ("No chat text was analysed"));
  return plot;
}

CsPlot *
cs_figure_metric (const char *title, const char *metric, bool log_y)
{
  CsPlot *plot = cs_plot_new (title);

  cs_axis_set_label (cs_plot_x (plot), _ ("step"), NULL);
  cs_axis_set_label (cs_plot_y (plot), metric, NULL);
  cs_plot_set_log_y (plot, log_y);
  return plot;
}
