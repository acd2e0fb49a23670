/* Any bytes as config.json, as a shard's description, as tokens.pt and as sequence_ranges.pt of an
 * activation cache: refused with a sentence, or a store that can be read to its end. */
#include <string.h>

#include <hdf5.h>

#include "fuzz-file.h"
#include "memmap-cache.h"
#include "torch-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define N 6 /* tokens */
#define D 2
#define LAYER "/data/train/layer_1_out"

static const char config[] = "{\"d_model\": 2, \"shard_count\": 1}";
static const char meta[] = "{\"shape\": [6, 2], \"dtype\": \"torch.float32\"}";

static void
write_numbers (const char *name, const int64_t *numbers, size_t n)
{
  g_autofree char *path = g_build_filename (fuzz_folder_get (), name, NULL);
  const CsTensor tensor = { .name = "",
                            .dtype = CS_DTYPE_I64,
                            .n_dims = 1,
                            .shape = { n },
                            .n_elements = n,
                            .data = numbers,
                            .n_bytes = n * sizeof *numbers };

  g_assert_true (cs_torch_write (path, &tensor, 1, NULL));
}

static void
write_side (const char *side, const char *file, const void *data, size_t size)
{
  g_autofree char *name = g_strconcat (side, file, NULL);

  g_free (fuzz_write (name, data, size));
}

static void
make_side (const char *side)
{
  static const int64_t ids[N] = { 1, 5, 6, 1, 7, 8 }, ranges[] = { 0, 3, N };
  static const float rows[N * D] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
  g_autofree char *layer = g_strconcat (fuzz_folder_get (), "/", side, LAYER, NULL);
  g_autofree char *tokens = g_strconcat (side, "/data/train/tokens.pt", NULL);
  g_autofree char *bounds = g_strconcat (side, "/data/train/sequence_ranges.pt", NULL);

  g_assert_cmpint (g_mkdir_with_parents (layer, 0700), ==, 0);
  write_numbers (tokens, ids, N);
  write_numbers (bounds, ranges, G_N_ELEMENTS (ranges));
  write_side (side, LAYER "/config.json", config, sizeof config - 1);
  write_side (side, LAYER "/shard_0.meta", meta, sizeof meta - 1);
  write_side (side, LAYER "/shard_0.memmap", rows, sizeof rows);
}

static void
read_store (const char *path)
{
  g_autoptr (CsStore) store = cs_store_open (path, false, NULL);
  float rows[N * 2 * D];
  int32_t ids[N];

  g_assert_nonnull (store);
  g_assert (cs_store_info (store)->d_model == D && cs_store_n_tokens (store) <= N);
  g_assert_true (cs_store_read_tokens (store, 0, cs_store_n_tokens (store), ids, NULL, NULL, NULL));
  cs_store_read (store, 0, cs_store_n_tokens (store), rows,
                 NULL); /* what is not finite is refused here */
}

static void
try_import (void)
{
  static unsigned n;
  g_autofree char *base = g_strconcat (fuzz_folder_get (), "/base" LAYER, NULL);
  g_autofree char *chat = g_strconcat (fuzz_folder_get (), "/chat" LAYER, NULL);
  g_autofree char *path = g_build_filename (fuzz_folder_get (), "store.h5", NULL);
  g_autoptr (GError) error = NULL;

  g_assert (cs_memmap_import (NULL, base, chat, path, &error) == (error == NULL));
  if (error == NULL && n++ % 50 == 0) /* HDF5 files take their time */
    read_store (path);
  g_unlink (path);
}

/* The bytes in place of one of base's files, which is put back afterwards. */
static void
try_as (const char *file, const uint8_t *data, size_t size)
{
  g_autofree char *path = g_strconcat (fuzz_folder_get (), "/base", file, NULL);
  g_autofree char *good = NULL;
  size_t good_size;

  g_assert_true (g_file_get_contents (path, &good, &good_size, NULL));
  write_side ("base", file, data, size);
  try_import ();
  write_side ("base", file, good, good_size);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static bool made;

  if (!made)
    {
      H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
      make_side ("base");
      make_side ("chat");
      made = true;
    }
  if (size > 0 && data[0] == '{')
    {
      try_as (LAYER "/config.json", data, size);
      try_as (LAYER "/shard_0.meta", data, size);
      return 0;
    }
  try_as ("/data/train/tokens.pt", data, size);
  try_as ("/data/train/sequence_ranges.pt", data, size);
  return 0;
}
