#include "session-kernels.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* Sums are kept in this many lanes so that the compiler can vectorise them without reordering
 * anything. */
enum
{
  LANES = 16
};

/* Eight floats at any address; the compiler splits it where registers are narrower. */
typedef float Vector __attribute__ ((vector_size (32), aligned (4), may_alias));

static inline float
sum_lanes (const float *lanes)
{
  float sum[4] = { 0 };
  for (size_t i = 0; i < LANES; i++)
    sum[i % 4] += lanes[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

float
cs_kernel_dot (const float *x, const float *y, size_t n)
{
  Vector lanes[2] = { { 0 }, { 0 } };
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    {
      lanes[0] += *(const Vector *)(x + i) * *(const Vector *)(y + i);
      lanes[1] += *(const Vector *)(x + i + 8) * *(const Vector *)(y + i + 8);
    }
  float sum = sum_lanes ((const float *)lanes);
  for (; i < n; i++)
    sum += x[i] * y[i];
  return sum;
}

/* Four rows at a time share the loads of x and hide each other's latency. */
static void
four_dots (const float *w, size_t n, const float *x, float *out)
{
  Vector sums[4][2] = { 0 };
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    {
      Vector x0 = *(const Vector *)(x + i), x1 = *(const Vector *)(x + i + 8);
      for (size_t r = 0; r < 4; r++)
        {
          sums[r][0] += *(const Vector *)(w + r * n + i) * x0;
          sums[r][1] += *(const Vector *)(w + r * n + i + 8) * x1;
        }
    }
  for (size_t r = 0; r < 4; r++)
    {
      out[r] = sum_lanes ((const float *)sums[r]);
      for (size_t j = i; j < n; j++)
        out[r] += w[r * n + j] * x[j];
    }
}

void
cs_kernel_row_dots (const float *w, size_t n_rows, size_t n, const float *x, float *out)
{
  size_t r = 0;
  for (; r + 4 <= n_rows; r += 4)
    four_dots (w + r * n, n, x, out + r);
  for (; r < n_rows; r++)
    out[r] = cs_kernel_dot (w + r * n, x, n);
}

void
cs_kernel_turned_dots (const float *w,
                       size_t stride,
                       size_t n_rows,
                       size_t n,
                       const float *x,
                       float *out)
{
  size_t c = 0;
  memset (out, 0, n_rows * sizeof *out);
  for (; c + 4 <= n; c += 4)
    {
      const float *w0 = w + c * stride, *w1 = w0 + stride, *w2 = w1 + stride, *w3 = w2 + stride;
      for (size_t r = 0; r < n_rows; r++)
        out[r] += (x[c] * w0[r] + x[c + 1] * w1[r]) + (x[c + 2] * w2[r] + x[c + 3] * w3[r]);
    }
  for (; c < n; c++)
    for (size_t r = 0; r < n_rows; r++)
      out[r] += x[c] * w[c * stride + r];
}

void
cs_kernel_weighted_sum (const float *rows,
                        size_t n_rows,
                        size_t n,
                        const float *weights,
                        float *out)
{
  memset (out, 0, n * sizeof *out);
  for (size_t r = 0; r < n_rows; r++)
    for (size_t i = 0; i < n; i++)
      out[i] += weights[r] * rows[r * n + i];
}

void
cs_kernel_rms_norm (const float *x, const float *weight, size_t n, float eps, float *out)
{
  float mean = cs_kernel_dot (x, x, n) / (float)n;
  float scale = 1 / sqrtf (mean + eps);
  for (size_t i = 0; i < n; i++)
    out[i] = x[i] * scale * weight[i];
}

/* exp (x) to about 1 ulp, 0 below −87, NaN for NaN; branch-free so that loops over it are
 * vectorised. x = k ln 2 + r, |r| ≤ ln 2 / 2; exp (r) by its Taylor polynomial of degree 7; 2^k by
 * the exponent's bits. */
static inline float
exp_lane (float x)
{
  const float round =
      12582912; /* 1.5 · 2²³: adding it leaves the nearest integer in the low bits */
  float clamped = x > 88 ? 88 : x;
  clamped = clamped < -87 ? -87 : clamped;
  float shifted = clamped * 1.44269504f + round;
  float k = shifted - round;
  float r = clamped - k * 0.693359375f + k * 2.12194440e-4f; /* ln 2 in two pieces */
  float p = 1.98412698e-4f;
  p = p * r + 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1;
  p = p * r + 1;
  uint32_t bits;
  memcpy (&bits, &shifted, sizeof bits);
  bits = (bits - UINT32_C (0x4b400000) + 127) << 23;
  float power;
  memcpy (&power, &bits, sizeof power);
  return x < -87 ? 0 : p * power;
}

static float
maximum (const float *x, size_t n)
{
  float lanes[LANES];
  size_t i = 0;
  for (size_t j = 0; j < LANES; j++)
    lanes[j] = -INFINITY;
  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++)
      lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
  for (; i < n; i++)
    lanes[0] = x[i] > lanes[0] ? x[i] : lanes[0];
  for (size_t j = 1; j < LANES; j++)
    lanes[0] = lanes[j] > lanes[0] ? lanes[j] : lanes[0];
  return lanes[0];
}

void
cs_kernel_softmax (float *scores, size_t n, float scale)
{
  float max = maximum (scores, n);
  float lanes[LANES] = { 0 };
  size_t i = 0;
  for (size_t j = 0; j < n; j++)
    scores[j] = exp_lane ((scores[j] - max) * scale);
  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++)
      lanes[j] += scores[i + j];
  for (; i < n; i++)
    lanes[0] += scores[i];
  float normalise = 1 / sum_lanes (lanes);
  for (size_t j = 0; j < n; j++)
    scores[j] *= normalise;
}

void
cs_kernel_silu_multiply (float *gate, const float *up, size_t n)
{
  for (size_t i = 0; i < n; i++)
    gate[i] = gate[i] / (1 + exp_lane (-gate[i])) * up[i];
}

void
cs_kernel_rotate (float *head, const float *cosine, const float *sine, size_t half)
{
  for (size_t i = 0; i < half; i++)
    {
      float a = head[i], b = head[i + half];
      head[i] = a * cosine[i] - b * sine[i];
      head[i + half] = b * cosine[i] + a * sine[i];
    }
}
