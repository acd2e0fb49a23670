#include "tokenizer-internal.h"

#define N_SLOTS ((size_t)1 << 15)
#define MAX_WORDS (N_SLOTS / 2)
#define MAX_WORD_BYTES 64
#define MAX_KEY_BYTES ((size_t)1 << 19)

typedef struct
{
  uint64_t hash;
  uint32_t key, tokens; /* offsets */
  uint8_t size, n;
  bool used;
} CacheSlot;

struct CsWordCache
{
  CacheSlot *slots;
  GByteArray *keys;
  GArray *tokens; /* CsCachedToken */
  size_t n_words;
};

CsWordCache *
cs_word_cache_new (void)
{
  CsWordCache *cache = g_new0 (CsWordCache, 1);

  cache->slots = g_new0 (CacheSlot, N_SLOTS);
  cache->keys = g_byte_array_new ();
  cache->tokens = g_array_new (FALSE, FALSE, sizeof (CsCachedToken));
  return cache;
}

void
cs_word_cache_free (CsWordCache *cache)
{
  g_free (cache->slots);
  g_byte_array_unref (cache->keys);
  g_array_unref (cache->tokens);
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

const CsCachedToken *
cs_word_cache_find (const CsWordCache *cache, const char *word, size_t size, size_t *n)
{
  const CacheSlot *slot = slot_of (cache, word, size, hash_word (word, size));

  if (!slot->used)
    return NULL;
  *n = slot->n;
  return &g_array_index (cache->tokens, CsCachedToken, slot->tokens);
}

static void
forget_all (CsWordCache *cache)
{
  memset (cache->slots, 0, N_SLOTS * sizeof *cache->slots);
  g_byte_array_set_size (cache->keys, 0);
  g_array_set_size (cache->tokens, 0);
  cache->n_words = 0;
}

void
cs_word_cache_put (CsWordCache *cache,
                   const char *word,
                   size_t size,
                   const CsSymbol *symbols,
                   size_t n)
{
  uint64_t hash = hash_word (word, size);

  if (cache->n_words >= MAX_WORDS || cache->keys->len + size > MAX_KEY_BYTES)
    forget_all (cache);
  CacheSlot *slot = slot_of (cache, word, size, hash);
  if (slot->used)
    return;
  *slot = (CacheSlot){ .hash = hash,
                       .key = cache->keys->len,
                       .tokens = cache->tokens->len,
                       .size = (uint8_t)size,
                       .n = (uint8_t)n,
                       .used = true };
  g_byte_array_append (cache->keys, (const guint8 *)word, (guint)size);
  for (size_t i = 0; i < n; i++)
    {
      CsCachedToken token = { .id = symbols[i].id,
                              .start = (uint8_t)symbols[i].start,
                              .end = (uint8_t)symbols[i].end };
      g_array_append_val (cache->tokens, token);
    }
  cache->n_words++;
}
