/* PyTorch's files of tensors (.pt, .pth, .bin), read and written without Python.
 *
 * A file is a zip of stored entries: a pickle that says which tensors there are, and one entry a storage. Reading maps the
 * file; a contiguous tensor is a view into the map, any other is put in order in memory. Nothing in the file is executed:
 * what is not a tensor or a plain value is refused by name (pickle.h). Files that torch.save wrote before version 1.6
 * are refused with a sentence that says so.
 *
 * Tensors in nested dictionaries and lists are named by their keys with dots between ("model.encoder.weight"); a file that
 * is one bare tensor names it "". Plain values beside tensors are passed over. An open CsTorchFile is immutable and
 * may be read by any number of threads. */
#pragma once

#include "safetensors.h"

typedef struct CsTorchFile CsTorchFile;

CsTorchFile *cs_torch_open (const char *path, GError **error);
void         cs_torch_free (CsTorchFile *file);

size_t          cs_torch_n_tensors (const CsTorchFile *file);
const CsTensor *cs_torch_nth (const CsTorchFile *file, size_t index);          /* in the order of the file */
const CsTensor *cs_torch_find (const CsTorchFile *file, const char *name);     /* NULL where absent */

/* Writes tensors (as for cs_safetensors_write()) that torch.load (path, weights_only=True) reads as a dictionary; one tensor
 * named "" as itself. F64, F32, F16, BF16, I64, I32, I16, I8, U8 and BOOL. */
bool cs_torch_write (const char *path, const CsTensor *tensors, size_t n_tensors, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTorchFile, cs_torch_free)
