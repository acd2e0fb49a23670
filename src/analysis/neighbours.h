/* Which latents are like one: by the direction that they write, and by firing on the same tokens.
 */
#pragma once

#include "crosscoder.h"
#include "job.h"

typedef enum
{
  CS_NEIGHBOUR_BASE, /* the decoder's base part */
  CS_NEIGHBOUR_CHAT,
  CS_NEIGHBOUR_BOTH, /* the two parts as one vector */
  CS_NEIGHBOUR_N_PARTS,
} CsNeighbourPart;

typedef struct
{
  size_t latent;
  double cosine;
} CsNeighbour;

/* The n other latents whose decoder is nearest by cosine (raw space), nearest first, ties by
 * number; latents whose part is 0 are left out. Returns how many: 0 where the latent's own part is
 * 0. */
size_t cs_neighbours (const CsCrosscoder *crosscoder,
                      CsTeam *team,
                      size_t latent,
                      CsNeighbourPart part,
                      size_t n,
                      CsNeighbour *out);

/* --- Firing on the same tokens --- */

/* Which latents fire on which of a sample of a store's tokens; at most 32 million active pairs are
 * kept (8 bytes each). Immutable once made; any thread. */
typedef struct CsCofiring CsCofiring;

/* Reads at most max_tokens (0 = 262144), in stretches spread evenly over the store. */
CsCofiring *cs_cofiring_new (CsJob *job,
                             const CsCrosscoder *crosscoder,
                             CsTeam *team,
                             const char *store_path,
                             size_t max_tokens,
                             GError **error);
void cs_cofiring_free (CsCofiring *cofiring);
size_t cs_cofiring_n_tokens (const CsCofiring *cofiring);
size_t cs_cofiring_count (const CsCofiring *cofiring, size_t latent); /* tokens it is active on */

typedef struct
{
  size_t latent;
  size_t count, both; /* tokens that it is active on; those where both are */
  double given_this;  /* both / tokens of the one asked for */
  double given_other; /* both / count */
  double jaccard;     /* both / tokens of either */
  double correlation; /* Pearson's, of active or not */
} CsCofiringLatent;

/* The n latents that fire most with this one, by Jaccard index, ties by number; returns how many.
 */
size_t
cs_cofiring_find (const CsCofiring *cofiring, size_t latent, size_t n, CsCofiringLatent *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsCofiring, cs_cofiring_free)
