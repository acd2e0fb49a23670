#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <utime.h>
#include <unistd.h>

#include <glib/gstdio.h>
#include <hdf5.h>

#include "errors.h"
#include "h5-check.h"
#include "random.h"
#include "store-fixture.h"

#define N_SPOILERS 15
/* A stretch of the sequence with a file for which HDF5 1.10.8 asks for terabytes, which ends a process
 * under the address sanitizer where nothing was checked before. */
#define FIRST_FLIP 1750
#define N_FLIPS 150

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
      double mean[4 * STORE_WIDTH], std[4 * STORE_WIDTH];

      g_assert_cmpuint (cs_store_info (store)->d_model, <=, 2 * STORE_WIDTH);
      cs_store_moments (store, mean, std, NULL);
    }
}

static void
test_truncated (void)
{
  g_autofree char *path = store_path_of ("cut.h5");
  g_autofree char *bytes = NULL;
  g_autoptr (GError) error = NULL;
  CsStore *store;
  gsize size;

  store_fill (path, CS_DTYPE_F16, 300, 20, 20);
  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  for (gsize length = 0; length < size; length += length < 9000 ? 389 : 30011)
    {
      g_assert_true (g_file_set_contents (path, bytes, (gssize)length, NULL));
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

static void
spoil (hid_t file, int how)
{
  int64_t huge = INT64_MAX, minus = -4, odd = 3;
  double number = 1;
  hsize_t dims[] = { 160, 3, STORE_WIDTH };
  hsize_t enormous[] = { (hsize_t)1 << 46, 2, STORE_WIDTH };

  switch (how)
    {
    case 0:
      replace_attribute (file, "n_tokens_complete", H5T_NATIVE_INT64, &huge, 0);
      break;
    case 1:
      replace_attribute (file, "n_tokens_complete", H5T_NATIVE_INT64, &minus, 0);
      break;
    case 2:
      replace_attribute (file, "n_tokens_complete", H5T_NATIVE_INT64, &odd, 0);
      break;
    case 3:
      replace_attribute (file, "n_tokens_complete", H5T_NATIVE_DOUBLE, &number, 0);
      break;
    case 4:
      replace_attribute (file, "base_model", H5T_NATIVE_INT64, &odd, 0);
      break;
    case 5:
      replace_attribute (file, "corpora", H5T_NATIVE_INT64, NULL, 3);
      break;
    case 6:
      H5Adelete (file, "tokenizer_hash");
      break;
    case 7:
      replace_attribute (file, "format_version", H5T_NATIVE_INT64, &huge, 0);
      break;
    case 8:
      replace_dataset (file, "activations", H5T_IEEE_F32LE, 3, dims);
      break;
    case 9:
      replace_dataset (file, "activations", H5T_IEEE_F64LE, 3, dims);
      break;
    case 10:
      replace_dataset (file, "activations", H5T_IEEE_F32LE, 3, enormous);
      break;
    case 11:
      replace_dataset (file, "token_ids", H5T_STD_I32LE, 2, dims);
      break;
    case 12:
      write_offset (file, 3, 0);
      break;
    case 13:
      write_offset (file, 0, 1);
      break;
    default:
      H5Ldelete (file, "position", H5P_DEFAULT);
      H5Lcreate_external ("/etc/passwd", "/x", file, "position", H5P_DEFAULT, H5P_DEFAULT);
      break;
    }
}

static void
test_hostile (void)
{
  g_autofree char *path = store_path_of ("hostile.h5");

  for (int how = 0; how < N_SPOILERS; how++)
    {
      g_autoptr (GError) error = NULL;
      CsStore *store;
      hid_t file;

      g_remove (path);
      store_fill (path, CS_DTYPE_F32, 300, 20, 20);
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
  g_autofree char *path = store_path_of ("nan.h5");
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  g_autofree float *rows = g_new (float, 40 * 2 * STORE_WIDTH);
  float bad[2 * STORE_WIDTH] = { [7] = INFINITY };
  hsize_t start[] = { 33, 0, 0 }, count[] = { 1, 2, STORE_WIDTH };
  hid_t file, dataset, space, memory;

  store_fill (path, CS_DTYPE_F32, 300, 20, 20);
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

/* Everything a reader asks for, where the damage left a store. */
static void
read_everything (const char *path)
{
  g_autoptr (CsStore) store = cs_store_open (path, false, NULL);
  double mean[4 * STORE_WIDTH], std[4 * STORE_WIDTH];
  size_t n = store != NULL ? cs_store_n_tokens (store) : 0;
  g_autofree float *rows = NULL;
  g_autofree int32_t *ids = g_new (int32_t, n);

  if (store == NULL || cs_store_info (store)->d_model > 2 * STORE_WIDTH)
    return;
  rows = g_new (float, n * 2 * cs_store_info (store)->d_model);
  cs_store_moments (store, mean, std, NULL);
  cs_store_read_tokens (store, 0, n, ids, NULL, NULL, NULL);
  cs_store_read (store, 0, n, rows, NULL);
}

/* In a child: the HDF5 library itself leaks a little on some of these files. */
static void
child_flips (const char *path, const char *bytes, gsize size)
{
  CsRandom random;

  cs_random_init (&random, 11, 7);
  for (int i = 0; i < FIRST_FLIP + N_FLIPS; i++)
    {
      g_autofree char *copy = g_memdup2 (bytes, size);

      for (size_t k = cs_random_below (&random, 3) + 1; k > 0; k--)
        copy[cs_random_below (&random, MIN (size, 9000))] = (char)cs_random_below (&random, 256);
      if (i < FIRST_FLIP)
        continue;
      g_assert_true (g_file_set_contents (path, copy, (gssize)size, NULL));
      expect_refusal (path);
      read_everything (path);
    }
  _exit (0);
}

/* Changed bytes in the structures: any outcome but a crash. */
static void
test_flipped (void)
{
  g_autofree char *path = store_path_of ("flip.h5");
  g_autofree char *bytes = NULL;
  gsize size;
  int status;
  pid_t child;

  store_fill (path, CS_DTYPE_F32, 100, 8, 8);
  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  child = fork ();
  g_assert_cmpint (child, >=, 0);
  if (child == 0)
    child_flips (path, bytes, size);
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status) && WEXITSTATUS (status) == 0);
  g_remove (path);
}

/* Runs a shell script in the check's place. */
static bool
check_with (const char *script, const char *path, GError **error)
{
  g_autofree char *program = store_path_of ("check");
  bool ok;

  g_assert_true (g_file_set_contents_full (program, script, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
  g_setenv ("CROSSCOPE_H5_CHECK", program, true);
  ok = cs_h5_check (path, error);
  g_unsetenv ("CROSSCOPE_H5_CHECK");
  g_remove (program);
  return ok;
}

/* Whatever the program dies of is the file's fault; without the program files are opened. */
static void
test_check (void)
{
  static const char *const deaths[] = { "exit 1", "exit 2", "exit 3", "exit 77", "kill -SEGV $$",
                                        "kill -ALRM $$", "kill -XCPU $$" };
  g_autofree char *path = store_path_of ("checked.h5");
  g_autoptr (GError) error = NULL;

  store_fill (path, CS_DTYPE_F32, 100, 8, 8);
  for (size_t i = 0; i < G_N_ELEMENTS (deaths); i++)
    {
      g_autofree char *script = g_strdup_printf ("#!/bin/sh\n%s\n", deaths[i]);

      g_assert_false (check_with (script, path, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
      g_assert_nonnull (strstr (error->message, path));
      g_clear_error (&error);
    }
  g_setenv ("CROSSCOPE_H5_CHECK", "/nowhere", true);
  g_assert_true (cs_h5_check (path, &error));
  g_unsetenv ("CROSSCOPE_H5_CHECK");
  g_remove (path);
}

/* A file that was found good is not looked at again until it changes, nor one that is written to. */
static void
test_check_once (void)
{
  static const char never[] = "#!/bin/sh\nexit 1\n";
  g_autofree char *path = store_path_of ("once.h5");
  g_autoptr (GError) error = NULL;
  CsStore *store;

  store_fill (path, CS_DTYPE_F32, 100, 8, 8);
  g_usleep (100000);
  g_assert_true (cs_h5_check (path, &error));
  g_assert_true (check_with (never, path, &error));
  g_utime (path, NULL);
  g_assert_false (check_with (never, path, NULL));
  store = cs_store_open (path, true, &error);
  g_assert_no_error (error);
  g_utime (path, NULL);
  g_assert_true (check_with (never, path, &error));
  cs_store_free (store);
  g_assert_false (check_with (never, path, NULL));
  g_remove (path);
}

void
add_hostile_tests (void)
{
  g_test_add_func ("/store/truncated", test_truncated);
  g_test_add_func ("/store/hostile", test_hostile);
  g_test_add_func ("/store/not-finite", test_not_finite);
  g_test_add_func ("/store/flipped", test_flipped);
  g_test_add_func ("/store/check", test_check);
  g_test_add_func ("/store/check-once", test_check_once);
}
