/* The report's blocks as widgets. */
#pragma once

#include <gtk/gtk.h>

#include "report.h"

/* A floating reference. What the widget needs of the block is copied. */
GtkWidget *cs_report_block_widget (const CsReportBlock *block);
