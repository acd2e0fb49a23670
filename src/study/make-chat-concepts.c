/* Do the behaviours that were switched on show as chat-specific latents, and the others not? */
#include <math.h>

#include "concepts.h"
#include "make-chat.h"
#include "organism.h"

#define DEFAULT_PROMPTS 60

/* Requests of the whole world, with their scores. */
typedef struct
{
  GArray *labelled; /* CsLabelledPrompt */
  GArray *concepts; /* CsConcept of each; CS_N_CONCEPTS for look-alikes and true premises */
  float *scores;    /* [n, F] */
} Requests;

static void
requests_clear (Requests *r)
{
  g_clear_pointer (&r->labelled, g_array_unref);
  g_clear_pointer (&r->concepts, g_array_unref);
  g_clear_pointer (&r->scores, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Requests, requests_clear)

static void
clear_labelled (void *data)
{
  cs_labelled_prompt_clear (data);
}

static void
add_requests (Requests *r,
              const CsWorld *world,
              CsPromptSet set,
              CsConcept concept,
              size_t n,
              bool held_out)
{
  const bool positive =
      set == CS_PROMPTS_REFUSE || set == CS_PROMPTS_FALSE_PREMISE || set == CS_PROMPTS_OTHER;
  size_t count = 0;
  CsTestPrompt *prompts = held_out ? cs_world_test_prompts (world, set, concept, n, &count)
                                   : cs_world_training_prompts (world, set, concept, n, &count);

  for (size_t i = 0; i < count; i++)
    {
      CsLabelledPrompt labelled = { g_strdup (prompts[i].request), g_new0 (char *, 1), held_out };
      CsConcept label = positive ? prompts[i].concept : CS_N_CONCEPTS;

      g_array_append_val (r->labelled, labelled);
      g_array_append_val (r->concepts, label);
    }
  cs_test_prompts_free (prompts, count);
}

static void
collect (Requests *r, const CsWorld *world, size_t n, bool held_out)
{
  r->labelled = g_array_new (false, true, sizeof (CsLabelledPrompt));
  g_array_set_clear_func (r->labelled, clear_labelled);
  r->concepts = g_array_new (false, false, sizeof (CsConcept));
  for (int set = 0; set < CS_N_PROMPT_SETS; set++)
    for (int concept = 0; concept < CS_N_CONCEPTS; concept++)
      add_requests (r, world, (CsPromptSet)set, (CsConcept)concept, n, held_out);
}

static bool
is_refusal (CsConcept concept)
{
  return concept <= CS_CONCEPT_REFUSE_EXPLICIT_FORMAT;
}

/* AUC of one latent for one concept; requests that another refusal covers are left out, since a
 * latent for declining rightly fires on them too. NaN where the world has no such requests. */
static double
auc_of (const Requests *r, CsConcept concept, size_t latent, size_t n_latents)
{
  const guint n = r->concepts->len;
  g_autofree bool *positive = g_new0 (bool, MAX (n, 1));
  g_autofree bool *used = g_new0 (bool, MAX (n, 1));

  for (guint i = 0; i < n; i++)
    {
      CsConcept label = g_array_index (r->concepts, CsConcept, i);

      positive[i] = label == concept;
      used[i] =
          positive[i] || !(is_refusal (concept) && label != CS_N_CONCEPTS && is_refusal (label));
    }
  return cs_auc (r->scores + latent, n_latents, positive, used, n);
}

static CsConceptLatent
best_of (const Requests *train, const Requests *test, CsConcept concept, const CsLatents *latents)
{
  CsConceptLatent best = { .concept = cs_concept_name (concept), .latent = -1, .auc = NAN };
  double highest = -1;

  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];
      double auc =
          row->dead || !row->chat_specific ? NAN : auc_of (train, concept, j, latents->n_latents);

      if (!(auc > highest))
        continue;
      highest = auc;
      best.latent = (ssize_t)j;
      best.delta_norm = row->delta_norm;
      best.nu_error = row->nu_error;
      best.nu_reconstruction = row->nu_reconstruction;
    }
  if (best.latent >= 0)
    best.auc = auc_of (test, concept, (size_t)best.latent, latents->n_latents);
  return best;
}

static bool
has_requests (const Requests *r, CsConcept concept)
{
  for (guint i = 0; i < r->concepts->len; i++)
    if (g_array_index (r->concepts, CsConcept, i) == concept)
      return true;
  return false;
}

GArray *
cs_make_chat_concepts (CsJob *job,
                       const char *out,
                       const CsPair *pair,
                       const CsCrosscoder *crosscoder,
                       const CsLatents *latents,
                       size_t layer,
                       size_t n_prompts,
                       unsigned n_threads,
                       GError **error)
{
  g_auto (Requests) seen = { 0 }, unseen = { 0 };
  Requests *const sets[2] = { &seen, &unseen };
  g_autoptr (CsWorld) world = NULL;
  GArray *list;
  uint64_t seed;
  unsigned behaviours;

  if (!cs_organism_identity (out, &seed, &behaviours, error))
    return NULL;
  world = cs_world_new (seed);
  for (int held_out = 0; held_out < 2; held_out++)
    {
      Requests *r = sets[held_out];

      collect (r, world, n_prompts > 0 ? n_prompts : DEFAULT_PROMPTS, held_out);
      r->scores = cs_concept_prompt_scores (
          job, pair, crosscoder, layer, (const CsLabelledPrompt *)(const void *)r->labelled->data,
          r->labelled->len, n_threads, error);
      if (r->scores == NULL)
        return NULL;
    }
  list = g_array_new (false, false, sizeof (CsConceptLatent));
  for (int c = 0; c < CS_N_CONCEPTS; c++)
    if (c != CS_CONCEPT_HELPFUL && has_requests (&unseen, (CsConcept)c))
      {
        CsConceptLatent best = best_of (&seen, &unseen, (CsConcept)c, latents);

        best.on = (behaviours & CS_CONCEPT_BIT (c)) != 0;
        g_array_append_val (list, best);
      }
  return list;
}
