/* The activation cache of the authors' training library, from and to a store.
 *
 *   ROOT/MODEL/DATASET/SPLIT/tokens.pt            int64, all documents one after another
 *   ROOT/MODEL/DATASET/SPLIT/sequence_ranges.pt   int64, where each document begins, and the end of the last
 *   ROOT/MODEL/DATASET/SPLIT/layer_13_out/        one model's activations after block 13:
 *     shard_0.memmap …   raw row-major [n, d_model]: float32, float16, or bfloat16 as int16 bits
 *     shard_0.meta …     {"shape": [n, d_model], "dtype": "torch.float32"}
 *     config.json        {batch_size, context_len, shard_size, d_model, shuffle_shards, io, total_size, shard_count, …}
 *     mean.pt, std.pt, count.pt, M2.pt   float64 (std with n − 1), count int64 */
#pragma once

#include "job.h"
#include "store.h"

typedef struct {
  size_t      shard_size;   /* tokens; 0 = 1,000,000 */
  const char *split;        /* NULL = "train" */
  CsDtype     dtype;        /* CS_DTYPE_F32, F16 or BF16 (which rounds) */
  bool        has_dtype;    /* false = the store's own */
} CsMemmapOptions;

/* Writes a cache for both models under root, one DATASET a corpus. Replaces files of the same names. job may be NULL. */
bool cs_memmap_export (CsJob *job, const char *store_path, const char *root, const CsMemmapOptions *options,
                       GError **error);

/* Makes a store out of the caches of base and chat: each a layer_N_out folder, or a SPLIT folder with only one. Their tokens
 * have to be the same as far as both go; a document that one of them cuts off is left out. job may be NULL. */
bool cs_memmap_import (CsJob *job, const char *base_folder, const char *chat_folder, const char *store_path,
                       GError **error);
