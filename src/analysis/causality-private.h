/* Inside the causality experiment: the arms, the sets of latents, the patched rows. */
#pragma once

#include "causality.h"
#include "crosscoder.h"
#include "latents.h"
#include "token-turns.h"

/* --- Sets of latents --- */

typedef enum
{
  SET_EMPTY,
  SET_ALL,
  SET_FILTERED, /* the most chat-leaning latents, after the filters */
  SET_BEST_DELTA,
  SET_WORST_DELTA,
  SET_BEST_SCALING,
  SET_WORST_SCALING,
  SET_SPECIFIC,     /* confirmed by Latent Scaling */
  SET_FIRST_RANDOM, /* and one for each further draw */
} LatentSet;

#define MAX_RANDOM 20

typedef struct
{
  size_t n_latents, n_sets;
  uint32_t *member; /* [F]: bit s is set where the latent is in set s */
  size_t size[SET_FIRST_RANDOM + MAX_RANDOM];
  size_t n_asked;
  double lowest_delta_norm; /* of the set before the filters */
} CsLatentSets;

/* n_set, n_random: as in CsCausalityOptions, without the zeros. Random draws have the size of a
 * half and are of living latents outside the set. */
bool cs_latent_sets_init (CsLatentSets *sets,
                          const CsLatents *latents,
                          size_t n_set,
                          size_t n_random,
                          uint64_t seed,
                          GError **error);
void cs_latent_sets_clear (CsLatentSets *sets);

/* --- Arms --- */

typedef enum
{
  PATCH_NONE,     /* the starting activations as they are */
  PATCH_LATENTS,  /* the set's latents turned to the other model */
  PATCH_ADD,      /* h_base + Σ_S f d_chat */
  PATCH_TEMPLATE, /* the other model's activations at template positions */
} PatchKind;

typedef struct
{
  char name[32];
  int start;  /* whose activations: 0 = base, 1 = chat */
  int run_on; /* whose blocks run on */
  PatchKind kind;
  size_t set;
  size_t result; /* index of the arm that it counts for: random draws share one */
} CsPatchArm;

#define MAX_ARMS (24 + 2 * MAX_RANDOM)

typedef struct
{
  size_t n;
  size_t base; /* index of the base model end to end, which needs no patch */
  CsPatchArm items[MAX_ARMS];
} CsPatchArms;

/* Every arm; latents' sets put in and taken away, empty sets left out, as many random draws as the
 * sets have. The first is "none". */
void cs_patch_arms_make (CsPatchArms *arms, const CsLatentSets *sets);

/* --- A conversation --- */

typedef struct
{
  size_t n; /* tokens up to and with the last position that predicts an answer's token */
  int32_t *ids;
  CsTurnToken *turns;
} CsConversation;

/* rows [n, 2, d], codes of them; writes out [n, d]: what stands in the stream at the layer. */
void cs_patch_rows (const CsCrosscoder *crosscoder,
                    const CsLatentSets *sets,
                    const CsPatchArm *arm,
                    const CsConversation *conversation,
                    const float *rows,
                    const CsCodes *codes,
                    float *out);

/* The largest deviation of h_base with all latents turned (patched [n, d]) from
 * h_base − ĥ_base + ĥ_chat − (b_chat − b_base), relative to the row's norm. */
double cs_patch_identity (const CsCrosscoder *crosscoder,
                          const float *rows,
                          const CsCodes *codes,
                          const float *patched,
                          size_t n);

/* --- Numbers --- */

/* Sums of one conversation: [arm][span] */
typedef struct
{
  double kl[MAX_ARMS][CS_CAUSALITY_N_SPANS], agreed[MAX_ARMS][CS_CAUSALITY_N_SPANS];
  double count[CS_CAUSALITY_N_SPANS];
  double identity;
} CsConversationSums;

/* Fills arms, contrasts and check_… of result from the sums of all conversations. n_arms results,
 * names and set sizes come from arms. */
void cs_causality_summarise (CsCausality *result,
                             const CsPatchArm *arms,
                             size_t n_arms,
                             const CsLatentSets *sets,
                             const CsConversationSums *sums);
