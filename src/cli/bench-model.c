#include "bench-model.h"

#include <errno.h>
#include <stdlib.h>

#include <glib/gstdio.h>

#include "blas.h"
#include "errors.h"
#include "generate.h"
#include "model-random.h"
#include "random.h"

static double
seconds_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / 1e6;
}

/* --- The model --- */

static bool
make_random (CsModelBench *bench, const char *like, GError **error)
{
  json_t *config = cs_model_random_config (like);
  if (config == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "“%s” is not a size that can be made: %s", like,
                   cs_model_random_list ());
      return false;
    }
  bench->temporary = g_dir_make_tmp ("crosscope-bench-XXXXXX", error);
  bool ok = bench->temporary != NULL &&
            cs_model_write_random (bench->temporary, config, CS_DTYPE_BF16, 1, error);
  json_decref (config);
  return ok;
}

bool
cs_model_bench_open (CsModelBench *bench,
                     const char *folder,
                     const char *like,
                     unsigned n_threads,
                     GError **error)
{
  if (like != NULL && !make_random (bench, like, error))
    return false;
  gint64 start = g_get_monotonic_time ();
  bench->model = cs_model_open (like != NULL ? bench->temporary : folder, error);
  bench->open_seconds = seconds_since (start);
  if (bench->model != NULL)
    bench->team = cs_team_new (n_threads);
  return bench->model != NULL;
}

void
cs_model_bench_clear (CsModelBench *bench)
{
  static const char *const files[] = { "config.json", "model.safetensors" };
  g_clear_pointer (&bench->model, cs_model_unref);
  g_clear_pointer (&bench->team, cs_team_free);
  for (size_t i = 0; bench->temporary != NULL && i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *path = g_build_filename (bench->temporary, files[i], NULL);
      g_unlink (path);
    }
  if (bench->temporary != NULL)
    g_rmdir (bench->temporary);
  g_clear_pointer (&bench->temporary, g_free);
}

static int32_t *
random_ids (const CsModel *model, size_t n)
{
  int32_t *ids = g_new (int32_t, n);
  CsRandom random;
  cs_random_init (&random, 1, 0);
  for (size_t i = 0; i < n; i++)
    ids[i] = (int32_t)cs_random_below (&random, cs_model_config (model)->vocab_size);
  return ids;
}

static int
compare_doubles (const void *x, const void *y)
{
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}

static double
median (double *values, size_t n)
{
  qsort (values, n, sizeof *values, compare_doubles);
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* Weights of one block's products. */
static double
block_weights (const CsModelConfig *c)
{
  double attention = (double)c->d_model * c->head_dim * (2.0 * c->n_heads + 2.0 * c->n_kv_heads);

  return attention + (c->gated_mlp ? 3.0 : 2.0) * c->d_model * c->d_ff;
}

/* --- Prefill --- */

/* Other programs come and go: each run of the model stands between two measurements of the peak,
 * each about as long as the run and an average like it, and the ratio is the median of the runs'
 * own. */
enum
{
  MAX_RUNS = 64,
  MIN_RUNS = 3
};
#define BENCH_SECONDS 8.0
#define MAX_PEAK_SECONDS 4.0

/* Floating-point operations a second of a square sgemm that is repeated for so long. */
static double
sustained_peak (CsTeam *team, double seconds)
{
  const size_t n = 1024;
  g_autofree float *matrices = g_new (float, 3 * n * n);
  size_t runs = 0;
  for (size_t i = 0; i < 3 * n * n; i++)
    matrices[i] = (float)(i % 7) - 3;
  cs_gemm (team, false, false, n, n, n, 1, matrices, n, matrices + n * n, n, 0,
           matrices + 2 * n * n, n);
  gint64 start = g_get_monotonic_time ();
  for (; runs < 4 || seconds_since (start) < seconds; runs++)
    cs_gemm (team, false, false, n, n, n, 1, matrices, n, matrices + n * n, n, 0,
             matrices + 2 * n * n, n);
  return 2.0 * (double)(n * n * n) * (double)runs / seconds_since (start);
}

bool
cs_bench_prefill (const CsModelBench *bench,
                  size_t n_tokens,
                  size_t n_blocks,
                  CsBenchPrefill *result,
                  GError **error)
{
  const CsModelConfig *c = cs_model_config (bench->model);
  const size_t blocks = n_blocks == 0 ? c->n_layers : n_blocks;
  const double flops = 2 * (double)n_tokens * (double)blocks * block_weights (c);
  g_autofree int32_t *ids = random_ids (bench->model, n_tokens);
  g_autoptr (CsSession) session = cs_session_new (bench->model, bench->team, n_tokens);
  double rates[MAX_RUNS], peaks[MAX_RUNS], ratios[MAX_RUNS];
  size_t n = 0;
  gint64 begin = 0;
  if (!cs_session_forward (session, ids, n_tokens, blocks, CS_LOGITS_NONE, NULL, error))
    return false; /* this one was for the caches */
  double before = sustained_peak (bench->team, 1);
  for (begin = g_get_monotonic_time ();
       n < MAX_RUNS && (n < MIN_RUNS || seconds_since (begin) < BENCH_SECONDS); n++)
    {
      gint64 start = g_get_monotonic_time ();
      cs_session_reset (session);
      if (!cs_session_forward (session, ids, n_tokens, blocks, CS_LOGITS_NONE, NULL, error))
        return false;
      double seconds = seconds_since (start);
      double after = sustained_peak (bench->team, MIN (seconds, MAX_PEAK_SECONDS));
      rates[n] = flops / seconds;
      peaks[n] = (before + after) / 2;
      ratios[n] = rates[n] / peaks[n];
      before = after;
    }
  result->fraction_of_peak = median (ratios, n);
  result->gflops = median (rates, n) / 1e9;
  result->peak_gflops = median (peaks, n) / 1e9;
  result->tokens_per_s = result->gflops * 1e9 / flops * (double)n_tokens;
  return true;
}

/* --- Generate --- */

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
  float sums[32] = { 0 };

  for (size_t i = begin; i + 32 <= end; i += 32)
    for (size_t lane = 0; lane < 32; lane++)
      sums[lane] += task->data[i + lane];
  for (size_t lane = 0; lane < 32; lane++)
    task->sums[worker] += sums[lane];
}

enum
{
  SUM_FLOATS = 64 << 20
};

/* Of reading a buffer of SUM_FLOATS again and again for so long. */
static double
read_bandwidth (CsTeam *team, SumTask *task, double seconds)
{
  size_t runs = 0;
  gint64 start = g_get_monotonic_time ();
  for (; runs < 2 || seconds_since (start) < seconds; runs++)
    cs_team_run (team, SUM_FLOATS, sum_range, task);
  return (double)SUM_FLOATS * sizeof (float) * (double)runs / seconds_since (start);
}

/* What one token's way through the model reads: every block and the head, the cache left out. */
static double
bytes_per_token (const CsModel *model)
{
  const CsModelConfig *c = cs_model_config (model);
  double weights = (double)c->n_layers * block_weights (c) + (double)c->vocab_size * c->d_model;
  return weights * (double)cs_model_file_bytes (model) / (double)cs_model_n_parameters (model);
}

/* After each token the bandwidth is measured for about as long as the token took: the ratio is the
 * median of the tokens' own. */
typedef struct
{
  CsTeam *team;
  SumTask task;
  double bytes, before;
  double *seconds, *bandwidths, *ratios; /* [n_tokens] */
  size_t n, n_seen;
  gint64 start; /* of the token that is made */
} Clock;

static bool
note_token (void *data, int32_t id)
{
  Clock *clock = data;
  double seconds = seconds_since (clock->start);
  double after = read_bandwidth (clock->team, &clock->task, CLAMP (seconds, 0.1, 2));
  /* The first token is the prompt's: it also maps the weights. */
  if (clock->n_seen++ > 0)
    {
      clock->seconds[clock->n] = seconds;
      clock->bandwidths[clock->n] = (clock->before + after) / 2;
      clock->ratios[clock->n] = clock->bytes / seconds / clock->bandwidths[clock->n];
      clock->n++;
    }
  clock->before = after;
  clock->start = g_get_monotonic_time ();
  return true;
}

bool
cs_bench_generate (const CsModelBench *bench,
                   size_t n_tokens,
                   CsBenchGenerate *result,
                   GError **error)
{
  g_autofree int32_t *ids = random_ids (bench->model, 4);
  g_autofree double *measured = g_new0 (double, 3 * (n_tokens + 1));
  g_autofree float *buffer = g_new0 (float, SUM_FLOATS),
                   *sums = g_new0 (float, cs_team_size (bench->team));
  g_autoptr (CsSession) session = cs_session_new (bench->model, bench->team, n_tokens + 8);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (int32_t));
  const CsSampling sampling = { .max_tokens = n_tokens + 1, .top_p = 1, .ignore_eos = true };
  Clock clock = { .team = bench->team,
                  .task = { buffer, sums },
                  .bytes = bytes_per_token (bench->model),
                  .seconds = measured,
                  .bandwidths = measured + n_tokens + 1,
                  .ratios = measured + 2 * (n_tokens + 1) };
  for (size_t i = 0; i < SUM_FLOATS; i += 512)
    buffer[i] = 1; /* pages of zeros that were never written would all be one page */
  if (!cs_generate (session, ids, 4, &sampling, NULL, note_token, &clock, out, error))
    return false;
  result->bytes_per_token = clock.bytes;
  result->tokens_per_s = 1 / MAX (median (clock.seconds, clock.n), 1e-9);
  result->bandwidth_gbs = median (clock.bandwidths, clock.n) / 1e9;
  result->fraction_of_bandwidth = median (clock.ratios, clock.n);
  return true;
}
