/* Small models of every architecture, and what each has to compute. */
#include "family-cases.h"

#include <glib.h>

#define SIZES                                                                                      \
  "\"hidden_size\": 24, \"num_hidden_layers\": 4, \"intermediate_size\": 40, \"vocab_size\": 31, " \
  "\"num_attention_heads\": 4"
#define COMMON .d = 24, .n_layers = 4, .n_heads = 4, .d_ff = 40, .vocab = 31
#define LLAMA                                                                                      \
  COMMON, .prefix = "model", .embedding = "embed_tokens", .final_norm = "norm",                    \
          .before_attention = "input_layernorm", .before_mlp = "post_attention_layernorm"
#define GEMMA                                                                                      \
  COMMON, .prefix = "model", .embedding = "embed_tokens", .final_norm = "norm",                    \
          .before_attention = "input_layernorm", .after_attention = "post_attention_layernorm",    \
          .before_mlp = "pre_feedforward_layernorm", .after_mlp = "post_feedforward_layernorm",    \
          .norm = RMS_PLUS_ONE, .act = GELU_TANH, .eps = 1e-6
#define NEOX                                                                                       \
  COMMON, .prefix = "gpt_neox", .embedding = "embed_in", .final_norm = "final_layer_norm",         \
          .head = "embed_out.weight", .before_attention = "input_layernorm",                       \
          .before_mlp = "post_attention_layernorm", .norm = LAYER, .fused = true, .n_kv = 4,       \
          .dim = 6, .eps = 1e-5

static const FamilyCase cases[] = {
  { .name = "llama-gelu",
    .config =
        "{\"model_type\": \"llama\", " SIZES ", \"hidden_act\": \"gelu\", \"head_dim\": null, "
        "\"attention_bias\": true, \"mlp_bias\": true, \"layer_types\": null}",
    LLAMA,
    .head = "lm_head.weight",
    .n_kv = 4,
    .dim = 6,
    .n_rotated = 6,
    .act = GELU,
    .eps = 1e-6,
    .scale = 1 / 2.449489742783178 },
  { .name = "mistral",
    .config =
        "{\"model_type\": \"mistral\", " SIZES ", \"num_key_value_heads\": 2, \"head_dim\": 8, "
        "\"sliding_window\": 7, \"rms_norm_eps\": 1e-5, \"attention_bias\": true}",
    LLAMA,
    .head = "lm_head.weight",
    .n_kv = 2,
    .dim = 8,
    .n_rotated = 8,
    .eps = 1e-5,
    .scale = 1 / 2.8284271247461903,
    .window = 7,
    .slides = 15 },
  /* Nothing a multiple of anything: one layer, one unit in the MLP, fewer dimensions than heads
   * have together. */
  { .name = "llama-odd",
    .config = "{\"model_type\": \"llama\", \"hidden_size\": 7, \"num_hidden_layers\": 1, "
              "\"intermediate_size\": 1, \"vocab_size\": 5, \"num_attention_heads\": 9, "
              "\"num_key_value_heads\": 3, \"head_dim\": 2, \"rope_scaling\": {\"type\": "
              "\"linear\", \"factor\": 3}, \"tie_word_embeddings\": true, \"hidden_act\": "
              "\"gelu_new\"}",
    .d = 7,
    .n_layers = 1,
    .n_heads = 9,
    .d_ff = 1,
    .vocab = 5,
    .prefix = "model",
    .embedding = "embed_tokens",
    .final_norm = "norm",
    .before_attention = "input_layernorm",
    .before_mlp = "post_attention_layernorm",
    .n_kv = 3,
    .dim = 2,
    .n_rotated = 2,
    .act = GELU_TANH,
    .eps = 1e-6,
    .scale = 1 / 1.4142135623730951,
    .factor = 3 },
  { .name = "mistral-sees-itself",
    .config = "{\"model_type\": \"mistral\", " SIZES ", \"num_key_value_heads\": 1, "
              "\"sliding_window\": 1, \"tie_word_embeddings\": true}",
    LLAMA,
    .n_kv = 1,
    .dim = 6,
    .n_rotated = 6,
    .eps = 1e-6,
    .scale = 1 / 2.449489742783178,
    .window = 1,
    .slides = 15 },
  { .name = "mistral-full",
    .config = "{\"model_type\": \"mistral\", " SIZES ", \"num_key_value_heads\": null, "
              "\"sliding_window\": null}",
    LLAMA,
    .head = "lm_head.weight",
    .n_kv = 4,
    .dim = 6,
    .n_rotated = 6,
    .eps = 1e-6,
    .scale = 1 / 2.449489742783178 },
  { .name = "qwen2-window",
    .config = "{\"model_type\": \"qwen2\", " SIZES ", \"num_key_value_heads\": 1, "
              "\"tie_word_embeddings\": true, \"use_sliding_window\": true, \"sliding_window\": 5, "
              "\"max_window_layers\": 3}",
    LLAMA,
    .n_kv = 1,
    .dim = 6,
    .n_rotated = 6,
    .eps = 1e-6,
    .scale = 1 / 2.449489742783178,
    .window = 5,
    .slides = 8 },
  { .name = "qwen2-no-window",
    .config = "{\"model_type\": \"qwen2\", " SIZES ", \"num_key_value_heads\": 2, "
              "\"sliding_window\": 5, \"max_window_layers\": 0}",
    LLAMA,
    .head = "lm_head.weight",
    .n_kv = 2,
    .dim = 6,
    .n_rotated = 6,
    .eps = 1e-6,
    .scale = 1 / 2.449489742783178 },
  { .name = "qwen3",
    .config =
        "{\"model_type\": \"qwen3\", " SIZES ", \"num_key_value_heads\": 2, \"head_dim\": 10, "
        "\"attention_bias\": true, \"rope_parameters\": {\"rope_type\": \"default\", "
        "\"rope_theta\": 5000}, \"dtype\": \"float32\"}",
    LLAMA,
    .head = "lm_head.weight",
    .n_kv = 2,
    .dim = 10,
    .n_rotated = 10,
    .eps = 1e-6,
    .scale = 1 / 3.1622776601683795,
    .head_norm = true,
    .theta = 5000 },
  { .name = "olmo2",
    .config = "{\"model_type\": \"olmo2\", " SIZES ", \"num_key_value_heads\": 2, "
              "\"rope_theta\": 500000}",
    COMMON,
    .prefix = "model",
    .embedding = "embed_tokens",
    .final_norm = "norm",
    .after_attention = "post_attention_layernorm",
    .after_mlp = "post_feedforward_layernorm",
    .head = "lm_head.weight",
    .n_kv = 2,
    .dim = 6,
    .n_rotated = 6,
    .eps = 1e-5,
    .scale = 1 / 2.449489742783178,
    .full_norm = true,
    .theta = 500000 },
  { .name = "gemma2",
    .config =
        "{\"model_type\": \"gemma2\", " SIZES ", \"num_key_value_heads\": 2, \"head_dim\": 10, "
        "\"query_pre_attn_scalar\": 7, \"attn_logit_softcapping\": 3, "
        "\"final_logit_softcapping\": 2.5, \"sliding_window\": 6, \"hidden_act\": \"gelu\"}",
    GEMMA,
    .n_kv = 2,
    .dim = 10,
    .n_rotated = 10,
    .scale = 1 / 2.6457513110645907,
    .cap = 3,
    .final_cap = 2.5,
    .window = 6,
    .slides = 5,
    .embedding_scale = 4.898979485566356 },
  { .name = "gemma2-layer-types",
    .config =
        "{\"model_type\": \"gemma2\", " SIZES ", \"num_key_value_heads\": 4, \"head_dim\": 6, "
        "\"query_pre_attn_scalar\": 6, \"attn_logit_softcapping\": null, "
        "\"final_logit_softcapping\": null, \"sliding_window\": 3, \"tie_word_embeddings\": "
        "false, \"layer_types\": [\"full_attention\", \"sliding_attention\", "
        "\"sliding_attention\", \"full_attention\"]}",
    GEMMA,
    .head = "lm_head.weight",
    .n_kv = 4,
    .dim = 6,
    .n_rotated = 6,
    .scale = 1 / 2.449489742783178,
    .window = 3,
    .slides = 6,
    .embedding_scale = 4.898979485566356 },
  { .name = "gemma3",
    .config = "{\"model_type\": \"gemma3_text\", " SIZES ", \"num_key_value_heads\": 1, "
              "\"head_dim\": 10, \"query_pre_attn_scalar\": 12, \"sliding_window\": 6, "
              "\"sliding_window_pattern\": 3, \"rope_local_base_freq\": 100, \"rope_scaling\": "
              "{\"rope_type\": \"linear\", \"factor\": 8}}",
    GEMMA,
    .n_kv = 1,
    .dim = 10,
    .n_rotated = 10,
    .scale = 1 / 3.4641016151377544,
    .window = 6,
    .slides = 11,
    .theta = 1e6,
    .local_theta = 100,
    .factor = 8,
    .head_norm = true,
    .embedding_scale = 4.898979485566356 },
  { .name = "gemma3-v5",
    .config = "{\"model_type\": \"gemma3_text\", " SIZES ", \"num_key_value_heads\": 2, "
              "\"head_dim\": 6, \"query_pre_attn_scalar\": 12, \"sliding_window\": 4, "
              "\"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\", "
              "\"sliding_attention\"], \"rope_parameters\": {\"full_attention\": {\"rope_type\": "
              "\"linear\", \"factor\": 4, \"rope_theta\": 20000}, \"sliding_attention\": "
              "{\"rope_type\": \"default\", \"rope_theta\": 300}}}",
    GEMMA,
    .n_kv = 2,
    .dim = 6,
    .n_rotated = 6,
    .scale = 1 / 3.4641016151377544,
    .window = 4,
    .slides = 9,
    .theta = 20000,
    .local_theta = 300,
    .factor = 4,
    .head_norm = true,
    .embedding_scale = 4.898979485566356 },
  { .name = "gpt-neox",
    .config = "{\"model_type\": \"gpt_neox\", " SIZES ", \"rotary_pct\": 0.34, "
              "\"num_key_value_heads\": 1, \"rotary_emb_base\": 500}",
    NEOX,
    .n_rotated = 2,
    .act = GELU,
    .parallel = true,
    .scale = 1 / 2.449489742783178,
    .theta = 500 },
  { .name = "gpt-neox-sequential",
    .config = "{\"model_type\": \"gpt_neox\", " SIZES ", \"use_parallel_residual\": false, "
              "\"attention_bias\": false, \"hidden_act\": \"gelu_fast\", \"rope_parameters\": "
              "{\"rope_theta\": 700, \"partial_rotary_factor\": 0.67, \"rope_type\": \"default\"}}",
    NEOX,
    .n_rotated = 4,
    .act = GELU_TANH,
    .scale = 1 / 2.449489742783178,
    .theta = 700 },
};

const FamilyCase *
family_cases (size_t *n)
{
  *n = G_N_ELEMENTS (cases);
  return cases;
}
