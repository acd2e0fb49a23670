/* report: what a study says, as HTML, PDF and tables. */
#include "verb-report.h"

#include <stdio.h>

#include "cli.h"
#include "report.h"
#include "study.h"

static int run_report (int argc, char **argv);

const CsVerb cs_verbs_report[] = {
  { "report", "STUDY [--html F] [--pdf F] [--csv DIR] [--planted DIR] [--json]",
    "Writes what a study found: claims, figures, settings; STUDY/report.html at least",
    run_report },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  const char *study, *html, *pdf, *csv, *planted;
  CsReport *report;
} ReportData;

static bool
report_job (CsJob *job, void *data, GError **error)
{
  ReportData *d = data;

  cs_job_phase (job, "Reading the study");
  if ((d->report = cs_report_new (d->study, d->planted, error)) == NULL)
    return false;
  cs_job_phase (job, "Writing");
  return (d->html == NULL || cs_report_save_html (d->report, d->html, error)) &&
         (d->pdf == NULL || cs_report_save_pdf (d->report, d->pdf, error)) &&
         (d->csv == NULL || cs_report_save_csv (d->report, d->csv, error));
}

static json_t *
claims_json (const CsReport *report)
{
  static const char *const verdicts[] = { "holds", "fails", "undecided", "unknown" };
  json_t *claims = json_array ();

  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      for (guint b = 0; b < section->blocks->len; b++)
        {
          const CsReportBlock *block = g_ptr_array_index (section->blocks, b);

          if (block->kind == CS_REPORT_CLAIM)
            json_array_append_new (claims,
                                   json_pack ("{s:s, s:s, s:s}", "claim", block->text, "verdict",
                                              verdicts[block->verdict], "numbers", block->detail));
        }
    }
  return claims;
}

static void
print_claims (const CsReport *report)
{
  for (guint s = 0; s < report->sections->len; s++)
    {
      const CsReportSection *section = g_ptr_array_index (report->sections, s);

      for (guint b = 0; b < section->blocks->len; b++)
        {
          const CsReportBlock *block = g_ptr_array_index (section->blocks, b);

          if (block->kind == CS_REPORT_CLAIM)
            printf ("%-14s %s\n               %s\n", cs_report_verdict_word (block->verdict),
                    block->text, block->detail);
        }
    }
}

static void
print_report (const ReportData *d, bool json)
{
  const char *const files[] = { d->html, d->pdf, d->csv };

  if (json)
    cs_cli_print_json (json_pack ("{s:o, s:o, s:o, s:o}", "html", cs_cli_string (d->html), "pdf",
                                  cs_cli_string (d->pdf), "csv", cs_cli_string (d->csv), "claims",
                                  claims_json (d->report)));
  else
    print_claims (d->report);
  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    if (files[i] != NULL)
      fprintf (stderr, "Written: %s\n", files[i]);
}

static int
run_report (int argc, char **argv)
{
  g_autofree char *html = NULL, *pdf = NULL, *csv = NULL, *planted = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "html", 0, 0, G_OPTION_ARG_FILENAME, &html, NULL, NULL },
    { "pdf", 0, 0, G_OPTION_ARG_FILENAME, &pdf, NULL, NULL },
    { "csv", 0, 0, G_OPTION_ARG_FILENAME, &csv, NULL, NULL },
    { "planted", 0, 0, G_OPTION_ARG_FILENAME, &planted, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  ReportData data = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStudy) study = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_report[0], entries, 1, 1, &status))
    return status;
  if ((study = cs_study_open (argv[1], &error)) == NULL) /* of a newer version, for one */
    return cs_cli_fail (error);
  if (html == NULL && pdf == NULL && csv == NULL)
    html = g_build_filename (argv[1], "report.html", NULL);
  data = (ReportData){ argv[1], html, pdf, csv, planted, NULL };
  status = cs_cli_job ("Report", report_job, &data);
  if (status == CS_EXIT_DONE)
    print_report (&data, json);
  cs_report_free (data.report);
  return status;
}

int
cs_cli_write_report (const char *study)
{
  g_autofree char *html = g_build_filename (study, "report.html", NULL);
  ReportData data = { .study = study, .html = html };
  int status = cs_cli_job ("Report", report_job, &data);

  if (status == CS_EXIT_DONE)
    fprintf (stderr, "The report is %s.\n", html);
  cs_report_free (data.report);
  return status;
}
