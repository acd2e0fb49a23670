/* Results of a planted trial: what crosscoders found of a world whose truth is known. Types and the
 * file DIR/summary.json, for whoever shows them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>
#include <jansson.h>

#include "crosscoder.h"
#include "planted-settings.h"

/* Numbers of one run. “False” and “right” are of the feature that a latent matches: ν* ≥ 0.5 and ν*
 * ≤ 0.2; a latent between is in neither. “Bins” takes every latent with Δ_norm ≥ 0.9, “scaling”
 * every latent that Latent Scaling calls chat-specific (Δ_norm ≥ 0.6, ν^ε < 0.2, ν^r < 0.5), “both”
 * what is in both. NaN where there is nothing to divide by. */
typedef enum
{
  CS_PLANTED_RECALL,      /* share of the chat-only features that a chat-specific latent matches */
  CS_PLANTED_RECALL_BINS, /* …that a latent of the chat-only bin matches */
  CS_PLANTED_RECALL_BOTH,
  CS_PLANTED_RECALL_ANY,     /* …that any living latent matches: no verdict can find more */
  CS_PLANTED_PRECISION_BINS, /* right / (right + false) */
  CS_PLANTED_PRECISION_SCALING,
  CS_PLANTED_PRECISION_BOTH,
  CS_PLANTED_CHAT_ONLY,            /* latents of the chat-only bin */
  CS_PLANTED_RIGHT_CHAT_ONLY,      /* of them right */
  CS_PLANTED_FALSE_CHAT_ONLY,      /* false: */
  CS_PLANTED_FALSE_FROM_SHRINKAGE, /*   with no latent elsewhere that carries the feature in base */
  CS_PLANTED_FALSE_FROM_DECOUPLING, /*   where another latent carries it in base */
  CS_PLANTED_FALSE_OF_SHARED,       /* the same false ones by the class of their feature */
  CS_PLANTED_FALSE_OF_WEAK,
  CS_PLANTED_FALSE_OF_SPLIT,
  CS_PLANTED_FLAGGED_NU_ERROR,          /* false ones with ν^ε ≥ 0.2 */
  CS_PLANTED_FLAGGED_NU_RECONSTRUCTION, /* false ones with ν^r ≥ 0.5 */
  CS_PLANTED_FLAGGED,                   /* false ones with either */
  CS_PLANTED_BETWEEN_CHAT_ONLY,         /* of the bin, 0.2 < ν* < 0.5: not scored */
  CS_PLANTED_BETWEEN_FROM_SHRINKAGE,
  CS_PLANTED_BETWEEN_FROM_DECOUPLING,
  CS_PLANTED_BETWEEN_FLAGGED,
  CS_PLANTED_UNMATCHED_CHAT_ONLY, /* of the bin, along no feature's direction: not scored */
  CS_PLANTED_CHAT_SPECIFIC,       /* latents that Latent Scaling calls chat-specific */
  CS_PLANTED_RIGHT_CHAT_SPECIFIC, /* of them right, false, between, along no feature */
  CS_PLANTED_FALSE_CHAT_SPECIFIC,
  CS_PLANTED_BETWEEN_CHAT_SPECIFIC,
  CS_PLANTED_UNMATCHED_CHAT_SPECIFIC,
  CS_PLANTED_DEAD,
  CS_PLANTED_L0,
  CS_PLANTED_FVE,
  CS_PLANTED_N_METRICS
} CsPlantedMetric;

const char *cs_planted_metric_name (CsPlantedMetric metric); /* as in JSON: "recall" … */

typedef struct
{
  CsVariant variant;
  uint64_t seed;
  double value[CS_PLANTED_N_METRICS];
} CsPlantedResult;

typedef struct
{
  CsPlantedSettings settings;
  GArray *results; /* CsPlantedResult, by seed */
} CsPlantedResults;

CsPlantedResults *cs_planted_results_new (const CsPlantedSettings *settings);
void cs_planted_results_free (CsPlantedResults *results);

/* Mean over the seeds (those where the metric is a number) and Student's 95 % interval of it, cut
 * to what the metric can be: no count is negative, no share beyond 0 and 1. */
typedef struct
{
  size_t n;
  double mean, low, high; /* NaN without a number; low and high NaN with one */
} CsPlantedInterval;

CsPlantedInterval
cs_planted_mean (const CsPlantedResults *results, CsVariant variant, CsPlantedMetric metric);
/* All seeds' `part` over all seeds' `whole` and Wilson's 95 % interval; n counts the whole. */
CsPlantedInterval cs_planted_share (const CsPlantedResults *results,
                                    CsVariant variant,
                                    CsPlantedMetric part,
                                    CsPlantedMetric whole);

/* New references. {"variant", "seed", metric …}, and for one variant over the seeds {"variant",
 * "seeds", metric: {"mean", "low", "high", "n"} …, "flagged_share": …, "between_flagged_share": …}.
 */
json_t *cs_planted_result_json (const CsPlantedResult *result);
json_t *cs_planted_summary_json (const CsPlantedResults *results, CsVariant variant);

/* FOLDER/summary.json: settings, results and both summaries. The summaries are worked out anew from
 * the results when it is read. */
bool cs_planted_results_save (const CsPlantedResults *results, const char *folder, GError **error);
CsPlantedResults *cs_planted_results_load (const char *folder, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPlantedResults, cs_planted_results_free)
