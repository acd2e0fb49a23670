#include <string.h>

#include "errors.h"
#include "random.h"
#include "tiny-tokenizer.h"

/* ---- hostile files ----------------------------------------------------- */

static void
assert_refused (const char *key, const char *json, CsError code, const char *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (tiny_tokenizer_open_with (&error, key, json, NULL));
  g_test_message ("%s", error->message);
  g_assert_error (error, CS_ERROR, (int)code);
  g_assert_nonnull (strstr (error->message, message));
}

static void
test_hostile_models (void)
{
  assert_refused ("model", "[]", CS_ERROR_FORMAT, "no “model”");
  assert_refused ("model", "{\"type\":\"Unigram\"}", CS_ERROR_UNSUPPORTED, "Unigram");
  assert_refused ("model", "{\"type\":7}", CS_ERROR_FORMAT, "type");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}", CS_ERROR_FORMAT,
                  "no vocabulary");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":0}}", CS_ERROR_FORMAT, "merges");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":4194304},\"merges\":[]}",
                  CS_ERROR_FORMAT, "“a”");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":-1},\"merges\":[]}", CS_ERROR_FORMAT,
                  "“a”");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":1.5},\"merges\":[]}",
                  CS_ERROR_FORMAT, "“a”");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":1,\"b\":1},\"merges\":[]}",
                  CS_ERROR_FORMAT, "same id");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":1},\"merges\":[\"a b\"]}",
                  CS_ERROR_FORMAT, "merge 0");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":1},\"merges\":[\"a a\"]}",
                  CS_ERROR_FORMAT, "merge 0");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":1},\"merges\":[\"a\"]}",
                  CS_ERROR_FORMAT, "merge 0");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":1},\"merges\":[[\"a\",2]]}",
                  CS_ERROR_FORMAT, "merge 0");
  assert_refused ("model", "{\"type\":\"BPE\",\"vocab\":{\"a\":1},\"merges\":[],\"dropout\":0.1}",
                  CS_ERROR_UNSUPPORTED, "dropout");
  assert_refused ("model",
                  "{\"type\":\"BPE\",\"vocab\":{\"a\":1},\"merges\":[],\"unk_token\":\"?\"}",
                  CS_ERROR_FORMAT, "“?”");
}

static void
test_hostile_parts (void)
{
  assert_refused ("normalizer", "{\"type\":\"Prepend\"}", CS_ERROR_FORMAT, "Prepend");
  assert_refused ("normalizer", "{\"type\":\"Precompiled\"}", CS_ERROR_UNSUPPORTED, "Precompiled");
  assert_refused ("normalizer",
                  "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"a\"}",
                  CS_ERROR_FORMAT, "Replace normalizer is empty");
  assert_refused ("normalizer", "7", CS_ERROR_UNSUPPORTED, "unnamed");
  assert_refused ("normalizer", "{\"type\":\"Sequence\"}", CS_ERROR_FORMAT, "Sequence");
  assert_refused ("pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"ab\"}",
                  CS_ERROR_FORMAT, "Metaspace");
  assert_refused ("pre_tokenizer", "{\"type\":\"Metaspace\",\"prepend_scheme\":\"last\"}",
                  CS_ERROR_UNSUPPORTED, "last");
  assert_refused ("pre_tokenizer", "{\"type\":\"UnicodeScripts\"}", CS_ERROR_UNSUPPORTED,
                  "UnicodeScripts");
  assert_refused ("pre_tokenizer", "{\"type\":\"Punctuation\",\"behavior\":\"Lost\"}",
                  CS_ERROR_UNSUPPORTED, "Lost");
  assert_refused ("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[a&&b]\"}}",
                  CS_ERROR_UNSUPPORTED, "&&");
  assert_refused ("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(\"}}",
                  CS_ERROR_UNSUPPORTED, "cannot be compiled");
  assert_refused ("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(a+)+b\"}}",
                  CS_ERROR_UNSUPPORTED, "too long");
  assert_refused ("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\"}}",
                  CS_ERROR_FORMAT, "empty");
  assert_refused ("pre_tokenizer", "{\"type\":\"Split\"}", CS_ERROR_FORMAT, "Split");
  assert_refused ("post_processor", "{\"type\":\"TemplateProcessing\"}", CS_ERROR_FORMAT,
                  "template");
  assert_refused (
      "post_processor",
      "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}]}",
      CS_ERROR_FORMAT, "“x”");
  assert_refused ("post_processor",
                  "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}},"
                  "{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"x\":{\"ids\":[299]}}}",
                  CS_ERROR_FORMAT, "the id 299");
  assert_refused ("decoder", "{\"type\":\"WordPiece\"}", CS_ERROR_UNSUPPORTED, "WordPiece");
  assert_refused ("decoder", "{\"type\":\"Strip\",\"content\":\"\"}", CS_ERROR_FORMAT, "Strip");
  assert_refused ("added_tokens", "{}", CS_ERROR_FORMAT, "added_tokens");
  assert_refused ("added_tokens", "[3]", CS_ERROR_FORMAT, "added token");
  assert_refused ("added_tokens", "[{\"content\":\"x\"}]", CS_ERROR_FORMAT, "no id");
  assert_refused ("added_tokens", "[{\"id\":97,\"content\":\"<x>\"}]", CS_ERROR_FORMAT,
                  "belongs to “a”");
  assert_refused ("added_tokens", "[{\"id\":5000000,\"content\":\"<x>\"}]", CS_ERROR_FORMAT, "id");
}

static void
test_missing_file (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = tiny_folder_new (NULL, NULL);

  g_assert_null (cs_tokenizer_open (folder, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_assert_nonnull (strstr (error->message, "tokenizer.json"));
  tiny_folder_remove (folder);
}

/* A pattern that is tame on the probes and not on this text: the rest stays unsplit, and it ends.
 */
static void
test_pattern_limit (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer = tiny_tokenizer_open_with (
      &error, "pre_tokenizer",
      "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(q+)+"
      "w\"}},"
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}]}",
      NULL);
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GArray) ids = tiny_ids_new ();

  g_assert_no_error (error);
  for (size_t i = 0; i < 5000; i++)
    g_string_append (text, "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq ");
  g_string_append (text, "w"); /* the matcher gives up early without one */
  cs_tokenizer_encode (tokenizer, text->str, text->len, false, ids, NULL);
  g_assert_cmpuint (ids->len, ==, text->len);
}

/* Random changes of bytes in a good file: an answer or an error, never a crash. */
static void
test_mutations (void)
{
  g_autoptr (json_t) root = tiny_tokenizer_json ();
  char *folder = tiny_folder_new (NULL, NULL);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  char *dump = json_dumps (root, 0);
  size_t size = strlen (dump);
  CsRandom random;

  cs_random_init (&random, 3, 0);
  for (size_t round = 0; round < 200; round++)
    {
      g_autofree char *copy = g_memdup2 (dump, size);
      g_autoptr (GError) error = NULL;
      for (size_t i = 0; i < 1 + round % 4; i++)
        copy[cs_random_below (&random, size)] = (char)cs_random_below (&random, 256);
      size_t kept = round % 5 == 0 ? cs_random_below (&random, size) : size;
      g_assert_true (g_file_set_contents (path, copy, (gssize)kept, NULL));
      g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, &error);
      g_assert_true ((tokenizer == NULL) == (error != NULL));
      if (tokenizer != NULL)
        {
          g_autofree char *ids = tiny_encode (tokenizer, "the <bos> thing\xE2", 17, true);
          g_assert_nonnull (ids);
        }
    }
  free (dump);
  tiny_folder_remove (folder);
}

void
add_hostile_tests (void)
{
  g_test_add_func ("/tokenizer/hostile/models", test_hostile_models);
  g_test_add_func ("/tokenizer/hostile/parts", test_hostile_parts);
  g_test_add_func ("/tokenizer/hostile/missing", test_missing_file);
  g_test_add_func ("/tokenizer/hostile/pattern", test_pattern_limit);
  g_test_add_func ("/tokenizer/hostile/mutations", test_mutations);
}
