/* Any bytes as steering.json: refused with a sentence, or examples that can be shown and kept
 * again. */
#include "fuzz-file.h"
#include "kept-steering.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
use (const GPtrArray *examples)
{
  for (guint i = 0; i < examples->len; i++)
    {
      const CsKeptSteering *example = g_ptr_array_index (examples, i);

      g_assert (g_utf8_validate (example->prompt, -1, NULL));
      g_assert (example->items->len <= 256);
      for (guint k = 0; k < example->items->len; k++)
        g_assert (g_array_index (example->items, CsSteerItem, k).mode <= CS_STEER_ABLATE);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *path = fuzz_write ("steering.json", data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) examples = cs_kept_steering_load (fuzz_folder_get (), &error);

  g_assert ((examples == NULL) == (error != NULL));
  if (examples != NULL)
    use (examples);
  if (examples != NULL && examples->len > 0)
    g_assert (cs_kept_steering_remove (fuzz_folder_get (), 0, &error));
  return 0;
}
