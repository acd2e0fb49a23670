/* The claims table, as JSON and as text. */
#pragma once

#include <jansson.h>

#include "latents.h"

/* A real that JSON can hold: NaN and infinities become null. New reference. */
json_t *cs_claims_real (double value);
/* {"latents", "dead", "base_only", "shared", "chat_only", "other", "tested", "chat_specific", "fve_base", "fve_chat", "l0"}. */
json_t *cs_claims_summary_json (const CsLatentSummary *summary);
char   *cs_claims_summary_text (const json_t *summary);   /* a few lines; free with g_free() */
/* The whole table of `demo --json`'s object, to be read by people. Free with g_free(). */
char   *cs_claims_text (const json_t *demo);
