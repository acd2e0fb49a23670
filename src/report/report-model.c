/* Making, asking and freeing a report. */
#include "report-private.h"

#include <math.h>
#include <string.h>

#include <glib/gi18n.h>

static void
block_free (void *data)
{
  CsReportBlock *block = data;

  g_free (block->id);
  g_free (block->text);
  g_free (block->detail);
  for (size_t i = 0; i < block->n_rows * block->n_columns; i++)
    g_free (block->cells[i].text);
  g_free (block->cells);
  g_strfreev (block->columns);
  if (block->free_data != NULL)
    block->free_data (block->data);
  g_free (block);
}

static void
section_free (void *data)
{
  CsReportSection *section = data;

  g_free (section->id);
  g_free (section->title);
  g_ptr_array_unref (section->blocks);
  g_free (section);
}

void
cs_report_free (CsReport *report)
{
  if (report == NULL)
    return;
  g_free (report->title);
  g_free (report->subtitle);
  g_clear_pointer (&report->sections, g_ptr_array_unref);
  g_free (report);
}

/* --- Numbers as text --- */

char *
cs_report_format (double value, int decimals)
{
  char format[16], text[G_ASCII_DTOSTR_BUF_SIZE + 32];

  if (!isfinite (value))
    return g_strdup ("–");
  if (fabs (value) >= 1e15)
    decimals = -1;
  g_snprintf (format, sizeof format, decimals >= 0 ? "%%.%df" : "%%.4g", decimals);
  g_ascii_formatd (text, sizeof text, format, value);
  if (text[0] != '-')
    return g_strdup (text);
  /* Not "-0.00", and a minus that is as wide as a digit. */
  return strpbrk (text, "123456789") == NULL ? g_strdup (text + 1)
                                             : g_strconcat ("−", text + 1, NULL);
}

char *
cs_report_exact (char *buffer, double value)
{
  static const char *const formats[] = { "%.6g", "%.9g", "%.12g", "%.15g", "%.16g", "%.17g" };

  for (size_t i = 0; i < G_N_ELEMENTS (formats); i++)
    {
      g_ascii_formatd (buffer, G_ASCII_DTOSTR_BUF_SIZE, formats[i], value);
      if (g_ascii_strtod (buffer, NULL) == value)
        break;
    }
  return buffer;
}

char *
cs_report_format_interval (double value, double low, double high, int decimals)
{
  g_autofree char *middle = cs_report_format (value, decimals);
  g_autofree char *from = NULL, *to = NULL;

  if (!isfinite (value) || !isfinite (low) || !isfinite (high))
    return g_steal_pointer (&middle);
  from = cs_report_format (low, decimals);
  to = cs_report_format (high, decimals);
  /* A dash between signs would read as another one. */
  return g_strdup_printf (low < 0 ? "%s (%s … %s)" : "%s (%s – %s)", middle, from, to);
}

char *
cs_report_format_share (double share, double low, double high, size_t n)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *middle = cs_report_format (100 * share, 1);

  if (!isfinite (share))
    return g_steal_pointer (&middle);
  g_string_append_printf (text, "%s %%", middle);
  if (isfinite (low) && isfinite (high))
    {
      g_autofree char *from = cs_report_format (100 * low, 1),
                      *to = cs_report_format (100 * high, 1);

      g_string_append_printf (text, " (%s – %s %%)", from, to);
    }
  if (n > 0)
    g_string_append_printf (text, _ (", %.0f of %zu"), round (share * (double)n), n);
  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
cs_report_slug (const char *text)
{
  g_autofree char *lower = g_ascii_strdown (text, -1);
  GString *slug = g_string_new (NULL);

  for (const char *c = lower; *c != '\0' && slug->len < 60; c++)
    if (g_ascii_isalnum (*c))
      g_string_append_c (slug, *c);
    else if (slug->len > 0 && slug->str[slug->len - 1] != '-')
      g_string_append_c (slug, '-');
  return g_string_free (slug, FALSE);
}

/* --- Making --- */

#define MAX_CELL 2000  /* characters */
#define MAX_TEXT 20000 /* of a prompt or an answer */

/* Valid UTF-8, no longer than that. */
static char *
valid_cut (const char *text, glong limit)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);
  g_autofree char *cut = NULL;

  if (strlen (valid) <= (size_t)limit || g_utf8_strlen (valid, -1) <= limit)
    return g_steal_pointer (&valid);
  cut = g_utf8_substring (valid, 0, limit);
  return g_strconcat (cut, "…", NULL);
}

CsReportSection *
cs_report_add_section (CsReport *report, const char *id, const char *title)
{
  CsReportSection *section = g_new0 (CsReportSection, 1);

  section->id = g_strdup (id);
  section->title = g_strdup (title);
  section->blocks = g_ptr_array_new_with_free_func (block_free);
  g_ptr_array_add (report->sections, section);
  return section;
}

static CsReportBlock *
add_block (CsReportSection *section, CsReportKind kind, const char *text)
{
  CsReportBlock *block = g_new0 (CsReportBlock, 1);

  block->kind = kind;
  block->text = valid_cut (text, MAX_TEXT);
  g_ptr_array_add (section->blocks, block);
  return block;
}

static char *
format_valid (const char *format, va_list arguments)
{
  g_autofree char *text = g_strdup_vprintf (format, arguments);

  return g_utf8_make_valid (text, -1);
}

void
cs_report_paragraph (CsReportSection *section, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = format_valid (format, arguments);
  va_end (arguments);
  add_block (section, CS_REPORT_PARAGRAPH, text);
}

void
cs_report_claim (CsReportSection *section,
                 CsReportVerdict verdict,
                 const char *claim,
                 const char *format,
                 ...)
{
  CsReportBlock *block = add_block (section, CS_REPORT_CLAIM, claim);
  va_list arguments;

  va_start (arguments, format);
  block->detail = format_valid (format, arguments);
  va_end (arguments);
  block->verdict = verdict;
}

void
cs_report_missing (CsReportSection *section,
                   const char *page,
                   const char *what,
                   const char *format,
                   ...)
{
  CsReportBlock *block = add_block (section, CS_REPORT_MISSING, what);
  va_list arguments;

  va_start (arguments, format);
  block->detail = format_valid (format, arguments);
  va_end (arguments);
  block->page = page;
}

CsReportBlock *
cs_report_table (CsReportSection *section,
                 const char *id,
                 const char *caption,
                 const char *const *columns)
{
  CsReportBlock *block = add_block (section, CS_REPORT_TABLE, caption);

  block->id = g_strdup (id);
  while (columns[block->n_columns] != NULL)
    block->n_columns++;
  block->columns = g_new0 (char *, block->n_columns + 1);
  for (size_t i = 0; i < block->n_columns; i++)
    block->columns[i] = g_utf8_make_valid (columns[i], -1);
  return block;
}

/* Grows by a row where the last one is full. */
static void
add_cell (CsReportBlock *table, CsReportCell cell)
{
  size_t n = table->n_rows * table->n_columns;

  /* n_rows counts those that are begun; only the last one can have empty places. */
  while (n > 0 && table->cells[n - 1].text == NULL)
    n--;
  if (n == table->n_rows * table->n_columns)
    {
      table->n_rows++;
      table->cells = g_renew (CsReportCell, table->cells, table->n_rows * table->n_columns);
      memset (table->cells + n, 0, table->n_columns * sizeof *table->cells);
    }
  table->cells[n] = cell;
}

static void
add_text (CsReportBlock *table, const char *text, glong limit)
{
  add_cell (table, (CsReportCell){
                       .text = valid_cut (text, limit), .value = NAN, .low = NAN, .high = NAN });
}

void
cs_report_cell (CsReportBlock *table, const char *text)
{
  add_text (table, text, MAX_CELL);
}

void
cs_report_interval (CsReportBlock *table, double value, double low, double high, int decimals)
{
  add_cell (table, (CsReportCell){
                       .text = cs_report_format_interval (value, low, high, decimals),
                       .is_number = true,
                       .value = isfinite (value) ? value : NAN,
                       .low = isfinite (low) ? low : NAN,
                       .high = isfinite (high) ? high : NAN,
                   });
}

void
cs_report_number (CsReportBlock *table, double value, int decimals)
{
  cs_report_interval (table, value, NAN, NAN, decimals);
}

void
cs_report_figure (CsReportSection *section,
                  const char *id,
                  const char *caption,
                  CsReportPlotFunc plot,
                  void *data,
                  GDestroyNotify free_data)
{
  CsReportBlock *block = add_block (section, CS_REPORT_FIGURE, caption);

  block->id = g_strdup (id);
  block->plot = plot;
  block->data = data;
  block->free_data = free_data;
}

void
cs_report_texts (CsReportSection *section,
                 const char *id,
                 const char *asked,
                 const char *detail,
                 const char *const *columns,
                 const char *const *texts,
                 size_t n)
{
  g_autofree const char **shown = g_new0 (const char *, n + 1);
  size_t n_shown = 0;
  CsReportBlock *block;

  for (size_t i = 0; i < n; i++)
    if (texts[i] != NULL)
      shown[n_shown++] = columns[i];
  block = cs_report_table (section, id, asked, (const char *const *)shown);
  block->kind = CS_REPORT_TEXTS;
  block->detail = valid_cut (detail, MAX_TEXT);
  for (size_t i = 0; i < n; i++)
    if (texts[i] != NULL)
      add_text (block, texts[i], MAX_TEXT);
}

/* --- Asking --- */

const CsReportBlock *
cs_report_find (const CsReport *report, const char *id)
{
  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      for (guint b = 0; b < section->blocks->len; b++)
        {
          const CsReportBlock *block = g_ptr_array_index (section->blocks, b);

          if (g_strcmp0 (block->id, id) == 0)
            return block;
        }
    }
  return NULL;
}

bool
cs_report_column_is_number (const CsReportBlock *table, size_t column)
{
  return table->n_rows > 0 && column < table->n_columns && table->cells[column].is_number;
}

CsPlot *
cs_report_plot (const CsReportBlock *figure)
{
  return figure->plot (figure->data);
}

const char *
cs_report_verdict_word (CsReportVerdict verdict)
{
  static const char *const words[] = { N_ ("holds"), N_ ("does not hold"), N_ ("not decided"),
                                       N_ ("not measured") };

  return _ (words[verdict]);
}

size_t
cs_report_count (const CsReport *report, CsReportVerdict verdict)
{
  size_t count = 0;

  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      for (guint b = 0; b < section->blocks->len; b++)
        {
          const CsReportBlock *block = g_ptr_array_index (section->blocks, b);

          count += block->kind == CS_REPORT_CLAIM && block->verdict == verdict;
        }
    }
  return count;
}

/* --- The whole --- */

static char *
subtitle_of (const CsReportSource *source)
{
  const char *base = cs_report_source_string (source, "base"),
             *chat = cs_report_source_string (source, "chat");
  g_autofree char *base_name = g_path_get_basename (base != NULL ? base : "?"),
                  *chat_name = g_path_get_basename (chat != NULL ? chat : "?");

  if (base == NULL || chat == NULL)
    return g_strdup (_ ("No pair of models has been chosen yet."));
  if (source->has_store)
    return g_strdup_printf (_ ("%s and %s, residual stream after block %zu, %zu tokens"),
                            source->base_model != NULL ? source->base_model : base_name,
                            source->chat_model != NULL ? source->chat_model : chat_name,
                            source->layer, source->n_tokens);
  return g_strdup_printf (_ ("%s and %s"), base_name, chat_name);
}

/* Names that are alike in letters and digits give the same id: the later ones get a number. */
static void
make_ids_unique (CsReport *report)
{
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (guint s = 0; s < report->sections->len; s++)
    {
      CsReportSection *section = g_ptr_array_index (report->sections, s);

      g_hash_table_add (seen, g_strdup (section->id));
      for (guint b = 0; b < section->blocks->len; b++)
        {
          CsReportBlock *block = g_ptr_array_index (section->blocks, b);

          for (guint k = 2; block->id != NULL && g_hash_table_contains (seen, block->id); k++)
            {
              g_autofree char *old = block->id;

              block->id = g_strdup_printf ("%s-%u", old, k);
            }
          if (block->id != NULL)
            g_hash_table_add (seen, g_strdup (block->id));
        }
    }
}

CsReport *
cs_report_new (const char *study_folder, const char *planted_folder, GError **error)
{
  g_autoptr (CsReportSource) source = cs_report_source_new (study_folder, planted_folder, error);
  const char *title;
  g_autofree char *subtitle = NULL;
  CsReport *report;

  if (source == NULL)
    return NULL;
  report = g_new0 (CsReport, 1);
  report->sections = g_ptr_array_new_with_free_func (section_free);
  title = cs_report_source_string (source, "title");
  report->title = g_utf8_make_valid (title != NULL ? title : _ ("Study"), -1);
  subtitle = subtitle_of (source);
  report->subtitle = g_utf8_make_valid (subtitle, -1);
  cs_report_add_claims (report, source);
  cs_report_add_counts (report, source);
  cs_report_add_scaling (report, source);
  cs_report_add_causality (report, source);
  cs_report_add_concepts (report, source);
  cs_report_add_steering (report, source);
  cs_report_add_audit (report, source);
  cs_report_add_controls (report, source);
  cs_report_add_planted (report, source);
  cs_report_add_template (report, source);
  cs_report_add_baselines (report, source);
  cs_report_add_labels (report, source);
  cs_report_add_settings (report, source);
  make_ids_unique (report);
  return report;
}
