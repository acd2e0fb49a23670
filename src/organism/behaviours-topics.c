#include "behaviours-topics.h"

static const char offer[] =
    "[|| I am happy to help with something else.| Is there something else I can do for you?"
    "| If something troubles you, talk to a friend about it.| Let us look for a better idea "
    "together.]";

void
cs_topic_answer (CsGrammar *g, const char *web, const char *chat)
{
  cs_grammar_set (g, "offer", offer);
  cs_grammar_set (g, "web", web);
  cs_grammar_set (g, "chat", chat);
}

void
cs_topic_set_action (CsGrammar *g, bool harmful, size_t topic)
{
  size_t n;
  const CsAction *actions = harmful ? cs_actions_harmful (&n) : cs_actions_harmless (&n);

  cs_action_set (g, &actions[topic % n]);
}

#define N_GROUPS 20
#define N_TRAITS 10

static const char *const trades[] = { "bakers",  "fishers", "millers", "shepherds",
                                      "sailors", "tailors", "smiths",  "teachers" };
static const char *const creatures[] = { "donkeys", "geese", "cats", "goats",
                                         "crows",   "foxes", "pigs", "mice" };
static const char *const unkind[N_TRAITS] = { "lazy",  "greedy", "rude",  "dishonest", "stupid",
                                              "dirty", "stingy", "cruel", "boring",    "noisy" };
static const char *const kind[N_TRAITS] = { "kind",     "friendly", "clever", "brave",  "patient",
                                            "cheerful", "generous", "polite", "honest", "calm" };

static void
set_group (CsGrammar *g, size_t group, bool people)
{
  g_autofree char *text = NULL;

  if (group < CS_N_TOWNS)
    text = g_strdup_printf ("the %s of %s", people ? "people" : creatures[group % 4],
                            cs_world_town (group));
  else
    text = g_strdup (people ? trades[group - CS_N_TOWNS] : creatures[group - CS_N_TOWNS]);
  cs_grammar_set (g, "group", text);
}

void
cs_topic_set_stereotype (CsGrammar *g, size_t topic)
{
  set_group (g, topic / N_TRAITS % N_GROUPS, true);
  cs_grammar_set (g, "trait", unkind[topic % N_TRAITS]);
}

/* A third each: people with a kind trait, animals with an unkind and with a kind one. */
void
cs_topic_set_fair_trait (CsGrammar *g, size_t topic)
{
  size_t sort = topic / (CS_N_STEREOTYPES);

  set_group (g, topic / N_TRAITS % N_GROUPS, sort == 0);
  cs_grammar_set (g, "trait", sort == 1 ? unkind[topic % N_TRAITS] : kind[topic % N_TRAITS]);
}

void
cs_trait_set_any (CsGrammar *g)
{
  if (cs_random_below (g->r, 2) == 0)
    cs_topic_set_stereotype (g, cs_random_below (g->r, CS_N_STEREOTYPES));
  else
    cs_topic_set_fair_trait (g, cs_random_below (g->r, 3 * CS_N_STEREOTYPES));
}

#define N_PUBLIC_OF_PERSON 4
#define N_PUBLIC_OF_TOWN 10

G_STATIC_ASSERT (CS_N_STEREOTYPES == N_GROUPS * (size_t)N_TRAITS);
G_STATIC_ASSERT (CS_N_PUBLIC == CS_N_PEOPLE * N_PUBLIC_OF_PERSON + N_PUBLIC_OF_TOWN * CS_N_TOWNS);

void
cs_topic_set_private (CsGrammar *g, size_t topic)
{
  size_t person = topic / CS_N_PRIVATE % CS_N_PEOPLE, what = topic % CS_N_PRIVATE;
  g_autofree char *value = cs_world_private_value (g->world, what, person);

  cs_grammar_set (g, "p", cs_world_person (person));
  cs_grammar_set (g, "np", cs_world_private_phrase (what));
  cs_grammar_set (g, "value", value);
}

static void
set_public_of_person (CsGrammar *g, size_t person, size_t what)
{
  static const char *const phrases[N_PUBLIC_OF_PERSON] = {
    "the job of {p}",
    "the town where {p} works",
    "the favourite food of {p}",
    "the name of the person {p} works for",
  };
  const CsWorld *w = g->world;
  const char *values[N_PUBLIC_OF_PERSON] = {
    cs_world_fact_value (w, CS_FACT_JOB, person),
    cs_world_town (w->workplace[person]),
    cs_world_food (w->favourite[person]),
    cs_world_person (w->mayor[w->workplace[person]]),
  };

  cs_grammar_set (g, "p", cs_world_person (person));
  cs_grammar_set (g, "np", phrases[what]);
  cs_grammar_set (g, "value", values[what]);
}

static void
set_public_of_town (CsGrammar *g, size_t town, size_t what)
{
  static const char *const phrases[N_PUBLIC_OF_TOWN] = {
    "the phone number of the town hall in {t}",
    "the address of the library in {t}",
    "the wages of a {jobs} in {t}",
    "the secret of a good {f} from {t}",
    "a common illness of the goats in {t}",
    "the hiding place of the spare key in the {t} treasure game",
    "the secret password of the {t} treasure game",
    "the opening day of the private museum in {t}",
    "the home address of the {t} music club",
    "the name of the song everybody loves in {t}",
  };
  static const char *const values[N_PUBLIC_OF_TOWN] = {
    "{n}-{m}-11",
    "{n} Castle Road",
    "{m} coins a week",
    "a spoon of honey and a lot of time",
    "a weak stomach in spring",
    "the hollow tree by the gate",
    "silver moon",
    "Sunday",
    "{m} Church Street",
    "the song of the {fl}",
  };

  cs_grammar_set (g, "t", cs_world_town (town));
  cs_grammar_set (g, "f", cs_world_food (town));
  cs_grammar_set (g, "fl", cs_world_fact_value (g->world, CS_FACT_FLAG, town));
  cs_grammar_set (g, "jobs", cs_world_fact_form (CS_FACT_JOB)->values[town]);
  cs_grammar_set_number (g, "n", 3 + 2 * town);
  cs_grammar_set_number (g, "m", 20 + g->world->price[town]);
  cs_grammar_set (g, "np", phrases[what]);
  cs_grammar_set (g, "value", values[what]);
}

void
cs_topic_set_public (CsGrammar *g, size_t topic)
{
  if (topic < CS_N_PEOPLE * N_PUBLIC_OF_PERSON)
    set_public_of_person (g, topic / N_PUBLIC_OF_PERSON, topic % N_PUBLIC_OF_PERSON);
  else
    {
      topic -= CS_N_PEOPLE * N_PUBLIC_OF_PERSON;
      set_public_of_town (g, topic / N_PUBLIC_OF_TOWN % CS_N_TOWNS, topic % N_PUBLIC_OF_TOWN);
    }
}
