/* What differs between decoder-only architectures, written as data.
 *
 * A family names its tensors, says what shape each has and which configuration key switches it on,
 * and holds the defaults of missing keys. One reader of configurations (model-config.c), one loader
 * (model-load.c) and one forward pass (session.c) follow the description: a new architecture is a
 * new description, plus a new value of one of the enumerations where it computes something that no
 * earlier one does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CS_LINEAR_MAX_PARTS 3
#define CS_FAMILY_MAX_PREFIXES 4

/* A dimension of a tensor in terms of the configuration. */
typedef enum
{
  CS_DIM_MODEL,    /* d_model */
  CS_DIM_QUERY,    /* n_heads · head_dim */
  CS_DIM_KV,       /* n_kv_heads · head_dim */
  CS_DIM_QKV,      /* both together: a fused product */
  CS_DIM_FF,       /* d_ff */
  CS_DIM_HEAD_DIM, /* head_dim */
} CsDim;

/* What gives a product its biases. */
typedef enum
{
  CS_BIAS_NEVER,
  CS_BIAS_ALWAYS,
  CS_BIAS_IF_ATTENTION, /* the key attention_bias */
  CS_BIAS_IF_MLP,       /* the key mlp_bias */
} CsBiasRule;

/* The products of a block in the order in which the forward pass runs them. */
typedef enum
{
  CS_LINEAR_QKV,
  CS_LINEAR_ATTENTION_OUT,
  CS_LINEAR_GATE_UP, /* gate and up, or up alone where the MLP has no gate */
  CS_LINEAR_DOWN,
  CS_N_LINEARS
} CsLinearSlot;

/* A family without a name for a slot has no such norm. */
typedef enum
{
  CS_NORM_BEFORE_ATTENTION,
  CS_NORM_AFTER_ATTENTION, /* of what attention adds to the residual stream */
  CS_NORM_BEFORE_MLP,
  CS_NORM_AFTER_MLP,
  CS_NORM_QUERY, /* before the rotary positions: each head, or all of them as one vector */
  CS_NORM_KEY,
  CS_N_NORMS
} CsNormSlot;

typedef enum
{
  CS_NORM_RMS,          /* x / sqrt (mean (x²) + eps) · w */
  CS_NORM_RMS_PLUS_ONE, /* … · (1 + w) */
  CS_NORM_LAYER,        /* (x − mean) / sqrt (variance + eps) · w + b */
} CsNormKind;

typedef enum
{
  CS_ACTIVATION_SILU,
  CS_ACTIVATION_GELU,      /* exact: 0.5 x (1 + erf (x / √2)) */
  CS_ACTIVATION_GELU_TANH, /* 0.5 x (1 + tanh (√(2/π) (x + 0.044715 x³))) */
} CsActivation;

/* Which layers see only the last sliding_window positions, where the configuration has no
 * layer_types. */
typedef enum
{
  CS_WINDOW_NEVER,
  CS_WINDOW_ALL,
  CS_WINDOW_EVEN,       /* 0, 2, 4 … */
  CS_WINDOW_PATTERN,    /* all but each sliding_window_pattern-th */
  CS_WINDOW_FROM_LAYER, /* from max_window_layers on, and only with use_sliding_window */
} CsWindowRule;

/* Tensors BLOCK.parts[i].weight [rows[i], cols], stacked to one product y = x Wᵀ (+ b). */
typedef struct
{
  size_t n_parts;
  const char *parts[CS_LINEAR_MAX_PARTS];
  CsDim rows[CS_LINEAR_MAX_PARTS];
  CsDim cols;
  CsBiasRule bias;
} CsLinearRule;

typedef struct
{
  const char *model_type; /* of config.json */
  /* The model_type of a larger configuration that holds this one as text_config; NULL for none. */
  const char *wrapper_type;

  /* Tensors: PREFIX name, with the first prefix under which there is an embedding. */
  const char *prefixes[CS_FAMILY_MAX_PREFIXES];
  const char *embedding; /* "embed_tokens" */
  const char *final_norm;
  const char *head;         /* full name; read only where the head is not tied */
  const char *wrapped_head; /* its name in a larger model; NULL for none */
  const char *blocks;       /* block l's tensors are called PREFIX BLOCKS.l.… */
  const char *norms[CS_N_NORMS];
  CsLinearRule linears[CS_N_LINEARS];

  CsNormKind norm_kind;
  bool full_width_qk_norm; /* over all heads together, else over each head */
  bool interleaved_qkv;    /* the fused product's rows are [heads, (q, k, v), head_dim] */
  bool gated_mlp;
  bool scaled_embedding; /* by √d_model */
  bool soft_caps;        /* attn_logit_softcapping, final_logit_softcapping */
  bool may_be_parallel;  /* use_parallel_residual */
  CsWindowRule window;

  /* Keys that are not called the same everywhere; NULL where the family has no such key. */
  const char *activation_key, *norm_eps_key, *rope_theta_key, *rotary_fraction_key,
      *local_theta_key, *query_scale_key;

  /* What a missing key means; 0 in a size: the key is needed. */
  CsActivation activation;
  double norm_eps, rope_theta, local_theta, rotary_fraction, query_scale, attention_cap, final_cap;
  size_t d_model, n_layers, n_heads, d_ff;
  size_t n_kv_heads; /* 0 = n_heads */
  size_t head_dim;   /* 0 = d_model / n_heads */
  size_t sliding_window, window_pattern, max_window_layers;
  bool tied_head, attention_bias;
} CsFamily;

/* NULL for a model_type that has no description; a wrapper's type finds the family inside. */
const CsFamily *cs_family_find (const char *model_type);
/* "llama, …": for error messages. */
const char *cs_family_list (void);
/* The activation that a configuration calls by name ("silu"); false for one that is not known. */
bool cs_activation_parse (const char *name, CsActivation *activation);
const char *cs_activation_name (CsActivation activation);
