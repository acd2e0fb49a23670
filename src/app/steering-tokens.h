/* A range of a CsSteeringText's tokens as CsTokenText, which knows where it was clicked. */
#pragma once

#include <adwaita.h>

#include "steering-generation.h"

#define CS_TYPE_STEERING_TOKENS (cs_steering_tokens_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringTokens, cs_steering_tokens, CS, STEERING_TOKENS, AdwBin)

/* Signals: "token-clicked" (guint index into the text's ids, GdkRectangle *where in the widget). */

/* Shows ids first … end−1; template tokens among them are dimmed. */
void cs_steering_tokens_set (CsSteeringTokens *self, CsSteeringText *text, size_t first, size_t end);
/* Shades them by a latent that was measured on text, of the maximum max. */
void cs_steering_tokens_shade (CsSteeringTokens *self, CsSteeringText *text, size_t latent, double max);
