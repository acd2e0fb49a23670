/* The claims table, as JSON and as text. */
#pragma once

#include <jansson.h>

#include "latents.h"

/* A real that JSON can hold: NaN and infinities become null. New reference. */
json_t *cs_claims_real (double value);
/* {"latents", "dead", "base_only", "shared", "chat_only", "other", "tested", "chat_specific", "fve_base", "fve_chat", "l0",
 * "chat_leaning_tested", "confirmed_share", "confirmed_interval": [low, high], "chat_specific_surely", "chat_specific_possibly",
 * "chat_only_specific", "base_leaning_tested", "base_specific", "twins", "close_pairs", "twin_divergence", "identity_gap",
 * "shared_nu_error", "shared_nu_reconstruction": {"n", "mean", "std", "interval"}, "chat_leaning_in_shared_nu_error" …
 * "chat_only_in_shared_nu_reconstruction": {"n", "inside", "share", "interval"}}: see CsLatentSummary. */
json_t *cs_claims_summary_json (const CsLatentSummary *summary);
char   *cs_claims_summary_text (const json_t *summary);   /* a few lines; free with g_free() */
/* A share of n prompts as {KEY: share, KEY_interval: [low, high]} (Wilson's 95 %), put into object; nulls where n is 0. */
void    cs_claims_set_share (json_t *object, const char *key, size_t hits, size_t n);
/* 95 % interval of an AUC over so many positives and negatives, as a score interval with Hanley and McNeil's variance
 * (Newcombe 2006, method 5): it does not shrink to nothing at an AUC of 1. NaN where the AUC is, or one kind is missing. */
void    cs_claims_auc_interval (double auc, size_t n_positive, size_t n_negative, double interval[2]);
/* The whole table of `demo --json`'s object, to be read by people. Free with g_free(). */
char   *cs_claims_text (const json_t *demo);
