/* Whose turn each token of a conversation belongs to, and which positions predict the model's
 * words: from what the template that wrote it knows of each token, or else from the ids. */
#pragma once

#include "token-markers.h"

typedef struct
{
  uint8_t class;    /* CsTokenClass */
  bool of_model;    /* belongs to a turn of the model */
  bool is_template; /* cs_token_class_is_template() */
  bool predicts;    /* the next token is the model's: its words or the marker that ends its turn */
  uint32_t predicted; /* how many predictions of this turn came before; where predicts */
} CsTurnToken;

/* One document: ids [n], tokens [n]. */
void
cs_turn_tokens (const CsTokenMarkers *markers, const int32_t *ids, size_t n, CsTurnToken *tokens);
/* The same of a rendering, whatever its template looks like: kinds [n] of CsTokenKind, turns [n]
 * the messages' numbers (-1: of none). */
void
cs_turn_tokens_of_kinds (const uint8_t *kinds, const int32_t *turns, size_t n, CsTurnToken *tokens);
