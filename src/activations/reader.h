/* Shuffled batches from a store, never holding the whole of it.
 *
 * "Local shuffling" as in Minder et al. 2025: tokens are taken shard by shard, permuted inside a
 * shard, the corpora interleaved strictly within it in proportion to their size. Batch number i is
 * a pure function of (store, seed, i): an epoch ends after every batch of it has been seen once (a
 * last partial batch is dropped), the next has fresh permutations. A background thread reads the
 * next shard while this one is used.
 *
 * The last `held_out` share of each corpus's documents is not in the training set;
 * cs_reader_held_out() lists it. */
#pragma once

#include "store.h"

typedef struct
{
  size_t batch; /* tokens a batch */
  size_t
      shard_tokens; /* tokens shuffled together; 0 = 262144, bounded by what fits in memory_bytes */
  size_t memory_bytes; /* 0 = 1 GiB for two shards */
  double held_out;     /* 0 … 0.5; share of documents kept for validation */
  uint64_t seed;
} CsReaderOptions;

typedef struct CsReader CsReader;

/* Opens its own handle on the store's file. */
CsReader *cs_reader_new (const char *store_path, const CsReaderOptions *options, GError **error);
void cs_reader_free (CsReader *reader);
size_t cs_reader_d_model (const CsReader *reader);
size_t cs_reader_n_tokens (const CsReader *reader); /* in the training set */
size_t cs_reader_batches_per_epoch (const CsReader *reader);
/* The next batch is number `batch_index` from the very first: exact resume. */
bool cs_reader_seek (CsReader *reader, uint64_t batch_index, GError **error);
/* rows: [batch, 2, d_model]. Endless. */
bool cs_reader_next (CsReader *reader, float *rows, GError **error);

/* Token ranges [start, end) of the held-out documents in store order; *n_ranges pairs, owned by the
 * reader. */
const size_t *cs_reader_held_out (const CsReader *reader, size_t *n_ranges);
/* rows: [n, 2, d_model] from the held-out set, n ≤ what is left after `offset` tokens of it;
 * *n_read says how many. */
bool cs_reader_read_held_out (CsReader *reader,
                              size_t offset,
                              size_t n,
                              float *rows,
                              size_t *n_read,
                              GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsReader, cs_reader_free)
