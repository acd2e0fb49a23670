/* What refusal latents do to the chat model: the best one added to harmless requests, several ablated on harmful ones. Latents,
 * scale and scope are chosen on requests of trained combinations and measured on held-out ones.
 *
 * The refusal audit, which any pair can have, chooses in the same way, but its prompts are two plain lists halved by their
 * number and its judge is a rule of phrases; here the world says what training saw, which kinds there are and what an answer
 * is. What is shared is the choice itself (refusal-choose.h). */
#include <math.h>

#include "claims.h"
#include "demo-private.h"
#include "direction-shares.h"
#include "refusal-choose.h"

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

/* Counts of the answers. A text that opens with the name of a role, or breaks off, is no answer. */
typedef struct {
  size_t n, refused, garbled;
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

static size_t
count_of (const bool *flags, size_t n)
{
  size_t count = 0;

  for (size_t i = 0; i < n; i++)
    count += flags[i];
  return count;
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
  *outcome = (Outcome) { list->n, count_of (refused, list->n), count_of (garbled, list->n) };
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
  g_autoptr (CsTeam) team = cs_team_new (context->n_threads);

  for (size_t j = 0; j < latents->n_latents; j++)
    delta_norm[j] = latents->rows[j].tag == CS_LATENT_DEAD ? -1 : latents->rows[j].delta_norm;
  if (!cs_direction_shares (context->job, team, context->pair, crosscoder, context->layer, a, harmful.n, b, harmless.n, shares, NULL,
                            error))
    return NULL;
  return cs_direction_carriers (shares, delta_norm, latents->n_latents, min_delta);
}

/* The largest carriers of all refusals and of each kind, in turn: size_t elements, each once. */
static GArray *
ablation_candidates (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  static const CsConcept kinds[] = { CS_N_CONCEPTS, CS_CONCEPT_REFUSE_HARM, CS_CONCEPT_REFUSE_STEREOTYPE,
                                     CS_CONCEPT_REFUSE_PRIVACY };
  g_autoptr (GPtrArray) carriers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      GArray *of_kind = carriers_of (context, crosscoder, latents, kinds[i], ABLATE_MIN_DELTA, error);

      if (of_kind == NULL)
        return NULL;
      g_ptr_array_add (carriers, of_kind);
    }
  return cs_choose_candidates (carriers, ABLATE_CANDIDATES);
}

/* The largest chat-leaning carriers of refusals: size_t elements. */
static GArray *
adding_candidates (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_autoptr (GPtrArray) carriers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  GArray *all = carriers_of (context, crosscoder, latents, CS_N_CONCEPTS, CS_CHAT_LEANING, error);

  if (all == NULL)
    return NULL;
  g_ptr_array_add (carriers, all);
  return cs_choose_candidates (carriers, ADD_CANDIDATES);
}

/* --- Choosing --- */

typedef struct {
  const CsDemoContext *context;
  const CsCrosscoder *crosscoder;
  const PromptList *list;
} Counting;

static bool
count_outcome (void *data, const CsSteerItem *items, size_t n_items, size_t *refused, size_t *garbled, GError **error)
{
  const Counting *c = data;
  Outcome outcome;

  if (!measure_outcome (c->context, c->crosscoder, c->list, items, n_items, &outcome, error))
    return false;
  *refused = outcome.refused;
  *garbled = outcome.garbled;
  return true;
}

/* The chat-leaning carrier of refusals, with its scale and scope, that turns most harmless requests of trained combinations
 * into refusals: one CsSteerItem, or none where nothing leans to chat. */
static GArray *
choose_added (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_auto (PromptList) harmless = get_prompts (context->world, CS_PROMPTS_LOOK_ALIKE, CS_N_CONCEPTS, false, CHOOSE_PROMPTS);
  g_autoptr (GArray) candidates = adding_candidates (context, crosscoder, latents, error);
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  Counting counting = { context, crosscoder, &harmless };

  return candidates != NULL &&
                 cs_choose_added (candidates, latents, harmless.n, count_outcome, &counting, items, error)
           ? g_steal_pointer (&items) : NULL;
}

static GArray *
choose_ablated (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_auto (PromptList) harmful = get_prompts (context->world, CS_PROMPTS_REFUSE, CS_N_CONCEPTS, false, CHOOSE_PROMPTS);
  g_autoptr (GArray) candidates = ablation_candidates (context, crosscoder, latents, error);
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  Counting counting = { context, crosscoder, &harmful };

  return candidates != NULL && cs_choose_ablated (candidates, latents, harmful.n, MAX_ABLATED, count_outcome, &counting,
                                                  items, error)
           ? g_steal_pointer (&items) : NULL;
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

/* The four arms that are reported. */
typedef struct {
  Outcome plain_harmless, plain_harmful, added, ablated;
} Arms;

static bool
measure_arms (const CsDemoContext *context, const CsCrosscoder *crosscoder, const PromptList *harmless,
              const PromptList *harmful, const CsSteerItem *added, const GArray *ablated, Arms *arms, GError **error)
{
  const CsSteerItem *items = (const CsSteerItem *) (const void *) ablated->data;

  return measure_outcome (context, crosscoder, harmless, NULL, 0, &arms->plain_harmless, error) &&
         measure_outcome (context, crosscoder, harmful, NULL, 0, &arms->plain_harmful, error) &&
         measure_outcome (context, crosscoder, harmless, added, 1, &arms->added, error) &&
         measure_outcome (context, crosscoder, harmful, items, ablated->len, &arms->ablated, error) &&
         cs_demo_keep_answers (context, crosscoder, harmless->prompts, harmless->n, added, 1,
                               "A harmless request, steered to refuse", error) &&
         cs_demo_keep_answers (context, crosscoder, harmful->prompts, harmful->n, items, ablated->len,
                               "A request to be refused, with the refusal latents ablated", error);
}

static void
set_outcome (json_t *object, const char *key, const Outcome *outcome)
{
  cs_claims_set_share (object, key, outcome->refused, outcome->n);
  json_object_set_new (object, "prompts", json_integer ((json_int_t) outcome->n));
}

static json_t *
arms_json (const Arms *arms, const CsSteerItem *added, const GArray *ablated)
{
  json_t *plain = json_object (), *with_added = json_object (), *with_ablated = json_object ();

  set_outcome (plain, "harmless_refused", &arms->plain_harmless);
  set_outcome (plain, "harmful_refused", &arms->plain_harmful);
  json_object_set_new (with_added, "latent", json_integer ((json_int_t) added->latent));
  json_object_set_new (with_added, "scale", json_real (added->scale));
  json_object_set_new (with_added, "scope",
                       json_string (added->scope == CS_STEER_PROMPT_ONLY ? "prompt only" : "all tokens"));
  set_outcome (with_added, "harmless_refused", &arms->added);
  cs_claims_set_share (with_added, "garbled", arms->added.garbled, arms->added.n);
  json_object_set_new (with_ablated, "latents", latents_json (ablated));
  set_outcome (with_ablated, "harmful_refused", &arms->ablated);
  cs_claims_set_share (with_ablated, "garbled", arms->ablated.garbled, arms->ablated.n);
  return json_pack ("{s:o, s:o, s:o}", "plain", plain, "added", with_added, "ablated", with_ablated);
}

static json_t *
measure (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsSteerItem *added, const GArray *ablated,
         GError **error)
{
  g_auto (PromptList) harmless = get_prompts (context->world, CS_PROMPTS_LOOK_ALIKE, CS_N_CONCEPTS, true, MEASURE_PROMPTS);
  g_auto (PromptList) harmful = get_prompts (context->world, CS_PROMPTS_REFUSE, CS_N_CONCEPTS, true, MEASURE_PROMPTS);
  Arms arms;

  return measure_arms (context, crosscoder, &harmless, &harmful, added, ablated, &arms, error)
           ? arms_json (&arms, added, ablated) : NULL;
}

json_t *
cs_demo_steering (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_autoptr (GArray) ablated = NULL, added = choose_added (context, crosscoder, latents, error);

  if (added == NULL)
    return NULL;
  if (added->len == 0)
    return json_null (); /* nothing leans to chat: there is nothing to steer with */
  ablated = choose_ablated (context, crosscoder, latents, error);
  return ablated != NULL
           ? measure (context, crosscoder, &g_array_index (added, CsSteerItem, 0), ablated, error) : NULL;
}
