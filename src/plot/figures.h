/* The figures of the field, ready made. Each returns a new plot that the caller owns, with the
 * light theme. Words and numbers follow Minder et al. 2025. Arrays are copied; values that are not
 * finite are left out. */
#pragma once

#include "plot.h"

#define CS_FIGURE_NORM_RATIO_BINS 100
#define CS_FIGURE_CORNER_ERROR 0.2          /* ν^ε below this … */
#define CS_FIGURE_CORNER_RECONSTRUCTION 0.5 /* … and ν^r below this: accepted */

/* Relative difference of the decoder norms, Δ_norm in [0, 1], of all living latents: 100 bins.
 * counts[100] by bin alone. specific[100], or NULL: how many of each bin are chat-specific (≤
 * counts). The inset shows the ten bins over 0.9 … 1. */
CsPlot *cs_figure_norm_ratio (const double *counts, const double *specific, bool log_y);
/* The same from values: delta[n]; classes[n] are CsPlotClass values, of which CHAT_SPECIFIC is
 * heeded, or NULL. The inset has 20 bins. */
CsPlot *
cs_figure_norm_ratio_values (const float *delta, const uint8_t *classes, size_t n, bool log_y);
/* Replaces the counts of a figure of the first kind, for a histogram that moves while training;
 * view and brush stay. */
void cs_figure_norm_ratio_update (CsPlot *plot, const double *counts, const double *specific);

typedef struct
{
  double error, reconstruction; /* ν^ε, ν^r */
  uint64_t latent;
  uint64_t count_active; /* tokens it was measured on */
  uint8_t klass;         /* a CsPlotClass */
} CsScalingPoint;

/* Latent Scaling: x = ν^ε, y = ν^r, the accepted corner shaded, marginals of 50 bins; faint where
 * few tokens were active (fewer than 100). */
CsPlot *cs_figure_scaling (const CsScalingPoint *points, size_t n);

/* Cosine of the two decoder rows, [−1, 1], 100 bins; classes[n] or NULL for all shared. */
CsPlot *cs_figure_cosine (const float *cosine, const uint8_t *classes, size_t n, bool log_y);
/* frequency[n]: the fraction of tokens on which each latent fires, shown as log10; zero is left
 * out. */
CsPlot *cs_figure_density (const float *frequency, const uint8_t *classes, size_t n, bool log_y);

/* template_share[n]: the share of each latent's active tokens that the chat template wrote, in [0,
 * 1], 20 bins; NaN (no chat text) is left out. */
CsPlot *cs_figure_template_share (const float *template_share,
                                  const uint8_t *classes,
                                  size_t n,
                                  bool log_y);

/* Curves of one metric over training steps, one a run: add each with cs_plot_add_line(). */
CsPlot *cs_figure_metric (const char *title, const char *metric, bool log_y);
