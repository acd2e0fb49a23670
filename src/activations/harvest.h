/* Running both models over the same tokens and storing residual[layer + 1] of each. */
#pragma once

#include "job.h"
#include "model.h"
#include "store.h"
#include "tokenizer.h"

typedef struct
{
  const char *base_folder, *chat_folder;
  size_t layer;               /* 0-based block, or CS_LAYER_MIDDLE */
  const char *const *corpora; /* NULL-terminated paths; documents are taken from them in turn */
  size_t max_tokens;          /* stop after the document that reaches it; 0 = all there is */
  size_t max_document;        /* tokens kept of a document; 0 = 1024 */
  const char *date;           /* what a chat template that asks for it takes for now ("2024-07-26"); NULL: the clock,
                               * and then a harvest that goes on another day finds other conversations */
  const char *base_replacements; /* token-replacements.h: what the base model reads in place of
                                  * template tokens that it does not know; the store keeps the
                                  * tokens themselves. NULL: none */
  bool drop_bos;              /* leave BOS rows out of the store (off in the paper for Gemma) */
  CsDtype dtype;      /* of the store; CS_DTYPE_F16 by default in the command, F32 is exact */
  const char *out;    /* path of the store */
  unsigned n_threads; /* 0 = all */
} CsHarvestOptions;

#define CS_LAYER_MIDDLE ((size_t)-1)
/* The default layer of a model with n_layers blocks: the first block of its second half, n_layers / 2
 * (0-based). Gemma 2 2B, 26 blocks, gives 13: the layer of Minder et al. 2025. */
size_t cs_layer_middle (size_t n_layers);

/* What has to fit before any job: d_model, layers, vocabulary, tokenizers token by token. One check
 * a line, for a check list; `ok` false with a reason in `text`. */
typedef struct
{
  char *title;    /* "Same width" */
  char *text;     /* "both 128" or why not, and what to do */
  char **details; /* the tokens that differ, a line each: the first CS_PAIR_DETAILS, then how many more; NULL */
  bool ok;
} CsPairCheck;

#define CS_PAIR_DETAILS 20

/* Returns CsPairCheck elements (owned by the array). Folders that cannot be opened make failed
 * checks. */
GArray *cs_pair_checks (const char *base_folder, const char *chat_folder);
/* The first failed check as CS_ERROR_MISMATCH. */
bool cs_pair_check (const char *base_folder, const char *chat_folder, GError **error);
/* The tokenizer that a pair's texts are read with: the base model's, or the chat model's where that has further added tokens
 * (cs_tokenizer_extends()), whose ids are appended to added (int32_t; may be NULL). */
CsTokenizer *cs_pair_tokenizer (const char *base_folder, const char *chat_folder, GArray *added, GError **error);

/* Runs the harvest on the calling thread (of the job), with two or more sessions in parallel but
 * documents stored in order, so that the store does not depend on timing. An existing unfinished
 * store of the same pair, layer and corpora is continued; one of others is CS_ERROR_MISMATCH and
 * stays untouched; a finished one with enough tokens is done at once. Progress in tokens.
 * Cancelling keeps all complete documents. */
bool cs_harvest (CsJob *job, const CsHarvestOptions *options, GError **error);
