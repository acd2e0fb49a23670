/* What the study can show others: the report's claims, figures and tables, and their export. */
#pragma once

#include "page.h"

#define CS_TYPE_REPORT_PAGE (cs_report_page_get_type ())
G_DECLARE_FINAL_TYPE (CsReportPage, cs_report_page, CS, REPORT_PAGE, CsPage)

/* Reads the study anew, off the main thread; what is shown changes only where the report does. */
void cs_report_page_refresh (CsReportPage *page);
/* Whether what is shown is what the study's files say as far as is known. */
bool cs_report_page_is_settled (CsReportPage *page);
/* Writes the report: path by its suffix (.html, .pdf), or a folder for the tables. Tells the end in
 * a toast. */
void cs_report_page_export (CsReportPage *page, const char *path, bool tables);
