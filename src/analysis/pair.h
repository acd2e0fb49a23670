/* A base and a chat model with their tokenizer, opened together and run in lock-step. Immutable; any thread. */
#pragma once

#include "chat.h"
#include "model.h"
#include "tokenizer.h"

typedef struct {
  CsModel        *model[2];     /* 0 = base, 1 = chat */
  CsTokenizer    *tokenizer;    /* the chat model's */
  CsChatTemplate *chat;         /* the chat model's, or its sibling's; NULL where neither has one */
  GArray         *added;        /* int32_t: tokens that the base model's tokenizer has not, or under another name; in order */
} CsPair;

/* How a study's texts are read; the same for every job on it. */
typedef struct {
  const char *date;             /* what a template that asks for it takes for now; NULL: the clock */
  const char *base_replacements;/* token-replacements.h: what the base model reads; NULL: none */
} CsPairReading;

/* reading: NULL where texts are read as they are. A study's pair is opened from its source, below. */
CsPair *cs_pair_open (const char *base_folder, const char *chat_folder, const CsPairReading *reading, GError **error);
void    cs_pair_free (CsPair *pair);
/* residual[layer + 1] of both models for n tokens: rows [n, 2, d]. */
bool    cs_pair_residuals (const CsPair *pair, CsTeam *team, size_t layer, const int32_t *ids, size_t n, float *rows,
                           GError **error);

/* Where a pair is and how its texts are read: what a job takes along to open it on its own thread. Immutable. */
typedef struct {
  char *folder[2];              /* NULL where none is chosen */
  char *date, *base_replacements;
} CsPairSource;

CsPairSource *cs_pair_source_new (const char *base_folder, const char *chat_folder, const CsPairReading *reading);
CsPairSource *cs_pair_source_ref (CsPairSource *source);
void          cs_pair_source_unref (CsPairSource *source);
/* Other models, read in the same way: what a control compares. */
CsPairSource *cs_pair_source_elsewhere (const CsPairSource *source, const char *base_folder, const char *chat_folder);
/* Whether both open the same pair; either may be NULL. */
bool          cs_pair_source_equal (const CsPairSource *a, const CsPairSource *b);
/* CS_ERROR_USAGE where a folder is not chosen. */
CsPair       *cs_pair_source_open (const CsPairSource *source, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPair, cs_pair_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPairSource, cs_pair_source_unref)
