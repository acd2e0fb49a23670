/* Every part of a tokenizer.json, with ids worked out by hand: pieces of a small
 * SentencePiece-style vocabulary, ▁ for spaces, bytes as <0xNN>. */
#include <string.h>

#include "errors.h"
#include "random.h"
#include "tiny-tokenizer.h"
#include "tokenizer-internal.h"

#define BYTE(n) (12 + (n))

static json_t *
parse (const char *text)
{
  json_t *value = json_loads (text, JSON_DECODE_ANY, NULL);

  g_assert_nonnull (value);
  return value;
}

static json_t *
small_vocab (void)
{
  static const char *const pieces[] = { "<unk>", "<s>", "</s>", "▁",   "a",   "b",
                                        "c",     "ab",  "▁a",   "▁ab", "abc", "é" };
  json_t *vocab = json_object ();

  for (size_t i = 0; i < G_N_ELEMENTS (pieces); i++)
    json_object_set_new (vocab, pieces[i], json_integer ((json_int_t)i));
  for (int byte = 0; byte < 256; byte++)
    {
      g_autofree char *name = g_strdup_printf ("<0x%02X>", (unsigned)byte);
      json_object_set_new (vocab, name, json_integer (BYTE (byte)));
    }
  json_object_set_new (vocab, "1", json_integer (BYTE (256)));
  json_object_set_new (vocab, ".", json_integer (BYTE (257)));
  return vocab;
}

static json_t *
small_json (void)
{
  json_t *model = json_pack ("{s:s, s:b, s:b, s:s, s:o, s:o}", "type", "BPE", "byte_fallback", 1,
                             "fuse_unk", 1, "unk_token", "<unk>", "vocab", small_vocab (), "merges",
                             parse ("[\"a b\", \"▁ a\", [\"▁\", \"ab\"], \"ab c\"]"));

  return json_pack ("{s:o, s:o}", "model", model, "added_tokens",
                    parse ("[{\"id\":1,\"content\":\"<s>\",\"special\":true},"
                           "{\"id\":2,\"content\":\"</s>\",\"special\":true}]"));
}

static CsTokenizer *
open_small (const char *key, const char *json)
{
  g_autoptr (GError) error = NULL;
  json_t *root = small_json ();

  if (key != NULL)
    json_object_set_new (root, key, parse (json));
  CsTokenizer *tokenizer = tiny_tokenizer_open (root, &error);
  g_assert_no_error (error);
  return tokenizer;
}

typedef struct
{
  const char *json, *text, *ids;
} Case;

static void
check_cases (const char *key, const Case *cases, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      g_autoptr (CsTokenizer) tokenizer = open_small (key, cases[i].json);
      g_autofree char *ids = tiny_encode (tokenizer, cases[i].text, strlen (cases[i].text), false);
      g_test_message ("%s %s", cases[i].json, cases[i].text);
      g_assert_cmpstr (ids, ==, cases[i].ids);
    }
}

static void
test_model (void)
{
  static const Case cases[] = {
    { "null", "abc", "10" },       { "null", "▁ab", "9" },         { "null", "ac", "4 6" },
    { "null", "é", "11" },         { "null", "e", "113" },         { "null", "日", "242 163 177" },
    { "null", "ab<s>c", "7 1 6" }, { "null", "ab\nab", "7 22 7" },
  };

  check_cases ("normalizer", cases, G_N_ELEMENTS (cases));
}

static void
test_normalizers (void)
{
  static const Case cases[] = {
    { "{\"type\":\"Prepend\",\"prepend\":\"▁\"}", "ab", "9" },
    { "{\"type\":\"Prepend\",\"prepend\":\"▁\"}", "ab</s>ab", "9 2 9" },
    { "{\"type\":\"Prepend\",\"prepend\":\"▁\"}", "", "" },
    { "{\"type\":\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}", "ab ab", "7 9" },
    { "{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"[xy]+\"},\"content\":\"b\"}", "axyx", "7" },
    { "{\"type\":\"Replace\",\"pattern\":{\"String\":\"x\"},\"content\":\"\"}", "xaxbx", "7" },
    { "{\"type\":\"Lowercase\"}", "AB\xC4\xB0", "7 117 216 147" },
    { "{\"type\":\"NFC\"}", "e\xCC\x81", "11" },
    { "{\"type\":\"NFD\"}", "é", "113 216 141" },
    { "{\"type\":\"NFKC\"}", "ａｂ", "7" },
    { "{\"type\":\"NFKC\"}", "ｶﾞ", "239 142 184" },
    { "{\"type\":\"NFKD\"}", "²", "62" },
    { "{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"StripAccents\"}]}",
      "áb", "7" },
    { "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}", " \nab\xE3\x80\x80", "7" },
    { "{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}", " ab ", "7 44" },
    { "{\"type\":\"ByteLevel\"}", "a\xC2\xA0", "4 207 142 209 142" },
  };

  check_cases ("normalizer", cases, G_N_ELEMENTS (cases));
}

static void
test_pre_tokenizers (void)
{
  static const Case cases[] = {
    { "{\"type\":\"WhitespaceSplit\"}", "ab  ab", "7 7" },
    { "{\"type\":\"Whitespace\"}", "ab. ab", "7 269 7" },
    { "{\"type\":\"BertPreTokenizer\"}", "a b.", "4 5 269" },
    { "{\"type\":\"Punctuation\",\"behavior\":\"Removed\"}", "a.b", "4 5" },
    { "{\"type\":\"Digits\",\"individual_digits\":true}", "a11b", "4 268 268 5" },
    { "{\"type\":\"CharDelimiterSplit\",\"delimiter\":\".\"}", "ab.c", "7 6" },
    { "{\"type\":\"Metaspace\",\"prepend_scheme\":\"always\"}", "ab ab</s>ab", "9 9 2 9" },
    { "{\"type\":\"Metaspace\",\"prepend_scheme\":\"first\"}", "ab ab</s>ab", "9 9 2 7" },
    { "{\"type\":\"Metaspace\",\"prepend_scheme\":\"first\"}", " ab", "9" },
    { "{\"type\":\"Metaspace\",\"prepend_scheme\":\"never\"}", "ab ab", "7 9" },
    { "{\"type\":\"Metaspace\",\"add_prefix_space\":true,\"split\":false}", "ab ab", "9 9" },
    { "{\"type\":\"Split\",\"pattern\":{\"String\":\"b\"},\"behavior\":\"MergedWithNext\"}", "ab",
      "4 5" },
    { "{\"type\":\"Split\",\"pattern\":{\"String\":\"b\"},\"behavior\":\"Removed\",\"invert\":"
      "true}",
      "abab", "5 5" },
    { "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\",\"use_regex\":false,"
      "\"add_prefix_space\":false},{\"type\":\"Split\",\"pattern\":{\"String\":\"Ġ\"},"
      "\"behavior\":\"Removed\"}]}",
      "ab ab", "7 7" },
  };

  check_cases ("pre_tokenizer", cases, G_N_ELEMENTS (cases));
}

static void
test_unknown (void)
{
  static const struct
  {
    bool fuse, has_unk;
    const char *ids;
  } cases[] = { { true, true, "4 0 6" }, { false, true, "4 0 0 6" }, { false, false, "4 6" } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      json_t *root = small_json (), *model = json_object_get (root, "model");
      json_object_set_new (model, "byte_fallback", json_false ());
      json_object_set_new (model, "fuse_unk", json_boolean (cases[i].fuse));
      if (!cases[i].has_unk)
        json_object_del (model, "unk_token");
      g_autoptr (CsTokenizer) tokenizer = tiny_tokenizer_open (root, &error);
      g_assert_no_error (error);
      g_autofree char *ids = tiny_encode (tokenizer, "a日本c", 8, false);
      g_assert_cmpstr (ids, ==, cases[i].ids);
    }
}

/* ---- the ends ---------------------------------------------------------- */

#define TEMPLATE                                                                                   \
  "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"<s>\"}},"              \
  "{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"<s>\":{\"ids\":[1]}}}"

static void
test_ends (void)
{
  static const struct
  {
    const char *processor, *config, *ids;
  } cases[] = {
    { "null", "{}", "7" },
    { TEMPLATE, "{}", "1 7" },
    { "{\"type\":\"Sequence\",\"processors\":[{\"type\":\"ByteLevel\"}," TEMPLATE "]}", "{}",
      "1 7" },
    { "{\"type\":\"RobertaProcessing\",\"cls\":[\"<s>\",1],\"sep\":[\"</s>\",2]}", "{}", "1 7 2" },
    { "null",
      "{\"tokenizer_class\":\"LlamaTokenizer\",\"bos_token\":\"<s>\",\"add_bos_token\":true}",
      "1 7" },
    { "null",
      "{\"tokenizer_class\":\"GemmaTokenizerFast\",\"eos_token\":\"</s>\",\"add_eos_token\":true}",
      "7 2" },
    { TEMPLATE, "{\"tokenizer_class\":\"LlamaTokenizerFast\",\"add_bos_token\":false}", "7" },
    { TEMPLATE, "{\"tokenizer_class\":\"GPT2Tokenizer\",\"add_bos_token\":false}", "1 7" },
    { TEMPLATE, "{\"tokenizer_class\":\"LlamaTokenizer\"}", "1 7" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (json_t) root = small_json ();
      json_object_set_new (root, "post_processor", parse (cases[i].processor));
      char *folder = tiny_folder_new (root, cases[i].config);
      g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, &error);
      g_assert_no_error (error);
      tiny_folder_remove (folder);
      g_autofree char *ids = tiny_encode (tokenizer, "ab", 2, true);
      g_assert_cmpstr (ids, ==, cases[i].ids);
    }
}

/* ---- decoders ---------------------------------------------------------- */

#define SPACES "{\"type\":\"Replace\",\"pattern\":{\"String\":\"▁\"},\"content\":\" \"}"
#define LLAMA                                                                                      \
  "{\"type\":\"Sequence\",\"decoders\":[" SPACES ",{\"type\":\"ByteFallback\"},"                   \
  "{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}]}"
#define BAD "\xEF\xBF\xBD"

static char *
decode_in_steps (CsTokenizer *tokenizer, const int32_t *ids, size_t n)
{
  g_autoptr (CsDecoder) decoder = cs_decoder_new (tokenizer, false);
  GString *all = g_string_new (NULL);

  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *part = cs_decoder_feed (decoder, ids[i]);
      g_string_append (all, part);
    }
  g_autofree char *rest = cs_decoder_finish (decoder);
  g_string_append (all, rest);
  return g_string_free (all, FALSE);
}

static void
test_decoders (void)
{
  static const struct
  {
    const char *json;
    int32_t ids[5];
    const char *text;
  } cases[] = {
    { "null", { 9, 9 }, "▁ab ▁ab" },
    { LLAMA, { 9, 242, 163, 177, 9 }, "ab日 ab" },
    { LLAMA, { 3, 3, 9 }, "  ab" },
    { LLAMA, { 242, 163 }, BAD BAD },
    { LLAMA, { 242, 163, 177, BYTE (255) }, BAD BAD BAD BAD },
    { LLAMA, { BYTE ('h'), BYTE ('i') }, "hi" },
    { "{\"type\":\"Metaspace\",\"prepend_scheme\":\"first\"}", { 9, 9 }, "ab ab" },
    { "{\"type\":\"Metaspace\",\"prepend_scheme\":\"never\"}", { 9, 9 }, " ab ab" },
    { "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":\"Replace\",\"pattern\":"
      "{\"String\":\"b▁\"},\"content\":\"-\"}]}",
      { 9, 9 },
      "▁a-ab" },
    { "{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"content\":"
      "\"b\",\"start\":1,\"stop\":2}]}",
      { 5, 5, 4, 5, 5 },
      "ba" },
    { "{\"type\":\"Strip\",\"content\":\"b\",\"start\":0,\"stop\":1}", { 7, 7, 4 }, "aaa" },
    { "{\"type\":\"ByteLevel\"}", { 4, 11, 5 }, "a" BAD "b" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CsTokenizer) tokenizer = open_small ("decoder", cases[i].json);
      size_t n = 0;
      while (n < 5 && cases[i].ids[n] != 0)
        n++;
      g_autofree char *whole = cs_tokenizer_decode (tokenizer, cases[i].ids, n, false);
      g_autofree char *steps = decode_in_steps (tokenizer, cases[i].ids, n);
      g_assert_cmpstr (whole, ==, cases[i].text);
      g_assert_cmpstr (steps, ==, cases[i].text);
    }
}

/* ---- long texts, patterns, differences --------------------------------- */

static GArray *
encode (const CsTokenizer *tokenizer, const GString *text)
{
  GArray *ids = tiny_ids_new ();

  cs_tokenizer_encode (tokenizer, text->str, text->len, false, ids, NULL);
  return ids;
}

/* A text without a place to split, in parts and all at once. */
static void
test_parts_of_words (void)
{
  static const char *const characters[] = { "a", "b", "c", "▁", "é", "日", "1", "z" };
  g_autoptr (CsTokenizer) parted = open_small (NULL, NULL);
  g_autoptr (CsTokenizer) whole = open_small (NULL, NULL);
  CsRandom random;

  cs_random_init (&random, 11, 0);
  cs_neighbours_clear (&whole->neighbours);
  for (size_t round = 0; round < 300; round++)
    {
      g_autoptr (GString) text = g_string_new (NULL);
      size_t n = 60 + cs_random_below (&random, 200);
      for (size_t i = 0; i < n; i++)
        g_string_append (text, characters[cs_random_below (&random, 3 + round % 6)]);
      g_autoptr (GArray) one = encode (parted, text);
      g_autoptr (GArray) other = encode (whole, text);
      g_assert_cmpmem (one->data, one->len * 4, other->data, other->len * 4);
    }
}

static void
test_regex (void)
{
  static const struct
  {
    const char *ruby, *pcre;
  } cases[] = {
    { "\\s\\S\\d", "\\p{White_Space}\\P{White_Space}\\p{Nd}" },
    { "\\h[\\h]", "[0-9a-fA-F][0-9a-fA-F]" },
    { "\\p{Han}\\p{^L}\\p{Letter}", "\\p{sc:Han}\\P{L}\\p{L}" },
    { "[a[bc]]", "[abc]" },
    { "(?m:.)(?i)a", "(?s:.)(?i)a" },
    { "\\p{N}{1,3}+", "(?:\\p{N}{1,3})+" },
    { "(a(b))[^]c]{2}+", "(a(b))(?:[^\\]c]{2})+" },
    { "a{,2}b{", "a{0,2}b\\{" },
    { "\\u0041\\x{4e2d}", "\\x{0041}\\x{4e2d}" },
    { "[[:punct:]]", "[\\p{P}\\p{S}]" },
  };
  static const char *const refused[] = { "[a&&b]", "[a[^b]]", "[\\W]", "\\p", "a\\", "\\u12" };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cs_regex_translate (cases[i].ruby, NULL);
      g_assert_cmpstr (text, ==, cases[i].pcre);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (refused); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (cs_regex_translate (refused[i], &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED);
    }
}

static void
test_differences (void)
{
  g_autoptr (CsTokenizer) one = open_small (NULL, NULL);
  g_autoptr (CsTokenizer) other = open_small (
      "added_tokens", "[{\"id\":300,\"content\":\"<x>\"},{\"id\":302,\"content\":\"<y>\"}]");
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (CsTokenDifference));
  g_autoptr (GError) error = NULL;

  g_assert_cmpuint (cs_tokenizer_differences (one, one, 5, list), ==, 0);
  g_assert_cmpuint (cs_tokenizer_differences (one, other, 1, list), ==, 2);
  g_assert_cmpuint (list->len, ==, 1);
  g_assert_cmpint (g_array_index (list, CsTokenDifference, 0).id, ==, 300);
  g_assert_null (g_array_index (list, CsTokenDifference, 0).a);
  g_assert_cmpstr (g_array_index (list, CsTokenDifference, 0).b, ==, "<x>");
  g_assert_false (cs_tokenizer_equal (one, other, &error));
  g_assert_nonnull (strstr (error->message, "1 more"));

  g_autoptr (CsTokenizer) lower = open_small ("normalizer", "{\"type\":\"Lowercase\"}");
  g_clear_error (&error);
  g_assert_false (cs_tokenizer_equal (one, lower, &error));
  g_assert_nonnull (strstr (error->message, "Lowercase"));
  g_autoptr (CsTokenizer) ended = open_small ("post_processor", TEMPLATE);
  g_assert_true (cs_tokenizer_equal (one, ended, NULL));
}

void
add_part_tests (void)
{
  g_test_add_func ("/tokenizer/parts/model", test_model);
  g_test_add_func ("/tokenizer/parts/normalizers", test_normalizers);
  g_test_add_func ("/tokenizer/parts/pre-tokenizers", test_pre_tokenizers);
  g_test_add_func ("/tokenizer/parts/unknown", test_unknown);
  g_test_add_func ("/tokenizer/parts/ends", test_ends);
  g_test_add_func ("/tokenizer/parts/decoders", test_decoders);
  g_test_add_func ("/tokenizer/parts/words", test_parts_of_words);
  g_test_add_func ("/tokenizer/parts/regex", test_regex);
  g_test_add_func ("/tokenizer/parts/differences", test_differences);
}
