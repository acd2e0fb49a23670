/* Which latents carry the direction in which two sets of prompts differ.
 *
 * With r = mean h^chat(A) − mean h^chat(B) at the last token of the rendered prompts, where the answer
 * begins, and the latents' inference codes f there,
 *   share_j = (mean f_j(A) − mean f_j(B)) · ⟨d_j^chat, r⟩ / ‖r‖²
 * The shares of all latents and that of the reconstruction's error add up to 1: a latent that tells
 * the sets apart by a faint activity has a small share, whatever its AUC. */
#pragma once

#include "crosscoder.h"
#include "job.h"
#include "pair.h"
#include "team.h"

typedef struct
{
  size_t latent;
  double share;
  double activity[2]; /* mean f over A and over B */
} CsDirectionShare;

/* The prompts are read side by side by the team (NULL: one after another) and added up in their
 * order, so that the bytes are the same for any team. shares [n_latents], owned by the caller, in order of latent; *error_share may be NULL. Prompts are
 * users' requests, rendered as one turn. Errors: an empty set, sets that do not differ, what the
 * models and the crosscoder refuse. */
bool cs_direction_shares (CsJob *job,
                          CsTeam *team,
                          const CsPair *pair,
                          const CsCrosscoder *crosscoder,
                          size_t layer,
                          const char *const *a,
                          size_t n_a,
                          const char *const *b,
                          size_t n_b,
                          CsDirectionShare *shares,
                          double *error_share,
                          GError **error);

/* Latents that fire more in A than in B, write towards A and whose Δ_norm is at least min_delta, by
 * share, the largest first: CsDirectionShare elements. delta_norm [n_latents]. */
GArray *cs_direction_carriers (const CsDirectionShare *shares,
                               const float *delta_norm,
                               size_t n_latents,
                               double min_delta);
