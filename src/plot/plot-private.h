/* What the files of this room share. */
#pragma once

#include "plot.h"

#include <pango/pangocairo.h>

typedef struct
{
  double min, max;
} CsRange;

typedef struct
{
  double x, y, width, height;
} CsRect;

struct CsAxis
{
  char *label, *symbol, *low_label, *high_label;
  CsScale scale;
  CsTickFormat format;
  CsRange home, view;
  bool automatic, zoomed, grid, from_zero;
  bool snug; /* an automatic range ends where the data end */
  double *ticks;
  size_t n_ticks;
  bool bare; /* no ticks at all */
};

CsAxis *cs_axis_new (void);
void cs_axis_free (CsAxis *axis);
/* Takes the range of the data (NULL: none) as home range where that is automatic, and the view from
 * it. */
void cs_axis_fit (CsAxis *axis, const CsRange *data);
/* Finite, and small enough to compute with. */
bool cs_is_plottable (double value);

/* Where and how a layer draws. */
typedef struct
{
  cairo_t *cr;
  CsRect rect; /* of the data */
  const CsAxis *x, *y;
  const CsPlotTheme *theme;
  PangoContext *pango;
  double font_size;
  size_t n_lines; /* line series in the plot: several are told apart by markers */
} CsFrame;

double cs_frame_x (const CsFrame *frame, double value);
double cs_frame_y (const CsFrame *frame, double value);

/* A row above the data; layers add to it, the plot lays it out. */
typedef struct
{
  double x;          /* in data units */
  CsPlotClass klass; /* its swatch; PLAIN for none */
  const char *text, *short_text;
} CsStripItem;

typedef struct
{
  CsPlotClass klass; /* PLAIN: a line series */
  size_t series;
  bool point;       /* a marker, not a swatch */
  bool part;        /* a swatch of the series' colour */
  const char *text; /* owned by the layer or static */
} CsLegendItem;

typedef enum
{
  CS_STAGE_UNDER, /* below the grid */
  CS_STAGE_DATA,
  CS_STAGE_OVER,
} CsStage;

typedef struct
{
  CsStage stage;
  bool clipped; /* to the data area, which the plot does */
  void (*draw) (CsLayer *layer, CsFrame *frame);
  /* The range of the finite data within x_window (NULL: all); positive_x and _y: only what a log
   * scale can show. Fields of x and y are widened, not set. Returns whether there is any. */
  bool (*extent) (const CsLayer *layer,
                  const CsRange *x_window,
                  bool positive_x,
                  bool positive_y,
                  CsRange *x,
                  CsRange *y);
  /* The point nearest to a pixel: fills hit and appends a line to text. */
  bool (*nearest) (CsLayer *layer,
                   const CsFrame *frame,
                   double px,
                   double py,
                   CsPlotHit *hit,
                   GString *text);
  void (*describe) (const CsLayer *layer, GString *text);
  void (*legend) (const CsLayer *layer, GArray *items);
  void (*strip) (const CsLayer *layer, GArray *items);
  void (*free) (CsLayer *layer);
} CsLayerClass;

/* Layers start with this. */
struct CsLayer
{
  const CsLayerClass *klass;
  CsPlot *plot;
  bool hidden;
  size_t series; /* index among the layers of its kind */
  char *name;
};

extern const CsLayerClass cs_line_class;
extern const CsLayerClass cs_histogram_class;
extern const CsLayerClass cs_scatter_class;

/* layer: the subtype, zeroed, allocated by g_malloc; the plot takes it. */
CsLayer *cs_plot_add_layer (CsPlot *plot, void *layer, const CsLayerClass *klass, const char *name);

struct CsPlot
{
  char *title, *placeholder;
  bool show_title;
  CsPlotTheme theme;
  CsAxis *x, *y;
  GPtrArray *layers; /* CsLayer */
  CsPlot *inset;
  CsRect inset_rect; /* fractions of the data area */
  bool is_inset;
  size_t n_marginal_bins;
  bool has_brush;
  CsRange brush;
  PangoContext *pango;
};

#define CS_MAX_LEGEND_ROWS 3

typedef struct
{
  size_t item; /* in the legend, or in the strip */
  size_t row;
  double x;
  double width;
  const char *text;
} CsPlaced;

/* Where everything of a plot goes at one size. */
typedef struct
{
  double width, height, font_size;
  bool compact;
  CsRect frame;
  double title_y;            /* top of the title line */
  GArray *legend, *strip;    /* CsLegendItem, CsStripItem */
  GArray *legend_placed;     /* CsPlaced */
  GArray *strip_placed;      /* CsPlaced */
  double legend_y, strip_y;  /* tops */
  GArray *x_ticks, *y_ticks; /* CsTick */
  bool has_data;
  double marginal; /* thickness of the marginal histograms, 0 for none */
  bool draw_inset;
  CsRect inset;
} CsLayout;

void cs_plot_lay_out (CsPlot *plot, double width, double height, CsLayout *layout);
void cs_layout_clear (CsLayout *layout);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsLayout, cs_layout_clear)
CsFrame cs_plot_frame (CsPlot *plot, const CsLayout *layout, cairo_t *cr);
size_t cs_plot_count_lines (const CsPlot *plot);

/* Drawing helpers (plot-paint.c). */
void cs_set_color (cairo_t *cr, CsPlotColor color);
/* The middle of the pixel, so that a line one pixel wide is sharp. */
double cs_crisp (double coordinate);
PangoLayout *
cs_text_new (PangoContext *pango, const CsPlotTheme *theme, double size, const char *markup);
void cs_text_measure (PangoContext *pango,
                      const CsPlotTheme *theme,
                      double size,
                      const char *markup,
                      double *width,
                      double *height);
/* (ax, ay): which point of the text is at (x, y): 0 is left or top, 1 right or bottom. */
void cs_text_draw (const CsFrame *frame,
                   const char *markup,
                   double size,
                   CsPlotColor color,
                   double x,
                   double y,
                   double ax,
                   double ay);
/* The same, cut with an ellipsis where it is wider than room. */
void cs_text_draw_within (const CsFrame *frame,
                          const char *markup,
                          double size,
                          CsPlotColor color,
                          double x,
                          double y,
                          double ax,
                          double ay,
                          double room);
/* Fills the current path with a class: colour and hatch. Clears the path. */
void cs_fill_class (cairo_t *cr, const CsPlotTheme *theme, CsPlotClass klass, CsRect bounds);
void cs_swatch_draw (cairo_t *cr,
                     const CsPlotTheme *theme,
                     CsPlotClass klass,
                     double x,
                     double y,
                     double size);
/* The same for a part of a stack: colour of the series, and a hatch of its own. */
void cs_fill_part (cairo_t *cr, const CsPlotTheme *theme, size_t part, CsRect bounds);
void cs_part_swatch_draw (
    cairo_t *cr, const CsPlotTheme *theme, size_t part, double x, double y, double size);
/* Adds the outline of a marker of radius r; kinds: 0 circle, 1 square, 2 triangle, 3 diamond, 4
 * inverted triangle. */
#define CS_N_MARKERS 5
void cs_marker_path (cairo_t *cr, size_t kind, double x, double y, double r);
size_t cs_class_marker (CsPlotClass klass);
/* Points of the scatter layers, counted by class along one axis into n_bins of the view;
 * counts[class][n_bins]. */
void cs_scatter_count (const CsLayer *layer,
                       const CsAxis *axis,
                       bool along_y,
                       size_t n_bins,
                       double *counts);
/* Bars from y = 0 up to height, in user space that the caller has turned: one bin after the other
 * along x. */
void cs_bars_draw (cairo_t *cr,
                   const CsPlotTheme *theme,
                   const double *counts,
                   size_t n_bins,
                   double width,
                   double height);
