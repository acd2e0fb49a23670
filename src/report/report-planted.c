/* The planted worlds: what crosscoders find where the truth is known. */
#include "report-private.h"

#include <glib/gi18n.h>

static void
add_mean (CsReportBlock *table, const CsPlantedResults *planted, CsVariant variant, int metric)
{
  CsPlantedInterval i = cs_planted_mean (planted, variant, (CsPlantedMetric)metric);

  cs_report_interval (table, i.mean, i.low, i.high, 3);
}

static void
add_share (CsReportBlock *table,
           const CsPlantedResults *planted,
           const char *title,
           CsPlantedMetric part,
           CsPlantedMetric whole)
{
  static const CsVariant variants[] = { CS_VARIANT_L1, CS_VARIANT_BATCHTOPK };

  cs_report_cell (table, title);
  for (size_t v = 0; v < G_N_ELEMENTS (variants); v++)
    {
      CsPlantedInterval i = cs_planted_share (planted, variants[v], part, whole);

      cs_report_interval (table, i.mean, i.low, i.high, 3);
    }
}

static void
add_settings (CsReportSection *section, const CsPlantedSettings *settings)
{
  size_t n;
  const CsPlantedSetting *list = cs_planted_setting_list (&n);
  CsReportBlock *table =
      cs_report_table (section, "planted-settings", _ ("The planted world and the training on it."),
                       (const char *const[]){ _ ("setting"), _ ("value"), _ ("what it is"), NULL });

  for (size_t i = 0; i < n; i++)
    {
      cs_report_cell (table, list[i].name);
      cs_report_number (table, cs_planted_setting_get (settings, &list[i]),
                        list[i].is_size ? 0 : -1);
      cs_report_cell (table, list[i].what);
    }
}

static char *
seeds_of (const CsPlantedResults *planted)
{
  GString *seeds = g_string_new (NULL);
  uint64_t last = 0;

  for (guint i = 0; i < planted->results->len; i++)
    {
      uint64_t seed = g_array_index (planted->results, CsPlantedResult, i).seed;

      if (seeds->len == 0 || seed != last)
        g_string_append_printf (seeds, "%s%" G_GUINT64_FORMAT, seeds->len > 0 ? ", " : "", seed);
      last = seed;
    }
  return g_string_free (seeds, FALSE);
}

void
cs_report_add_planted (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section =
      cs_report_add_section (report, "planted", _ ("Worlds with known answers"));
  const CsPlantedResults *planted = source->planted;
  g_autofree char *quoted = g_shell_quote (source->planted_folder), *seeds = NULL, *caption = NULL;
  CsReportBlock *table;

  if (planted == NULL)
    {
      cs_report_missing (section, NULL, _ ("No planted trial has been run."),
                         "crosscope-cli plant --out %s", quoted);
      return;
    }
  seeds = seeds_of (planted);
  caption = g_strdup_printf (
      _ ("Crosscoders on stores made of known features; means over seeds %s with 95 %% intervals. "
         "False: the feature's true presence in base, ν*, is at least 0.5; right: at most 0.2."),
      seeds);
  table = cs_report_table (section, "planted-table", caption,
                           (const char *const[]){ _ ("measure"), "L1", "BatchTopK", NULL });
  for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
    {
      cs_report_cell (table, cs_planted_metric_name ((CsPlantedMetric)m));
      add_mean (table, planted, CS_VARIANT_L1, m);
      add_mean (table, planted, CS_VARIANT_BATCHTOPK, m);
    }
  add_share (table, planted, "flagged_share", CS_PLANTED_FLAGGED, CS_PLANTED_FALSE_CHAT_ONLY);
  add_share (table, planted, "between_flagged_share", CS_PLANTED_BETWEEN_FLAGGED,
             CS_PLANTED_BETWEEN_CHAT_ONLY);
  add_settings (section, &planted->settings);
}
