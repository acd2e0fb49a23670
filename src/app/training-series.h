/* A run as the plots see it: its name, whether it is drawn, and a copy of the rows it has logged so far. Reference counted;
 * main thread only. */
#pragma once

#include "run.h"

typedef struct
{
  CsRun *run;
  GArray *rows; /* CsMetrics, in the order of their steps */
  bool shown;   /* drawn into the plots */
} CsRunSeries;

typedef enum
{
  CS_SERIES_SAME,
  CS_SERIES_GREW,     /* rows were added at the end */
  CS_SERIES_REPLACED, /* a resumed run went back to its checkpoint: all rows are to be drawn anew */
} CsSeriesChange;

CsRunSeries *cs_run_series_new (CsRun *run);
CsRunSeries *cs_run_series_ref (CsRunSeries *series);
void cs_run_series_unref (CsRunSeries *series);
/* Copies what the log has got since the last time: new rows only, unless the log was cut. */
CsSeriesChange cs_run_series_sync (CsRunSeries *series);
/* The last row; NULL while nothing is logged. */
const CsMetrics *cs_run_series_last (const CsRunSeries *series);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsRunSeries, cs_run_series_unref)
