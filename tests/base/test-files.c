/* Element types, JSON and replaced files. */
#include <errno.h>
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dtype.h"
#include "errors.h"
#include "file-replace.h"
#include "json.h"

/* ---- element types ---- */

/* The value of a half by its definition. */
static double
half_value (uint16_t half)
{
  int exponent = half >> 10 & 31;
  double sign = half & 0x8000 ? -1 : 1, fraction = (half & 1023) / 1024.0;

  if (exponent == 31)
    return fraction > 0 ? NAN : sign * INFINITY;
  return exponent == 0 ? sign * ldexp (fraction, -14) : sign * ldexp (1 + fraction, exponent - 15);
}

static void
test_half_patterns (void)
{
  g_autofree uint16_t *halves = g_new (uint16_t, 65536 + 1), *back = g_new (uint16_t, 65536);
  g_autofree float *floats = g_new (float, 65536);
  unsigned char *odd = (unsigned char *) halves + 1; /* any alignment */

  for (unsigned i = 0; i < 65536; i++)
    memcpy (odd + 2 * i, &(uint16_t) { (uint16_t) i }, 2);
  g_assert_true (cs_widen (CS_DTYPE_F16, odd, floats, 65536));
  g_assert_true (cs_narrow (CS_DTYPE_F16, floats, back, 65536));
  for (unsigned i = 0; i < 65536; i++)
    {
      uint16_t half = (uint16_t) i;
      double value = half_value (half);

      if (isnan (value))
        {
          g_assert_true (isnan (floats[i]) && isnan (cs_half_to_float (half)));
          g_assert_true (isnan (half_value (back[i])) &&
                         isnan (half_value (cs_float_to_half (NAN))));
          continue;
        }
      g_assert_cmpfloat ((double) floats[i], ==, value);
      g_assert_true (!signbit (floats[i]) == !signbit (value));
      g_assert_cmpmem (&floats[i], 4, &(float) { cs_half_to_float (half) }, 4);
      g_assert_cmpuint (back[i], ==, half);
      g_assert_cmpuint (cs_float_to_half (floats[i]), ==, half);
    }
}

static void
test_bfloat_patterns (void)
{
  g_autofree uint16_t *patterns = g_new (uint16_t, 65536), *back = g_new (uint16_t, 65536);
  g_autofree float *floats = g_new (float, 65536);

  for (unsigned i = 0; i < 65536; i++)
    patterns[i] = (uint16_t) i;
  g_assert_true (cs_widen (CS_DTYPE_BF16, patterns, floats, 65536));
  g_assert_true (cs_narrow (CS_DTYPE_BF16, floats, back, 65536));
  for (unsigned i = 0; i < 65536; i++)
    {
      uint32_t bits;

      memcpy (&bits, &floats[i], 4);
      g_assert_cmpuint (bits, ==, i << 16);
      g_assert_cmpmem (&floats[i], 4, &(float) { cs_bfloat_to_float ((uint16_t) i) }, 4);
      if (isnan (floats[i]))
        g_assert_true (isnan (cs_bfloat_to_float (back[i])));
      else
        g_assert_cmpuint (back[i], ==, i);
      g_assert_cmpuint (back[i], ==, cs_float_to_bfloat (floats[i]));
    }
}

/* Between two neighbours: below the middle down, above it up, on it to the even one. Bulk and
 * single agree. */
static void
test_rounding (void)
{
  for (unsigned i = 0; i < 0x7bff; i++)
    {
      float low = cs_half_to_float ((uint16_t) i), high = cs_half_to_float ((uint16_t) (i + 1));
      float middle = (low + high) / 2;
      float values[8] = {
        middle, nextafterf (middle, 0), nextafterf (middle, INFINITY), -middle, low, high, 0, 0
      };
      uint16_t bulk[8], even = (uint16_t) (i + (i & 1));

      g_assert_cmpuint (cs_float_to_half (values[0]), ==, even);
      g_assert_cmpuint (cs_float_to_half (values[1]), ==, i);
      g_assert_cmpuint (cs_float_to_half (values[2]), ==, i + 1);
      g_assert_cmpuint (cs_float_to_half (values[3]), ==, 0x8000 | even);
      cs_narrow (CS_DTYPE_F16, values, bulk, 8);
      for (size_t j = 0; j < 8; j++)
        g_assert_cmpuint (bulk[j], ==, cs_float_to_half (values[j]));
    }
  g_assert_cmpuint (cs_float_to_half (65519.996f), ==, 0x7bff);
  g_assert_cmpuint (cs_float_to_half (65520), ==, 0x7c00);
  g_assert_cmpuint (cs_float_to_half (-3e38f), ==, 0xfc00);
  g_assert_cmpuint (cs_float_to_half (1e-30f), ==, 0);
  g_assert_cmpuint (cs_float_to_bfloat (1.00390625f), ==, 0x3f80);            /* halfway, to even */
  g_assert_cmpuint (cs_float_to_bfloat (nextafterf (1.00390625f, 2)), ==, 0x3f81);
  g_assert_cmpuint (cs_float_to_bfloat (1.01171875f), ==, 0x3f82);            /* halfway, to even */
  g_assert_cmpuint (cs_float_to_bfloat (3.4028235e38f), ==, 0x7f80);
}

static void
test_dtype_names (void)
{
  CsDtype dtype;
  float value = 1.5f, other = 0;

  for (CsDtype d = CS_DTYPE_F64; d <= CS_DTYPE_F8_E5M2; d++)
    {
      g_assert_true (cs_dtype_parse (cs_dtype_name (d), &dtype));
      g_assert_cmpint (dtype, ==, d);
      g_assert_cmpuint (cs_dtype_size (d), <=, 8);
    }
  g_assert_false (cs_dtype_parse ("f32", &dtype));
  g_assert_false (cs_dtype_parse ("", &dtype));
  g_assert_false (cs_widen (CS_DTYPE_I32, &value, &other, 1));
  g_assert_false (cs_narrow (CS_DTYPE_F64, &value, &other, 1));
  g_assert_true (cs_widen (CS_DTYPE_F32, &value, &other, 1));
  g_assert_cmpfloat (other, ==, 1.5f);
}

/* ---- JSON ---- */

static json_t *
parse (const char *text, GError **error)
{
  return cs_json_parse (text, strlen (text), "settings", error);
}

static void
test_json_refused (void)
{
  static const char *const bad[] = {
    "", " ", "{", "{}x", "[1,]", "{\"a\" 1}", "\"\xff\"", "nul", "[1e999]", "\"\\u0000\"",
    "{\"a\":1} {\"b\":2}", "[0123]", "\"\\ud800\"", "[\"a", "-", "99999999999999999999999x",
  };
  g_autofree char *deep = g_strnfill (100000, '[');

  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_null (parse (bad[i], &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
      g_assert_nonnull (strstr (error->message, "settings"));
    }
  g_assert_null (cs_json_parse (deep, 100000, "deep", NULL));
}

static void
test_json_numbers (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) value =
    parse ("{\"a\": 1000000000000000019884624838656, \"b\": 12, \"a\\\"9\": "
           "\"99999999999999999999\", \"c\": -9223372036854775808, \"d\": "
           "[9223372036854775807, 1.5, 0.33333333333333333333333, 1e22]}",
           &error);
  json_t *list;

  g_assert_no_error (error);
  g_assert_cmpfloat (json_real_value (json_object_get (value, "a")), ==,
                     1000000000000000019884624838656.0);
  g_assert_cmpint (json_integer_value (json_object_get (value, "b")), ==, 12);
  g_assert_cmpstr (json_string_value (json_object_get (value, "a\"9")), ==, "99999999999999999999");
  g_assert_cmpint (json_integer_value (json_object_get (value, "c")), ==, G_MININT64);
  list = json_object_get (value, "d");
  g_assert_cmpint (json_integer_value (json_array_get (list, 0)), ==, G_MAXINT64);
  g_assert_cmpfloat (json_real_value (json_array_get (list, 2)), ==, 1.0 / 3);
}

static void
test_json_lookups (void)
{
  g_autoptr (json_t) o = parse (
    "{\"n\": 5, \"x\": 0.25, \"yes\": true, \"text\": \"t\", \"nothing\": null, \"n\": 6}", NULL);
  g_autoptr (json_t) list = json_array ();
  g_autoptr (GError) error = NULL;
  const char *text = NULL;
  size_t size = 0;
  double real = 0;
  bool flag = false;

  g_assert_true (cs_json_get_size (o, "s", "n", 0, 10, 1, &size, NULL) && size == 6);
  g_assert_true (cs_json_get_size (o, "s", "missing", 0, 10, 3, &size, NULL) && size == 3);
  g_assert_true (cs_json_get_size (NULL, "s", "n", 0, 10, 4, &size, NULL) && size == 4);
  g_assert_true (cs_json_get_double (o, "s", "x", 0, &real, NULL) && real == 0.25);
  g_assert_true (cs_json_get_double (o, "s", "n", 0, &real, NULL) && real == 6);
  g_assert_true (cs_json_get_bool (o, "s", "yes", false, &flag, NULL) && flag);
  g_assert_true (cs_json_get_string (o, "s", "text", NULL, &text, NULL));
  g_assert_cmpstr (text, ==, "t");
  g_assert_true (cs_json_get_string (o, "s", "nothing", "else", &text, NULL));
  g_assert_cmpstr (text, ==, "else");

  g_assert_false (cs_json_get_size (o, "some.json", "n", 7, 10, 1, &size, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "some.json"));
  g_assert_nonnull (strstr (error->message, "\"n\""));
  g_assert_false (cs_json_get_size (o, "s", "x", 0, 10, 1, &size, NULL));
  g_assert_false (cs_json_get_double (o, "s", "text", 0, &real, NULL));
  g_assert_false (cs_json_get_bool (o, "s", "n", false, &flag, NULL));
  g_assert_false (cs_json_get_string (o, "s", "n", NULL, &text, NULL));
  g_assert_false (cs_json_get_string (list, "s", "n", NULL, &text, NULL));
}

/* ---- files ---- */

typedef struct {
  char *folder, *path;
} Folder;

static void
set_up (Folder *f, const void *data)
{
  f->folder = g_dir_make_tmp ("crosscope-XXXXXX", NULL);
  g_assert_nonnull (f->folder);
  f->path = g_build_filename (f->folder, "file.json", NULL);
}

static unsigned
count_files (const char *folder)
{
  GDir *dir = g_dir_open (folder, 0, NULL);
  unsigned n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  g_dir_close (dir);
  return n;
}

static void
tear_down (Folder *f, const void *data)
{
  g_unlink (f->path);
  g_assert_cmpint (g_rmdir (f->folder), ==, 0); /* nothing may be left in it */
  g_free (f->folder);
  g_free (f->path);
}

static void
assert_content (const char *path, const char *expected)
{
  g_autofree char *content = NULL;
  size_t size;

  g_assert_true (g_file_get_contents (path, &content, &size, NULL));
  g_assert_cmpmem (content, size, expected, strlen (expected));
}

static void
test_json_files (Folder *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) value = parse ("{\"z\": 1, \"a\": [0.1, \"π\"]}", NULL), loaded = NULL;

  g_assert_null (cs_json_load (f->path, 0, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_assert_true (cs_json_save (value, f->path, &error));
  loaded = cs_json_load (f->path, 0, &error);
  g_assert_no_error (error);
  g_assert_true (json_equal (value, loaded));
  g_assert_null (cs_json_load (f->path, 5, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_clear_error (&error);
  g_assert_null (cs_json_load (f->folder, 0, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
}

static void
test_replace (Folder *f, const void *data)
{
  g_autoptr (GError) error = NULL;
  CsFileReplace *file;

  g_assert_true (cs_file_replace_contents (f->path, "first", 5, &error));
  assert_content (f->path, "first");
  g_assert_cmpint (g_chmod (f->path, 0640), ==, 0);

  file = cs_file_replace_new (f->path, &error);
  g_assert_true (cs_file_replace_write (file, "sec", 3, &error));
  assert_content (f->path, "first");
  g_assert_true (cs_file_replace_write (file, "ond", 3, &error));
  g_assert_true (cs_file_replace_commit (file, &error));
  cs_file_replace_free (file);
  assert_content (f->path, "second");

  file = cs_file_replace_new (f->path, &error);
  g_assert_true (cs_file_replace_write (file, "third", 5, &error));
  cs_file_replace_free (file); /* no commit */
  assert_content (f->path, "second");
  g_assert_cmpuint (count_files (f->folder), ==, 1);

  GStatBuf info;
  g_assert_cmpint (g_stat (f->path, &info), ==, 0);
  g_assert_cmpuint (info.st_mode & 0777, ==, 0640);
}

static void
test_replace_link (Folder *f, const void *data)
{
  g_autofree char *link_path = g_build_filename (f->folder, "link", NULL);

  g_assert_true (cs_file_replace_contents (f->path, "old", 3, NULL));
  g_assert_cmpint (symlink ("file.json", link_path), ==, 0);
  g_assert_true (cs_file_replace_contents (link_path, "new", 3, NULL));
  g_assert_true (g_file_test (link_path, G_FILE_TEST_IS_SYMLINK));
  assert_content (f->path, "new");
  g_unlink (link_path);
}

/* A limit on file sizes stands for the full disk: writing beyond it fails in the same way. */
static void
test_replace_full (Folder *f, const void *data)
{
  enum { LIMIT = 256 * 1024 };
  g_autoptr (GError) error = NULL, second = NULL;
  g_autofree char *block = g_malloc0 (LIMIT);
  struct rlimit old, limit;
  CsFileReplace *file;

  g_assert_true (cs_file_replace_contents (f->path, "kept", 4, NULL));
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &old), ==, 0);
  limit = (struct rlimit) { .rlim_cur = LIMIT, .rlim_max = old.rlim_max };
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &limit), ==, 0);
  file = cs_file_replace_new (f->path, &error);
  g_assert_no_error (error);
  g_assert_true (cs_file_replace_write (file, block, LIMIT, NULL));
  g_assert_false (cs_file_replace_write (file, block, LIMIT, &error) &&
                  cs_file_replace_commit (file, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_assert_nonnull (strstr (error->message, f->path));
  g_assert_false (cs_file_replace_commit (file, &second)); /* the first error is remembered */
  g_assert_cmpstr (second->message, ==, error->message);
  cs_file_replace_free (file);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &old), ==, 0);
  signal (SIGXFSZ, SIG_DFL);

  assert_content (f->path, "kept");
  g_assert_cmpuint (count_files (f->folder), ==, 1);
}

static void
test_replace_nowhere (Folder *f, const void *data)
{
  g_autofree char *nowhere = g_build_filename (f->folder, "missing", "file", NULL);
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_file_replace_new (nowhere, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_assert_false (cs_file_replace_contents (f->folder, "x", 1, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
}

static void
test_adopt (Folder *f, const void *data)
{
  g_autofree char *temporary = cs_file_replace_temporary_name (f->path);
  g_autofree char *other = cs_file_replace_temporary_name (f->path);
  g_autoptr (GError) error = NULL;

  g_assert_cmpstr (temporary, !=, other);
  g_assert_true (cs_file_replace_contents (f->path, "old", 3, NULL));
  g_assert_false (cs_file_replace_adopt (temporary, f->path, &error)); /* nobody wrote it */
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  assert_content (f->path, "old");
  g_assert_true (g_file_set_contents (temporary, "new", 3, NULL));
  g_assert_true (cs_file_replace_adopt (temporary, f->path, &error));
  assert_content (f->path, "new");
  g_assert_true (g_file_set_contents (temporary, "lost", 4, NULL));
  g_assert_false (cs_file_replace_adopt (temporary, f->folder, &error)); /* a folder is no file */
  g_assert_cmpuint (count_files (f->folder), ==, 1);
}

#define ADD(path, function) g_test_add (path, Folder, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/dtype/half", test_half_patterns);
  g_test_add_func ("/base/dtype/bfloat", test_bfloat_patterns);
  g_test_add_func ("/base/dtype/rounding", test_rounding);
  g_test_add_func ("/base/dtype/names", test_dtype_names);
  g_test_add_func ("/base/json/refused", test_json_refused);
  g_test_add_func ("/base/json/numbers", test_json_numbers);
  g_test_add_func ("/base/json/look-ups", test_json_lookups);
  ADD ("/base/json/files", test_json_files);
  ADD ("/base/file-replace/whole", test_replace);
  ADD ("/base/file-replace/link", test_replace_link);
  ADD ("/base/file-replace/full-disk", test_replace_full);
  ADD ("/base/file-replace/nowhere", test_replace_nowhere);
  ADD ("/base/file-replace/adopt", test_adopt);
  return g_test_run ();
}
