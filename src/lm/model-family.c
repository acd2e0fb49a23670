#include "model-family.h"

#include <string.h>

#include <glib.h>

/* Llama 1 to 3.x, and what was made in its image (SmolLM). post_attention_layernorm is named after
 * what it follows; it norms the input of the MLP. */
static const CsFamily families[] = {
  {
      .model_type = "llama",
      .embedding = "model.embed_tokens.weight",
      .final_norm = "model.norm.weight",
      .head = "lm_head.weight",
      .blocks = "model.layers",
      .norms = {
          [CS_NORM_BEFORE_ATTENTION] = "input_layernorm",
          [CS_NORM_BEFORE_MLP] = "post_attention_layernorm",
      },
      .linears = {
          [CS_LINEAR_QKV] = {
              .n_parts = 3,
              .parts = { "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj" },
              .rows = { CS_DIM_QUERY, CS_DIM_KV, CS_DIM_KV },
              .cols = CS_DIM_MODEL,
              .bias = CS_BIAS_IF_ATTENTION,
          },
          [CS_LINEAR_ATTENTION_OUT] = {
              .n_parts = 1,
              .parts = { "self_attn.o_proj" },
              .rows = { CS_DIM_MODEL },
              .cols = CS_DIM_QUERY,
              .bias = CS_BIAS_IF_ATTENTION,
          },
          [CS_LINEAR_GATE_UP] = {
              .n_parts = 2,
              .parts = { "mlp.gate_proj", "mlp.up_proj" },
              .rows = { CS_DIM_FF, CS_DIM_FF },
              .cols = CS_DIM_MODEL,
              .bias = CS_BIAS_IF_MLP,
          },
          [CS_LINEAR_DOWN] = {
              .n_parts = 1,
              .parts = { "mlp.down_proj" },
              .rows = { CS_DIM_MODEL },
              .cols = CS_DIM_FF,
              .bias = CS_BIAS_IF_MLP,
          },
      },
      .activation = CS_ACTIVATION_SILU,
      .default_norm_eps = 1e-6,
      .default_rope_theta = 10000,
      .default_tied = false,
  },
};

const CsFamily *
cs_family_find (const char *model_type)
{
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++)
    if (strcmp (families[i].model_type, model_type) == 0)
      return &families[i];
  return NULL;
}

const char *
cs_family_list (void)
{
  return "llama";
}

bool
cs_activation_parse (const char *name, CsActivation *activation)
{
  *activation = CS_ACTIVATION_SILU;
  return strcmp (name, "silu") == 0 || strcmp (name, "swish") == 0;
}

const char *
cs_activation_name (CsActivation activation)
{
  return activation == CS_ACTIVATION_SILU ? "silu" : "none";
}
