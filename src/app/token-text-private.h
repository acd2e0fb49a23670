#pragma once

#include "token-text.h"

typedef struct {
  int32_t id;
  float value;
  guint start, end;   /* bytes of text; tokens that share a character share its range */
  char *spelling;     /* as the vocabulary spells it; NULL where it does not know the id */
  bool special;
  bool marked;
} CsToken;

struct _CsTokenText {
  GtkWidget parent;
  GtkWidget *label;
  GArray *tokens;
  GString *text;
  CsTokenizer *tokenizer;
  double max;
  bool has_values;
  bool break_lines;
  gssize current;
};

static inline CsToken *
cs_token_text_at (CsTokenText *self, size_t index)
{
  return &g_array_index (self->tokens, CsToken, index);
}

/* token-text-shade.c: sets the label's attributes anew. */
void cs_token_text_restyle (CsTokenText *self);
