/* A small Llama-architecture model that can be trained: its parameters, forward and backward pass.
 *
 * All parameters lie in one buffer of float32, cut up by a table whose names and shapes are those
 * of a Hugging Face checkpoint, so that saving, zeroing and the optimiser are single loops. Within
 * a block q, k, v and gate, up follow each other and are used as one matrix. The head is tied to
 * the embedding.
 *
 * Letters: d = d_model, H heads of width e (H·e = d), F = d_ff, V = vocab_size, L = n_layers, T =
 * tokens of a batch. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

typedef struct
{
  size_t vocab_size, d_model, n_layers, n_heads, d_ff;
  size_t max_position; /* longest document */
  double norm_eps, rope_theta;
} CsTrainModelConfig;

typedef struct
{
  char *name; /* "model.layers.0.self_attn.q_proj.weight" */
  size_t n_dims, shape[2];
  size_t offset, n; /* floats, in the buffer */
} CsTrainParameter;

typedef struct
{
  CsTrainModelConfig config;
  size_t n_parameters; /* entries of the table */
  CsTrainParameter *parameters;
  size_t n_weights; /* floats in all */
  float *weights;
} CsTrainModel;

/* Normal weights (0.1 for the embedding, 1/√(fan in) for matrices) and norms of one; the matrices
 * that write into the residual stream begin at zero, so that the first steps see every token's own
 * embedding: several times fewer tokens are needed than when noise from the blocks drowns it. The
 * configuration has to make sense (d_model divisible by n_heads, even head width): asserted. */
CsTrainModel *cs_train_model_new (const CsTrainModelConfig *config, uint64_t seed);
CsTrainModel *cs_train_model_copy (const CsTrainModel *model);
void cs_train_model_free (CsTrainModel *model);

/* Documents one behind the other; a document attends to itself alone, from position 0. */
typedef struct
{
  size_t n_tokens, n_documents;
  const int32_t *ids;     /* [T] */
  const int32_t *targets; /* [T] the next token; any valid id where the weight is 0 */
  const float *weights;   /* [T] weight of each target in the loss */
  const size_t
      *starts; /* [n_documents + 1], first 0, last T; no document longer than max_position */
} CsTrainBatch;

/* Scratch for batches of up to max_tokens; one for each thread. */
typedef struct CsTrainScratch CsTrainScratch;

CsTrainScratch *cs_train_scratch_new (const CsTrainModelConfig *config, size_t max_tokens);
void cs_train_scratch_free (CsTrainScratch *scratch);

/* Σ weight · cross-entropy (nats) over the batch. gradients (n_weights floats) is added to; NULL
 * computes the loss alone. */
double cs_train_model_loss (const CsTrainModel *model,
                            CsTrainScratch *scratch,
                            const CsTrainBatch *batch,
                            float *gradients);
/* Logits [T, V] of a batch, for comparison with the runtime. */
void cs_train_model_logits (const CsTrainModel *model,
                            CsTrainScratch *scratch,
                            const CsTrainBatch *batch,
                            float *logits);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTrainModel, cs_train_model_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTrainScratch, cs_train_scratch_free)
