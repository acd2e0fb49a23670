/* Which latents fire anywhere in a prompt, how strongly, and where. */
#pragma once

#include "steering.h"

typedef enum { CS_FIRING_BY_ACTIVATION, CS_FIRING_BY_DIFFERENCE, CS_FIRING_N_RANKS } CsFiringRank;

/* A latent's largest values over the positions looked at, and the first position of each. */
typedef struct {
  size_t latent;
  float  activation;           /* v */
  size_t activation_position;
  float  difference;           /* f · ‖d_chat − d_base‖: its part of the reconstructed chat − base difference */
  size_t difference_position;
} CsPromptFiring;

/* CsPromptFiring elements, ordered by latent. Positions first … end − 1 of n ids are looked at. kinds: [n] CsTokenKind or NULL;
 * what fires on BOS is left out then, where activations are huge and no text has been read yet. */
GArray *cs_prompt_firing (const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, size_t layer, const int32_t *ids,
                          const uint8_t *kinds, size_t n, size_t first, size_t end, GError **error);

/* What a rank goes by, and where that is. */
float  cs_prompt_firing_value (const CsPromptFiring *firing, CsFiringRank rank);
size_t cs_prompt_firing_position (const CsPromptFiring *firing, CsFiringRank rank);
/* Largest first, ties by latent. */
void   cs_prompt_firing_sort (GArray *list, CsFiringRank rank);
