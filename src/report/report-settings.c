/* Everything that it takes to do the work again: models, hashes, corpora, settings, versions. */
#include "report-private.h"

#include <string.h>

#include <glib/gi18n.h>

#include "crosscope-config.h"

#define MAX_RUNS 12
#define MAX_KEYS 200
#define MAX_SETTING 300 /* characters of a text in a configuration */

static void
add_row (CsReportBlock *table, const char *name, const char *value)
{
  cs_report_cell (table, name);
  cs_report_cell (table, value != NULL ? value : "–");
}

static void
add_count (CsReportBlock *table, const char *name, size_t value)
{
  cs_report_cell (table, name);
  cs_report_number (table, (double)value, 0);
}

static void
add_corpora (CsReportBlock *table, const CsReportSource *source)
{
  json_t *corpora = json_object_get (source->study, "corpora"), *corpus;
  size_t i;

  json_array_foreach (corpora, i, corpus) add_row (table, _ ("corpus"), json_string_value (corpus));
}

static void
add_study (CsReportSection *section, const CsReportSource *source)
{
  CsReportBlock *table =
      cs_report_table (section, "study", _ ("The pair, its activations and the versions."),
                       (const char *const[]){ _ ("setting"), _ ("value"), NULL });

  add_row (table, _ ("written by"), "Crosscope " CS_VERSION);
  add_row (table, _ ("study written by"), cs_report_source_string (source, "crosscope_version"));
  add_row (table, _ ("base model"), cs_report_source_string (source, "base"));
  add_row (table, _ ("chat model"), cs_report_source_string (source, "chat"));
  add_corpora (table, source);
  if (!source->has_store)
    return;
  add_row (table, _ ("base weights, hash"), source->base_hash);
  add_row (table, _ ("chat weights, hash"), source->chat_hash);
  add_row (table, _ ("tokenizer, hash"), source->tokenizer_hash);
  add_count (table, _ ("layer (0-based block)"), source->layer);
  add_count (table, "d_model", source->d_model);
  add_count (table, _ ("tokens"), source->n_tokens);
  add_count (table, _ ("documents"), source->n_documents);
}

static void
add_setting (CsReportBlock *table, const json_t *value)
{
  g_autofree char *text = NULL;

  if (json_is_number (value))
    {
      cs_report_number (table, json_number_value (value), json_is_integer (value) ? 0 : -1);
      return;
    }
  if (json_is_boolean (value))
    text = g_strdup (json_is_true (value) ? "true" : "false");
  else if (json_is_string (value))
    text = g_utf8_substring (json_string_value (value), 0,
                             MIN (MAX_SETTING, g_utf8_strlen (json_string_value (value), -1)));
  cs_report_cell (table, text);
}

/* Every key of every configuration, in the order of the first one that has it. */
static char **
setting_keys (const CsReportRun *const *runs, size_t n)
{
  g_autoptr (GStrvBuilder) keys = g_strv_builder_new ();
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (size_t i = 0; i < n; i++)
    {
      const char *key;
      json_t *value;

      json_object_foreach (runs[i]->config, key, value)
      {
        if (g_hash_table_size (seen) < MAX_KEYS && !json_is_object (value) &&
            !json_is_array (value) && g_hash_table_add (seen, g_strdup (key)))
          g_strv_builder_add (keys, key);
      }
    }
  return g_strv_builder_end (keys);
}

/* Settings down, runs across. */
static void
add_runs (CsReportSection *section, const CsReportSource *source)
{
  const CsReportRun *runs[MAX_RUNS];
  const char *columns[MAX_RUNS + 2] = { _ ("setting") };
  g_auto (GStrv) keys = NULL;
  CsReportBlock *table;
  size_t n = 0;

  for (guint i = 0; i < source->runs->len && n < MAX_RUNS; i++)
    {
      runs[n] = g_ptr_array_index (source->runs, i);
      columns[n + 1] = runs[n]->name;
      n += runs[n]->config != NULL;
    }
  if (n == 0)
    return;
  columns[n + 1] = NULL;
  keys = setting_keys (runs, n);
  table = cs_report_table (section, "run-settings", _ ("The settings of each run, config.json."),
                           columns);
  for (size_t k = 0; keys[k] != NULL; k++)
    {
      cs_report_cell (table, keys[k]);
      for (size_t i = 0; i < n; i++)
        add_setting (table, json_object_get (runs[i]->config, keys[k]));
    }
}

void
cs_report_add_settings (CsReport *report, const CsReportSource *source)
{
  CsReportSection *section = cs_report_add_section (report, "settings", _ ("Settings and hashes"));

  if (source->trouble->len > 0)
    for (guint i = 0; i < source->trouble->len; i++)
      cs_report_missing (section, NULL, _ ("A file of this study could not be read."), "%s",
                         (const char *)g_ptr_array_index (source->trouble, i));
  add_study (section, source);
  add_runs (section, source);
}
