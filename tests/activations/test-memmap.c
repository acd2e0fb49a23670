/* The memmap cache of the authors' library: a store out and in again, and caches that are refused.
 */
#include <glib/gstdio.h>
#include <string.h>

#include "memmap-cache.h"
#include "store-fixture.h"

static const char *const corpora[] = { "web", "chät" };
static const char *const models[] = { "base", "chat-ünï" };

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      remove_tree (inner);
    }
  g_remove (path);
}

/* ROOT/MODEL/DATASET/train/layer_3_out/name */
static char *
cache_path (const char *root, int model, int corpus, const char *name)
{
  return g_build_filename (store_folder, root, models[model], corpora[corpus], "train",
                           "layer_3_out", name, NULL);
}

static void
export_store (const char *root, CsDtype stored, const CsMemmapOptions *options)
{
  g_autofree char *path = store_path_of ("out.h5"), *folder = store_path_of (root);
  g_autoptr (GError) error = NULL;

  g_remove (path);
  store_fill (path, stored, 100, 4, STORE_DOCUMENTS);
  g_assert_true (cs_memmap_export (NULL, path, folder, options, &error));
  g_assert_no_error (error);
}

/* The imported store holds the documents of one corpus, those that the fixture gave it. */
static void
check_corpus (CsStore *store, int corpus, CsDtype dtype)
{
  const int64_t *documents = cs_store_documents (store);
  g_autoptr (GError) error = NULL;
  size_t at = 0;

  for (size_t d = (size_t)corpus; d < STORE_DOCUMENTS; d += 2, at++)
    {
      const size_t n = store_document_length (d), width = n * 2 * STORE_WIDTH;
      g_autofree int32_t *expected_ids = NULL, *ids = g_new (int32_t, n);
      g_autofree float *expected = store_make_document (d, &expected_ids),
                       *rows = g_new (float, width);
      g_autofree uint16_t *narrow = g_new (uint16_t, width);

      g_assert_cmpint (documents[at + 1] - documents[at], ==, n);
      g_assert_true (cs_store_read (store, (size_t)documents[at], n, rows, &error));
      g_assert_true (
          cs_store_read_tokens (store, (size_t)documents[at], n, ids, NULL, NULL, &error));
      g_assert_no_error (error);
      g_assert_cmpmem (ids, n * sizeof *ids, expected_ids, n * sizeof *ids);
      if (dtype != CS_DTYPE_F32)
        {
          cs_narrow (dtype, expected, narrow, width);
          cs_widen (dtype, narrow, expected, width);
        }
      g_assert_cmpmem (rows, width * sizeof *rows, expected, width * sizeof *rows);
    }
  g_assert_cmpuint (cs_store_n_documents (store), ==, at);
}

static void
check_round_trip (CsDtype stored, const CsMemmapOptions *options, CsDtype rounded)
{
  export_store ("cache", stored, options);
  for (int corpus = 0; corpus < 2; corpus++)
    {
      g_autofree char *base = cache_path ("cache", 0, corpus, NULL);
      g_autofree char *layer = cache_path ("cache", 1, corpus, NULL),
                      *chat = g_path_get_dirname (layer);
      g_autofree char *path = store_path_of ("in.h5");
      g_autoptr (GError) error = NULL;
      g_autoptr (CsStore) store = NULL;
      const CsStoreInfo *info;

      g_remove (path);
      g_assert_true (cs_memmap_import (NULL, base, chat, path, &error));
      g_assert_no_error (error);
      store = cs_store_open (path, false, &error);
      g_assert_no_error (error);
      info = cs_store_info (store);
      g_assert_cmpuint (info->layer, ==, 3);
      g_assert_cmpuint (info->d_model, ==, STORE_WIDTH);
      g_assert_cmpstr (info->base_model, ==, models[0]);
      g_assert_cmpstr (info->chat_model, ==, models[1]);
      g_assert_cmpstr (info->corpora[0], ==, corpora[corpus]);
      g_assert_true (cs_store_is_finished (store));
      check_corpus (store, corpus, rounded);
    }
}

static void
test_round_trip (void)
{
  const CsMemmapOptions whole = { 0 }, small = { .shard_size = 7 };
  const CsMemmapOptions bfloat = { .shard_size = 50, .dtype = CS_DTYPE_BF16, .has_dtype = true };

  check_round_trip (CS_DTYPE_F32, &whole, CS_DTYPE_F32);
  check_round_trip (CS_DTYPE_F32, &small, CS_DTYPE_F32);
  check_round_trip (CS_DTYPE_F16, &small, CS_DTYPE_F16);
  check_round_trip (CS_DTYPE_F32, &bfloat, CS_DTYPE_BF16);
}

/* A shard is the rows as they are, and no more than it says. */
static void
test_files (void)
{
  const CsMemmapOptions small = { .shard_size = 7 };
  g_autofree char *shard = NULL, *meta = NULL, *bytes = NULL, *text = NULL;
  g_autofree int32_t *ids = NULL;
  g_autofree float *rows = store_make_document (0, &ids);
  gsize size;

  export_store ("files", CS_DTYPE_F32, &small);
  shard = cache_path ("files", 1, 0, "shard_0.memmap");
  meta = cache_path ("files", 1, 0, "shard_0.meta");
  g_assert_true (g_file_get_contents (shard, &bytes, &size, NULL));
  g_assert_cmpuint (size, ==, 7 * STORE_WIDTH * sizeof (float));
  g_assert_cmpuint (store_document_length (0), ==, 1);
  g_assert_cmpmem (bytes, STORE_WIDTH * sizeof (float), rows + STORE_WIDTH,
                   STORE_WIDTH * sizeof (float));
  g_assert_true (g_file_get_contents (meta, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "torch.float32"));
}

/* Says why in one sentence, and leaves no store. */
static void
check_refused (const char *base, const char *chat, const char *says)
{
  g_autofree char *path = store_path_of ("refused.h5");
  g_autoptr (GError) error = NULL;

  g_assert_false (cs_memmap_import (NULL, base, chat, path, &error));
  g_assert_nonnull (error);
  if (strstr (error->message, says) == NULL || strchr (error->message, '\n') != NULL)
    g_error ("%s", error->message);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

static void
test_refused (void)
{
  const CsMemmapOptions small = { .shard_size = 7 };
  g_autofree char *base = NULL, *chat = NULL, *other = NULL, *shard = NULL, *meta = NULL,
                  *bytes = NULL, *text = NULL;
  g_autofree char *renamed = NULL;
  gsize size;

  export_store ("refused", CS_DTYPE_F32, &small);
  base = cache_path ("refused", 0, 0, NULL);
  chat = cache_path ("refused", 1, 0, NULL);
  other = cache_path ("refused", 1, 1, NULL);
  check_refused (base, other, "tokens are not those");
  check_refused (base, store_folder, "no folder of an activation cache");
  shard = cache_path ("refused", 1, 0, "shard_1.memmap");
  g_assert_true (g_file_get_contents (shard, &bytes, &size, NULL));
  g_assert_true (g_file_set_contents (shard, bytes, (gssize)size - 4, NULL));
  check_refused (base, chat, "cannot be used");
  g_assert_true (g_file_set_contents (shard, bytes, (gssize)size, NULL));
  meta = cache_path ("refused", 1, 0, "shard_0.meta");
  g_assert_true (g_file_get_contents (meta, &text, NULL, NULL));
  g_assert_true (g_file_set_contents (
      meta, "{\"shape\": [7, 99999999999], \"dtype\": \"torch.float32\"}", -1, NULL));
  check_refused (base, chat, "cannot be used");
  g_assert_true (g_file_set_contents (meta, text, -1, NULL));
  /* Which layer it is stands in the name alone. */
  renamed = g_build_filename (store_folder, "refused", models[0], corpora[0], "train", "some_layer",
                              NULL);
  g_assert_cmpint (g_rename (base, renamed), ==, 0);
  check_refused (renamed, chat, "which layer");
}

/* Where one cache ends early, what only the other has is left out. */
static void
test_shorter (void)
{
  const CsMemmapOptions small = { .shard_size = 7 };
  g_autofree char *path = store_path_of ("shorter.h5"), *part = store_path_of ("part.h5");
  g_autofree char *folder = store_path_of ("part"), *base = NULL, *chat = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;

  export_store ("shorter", CS_DTYPE_F32, &small);
  store_fill (part, CS_DTYPE_F32, 100, 4, 20);
  g_assert_true (cs_memmap_export (NULL, part, folder, &small, &error));
  g_assert_no_error (error);
  base = cache_path ("shorter", 0, 0, NULL);
  chat = cache_path ("part", 1, 0, NULL);
  g_assert_true (cs_memmap_import (NULL, base, chat, path, &error));
  g_assert_no_error (error);
  store = cs_store_open (path, false, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_store_n_documents (store), ==, 10);
  for (size_t at = 0; at < 10; at++)
    g_assert_cmpint (cs_store_documents (store)[at + 1] - cs_store_documents (store)[at], ==,
                     store_document_length (2 * at));
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  store_folder = g_dir_make_tmp ("crosscope-memmap-XXXXXX", NULL);
  g_test_add_func ("/memmap/round-trip", test_round_trip);
  g_test_add_func ("/memmap/files", test_files);
  g_test_add_func ("/memmap/refused", test_refused);
  g_test_add_func ("/memmap/shorter", test_shorter);
  status = g_test_run ();
  remove_tree (store_folder);
  g_free (store_folder);
  return status;
}
