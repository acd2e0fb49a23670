/* What a study says, for others to read: one model of the report, and three writers of it. The
 * window shows the same model, so that a number is the same wherever it is read.
 *
 * A report is made of sections, sections of blocks. Every number in it comes from a file of the
 * study (or of a planted trial); what there is no file of is said to be missing, with the command
 * that makes it and the page of the window where its button is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib-object.h>

#include "plot.h"

typedef enum
{
  CS_REPORT_PARAGRAPH, /* text */
  CS_REPORT_CLAIM,     /* text: the claim; detail: the numbers; verdict */
  CS_REPORT_TABLE,     /* text: caption; columns, rows */
  CS_REPORT_FIGURE,    /* text: caption; plot */
  CS_REPORT_TEXTS,     /* text: what was asked; a row of texts under their columns' names */
  CS_REPORT_MISSING,   /* text: what; detail: the command; page */
} CsReportKind;

typedef enum
{
  CS_REPORT_HOLDS,
  CS_REPORT_FAILS,     /* does not hold */
  CS_REPORT_UNDECIDED, /* measured, but the numbers say neither */
  CS_REPORT_UNKNOWN,   /* not measured */
} CsReportVerdict;

/* A cell of a table: words, or a number with or without an interval. */
typedef struct
{
  char *text; /* as people read it; never NULL */
  bool is_number;
  double value, low, high; /* NaN where not known; low and high NaN without an interval */
} CsReportCell;

typedef CsPlot *(*CsReportPlotFunc) (const void *data);

typedef struct
{
  CsReportKind kind;
  char
      *id; /* of a table or figure: letters, digits and hyphens, its own in the report; else NULL */
  char *text, *detail;
  CsReportVerdict verdict;
  const char *page; /* MISSING: the name of the page with its button; static; NULL for none */
  size_t n_columns, n_rows;
  char **columns;      /* [n_columns], NULL-terminated */
  CsReportCell *cells; /* [n_rows][n_columns] */
  CsReportPlotFunc plot;
  void *data;
  GDestroyNotify free_data;
} CsReportBlock;

typedef struct
{
  char *id; /* letters, digits and hyphens, its own in the report */
  char *title;
  GPtrArray *blocks; /* CsReportBlock */
} CsReportSection;

typedef struct
{
  char *title;         /* of the study */
  char *subtitle;      /* which models, which layer */
  GPtrArray *sections; /* CsReportSection */
} CsReport;

/* study_folder: a study; planted_folder: of a planted trial, NULL for STUDY/planted. Reads files
 * only and may run on any thread. A part that cannot be read is named in the report; an error is a
 * folder that holds no study. */
CsReport *cs_report_new (const char *study_folder, const char *planted_folder, GError **error);
void cs_report_free (CsReport *report);

/* NULL where there is no block with this id. */
const CsReportBlock *cs_report_find (const CsReport *report, const char *id);
/* Whether a table's column is written as numbers are, to the right: its first cell is one. */
bool cs_report_column_is_number (const CsReportBlock *table, size_t column);
/* A new plot in the light theme, to be freed by the caller. */
CsPlot *cs_report_plot (const CsReportBlock *figure);
/* "holds", "does not hold", "not decided", "not measured"; static, translated. */
const char *cs_report_verdict_word (CsReportVerdict verdict);
/* How many claims have this verdict. */
size_t cs_report_count (const CsReport *report, CsReportVerdict verdict);

/* Each file is replaced whole or left as it was. Any thread; a report belongs to one at a time.
 *
 * HTML: one file with nothing outside of it: figures are inline SVG, light and dark, by the
 * reader's preference. PDF: A4. CSV: a folder (made where it is not there) with claims.csv and a
 * file for each table, named after its id; a number is written so that it reads back as it was, and
 * its interval in columns NAME_low and NAME_high. */
char *cs_report_html (const CsReport *report); /* free with g_free() */
bool cs_report_save_html (const CsReport *report, const char *path, GError **error);
bool cs_report_save_pdf (const CsReport *report, const char *path, GError **error);
bool cs_report_save_csv (const CsReport *report, const char *folder, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsReport, cs_report_free)
