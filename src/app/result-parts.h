/* Pieces that results of every kind are made of. */
#pragma once

#include <adwaita.h>

#include "plot.h"

/* description: NULL for none. */
GtkWidget *cs_result_group (const char *title, const char *description);
/* A group of one thing, such as a table. */
GtkWidget *cs_result_group_of (const char *title, const char *description, GtkWidget *child);
/* A row of a group: plain text, no markup. */
void cs_result_row (GtkWidget *group, const char *title, const char *subtitle);
/* A plot as a card, as high as n bars need. Takes plot. */
GtkWidget *cs_result_plot (CsPlot *plot, size_t n_bars);
/* A table that scrolls sideways where it is too wide; titles NULL-terminated. */
GtkWidget *cs_result_table (const char *const *titles, GtkWidget **grid);
void cs_result_cell (GtkWidget *grid, int column, int row, const char *text, bool is_name);
