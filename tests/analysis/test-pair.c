/* Opening a pair as a study reads it, the first taste against a naive one, and tokens that the base model does not know. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../lm/tiny-tokenizer.h"
#include "errors.h"
#include "pair-taste.h"
#include "tiny-pair.h"
#include "token-replacements.h"

#define START 302 /* <start_of_turn> of the tiny tokenizer */
#define END 303

static TinyPair *tiny;

static CsPair *
open_pair (const CsPairReading *reading)
{
  g_autoptr (GError) error = NULL;
  CsPair *pair = cs_pair_open (tiny->model[0]->folder, tiny->model[1]->folder, reading, &error);

  g_assert_no_error (error);
  return pair;
}

/* --- Sources --- */

static void
test_source (void)
{
  const CsPairReading reading = { "2024-07-26", "302=65" };
  const char *base = tiny->model[0]->folder, *chat = tiny->model[1]->folder;
  g_autoptr (CsPairSource) one = cs_pair_source_new (base, chat, &reading);
  g_autoptr (CsPairSource) same = cs_pair_source_elsewhere (one, base, chat);
  g_autoptr (CsPairSource) plain = cs_pair_source_new (base, chat, NULL);
  g_autoptr (CsPairSource) half = cs_pair_source_new (base, NULL, &reading);
  g_autoptr (CsPairSource) bad = cs_pair_source_new (base, chat, &(CsPairReading){ NULL, "302=9999" });
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_pair_source_equal (one, same) && cs_pair_source_equal (NULL, NULL));
  g_assert_false (cs_pair_source_equal (one, plain) || cs_pair_source_equal (one, half) ||
                  cs_pair_source_equal (one, NULL));
  g_assert_null (cs_pair_source_open (half, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_null (cs_pair_source_open (bad, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  pair = cs_pair_source_open (one, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cs_model_read_id (pair->model[0], 302), ==, 65);
}

/* The base reads the other token, chat the token itself. */
static void
test_replaced_rows (void)
{
  const int32_t marked[] = { 300, START, 66 }, plain[] = { 300, 65, 66 };
  g_autoptr (CsPair) own = open_pair (NULL);
  g_autoptr (CsPair) replaced = open_pair (&(CsPairReading){ NULL, "302=65" });
  float rows[3][3 * 2 * TINY_WIDTH];

  g_assert_true (cs_pair_residuals (replaced, NULL, 1, marked, 3, rows[0], NULL));
  g_assert_true (cs_pair_residuals (own, NULL, 1, plain, 3, rows[1], NULL));
  g_assert_true (cs_pair_residuals (own, NULL, 1, marked, 3, rows[2], NULL));
  for (size_t t = 0; t < 3; t++)
    {
      const size_t base = t * 2 * TINY_WIDTH, chat = base + TINY_WIDTH;

      g_assert_cmpmem (rows[0] + base, TINY_WIDTH * sizeof (float), rows[1] + base, TINY_WIDTH * sizeof (float));
      g_assert_cmpmem (rows[0] + chat, TINY_WIDTH * sizeof (float), rows[2] + chat, TINY_WIDTH * sizeof (float));
    }
}

/* --- Taste --- */

/* KL (chat ‖ base) in nats of textbook logits. */
static double
naive_kl (const double *chat, const double *base, size_t n)
{
  double norm[2] = { 0 }, sum = 0;

  for (size_t i = 0; i < n; i++)
    {
      norm[0] += exp (base[i]);
      norm[1] += exp (chat[i]);
    }
  for (size_t i = 0; i < n; i++)
    sum += exp (chat[i]) / norm[1] * (chat[i] - log (norm[1]) - base[i] + log (norm[0]));
  return sum;
}

static void
check_prompt (const CsTastePrompt *prompt, double sums[3], double counts[3])
{
  const size_t n = prompt->ids->len, vocab = tiny->model[0]->shape.vocab_size;
  const int32_t *ids = (const int32_t *) (const void *) prompt->ids->data;
  g_autofree double *residual = g_new (double, (TINY_LAYERS + 1) * n *TINY_WIDTH);
  g_autofree double *base = g_new (double, n *vocab), *chat = g_new (double, n *vocab);
  double sum = 0;

  tiny_model_forward (tiny->model[0], ids, n, residual, base);
  tiny_model_forward (tiny->model[1], ids, n, residual, chat);
  for (size_t t = 0; t < n; t++)
    {
      const double kl = naive_kl (chat + t * vocab, base + t * vocab, vocab);
      const CsTokenKind kind = g_array_index (prompt->kinds, uint8_t, t);
      const int group = !prompt->chat ? 0 : cs_token_kind_is_template (kind) ? 2 : 1;

      g_assert_cmpfloat (fabs ((double) prompt->kl[t] - kl), <, 1e-4 + 1e-3 * kl);
      sum += kl;
      sums[group] += kind == CS_TOKEN_BOS ? 0 : kl;
      counts[group] += kind != CS_TOKEN_BOS;
    }
  g_assert_cmpfloat (fabs (prompt->mean - sum / (double) n), <, 1e-3);
}

static void
test_taste (void)
{
  g_autoptr (CsPair) pair = open_pair (NULL);
  g_autoptr (CsTeam) team = cs_team_new (2);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTaste) taste = cs_pair_taste (NULL, pair, team, &error);
  double sums[3] = { 0 }, counts[3] = { 0 };

  g_assert_no_error (error);
  g_assert_cmpuint (taste->n_prompts, ==, CS_TASTE_PROMPTS);
  for (size_t i = 0; i < taste->n_prompts; i++)
    check_prompt (&taste->prompts[i], sums, counts);
  g_assert_cmpfloat (fabs (taste->plain - sums[0] / counts[0]), <, 1e-3);
  g_assert_cmpfloat (fabs (taste->question - sums[1] / counts[1]), <, 1e-3);
  g_assert_cmpfloat (fabs (taste->markers - sums[2] / counts[2]), <, 1e-3);
  g_assert_cmpfloat (taste->plain, >, 0.01);

  g_autoptr (json_t) json = cs_taste_json (taste, pair->tokenizer);
  const json_t *prompts = json_object_get (json, "prompts"), *first = json_array_get (prompts, 0);
  g_assert_cmpuint (json_array_size (prompts), ==, taste->n_prompts);
  g_assert_cmpuint (json_array_size (json_object_get (first, "kl")), ==, taste->prompts[0].ids->len);
  g_assert_cmpstr (json_string_value (json_array_get (json_object_get (first, "kinds"), 0)), ==, "bos");
}

/* A model beside itself says nothing; without a template there are no questions. */
static void
test_taste_of_nothing (void)
{
  g_autoptr (CsPair) pair = cs_pair_open (tiny->model[0]->folder, tiny->model[0]->folder, NULL, NULL);
  g_autoptr (CsTaste) taste = cs_pair_taste (NULL, pair, NULL, NULL);

  g_assert_cmpfloat (fabs (taste->plain) + fabs (taste->question) + fabs (taste->markers), <, 1e-5);
  g_clear_pointer (&pair->chat, cs_chat_template_free);
  g_clear_pointer (&taste, cs_taste_free);
  taste = cs_pair_taste (NULL, pair, NULL, NULL);
  g_assert_cmpuint (taste->n_prompts, ==, 3);
  g_assert_true (isnan (taste->question) && isnan (taste->markers) && isfinite (taste->plain));
  g_autoptr (json_t) json = cs_taste_json (taste, pair->tokenizer);
  g_assert_true (json_is_null (json_object_get (json, "question")));
}

/* --- Rows that were never trained --- */

/* Multiplies a row of the embedding in the file. */
static void
scale_row (const char *folder, int32_t id, double factor)
{
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, NULL);
  const size_t n = cs_safetensors_n_tensors (file);
  g_autofree CsTensor *tensors = g_new (CsTensor, n);
  g_autofree float *embedding = NULL;
  const char *metadata[] = { "format", "pt", NULL };

  for (size_t i = 0; i < n; i++)
    {
      tensors[i] = *cs_safetensors_nth (file, i);
      if (strcmp (tensors[i].name, "model.embed_tokens.weight") != 0)
        continue;
      embedding = g_memdup2 (tensors[i].data, tensors[i].n_bytes);
      for (size_t d = 0; d < tensors[i].shape[1]; d++)
        embedding[(size_t) id * tensors[i].shape[1] + d] *= (float) factor;
      tensors[i].data = embedding;
    }
  g_assert_true (cs_safetensors_write (path, tensors, n, metadata, NULL));
}

static GArray *
template_tokens (const TinyPair *of, CsPair **pair)
{
  g_autoptr (GError) error = NULL;
  GArray *tokens;

  *pair = cs_pair_open (of->model[0]->folder, of->model[1]->folder, NULL, &error);
  g_assert_no_error (error);
  tokens = cs_pair_template_tokens (*pair, &error);
  g_assert_no_error (error);
  return tokens;
}

static void
check_token (const TinyPair *of, int32_t id, bool unknown, double *norm, double *moved)
{
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (GArray) tokens = template_tokens (of, &pair);

  for (guint i = 0; i < tokens->len; i++)
    {
      const CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);

      if (token->id != id)
        continue;
      g_assert_false (token->added || token->beyond);
      g_assert_true (token->unknown == unknown);
      *norm = token->base_norm;
      *moved = token->moved;
      return;
    }
  g_assert_not_reached ();
}

/* Each bar from both of its sides. */
static void
test_untrained_rows (void)
{
  g_autoptr (TinyPair) own = tiny_pair_new ();
  const char *base = own->model[0]->folder, *chat = own->model[1]->folder;
  double norm, moved, now;

  check_token (own, START, false, &norm, &moved);
  g_assert_cmpfloat (fabs (log (norm)), <, log (2)); /* drawn as all the others are */
  g_assert_cmpfloat (fabs (log (moved)), <, log (2));
  scale_row (base, START, 1.05 * CS_SHORT_ROW / norm);
  check_token (own, START, false, &now, &moved);
  g_assert_cmpfloat (fabs (now - 1.05 * CS_SHORT_ROW), <, 1e-3);
  scale_row (base, START, 0.9);
  check_token (own, START, true, &now, &moved);
  scale_row (base, START, 0.95 * CS_LONG_ROW / now);
  check_token (own, START, false, &now, &moved);
  scale_row (base, START, 1.1);
  check_token (own, START, true, &now, &moved);
  scale_row (base, START, 1 / now);
  check_token (own, END, false, &norm, &moved);
  scale_row (chat, END, 30);
  check_token (own, END, true, &now, &moved);
  g_assert_cmpfloat (fabs (now - norm), <, 1e-6);
  g_assert_cmpfloat (moved, >, CS_MOVED_FAR);
}

/* What is offered stands in place of the unknown ones alone: a break of lines, a token of its own in this tokenizer. */
static void
test_offer (void)
{
  g_autoptr (TinyPair) own = tiny_pair_new ();
  g_autoptr (CsPair) pair = NULL, again = NULL;
  g_autoptr (GArray) tokens = template_tokens (own, &pair), now = NULL;
  g_autofree char *none = cs_pair_offered_replacements (tokens), *offered = NULL;

  g_assert_cmpuint (tokens->len, ==, 2);
  g_assert_null (none);
  scale_row (own->model[0]->folder, END, 0.01);
  now = template_tokens (own, &again);
  offered = cs_pair_offered_replacements (now);
  g_assert_cmpstr (offered, ==, "303=10");
  g_autoptr (json_t) json = cs_template_tokens_json (now);
  g_assert_cmpuint (json_array_size (json), ==, 2);
  g_assert_true (json_is_false (json_object_get (json_array_get (json, 0), "unknown_to_base")));
  g_assert_true (json_is_true (json_object_get (json_array_get (json, 1), "unknown_to_base")));
  g_assert_cmpint (json_integer_value (json_object_get (json_array_get (json, 1), "replacement")), ==, 10);
}

/* --- Llama 3, in small --- */

static const char llama_template[] =
  "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content }}<|eot_id|>"
  "{% endfor %}{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}";

/* Its added tokens at Llama 3's ids; reserved: under the names that the base model has for them. */
static TinyModel *
llama_model (uint64_t seed, bool reserved)
{
  static const struct
  {
    int id;
    const char *names[2];
  } added[] = { { 128000, { "<bos>", "<bos>" } },
                { 128001, { "<|end_of_text|>", "<|end_of_text|>" } },
                { 128006, { "<|start_header_id|>", "<|reserved_special_token_1|>" } },
                { 128007, { "<|end_header_id|>", "<|reserved_special_token_2|>" } },
                { 128009, { "<|eot_id|>", "<|reserved_special_token_4|>" } } };
  const TinyShape shape = { .dtype = CS_DTYPE_F32, .vocab_size = 128256, .d_model = TINY_WIDTH, .n_layers = 2,
                            .n_heads = 2, .n_kv_heads = 1, .head_dim = 8, .d_ff = 24, .norm_eps = 1e-5,
                            .rope_theta = 10000, .tied = true };
  TinyModel *model = tiny_model_new (&shape, seed);
  g_autofree char *path = g_build_filename (model->folder, "tokenizer.json", NULL);
  g_autofree char *config_path = g_build_filename (model->folder, "tokenizer_config.json", NULL);
  g_autoptr (json_t) tokenizer = tiny_tokenizer_json ();
  g_autoptr (json_t) config = json_pack ("{s:s, s:s}", "bos_token", "<bos>", "chat_template", llama_template);
  json_t *list = json_array ();

  for (size_t i = 0; i < G_N_ELEMENTS (added); i++)
    json_array_append_new (list, json_pack ("{s:i, s:s, s:b}", "id", added[i].id, "content",
                                            added[i].names[reserved ? 1 : 0], "special", 1));
  json_object_set_new (tokenizer, "added_tokens", list);
  json_object_set_new (tokenizer, "post_processor", json_null ());
  g_assert_cmpint (json_dump_file (tokenizer, path, 0), ==, 0);
  g_assert_cmpint (json_dump_file (config, config_path, 0), ==, 0);
  return model;
}

static void
llama_new (TinyPair *llama, bool reserved)
{
  llama->model[0] = llama_model (21, reserved);
  llama->model[1] = llama_model (22, false);
}

static void
llama_clear (TinyPair *llama)
{
  tiny_model_free (llama->model[0]);
  tiny_model_free (llama->model[1]);
}

/* The markers' rows were never trained: the base reads what the method's authors let it read. */
static void
test_llama (void)
{
  static const int32_t markers[] = { 128006, 128007, 128009 };
  TinyPair llama;
  g_autoptr (CsPair) pair = NULL, replaced = NULL;
  g_autoptr (GArray) tokens = NULL;
  g_autofree char *offered = NULL;
  g_autoptr (GError) error = NULL;

  llama_new (&llama, false);
  for (size_t i = 0; i < G_N_ELEMENTS (markers); i++)
    scale_row (llama.model[0]->folder, markers[i], 0.05);
  tokens = template_tokens (&llama, &pair);
  g_assert_cmpuint (tokens->len, ==, G_N_ELEMENTS (markers));
  g_assert_cmpuint (pair->added->len, ==, 0);
  offered = cs_pair_offered_replacements (tokens);
  g_assert_cmpstr (offered, ==, "128006=1432 128007=827 128009=827");
  replaced = cs_pair_open (llama.model[0]->folder, llama.model[1]->folder, &(CsPairReading){ NULL, offered }, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cs_model_read_id (replaced->model[0], 128009), ==, 827);
  llama_clear (&llama);
}

/* The base's tokenizer has the same ids under reserved names: a pair all the same, and the markers are unknown whatever
 * their rows look like. */
static void
test_reserved (void)
{
  TinyPair llama;
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (GArray) tokens = NULL;
  g_autofree char *offered = NULL;

  llama_new (&llama, true);
  tokens = template_tokens (&llama, &pair);
  g_assert_cmpuint (pair->added->len, ==, 3);
  g_assert_cmpuint (tokens->len, ==, 3);
  for (guint i = 0; i < tokens->len; i++)
    {
      const CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);

      g_assert_true (token->added && token->unknown && !token->beyond);
      g_assert_cmpint (token->id, ==, g_array_index (pair->added, int32_t, i));
    }
  offered = cs_pair_offered_replacements (tokens);
  g_assert_cmpstr (offered, ==, "128006=1432 128007=827 128009=827");
  llama_clear (&llama);
}

/* What may differ between the tokenizers of a pair, and what may not. */
static void
test_extends (void)
{
#define ADDED(id, content, more) "{\"id\":" #id ",\"content\":\"" content "\",\"special\":true" more "}"
  static const struct
  {
    const char *added;
    bool fits;
    guint n_added;
  } cases[] = {
    { "[" ADDED (300, "<bos>", "") "," ADDED (302, "<user>", "") "]", true, 0 },
    { "[" ADDED (300, "<bos>", "") "," ADDED (302, "<other>", "") "]", true, 1 },
    { "[" ADDED (300, "<bos>", "") "," ADDED (302, "<user>", "") "," ADDED (303, "<end>", "") "]", true, 1 },
    { "[" ADDED (300, "<bos>", "") "]", true, 1 },
    { "[" ADDED (300, "<bos>", "") "," ADDED (302, "<user>", "") "," ADDED (257, "the", "") "]", true, 1 },
    { "[" ADDED (300, "<bos>", "") "," ADDED (302, "<user>", ",\"rstrip\":true") "]", false, 0 },
  };
  g_autoptr (CsTokenizer) base = tiny_tokenizer_open_with (NULL, "added_tokens", cases[0].added, "post_processor", "null", NULL);
  g_autoptr (CsTokenizer) lower =
    tiny_tokenizer_open_with (NULL, "added_tokens", cases[1].added, "post_processor", "null", "normalizer",
                              "{\"type\":\"Lowercase\"}", NULL);
  g_autoptr (json_t) merged = tiny_tokenizer_json ();
  g_autoptr (CsTokenizer) piece = NULL, whole = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CsTokenizer) chat =
        tiny_tokenizer_open_with (NULL, "added_tokens", cases[i].added, "post_processor", "null", NULL);
      g_autoptr (GArray) added = tiny_ids_new ();
      g_autoptr (GError) error = NULL;

      g_assert_true (cs_tokenizer_extends (base, chat, added, &error) == cases[i].fits);
      g_assert_true ((error == NULL) == cases[i].fits);
      g_assert_cmpuint (added->len, ==, cases[i].n_added);
    }
  g_autoptr (GError) error = NULL;
  g_assert_false (cs_tokenizer_extends (base, lower, NULL, &error));
  g_assert_nonnull (strstr (error->message, "Lowercase"));
  /* an ordinary piece under another name is another vocabulary */
  json_t *vocab = json_object_get (json_object_get (merged, "model"), "vocab");
  json_object_del (vocab, "a");
  json_object_set_new (vocab, "zz", json_integer (97));
  piece = tiny_tokenizer_open (json_incref (merged), NULL);
  whole = tiny_tokenizer_open (tiny_tokenizer_json (), NULL);
  g_clear_error (&error);
  g_assert_false (cs_tokenizer_extends (whole, piece, NULL, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  tiny = tiny_pair_new ();
  g_test_add_func ("/analysis/pair/source", test_source);
  g_test_add_func ("/analysis/pair/replaced-rows", test_replaced_rows);
  g_test_add_func ("/analysis/pair/taste", test_taste);
  g_test_add_func ("/analysis/pair/taste-of-nothing", test_taste_of_nothing);
  g_test_add_func ("/analysis/pair/untrained-rows", test_untrained_rows);
  g_test_add_func ("/analysis/pair/offer", test_offer);
  g_test_add_func ("/analysis/pair/llama", test_llama);
  g_test_add_func ("/analysis/pair/reserved", test_reserved);
  g_test_add_func ("/analysis/pair/extends", test_extends);
  status = g_test_run ();
  tiny_pair_free (tiny);
  return status;
}
