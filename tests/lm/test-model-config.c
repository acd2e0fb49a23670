/* Configurations and weights that have to be refused, each with a sentence that names what is
 * wrong; and the defaults and dialects of those that are taken. */
#include "test-model.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"

static const TinyShape tiny_shape = { CS_DTYPE_F32,       11, 8, 1, 2, 1, 4, 12, .norm_eps = 1e-5,
                                      .rope_theta = 10000 };

/* The keys that have no default. */
#define NEEDED                                                                                     \
  "\"model_type\": \"llama\", \"hidden_size\": 8, \"num_hidden_layers\": 1, "                      \
  "\"num_attention_heads\": 2, \"intermediate_size\": 12"

static bool
parse (CsArchitecture *a, const char *config, const char *generation, GError **error)
{
  g_autoptr (json_t) c = cs_json_parse (config, strlen (config), "config.json", error);
  g_assert_nonnull (c);
  g_autoptr (json_t) g = NULL;
  if (generation != NULL)
    g = cs_json_parse (generation, strlen (generation), "generation_config.json", error);
  g_assert_true (generation == NULL || g != NULL);
  return cs_architecture_parse (a, c, "config.json", g, "generation_config.json", error);
}

static CsArchitecture
parse_good (const char *config, const char *generation)
{
  CsArchitecture a;
  g_autoptr (GError) error = NULL;
  parse (&a, config, generation, &error);
  g_assert_no_error (error);
  return a;
}

static void
assert_bad (const char *config, CsError code, const char *word)
{
  CsArchitecture a;
  g_autoptr (GError) error = NULL;
  g_assert_false (parse (&a, config, NULL, &error));
  g_assert_error (error, CS_ERROR, (int)code);
  if (strstr (error->message, word) == NULL || strstr (error->message, "config.json") == NULL)
    g_error ("“%s” does not mention “%s”", error->message, word);
}

/* --- Taken --- */

static void
test_defaults (void)
{
  CsArchitecture a = parse_good ("{" NEEDED "}", NULL);
  g_assert_cmpuint (a.sizes.n_kv_heads, ==, 2);
  g_assert_cmpuint (a.sizes.head_dim, ==, 4);
  g_assert_cmpfloat (a.sizes.norm_eps, ==, 1e-6);
  g_assert_cmpfloat (a.sizes.rope_theta, ==, 10000);
  g_assert_cmpint (a.rope[CS_ROPE_GLOBAL].type, ==, CS_ROPE_PLAIN);
  g_assert_false (a.sizes.tied_head || a.attention_bias || a.mlp_bias);
  g_assert_cmpint (a.sizes.bos_id, ==, -1);
  g_assert_cmpuint (a.sizes.n_eos, ==, 0);
}

static void
test_end_tokens (void)
{
  CsArchitecture a = parse_good ("{" NEEDED ", \"eos_token_id\": 3, \"bos_token_id\": 0}",
                                 "{\"eos_token_id\": null}");
  g_assert_cmpuint (a.sizes.n_eos, ==, 1);
  g_assert_cmpint (a.sizes.eos_ids[0], ==, 3);
  g_assert_cmpint (a.sizes.bos_id, ==, 0);
  a = parse_good ("{" NEEDED ", \"eos_token_id\": 3}", "{\"eos_token_id\": [4, 5]}");
  g_assert_cmpuint (a.sizes.n_eos, ==, 2);
  g_assert_cmpint (a.sizes.eos_ids[1], ==, 5);
}

static void
test_rope_dialects (void)
{
  const char *old =
      "{" NEEDED
      ", \"rope_theta\": 500000.0, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, "
      "\"low_freq_factor\": 1, \"high_freq_factor\": 4, \"original_max_position_embeddings\": 64}}";
  const char *new =
      "{" NEEDED ", \"rope_parameters\": {\"rope_theta\": 500000.0, \"rope_type\": \"llama3\", "
      "\"factor\": 8, \"low_freq_factor\": 1, \"high_freq_factor\": 4, "
      "\"original_max_position_embeddings\": 64}}";
  CsArchitecture a = parse_good (old, NULL), b = parse_good (new, NULL);
  double f[2], g[2];
  cs_rope_frequencies (&a.rope[CS_ROPE_GLOBAL], 4, f);
  cs_rope_frequencies (&b.rope[CS_ROPE_GLOBAL], 4, g);
  g_assert_cmpmem (f, sizeof f, g, sizeof g);
  g_assert_cmpfloat (f[0], ==, 1); /* turns every 6.3 positions: kept */
  g_assert_cmpfloat_with_epsilon (f[1], pow (500000, -0.5) / 8, 1e-12);
  a = parse_good (
      "{" NEEDED ", \"rope_parameters\": {\"rope_theta\": 100, \"rope_type\": \"default\"}}", NULL);
  g_assert_cmpfloat (a.sizes.rope_theta, ==, 100);
  a = parse_good ("{" NEEDED ", \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2.0}}", NULL);
  cs_rope_frequencies (&a.rope[CS_ROPE_GLOBAL], 4, f);
  g_assert_cmpfloat (f[0], ==, 0.5);
}

/* --- Refused --- */

static void
test_refused (void)
{
  assert_bad ("[]", CS_ERROR_FORMAT, "object");
  assert_bad ("{}", CS_ERROR_FORMAT, "model_type");
  assert_bad ("{\"model_type\": 3}", CS_ERROR_FORMAT, "model_type");
  assert_bad ("{\"model_type\": \"mamba\"}", CS_ERROR_UNSUPPORTED, "mamba");
  assert_bad ("{\"model_type\": \"llama\"}", CS_ERROR_FORMAT, "hidden_size");
  assert_bad ("{" NEEDED ", \"quantization_config\": {}}", CS_ERROR_UNSUPPORTED, "quantised");
  assert_bad ("{" NEEDED ", \"hidden_act\": \"relu6\"}", CS_ERROR_UNSUPPORTED, "relu6");
  assert_bad ("{" NEEDED ", \"hidden_size\": 1e9}", CS_ERROR_FORMAT, "hidden_size");
  assert_bad ("{" NEEDED ", \"hidden_size\": -8}", CS_ERROR_FORMAT, "hidden_size");
  assert_bad ("{" NEEDED ", \"hidden_size\": 9}", CS_ERROR_FORMAT, "hidden_size");
  assert_bad ("{" NEEDED ", \"hidden_size\": 70000}", CS_ERROR_FORMAT, "hidden_size");
  assert_bad ("{" NEEDED ", \"num_hidden_layers\": 2000}", CS_ERROR_FORMAT, "num_hidden_layers");
  assert_bad ("{" NEEDED ", \"num_hidden_layers\": 0}", CS_ERROR_FORMAT, "num_hidden_layers");
  assert_bad ("{" NEEDED ", \"vocab_size\": 99999999999}", CS_ERROR_FORMAT, "vocab_size");
  assert_bad ("{" NEEDED ", \"intermediate_size\": 99999999}", CS_ERROR_FORMAT,
              "intermediate_size");
  assert_bad ("{" NEEDED ", \"num_key_value_heads\": 3}", CS_ERROR_FORMAT, "3 key-value heads");
  assert_bad ("{" NEEDED ", \"head_dim\": 5}", CS_ERROR_FORMAT, "head_dim 5");
  assert_bad ("{" NEEDED ", \"hidden_size\": 65536, \"num_attention_heads\": 1}", CS_ERROR_FORMAT,
              "width 65536");
  assert_bad ("{" NEEDED ", \"rms_norm_eps\": -1}", CS_ERROR_FORMAT, "rms_norm_eps");
  assert_bad ("{" NEEDED ", \"tie_word_embeddings\": \"yes\"}", CS_ERROR_FORMAT,
              "tie_word_embeddings");
  assert_bad ("{" NEEDED ", \"eos_token_id\": \"</s>\"}", CS_ERROR_FORMAT, "eos_token_id");
  assert_bad ("{" NEEDED ", \"eos_token_id\": [1, -2]}", CS_ERROR_FORMAT, "eos_token_id");
  assert_bad ("{" NEEDED ", \"eos_token_id\": [1,2,3,4,5,6,7,8,9,1,2,3,4,5,6,7,8]}",
              CS_ERROR_UNSUPPORTED, "eos_token_id");
}

static void
test_rope_refused (void)
{
  assert_bad ("{" NEEDED ", \"rope_theta\": 0}", CS_ERROR_FORMAT, "rope_theta");
  assert_bad ("{" NEEDED ", \"rope_theta\": 1e300}", CS_ERROR_FORMAT, "rope_theta");
  assert_bad ("{" NEEDED ", \"rope_scaling\": 8}", CS_ERROR_FORMAT, "rope_scaling");
  assert_bad ("{" NEEDED ", \"rope_scaling\": {}}", CS_ERROR_FORMAT, "rope_type");
  assert_bad ("{" NEEDED ", \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}}",
              CS_ERROR_UNSUPPORTED, "yarn");
  assert_bad ("{" NEEDED ", \"rope_scaling\": {\"type\": \"dynamic\"}}", CS_ERROR_UNSUPPORTED,
              "dynamic");
  assert_bad ("{" NEEDED ", \"rope_scaling\": {\"type\": \"linear\"}}", CS_ERROR_FORMAT, "factor");
  assert_bad ("{" NEEDED
              ", \"rope_scaling\": {\"type\": \"llama3\", \"factor\": 8, \"low_freq_factor\": 4, "
              "\"high_freq_factor\": 1}}",
              CS_ERROR_FORMAT, "high_freq_factor");
  assert_bad ("{" NEEDED ", \"rope_parameters\": {\"full_attention\": {\"rope_theta\": 1}}}",
              CS_ERROR_UNSUPPORTED, "full_attention");
  assert_bad ("{" NEEDED ", \"rope_parameters\": {\"partial_rotary_factor\": 0.25}}",
              CS_ERROR_UNSUPPORTED, "partial_rotary_factor");
}

/* --- Weights that do not fit --- */

static void
assert_open_fails (const char *folder, CsError code, const char *word)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsModel) model = cs_model_open (folder, &error);
  g_assert_null (model);
  g_assert_error (error, CS_ERROR, (int)code);
  if (strstr (error->message, word) == NULL)
    g_error ("“%s” does not mention “%s”", error->message, word);
}

static void
assert_shape_fails (const TinyModel *tiny, const TinyShape *shape, const char *word)
{
  g_autofree char *config = tiny_model_config (shape);
  tiny_model_write_config (tiny, config);
  assert_open_fails (tiny->folder, CS_ERROR_FORMAT, word);
}

static void
test_weights_refused (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&tiny_shape, 1);
  TinyShape shape = tiny_shape;
  shape.n_layers = 2;
  assert_shape_fails (tiny, &shape, "model.layers.1.");
  shape = tiny_shape;
  shape.d_ff = 16;
  assert_shape_fails (tiny, &shape, "model.layers.0.mlp.gate_proj.weight");
  shape = tiny_shape;
  shape.vocab_size = 12;
  assert_shape_fails (tiny, &shape, "model.embed_tokens.weight");
  shape = tiny_shape;
  shape.attention_bias = true;
  assert_shape_fails (tiny, &shape, "model.layers.0.self_attn.q_proj.bias");
  assert_open_fails ("/nonexistent", CS_ERROR_IO, "/nonexistent");
  tiny_model_write_config (tiny, "{\"model_type\": \"llama\",");
  assert_open_fails (tiny->folder, CS_ERROR_FORMAT, "config.json");
}

/* A checkpoint may carry a head that its configuration does not use. */
static void
test_unused_head (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&tiny_shape, 1);
  TinyShape shape = tiny_shape;
  shape.tied = true;
  g_autofree char *config = tiny_model_config (&shape);
  tiny_model_write_config (tiny, config);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsModel) model = cs_model_open (tiny->folder, &error);
  g_assert_no_error (error);
  g_assert_true (model->head.wide == model->embedding.wide);
}

static void
test_quantised (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&tiny_shape, 1);
  g_autofree char *path = g_build_filename (tiny->folder, "model.safetensors", NULL);
  char bytes[88] = { 0 };
  const CsTensor tensor = { .name = "model.embed_tokens.weight",
                            .dtype = CS_DTYPE_I8,
                            .n_dims = 2,
                            .shape = { 11, 8 },
                            .n_elements = 88,
                            .data = bytes,
                            .n_bytes = 88 };
  g_assert_true (cs_safetensors_write (path, &tensor, 1, NULL, NULL));
  assert_open_fails (tiny->folder, CS_ERROR_UNSUPPORTED, "I8");
}

void
add_config_tests (void)
{
  g_test_add_func ("/lm/config/defaults", test_defaults);
  g_test_add_func ("/lm/config/end-tokens", test_end_tokens);
  g_test_add_func ("/lm/config/rope-dialects", test_rope_dialects);
  g_test_add_func ("/lm/config/refused", test_refused);
  g_test_add_func ("/lm/config/rope-refused", test_rope_refused);
  g_test_add_func ("/lm/config/weights-refused", test_weights_refused);
  g_test_add_func ("/lm/config/unused-head", test_unused_head);
  g_test_add_func ("/lm/config/quantised", test_quantised);
}
