#include "csv-table.h"

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "file-error.h"

#define MAX_BYTES ((goffset)1 << 30)
#define MAX_COLUMNS ((size_t)4096)

struct CsCsv
{
  char *path;
  char *bytes;    /* fields are ended and unquoted in place */
  GArray *fields; /* char *, header first, row by row */
  size_t n_columns;
};

static bool
fail (const CsCsv *csv, GError **error, const char *what)
{
  cs_file_error (error, CS_ERROR_FORMAT,
                 "“%s” is not a table that can be read: %s; export it again as CSV.", csv->path,
                 what);
  return false;
}

/* One field from *at, unquoted in place; *at moves to the character that ended it, which was *end.
 */
static bool
take_field (char **at, char *limit, char *end, char **field)
{
  char *from = *at, *to = *at;
  *field = to;
  if (from < limit && *from == '"')
    {
      for (from++; from < limit; from++)
        {
          if (*from == '"' && (from + 1 == limit || from[1] != '"'))
            break;
          from += *from == '"';
          *to++ = *from;
        }
      if (from >= limit)
        return false;
      from++;
    }
  else
    while (from < limit && *from != ',' && *from != '\n' && *from != '\r')
      *to++ = *from++;
  *end = from < limit ? *from : '\n';
  *to = '\0';
  *at = from;
  return *end == ',' || *end == '\n' || *end == '\r';
}

static bool
end_row (CsCsv *csv, size_t n, GError **error)
{
  if (csv->n_columns == 0)
    csv->n_columns = n;
  if (n > MAX_COLUMNS)
    return fail (csv, error, "it has more than 4096 columns");
  if (n == csv->n_columns)
    return true;
  const size_t row = csv->fields->len / csv->n_columns + 1;
  g_autofree char *what =
      g_strdup_printf ("row %zu has not the %zu fields of the header", row, csv->n_columns);
  return fail (csv, error, what);
}

static bool
parse (CsCsv *csv, size_t size, GError **error)
{
  char *at = csv->bytes, *limit = csv->bytes + size;
  if (size >= 3 && memcmp (at, "\xef\xbb\xbf", 3) == 0)
    at += 3;
  while (at < limit)
    {
      size_t n = 0;
      char end;
      if (*at == '\n' || *at == '\r') /* an empty line, or the second half of CRLF */
        {
          at++;
          continue;
        }
      do
        {
          char *field;
          if (!take_field (&at, limit, &end, &field))
            return fail (csv, error, "a quoted field is not closed, or text follows one");
          g_array_append_val (csv->fields, field);
          at += at < limit;
          n++;
        }
      while (end == ',' && n <= MAX_COLUMNS);
      if (!end_row (csv, n, error))
        return false;
    }
  return csv->n_columns > 0 || fail (csv, error, "it is empty");
}

CsCsv *
cs_csv_open (const char *path, GError **error)
{
  g_autoptr (CsCsv) csv = g_new0 (CsCsv, 1);
  g_autoptr (GError) reason = NULL;
  GStatBuf info;
  gsize size = 0;
  csv->path = g_strdup (path);
  csv->fields = g_array_new (FALSE, FALSE, sizeof (char *));
  if (g_stat (path, &info) == 0 && (!S_ISREG (info.st_mode) || info.st_size > MAX_BYTES))
    {
      fail (csv, error, "it is larger than 1 GiB or no file");
      return NULL;
    }
  if (!g_file_get_contents (path, &csv->bytes, &size, &reason))
    {
      cs_file_error (error, CS_ERROR_IO,
                     "“%s” cannot be read (%s): check the path and its permissions.", path,
                     reason->message);
      return NULL;
    }
  if (!g_utf8_validate (csv->bytes, (gssize)size, NULL))
    fail (csv, error, "it is not text in UTF-8");
  else if (parse (csv, size, error))
    return g_steal_pointer (&csv);
  return NULL;
}

void
cs_csv_free (CsCsv *csv)
{
  if (!csv)
    return;
  g_array_unref (csv->fields);
  g_free (csv->bytes);
  g_free (csv->path);
  g_free (csv);
}

size_t
cs_csv_n_rows (const CsCsv *csv)
{
  return csv->fields->len / csv->n_columns - 1;
}

size_t
cs_csv_n_columns (const CsCsv *csv)
{
  return csv->n_columns;
}

const char *
cs_csv_name (const CsCsv *csv, size_t column)
{
  return g_array_index (csv->fields, char *, column);
}

long
cs_csv_column (const CsCsv *csv, const char *name)
{
  for (size_t c = 0; c < csv->n_columns; c++)
    if (strcmp (cs_csv_name (csv, c), name) == 0)
      return (long)c;
  return -1;
}

const char *
cs_csv_text (const CsCsv *csv, size_t row, size_t column)
{
  return g_array_index (csv->fields, char *, (row + 1) * csv->n_columns + column);
}

bool
cs_csv_number (const CsCsv *csv, size_t row, size_t column, double *out)
{
  const char *text = cs_csv_text (csv, row, column);
  char *end = NULL;
  *out = NAN;
  if (*text == '\0')
    return true;
  *out = g_ascii_strtod (text, &end);
  return *end == '\0';
}
