/* Tokens that a model reads as other tokens: a base model does not know the markers of its chat
 * sibling's template, and reads ordinary tokens in their place. */
#pragma once

#include "model.h"

#define CS_MAX_TOKEN_REPLACEMENTS 64

typedef struct
{
  int32_t from, to;
} CsTokenReplacement;

/* "128006=1432 128009=827", parted by spaces or commas. Returns CsTokenReplacement elements in
 * order of `from`; NULL and "" are none. Errors: CS_ERROR_USAGE for anything else, an id that is
 * replaced twice, or too many. */
GArray *cs_token_replacements_parse (const char *text, GError **error);
/* The same replacements always give the same text; NULL where there are none. Free with g_free().
 */
char *cs_token_replacements_text (const GArray *list);
/* From now on every session of the model reads `to` where it is given `from`, which may be beyond
 * the vocabulary. Before the model is shared between threads. What the model writes stays as it is.
 * CS_ERROR_USAGE where text cannot be read or a `to` is outside of the vocabulary. */
bool cs_model_replace_tokens (CsModel *model, const char *text, GError **error);
