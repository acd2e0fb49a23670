/* What each token of a text is, told from the ids alone: turns of a chat template have markers that
 * are tokens of their own. Known are the markers of Gemma (<start_of_turn>), of ChatML
 * (<|im_start|>) and of Llama 3 (<|start_header_id|>); text without them is plain. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tokenizer.h"

typedef enum
{
  CS_TURN_TEXT, /* outside of any turn */
  CS_TURN_BOS,
  CS_TURN_START, /* the marker that a turn begins with, and the one that ends a header */
  CS_TURN_ROLE,
  CS_TURN_NEWLINE, /* the template's, after the role and after the end marker */
  CS_TURN_USER,    /* what the user (or the system) says */
  CS_TURN_MODEL,   /* what the model says */
  CS_TURN_END,
  CS_TURN_N_CLASSES,
} CsTurnClass;

const char *cs_turn_class_name (CsTurnClass class); /* "text", "bos" … */

typedef struct
{
  int32_t bos, start, header_end, end; /* −1 where there is none */
} CsTurnMarkers;

void cs_turn_markers_find (const CsTokenizer *tokenizer, CsTurnMarkers *markers);

typedef struct
{
  uint8_t class;    /* CsTurnClass */
  bool of_model;    /* belongs to a turn of the model */
  bool is_template; /* marker, role or the template's newline; not BOS */
  bool predicts;    /* the next token is the model's: its words or the marker that ends its turn */
  uint32_t predicted; /* how many predictions of this turn came before; where predicts */
} CsTurnToken;

/* tokens: [n]. */
void cs_turn_tokens (const CsTokenizer *tokenizer,
                     const CsTurnMarkers *markers,
                     const int32_t *ids,
                     size_t n,
                     CsTurnToken *tokens);
