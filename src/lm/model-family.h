/* What differs between decoder-only architectures, written as data.
 *
 * A family names its tensors, says what shape each has and which configuration key switches it on,
 * and holds the defaults of missing keys. One loader (model-load.c) and one forward pass
 * (session.c) read the description: a new architecture is a new description, plus a new value of
 * one of the enumerations where it computes something that no earlier one does. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define CS_LINEAR_MAX_PARTS 3

/* A dimension of a tensor in terms of the configuration. */
typedef enum
{
  CS_DIM_MODEL, /* d_model */
  CS_DIM_QUERY, /* n_heads · head_dim */
  CS_DIM_KV,    /* n_kv_heads · head_dim */
  CS_DIM_FF,    /* d_ff */
} CsDim;

/* Which configuration key gives a product its biases. */
typedef enum
{
  CS_BIAS_IF_ATTENTION, /* attention_bias */
  CS_BIAS_IF_MLP,       /* mlp_bias */
} CsBiasRule;

/* The products of a block in the order in which the forward pass runs them. */
typedef enum
{
  CS_LINEAR_QKV,
  CS_LINEAR_ATTENTION_OUT,
  CS_LINEAR_GATE_UP,
  CS_LINEAR_DOWN,
  CS_N_LINEARS
} CsLinearSlot;

typedef enum
{
  CS_NORM_BEFORE_ATTENTION,
  CS_NORM_BEFORE_MLP,
  CS_N_NORMS
} CsNormSlot;

typedef enum
{
  CS_ACTIVATION_SILU,
} CsActivation;

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
  const char *embedding;  /* full tensor names */
  const char *final_norm;
  const char *head;   /* read only where the head is not tied */
  const char *blocks; /* block l's tensors are called BLOCKS.l.… */
  const char *norms[CS_N_NORMS];
  CsLinearRule linears[CS_N_LINEARS];
  CsActivation activation;
  /* What a missing key means. */
  double default_norm_eps, default_rope_theta;
  bool default_tied;
} CsFamily;

/* NULL for a model_type that has no description. */
const CsFamily *cs_family_find (const char *model_type);
/* "llama, …": for error messages. */
const char *cs_family_list (void);
/* The activation that a configuration calls by name ("silu"); false for one that is not known. */
bool cs_activation_parse (const char *name, CsActivation *activation);
const char *cs_activation_name (CsActivation activation);
