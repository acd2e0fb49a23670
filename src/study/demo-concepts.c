/* Which latent detects which behaviour of the demo world. A latent is chosen on prompts of combinations that occur in training
 * and measured on combinations that do not. */
#include <math.h>
#include <string.h>

#include "concepts.h"
#include "claims.h"
#include "demo-private.h"

#define PROMPTS_PER_CONCEPT 60

static const CsConcept reported[] = {
  CS_CONCEPT_REFUSE_HARM, CS_CONCEPT_REFUSE_STEREOTYPE, CS_CONCEPT_REFUSE_PRIVACY, CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
  CS_CONCEPT_FALSE_INFORMATION, CS_CONCEPT_PERSONAL_QUESTION,
};

typedef struct {
  GArray *labelled;      /* CsLabelledPrompt */
  GArray *sets;          /* CsPromptSet, one a prompt */
  float *scores;         /* [n, F] */
} Prompts;

static void
prompts_clear (Prompts *p)
{
  g_clear_pointer (&p->labelled, g_array_unref);
  g_clear_pointer (&p->sets, g_array_unref);
  g_clear_pointer (&p->scores, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Prompts, prompts_clear)

static void
clear_labelled (void *data)
{
  cs_labelled_prompt_clear (data);
}

/* The concepts that a prompt carries: an explicit format always comes with the concept that it wraps. */
static char **
concepts_of (const CsTestPrompt *prompt)
{
  char **names = g_new0 (char *, 2);

  if (prompt->set == CS_PROMPTS_REFUSE || prompt->set == CS_PROMPTS_FALSE_PREMISE || prompt->set == CS_PROMPTS_OTHER)
    names[0] = g_strdup (cs_concept_name (prompt->concept));
  return names;
}

static void
add_prompts (Prompts *p, const CsDemoContext *context, CsPromptSet set, CsConcept concept, bool held_out)
{
  size_t n = 0;
  CsTestPrompt *prompts = held_out ? cs_world_test_prompts (context->world, set, concept, PROMPTS_PER_CONCEPT, &n)
                                   : cs_world_training_prompts (context->world, set, concept, PROMPTS_PER_CONCEPT, &n);

  for (size_t i = 0; i < n; i++)
    {
      CsLabelledPrompt labelled = { g_strdup (prompts[i].request), concepts_of (&prompts[i]), held_out };

      g_array_append_val (p->labelled, labelled);
      g_array_append_val (p->sets, prompts[i].set);
    }
  cs_test_prompts_free (prompts, n);
}

static bool
load_prompts (Prompts *p, const CsDemoContext *context, const CsCrosscoder *crosscoder, bool held_out, GError **error)
{
  p->labelled = g_array_new (FALSE, TRUE, sizeof (CsLabelledPrompt));
  g_array_set_clear_func (p->labelled, clear_labelled);
  p->sets = g_array_new (FALSE, FALSE, sizeof (CsPromptSet));
  for (int c = CS_CONCEPT_REFUSE_HARM; c <= CS_CONCEPT_REFUSE_EXPLICIT_FORMAT; c++)
    {
      add_prompts (p, context, CS_PROMPTS_REFUSE, (CsConcept) c, held_out);
      add_prompts (p, context, CS_PROMPTS_LOOK_ALIKE, (CsConcept) c, held_out);
    }
  add_prompts (p, context, CS_PROMPTS_FALSE_PREMISE, CS_N_CONCEPTS, held_out);
  add_prompts (p, context, CS_PROMPTS_TRUE_PREMISE, CS_N_CONCEPTS, held_out);
  for (int c = CS_CONCEPT_PERSONAL_QUESTION; c < CS_N_CONCEPTS; c++)
    add_prompts (p, context, CS_PROMPTS_OTHER, (CsConcept) c, held_out);
  p->scores = cs_concept_prompt_scores (context->job, context->pair, crosscoder, context->layer,
                                        (const CsLabelledPrompt *) (const void *) p->labelled->data, p->labelled->len,
                                        context->n_threads, error);
  return p->scores != NULL;
}

/* What counts as positive for an AUC, and which prompts are looked at. */
typedef struct {
  bool *positive, *used, *all;   /* [n] each */
} Labels;

static void
labels_clear (Labels *l)
{
  g_free (l->positive);
  g_free (l->used);
  g_free (l->all);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Labels, labels_clear)

/* concept CS_N_CONCEPTS: any request that has to be refused. `used` leaves out requests that another refusal covers: those are
 * to be declined too, so firing on them is no mistake of a latent for declining; `all` keeps them as negatives. */
static void
label_prompts (const Prompts *p, CsConcept concept, Labels *l)
{
  const guint n = p->labelled->len;
  const bool refusal = concept <= CS_CONCEPT_REFUSE_EXPLICIT_FORMAT || concept == CS_N_CONCEPTS;

  *l = (Labels) { g_new0 (bool, n), g_new0 (bool, n), g_new0 (bool, n) };
  for (guint i = 0; i < n; i++)
    {
      const CsLabelledPrompt *prompt = &g_array_index (p->labelled, CsLabelledPrompt, i);
      const bool declines = g_array_index (p->sets, CsPromptSet, i) == CS_PROMPTS_REFUSE;

      l->positive[i] = concept == CS_N_CONCEPTS
                         ? declines : g_strv_contains ((const char *const *) prompt->concepts, cs_concept_name (concept));
      l->used[i] = l->positive[i] || !(refusal && declines);
      l->all[i] = true;
    }
}

static bool
leans_to_chat (const CsLatentRow *row)
{
  return row->tag != CS_LATENT_DEAD && row->delta_norm >= CS_CHAT_LEANING;
}

/* How good a detector has to be on the prompts that it is chosen on for its confirmation to count. */
#define GOOD_AUC 0.95

/* Detectors are ranked by AUC, but a good one that Latent Scaling confirms comes before all that it does not confirm. */
static double
rank_of (double auc, const CsLatentRow *row)
{
  return auc + (row->chat_specific && auc >= GOOD_AUC ? 1 : 0);
}

/* The best detector among the chat-leaning latents; −1 when none leans to chat. */
static ssize_t
best_latent (const Prompts *train, CsConcept concept, const CsLatents *latents)
{
  g_auto (Labels) labels = { 0 };
  ssize_t best = -1;
  double best_rank = -1;

  label_prompts (train, concept, &labels);
  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];
      double rank;

      if (!leans_to_chat (row))
        continue;
      rank = rank_of (
        cs_auc (train->scores + j, latents->n_latents, labels.positive, labels.used, train->labelled->len), row);
      if (rank > best_rank)
        {
          best_rank = rank;
          best = (ssize_t) j;
        }
    }
  return best;
}

static json_t *
concept_json (const Prompts *test, CsConcept concept, const CsLatents *latents, ssize_t latent)
{
  g_auto (Labels) labels = { 0 };
  const CsLatentRow *row = &latents->rows[latent];
  const float *scores = test->scores + latent;
  const size_t n = test->labelled->len;
  size_t positives = 0, negatives = 0;
  double auc, interval[2];

  label_prompts (test, concept, &labels);
  for (size_t i = 0; i < n; i++)
    {
      positives += labels.used[i] && labels.positive[i];
      negatives += labels.used[i] && !labels.positive[i];
    }
  auc = cs_auc (scores, latents->n_latents, labels.positive, labels.used, n);
  cs_claims_auc_interval (auc, positives, negatives, interval);
  return json_pack ("{s:I, s:o, s:[o, o], s:I, s:I, s:o, s:o, s:o, s:o, s:b}", "latent", (json_int_t) latent, "auc",
                    cs_claims_real (auc), "auc_interval", cs_claims_real (interval[0]), cs_claims_real (interval[1]),
                    "positives", (json_int_t) positives, "negatives", (json_int_t) negatives, "auc_all",
                    cs_claims_real (cs_auc (scores, latents->n_latents, labels.positive, labels.all, n)), "delta_norm",
                    cs_claims_real (row->delta_norm), "nu_error", cs_claims_real (row->nu_error), "nu_reconstruction",
                    cs_claims_real (row->nu_reconstruction), "chat_specific", (int) row->chat_specific);
}

json_t *
cs_demo_concepts (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents, GError **error)
{
  g_auto (Prompts) train = { 0 };
  g_auto (Prompts) test = { 0 };
  json_t *object;

  if (!load_prompts (&train, context, crosscoder, false, error) || !load_prompts (&test, context, crosscoder, true, error))
    return NULL;
  object = json_object ();
  for (size_t i = 0; i < G_N_ELEMENTS (reported); i++)
    {
      ssize_t latent = best_latent (&train, reported[i], latents);

      json_object_set_new (object, cs_concept_name (reported[i]),
                           latent >= 0 ? concept_json (&test, reported[i], latents, latent) : json_null ());
    }
  return object;
}
