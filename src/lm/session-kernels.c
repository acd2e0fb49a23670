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

void
cs_kernel_layer_norm (const float *x,
                      const float *weight,
                      const float *bias,
                      size_t n,
                      float eps,
                      float *out)
{
  float lanes[LANES] = { 0 }, squares[LANES] = { 0 };
  size_t i = 0;
  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++)
      lanes[j] += x[i + j];
  for (; i < n; i++)
    lanes[0] += x[i];
  const float mean = sum_lanes (lanes) / (float)n;
  for (i = 0; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++)
      squares[j] += (x[i + j] - mean) * (x[i + j] - mean);
  for (; i < n; i++)
    squares[0] += (x[i] - mean) * (x[i] - mean);
  const float scale = 1 / sqrtf (sum_lanes (squares) / (float)n + eps);
  for (i = 0; i < n; i++)
    out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

/* --- Exponential functions --- */

/* 2^k for an integer k that was added to 1.5 · 2²³. */
static inline float
power_of_two (float shifted)
{
  uint32_t bits;
  memcpy (&bits, &shifted, sizeof bits);
  bits = (bits - UINT32_C (0x4b400000) + 127) << 23;
  float power;
  memcpy (&power, &bits, sizeof power);
  return power;
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
  return x < -87 ? 0 : p * power_of_two (shifted);
}

/* tanh (x) to about 2 ulp, small x included: with e = exp (2|x|) − 1 it is e / (e + 2). */
static inline float
tanh_lane (float x)
{
  const float round = 12582912;
  float z = 2 * fabsf (x);
  z = z > 20 ? 20 : z;
  float shifted = z * 1.44269504f + round;
  float k = shifted - round;
  float r = z - k * 0.693359375f + k * 2.12194440e-4f;
  float p = 1.98412698e-4f; /* (exp (r) − 1) / r */
  p = p * r + 1.38888889e-3f;
  p = p * r + 8.33333333e-3f;
  p = p * r + 4.16666667e-2f;
  p = p * r + 1.66666667e-1f;
  p = p * r + 0.5f;
  p = p * r + 1;
  float power = power_of_two (shifted);
  float e = p * r * power + (power - 1);
  return copysignf (e / (e + 2), x);
}

/* erf (x), absolute error below 2e-7: the Maclaurin series near 0, else Abramowitz and Stegun's
 * approximation 7.1.26. */
static inline float
erf_lane (float x)
{
  const float a = fabsf (x), q = x * x;
  float series = -1.0f / 75600;
  series = series * q + 1.0f / 9360;
  series = series * q - 1.0f / 1320;
  series = series * q + 1.0f / 216;
  series = series * q - 1.0f / 42;
  series = series * q + 1.0f / 10;
  series = series * q - 1.0f / 3;
  series = (series * q + 1) * x * 1.12837917f;
  const float t = 1 / (1 + 0.3275911f * a);
  float tail = 1.061405429f;
  tail = tail * t - 1.453152027f;
  tail = tail * t + 1.421413741f;
  tail = tail * t - 0.284496736f;
  tail = tail * t + 0.254829592f;
  float far = copysignf (1 - tail * t * exp_lane (-q), x);
  return a < 0.7f ? series : far;
}

/* --- Softmax --- */

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

/* --- Activations --- */

void
cs_kernel_soft_cap (float *x, size_t n, float scale, float cap)
{
  const float inner = scale / cap;
  for (size_t i = 0; i < n; i++)
    x[i] = cap * tanh_lane (x[i] * inner);
}

static inline float
silu_lane (float x)
{
  return x / (1 + exp_lane (-x));
}

static inline float
gelu_lane (float x)
{
  return 0.5f * x * (1 + erf_lane (x * 0.707106781f));
}

static inline float
gelu_tanh_lane (float x)
{
  return 0.5f * x * (1 + tanh_lane (0.797884561f * (x + 0.044715f * x * x * x)));
}

#define DEFINE_ACTIVATION(name)                                                                    \
  static void name##_rows (float *x, const float *up, size_t n)                                    \
  {                                                                                                \
    if (up == NULL)                                                                                \
      for (size_t i = 0; i < n; i++)                                                               \
        x[i] = name##_lane (x[i]);                                                                 \
    else                                                                                           \
      for (size_t i = 0; i < n; i++)                                                               \
        x[i] = name##_lane (x[i]) * up[i];                                                         \
  }

DEFINE_ACTIVATION (silu)
DEFINE_ACTIVATION (gelu)
DEFINE_ACTIVATION (gelu_tanh)

void
cs_kernel_activate (CsActivation activation, float *x, const float *up, size_t n)
{
  if (activation == CS_ACTIVATION_SILU)
    silu_rows (x, up, n);
  else if (activation == CS_ACTIVATION_GELU)
    gelu_rows (x, up, n);
  else
    gelu_tanh_rows (x, up, n);
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
