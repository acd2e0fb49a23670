/* The layers of data a plot can hold. A layer is owned by its plot and lives until cs_plot_clear().
 * Arrays are copied; names and nouns are translated words. */
#pragma once

#include "plot-theme.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct CsPlot CsPlot;
typedef struct CsLayer CsLayer;

void cs_layer_set_visible (CsLayer *layer, bool visible);

/* A curve through points with ascending x. Where there are more points than columns of pixels, each
 * column shows the minimum and maximum of all its points: no spike is lost. NaN makes a gap. name:
 * for legend and read-out. */
CsLayer *cs_plot_add_line (CsPlot *plot, const char *name);
void cs_line_set_points (CsLayer *layer, const double *x, const double *y, size_t n);
void cs_line_append (CsLayer *layer, double x, double y);
/* Exponential moving average with this weight of the past, in [0, 1), drawn over the raw curve; 0
 * for none. */
void cs_line_set_smoothing (CsLayer *layer, double weight);

/* n_bins bars of equal width on [low, high]. noun: what is counted ("latents"). */
CsLayer *
cs_plot_add_histogram (CsPlot *plot, const char *noun, double low, double high, size_t n_bins);
/* counts[n_bins] of one class, stacked on the others (chat-specific lowest); NULL for none. */
void cs_histogram_set_counts (CsLayer *layer, CsPlotClass klass, const double *counts);
/* Names the classes in the legend; off at first. */
void cs_histogram_set_legend (CsLayer *layer, bool in_legend);
double cs_histogram_total (const CsLayer *layer, CsPlotClass klass);

typedef struct
{
  double x, y;
  float alpha;    /* 0 … 1: faint where the evidence is thin */
  uint8_t klass;  /* a CsPlotClass */
  uint64_t id;    /* named in the read-out */
  uint64_t count; /* shown in the read-out where a noun for it was given */
} CsScatterPoint;

/* noun: what a point is ("latent"); plural: several of them; count_noun: what CsScatterPoint.count
 * counts, or NULL. */
CsLayer *
cs_plot_add_scatter (CsPlot *plot, const char *noun, const char *plural, const char *count_noun);
void cs_scatter_set_points (CsLayer *layer, const CsScatterPoint *points, size_t n);

/* A dashed vertical line at x; label (or NULL) stands above the data. */
CsLayer *cs_plot_add_vline (CsPlot *plot, double x, const char *label);
/* A shaded rectangle in data units, ±INFINITY for the whole height or width. A rectangle of the
 * whole height has its label above the data, with short_label (or NULL) where there is little room;
 * another has it inside. */
CsLayer *cs_plot_add_region (CsPlot *plot,
                             double x_low,
                             double x_high,
                             double y_low,
                             double y_high,
                             CsPlotClass klass);
void cs_region_set_label (CsLayer *layer, const char *label, const char *short_label);
/* Words with the swatch of a class above the data, about x. */
CsLayer *cs_plot_add_note (CsPlot *plot,
                           double x,
                           CsPlotClass klass,
                           const char *label,
                           const char *short_label);

/* Cells of a grid on [x_low, x_high] × [y_low, y_high]: values[n_y][n_x], row 0 at the bottom,
 * shaded from their minimum to their maximum in one hue. */
CsLayer *cs_plot_add_heat (CsPlot *plot,
                           const char *noun,
                           double x_low,
                           double x_high,
                           size_t n_x,
                           double y_low,
                           double y_high,
                           size_t n_y,
                           const double *values);

/* Bars from x = 0, one below another in the order they are appended, each with a name and (where low
 * and high are finite) an interval. The plot's y axis is theirs. noun: what their length is. */
CsLayer *cs_plot_add_bars (CsPlot *plot, const char *noun);
void cs_bars_append (
    CsLayer *layer, const char *name, double value, double low, double high, CsPlotClass klass);
/* The same of bars that are made of parts, one behind another, which the legend names; at most
 * CS_PLOT_N_SERIES of them are told apart. */
CsLayer *
cs_plot_add_stacked_bars (CsPlot *plot, const char *noun, const char *const *parts, size_t n_parts);
/* values: [n_parts], each ≥ 0; one that is not, or not finite, is none. */
void cs_bars_append_parts (CsLayer *layer, const char *name, const double *values);
