#include "running-moments.h"

#include <math.h>
#include <string.h>

#include <glib.h>

void
cs_moments_init (CsMoments *moments, size_t n_dims)
{
  moments->n_dims = n_dims;
  moments->count = 0;
  moments->mean = g_new0 (double, n_dims);
  moments->m2 = g_new0 (double, n_dims);
}

void
cs_moments_reset (CsMoments *moments)
{
  moments->count = 0;
  memset (moments->mean, 0, moments->n_dims * sizeof (double));
  memset (moments->m2, 0, moments->n_dims * sizeof (double));
}

void
cs_moments_clear (CsMoments *moments)
{
  g_clear_pointer (&moments->mean, g_free);
  g_clear_pointer (&moments->m2, g_free);
}

static void
add_row (double *restrict mean,
         double *restrict m2,
         const float *restrict row,
         double inverse,
         size_t n_dims)
{
  for (size_t i = 0; i < n_dims; i++)
    {
      double delta = row[i] - mean[i];

      mean[i] += delta * inverse;
      m2[i] += delta * (row[i] - mean[i]);
    }
}

void
cs_moments_add (CsMoments *moments, const float *rows, size_t n_rows)
{
  for (size_t r = 0; r < n_rows; r++)
    {
      moments->count++;
      add_row (moments->mean, moments->m2, rows + r * moments->n_dims, 1.0 / (double)moments->count,
               moments->n_dims);
    }
}

void
cs_moments_std (const CsMoments *moments, double *std)
{
  for (size_t i = 0; i < moments->n_dims; i++)
    std[i] = moments->count > 0 ? sqrt (moments->m2[i] / (double)moments->count) : 0;
}
