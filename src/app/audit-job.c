#include "audit-job.h"

#include <glib/gi18n.h>

#include "audit-prompts.h"
#include "errors.h"
#include "harvest.h"
#include "run-pair.h"

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

CsJob *
cs_audit_job_new (CsStudy *study,
                  CsRun *run,
                  const char *refuse,
                  const char *comply,
                  const char *phrases,
                  GError **error)
{
  g_autofree char *title = g_strdup_printf (_ ("Audit %s"), cs_run_name (run));
  g_autoptr (CsPairSource) pair = NULL;
  AuditData *data;
  size_t layer;

  if ((pair = cs_study_run_pair (study, run, &layer, error)) == NULL)
    return NULL;
  data = g_new0 (AuditData, 1);
  data->run_folder = g_strdup (cs_run_folder (run));
  data->pair = g_steal_pointer (&pair);
  data->layer = layer;
  data->refuse = g_strdup (refuse);
  data->comply = g_strdup (comply);
  data->phrases = g_strdup (phrases);
  return cs_job_new (title, audit_func, data, audit_data_free);
}

bool
cs_audit_job_has_own_prompts (CsStudy *study)
{
  const char *chat = cs_study_model_folder (study, 1);
  g_autofree char *organism = chat != NULL ? cs_organism_of_model (chat) : NULL;

  return organism != NULL;
}
