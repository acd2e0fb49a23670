/* A decoder-only transformer from a Hugging Face model folder.
 *
 * Shapes: T tokens, d = d_model, V = vocab_size, L = n_layers. The residual stream is indexed as in
 * the papers' code: residual[0] enters block 0, residual[k] is the output of block k−1, before the
 * final norm. "The residual stream after block l" (layer l of the crosscoder papers) is therefore
 * residual[l + 1].
 *
 * A CsModel is immutable once open and may be shared by any number of threads; what a run needs is
 * in a CsSession. Weights stay in the memory map in their stored type and are widened to float32
 * when a block of them is used (or once, when the whole model is small). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#include "team.h"

typedef struct
{
  const char *model_type; /* "llama"; "gemma3_text" for the text part of a larger Gemma 3 */
  size_t vocab_size, d_model, n_layers, n_heads, n_kv_heads, head_dim, d_ff;
  size_t max_position; /* max_position_embeddings: what the model was made for, not a hard limit */
  double norm_eps;
  double rope_theta;        /* of layers that see everything */
  double local_theta;       /* of sliding layers, where it is another; else the same */
  const char *rope_scaling; /* "linear", "llama3" or NULL */
  size_t n_rotated;         /* dimensions of a head that rotary positions turn */
  size_t sliding_window;    /* positions that a sliding layer sees; 0 where no layer slides */
  size_t n_sliding;         /* how many layers slide: cs_model_layer_slides() tells which */
  double attention_scale;   /* of q·k */
  double attention_softcap; /* c of c·tanh (score / c); 0 for none */
  double final_softcap;     /* the same for the logits */
  double embedding_scale;   /* what embeddings are multiplied by */
  const char *activation;   /* "silu", "gelu", "gelu_pytorch_tanh" */
  bool gated_mlp;           /* down (act (gate x) · up x), else down (act (up x)) */
  bool parallel_residual;   /* attention and MLP read the same residual stream */
  bool tied_head;
  int32_t bos_id; /* −1 where there is none */
  size_t n_eos;   /* end tokens: generation_config.json wins over config.json */
  int32_t eos_ids[16];
} CsModelConfig;

typedef struct CsModel CsModel;

/* Reads config.json, generation_config.json and the weights' headers; checks every tensor's name,
 * type and shape. folder: whatever cs_model_folder_resolve() understands. */
CsModel *cs_model_open (const char *folder, GError **error);
CsModel *cs_model_ref (CsModel *model); /* atomic */
void cs_model_unref (CsModel *model);

const CsModelConfig *cs_model_config (const CsModel *model);
bool cs_model_layer_slides (const CsModel *model, size_t layer);
const char *cs_model_folder (const CsModel *model); /* as given, or what that was resolved to */
const char *cs_model_name (const CsModel *model);   /* last part of the folder's path; of a cache
                                                     * folder the model's name */
const char *cs_model_dtype (const CsModel *model);  /* of the embedding: "BF16" … */
size_t cs_model_n_parameters (const CsModel *model);
size_t cs_model_file_bytes (const CsModel *model);
/* SHA-256 as hexadecimal that tells these weights from others; owned by the model; computed on
 * first use (thread-safe). Of files of up to 64 MiB together it covers every byte; of larger ones
 * the names, types and shapes of all tensors and 48 KiB of each (its beginning, middle and end),
 * which any training changes, so that 5 GB take well under a second. */
const char *cs_model_hash (CsModel *model);

/* --- Taps: the one way into the residual stream --- */

/* Called with rows of residual[at] for the positions first … first+n−1 as the forward pass reaches
 * them; may read or change them. rows: [n_rows, d_model] float32. Runs on the thread that called
 * cs_session_forward(). */
typedef void (*CsTapFunc) (void *data, size_t first_position, size_t n_rows, float *rows);

typedef struct
{
  size_t at; /* 0 … n_layers */
  CsTapFunc func;
  void *data; /* borrowed */
} CsTap;

/* --- A run of a model over one growing sequence: KV cache and scratch --- */

typedef struct CsSession CsSession;

typedef enum
{
  CS_LOGITS_NONE,
  CS_LOGITS_LAST,
  CS_LOGITS_ALL
} CsLogits;

/* capacity: the most positions this session can hold. team is borrowed, may be NULL, and has to
 * outlive the session. */
CsSession *cs_session_new (CsModel *model, CsTeam *team, size_t capacity);
void cs_session_free (CsSession *session);
CsModel *cs_session_model (const CsSession *session); /* borrowed */
void cs_session_reset (CsSession *session);           /* back to position 0; taps stay */
/* Drops everything from `position` on, to continue from there. */
void cs_session_truncate (CsSession *session, size_t position);
size_t cs_session_position (const CsSession *session);
size_t cs_session_capacity (const CsSession *session);
/* Taps run in order of `at`, then in the order given; copied. */
void cs_session_set_taps (CsSession *session, const CsTap *taps, size_t n_taps);

/* Runs n tokens after those already in the cache, through the first n_blocks blocks (n_layers for
 * all: only then are there logits). logits: [V] for LAST, [n, V] for ALL, ignored for NONE. Errors:
 * an id outside the vocabulary, no room, numbers that are not finite. A session that failed has to
 * be reset. */
bool cs_session_forward (CsSession *session,
                         const int32_t *ids,
                         size_t n,
                         size_t n_blocks,
                         CsLogits which,
                         float *logits,
                         GError **error);
/* Goes on in the middle: as cs_session_forward() through all blocks with a tap at `first_block` that
 * puts rows[n, d_model] in the place of the stream there, to the bit, but blocks before it and their
 * taps, and those at first_block itself, are not run; first_block 0 … n_layers. For many variants of
 * one stream. What is put into the cache this way can be gone on from at this block or a later one
 * only. */
bool cs_session_forward_from (CsSession *session,
                              size_t first_block,
                              const float *rows,
                              size_t n,
                              CsLogits which,
                              float *logits,
                              GError **error);

/* The logit lens: logits[V] of a residual row [d] through the model's own final norm and head. */
void cs_model_lens (const CsModel *model, const float *row, float *logits);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsModel, cs_model_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsSession, cs_session_free)
