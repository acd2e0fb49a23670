#include <string.h>

#include "errors.h"
#include "tiny-tokenizer.h"

/* ---- against the reference --------------------------------------------- */

static char *
reference_path (const char *name)
{
  const char *shared = g_getenv ("CS_TEST_SHARED");
  char *path = g_build_filename (shared != NULL ? shared : "", "reference", name, NULL);

  if (shared != NULL && g_file_test (path, G_FILE_TEST_IS_DIR))
    return path;
  g_test_skip ("the reference kit is not beside the sources");
  g_free (path);
  return NULL;
}

/* The expectations hold U+0000, which files of ours may not. */
static json_t *
load (const char *folder, const char *file)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  json_error_t problem;
  json_t *value = json_load_file (path, JSON_ALLOW_NUL, &problem);

  g_assert_nonnull (value);
  return value;
}

static void
assert_ids_are (const GArray *ids, json_t *expected, const char *what)
{
  size_t i;
  json_t *id;

  if (ids->len != json_array_size (expected))
    g_error ("%s: %u tokens instead of %zu", what, ids->len, json_array_size (expected));
  json_array_foreach (expected, i, id)
  {
    if (g_array_index (ids, int32_t, i) != json_integer_value (id))
      g_error ("%s: token %zu is %d instead of %d", what, i, g_array_index (ids, int32_t, i),
               (int)json_integer_value (id));
  }
}

/* Spans are in order, lie in the text and, where bytes are not changed, hold what the token decodes
 * to. */
static void
check_spans (const GArray *spans, size_t n_ids, size_t size)
{
  uint32_t last = 0;

  g_assert_cmpuint (spans->len, ==, n_ids);
  for (guint i = 0; i < spans->len; i++)
    {
      CsTokenSpan span = g_array_index (spans, CsTokenSpan, i);
      g_assert_cmpuint (span.start, <=, span.end);
      g_assert_cmpuint (span.end, <=, size);
      g_assert_cmpuint (last, <=, span.end);
      last = span.end;
    }
}

static void
check_encoding (const CsTokenizer *tokenizer,
                const char *text,
                size_t size,
                bool special,
                json_t *expected,
                const char *what)
{
  g_autoptr (GArray) ids = tiny_ids_new ();
  g_autoptr (GArray) spans = g_array_new (FALSE, FALSE, sizeof (CsTokenSpan));

  cs_tokenizer_encode (tokenizer, text, size, special, ids, spans);
  assert_ids_are (ids, expected, what);
  check_spans (spans, ids->len, size);
  /* A second time, now from the cache, and without spans. */
  g_array_set_size (ids, 0);
  cs_tokenizer_encode (tokenizer, text, size, special, ids, NULL);
  assert_ids_are (ids, expected, what);
}

static void
test_model_prompts (const void *name)
{
  g_autofree char *folder = reference_path (name);
  g_autoptr (GError) error = NULL;
  size_t i, n_checked = 0;
  json_t *sequence;

  if (folder == NULL)
    return;
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, &error);
  g_assert_no_error (error);
  g_autoptr (json_t) manifest = load (folder, "expected/manifest.json");
  json_array_foreach (json_object_get (manifest, "sequences"), i, sequence)
  {
    json_t *text = json_object_get (sequence, "text");
    if (!json_is_string (text))
      continue;
    check_encoding (tokenizer, json_string_value (text), json_string_length (text),
                    json_is_true (json_object_get (sequence, "add_special_tokens")),
                    json_object_get (sequence, "ids"), name);
    n_checked++;
  }
  g_assert_cmpuint (n_checked, >=, 1);
}

static GArray *
ids_from (json_t *list)
{
  GArray *ids = tiny_ids_new ();
  size_t i;
  json_t *value;

  json_array_foreach (list, i, value)
  {
    int32_t id = (int32_t)json_integer_value (value);
    g_array_append_val (ids, id);
  }
  return ids;
}

static char *
decode_in_steps (CsTokenizer *tokenizer, const GArray *ids, bool skip_special)
{
  g_autoptr (CsDecoder) decoder = cs_decoder_new (tokenizer, skip_special);
  GString *all = g_string_new (NULL);

  for (guint i = 0; i < ids->len; i++)
    {
      g_autofree char *part = cs_decoder_feed (decoder, g_array_index (ids, int32_t, i));
      g_assert_true (g_utf8_validate (part, -1, NULL));
      g_string_append (all, part);
    }
  g_autofree char *rest = cs_decoder_finish (decoder);
  g_string_append (all, rest);
  return g_string_free (all, FALSE);
}

static void
check_decoding (CsTokenizer *tokenizer, json_t *list, json_t *expected, bool skip_special)
{
  g_autoptr (GArray) ids = ids_from (list);
  size_t size;
  g_autofree char *whole = cs_tokenizer_decode_sized (
      tokenizer, (const int32_t *)(const void *)ids->data, ids->len, skip_special, &size);
  g_autofree char *steps = decode_in_steps (tokenizer, ids, skip_special);

  g_assert_cmpmem (whole, size, json_string_value (expected), json_string_length (expected));
  if (size == strlen (whole)) /* what is fed in steps has no sizes, so U+0000 is lost */
    g_assert_cmpstr (steps, ==, whole);
}

static void
check_spellings (const CsTokenizer *tokenizer, json_t *entry)
{
  json_t *ids = json_object_get (entry, "ids"), *tokens = json_object_get (entry, "tokens"), *id;
  size_t i;

  json_array_foreach (ids, i, id)
  {
    g_assert_cmpstr (cs_tokenizer_spelling (tokenizer, (int32_t)json_integer_value (id)), ==,
                     json_string_value (json_array_get (tokens, i)));
  }
}

static void
check_string (CsTokenizer *tokenizer, json_t *entry)
{
  const char *name = json_string_value (json_object_get (entry, "name"));
  json_t *text = json_object_get (entry, "text"), *ids = json_object_get (entry, "ids");
  json_t *special = json_object_get (entry, "ids_special"),
         *decoded = json_object_get (entry, "decoded");
  json_t *skipped = json_object_get (entry, "decoded_skip_special");
  const char *content = json_string_value (text);

  check_encoding (tokenizer, content, json_string_length (text), false, ids, name);
  check_encoding (tokenizer, content, json_string_length (text), true,
                  special != NULL ? special : ids, name);
  check_spellings (tokenizer, entry);
  check_decoding (tokenizer, ids, decoded, false);
  check_decoding (tokenizer, ids, skipped != NULL ? skipped : decoded, true);
}

static size_t
unhex (const char *hex, char *bytes)
{
  size_t n = strlen (hex) / 2;

  for (size_t i = 0; i < n; i++)
    bytes[i] =
        (char)(g_ascii_xdigit_value (hex[2 * i]) << 4 | g_ascii_xdigit_value (hex[2 * i + 1]));
  return n;
}

static void
check_invalid (const CsTokenizer *tokenizer, json_t *entry)
{
  const char *hex = json_string_value (json_object_get (entry, "bytes"));
  g_autofree char *bytes = g_malloc (strlen (hex) / 2 + 1);
  size_t n = unhex (hex, bytes);

  check_encoding (tokenizer, bytes, n, false, json_object_get (entry, "ids"),
                  json_string_value (json_object_get (entry, "name")));
}

static void
check_chat (const CsTokenizer *tokenizer, json_t *entry)
{
  json_t *text = json_object_get (entry, "rendered");

  if (json_is_string (text))
    check_encoding (tokenizer, json_string_value (text), json_string_length (text), false,
                    json_object_get (entry, "ids"), "chat");
}

static void
test_real_tokenizer (const void *name)
{
  g_autofree char *folder = reference_path (name);
  g_autoptr (GError) error = NULL;
  size_t i;
  json_t *entry;

  if (folder == NULL)
    return;
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, &error);
  g_assert_no_error (error);
  g_autoptr (json_t) expected = load (folder, "expected.json");
  g_assert_cmpuint (json_array_size (json_object_get (expected, "strings")), >, 100);
  json_array_foreach (json_object_get (expected, "strings"), i, entry)
  {
    check_string (tokenizer, entry);
  }
  json_array_foreach (json_object_get (expected, "invalid_utf8"), i, entry)
  {
    check_invalid (tokenizer, entry);
  }
  json_array_foreach (json_object_get (expected, "decode_only"), i, entry)
  {
    check_decoding (tokenizer, json_object_get (entry, "ids"), json_object_get (entry, "decoded"),
                    false);
  }
  json_array_foreach (json_object_get (expected, "chat"), i, entry)
  {
    check_chat (tokenizer, entry);
  }
}

static void
test_bos (void)
{
  static const struct
  {
    const char *name;
    int32_t bos;
  } cases[] = { { "tokenizers/qwen2.5-pruned", -1 },
                { "tokenizers/gemma2-pruned", 2 },
                { "tokenizers/mistral-7b", 1 } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *folder = reference_path (cases[i].name);
      g_autoptr (GError) error = NULL;
      if (folder == NULL)
        return;
      g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, &error);
      g_assert_no_error (error);
      g_assert_cmpint (cs_tokenizer_bos_id (tokenizer), ==, cases[i].bos);
    }
}

void
add_reference_tests (void)
{
  static const char *const models[] = { "llama3-tiny",    "qwen2-tiny",  "qwen3-tiny",
                                        "gptneox-tiny",   "olmo2-tiny",  "gemma2-tiny",
                                        "gemma2-tiny-it", "gemma3-tiny", "mistral-tiny" };
  static const char *const kits[] = { "qwen2.5-pruned", "gemma2-pruned", "mistral-7b" };

  for (size_t i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autofree char *path = g_strconcat ("/tokenizer/reference/", models[i], NULL);
      g_test_add_data_func_full (path, g_strconcat ("lm/", models[i], NULL), test_model_prompts,
                                 g_free);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (kits); i++)
    {
      g_autofree char *path = g_strconcat ("/tokenizer/reference/", kits[i], NULL);
      g_test_add_data_func_full (path, g_strconcat ("tokenizers/", kits[i], NULL),
                                 test_real_tokenizer, g_free);
    }
  g_test_add_func ("/tokenizer/reference/bos", test_bos);
}
