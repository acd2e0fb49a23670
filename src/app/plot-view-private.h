/* What the files of the plot view share: plot-view.c (widget), -picture.c (drawing the data),
 * -input.c (pointer and keys), -export.c. */
#pragma once

#include "plot-view.h"

struct _CsPlotView
{
  GtkWidget parent_instance;

  CsPlot *plot;
  GdkTexture *picture; /* the plot as last drawn; NULL: never yet */
  int picture_width, picture_height, picture_scale;
  bool outdated;      /* the plot has changed since */
  gint64 cost;        /* of the last drawing, µs */
  gint64 drawn_frame; /* and the frame that it was in */
  guint again_id;     /* the next frame draws it */
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
/* Draws the data anew where they or the size have changed and this frame has time for it, else the
 * next one does; whether there is a picture to show. */
bool cs_plot_view_refresh (CsPlotView *self, int width, int height, int scale);
