#include "training-series.h"

CsRunSeries *
cs_run_series_new (CsRun *run)
{
  CsRunSeries *series = g_rc_box_new0 (CsRunSeries);

  series->run = g_object_ref (run);
  series->rows = g_array_new (FALSE, FALSE, sizeof (CsMetrics));
  series->shown = true;
  cs_run_series_sync (series);
  return series;
}

CsRunSeries *
cs_run_series_ref (CsRunSeries *series)
{
  return g_rc_box_acquire (series);
}

static void
clear (void *data)
{
  CsRunSeries *series = data;

  g_object_unref (series->run);
  g_array_unref (series->rows);
}

void
cs_run_series_unref (CsRunSeries *series)
{
  g_rc_box_release_full (series, clear);
}

/* A run that is continued drops the rows beyond its checkpoint and writes them again: then the row that was copied last is
 * gone, or is another one. */
static bool
was_cut (const CsRunSeries *series, size_t n)
{
  const CsMetrics *last = cs_run_series_last (series);
  CsMetrics now;

  if (last == NULL)
    return false;
  if (n < series->rows->len
      || cs_run_log_copy_metrics (cs_run_log (series->run), series->rows->len - 1, 1, &now) != 1)
    return true;
  return now.step != last->step || now.tokens_per_s != last->tokens_per_s;
}

CsSeriesChange
cs_run_series_sync (CsRunSeries *series)
{
  CsRunLog *log = cs_run_log (series->run);
  size_t n = cs_run_log_n_metrics (log);
  bool cut = was_cut (series, n);
  size_t first, added;

  if (cut)
    g_array_set_size (series->rows, 0);
  first = series->rows->len;
  if (n == first)
    return cut ? CS_SERIES_REPLACED : CS_SERIES_SAME;
  g_array_set_size (series->rows, (guint) n);
  added = cs_run_log_copy_metrics (log, first, n - first,
                                   &g_array_index (series->rows, CsMetrics, first));
  g_array_set_size (series->rows, (guint) (first + added));
  return cut ? CS_SERIES_REPLACED : added > 0 ? CS_SERIES_GREW : CS_SERIES_SAME;
}

const CsMetrics *
cs_run_series_last (const CsRunSeries *series)
{
  return series->rows->len > 0 ? &g_array_index (series->rows, CsMetrics, series->rows->len - 1)
                               : NULL;
}
