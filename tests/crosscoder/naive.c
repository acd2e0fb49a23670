#include "naive.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double *
widen (const float *from, size_t n)
{
  double *to = g_new (double, n);
  for (size_t i = 0; i < n; i++)
    to[i] = from[i];
  return to;
}

Naive *
naive_new (const CsCrosscoder *crosscoder, size_t B)
{
  Naive *naive = g_new0 (Naive, 1);
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  naive->d = d;
  naive->F = F;
  naive->B = B;
  naive->variant = crosscoder->variant;
  naive->code_norm = crosscoder->code_norm;
  naive->k = crosscoder->k;
  naive->encoder = widen (crosscoder->encoder, F * 2 * d);
  naive->decoder = widen (crosscoder->decoder, F * 2 * d);
  naive->encoder_bias = widen (crosscoder->encoder_bias, F);
  naive->decoder_bias = widen (crosscoder->decoder_bias, 2 * d);
  naive->dead = g_new0 (bool, F);
  return naive;
}

void
naive_free (Naive *naive)
{
  g_free (naive->encoder);
  g_free (naive->decoder);
  g_free (naive->encoder_bias);
  g_free (naive->decoder_bias);
  g_free (naive->dead);
  g_free (naive);
}

static double
norm (const Naive *naive, size_t j, size_t m)
{
  double sum = 0;
  for (size_t i = 0; i < naive->d; i++)
    sum += pow (naive->decoder[(2 * j + m) * naive->d + i], 2);
  return sqrt (sum);
}

double
naive_scale (const Naive *naive, size_t j)
{
  const double base = norm (naive, j, 0), chat = norm (naive, j, 1);
  const double both = sqrt (base * base + chat * chat);
  switch (naive->code_norm)
    {
    case CS_CODE_NORM_SAE:
      return both;
    case CS_CODE_NORM_MIXED:
      return both + 0.1 * (base + chat);
    case CS_CODE_NORM_NONE:
      return 1;
    default:
      return base + chat;
    }
}

typedef struct
{
  double v;
  size_t index;
} Ranked;

static int
compare_ranked (const void *a, const void *b)
{
  const Ranked *p = a, *q = b;
  if (p->v != q->v)
    return p->v < q->v ? 1 : -1;
  return p->index < q->index ? -1 : p->index > q->index;
}

/* Keeps the `keep` largest positive v among `allowed` latents of tokens first … end−1. */
static double
keep_top (const Naive *naive,
          const double *f,
          size_t first,
          size_t end,
          size_t keep,
          const bool *allowed,
          bool *kept)
{
  g_autofree Ranked *ranked = g_new (Ranked, (end - first) * naive->F);
  size_t n = 0;
  double smallest = 0;
  for (size_t t = first; t < end; t++)
    for (size_t j = 0; j < naive->F; j++)
      {
        /* Ranked in float32, as what is tested ranks: equal numbers have to stay equal. */
        const double v = (float)f[t * naive->F + j] * (float)naive_scale (naive, j);
        if (v > 0 && (!allowed || allowed[j]))
          ranked[n++] = (Ranked){ v, t * naive->F + j };
      }
  qsort (ranked, n, sizeof *ranked, compare_ranked);
  for (size_t i = 0; i < MIN (n, keep); i++)
    {
      kept[ranked[i].index] = true;
      smallest = ranked[i].v;
    }
  return smallest;
}

static void
encode (const Naive *naive, const float *x, double *f)
{
  const size_t width = 2 * naive->d;
  for (size_t t = 0; t < naive->B; t++)
    for (size_t j = 0; j < naive->F; j++)
      {
        double sum = naive->encoder_bias[j];
        for (size_t i = 0; i < width; i++)
          sum += x[t * width + i] * naive->encoder[j * width + i];
        f[t * naive->F + j] = MAX (0, sum);
      }
}

static void
choose (const Naive *naive, NaiveForward *forward, bool *kept)
{
  if (naive->variant == CS_VARIANT_L1)
    memset (kept, true, naive->B * naive->F * sizeof *kept);
  else if (naive->variant == CS_VARIANT_BATCHTOPK)
    forward->smallest = keep_top (naive, forward->f, 0, naive->B, naive->k * naive->B, NULL, kept);
  else
    for (size_t t = 0; t < naive->B; t++)
      keep_top (naive, forward->f, t, t + 1, naive->k, NULL, kept);
}

static double *
decode (const Naive *naive, const double *codes, bool with_bias)
{
  const size_t width = 2 * naive->d;
  double *out = g_new0 (double, naive->B *width);
  for (size_t t = 0; t < naive->B; t++)
    for (size_t i = 0; i < width; i++)
      {
        double sum = with_bias ? naive->decoder_bias[i] : 0;
        for (size_t j = 0; j < naive->F; j++)
          sum += codes[t * naive->F + j] * naive->decoder[j * width + i];
        out[t * width + i] = sum;
      }
  return out;
}

static double *
masked (const Naive *naive, const double *f, const bool *kept)
{
  double *codes = g_new0 (double, naive->B * naive->F);
  for (size_t i = 0; i < naive->B * naive->F; i++)
    codes[i] = kept[i] ? f[i] : 0;
  return codes;
}

/* e comes from the forward pass whose choices are held: it is a constant of the loss. */
static void
auxiliary (const Naive *naive, const float *x, NaiveForward *forward, const NaiveForward *source)
{
  const size_t width = 2 * naive->d, B = naive->B;
  g_autofree double *codes = masked (naive, forward->f, source->aux_selected);
  g_autofree double *e_hat = decode (naive, codes, false);
  for (size_t i = 0; i < width; i++)
    {
      double mean = 0;
      for (size_t t = 0; t < B; t++)
        mean += (x[t * width + i] - source->x_hat[t * width + i]) / (double)B;
      for (size_t t = 0; t < B; t++)
        {
          const double e = x[t * width + i] - source->x_hat[t * width + i];
          forward->aux_numerator += pow (e - e_hat[t * width + i], 2) / (double)B;
          forward->aux_denominator += pow (e - mean, 2) / (double)B;
        }
    }
  forward->aux =
      forward->aux_denominator > 0 ? forward->aux_numerator / forward->aux_denominator : 0;
}

static void
measure (const Naive *naive, const float *x, NaiveForward *forward)
{
  const size_t d = naive->d, B = naive->B;
  for (size_t t = 0; t < B; t++)
    {
      for (size_t m = 0; m < 2; m++)
        {
          double square = 0;
          for (size_t i = 0; i < d; i++)
            square += pow (x[(2 * t + m) * d + i] - forward->x_hat[(2 * t + m) * d + i], 2);
          forward->mse[m] += square / (double)B;
          forward->error += (naive->squared_error ? square : sqrt (square)) / (2 * (double)B);
        }
      for (size_t j = 0; j < naive->F; j++)
        {
          forward->sparsity += forward->f[t * naive->F + j] * naive_scale (naive, j) / (double)B;
          forward->l0 += (forward->selected[t * naive->F + j] > 0) / (double)B;
        }
    }
}

NaiveForward *
naive_forward (const Naive *naive, const float *x, const NaiveForward *fixed)
{
  NaiveForward *forward = g_new0 (NaiveForward, 1);
  const size_t n = naive->B * naive->F;
  g_autofree bool *kept = g_new0 (bool, n);
  bool any_dead = false;
  forward->f = g_new (double, n);
  forward->aux_selected = g_new0 (bool, n);
  encode (naive, x, forward->f);
  if (fixed)
    for (size_t i = 0; i < n; i++)
      kept[i] = naive->variant == CS_VARIANT_L1 || fixed->selected[i] > 0;
  else
    choose (naive, forward, kept);
  forward->selected = masked (naive, forward->f, kept);
  forward->x_hat = decode (naive, forward->selected, true);
  measure (naive, x, forward);
  for (size_t j = 0; j < naive->F; j++)
    any_dead = any_dead || naive->dead[j];
  if (any_dead && naive->alpha > 0)
    {
      if (!fixed)
        for (size_t t = 0; t < naive->B; t++)
          keep_top (naive, forward->f, t, t + 1, naive->aux_k, naive->dead, forward->aux_selected);
      auxiliary (naive, x, forward, fixed ? fixed : forward);
    }
  forward->loss = forward->error + naive->alpha * forward->aux +
                  (naive->variant == CS_VARIANT_L1 ? naive->mu * forward->sparsity : 0);
  return forward;
}

void
naive_forward_free (NaiveForward *forward)
{
  g_free (forward->f);
  g_free (forward->selected);
  g_free (forward->aux_selected);
  g_free (forward->x_hat);
  g_free (forward);
}

size_t
naive_n_parameters (const Naive *naive)
{
  return naive->F * 4 * naive->d + naive->F + 2 * naive->d;
}

double *
naive_parameter (Naive *naive, size_t index)
{
  const size_t n = naive->F * 2 * naive->d;
  if (index < n)
    return naive->encoder + index;
  if (index < 2 * n)
    return naive->decoder + (index - n);
  if (index < 2 * n + naive->F)
    return naive->encoder_bias + (index - 2 * n);
  return naive->decoder_bias + (index - 2 * n - naive->F);
}

/* Back through decoder and encoder from ∂loss/∂output. */
static void
backward (const Naive *naive,
          const float *x,
          const double *codes,
          const double *g,
          double penalty,
          double *gradients)
{
  const size_t width = 2 * naive->d, n = naive->F * width;
  for (size_t t = 0; t < naive->B; t++)
    for (size_t j = 0; j < naive->F; j++)
      {
        const double f = codes[t * naive->F + j];
        double df = penalty * naive_scale (naive, j);
        if (f <= 0)
          continue;
        for (size_t i = 0; i < width; i++)
          {
            df += g[t * width + i] * naive->decoder[j * width + i];
            gradients[n + j * width + i] += f * g[t * width + i];
          }
        for (size_t i = 0; i < width; i++)
          gradients[j * width + i] += df * x[t * width + i];
        gradients[2 * n + j] += df;
      }
}

static void
penalty_gradients (const Naive *naive, const double *f, double *gradients)
{
  const size_t d = naive->d, n = naive->F * 2 * d;
  for (size_t j = 0; j < naive->F && naive->code_norm != CS_CODE_NORM_NONE; j++)
    {
      double sum = 0;
      const double both = hypot (norm (naive, j, 0), norm (naive, j, 1));
      for (size_t t = 0; t < naive->B; t++)
        sum += f[t * naive->F + j] * naive->mu / (double)naive->B;
      for (size_t i = 0; i < 2 * d; i++)
        {
          const double w = naive->decoder[j * 2 * d + i], own = norm (naive, j, i / d);
          const double by_own = own > 0 ? w / own : 0, by_both = both > 0 ? w / both : 0;
          const double slope = naive->code_norm == CS_CODE_NORM_CROSSCODER ? by_own
                               : naive->code_norm == CS_CODE_NORM_SAE      ? by_both
                                                                           : by_both + 0.1 * by_own;
          gradients[n + j * 2 * d + i] += sum * slope;
        }
    }
}

double *
naive_gradients (const Naive *naive, const float *x, const NaiveForward *forward)
{
  const size_t d = naive->d, width = 2 * d, n = naive->F * width, B = naive->B;
  double *gradients = g_new0 (double, naive_n_parameters (naive));
  g_autofree double *g = g_new0 (double, B *width);
  for (size_t row = 0; row < 2 * B; row++)
    {
      double square = 0;
      for (size_t i = 0; i < d; i++)
        square += pow (x[row * d + i] - forward->x_hat[row * d + i], 2);
      for (size_t i = 0; i < d; i++)
        {
          const double e = x[row * d + i] - forward->x_hat[row * d + i];
          g[row * d + i] = naive->squared_error ? -e / (double)B
                           : square > 0         ? -0.5 * e / (sqrt (square) * (double)B)
                                                : 0;
          gradients[2 * n + naive->F + (row % 2) * d + i] += g[row * d + i];
        }
    }
  const bool l1 = naive->variant == CS_VARIANT_L1;
  backward (naive, x, forward->selected, g, l1 ? naive->mu / (double)B : 0, gradients);
  if (l1)
    penalty_gradients (naive, forward->f, gradients);
  if (forward->aux > 0)
    {
      g_autofree double *codes = masked (naive, forward->f, forward->aux_selected);
      g_autofree double *e_hat = decode (naive, codes, false);
      for (size_t i = 0; i < B * width; i++)
        g[i] = -2 * naive->alpha * (x[i] - forward->x_hat[i] - e_hat[i]) /
               ((double)B * forward->aux_denominator);
      backward (naive, x, codes, g, 0, gradients);
    }
  return gradients;
}

void
naive_adam (Naive *naive, double *gradients, double *m, double *v, size_t t, double lr)
{
  double total = 0;
  for (size_t i = 0; i < naive_n_parameters (naive); i++)
    total += gradients[i] * gradients[i];
  const double clip = naive->clip_norm > 0 ? MIN (1, naive->clip_norm / (sqrt (total) + 1e-6)) : 1;
  for (size_t i = 0; i < naive_n_parameters (naive); i++)
    {
      const double g = gradients[i] * clip;
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      *naive_parameter (naive, i) -= lr / (1 - pow (0.9, (double)t)) * m[i] /
                                     (sqrt (v[i]) / sqrt (1 - pow (0.999, (double)t)) + 1e-8);
    }
}
