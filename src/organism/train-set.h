/* Documents to train on, and batches of whole documents drawn from them in a random order. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "random.h"
#include "train-model.h"

/* Token ids of many documents with a weight for each token as a *target* (the first of a document
 * never is one). */
typedef struct
{
  GArray *ids;     /* int32_t */
  GArray *weights; /* float */
  GArray *starts;  /* size_t: n_documents + 1, first 0 */
} CsTrainSet;

CsTrainSet *cs_train_set_new (void);
void cs_train_set_free (CsTrainSet *set);
/* Copies n ids; weights[i] is the weight of predicting ids[i], NULL for all 1. Nothing is added for
 * n < 2. */
void cs_train_set_add (CsTrainSet *set, const int32_t *ids, const float *weights, size_t n);
size_t cs_train_set_n_documents (const CsTrainSet *set);
size_t cs_train_set_n_tokens (const CsTrainSet *set);

/* One part of a batch; arrays of max_tokens, what CsTrainBatch describes. */
typedef struct
{
  size_t max_tokens, n_tokens, n_documents;
  int32_t *ids, *targets;
  float *weights;
  size_t *starts;
  double total_weight;
} CsTrainShard;

CsTrainShard *cs_train_shard_new (size_t max_tokens);
void cs_train_shard_free (CsTrainShard *shard);

/* Every document once in a random order, then again in another. The set must not be empty or change
 * meanwhile. */
typedef struct
{
  CsRandom random;
  uint32_t *order;
  size_t n, next;
} CsTrainOrder;

void
cs_train_order_init (CsTrainOrder *order, const CsTrainSet *set, uint64_t seed, uint64_t stream);
void cs_train_order_clear (CsTrainOrder *order);

/* Fills the shard with the next documents as long as they fit; each is cut to max_length inputs. */
void cs_train_shard_fill (CsTrainShard *shard,
                          const CsTrainSet *set,
                          CsTrainOrder *order,
                          size_t max_length);
CsTrainBatch cs_train_shard_batch (const CsTrainShard *shard); /* borrows */

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTrainSet, cs_train_set_free)
