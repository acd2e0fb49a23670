/* Any bytes as a file of PyTorch: refused with a sentence, or tensors whose every byte can be read. And as a crosscoder to
 * import. */
#include <string.h>

#include "crosscoder.h"
#include "exchange.h"
#include "fuzz-file.h"
#include "sentence.h"
#include "torch-file.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
read_all (const CsTorchFile *file)
{
  unsigned sum = 0;

  for (size_t i = 0; i < cs_torch_n_tensors (file); i++)
    {
      const CsTensor *tensor = cs_torch_nth (file, i);

      g_assert (cs_torch_find (file, tensor->name) == tensor);
      g_assert (tensor->n_bytes == tensor->n_elements * cs_dtype_size (tensor->dtype));
      for (size_t b = 0; b < tensor->n_bytes; b++)
        sum += ((const unsigned char *) tensor->data)[b];
    }
  g_assert (sum != 1u << 31);
}

static void
import_it (const char *path)
{
  g_autofree char *run = g_build_filename (fuzz_folder_get (), "run", NULL);
  g_autofree char *model = g_build_filename (run, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (run, "config.json", NULL);
  g_autoptr (GError) error = NULL;
  bool ok = cs_crosscoder_import (path, run, &CS_IMPORT_DEFAULT, NULL, &error);

  g_assert (ok == (error == NULL));
  if (!ok)
    sentence_check (error);
  g_unlink (model);
  g_unlink (config);
  g_rmdir (run);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *path = fuzz_write ("model.pt", data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTorchFile) file = cs_torch_open (path, &error);

  g_assert ((file == NULL) == (error != NULL));
  if (file == NULL)
    {
      sentence_check (error);
      return 0;
    }
  read_all (file);
  import_it (path);
  return 0;
}
