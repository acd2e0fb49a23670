/* Principal components of rows that come a few at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "team.h"

typedef struct CsRowMoments CsRowMoments;

CsRowMoments *cs_row_moments_new (size_t d);
void cs_row_moments_free (CsRowMoments *moments);
/* rows: [n, d]. Products of one call are summed in float32, all else in double. */
void cs_row_moments_add (CsRowMoments *moments, CsTeam *team, const float *rows, size_t n);
size_t cs_row_moments_count (const CsRowMoments *moments);
void cs_row_moments_mean (const CsRowMoments *moments, float *mean); /* [d] */

/* The k ≤ d directions of largest variance around the mean, largest first, by subspace iteration:
 * components [k, d] of unit length, each with a sign that makes its product with the mean positive;
 * shares [k] of the whole variance. Returns how many have any. */
size_t cs_row_moments_components (const CsRowMoments *moments,
                                  size_t k,
                                  uint64_t seed,
                                  float *components,
                                  double *shares);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsRowMoments, cs_row_moments_free)
