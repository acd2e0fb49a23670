/* What the tests of architectures know of each model, and where the list of them is. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum
{
  RMS,
  RMS_PLUS_ONE,
  LAYER
} NormKind;

typedef enum
{
  SILU,
  GELU,
  GELU_TANH
} Act;

/* NULL names: no such norm. */
typedef struct
{
  const char *name, *config;
  const char *prefix, *embedding, *final_norm, *head; /* head NULL: tied */
  const char *before_attention, *after_attention, *before_mlp, *after_mlp;
  NormKind norm;
  Act act;
  size_t d, n_layers, n_heads, n_kv, dim, d_ff, vocab;
  bool head_norm, full_norm; /* of q and k */
  bool fused, parallel;
  double eps, scale, cap, final_cap;
  double embedding_scale;    /* 0: 1 */
  double theta, local_theta; /* 0: 10000 */
  double factor;             /* linear scaling of layers that do not slide */
  size_t n_rotated, window;
  unsigned slides; /* bit l: layer l */
} FamilyCase;

/* n of them. */
const FamilyCase *family_cases (size_t *n);
