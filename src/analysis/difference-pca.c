#include "difference-pca.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "blas.h"
#include "random.h"

/* Directions carried along beyond those asked for: they make the iteration settle sooner. */
#define EXTRA 8
#define MAX_ROUNDS 500
#define TOLERANCE 1e-9

struct CsRowMoments
{
  size_t d, n;
  double *sum, *products; /* [d], [d, d] */
  float *part;            /* [d, d]: products of one call */
};

CsRowMoments *
cs_row_moments_new (size_t d)
{
  CsRowMoments *m = g_new0 (CsRowMoments, 1);

  m->d = d;
  m->sum = g_new0 (double, d);
  m->products = g_new0 (double, d *d);
  m->part = g_new (float, d *d);
  return m;
}

void
cs_row_moments_free (CsRowMoments *m)
{
  if (m == NULL)
    return;
  g_free (m->sum);
  g_free (m->products);
  g_free (m->part);
  g_free (m);
}

void
cs_row_moments_add (CsRowMoments *m, CsTeam *team, const float *rows, size_t n)
{
  const size_t d = m->d;

  if (n == 0)
    return;
  cs_gemm (team, true, false, d, d, n, 1, rows, d, rows, d, 0, m->part, d);
  for (size_t i = 0; i < d * d; i++)
    m->products[i] += m->part[i];
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < d; i++)
      m->sum[i] += rows[t * d + i];
  m->n += n;
}

size_t
cs_row_moments_count (const CsRowMoments *m)
{
  return m->n;
}

void
cs_row_moments_mean (const CsRowMoments *m, float *mean)
{
  for (size_t i = 0; i < m->d; i++)
    mean[i] = m->n > 0 ? (float)(m->sum[i] / (double)m->n) : 0;
}

/* --- Symmetric eigenproblem --- */

static double *
covariance (const CsRowMoments *m, double *trace)
{
  const size_t d = m->d;
  const double n = (double)m->n;
  double *c = g_new (double, d *d);

  *trace = 0;
  for (size_t i = 0; i < d; i++)
    {
      for (size_t j = 0; j < d; j++)
        c[i * d + j] = (m->products[i * d + j] + m->products[j * d + i]) / (2 * n) -
                       m->sum[i] / n * (m->sum[j] / n);
      *trace += c[i * d + i];
    }
  return c;
}

static double
dot (const double *x, const double *y, size_t n)
{
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += x[i] * y[i];
  return sum;
}

/* Rows of q [b, d] made orthonormal, twice for the digits; rows that vanish become 0. */
static void
orthonormalise (double *q, size_t b, size_t d)
{
  for (int again = 0; again < 2; again++)
    for (size_t r = 0; r < b; r++)
      {
        double *row = q + r * d, norm;

        for (size_t s = 0; s < r; s++)
          {
            const double along = dot (q + s * d, row, d);

            for (size_t i = 0; i < d; i++)
              row[i] -= along * q[s * d + i];
          }
        norm = sqrt (dot (row, row, d));
        for (size_t i = 0; i < d; i++)
          row[i] = norm > 1e-150 ? row[i] / norm : 0;
      }
}

/* z [b, d] = q C; C is symmetric. */
static void
multiply (const double *c, const double *q, double *z, size_t b, size_t d)
{
  for (size_t r = 0; r < b; r++)
    for (size_t i = 0; i < d; i++)
      z[r * d + i] = dot (c + i * d, q + r * d, d);
}

/* Jacobi: a [b, b] becomes diagonal, rows of v its eigenvectors. */
static void
jacobi (double *a, double *v, size_t b)
{
  for (size_t i = 0; i < b * b; i++)
    v[i] = i % (b + 1) == 0;
  for (int sweep = 0; sweep < 60; sweep++)
    {
      double off = 0, all = 0;

      for (size_t i = 0; i < b * b; i++)
        {
          all += a[i] * a[i];
          off += i % (b + 1) == 0 ? 0 : a[i] * a[i];
        }
      if (off <= 1e-30 * all)
        return;
      for (size_t p = 0; p + 1 < b; p++)
        for (size_t q = p + 1; q < b; q++)
          {
            const double apq = a[p * b + q];
            const double theta = (a[q * b + q] - a[p * b + p]) / (2 * apq);
            const double t = (theta >= 0 ? 1 : -1) / (fabs (theta) + sqrt (theta * theta + 1));
            const double c = 1 / sqrt (t * t + 1), s = t * c;

            if (apq == 0 || !isfinite (theta))
              continue;
            for (size_t i = 0; i < b; i++)
              {
                const double x = a[i * b + p], y = a[i * b + q];

                a[i * b + p] = c * x - s * y;
                a[i * b + q] = s * x + c * y;
              }
            for (size_t i = 0; i < b; i++)
              {
                const double x = a[p * b + i], y = a[q * b + i], vx = v[p * b + i],
                             vy = v[q * b + i];

                a[p * b + i] = c * x - s * y;
                a[q * b + i] = s * x + c * y;
                v[p * b + i] = c * vx - s * vy;
                v[q * b + i] = s * vx + c * vy;
              }
          }
    }
}

/* Rayleigh–Ritz: turns the rows of q (z = q C) to approximate eigenvectors, largest value first. */
static void
turn (double *q, const double *z, size_t b, size_t d, double *values)
{
  g_autofree double *small = g_new (double, b *b), *vectors = g_new (double, b *b);
  g_autofree double *turned = g_new0 (double, b *d);

  for (size_t r = 0; r < b; r++)
    for (size_t s = 0; s < b; s++)
      small[r * b + s] = (dot (q + r * d, z + s * d, d) + dot (q + s * d, z + r * d, d)) / 2;
  jacobi (small, vectors, b);
  for (size_t r = 0; r < b; r++)
    {
      size_t best = 0;

      for (size_t s = 1; s < b; s++)
        if (small[s * b + s] > small[best * b + best])
          best = s;
      values[r] = small[best * b + best];
      small[best * b + best] = -INFINITY;
      for (size_t s = 0; s < b; s++)
        for (size_t i = 0; i < d; i++)
          turned[r * d + i] += vectors[best * b + s] * q[s * d + i];
    }
  memcpy (q, turned, b * d * sizeof *q);
}

static bool
settled (const double *values, const double *before, size_t k, double trace)
{
  for (size_t i = 0; i < k; i++)
    if (!(fabs (values[i] - before[i]) <= TOLERANCE * trace))
      return false;
  return true;
}

static void
iterate (const double *c, double *q, double *values, size_t k, size_t b, size_t d, double trace)
{
  g_autofree double *z = g_new (double, b *d), *before = g_new0 (double, b);

  orthonormalise (q, b, d);
  for (int round = 0; round < MAX_ROUNDS; round++)
    {
      multiply (c, q, z, b, d);
      turn (q, z, b, d, values);
      if (round > 2 && settled (values, before, k, trace))
        return;
      memcpy (before, values, b * sizeof *before);
      multiply (c, q, z, b, d);
      memcpy (q, z, b * d * sizeof *q);
      orthonormalise (q, b, d);
    }
  multiply (c, q, z, b, d);
  turn (q, z, b, d, values);
}

size_t
cs_row_moments_components (const CsRowMoments *m,
                           size_t k,
                           uint64_t seed,
                           float *components,
                           double *shares)
{
  const size_t d = m->d, b = MIN (k + EXTRA, d);
  g_autofree double *c = NULL, *q = g_new (double, b *d), *values = g_new0 (double, b);
  double trace;
  CsRandom random;
  size_t found = 0;

  if (m->n < 2)
    return 0;
  c = covariance (m, &trace);
  cs_random_init (&random, seed, 0);
  for (size_t i = 0; i < b * d; i++)
    q[i] = cs_random_normal (&random);
  iterate (c, q, values, MIN (k, b), b, d, trace);
  for (size_t r = 0; r < MIN (k, b); r++)
    {
      const double sign = dot (q + r * d, m->sum, d) < 0 ? -1 : 1;

      if (!(values[r] > 1e-12 * trace))
        break;
      shares[found] = values[r] / trace;
      for (size_t i = 0; i < d; i++)
        components[found * d + i] = (float)(sign * q[r * d + i]);
      found++;
    }
  return found;
}
