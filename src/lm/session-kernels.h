/* The elementwise and row-wise arithmetic of the forward pass, on one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "model-family.h"

/* x·y over n elements, in float32 lanes. */
float cs_kernel_dot (const float *x, const float *y, size_t n);
/* out[r] = x·w[r], r < n_rows, w [n_rows, n]. */
void cs_kernel_row_dots (const float *w, size_t n_rows, size_t n, const float *x, float *out);
/* The same with w as it lies in a file, 16-bit numbers at any address: bfloat16, float16. */
void
cs_kernel_bfloat_dots (const void *w, size_t n_rows, size_t n, const float *x, float *out);
void cs_kernel_half_dots (const void *w, size_t n_rows, size_t n, const float *x, float *out);
/* out[r] = Σ_c x[c] · w[c · stride + r], r < n_rows, c < n: the same with the transpose. */
void cs_kernel_turned_dots (const float *w,
                            size_t stride,
                            size_t n_rows,
                            size_t n,
                            const float *x,
                            float *out);
/* out = x / sqrt (mean (x²) + eps) · weight; mean in float32 lanes. out may be x. */
void cs_kernel_rms_norm (const float *x, const float *weight, size_t n, float eps, float *out);
/* out = (x − mean) / sqrt (mean ((x − mean)²) + eps) · weight + bias. out may be x. */
void cs_kernel_layer_norm (const float *x,
                           const float *weight,
                           const float *bias,
                           size_t n,
                           float eps,
                           float *out);
/* x[n] becomes cap · tanh (scale · x / cap). */
void cs_kernel_soft_cap (float *x, size_t n, float scale, float cap);
/* scores[n] become exp (scale · (s − max)) / Σ exp (scale · (s − max)); scale > 0. */
void cs_kernel_softmax (float *scores, size_t n, float scale);
/* out[n] = Σ_r weights[r] · rows[r, n]. */
void cs_kernel_weighted_sum (const float *rows,
                             size_t n_rows,
                             size_t n,
                             const float *weights,
                             float *out);
/* x[i] = activation (x[i]), times up[i] where up is not NULL. */
void cs_kernel_activate (CsActivation activation, float *x, const float *up, size_t n);
/* Rotates one head [2·half] by the angles of its position; pairs are (i, i + half). */
void cs_kernel_rotate (float *head, const float *cosine, const float *sine, size_t half);
