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
#include "store-fixture.h"

static void
test_round_trip (gconstpointer data)
{
  CsDtype dtype = (CsDtype)GPOINTER_TO_INT (data);
  g_autofree char *path = store_path_of ("round.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  float row[2 * STORE_WIDTH];

  store_fill (path, dtype, 5000, 200, STORE_DOCUMENTS);
  store = cs_store_open (path, false, &error);
  g_assert_no_error (error);
  g_assert_true (cs_store_is_finished (store));
  store_check_content (store, STORE_DOCUMENTS);
  g_assert_cmpstr (cs_store_info (store)->chat_model, ==, "chat-ünï");
  g_assert_cmpstr (cs_store_info (store)->corpora[1], ==, "chät");
  g_assert_null (cs_store_info (store)->corpora[2]);
  g_assert_cmpuint (cs_store_info (store)->layer, ==, 3);
  g_assert_false (cs_store_read (store, cs_store_n_tokens (store), 1, row, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (store_append (store, 0, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_remove (path);
}

/* A plan that is far too small grows; the outcome is that of a plan that fits. */
static void
test_growth (void)
{
  g_autofree char *small = store_path_of ("small.h5");
  g_autofree char *exact = store_path_of ("exact.h5");
  g_autofree char *undo = store_path_of ("small.h5.undo");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;

  store_fill (small, CS_DTYPE_F16, 1, 1, STORE_DOCUMENTS);
  store_fill (exact, CS_DTYPE_F16, store_total_tokens (STORE_DOCUMENTS), STORE_DOCUMENTS,
              STORE_DOCUMENTS);
  store_assert_same (small, exact);
  g_assert_false (g_file_test (undo, G_FILE_TEST_EXISTS));
  store = cs_store_open (small, true, &error);
  g_assert_no_error (error);
  g_assert_true (store_append (store, STORE_DOCUMENTS, &error));
  g_assert_true (cs_store_finish (store, &error));
  store_check_content (store, STORE_DOCUMENTS + 1);
  g_remove (small);
  g_remove (exact);
}

static void
test_refusals (void)
{
  CsStoreInfo info = store_make_info (CS_DTYPE_F16);
  g_autofree char *path = store_path_of ("refuse.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_create (path, &info, 100, 10, &error);
  float rows[2 * STORE_WIDTH] = { 0 };
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

/* Appends with a flush after every third document until it is killed. Nobody looks the file through first: that takes
 * longer than all the rest, and would be what is killed. */
static void
child_fills (const char *path)
{
  CsStore *store;

  g_setenv ("CROSSCOPE_H5_CHECK", "/nowhere", true);
  store = cs_store_open (path, true, NULL);
  if (store == NULL)
    _exit (3);
  for (size_t d = cs_store_n_documents (store); d < STORE_DOCUMENTS; d++)
    if (!store_append (store, d, NULL) || (d % 3 == 2 && !cs_store_flush (store, NULL)))
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
  CsStoreInfo info = store_make_info (CS_DTYPE_F32);
  g_autofree char *path = store_path_of ("killed.h5");
  g_autofree char *whole = store_path_of ("whole.h5");
  unsigned delay = 200, kills = 0, idle = 0;
  bool done = false;

  store_fill (whole, CS_DTYPE_F32, store_total_tokens (STORE_DOCUMENTS), STORE_DOCUMENTS,
              STORE_DOCUMENTS);
  for (size_t round = 0; round < 2 || kills < 20; round++)
    {
      size_t before = 0;

      /* too small a plan in one round, too large a one in the other: growth and cut are killed too
       */
      g_remove (path);
      cs_store_free (
          cs_store_create (path, &info, round % 2 ? 4000 : 40, round % 2 ? 100 : 6, NULL));
      for (done = false; !done; delay = 200 + delay * 13 % 20011)
        {
          g_autoptr (GError) error = NULL;
          g_autoptr (CsStore) store = NULL;

          /* longer each time that nothing came of it: on a busy machine a child may not even begin */
          done = run_child (path, delay << MIN (idle, 8));
          kills += !done;
          store = cs_store_open (path, g_random_boolean (), &error);
          g_assert_no_error (error);
          g_assert_cmpuint (cs_store_n_documents (store), >=, before);
          idle = cs_store_n_documents (store) > before ? 0 : idle + 1;
          before = cs_store_n_documents (store);
          g_assert_true (before % 3 == 0 || before == STORE_DOCUMENTS || round % 2 == 0);
          if (before > 0)
            store_check_content (store, before);
        }
      store_assert_same (path, whole);
    }
  g_remove (path);
  g_remove (whole);
}

/* A child that may not write past a size: its growth fails, what was complete stays. */
static void
child_hits_limit (const char *path)
{
  struct rlimit limit = { 2 << 20, 2 << 20 };
  CsStoreInfo info = store_make_info (CS_DTYPE_F32);
  g_autoptr (GError) error = NULL;
  CsStore *store;
  size_t d;

  signal (SIGXFSZ, SIG_IGN);
  setrlimit (RLIMIT_FSIZE, &limit);
  store = cs_store_create (path, &info, 100, 10, &error);
  if (store == NULL)
    _exit (3);
  for (d = 0; d < 100000 && store_append (store, d, &error); d++)
    continue;
  cs_store_free (store);
  _exit (error != NULL && error->code == CS_ERROR_IO && strstr (error->message, path) != NULL ? 0
                                                                                              : 4);
}

static void
test_full (void)
{
  CsStoreInfo info = store_make_info (CS_DTYPE_F32);
  g_autofree char *path = store_path_of ("full.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  int status;
  pid_t child;

  /* more than any disk has: refused before a byte is written */
  g_assert_null (cs_store_create (path, &info, (size_t)1 << 42, 10, &error));
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
  store_check_content (store, cs_store_n_documents (store));
  g_assert_true (store_append (store, cs_store_n_documents (store), &error));
  g_assert_true (cs_store_finish (store, &error));
  store_check_content (store, cs_store_n_documents (store));
  g_remove (path);
}

static const char script[] =
    "import sys, h5py, numpy as np\n"
    "f = h5py.File(sys.argv[1], 'r')\n"
    "n, w = int(sys.argv[2]), int(sys.argv[3])\n"
    "assert f['activations'].shape == (n, 2, w) and f['activations'].dtype == np.float16 and "
    "f['activations'].chunks\n"
    "for k in ('token_ids', 'position'): assert f[k].shape == (n,) and f[k].dtype == np.int32\n"
    "assert f['corpus'].shape == (n,) and f['corpus'].dtype == np.int8\n"
    "d = f['documents'][:]; assert d.dtype == np.int64 and d[0] == 0 and d[-1] == n and "
    "(np.diff(d) > 0).all()\n"
    "a = f['activations'][:].astype(np.float64)\n"
    "assert np.allclose(a.mean(0), f['mean'][:], atol=1e-9) and np.allclose(a.std(0), f['std'][:], "
    "atol=1e-9)\n"
    "assert f['mean'].dtype == np.float64 and f['mean'].shape == (2, w)\n"
    "t = f.attrs; assert t['n_tokens_complete'] == n and t['layer'] == 3 and t['format_version'] "
    "== 1\n"
    "assert t['base_model'] == 'base' and t['chat_model'] == 'chat-\\u00fcn\\u00ef' and "
    "t['tokenizer_hash'] == 'cc'\n"
    "assert list(t['corpora']) == ['web', 'ch\\u00e4t']\n";

static void
test_h5py (void)
{
  g_autofree char *path = store_path_of ("python.h5");
  g_autofree char *n = g_strdup_printf ("%zu", store_total_tokens (30));
  g_autofree char *messages = NULL;
  const char *probe[] = { "/usr/bin/python3", "-c", "import h5py", NULL };
  const char *check[] = {
    "/usr/bin/python3", "-c", script, path, n, G_STRINGIFY (STORE_WIDTH), NULL
  };
  int status = -1;

  if (!g_spawn_sync (NULL, (gpointer)probe, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
                     NULL, &status, NULL) ||
      status != 0)
    {
      g_test_skip ("python3 with h5py is not installed");
      return;
    }
  store_fill (path, CS_DTYPE_F16, 2000, 99, 30);
  g_assert_true (
      g_spawn_sync (NULL, (gpointer)check, NULL, 0, NULL, NULL, NULL, &messages, &status, NULL));
  if (status != 0)
    g_error ("h5py: %s", messages);
  g_remove (path);
}

/* A process that is killed while it replaces a file leaves the temporary one. */
static void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (store_folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = store_path_of (name);

      g_remove (path);
    }
  g_rmdir (store_folder);
  g_free (store_folder);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  store_folder = g_dir_make_tmp ("crosscope-store-XXXXXX", NULL);
  g_test_add_data_func ("/store/round-trip/f16", GINT_TO_POINTER (CS_DTYPE_F16), test_round_trip);
  g_test_add_data_func ("/store/round-trip/f32", GINT_TO_POINTER (CS_DTYPE_F32), test_round_trip);
  g_test_add_func ("/store/growth", test_growth);
  g_test_add_func ("/store/refusals", test_refusals);
  g_test_add_func ("/store/killed", test_killed);
  add_hostile_tests ();
  g_test_add_func ("/store/full", test_full);
  g_test_add_func ("/store/h5py", test_h5py);
  status = g_test_run ();
  remove_folder ();
  return status;
}
