/* Options of the verbs that run both models over texts of corpora: causality, baselines. */
#pragma once

#include "cli.h"
#include "pair-words.h"

typedef struct
{
  CsPairWords pair;
  char **corpora;
  size_t layer; /* CS_LAYER_MIDDLE where none is given */
  gint64 documents, max_document, draws, seed, threads;
  gboolean json;
  char **words; /* what is no option: words[1] … */
  char **strings;
} CsTrialWords;

#define CS_TRIAL_USAGE                                                                             \
  CS_PAIR_USAGE " --corpus FILE… [--layer L] [--documents N] [--max-document N]"
#define CS_TRIAL_USAGE_END "[--draws N] [--seed S] [--threads N]"

/* Reads exactly n_words words, own options (ended by an empty entry) and the shared ones. False:
 * return *status. */
bool cs_trial_words_parse (CsTrialWords *w,
                           const CsVerb *verb,
                           const GOptionEntry *own,
                           int n_words,
                           int argc,
                           char **argv,
                           int *status);
void cs_trial_words_clear (CsTrialWords *w);
/* Names the middle layer of the chat model where none is given. */
bool cs_trial_layer (const char *chat_folder, size_t *layer, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsTrialWords, cs_trial_words_clear)
