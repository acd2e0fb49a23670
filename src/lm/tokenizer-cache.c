#include "tokenizer-internal.h"

#define N_SLOTS ((size_t)1 << 15)
#define MAX_WORDS (N_SLOTS / 2)
#define MAX_WORD_BYTES 64
#define MAX_KEY_BYTES ((size_t)1 << 19)

typedef struct
{
  uint64_t hash;
  uint32_t key, ids; /* offsets */
  uint8_t size, n_ids;
  bool used;
} CacheSlot;

struct CsWordCache
{
  CacheSlot *slots;
  GByteArray *keys;
  GArray *ids; /* int32_t */
  size_t n_words;
};

CsWordCache *
cs_word_cache_new (void)
{
  CsWordCache *cache = g_new0 (CsWordCache, 1);

  cache->slots = g_new0 (CacheSlot, N_SLOTS);
  cache->keys = g_byte_array_new ();
  cache->ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  return cache;
}

void
cs_word_cache_free (CsWordCache *cache)
{
  g_free (cache->slots);
  g_byte_array_unref (cache->keys);
  g_array_unref (cache->ids);
  g_free (cache);
}

bool
cs_word_cache_accepts (size_t size)
{
  return size <= MAX_WORD_BYTES;
}

/* Eight bytes at a time, each mixed by a multiplication. */
static uint64_t
hash_word (const char *word, size_t size)
{
  uint64_t hash = size * 0x9E3779B97F4A7C15u;

  for (size_t i = 0; i < size; i += 8)
    {
      uint64_t part = 0;
      memcpy (&part, word + i, MIN (8, size - i));
      hash = (hash ^ part) * 0xFF51AFD7ED558CCDu;
      hash ^= hash >> 32;
    }
  return hash;
}

static CacheSlot *
slot_of (const CsWordCache *cache, const char *word, size_t size, uint64_t hash)
{
  size_t at = hash & (N_SLOTS - 1);

  for (;; at = (at + 1) & (N_SLOTS - 1))
    {
      CacheSlot *slot = &cache->slots[at];
      if (!slot->used || (slot->hash == hash && slot->size == size &&
                          memcmp (cache->keys->data + slot->key, word, size) == 0))
        return slot;
    }
}

const int32_t *
cs_word_cache_find (const CsWordCache *cache, const char *word, size_t size, size_t *n_ids)
{
  const CacheSlot *slot = slot_of (cache, word, size, hash_word (word, size));

  if (!slot->used)
    return NULL;
  *n_ids = slot->n_ids;
  return &g_array_index (cache->ids, int32_t, slot->ids);
}

static void
forget_all (CsWordCache *cache)
{
  memset (cache->slots, 0, N_SLOTS * sizeof *cache->slots);
  g_byte_array_set_size (cache->keys, 0);
  g_array_set_size (cache->ids, 0);
  cache->n_words = 0;
}

void
cs_word_cache_put (CsWordCache *cache,
                   const char *word,
                   size_t size,
                   const int32_t *ids,
                   size_t n_ids)
{
  uint64_t hash = hash_word (word, size);

  if (cache->n_words >= MAX_WORDS || cache->keys->len + size > MAX_KEY_BYTES)
    forget_all (cache);
  CacheSlot *slot = slot_of (cache, word, size, hash);
  *slot = (CacheSlot){ .hash = hash,
                       .key = cache->keys->len,
                       .ids = cache->ids->len,
                       .size = (uint8_t)size,
                       .n_ids = (uint8_t)n_ids,
                       .used = true };
  g_byte_array_append (cache->keys, (const guint8 *)word, (guint)size);
  g_array_append_vals (cache->ids, ids, (guint)n_ids);
  cache->n_words++;
}
