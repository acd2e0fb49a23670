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
  CsChatMix mix;
  CsRandom random;
  CsDocument document;
} CsCorpusStream;

void cs_corpus_stream_init (CsCorpusStream *stream,
                            const CsWorld *world,
                            uint64_t seed,
                            bool is_chat,
                            CsChatMix mix);
const CsDocument *
cs_corpus_stream_next (CsCorpusStream *stream); /* owned by the stream, until the next call */
void cs_corpus_stream_clear (CsCorpusStream *stream);

/* What a token weighs as a target. The first words of an answer decide what kind of answer it is.
 */
typedef struct
{
  double user;    /* what the model does not say */
  double opening; /* the first CS_OPENING_TOKENS of each of its turns; all that follows weighs 1 */
} CsTurnWeights;

#define CS_OPENING_TOKENS 3

/* Appends documents until n_tokens more have been added. Every document begins with BOS; a web
 * document ends with EOS and weighs 1 throughout. weights: for chat; the end of a turn belongs to
 * it. */
void cs_corpus_fill (CsTrainSet *set,
                     CsCorpusStream *stream,
                     const CsTokenizer *tokenizer,
                     size_t n_tokens,
                     const CsTurnWeights *weights);
