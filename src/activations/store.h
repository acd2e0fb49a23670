/* The HDF5 activation store: the residual stream of both models, token by token.
 *
 *   /activations  float16 | float32 [n_tokens, 2, d_model]   after block `layer`; 0 = base, 1 =
 * chat /token_ids    int32 [n_tokens]        /documents  int64 [n_docs + 1]   first token of each
 * document /position     int32 [n_tokens]        /corpus     int8  [n_tokens]     which corpus it
 * came from /mean, /std   float64 [2, d_model]    over the complete tokens (std: population)
 *   attributes: format_version, layer, base_model, base_hash, chat_model, chat_hash,
 * tokenizer_hash, n_tokens_complete, corpora (names), and base_replacements where there are any
 *
 * A store is killed-safe: while it is being filled the datasets have their planned size, allocated
 * early, so that writing touches raw data only; n_tokens_complete (always the end of a document)
 * moves after the data is synced, and the datasets are cut to it when the harvest ends. Readers
 * never look beyond n_tokens_complete.
 *
 * A CsStore belongs to one thread at a time. Documents are counted complete only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#include "dtype.h"

#define CS_STORE_FORMAT_VERSION 1

typedef struct
{
  size_t d_model;
  size_t layer;  /* 0-based block: the store holds residual[layer + 1] */
  CsDtype dtype; /* CS_DTYPE_F16 or CS_DTYPE_F32 */
  char *base_model, *base_hash, *chat_model, *chat_hash, *tokenizer_hash;
  char **corpora; /* NULL-terminated names; /corpus indexes it */
  char *base_replacements; /* "128006=1432 …": tokens that the base model read as others; NULL */
} CsStoreInfo;

void cs_store_info_clear (CsStoreInfo *info);

typedef struct CsStore CsStore;

/* Makes path (replacing nothing: an existing file is an error), sized for planned_tokens and
 * planned_documents. The space on disk is reserved at once: a disk that is too full is an error
 * here, before any work. */
CsStore *cs_store_create (const char *path,
                          const CsStoreInfo *info,
                          size_t planned_tokens,
                          size_t planned_documents,
                          GError **error);
CsStore *cs_store_open (const char *path, bool writable, GError **error);
void cs_store_free (CsStore *store); /* flushes where it can, closes; complete documents stay */

const CsStoreInfo *cs_store_info (const CsStore *store);
const char *cs_store_path (const CsStore *store);
size_t cs_store_n_tokens (const CsStore *store); /* complete: what the last flush made permanent */
size_t cs_store_n_documents (const CsStore *store); /* complete */
bool cs_store_is_finished (const CsStore *store); /* the harvest ended and the datasets were cut */
/* n_documents + 1 offsets, owned by the store. */
const int64_t *cs_store_documents (const CsStore *store);

/* rows: [n, 2, d_model] float32; refused when not finite. Grows the datasets when the plan was too
 * small. */
bool cs_store_append_document (CsStore *store,
                               const int32_t *ids,
                               size_t n,
                               int corpus,
                               const float *rows,
                               GError **error);
/* Makes room at once for this many tokens and documents in all, where the plan was smaller; a disk
 * that is too full is an error that changes nothing. */
bool cs_store_plan (CsStore *store, size_t tokens, size_t documents, GError **error);
/* Makes what was appended permanent: data, fsync, then n_tokens_complete. */
bool cs_store_flush (CsStore *store, GError **error);
/* Flush, cut to size, write mean and std. */
bool cs_store_finish (CsStore *store, GError **error);

/* rows [n, 2, d_model] of tokens first … first+n−1. */
bool cs_store_read (CsStore *store, size_t first, size_t n, float *rows, GError **error);
/* Any of the outputs may be NULL. */
bool cs_store_read_tokens (CsStore *store,
                           size_t first,
                           size_t n,
                           int32_t *ids,
                           int32_t *position,
                           int8_t *corpus,
                           GError **error);
/* [2, d_model] each, over the complete tokens. */
bool cs_store_moments (CsStore *store, double *mean, double *std, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsStore, cs_store_free)
