#include "audit-job.h"

#include <glib/gi18n.h>

#include "audit-prompts.h"
#include "controls.h"
#include "errors.h"
#include "harvest.h"

typedef struct
{
  CsPairSource *pair;
  char *run_folder, *refuse, *comply, *phrases;
  size_t layer;
} AuditData;

static void
audit_data_free (void *data)
{
  AuditData *d = data;

  g_free (d->run_folder);
  cs_pair_source_unref (d->pair);
  g_free (d->refuse);
  g_free (d->comply);
  g_free (d->phrases);
  g_free (d);
}

static bool
load_prompts (const AuditData *d, GArray **refuse, GArray **comply, GError **error)
{
  g_autofree char *organism = NULL;

  if (d->refuse != NULL && d->comply != NULL)
    return (*refuse = cs_audit_prompts_load (d->refuse, error)) != NULL &&
           (*comply = cs_audit_prompts_load (d->comply, error)) != NULL;
  organism = cs_organism_of_model (d->pair->folder[1]);
  if (organism != NULL)
    return cs_audit_prompts_of_organism (organism, 0, refuse, comply, error);
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                       _ ("Choose two files of prompts: those to be refused and those to be "
                          "answered."));
  return false;
}

static bool
audit_func (CsJob *job, void *data, GError **error)
{
  const AuditData *d = data;
  g_autoptr (CsPair) pair = cs_pair_source_open (d->pair, error);
  g_autoptr (CsCrosscoder) crosscoder =
      pair != NULL ? cs_crosscoder_load (d->run_folder, error) : NULL;
  g_autoptr (CsLatents) latents =
      crosscoder != NULL ? cs_latents_load (d->run_folder, error) : NULL;
  g_autoptr (CsRefusalRule) rule =
      latents != NULL ? cs_refusal_rule_parse (d->phrases, _ ("The list of phrases"), error) : NULL;
  g_autoptr (GArray) refuse = NULL, comply = NULL;
  g_autoptr (CsRefusalAudit) audit = NULL;
  CsAuditOptions options = { .layer = d->layer };

  if (rule == NULL || !load_prompts (d, &refuse, &comply, error))
    return false;
  if (options.layer == CS_LAYER_MIDDLE)
    options.layer = cs_layer_middle (cs_model_config (pair->model[0])->n_layers);
  audit = cs_refusal_audit (job, pair, crosscoder, latents, refuse, comply, rule, &options, error);
  return audit != NULL && cs_refusal_audit_save (audit, d->run_folder, error);
}

/* A control compares other models, or reads another layer. */
static void
use_control (AuditData *d, CsStudy *study, CsRun *run)
{
  g_autoptr (CsPairSource) of_study = NULL;
  g_autofree char *chat = NULL;
  g_autoptr (CsControl) control =
      cs_control_is (cs_run_folder (run)) ? cs_control_load (cs_run_folder (run), NULL) : NULL;

  if (control == NULL)
    return;
  d->layer = control->layer;
  if (control->base == NULL || control->chat == NULL)
    return;
  chat = g_path_is_absolute (control->chat)
             ? g_strdup (control->chat)
             : g_build_filename (cs_study_folder (study), control->chat, NULL);
  of_study = d->pair;
  d->pair = cs_pair_source_elsewhere (of_study, control->base, chat);
}

CsJob *
cs_audit_job_new (CsStudy *study,
                  CsRun *run,
                  const char *refuse,
                  const char *comply,
                  const char *phrases,
                  GError **error)
{
  g_autofree char *title = g_strdup_printf (_ ("Audit %s"), cs_run_name (run));
  AuditData *data;

  if (cs_study_model_folder (study, 0) == NULL || cs_study_model_folder (study, 1) == NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           _ ("Choose the folders of a base and a chat model first."));
      return NULL;
    }
  data = g_new0 (AuditData, 1);
  data->run_folder = g_strdup (cs_run_folder (run));
  data->pair = cs_study_pair_source (study);
  data->layer = cs_study_layer (study);
  data->refuse = g_strdup (refuse);
  data->comply = g_strdup (comply);
  data->phrases = g_strdup (phrases);
  use_control (data, study, run);
  return cs_job_new (title, audit_func, data, audit_data_free);
}

bool
cs_audit_job_has_own_prompts (CsStudy *study)
{
  const char *chat = cs_study_model_folder (study, 1);
  g_autofree char *organism = chat != NULL ? cs_organism_of_model (chat) : NULL;

  return organism != NULL;
}
