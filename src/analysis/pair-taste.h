/* A first look at a pair before any job: tokens of the chat template that the base model does not
 * know, and how far apart the two predict on a few prompts. */
#pragma once

#include <jansson.h>

#include "job.h"
#include "pair.h"

/* A special token that the chat template writes. */
typedef struct
{
  int32_t id;
  const char *text;      /* its spelling; owned by the pair's tokenizer */
  bool beyond;           /* the base's vocabulary ends before it */
  bool added;            /* the base's tokenizer has no such token, or another one in its place */
  double base_norm;      /* of its embedding, as a share of the median over ordinary tokens */
  double moved;          /* ‖chat − base‖ of its embedding, as a share of the same for ordinary ones */
  bool unknown;          /* beyond, added, or with a row as of a token that was never trained */
  int32_t replacement;   /* what the base could read in its place; −1 where nothing is known */
} CsTemplateToken;

/* CsTemplateToken elements in order of ids, of a sample conversation; empty where there is no
 * template. A row of the base's embedding is taken for untrained where it is shorter than CS_SHORT_ROW times the median over
 * ordinary tokens (weight decay shrinks rows that no text asks for), longer than CS_LONG_ROW times (a row as it was drawn
 * where training shrank the others), or where chat tuning moved it CS_MOVED_FAR times as far as the median. The pair is to
 * be open without replaced tokens: it is about the base's own. */
#define CS_SHORT_ROW 0.4
#define CS_LONG_ROW 2.5
#define CS_MOVED_FAR 4.0
GArray *cs_pair_template_tokens (const CsPair *pair, GError **error);
/* "128006=1432 …" for those that are unknown and have a replacement; NULL where there are none.
 * Free with g_free(). */
char *cs_pair_offered_replacements (const GArray *tokens);

#define CS_TASTE_PROMPTS 6

typedef struct
{
  bool chat;
  GArray *ids, *kinds; /* int32_t; uint8_t CsTokenKind */
  float *kl;           /* [ids->len]: KL (chat ‖ base) of the next token after each, in nats */
  double mean;
} CsTastePrompt;

/* Means are over tokens, BOS left out; NaN where there is none. */
typedef struct
{
  CsTastePrompt prompts[CS_TASTE_PROMPTS];
  size_t n_prompts; /* fewer where there is no template */
  double plain;     /* of plain text */
  double question, markers; /* of chat prompts: after tokens of the message, and of the template */
} CsTaste;

CsTaste *cs_pair_taste (CsJob *job, const CsPair *pair, CsTeam *team, GError **error);
void cs_taste_free (CsTaste *taste);

json_t *cs_template_tokens_json (const GArray *tokens);                    /* new reference */
json_t *cs_taste_json (const CsTaste *taste, const CsTokenizer *tokenizer); /* new reference */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTaste, cs_taste_free)
