/* Files of crosscoders as others write them, made on the spot. */
#pragma once

#include "exchange.h"
#include "safetensors.h"

enum
{
  D = 4,
  F = 11,
  W = 2 * D
};

typedef struct
{
  float encoder[2 * D * F], decoder[2 * F * D], encoder_bias[2 * F], decoder_bias[W], mean[W],
      std[W];
  float gain[2], threshold[2], rms;
  int64_t id;
  int32_t k;
  CsTensor tensors[16];
  size_t n;
} Foreign;

void foreign_remove_tree (const char *path);
char *foreign_new_folder (void);

/* Random numbers; no tensor yet. */
void foreign_fill (Foreign *f, uint64_t seed);
void foreign_add (Foreign *f,
                  const char *name,
                  CsDtype dtype,
                  const void *data,
                  size_t n_dims,
                  const size_t *shape);
void foreign_add_weights (Foreign *f, bool old_bias);
void foreign_add_batch_top_k (Foreign *f, bool decoupled);
void foreign_add_id (Foreign *f, int id);
void foreign_add_normalisation (Foreign *f, bool with_gain);

/* safetensors, or PyTorch's where the name says .pt. Free the path with g_free(). */
char *foreign_write (const Foreign *f, const char *folder, const char *name);
void foreign_write_text (const char *folder, const char *name, const char *text);
/* Imports path into folder/run; NULL with error. */
CsCrosscoder *foreign_import (const char *path,
                              const char *folder,
                              const CsImportOptions *options,
                              char ***notes,
                              GError **error);
