/* Kernels of the small trainer, forward and backward, float32, row-major.
 *
 * Letters: T rows (tokens), d a row's width, H heads of width e, F the MLP's inner width, V
 * vocabulary. Backward kernels *add* to the gradients of weights and say for each other output
 * whether they add or overwrite. None allocates. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* e^x to about 2e-7 relative; vectorises where expf() does not. Arguments below −87 give e^−87. */
static inline float
cs_exp_approx (float x)
{
  union
  {
    float f;
    int32_t i;
  } power;
  x = x < -87.0f ? -87.0f : x > 88.0f ? 88.0f : x;
  /* x = n ln 2 + r with |r| ≤ ln 2 / 2; adding 1.5 · 2^23 rounds to the nearest integer. */
  float n = (x * 1.44269504f + 12582912.0f) - 12582912.0f;
  float r = (x - n * 0.693145752f) - n * 1.42860677e-6f;
  float p = 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  power.i = ((int32_t)n + 127) * (1 << 23);
  return p * power.f;
}

/* y = x · rstd · w with rstd = 1 / √(mean x² + eps). x, y [T, d]; w [d]; rstd [T]. */
void cs_rms_norm (const float *x,
                  const float *w,
                  double eps,
                  size_t n_rows,
                  size_t d,
                  float *y,
                  float *rstd);
/* dx += ∂/∂x, dw += ∂/∂w, given dy [T, d]. */
void cs_rms_norm_backward (const float *x,
                           const float *w,
                           const float *rstd,
                           const float *dy,
                           size_t n_rows,
                           size_t d,
                           float *dx,
                           float *dw);

/* Rotates n_rows rows of H heads of width e in place, half-split pairs (i, i + e/2); row r of the
 * document is at position r. stride: floats from row to row. cos_sin [positions, e/2, 2]. inverse:
 * the transposed rotation, which is the backward pass. */
void cs_rope_rotate (float *x,
                     size_t n_rows,
                     size_t stride,
                     size_t n_heads,
                     size_t head_dim,
                     const float *cos_sin,
                     int inverse);

/* Causal attention of one head over one document of n rows. q, k, v point at the head's first
 * element of the first row, rows are `stride` floats apart; out's rows out_stride apart. p [n, n]
 * receives the probabilities (zeros above the diagonal are not written). scratch: head_dim · n
 * floats. */
void cs_attention_head (const float *q,
                        const float *k,
                        const float *v,
                        size_t stride,
                        size_t n,
                        size_t head_dim,
                        float *p,
                        float *out,
                        size_t out_stride,
                        float *scratch);
/* dq, dk, dv are overwritten. scratch: head_dim · n + n floats. */
void cs_attention_head_backward (const float *q,
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
                                 float *scratch);

/* h = silu(g) · u; gu [T, 2F] holds g then u in each row; h [T, F]. */
void cs_swiglu (const float *gu, size_t n_rows, size_t d_ff, float *h);
/* Overwrites dgu [T, 2F]. */
void cs_swiglu_backward (const float *gu, const float *dh, size_t n_rows, size_t d_ff, float *dgu);

/* −Σ_t weight_t log softmax(logits_t)[target_t] in double; logits [T, V] become the gradient of it.
 * Rows of weight 0 get a zero gradient. */
double cs_cross_entropy (float *logits,
                         const int32_t *targets,
                         const float *weights,
                         size_t n_rows,
                         size_t vocab_size);
