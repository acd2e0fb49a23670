#include "reader-private.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "random.h"

/* Keeps the reader's random streams apart from those that others draw from the same seed. */
#define STREAM_BASE ((uint64_t)0x7265616465720000)

/* A stretch of the store that belongs to the shard. */
typedef struct
{
  size_t first, n; /* tokens in the store */
  size_t corpus;
  size_t row; /* where they lie in the shard's rows */
} Segment;

static size_t
corpus_begin (const CsReader *reader, size_t corpus, size_t shard)
{
  return (size_t)((unsigned __int128)reader->corpora[corpus].n_tokens * shard / reader->n_shards);
}

/* The document of the corpus that its token `at` is in. */
static size_t
find_document (const CsReaderCorpus *corpus, size_t at)
{
  size_t low = 0, high = corpus->first->len - 1;

  while (low < high)
    {
      size_t middle = low + (high - low + 1) / 2;

      if (g_array_index (corpus->before, size_t, middle) <= at)
        low = middle;
      else
        high = middle - 1;
    }
  return low;
}

static void
add_segments (const CsReader *reader, size_t c, size_t begin, size_t end, GArray *segments)
{
  const CsReaderCorpus *corpus = &reader->corpora[c];

  for (size_t d = begin < end ? find_document (corpus, begin) : 0; begin < end; d++)
    {
      size_t before = g_array_index (corpus->before, size_t, d);
      size_t stop = MIN (end, g_array_index (corpus->before, size_t, d + 1));
      Segment segment = { g_array_index (corpus->first, size_t, d) + begin - before, stop - begin,
                          c, 0 };

      g_array_append_val (segments, segment);
      begin = stop;
    }
}

static int
compare_segments (const void *a, const void *b)
{
  size_t left = ((const Segment *)a)->first;
  size_t right = ((const Segment *)b)->first;

  return left < right ? -1 : left > right;
}

/* All stretches of a shard in store order, with their place in its rows. */
static GArray *
list_segments (const CsReader *reader, size_t shard, size_t *n_tokens)
{
  GArray *segments = g_array_new (FALSE, FALSE, sizeof (Segment));

  for (size_t c = 0; c < reader->n_corpora; c++)
    add_segments (reader, c, corpus_begin (reader, c, shard), corpus_begin (reader, c, shard + 1),
                  segments);
  qsort (segments->data, segments->len, sizeof (Segment), compare_segments);
  *n_tokens = 0;
  for (unsigned i = 0; i < segments->len; i++)
    {
      g_array_index (segments, Segment, i).row = *n_tokens;
      *n_tokens += g_array_index (segments, Segment, i).n;
    }
  return segments;
}

static bool
make_room (CsReader *reader, CsShard *shard)
{
  size_t size = shard->n_tokens * cs_store_row_bytes (reader->store);

  if (size > shard->rows_size)
    {
      g_free (shard->rows);
      shard->rows = g_try_malloc (size);
      shard->rows_size = shard->rows != NULL ? size : 0;
    }
  if (shard->n_tokens > shard->order_size)
    {
      g_free (shard->order);
      g_free (shard->index);
      shard->order = g_new (uint32_t, shard->n_tokens);
      shard->index = g_new (uint32_t, shard->n_tokens);
      shard->order_size = shard->n_tokens;
    }
  if (shard->rows_size >= size)
    return true;
  g_set_error (&shard->error, CS_ERROR, CS_ERROR_IO,
               "There is no memory for a shard of %zu tokens; choose smaller ones.",
               shard->n_tokens);
  return false;
}

/* Documents of several corpora lie one after the other: neighbours are read together. */
static bool
read_rows (CsReader *reader, CsShard *shard, GArray *segments)
{
  size_t row_bytes = cs_store_row_bytes (reader->store);

  for (unsigned i = 0; i < segments->len;)
    {
      Segment run = g_array_index (segments, Segment, i);
      bool ok;

      for (i++;
           i < segments->len && g_array_index (segments, Segment, i).first == run.first + run.n;
           i++)
        run.n += g_array_index (segments, Segment, i).n;
      pthread_mutex_lock (&reader->store_lock);
      ok = cs_store_read_raw (reader->store, run.first, run.n, shard->rows + run.row * row_bytes,
                              &shard->error);
      pthread_mutex_unlock (&reader->store_lock);
      if (!ok)
        return false;
    }
  return true;
}

/* Fisher and Yates, on values. */
static void
shuffle (CsRandom *random, uint32_t *values, size_t n)
{
  for (size_t i = n; i > 1; i--)
    {
      size_t j = cs_random_below (random, i);
      uint32_t swapped = values[i - 1];

      values[i - 1] = values[j];
      values[j] = swapped;
    }
}

/* The rows of corpus c, each corpus in its part of `index`, permuted. */
static void
permute_corpora (CsReader *reader, CsShard *shard, GArray *segments, const size_t *start, size_t *n)
{
  for (unsigned i = 0; i < segments->len; i++)
    {
      const Segment *segment = &g_array_index (segments, Segment, i);

      for (size_t k = 0; k < segment->n; k++)
        shard->index[start[segment->corpus] + n[segment->corpus]++] = (uint32_t)(segment->row + k);
    }
  for (size_t c = 0; c < reader->n_corpora; c++)
    {
      CsRandom random;

      cs_random_init (&random, reader->options.seed,
                      STREAM_BASE + shard->number * reader->n_corpora + c);
      shuffle (&random, shard->index + start[c], n[c]);
    }
}

/* The k-th of a corpus's n tokens has its place at (k + 1/2) / n of the shard: the corpora
 * alternate as strictly as their sizes allow. (2 k + 1) / n is compared by cross-multiplication, a
 * tie goes to the first corpus. */
static void
interleave (CsReader *reader, CsShard *shard, const size_t *start, const size_t *n)
{
  g_autofree size_t *used = g_new0 (size_t, reader->n_corpora);

  for (size_t place = 0; place < shard->n_tokens; place++)
    {
      size_t best = SIZE_MAX;

      for (size_t c = 0; c < reader->n_corpora; c++)
        if (used[c] < n[c] && (best == SIZE_MAX || (2 * (uint64_t)used[c] + 1) * n[best] <
                                                       (2 * (uint64_t)used[best] + 1) * n[c]))
          best = c;
      shard->order[place] = shard->index[start[best] + used[best]++];
    }
}

static void
arrange (CsReader *reader, CsShard *shard, GArray *segments)
{
  g_autofree size_t *start = g_new0 (size_t, reader->n_corpora);
  g_autofree size_t *n = g_new0 (size_t, reader->n_corpora);
  size_t within = shard->number % reader->n_shards;

  for (size_t c = 1; c < reader->n_corpora; c++)
    start[c] = start[c - 1] + corpus_begin (reader, c - 1, within + 1) -
               corpus_begin (reader, c - 1, within);
  permute_corpora (reader, shard, segments, start, n);
  interleave (reader, shard, start, n);
}

void
cs_shard_load (CsReader *reader, CsShard *shard)
{
  size_t within = (size_t)(shard->number % reader->n_shards);
  g_autoptr (GArray) segments = list_segments (reader, within, &shard->n_tokens);

  g_clear_error (&shard->error);
  if (!make_room (reader, shard))
    {
      shard->held = SIZE_MAX;
      return;
    }
  /* A store of one or two shards stays in memory: a new epoch only permutes it anew. */
  if (shard->held != within)
    {
      shard->held = SIZE_MAX;
      if (!read_rows (reader, shard, segments))
        return;
      shard->held = within;
    }
  arrange (reader, shard, segments);
}

void
cs_shard_clear (CsShard *shard)
{
  g_free (shard->rows);
  g_free (shard->order);
  g_free (shard->index);
  g_clear_error (&shard->error);
}
