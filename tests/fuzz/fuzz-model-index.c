/* Any bytes as the model.safetensors.index.json of a folder with three shards: refused with a
 * sentence, or tensors of that folder, each in the shard that the index names. */
#include <string.h>

#include "fuzz-file.h"
#include "sentence.h"
#include "safetensors.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const float numbers[3] = { 1, 2, 3 };

static void
write_shard (const char *folder, const char *name, const char *first, const char *second)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  CsTensor tensors[2];

  for (int i = 0; i < 2; i++)
    tensors[i] = (CsTensor){ .name = i == 0 ? first : second,
                             .dtype = CS_DTYPE_F32,
                             .n_dims = 1,
                             .shape = { G_N_ELEMENTS (numbers) },
                             .n_elements = G_N_ELEMENTS (numbers),
                             .data = numbers,
                             .n_bytes = sizeof numbers };
  g_assert_true (cs_safetensors_write (path, tensors, second != NULL ? 2 : 1, NULL, NULL));
}

/* FOLDER/model, with a file beside it that no index may reach. “x” is in two shards. */
static const char *
make_model (void)
{
  static char folder[4096];

  if (folder[0] != '\0')
    return folder;
  g_snprintf (folder, sizeof folder, "%s/model", fuzz_folder_get ());
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  write_shard (folder, "a.safetensors", "x", "y");
  write_shard (folder, "b.safetensors", "z", NULL);
  write_shard (folder, "again.safetensors", "x", "w");
  write_shard (fuzz_folder_get (), "outside.safetensors", "secret", NULL);
  return folder;
}

static void
check (const CsSafetensors *file)
{
  g_assert (cs_safetensors_n_tensors (file) >= 1 && cs_safetensors_n_tensors (file) <= 3);
  g_assert (cs_safetensors_find (file, "secret") == NULL);
  for (size_t i = 0; i < cs_safetensors_n_tensors (file); i++)
    {
      const CsTensor *tensor = cs_safetensors_nth (file, i);

      g_assert (strlen (tensor->name) == 1 && strchr ("xyzw", tensor->name[0]) != NULL);
      g_assert (cs_safetensors_find (file, tensor->name) == tensor);
      g_assert (tensor->n_bytes == sizeof numbers);
      g_assert (memcmp (tensor->data, numbers, sizeof numbers) == 0);
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *folder = make_model ();
  g_autofree char *path = fuzz_write ("model/model.safetensors.index.json", data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsSafetensors) file = cs_safetensors_open_model (folder, &error);

  g_assert ((file == NULL) == (error != NULL));
  if (file == NULL)
    {
      sentence_check (error);
      return 0;
    }
  check (file);
  g_free (cs_safetensors_hash ((CsSafetensors *)file));
  return 0;
}
