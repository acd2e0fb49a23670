/* What the files of the plot view share: plot-view.c (widget), -input.c (pointer and keys),
 * -export.c. */
#pragma once

#include "plot-view.h"

struct _CsPlotView
{
  GtkWidget parent_instance;

  CsPlot *plot;
  GdkTexture *picture; /* the plot as last drawn; NULL: draw it anew */
  int picture_width, picture_height, picture_scale;
  bool has_pointer;
  double pointer_x, pointer_y;
  CsPlotDrag drag;
  bool dragging, drag_brushes, dragged;
  double press_x, press_y; /* where it began */
  double drag_x, drag_y;   /* and where it is */
  double drag_start;       /* in data units, for the brush */
  GtkWidget *menu;
  guint describe_id; /* pending update of the accessible description */
};

/* Pointer, wheel and keys. */
void cs_plot_view_add_gestures (CsPlotView *self);
void cs_plot_view_show_menu (CsPlotView *self, double x, double y);
void cs_plot_view_zoom (CsPlotView *self, bool along_y, double unit, double factor);
void cs_plot_view_activate (CsPlotView *self, uint64_t id);
/* Bodies of actions. */
void cs_plot_view_save_action (GtkWidget *widget, const char *name, GVariant *parameter);
void cs_plot_view_copy_action (GtkWidget *widget, const char *name, GVariant *parameter);
/* The plot as pixels; a new reference. */
GdkTexture *cs_plot_view_draw (CsPlotView *self, int width, int height, int scale);
