/* A plot in the window: draws a CsPlot, reads it out under the pointer, zooms, pans, selects and
 * saves it.
 *
 * Scrolling with Ctrl, or over a plot that has the focus, zooms the x axis about the pointer (with
 * Shift: the y axis); otherwise it scrolls the page. A drag pans or selects, by the drag mode; with
 * Shift it does the other. A double click shows everything again. Keys: arrows pan, + and − zoom, 0
 * shows everything, Escape drops the selection, Shift+←/→ moves the upper end of the selection and
 * Ctrl+Shift+←/→ the lower, the menu key opens the menu. Main thread only.
 *
 * Signals:
 *   "brush-changed" (double low, double high): the selection in data units; −∞ … ∞ when nothing is
 * selected "point-activated" (uint64 id): a point of a scatter layer was clicked Property: "log-y",
 * also an action ("plot.log-y") in its menu. */
#pragma once

#include <gtk/gtk.h>

#include "plot.h"

#define CS_TYPE_PLOT_VIEW (cs_plot_view_get_type ())
G_DECLARE_FINAL_TYPE (CsPlotView, cs_plot_view, CS, PLOT_VIEW, GtkWidget)

typedef enum
{
  CS_PLOT_DRAG_PAN,
  CS_PLOT_DRAG_BRUSH,
} CsPlotDrag;

/* plot: taken; NULL for none yet. */
GtkWidget *cs_plot_view_new (CsPlot *plot);
/* Takes plot; the former one is freed, its view (zoom) and selection are not carried over. */
void cs_plot_view_set_plot (CsPlotView *self, CsPlot *plot);
/* Owned by the view; NULL without one. After changing it, call cs_plot_view_changed(). */
CsPlot *cs_plot_view_get_plot (CsPlotView *self);
/* Draws anew in the next frame; cheap to call often. */
void cs_plot_view_changed (CsPlotView *self);
void cs_plot_view_set_drag (CsPlotView *self, CsPlotDrag drag);
/* Selects, or with low > high or a NaN selects nothing; emits "brush-changed" if that is a change.
 */
void cs_plot_view_set_brush (CsPlotView *self, double low, double high);
void cs_plot_view_reset (CsPlotView *self);
/* Writes the plot as the menu does, without asking: by the suffix of path, on a solid ground.
 * Errors: G_FILE_ERROR. */
bool cs_plot_view_save (CsPlotView *self, const char *path, GError **error);
void cs_plot_view_set_log_y (CsPlotView *self, gboolean log_y);
