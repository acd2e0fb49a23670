/* The documents of a harvest in their one order: the corpora in turn, a document of each, until
 * each is at its end. */
#pragma once

#include "corpus.h"
#include "harvest.h"

typedef struct
{
  CsTokenizer *tokenizer; /* borrowed */
  CsChatTemplate *chat;   /* borrowed; may be NULL */
  GPtrArray *corpora;     /* CsCorpus; NULL where one is at its end */
  size_t turn;
  size_t max_document;
  bool drop_bos;
  /* Set after opening: kinds and turns of each document are wanted. They are those of the last one, as
   * cs_corpus_token_kinds() tells them; empty where no template wrote it. */
  bool wants_kinds;
  GArray *kinds, *turns;
} CsSource;

bool cs_source_open (CsSource *source,
                     const CsHarvestOptions *options,
                     CsTokenizer *tokenizer,
                     CsChatTemplate *chat,
                     GError **error);
void cs_source_clear (CsSource *source);
/* Names of the corpora, NULL-terminated; free with g_strfreev(). */
char **cs_source_names (const CsSource *source);
/* The next document that has a token to store. ids: int32_t, replaced, as the models read them (BOS
 * included); *skip is how many of the first are read and not stored. False with no error set at the
 * end. */
bool cs_source_next (CsSource *source, GArray *ids, size_t *skip, int *corpus, GError **error);
