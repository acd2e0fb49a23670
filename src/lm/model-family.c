#include "model-family.h"

#include <string.h>

#include <glib.h>

/* --- Parts that families share --- */

/* The products of Llama's blocks, which most later architectures kept; the rules say when q, k, v
 * and o have biases, and when the MLP has. */
#define LLAMA_LINEARS(qkv_bias, out_bias, mlp_bias)                                                  \
  {                                                                                                  \
    [CS_LINEAR_QKV] = {                                                                            \
      .n_parts = 3,                                                                                \
      .parts = { "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj" },                     \
      .rows = { CS_DIM_QUERY, CS_DIM_KV, CS_DIM_KV },                                              \
      .cols = CS_DIM_MODEL,                                                                        \
      .bias = qkv_bias,                                                                            \
    },                                                                                             \
    [CS_LINEAR_ATTENTION_OUT] = {                                                                  \
      .n_parts = 1,                                                                                \
      .parts = { "self_attn.o_proj" },                                                             \
      .rows = { CS_DIM_MODEL },                                                                    \
      .cols = CS_DIM_QUERY,                                                                        \
      .bias = out_bias,                                                                            \
    },                                                                                             \
    [CS_LINEAR_GATE_UP] = {                                                                        \
      .n_parts = 2,                                                                                \
      .parts = { "mlp.gate_proj", "mlp.up_proj" },                                                 \
      .rows = { CS_DIM_FF, CS_DIM_FF },                                                            \
      .cols = CS_DIM_MODEL,                                                                        \
      .bias = mlp_bias,                                                                            \
    },                                                                                             \
    [CS_LINEAR_DOWN] = {                                                                           \
      .n_parts = 1,                                                                                \
      .parts = { "mlp.down_proj" },                                                                \
      .rows = { CS_DIM_MODEL },                                                                    \
      .cols = CS_DIM_FF,                                                                           \
      .bias = mlp_bias,                                                                            \
    }, \
  }

/* post_attention_layernorm is named after what it follows; in these it norms the MLP's input. */
#define LLAMA_NORMS                                                                                \
  [CS_NORM_BEFORE_ATTENTION] = "input_layernorm", [CS_NORM_BEFORE_MLP] = "post_attention_"         \
                                                                         "layernorm"

/* In these it norms what attention adds. */
#define GEMMA_NORMS                                                                                \
  [CS_NORM_BEFORE_ATTENTION] = "input_layernorm",                                                  \
  [CS_NORM_AFTER_ATTENTION] = "post_attention_layernorm",                                          \
  [CS_NORM_BEFORE_MLP] = "pre_feedforward_layernorm",                                              \
  [CS_NORM_AFTER_MLP] = "post_feedforward_layernorm"

#define QK_NORMS [CS_NORM_QUERY] = "self_attn.q_norm", [CS_NORM_KEY] = "self_attn.k_norm"

/* Some programs save the inner model alone, without its prefix. */
#define LLAMA_NAMES                                                                                \
  .prefixes = { "model.", "" }, .embedding = "embed_tokens", .final_norm = "norm",                 \
  .head = "lm_head", .blocks = "layers"

#define LLAMA_KEYS                                                                                 \
  .activation_key = "hidden_act", .norm_eps_key = "rms_norm_eps", .rope_theta_key = "rope_theta"

#define GEMMA_KEYS                                                                                 \
  .activation_key = "hidden_activation", .norm_eps_key = "rms_norm_eps",                           \
  .rope_theta_key = "rope_theta", .query_scale_key = "query_pre_attn_scalar"

/* --- The families --- */

static const CsFamily families[] = {
  /* Llama 1 to 3.x, and what was made in its image (SmolLM). */
  {
      .model_type = "llama",
      LLAMA_NAMES,
      LLAMA_KEYS,
      .norms = { LLAMA_NORMS },
      .linears = LLAMA_LINEARS (CS_BIAS_IF_ATTENTION, CS_BIAS_IF_ATTENTION, CS_BIAS_IF_MLP),
      .norm_kind = CS_NORM_RMS,
      .gated_mlp = true,
      .window = CS_WINDOW_NEVER,
      .activation = CS_ACTIVATION_SILU,
      .norm_eps = 1e-6,
      .rope_theta = 10000,
      .rotary_fraction = 1,
  },
  {
      .model_type = "mistral",
      LLAMA_NAMES,
      LLAMA_KEYS,
      .norms = { LLAMA_NORMS },
      .linears = LLAMA_LINEARS (CS_BIAS_NEVER, CS_BIAS_NEVER, CS_BIAS_NEVER),
      .norm_kind = CS_NORM_RMS,
      .gated_mlp = true,
      .window = CS_WINDOW_ALL,
      .sliding_window = 4096,
      .activation = CS_ACTIVATION_SILU,
      .norm_eps = 1e-6,
      .rope_theta = 10000,
      .rotary_fraction = 1,
      .n_kv_heads = 8,
  },
  /* Qwen 2 and 2.5. */
  {
      .model_type = "qwen2",
      LLAMA_NAMES,
      LLAMA_KEYS,
      .norms = { LLAMA_NORMS },
      .linears = LLAMA_LINEARS (CS_BIAS_ALWAYS, CS_BIAS_NEVER, CS_BIAS_NEVER),
      .norm_kind = CS_NORM_RMS,
      .gated_mlp = true,
      .window = CS_WINDOW_FROM_LAYER,
      .sliding_window = 4096,
      .max_window_layers = 28,
      .activation = CS_ACTIVATION_SILU,
      .norm_eps = 1e-6,
      .rope_theta = 10000,
      .rotary_fraction = 1,
      .n_kv_heads = 32,
  },
  {
      .model_type = "qwen3",
      LLAMA_NAMES,
      LLAMA_KEYS,
      .norms = { LLAMA_NORMS, QK_NORMS },
      .linears = LLAMA_LINEARS (CS_BIAS_IF_ATTENTION, CS_BIAS_IF_ATTENTION, CS_BIAS_NEVER),
      .norm_kind = CS_NORM_RMS,
      .gated_mlp = true,
      .window = CS_WINDOW_FROM_LAYER,
      .sliding_window = 4096,
      .max_window_layers = 28,
      .activation = CS_ACTIVATION_SILU,
      .norm_eps = 1e-6,
      .rope_theta = 10000,
      .rotary_fraction = 1,
      .n_kv_heads = 32,
      .head_dim = 128,
  },
  /* Norms after the blocks only; q and k are normed before they are split into heads. */
  {
      .model_type = "olmo2",
      LLAMA_NAMES,
      LLAMA_KEYS,
      .norms = { [CS_NORM_AFTER_ATTENTION] = "post_attention_layernorm",
                 [CS_NORM_AFTER_MLP] = "post_feedforward_layernorm",
                 QK_NORMS },
      .linears = LLAMA_LINEARS (CS_BIAS_IF_ATTENTION, CS_BIAS_IF_ATTENTION, CS_BIAS_NEVER),
      .norm_kind = CS_NORM_RMS,
      .full_width_qk_norm = true,
      .gated_mlp = true,
      .window = CS_WINDOW_NEVER,
      .activation = CS_ACTIVATION_SILU,
      .norm_eps = 1e-5,
      .rope_theta = 10000,
      .rotary_fraction = 1,
  },
  {
      .model_type = "gemma2",
      LLAMA_NAMES,
      GEMMA_KEYS,
      .norms = { GEMMA_NORMS },
      .linears = LLAMA_LINEARS (CS_BIAS_IF_ATTENTION, CS_BIAS_IF_ATTENTION, CS_BIAS_NEVER),
      .norm_kind = CS_NORM_RMS_PLUS_ONE,
      .gated_mlp = true,
      .scaled_embedding = true,
      .soft_caps = true,
      .window = CS_WINDOW_EVEN,
      .sliding_window = 4096,
      .activation = CS_ACTIVATION_GELU_TANH,
      .norm_eps = 1e-6,
      .rope_theta = 10000,
      .rotary_fraction = 1,
      .query_scale = 256,
      .attention_cap = 50,
      .final_cap = 30,
      .n_kv_heads = 4,
      .head_dim = 256,
      .tied_head = true,
  },
  /* The text part of Gemma 3; models with a vision part keep its configuration as text_config,
   * without the keys that have these values. */
  {
      .model_type = "gemma3_text",
      .wrapper_type = "gemma3",
      .prefixes = { "model.", "language_model.model.", "model.language_model.", "" },
      .embedding = "embed_tokens",
      .final_norm = "norm",
      .head = "lm_head",
      .wrapped_head = "language_model.lm_head",
      .blocks = "layers",
      GEMMA_KEYS,
      .local_theta_key = "rope_local_base_freq",
      .norms = { GEMMA_NORMS, QK_NORMS },
      .linears = LLAMA_LINEARS (CS_BIAS_IF_ATTENTION, CS_BIAS_IF_ATTENTION, CS_BIAS_NEVER),
      .norm_kind = CS_NORM_RMS_PLUS_ONE,
      .gated_mlp = true,
      .scaled_embedding = true,
      .soft_caps = true,
      .window = CS_WINDOW_PATTERN,
      .sliding_window = 4096,
      .window_pattern = 6,
      .activation = CS_ACTIVATION_GELU_TANH,
      .norm_eps = 1e-6,
      .rope_theta = 1e6,
      .local_theta = 10000,
      .rotary_fraction = 1,
      .query_scale = 256,
      .d_model = 2304,
      .n_layers = 26,
      .n_heads = 8,
      .d_ff = 9216,
      .n_kv_heads = 4,
      .head_dim = 256,
      .tied_head = true,
  },
  /* GPT-NeoX and Pythia. */
  {
      .model_type = "gpt_neox",
      .prefixes = { "gpt_neox.", "" },
      .embedding = "embed_in",
      .final_norm = "final_layer_norm",
      .head = "embed_out",
      .blocks = "layers",
      .activation_key = "hidden_act",
      .norm_eps_key = "layer_norm_eps",
      .rope_theta_key = "rotary_emb_base",
      .rotary_fraction_key = "rotary_pct",
      .norms = { LLAMA_NORMS },
      .linears = {
          [CS_LINEAR_QKV] = {
              .n_parts = 1,
              .parts = { "attention.query_key_value" },
              .rows = { CS_DIM_QKV },
              .cols = CS_DIM_MODEL,
              .bias = CS_BIAS_IF_ATTENTION,
          },
          [CS_LINEAR_ATTENTION_OUT] = {
              .n_parts = 1,
              .parts = { "attention.dense" },
              .rows = { CS_DIM_MODEL },
              .cols = CS_DIM_QUERY,
              .bias = CS_BIAS_IF_ATTENTION,
          },
          [CS_LINEAR_GATE_UP] = {
              .n_parts = 1,
              .parts = { "mlp.dense_h_to_4h" },
              .rows = { CS_DIM_FF },
              .cols = CS_DIM_MODEL,
              .bias = CS_BIAS_ALWAYS,
          },
          [CS_LINEAR_DOWN] = {
              .n_parts = 1,
              .parts = { "mlp.dense_4h_to_h" },
              .rows = { CS_DIM_MODEL },
              .cols = CS_DIM_FF,
              .bias = CS_BIAS_ALWAYS,
          },
      },
      .norm_kind = CS_NORM_LAYER,
      .interleaved_qkv = true,
      .may_be_parallel = true,
      .window = CS_WINDOW_NEVER,
      .activation = CS_ACTIVATION_GELU,
      .norm_eps = 1e-5,
      .rope_theta = 10000,
      .rotary_fraction = 0.25,
      .attention_bias = true,
  },
};

const CsFamily *
cs_family_find (const char *model_type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++)
    if (strcmp (families[i].model_type, model_type) == 0 ||
        g_strcmp0 (families[i].wrapper_type, model_type) == 0)
      return &families[i];
  return NULL;
}

const char *
cs_family_list (void)
{
  return "llama, mistral, gemma2, gemma3, gemma3_text, qwen2, qwen3, olmo2, gpt_neox";
}

/* --- Activations --- */

static const struct
{
  const char *name;
  CsActivation activation;
} activations[] = {
  /* The first of each is its name in messages. */
  { "silu", CS_ACTIVATION_SILU },
  { "swish", CS_ACTIVATION_SILU },
  { "gelu", CS_ACTIVATION_GELU },
  { "gelu_python", CS_ACTIVATION_GELU },
  { "gelu_pytorch_tanh", CS_ACTIVATION_GELU_TANH },
  { "gelu_new", CS_ACTIVATION_GELU_TANH },
  { "gelu_fast", CS_ACTIVATION_GELU_TANH },
};

bool
cs_activation_parse (const char *name, CsActivation *activation)
{
  for (size_t i = 0; i < G_N_ELEMENTS (activations); i++)
    if (strcmp (name, activations[i].name) == 0)
      {
        *activation = activations[i].activation;
        return true;
      }
  return false;
}

const char *
cs_activation_name (CsActivation activation)
{
  for (size_t i = 0; i < G_N_ELEMENTS (activations); i++)
    if (activations[i].activation == activation)
      return activations[i].name;
  return "none";
}
