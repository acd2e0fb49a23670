/* bench train, prefill, generate, tokenize, latents: one JSON object each. */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "bench-latents.h"
#include "blas.h"
#include "cli.h"
#include "errors.h"
#include "generate.h"
#include "random.h"
#include "tokenizer.h"

static int run_train (int argc, char **argv);
static int run_prefill (int argc, char **argv);
static int run_generate (int argc, char **argv);
static int run_tokenize (int argc, char **argv);
static int run_latents (int argc, char **argv);

const CsVerb cs_verbs_bench[] = {
  { "bench train",
    "[--d-model D] [--latents N] [--k K] [--batch B] [--steps S] [--variant V] [--threads N] "
    "[--json]",
    "A training step beside the encoder product alone", run_train },
  { "bench prefill", "--model DIR [--tokens N] [--threads N] [--json]",
    "Reading a prompt beside the machine's sgemm peak", run_prefill },
  { "bench generate", "--model DIR [--tokens N] [--threads N] [--json]",
    "Writing tokens beside the memory bandwidth", run_generate },
  { "bench tokenize", "--model DIR [--json]", "Encoding English text on one core", run_tokenize },
  { "bench latents", "[--latents N] [--json]",
    "Opening, sorting and filtering a large table of latents", run_latents },
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
  CsModel *model;
  CsTeam *team;
  size_t n_tokens;
  int32_t *ids; /* random, [n_tokens] */
} ModelBench;

static void
model_bench_clear (ModelBench *b)
{
  g_clear_pointer (&b->model, cs_model_unref);
  g_clear_pointer (&b->team, cs_team_free);
  g_free (b->ids);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ModelBench, model_bench_clear)

static bool
model_bench_open (ModelBench *b, const CsVerb *verb, int argc, char **argv, int *status)
{
  g_autofree char *folder = NULL;
  gint64 tokens = 128;
  int threads = 0;
  const GOptionEntry entries[] = {
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &folder, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &tokens, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &(gboolean){ FALSE }, NULL, NULL },
    { NULL },
  };
  g_autoptr (GError) error = NULL;
  CsRandom random;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 0, 0, status))
    return false;
  if (folder == NULL || tokens < 1 || tokens > 1 << 20 || threads < 0)
    {
      *status = cs_cli_usage (verb, "--model is needed; --tokens has to be 1 or more.");
      return false;
    }
  b->model = cs_model_open (folder, &error);
  if (b->model == NULL)
    {
      *status = cs_cli_fail (error);
      return false;
    }
  b->team = cs_team_new ((unsigned)threads);
  b->n_tokens = (size_t)tokens;
  b->ids = g_new (int32_t, b->n_tokens);
  cs_random_init (&random, 1, 0);
  for (size_t i = 0; i < b->n_tokens; i++)
    b->ids[i] = (int32_t)cs_random_below (&random, cs_model_config (b->model)->vocab_size);
  return true;
}

/* Multiply-adds of the blocks' products for one token, attention left out. */
static double
block_flops (const CsModelConfig *c)
{
  double attention = (double)c->d_model * c->head_dim * (2.0 * c->n_heads + 2.0 * c->n_kv_heads);

  return 2 * (double)c->n_layers * (attention + 3.0 * c->d_model * c->d_ff);
}

static int
run_prefill (int argc, char **argv)
{
  g_auto (ModelBench) b = { 0 };
  g_autoptr (CsSession) session = NULL;
  g_autoptr (GError) error = NULL;
  double seconds = 0, flops, peak;
  size_t runs = 0;
  int status;

  if (!model_bench_open (&b, &cs_verbs_bench[1], argc, argv, &status))
    return status;
  const CsModelConfig *c = cs_model_config (b.model);
  session = cs_session_new (b.model, b.team, b.n_tokens);
  for (gint64 start = g_get_monotonic_time (); runs < 2 || (seconds = seconds_since (start)) < 3;
       runs++)
    {
      if (runs == 1)
        start = g_get_monotonic_time (); /* the first run warms the caches */
      cs_session_reset (session);
      if (!cs_session_forward (session, b.ids, b.n_tokens, c->n_layers, CS_LOGITS_NONE, NULL,
                               &error))
        return cs_cli_fail (error);
    }
  peak = cs_gemm_peak (b.team, 1024, 1);
  flops = block_flops (c) * (double)b.n_tokens * (double)(runs - 1) / seconds;
  const CsCliReal values[] = { { "tokens_per_s",
                                 (double)b.n_tokens * (double)(runs - 1) / seconds },
                               { "gflops", flops / 1e9 },
                               { "peak_gflops", peak / 1e9 },
                               { "fraction_of_peak", flops / peak } };
  cs_cli_print_json (cs_cli_reals (values, G_N_ELEMENTS (values)));
  return CS_EXIT_DONE;
}

/* Bytes a second of summing a buffer much larger than the caches. */
typedef struct
{
  const float *data;
  float *sums;
} SumTask;

static void
sum_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const SumTask *task = data;
  float sums[16] = { 0 };

  for (size_t i = begin; i + 16 <= end; i += 16)
    for (size_t lane = 0; lane < 16; lane++)
      sums[lane] += task->data[i + lane];
  for (size_t lane = 0; lane < 16; lane++)
    task->sums[worker] += sums[lane];
}

static double
read_bandwidth (CsTeam *team)
{
  const size_t n = (size_t)64 << 20;
  g_autofree float *data = g_new0 (float, n), *sums = g_new0 (float, cs_team_size (team));
  SumTask task = { data, sums };
  gint64 start;
  size_t runs = 0;

  for (size_t i = 0; i < n; i += 512)
    data[i] = 1;
  cs_team_run (team, n, sum_range, &task);
  for (start = g_get_monotonic_time (); runs < 3 || seconds_since (start) < 1; runs++)
    cs_team_run (team, n, sum_range, &task);
  return (double)n * sizeof (float) * (double)runs / seconds_since (start);
}

static int
run_generate (int argc, char **argv)
{
  g_auto (ModelBench) b = { 0 };
  g_autoptr (CsSession) session = NULL;
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GError) error = NULL;
  double seconds, bandwidth, bytes;
  int status;

  if (!model_bench_open (&b, &cs_verbs_bench[2], argc, argv, &status))
    return status;
  CsSampling sampling = { .max_tokens = b.n_tokens, .top_p = 1, .ignore_eos = true };
  session = cs_session_new (b.model, b.team, b.n_tokens + 8);
  gint64 start = g_get_monotonic_time ();
  if (!cs_generate (session, b.ids, 1, &sampling, NULL, NULL, NULL, out, &error))
    return cs_cli_fail (error);
  seconds = seconds_since (start);
  bandwidth = read_bandwidth (b.team);
  bytes = (double)cs_model_file_bytes (b.model);
  const CsCliReal values[] = { { "tokens_per_s", out->len / seconds },
                               { "bytes_per_token", bytes },
                               { "bandwidth_gbs", bandwidth / 1e9 },
                               { "fraction_of_bandwidth",
                                 bytes * out->len / seconds / bandwidth } };
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
