/* The safetensors format (lm-reference: 8 bytes little-endian header length, JSON header, data).
 *
 * Reading memory-maps the file; tensors are views into the map and live as long as the CsSafetensors. A header is
 * hostile until proven: its length, its JSON, every shape product and every offset are checked, offsets must cover
 * the data in order without holes or overlaps, and names must be unique. An open CsSafetensors is immutable and may
 * be read by any number of threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#include "dtype.h"

#define CS_TENSOR_MAX_DIMS 8

typedef struct {
  const char *name;                    /* owned by the file */
  CsDtype     dtype;
  size_t      n_dims;                  /* 0 for a scalar */
  size_t      shape[CS_TENSOR_MAX_DIMS];
  size_t      n_elements;
  const void *data;                    /* in the map: any alignment, little-endian; valid when n_elements is 0 too */
  size_t      n_bytes;
} CsTensor;

typedef struct CsSafetensors CsSafetensors;

CsSafetensors *cs_safetensors_open (const char *path, GError **error);
/* The weights of a model folder: model.safetensors, or model.safetensors.index.json and its shards (a shard that
 * leaves the folder is refused). */
CsSafetensors *cs_safetensors_open_model (const char *folder, GError **error);
void cs_safetensors_free (CsSafetensors *file);

size_t          cs_safetensors_n_tensors (const CsSafetensors *file);
const CsTensor *cs_safetensors_nth (const CsSafetensors *file, size_t index);
const CsTensor *cs_safetensors_find (const CsSafetensors *file, const char *name); /* NULL where absent */
/* As find, but a missing tensor or another shape is an error that names file, tensor and both shapes. */
const CsTensor *cs_safetensors_get (const CsSafetensors *file, const char *name, size_t n_dims,
                                    const size_t *shape, GError **error);
const char     *cs_safetensors_metadata (const CsSafetensors *file, const char *key);  /* NULL where absent */
/* SHA-256 as hexadecimal; computed once, then kept. Over every byte where the shards have up to 64 MiB together;
 * else over the name, type and shape of each tensor and 16 KiB at the beginning, the middle and the end of its
 * data, in the order of the names. Free with g_free(). */
char           *cs_safetensors_hash (CsSafetensors *file);

/* Writes tensors (name, dtype, n_dims, shape, data, n_bytes filled in; data aligned to its dtype) and string pairs of
 * metadata (key, value, …, NULL; may be NULL) to path, replacing it whole. */
bool cs_safetensors_write (const char *path, const CsTensor *tensors, size_t n_tensors,
                           const char *const *metadata, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsSafetensors, cs_safetensors_free)
