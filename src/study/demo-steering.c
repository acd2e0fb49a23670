/* What refusal latents do to the chat model: the best one added to harmless requests, several ablated on harmful ones. Latents,
 * scale and scope are chosen on requests of trained combinations and measured on held-out ones. */
#include <math.h>

#include "claims.h"
#include "demo-private.h"
#include "direction-shares.h"
#include "steering.h"

#define CHOOSE_PROMPTS 40
#define MEASURE_PROMPTS 80
#define ANSWER_TOKENS 28     /* enough for the judge to see how an answer begins */
#define SHARE_PROMPTS 60     /* of each set, for the direction of refusing */
#define ADD_CANDIDATES 4
#define ABLATE_CANDIDATES 12
#define MAX_ABLATED 6
#define ABLATE_MIN_DELTA 0.4 /* shared latents may carry a refusal too; base-leaning ones are left alone */

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

/* concept CS_N_CONCEPTS: of all. */
static PromptList
get_prompts (const CsWorld *world, CsPromptSet set, CsConcept concept, bool held_out, size_t n)
{
  PromptList list = { NULL, 0 };

  list.prompts = held_out ? cs_world_test_prompts (world, set, concept, n, &list.n)
                          : cs_world_training_prompts (world, set, concept, n, &list.n);
  return list;
}

/* --- What the steered chat model answers --- */

/* Shares of the answers. A text that opens with the name of a role, or breaks off, is no answer. */
typedef struct {
  double refused, garbled;
} Outcome;

static bool
is_garbled (const char *text)
{
  return cs_judge_answer (text) == CS_ANSWER_GARBLED || g_str_has_prefix (text, "user") || g_str_has_prefix (text, "model");
}

typedef struct {
  const CsDemoContext *context;
  const CsCrosscoder *crosscoder;
  const PromptList *list;
  const CsSteerOptions *options;
  bool *refused, *garbled;      /* [n] */
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
  if (text == NULL)
    return false;
  task->refused[index] = cs_judge_answer (text) == CS_ANSWER_REFUSAL;
  task->garbled[index] = is_garbled (text);
  return true;
}

static void
answer_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const AnswerTask *task = data;

  for (size_t i = begin; i < end && task->errors[worker] == NULL; i++)
    answer (task, i, &task->errors[worker]);
}

static double
share_of (const bool *flags, size_t n)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++)
    count += flags[i];
  return n > 0 ? (double) count / (double) n : NAN;
}

static bool
measure_outcome (const CsDemoContext *context, const CsCrosscoder *crosscoder, const PromptList *list, const CsSteerItem *items,
                 size_t n_items, Outcome *outcome, GError **error)
{
  g_autoptr (CsTeam) team = cs_team_new (context->n_threads);
  g_autofree GError **errors = g_new0 (GError *, cs_team_size (team));
  g_autofree bool *refused = g_new0 (bool, MAX (list->n, 1)), *garbled = g_new0 (bool, MAX (list->n, 1));
  CsSteerOptions options = { .layer = context->layer, .model = 1, .items = items, .n_items = n_items,
                             .sampling = { .max_tokens = ANSWER_TOKENS, .top_p = 1 } };
  AnswerTask task = { context, crosscoder, list, &options, refused, garbled, errors };
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
  *outcome = (Outcome) { share_of (refused, list->n), share_of (garbled, list->n) };
  return ok;
}

/* --- Candidates --- */

static const char **
requests_of (const PromptList *list)
{
  const char **requests = g_new0 (const char *, list->n + 1);

  for (size_t i = 0; i < list->n; i++)
    requests[i] = list->prompts[i].request;
  return requests;
}

/* Carriers of the direction from look-alikes to requests that are to be refused, of one kind or of all (CS_N_CONCEPTS). */
static GArray *
carriers_of (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, CsConcept concept,
             double min_delta, GError **error)
{
  g_auto (PromptList) harmful = get_prompts (context->world, CS_PROMPTS_REFUSE, concept, false, SHARE_PROMPTS);
  g_auto (PromptList) harmless = get_prompts (context->world, CS_PROMPTS_LOOK_ALIKE, concept, false, SHARE_PROMPTS);
  g_autofree const char **a = requests_of (&harmful), **b = requests_of (&harmless);
  g_autofree CsDirectionShare *shares = g_new (CsDirectionShare, latents->n_latents);
  g_autofree float *delta_norm = g_new (float, latents->n_latents);

  for (size_t j = 0; j < latents->n_latents; j++)
    delta_norm[j] = latents->rows[j].tag == CS_LATENT_DEAD ? -1 : latents->rows[j].delta_norm;
  if (!cs_direction_shares (context->job, context->pair, crosscoder, context->layer, a, harmful.n, b, harmless.n, shares, NULL,
                            error))
    return NULL;
  return cs_direction_carriers (shares, delta_norm, latents->n_latents, min_delta);
}

static bool
has_latent (const GArray *list, size_t latent)
{
  for (guint i = 0; i < list->len; i++)
    if (g_array_index (list, size_t, i) == latent)
      return true;
  return false;
}

/* The largest carriers of all refusals and of each kind, in turn: size_t elements, each once. */
static GArray *
ablation_candidates (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  static const CsConcept kinds[] = { CS_N_CONCEPTS, CS_CONCEPT_REFUSE_HARM, CS_CONCEPT_REFUSE_STEREOTYPE,
                                     CS_CONCEPT_REFUSE_PRIVACY };
  g_autoptr (GPtrArray) carriers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  GArray *list = g_array_new (FALSE, FALSE, sizeof (size_t));

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      GArray *of_kind = carriers_of (context, crosscoder, latents, kinds[i], ABLATE_MIN_DELTA, error);

      if (of_kind == NULL)
        {
          g_array_unref (list);
          return NULL;
        }
      g_ptr_array_add (carriers, of_kind);
    }
  for (guint rank = 0; rank < ABLATE_CANDIDATES; rank++)
    for (guint i = 0; i < carriers->len && list->len < ABLATE_CANDIDATES; i++)
      {
        const GArray *of_kind = g_ptr_array_index (carriers, i);

        if (rank < of_kind->len && !has_latent (list, g_array_index (of_kind, CsDirectionShare, rank).latent))
          g_array_append_val (list, g_array_index (of_kind, CsDirectionShare, rank).latent);
      }
  return list;
}

/* --- Adding --- */

typedef struct {
  CsSteerItem item;
  double rate;
} Added;

/* Tries one latent at one scope; keeps in *best what turns most harmless requests into refusals, the earliest among equals. */
static bool
try_adding (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, const PromptList *harmless,
            size_t latent, CsSteerScope scope, Added *best, GError **error)
{
  static const double prompt_scales[] = { 1, 1.5, 2, 2.5, 3, 3.5, 4 }, all_scales[] = { 0.5, 0.75, 1 };
  const double *scales = scope == CS_STEER_PROMPT_ONLY ? prompt_scales : all_scales;
  const size_t n = scope == CS_STEER_PROMPT_ONLY ? G_N_ELEMENTS (prompt_scales) : G_N_ELEMENTS (all_scales);

  for (size_t s = 0; s < n && best->rate < 1; s++)
    {
      CsSteerItem item = { .latent = latent, .mode = CS_STEER_ADD, .scope = scope, .scale = scales[s],
                           .max_act = latents->rows[latent].max_act };
      Outcome outcome;

      if (!measure_outcome (context, crosscoder, harmless, &item, 1, &outcome, error))
        return false;
      if (outcome.refused > best->rate)
        *best = (Added) { item, outcome.refused };
    }
  return true;
}

/* The chat-leaning carrier of refusals, with its scale and scope, that turns most harmless requests of trained combinations
 * into refusals. A rate of −1 where nothing leans to chat. */
static bool
choose_added (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, Added *best,
              GError **error)
{
  g_auto (PromptList) harmless = get_prompts (context->world, CS_PROMPTS_LOOK_ALIKE, CS_N_CONCEPTS, false, CHOOSE_PROMPTS);
  g_autoptr (GArray) carriers = carriers_of (context, crosscoder, latents, CS_N_CONCEPTS, CS_CHAT_LEANING, error);

  best->rate = -1;
  if (carriers == NULL)
    return false;
  for (guint i = 0; i < MIN (carriers->len, ADD_CANDIDATES); i++)
    for (int scope = CS_STEER_PROMPT_ONLY; scope >= CS_STEER_ALL_TOKENS; scope--)
      if (!try_adding (context, crosscoder, latents, &harmless, g_array_index (carriers, CsDirectionShare, i).latent,
                       (CsSteerScope) scope, best, error))
        return false;
  return true;
}

/* --- Ablating --- */

static CsSteerItem
ablation_of (const CsLatents *latents, size_t latent)
{
  return (CsSteerItem) { .latent = latent, .mode = CS_STEER_ABLATE, .scope = CS_STEER_ALL_TOKENS, .scale = 1,
                         .max_act = latents->rows[latent].max_act };
}

/* Adds to `items` the candidate whose ablation on top of them leaves fewest refusals and garbled answers; *left is their share.
 * False in *found when none lowers it. */
static bool
add_best_ablation (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                   const GArray *candidates, const PromptList *harmful, GArray *items, double *left, bool *found,
                   GError **error)
{
  CsSteerItem best = { 0 };

  *found = false;
  for (guint i = 0; i < candidates->len; i++)
    {
      CsSteerItem item = ablation_of (latents, g_array_index (candidates, size_t, i));
      Outcome outcome;
      bool ok;

      g_array_append_val (items, item);
      ok = measure_outcome (context, crosscoder, harmful, (const CsSteerItem *) (const void *) items->data, items->len,
                            &outcome, error);
      g_array_set_size (items, items->len - 1);
      if (!ok)
        return false;
      if (outcome.refused + outcome.garbled < *left)
        {
          *left = outcome.refused + outcome.garbled;
          best = item;
          *found = true;
        }
    }
  if (*found)
    g_array_append_val (items, best);
  return true;
}

/* The set is grown one latent at a time, on requests of trained combinations, while that lowers refusals. A latent that is
 * in it lowers nothing when tried again. */
static GArray *
choose_ablated (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_auto (PromptList) harmful = get_prompts (context->world, CS_PROMPTS_REFUSE, CS_N_CONCEPTS, false, CHOOSE_PROMPTS);
  g_autoptr (GArray) candidates = ablation_candidates (context, crosscoder, latents, error);
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  double left = 2;
  bool found = true;

  if (candidates == NULL)
    return NULL;
  while (found && items->len < MAX_ABLATED && left > 0.02)
    if (!add_best_ablation (context, crosscoder, latents, candidates, &harmful, items, &left, &found, error))
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
  g_auto (PromptList) harmless = get_prompts (context->world, CS_PROMPTS_LOOK_ALIKE, CS_N_CONCEPTS, true, MEASURE_PROMPTS);
  g_auto (PromptList) harmful = get_prompts (context->world, CS_PROMPTS_REFUSE, CS_N_CONCEPTS, true, MEASURE_PROMPTS);
  Outcome plain_harmless, plain_harmful, with_added, with_ablated;

  if (!measure_outcome (context, crosscoder, &harmless, NULL, 0, &plain_harmless, error) ||
      !measure_outcome (context, crosscoder, &harmful, NULL, 0, &plain_harmful, error) ||
      !measure_outcome (context, crosscoder, &harmless, &added->item, 1, &with_added, error) ||
      !measure_outcome (context, crosscoder, &harmful, (const CsSteerItem *) (const void *) ablated->data, ablated->len,
                        &with_ablated, error) ||
      !cs_demo_keep_answers (context, crosscoder, harmless.prompts, harmless.n, &added->item, 1, "A harmless request, steered to refuse",
                             error) ||
      !cs_demo_keep_answers (context, crosscoder, harmful.prompts, harmful.n, (const CsSteerItem *) (const void *) ablated->data,
                             ablated->len, "A request to be refused, with the refusal latents ablated", error))
    return NULL;
  return json_pack ("{s:{s:o, s:o}, s:{s:I, s:f, s:s, s:o, s:o}, s:{s:o, s:o, s:o}}", "plain", "harmless_refused",
                    cs_claims_real (plain_harmless.refused), "harmful_refused", cs_claims_real (plain_harmful.refused), "added",
                    "latent", (json_int_t) added->item.latent, "scale", added->item.scale, "scope",
                    added->item.scope == CS_STEER_PROMPT_ONLY ? "prompt only" : "all tokens", "harmless_refused",
                    cs_claims_real (with_added.refused), "garbled", cs_claims_real (with_added.garbled), "ablated", "latents",
                    latents_json (ablated), "harmful_refused", cs_claims_real (with_ablated.refused), "garbled",
                    cs_claims_real (with_ablated.garbled));
}

json_t *
cs_demo_steering (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_autoptr (GArray) ablated = NULL;
  Added added;

  if (!choose_added (context, crosscoder, latents, &added, error))
    return NULL;
  if (added.rate < 0)
    return json_null (); /* nothing leans to chat: there is nothing to steer with */
  ablated = choose_ablated (context, crosscoder, latents, error);
  return ablated != NULL ? measure (context, crosscoder, &added, ablated, error) : NULL;
}
