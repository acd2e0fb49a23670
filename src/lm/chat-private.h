/* How the files of chat templates see each other. */
#pragma once

#include "chat.h"
#include "jinja.h"

struct CsChatTemplate
{
  char *path;
  CsJinja *jinja;
  json_t *specials; /* an object: the special tokens of the folder that it is from; or NULL */
  bool asks_date;
  GDateTime *now; /* pinned; NULL: the clock */
};

/* The time that a date of the command or of a study means. */
GDateTime *cs_chat_parse_date (const char *date, GError **error);

/* A stretch of the rendered text and what it is. */
typedef struct
{
  size_t end;
  CsTokenKind kind;
  int32_t turn;
} CsChatPart;

typedef struct
{
  const char *text;
  size_t size;
  const GArray *runs;  /* CsJinjaRun */
  json_t *messages;
  const char *bos, *eos; /* may be NULL */
  const CsTokenizer *tokenizer;
  bool add_generation_prompt;
} CsChatMarking;

/* CsChatPart, without holes. */
GArray *cs_chat_parts (const CsChatMarking *marking);
/* Kinds (uint8_t) and turns (int32_t) of tokens from the parts of their text. */
void cs_chat_mark_tokens (const char *text, const GArray *spans, const GArray *parts, GArray *kinds, GArray *turns);
