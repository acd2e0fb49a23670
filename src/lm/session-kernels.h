/* The elementwise and row-wise arithmetic of the forward pass, on one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* x·y over n elements, in float32 lanes. */
float cs_kernel_dot (const float *x, const float *y, size_t n);
/* out[r] = x·w[r], r < n_rows, w [n_rows, n]. */
void cs_kernel_row_dots (const float *w, size_t n_rows, size_t n, const float *x, float *out);
/* out[r] = Σ_c x[c] · w[c · stride + r], r < n_rows, c < n: the same with the transpose. */
void cs_kernel_turned_dots (const float *w,
                            size_t stride,
                            size_t n_rows,
                            size_t n,
                            const float *x,
                            float *out);
/* out = x / sqrt (mean (x²) + eps) · weight; mean in float32 lanes. */
void cs_kernel_rms_norm (const float *x, const float *weight, size_t n, float eps, float *out);
/* scores[n] become exp (scale · (s − max)) / Σ exp (scale · (s − max)); scale > 0. */
void cs_kernel_softmax (float *scores, size_t n, float scale);
/* out[n] = Σ_r weights[r] · rows[r, n]. */
void cs_kernel_weighted_sum (const float *rows,
                             size_t n_rows,
                             size_t n,
                             const float *weights,
                             float *out);
/* gate[i] = gate[i] · sigmoid (gate[i]) · up[i]. */
void cs_kernel_silu_multiply (float *gate, const float *up, size_t n);
/* Rotates one head [2·half] by the angles of its position; pairs are (i, i + half). */
void cs_kernel_rotate (float *head, const float *cosine, const float *sine, size_t half);
