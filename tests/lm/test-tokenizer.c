#include <pthread.h>
#include <string.h>
#include <time.h>

#include "errors.h"
#include "random.h"
#include "tiny-tokenizer.h"
#include "tokenizer-internal.h"

static void
assert_ids (const CsTokenizer *tokenizer, const char *text, bool special, const char *expected)
{
  g_autofree char *got = tiny_encode (tokenizer, text, strlen (text), special);

  g_assert_cmpstr (got, ==, expected);
}

static CsTokenizer *
open_tiny (void)
{
  g_autoptr (GError) error = NULL;
  CsTokenizer *tokenizer = tiny_tokenizer_open (tiny_tokenizer_json (), &error);

  g_assert_no_error (error);
  return tokenizer;
}

/* ---- the tiny one ------------------------------------------------------ */

static void
test_tiny (void)
{
  g_autoptr (CsTokenizer) tokenizer = open_tiny ();

  assert_ids (tokenizer, "the thing", false, "257 32 256 260");
  assert_ids (tokenizer, " the", true, "300 258");
  assert_ids (tokenizer, "", false, "");
  assert_ids (tokenizer, "", true, "300");
  assert_ids (tokenizer, "a<eos>the", false, "97 301 257");
  assert_ids (tokenizer, "<bos", false, "60 98 111 115");
  g_assert_cmpuint (cs_tokenizer_vocab_size (tokenizer), ==, 304);
  g_assert_cmpint (cs_tokenizer_bos_id (tokenizer), ==, 300);
  g_assert_cmpint (cs_tokenizer_find (tokenizer, "Ġthe"), ==, 258);
  g_assert_cmpint (cs_tokenizer_find (tokenizer, "<eos>"), ==, 301);
  g_assert_cmpint (cs_tokenizer_find (tokenizer, "no such"), ==, -1);
  g_assert_true (cs_tokenizer_is_special (tokenizer, 303));
  g_assert_false (cs_tokenizer_is_special (tokenizer, 97));
  g_assert_null (cs_tokenizer_spelling (tokenizer, 270));
  g_assert_null (cs_tokenizer_spelling (tokenizer, 304));
  g_assert_null (cs_tokenizer_spelling (tokenizer, -1));
  g_assert_cmpuint (strlen (cs_tokenizer_hash (tokenizer)), ==, 64);
}

static void
assert_span (const GArray *spans, guint index, uint32_t start, uint32_t end)
{
  g_assert_cmpuint (g_array_index (spans, CsTokenSpan, index).start, ==, start);
  g_assert_cmpuint (g_array_index (spans, CsTokenSpan, index).end, ==, end);
}

static void
test_spans (void)
{
  g_autoptr (CsTokenizer) tokenizer = open_tiny ();
  g_autoptr (GArray) ids = tiny_ids_new ();
  g_autoptr (GArray) spans = g_array_new (FALSE, FALSE, sizeof (CsTokenSpan));
  static const char text[] = "in the\xFF<eos>";

  cs_tokenizer_encode (tokenizer, text, strlen (text), true, ids, spans);
  g_assert_cmpuint (ids->len, ==, 7);
  assert_span (spans, 0, 0, 0); /* BOS */
  assert_span (spans, 1, 0, 2);
  assert_span (spans, 2, 2, 6);
  for (guint i = 3; i < 6; i++)
    assert_span (spans, i, 6, 7); /* three bytes of U+FFFD for one that is broken */
  assert_span (spans, 6, 7, 12);
}

static void
test_composition (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer =
      tiny_tokenizer_open_with (&error, "normalizer", "{\"type\":\"NFC\"}", NULL);
  g_autoptr (GArray) ids = tiny_ids_new ();
  g_autoptr (GArray) spans = g_array_new (FALSE, FALSE, sizeof (CsTokenSpan));
  static const char text[] = "xe\xCC\x81y"; /* e and a combining acute */

  g_assert_no_error (error);
  cs_tokenizer_encode (tokenizer, text, strlen (text), false, ids, spans);
  g_assert_cmpuint (ids->len, ==, 4);
  g_assert_cmpint (g_array_index (ids, int32_t, 1), ==, 0xC3);
  g_assert_cmpint (g_array_index (ids, int32_t, 2), ==, 0xA9);
  assert_span (spans, 0, 0, 1);
  assert_span (spans, 1, 1, 4);
  assert_span (spans, 3, 4, 5);
  /* U+0000 ends no text, and a mark behind it has nothing to join. */
  g_autofree char *with_nul = tiny_encode (tokenizer, "a\0\xCC\x81", 4, false);
  g_assert_cmpstr (with_nul, ==, "97 0 204 129");
}

static void
test_added_tokens (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer = tiny_tokenizer_open_with (
      &error, "normalizer", "{\"type\":\"NFC\"}", "added_tokens",
      "[{\"id\":300,\"content\":\"<m>\",\"lstrip\":true,\"rstrip\":true,\"normalized\":false},"
      "{\"id\":301,\"content\":\"dog\",\"single_word\":true,\"normalized\":false},"
      "{\"id\":302,\"content\":\"e\\u0301\",\"normalized\":true},"
      "{\"id\":303,\"content\":\"<m><m>\",\"normalized\":false},"
      "{\"id\":999,\"content\":\"the\",\"normalized\":false}]",
      NULL);

  g_assert_no_error (error);
  assert_ids (tokenizer, "a \n<m>\t b", false, "97 300 98");
  assert_ids (tokenizer, "<m><m><m>", false, "303 300");
  assert_ids (tokenizer, "dog", false, "301");
  assert_ids (tokenizer, "(dog)", false, "40 301 41");
  assert_ids (tokenizer, "dogs", false, "100 111 103 115");
  assert_ids (tokenizer, "hotdog", false, "104 111 116 100 111 103");
  assert_ids (tokenizer, "d\xC3\xA9", false, "100 302");
  assert_ids (tokenizer, "de\xCC\x81", false, "100 302");
  assert_ids (tokenizer, "a the", false, "97 32 257"); /* keeps the id that the model has */
}

static void
test_pre_tokenizers (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) digits = tiny_tokenizer_open_with (
      &error, "pre_tokenizer",
      "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},"
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}]}",
      NULL);
  g_assert_no_error (error);
  assert_ids (digits, "the12 the", false, "257 49 50 258");

  g_autoptr (CsTokenizer) prefix = tiny_tokenizer_open_with (
      &error, "pre_tokenizer", "{\"type\":\"ByteLevel\",\"add_prefix_space\":true}", NULL);
  g_assert_no_error (error);
  assert_ids (prefix, "the the", false, "258 258");

  g_autoptr (CsTokenizer) whole = tiny_tokenizer_open_with (
      &error, "pre_tokenizer",
      "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false}", NULL);
  g_assert_no_error (error);
  assert_ids (whole, "tthe the", false, "116 257 258");
}

/* Behaviours on "thXXthY" with the pattern X: which words come out shows in what can merge. */
static void
test_split_behaviors (void)
{
  static const struct
  {
    const char *behavior, *text, *ids;
  } cases[] = {
    { "Isolated", "tIhI", "116 73 104 73" },
    { "Removed", "tIhIin", "116 104 259" },
    { "MergedWithPrevious", "xiIn", "120 105 73 110" },
    { "MergedWithNext", "xiIn", "120 105 73 110" },
    { "Contiguous", "tIIh", "116 73 73 104" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autofree char *json = g_strdup_printf ("{\"type\":\"Sequence\",\"pretokenizers\":[{"
                                               "\"type\":\"Split\",\"pattern\":{\"String\":\"I\"},"
                                               "\"behavior\":\"%s\"},{\"type\":\"ByteLevel\",\"add_"
                                               "prefix_space\":false,\"use_regex\":false}]}",
                                               cases[i].behavior);
      g_autoptr (CsTokenizer) tokenizer =
          tiny_tokenizer_open_with (&error, "pre_tokenizer", json, NULL);
      g_assert_no_error (error);
      assert_ids (tokenizer, cases[i].text, false, cases[i].ids);
    }
}

/* The words that a step makes, joined by |. */
static void
collect_word (void *data, const CsTextView *word)
{
  g_string_append_len (data, word->text, (gssize)word->size);
  g_string_append_c (data, '|');
}

static void
test_split_words (void)
{
  static const struct
  {
    CsSplitBehavior behavior;
    bool invert;
    const char *words;
  } cases[] = {
    { CS_SPLIT_ISOLATED, false, "a|-|-|b|-|" },
    { CS_SPLIT_REMOVED, false, "a|b|" },
    { CS_SPLIT_REMOVED, true, "-|-|-|" },
    { CS_SPLIT_CONTIGUOUS, false, "a|--|b|-|" },
    { CS_SPLIT_MERGED_WITH_PREVIOUS, false, "a-|-|b-|" },
    { CS_SPLIT_MERGED_WITH_NEXT, false, "a|-|-b|-|" },
    { CS_SPLIT_MERGED_WITH_PREVIOUS, true, "a|-|-b|-|" },
    { CS_SPLIT_MERGED_WITH_NEXT, true, "a-|-|b-|" },
    { CS_SPLIT_CONTIGUOUS, true, "a|--|b|-|" },
  };
  CsScratch *scratch = cs_scratch_new ();
  const CsTextView view = { .text = "a--b-", .size = 5 };

  cs_scratch_begin (scratch, view.size);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GString) words = g_string_new (NULL);
      g_autoptr (GArray) steps = g_array_new (FALSE, FALSE, sizeof (CsSplitStep));
      CsSplitStep step = { .behavior = cases[i].behavior, .invert = cases[i].invert };
      cs_pattern_set_literal (&step.pattern, "-");
      g_array_append_val (steps, step);
      cs_split_run (steps, scratch, &view, collect_word, words);
      g_assert_cmpstr (words->str, ==, cases[i].words);
      cs_split_step_clear (&step);
    }
  cs_scratch_free (scratch);
}

/* ---- merging ----------------------------------------------------------- */

/* Looks for the best pair from the beginning again after every merge. */
static size_t
merge_naively (const CsMerges *merges, CsSymbol *symbols, size_t n)
{
  for (;;)
    {
      const CsMerge *best = NULL;
      size_t at = 0;
      for (size_t i = 0; i + 1 < n; i++)
        {
          const CsMerge *merge = cs_merges_find (merges, symbols[i].id, symbols[i + 1].id);
          if (merge != NULL && (best == NULL || merge->rank < best->rank))
            {
              best = merge;
              at = i;
            }
        }
      if (best == NULL)
        return n;
      symbols[at].id = best->id;
      symbols[at].end = symbols[at + 1].end;
      n--;
      memmove (&symbols[at + 1], &symbols[at + 2], (n - at - 1) * sizeof *symbols);
    }
}

static void
test_merging (void)
{
  CsScratch *scratch = cs_scratch_new ();
  CsRandom random;
  CsMerges merges = { 0 };

  cs_random_init (&random, 7, 0);
  cs_merges_init (&merges, 60);
  for (uint32_t rank = 0; rank < 60; rank++)
    cs_merges_set (&merges, (int32_t)cs_random_below (&random, 20),
                   (int32_t)cs_random_below (&random, 20), (uint32_t)cs_random_below (&random, 40),
                   (int32_t)cs_random_below (&random, 30));
  for (size_t round = 0; round < 400; round++)
    {
      CsSymbol fast[300], slow[300];
      size_t n = 1 + cs_random_below (&random, round % 2 == 0 ? 60 : 300);
      for (uint32_t i = 0; i < n; i++)
        fast[i] = slow[i] =
            (CsSymbol){ .id = (int32_t)cs_random_below (&random, 6), .start = i, .end = i + 1 };
      size_t n_fast = cs_merges_apply (&merges, scratch, fast, n);
      size_t n_slow = merge_naively (&merges, slow, n);
      g_assert_cmpuint (n_fast, ==, n_slow);
      g_assert_cmpmem (fast, n_fast * sizeof *fast, slow, n_slow * sizeof *slow);
    }
  cs_merges_clear (&merges);
  cs_scratch_free (scratch);
}

/* A megabyte without a place to split has to take no more than a moment. */
static void
test_long_word (void)
{
  g_autoptr (CsTokenizer) tokenizer = open_tiny ();
  g_autoptr (GArray) ids = tiny_ids_new ();
  g_autoptr (GString) text = g_string_new (NULL);
  const clock_t start = clock (); /* of the processor: the machine may be busy */

  while (text->len < 1 << 20)
    g_string_append (text, "thing");
  cs_tokenizer_encode (tokenizer, text->str, text->len, false, ids, NULL);
  g_assert_cmpuint (ids->len, ==, 2 * text->len / 5);
  g_string_assign (text, "");
  while (text->len < 1 << 20)
    g_string_append (text, "    ");
  cs_tokenizer_encode (tokenizer, text->str, text->len, false, ids, NULL);
  g_assert_cmpint (clock () - start, <, 20 * (gint64)CLOCKS_PER_SEC);
}

/* More different words than the cache holds. */
static void
test_cache_turnover (void)
{
  g_autoptr (CsTokenizer) tokenizer = open_tiny ();
  g_autoptr (GArray) first = tiny_ids_new ();
  g_autoptr (GArray) second = tiny_ids_new ();
  g_autoptr (GString) text = g_string_new (NULL);

  for (unsigned i = 0; i < 40000; i++)
    g_string_append_printf (text, " the%x", i * 2654435761u);
  cs_tokenizer_encode (tokenizer, text->str, text->len, false, first, NULL);
  cs_tokenizer_encode (tokenizer, text->str, text->len, false, second, NULL);
  g_assert_cmpmem (first->data, first->len * 4, second->data, second->len * 4);
  g_autofree char *back = cs_tokenizer_decode (
      tokenizer, (const int32_t *)(const void *)first->data, first->len, false);
  g_assert_cmpstr (back, ==, text->str);
}

/* ---- threads ----------------------------------------------------------- */

static void *
encode_often (void *data)
{
  for (unsigned i = 0; i < 300; i++)
    {
      g_autofree char *text = g_strdup_printf ("the thing %u in the", i);
      g_autofree char *ids = tiny_encode (data, text, strlen (text), true);
      g_autofree char *again = tiny_encode (data, text, strlen (text), true);
      g_assert_cmpstr (ids, ==, again);
      g_assert_true (g_str_has_prefix (ids, "300 257 32 256 260 32 "));
    }
  return NULL;
}

static void
test_threads (void)
{
  g_autoptr (CsTokenizer) tokenizer = open_tiny ();
  pthread_t threads[4];

  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    g_assert_cmpint (pthread_create (&threads[i], NULL, encode_often, tokenizer), ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (threads); i++)
    pthread_join (threads[i], NULL);
}

static void
test_ignore_merges (void)
{
  g_autoptr (GError) error = NULL;
  json_t *root = tiny_tokenizer_json ();
  json_t *model = json_object_get (root, "model");

  json_object_set_new (json_object_get (model, "vocab"), "xyz", json_integer (261));
  g_autoptr (CsTokenizer) merging = tiny_tokenizer_open (json_incref (root), &error);
  g_assert_no_error (error);
  assert_ids (merging, "xyz", false, "120 121 122");
  json_object_set_new (model, "ignore_merges", json_true ());
  g_autoptr (CsTokenizer) whole = tiny_tokenizer_open (root, &error);
  g_assert_no_error (error);
  assert_ids (whole, "xyz", false, "261");
  assert_ids (whole, "xyz", false, "261"); /* from the cache */
  assert_ids (whole, "xyzx", false, "120 121 122 120");
}

static void
test_unknown (void)
{
  g_autoptr (GError) error = NULL;
  json_t *root = tiny_tokenizer_json ();
  json_t *model = json_object_get (root, "model");

  json_object_del (json_object_get (model, "vocab"), "z");
  g_autoptr (CsTokenizer) dropping = tiny_tokenizer_open (json_incref (root), &error);
  g_assert_no_error (error);
  assert_ids (dropping, "azzb", false, "97 98");
  json_object_set_new (json_object_get (model, "vocab"), "<unk>", json_integer (270));
  json_object_set_new (model, "unk_token", json_string ("<unk>"));
  g_autoptr (CsTokenizer) single = tiny_tokenizer_open (json_incref (root), &error);
  g_assert_no_error (error);
  assert_ids (single, "azzb", false, "97 270 270 98");
  json_object_set_new (model, "fuse_unk", json_true ());
  g_autoptr (CsTokenizer) fused = tiny_tokenizer_open (root, &error);
  g_assert_no_error (error);
  assert_ids (fused, "azzb", false, "97 270 98");
}

/* ---- decoding ---------------------------------------------------------- */

static void
test_streaming (void)
{
  g_autoptr (CsTokenizer) tokenizer = open_tiny ();
  g_autoptr (CsDecoder) decoder = cs_decoder_new (tokenizer, true);
  static const struct
  {
    int32_t id;
    const char *text;
  } steps[] = {
    { 0xE2, "" },
    { 0x82, "" },
    { 0xAC, "€" },
    { 300, "" },
    { 0xC3, "" },
    { 'a', "\xEF\xBF\xBD"
           "a" },
    { 280, "" },
    { 100000, "" },
    { 257, "the" },
    { 0xF0, "" },
    { 0x9F, "" },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (steps); i++)
    {
      g_autofree char *text = cs_decoder_feed (decoder, steps[i].id);
      g_assert_cmpstr (text, ==, steps[i].text);
    }
  g_autofree char *rest = cs_decoder_finish (decoder);
  g_assert_cmpstr (rest, ==, "\xEF\xBF\xBD");
}

/* ---- names, comparing -------------------------------------------------- */

static void
test_special_names (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (json_t) root = tiny_tokenizer_json ();
  char *folder = tiny_folder_new (
      root, "{\"bos_token\":{\"content\":\"<bos>\"},\"eos_token\":\"<eos>\",\"pad_token\":null}");
  g_autofree char *map = g_build_filename (folder, "special_tokens_map.json", NULL);

  g_assert_true (
      g_file_set_contents (map, "{\"eos_token\":\"other\",\"pad_token\":\"<pad>\"}", -1, NULL));
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (folder, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cs_tokenizer_special (tokenizer, "bos_token"), ==, "<bos>");
  g_assert_cmpstr (cs_tokenizer_special (tokenizer, "eos_token"), ==, "<eos>");
  g_assert_cmpstr (cs_tokenizer_special (tokenizer, "pad_token"), ==, "<pad>");
  g_assert_null (cs_tokenizer_special (tokenizer, "unk_token"));
  g_assert_null (cs_tokenizer_special (tokenizer, "nonsense"));
  tiny_folder_remove (folder);
}

static void
assert_differs (const char *key, const char *json, const char *message)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) one = open_tiny ();
  g_autoptr (CsTokenizer) other =
      tiny_tokenizer_open_with (&error, key, json, "post_processor", "null", NULL);

  g_assert_no_error (error);
  g_assert_false (cs_tokenizer_equal (one, other, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, message));
}

static void
test_equal (void)
{
  g_autoptr (CsTokenizer) one = open_tiny ();
  g_autoptr (CsTokenizer) same = open_tiny ();

  g_assert_true (cs_tokenizer_equal (one, same, NULL));
  assert_differs ("added_tokens", "[{\"id\":300,\"content\":\"<s>\"}]",
                  "token 300 is “<bos>” in one and “<s>”");
  assert_differs ("added_tokens", "[]", "token 300");
  assert_differs ("normalizer", "{\"type\":\"NFC\"}", "normalize");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tokenizer/tiny", test_tiny);
  g_test_add_func ("/tokenizer/spans", test_spans);
  g_test_add_func ("/tokenizer/composition", test_composition);
  g_test_add_func ("/tokenizer/added-tokens", test_added_tokens);
  g_test_add_func ("/tokenizer/pre-tokenizers", test_pre_tokenizers);
  g_test_add_func ("/tokenizer/split/behaviors", test_split_behaviors);
  g_test_add_func ("/tokenizer/split/words", test_split_words);
  g_test_add_func ("/tokenizer/merge/naive", test_merging);
  g_test_add_func ("/tokenizer/merge/long-word", test_long_word);
  g_test_add_func ("/tokenizer/merge/ignore", test_ignore_merges);
  g_test_add_func ("/tokenizer/merge/unknown", test_unknown);
  g_test_add_func ("/tokenizer/cache", test_cache_turnover);
  g_test_add_func ("/tokenizer/threads", test_threads);
  g_test_add_func ("/tokenizer/streaming", test_streaming);
  g_test_add_func ("/tokenizer/special-names", test_special_names);
  g_test_add_func ("/tokenizer/equal", test_equal);
  add_reference_tests ();
  add_hostile_tests ();
  add_part_tests ();
  return g_test_run ();
}
