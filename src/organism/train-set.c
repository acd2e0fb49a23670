#include "train-set.h"

#include <string.h>

CsTrainSet *
cs_train_set_new (void)
{
  CsTrainSet *set = g_new0 (CsTrainSet, 1);
  set->ids = g_array_new (false, false, sizeof (int32_t));
  set->weights = g_array_new (false, false, sizeof (float));
  set->starts = g_array_new (false, false, sizeof (size_t));
  size_t zero = 0;
  g_array_append_val (set->starts, zero);
  return set;
}

void
cs_train_set_free (CsTrainSet *set)
{
  if (set == NULL)
    return;
  g_array_unref (set->ids);
  g_array_unref (set->weights);
  g_array_unref (set->starts);
  g_free (set);
}

void
cs_train_set_add (CsTrainSet *set, const int32_t *ids, const float *weights, size_t n)
{
  if (n < 2)
    return;
  g_array_append_vals (set->ids, ids, (guint)n);
  for (size_t i = 0; i < n; i++)
    {
      float weight = weights ? weights[i] : 1.0f;
      g_array_append_val (set->weights, weight);
    }
  size_t end = set->ids->len;
  g_array_append_val (set->starts, end);
}

size_t
cs_train_set_n_documents (const CsTrainSet *set)
{
  return set->starts->len - 1;
}

size_t
cs_train_set_n_tokens (const CsTrainSet *set)
{
  return set->ids->len;
}

CsTrainShard *
cs_train_shard_new (size_t max_tokens)
{
  CsTrainShard *shard = g_new0 (CsTrainShard, 1);
  shard->max_tokens = max_tokens;
  shard->ids = g_new0 (int32_t, max_tokens);
  shard->targets = g_new0 (int32_t, max_tokens);
  shard->weights = g_new0 (float, max_tokens);
  shard->starts = g_new0 (size_t, max_tokens + 1);
  return shard;
}

void
cs_train_shard_free (CsTrainShard *shard)
{
  if (shard == NULL)
    return;
  g_free (shard->ids);
  g_free (shard->targets);
  g_free (shard->weights);
  g_free (shard->starts);
  g_free (shard);
}

static size_t
document_length (const CsTrainSet *set, size_t document, size_t max_length)
{
  const size_t *starts = (const size_t *)(const void *)set->starts->data;
  return MIN (starts[document + 1] - starts[document], max_length);
}

/* Inputs are a document's tokens but the last, targets the same shifted by one. */
static void
append (CsTrainShard *shard, const CsTrainSet *set, size_t document, size_t n)
{
  size_t first = g_array_index (set->starts, size_t, document), at = shard->n_tokens;
  const int32_t *ids = &g_array_index (set->ids, int32_t, first);
  const float *weights = &g_array_index (set->weights, float, first);
  memcpy (shard->ids + at, ids, (n - 1) * sizeof *ids);
  memcpy (shard->targets + at, ids + 1, (n - 1) * sizeof *ids);
  memcpy (shard->weights + at, weights + 1, (n - 1) * sizeof *weights);
  for (size_t i = 1; i < n; i++)
    shard->total_weight += weights[i];
  shard->n_tokens += n - 1;
  shard->starts[++shard->n_documents] = shard->n_tokens;
}

void
cs_train_order_init (CsTrainOrder *order, const CsTrainSet *set, uint64_t seed, uint64_t stream)
{
  cs_random_init (&order->random, seed, stream);
  order->n = cs_train_set_n_documents (set);
  order->order = g_new (uint32_t, order->n);
  order->next = order->n;
}

void
cs_train_order_clear (CsTrainOrder *order)
{
  g_clear_pointer (&order->order, g_free);
}

void
cs_train_shard_fill (CsTrainShard *shard,
                     const CsTrainSet *set,
                     CsTrainOrder *order,
                     size_t max_length)
{
  shard->n_tokens = shard->n_documents = 0;
  shard->total_weight = 0;
  max_length = MIN (max_length, shard->max_tokens) + 1;
  while (true)
    {
      if (order->next == order->n)
        {
          cs_random_permutation (&order->random, order->order, order->n);
          order->next = 0;
        }
      size_t document = order->order[order->next], n = document_length (set, document, max_length);
      if (shard->n_tokens + n - 1 > shard->max_tokens)
        return;
      append (shard, set, document, n);
      order->next++;
    }
}

CsTrainBatch
cs_train_shard_batch (const CsTrainShard *shard)
{
  return (CsTrainBatch){ .n_tokens = shard->n_tokens,
                         .n_documents = shard->n_documents,
                         .ids = shard->ids,
                         .targets = shard->targets,
                         .weights = shard->weights,
                         .starts = shard->starts };
}
