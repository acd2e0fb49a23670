#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <hdf5.h>

#include "errors.h"
#include "random.h"
#include "store.h"

#define WIDTH 12
#define N_DOCUMENTS 60

static char *folder;

static CsStoreInfo
make_info (CsDtype dtype)
{
  static char web[] = "web", chat[] = "chät", base_model[] = "base", chat_model[] = "chat-ünï";
  static char base_hash[] = "aa", chat_hash[] = "bb", tokenizer_hash[] = "cc";
  static char *corpora[] = { web, chat, NULL };

  return (CsStoreInfo) { .d_model = WIDTH, .layer = 3, .dtype = dtype, .base_model = base_model,
                         .base_hash = base_hash, .chat_model = chat_model, .chat_hash = chat_hash,
                         .tokenizer_hash = tokenizer_hash, .corpora = corpora };
}

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static size_t
document_length (size_t document)
{
  return 1 + document * 7 % 23;
}

/* The same document every time: ids and rows [n, 2, WIDTH]. */
static float *
make_document (size_t document, int32_t **ids)
{
  size_t n = document_length (document);
  float *rows = g_new (float, n * 2 * WIDTH);
  CsRandom random;

  cs_random_init (&random, 5, document);
  *ids = g_new (int32_t, n);
  for (size_t i = 0; i < n; i++)
    (*ids)[i] = (int32_t) cs_random_below (&random, 1000);
  for (size_t i = 0; i < n * 2 * WIDTH; i++)
    rows[i] = (float) cs_random_normal (&random) * 10;
  return rows;
}

static bool
append (CsStore *store, size_t document, GError **error)
{
  g_autofree int32_t *ids = NULL;
  g_autofree float *rows = make_document (document, &ids);

  return cs_store_append_document (store, ids, document_length (document), (int) (document % 2), rows, error);
}

static size_t
total_tokens (size_t documents)
{
  size_t n = 0;

  for (size_t d = 0; d < documents; d++)
    n += document_length (d);
  return n;
}

static void
fill (const char *path, CsDtype dtype, size_t planned_tokens, size_t planned_documents, size_t documents)
{
  CsStoreInfo info = make_info (dtype);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_create (path, &info, planned_tokens, planned_documents, &error);

  g_assert_no_error (error);
  for (size_t d = 0; d < documents; d++)
    {
      append (store, d, &error);
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
  double mean[2 * WIDTH], std[2 * WIDTH];
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_store_moments (store, mean, std, &error));
  for (size_t i = 0; i < 2 * WIDTH; i++)
    {
      double sum = 0, squares = 0;

      for (size_t t = 0; t < n; t++)
        sum += all[t * 2 * WIDTH + i];
      for (size_t t = 0; t < n; t++)
        squares += pow (all[t * 2 * WIDTH + i] - sum / (double) n, 2);
      g_assert_cmpfloat_with_epsilon (mean[i], sum / (double) n, 1e-9);
      g_assert_cmpfloat_with_epsilon (std[i], sqrt (squares / (double) n), 1e-9);
    }
}

/* Reads everything back and compares with the documents that went in. */
static void
check_content (CsStore *store, size_t documents)
{
  size_t n = total_tokens (documents);
  g_autofree float *rows = g_new (float, n * 2 * WIDTH);
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
      g_autofree float *expected = make_document (d, &expected_ids);

      g_assert_cmpint (cs_store_documents (store)[d], ==, (int64_t) at);
      for (size_t i = 0; i < document_length (d); i++, at++)
        {
          g_assert_cmpint (ids[at], ==, expected_ids[i]);
          g_assert_cmpint (position[at], ==, (int) i);
          g_assert_cmpint (corpus[at], ==, (int) (d % 2));
          for (size_t k = 0; k < 2 * WIDTH; k++)
            {
              float value = expected[i * 2 * WIDTH + k];

              if (cs_store_info (store)->dtype == CS_DTYPE_F16)
                value = cs_half_to_float (cs_float_to_half (value));
              g_assert_true (rows[at * 2 * WIDTH + k] == value);
            }
        }
    }
  g_assert_cmpint (cs_store_documents (store)[documents], ==, (int64_t) n);
  check_moments (store, rows, n);
}

static void
test_round_trip (gconstpointer data)
{
  CsDtype dtype = (CsDtype) GPOINTER_TO_INT (data);
  g_autofree char *path = path_of ("round.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  float row[2 * WIDTH];

  fill (path, dtype, 5000, 200, N_DOCUMENTS);
  store = cs_store_open (path, false, &error);
  g_assert_no_error (error);
  g_assert_true (cs_store_is_finished (store));
  check_content (store, N_DOCUMENTS);
  g_assert_cmpstr (cs_store_info (store)->chat_model, ==, "chat-ünï");
  g_assert_cmpstr (cs_store_info (store)->corpora[1], ==, "chät");
  g_assert_null (cs_store_info (store)->corpora[2]);
  g_assert_cmpuint (cs_store_info (store)->layer, ==, 3);
  g_assert_false (cs_store_read (store, cs_store_n_tokens (store), 1, row, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (append (store, 0, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_remove (path);
}

/* Bytes of a dataset, to compare two stores. */
static GBytes *
dataset_bytes (const char *path, const char *name)
{
  hid_t file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t dataset = H5Dopen2 (file, name, H5P_DEFAULT);
  hid_t type = H5Dget_type (dataset);
  hid_t space = H5Dget_space (dataset);
  size_t size = (size_t) H5Sget_simple_extent_npoints (space) * H5Tget_size (type);
  void *bytes = g_malloc0 (size + 1);

  g_assert_cmpint (H5Dread (dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes), >=, 0);
  H5Sclose (space);
  H5Tclose (type);
  H5Dclose (dataset);
  H5Fclose (file);
  return g_bytes_new_take (bytes, size);
}

static void
assert_same_store (const char *a, const char *b)
{
  static const char *const names[] = { "activations", "token_ids", "documents", "position", "corpus", "mean", "std" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GBytes) left = dataset_bytes (a, names[i]);
      g_autoptr (GBytes) right = dataset_bytes (b, names[i]);

      g_assert_true (g_bytes_equal (left, right));
    }
}

/* A plan that is far too small grows; the outcome is that of a plan that fits. */
static void
test_growth (void)
{
  g_autofree char *small = path_of ("small.h5");
  g_autofree char *exact = path_of ("exact.h5");
  g_autofree char *undo = path_of ("small.h5.undo");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;

  fill (small, CS_DTYPE_F16, 1, 1, N_DOCUMENTS);
  fill (exact, CS_DTYPE_F16, total_tokens (N_DOCUMENTS), N_DOCUMENTS, N_DOCUMENTS);
  assert_same_store (small, exact);
  g_assert_false (g_file_test (undo, G_FILE_TEST_EXISTS));
  store = cs_store_open (small, true, &error);
  g_assert_no_error (error);
  g_assert_true (append (store, N_DOCUMENTS, &error));
  g_assert_true (cs_store_finish (store, &error));
  check_content (store, N_DOCUMENTS + 1);
  g_remove (small);
  g_remove (exact);
}

static void
test_refusals (void)
{
  CsStoreInfo info = make_info (CS_DTYPE_F16);
  g_autofree char *path = path_of ("refuse.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_create (path, &info, 100, 10, &error);
  float rows[2 * WIDTH] = { 0 };
  int32_t id = 1;

  g_assert_no_error (error);
  g_assert_null (cs_store_create (path, &info, 100, 10, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  rows[5] = NAN;
  g_assert_false (cs_store_append_document (store, &id, 1, 0, rows, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_NUMERIC);
  g_clear_error (&error);
  rows[5] = 1e6f;
  g_assert_false (cs_store_append_document (store, &id, 1, 0, rows, &error));
  g_assert_nonnull (strstr (error->message, "float16"));
  g_clear_error (&error);
  rows[5] = 1;
  g_assert_false (cs_store_append_document (store, &id, 1, 2, rows, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_true (cs_store_append_document (store, &id, 1, 1, rows, &error));
  g_assert_true (cs_store_finish (store, &error));
  g_assert_cmpuint (cs_store_n_tokens (store), ==, 1);
  g_remove (path);
}

/* Appends with a flush after every third document until it is killed. */
static void
child_fills (const char *path)
{
  CsStore *store = cs_store_open (path, true, NULL);

  if (store == NULL)
    _exit (3);
  for (size_t d = cs_store_n_documents (store); d < N_DOCUMENTS; d++)
    if (!append (store, d, NULL) || (d % 3 == 2 && !cs_store_flush (store, NULL)))
      _exit (4);
  _exit (cs_store_finish (store, NULL) ? 0 : 5);
}

/* True when the child has come to its end. */
static bool
run_child (const char *path, unsigned microseconds)
{
  int status;
  pid_t child = fork ();

  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    child_fills (path);
  g_usleep (microseconds);
  kill (child, SIGKILL);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  if (!WIFEXITED (status))
    return false;
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  return true;
}

static void
test_killed (void)
{
  CsStoreInfo info = make_info (CS_DTYPE_F32);
  g_autofree char *path = path_of ("killed.h5");
  g_autofree char *whole = path_of ("whole.h5");
  unsigned delay = 200, kills = 0;
  bool done = false;

  fill (whole, CS_DTYPE_F32, total_tokens (N_DOCUMENTS), N_DOCUMENTS, N_DOCUMENTS);
  for (size_t round = 0; round < 2 || kills < 20; round++)
    {
      size_t before = 0;

      /* too small a plan in one round, too large a one in the other: growth and cut are killed too */
      g_remove (path);
      cs_store_free (cs_store_create (path, &info, round % 2 ? 4000 : 40, round % 2 ? 100 : 6, NULL));
      for (done = false; !done; delay = 200 + delay * 13 % 20011)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (CsStore) store = NULL;

          done = run_child (path, delay);
          kills += !done;
          store = cs_store_open (path, g_random_boolean (), &error);
          g_assert_no_error (error);
          g_assert_cmpuint (cs_store_n_documents (store), >=, before);
          before = cs_store_n_documents (store);
          g_assert_true (before % 3 == 0 || before == N_DOCUMENTS || round % 2 == 0);
          if (before > 0)
            check_content (store, before);
        }
      assert_same_store (path, whole);
    }
  g_remove (path);
  g_remove (whole);
}

static void
expect_refusal (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_open (path, false, &error);

  if (store == NULL)
    {
      g_assert_true (error->domain == CS_ERROR);
      g_assert_nonnull (strstr (error->message, path));
      g_assert_null (strchr (error->message, '\n'));
    }
  else
    {
      double mean[2 * WIDTH], std[2 * WIDTH];

      g_assert_cmpuint (cs_store_info (store)->d_model, ==, WIDTH);
      cs_store_moments (store, mean, std, NULL);
    }
}

static void
test_truncated (void)
{
  g_autofree char *path = path_of ("cut.h5");
  g_autofree char *bytes = NULL;
  g_autoptr (GError) error = NULL;
  CsStore *store;
  gsize size;

  fill (path, CS_DTYPE_F16, 300, 20, 20);
  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  for (gsize length = 0; length < size; length += length < 9000 ? 97 : 30011)
    {
      g_assert_true (g_file_set_contents (path, bytes, (gssize) length, NULL));
      store = cs_store_open (path, false, &error);
      g_assert_null (store);
      g_assert_nonnull (error);
      g_clear_error (&error);
    }
  g_remove (path);
  g_assert_null (cs_store_open (path, false, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
}

static void
replace_attribute (hid_t file, const char *name, hid_t type, const void *value, hsize_t n)
{
  hid_t space = n == 0 ? H5Screate (H5S_SCALAR) : H5Screate_simple (1, &n, NULL);
  hid_t attribute;

  H5Adelete (file, name);
  attribute = H5Acreate2 (file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  if (value != NULL)
    H5Awrite (attribute, type, value);
  H5Aclose (attribute);
  H5Sclose (space);
}

static void
replace_dataset (hid_t file, const char *name, hid_t type, int n_dims, const hsize_t *dims)
{
  hid_t space = H5Screate_simple (n_dims, dims, NULL);

  H5Ldelete (file, name, H5P_DEFAULT);
  H5Dclose (H5Dcreate2 (file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose (space);
}

static void
write_offset (hid_t file, hsize_t at, int64_t value)
{
  hsize_t one = 1;
  hid_t dataset = H5Dopen2 (file, "documents", H5P_DEFAULT);
  hid_t space = H5Dget_space (dataset);
  hid_t memory = H5Screate_simple (1, &one, NULL);

  H5Sselect_hyperslab (space, H5S_SELECT_SET, &at, NULL, &one, NULL);
  H5Dwrite (dataset, H5T_NATIVE_INT64, memory, space, H5P_DEFAULT, &value);
  H5Sclose (memory);
  H5Sclose (space);
  H5Dclose (dataset);
}

#define N_SPOILERS 15

static void
spoil (hid_t file, int how)
{
  int64_t huge = INT64_MAX, minus = -4, odd = 3;
  double number = 1;
  hsize_t dims[] = { 160, 3, WIDTH };
  hsize_t enormous[] = { (hsize_t) 1 << 46, 2, WIDTH };

  switch (how)
    {
    case 0: replace_attribute (file, "n_tokens_complete", H5T_NATIVE_INT64, &huge, 0); break;
    case 1: replace_attribute (file, "n_tokens_complete", H5T_NATIVE_INT64, &minus, 0); break;
    case 2: replace_attribute (file, "n_tokens_complete", H5T_NATIVE_INT64, &odd, 0); break;
    case 3: replace_attribute (file, "n_tokens_complete", H5T_NATIVE_DOUBLE, &number, 0); break;
    case 4: replace_attribute (file, "base_model", H5T_NATIVE_INT64, &odd, 0); break;
    case 5: replace_attribute (file, "corpora", H5T_NATIVE_INT64, NULL, 3); break;
    case 6: H5Adelete (file, "tokenizer_hash"); break;
    case 7: replace_attribute (file, "format_version", H5T_NATIVE_INT64, &huge, 0); break;
    case 8: replace_dataset (file, "activations", H5T_IEEE_F32LE, 3, dims); break;
    case 9: replace_dataset (file, "activations", H5T_IEEE_F64LE, 3, dims); break;
    case 10: replace_dataset (file, "activations", H5T_IEEE_F32LE, 3, enormous); break;
    case 11: replace_dataset (file, "token_ids", H5T_STD_I32LE, 2, dims); break;
    case 12: write_offset (file, 3, 0); break;
    case 13: write_offset (file, 0, 1); break;
    default:
      H5Ldelete (file, "position", H5P_DEFAULT);
      H5Lcreate_external ("/etc/passwd", "/x", file, "position", H5P_DEFAULT, H5P_DEFAULT);
      break;
    }
}

static void
test_hostile (void)
{
  g_autofree char *path = path_of ("hostile.h5");

  for (int how = 0; how < N_SPOILERS; how++)
    {
      g_autoptr (GError) error = NULL;
      CsStore *store;
      hid_t file;

      g_remove (path);
      fill (path, CS_DTYPE_F32, 300, 20, 20);
      file = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
      spoil (file, how);
      H5Fclose (file);
      store = cs_store_open (path, false, &error);
      if (store != NULL)
        g_error ("spoiled store %d was accepted", how);
      g_assert_true (error->domain == CS_ERROR);
      g_assert_nonnull (strstr (error->message, path));
    }
  g_remove (path);
}

/* A number that is no number is found when it is read, and the token named. */
static void
test_not_finite (void)
{
  g_autofree char *path = path_of ("nan.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  g_autofree float *rows = g_new (float, 40 * 2 * WIDTH);
  float bad[2 * WIDTH] = { [7] = INFINITY };
  hsize_t start[] = { 33, 0, 0 }, count[] = { 1, 2, WIDTH };
  hid_t file, dataset, space, memory;

  fill (path, CS_DTYPE_F32, 300, 20, 20);
  file = H5Fopen (path, H5F_ACC_RDWR, H5P_DEFAULT);
  dataset = H5Dopen2 (file, "activations", H5P_DEFAULT);
  space = H5Dget_space (dataset);
  memory = H5Screate_simple (3, count, NULL);
  H5Sselect_hyperslab (space, H5S_SELECT_SET, start, NULL, count, NULL);
  H5Dwrite (dataset, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, bad);
  H5Sclose (memory);
  H5Sclose (space);
  H5Dclose (dataset);
  H5Fclose (file);
  store = cs_store_open (path, false, &error);
  g_assert_no_error (error);
  g_assert_true (cs_store_read (store, 0, 33, rows, &error));
  g_assert_false (cs_store_read (store, 10, 30, rows, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "token 33 "));
  g_remove (path);
}

/* Flipped bytes in the structures: any outcome but a crash. */
static void
test_flipped (void)
{
  g_autofree char *path = path_of ("flip.h5");
  g_autofree char *bytes = NULL;
  CsRandom random;
  gsize size;

  fill (path, CS_DTYPE_F32, 100, 8, 8);
  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  cs_random_init (&random, 1, 1);
  for (int i = 0; i < 60; i++)
    {
      g_autofree char *copy = g_memdup2 (bytes, size);

      copy[cs_random_below (&random, 600)] ^= (char) (1 << cs_random_below (&random, 8));
      g_assert_true (g_file_set_contents (path, copy, (gssize) size, NULL));
      expect_refusal (path);
    }
  g_remove (path);
}

/* A child that may not write past a size: its growth fails, what was complete stays. */
static void
child_hits_limit (const char *path)
{
  struct rlimit limit = { 2 << 20, 2 << 20 };
  CsStoreInfo info = make_info (CS_DTYPE_F32);
  g_autoptr (GError) error = NULL;
  CsStore *store;
  size_t d;

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  store = cs_store_create (path, &info, 100, 10, &error);
  if (store == NULL)
    _exit (3);
  for (d = 0; d < 100000 && append (store, d, &error); d++)
    continue;
  cs_store_free (store);
  _exit (error != NULL && error->code == CS_ERROR_IO && strstr (error->message, path) != NULL ? 0 : 4);
}

static void
test_full (void)
{
  CsStoreInfo info = make_info (CS_DTYPE_F32);
  g_autofree char *path = path_of ("full.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  int status;
  pid_t child;

  /* more than any disk has: refused before a byte is written */
  g_assert_null (cs_store_create (path, &info, (size_t) 1 << 42, 10, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    child_hits_limit (path);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  store = cs_store_open (path, true, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_store_n_documents (store), >, 100);
  check_content (store, cs_store_n_documents (store));
  g_assert_true (append (store, cs_store_n_documents (store), &error));
  g_assert_true (cs_store_finish (store, &error));
  check_content (store, cs_store_n_documents (store));
  g_remove (path);
}

static const char script[] =
  "import sys, h5py, numpy as np\n"
  "f = h5py.File(sys.argv[1], 'r')\n"
  "n, w = int(sys.argv[2]), int(sys.argv[3])\n"
  "assert f['activations'].shape == (n, 2, w) and f['activations'].dtype == np.float16 and f['activations'].chunks\n"
  "for k in ('token_ids', 'position'): assert f[k].shape == (n,) and f[k].dtype == np.int32\n"
  "assert f['corpus'].shape == (n,) and f['corpus'].dtype == np.int8\n"
  "d = f['documents'][:]; assert d.dtype == np.int64 and d[0] == 0 and d[-1] == n and (np.diff(d) > 0).all()\n"
  "a = f['activations'][:].astype(np.float64)\n"
  "assert np.allclose(a.mean(0), f['mean'][:], atol=1e-9) and np.allclose(a.std(0), f['std'][:], atol=1e-9)\n"
  "assert f['mean'].dtype == np.float64 and f['mean'].shape == (2, w)\n"
  "t = f.attrs; assert t['n_tokens_complete'] == n and t['layer'] == 3 and t['format_version'] == 1\n"
  "assert t['base_model'] == 'base' and t['chat_model'] == 'chat-\\u00fcn\\u00ef' and t['tokenizer_hash'] == 'cc'\n"
  "assert list(t['corpora']) == ['web', 'ch\\u00e4t']\n";

static void
test_h5py (void)
{
  g_autofree char *path = path_of ("python.h5");
  g_autofree char *n = g_strdup_printf ("%zu", total_tokens (30));
  g_autofree char *messages = NULL;
  const char *probe[] = { "/usr/bin/python3", "-c", "import h5py", NULL };
  const char *check[] = { "/usr/bin/python3", "-c", script, path, n, G_STRINGIFY (WIDTH), NULL };
  int status = -1;

  if (!g_spawn_sync (NULL, (gpointer) probe, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL, &status, NULL) ||
      status != 0)
    {
      g_test_skip ("python3 with h5py is not installed");
      return;
    }
  fill (path, CS_DTYPE_F16, 2000, 99, 30);
  g_assert_true (g_spawn_sync (NULL, (gpointer) check, NULL, 0, NULL, NULL, NULL, &messages, &status, NULL));
  if (status != 0)
    g_error ("h5py: %s", messages);
  g_remove (path);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  folder = g_dir_make_tmp ("crosscope-store-XXXXXX", NULL);
  g_test_add_data_func ("/store/round-trip/f16", GINT_TO_POINTER (CS_DTYPE_F16), test_round_trip);
  g_test_add_data_func ("/store/round-trip/f32", GINT_TO_POINTER (CS_DTYPE_F32), test_round_trip);
  g_test_add_func ("/store/growth", test_growth);
  g_test_add_func ("/store/refusals", test_refusals);
  g_test_add_func ("/store/killed", test_killed);
  g_test_add_func ("/store/truncated", test_truncated);
  g_test_add_func ("/store/hostile", test_hostile);
  g_test_add_func ("/store/not-finite", test_not_finite);
  g_test_add_func ("/store/flipped", test_flipped);
  g_test_add_func ("/store/full", test_full);
  g_test_add_func ("/store/h5py", test_h5py);
  status = g_test_run ();
  g_rmdir (folder);
  g_free (folder);
  return status;
}
