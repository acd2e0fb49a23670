/* How long a training will take, from a few steps of it on real rows. */
#include "plan-private.h"

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "blas.h"
#include "checkpoint.h"
#include "errors.h"
#include "init.h"
#include "reader.h"
#include "step.h"

#define WARM_STEPS 2
#define LEAST_STEPS 4
#define LEAST_LATENTS ((size_t)1024) /* where not even one step of the real size fits into the time */
#define LEAST_BATCH ((size_t)256)
#define L1_ACTIVE 64.0               /* latents a token, after the first steps of an L1 crosscoder */
#define CHECKPOINT_BYTES 32e6        /* of state that are written to measure it */

typedef struct
{
  CsJob *job;
  const CsTrainConfig *config;
  const char *store;
  double seconds; /* for the steps */
  size_t d, n_latents, batch, k; /* of what is measured */
  CsTeam *team;
  CsReader *reader;
  CsCrosscoder *crosscoder;
  CsStep *step;
  float *rows;    /* [batch, 2, d] */
  double measured; /* of a step, reading included */
  double read;     /* … of it */
  CsStepTimes parts; /* … of it */
} Training;

static double
now (void)
{
  return 1e-6 * (double)g_get_monotonic_time ();
}

static void
training_clear (Training *t)
{
  g_free (t->rows);
  cs_step_free (t->step);
  cs_crosscoder_free (t->crosscoder);
  cs_reader_free (t->reader);
  cs_team_free (t->team);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Training, training_clear)

/* --- What is measured --- */

/* Three sixteenths of the time for an encoder product more than it needs, of as many latents and
 * tokens as then fit into the time. */
static void
choose_sizes (Training *t)
{
  const CsTrainConfig *c = t->config;
  const double peak = cs_gemm_peak (t->team, 512, 0.1);
  const double a_token = 1.5 * 4 * (double)c->n_latents * (double)t->d / MAX (peak, 1e9);
  const double fit = t->seconds / (WARM_STEPS + LEAST_STEPS) / a_token; /* tokens a step */

  t->batch = c->batch;
  t->n_latents = c->n_latents;
  if (fit >= (double)t->batch)
    return;
  t->batch = CLAMP ((size_t)fit, MIN (t->batch, LEAST_BATCH), t->batch);
  if (fit < (double)t->batch)
    t->n_latents = CLAMP ((size_t)((double)t->n_latents * fit / (double)t->batch),
                          MIN (t->n_latents, LEAST_LATENTS), t->n_latents);
}

/* A sample may have fewer tokens than a batch. */
static bool
open_reader (Training *t, GError **error)
{
  g_autoptr (CsStore) store = cs_store_open (t->store, false, error);
  CsReaderOptions options = { .held_out = t->config->held_out, .seed = t->config->seed };

  if (store == NULL)
    return false;
  if (cs_store_n_tokens (store) < 2 * t->batch)
    {
      t->batch = MAX (cs_store_n_tokens (store) / 2, 1);
      options.held_out = 0;
    }
  options.batch = t->batch;
  t->d = cs_store_info (store)->d_model;
  t->reader = cs_reader_new (t->store, &options, error);
  return t->reader != NULL;
}

static CsStepOptions
step_options (const Training *t)
{
  const CsTrainConfig *c = t->config;
  const bool l1 = c->variant == CS_VARIANT_L1;

  return (CsStepOptions){ .batch = t->batch,
                          .mu = l1 ? c->mu : 0,
                          .clip_norm = c->clip_norm,
                          .aux_alpha = l1 ? 0 : c->aux_alpha,
                          .aux_k = c->aux_k > 0 ? c->aux_k : MAX (1, t->d / 2),
                          .dead_tokens = c->dead_tokens,
                          .threshold_start_step = c->threshold_start_step,
                          .threshold_beta = c->threshold_beta,
                          .squared_error = c->squared_error };
}

static int
by_value_down (const void *a, const void *b)
{
  const float x = *(const float *)a, y = *(const float *)b;

  return (x < y) - (x > y);
}

/* An L1 crosscoder begins with half of its latents active and has few after some hundred steps of
 * many thousands: the steps that count are those. */
static void
make_sparse (Training *t)
{
  const size_t width = 2 * t->d, n = MIN (t->batch, 64);
  const double active = MIN (L1_ACTIVE, (double)t->n_latents / 8);
  g_autofree float *codes = g_new (float, n * t->n_latents);
  float bar;

  cs_gemm (t->team, false, true, n, t->n_latents, width, 1, t->rows, width, t->crosscoder->encoder,
           width, 0, codes, t->n_latents);
  qsort (codes, n * t->n_latents, sizeof *codes, by_value_down);
  bar = codes[MIN ((size_t)((double)n * active), n * t->n_latents - 1)];
  for (size_t j = 0; j < t->n_latents; j++)
    t->crosscoder->encoder_bias[j] -= bar;
}

static bool
make_step (Training *t, GError **error)
{
  const CsTrainConfig *c = t->config;
  const CsStepOptions options = step_options (t);

  t->k = MIN (c->k, t->n_latents);
  t->rows = g_new (float, t->batch * 2 * t->d);
  t->crosscoder = cs_crosscoder_new (t->d, t->n_latents, c->variant, error);
  if (t->crosscoder == NULL || !cs_reader_next (t->reader, t->rows, error))
    return false;
  t->crosscoder->code_norm = c->code_norm;
  t->crosscoder->k = c->variant == CS_VARIANT_L1 ? 0 : t->k;
  cs_crosscoder_init (t->crosscoder, c->init_norm, c->seed);
  if (c->variant == CS_VARIANT_L1)
    make_sparse (t);
  t->step = cs_step_new (t->crosscoder, &options, t->team, error);
  return t->step != NULL;
}

/* A rate of learning that moves nothing: what is measured stays as it is. */
static bool
run_step (Training *t, size_t index, GError **error)
{
  const double start = now ();
  const bool log = t->config->log_every > 0 && index % t->config->log_every == 0;
  CsStepReport report;

  if (!cs_job_checkpoint (t->job, error) || !cs_reader_next (t->reader, t->rows, error))
    return false;
  t->read += now () - start;
  return cs_step_run (t->step, t->rows, t->k, 1e-9, log, &report, error);
}

static bool
run_steps (Training *t, GError **error)
{
  CsStepTimes before;
  const CsStepTimes *after = cs_step_times (t->step);
  double start, n = 0;

  for (size_t i = 0; i < WARM_STEPS; i++)
    if (!run_step (t, i, error))
      return false;
  before = *after;
  t->read = 0;
  for (start = now (); n < LEAST_STEPS || now () - start < t->seconds; n++)
    if (!run_step (t, (size_t)n, error))
      return false;
  t->measured = (now () - start) / n;
  t->read /= n;
  t->parts = (CsStepTimes){ .encode = (after->encode - before.encode) / n,
                            .select = (after->select - before.select) / n,
                            .decode = (after->decode - before.decode) / n,
                            .gradients = (after->gradients - before.gradients) / n,
                            .adam = (after->adam - before.adam) / n };
  return true;
}

/* --- What it says of the real size --- */

double
cs_plan_scale_step (const CsStepTimes *parts, double measured, double read, const CsPlanScale *s)
{
  const double rest = measured - read - parts->encode - parts->select - parts->decode -
                      parts->gradients - parts->adam;

  return s->batch * (read + s->latents * (parts->encode + parts->select) +
                     s->active * (parts->decode + parts->gradients)) +
         s->latents * parts->adam + MAX (rest, 0);
}

/* Of one batch through the encoder and the decoder. */
static double
forward_seconds (const Training *t, const CsPlanScale *s)
{
  return s->batch * (s->latents * (t->parts.encode + t->parts.select) + s->active * t->parts.decode);
}

static double
state_bytes (size_t n_latents, size_t d)
{
  return 3.0 * (double)n_latents * 4 * (double)d * 4;
}

/* A checkpoint of a small crosscoder in a folder of its own on the run's disk. */
static bool
measure_checkpoint (const Training *t, const char *run_folder, double *seconds, GError **error)
{
  const double whole = state_bytes (t->config->n_latents, t->d);
  const size_t n = (size_t)MAX ((double)t->config->n_latents * MIN (1, CHECKPOINT_BYTES / whole), 1);
  g_autofree char *beside = cs_existing_folder (run_folder);
  g_autofree char *folder = g_build_filename (beside, ".crosscope-sample-XXXXXX", NULL);
  g_autofree char *file = NULL;
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_new (t->d, n, t->config->variant, error);
  const CsStepOptions options = step_options (t);
  g_autoptr (CsStep) step = crosscoder != NULL ? cs_step_new (crosscoder, &options, t->team, error)
                                               : NULL;
  bool ok = true;

  *seconds = 0;
  if (step == NULL)
    return false;
  if (g_mkdtemp (folder) == NULL)
    return true; /* the run will say what is wrong with the folder */
  const double start = now ();
  ok = cs_checkpoint_write (folder, crosscoder, cs_step_state (step), "", error);
  *seconds = (now () - start) * MAX (whole / state_bytes (n, t->d), 1);
  file = g_build_filename (folder, "state.safetensors", NULL);
  g_unlink (file);
  g_rmdir (folder);
  return ok;
}

bool
cs_plan_measure_training (CsJob *job,
                          const CsTrainConfig *config,
                          const char *store,
                          double store_tokens,
                          const char *run_folder,
                          double seconds,
                          CsPlanTraining *result,
                          GError **error)
{
  g_auto (Training) t = { .job = job, .config = config, .store = store, .seconds = 0.8 * seconds };
  CsPlanScale scale;
  double held_out, start = now ();

  *result = (CsPlanTraining){ 0 };
  t.team = cs_team_new (config->n_threads);
  t.batch = config->batch;
  if (!open_reader (&t, error))
    return false;
  g_clear_pointer (&t.reader, cs_reader_free);
  choose_sizes (&t);
  if (!open_reader (&t, error) || !make_step (&t, error))
    return false;
  result->start_seconds = now () - start;
  if (!run_steps (&t, error) ||
      !measure_checkpoint (&t, run_folder, &result->checkpoint_seconds, error))
    return false;
  scale = (CsPlanScale){ .batch = (double)config->batch / (double)t.batch,
                         .latents = (double)config->n_latents / (double)t.n_latents,
                         .active = config->variant == CS_VARIANT_L1
                                       ? 1
                                       : (double)config->k / (double)t.k };
  result->step_seconds = cs_plan_scale_step (&t.parts, t.measured, t.read, &scale);
  held_out = config->held_out * store_tokens / (double)config->batch;
  result->validation_seconds = held_out * forward_seconds (&t, &scale);
  return true;
}

double
cs_plan_training_seconds (const CsTrainConfig *config, const CsPlanTraining *t)
{
  const double steps = (double)config->steps * t->step_seconds;
  const double validations =
      1 + (config->validate_every > 0 ? floor ((double)config->steps / (double)config->validate_every) : 0);
  double checkpoints = 1;

  if (config->checkpoint_steps > 0)
    checkpoints += floor ((double)config->steps / (double)config->checkpoint_steps);
  if (config->checkpoint_seconds > 0)
    checkpoints += floor (steps / config->checkpoint_seconds);
  /* the weights alone, a third of the state, are written beside it */
  return t->start_seconds + steps + validations * t->validation_seconds +
         checkpoints * 4 / 3 * t->checkpoint_seconds;
}
