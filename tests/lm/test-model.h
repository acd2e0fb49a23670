/* Parts of the test program of the model runtime. */
#pragma once

#include "model-private.h"

/* A tiny random model in a temporary folder, and the same numbers in double. */
typedef struct
{
  CsDtype dtype;
  size_t vocab_size, d_model, n_layers, n_heads, n_kv_heads, head_dim, d_ff;
  bool tied, attention_bias, mlp_bias;
  double norm_eps, rope_theta;
  double linear_factor; /* of the rope scaling; 0 = none */
  bool v5;              /* rope_parameters, dtype */
} TinyShape;

typedef struct
{
  TinyShape shape;
  char *folder;
  GHashTable *tensors; /* name → double array (after rounding to the stored type) */
} TinyModel;

TinyModel *tiny_model_new (const TinyShape *shape, uint64_t seed);
void tiny_model_free (TinyModel *tiny);
/* Replaces config.json by text. */
void tiny_model_write_config (const TinyModel *tiny, const char *text);
char *tiny_model_config (const TinyShape *shape);
/* Textbook forward pass in double: residual [L + 1, T, d], logits [T, V]. */
void tiny_model_forward (const TinyModel *tiny,
                         const int32_t *ids,
                         size_t n,
                         double *residual,
                         double *logits);

/* Runs ids with taps that copy what they see: residual [L + 1, T, d], logits [T, V], `chunk` tokens
 * a call (0 = all). */
void test_collect (CsSession *session,
                   const CsTap *taps,
                   size_t n_taps,
                   const int32_t *ids,
                   size_t n,
                   size_t chunk,
                   float *residual,
                   float *logits);

/* Goes on in the middle of the model, at every block, with changed rows: logits and later rows have
 * to be those that a tap which changes them gives, to the bit. */
void test_check_from (CsModel *model, const int32_t *ids, size_t n);

void remove_folder (const char *folder);

void add_reference_tests (void);
void add_config_tests (void);
void add_part_tests (void);
void add_family_tests (void);
void add_cache_tests (void);
void add_from_tests (void);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (TinyModel, tiny_model_free)
