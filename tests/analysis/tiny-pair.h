/* A tiny random base and chat model with tokenizer and chat template, for the tests of what needs both. */
#pragma once

#include "pair.h"

#include "../lm/test-model.h"

#define TINY_WIDTH 16
#define TINY_LAYERS 4

typedef struct
{
  TinyModel *model[2]; /* folders with everything that cs_pair_open() wants */
} TinyPair;

TinyPair *tiny_pair_new (void);
void      tiny_pair_free (TinyPair *tiny);
/* One model of such a pair, of another width or with a tokenizer that differs. */
TinyModel *tiny_pair_model (size_t d_model, uint64_t seed, bool other_tokenizer);
/* Web text and conversations for harvests, written to folder; paths to be freed. */
void tiny_pair_corpora (const char *folder, char **web, char **chat);
/* Removes a folder and all that is in it. */
void remove_tree (const char *folder);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TinyPair, tiny_pair_free)
