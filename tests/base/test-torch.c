/* PyTorch's files: those that Python's own zipfile and pickle write are read, ours are read by
 * them. */
#include <string.h>

#include <sys/wait.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "json.h"
#include "torch-file.h"
#include "zip-file.h"

static char *folder;

/* torch_files.py's standard output, or NULL (and the test is skipped) without Python. */
static char *
python (const char *command, const char *path, int *status)
{
  g_autofree char *script =
      g_build_filename (g_getenv ("CS_TEST_DATA"), "base", "torch_files.py", NULL);
  const char *argv[] = { "/usr/bin/python3", script, command, path, NULL };
  g_autoptr (GError) error = NULL;
  char *out = NULL;
  if (!g_spawn_sync (NULL, (char **)(uintptr_t)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, NULL,
                     status, &error))
    {
      g_test_skip ("Python is not here");
      return NULL;
    }
  return out;
}

static CsTorchFile *
open_file (const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return cs_torch_open (path, error);
}

static bool
made_files (void)
{
  int status = 0;
  g_autofree char *out = python ("write", folder, &status);
  g_assert_cmpint (out ? status : 0, ==, 0);
  return out != NULL;
}

static void
check_state (const char *name)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTorchFile) file = open_file (name, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_torch_n_tensors (file), ==, 8);
  const CsTensor *plain = cs_torch_find (file, "plain"), *turned = cs_torch_find (file, "turned");
  g_assert_cmpint (plain->dtype, ==, CS_DTYPE_F32);
  g_assert_cmpuint (plain->n_dims, ==, 3);
  g_assert_cmpuint (plain->shape[0] * 100 + plain->shape[1] * 10 + plain->shape[2], ==, 234);
  float values[24];
  memcpy (values, plain->data, sizeof values);
  for (int i = 0; i < 24; i++)
    g_assert_cmpfloat (values[i], ==, i);
  memcpy (values, turned->data, turned->n_bytes);
  for (int i = 0; i < 12; i++)
    g_assert_cmpfloat (values[i], ==, 2 + i / 3 + 8 * (i % 3));
  double parameter[2];
  memcpy (parameter, cs_torch_find (file, "parameter")->data, sizeof parameter);
  g_assert_cmpfloat (parameter[0], ==, 0.1);
  g_assert_cmpfloat (parameter[1], ==, -2.5);
  const CsTensor *half = cs_torch_find (file, "half"), *brain = cs_torch_find (file, "brain");
  g_assert_true (cs_widen (half->dtype, half->data, values, 3));
  g_assert_cmpfloat (values[1] + values[2], ==, 65503.75);
  g_assert_true (cs_widen (brain->dtype, brain->data, values, 2));
  g_assert_cmpfloat (values[0] * values[1], ==, -3);
  int64_t longs[2];
  memcpy (longs, cs_torch_find (file, "long")->data, sizeof longs);
  g_assert_cmpint (longs[0], ==, -1);
  g_assert_cmpint (longs[1], ==, (int64_t)1 << 40);
  g_assert_cmpuint (cs_torch_find (file, "int")->n_dims, ==, 0);
  g_assert_cmpuint (cs_torch_find (file, "empty")->n_elements, ==, 0);
  g_assert_null (cs_torch_find (file, "other"));
}

static void
test_read (void)
{
  if (!made_files ())
    return;
  const char *const names[] = { "state-2.pt", "state-3.pt", "state-4.pt", "state-5.pt",
                                "zip64.pt" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    check_state (names[i]);
  g_autoptr (CsTorchFile) nested = open_file ("nested.pt", NULL),
                          bare = open_file ("bare.pt", NULL);
  g_assert_cmpuint (cs_torch_n_tensors (nested), ==, 3);
  g_assert_nonnull (cs_torch_find (nested, "model.a"));
  g_assert_nonnull (cs_torch_find (nested, "list.0"));
  g_assert_nonnull (cs_torch_find (nested, "list.1.0"));
  g_assert_cmpuint (cs_torch_find (bare, "")->shape[0], ==, 5);
}

static void
test_refused (void)
{
  static const struct
  {
    const char *name, *says;
  } cases[] = {
    { "deflated.pt", "compressed" },
    { "big-endian.pt", "big-endian" },
    { "beyond.pt", "beyond its numbers" },
    { "far.pt", "beyond its numbers" },
    { "repeated.pt", "beyond its numbers" },
    { "legacy.pt", "before PyTorch 1.6" },
    { "other.zip", "data.pkl" },
    { "missing.pt", "cannot be opened" },
  };
  if (!made_files ())
    return;
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (open_file (cases[i].name, &error));
      g_assert_nonnull (error);
      if (!strstr (error->message, cases[i].says))
        g_error ("%s: %s", cases[i].name, error->message);
    }
  g_autoptr (GError) error = NULL;
  g_assert_null (open_file ("code.pt", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED);
  g_assert_nonnull (strstr (error->message, "print"));
}

/* Every prefix, and every byte changed: refused or read, never worse. */
static void
test_damaged (void)
{
  if (!made_files ())
    return;
  g_autofree char *from = g_build_filename (folder, "nested.pt", NULL);
  g_autofree char *to = g_build_filename (folder, "damaged.pt", NULL);
  g_autofree char *bytes = NULL;
  gsize size;
  g_assert_true (g_file_get_contents (from, &bytes, &size, NULL));
  for (gsize i = 0; i < size; i++)
    {
      const char old = bytes[i];
      bytes[i] = (char)(old ^ (1 << i % 8));
      g_assert_true (g_file_set_contents_full (to, bytes, (gssize)(i % 5 ? size : i),
                                               G_FILE_SET_CONTENTS_NONE, 0600, NULL));
      bytes[i] = old;
      g_autoptr (GError) error = NULL;
      g_autoptr (CsTorchFile) file = cs_torch_open (to, &error);
      g_assert_true ((file == NULL) == (error != NULL));
    }
}

static const float numbers[6] = { 1, -2, 0.5f, 1e-30f, 3, 4 };
static const int64_t ids[3] = { 1, -1, (int64_t)1 << 62 };
static const uint16_t brains[2] = { 0x3f80, 0xc040 };

static char *
write_ours (bool bare)
{
  const CsTensor tensors[] = {
    { "encoder.weight", CS_DTYPE_F32, 3, { 1, 2, 3 }, 6, numbers, sizeof numbers },
    { "tokens", CS_DTYPE_I64, 1, { 3 }, 3, ids, sizeof ids },
    { "brain", CS_DTYPE_BF16, 1, { 2 }, 2, brains, sizeof brains },
    { "scalar", CS_DTYPE_F32, 0, { 0 }, 1, numbers, 4 },
    { "empty", CS_DTYPE_F32, 2, { 0, 4 }, 0, numbers, 0 },
  };
  CsTensor alone = tensors[1];
  alone.name = "";
  char *path = g_build_filename (folder, "ours.pt", NULL);
  g_autoptr (GError) error = NULL;
  g_assert_true (
      cs_torch_write (path, bare ? &alone : tensors, bare ? 1 : G_N_ELEMENTS (tensors), &error));
  g_assert_no_error (error);
  return path;
}

static void
check_lines (const char *out, bool bare)
{
  g_auto (GStrv) lines = g_strsplit (out, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, bare ? 2 : 6);
  g_autoptr (json_t) first = cs_json_parse (lines[0], strlen (lines[0]), "line", NULL);
  json_t *values = json_object_get (first, "values");
  if (bare)
    {
      g_assert_cmpint (json_array_size (values), ==, 3);
      return;
    }
  g_assert_cmpstr (json_string_value (json_object_get (first, "name")), ==, "encoder.weight");
  json_t *row = json_array_get (json_array_get (values, 0), 1);
  g_assert_cmpfloat ((float)json_number_value (json_array_get (row, 0)), ==, 1e-30f);
  g_assert_cmpfloat (json_number_value (json_array_get (row, 2)), ==, 4);
}

static void
test_write (void)
{
  for (int bare = 0; bare < 2; bare++)
    {
      g_autofree char *path = write_ours (bare);
      int status = 0;
      g_autofree char *out = python ("show", path, &status);
      if (!out)
        return;
      g_assert_cmpint (status, ==, 0);
      check_lines (out, bare);
      g_autoptr (CsTorchFile) file = cs_torch_open (path, NULL);
      const CsTensor *tokens = cs_torch_find (file, bare ? "" : "tokens");
      g_assert_cmpmem (tokens->data, tokens->n_bytes, ids, sizeof ids);
      g_assert_cmpuint ((uintptr_t)tokens->data % 64, ==, 0);
    }
}

static void
test_torch (void)
{
  for (int bare = 0; bare < 2; bare++)
    {
      g_autofree char *path = write_ours (bare);
      int status = 0;
      g_autofree char *out = python ("torch", path, &status);
      if (!out)
        return;
      if (WIFEXITED (status) && WEXITSTATUS (status) == 77)
        {
          g_test_skip ("PyTorch is not here");
          return;
        }
      g_assert_cmpint (status, ==, 0);
      check_lines (out, bare);
    }
}

static void
remove_folder (void)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while ((name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_unlink (path);
    }
  g_rmdir (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("crosscope-torch-XXXXXX", NULL);
  g_test_add_func ("/torch/read", test_read);
  g_test_add_func ("/torch/refused", test_refused);
  g_test_add_func ("/torch/damaged", test_damaged);
  g_test_add_func ("/torch/write", test_write);
  g_test_add_func ("/torch/pytorch", test_torch);
  const int result = g_test_run ();
  remove_folder ();
  g_free (folder);
  return result;
}
