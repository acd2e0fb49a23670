/* bench train, prefill, generate, tokenize, latents, import: one JSON object each. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "bench-import.h"
#include "bench-latents.h"
#include "bench-model.h"
#include "cli.h"
#include "errors.h"
#include "tokenizer.h"

static int run_train (int argc, char **argv);
static int run_prefill (int argc, char **argv);
static int run_generate (int argc, char **argv);
static int run_tokenize (int argc, char **argv);
static int run_latents (int argc, char **argv);
static int run_import (int argc, char **argv);

const CsVerb cs_verbs_bench[] = {
  { "bench train",
    "[--d-model D] [--latents N] [--k K] [--batch B] [--steps S] [--variant V] [--threads N] "
    "[--json]",
    "A training step beside the encoder product alone", run_train },
  { "bench prefill",
    "--model DIR|--random-like NAME [--tokens N] [--blocks L] [--threads N] [--json]",
    "Reading a prompt beside the machine's sgemm peak", run_prefill },
  { "bench generate", "--model DIR|--random-like NAME [--tokens N] [--threads N] [--json]",
    "Writing tokens beside the memory bandwidth", run_generate },
  { "bench tokenize", "--model DIR [--json]", "Encoding English text on one core", run_tokenize },
  { "bench latents", "[--latents N] [--json]",
    "Opening, sorting and filtering a large table of latents", run_latents },
  { "bench import", "[--d-model D] [--latents N] [--keep DIR] [--json]",
    "Importing a random crosscoder of the paper's full size", run_import },
  { NULL, NULL, NULL, NULL },
};

static double
seconds_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / 1e6;
}

/* --- train --- */

typedef struct
{
  CsBenchTrainOptions options;
  CsBenchTrain result;
} TrainBench;

static bool
train_job (CsJob *job, void *data, GError **error)
{
  TrainBench *bench = data;

  return cs_bench_train (job, &bench->options, &bench->result, error);
}

static int
run_train (int argc, char **argv)
{
  gint64 d_model = 576, latents = 16384, k = 64, batch = 2048, steps = 10;
  int threads = 0, status;
  g_autofree char *variant = NULL;
  const GOptionEntry entries[] = {
    { "d-model", 0, 0, G_OPTION_ARG_INT64, &d_model, NULL, NULL },
    { "latents", 0, 0, G_OPTION_ARG_INT64, &latents, NULL, NULL },
    { "k", 0, 0, G_OPTION_ARG_INT64, &k, NULL, NULL },
    { "batch", 0, 0, G_OPTION_ARG_INT64, &batch, NULL, NULL },
    { "steps", 0, 0, G_OPTION_ARG_INT64, &steps, NULL, NULL },
    { "variant", 0, 0, G_OPTION_ARG_FILENAME, &variant, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL, NULL },
    { NULL },
  };
  TrainBench bench = { .options = { .variant = CS_VARIANT_BATCHTOPK } };

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_bench[0], entries, 0, 0, &status))
    return status;
  if (d_model < 1 || latents < 1 || k < 1 || batch < 1 || steps < 1 || threads < 0 ||
      (variant != NULL && !cs_variant_parse (variant, &bench.options.variant)))
    return cs_cli_usage (&cs_verbs_bench[0],
                         "Sizes have to be 1 or more, the variant batchtopk, topk or l1.");
  bench.options.d_model = (size_t)d_model;
  bench.options.n_latents = (size_t)latents;
  bench.options.k = (size_t)k;
  bench.options.batch = (size_t)batch;
  bench.options.steps = (size_t)steps;
  bench.options.n_threads = (unsigned)threads;
  status = cs_cli_job ("Benchmark", train_job, &bench);
  if (status != CS_EXIT_DONE)
    return status;
  const CsBenchTrain *r = &bench.result;
  const CsCliReal parts[] = { { "read", r->parts.read },           { "encode", r->parts.encode },
                              { "select", r->parts.select },       { "decode", r->parts.decode },
                              { "gradients", r->parts.gradients }, { "adam", r->parts.adam } };
  const CsCliReal values[] = {
    { "seconds_per_step", r->seconds_per_step }, { "tokens_per_s", r->tokens_per_s },
    { "floor_seconds", r->floor_seconds },       { "ratio_to_floor", r->ratio_to_floor },
    { "peak_gflops", r->peak_gflops },           { "bandwidth_gbs", r->bandwidth_gbs }
  };
  json_t *object = cs_cli_reals (values, G_N_ELEMENTS (values));
  json_object_set_new (object, "peak_memory_bytes",
                       json_integer ((json_int_t)r->peak_memory_bytes));
  json_object_set_new (object, "parts", cs_cli_reals (parts, G_N_ELEMENTS (parts)));
  cs_cli_print_json (object);
  return CS_EXIT_DONE;
}

/* --- prefill and generate --- */

typedef struct
{
  char *folder, *like;
  gint64 tokens, blocks;
  int threads;
} ModelOptions;

static bool
open_model_bench (
    CsModelBench *bench, ModelOptions *o, const CsVerb *verb, int argc, char **argv, int *status)
{
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &o->folder, NULL, NULL },
    { "random-like", 0, 0, G_OPTION_ARG_FILENAME, &o->like, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &o->tokens, NULL, NULL },
    { "blocks", 0, 0, G_OPTION_ARG_INT64, &o->blocks, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &o->threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 0, 0, status))
    return false;
  if ((o->folder == NULL) == (o->like == NULL) || o->tokens < 1 || o->tokens > 1 << 20 ||
      o->blocks < 0 || o->threads < 0)
    {
      *status = cs_cli_usage (
          verb, "Give one of --model and --random-like; --tokens has to be 1 or more.");
      return false;
    }
  if (!cs_model_bench_open (bench, o->folder, o->like, (unsigned)o->threads, &error))
    {
      *status = cs_cli_fail (error);
      return false;
    }
  return true;
}

static int
run_prefill (int argc, char **argv)
{
  g_auto (CsModelBench) bench = { 0 };
  g_autoptr (GError) error = NULL;
  ModelOptions options = { .tokens = 512 };
  CsBenchPrefill r;
  int status;
  bool opened = open_model_bench (&bench, &options, &cs_verbs_bench[1], argc, argv, &status);
  g_autofree char *folder = options.folder, *like = options.like;

  if (!opened)
    return status;
  if (!cs_bench_prefill (&bench, (size_t)options.tokens, (size_t)options.blocks, &r, &error))
    return cs_cli_fail (error);
  const CsCliReal values[] = { { "tokens_per_s", r.tokens_per_s },
                               { "gflops", r.gflops },
                               { "peak_gflops", r.peak_gflops },
                               { "fraction_of_peak", r.fraction_of_peak },
                               { "open_seconds", bench.open_seconds } };
  cs_cli_print_json (cs_cli_reals (values, G_N_ELEMENTS (values)));
  return CS_EXIT_DONE;
}

static int
run_generate (int argc, char **argv)
{
  g_auto (CsModelBench) bench = { 0 };
  g_autoptr (GError) error = NULL;
  ModelOptions options = { .tokens = 32 };
  CsBenchGenerate r;
  int status;
  bool opened = open_model_bench (&bench, &options, &cs_verbs_bench[2], argc, argv, &status);
  g_autofree char *folder = options.folder, *like = options.like;

  if (!opened)
    return status;
  if (!cs_bench_generate (&bench, (size_t)options.tokens, &r, &error))
    return cs_cli_fail (error);
  const CsCliReal values[] = { { "tokens_per_s", r.tokens_per_s },
                               { "bytes_per_token", r.bytes_per_token },
                               { "bandwidth_gbs", r.bandwidth_gbs },
                               { "fraction_of_bandwidth", r.fraction_of_bandwidth },
                               { "open_seconds", bench.open_seconds } };
  cs_cli_print_json (cs_cli_reals (values, G_N_ELEMENTS (values)));
  return CS_EXIT_DONE;
}

/* --- tokenize --- */

static int
run_tokenize (int argc, char **argv)
{
  static const char sentence[] =
      "The mayor of the town bought three loaves of bread for 12 coins, and nobody asked why; "
      "it's how things are done in the hills, where rain falls 200 days a year.\n";
  g_autofree char *folder = NULL;
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &folder, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer = NULL;
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  double tokens = 0, bytes = 0;
  gint64 start;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_bench[3], entries, 0, 0, &status))
    return status;
  if (folder == NULL)
    return cs_cli_usage (&cs_verbs_bench[3], "--model is needed.");
  tokenizer = cs_tokenizer_open (folder, &error);
  if (tokenizer == NULL)
    return cs_cli_fail (error);
  for (int i = 0; i < 1000; i++)
    g_string_append (text, sentence);
  for (start = g_get_monotonic_time (); seconds_since (start) < 2;)
    {
      g_array_set_size (ids, 0);
      cs_tokenizer_encode (tokenizer, text->str, text->len, false, ids, NULL);
      tokens += ids->len;
      bytes += (double)text->len;
    }
  double seconds = seconds_since (start);
  const CsCliReal values[] = { { "tokens_per_s", tokens / seconds },
                               { "bytes_per_s", bytes / seconds } };
  cs_cli_print_json (cs_cli_reals (values, G_N_ELEMENTS (values)));
  return CS_EXIT_DONE;
}

/* --- latents --- */

static int
run_latents (int argc, char **argv)
{
  gint64 n_latents = 73728; /* the paper's dictionary: 32 × 2304 */
  const GOptionEntry entries[] = {
    { "latents", 0, 0, G_OPTION_ARG_INT64, &n_latents, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  CsBenchLatents result;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_bench[4], entries, 0, 0, &status))
    return status;
  if (n_latents < 1 || n_latents > 1 << 22)
    return cs_cli_usage (&cs_verbs_bench[4], "--latents has to be 1 to 4194304.");
  if (!cs_bench_latents ((size_t)n_latents, &result, &error))
    return cs_cli_fail (error);
  const CsCliReal values[] = { { "open_seconds", result.open_seconds },
                               { "sort_seconds", result.sort_seconds },
                               { "filter_seconds", result.filter_seconds } };
  json_t *object = cs_cli_reals (values, G_N_ELEMENTS (values));
  json_object_set_new (object, "latents", json_integer (n_latents));
  cs_cli_print_json (object);
  return CS_EXIT_DONE;
}

/* --- import --- */

typedef struct
{
  CsBenchImportOptions options;
  CsBenchImport result;
} ImportBench;

static bool
import_job (CsJob *job, void *data, GError **error)
{
  ImportBench *bench = data;

  return cs_bench_import (job, &bench->options, &bench->result, error);
}

static int
run_import (int argc, char **argv)
{
  gint64 d_model = 2304, latents = 73728; /* the paper's */
  g_autofree char *keep = NULL;
  const GOptionEntry entries[] = {
    { "d-model", 0, 0, G_OPTION_ARG_INT64, &d_model, NULL, NULL },
    { "latents", 0, 0, G_OPTION_ARG_INT64, &latents, NULL, NULL },
    { "keep", 0, 0, G_OPTION_ARG_FILENAME, &keep, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL, NULL },
    { NULL },
  };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_bench[5], entries, 0, 0, &status))
    return status;
  if (d_model < 1 || d_model > 1 << 16 || latents < 1 || latents > 1 << 22)
    return cs_cli_usage (&cs_verbs_bench[5],
                         "--d-model has to be 1 to 65536, --latents 1 to 4194304.");
  ImportBench bench = { .options = { (size_t)d_model, (size_t)latents, keep } };
  status = cs_cli_job ("Benchmark", import_job, &bench);
  if (status != CS_EXIT_DONE)
    return status;
  const CsBenchImport *r = &bench.result;
  const CsCliReal values[] = { { "make_seconds", r->make_seconds },
                               { "import_seconds", r->import_seconds },
                               { "table_seconds", r->table_seconds },
                               { "weights_seconds", r->weights_seconds } };
  json_t *object = cs_cli_reals (values, G_N_ELEMENTS (values));
  json_object_set_new (object, "bytes", json_integer ((json_int_t)r->bytes));
  json_object_set_new (object, "shared", json_boolean (r->shared));
  cs_cli_print_json (object);
  return CS_EXIT_DONE;
}
