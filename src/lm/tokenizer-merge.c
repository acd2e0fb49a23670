#include "tokenizer-internal.h"

/* Words up to this many symbols are searched for the best pair again and again; longer ones (whole
 * documents where a pre-tokenizer does not split) go through a queue. */
#define SHORT_WORD 48

void
cs_merges_init (CsMerges *merges, size_t n)
{
  merges->n_slots = 16;
  while (merges->n_slots < 2 * n)
    merges->n_slots *= 2;
  merges->slots = g_new (CsMerge, merges->n_slots);
  for (size_t i = 0; i < merges->n_slots; i++)
    merges->slots[i] = (CsMerge){ .pair = UINT64_MAX, .rank = UINT32_MAX, .id = -1 };
}

void
cs_merges_clear (CsMerges *merges)
{
  g_clear_pointer (&merges->slots, g_free);
  merges->n_slots = 0;
}

static CsMerge *
slot_of (const CsMerges *merges, uint64_t pair)
{
  size_t at = (size_t)(pair * 0x9E3779B97F4A7C15u >> 20) & (merges->n_slots - 1);

  while (merges->slots[at].pair != pair && merges->slots[at].pair != UINT64_MAX)
    at = (at + 1) & (merges->n_slots - 1);
  return &merges->slots[at];
}

static uint64_t
pair_of (int32_t left, int32_t right)
{
  return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

void
cs_merges_set (CsMerges *merges, int32_t left, int32_t right, uint32_t rank, int32_t id)
{
  CsMerge *slot = slot_of (merges, pair_of (left, right));

  *slot = (CsMerge){ .pair = pair_of (left, right), .rank = rank, .id = id };
}

const CsMerge *
cs_merges_find (const CsMerges *merges, int32_t left, int32_t right)
{
  const CsMerge *slot = slot_of (merges, pair_of (left, right));

  return slot->pair == UINT64_MAX ? NULL : slot;
}

static size_t
apply_short (const CsMerges *merges, CsSymbol *symbols, size_t n)
{
  const CsMerge *pairs[SHORT_WORD];

  for (size_t i = 0; i + 1 < n; i++)
    pairs[i] = cs_merges_find (merges, symbols[i].id, symbols[i + 1].id);
  while (n > 1)
    {
      size_t best = n;
      for (size_t i = 0; i + 1 < n; i++)
        if (pairs[i] != NULL && (best == n || pairs[i]->rank < pairs[best]->rank))
          best = i;
      if (best == n)
        break;

      symbols[best].id = pairs[best]->id;
      symbols[best].end = MAX (symbols[best].end, symbols[best + 1].end);
      n--;
      memmove (&symbols[best + 1], &symbols[best + 2], (n - best - 1) * sizeof *symbols);
      memmove (&pairs[best], &pairs[best + 1], (n - best) * sizeof *pairs);
      if (best + 1 < n)
        pairs[best] = cs_merges_find (merges, symbols[best].id, symbols[best + 1].id);
      if (best > 0)
        pairs[best - 1] = cs_merges_find (merges, symbols[best - 1].id, symbols[best].id);
    }
  return n;
}

/* ---- a queue of rank << 32 | position ---------------------------------- */

static void
queue_push (GArray *queue, uint64_t entry)
{
  g_array_append_val (queue, entry);
  uint64_t *heap = (uint64_t *)(void *)queue->data;
  size_t at = queue->len - 1;
  for (; at > 0 && heap[(at - 1) / 2] > entry; at = (at - 1) / 2)
    heap[at] = heap[(at - 1) / 2];
  heap[at] = entry;
}

static uint64_t
queue_pop (GArray *queue)
{
  uint64_t *heap = (uint64_t *)(void *)queue->data;
  uint64_t top = heap[0], last = heap[queue->len - 1];
  size_t n = queue->len - 1, at = 0;

  g_array_set_size (queue, (guint)n);
  for (size_t child; (child = 2 * at + 1) < n; at = child)
    {
      if (child + 1 < n && heap[child + 1] < heap[child])
        child++;
      if (heap[child] >= last)
        break;
      heap[at] = heap[child];
    }
  if (n > 0)
    heap[at] = last;
  return top;
}

/* ---- a list of symbols whose merged ones drop out ---------------------- */

typedef struct
{
  const CsMerges *merges;
  GArray *queue;
  CsSymbol *symbols; /* id −1: merged into the one before */
  uint32_t *next, *previous;
  uint32_t n;
} SymbolList;

static const CsMerge *
pair_at (const SymbolList *list, uint32_t at)
{
  if (list->next[at] == list->n)
    return NULL;
  return cs_merges_find (list->merges, list->symbols[at].id, list->symbols[list->next[at]].id);
}

static void
offer (const SymbolList *list, uint32_t at)
{
  const CsMerge *merge = pair_at (list, at);

  if (merge != NULL)
    queue_push (list->queue, (uint64_t)merge->rank << 32 | at);
}

static void
merge_at (const SymbolList *list, uint32_t at, int32_t id)
{
  uint32_t gone = list->next[at], after = list->next[gone];

  list->symbols[at].id = id;
  list->symbols[at].end = MAX (list->symbols[at].end, list->symbols[gone].end);
  list->symbols[gone].id = -1;
  list->next[at] = after;
  if (after != list->n)
    list->previous[after] = at;
  offer (list, at);
  if (at > 0)
    offer (list, list->previous[at]);
}

static size_t
apply_long (const CsMerges *merges, CsScratch *scratch, CsSymbol *symbols, size_t n)
{
  g_array_set_size (scratch->links, (guint)(2 * n));
  g_array_set_size (scratch->queue, 0);
  uint32_t *links = (uint32_t *)(void *)scratch->links->data;
  SymbolList list = { .merges = merges,
                      .queue = scratch->queue,
                      .symbols = symbols,
                      .next = links,
                      .previous = links + n,
                      .n = (uint32_t)n };

  for (uint32_t i = 0; i < n; i++)
    {
      list.next[i] = i + 1;
      list.previous[i] = i == 0 ? 0 : i - 1;
    }
  for (uint32_t i = 0; i < n; i++)
    offer (&list, i);
  while (scratch->queue->len > 0)
    {
      uint64_t entry = queue_pop (scratch->queue);
      uint32_t at = (uint32_t)entry;
      /* What was offered may have changed since. */
      const CsMerge *merge = symbols[at].id < 0 ? NULL : pair_at (&list, at);
      if (merge != NULL && merge->rank == entry >> 32)
        merge_at (&list, at, merge->id);
    }

  size_t left = 0;
  for (uint32_t i = 0; i < n; i = list.next[i])
    symbols[left++] = symbols[i];
  return left;
}

size_t
cs_merges_apply (const CsMerges *merges, CsScratch *scratch, CsSymbol *symbols, size_t n)
{
  if (n < 2)
    return n;
  if (n <= SHORT_WORD)
    return apply_short (merges, symbols, n);
  return apply_long (merges, scratch, symbols, n);
}
