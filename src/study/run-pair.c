#include "run-pair.h"

#include "controls.h"
#include "errors.h"

static CsPairSource *
usage (GError **error, const char *sentence)
{
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, sentence);
  return NULL;
}

static CsPairSource *
pair_of_control (CsStudy *study, const CsPairSource *own, const CsControl *control, GError **error)
{
  g_autofree char *chat = NULL;

  if (control->kind == CS_CONTROL_NULL)
    return usage (error, "This control compares the base model with itself: there is no chat model "
                         "for its latents to move.");
  if (control->base == NULL || control->chat == NULL)
    return cs_pair_source_elsewhere (own, own->folder[0], own->folder[1]);
  chat = g_path_is_absolute (control->chat)
             ? g_strdup (control->chat)
             : g_build_filename (cs_study_folder (study), control->chat, NULL);
  return cs_pair_source_elsewhere (own, control->base, chat);
}

CsPairSource *
cs_study_run_pair (CsStudy *study, CsRun *run, size_t *layer, GError **error)
{
  g_autoptr (CsPairSource) own = NULL;
  g_autoptr (CsControl) control = NULL;

  if (cs_study_model_folder (study, 0) == NULL || cs_study_model_folder (study, 1) == NULL)
    return usage (error, "Choose the folders of a base and a chat model first.");
  own = cs_study_pair_source (study);
  *layer = cs_study_layer (study);
  if (run == NULL || !cs_control_is (cs_run_folder (run)))
    return g_steal_pointer (&own);
  if ((control = cs_control_load (cs_run_folder (run), error)) == NULL)
    return NULL;
  *layer = control->layer;
  return pair_of_control (study, own, control, error);
}
