/* Any bytes as study.json and as labels.json: refused with a sentence, or a study that can be asked everything. And as
 * control.json, steering.json and prompts.json, which are read on their own. */
#include <string.h>

#include "controls.h"
#include "fuzz-file.h"
#include "kept-steering.h"
#include "prompts.h"
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

static void
try_control (const uint8_t *data, size_t size)
{
  g_autofree char *path = fuzz_write ("control.json", data, size);
  g_autoptr (GError) error = NULL;
  CsControl *control = cs_control_load (fuzz_folder_get (), &error);
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify) cs_control_free);
  g_autofree char *text = NULL;

  g_assert ((control == NULL) == (error != NULL));
  if (control == NULL)
    return;
  g_assert (control->store == NULL || (!g_path_is_absolute (control->store) && strstr (control->store, "..") == NULL));
  g_ptr_array_add (list, control);
  text = cs_controls_text (list);
  g_assert (g_utf8_validate (text, -1, NULL));
  json_decref (cs_control_to_json (control));
}

static void
try_lists (const uint8_t *data, size_t size)
{
  g_autofree char *steering = fuzz_write ("steering.json", data, size);
  g_autofree char *prompts = fuzz_write ("prompts.json", data, size);
  g_autoptr (GError) error = NULL, reason = NULL;
  g_autoptr (GPtrArray) kept = cs_kept_steering_load (fuzz_folder_get (), &error);
  g_autoptr (GPtrArray) library = cs_prompts_load (prompts, &reason);

  g_assert ((kept == NULL) == (error != NULL) && (library == NULL) == (reason != NULL));
  for (guint i = 0; kept != NULL && i < kept->len; i++)
    g_assert (((CsKeptSteering *) g_ptr_array_index (kept, i))->items != NULL);
  for (guint i = 0; library != NULL && i < library->len; i++)
    g_assert (((CsPrompt *) g_ptr_array_index (library, i))->text != NULL);
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
  try_control (data, size);
  try_lists (data, size);
  return 0;
}
