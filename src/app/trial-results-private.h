/* Pieces that both kinds of results are made of. */
#pragma once

#include "plot.h"
#include "trial-results.h"

GtkWidget *cs_trial_group (const char *title, const char *description);
/* A row of a group: plain text, no markup. */
void cs_trial_row (GtkWidget *group, const char *title, const char *subtitle);
/* A plot as a card, as high as n bars need. Takes plot. */
GtkWidget *cs_trial_plot (CsPlot *plot, size_t n_bars);
/* A table that scrolls sideways where it is too wide; titles NULL-terminated. */
GtkWidget *cs_trial_table (const char *const *titles, GtkWidget **grid);
void cs_trial_cell (GtkWidget *grid, int column, int row, const char *text, bool is_name);
