/* The dense way through a step of an L1 crosscoder, whose latents are about half active at the
 * start. */
#include <math.h>
#include <string.h>

#include "blas.h"
#include "step-private.h"

typedef struct
{
  CsStep *step;
  const float *x;
  size_t *active; /* [workers] */
} DenseTask;

/* f in place of the pre-activations; x̂ begins as the decoder bias. */
static void
rectify_range (size_t begin, size_t end, unsigned worker, void *data)
{
  DenseTask *task = data;
  CsStep *step = task->step;
  const size_t F = step->crosscoder->n_latents, width = 2 * step->crosscoder->d_model;
  const float *bias = step->crosscoder->encoder_bias;
  size_t active = 0;
  for (size_t t = begin; t < end; t++)
    {
      float *pre = step->pre + t * F;
      unsigned row = 0;
      for (size_t j = 0; j < F; j++)
        {
          const float f = pre[j] + bias[j];
          row += f > 0;
          pre[j] = f > 0 ? f : 0;
        }
      active += row;
      memcpy (step->error + t * width, step->crosscoder->decoder_bias, width * sizeof (float));
    }
  task->active[worker] = active;
}

static void
error_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const DenseTask *task = data;
  for (size_t t = begin; t < end; t++)
    cs_step_token_error (task->step, task->x, t);
}

/* df of inactive pairs is 0; the others get the penalty's share. */
static void
mask_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const DenseTask *task = data;
  CsStep *step = task->step;
  const size_t F = step->crosscoder->n_latents;
  const float weight = (float)(step->options.mu / (double)step->options.batch);
  for (size_t t = begin; t < end; t++)
    {
      const float *restrict f = step->pre + t * F;
      float *restrict df = step->dense_df + t * F;
      for (size_t j = 0; j < F; j++)
        df[j] = f[j] > 0 ? df[j] + weight * step->scales[j] : 0;
    }
}

/* What is summed over tokens for each latent, a block of latents at a time. */
static void
finish_block (CsStep *step, size_t begin, size_t end)
{
  const size_t F = step->crosscoder->n_latents, n = end - begin;
  double sums[64] = { 0 }, bias[64] = { 0 };
  float largest[64] = { 0 };
  for (size_t t = 0; t < step->options.batch; t++)
    {
      const float *f = step->pre + t * F + begin, *df = step->dense_df + t * F + begin;
      for (size_t i = 0; i < n; i++)
        {
          sums[i] += f[i];
          bias[i] += df[i];
          largest[i] = MAX (largest[i], f[i]);
        }
    }
  for (size_t i = 0; i < n; i++)
    {
      const size_t j = begin + i;
      step->touched[j] = 1;
      step->encoder_bias_g[j] = (float)bias[i];
      step->latent_sums[j] = sums[i];
      step->fired[j] = largest[i] * step->scales[j] > CS_L1_FIRED_ABOVE;
      cs_step_norm_gradient (step, j, sums[i]);
      cs_step_note_row (step, j);
    }
}

static void
finish_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const DenseTask *task = data;
  for (size_t j = begin; j < end; j += 64)
    finish_block (task->step, j, MIN (j + 64, end));
}

static double
seconds_since (gint64 time)
{
  return 1e-6 * (double)(g_get_monotonic_time () - time);
}

void
cs_step_dense (CsStep *step, const float *x, CsStepReport *report)
{
  CsCrosscoder *crosscoder = step->crosscoder;
  const size_t F = crosscoder->n_latents, width = 2 * crosscoder->d_model, B = step->options.batch;
  CsTeam *team = step->team;
  g_autofree size_t *active = g_new0 (size_t, cs_team_size (team));
  DenseTask task = { step, x, active };
  gint64 time = g_get_monotonic_time ();
  if (!step->dense_df)
    step->dense_df = g_new (float, B *F);
  cs_team_run (team, B, rectify_range, &task);
  cs_gemm (team, false, false, B, width, F, 1, step->pre, F, crosscoder->decoder, width, 1,
           step->error, width);
  cs_team_run (team, B, error_range, &task);
  step->times.decode += seconds_since (time);

  time = g_get_monotonic_time ();
  cs_gemm (team, false, true, B, F, width, 1, step->grad, width, crosscoder->decoder, width, 0,
           step->dense_df, F);
  cs_team_run (team, B, mask_range, &task);
  cs_gemm (team, true, false, F, width, B, 1, step->pre, F, step->grad, width, 0, step->decoder_g,
           width);
  cs_gemm (team, true, false, F, width, B, 1, step->dense_df, F, x, width, 0, step->encoder_g,
           width);
  cs_team_run (team, F, finish_range, &task);
  for (unsigned w = 0; w < cs_team_size (team); w++)
    report->l0 += (double)active[w] / (double)B;
  for (size_t j = 0; j < F; j++)
    report->sparsity += step->latent_sums[j] * step->scales[j] / (double)B;
  for (size_t i = 0; i < 2 * B; i++)
    {
      const double square = step->token_squares[i];
      report->mse[i % 2] += square / (double)B;
      report->reconstruction +=
          (step->options.squared_error ? square : sqrt (square)) / (2. * (double)B);
    }
  report->n_dead = cs_step_count_silent (step);
  cs_step_bias_gradient (step);
  step->times.gradients += seconds_since (time);
}
