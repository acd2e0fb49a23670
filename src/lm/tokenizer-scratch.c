#include "tokenizer-internal.h"

/* What normalization may make of a text: Unicode's forms make at most 18 characters of one, and
 * files may put whole sentences for a space. */
#define FREE_BYTES ((size_t)16 << 20)
#define MAX_GROWTH 12u
#define MAX_BYTES ((size_t)3 << 29)

CsScratch *
cs_scratch_new (void)
{
  CsScratch *scratch = g_new0 (CsScratch, 1);

  scratch->cache = cs_word_cache_new ();
  cs_matcher_init (&scratch->matcher);
  cs_text_buffer_init (&scratch->scrubbed);
  for (size_t i = 0; i < 2; i++)
    cs_text_buffer_init (&scratch->normalized[i]);
  for (size_t i = 0; i < CS_MAX_STEPS; i++)
    for (size_t j = 0; j < 2; j++)
      cs_text_buffer_init (&scratch->split[i][j]);
  scratch->symbols = g_array_new (FALSE, FALSE, sizeof (CsSymbol));
  scratch->queue = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  scratch->links = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  return scratch;
}

void
cs_scratch_free (CsScratch *scratch)
{
  if (scratch == NULL)
    return;
  cs_word_cache_free (scratch->cache);
  cs_matcher_clear (&scratch->matcher);
  cs_text_buffer_clear (&scratch->scrubbed);
  for (size_t i = 0; i < 2; i++)
    cs_text_buffer_clear (&scratch->normalized[i]);
  for (size_t i = 0; i < CS_MAX_STEPS; i++)
    for (size_t j = 0; j < 2; j++)
      cs_text_buffer_clear (&scratch->split[i][j]);
  g_array_unref (scratch->symbols);
  g_array_unref (scratch->queue);
  g_array_unref (scratch->links);
  g_free (scratch);
}

void
cs_scratch_begin (CsScratch *scratch, size_t size)
{
  size_t limit = MIN (FREE_BYTES + MAX_GROWTH * size, MAX_BYTES);

  scratch->matcher.failed = 0;
  scratch->scrubbed.limit = MAX (limit, 3 * size);
  for (size_t i = 0; i < 2; i++)
    scratch->normalized[i].limit = limit;
  for (size_t i = 0; i < CS_MAX_STEPS; i++)
    for (size_t j = 0; j < 2; j++)
      scratch->split[i][j].limit = limit;
}

static size_t
buffer_bytes (const CsTextBuffer *buffer)
{
  return buffer->bytes->len + sizeof (uint32_t) * ((size_t)buffer->start->len + buffer->end->len);
}

size_t
cs_scratch_kept_bytes (const CsScratch *scratch)
{
  size_t bytes = sizeof (CsSymbol) * scratch->symbols->len +
                 sizeof (uint32_t) * scratch->links->len + buffer_bytes (&scratch->scrubbed);

  for (size_t i = 0; i < 2; i++)
    bytes += buffer_bytes (&scratch->normalized[i]);
  for (size_t i = 0; i < CS_MAX_STEPS; i++)
    for (size_t j = 0; j < 2; j++)
      bytes += buffer_bytes (&scratch->split[i][j]);
  return bytes;
}
