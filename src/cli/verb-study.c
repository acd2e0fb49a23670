/* demo, harvest. */
#include <stdio.h>
#include <string.h>

#include "claims.h"
#include "cli.h"
#include "demo.h"
#include "harvest.h"
#include "store.h"
#include "verb-report.h"

static int run_demo (int argc, char **argv);
static int run_harvest (int argc, char **argv);

const CsVerb cs_verbs_study[] = {
  { "demo", "[--out DIR] [--json]",
    "The whole story on the demo pair: harvest, train, analyse, steer, report", run_demo },
  { "harvest",
    "--base DIR --chat DIR [--layer L] --corpus FILE… --out F.h5 [--tokens N] [--max-document N] "
    "[--date YYYY-MM-DD] [--replace-base ID=ID …] [--drop-bos] [--dtype f16|f32] [--threads N] [--json]",
    "Fills an activation store; run again, it goes on", run_harvest },
  { NULL, NULL, NULL, NULL },
};
enum
{
  VERB_DEMO,
  VERB_HARVEST
};

/* --- demo --- */

typedef struct
{
  const char *out;
  json_t *result;
} DemoData;

static bool
demo_job (CsJob *job, void *data, GError **error)
{
  DemoData *d = data;

  return cs_demo_run (job, d->out, 0, &d->result, error);
}

static int
run_demo (int argc, char **argv)
{
  g_autofree char *out = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  DemoData data = { 0 };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_study[VERB_DEMO], entries, 0, 0, &status))
    return status;
  if (out == NULL)
    out = g_build_filename (g_get_user_data_dir (), "crosscope", "demo", NULL);
  data.out = out;
  status = cs_cli_job ("Demo", demo_job, &data);
  if (status != CS_EXIT_DONE)
    return status;
  {
    g_autofree char *claims = cs_claims_text (data.result);
    fputs (claims, json ? stderr : stdout);
  }
  status = cs_cli_write_report (out);
  fprintf (stderr, "The study is in %s; crosscope opens it.\n", out);
  if (json)
    cs_cli_print_json (json_incref (data.result));
  json_decref (data.result);
  return status;
}

/* --- harvest --- */

static bool
harvest_job (CsJob *job, void *data, GError **error)
{
  return cs_harvest (job, data, error);
}

static bool
is_corpus (const char *word)
{
  return true;
}

static int
print_store (const char *path, bool json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_open (path, false, &error);

  if (store == NULL)
    return cs_cli_fail (error);
  if (json)
    cs_cli_print_json (json_pack ("{s:o, s:I, s:I, s:I, s:I}", "activations", cs_cli_string (path),
                                  "tokens", (json_int_t)cs_store_n_tokens (store), "documents",
                                  (json_int_t)cs_store_n_documents (store), "layer",
                                  (json_int_t)cs_store_info (store)->layer, "d_model",
                                  (json_int_t)cs_store_info (store)->d_model));
  else
    printf ("%s: %zu tokens of %zu documents, layer %zu, d_model %zu\n", path,
            cs_store_n_tokens (store), cs_store_n_documents (store), cs_store_info (store)->layer,
            cs_store_info (store)->d_model);
  return CS_EXIT_DONE;
}

static int
run_harvest (int argc, char **argv)
{
  g_autofree char *base = NULL, *chat = NULL, *out = NULL, *dtype = NULL, *date = NULL;
  g_autofree char *replacements = NULL;
  g_auto (GStrv) corpora = NULL, replace = NULL, words = NULL;
  int layer = -1, threads = 0;
  gint64 tokens = 0, max_document = 0;
  gboolean json = FALSE, drop_bos = FALSE;
  const GOptionEntry entries[] = {
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &base, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &chat, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT, &layer, NULL, NULL },
    { "corpus", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &corpora, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &tokens, NULL, NULL },
    { "max-document", 0, 0, G_OPTION_ARG_INT64, &max_document, NULL, NULL },
    { "date", 0, 0, G_OPTION_ARG_FILENAME, &date, NULL, NULL },
    { "replace-base", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &replace, NULL, NULL },
    { "drop-bos", 0, 0, G_OPTION_ARG_NONE, &drop_bos, NULL, NULL },
    { "dtype", 0, 0, G_OPTION_ARG_FILENAME, &dtype, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_study[VERB_HARVEST];
  g_autofree char **moved = NULL;
  int status;

  words = cs_cli_repeat_option (&argc, argv, "--corpus", is_corpus);
  argv = moved = g_memdup2 (words, ((size_t)argc + 1) * sizeof *words);
  if (!cs_cli_parse (&argc, &argv, verb, entries, 0, 0, &status))
    return status;
  if (base == NULL || chat == NULL || out == NULL || corpora == NULL)
    return cs_cli_usage (verb, "--base, --chat, --corpus and --out are needed.");
  if (tokens < 0 || max_document < 0 || threads < 0 || layer < -1)
    return cs_cli_usage (verb,
                         "--layer, --tokens, --max-document and --threads cannot be negative.");
  if (dtype != NULL && strcmp (dtype, "f16") != 0 && strcmp (dtype, "f32") != 0)
    return cs_cli_usage (verb, "--dtype is f16 or f32.");
  if (replace != NULL)
    replacements = g_strjoinv (" ", replace);
  CsHarvestOptions options = {
    .base_folder = base,
    .chat_folder = chat,
    .layer = layer < 0 ? CS_LAYER_MIDDLE : (size_t)layer,
    .corpora = (const char *const *)corpora,
    .max_tokens = (size_t)tokens,
    .max_document = (size_t)max_document,
    .date = date,
    .base_replacements = replacements,
    .drop_bos = drop_bos,
    .dtype = dtype != NULL && strcmp (dtype, "f32") == 0 ? CS_DTYPE_F32 : CS_DTYPE_F16,
    .out = out,
    .n_threads = (unsigned)threads,
  };
  status = cs_cli_job ("Harvest", harvest_job, &options);
  return status == CS_EXIT_DONE ? print_store (out, json) : status;
}
