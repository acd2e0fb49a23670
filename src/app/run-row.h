/* A run in the list of the Training page: whether it is drawn, a sparkline of its loss, its state, and what can be done with
 * it (actions "training.*" with the run's name, which the page offers). */
#pragma once

#include <adwaita.h>

#include "training-series.h"

#define CS_TYPE_RUN_ROW (cs_run_row_get_type ())
G_DECLARE_FINAL_TYPE (CsRunRow, cs_run_row, CS, RUN_ROW, GtkListBoxRow)

/* index: of its colour among the curves. */
GtkWidget *cs_run_row_new (CsRunSeries *series, guint index);
CsRunSeries *cs_run_row_series (CsRunRow *row);
/* Whether its curves are drawn; "toggled" tells of a change. */
GtkCheckButton *cs_run_row_check (CsRunRow *row);
/* Reads the run again: state, step, loss, what can be done. */
void cs_run_row_update (CsRunRow *row);
