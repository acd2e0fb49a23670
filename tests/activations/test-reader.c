#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "reader.h"
#include "store.h"

#define WIDTH 3
#define BATCH 50

static char *folder;
static char *path;
static size_t n_all;
static size_t n_corpus[2];

/* Row t of the store says which token and corpus it is: [0] = t / 1000, [1] = t % 1000, [2] =
 * corpus (exact in f16). */
static void
make_store (void)
{
  static char name[] = "x", web[] = "web", chat[] = "chat";
  static char *corpora[] = { web, chat, NULL };
  CsStoreInfo info = { .d_model = WIDTH,
                       .layer = 1,
                       .dtype = CS_DTYPE_F16,
                       .base_model = name,
                       .base_hash = name,
                       .chat_model = name,
                       .chat_hash = name,
                       .tokenizer_hash = name,
                       .corpora = corpora };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_create (path, &info, 3000, 300, &error);

  g_assert_no_error (error);
  for (size_t d = 0; d < 240; d++)
    {
      size_t n = 3 + d * 11 % 17;
      int corpus = d % 3 == 2;
      int32_t ids[32];
      float rows[32 * 2 * WIDTH] = { 0 };

      for (size_t i = 0; i < n; i++, n_all++)
        {
          ids[i] = (int32_t)i;
          rows[i * 2 * WIDTH] = (float)(n_all / 1000);
          rows[i * 2 * WIDTH + 1] = (float)(n_all % 1000);
          rows[i * 2 * WIDTH + 2] = (float)corpus;
          rows[i * 2 * WIDTH + WIDTH] = (float)(n_all % 7);
        }
      n_corpus[corpus] += n;
      g_assert_true (cs_store_append_document (store, ids, n, corpus, rows, &error));
    }
  g_assert_true (cs_store_finish (store, &error));
}

static size_t
token_of (const float *row)
{
  size_t token = (size_t)row[0] * 1000 + (size_t)row[1];

  g_assert_cmpint ((int)row[WIDTH], ==, (int)(token % 7));
  return token;
}

static CsReader *
open_reader (double held_out, size_t shard_tokens, uint64_t seed)
{
  CsReaderOptions options = {
    .batch = BATCH, .shard_tokens = shard_tokens, .held_out = held_out, .seed = seed
  };
  g_autoptr (GError) error = NULL;
  CsReader *reader = cs_reader_new (path, &options, &error);

  g_assert_no_error (error);
  return reader;
}

static void
next (CsReader *reader, float *rows)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_reader_next (reader, rows, &error));
  g_assert_no_error (error);
}

/* Each token at most once an epoch, nothing held out, all but the last partial batch there. */
static void
test_epoch (gconstpointer data)
{
  g_autoptr (CsReader) reader = open_reader (0.1, GPOINTER_TO_SIZE (data), 4);
  g_autofree bool *seen = g_new (bool, n_all);
  float rows[BATCH * 2 * WIDTH];
  size_t n_ranges, held = 0;
  const size_t *ranges = cs_reader_held_out (reader, &n_ranges);

  g_assert_cmpuint (n_ranges, ==, 24);
  for (size_t i = 0; i < n_ranges; i++)
    held += ranges[2 * i + 1] - ranges[2 * i];
  g_assert_cmpuint (cs_reader_n_tokens (reader) + held, ==, n_all);
  g_assert_cmpuint (cs_reader_batches_per_epoch (reader), ==, cs_reader_n_tokens (reader) / BATCH);
  for (int epoch = 0; epoch < 3; epoch++)
    {
      memset (seen, 0, n_all * sizeof *seen);
      for (size_t r = 0; r < n_ranges; r++)
        for (size_t t = ranges[2 * r]; t < ranges[2 * r + 1]; t++)
          seen[t] = true;
      for (size_t b = 0; b < cs_reader_batches_per_epoch (reader); b++)
        {
          next (reader, rows);
          for (size_t i = 0; i < BATCH; i++)
            {
              size_t token = token_of (rows + i * 2 * WIDTH);

              g_assert_cmpuint (token, <, n_all);
              g_assert_false (seen[token]);
              seen[token] = true;
            }
        }
    }
}

/* Batch i is the same however one comes to it. */
static void
test_resume (void)
{
  g_autoptr (CsReader) straight = open_reader (0.05, 300, 9);
  g_autoptr (CsReader) other_shards = open_reader (0.05, 299, 10);
  size_t n = 3 * cs_reader_batches_per_epoch (straight);
  g_autofree float *all = g_new (float, n *BATCH * 2 * WIDTH);
  float rows[BATCH * 2 * WIDTH];
  g_autoptr (GError) error = NULL;

  for (size_t b = 0; b < n; b++)
    next (straight, all + b * BATCH * 2 * WIDTH);
  for (size_t k = 0; k < 60; k++)
    {
      size_t b = (k * 37 + 11) % n;
      g_autoptr (CsReader) fresh = k % 5 == 0 ? open_reader (0.05, 300, 9) : NULL;
      CsReader *reader = fresh != NULL ? fresh : straight;

      g_assert_true (cs_reader_seek (reader, b, &error));
      next (reader, rows);
      g_assert_cmpmem (rows, sizeof rows, all + b * BATCH * 2 * WIDTH, sizeof rows);
    }
  next (other_shards, rows);
  g_assert_true (memcmp (rows, all, sizeof rows) != 0);
  g_assert_true (memcmp (all, all + n / 3 * BATCH * 2 * WIDTH, sizeof rows) != 0);
}

/* Every stretch of a batch has its corpora in proportion, to within one token for each shard it
 * touches. */
static void
test_proportions (void)
{
  g_autoptr (CsReader) reader = open_reader (0, 700, 2);
  double share = (double)n_corpus[1] / (double)n_all;
  float rows[BATCH * 2 * WIDTH];

  for (size_t b = 0; b < cs_reader_batches_per_epoch (reader); b++)
    {
      double chat = 0;

      next (reader, rows);
      for (size_t i = 0; i < BATCH; i++)
        chat += rows[i * 2 * WIDTH + 2];
      g_assert_cmpfloat_with_epsilon (chat, share * BATCH, 2.5);
    }
}

static void
test_held_out (void)
{
  g_autoptr (CsReader) reader = open_reader (0.25, 0, 2);
  g_autoptr (GError) error = NULL;
  g_autofree float *rows = g_new (float, n_all * 2 * WIDTH);
  size_t n_ranges, n_read, n = 0;
  const size_t *ranges = cs_reader_held_out (reader, &n_ranges);
  float part[17 * 2 * WIDTH];

  g_assert_true (cs_reader_read_held_out (reader, 0, n_all, rows, &n_read, &error));
  for (size_t r = 0; r < n_ranges; r++)
    for (size_t t = ranges[2 * r]; t < ranges[2 * r + 1]; t++, n++)
      g_assert_cmpuint (token_of (rows + n * 2 * WIDTH), ==, t);
  g_assert_cmpuint (n_read, ==, n);
  g_assert_cmpuint (n + cs_reader_n_tokens (reader), ==, n_all);
  for (size_t at = 0; at <= n; at += 13)
    {
      size_t expected = MIN (17, n - at);

      g_assert_true (cs_reader_read_held_out (reader, at, 17, part, &n_read, &error));
      g_assert_cmpuint (n_read, ==, expected);
      g_assert_cmpmem (part, expected * sizeof *rows * 2 * WIDTH, rows + at * 2 * WIDTH,
                       expected * sizeof *rows * 2 * WIDTH);
    }
}

static void
test_refusals (void)
{
  CsReaderOptions options = { .batch = n_all + 1 };
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_reader_new (path, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  options = (CsReaderOptions){ .batch = 1, .held_out = 0.6 };
  g_assert_null (cs_reader_new (path, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  options.held_out = 0;
  g_assert_null (cs_reader_new ("/nowhere/store.h5", &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
}

/* Few bytes for the shards: smaller ones, the same tokens. */
static void
test_memory (void)
{
  CsReaderOptions options = { .batch = BATCH, .memory_bytes = 4000, .seed = 1 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsReader) reader = cs_reader_new (path, &options, &error);
  float rows[BATCH * 2 * WIDTH];
  size_t highest = 0;

  g_assert_no_error (error);
  next (reader, rows);
  for (size_t i = 0; i < BATCH; i++)
    highest = MAX (highest, token_of (rows + i * 2 * WIDTH));
  g_assert_cmpuint (highest, <, 400);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("crosscope-reader-XXXXXX", NULL);
  path = g_build_filename (folder, "store.h5", NULL);
  make_store ();
  g_test_add_data_func ("/reader/epoch/one-shard", GSIZE_TO_POINTER (0), test_epoch);
  g_test_add_data_func ("/reader/epoch/two-shards", GSIZE_TO_POINTER (1500), test_epoch);
  g_test_add_data_func ("/reader/epoch/many-shards", GSIZE_TO_POINTER (77), test_epoch);
  g_test_add_data_func ("/reader/epoch/tiny-shards", GSIZE_TO_POINTER (1), test_epoch);
  g_test_add_func ("/reader/resume", test_resume);
  g_test_add_func ("/reader/proportions", test_proportions);
  g_test_add_func ("/reader/held-out", test_held_out);
  g_test_add_func ("/reader/refusals", test_refusals);
  g_test_add_func ("/reader/memory", test_memory);
  status = g_test_run ();
  g_remove (path);
  g_rmdir (folder);
  g_free (path);
  g_free (folder);
  return status;
}
