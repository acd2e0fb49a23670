#include "train-ops.h"

#include <math.h>
#include <string.h>

#define LANES 16

/* Σ x·y in LANES partial sums: an order that the compiler may vectorise, and always the same one.
 */
static float
lane_dot (const float *restrict x, const float *restrict y, size_t n)
{
  float lanes[LANES] = { 0 };
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++)
      lanes[j] += x[i + j] * y[i + j];
  float sum = 0;
  for (; i < n; i++)
    sum += x[i] * y[i];
  for (size_t j = 0; j < LANES; j++)
    sum += lanes[j];
  return sum;
}

static float
lane_max (const float *x, size_t n)
{
  float lanes[LANES], max = x[0];
  for (size_t j = 0; j < LANES; j++)
    lanes[j] = x[0];
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++)
      lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  for (; i < n; i++)
    max = x[i] > max ? x[i] : max;
  for (size_t j = 0; j < LANES; j++)
    max = lanes[j] > max ? lanes[j] : max;
  return max;
}

static inline void
axpy (float a, const float *restrict x, float *restrict y, size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] += a * x[i];
}

void
cs_rms_norm (const float *x,
             const float *w,
             double eps,
             size_t n_rows,
             size_t d,
             float *y,
             float *rstd)
{
  for (size_t t = 0; t < n_rows; t++)
    {
      const float *restrict row = x + t * d;
      float *restrict out = y + t * d;
      float r = 1.0f / sqrtf (lane_dot (row, row, d) / (float)d + (float)eps);
      rstd[t] = r;
      for (size_t i = 0; i < d; i++)
        out[i] = row[i] * r * w[i];
    }
}

void
cs_rms_norm_backward (const float *x,
                      const float *w,
                      const float *rstd,
                      const float *dy,
                      size_t n_rows,
                      size_t d,
                      float *dx,
                      float *dw)
{
  for (size_t t = 0; t < n_rows; t++)
    {
      const float *restrict row = x + t * d;
      const float *restrict dout = dy + t * d;
      float *restrict din = dx + t * d;
      float lanes[LANES] = { 0 };
      size_t i = 0;
      for (; i + LANES <= d; i += LANES)
        for (size_t j = 0; j < LANES; j++)
          lanes[j] += dout[i + j] * w[i + j] * row[i + j];
      float dot = 0;
      for (; i < d; i++)
        dot += dout[i] * w[i] * row[i];
      for (size_t j = 0; j < LANES; j++)
        dot += lanes[j];
      /* ∂rstd/∂x = −rstd³ x / d */
      float r = rstd[t], c = dot * r * r * r / (float)d;
      for (i = 0; i < d; i++)
        {
          din[i] += dout[i] * w[i] * r - c * row[i];
          dw[i] += dout[i] * row[i] * r;
        }
    }
}

void
cs_rope_rotate (float *x,
                size_t n_rows,
                size_t stride,
                size_t n_heads,
                size_t head_dim,
                const float *cos_sin,
                int inverse)
{
  size_t half = head_dim / 2;
  float sign = inverse ? -1.0f : 1.0f;
  for (size_t t = 0; t < n_rows; t++)
    for (size_t h = 0; h < n_heads; h++)
      {
        float *restrict head = x + t * stride + h * head_dim;
        const float *restrict table = cos_sin + t * head_dim;
        for (size_t i = 0; i < half; i++)
          {
            float c = table[2 * i], s = sign * table[2 * i + 1];
            float a = head[i], b = head[i + half];
            head[i] = a * c - b * s;
            head[i + half] = b * c + a * s;
          }
      }
}

/* out[e, n] = the transpose of n rows of width e. */
static void
transpose (const float *x, size_t stride, size_t n, size_t head_dim, float *out)
{
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < head_dim; i++)
      out[i * n + t] = x[t * stride + i];
}

/* p[0 … n−1] to its softmax, in place. */
static void
softmax_row (float *restrict p, size_t n, float scale)
{
  float max = lane_max (p, n);
  for (size_t s = 0; s < n; s++)
    p[s] = cs_exp_approx ((p[s] - max) * scale);
  float sum = 0;
  for (size_t s = 0; s < n; s++)
    sum += p[s];
  float inverse = 1.0f / sum;
  for (size_t s = 0; s < n; s++)
    p[s] *= inverse;
}

void
cs_attention_head (const float *q,
                   const float *k,
                   const float *v,
                   size_t stride,
                   size_t n,
                   size_t head_dim,
                   float *p,
                   float *out,
                   size_t out_stride,
                   float *scratch)
{
  float scale = 1.0f / sqrtf ((float)head_dim);
  transpose (k, stride, n, head_dim, scratch);
  for (size_t t = 0; t < n; t++)
    {
      float *row = p + t * n, *o = out + t * out_stride;
      memset (row, 0, (t + 1) * sizeof *row);
      for (size_t i = 0; i < head_dim; i++)
        axpy (q[t * stride + i], scratch + i * n, row, t + 1);
      softmax_row (row, t + 1, scale);
      memset (o, 0, head_dim * sizeof *o);
      for (size_t s = 0; s <= t; s++)
        axpy (row[s], v + s * stride, o, head_dim);
    }
}

void
cs_attention_head_backward (const float *q,
                            const float *k,
                            const float *v,
                            size_t stride,
                            size_t n,
                            size_t head_dim,
                            const float *p,
                            const float *dout,
                            size_t out_stride,
                            float *dq,
                            float *dk,
                            float *dv,
                            float *scratch)
{
  float scale = 1.0f / sqrtf ((float)head_dim);
  float *dscore = scratch + head_dim * n;
  transpose (v, stride, n, head_dim, scratch);
  for (size_t t = 0; t < n; t++)
    {
      memset (dq + t * stride, 0, head_dim * sizeof *dq);
      memset (dk + t * stride, 0, head_dim * sizeof *dk);
      memset (dv + t * stride, 0, head_dim * sizeof *dv);
    }
  for (size_t t = 0; t < n; t++)
    {
      const float *row = p + t * n, *o = dout + t * out_stride;
      memset (dscore, 0, (t + 1) * sizeof *dscore);
      for (size_t i = 0; i < head_dim; i++)
        axpy (o[i], scratch + i * n, dscore, t + 1);
      /* Softmax: ds = p (dp − Σ p dp). */
      float dot = lane_dot (row, dscore, t + 1);
      for (size_t s = 0; s <= t; s++)
        dscore[s] = row[s] * (dscore[s] - dot) * scale;
      for (size_t s = 0; s <= t; s++)
        {
          axpy (row[s], o, dv + s * stride, head_dim);
          axpy (dscore[s], k + s * stride, dq + t * stride, head_dim);
          axpy (dscore[s], q + t * stride, dk + s * stride, head_dim);
        }
    }
}

void
cs_swiglu (const float *gu, size_t n_rows, size_t d_ff, float *h)
{
  for (size_t t = 0; t < n_rows; t++)
    {
      const float *restrict g = gu + t * 2 * d_ff;
      const float *restrict u = g + d_ff;
      float *restrict out = h + t * d_ff;
      for (size_t i = 0; i < d_ff; i++)
        out[i] = g[i] / (1.0f + cs_exp_approx (-g[i])) * u[i];
    }
}

void
cs_swiglu_backward (const float *gu, const float *dh, size_t n_rows, size_t d_ff, float *dgu)
{
  for (size_t t = 0; t < n_rows; t++)
    {
      const float *restrict g = gu + t * 2 * d_ff;
      const float *restrict u = g + d_ff;
      const float *restrict dout = dh + t * d_ff;
      float *restrict dg = dgu + t * 2 * d_ff;
      float *restrict du = dg + d_ff;
      for (size_t i = 0; i < d_ff; i++)
        {
          float sigmoid = 1.0f / (1.0f + cs_exp_approx (-g[i]));
          du[i] = dout[i] * g[i] * sigmoid;
          dg[i] = dout[i] * u[i] * sigmoid * (1.0f + g[i] * (1.0f - sigmoid));
        }
    }
}

double
cs_cross_entropy (float *logits,
                  const int32_t *targets,
                  const float *weights,
                  size_t n_rows,
                  size_t vocab_size)
{
  double loss = 0;
  for (size_t t = 0; t < n_rows; t++)
    {
      float *restrict row = logits + t * vocab_size;
      float weight = weights[t];
      if (weight == 0)
        {
          memset (row, 0, vocab_size * sizeof *row);
          continue;
        }
      float max = lane_max (row, vocab_size), lanes[LANES] = { 0 };
      float target = row[targets[t]] - max;
      size_t i = 0;
      for (; i + LANES <= vocab_size; i += LANES)
        for (size_t j = 0; j < LANES; j++)
          lanes[j] += row[i + j] = cs_exp_approx (row[i + j] - max);
      float sum = 0;
      for (; i < vocab_size; i++)
        sum += row[i] = cs_exp_approx (row[i] - max);
      for (size_t j = 0; j < LANES; j++)
        sum += lanes[j];
      loss -= (double)weight * ((double)target - log ((double)sum));
      float factor = weight / sum;
      for (i = 0; i < vocab_size; i++)
        row[i] *= factor;
      row[targets[t]] -= weight;
    }
  return loss;
}
