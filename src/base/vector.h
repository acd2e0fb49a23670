/* Kernels over contiguous float32 vectors of n elements. Sums of squares and dot products that are reported
 * (norms, Latent Scaling) have a double variant; the others accumulate in float32 lanes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

float  cs_dot (const float *x, const float *y, size_t n);
double cs_dot_double (const float *x, const float *y, size_t n);
double cs_norm2 (const float *x, size_t n);                       /* Euclidean norm, in double */
void   cs_axpy (float a, const float *x, float *y, size_t n);     /* y += a·x */
void   cs_scale (float a, float *x, size_t n);
void   cs_add (const float *x, float *y, size_t n);               /* y += x */
bool   cs_all_finite (const float *x, size_t n);
