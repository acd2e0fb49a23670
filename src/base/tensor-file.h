/* A file of named tensors, whichever of the two formats it has: safetensors or PyTorch's. */
#pragma once

#include "safetensors.h"

typedef struct CsTensorFile CsTensorFile;

/* By its first bytes, whatever its name ends in. */
CsTensorFile *cs_tensor_file_open (const char *path, GError **error);
void          cs_tensor_file_free (CsTensorFile *file);

const char     *cs_tensor_file_path (const CsTensorFile *file);
size_t          cs_tensor_file_n_tensors (const CsTensorFile *file);
const CsTensor *cs_tensor_file_nth (const CsTensorFile *file, size_t index);
/* From then on names are looked up with prefix before them (torch.compile's "_orig_mod."). */
void            cs_tensor_file_set_prefix (CsTensorFile *file, const char *prefix);
/* NULL where absent. */
const CsTensor *cs_tensor_file_find (const CsTensorFile *file, const char *name);
/* As cs_safetensors_get(). */
const CsTensor *cs_tensor_file_get (const CsTensorFile *file, const char *name, size_t n_dims, const size_t *shape,
                                    GError **error);
/* NULL where absent, and in a PyTorch file. */
const char     *cs_tensor_file_metadata (const CsTensorFile *file, const char *key);
/* "[2, 64, 512]"; free with g_free(). */
char           *cs_tensor_shape_text (const CsTensor *tensor);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTensorFile, cs_tensor_file_free)
