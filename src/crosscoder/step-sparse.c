/* The sparse half of a step. Tokens first: decode, residual, gradient to the codes while the
 * decoder rows of a token are still in cache. Then latents: each gradient row is gathered by one
 * worker in the order of tokens. */
#include <math.h>
#include <string.h>

#include "step-private.h"
#include "vector.h"

void
cs_accumulate_rows (const float *base,
                    const uint32_t *index,
                    const float *a,
                    size_t n,
                    float *restrict row,
                    size_t width)
{
  size_t i = 0;
  for (; i + 4 <= n; i += 4)
    {
      const float *restrict x0 = base + index[i] * width, *restrict x1 =
                                                              base + index[i + 1] * width;
      const float *restrict x2 = base + index[i + 2] * width, *restrict x3 =
                                                                  base + index[i + 3] * width;
      const float a0 = a[i], a1 = a[i + 1], a2 = a[i + 2], a3 = a[i + 3];
      for (size_t c = 0; c < width; c++)
        row[c] += (a0 * x0[c] + a1 * x1[c]) + (a2 * x2[c] + a3 * x3[c]);
    }
  for (; i < n; i++)
    cs_axpy (a[i], base + index[i] * width, row, width);
}

typedef struct
{
  CsStep *step;
  const float *x;
  const CsCodes *codes;
  const float *grad; /* what the gathered codes' decoder rows get */
  const size_t *cut; /* latents of worker w: cut[w] … cut[w+1]−1 */
  double aux_denominator;
  bool penalty; /* the L1 term */
} SparseTask;

/* df = <g_t, d_j> for the pairs of a token. */
static void
code_gradients (CsStep *step, const CsCodes *codes, const float *grad, size_t t)
{
  const size_t width = 2 * step->crosscoder->d_model;
  const float *decoder = step->crosscoder->decoder, *g = grad + t * width;
  for (size_t i = codes->start[t]; i < codes->start[t + 1]; i++)
    step->df[i] = cs_dot (g, decoder + codes->latent[i] * width, width);
}

static void
decode_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const SparseTask *task = data;
  CsStep *step = task->step;
  const CsCodes *codes = task->codes;
  const size_t width = 2 * step->crosscoder->d_model;
  const float weight = (float)(step->options.mu / (double)step->options.batch);
  for (size_t t = begin; t < end; t++)
    {
      const size_t first = codes->start[t], n = codes->start[t + 1] - first;
      float *row = step->error + t * width;
      memcpy (row, step->crosscoder->decoder_bias, width * sizeof (float));
      cs_accumulate_rows (step->crosscoder->decoder, codes->latent + first, codes->value + first, n,
                          row, width);
      cs_step_token_error (step, task->x, t);
      code_gradients (step, codes, step->grad, t);
      if (task->penalty)
        for (size_t i = first; i < first + n; i++)
          step->df[i] += weight * step->scales[codes->latent[i]];
    }
}

static void
reserve_pairs (CsStep *step, size_t n)
{
  CsLatentLists *lists = &step->lists;
  if (step->df_capacity < n || step->df == NULL)
    {
      step->df_capacity = MAX (n + n / 4, 1);
      step->df = g_renew (float, step->df, step->df_capacity);
    }
  if (lists->capacity < n || lists->token == NULL)
    {
      lists->capacity = MAX (n + n / 4, 1);
      lists->token = g_renew (uint32_t, lists->token, lists->capacity);
      lists->f = g_renew (float, lists->f, lists->capacity);
      lists->df = g_renew (float, lists->df, lists->capacity);
    }
}

/* Sorts the pairs by latent (counting sort, so tokens stay in order). */
static void
build_lists (CsStep *step, const CsCodes *codes)
{
  CsLatentLists *lists = &step->lists;
  const size_t F = step->crosscoder->n_latents, n = codes->start[codes->n_tokens];
  size_t *next = lists->start + 1; /* becomes the end of each latent once all are placed */
  memset (lists->start, 0, (F + 2) * sizeof (size_t));
  for (size_t i = 0; i < n; i++)
    next[codes->latent[i] + 1]++;
  for (size_t j = 1; j < F; j++)
    next[j] += next[j - 1];
  for (size_t t = 0; t < codes->n_tokens; t++)
    for (size_t i = codes->start[t]; i < codes->start[t + 1]; i++)
      {
        const size_t at = next[codes->latent[i]]++;
        lists->token[at] = (uint32_t)t;
        lists->f[at] = codes->value[i];
        lists->df[at] = step->df[i];
      }
}

static void
gather_latent (const SparseTask *task, size_t j)
{
  CsStep *step = task->step;
  const CsLatentLists *lists = &step->lists;
  const size_t first = lists->start[j], n = lists->start[j + 1] - first;
  const size_t width = 2 * step->crosscoder->d_model;
  float *decoder_g = step->decoder_g + j * width, *encoder_g = step->encoder_g + j * width;
  if (n == 0)
    return;
  if (!step->touched[j])
    {
      memset (decoder_g, 0, width * sizeof (float));
      memset (encoder_g, 0, width * sizeof (float));
      step->touched[j] = 1;
    }
  cs_accumulate_rows (task->grad, lists->token + first, lists->f + first, n, decoder_g, width);
  cs_accumulate_rows (task->x, lists->token + first, lists->df + first, n, encoder_g, width);
  double bias = step->encoder_bias_g[j], sum = 0;
  float largest = 0;
  for (size_t i = first; i < first + n; i++)
    {
      bias += lists->df[i];
      sum += lists->f[i];
      largest = MAX (largest, lists->f[i]);
    }
  step->encoder_bias_g[j] = (float)bias;
  if (task->penalty)
    {
      step->latent_sums[j] = sum;
      step->fired[j] = largest * step->scales[j] > CS_L1_FIRED_ABOVE;
      cs_step_norm_gradient (step, j, sum);
    }
  cs_step_note_row (step, j);
}

static void
gather_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const SparseTask *task = data;
  for (size_t part = begin; part < end; part++)
    for (size_t j = task->cut[part]; j < task->cut[part + 1]; j++)
      gather_latent (task, j);
}

/* Gathers with the latents cut so that each worker has about as many pairs. */
static void
gather (SparseTask *task)
{
  CsStep *step = task->step;
  const size_t F = step->crosscoder->n_latents, n = step->lists.start[F];
  const unsigned parts = cs_team_size (step->team);
  g_autofree size_t *cut = g_new (size_t, parts + 1);
  size_t j = 0;
  for (unsigned part = 0; part < parts; part++)
    {
      while (j < F && step->lists.start[j] < n / parts * part)
        j++;
      cut[part] = j;
    }
  cut[parts] = F;
  task->cut = cut;
  cs_team_run (step->team, parts, gather_range, task);
}

/* ê of a token, the numerator's share and the gradient to ê. */
static void
aux_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const SparseTask *task = data;
  CsStep *step = task->step;
  const CsCodes *codes = task->codes;
  const size_t width = 2 * step->crosscoder->d_model;
  const double B = (double)step->options.batch;
  const float factor = (float)(-2 * step->options.aux_alpha / (B * task->aux_denominator));
  for (size_t t = begin; t < end; t++)
    {
      const size_t first = codes->start[t];
      float *row = step->aux_grad + t * width;
      memset (row, 0, width * sizeof (float));
      cs_accumulate_rows (step->crosscoder->decoder, codes->latent + first, codes->value + first,
                          codes->start[t + 1] - first, row, width);
      for (size_t c = 0; c < width; c++)
        row[c] = step->error[t * width + c] - row[c];
      step->token_squares[2 * t] = cs_dot_double (row, row, width);
      cs_scale (factor, row, width);
      code_gradients (step, codes, step->aux_grad, t);
    }
}

/* mean over tokens of ‖e − mean e‖², both models together. */
static double
residual_variance (const CsStep *step)
{
  const size_t width = 2 * step->crosscoder->d_model;
  const double B = (double)step->options.batch;
  double sum = 0;
  for (size_t c = 0; c < width; c++)
    {
      const double mean = step->column_sums[c] / B;
      sum += step->column_sums[width + c] / B - mean * mean;
    }
  return sum;
}

/* Adds α · L_aux's gradients; returns L_aux. */
static double
add_aux (CsStep *step, const float *x, size_t n_dead)
{
  const size_t F = step->crosscoder->n_latents, B = step->options.batch;
  const CsPreActivations in = { step->pre, step->crosscoder->encoder_bias, step->scales, B, F };
  cs_step_column_sums (step, x);
  const double denominator = residual_variance (step);
  if (!(denominator > 0))
    return 0;
  cs_select_top_each (step->selector, &in, step->dead, n_dead, MIN (step->options.aux_k, n_dead),
                      &step->aux_codes);
  reserve_pairs (step, step->aux_codes.start[B]);
  SparseTask task = { .step = step,
                      .x = x,
                      .codes = &step->aux_codes,
                      .grad = step->aux_grad,
                      .aux_denominator = denominator };
  cs_team_run (step->team, B, aux_range, &task);
  double numerator = 0;
  for (size_t t = 0; t < B; t++)
    numerator += step->token_squares[2 * t];
  build_lists (step, &step->aux_codes);
  gather (&task);
  return numerator / (double)B / denominator;
}

/* Σ over tokens into the report; has to come before L_aux reuses token_squares. */
static void
report_errors (const CsStep *step, CsStepReport *report)
{
  const size_t B = step->options.batch;
  for (size_t t = 0; t < B; t++)
    for (size_t m = 0; m < 2; m++)
      {
        const double square = step->token_squares[2 * t + m];
        report->mse[m] += square / (double)B;
        report->reconstruction +=
            (step->options.squared_error ? square : sqrt (square)) / (2. * (double)B);
      }
}

void
cs_step_sparse (CsStep *step, const float *x, CsStepReport *report)
{
  const size_t F = step->crosscoder->n_latents, B = step->options.batch;
  const bool l1 = step->crosscoder->variant == CS_VARIANT_L1;
  SparseTask task = {
    .step = step, .x = x, .codes = &step->codes, .grad = step->grad, .penalty = l1
  };
  gint64 time = g_get_monotonic_time ();
  reserve_pairs (step, step->codes.start[B]);
  cs_team_run (step->team, B, decode_range, &task);
  report_errors (step, report);
  report->l0 = (double)step->codes.start[B] / (double)B;
  step->times.decode += 1e-6 * (double)(g_get_monotonic_time () - time);

  time = g_get_monotonic_time ();
  build_lists (step, &step->codes);
  gather (&task);
  if (l1)
    for (size_t j = 0; j < F; j++)
      report->sparsity += step->latent_sums[j] * step->scales[j] / (double)B;
  else
    for (size_t j = 0; j < F; j++)
      step->fired[j] = step->lists.start[j + 1] > step->lists.start[j];
  report->n_dead = cs_step_count_silent (step);
  if (!l1 && report->n_dead > 0 && step->options.aux_alpha > 0)
    report->aux = add_aux (step, x, report->n_dead);
  cs_step_bias_gradient (step);
  step->times.gradients += 1e-6 * (double)(g_get_monotonic_time () - time);
}
