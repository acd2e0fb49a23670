#include "kl.h"

#include <math.h>
#include <stdlib.h>

#include <glib.h>

#include "random.h"

static float
log_sum_exp (const float *logits, size_t n)
{
  float largest = logits[0];
  double sum = 0;

  for (size_t i = 1; i < n; i++)
    largest = MAX (largest, logits[i]);
  for (size_t i = 0; i < n; i++)
    sum += expf (logits[i] - largest);
  return (float)(largest + log (sum));
}

void
cs_log_softmax (const float *logits, size_t n, float *out)
{
  const float all = log_sum_exp (logits, n);

  for (size_t i = 0; i < n; i++)
    out[i] = logits[i] - all;
}

double
cs_kl_divergence (const float *log_p, const float *q_logits, size_t n)
{
  const float all = log_sum_exp (q_logits, n);
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    {
      const float log_q = q_logits[i] - all;

      sum += (double)expf (log_p[i]) * (double)(log_p[i] - log_q);
    }
  return sum;
}

double *
cs_bootstrap_means (const double *sums,
                    const double *counts,
                    size_t n_series,
                    size_t n_documents,
                    size_t n_draws,
                    uint64_t seed)
{
  double *means = g_new0 (double, MAX (n_draws * n_series, 1));
  CsRandom random;

  cs_random_init (&random, seed, 0);
  for (size_t draw = 0; draw < n_draws; draw++)
    {
      double *row = means + draw * n_series, count = 0;

      for (size_t i = 0; i < n_documents; i++)
        {
          const size_t document = cs_random_below (&random, n_documents);

          count += counts[document];
          for (size_t s = 0; s < n_series; s++)
            row[s] += sums[s * n_documents + document];
        }
      for (size_t s = 0; s < n_series; s++)
        row[s] = count > 0 ? row[s] / count : NAN;
    }
  return means;
}

static int
by_value (const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double
quantile (const double *sorted, size_t n, double share)
{
  const double at = share * (double)(n - 1);
  const size_t below = (size_t)at;

  return below + 1 < n ? sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below])
                       : sorted[n - 1];
}

void
cs_central_interval (double *values, size_t n, double *lo, double *hi)
{
  size_t finite = 0;

  for (size_t i = 0; i < n; i++)
    if (!isnan (values[i]))
      values[finite++] = values[i];
  *lo = *hi = NAN;
  if (finite == 0)
    return;
  qsort (values, finite, sizeof *values, by_value);
  *lo = quantile (values, finite, 0.025);
  *hi = quantile (values, finite, 0.975);
}
