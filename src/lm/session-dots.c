/* Products of one row with weights as they are stored: what generating a token spends its time on.
 *
 * Every weight is read once, so the memory's bandwidth is the limit; numbers are widened in
 * registers. Four rows at a time share the loads of x, hide each other's latency and keep four
 * streams of reads going; their next lines are asked for early, because the processor's own
 * prefetching stops at the end of a page. */
#include "session-kernels.h"

#include <stdint.h>
#include <string.h>

#ifdef __AVX2__
#  include <immintrin.h>
#endif

#include "dtype.h"

/* Nothing here passes a vector from one file to another: all is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

enum
{
  LANES = 16, /* numbers a step: two vectors */
  ROWS = 4,
  AHEAD = 2048, /* bytes; a prefetch beyond the map is harmless */
};

typedef float Vector __attribute__ ((vector_size (32), aligned (4), may_alias));
typedef uint16_t Shorts __attribute__ ((vector_size (16), aligned (2), may_alias));
typedef uint32_t Words __attribute__ ((vector_size (32), aligned (4), may_alias));

static inline __attribute__ ((always_inline)) Vector
load_bfloats (const unsigned char *p)
{
#ifdef __AVX2__ /* which the compiler does not find by itself */
  Words words = (Words)_mm256_cvtepu16_epi32 (*(const __m128i_u *)(const void *)p) << 16;
#else
  Words words = __builtin_convertvector(*(const Shorts *)p, Words) << 16;
#endif
  return (Vector)words;
}

static inline __attribute__ ((always_inline)) Vector
load_halves (const unsigned char *p)
{
#if defined(__AVX2__) && defined(__F16C__)
  return (Vector)_mm256_cvtph_ps (*(const __m128i_u *)(const void *)p);
#else
  float values[8];
  cs_widen (CS_DTYPE_F16, p, values, 8);
  return *(const Vector *)values;
#endif
}

static inline float
sum_lanes (const Vector *sums)
{
  float sum[4] = { 0 };
  for (size_t i = 0; i < 8; i++)
    sum[i % 4] += sums[0][i] + sums[1][i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

/* The last n % LANES numbers of a row. */
static float
tail_dot (CsDtype dtype, const unsigned char *w, const float *x, size_t n)
{
  float values[LANES], sum = 0;
  cs_widen (dtype, w, values, n);
  for (size_t i = 0; i < n; i++)
    sum += values[i] * x[i];
  return sum;
}

/* n_rows ≤ ROWS is known to the compiler where this is inlined. */
static inline __attribute__ ((always_inline)) void
some_rows (CsDtype dtype,
           Vector (*load) (const unsigned char *p),
           const unsigned char *w,
           size_t n_rows,
           size_t n,
           const float *x,
           float *out)
{
  Vector sums[ROWS][2] = { 0 };
  size_t i = 0;
  for (; i + 2 * LANES <= n; i += 2 * LANES)
    for (size_t r = 0; r < n_rows; r++)
      {
        const unsigned char *p = w + 2 * (r * n + i);
        sums[r][0] += load (p) * *(const Vector *)(x + i);
        sums[r][1] += load (p + 16) * *(const Vector *)(x + i + 8);
        sums[r][0] += load (p + 32) * *(const Vector *)(x + i + 16);
        sums[r][1] += load (p + 48) * *(const Vector *)(x + i + 24);
      }
  for (; i + LANES <= n; i += LANES)
    for (size_t r = 0; r < n_rows; r++)
      {
        const unsigned char *p = w + 2 * (r * n + i);
        sums[r][0] += load (p) * *(const Vector *)(x + i);
        sums[r][1] += load (p + 16) * *(const Vector *)(x + i + 8);
      }
  for (size_t r = 0; r < n_rows; r++)
    out[r] = sum_lanes (sums[r]) + tail_dot (dtype, w + 2 * (r * n + i), x + i, n - i);
}

void
cs_kernel_bfloat_dots (const void *w, size_t n_rows, size_t n, const float *x, float *out)
{
  const unsigned char *p = w;
  size_t r = 0;
  for (; r + ROWS <= n_rows; r += ROWS)
    some_rows (CS_DTYPE_BF16, load_bfloats, p + 2 * r * n, ROWS, n, x, out + r);
  for (; r < n_rows; r++)
    some_rows (CS_DTYPE_BF16, load_bfloats, p + 2 * r * n, 1, n, x, out + r);
}

void
cs_kernel_half_dots (const void *w, size_t n_rows, size_t n, const float *x, float *out)
{
  const unsigned char *p = w;
  size_t r = 0;
  for (; r + ROWS <= n_rows; r += ROWS)
    some_rows (CS_DTYPE_F16, load_halves, p + 2 * r * n, ROWS, n, x, out + r);
  for (; r < n_rows; r++)
    some_rows (CS_DTYPE_F16, load_halves, p + 2 * r * n, 1, n, x, out + r);
}
