/* A base and a chat model with their tokenizer, opened together and run in lock-step. Immutable; any thread. */
#pragma once

#include "chat.h"
#include "model.h"
#include "tokenizer.h"

typedef struct {
  CsModel        *model[2];     /* 0 = base, 1 = chat */
  CsTokenizer    *tokenizer;    /* the chat model's */
  CsChatTemplate *chat;         /* the chat model's, or its sibling's; NULL where neither has one */
} CsPair;

/* How a study's texts are read; the same for every job on it. */
typedef struct {
  const char *date;             /* what a template that asks for it takes for now; NULL: the clock */
  const char *base_replacements;/* token-replacements.h: what the base model reads; NULL: none */
} CsPairReading;

CsPair *cs_pair_open_reading (const char *base_folder, const char *chat_folder, const CsPairReading *reading,
                              GError **error);
/* The same with neither. */
CsPair *cs_pair_open (const char *base_folder, const char *chat_folder, GError **error);
void    cs_pair_free (CsPair *pair);
/* residual[layer + 1] of both models for n tokens: rows [n, 2, d]. */
bool    cs_pair_residuals (const CsPair *pair, CsTeam *team, size_t layer, const int32_t *ids, size_t n, float *rows,
                           GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPair, cs_pair_free)
