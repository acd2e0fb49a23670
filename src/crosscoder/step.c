#include "step.h"

#include <math.h>
#include <string.h>

#include "adam.h"
#include "blas.h"
#include "crosscoder-private.h"
#include "errors.h"
#include "step-private.h"
#include "vector.h"

#define DENSE_SHARE 0.15 /* where dense products overtake the sparse path, measured on two cores */

/* Everything of a step that has one entry for each weight, zeroed. */
static bool
allocate_state (CsStep *step)
{
  const size_t F = step->crosscoder->n_latents, width = 2 * step->crosscoder->d_model;
  CsStepState *state = &step->state;
  float **large[] = { &state->encoder_m, &state->encoder_v, &state->decoder_m,
                      &state->decoder_v, &step->encoder_g,  &step->decoder_g };
  bool ok = true;
  for (size_t i = 0; i < G_N_ELEMENTS (large); i++)
    ok = ok && (*large[i] = g_try_new0 (float, F *width));
  state->encoder_bias_m = g_new0 (float, F);
  state->encoder_bias_v = g_new0 (float, F);
  state->decoder_bias_m = g_new0 (float, width);
  state->decoder_bias_v = g_new0 (float, width);
  step->encoder_bias_g = g_new0 (float, F);
  step->decoder_bias_g = g_new0 (float, width);
  state->silent = g_new0 (uint64_t, F);
  return ok;
}

static bool
allocate_scratch (CsStep *step)
{
  const size_t F = step->crosscoder->n_latents, width = 2 * step->crosscoder->d_model;
  const size_t B = step->options.batch;
  step->pre = g_try_new (float, B *F);
  step->error = g_try_new (float, B *width);
  step->grad = g_try_new (float, B *width);
  step->aux_grad = g_try_new (float, B *width);
  step->scales = g_new (float, F);
  step->norms = g_new (double, 2 * F);
  step->token_squares = g_new (double, 2 * B);
  step->column_sums = g_new (double, 4 * width);
  step->latent_sums = g_new0 (double, F);
  step->dead = g_new (uint32_t, F);
  step->row_squares = g_new (double, F);
  step->touched = g_new0 (uint8_t, F);
  step->fired = g_new0 (uint8_t, F);
  step->encoder_moving = g_new0 (uint8_t, F);
  step->decoder_moving = g_new0 (uint8_t, F);
  step->lists.start = g_new0 (size_t, F + 2);
  return step->pre && step->error && step->grad && step->aux_grad;
}

CsStep *
cs_step_new (CsCrosscoder *crosscoder, const CsStepOptions *options, CsTeam *team, GError **error)
{
  size_t elements;
  if (crosscoder->code_norm == CS_CODE_NORM_DECOUPLED)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                           "The code normalisation DECOUPLED cannot be trained here: choose "
                           "CROSSCODER, SAE, MIXED or NONE.");
      return NULL;
    }
  g_autoptr (CsStep) step = g_new0 (CsStep, 1);
  step->crosscoder = crosscoder;
  step->options = *options;
  step->team = team;
  step->selector = cs_selector_new (team);
  if (step->options.dense_share <= 0)
    step->options.dense_share = DENSE_SHARE;
  if (options->batch == 0 || options->batch > UINT32_MAX ||
      !g_size_checked_mul (&elements, options->batch,
                           MAX (crosscoder->n_latents, 2 * crosscoder->d_model)) ||
      elements > SIZE_MAX / 64 || !allocate_state (step) || !allocate_scratch (step))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "Training %zu latents of width %zu on batches of %zu tokens does not fit in "
                   "memory: use fewer latents or a smaller batch.",
                   crosscoder->n_latents, crosscoder->d_model, options->batch);
      return NULL;
    }
  cs_step_weights_changed (step);
  return g_steal_pointer (&step);
}

static void
free_state (CsStepState *state)
{
  g_free (state->silent);
  g_free (state->encoder_m);
  g_free (state->encoder_v);
  g_free (state->decoder_m);
  g_free (state->decoder_v);
  g_free (state->encoder_bias_m);
  g_free (state->encoder_bias_v);
  g_free (state->decoder_bias_m);
  g_free (state->decoder_bias_v);
}

void
cs_step_free (CsStep *step)
{
  if (!step)
    return;
  void *owned[] = { step->pre,
                    step->dense_df,
                    step->scales,
                    step->norms,
                    step->df,
                    step->error,
                    step->grad,
                    step->aux_grad,
                    step->token_squares,
                    step->column_sums,
                    step->latent_sums,
                    step->dead,
                    step->encoder_g,
                    step->decoder_g,
                    step->encoder_bias_g,
                    step->decoder_bias_g,
                    step->row_squares,
                    step->touched,
                    step->fired,
                    step->encoder_moving,
                    step->decoder_moving,
                    step->lists.start,
                    step->lists.token,
                    step->lists.f,
                    step->lists.df };
  for (size_t i = 0; i < G_N_ELEMENTS (owned); i++)
    g_free (owned[i]);
  free_state (&step->state);
  cs_codes_clear (&step->codes);
  cs_codes_clear (&step->aux_codes);
  cs_selector_free (step->selector);
  g_free (step);
}

CsStepState *
cs_step_state (CsStep *step)
{
  return &step->state;
}

const CsStepTimes *
cs_step_times (const CsStep *step)
{
  return &step->times;
}

const double *
cs_step_norms (CsStep *step)
{
  if (step->norms_stale)
    cs_crosscoder_norms (step->crosscoder, step->team, step->norms);
  step->norms_stale = false;
  return step->norms;
}

void
cs_step_weights_changed (CsStep *step)
{
  /* Only a fresh start knows that moments are zero; a row that moves by zero moments stays where it
   * is. */
  const int moving = step->state.step > 0;
  step->norms_stale = true;
  memset (step->encoder_moving, moving, step->crosscoder->n_latents);
  memset (step->decoder_moving, moving, step->crosscoder->n_latents);
}

void
cs_step_token_error (CsStep *step, const float *x, size_t t)
{
  const size_t d = step->crosscoder->d_model;
  const double B = (double)step->options.batch;
  for (size_t m = 0; m < 2; m++)
    {
      const size_t at = (2 * t + m) * d;
      float *error = step->error + at, *grad = step->grad + at;
      for (size_t i = 0; i < d; i++)
        error[i] = x[at + i] - error[i];
      const double square = cs_dot_double (error, error, d);
      /* ∂/∂x̂ of ‖ε‖ / 2B is −ε / (2B ‖ε‖): a unit vector, taken as 0 where there is no error. */
      const double factor = step->options.squared_error ? -1 / B
                            : square > 0                ? -0.5 / (B * sqrt (square))
                                                        : 0;
      for (size_t i = 0; i < d; i++)
        grad[i] = (float)factor * error[i];
      step->token_squares[2 * t + m] = square;
    }
}

void
cs_step_norm_gradient (CsStep *step, size_t j, double sum_f)
{
  const CsCodeNorm code_norm = step->crosscoder->code_norm;
  const size_t d = step->crosscoder->d_model;
  const double *norms = step->norms + 2 * j, both = hypot (norms[0], norms[1]);
  const double weight = step->options.mu / (double)step->options.batch * sum_f;
  if (code_norm == CS_CODE_NORM_NONE)
    return;
  for (size_t m = 0; m < 2; m++)
    {
      const size_t at = (2 * j + m) * d;
      const double own = norms[m] > 0 ? 1 / norms[m] : 0, joint = both > 0 ? 1 / both : 0;
      const double factor = code_norm == CS_CODE_NORM_CROSSCODER ? own
                            : code_norm == CS_CODE_NORM_SAE      ? joint
                                                                 : joint + 0.1 * own;
      cs_axpy ((float)(weight * factor), step->crosscoder->decoder + at, step->decoder_g + at, d);
    }
}

void
cs_step_note_row (CsStep *step, size_t j)
{
  const size_t width = 2 * step->crosscoder->d_model;
  const float *encoder = step->encoder_g + j * width, *decoder = step->decoder_g + j * width;
  const double bias = step->encoder_bias_g[j];
  step->row_squares[j] = cs_dot_double (encoder, encoder, width) +
                         cs_dot_double (decoder, decoder, width) + bias * bias;
}

typedef struct
{
  CsStep *step;
  const float *x;
} ColumnTask;

static void
bias_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const ColumnTask *task = data;
  CsStep *step = task->step;
  const size_t width = 2 * step->crosscoder->d_model;
  double *sums = step->column_sums;
  memset (sums + begin, 0, (end - begin) * sizeof (double));
  for (size_t t = 0; t < step->options.batch; t++)
    for (size_t c = begin; c < end; c++)
      sums[c] += step->grad[t * width + c];
  for (size_t c = begin; c < end; c++)
    step->decoder_bias_g[c] = (float)sums[c];
}

void
cs_step_bias_gradient (CsStep *step)
{
  ColumnTask task = { step, NULL };
  cs_team_run (step->team, 2 * step->crosscoder->d_model, bias_range, &task);
}

static void
column_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const ColumnTask *task = data;
  CsStep *step = task->step;
  const size_t width = 2 * step->crosscoder->d_model;
  double *restrict sums = step->column_sums;
  for (size_t i = 0; i < 4; i++)
    memset (sums + i * width + begin, 0, (end - begin) * sizeof (double));
  for (size_t t = 0; t < step->options.batch; t++)
    for (size_t c = begin; c < end; c++)
      {
        const double e = step->error[t * width + c], x = task->x[t * width + c];
        sums[c] += e;
        sums[width + c] += e * e;
        sums[2 * width + c] += x;
        sums[3 * width + c] += x * x;
      }
}

void
cs_step_column_sums (CsStep *step, const float *x)
{
  ColumnTask task = { step, x };
  cs_team_run (step->team, 2 * step->crosscoder->d_model, column_range, &task);
}

/* 1 − Σ_i var ε_i / Σ_i var x_i for each model; the n − 1 of unbiased variances cancels. */
static void
report_fve (CsStep *step, const float *x, CsStepReport *report)
{
  const size_t d = step->crosscoder->d_model, width = 2 * d;
  const double B = (double)step->options.batch;
  const double *sums = step->column_sums;
  cs_step_column_sums (step, x);
  for (size_t m = 0; m < 2; m++)
    {
      double residual = 0, total = 0;
      for (size_t c = m * d; c < (m + 1) * d; c++)
        {
          residual += sums[width + c] - sums[c] * sums[c] / B;
          total += sums[3 * width + c] - sums[2 * width + c] * sums[2 * width + c] / B;
        }
      report->fve[m] = 1 - residual / total;
    }
}

size_t
cs_step_count_silent (CsStep *step)
{
  size_t n_dead = 0;
  for (size_t j = 0; j < step->crosscoder->n_latents; j++)
    {
      step->state.silent[j] = step->fired[j] ? 0 : step->state.silent[j] + step->options.batch;
      if (step->state.silent[j] >= step->options.dead_tokens)
        step->dead[n_dead++] = (uint32_t)j;
    }
  return n_dead;
}

/* Returns whether the step goes the dense way; else step->codes is filled. */
static bool
select_active (CsStep *step, size_t k, CsStepReport *report)
{
  const CsCrosscoder *crosscoder = step->crosscoder;
  const size_t B = step->options.batch, F = crosscoder->n_latents;
  const CsPreActivations in = { step->pre, crosscoder->encoder_bias,
                                crosscoder->variant == CS_VARIANT_L1 ? NULL : step->scales, B, F };
  if (crosscoder->variant == CS_VARIANT_BATCHTOPK)
    report->smallest = cs_select_top (step->selector, &in, k * B, &step->codes);
  else if (crosscoder->variant == CS_VARIANT_TOPK)
    report->smallest = cs_select_top_each (step->selector, &in, NULL, 0, k, &step->codes);
  else if ((double)cs_select_count (step->selector, &in) >
           step->options.dense_share * (double)B * (double)F)
    return true;
  else
    cs_select_above (step->selector, &in, 0, &step->codes);
  return false;
}

/* θ: first set to the smallest selected v, then its moving average. */
static void
update_threshold (CsStep *step, float smallest)
{
  const double beta = step->options.threshold_beta;
  float *threshold = &step->crosscoder->threshold;
  if (step->crosscoder->variant != CS_VARIANT_BATCHTOPK ||
      step->state.step <= step->options.threshold_start_step)
    return;
  *threshold = *threshold < 0 ? smallest : (float)(beta * *threshold + (1 - beta) * smallest);
}

static double
gradient_norm (const CsStep *step)
{
  const size_t width = 2 * step->crosscoder->d_model;
  double sum = cs_dot_double (step->decoder_bias_g, step->decoder_bias_g, width);
  for (size_t j = 0; j < step->crosscoder->n_latents; j++)
    sum += step->touched[j] ? step->row_squares[j] : 0;
  return sqrt (sum);
}

static void
update_weights (CsStep *step, double lr, double norm)
{
  const size_t F = step->crosscoder->n_latents, width = 2 * step->crosscoder->d_model;
  CsCrosscoder *crosscoder = step->crosscoder;
  CsStepState *state = &step->state;
  const double clip = step->options.clip_norm;
  const CsAdamStep adam = { lr, clip > 0 ? MIN (1, clip / (norm + 1e-6)) : 1, state->step + 1 };
  const CsAdamRows rows[] = {
    { crosscoder->encoder, state->encoder_m, state->encoder_v, step->encoder_g, step->touched,
      step->encoder_moving, F, width, NULL },
    { crosscoder->decoder, state->decoder_m, state->decoder_v, step->decoder_g, step->touched,
      step->decoder_moving, F, width, step->norms },
    { crosscoder->encoder_bias, state->encoder_bias_m, state->encoder_bias_v, step->encoder_bias_g,
      NULL, NULL, F, 1, NULL },
    { crosscoder->decoder_bias, state->decoder_bias_m, state->decoder_bias_v, step->decoder_bias_g,
      NULL, NULL, width, 1, NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++)
    cs_adam_update (step->team, &rows[i], &adam);
}

static double
lap (gint64 *time)
{
  const gint64 now = g_get_monotonic_time (), before = *time;
  *time = now;
  return 1e-6 * (double)(now - before);
}

bool
cs_step_run (CsStep *step,
             const float *x,
             size_t k,
             double lr,
             bool want_fve,
             CsStepReport *report,
             GError **error)
{
  CsCrosscoder *crosscoder = step->crosscoder;
  const size_t F = crosscoder->n_latents, width = 2 * crosscoder->d_model, B = step->options.batch;
  const double *norms = cs_step_norms (step);
  gint64 time = g_get_monotonic_time ();
  memset (report, 0, sizeof *report);
  memset (step->touched, 0, F);
  memset (step->fired, 0, F);
  memset (step->encoder_bias_g, 0, F * sizeof (float));
  memset (step->latent_sums, 0, F * sizeof (double));
  for (size_t j = 0; j < F; j++)
    step->scales[j] = cs_crosscoder_scale (crosscoder->code_norm, norms[2 * j], norms[2 * j + 1]);
  cs_gemm (step->team, false, true, B, F, width, 1, x, width, crosscoder->encoder, width, 0,
           step->pre, F);
  step->times.encode += lap (&time);
  const bool dense = select_active (step, k, report);
  step->times.select += lap (&time);
  if (dense)
    cs_step_dense (step, x, report);
  else
    cs_step_sparse (step, x, report);
  if (want_fve)
    report_fve (step, x, report);
  lap (&time);
  report->loss = report->reconstruction + step->options.mu * report->sparsity +
                 step->options.aux_alpha * report->aux;
  report->grad_norm = gradient_norm (step);
  if (!isfinite (report->loss) || !isfinite (report->grad_norm))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_NUMERIC,
                   "Training left the finite numbers at step %" G_GUINT64_FORMAT
                   " (loss %g): lower the learning rate and start again from the last checkpoint.",
                   step->state.step, report->loss);
      return false;
    }
  update_threshold (step, report->smallest);
  update_weights (step, lr, report->grad_norm);
  step->times.adam += lap (&time);
  step->state.step++;
  return true;
}
