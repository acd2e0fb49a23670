/* What the parts of the activation store share: the handle, HDF5 helpers, the undo file.
 *
 * How a store survives a kill. All datasets have their planned size and all their chunks from the
 * beginning, and the chunk caches are off: appending a document is a few plain writes into space
 * that nothing else points to. Only then does `n_tokens_complete` move, eight bytes in place. The
 * one operation that rewrites HDF5's own structures is changing the datasets' size (a plan that was
 * too small, the cut at the end): before it the structures are saved to PATH.undo, which is removed
 * once the new ones are on disk and put back when the file is opened while it is there. */
#pragma once

#include <hdf5.h>

#include "running-moments.h"
#include "store.h"

/* The datasets with one entry a token, in the order in which they are made: the large one last, so
 * that what is cut off its end gives the space back. */
typedef enum
{
  CS_STORE_TOKEN_IDS,
  CS_STORE_POSITION,
  CS_STORE_CORPUS,
  CS_STORE_ACTIVATIONS,
  CS_STORE_N_COLUMNS,
} CsStoreColumn;

struct CsStore
{
  char *path;
  CsStoreInfo info;
  bool writable;
  bool failed;         /* a write failed: nothing more is appended through this handle */
  hid_t file, element; /* element: HDF5's type of one activation */
  hid_t columns[CS_STORE_N_COLUMNS];
  hid_t documents, mean, std, complete;
  size_t planned_tokens; /* what the datasets have room for */
  size_t planned_documents;
  size_t n_tokens, n_documents; /* complete: flushed */
  size_t appended_tokens, appended_documents;
  GArray *offsets;   /* int64_t [appended_documents + 1] */
  CsMoments moments; /* [2 · d_model], over moments.count appended tokens */
  uint8_t *scratch;  /* rows in the store's type */
  size_t scratch_size;
  float *row; /* [2, d_model] as a reader will see it */
};

#define CS_STORE_MAX_D_MODEL ((size_t)1 << 17)
#define CS_STORE_MAX_CORPORA 127

size_t cs_store_row_bytes (const CsStore *store); /* of [2, d_model] in the store's type */
void cs_store_need_scratch (CsStore *store, size_t rows);
void cs_store_close_ids (CsStore *store);
bool cs_store_open_ids (CsStore *store, GError **error);
/* Bytes in the store's type, checked to be finite; dst: n · cs_store_row_bytes(). */
bool cs_store_read_raw (CsStore *store, size_t first, size_t n, void *dst, GError **error);
/* Grows or cuts the datasets, safely; columns keep what they hold. */
bool cs_store_resize (CsStore *store, size_t tokens, size_t documents, GError **error);
/* Bytes still free where path is, for an unprivileged writer. */
bool cs_store_check_space (const char *path, uint64_t needed, GError **error);
bool cs_store_reserve (int fd, const char *path, uint64_t size, GError **error);
/* Index of the first value of n of the store's type that is not finite, or n. */
size_t cs_store_find_not_finite (CsDtype dtype, const void *values, size_t n);
/* Brings the moments to the appended tokens, reading what they have not seen. */
bool cs_store_catch_up (CsStore *store, GError **error);
bool cs_store_write_moments (CsStore *store, GError **error);

/* --- store-h5.c: HDF5 in small, checked steps; each thread's error printing is turned off on the
 * way --- */

void cs_h5_quiet (void);
hid_t cs_h5_half_type (void); /* IEEE binary16, little-endian; close it */
bool cs_h5_write_string (hid_t file, const char *name, const char *value);
bool cs_h5_write_strings (hid_t file, const char *name, char *const *values);
bool cs_h5_write_integer (hid_t file, const char *name, int64_t value);
bool
cs_h5_read_string (hid_t file, const char *path, const char *name, char **value, GError **error);
bool cs_h5_read_strings (hid_t file,
                         const char *path,
                         const char *name,
                         size_t max,
                         char ***values,
                         GError **error);
bool cs_h5_read_integer (hid_t file,
                         const char *path,
                         const char *name,
                         int64_t min,
                         int64_t max,
                         int64_t *value,
                         GError **error);
/* A dataset that lies in the file itself, of this type and rank; dims [n_dims] come back. */
hid_t cs_h5_open_dataset (hid_t file,
                          const char *path,
                          const char *name,
                          hid_t type,
                          int n_dims,
                          hsize_t *dims,
                          GError **error);
/* Entries [first, first + n) along the first dimension; the others whole. */
bool cs_h5_transfer (hid_t dataset, hid_t type, bool write, hsize_t first, hsize_t n, void *data);
/* "…: what could not be done", with the system's reason where there is one in errno. */
void cs_h5_set_io_error (GError **error, const char *path, const char *what);

/* --- store-undo.c --- */

char *cs_store_undo_path (const char *path);
/* Saves everything in the file that is not a chunk of the datasets. */
bool cs_store_undo_save (CsStore *store, GError **error);
bool cs_store_undo_forget (const char *path, GError **error);
/* Puts the saved structures back where a resize was interrupted; nothing to do without an undo
 * file. */
bool cs_store_undo_restore (const char *path, GError **error);
