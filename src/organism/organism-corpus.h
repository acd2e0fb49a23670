/* The two corpora of a pair, as text and as documents to train on. Inside the room. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "tokenizer.h"
#include "train-set.h"
#include "world.h"

/* A stream of documents; the same seed gives the same documents. */
typedef struct
{
  const CsWorld *world;
  bool is_chat;
  unsigned behaviours;
  CsRandom random;
  CsDocument document;
} CsCorpusStream;

void cs_corpus_stream_init (CsCorpusStream *stream,
                            const CsWorld *world,
                            uint64_t seed,
                            bool is_chat,
                            unsigned behaviours);
const CsDocument *
cs_corpus_stream_next (CsCorpusStream *stream); /* owned by the stream, until the next call */
void cs_corpus_stream_clear (CsCorpusStream *stream);

/* Appends documents until n_tokens more have been added. Every document begins with BOS; a web
 * document ends with EOS. In chat documents what the model says (its end of turn included) weighs 1
 * and everything else other_weight. */
void cs_corpus_fill (CsTrainSet *set,
                     CsCorpusStream *stream,
                     const CsTokenizer *tokenizer,
                     size_t n_tokens,
                     double other_weight);
