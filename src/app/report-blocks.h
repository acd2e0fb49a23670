/* The report's blocks as widgets. */
#pragma once

#include <gtk/gtk.h>

#include "report.h"

/* A floating reference. What the widget needs of the block is copied. A table has its header alone:
 * cs_report_block_grow() adds its rows. */
GtkWidget *cs_report_block_widget (const CsReportBlock *block);
/* Makes the next few rows of the widget of a table; false where all are there that are shown, and
 * for other blocks. */
bool cs_report_block_grow (GtkWidget *widget, const CsReportBlock *block);
/* What laying the widget out costs, without a table's rows, and what a growth costs: in characters,
 * as nearly all of that time goes into shaping text. */
size_t cs_report_block_cost (const CsReportBlock *block);
#define CS_REPORT_GROWTH_COST 300
