/* A CSV file with a header (RFC 4180: quotes, doubled quotes, line breaks within them; LF or CRLF), in memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib-object.h>

typedef struct CsCsv CsCsv;

/* At most 1 GiB and 4096 columns; every row has to have as many fields as the header. Invalid UTF-8 is refused. */
CsCsv *cs_csv_open (const char *path, GError **error);
void   cs_csv_free (CsCsv *csv);

size_t      cs_csv_n_rows (const CsCsv *csv);                              /* without the header */
size_t      cs_csv_n_columns (const CsCsv *csv);
long        cs_csv_column (const CsCsv *csv, const char *name);            /* −1 where absent */
const char *cs_csv_name (const CsCsv *csv, size_t column);
const char *cs_csv_text (const CsCsv *csv, size_t row, size_t column);     /* never NULL */
/* False where the field is no number; an empty one, "nan" and "NaN" are NaN, "inf" is infinite. */
bool        cs_csv_number (const CsCsv *csv, size_t row, size_t column, double *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsCsv, cs_csv_free)
