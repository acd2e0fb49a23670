/* The colours and type of a plot that stands on a card in the window. */
#pragma once

#include <gtk/gtk.h>

#include "plot-theme.h"

/* Follows the style manager (dark, high contrast) and the font of widget; transparent, for the card
 * shows through. */
CsPlotTheme cs_plot_view_theme (GtkWidget *widget);
