/* Matching a crosscoder's latents to planted features, and scoring its chat-only verdicts. */
#pragma once

#include "latents.h"
#include "planted-truth.h"
#include "planted.h"

/* A latent matches the feature whose direction is nearest to its decoder row in the model where
 * that is longer, if the cosine is at least this. Random directions of 64 dimensions are seldom
 * nearer than 0.5. */
#define CS_PLANTED_MATCH_COSINE 0.7
/* A latent carries a feature in base where its base row has this cosine and this share of the
 * length of its longer row. */
#define CS_PLANTED_CARRIES_SHARE 0.1

#define CS_PLANTED_UNMATCHED SIZE_MAX

typedef struct
{
  size_t feature; /* or CS_PLANTED_UNMATCHED */
  double cosine;  /* of the nearest feature, matched or not; NaN for a row of zeros */
} CsPlantedMatch;

/* matches: [n_latents] of the crosscoder. CS_ERROR_MISMATCH where widths differ. */
bool cs_planted_match (const CsPlantedTruth *truth,
                       const CsCrosscoder *crosscoder,
                       CsPlantedMatch *matches,
                       GError **error);
/* Fills every metric but FVE, which is not known here. CS_ERROR_MISMATCH where the three do not
 * belong together. */
bool cs_planted_score (const CsPlantedTruth *truth,
                       const CsCrosscoder *crosscoder,
                       const CsLatents *latents,
                       double value[CS_PLANTED_N_METRICS],
                       GError **error);
