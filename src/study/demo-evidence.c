/* What the demo's report shows beyond the claims: answers to read, and a control with nothing to find. */
#include "claims.h"
#include "controls.h"
#include "demo-private.h"
#include "kept-steering.h"

#define KEPT_PROMPTS 4
#define KEPT_TOKENS 40

static char *
answer (const CsDemoContext *context, const CsCrosscoder *crosscoder, const char *request, const CsSteerItem *items,
        size_t n_items, GError **error)
{
  CsSteerOptions options = { .layer = context->layer, .model = 1, .items = items, .n_items = n_items,
                             .sampling = { .max_tokens = KEPT_TOKENS, .top_p = 1 } };
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));

  if (!cs_steer_prompt (context->pair, request, true, ids, NULL, error))
    return NULL;
  return cs_steer_generate (context->job, context->pair, crosscoder, NULL, &options, (const int32_t *) (const void *) ids->data,
                            ids->len, NULL, NULL, NULL, error);
}

static bool
keep_answer (const CsDemoContext *context, const CsCrosscoder *crosscoder, const char *request, const CsSteerItem *items,
             size_t n_items, const char *note, GError **error)
{
  g_autoptr (CsKeptSteering) kept = cs_kept_steering_new (cs_demo_run_name (CS_VARIANT_BATCHTOPK), request);

  kept->note = g_strdup (note);
  g_array_append_vals (kept->items, items, (guint) n_items);
  kept->texts[CS_KEPT_CHAT_PLAIN] = answer (context, crosscoder, request, NULL, 0, error);
  if (kept->texts[CS_KEPT_CHAT_PLAIN] == NULL)
    return false;
  kept->texts[CS_KEPT_CHAT_STEERED] = answer (context, crosscoder, request, items, n_items, error);
  return kept->texts[CS_KEPT_CHAT_STEERED] != NULL && cs_kept_steering_add (context->study, kept, error);
}

bool
cs_demo_keep_answers (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsTestPrompt *prompts, size_t n_prompts,
                      const CsSteerItem *items, size_t n_items, const char *note, GError **error)
{
  for (size_t i = 0; context->study != NULL && i < MIN (n_prompts, KEPT_PROMPTS); i++)
    if (!keep_answer (context, crosscoder, prompts[i].request, items, n_items, note, error))
      return false;
  return true;
}

static CsRun *
find_run (CsStudy *study, CsVariant variant, GError **error)
{
  const char *name = cs_demo_run_name (variant);
  CsRun *run = cs_study_find_run (study, name);

  if (run == NULL && cs_study_adopt_run (study, name, error))
    run = cs_study_find_run (study, name);
  return run;
}

bool
cs_demo_null_control (CsJob *job, CsStudy *study, CsVariant variant, unsigned n_threads, json_t **summary, GError **error)
{
  /* One store does for both variants; the study's folder keeps it until the last of them is done. */
  CsControlOptions options = { .kind = CS_CONTROL_NULL, .n_threads = n_threads, .keep_store = variant != CS_VARIANT_L1 };
  CsRun *run = find_run (study, variant, error);
  g_autoptr (CsControlPlan) plan = run != NULL ? cs_control_plan_new (study, run, &options, error) : NULL;
  g_autofree char *phase = g_strdup_printf ("Control of %s: the base model against itself", cs_demo_run_name (variant));
  g_autofree char *folder = NULL;
  g_autoptr (CsLatents) latents = NULL;
  CsLatentSummary counts;

  if (plan == NULL)
    return false;
  cs_job_phase (job, phase);
  if (!cs_control_run (job, plan, NULL, error))
    return false;
  folder = g_build_filename (cs_study_folder (study), "runs", cs_control_plan_run_name (plan), NULL);
  if ((latents = cs_latents_load (folder, error)) == NULL)
    return false;
  cs_latents_summarise (latents, &counts);
  *summary = cs_claims_summary_json (&counts);
  return true;
}
