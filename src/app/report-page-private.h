/* What the files of the Report page share. */
#pragma once

#include "report-page.h"

/* The actions report.html, report.pdf and report.tables (report-export.c). */
void cs_report_page_install_export (GtkWidgetClass *klass);
