/* What a CsModel is made of: for session*.c, model*.c and the tests of this room.
 *
 * Letters: d = d_model, V = vocab_size, L = n_layers, H = n_heads, K = n_kv_heads, D = head_dim, F
 * = d_ff. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include <jansson.h>

#include "model.h"

#include "dtype.h"
#include "model-family.h"
#include "safetensors.h"

/* A model whose weights take no more than this as float32 is widened once, when it is opened. */
#define CS_WIDEN_LIMIT ((size_t)128 << 20)

/* --- config.json --- */

#define CS_MODEL_MAX_LAYERS 1024
#define CS_MODEL_MAX_VOCAB ((size_t)4 << 20)

typedef enum
{
  CS_ROPE_PLAIN,
  CS_ROPE_LINEAR,
  CS_ROPE_LLAMA3
} CsRopeType;

typedef struct
{
  CsRopeType type;
  double theta;
  double factor;
  double low, high; /* llama3: low_freq_factor and high_freq_factor */
  double original;  /* llama3: original_max_position_embeddings */
} CsRope;

/* Index of a rotary table. */
enum
{
  CS_ROPE_GLOBAL,
  CS_ROPE_LOCAL, /* of sliding layers */
  CS_N_ROPES
};

/* Everything that config.json says, defaults applied. sizes.vocab_size is 0 where only the
 * embedding's shape tells. */
typedef struct
{
  CsModelConfig sizes;
  const CsFamily *family;
  CsActivation activation;
  CsRope rope[CS_N_ROPES];
  bool slides[CS_MODEL_MAX_LAYERS]; /* which layers are local; they see everything where
                                     * sizes.sliding_window is 0 */
  bool attention_bias, mlp_bias;
} CsArchitecture;

/* name is what errors call config; generation (generation_config.json) may be NULL. */
bool cs_architecture_parse (CsArchitecture *architecture,
                            json_t *config,
                            const char *name,
                            json_t *generation,
                            const char *generation_name,
                            GError **error);
bool cs_architecture_load (CsArchitecture *architecture, const char *folder, GError **error);
size_t cs_architecture_dim (const CsArchitecture *architecture, CsDim dim);

/* The angles that a position adds to n_rotated / 2 pairs (after scaling). */
void cs_rope_frequencies (const CsRope *rope, size_t n_rotated, double *frequencies);
bool cs_rope_equal (const CsRope *a, const CsRope *b);

/* Elements of a block's norm; 0 where the family has no such norm. */
size_t cs_architecture_norm_size (const CsArchitecture *architecture, CsNormSlot slot);
/* Whether a product of the blocks has biases. */
bool cs_architecture_has_bias (const CsArchitecture *architecture, CsBiasRule rule);

/* --- Weights --- */

/* W [rows, cols] as it lies in the map. */
typedef struct
{
  size_t rows;
  CsDtype dtype;
  const void *stored;
} CsPart;

/* y = x Wᵀ (+ b), W [rows, cols] = its parts one below the other. */
typedef struct
{
  size_t rows, cols;
  size_t n_parts;
  CsPart parts[CS_LINEAR_MAX_PARTS];
  /* Where the weights are widened once, one of these is set: W as stored for what is looked up by
   * row, the transpose [cols, rows] for the products of blocks, which gemm packs faster. */
  const float *wide, *turned;
  const float *bias; /* [rows], NULL where there is none */
} CsLinear;

/* weight [n] (one added where the family asks for it), bias [n] or NULL; NULL weight: no such norm.
 */
typedef struct
{
  const float *weight, *bias;
} CsNorm;

typedef struct
{
  CsLinear linears[CS_N_LINEARS];
  CsNorm norms[CS_N_NORMS];
} CsBlock;

struct CsModel
{
  atomic_int ref_count;
  char *folder, *name;
  CsArchitecture architecture;
  CsSafetensors *file;
  const char *prefix; /* of the family's prefixes the one that the file uses */
  CsLinear embedding; /* [V, d]: looked up by row, and the head where that is tied */
  CsLinear head;      /* [V, d] */
  CsNorm final_norm;  /* [d] */
  CsBlock *blocks;    /* [L] */
  GPtrArray *owned;   /* the float32 arrays */
  size_t n_parameters, file_bytes;
  GArray *replacements; /* CsTokenReplacement, by id; NULL where there are none */
  pthread_mutex_t hash_lock;
  char *hash;
};

/* As cs_model_open() with another limit (0: nothing but norms and biases is widened). */
CsModel *cs_model_open_limited (const char *folder, size_t widen_limit, GError **error);

/* model-load.c: fills in the weights. */
bool cs_model_load_weights (CsModel *model, size_t widen_limit, GError **error);

/* What is read for an id; only where model->replacements is not NULL. */
int32_t cs_model_read_id (const CsModel *model, int32_t id);

/* Row `index` of a weight as float32, into row[cols]. */
void cs_linear_row (const CsLinear *linear, size_t index, float *row);
