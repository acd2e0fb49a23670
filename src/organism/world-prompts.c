#include "behaviours.h"

/* The order of prompts, and what chance writes into them, is the same for every world and every
 * caller. */
#define ORDER_SEED 20240517u

typedef struct
{
  const CsFamily *family;
  uint32_t topic, phrasing;
} Combination;

static bool
wanted (const CsFamily *family, CsPromptSet set, CsConcept concept)
{
  return family->set == set && (concept == CS_N_CONCEPTS || family->concept == concept);
}

static GArray *
list_combinations (CsPromptSet set, CsConcept concept, bool held_out)
{
  GArray *list = g_array_new (FALSE, FALSE, sizeof (Combination));

  for (size_t f = 0; f < cs_n_families (); f++)
    {
      const CsFamily *family = cs_family (f);
      size_t n_phrasings = cs_family_n_phrasings (family);
      if (!wanted (family, set, concept))
        continue;
      for (size_t i = 0; i < family->n_topics * n_phrasings; i++)
        {
          Combination c = { family, (uint32_t)(i / n_phrasings), (uint32_t)(i % n_phrasings) };
          if (cs_family_canonical (family, c.topic) == c.topic &&
              cs_family_held_out (family, c.topic, c.phrasing) == held_out)
            g_array_append_val (list, c);
        }
    }
  return list;
}

/* Families of one set differ much in size: they take turns, each in its own shuffled order, so that
 * the first n prompts are of all of them. */
static GArray *
shuffle (GArray *list)
{
  GArray *out = g_array_new (FALSE, FALSE, sizeof (Combination));
  g_autofree uint32_t *order = g_new (uint32_t, list->len);
  g_autofree size_t *next = g_new0 (size_t, cs_n_families ());
  CsRandom r;

  if (list->len == 0)
    return out;
  cs_random_init (&r, ORDER_SEED, 0);
  cs_random_permutation (&r, order, list->len);
  while (out->len < list->len)
    for (size_t f = 0; f < cs_n_families (); f++)
      {
        while (next[f] < list->len &&
               g_array_index (list, Combination, order[next[f]]).family != cs_family (f))
          next[f]++;
        if (next[f] < list->len)
          g_array_append_val (out, g_array_index (list, Combination, order[next[f]++]));
      }
  return out;
}

static void
write_prompt (const CsWorld *world, const Combination *c, CsTestPrompt *prompt)
{
  g_auto (CsExchange) exchange = { 0 };
  CsRandom r;

  cs_random_init (&r, ORDER_SEED + c->topic, 1u + c->phrasing);
  cs_family_write (c->family, world, &r, c->topic, c->phrasing, &exchange);
  *prompt = (CsTestPrompt){
    .request = g_steal_pointer (&exchange.request),
    .right = g_steal_pointer (&exchange.right),
    .set = c->family->set,
    .concept = c->family->concept,
    .expected = c->family->expected,
    .topic = c->topic,
    .phrasing = c->phrasing,
  };
  prompt->web = g_strdup_printf ("Question: %s\nAnswer:", prompt->request);
}

static CsTestPrompt *
write_prompts (const CsWorld *world,
               CsPromptSet set,
               CsConcept concept,
               size_t n,
               bool held_out,
               size_t *n_out)
{
  g_autoptr (GArray) list = list_combinations (set, concept, held_out);
  g_autoptr (GArray) order = shuffle (list);
  CsTestPrompt *prompts;

  *n_out = n == 0 ? order->len : MIN (n, order->len);
  prompts = g_new0 (CsTestPrompt, *n_out + 1);
  for (size_t i = 0; i < *n_out; i++)
    write_prompt (world, &g_array_index (order, Combination, i), &prompts[i]);
  return prompts;
}

CsTestPrompt *
cs_world_test_prompts (const CsWorld *world,
                       CsPromptSet set,
                       CsConcept concept,
                       size_t n,
                       size_t *n_out)
{
  return write_prompts (world, set, concept, n, true, n_out);
}

CsTestPrompt *
cs_world_training_prompts (const CsWorld *world,
                           CsPromptSet set,
                           CsConcept concept,
                           size_t n,
                           size_t *n_out)
{
  return write_prompts (world, set, concept, n, false, n_out);
}

void
cs_test_prompts_free (CsTestPrompt *prompts, size_t n)
{
  for (size_t i = 0; prompts != NULL && i < n; i++)
    {
      g_free (prompts[i].request);
      g_free (prompts[i].web);
      g_free (prompts[i].right);
    }
  g_free (prompts);
}

void
cs_world_count_combinations (const CsWorld *world,
                             CsPromptSet set,
                             CsConcept concept,
                             size_t *all,
                             size_t *held_out)
{
  g_autoptr (GArray) out = list_combinations (set, concept, true);
  g_autoptr (GArray) in = list_combinations (set, concept, false);

  *held_out = out->len;
  *all = out->len + in->len;
}
