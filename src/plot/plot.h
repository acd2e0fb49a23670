/* A plot: two axes, layers of data, a legend and a theme, drawn onto any cairo context: a window,
 * PNG, SVG, PDF.
 *
 * Lengths are in pixels of the context's user space; x grows to the right and y downwards. Arrays
 * handed in are copied. A plot belongs to one thread at a time. Values that are NaN, infinite or
 * beyond 1e300 are gaps. */
#pragma once

#include "plot-axis.h"
#include "plot-layers.h"
#include "plot-theme.h"

#include <stdbool.h>
#include <stddef.h>

#include <cairo.h>
#include <glib-object.h>

/* title: what the plot shows, for the accessible description, the export and (where asked for) the
 * picture. */
CsPlot *cs_plot_new (const char *title);
void cs_plot_free (CsPlot *plot);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPlot, cs_plot_free)

void cs_plot_set_title (CsPlot *plot, const char *title);
const char *cs_plot_get_title (const CsPlot *plot);
/* Writes the title above the plot; off at first, as a page has its own heading. */
void cs_plot_set_show_title (CsPlot *plot, bool show_title);
/* What a plot without data says; NULL for "No data yet". */
void cs_plot_set_placeholder (CsPlot *plot, const char *placeholder);
/* Copied. A new plot is light. */
void cs_plot_set_theme (CsPlot *plot, const CsPlotTheme *theme);
const CsPlotTheme *cs_plot_get_theme (const CsPlot *plot);

/* Owned by the plot. */
CsAxis *cs_plot_x (CsPlot *plot);
CsAxis *cs_plot_y (CsPlot *plot);
/* Linear or logarithmic counts, in the inset too. */
void cs_plot_set_log_y (CsPlot *plot, bool log_y);

/* A plot within the plot, at fractions of the data area (0, 0 is its top left); it takes the theme
 * of its parent and is left out where the parent is small. Takes ownership; NULL removes it. */
void
cs_plot_set_inset (CsPlot *plot, CsPlot *inset, double x, double y, double width, double height);
CsPlot *cs_plot_get_inset (CsPlot *plot);
/* Histograms of the points of all scatter layers above and beside the data; 0 bins for none. */
void cs_plot_set_marginals (CsPlot *plot, size_t n_bins);

/* A selected interval of x, in data units. */
void cs_plot_set_brush (CsPlot *plot, double low, double high);
void cs_plot_clear_brush (CsPlot *plot);
bool cs_plot_get_brush (const CsPlot *plot, double *low, double *high);

/* Removes all layers; pointers to them are gone. */
void cs_plot_clear (CsPlot *plot);

void cs_plot_draw (CsPlot *plot, cairo_t *cr, double width, double height);
/* Cross-hair, marks and a read-out for the pointer at (px, py), to be drawn over the plot; nothing
 * outside the data. */
void
cs_plot_draw_hover (CsPlot *plot, cairo_t *cr, double width, double height, double px, double py);

typedef struct
{
  double px, py; /* where it was drawn */
  size_t series; /* which layer, in the order they were added */
  size_t index;  /* which point or bin of it */
  bool has_id;   /* a point of a scatter layer … */
  uint64_t id;   /* … and its id */
  CsPlotColor color;
} CsPlotHit;

typedef struct
{
  double x, y;  /* data coordinates of the pixel */
  char *text;   /* lines of words and values; "" where nothing is near */
  GArray *hits; /* CsPlotHit: the nearest point of each series, at most one a layer */
} CsPlotReadout;

/* What lies at a pixel of the plot drawn at this size. False outside the data area: readout is then
 * untouched. */
bool cs_plot_locate (CsPlot *plot,
                     double width,
                     double height,
                     double px,
                     double py,
                     CsPlotReadout *readout);
void cs_plot_readout_clear (CsPlotReadout *readout);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsPlotReadout, cs_plot_readout_clear)
/* The data area at this size. */
void cs_plot_get_frame (CsPlot *plot,
                        double width,
                        double height,
                        double *x,
                        double *y,
                        double *frame_width,
                        double *frame_height);

/* What the plot shows, in words, for a screen reader. Free with g_free(). */
char *cs_plot_describe (CsPlot *plot);

/* Writes the plot by the suffix of path: .png (twice the resolution), .svg or .pdf. The file is
 * replaced whole or left as it was. Errors: G_FILE_ERROR. */
bool cs_plot_save (CsPlot *plot, const char *path, double width, double height, GError **error);
