/* safetensors: files of other programs, our own written and read again, model folders, and hostile
 * headers. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "errors.h"
#include "safetensors.h"

typedef struct {
  char *folder, *path;
} Folder;

static void
set_up (Folder *f, const void *data)
{
  f->folder = g_dir_make_tmp ("crosscope-XXXXXX", NULL);
  g_assert_nonnull (f->folder);
  f->path = g_build_filename (f->folder, "model.safetensors", NULL);
}

static void
tear_down (Folder *f, const void *data)
{
  GDir *dir = g_dir_open (f->folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (f->folder, name, NULL);

      g_unlink (path);
    }
  g_dir_close (dir);
  g_rmdir (f->folder);
  g_free (f->folder);
  g_free (f->path);
}

/* A file of a header, given as text, and n_data bytes 0, 1, 2 … */
static void
write_file (const char *path, guint64 length, const char *header, size_t n_data)
{
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  length = GUINT64_TO_LE (length);
  g_byte_array_append (bytes, (const guint8 *) &length, 8);
  g_byte_array_append (bytes, (const guint8 *) header, (guint) strlen (header));
  for (size_t i = 0; i < n_data; i++)
    g_byte_array_append (bytes, &(guint8) { (guint8) i }, 1);
  g_assert_true (g_file_set_contents (path, (const char *) bytes->data, (gssize) bytes->len, NULL));
}

static void
assert_refused (const char *path, int code, const char *what)
{
  g_autoptr (GError) error = NULL;
  CsSafetensors *file = cs_safetensors_open (path, &error);

  if (file != NULL)
    g_error ("accepted: %s", what);
  g_assert_error (error, CS_ERROR, code);
  g_assert_nonnull (strstr (error->message, path));
  g_assert_null (strchr (error->message, '\n'));
}

#define T(name, dtype, shape, begin, end)                                                          \
  "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #begin "," #end   \
  "]}"

static const struct {
  const char *header;
  size_t      n_data;
} hostile[] = {
  { "", 0 },
  { "[]", 0 },
  { "null", 0 },
  { "{", 0 },
  { "{}", 1 },
  { "{} {}", 0 },
  { "{\"a\":1}", 0 },
  { "{\"a\":{}}", 0 },
  { "{\"a\":[]}", 0 },
  { "{\"\xff\":{}}", 0 },
  { "{" T ("a", "F32", "[2]", 0, 8) "}", 7 }, /* truncated */
  { "{" T ("a", "F32", "[2]", 0, 8) "}", 9 }, /* more than the tensors */
  { "{" T ("a", "F32", "[2]", 1, 9) "}", 9 }, /* hole at the beginning */
  { "{" T ("a", "F32", "[2]", 8, 0) "}", 8 }, /* backwards */
  { "{" T ("a", "F32", "[2]", -8, 0) "}", 8 },
  { "{" T ("a", "F32", "[2]", 0, 4) "}", 4 }, /* shape and size differ */
  { "{" T ("a", "F32", "[-1]", 0, 4) "}", 4 },
  { "{" T ("a", "F32", "[1.0]", 0, 4) "}", 4 },
  { "{" T ("a", "F32", "[\"1\"]", 0, 4) "}", 4 },
  { "{" T ("a", "F32", "1", 0, 4) "}", 4 },
  { "{" T ("a", "F32", "[[1]]", 0, 4) "}", 4 },
  { "{" T ("a", "F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4 },    /* nine dimensions */
  { "{" T ("a", "F32", "[4611686018427387905]", 0, 4) "}", 4 },  /* × 4 is 4 modulo 2^64 */
  { "{" T ("a", "U8", "[4294967296,4294967296]", 0, 0) "}", 0 }, /* 2^64 elements */
  { "{" T ("a", "U8", "[9223372036854775807,3]", 0, 4) "}", 4 },
  { "{" T ("a", "U8", "[99999999999999999999]", 0, 4) "}", 4 },
  { "{" T ("a", "U8", "[4]", 0, 9223372036854775807) "}", 4 },
  { "{" T ("a", "U8", "[4]", 18446744073709551612, 0) "}", 4 },
  { "{" T ("a", "U8", "[4]", 0, 4) "," T ("b", "U8", "[4]", 2, 6) "}", 6 }, /* overlap */
  { "{" T ("a", "U8", "[4]", 0, 4) "," T ("b", "U8", "[4]", 0, 4) "}", 4 }, /* the same bytes */
  { "{" T ("a", "U8", "[4]", 0, 4) "," T ("b", "U8", "[4]", 5, 9) "}", 9 }, /* hole */
  { "{" T ("a", "U8", "[0]", 3, 3) "," T ("b", "U8", "[4]", 0, 4) "}", 4 }, /* empty, inside b */
  { "{" T ("a", "U8", "[4]", 0, 4) "," T ("a", "U8", "[4]", 4, 8) "}", 8 }, /* the same name */
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1 },
  { "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1]}}", 1 },
  { "{\"a\":{\"shape\":[1],\"data_offsets\":[0,1]}}", 1 },
  { "{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,1]}}", 1 },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", 1 },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1,2]}}", 1 },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":{\"0\":0,\"1\":1}}}", 1 },
  { "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":1}}", 1 },
  { "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1 },
  { "{\"__metadata__\":[]}", 0 },
  { "{\"__metadata__\":{\"a\":1}}", 0 },
  { "{\"__metadata__\":{\"a\":{\"b\":\"c\"}}}", 0 },
};

static void
test_hostile (Folder *f, const void *data)
{
  for (size_t i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      write_file (f->path, strlen (hostile[i].header), hostile[i].header, hostile[i].n_data);
      assert_refused (f->path, CS_ERROR_FORMAT, hostile[i].header);
    }
}

static void
test_hostile_lengths (Folder *f, const void *data)
{
  static const guint64 lengths[] = { 3,          10,          100000000,       100000001,
                                     G_MAXINT64, G_MAXUINT64, G_MAXUINT64 - 7, (guint64) 1 << 32 };
  g_autofree char *deep = g_strnfill (200000, '[');
  g_autofree char *nested = g_strconcat ("{\"a\":", deep, NULL);

  for (size_t i = 0; i < G_N_ELEMENTS (lengths); i++)
    {
      write_file (f->path, lengths[i], "{}", 0);
      assert_refused (f->path, CS_ERROR_FORMAT, "length");
    }
  for (gssize size = 0; size < 8; size++)
    {
      g_assert_true (g_file_set_contents (f->path, "\2\0\0\0\0\0\0\0", size, NULL));
      assert_refused (f->path, CS_ERROR_FORMAT, "short");
    }
  write_file (f->path, strlen (nested), nested, 0);
  assert_refused (f->path, CS_ERROR_FORMAT, "nested");
}

static void
test_unsupported (Folder *f, const void *data)
{
  static const char *const dtypes[] = { "F4", "f32", "C64", "", "F32 " };

  for (size_t i = 0; i < G_N_ELEMENTS (dtypes); i++)
    {
      g_autofree char *header = g_strdup_printf (
        "{\"a\":{\"dtype\":\"%s\",\"shape\":[1],\"data_offsets\":[0,4]}}", dtypes[i]);

      write_file (f->path, strlen (header), header, 4);
      assert_refused (f->path, CS_ERROR_UNSUPPORTED, header);
    }
  g_unlink (f->path);
  assert_refused (f->path, CS_ERROR_IO, "missing");
  assert_refused (f->folder, CS_ERROR_IO, "folder");
}

/* Every truncation of a good file is refused. */
static void
test_truncated (Folder *f, const void *data)
{
  static const char header[] =
    "{" T ("a", "F16", "[3]", 0, 6) "," T ("b", "U8", "[2,2]", 6, 10) "}";
  g_autofree char *content = NULL;
  CsSafetensors *file;
  size_t size;

  write_file (f->path, strlen (header), header, 10);
  file = cs_safetensors_open (f->path, NULL);
  g_assert_nonnull (file);
  cs_safetensors_free (file);
  g_assert_true (g_file_get_contents (f->path, &content, &size, NULL));
  for (size_t n = 0; n < size; n++)
    {
      g_assert_true (g_file_set_contents (f->path, content, (gssize) n, NULL));
      assert_refused (f->path, CS_ERROR_FORMAT, "truncated");
    }
}

/* Padding, empty tensors anywhere between others, a header in another order than the data. */
static void
test_accepted (Folder *f, const void *data)
{
  static const char header[] =
    "{" T ("z", "U8", "[0,9]", 4, 4) "," T ("b", "F8_E4M3", "[2]", 4, 6) ","
    T ("e", "I64", "[0,4611686018427387904]", 6, 6) "," T ("a", "F32", "[]", 0, 4)
    ",\"__metadata__\":{\"format\":\"pt\"}}     ";
  g_autoptr (GError) error = NULL;
  g_autoptr (CsSafetensors) file = NULL;
  const CsTensor *tensor;

  write_file (f->path, strlen (header), header, 6);
  file = cs_safetensors_open (f->path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_safetensors_n_tensors (file), ==, 4);
  g_assert_cmpstr (cs_safetensors_nth (file, 0)->name, ==, "z");
  g_assert_cmpuint (cs_safetensors_nth (file, 0)->n_elements, ==, 0);
  g_assert_nonnull (cs_safetensors_nth (file, 0)->data);
  tensor = cs_safetensors_get (file, "a", 0, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (tensor->n_elements, ==, 1);
  tensor = cs_safetensors_find (file, "b");
  g_assert_cmpint (tensor->dtype, ==, CS_DTYPE_F8_E4M3);
  g_assert_cmpint (((const guint8 *) tensor->data)[0], ==, 4);
  g_assert_cmpstr (cs_safetensors_metadata (file, "format"), ==, "pt");
  g_assert_null (cs_safetensors_metadata (file, "other"));
  g_assert_null (cs_safetensors_find (file, "__metadata__"));
  g_assert_null (cs_safetensors_get (file, "b", 1, (size_t[]) { 3 }, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_assert_nonnull (strstr (error->message, "[2]"));
  g_assert_nonnull (strstr (error->message, "[3]"));
  g_clear_error (&error);
  g_assert_null (cs_safetensors_get (file, "nobody", 1, (size_t[]) { 3 }, &error));
  g_assert_nonnull (strstr (error->message, "nobody"));
}

/* ---- written and read again ---- */

static void
test_round_trip (Folder *f, const void *data)
{
  static const float floats[6] = { 1, -2, 3.5f, NAN, INFINITY, 0 };
  static const guint8 bytes[3] = { 7, 8, 9 };
  static const gint64 longs[1] = { -5 };
  static const CsTensor tensors[] = {
    { "bytes", CS_DTYPE_U8, 1, { 3 }, .data = bytes, .n_bytes = 3 },
    { "W \"ü\"", CS_DTYPE_F32, 2, { 2, 3 }, .data = floats, .n_bytes = 24 },
    { "none", CS_DTYPE_F16, 2, { 0, 4 }, .data = NULL, .n_bytes = 0 },
    { .name = "scalar", .dtype = CS_DTYPE_I64, .n_dims = 0, .data = longs, .n_bytes = 8 },
  };
  static const char *const metadata[] = { "format", "pt", "note", "π", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsSafetensors) file = NULL;
  g_autofree char *hash = NULL, *again = NULL, *expected = NULL, *content = NULL;
  size_t size;

  g_assert_true (cs_safetensors_write (f->path, tensors, G_N_ELEMENTS (tensors), metadata, &error));
  g_assert_no_error (error);
  file = cs_safetensors_open (f->path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_safetensors_n_tensors (file), ==, G_N_ELEMENTS (tensors));
  for (size_t i = 0; i < G_N_ELEMENTS (tensors); i++)
    {
      const CsTensor *t =
        cs_safetensors_get (file, tensors[i].name, tensors[i].n_dims, tensors[i].shape, &error);

      g_assert_no_error (error);
      g_assert_cmpint (t->dtype, ==, tensors[i].dtype);
      g_assert_cmpmem (t->data, t->n_bytes, tensors[i].data, tensors[i].n_bytes);
      /* Maps begin on a page: alignment in the file is alignment in memory. */
      g_assert_cmpuint ((guintptr) t->data % cs_dtype_size (t->dtype), ==, 0);
    }
  g_assert_cmpstr (cs_safetensors_metadata (file, "note"), ==, "π");

  g_assert_true (g_file_get_contents (f->path, &content, &size, NULL));
  expected = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guint8 *) content, size);
  hash = cs_safetensors_hash (file);
  again = cs_safetensors_hash (file);
  g_assert_cmpstr (hash, ==, expected);
  g_assert_cmpstr (again, ==, expected);
}

static void
test_write_refused (Folder *f, const void *data)
{
  static const guint8 bytes[8] = { 0 };
  CsTensor tensors[2] = {
    { "a", CS_DTYPE_F32, 1, { 2 }, .data = bytes, .n_bytes = 8 },
    { "a", CS_DTYPE_F32, 1, { 2 }, .data = bytes, .n_bytes = 8 },
  };
  g_autoptr (GError) error = NULL;

  g_assert_false (cs_safetensors_write (f->path, tensors, 2, NULL, &error)); /* one name twice */
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  tensors[1].name = "__metadata__";
  g_assert_false (cs_safetensors_write (f->path, tensors, 2, NULL, NULL));
  tensors[1].name = "\xff";
  g_assert_false (cs_safetensors_write (f->path, tensors, 2, NULL, NULL));
  tensors[1].name = "b";
  tensors[1].n_bytes = 4;
  g_assert_false (cs_safetensors_write (f->path, tensors, 2, NULL, NULL));
  g_assert_false (
    cs_safetensors_write (f->path, tensors, 1, (const char *const[]){ "k", "\xff", NULL }, NULL));
  g_assert_false (g_file_test (f->path, G_FILE_TEST_EXISTS));
  g_assert_false (cs_safetensors_write ("/nowhere/at/all", tensors, 1, NULL, NULL));
  g_assert_true (cs_safetensors_write (f->path, NULL, 0, NULL, NULL));
}

/* ---- model folders ---- */

static void
write_shard (Folder *f, const char *shard, const char *tensor)
{
  g_autofree char *path = g_build_filename (f->folder, shard, NULL);
  const CsTensor t = { .name = tensor, .dtype = CS_DTYPE_F32, .n_dims = 1, .shape = { 1 },
                       .data = &(float) { 2 }, .n_bytes = 4 };

  g_assert_true (cs_safetensors_write (path, &t, 1, NULL, NULL));
}

static CsSafetensors *
open_with_index (Folder *f, const char *index, GError **error)
{
  g_autofree char *path = g_build_filename (f->folder, "model.safetensors.index.json", NULL);

  g_assert_true (g_file_set_contents (path, index, -1, NULL));
  return cs_safetensors_open_model (f->folder, error);
}

static void
test_shards (Folder *f, const void *data)
{
  static const char *const bad[] = {
    "{}", "[]", "x", "{\"weight_map\":{}}", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}",
    "{\"weight_map\":{\"a\":\"../one\"}}",
    "{\"weight_map\":{\"a\":\"/etc/passwd\"}}",
    "{\"weight_map\":{\"a\":\"..\"}}",
    "{\"weight_map\":{\"a\":\"\"}}",
    "{\"weight_map\":{\"a\":\"sub/one\"}}",
    "{\"weight_map\":{\"a\":\"one\",\"b\":\"one\"}}", /* b is in the other one */
    "{\"weight_map\":{\"a\":\"two\",\"b\":\"two\"}}", /* a is in the other one */
    "{\"weight_map\":{\"a\":\"one\",\"c\":\"two\"}}", /* nobody has c */
    "{\"weight_map\":{\"a\":\"one\",\"b\":\"two\",\"c\":\"double\"}}",
  };
  g_autoptr (GError) error = NULL;
  CsSafetensors *file;

  g_assert_null (cs_safetensors_open_model (f->folder, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  write_shard (f, "one", "a");
  write_shard (f, "two", "b");
  write_shard (f, "double", "a");
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      if (open_with_index (f, bad[i], &error) != NULL)
        g_error ("accepted: %s", bad[i]);
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
      g_clear_error (&error);
    }
  g_assert_null (open_with_index (f, "{\"weight_map\":{\"a\":\"three\"}}", &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);

  file = open_with_index (f, "{\"weight_map\":{\"b\":\"two\",\"a\":\"one\"}}", &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_safetensors_n_tensors (file), ==, 2);
  /* Shards come in the order of their names. */
  g_assert_cmpstr (cs_safetensors_nth (file, 0)->name, ==, "a");
  cs_safetensors_free (file);
}

/* ---- files of other programs ---- */

static char *
reference_path (const char *name)
{
  const char *shared = g_getenv ("CS_TEST_SHARED");
  g_autofree char *path =
    g_build_filename (shared != NULL ? shared : ".", "reference", "lm", name, NULL);

  if (g_file_test (path, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&path);
  g_test_skip ("the reference models are not beside the checkout");
  return NULL;
}

static const CsTensor *
typed (const CsSafetensors *file, const char *name, CsDtype dtype, size_t n_elements)
{
  const CsTensor *tensor = cs_safetensors_find (file, name);

  g_assert_nonnull (tensor);
  g_assert_cmpint (tensor->dtype, ==, dtype);
  g_assert_cmpuint (tensor->n_elements, ==, n_elements);
  return tensor;
}

#define ASSERT_VALUES(file, name, dtype, type, ...) \
  do { \
    const type wanted[] = { __VA_ARGS__ }; \
    const CsTensor *found = typed (file, name, dtype, G_N_ELEMENTS (wanted)); \
    g_assert_cmpmem (found->data, found->n_bytes, wanted, sizeof wanted); \
  } while (0)

static void
check_halves (const CsSafetensors *file, const char *folder)
{
  g_autofree char *path = g_build_filename (folder, "f16_all.f32", NULL), *content = NULL;
  g_autofree float *widened = g_new (float, 65536);
  const CsTensor *tensor = typed (file, "z.f16_all", CS_DTYPE_F16, 65536);
  size_t size;

  g_assert_true (g_file_get_contents (path, &content, &size, NULL));
  g_assert_cmpuint (size, ==, 65536 * sizeof (float));
  g_assert_true (cs_widen (tensor->dtype, tensor->data, widened, 65536));
  for (size_t i = 0; i < 65536; i++)
    {
      float expected;

      memcpy (&expected, content + 4 * i, 4);
      g_assert_true (isnan (expected) ? isnan (widened[i])
                                      : memcmp (&expected, &widened[i], 4) == 0);
    }
  tensor = typed (file, "a.bf16_all", CS_DTYPE_BF16, 65536);
  g_assert_true (cs_widen (tensor->dtype, tensor->data, widened, 65536));
  for (guint32 i = 0; i < 65536; i++)
    g_assert_cmpmem (&widened[i], 4, &(guint32) { i << 16 }, 4);
}

static void
test_reference_dtypes (void)
{
  g_autofree char *folder = reference_path ("safetensors-dtypes"), *path = NULL;
  g_autoptr (CsSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;
  float values[24];

  if (folder == NULL)
    return;
  path = g_build_filename (folder, "all-dtypes.safetensors", NULL);
  file = cs_safetensors_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (cs_safetensors_n_tensors (file), ==, 12);
  check_halves (file, folder);
  cs_widen (CS_DTYPE_F32, typed (file, "f32", CS_DTYPE_F32, 24)->data, values, 24);
  for (size_t i = 0; i < 24; i++)
    g_assert_cmpfloat (values[i], ==, (float) i);
  ASSERT_VALUES (file, "f64", CS_DTYPE_F64, double, 0.1, -1e300, 1e-310, INFINITY, 3);
  ASSERT_VALUES (file, "i64", CS_DTYPE_I64, gint64, -1, 9007199254740993, 7);
  ASSERT_VALUES (file, "i32", CS_DTYPE_I32, gint32, -5, 6);
  ASSERT_VALUES (file, "u8", CS_DTYPE_U8, guint8, 0, 128, 255);
  ASSERT_VALUES (file, "bool", CS_DTYPE_BOOL, guint8, 0, 1);
  g_assert_nonnull (cs_safetensors_get (file, "scalar", 0, NULL, &error));
  g_assert_nonnull (cs_safetensors_get (file, "empty", 2, (size_t[]) { 0, 4 }, &error));
  g_assert_nonnull (cs_safetensors_get (file, "one", 3, (size_t[]) { 1, 1, 1 }, &error));
  g_assert_nonnull (
    cs_safetensors_get (file, "name.with \"quotes\" and ünïcode/π", 1, (size_t[]){ 2 }, &error));
  g_assert_no_error (error);
}

static void
test_reference_shards (void)
{
  g_autofree char *folder = reference_path ("llama3-tiny");
  g_autoptr (CsSafetensors) file = NULL;
  g_autoptr (GError) error = NULL;
  size_t n_bytes = 0;

  if (folder == NULL)
    return;
  file = cs_safetensors_open_model (folder, &error);
  g_assert_no_error (error);
  for (size_t i = 0; i < cs_safetensors_n_tensors (file); i++)
    n_bytes += cs_safetensors_nth (file, i)->n_bytes;
  g_assert_cmpuint (n_bytes, ==, 474240); /* the index says so */
  g_assert_nonnull (cs_safetensors_find (file, "lm_head.weight"));
  g_assert_nonnull (cs_safetensors_find (file, "model.embed_tokens.weight"));
}

#define ADD(path, function) g_test_add (path, Folder, NULL, set_up, function, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/base/safetensors/hostile", test_hostile);
  ADD ("/base/safetensors/hostile-lengths", test_hostile_lengths);
  ADD ("/base/safetensors/unsupported", test_unsupported);
  ADD ("/base/safetensors/truncated", test_truncated);
  ADD ("/base/safetensors/accepted", test_accepted);
  ADD ("/base/safetensors/round-trip", test_round_trip);
  ADD ("/base/safetensors/write-refused", test_write_refused);
  ADD ("/base/safetensors/shards", test_shards);
  g_test_add_func ("/base/safetensors/reference-dtypes", test_reference_dtypes);
  g_test_add_func ("/base/safetensors/reference-shards", test_reference_shards);
  return g_test_run ();
}
