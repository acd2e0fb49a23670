/* The inside of the batch reader: shards, and the thread that reads one ahead. */
#pragma once

#include <pthread.h>

#include "reader.h"
#include "store-private.h"

/* The training documents of a corpus as one long sequence of tokens. */
typedef struct
{
  size_t n_tokens;
  GArray *first;  /* size_t: where document i begins in the store */
  GArray *before; /* size_t: tokens of the corpus before document i; one more entry with n_tokens */
} CsReaderCorpus;

typedef struct
{
  uint64_t number; /* since the very first: epoch · n_shards + shard */
  size_t held;     /* which shard of an epoch `rows` holds; SIZE_MAX for none */
  size_t n_tokens;
  uint8_t *rows; /* [n_tokens, 2, d_model] in the store's type and order */
  size_t rows_size;
  uint32_t *order; /* [n_tokens]: row of each place */
  uint32_t *index; /* [n_tokens]: rows of each corpus, one corpus after the other, before they are
                      interleaved */
  size_t order_size;
  GError *error;
} CsShard;

struct CsReader
{
  CsStore *store; /* under store_lock once the thread runs; its info and offsets never change */
  CsReaderOptions options;
  size_t n_corpora, n_tokens, n_shards, batches_per_epoch;
  CsReaderCorpus *corpora;
  GArray *held_out; /* size_t pairs */
  uint64_t next_batch;
  uint64_t current;  /* number of the shard in use */
  CsShard shards[2]; /* number n is in shards[n % 2] */
  CsShard *wanted;   /* being read by the thread; under lock, as is stop */
  bool stop, has_thread;
  pthread_t thread;
  pthread_mutex_t lock, store_lock;
  pthread_cond_t changed;
};

/* Reads and permutes shard->number; sets shard->error where that fails. */
void cs_shard_load (CsReader *reader, CsShard *shard);
void cs_shard_clear (CsShard *shard);
