/* Any bytes as a safetensors file: what the parser accepts has to lie inside them, byte for byte.
 */
#include <glib.h>

#include "safetensors-private.h"
#include "sentence.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check_entries (const uint8_t *data, size_t size, size_t data_start, GArray *entries)
{
  size_t n_covered = 0;
  volatile uint8_t sum = 0;

  g_assert (data_start <= size);
  for (guint i = 0; i < entries->len; i++)
    {
      const CsHeaderEntry *entry = &g_array_index (entries, CsHeaderEntry, i);

      g_assert (entry->tensor.n_dims <= CS_TENSOR_MAX_DIMS);
      g_assert (entry->tensor.n_bytes ==
                entry->tensor.n_elements * cs_dtype_size (entry->tensor.dtype));
      g_assert (entry->begin <= entry->end && entry->end - entry->begin == entry->tensor.n_bytes);
      for (size_t j = entry->begin; j < entry->end; j++)
        sum = (uint8_t) (sum + data[data_start + j]);
      n_covered += entry->tensor.n_bytes;
    }
  g_assert (n_covered == size - data_start);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (CsHeaderEntry));
  g_autoptr (GHashTable) metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  g_autoptr (GError) error = NULL;
  size_t data_start = 0;

  g_array_set_clear_func (entries, cs_header_entry_clear);
  if (cs_safetensors_parse (data, size, "input", entries, metadata, &data_start, &error))
    check_entries (data, size, data_start, entries);
  else
    sentence_check (error);
  return 0;
}
