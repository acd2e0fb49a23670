#include "run-log.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "file-error.h"
#include "file-replace.h"

#define METRICS_HEADER "step,loss,mse_base,mse_chat,fve_base,fve_chat,l0,dead,aux,lr,tokens_per_s"
#define N_COLUMNS 11
#define MAX_FILE_BYTES ((gsize)1 << 30)

struct CsRunLog
{
  gatomicrefcount references;
  pthread_mutex_t mutex;
  GArray *metrics;   /* CsMetrics */
  GArray *snapshots; /* CsNormRatioSnapshot */
};

CsRunLog *
cs_run_log_new (void)
{
  CsRunLog *log = g_new0 (CsRunLog, 1);
  g_atomic_ref_count_init (&log->references);
  pthread_mutex_init (&log->mutex, NULL);
  log->metrics = g_array_new (FALSE, FALSE, sizeof (CsMetrics));
  log->snapshots = g_array_new (FALSE, FALSE, sizeof (CsNormRatioSnapshot));
  return log;
}

CsRunLog *
cs_run_log_ref (CsRunLog *log)
{
  g_atomic_ref_count_inc (&log->references);
  return log;
}

void
cs_run_log_unref (CsRunLog *log)
{
  if (!log || !g_atomic_ref_count_dec (&log->references))
    return;
  g_array_unref (log->metrics);
  g_array_unref (log->snapshots);
  pthread_mutex_destroy (&log->mutex);
  g_free (log);
}

static bool
parse_metrics (char **cells, CsMetrics *row)
{
  double values[N_COLUMNS];
  for (size_t i = 0; i < N_COLUMNS; i++)
    {
      char *end;
      values[i] = g_ascii_strtod (cells[i], &end);
      if (end == cells[i] || *end)
        return false;
    }
  if (!(values[0] >= 0 && values[0] < 9e15))
    return false;
  *row = (CsMetrics){ (uint64_t)values[0], values[1], values[2], values[3], values[4], values[5],
                      values[6],           values[7], values[8], values[9], values[10] };
  return true;
}

static bool
parse_snapshot (char **cells, CsNormRatioSnapshot *row)
{
  if (!g_ascii_string_to_unsigned (cells[0], 10, 0, G_MAXINT64, &row->step, NULL))
    return false;
  for (size_t i = 0; i < CS_NORM_RATIO_BINS; i++)
    {
      guint64 count;
      if (!g_ascii_string_to_unsigned (cells[i + 1], 10, 0, UINT32_MAX, &count, NULL))
        return false;
      row->count[i] = (uint32_t)count;
    }
  return true;
}

/* Appends the rows of a file; a missing file has none. */
static bool
load_rows (const char *run_folder,
           const char *name,
           size_t n_columns,
           GArray *metrics,
           GArray *snapshots,
           GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, name, NULL);
  g_autofree char *text = NULL;
  gsize size;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  if (!g_file_get_contents (path, &text, &size, NULL) || size > MAX_FILE_BYTES)
    {
      cs_file_error (error, CS_ERROR_IO, "“%s” cannot be read.", path);
      return false;
    }
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  for (size_t i = 1; lines[0] && lines[i]; i++)
    {
      CsMetrics row;
      CsNormRatioSnapshot snapshot;
      g_auto (GStrv) cells = g_strsplit (g_strchomp (lines[i]), ",", (gint)n_columns + 1);
      if (!*lines[i])
        continue;
      if (g_strv_length (cells) != n_columns ||
          !(metrics ? parse_metrics (cells, &row) : parse_snapshot (cells, &snapshot)))
        {
          cs_file_error (error, CS_ERROR_FORMAT,
                         "“%s”, line %zu is not a row of %zu numbers: remove the line or the file.",
                         path, i + 1, n_columns);
          return false;
        }
      if (metrics)
        g_array_append_val (metrics, row);
      else
        g_array_append_val (snapshots, snapshot);
    }
  return true;
}

bool
cs_run_log_load (CsRunLog *log, const char *run_folder, GError **error)
{
  g_autoptr (GArray) metrics = g_array_new (FALSE, FALSE, sizeof (CsMetrics));
  g_autoptr (GArray) snapshots = g_array_new (FALSE, FALSE, sizeof (CsNormRatioSnapshot));
  if (!load_rows (run_folder, "metrics.csv", N_COLUMNS, metrics, NULL, error) ||
      !load_rows (run_folder, "norm_ratio.csv", CS_NORM_RATIO_BINS + 1, NULL, snapshots, error))
    return false;
  pthread_mutex_lock (&log->mutex);
  g_array_set_size (log->metrics, 0);
  g_array_set_size (log->snapshots, 0);
  g_array_append_vals (log->metrics, metrics->data, metrics->len);
  g_array_append_vals (log->snapshots, snapshots->data, snapshots->len);
  pthread_mutex_unlock (&log->mutex);
  return true;
}

static size_t
locked_length (CsRunLog *log, GArray *array)
{
  pthread_mutex_lock (&log->mutex);
  const size_t n = array->len;
  pthread_mutex_unlock (&log->mutex);
  return n;
}

size_t
cs_run_log_n_metrics (CsRunLog *log)
{
  return locked_length (log, log->metrics);
}

size_t
cs_run_log_n_snapshots (CsRunLog *log)
{
  return locked_length (log, log->snapshots);
}

static size_t
copy_rows (CsRunLog *log, GArray *array, size_t first, size_t n, void *out)
{
  const size_t size = g_array_get_element_size (array);
  pthread_mutex_lock (&log->mutex);
  n = first < array->len ? MIN (n, array->len - first) : 0;
  if (n > 0)
    memcpy (out, array->data + first * size, n * size);
  pthread_mutex_unlock (&log->mutex);
  return n;
}

size_t
cs_run_log_copy_metrics (CsRunLog *log, size_t first, size_t n, CsMetrics *out)
{
  return copy_rows (log, log->metrics, first, n, out);
}

size_t
cs_run_log_copy_snapshots (CsRunLog *log, size_t first, size_t n, CsNormRatioSnapshot *out)
{
  return copy_rows (log, log->snapshots, first, n, out);
}

void
cs_run_log_truncate (CsRunLog *log, uint64_t step)
{
  pthread_mutex_lock (&log->mutex);
  while (log->metrics->len > 0 &&
         g_array_index (log->metrics, CsMetrics, log->metrics->len - 1).step > step)
    g_array_set_size (log->metrics, log->metrics->len - 1);
  while (log->snapshots->len > 0 &&
         g_array_index (log->snapshots, CsNormRatioSnapshot, log->snapshots->len - 1).step > step)
    g_array_set_size (log->snapshots, log->snapshots->len - 1);
  pthread_mutex_unlock (&log->mutex);
}

void
cs_run_log_add_metrics (CsRunLog *log, const CsMetrics *metrics)
{
  pthread_mutex_lock (&log->mutex);
  g_array_append_vals (log->metrics, metrics, 1);
  pthread_mutex_unlock (&log->mutex);
}

void
cs_run_log_add_snapshot (CsRunLog *log, const CsNormRatioSnapshot *snapshot)
{
  pthread_mutex_lock (&log->mutex);
  g_array_append_vals (log->snapshots, snapshot, 1);
  pthread_mutex_unlock (&log->mutex);
}

/* Shortest decimals that read back as the same double would be long; nine digits are what float32
 * sums carry. */
static void
append_number (GString *text, double value)
{
  char buffer[G_ASCII_DTOSTR_BUF_SIZE];
  g_string_append_c (text, ',');
  g_string_append (text, g_ascii_formatd (buffer, sizeof buffer, "%.9g", value));
}

static GString *
format_metrics (CsRunLog *log)
{
  GString *text = g_string_new (METRICS_HEADER "\n");
  for (guint i = 0; i < log->metrics->len; i++)
    {
      const CsMetrics *row = &g_array_index (log->metrics, CsMetrics, i);
      const double values[] = { row->loss,     row->mse_base,    row->mse_chat, row->fve_base,
                                row->fve_chat, row->l0,          row->dead,     row->aux,
                                row->lr,       row->tokens_per_s };
      g_string_append_printf (text, "%" G_GUINT64_FORMAT, row->step);
      for (size_t c = 0; c < G_N_ELEMENTS (values); c++)
        append_number (text, values[c]);
      g_string_append_c (text, '\n');
    }
  return text;
}

static GString *
format_snapshots (CsRunLog *log)
{
  GString *text = g_string_new ("step");
  for (unsigned bin = 0; bin < CS_NORM_RATIO_BINS; bin++)
    g_string_append_printf (text, ",bin_%u", bin);
  g_string_append_c (text, '\n');
  for (guint i = 0; i < log->snapshots->len; i++)
    {
      const CsNormRatioSnapshot *row = &g_array_index (log->snapshots, CsNormRatioSnapshot, i);
      g_string_append_printf (text, "%" G_GUINT64_FORMAT, row->step);
      for (unsigned bin = 0; bin < CS_NORM_RATIO_BINS; bin++)
        g_string_append_printf (text, ",%u", row->count[bin]);
      g_string_append_c (text, '\n');
    }
  return text;
}

bool
cs_run_log_save (CsRunLog *log, const char *run_folder, GError **error)
{
  g_autofree char *metrics_path = g_build_filename (run_folder, "metrics.csv", NULL);
  g_autofree char *snapshots_path = g_build_filename (run_folder, "norm_ratio.csv", NULL);
  pthread_mutex_lock (&log->mutex);
  g_autoptr (GString) metrics = format_metrics (log);
  g_autoptr (GString) snapshots = format_snapshots (log);
  pthread_mutex_unlock (&log->mutex);
  return cs_file_replace_contents (metrics_path, metrics->str, metrics->len, error) &&
         cs_file_replace_contents (snapshots_path, snapshots->str, snapshots->len, error);
}
