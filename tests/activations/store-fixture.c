#include "store-fixture.h"

#include <math.h>
#include <string.h>

#include <hdf5.h>

#include "random.h"

char *store_folder;

CsStoreInfo
store_make_info (CsDtype dtype)
{
  static char web[] = "web", chat[] = "chät", base_model[] = "base", chat_model[] = "chat-ünï";
  static char base_hash[] = "aa", chat_hash[] = "bb", tokenizer_hash[] = "cc";
  static char *corpora[] = { web, chat, NULL };

  return (CsStoreInfo){ .d_model = STORE_WIDTH,
                        .layer = 3,
                        .dtype = dtype,
                        .base_model = base_model,
                        .base_hash = base_hash,
                        .chat_model = chat_model,
                        .chat_hash = chat_hash,
                        .tokenizer_hash = tokenizer_hash,
                        .corpora = corpora };
}

char *
store_path_of (const char *name)
{
  return g_build_filename (store_folder, name, NULL);
}

size_t
store_document_length (size_t document)
{
  return 1 + document * 7 % 23;
}

/* The same document every time: ids and rows [n, 2, STORE_WIDTH]. */
float *
store_make_document (size_t document, int32_t **ids)
{
  size_t n = store_document_length (document);
  float *rows = g_new (float, n * 2 * STORE_WIDTH);
  CsRandom random;

  cs_random_init (&random, 5, document);
  *ids = g_new (int32_t, n);
  for (size_t i = 0; i < n; i++)
    (*ids)[i] = (int32_t)cs_random_below (&random, 1000);
  for (size_t i = 0; i < n * 2 * STORE_WIDTH; i++)
    rows[i] = (float)cs_random_normal (&random) * 10;
  return rows;
}

bool
store_append (CsStore *store, size_t document, GError **error)
{
  g_autofree int32_t *ids = NULL;
  g_autofree float *rows = store_make_document (document, &ids);

  return cs_store_append_document (store, ids, store_document_length (document),
                                   (int)(document % 2), rows, error);
}

size_t
store_total_tokens (size_t documents)
{
  size_t n = 0;

  for (size_t d = 0; d < documents; d++)
    n += store_document_length (d);
  return n;
}

void
store_fill (const char *path,
            CsDtype dtype,
            size_t planned_tokens,
            size_t planned_documents,
            size_t documents)
{
  CsStoreInfo info = store_make_info (dtype);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store =
      cs_store_create (path, &info, planned_tokens, planned_documents, &error);

  g_assert_no_error (error);
  for (size_t d = 0; d < documents; d++)
    {
      store_append (store, d, &error);
      g_assert_no_error (error);
      if (d % 9 == 0)
        cs_store_flush (store, &error);
      g_assert_no_error (error);
    }
  cs_store_finish (store, &error);
  g_assert_no_error (error);
  g_assert_true (cs_store_is_finished (store));
}

static void
check_moments (CsStore *store, const float *all, size_t n)
{
  double mean[2 * STORE_WIDTH], std[2 * STORE_WIDTH];
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_store_moments (store, mean, std, &error));
  for (size_t i = 0; i < 2 * STORE_WIDTH; i++)
    {
      double sum = 0, squares = 0;

      for (size_t t = 0; t < n; t++)
        sum += all[t * 2 * STORE_WIDTH + i];
      for (size_t t = 0; t < n; t++)
        squares += pow (all[t * 2 * STORE_WIDTH + i] - sum / (double)n, 2);
      g_assert_cmpfloat_with_epsilon (mean[i], sum / (double)n, 1e-9);
      g_assert_cmpfloat_with_epsilon (std[i], sqrt (squares / (double)n), 1e-9);
    }
}

/* Reads everything back and compares with the documents that went in. */
void
store_check_content (CsStore *store, size_t documents)
{
  size_t n = store_total_tokens (documents);
  g_autofree float *rows = g_new (float, n * 2 * STORE_WIDTH);
  g_autofree int32_t *ids = g_new (int32_t, n);
  g_autofree int32_t *position = g_new (int32_t, n);
  g_autofree int8_t *corpus = g_new (int8_t, n);
  g_autoptr (GError) error = NULL;
  size_t at = 0;

  g_assert_cmpuint (cs_store_n_documents (store), ==, documents);
  g_assert_cmpuint (cs_store_n_tokens (store), ==, n);
  g_assert_true (cs_store_read (store, 0, n, rows, &error));
  g_assert_true (cs_store_read_tokens (store, 0, n, ids, position, corpus, &error));
  for (size_t d = 0; d < documents; d++)
    {
      g_autofree int32_t *expected_ids = NULL;
      g_autofree float *expected = store_make_document (d, &expected_ids);

      g_assert_cmpint (cs_store_documents (store)[d], ==, (int64_t)at);
      for (size_t i = 0; i < store_document_length (d); i++, at++)
        {
          g_assert_cmpint (ids[at], ==, expected_ids[i]);
          g_assert_cmpint (position[at], ==, (int)i);
          g_assert_cmpint (corpus[at], ==, (int)(d % 2));
          for (size_t k = 0; k < 2 * STORE_WIDTH; k++)
            {
              float value = expected[i * 2 * STORE_WIDTH + k];

              if (cs_store_info (store)->dtype == CS_DTYPE_F16)
                value = cs_half_to_float (cs_float_to_half (value));
              g_assert_true (rows[at * 2 * STORE_WIDTH + k] == value);
            }
        }
    }
  g_assert_cmpint (cs_store_documents (store)[documents], ==, (int64_t)n);
  check_moments (store, rows, n);
}

/* Bytes of a dataset, to compare two stores. */
static GBytes *
dataset_bytes (const char *path, const char *name)
{
  hid_t file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t dataset = H5Dopen2 (file, name, H5P_DEFAULT);
  hid_t type = H5Dget_type (dataset);
  hid_t space = H5Dget_space (dataset);
  size_t size = (size_t)H5Sget_simple_extent_npoints (space) * H5Tget_size (type);
  void *bytes = g_malloc0 (size + 1);

  g_assert_cmpint (H5Dread (dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes), >=, 0);
  H5Sclose (space);
  H5Tclose (type);
  H5Dclose (dataset);
  H5Fclose (file);
  return g_bytes_new_take (bytes, size);
}

void
store_assert_same (const char *a, const char *b)
{
  static const char *const names[] = { "activations", "token_ids", "documents", "position",
                                       "corpus",      "mean",      "std" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GBytes) left = dataset_bytes (a, names[i]);
      g_autoptr (GBytes) right = dataset_bytes (b, names[i]);

      g_assert_true (g_bytes_equal (left, right));
    }
}
