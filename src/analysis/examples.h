/* Top examples of a latent, in groups by the fraction of its maximum: ≥ .95, .75–.95, .5–.75, .25–.5, < .25. One example a
 * document in a group; kept in RUN/latents.h5 by cs_analyze() as token indices of the store. */
#pragma once

#include "latents.h"
#include "store.h"

#define CS_EXAMPLE_GROUPS 5
extern const double cs_example_group_floor[CS_EXAMPLE_GROUPS];   /* 0.95, 0.75, 0.5, 0.25, 0 */

typedef struct {
  size_t   group;
  uint64_t token;         /* index in the store of the token that activates most */
  float    activation;    /* v there */
  /* The example's surroundings, filled by cs_examples_load(): */
  size_t   first;         /* store index of the first token shown */
  size_t   n;             /* tokens shown (never across documents) */
  int32_t *ids;           /* [n] */
  float   *values;        /* [n] v of this latent */
} CsExample;

void cs_example_clear (CsExample *example);

/* Fills in the surroundings of example->token: `context` tokens to each side, within its document. scale: the latent's s_j. */
bool cs_example_fill (CsExample *example, CsStore *store, const CsCrosscoder *crosscoder, CsTeam *team, size_t latent,
                      float scale, size_t context, GError **error);

/* CsExample elements (owned by the array), strongest group first; context tokens to each side of the peak. Reads the
 * activations around each example and encodes them again. */
GArray *cs_examples_load (const char *run_folder, CsStore *store, const CsCrosscoder *crosscoder, CsTeam *team,
                          size_t latent, size_t context, size_t per_group, GError **error);
