#include "jinja-private.h"

#define CHUNK_BYTES ((size_t)16384)
#define ALIGNMENT ((size_t)16)

struct JinjaChunk
{
  JinjaChunk *next;
  size_t used, size;
  _Alignas(16) char bytes[];
};

static JinjaChunk *
add_chunk (JinjaArena *arena, size_t need)
{
  /* Chunks grow with what is in use, so that long renderings have few of them. */
  size_t size = MAX (MAX (CHUNK_BYTES, need), MIN (arena->used / 4, (size_t)1 << 20));
  JinjaChunk *chunk = g_try_malloc0 (sizeof *chunk + size);

  if (chunk == NULL)
    return NULL;
  chunk->size = size;
  chunk->next = arena->chunks;
  arena->chunks = chunk;
  return chunk;
}

void *
jinja_arena_alloc (JinjaArena *arena, size_t size)
{
  JinjaChunk *chunk = arena->chunks;
  const size_t limit = arena->limit > 0 ? arena->limit : SIZE_MAX / 4;

  if (size > limit || arena->used > limit - size)
    return NULL;
  size = MAX (ALIGNMENT, (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1));
  if (chunk == NULL || chunk->size - chunk->used < size)
    chunk = add_chunk (arena, size);
  if (chunk == NULL)
    return NULL;
  void *memory = chunk->bytes + chunk->used;
  chunk->used += size;
  arena->used += size;
  return memory;
}

void
jinja_arena_clear (JinjaArena *arena)
{
  JinjaChunk *chunk = arena->chunks;

  while (chunk != NULL)
    {
      JinjaChunk *next = chunk->next;
      g_free (chunk);
      chunk = next;
    }
  arena->chunks = NULL;
  arena->used = 0;
}
