/* examples.db:
 *   sequences (sequence_idx, token_ids: int32 blob)
 *   quantile_examples (feature_idx, quantile_idx, activation, sequence_idx)      quantile 0 =
 * weakest … 4 = strongest activation_details (feature_idx, sequence_idx, positions: int32 blob,
 * activation_values: float32 blob) A run keeps a copy with the same tables and indexes for
 * look-ups: whatever else a database may hold (views, triggers) is never run. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>
#include <sqlite3.h>

#include "file-error.h"
#include "file-replace.h"
#include "latents-exchange.h"

#define MAX_SEQUENCE ((size_t)1 << 20) /* tokens */
#define MAX_BLOB (4 * (int)MAX_SEQUENCE)

static char *
attached_path (const char *run_folder)
{
  return g_build_filename (run_folder, "examples.db", NULL);
}

bool
cs_attached_examples_exist (const char *run_folder)
{
  g_autofree char *path = attached_path (run_folder);
  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static bool
fail (sqlite3 *db, const char *path, GError **error)
{
  cs_file_error (error, CS_ERROR_FORMAT,
                 "“%s” is not a database of examples that can be read (%s): get it again.", path,
                 db ? sqlite3_errmsg (db) : "no memory");
  return false;
}

static void
make_safe (sqlite3 *db)
{
  sqlite3_db_config (db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
  sqlite3_db_config (db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
  sqlite3_db_config (db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
  sqlite3_db_config (db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
  sqlite3_limit (db, SQLITE_LIMIT_LENGTH, MAX_BLOB + 4096);
}

static int
is_cancelled (void *job)
{
  return cs_job_checkpoint (job, NULL) ? 0 : 1;
}

static bool
run_all (sqlite3 *db, const char *const *statements, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (sqlite3_exec (db, statements[i], NULL, NULL, NULL) != SQLITE_OK)
      return false;
  return true;
}

static bool
has_tables (sqlite3 *db)
{
  static const char sql[] =
      "SELECT count(*) FROM source.sqlite_master WHERE type = 'table' AND name IN "
      "('sequences', 'quantile_examples', 'activation_details')";
  sqlite3_stmt *statement = NULL;
  const bool ok = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) == SQLITE_OK &&
                  sqlite3_step (statement) == SQLITE_ROW && sqlite3_column_int (statement, 0) == 3;
  sqlite3_finalize (statement);
  return ok;
}

static const char *const copy[] = {
  "PRAGMA main.journal_mode = OFF",
  "PRAGMA main.synchronous = OFF", /* the file is synced before it is renamed */
  "CREATE TABLE main.sequences (sequence_idx INTEGER PRIMARY KEY, token_ids BLOB)",
  "CREATE TABLE main.quantile_examples (feature_idx INTEGER, quantile_idx INTEGER, activation "
  "REAL, sequence_idx "
  "INTEGER)",
  "CREATE TABLE main.activation_details (feature_idx INTEGER, sequence_idx INTEGER, positions "
  "BLOB, "
  "activation_values BLOB)",
  "BEGIN",
  "INSERT OR IGNORE INTO main.sequences SELECT sequence_idx, token_ids FROM source.sequences",
  "INSERT INTO main.quantile_examples SELECT feature_idx, quantile_idx, activation, sequence_idx "
  "FROM "
  "source.quantile_examples",
  "INSERT INTO main.activation_details SELECT feature_idx, sequence_idx, positions, "
  "activation_values FROM "
  "source.activation_details",
  "COMMIT",
  "CREATE INDEX main.by_feature ON quantile_examples (feature_idx)",
  "CREATE INDEX main.by_pair ON activation_details (feature_idx, sequence_idx)",
};

/* The number of latents that have examples, and whether they are latents of this run. */
static bool
check_features (sqlite3 *db, size_t n_latents, size_t *n)
{
  static const char sql[] = "SELECT count(DISTINCT feature_idx), min(feature_idx), "
                            "max(feature_idx) FROM main.quantile_examples";
  sqlite3_stmt *statement = NULL;
  bool ok = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL) == SQLITE_OK &&
            sqlite3_step (statement) == SQLITE_ROW;
  *n = ok ? (size_t)sqlite3_column_int64 (statement, 0) : 0;
  ok = ok && *n > 0 && sqlite3_column_int64 (statement, 1) >= 0 &&
       sqlite3_column_int64 (statement, 2) < (sqlite3_int64)n_latents;
  sqlite3_finalize (statement);
  return ok;
}

static bool
copy_database (sqlite3 *db, const char *db_path, size_t n_latents, size_t *n, GError **error)
{
  g_autofree char *uri_path = g_uri_escape_string (db_path, "/", FALSE);
  char *attach = sqlite3_mprintf ("ATTACH 'file:%q?mode=ro' AS source", uri_path);
  const char *const first[] = { attach };
  const bool attached = attach && run_all (db, first, 1);
  sqlite3_free (attach);
  if (!attached)
    return fail (db, db_path, error);
  make_safe (db);
  if (!has_tables (db))
    {
      cs_file_error (
          error, CS_ERROR_FORMAT,
          "“%s” is no database of examples: it needs the tables sequences, quantile_examples and "
          "activation_details.",
          db_path);
      return false;
    }
  if (!run_all (db, copy, G_N_ELEMENTS (copy)))
    return fail (db, db_path, error);
  if (check_features (db, n_latents, n))
    return true;
  cs_file_error (error, CS_ERROR_MISMATCH,
                 "The examples in “%s” are of latents that this crosscoder has not, or there are "
                 "none: take those that "
                 "belong to it.",
                 db_path);
  return false;
}

bool
cs_latents_attach_examples (CsJob *job,
                            const char *run_folder,
                            const char *db_path,
                            char **note,
                            GError **error)
{
  g_autoptr (CsLatents) latents = cs_latents_load (run_folder, error);
  g_autofree char *path = attached_path (run_folder);
  g_autofree char *temporary = cs_file_replace_temporary_name (path);
  sqlite3 *db = NULL;
  size_t n = 0;
  if (!latents)
    return false;
  if (!g_file_test (db_path, G_FILE_TEST_IS_REGULAR))
    {
      cs_file_error (error, CS_ERROR_IO, "“%s” cannot be read: check the path.", db_path);
      return false;
    }
  const int flags =
      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  bool ok = sqlite3_open_v2 (temporary, &db, flags, NULL) == SQLITE_OK || fail (db, path, error);
  if (ok && job)
    sqlite3_progress_handler (db, 100000, is_cancelled, job);
  ok = ok && copy_database (db, db_path, latents->n_latents, &n, error);
  sqlite3_close (db);
  if (!ok)
    g_remove (temporary);
  if (!ok && job && error && !cs_job_checkpoint (job, NULL))
    {
      g_clear_error (error);
      return cs_job_checkpoint (job, error);
    }
  if (!ok || !cs_file_replace_adopt (temporary, path, error))
    return false;
  if (note)
    *note = g_strdup_printf ("Examples of %zu latents are attached from “%s”.", n, db_path);
  return true;
}

/* --- Reading one latent's --- */

static void
example_clear (void *data)
{
  CsExample *example = data;
  g_free (example->ids);
  g_free (example->values);
}

static size_t
blob_words (sqlite3_stmt *row, int column, const unsigned char **words)
{
  const int n_bytes =
      sqlite3_column_type (row, column) == SQLITE_BLOB ? sqlite3_column_bytes (row, column) : 0;
  *words = n_bytes > 0 ? sqlite3_column_blob (row, column) : NULL;
  return *words ? MIN ((size_t)n_bytes / 4, MAX_SEQUENCE) : 0;
}

/* v of each token of the sequence, 0 where nothing is noted; false for an example that makes no
 * sense. */
static bool
read_values (sqlite3_stmt *row, size_t n_tokens, float *values, size_t *peak)
{
  const unsigned char *positions, *activations;
  const size_t n = MIN (blob_words (row, 4, &positions), blob_words (row, 5, &activations));
  bool found = false;
  for (size_t i = 0; i < n; i++)
    {
      int32_t position;
      float value;
      memcpy (&position, positions + 4 * i, 4);
      memcpy (&value, activations + 4 * i, 4);
      if (position < 0 || (size_t)position >= n_tokens || !isfinite (value) || value < 0)
        return false;
      values[position] = value;
      if (!found || value > values[*peak])
        *peak = (size_t)position;
      found = true;
    }
  return found;
}

/* Columns: quantile_idx, activation, sequence_idx, token_ids, positions, activation_values. */
static void
add_example (GArray *list, sqlite3_stmt *row, size_t context, size_t per_group, size_t *n_in_group)
{
  const unsigned char *ids;
  const int64_t quantile = sqlite3_column_int64 (row, 0);
  const size_t n_tokens = blob_words (row, 3, &ids);
  if (quantile < 0 || quantile >= CS_EXAMPLE_GROUPS || n_tokens == 0)
    return;
  const size_t group = CS_EXAMPLE_GROUPS - 1 - (size_t)quantile;
  g_autofree float *values = g_new0 (float, n_tokens);
  size_t peak = 0;
  if (n_in_group[group] >= per_group || !read_values (row, n_tokens, values, &peak))
    return;
  n_in_group[group]++;
  CsExample example = { .group = group, .token = peak, .activation = values[peak] };
  example.first = peak > context ? peak - context : 0;
  example.n = MIN (n_tokens - 1 - peak, context) + peak - example.first + 1;
  example.ids = g_new (int32_t, example.n);
  example.values = g_new (float, example.n);
  memcpy (example.ids, ids + 4 * example.first, 4 * example.n);
  memcpy (example.values, values + example.first, example.n * sizeof (float));
  g_array_append_val (list, example);
}

GArray *
cs_attached_examples_load (const char *run_folder,
                           size_t latent,
                           size_t context,
                           size_t per_group,
                           GError **error)
{
  static const char sql[] = "SELECT q.quantile_idx, q.activation, q.sequence_idx, s.token_ids, "
                            "d.positions, d.activation_values FROM "
                            "quantile_examples q JOIN sequences s ON s.sequence_idx = "
                            "q.sequence_idx JOIN activation_details d ON "
                            "d.feature_idx = q.feature_idx AND d.sequence_idx = q.sequence_idx "
                            "WHERE q.feature_idx = ? ORDER BY "
                            "q.quantile_idx DESC, q.activation DESC LIMIT 10000";
  g_autofree char *path = attached_path (run_folder);
  g_autoptr (GArray) list = g_array_new (FALSE, TRUE, sizeof (CsExample));
  size_t n_in_group[CS_EXAMPLE_GROUPS] = { 0 };
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  int result = sqlite3_open_v2 (path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
  g_array_set_clear_func (list, example_clear);
  if (result == SQLITE_OK)
    {
      make_safe (db);
      result = sqlite3_prepare_v2 (db, sql, -1, &statement, NULL);
    }
  if (result == SQLITE_OK)
    result = sqlite3_bind_int64 (statement, 1, (sqlite3_int64)latent);
  while (result == SQLITE_OK || result == SQLITE_ROW)
    {
      result = sqlite3_step (statement);
      if (result == SQLITE_ROW)
        add_example (list, statement, MIN (context, MAX_SEQUENCE), per_group, n_in_group);
    }
  sqlite3_finalize (statement);
  const bool ok = result == SQLITE_DONE || fail (db, path, error);
  sqlite3_close (db);
  return ok ? g_steal_pointer (&list) : NULL;
}
