/* Classes of tokens from ids alone, against the kinds that a rendering knows. */
#include <string.h>

#include "pair.h"
#include "tiny-pair.h"
#include "token-markers.h"

enum { T = CS_TOKEN_CLASS_TEXT, U = CS_TOKEN_CLASS_USER, M = CS_TOKEN_CLASS_MODEL, O = CS_TOKEN_CLASS_OTHER,
       S = CS_TOKEN_CLASS_START, R = CS_TOKEN_CLASS_ROLE, L = CS_TOKEN_CLASS_NEWLINE, E = CS_TOKEN_CLASS_END,
       B = CS_TOKEN_CLASS_BOS };
enum { BOS = 1, START, HEADER_END, END, USER, MODEL, SYSTEM, NEWLINE, BLANK, WORD };

/* One document, in one call and token by token. */
static void
check (const CsTokenMarkers *markers, const int32_t *ids, const uint8_t *expected, size_t n)
{
  int32_t position[64];
  uint8_t classes[64];
  CsTokenReader reader;

  g_assert_cmpuint (n, <=, 64);
  for (size_t t = 0; t < n; t++)
    position[t] = (int32_t) t;
  cs_token_reader_init (&reader, markers);
  for (int round = 0; round < 2; round++) /* a document does not remember the one before */
    cs_token_reader_classify (&reader, ids, position, n, classes);
  g_assert_cmpmem (classes, n, expected, n);
  memset (classes, 0xff, sizeof classes);
  for (size_t t = 0; t < n; t++)
    cs_token_reader_classify (&reader, ids + t, position + t, 1, classes + t);
  g_assert_cmpmem (classes, n, expected, n);
}

#define CHECK(markers, ids, expected) \
  G_STMT_START { G_STATIC_ASSERT (G_N_ELEMENTS (ids) == G_N_ELEMENTS (expected)); \
                 check (&(markers), ids, expected, G_N_ELEMENTS (ids)); } G_STMT_END

static void
test_one_marker (void)
{
  const CsTokenMarkers gemma = { BOS, START, -1, END, USER, MODEL, NEWLINE, BLANK, { 0 }, 0 };
  const int32_t turns[] = { BOS, START, USER, NEWLINE, WORD, NEWLINE, WORD, END, NEWLINE, START, MODEL, WORD, NEWLINE, WORD,
                            END, NEWLINE, WORD, START, SYSTEM, NEWLINE, WORD };
  const uint8_t of_turns[] = { B, S, R, L, U, U, U, E, L, S, R, R, L, M, E, L, T, S, R, L, O };
  const int32_t text[] = { BOS, WORD, NEWLINE, USER, WORD, END, WORD, NEWLINE };
  const uint8_t of_text[] = { B, T, T, T, T, E, T, T };
  const int32_t stray[] = { WORD, START, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD, WORD,
                            WORD, WORD, NEWLINE };
  const uint8_t of_stray[] = { T, S, R, R, R, R, R, R, R, R, R, R, R, R, R, R, R, O, O, O }; /* no role is as long */

  CHECK (gemma, turns, of_turns);
  CHECK (gemma, text, of_text);
  CHECK (gemma, stray, of_stray);
}

static void
test_header (void)
{
  const CsTokenMarkers llama = { BOS, START, HEADER_END, END, USER, MODEL, NEWLINE, BLANK, { 0 }, 0 };
  const int32_t turns[] = { BOS, START, SYSTEM, HEADER_END, BLANK, WORD, END, START, USER, HEADER_END, BLANK, BLANK, WORD, END,
                            START, MODEL, HEADER_END, WORD, END };
  const uint8_t of_turns[] = { B, S, R, S, L, O, E, S, R, S, L, U, U, E, S, R, S, M, E };

  CHECK (llama, turns, of_turns);
}

static void
test_little_known (void)
{
  const CsTokenMarkers markers = { BOS, START, -1, END, -1, -1, -1, -1, { 0 }, 0 };
  const int32_t ids[] = { BOS, START, 50, 51, WORD, END, 51, START, 52, 51, WORD, WORD };
  const uint8_t classes[] = { B, S, R, L, O, E, L, S, R, L, O, O };
  const uint8_t plain[] = { T, T, T, T, T, T, T, T, T, T, T, T };
  const CsTokenMarkers none = CS_TOKEN_MARKERS_NONE;

  CHECK (markers, ids, classes);
  CHECK (none, ids, plain);
  g_assert_cmpstr (cs_token_class_name (CS_TOKEN_CLASS_BOS), ==, "bos");
  g_assert_false (cs_token_class_is_template (CS_TOKEN_CLASS_BOS));
  g_assert_true (cs_token_class_is_template (CS_TOKEN_CLASS_NEWLINE));
}

/* What the store's ids tell is what the renderer knew when it wrote them. */
static void
test_as_rendered (void)
{
  char user[] = "user", assistant[] = "assistant", one[] = "sing the\n\nring", two[] = "the ring", three[] = "model user\n";
  const CsMessage messages[] = { { user, one }, { assistant, two }, { user, three } };
  TinyPair *tiny = tiny_pair_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPair) pair = cs_pair_open (tiny->model[0]->folder, tiny->model[1]->folder, NULL, &error);
  CsTokenMarkers markers;

  g_assert_no_error (error);
  g_autoptr (CsRendering) rendering =
    cs_chat_render (pair->chat, pair->tokenizer, messages, G_N_ELEMENTS (messages), true, &error);
  g_assert_no_error (error);
  g_autofree int32_t *position = g_new (int32_t, rendering->ids->len);
  g_autofree uint8_t *classes = g_new (uint8_t, rendering->ids->len);
  CsTokenReader reader;

  for (guint t = 0; t < rendering->ids->len; t++)
    position[t] = (int32_t) t;
  cs_token_markers_find (&markers, pair->tokenizer);
  cs_token_reader_init (&reader, &markers);
  cs_token_reader_classify (&reader, (const int32_t *) (const void *) rendering->ids->data, position, rendering->ids->len,
                            classes);
  for (guint t = 0; t < rendering->ids->len; t++)
    g_assert_cmpint (classes[t], ==, cs_token_class_of_kind (g_array_index (rendering->kinds, uint8_t, t)));
  tiny_pair_free (tiny);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/analysis/token-classes/one-marker", test_one_marker);
  g_test_add_func ("/analysis/token-classes/header", test_header);
  g_test_add_func ("/analysis/token-classes/little-known", test_little_known);
  g_test_add_func ("/analysis/token-classes/as-rendered", test_as_rendered);
  return g_test_run ();
}
