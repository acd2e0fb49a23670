/* Where training starts. */
#pragma once

#include "crosscoder.h"

/* The same Kaiming-uniform rows for both models, each model's half of a row rescaled to init_norm; the decoder is the
 * encoder transposed (in our layout: equal rows); biases 0. So Δ_norm = ½ and cosine = 1 for every latent. */
void cs_crosscoder_init (CsCrosscoder *crosscoder, double init_norm, uint64_t seed);

/* Per-model geometric median of n tokens x [n, 2, d] into median [2, d]: Weiszfeld's iteration from the mean, at most 100
 * times, until it moves less than 1e-5. A token at distance zero is handled as Vardi and Zhang (2000) do. */
void cs_geometric_median (CsTeam *team, const float *x, size_t n, size_t d, float *median);
