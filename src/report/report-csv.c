/* The report as tables: claims.csv and a file for each table. */
#include "report-private.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "file-replace.h"

static void
append_text (GString *csv, const char *text)
{
  if (strpbrk (text, ",\"\r\n") == NULL)
    {
      g_string_append (csv, text);
      return;
    }
  g_string_append_c (csv, '"');
  for (; *text != '\0'; text++)
    {
      if (*text == '"')
        g_string_append_c (csv, '"');
      g_string_append_c (csv, *text);
    }
  g_string_append_c (csv, '"');
}

static void
append_number (GString *csv, double value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];

  if (!isfinite (value))
    return; /* empty: not known */
  if (value == floor (value) && fabs (value) < 1e15)
    g_string_append_printf (csv, "%.0f", value);
  else
    g_string_append (csv, cs_report_exact (text, value));
}

static bool
has_interval (const CsReportBlock *table, size_t column)
{
  for (size_t r = 0; r < table->n_rows; r++)
    if (isfinite (table->cells[r * table->n_columns + column].low))
      return true;
  return false;
}

static void
append_header (GString *csv, const CsReportBlock *table)
{
  for (size_t c = 0; c < table->n_columns; c++)
    {
      g_autofree char *low = g_strdup_printf ("%s_low", table->columns[c]),
                      *high = g_strdup_printf ("%s_high", table->columns[c]);

      if (c > 0)
        g_string_append_c (csv, ',');
      append_text (csv, table->columns[c]);
      if (!has_interval (table, c))
        continue;
      g_string_append_c (csv, ',');
      append_text (csv, low);
      g_string_append_c (csv, ',');
      append_text (csv, high);
    }
  g_string_append (csv, "\r\n");
}

static void
append_row (GString *csv, const CsReportBlock *table, const CsReportCell *cells)
{
  for (size_t c = 0; c < table->n_columns; c++)
    {
      if (c > 0)
        g_string_append_c (csv, ',');
      if (cells[c].is_number)
        append_number (csv, cells[c].value);
      else
        append_text (csv, cells[c].text);
      if (!has_interval (table, c))
        continue;
      g_string_append_c (csv, ',');
      append_number (csv, cells[c].low);
      g_string_append_c (csv, ',');
      append_number (csv, cells[c].high);
    }
  g_string_append (csv, "\r\n");
}

static bool
save (const char *folder, const char *name, const GString *csv, GError **error)
{
  g_autofree char *file = g_strconcat (name, ".csv", NULL);
  g_autofree char *path = g_build_filename (folder, file, NULL);

  return cs_file_replace_contents (path, csv->str, csv->len, error);
}

static bool
save_table (const CsReportBlock *table, const char *folder, GError **error)
{
  g_autoptr (GString) csv = g_string_new (NULL);

  append_header (csv, table);
  for (size_t r = 0; r < table->n_rows; r++)
    append_row (csv, table, table->cells + r * table->n_columns);
  return save (folder, table->id, csv, error);
}

/* Texts of all examples in one table: what was asked, how, which text, the text. */
static void
append_texts (GString *csv, const CsReportSection *section, const CsReportBlock *block)
{
  for (size_t c = 0; c < block->n_columns; c++)
    {
      append_text (csv, section->id);
      g_string_append_c (csv, ',');
      append_text (csv, block->id);
      g_string_append_c (csv, ',');
      append_text (csv, block->text);
      g_string_append_c (csv, ',');
      append_text (csv, block->detail);
      g_string_append_c (csv, ',');
      append_text (csv, block->columns[c]);
      g_string_append_c (csv, ',');
      append_text (csv, block->cells[c].text);
      g_string_append (csv, "\r\n");
    }
}

static void
append_claim (GString *csv, const CsReportBlock *claim)
{
  append_text (csv, claim->text);
  g_string_append_c (csv, ',');
  append_text (csv, cs_report_verdict_word (claim->verdict));
  g_string_append_c (csv, ',');
  append_text (csv, claim->detail);
  g_string_append (csv, "\r\n");
}

bool
cs_report_save_csv (const CsReport *report, const char *folder, GError **error)
{
  g_autoptr (GString) claims = g_string_new ("claim,verdict,numbers\r\n");
  g_autoptr (GString) texts = g_string_new ("section,example,prompt,detail,which,text\r\n");

  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be made (%s); name another folder.",
                   folder, g_strerror (errno));
      return false;
    }
  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      for (guint b = 0; b < section->blocks->len; b++)
        {
          const CsReportBlock *block = g_ptr_array_index (section->blocks, b);

          if (block->kind == CS_REPORT_CLAIM)
            append_claim (claims, block);
          else if (block->kind == CS_REPORT_TEXTS)
            append_texts (texts, section, block);
          else if (block->kind == CS_REPORT_TABLE && !save_table (block, folder, error))
            return false;
        }
    }
  return save (folder, "claims", claims, error) && save (folder, "texts", texts, error);
}
