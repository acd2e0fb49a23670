/* Adam as torch.optim.Adam does it (bias-corrected, no weight decay): β 0.9 and 0.999, ε 1e-8.
 *
 * The pass over memory is what it costs: gradient, moments and weights of a parameter go by once. A row without a
 * gradient still moves by its decaying moments, but its gradient is not read; a row whose moments are still zero is
 * passed over, which changes nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "team.h"

typedef struct {
  float         *weight, *first, *second;  /* [n_rows, width] */
  const float   *gradient;                 /* [n_rows, width]; read in touched rows only */
  const uint8_t *touched;                  /* [n_rows]: has a gradient; NULL = all have, and then norms is NULL */
  uint8_t       *moving;                   /* [n_rows]: moments may be non-zero; kept up here */
  size_t         n_rows, width;
  double        *norms;                    /* [n_rows, 2]: norms of both halves of a changed row; NULL = not wanted */
} CsAdamRows;

typedef struct {
  double   lr;
  double   gradient_scale;                 /* clipping */
  uint64_t t;                              /* 1 for the first update */
} CsAdamStep;

void cs_adam_update (CsTeam *team, const CsAdamRows *rows, const CsAdamStep *step);
