/* Any bytes as study.json and as labels.json: refused with a sentence, or a study that can be asked everything. */
#include "fuzz-file.h"
#include "study.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
use (CsStudy *study)
{
  g_assert (cs_study_title (study) != NULL && cs_study_corpora (study) != NULL);
  for (int m = 0; m < 2; m++)
    {
      const char *folder = cs_study_model_folder (study, m);
      g_assert (folder == NULL || g_path_is_absolute (folder));
    }
  for (const char *const *path = cs_study_corpora (study); *path != NULL; path++)
    g_assert (g_path_is_absolute (*path));
  for (size_t latent = 0; latent < 4; latent++)
    {
      const CsLabel *label = cs_study_label (study, "l1-1", latent);
      g_assert (label == NULL || label->name == NULL || g_utf8_validate (label->name, -1, NULL));
    }
}

static void
try_open (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStudy) study = cs_study_open (fuzz_folder_get (), &error);

  g_assert ((study == NULL) == (error != NULL));
  if (study != NULL)
    use (study);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  static const char good[] = "{\"format_version\": 1}";
  g_autofree char *study = fuzz_write ("study.json", data, size), *labels = NULL;

  try_open ();
  g_free (g_steal_pointer (&study));
  study = fuzz_write ("study.json", good, sizeof good - 1);
  labels = fuzz_write ("labels.json", data, size);
  try_open ();
  g_unlink (labels);
  return 0;
}
