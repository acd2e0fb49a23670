/* What each token of an activation store is in its conversation, told from the ids alone, as a store keeps no kinds: turns of a
 * chat template open and close with markers that are tokens of their own. Known are the markers of Gemma (<start_of_turn>
 * role \n … <end_of_turn> \n), of ChatML (<|im_start|>) and of Llama 3 (<|start_header_id|> role <|end_header_id|>). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
  CS_TOKEN_CLASS_TEXT,     /* outside of any turn */
  CS_TOKEN_CLASS_USER,     /* what the user says */
  CS_TOKEN_CLASS_MODEL,    /* what the model says */
  CS_TOKEN_CLASS_OTHER,    /* what another role says (system, tool) */
  CS_TOKEN_CLASS_START,    /* the marker that opens a turn, and the one that ends its header */
  CS_TOKEN_CLASS_ROLE,
  CS_TOKEN_CLASS_NEWLINE,  /* the template's: after the role and after the turn */
  CS_TOKEN_CLASS_END,
  CS_TOKEN_CLASS_BOS,
  CS_TOKEN_N_CLASSES,
} CsTokenClass;

/* "text", "user", "model", "other", "start", "role", "newline", "end", "bos". */
const char *cs_token_class_name (CsTokenClass token_class);
/* Of the template: START … END; BOS is not counted as one. */
bool        cs_token_class_is_template (CsTokenClass token_class);

#define CS_TOKEN_MORE_NEWLINES 6

/* Ids of a template's tokens (token-markers.h finds them); −1 where there is none or it is not known. */
typedef struct {
  int32_t bos, start, header_end, end;
  int32_t user, model;           /* the first token of those roles */
  int32_t newline, blank_line;   /* "\n", "\n\n"; where not known, one token each stands for role and newlines */
  /* Three to eight of them, where they are tokens: a message may begin with some. */
  int32_t more_newlines[CS_TOKEN_MORE_NEWLINES];
  uint32_t n_more_newlines;
} CsTokenMarkers;

#define CS_TOKEN_MARKERS_NONE \
  ((CsTokenMarkers) { -1, -1, -1, -1, -1, -1, -1, -1, { 0 }, 0 })

/* Where a text is: carried from call to call, as a document may be longer than what is read at once. */
typedef struct {
  CsTokenMarkers markers;
  uint8_t        state, content;   /* content: the CsTokenClass of the turn's words */
  uint32_t       header;           /* tokens since the turn's opening marker */
} CsTokenReader;

void cs_token_reader_init (CsTokenReader *reader, const CsTokenMarkers *markers);
/* classes [n] (CsTokenClass) of the next n tokens; position 0 begins a document. */
void cs_token_reader_classify (CsTokenReader *reader, const int32_t *ids, const int32_t *position, size_t n,
                               uint8_t *classes);
