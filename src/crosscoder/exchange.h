/* Crosscoders of others, in and out.
 *
 * In: the hub format of dictionary_learning (model.safetensors + config.json), its training checkpoints (.pt), and the
 * layout of ckkissane's replication (cc_weights.pt + cfg.json, or version_N/i.pt + i_cfg.json). What else looks like a
 * dictionary (an SAE, a diff-SAE, SAELens, sparsify, a crosscoder over layers, a tied one) is refused with a sentence that
 * says what it is.
 * Out: the hub format, and one latent as a control vector for llama.cpp. */
#pragma once

#include "crosscoder.h"

typedef struct {
  /* What each model's activations were multiplied by before the crosscoder saw them, where its files do not say so (the
   * replication's √d / mean ‖h‖): folded into the weights, so that it reads raw activations. 0 = not given. */
  double scale[2];
  long   layer;                  /* 0-based block; −1 = as the files say */
} CsImportOptions;

#define CS_IMPORT_DEFAULT ((CsImportOptions) { .layer = -1 })

/* Makes run_folder (which must hold no run yet) like one of ours: config.json with an object "imported" {format, from,
 * notes}, and model.safetensors. There is no optimiser state: training cannot go on. notes (may be NULL) gets sentences
 * for the user (NULL-terminated, free with g_strfreev()). path: a file, or a folder that holds one. */
bool cs_crosscoder_import (const char *path, const char *run_folder, const CsImportOptions *options, char ***notes,
                           GError **error);
/* Whether path is what cs_crosscoder_import() takes; else an error that says what it is. Reads no weights. */
bool cs_crosscoder_recognise (const char *path, GError **error);
/* Whether a run was imported: it has weights but was not trained here. */
bool cs_run_is_imported (const char *run_folder);
/* Whether it is a BatchTopK crosscoder whose threshold is not known, so that it encodes nothing before
 * cs_crosscoder_calibrate_on_store(). Reads no weights; false where there is no crosscoder. */
bool cs_run_needs_threshold (const char *run_folder);

/* model.safetensors, config.json (the constructor's arguments) and trainer_config.json into folder, made where missing,
 * for CrossCoder or BatchTopKCrossCoder.from_pretrained (folder, from_hub=True). A TopK crosscoder has no class there:
 * CS_ERROR_UNSUPPORTED. */
bool cs_crosscoder_export_hub (const char *run_folder, const char *folder, GError **error);

typedef struct {
  size_t      latent;
  unsigned    model;             /* whose decoder row: 0 = base, 1 = chat */
  size_t      layer;             /* 0-based block after which it is added; llama.cpp takes 1 and up */
  double      activation;        /* v that a strength of 1 stands for (the latent's maximum); 0 = a vector of length 1 */
  const char *architecture;      /* model_hint: llama.cpp's name of the model's kind ("gemma2"); NULL = "" */
} CsControlVectorOptions;

/* A GGUF file with the tensor direction.LAYER: what steering adds at scale 1, in raw space. */
bool cs_control_vector_export (const CsCrosscoder *crosscoder, const CsControlVectorOptions *options, const char *path,
                               GError **error);
