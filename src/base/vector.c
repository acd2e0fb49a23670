/* Sums run in LANES independent accumulators, which is what lets the compiler use vector registers
 * without being allowed to reorder floating-point additions; the order of the sum is fixed by n
 * alone. */
#include "vector.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum { LANES = 32, DOUBLE_LANES = 16 };

float
cs_dot (const float *x, const float *y, size_t n)
{
  float lanes[LANES] = { 0 };
  float sum = 0;
  size_t i = 0;

  for (; i + LANES <= n; i += LANES)
    for (size_t j = 0; j < LANES; j++)
      lanes[j] += x[i + j] * y[i + j];
  for (; i < n; i++)
    sum += x[i] * y[i];
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t j = 0; j < half; j++)
      lanes[j] += lanes[j + half];
  return sum + lanes[0];
}

double
cs_dot_double (const float *x, const float *y, size_t n)
{
  double lanes[DOUBLE_LANES] = { 0 };
  double sum = 0;
  size_t i = 0;

  for (; i + DOUBLE_LANES <= n; i += DOUBLE_LANES)
    for (size_t j = 0; j < DOUBLE_LANES; j++)
      lanes[j] += (double) x[i + j] * (double) y[i + j];
  for (; i < n; i++)
    sum += (double) x[i] * (double) y[i];
  for (size_t half = DOUBLE_LANES / 2; half > 0; half /= 2)
    for (size_t j = 0; j < half; j++)
      lanes[j] += lanes[j + half];
  return sum + lanes[0];
}

double
cs_norm2 (const float *x, size_t n)
{
  return sqrt (cs_dot_double (x, x, n));
}

void
cs_axpy (float a, const float *x, float *y, size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] += a * x[i];
}

void
cs_scale (float a, float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    x[i] *= a;
}

void
cs_add (const float *x, float *y, size_t n)
{
  for (size_t i = 0; i < n; i++)
    y[i] += x[i];
}

/* Finite numbers are those whose exponent bits are not all set; read as bits, so that no
 * floating-point option can optimise the question away. Blocks keep the inner loop free of
 * branches. */
bool
cs_all_finite (const float *x, size_t n)
{
  enum { BLOCK = 4096 };

  for (size_t begin = 0; begin < n; begin += BLOCK)
    {
      size_t end = n - begin < BLOCK ? n : begin + BLOCK;
      uint32_t n_bad = 0;

      for (size_t i = begin; i < end; i++)
        {
          uint32_t bits;

          memcpy (&bits, &x[i], sizeof bits);
          n_bad += (bits & UINT32_C (0x7f800000)) == UINT32_C (0x7f800000);
        }
      if (n_bad > 0)
        return false;
    }
  return true;
}
