/* Which (token, latent) pairs are active, from the dense pre-activations of a block of tokens.
 *
 * Input: pre [n, F] (row stride F) without the encoder bias; f = max (0, pre + bias), v = f · scale. Output: CsCodes with
 * the unscaled f, by token and then by latent. Only f > 0 and v > 0 are ever listed: a latent that is picked
 * with v = 0 decodes to nothing and gets no gradient. Equal v are taken in order of token, then latent, so that the result
 * does not depend on the number of threads. */
#pragma once

#include "crosscoder.h"

typedef struct {
  const float *pre;      /* [n, F] */
  const float *bias;     /* [F] */
  const float *scale;    /* [F]; NULL = 1 */
  size_t       n, n_latents;
} CsPreActivations;

typedef struct CsSelector CsSelector;

/* Keeps the scratch memory of a team's workers between calls; codes may then be NULL-initialised and reused. */
CsSelector *cs_selector_new (CsTeam *team);
void        cs_selector_free (CsSelector *selector);

/* v > floor (floor ≥ 0): inference with θ, and with floor 0 every positive latent. */
void cs_select_above (CsSelector *selector, const CsPreActivations *in, float floor, CsCodes *codes);
/* The `count` largest v of the block (BatchTopK), fewer where fewer are positive. Returns the smallest v taken, 0 for none. */
float cs_select_top (CsSelector *selector, const CsPreActivations *in, size_t count, CsCodes *codes);
/* The k largest v of each token (TopK, AuxK), among the latents subset[0 … n_subset−1] in rising order (NULL = all).
 * Returns the smallest v taken, 0 for none. */
float cs_select_top_each (CsSelector *selector, const CsPreActivations *in, const uint32_t *subset,
                          size_t n_subset, size_t k, CsCodes *codes);
/* Number of pairs with f > 0. */
size_t cs_select_count (CsSelector *selector, const CsPreActivations *in);

/* Makes room for n pairs and n_tokens tokens; contents are lost. */
void cs_codes_reserve (CsCodes *codes, size_t n_tokens, size_t n);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsSelector, cs_selector_free)
