#include "reader-private.h"

#include <string.h>

#include "errors.h"

#define DEFAULT_SHARD_TOKENS 262144
#define DEFAULT_MEMORY ((size_t)1 << 30)
#define NO_SHARD UINT64_MAX

/* Shard s of a corpus with n tokens: [part (n, s), part (n, s + 1)) of its sequence. */
static size_t
part (size_t n, size_t shard, size_t n_shards)
{
  return (size_t)((unsigned __int128)n * shard / n_shards);
}

/* Where shard s begins in an epoch, over all corpora. */
static size_t
shard_start (const CsReader *reader, size_t shard)
{
  size_t start = 0;

  for (size_t c = 0; c < reader->n_corpora; c++)
    start += part (reader->corpora[c].n_tokens, shard, reader->n_shards);
  return start;
}

/* --- The shard that is wanted, and the next --- */

static void *
read_ahead (void *data)
{
  CsReader *reader = data;

  pthread_mutex_lock (&reader->lock);
  while (!reader->stop)
    {
      CsShard *shard = reader->wanted;

      if (shard == NULL)
        {
          pthread_cond_wait (&reader->changed, &reader->lock);
          continue;
        }
      pthread_mutex_unlock (&reader->lock);
      cs_shard_load (reader, shard);
      pthread_mutex_lock (&reader->lock);
      reader->wanted = NULL;
      pthread_cond_broadcast (&reader->changed);
    }
  pthread_mutex_unlock (&reader->lock);
  return NULL;
}

static void
wait_idle (CsReader *reader)
{
  pthread_mutex_lock (&reader->lock);
  while (reader->wanted != NULL)
    pthread_cond_wait (&reader->changed, &reader->lock);
  pthread_mutex_unlock (&reader->lock);
}

/* Only called while the thread is idle. */
static void
request (CsReader *reader, uint64_t number)
{
  CsShard *shard = &reader->shards[number % 2];

  if (shard->number == number && shard->error == NULL)
    return;
  shard->number = number;
  pthread_mutex_lock (&reader->lock);
  reader->wanted = shard;
  pthread_cond_broadcast (&reader->changed);
  pthread_mutex_unlock (&reader->lock);
}

/* The shard with this number since the very first, in memory; the one after it is being read. */
static CsShard *
need_shard (CsReader *reader, uint64_t number, GError **error)
{
  CsShard *shard = &reader->shards[number % 2];

  if (reader->current != number)
    {
      wait_idle (reader);
      request (reader, number);
      wait_idle (reader);
      reader->current = number;
      if (shard->error == NULL)
        request (reader, number + 1);
    }
  if (shard->error == NULL)
    return shard;
  g_propagate_error (error, g_error_copy (shard->error));
  reader->current = NO_SHARD;
  return NULL;
}

/* --- Which documents are for training, and which are held out --- */

static size_t
n_held_out (size_t n_documents, double share)
{
  size_t n = (size_t)((double)n_documents * share + 0.5);

  if (share > 0 && n == 0 && n_documents > 1)
    n = 1;
  return MIN (n, n_documents - (n_documents > 0));
}

/* documents: the corpus of each. Splits them and sums up. */
static void
split_documents (CsReader *reader, const int8_t *corpus_of, double share)
{
  const int64_t *offsets = cs_store_documents (reader->store);
  size_t n_documents = cs_store_n_documents (reader->store);
  g_autofree size_t *left = g_new0 (size_t, reader->n_corpora);

  for (size_t d = 0; d < n_documents; d++)
    left[corpus_of[d]]++;
  for (size_t c = 0; c < reader->n_corpora; c++)
    left[c] -= n_held_out (left[c], share);
  for (size_t d = 0; d < n_documents; d++)
    {
      CsReaderCorpus *corpus = &reader->corpora[corpus_of[d]];
      size_t range[2] = { (size_t)offsets[d], (size_t)offsets[d + 1] };

      if (left[corpus_of[d]] == 0)
        {
          g_array_append_vals (reader->held_out, range, 2);
          continue;
        }
      left[corpus_of[d]]--;
      g_array_append_val (corpus->first, range[0]);
      g_array_append_val (corpus->before, corpus->n_tokens);
      corpus->n_tokens += range[1] - range[0];
    }
}

static bool
read_documents (CsReader *reader, double share, GError **error)
{
  const int64_t *offsets = cs_store_documents (reader->store);
  size_t n_tokens = cs_store_n_tokens (reader->store);
  size_t n_documents = cs_store_n_documents (reader->store);
  g_autofree int8_t *corpus_of = g_new (int8_t, MAX (n_documents, 1));
  g_autofree int8_t *block = g_new (int8_t, 65536);
  size_t d = 0;

  for (size_t first = 0; first < n_tokens; first += 65536)
    {
      size_t n = MIN (65536, n_tokens - first);

      if (!cs_store_read_tokens (reader->store, first, n, NULL, NULL, block, error))
        return false;
      for (; d < n_documents && (size_t)offsets[d] < first + n; d++)
        corpus_of[d] = block[(size_t)offsets[d] - first];
    }
  split_documents (reader, corpus_of, share);
  for (size_t c = 0; c < reader->n_corpora; c++)
    {
      g_array_append_val (reader->corpora[c].before, reader->corpora[c].n_tokens);
      reader->n_tokens += reader->corpora[c].n_tokens;
    }
  return true;
}

static bool
plan_shards (CsReader *reader, GError **error)
{
  size_t memory = reader->options.memory_bytes > 0 ? reader->options.memory_bytes : DEFAULT_MEMORY;
  size_t tokens =
      reader->options.shard_tokens > 0 ? reader->options.shard_tokens : DEFAULT_SHARD_TOKENS;
  size_t per_token = cs_store_row_bytes (reader->store) + 2 * sizeof (uint32_t);

  if (reader->n_tokens < reader->options.batch)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_USAGE,
          "%s has %zu tokens to train on and a batch is %zu; harvest more or take a smaller batch.",
          cs_store_path (reader->store), reader->n_tokens, reader->options.batch);
      return false;
    }
  tokens = CLAMP (tokens, 1, MAX (1, memory / 2 / per_token));
  tokens = MIN (tokens, UINT32_MAX / 2);
  reader->n_shards = (reader->n_tokens - 1) / tokens + 1;
  reader->batches_per_epoch = reader->n_tokens / reader->options.batch;
  return true;
}

static bool
check_options (const CsReaderOptions *options, GError **error)
{
  if (options->batch >= 1 && options->held_out >= 0 && options->held_out <= 0.5)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "A reader's batch is at least one token and its held-out share 0 to 0.5.");
  return false;
}

CsReader *
cs_reader_new (const char *store_path, const CsReaderOptions *options, GError **error)
{
  g_autoptr (CsReader) reader = NULL;

  if (!check_options (options, error))
    return NULL;
  reader = g_new0 (CsReader, 1);
  reader->options = *options;
  reader->held_out = g_array_new (FALSE, FALSE, sizeof (size_t));
  reader->current = NO_SHARD;
  reader->shards[0].number = reader->shards[1].number = NO_SHARD;
  reader->shards[0].held = reader->shards[1].held = SIZE_MAX;
  pthread_mutex_init (&reader->lock, NULL);
  pthread_mutex_init (&reader->store_lock, NULL);
  pthread_cond_init (&reader->changed, NULL);
  reader->store = cs_store_open (store_path, false, error);
  if (reader->store == NULL)
    return NULL;
  reader->n_corpora = g_strv_length (cs_store_info (reader->store)->corpora);
  reader->corpora = g_new0 (CsReaderCorpus, reader->n_corpora);
  for (size_t c = 0; c < reader->n_corpora; c++)
    {
      reader->corpora[c].first = g_array_new (FALSE, FALSE, sizeof (size_t));
      reader->corpora[c].before = g_array_new (FALSE, FALSE, sizeof (size_t));
    }
  if (!read_documents (reader, options->held_out, error) || !plan_shards (reader, error))
    return NULL;
  if (pthread_create (&reader->thread, NULL, read_ahead, reader) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "No thread could be started to read %s.",
                   store_path);
      return NULL;
    }
  reader->has_thread = true;
  return g_steal_pointer (&reader);
}

static void
stop_thread (CsReader *reader)
{
  if (!reader->has_thread)
    return;
  pthread_mutex_lock (&reader->lock);
  reader->stop = true;
  pthread_cond_broadcast (&reader->changed);
  pthread_mutex_unlock (&reader->lock);
  pthread_join (reader->thread, NULL);
}

void
cs_reader_free (CsReader *reader)
{
  if (reader == NULL)
    return;
  stop_thread (reader);
  for (size_t c = 0; c < reader->n_corpora; c++)
    {
      g_array_unref (reader->corpora[c].first);
      g_array_unref (reader->corpora[c].before);
    }
  for (int i = 0; i < 2; i++)
    cs_shard_clear (&reader->shards[i]);
  g_free (reader->corpora);
  g_array_unref (reader->held_out);
  cs_store_free (reader->store);
  pthread_mutex_destroy (&reader->lock);
  pthread_mutex_destroy (&reader->store_lock);
  pthread_cond_destroy (&reader->changed);
  g_free (reader);
}

size_t
cs_reader_d_model (const CsReader *reader)
{
  return cs_store_info (reader->store)->d_model;
}

size_t
cs_reader_n_tokens (const CsReader *reader)
{
  return reader->n_tokens;
}

size_t
cs_reader_batches_per_epoch (const CsReader *reader)
{
  return reader->batches_per_epoch;
}

bool
cs_reader_seek (CsReader *reader, uint64_t batch_index, GError **error)
{
  if (batch_index / reader->batches_per_epoch > UINT64_MAX / 2 / reader->n_shards)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s has no batch number %" G_GUINT64_FORMAT ".",
                   cs_store_path (reader->store), batch_index);
      return false;
    }
  reader->next_batch = batch_index;
  return true;
}

/* The shard that token `at` of an epoch is in. */
static size_t
find_shard (const CsReader *reader, size_t at)
{
  size_t low = 0, high = reader->n_shards - 1;

  while (low < high)
    {
      size_t middle = low + (high - low + 1) / 2;

      if (shard_start (reader, middle) <= at)
        low = middle;
      else
        high = middle - 1;
    }
  return low;
}

static void
copy_rows (const CsReader *reader, const CsShard *shard, size_t first, size_t n, float *rows)
{
  size_t row_bytes = cs_store_row_bytes (reader->store);
  size_t width = 2 * cs_reader_d_model (reader);
  CsDtype dtype = cs_store_info (reader->store)->dtype;

  for (size_t i = 0; i < n; i++)
    cs_widen (dtype, shard->rows + shard->order[first + i] * row_bytes, rows + i * width, width);
}

bool
cs_reader_next (CsReader *reader, float *rows, GError **error)
{
  uint64_t epoch = reader->next_batch / reader->batches_per_epoch;
  size_t at = (size_t)(reader->next_batch % reader->batches_per_epoch) * reader->options.batch;
  size_t left = reader->options.batch;

  for (size_t s = find_shard (reader, at); left > 0; s++)
    {
      CsShard *shard = need_shard (reader, epoch * reader->n_shards + s, error);
      size_t skip, n;

      if (shard == NULL)
        return false;
      skip = at - shard_start (reader, s);
      n = MIN (left, shard->n_tokens - skip);
      copy_rows (reader, shard, skip, n, rows);
      rows += n * 2 * cs_reader_d_model (reader);
      at += n;
      left -= n;
    }
  reader->next_batch++;
  return true;
}

const size_t *
cs_reader_held_out (const CsReader *reader, size_t *n_ranges)
{
  *n_ranges = reader->held_out->len / 2;
  return (const size_t *)(const void *)reader->held_out->data;
}

bool
cs_reader_read_held_out (CsReader *reader,
                         size_t offset,
                         size_t n,
                         float *rows,
                         size_t *n_read,
                         GError **error)
{
  size_t width = 2 * cs_reader_d_model (reader);
  bool ok = true;

  *n_read = 0;
  pthread_mutex_lock (&reader->store_lock);
  for (size_t i = 0; ok && i + 1 < reader->held_out->len && *n_read < n; i += 2)
    {
      size_t first = g_array_index (reader->held_out, size_t, i);
      size_t length = g_array_index (reader->held_out, size_t, i + 1) - first;
      size_t skip = MIN (offset, length);
      size_t m = MIN (length - skip, n - *n_read);

      offset -= skip;
      ok = m == 0 || cs_store_read (reader->store, first + skip, m, rows + *n_read * width, error);
      *n_read += m;
    }
  pthread_mutex_unlock (&reader->store_lock);
  return ok;
}
