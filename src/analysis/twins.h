/* Twins (Minder et al. 2025): a chat-leaning and a base-leaning latent whose directions agree, d^chat of the one and d^base of the
 * other: one concept that the crosscoder holds as two latents, if they fire at the same tokens. Only pairs that stand alone are
 * twins, as there: neither agrees with a third. */
#pragma once

#include "crosscoder.h"

#define CS_TWIN_COSINE 0.9

typedef struct {
  uint32_t chat, base;    /* latents, each the only one of the other's side with cosine > CS_TWIN_COSINE */
  float    cosine;
  /* Tokens where one is high (above 0.4 of the larger maximum of the two) and the other low (at most 0.1 of it), and where one or
   * the other is high. */
  uint64_t apart, high;
} CsTwin;

typedef struct CsTwins CsTwins;

/* chat [n_chat], base [n_base]: the latents among which pairs are looked for. max_act, scales [n_latents] are borrowed. Memory: the
 * directions of both sets, and 256 rows of their products. */
CsTwins *cs_twins_new (const CsCrosscoder *crosscoder, CsTeam *team, const uint32_t *chat, size_t n_chat,
                       const uint32_t *base, size_t n_base, const float *max_act, const float *scales);
void     cs_twins_free (CsTwins *twins);
void     cs_twins_add (CsTwins *twins, const CsCodes *codes);
size_t   cs_twins_n (const CsTwins *twins);
/* How many (chat-leaning, base-leaning) pairs have a cosine above CS_TWIN_COSINE, alone or not. */
size_t   cs_twins_n_close (const CsTwins *twins);
const CsTwin *cs_twins_get (const CsTwins *twins, size_t i);
/* apart / high: 0 = always together, 1 = never; NaN where neither was ever high. */
double   cs_twin_divergence (const CsTwin *twin);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTwins, cs_twins_free)
