/* What the files of this room share: making blocks, and what was read. */
#pragma once

#include <jansson.h>

#include "baselines.h"
#include "causality.h"
#include "controls.h"
#include "latents.h"
#include "planted.h"
#include "refusal-audit.h"
#include "report.h"

/* --- Blocks (report-model.c). Strings are copied. --- */

CsReportSection *cs_report_add_section (CsReport *report, const char *id, const char *title);
void cs_report_paragraph (CsReportSection *section, const char *format, ...) G_GNUC_PRINTF (2, 3);
void cs_report_claim (CsReportSection *section,
                      CsReportVerdict verdict,
                      const char *claim,
                      const char *format,
                      ...) G_GNUC_PRINTF (4, 5);
void cs_report_missing (CsReportSection *section,
                        const char *page,
                        const char *what,
                        const char *format,
                        ...) G_GNUC_PRINTF (4, 5);
/* columns: NULL-terminated. The cells are added one after another, row by row, and the last row has
 * to be full. */
CsReportBlock *cs_report_table (CsReportSection *section,
                                const char *id,
                                const char *caption,
                                const char *const *columns);
void cs_report_cell (CsReportBlock *table, const char *text);
void cs_report_number (CsReportBlock *table, double value, int decimals);
void cs_report_interval (CsReportBlock *table, double value, double low, double high, int decimals);
/* Takes data. */
void cs_report_figure (CsReportSection *section,
                       const char *id,
                       const char *caption,
                       CsReportPlotFunc plot,
                       void *data,
                       GDestroyNotify free_data);
/* columns and texts: n of them; those whose text is NULL are left out. */
void cs_report_texts (CsReportSection *section,
                      const char *id,
                      const char *asked,
                      const char *detail,
                      const char *const *columns,
                      const char *const *texts,
                      size_t n);
/* "0.50" or "–" where not finite; ASCII digits in every locale. Free with g_free(). */
char *cs_report_format (double value, int decimals);
/* "0.50 (0.40 – 0.60)" or "−0.01 (−0.04 … 0.02)", without what is not finite. Free with g_free().
 */
char *cs_report_format_interval (double value, double low, double high, int decimals);
/* "97.5 % (91.3 – 99.3 %), 78 of 80", without what is not finite; n = 0 where it is not known. Free
 * with g_free(). */
char *cs_report_format_share (double share, double low, double high, size_t n);
/* The shortest digits that read back as this finite value; buffer holds G_ASCII_DTOSTR_BUF_SIZE
 * bytes; returned. */
char *cs_report_exact (char *buffer, double value);
/* text as a part of an id. Free with g_free(). */
char *cs_report_slug (const char *text);

/* --- What was read (report-source.c) --- */

typedef struct
{
  char *name, *folder;
  json_t *config; /* config.json; NULL where it cannot be read */
  CsVariant variant;
  CsLatents *latents;      /* NULL: not analysed */
  CsLatentSummary summary; /* of latents */
  CsControl *control;      /* NULL: it is no control */
  CsCausality *causality;  /* the next three: NULL where there is none */
  CsRefusalAudit *audit;
} CsReportRun;

typedef struct
{
  char *folder;
  json_t *study;      /* study.json */
  json_t *claims;     /* claims.json of the demo's story; NULL */
  json_t *labels;     /* labels.json; NULL */
  GPtrArray *runs;    /* CsReportRun, by name */
  GPtrArray *kept;    /* CsKeptSteering */
  GPtrArray *trouble; /* sentences about files that cannot be read */
  /* The first analysed run of each of these variants that is no control; NULL. */
  const CsReportRun *l1, *batchtopk;
  CsPlantedResults *planted; /* NULL */
  char *planted_folder;
  CsBaselines *baselines; /* NULL */
  bool has_store;
  char *base_hash, *chat_hash, *base_model, *chat_model, *tokenizer_hash; /* of the store; NULL */
  char **corpora;
  size_t n_tokens, n_documents, d_model, layer;
} CsReportSource;

CsReportSource *cs_report_source_new (const char *folder, const char *planted, GError **error);
void cs_report_source_free (CsReportSource *source);
const char *cs_report_source_string (const CsReportSource *source,
                                     const char *key); /* of study.json */
/* Of an object, NaN where it is no number. */
double cs_report_real (const json_t *object, const char *key);
/* A share that claims.json holds under a key, with KEY_interval and the prompts that it is of; an
 * interval that is not there is Wilson's where the prompts are known. NaN and 0 where unknown. */
typedef struct
{
  double value, low, high;
  size_t n;
} CsReportShare;

CsReportShare cs_report_share (const json_t *object, const char *key);
/* L1 then BatchTopK then other analysed runs that are no controls, no more than n; how many. */
size_t cs_report_shown_runs (const CsReportSource *source, const CsReportRun **runs, size_t n);
/* The null control of a run; NULL. */
const CsReportRun *
cs_report_control_of (const CsReportSource *source, const CsReportRun *run, CsControlKind kind);
/* "--base … --chat …", the arguments that many commands take, quoted for a shell. */
char *cs_report_pair_words (const CsReportSource *source);

/* --- The parts --- */

void cs_report_add_claims (CsReport *report, const CsReportSource *source);
void cs_report_add_counts (CsReport *report, const CsReportSource *source);
void cs_report_add_scaling (CsReport *report, const CsReportSource *source);
void cs_report_add_template (CsReport *report, const CsReportSource *source);
void cs_report_add_labels (CsReport *report, const CsReportSource *source);
void cs_report_add_causality (CsReport *report, const CsReportSource *source);
void cs_report_add_controls (CsReport *report, const CsReportSource *source);
void cs_report_add_concepts (CsReport *report, const CsReportSource *source);
void cs_report_add_audit (CsReport *report, const CsReportSource *source);
void cs_report_add_steering (CsReport *report, const CsReportSource *source);
void cs_report_add_planted (CsReport *report, const CsReportSource *source);
void cs_report_add_baselines (CsReport *report, const CsReportSource *source);
void cs_report_add_settings (CsReport *report, const CsReportSource *source);

/* --- Writing --- */

/* The plot as an <svg> element whose ids begin with prefix; free with g_free(). */
char *cs_report_svg (CsPlot *plot, double width, double height, const char *prefix);
/* The size that figures are drawn at. */
#define CS_REPORT_FIGURE_WIDTH 720.0
#define CS_REPORT_FIGURE_HEIGHT 340.0

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsReportSource, cs_report_source_free)
