#include "planted.h"

#include <math.h>

#include "errors.h"
#include "json.h"

#define FORMAT_VERSION 1
#define FILE_MAX ((size_t)64 << 20)
#define RESULTS_MAX 100000

static const char *const metric_names[CS_PLANTED_N_METRICS] = {
  [CS_PLANTED_RECALL] = "recall",
  [CS_PLANTED_RECALL_BINS] = "recall_bins",
  [CS_PLANTED_RECALL_BOTH] = "recall_both",
  [CS_PLANTED_RECALL_ANY] = "recall_any",
  [CS_PLANTED_PRECISION_BINS] = "precision_bins",
  [CS_PLANTED_PRECISION_SCALING] = "precision_scaling",
  [CS_PLANTED_PRECISION_BOTH] = "precision_both",
  [CS_PLANTED_CHAT_ONLY] = "chat_only",
  [CS_PLANTED_RIGHT_CHAT_ONLY] = "right_chat_only",
  [CS_PLANTED_FALSE_CHAT_ONLY] = "false_chat_only",
  [CS_PLANTED_FALSE_FROM_SHRINKAGE] = "false_from_shrinkage",
  [CS_PLANTED_FALSE_FROM_DECOUPLING] = "false_from_decoupling",
  [CS_PLANTED_FALSE_OF_SHARED] = "false_of_shared",
  [CS_PLANTED_FALSE_OF_WEAK] = "false_of_weak",
  [CS_PLANTED_FALSE_OF_SPLIT] = "false_of_split",
  [CS_PLANTED_FLAGGED_NU_ERROR] = "flagged_nu_error",
  [CS_PLANTED_FLAGGED_NU_RECONSTRUCTION] = "flagged_nu_reconstruction",
  [CS_PLANTED_FLAGGED] = "flagged",
  [CS_PLANTED_BETWEEN_CHAT_ONLY] = "between_chat_only",
  [CS_PLANTED_BETWEEN_FROM_SHRINKAGE] = "between_from_shrinkage",
  [CS_PLANTED_BETWEEN_FROM_DECOUPLING] = "between_from_decoupling",
  [CS_PLANTED_BETWEEN_FLAGGED] = "between_flagged",
  [CS_PLANTED_UNMATCHED_CHAT_ONLY] = "unmatched_chat_only",
  [CS_PLANTED_CHAT_SPECIFIC] = "chat_specific",
  [CS_PLANTED_RIGHT_CHAT_SPECIFIC] = "right_chat_specific",
  [CS_PLANTED_FALSE_CHAT_SPECIFIC] = "false_chat_specific",
  [CS_PLANTED_BETWEEN_CHAT_SPECIFIC] = "between_chat_specific",
  [CS_PLANTED_UNMATCHED_CHAT_SPECIFIC] = "unmatched_chat_specific",
  [CS_PLANTED_DEAD] = "dead",
  [CS_PLANTED_L0] = "l0",
  [CS_PLANTED_FVE] = "fve",
};

const char *
cs_planted_metric_name (CsPlantedMetric metric)
{
  return metric_names[metric];
}

CsPlantedResults *
cs_planted_results_new (const CsPlantedSettings *settings)
{
  CsPlantedResults *results = g_new0 (CsPlantedResults, 1);

  results->settings = *settings;
  results->results = g_array_new (FALSE, FALSE, sizeof (CsPlantedResult));
  return results;
}

void
cs_planted_results_free (CsPlantedResults *results)
{
  if (results == NULL)
    return;
  g_array_unref (results->results);
  g_free (results);
}

/* --- Over the seeds --- */

static bool
is_share (CsPlantedMetric metric)
{
  return metric <= CS_PLANTED_PRECISION_BOTH;
}

/* The 0.975 quantile of Student's t. */
static double
student (size_t freedom)
{
  static const double table[] = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                  2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                  2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                  2.060,  2.056, 2.052, 2.048, 2.045, 2.042 };

  return freedom <= G_N_ELEMENTS (table) ? table[freedom - 1] : 1.96 + 2.46 / (double)freedom;
}

CsPlantedInterval
cs_planted_mean (const CsPlantedResults *results, CsVariant variant, CsPlantedMetric metric)
{
  CsPlantedInterval interval = { 0, NAN, NAN, NAN };
  double sum = 0, squares = 0;

  for (guint i = 0; i < results->results->len; i++)
    {
      const CsPlantedResult *r = &g_array_index (results->results, CsPlantedResult, i);

      if (r->variant != variant || !isfinite (r->value[metric]))
        continue;
      interval.n++;
      const double off = r->value[metric] - sum; /* Welford: sum is the mean so far */
      sum += off / (double)interval.n;
      squares += off * (r->value[metric] - sum);
    }
  if (interval.n > 0)
    interval.mean = sum;
  if (interval.n > 1)
    {
      const double n = (double)interval.n,
                   half = student (interval.n - 1) * sqrt (squares / (n - 1) / n);

      /* Not beyond what the metric can be; FVE alone can be negative. */
      interval.low = metric == CS_PLANTED_FVE ? sum - half : MAX (0, sum - half);
      interval.high = is_share (metric) ? MIN (1, sum + half) : sum + half;
    }
  return interval;
}

CsPlantedInterval
cs_planted_share (const CsPlantedResults *results,
                  CsVariant variant,
                  CsPlantedMetric part,
                  CsPlantedMetric whole)
{
  CsPlantedInterval interval = { 0, NAN, NAN, NAN };
  const double z = 1.959964;
  double parts = 0, n = 0;

  for (guint i = 0; i < results->results->len; i++)
    {
      const CsPlantedResult *r = &g_array_index (results->results, CsPlantedResult, i);

      if (r->variant != variant || !isfinite (r->value[part]) || !isfinite (r->value[whole]))
        continue;
      parts += r->value[part];
      n += r->value[whole];
    }
  if (n < 1)
    return interval;
  const double p = parts / n, middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double half = z / (1 + z * z / n) * sqrt (p * (1 - p) / n + z * z / (4 * n * n));

  interval.n = (size_t)n;
  interval.mean = p;
  interval.low = MAX (0, middle - half);
  interval.high = MIN (1, middle + half);
  return interval;
}

/* --- JSON --- */

static json_t *
real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

json_t *
cs_planted_result_json (const CsPlantedResult *result)
{
  json_t *object = json_pack ("{s:s, s:I}", "variant", cs_variant_name (result->variant), "seed",
                              (json_int_t)result->seed);

  for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
    json_object_set_new (object, metric_names[m],
                         is_share ((CsPlantedMetric)m) || m >= CS_PLANTED_L0 ||
                                 !isfinite (result->value[m])
                             ? real (result->value[m])
                             : json_integer ((json_int_t)result->value[m]));
  return object;
}

static json_t *
interval_json (CsPlantedInterval interval)
{
  return json_pack ("{s:o, s:o, s:o, s:I}", "mean", real (interval.mean), "low",
                    real (interval.low), "high", real (interval.high), "n", (json_int_t)interval.n);
}

json_t *
cs_planted_summary_json (const CsPlantedResults *results, CsVariant variant)
{
  json_t *object = json_pack ("{s:s, s:b}", "variant", cs_variant_name (variant), "summary", true);
  size_t seeds = 0;

  for (guint i = 0; i < results->results->len; i++)
    seeds += g_array_index (results->results, CsPlantedResult, i).variant == variant;
  json_object_set_new (object, "seeds", json_integer ((json_int_t)seeds));
  for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
    json_object_set_new (object, metric_names[m],
                         interval_json (cs_planted_mean (results, variant, (CsPlantedMetric)m)));
  json_object_set_new (object, "flagged_share",
                       interval_json (cs_planted_share (results, variant, CS_PLANTED_FLAGGED,
                                                        CS_PLANTED_FALSE_CHAT_ONLY)));
  json_object_set_new (
      object, "between_flagged_share",
      interval_json (cs_planted_share (results, variant, CS_PLANTED_BETWEEN_FLAGGED,
                                       CS_PLANTED_BETWEEN_CHAT_ONLY)));
  return object;
}

bool
cs_planted_results_save (const CsPlantedResults *results, const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "summary.json", NULL);
  json_t *lines = json_array ();
  g_autoptr (json_t) root =
      json_pack ("{s:i, s:o, s:o, s:[o, o]}", "format_version", FORMAT_VERSION, "settings",
                 cs_planted_settings_json (&results->settings, false), "results", lines, "summary",
                 cs_planted_summary_json (results, CS_VARIANT_L1),
                 cs_planted_summary_json (results, CS_VARIANT_BATCHTOPK));

  for (guint i = 0; i < results->results->len; i++)
    json_array_append_new (
        lines, cs_planted_result_json (&g_array_index (results->results, CsPlantedResult, i)));
  return cs_json_save (root, path, error);
}

static bool
read_result (CsPlantedResult *result, json_t *object, const char *path, GError **error)
{
  const char *variant = NULL;
  size_t seed;

  if (!cs_json_get_string (object, path, "variant", "", &variant, error) ||
      !cs_json_get_size (object, path, "seed", 0, G_MAXINT64, 0, &seed, error))
    return false;
  if (!cs_variant_parse (variant, &result->variant))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: a result has no known “variant”.", path);
      return false;
    }
  result->seed = seed;
  for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
    if (!cs_json_get_double (object, path, metric_names[m], NAN, &result->value[m], error))
      return false;
  return true;
}

CsPlantedResults *
cs_planted_results_load (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "summary.json", NULL);
  g_autoptr (json_t) root = cs_json_load (path, FILE_MAX, error);
  g_autoptr (CsPlantedResults) results = NULL;
  json_t *lines, *settings = json_object_get (root, "settings");
  CsPlantedSettings own;
  size_t version;

  if (root == NULL ||
      !cs_json_get_size (root, path, "format_version", 0, G_MAXINT, 0, &version, error))
    return NULL;
  lines = json_object_get (root, "results");
  if (version != FORMAT_VERSION || !json_is_object (settings) ||
      json_array_size (lines) > RESULTS_MAX)
    {
      g_set_error (error, CS_ERROR,
                   version > FORMAT_VERSION ? CS_ERROR_UNSUPPORTED : CS_ERROR_FORMAT,
                   "%s does not hold planted results of format version %d: score the world again.",
                   path, FORMAT_VERSION);
      return NULL;
    }
  cs_planted_settings_init (&own);
  if (!cs_planted_settings_read (&own, settings, path, error))
    return NULL;
  results = cs_planted_results_new (&own);
  for (size_t i = 0; i < json_array_size (lines); i++)
    {
      CsPlantedResult result = { 0 };

      if (!read_result (&result, json_array_get (lines, i), path, error))
        return NULL;
      g_array_append_val (results->results, result);
    }
  return g_steal_pointer (&results);
}
