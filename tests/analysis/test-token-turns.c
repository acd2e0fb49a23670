/* Classes of tokens against the renderer's own, and for other templates' markers. */
#include <string.h>

#include "chat.h"
#include "tiny-pair.h"
#include "token-markers.h"
#include "token-turns.h"

#include "test-causality.h"

#include "../lm/tiny-tokenizer.h"

static char user[] = "user", assistant[] = "assistant";

/* What the rendering says is what the ids say. */
static void
check_of_kinds (const CsRendering *r, const CsTurnToken *expected)
{
  g_autofree CsTurnToken *tokens = g_new (CsTurnToken, r->ids->len);

  cs_turn_tokens_of_kinds ((const uint8_t *)r->kinds->data,
                           (const int32_t *)(const void *)r->turns->data, r->ids->len, tokens);
  for (guint i = 0; i < r->ids->len; i++)
    {
      g_assert_cmpint (tokens[i].class, ==, expected[i].class);
      g_assert_cmpint (tokens[i].of_model, ==, expected[i].of_model);
      g_assert_cmpint (tokens[i].is_template, ==, expected[i].is_template);
      g_assert_cmpint (tokens[i].predicts, ==, expected[i].predicts);
      g_assert_cmpint (tokens[i].predicted, ==, expected[i].predicted);
    }
}

/* A template without roles, as Mistral's: [INST] a [/INST] b </s> [INST] a [/INST] b b </s>. */
static void
test_without_roles (void)
{
  enum
  {
    S = CS_TOKEN_START_OF_TURN,
    U = CS_TOKEN_CONTENT_USER,
    M = CS_TOKEN_CONTENT_MODEL,
    E = CS_TOKEN_END_OF_TURN
  };
  const uint8_t kinds[] = { CS_TOKEN_BOS, S, U, E, M, E, S, U, E, M, M, E };
  const int32_t turns[] = { -1, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 3 };
  const int predicted[] = { -1, -1, -1, 0, 1, -1, -1, -1, 0, 1, 2, -1 }; /* -1: predicts nothing */
  CsTurnToken tokens[G_N_ELEMENTS (kinds)];

  cs_turn_tokens_of_kinds (kinds, turns, G_N_ELEMENTS (kinds), tokens);
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      g_assert_cmpint (tokens[i].predicts ? (int)tokens[i].predicted : -1, ==, predicted[i]);
      g_assert_cmpint (tokens[i].of_model, ==, turns[i] == 1 || turns[i] == 3);
    }
}

static void
test_against_rendering (void)
{
  char first[] = "sing the thing", second[] = "in\nthe ring", third[] = "more",
       fourth[] = "the end";
  const CsMessage messages[] = {
    { user, first }, { assistant, second }, { user, third }, { assistant, fourth }
  };
  TinyModel *model = tiny_pair_model (TINY_WIDTH, 1, false);
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_open (model->folder, NULL);
  g_autoptr (CsChatTemplate) chat = cs_chat_template_open (model->folder, NULL);
  g_autoptr (CsRendering) r = cs_chat_render (chat, tokenizer, messages, 4, false, NULL);
  g_autofree CsTurnToken *tokens = g_new (CsTurnToken, r->ids->len);
  CsTokenMarkers markers;
  size_t n_predicting = 0;

  cs_token_markers_find (&markers, tokenizer);
  cs_turn_tokens (&markers, (const int32_t *)(const void *)r->ids->data, r->ids->len, tokens);
  for (guint i = 0; i < r->ids->len; i++)
    {
      const CsTokenClass expected = cs_token_class_of_kind (g_array_index (r->kinds, uint8_t, i));

      g_assert_cmpint (tokens[i].class, ==, expected);
      g_assert_cmpint (tokens[i].is_template, ==,
                       expected != CS_TOKEN_CLASS_USER && expected != CS_TOKEN_CLASS_MODEL &&
                           expected != CS_TOKEN_CLASS_BOS);
      n_predicting += tokens[i].predicts;
      if (i + 1 < r->ids->len)
        g_assert_cmpint (tokens[i].predicts, ==,
                         tokens[i + 1].class == CS_TOKEN_CLASS_MODEL ||
                             (tokens[i + 1].class == CS_TOKEN_CLASS_END &&
                              tokens[i].class == CS_TOKEN_CLASS_MODEL));
      if (tokens[i].predicts && tokens[i].predicted == 0)
        g_assert_cmpint (tokens[i].class, ==, CS_TOKEN_CLASS_NEWLINE);
    }
  g_assert_cmpuint (n_predicting, >, 8);
  check_of_kinds (r, tokens);
  tiny_model_free (model);
}

/* Letters: the classes in order. */
static void
check_classes (const char *start,
               const char *header_end,
               const char *end,
               const char *text,
               const char *expected)
{
  g_autofree char *added = g_strdup_printf (
      "[{\"id\": 302, \"content\": \"%s\", \"special\": true}, {\"id\": 303, \"content\": \"%s\", "
      "\"special\": true}, {\"id\": 301, \"content\": \"%s\", \"special\": true}]",
      start, end, header_end);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer =
      tiny_tokenizer_open_with (&error, "added_tokens", added, "post_processor", "null", NULL);
  g_autoptr (GArray) ids = tiny_ids_new ();
  g_autoptr (GString) classes = g_string_new (NULL);
  g_autofree CsTurnToken *tokens = NULL;
  CsTokenMarkers markers;

  g_assert_no_error (error);
  cs_tokenizer_encode (tokenizer, text, strlen (text), false, ids, NULL);
  tokens = g_new (CsTurnToken, ids->len);
  cs_token_markers_find (&markers, tokenizer);
  cs_turn_tokens (&markers, (const int32_t *)(const void *)ids->data, ids->len, tokens);
  for (guint i = 0; i < ids->len; i++)
    g_string_append_c (classes, "tumosrneb"[tokens[i].class]);
  g_assert_cmpstr (classes->str, ==, expected);
}

static void
test_other_templates (void)
{
  check_classes ("<|im_start|>", "<|x|>", "<|im_end|>",
                 "<|im_start|>user\nab<|im_end|>\n<|im_start|>assistant\ncd\ne<|im_end|>\n",
                 "srrrrnuuensrrrrrrrrrnmmmmen");
  check_classes ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>",
                 "<|start_header_id|>user<|end_header_id|>\n\nab<|eot_id|><|start_header_id|>"
                 "assistant<|end_header_id|>\n\ncd<|eot_id|>",
                 "srrrrsnuuuesrrrrrrrrrsnmmme");
  check_classes ("<|nothing|>", "<|x|>", "<|known|>", "plain text", "ttttttttt");
}

void
add_turn_tests (void)
{
  g_test_add_func ("/token-turns/rendering", test_against_rendering);
  g_test_add_func ("/token-turns/other-templates", test_other_templates);
  g_test_add_func ("/token-turns/without-roles", test_without_roles);
}
