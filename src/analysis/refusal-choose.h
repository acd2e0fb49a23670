/* The greedy choice of latents that turn requests into refusals when they are added, or refusals
 * into answers when they are ablated. What a refusal is, and of which prompts, is the caller's: the
 * refusal audit and the demo choose alike. */
#pragma once

#include "latents.h"
#include "steering.h"

/* Counts how many of the caller's prompts the chat model refuses with these latents steered, and
 * how many of its answers are garbled. */
typedef bool (*CsChooseFunc) (void *data,
                              const CsSteerItem *items,
                              size_t n_items,
                              size_t *refused,
                              size_t *garbled,
                              GError **error);

/* The largest of each list of carriers (GArray of CsDirectionShare, cs_direction_carriers()) in
 * turn, each latent once: size_t elements, no more than limit. */
GArray *cs_choose_candidates (const GPtrArray *carriers, size_t limit);

/* Of the candidates (size_t) in their order, the latent, scale and scope that refuse most of the n
 * prompts; the first among equals. Only the prompt's tokens are tried first, and the smallest
 * scale, since larger ones break the text. An item is added to items; none where there is no
 * candidate. */
#define CS_CHOOSE_TRIALS 10 /* scales and scopes of one latent */
bool cs_choose_added (const GArray *candidates,
                      const CsLatents *latents,
                      size_t n_prompts,
                      CsChooseFunc count,
                      void *data,
                      GArray *items,
                      GError **error);

/* The set (CsSteerItem) is grown candidate by candidate, each time by the one that leaves fewest
 * refusals and garbled answers, while that leaves fewer, until max_items are in it or no more than
 * 2 % of the n prompts are left. */
bool cs_choose_ablated (const GArray *candidates,
                        const CsLatents *latents,
                        size_t n_prompts,
                        size_t max_items,
                        CsChooseFunc count,
                        void *data,
                        GArray *items,
                        GError **error);
