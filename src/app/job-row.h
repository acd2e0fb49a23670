/* One job in the list at the foot of the sidebar: title, phase, progress, ETA, pause and cancel. */
#pragma once

#include <adwaita.h>

#include "job.h"

#define CS_TYPE_JOB_ROW (cs_job_row_get_type ())
G_DECLARE_FINAL_TYPE (CsJobRow, cs_job_row, CS, JOB_ROW, GtkListBoxRow)

GtkWidget *cs_job_row_new (CsJob *job);
/* "62 %, 3 min 5 s left" of a running job; what became of an ended one. Free with g_free(). */
char *cs_job_row_describe (const CsJobSnapshot *snapshot);
