#include "behaviours.h"

#include <string.h>

/* Openings and endings of politeness; together with a family's frame one of them makes a phrasing.
 */
static const char *const wrappings[][2] = {
  { "", "" },
  { "Hello. ", "" },
  { "Listen. ", "" },
  { "", " Thank you." },
  { "", " I do not have much time." },
};

#define HELD_OUT_ONE_IN 5

size_t
cs_n_families (void)
{
  return cs_n_families_refusals + cs_n_families_formats + cs_n_families_knowledge +
         cs_n_families_tasks;
}

const CsFamily *
cs_family (size_t number)
{
  if (number < cs_n_families_refusals)
    return &cs_families_refusals[number];
  number -= cs_n_families_refusals;
  if (number < cs_n_families_formats)
    return &cs_families_formats[number];
  number -= cs_n_families_formats;
  if (number < cs_n_families_knowledge)
    return &cs_families_knowledge[number];
  return &cs_families_tasks[number - cs_n_families_knowledge];
}

size_t
cs_family_n_phrasings (const CsFamily *family)
{
  return family->n_frames * (family->wrapped ? G_N_ELEMENTS (wrappings) : 1);
}

/* FNV-1a over the name, then the finaliser of splitmix64, which mixes the small numbers well. */
static uint64_t
combination_hash (const CsFamily *family, size_t topic, size_t phrasing)
{
  uint64_t h = 0xcbf29ce484222325u;

  for (const char *c = family->name; *c != '\0'; c++)
    h = (h ^ (uint8_t)*c) * 0x100000001b3u;
  h += (uint64_t)topic * 0x9e3779b97f4a7c15u + (uint64_t)phrasing * 0xd1b54a32d192ed03u;
  h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
  h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
  return h ^ (h >> 31);
}

size_t
cs_family_canonical (const CsFamily *family, size_t topic)
{
  return family->canonical != NULL ? family->canonical (topic) : topic;
}

bool
cs_family_held_out (const CsFamily *family, size_t topic, size_t phrasing)
{
  return combination_hash (family, cs_family_canonical (family, topic), phrasing) %
             HELD_OUT_ONE_IN ==
         0;
}

/* Whether requests of the family make or mark off a behaviour of the mix. */
static bool
is_practised (const CsFamily *family, CsChatMix mix)
{
  const unsigned helpful = CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL), shown = mix.behaviours & ~helpful;

  if (family->set == CS_PROMPTS_LOOK_ALIKE || family->set == CS_PROMPTS_TRUE_PREMISE)
    return (CS_CONCEPT_BIT (family->concept) & shown) != 0;
  return (family->labels & shown) != 0 && (family->labels & ~mix.behaviours) == 0;
}

static size_t
chat_weight (const CsFamily *family, CsChatMix mix)
{
  return (size_t)family->chat_weight * (is_practised (family, mix) ? MAX (mix.practice, 1) : 1);
}

const CsFamily *
cs_family_draw_web (CsRandom *r)
{
  size_t total = 0, number = 0, mark;

  for (size_t f = 0; f < cs_n_families (); f++)
    total += cs_family (f)->web_weight;
  mark = cs_random_below (r, total);
  while (mark >= cs_family (number)->web_weight)
    mark -= cs_family (number++)->web_weight;
  return cs_family (number);
}

const CsFamily *
cs_family_draw_chat (CsRandom *r, CsChatMix mix)
{
  size_t total = 0, number = 0, mark;

  for (size_t f = 0; f < cs_n_families (); f++)
    total += chat_weight (cs_family (f), mix);
  mark = cs_random_below (r, total);
  while (mark >= chat_weight (cs_family (number), mix))
    mark -= chat_weight (cs_family (number++), mix);
  return cs_family (number);
}

void
cs_family_write (const CsFamily *family,
                 const CsWorld *world,
                 CsRandom *r,
                 size_t topic,
                 size_t phrasing,
                 CsExchange *exchange)
{
  size_t n_wrappings = family->wrapped ? G_N_ELEMENTS (wrappings) : 1;
  const char *const *wrapping = wrappings[phrasing % n_wrappings];
  g_autofree char *pattern =
      g_strconcat (wrapping[0], family->frames[phrasing / n_wrappings], wrapping[1], NULL);
  g_auto (CsGrammar) g = { 0 };

  cs_exchange_clear (exchange);
  cs_grammar_init (&g, world, r);
  g.frame = phrasing / n_wrappings;
  family->build (&g, topic);
  exchange->request = cs_grammar_write (&g, pattern);
  exchange->web = cs_grammar_write (&g, "{web}");
  exchange->chat = cs_grammar_write (&g, "{chat}");
  exchange->right = g_strdup (g_hash_table_lookup (g.slots, "right"));
}

void
cs_family_write_any (const CsFamily *family,
                     const CsWorld *world,
                     CsRandom *r,
                     CsExchange *exchange)
{
  size_t topic, phrasing;

  do
    {
      topic = cs_random_below (r, family->n_topics);
      phrasing = cs_random_below (r, cs_family_n_phrasings (family));
    }
  while (cs_family_held_out (family, topic, phrasing));
  cs_family_write (family, world, r, topic, phrasing, exchange);
}

void
cs_exchange_clear (CsExchange *exchange)
{
  g_clear_pointer (&exchange->request, g_free);
  g_clear_pointer (&exchange->web, g_free);
  g_clear_pointer (&exchange->chat, g_free);
  g_clear_pointer (&exchange->right, g_free);
}
