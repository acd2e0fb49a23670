#include "bench.h"

#include <string.h>
#include <sys/resource.h>

#include "blas.h"
#include "init.h"
#include "random.h"
#include "step.h"

#define POOL_BATCHES 4
#define WARM_STEPS 3
#define FLOOR_REPEATS 3
#define STREAM_FLOATS ((size_t)1 << 24)

typedef struct
{
  const CsBenchTrainOptions *options;
  CsTeam *team;
  CsStep *step;
  CsRandom random;
  float *pool; /* [POOL_BATCHES · B, 2·d] */
  float *x;    /* [B, 2·d] */
  double read;
} Bench;

static double
now (void)
{
  return 1e-6 * (double)g_get_monotonic_time ();
}

/* Rows are sums of a few of 4·d random directions, some of them in one model only, plus a little
 * noise. */
static void
fill_pool (Bench *bench)
{
  const size_t d = bench->options->d_model, n = POOL_BATCHES * bench->options->batch;
  const size_t n_features = 4 * d;
  g_autofree float *features = g_new (float, n_features * 2 * d);
  for (size_t i = 0; i < n_features * 2 * d; i++)
    features[i] = (float)cs_random_normal (&bench->random);
  for (size_t t = 0; t < n; t++)
    {
      float *row = bench->pool + t * 2 * d;
      for (size_t i = 0; i < 2 * d; i++)
        row[i] = .1f * (float)(cs_random_uniform (&bench->random) - .5);
      for (unsigned active = 0; active < 8; active++)
        {
          const size_t feature = cs_random_below (&bench->random, n_features);
          const float size = (float)(.2 + cs_random_uniform (&bench->random));
          for (size_t i = feature % 16 == 0 ? d : 0; i < 2 * d; i++)
            row[i] += size * features[feature * 2 * d + i];
        }
    }
}

static void
read_batch (Bench *bench)
{
  const double start = now ();
  const size_t width = 2 * bench->options->d_model, B = bench->options->batch;
  for (size_t t = 0; t < B; t++)
    memcpy (bench->x + t * width,
            bench->pool + cs_random_below (&bench->random, POOL_BATCHES * B) * width,
            width * sizeof (float));
  bench->read += now () - start;
}

typedef struct
{
  float *a, *b, *c;
} Stream;

static void
stream_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const Stream *stream = data;
  const float *restrict a = stream->a, *restrict b = stream->b;
  float *restrict c = stream->c;
  for (size_t i = begin; i < end; i++)
    c[i] = a[i] + .5f * b[i];
}

static double
measure_bandwidth (CsTeam *team)
{
  g_autofree float *memory = g_new0 (float, 3 * STREAM_FLOATS);
  Stream stream = { memory, memory + STREAM_FLOATS, memory + 2 * STREAM_FLOATS };
  double best = 0;
  for (unsigned i = 0; i < 5; i++)
    {
      const double start = now ();
      cs_team_run (team, STREAM_FLOATS, stream_range, &stream);
      best = MAX (best, 3 * sizeof (float) * (double)STREAM_FLOATS / (now () - start) * 1e-9);
    }
  return best;
}

static double
measure_floor (const Bench *bench, const CsCrosscoder *crosscoder)
{
  const size_t B = bench->options->batch, F = bench->options->n_latents;
  const size_t width = 2 * bench->options->d_model;
  g_autofree float *out = g_new0 (float, B *F);
  const double start = now ();
  for (unsigned i = 0; i < FLOOR_REPEATS; i++)
    cs_gemm (bench->team, false, true, B, F, width, 1, bench->x, width, crosscoder->encoder, width,
             0, out, F);
  return (now () - start) / FLOOR_REPEATS;
}

static bool
run_steps (CsJob *job, Bench *bench, size_t n, GError **error)
{
  for (size_t i = 0; i < n; i++)
    {
      CsStepReport report;
      read_batch (bench);
      if (!cs_job_checkpoint (job, error) ||
          !cs_step_run (bench->step, bench->x, bench->options->k, 1e-4, false, &report, error))
        return false;
      if (job)
        cs_job_progress (job, (double)(i + 1), (double)n, "steps");
    }
  return true;
}

static void
fill_parts (const Bench *bench, const CsStepTimes *before, double steps, CsBenchTrain *result)
{
  const CsStepTimes *times = cs_step_times (bench->step);
  result->parts.read = bench->read / steps;
  result->parts.encode = (times->encode - before->encode) / steps;
  result->parts.select = (times->select - before->select) / steps;
  result->parts.decode = (times->decode - before->decode) / steps;
  result->parts.gradients = (times->gradients - before->gradients) / steps;
  result->parts.adam = (times->adam - before->adam) / steps;
}

bool
cs_bench_train (CsJob *job,
                const CsBenchTrainOptions *options,
                CsBenchTrain *result,
                GError **error)
{
  const size_t B = options->batch, width = 2 * options->d_model;
  g_autoptr (CsTeam) team = cs_team_new (options->n_threads);
  g_autoptr (CsCrosscoder) crosscoder =
      cs_crosscoder_new (options->d_model, options->n_latents, options->variant, error);
  if (!crosscoder)
    return false;
  const CsStepOptions step_options = { .batch = B,
                                       .mu = .041,
                                       .clip_norm = options->variant == CS_VARIANT_L1 ? 0 : 1,
                                       .aux_alpha = 1. / 32,
                                       .aux_k = MAX (1, options->d_model / 2),
                                       .dead_tokens = 10000000,
                                       .threshold_start_step = 1000,
                                       .threshold_beta = .999 };
  cs_crosscoder_init (crosscoder, options->variant == CS_VARIANT_L1 ? .005 : 1, 42);
  g_autoptr (CsStep) step = cs_step_new (crosscoder, &step_options, team, error);
  if (!step)
    return false;
  g_autofree float *pool = g_new (float, POOL_BATCHES *B *width), *x = g_new (float, B *width);
  Bench bench = { .options = options, .team = team, .step = step, .pool = pool, .x = x };
  cs_random_init (&bench.random, 42, 3);
  fill_pool (&bench);
  if (!run_steps (job, &bench, WARM_STEPS, error))
    return false;
  const CsStepTimes before = *cs_step_times (step);
  const double start = now (), steps = (double)MAX (1, options->steps);
  bench.read = 0;
  if (!run_steps (job, &bench, MAX (1, options->steps), error))
    return false;
  struct rusage usage;
  result->seconds_per_step = (now () - start) / steps;
  result->tokens_per_s = (double)B / result->seconds_per_step;
  fill_parts (&bench, &before, steps, result);
  getrusage (RUSAGE_SELF, &usage);
  result->peak_memory_bytes = (size_t)usage.ru_maxrss * 1024;
  result->floor_seconds = measure_floor (&bench, crosscoder);
  result->ratio_to_floor = result->seconds_per_step / result->floor_seconds;
  result->peak_gflops = cs_gemm_peak (team, 1024, .5) * 1e-9;
  result->bandwidth_gbs = measure_bandwidth (team);
  return true;
}
