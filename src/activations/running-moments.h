/* Running mean and standard deviation of vectors, one value for each of n dimensions (Welford
 * 1962).
 *
 * Rows are taken one after another, so that the result depends on the rows alone and not on how
 * they were blocked: a harvest that was interrupted and read back ends with the very bits of one
 * that was not. */
#pragma once

#include <stddef.h>

typedef struct
{
  size_t n_dims;
  size_t count; /* rows so far */
  double *mean; /* [n_dims] */
  double *m2;   /* [n_dims], sum of squared distances from the mean */
} CsMoments;

void cs_moments_init (CsMoments *moments, size_t n_dims);
void cs_moments_reset (CsMoments *moments);
void cs_moments_clear (CsMoments *moments);
/* rows: [n_rows, n_dims]. */
void cs_moments_add (CsMoments *moments, const float *rows, size_t n_rows);
/* Population standard deviation; zeros while there is no row. */
void cs_moments_std (const CsMoments *moments, double *std);
