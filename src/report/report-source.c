/* Reading what a study has. What is missing stays NULL; what cannot be read is told in `trouble`.
 */
#include "report-private.h"

#include <math.h>

#include "errors.h"
#include "json.h"
#include "kept-steering.h"
#include "scaling-intervals.h"
#include "store.h"

#define MAX_JSON ((size_t)64 << 20)
#define MAX_RUNS 1000

static void
run_free (void *data)
{
  CsReportRun *run = data;

  g_free (run->name);
  g_free (run->folder);
  g_clear_pointer (&run->config, json_decref);
  g_clear_pointer (&run->latents, cs_latents_free);
  g_clear_pointer (&run->control, cs_control_free);
  g_clear_pointer (&run->causality, cs_causality_free);
  g_clear_pointer (&run->audit, cs_refusal_audit_free);
  g_free (run);
}

void
cs_report_source_free (CsReportSource *source)
{
  if (source == NULL)
    return;
  g_free (source->folder);
  g_clear_pointer (&source->study, json_decref);
  g_clear_pointer (&source->claims, json_decref);
  g_clear_pointer (&source->labels, json_decref);
  g_clear_pointer (&source->runs, g_ptr_array_unref);
  g_clear_pointer (&source->kept, g_ptr_array_unref);
  g_clear_pointer (&source->trouble, g_ptr_array_unref);
  g_clear_pointer (&source->planted, cs_planted_results_free);
  g_clear_pointer (&source->baselines, cs_baselines_free);
  g_free (source->planted_folder);
  g_free (source->base_hash);
  g_free (source->chat_hash);
  g_free (source->base_model);
  g_free (source->chat_model);
  g_free (source->tokenizer_hash);
  g_strfreev (source->corpora);
  g_free (source);
}

const char *
cs_report_source_string (const CsReportSource *source, const char *key)
{
  return json_string_value (json_object_get (source->study, key));
}

double
cs_report_real (const json_t *object, const char *key)
{
  const json_t *value = json_object_get (object, key);

  return json_is_number (value) ? json_number_value (value) : NAN;
}

CsReportShare
cs_report_share (const json_t *object, const char *key)
{
  g_autofree char *name = g_strconcat (key, "_interval", NULL);
  const json_t *interval = json_object_get (object, name);
  const double n = cs_report_real (object, "prompts");
  CsReportShare share = { .value = cs_report_real (object, key), .low = NAN, .high = NAN };
  double wilson[2];

  if (!(share.value >= 0 && share.value <= 1))
    return (CsReportShare){ NAN, NAN, NAN, 0 };
  if (n >= 1 && n <= 1e9)
    {
      share.n = (size_t)n;
      cs_share_interval ((size_t)round (share.value * n), share.n, wilson);
      share.low = wilson[0];
      share.high = wilson[1];
    }
  if (json_is_number (json_array_get (interval, 0)) &&
      json_is_number (json_array_get (interval, 1)))
    {
      share.low = json_number_value (json_array_get (interval, 0));
      share.high = json_number_value (json_array_get (interval, 1));
    }
  return share;
}

static void
tell (CsReportSource *source, GError *error)
{
  g_ptr_array_add (source->trouble, g_strdup (error->message));
  g_error_free (error);
}

static bool
is_there (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

/* An object, or NULL. */
static json_t *
read_object (CsReportSource *source, const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  GError *error = NULL;
  json_t *object;

  if (!is_there (folder, name))
    return NULL;
  object = cs_json_load (path, MAX_JSON, &error);
  if (object != NULL && !json_is_object (object))
    {
      g_clear_pointer (&object, json_decref);
      g_set_error (&error, CS_ERROR, CS_ERROR_FORMAT, "%s is not a JSON object.", path);
    }
  if (object == NULL)
    tell (source, error);
  return object;
}

/* --- Runs --- */

static void
read_findings (CsReportSource *source, CsReportRun *run)
{
  GError *error = NULL;

  if (is_there (run->folder, "latents.h5"))
    {
      if ((run->latents = cs_latents_load (run->folder, &error)) != NULL)
        cs_latents_summarise (run->latents, &run->summary);
      else
        tell (source, g_steal_pointer (&error));
    }
  if (cs_control_is (run->folder) && (run->control = cs_control_load (run->folder, &error)) == NULL)
    tell (source, g_steal_pointer (&error));
  if (is_there (run->folder, "causality.json") &&
      (run->causality = cs_causality_load (run->folder, &error)) == NULL)
    tell (source, g_steal_pointer (&error));
  if (is_there (run->folder, "audit.json") &&
      (run->audit = cs_refusal_audit_load (run->folder, &error)) == NULL)
    tell (source, g_steal_pointer (&error));
}

static CsReportRun *
read_run (CsReportSource *source, const char *folder, const char *name)
{
  CsReportRun *run = g_new0 (CsReportRun, 1);
  const char *variant;

  run->name = g_utf8_make_valid (name, -1);
  run->folder = g_strdup (folder);
  run->config = read_object (source, folder, "config.json");
  variant = json_string_value (json_object_get (run->config, "variant"));
  run->variant = CS_VARIANT_BATCHTOPK;
  if (variant != NULL)
    cs_variant_parse (variant, &run->variant);
  read_findings (source, run);
  return run;
}

static int
by_name (const void *a, const void *b)
{
  const CsReportRun *const *x = a, *const *y = b;

  return g_strcmp0 ((*x)->name, (*y)->name);
}

static void
read_runs (CsReportSource *source)
{
  g_autofree char *runs = g_build_filename (source->folder, "runs", NULL);
  g_autoptr (GDir) dir = g_dir_open (runs, 0, NULL);
  const char *name;

  while (dir != NULL && source->runs->len < MAX_RUNS && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *folder = g_build_filename (runs, name, NULL);

      if (is_there (folder, "config.json") || is_there (folder, "model.safetensors"))
        g_ptr_array_add (source->runs, read_run (source, folder, name));
    }
  g_ptr_array_sort (source->runs, by_name);
  for (guint i = 0; i < source->runs->len; i++)
    {
      const CsReportRun *run = g_ptr_array_index (source->runs, i);

      if (run->latents == NULL || cs_control_is (run->folder))
        continue;
      if (run->variant == CS_VARIANT_L1 && source->l1 == NULL)
        source->l1 = run;
      else if (run->variant == CS_VARIANT_BATCHTOPK && source->batchtopk == NULL)
        source->batchtopk = run;
    }
}

size_t
cs_report_shown_runs (const CsReportSource *source, const CsReportRun **runs, size_t n)
{
  size_t count = 0;

  if (source->l1 != NULL && count < n)
    runs[count++] = source->l1;
  if (source->batchtopk != NULL && count < n)
    runs[count++] = source->batchtopk;
  for (guint i = 0; i < source->runs->len && count < n; i++)
    {
      const CsReportRun *run = g_ptr_array_index (source->runs, i);

      if (run->latents != NULL && run != source->l1 && run != source->batchtopk &&
          !cs_control_is (run->folder))
        runs[count++] = run;
    }
  return count;
}

const CsReportRun *
cs_report_control_of (const CsReportSource *source, const CsReportRun *run, CsControlKind kind)
{
  for (guint i = 0; run != NULL && i < source->runs->len; i++)
    {
      const CsReportRun *other = g_ptr_array_index (source->runs, i);

      if (other->control != NULL && other->control->kind == kind && other->control->done &&
          g_strcmp0 (other->control->of, run->name) == 0)
        return other;
    }
  return NULL;
}

/* --- The store --- */

static void
read_store (CsReportSource *source)
{
  g_autofree char *path = g_build_filename (source->folder, "activations.h5", NULL);
  g_autoptr (CsStore) store = NULL;
  const CsStoreInfo *info;
  GError *error = NULL;

  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return;
  if ((store = cs_store_open (path, false, &error)) == NULL)
    {
      tell (source, error);
      return;
    }
  info = cs_store_info (store);
  source->has_store = true;
  source->base_hash = g_strdup (info->base_hash);
  source->chat_hash = g_strdup (info->chat_hash);
  source->base_model = g_strdup (info->base_model);
  source->chat_model = g_strdup (info->chat_model);
  source->tokenizer_hash = g_strdup (info->tokenizer_hash);
  source->corpora = g_strdupv (info->corpora);
  source->layer = info->layer;
  source->d_model = info->d_model;
  source->n_tokens = cs_store_n_tokens (store);
  source->n_documents = cs_store_n_documents (store);
}

/* --- The rest --- */

static void
read_planted (CsReportSource *source, const char *planted)
{
  GError *error = NULL;

  source->planted_folder =
      planted != NULL ? g_strdup (planted) : g_build_filename (source->folder, "planted", NULL);
  if (planted == NULL && !is_there (source->planted_folder, "summary.json"))
    return;
  source->planted = cs_planted_results_load (source->planted_folder, &error);
  if (source->planted == NULL)
    tell (source, error);
}

static void
read_baselines (CsReportSource *source)
{
  GError *error = NULL;

  if (!is_there (source->folder, "baselines.json"))
    return;
  if ((source->baselines = cs_baselines_load (source->folder, &error)) == NULL)
    tell (source, error);
}

CsReportSource *
cs_report_source_new (const char *folder, const char *planted, GError **error)
{
  g_autoptr (CsReportSource) source = g_new0 (CsReportSource, 1);
  g_autofree char *file = g_build_filename (folder, "study.json", NULL);
  GError *trouble = NULL;

  source->folder = g_strdup (folder);
  source->runs = g_ptr_array_new_with_free_func (run_free);
  source->trouble = g_ptr_array_new_with_free_func (g_free);
  if ((source->study = cs_json_load (file, MAX_JSON, error)) == NULL)
    return NULL;
  if (!json_is_object (source->study))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s is no study: name a folder that Crosscope made.", file);
      return NULL;
    }
  source->claims = read_object (source, folder, "claims.json");
  source->labels = read_object (source, folder, "labels.json");
  source->kept = cs_kept_steering_load (folder, &trouble);
  if (source->kept == NULL)
    {
      tell (source, trouble);
      source->kept = g_ptr_array_new_with_free_func (cs_kept_steering_free);
    }
  read_store (source);
  read_runs (source);
  read_planted (source, planted);
  read_baselines (source);
  return g_steal_pointer (&source);
}

char *
cs_report_pair_words (const CsReportSource *source)
{
  const char *base = cs_report_source_string (source, "base"),
             *chat = cs_report_source_string (source, "chat");
  g_autofree char *quoted_base = g_shell_quote (base != NULL ? base : "BASE"),
                  *quoted_chat = g_shell_quote (chat != NULL ? chat : "CHAT");

  return g_strdup_printf ("--base %s --chat %s", quoted_base, quoted_chat);
}
