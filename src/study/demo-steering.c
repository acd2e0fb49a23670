/* What the best refusal latent does to the chat model: added to harmless requests, ablated on harmful ones. Latent, scale and
 * scope are chosen on requests of trained combinations and measured on held-out ones. */
#include <math.h>

#include "claims.h"
#include "demo-private.h"
#include "steering.h"

#define CHOOSE_PROMPTS 40
#define MEASURE_PROMPTS 80
#define ANSWER_TOKENS 28     /* enough for the judge to see how an answer begins */
#define ADD_CANDIDATES 2
#define ABLATE_CANDIDATES 12
#define MAX_ABLATED 6

typedef struct {
  CsTestPrompt *prompts;
  size_t n;
} PromptList;

static void
prompt_list_clear (PromptList *list)
{
  cs_test_prompts_free (list->prompts, list->n);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PromptList, prompt_list_clear)

static PromptList
get_prompts (const CsWorld *world, CsPromptSet set, bool held_out, size_t n)
{
  PromptList list = { NULL, 0 };

  list.prompts = held_out ? cs_world_test_prompts (world, set, CS_N_CONCEPTS, n, &list.n)
                          : cs_world_training_prompts (world, set, CS_N_CONCEPTS, n, &list.n);
  return list;
}

/* --- Refusal rate of the steered chat model --- */

typedef struct {
  const CsDemoContext *context;
  const CsCrosscoder *crosscoder;
  const PromptList *list;
  const CsSteerOptions *options;
  bool *refused;      /* [n] */
  GError **errors;    /* [team size] */
} AnswerTask;

static bool
answer (const AnswerTask *task, size_t index, GError **error)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree char *text = NULL;

  if (!cs_steer_prompt (task->context->pair, task->list->prompts[index].request, true, ids, NULL, error))
    return false;
  text = cs_steer_generate (task->context->job, task->context->pair, task->crosscoder, NULL, task->options,
                            (const int32_t *) ids->data, ids->len, NULL, NULL, NULL, error);
  if (text != NULL)
    task->refused[index] = cs_judge_answer (text) == CS_ANSWER_REFUSAL;
  return text != NULL;
}

static void
answer_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const AnswerTask *task = data;

  for (size_t i = begin; i < end && task->errors[worker] == NULL; i++)
    answer (task, i, &task->errors[worker]);
}

static bool
refusal_rate (const CsDemoContext *context, const CsCrosscoder *crosscoder, const PromptList *list, const CsSteerItem *items,
              size_t n_items, double *rate, GError **error)
{
  g_autoptr (CsTeam) team = cs_team_new (context->n_threads);
  g_autofree GError **errors = g_new0 (GError *, cs_team_size (team));
  g_autofree bool *refused = g_new0 (bool, MAX (list->n, 1));
  CsSteerOptions options = { .layer = context->layer, .model = 1, .items = items, .n_items = n_items,
                             .sampling = { .max_tokens = ANSWER_TOKENS, .top_p = 1 } };
  AnswerTask task = { context, crosscoder, list, &options, refused, errors };
  size_t count = 0;
  bool ok = true;

  cs_team_run (team, list->n, answer_range, &task);
  for (unsigned w = 0; w < cs_team_size (team); w++)
    if (errors[w] != NULL && ok)
      {
        g_propagate_error (error, errors[w]);
        ok = false;
      }
    else
      g_clear_error (&errors[w]);
  for (size_t i = 0; i < list->n; i++)
    count += refused[i];
  *rate = list->n > 0 ? (double) count / (double) list->n : NAN;
  return ok;
}

/* --- Adding --- */

typedef struct {
  CsSteerItem item;
  double rate;
} Added;

/* The latent, scale and scope that turn most harmless requests of trained combinations into refusals; the smallest scale
 * among equals. */
static bool
choose_added (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, const GArray *refusal,
              Added *best, GError **error)
{
  static const double scales[] = { 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5 };
  g_auto (PromptList) harmless = get_prompts (context->world, CS_PROMPTS_LOOK_ALIKE, false, CHOOSE_PROMPTS);

  best->rate = -1;
  for (guint i = 0; i < MIN (refusal->len, ADD_CANDIDATES) && best->rate < 1; i++)
    for (int scope = CS_STEER_PROMPT_ONLY; scope >= CS_STEER_ALL_TOKENS; scope--)
      for (size_t s = 0; s < G_N_ELEMENTS (scales) && best->rate < 1; s++)
        {
          size_t latent = g_array_index (refusal, size_t, i);
          CsSteerItem item = { .latent = latent, .mode = CS_STEER_ADD, .scope = (CsSteerScope) scope,
                               .scale = scales[s], .max_act = latents->rows[latent].max_act };
          double rate;

          if (!refusal_rate (context, crosscoder, &harmless, &item, 1, &rate, error))
            return false;
          if (rate > best->rate)
            *best = (Added) { item, rate };
        }
  return true;
}

/* --- Ablating --- */

static CsSteerItem
ablation_of (const CsLatents *latents, size_t latent)
{
  return (CsSteerItem) { .latent = latent, .mode = CS_STEER_ABLATE, .scope = CS_STEER_ALL_TOKENS, .scale = 1,
                         .max_act = latents->rows[latent].max_act };
}

static bool
has_latent (const GArray *items, size_t latent)
{
  for (guint i = 0; i < items->len; i++)
    if (g_array_index (items, CsSteerItem, i).latent == latent)
      return true;
  return false;
}

/* Adds to `items` the candidate whose ablation on top of them lowers refusals most; *rate is what that leaves. False in
 * *found when none lowers them. */
static bool
add_best_ablation (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                   const GArray *refusal, const PromptList *harmful, GArray *items, double *rate, bool *found,
                   GError **error)
{
  CsSteerItem best = { 0 };

  *found = false;
  for (guint i = 0; i < MIN (refusal->len, ABLATE_CANDIDATES); i++)
    {
      CsSteerItem item = ablation_of (latents, g_array_index (refusal, size_t, i));
      double left;

      if (has_latent (items, item.latent))
        continue;
      g_array_append_val (items, item);
      if (!refusal_rate (context, crosscoder, harmful, (const CsSteerItem *) (const void *) items->data, items->len, &left,
                         error))
        return false;
      g_array_set_size (items, items->len - 1);
      if (left < *rate)
        {
          *rate = left;
          best = item;
          *found = true;
        }
    }
  if (*found)
    g_array_append_val (items, best);
  return true;
}

/* The set is grown one latent at a time, on requests of trained combinations, while that lowers refusals. */
static GArray *
choose_ablated (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                const GArray *refusal, GError **error)
{
  g_auto (PromptList) harmful = get_prompts (context->world, CS_PROMPTS_REFUSE, false, CHOOSE_PROMPTS);
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  double rate = 2;
  bool found = true;

  while (found && items->len < MAX_ABLATED && rate > 0.02)
    if (!add_best_ablation (context, crosscoder, latents, refusal, &harmful, items, &rate, &found, error))
      return NULL;
  return g_steal_pointer (&items);
}

/* --- The whole --- */

static json_t *
latents_json (const GArray *items)
{
  json_t *array = json_array ();

  for (guint i = 0; i < items->len; i++)
    json_array_append_new (array, json_integer ((json_int_t) g_array_index (items, CsSteerItem, i).latent));
  return array;
}

static json_t *
measure (const CsDemoContext *context, const CsCrosscoder *crosscoder, const Added *added, const GArray *ablated,
         GError **error)
{
  g_auto (PromptList) harmless = get_prompts (context->world, CS_PROMPTS_LOOK_ALIKE, true, MEASURE_PROMPTS);
  g_auto (PromptList) harmful = get_prompts (context->world, CS_PROMPTS_REFUSE, true, MEASURE_PROMPTS);
  double plain_harmless, plain_harmful, with_added, with_ablated;

  if (!refusal_rate (context, crosscoder, &harmless, NULL, 0, &plain_harmless, error) ||
      !refusal_rate (context, crosscoder, &harmful, NULL, 0, &plain_harmful, error) ||
      !refusal_rate (context, crosscoder, &harmless, &added->item, 1, &with_added, error) ||
      !refusal_rate (context, crosscoder, &harmful, (const CsSteerItem *) (const void *) ablated->data, ablated->len,
                     &with_ablated, error))
    return NULL;
  return json_pack ("{s:{s:o, s:o}, s:{s:I, s:f, s:s, s:o}, s:{s:o, s:o}}", "plain", "harmless_refused",
                    cs_claims_real (plain_harmless), "harmful_refused", cs_claims_real (plain_harmful), "added", "latent",
                    (json_int_t) added->item.latent, "scale", added->item.scale, "scope",
                    added->item.scope == CS_STEER_PROMPT_ONLY ? "prompt only" : "all tokens", "harmless_refused",
                    cs_claims_real (with_added), "ablated", "latents", latents_json (ablated), "harmful_refused",
                    cs_claims_real (with_ablated));
}

json_t *
cs_demo_steering (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_autoptr (GArray) refusal = cs_demo_refusal_latents (context, crosscoder, latents, error);
  g_autoptr (GArray) ablated = NULL;
  Added added;

  if (refusal == NULL)
    return NULL;
  if (refusal->len == 0)
    return json_null (); /* nothing leans to chat: there is nothing to steer with */
  if (!choose_added (context, crosscoder, latents, refusal, &added, error) ||
      (ablated = choose_ablated (context, crosscoder, latents, refusal, error)) == NULL)
    return NULL;
  return measure (context, crosscoder, &added, ablated, error);
}
