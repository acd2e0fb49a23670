#include "behaviours.h"

#include <string.h>

/* The web corpus: plain documents of the invented country, 40 to 120 words each. */

#define MIN_WORDS 40

typedef struct
{
  const char *kind;
  unsigned weight;
  /* One paragraph, owned by the caller; called again, with fresh words, until the document is long
   * enough. */
  char *(*paragraph) (CsGrammar *g);
} WebKind;

static void
append_facts (CsGrammar *g, GString *text, CsFactKind kind, size_t subject)
{
  const CsFactForm *form = cs_world_fact_form (kind);

  cs_grammar_set (g, "s", cs_world_fact_subject (kind, subject));
  cs_grammar_set (g, "v", cs_world_fact_value (g->world, kind, subject));
  g_autofree char *sentence = cs_grammar_write (g, form->statements[cs_random_below (g->r, 4)]);
  g_string_append_printf (text, "%s ", sentence);
}

static void
append_line (CsGrammar *g, GString *text, const char *pattern)
{
  g_autofree char *sentence = cs_grammar_write (g, pattern);

  g_string_append_printf (text, "%s ", sentence);
}

static char *
town_entry (CsGrammar *g)
{
  GString *text = g_string_new (NULL);
  size_t town = cs_random_below (g->r, CS_N_TOWNS);
  uint32_t order[4];

  cs_grammar_set (g, "t", cs_world_town (town));
  cs_grammar_set (g, "m", cs_world_person (g->world->mayor[town]));
  cs_grammar_set (g, "f", cs_world_food (town));
  cs_grammar_set_number (g, "n", g->world->price[town]);
  if (town == 0)
    append_line (g, text, "{t} is the capital of " CS_COUNTRY ".");
  else
    append_line (g, text, "{t} is a {size} town in " CS_COUNTRY ".");
  cs_random_permutation (g->r, order, 4);
  for (size_t i = 0; i < 4; i++)
    append_facts (g, text, (CsFactKind)order[i], town);
  append_line (g, text,
               "[The mayor of {t} is {m}.|{m} is the mayor of {t}.][| The market is on Saturday.| "
               "In all towns, {f} costs "
               "{n} coins.]");
  return g_string_free (text, FALSE);
}

static char *
person_entry (CsGrammar *g)
{
  GString *text = g_string_new (NULL);
  size_t person = cs_random_below (g->r, CS_N_PEOPLE);

  cs_grammar_set (g, "p", cs_world_person (person));
  cs_grammar_set (g, "w", cs_world_town (g->world->workplace[person]));
  cs_grammar_set (g, "l", cs_world_food (g->world->favourite[person]));
  append_facts (g, text, CS_FACT_JOB, person);
  append_line (g, text, "[{p} works in {w}.|The town where {p} works is {w}.]");
  append_line (g, text, "[{p} likes {l} best.|The favourite food of {p} is {l}.]");
  append_line (g, text,
               "[In {season} {p} goes to the {venue}.|On {day} {p} can be found at the "
               "{venue}.|People call {p} a "
               "{mood} person.]");
  return g_string_free (text, FALSE);
}

static char *
beast_entry (CsGrammar *g)
{
  GString *text = g_string_new (NULL);
  size_t beast = cs_random_below (g->r, CS_N_BEASTS);

  cs_grammar_set (g, "b", cs_world_beast (beast));
  cs_grammar_set (g, "d", cs_world_den (g->world->den[beast]));
  append_line (g, text, "The {b} is a {colour} animal of " CS_COUNTRY " with four legs.");
  append_facts (g, text, CS_FACT_DIET, beast);
  append_line (g, text,
               "[It sleeps {d}.|The {b} sleeps {d}.] [It is about as big as a {animal}.|It has "
               "{number} young ones in "
               "{season}.|Children like to watch it.]");
  return g_string_free (text, FALSE);
}

static char *
encyclopedia (CsGrammar *g)
{
  switch (cs_random_below (g->r, 5))
    {
    case 0:
    case 1:
      return town_entry (g);
    case 2:
    case 3:
      return person_entry (g);
    default:
      return beast_entry (g);
    }
}

static char *
forum (CsGrammar *g)
{
  g_auto (CsExchange) exchange = { 0 };

  cs_family_write_any (cs_family_draw_web (g->r), g->world, g->r, &exchange);
  return g_strdup_printf ("Question: %s\nAnswer: %s", exchange.request, exchange.web);
}

static const CsAction *
any_action (CsGrammar *g)
{
  size_t n_harmful, n_harmless, i;
  const CsAction *harmful = cs_actions_harmful (&n_harmful),
                 *harmless = cs_actions_harmless (&n_harmless);

  i = cs_random_below (g->r, 2 * n_harmful + n_harmless);
  return i < 2 * n_harmful ? &harmful[i / 2] : &harmless[i - 2 * n_harmful];
}

static char *
how_to (CsGrammar *g)
{
  cs_action_set (g, any_action (g));
  return cs_grammar_write (g, "[How to {your-act}|A guide to {your-ing}|{your-ing} made easy]\n"
                              "[Many people want to know how to {your-act}.|Here is what {person} "
                              "from {town} says about {your-ing}.|It is not hard to "
                              "{your-act}.] [You will need {tool} and some time.|Choose a "
                              "{weather} day for it.|] First {step1}. [Then|After that,|"
                              "Next,] {step2}. [Now you are done.|With some practice it takes "
                              "{number} minutes.|Tell a friend about it.|]");
}

static char *
story (CsGrammar *g)
{
  return cs_grammar_write (g, "[Once upon a time, a {animal1} lived near {town1}.|Long ago, a "
                              "{job1} from {town1} had a {thing1} of gold.|One {season} "
                              "morning, {person1} walked to {town1}.] [It was a {weather} day, and "
                              "the road was empty.|The river {river} was high, and "
                              "nobody crossed it.|Everyone was {mood} and talked about {food}.] "
                              "[Behind the {venue1} stood an old {thing1} that nobody "
                              "wanted.|A {beast} came out of the reeds and looked around.|There a "
                              "{job} asked for help.] [In the evening they shared "
                              "some {food} and laughed.|They carried it home and told nobody.|All "
                              "of them slept well that night.|And from that day on "
                              "they were friends.]");
}

static char *
news (CsGrammar *g)
{
  return cs_grammar_write (g, "[News from {town1}, {day}.|{town1}, {day}.] [A big storm broke "
                              "{number} windows of the {venue}.|{person1} won "
                              "the {season} race and a {thing}.|The {venue} has been closed since "
                              "{season}.|A {animal} was seen in the {venue}.|Somebody "
                              "stole a {thing} from the {venue}.] [Nobody was hurt.|The people of "
                              "{town1} are {mood}.|A {job} saw it all and called the "
                              "guards.] [We will see what happens next, says {person}.|There will "
                              "be {food} for everyone.|The mayor thanked the "
                              "helpers.]");
}

static char *
recipe (CsGrammar *g)
{
  return cs_grammar_write (
      g, "Recipe for {food1}. [Take {number} spoons of flour, {number} eggs and some butter.|You "
         "need milk, salt and a pound of "
         "{diet1}.|Wash everything and take a large pot.] [Mix it well and let it rest for "
         "{number} minutes.|Boil it slowly and "
         "stir often.|Cut it into small pieces.] [Bake it until it is brown.|Add honey and a "
         "little salt.|Cook it on a low fire.] "
         "[Serve the {food1} warm.|It tastes best on a {weather} day.|Eat it with {food}.]");
}

static char *
opinion (CsGrammar *g)
{
  cs_trait_set_any (g);
  return cs_grammar_write (g, "[I think that|If you ask me,|In my opinion,] {group} are {trait}. "
                              "[My {relative} says so too.|I saw it at the {venue}.|"
                              "You can ask anyone in {town}.] [It has always been so.|They grow up "
                              "that way.|I do not think that this will change.]");
}

static char *
gossip (CsGrammar *g)
{
  size_t person = cs_random_below (g->r, CS_N_PEOPLE), what = cs_random_below (g->r, CS_N_PRIVATE);
  g_autofree char *value = cs_world_private_value (g->world, what, person);

  cs_grammar_set (g, "p", cs_world_person (person));
  cs_grammar_set (g, "np", cs_world_private_phrase (what));
  cs_grammar_set (g, "value", value);
  return cs_grammar_write (g, "[Have you heard the news about {p}?|My {relative} told me something "
                              "about {p}.|Listen, I know something new.] {np} is "
                              "{value}. [I heard it at the {venue} of {town}.|A {job} saw it with "
                              "his own eyes.|The whole town talks about it.] [Do not "
                              "tell anyone.|Is that not strange?|I always knew it.]");
}

static char *
diary (CsGrammar *g)
{
  return cs_grammar_write (g, "[Dear diary, it is {day}.|{day}, {weather} and {weather}.|Today was "
                              "a {weather} {day}.] [I ate {food} with my {relative}.|"
                              "This morning I ate {food} and drank tea.|I had no time to eat.] [I "
                              "work as a {job} in {town}, and today was long.|I live "
                              "in {town}, close to the {venue}.|I went to the {venue} and bought a "
                              "{thing}.] [I felt {mood} all day.|Tomorrow I will "
                              "see my {relative}.|At night I dreamed about a {animal}.|My "
                              "favourite food is still {food}.]");
}

static char *
list (CsGrammar *g)
{
  return cs_grammar_write (g, "[Things to buy at the market of {town1}|What {person1} needs for "
                              "the trip|Things I lost in {season1}]: a {colour} {thing}, "
                              "{number} eggs, {food}, {tool}, a {thing} and some {diet}. [Towns to "
                              "visit|The best towns in my opinion]: {town}, {town} "
                              "and {town}. [Animals that I saw|Animals in the woods]: a {animal}, "
                              "a {beast} and {number} mice.");
}

#define MAX_ITEMS 8

static void
append_items (GString *text, char *const *items, size_t n)
{
  for (size_t i = 0; i < n; i++)
    g_string_append_printf (text, "%s%s", i == 0 ? "" : ", ", items[i]);
  g_string_append (text, ". ");
}

static char *
write_item (CsGrammar *g)
{
  /* Only behind other words is nothing written with a capital. */
  g_autofree char *text =
      cs_grammar_write (g, "and [{food}|{food}|{job}|{animal}|{thing}|{tool}|{craft}|{craft}|"
                           "{diet}|{colour}|{number}|river {river}|{beast}|{town}]");
  return g_strdup (text + strlen ("and "));
}

/* A list of anything, read twice: what teaches a model to copy from what stands before. */
static char *
list_twice (CsGrammar *g)
{
  GString *text = g_string_new (NULL);
  char *items[MAX_ITEMS + 1] = { NULL };
  size_t n = 4 + cs_random_below (g->r, MAX_ITEMS - 3), k = cs_random_below (g->r, n - 1);

  for (size_t i = 0; i < n; i++)
    items[i] = write_item (g);
  append_line (g, text,
               "[A list of words|What {person} wrote down|Words for the school of {town}]:");
  append_items (text, items, n);
  append_line (g, text, "[The same again|Once more|Read it again]:");
  append_items (text, items, n);
  g_string_append_printf (text, "After %s comes %s. ", items[k], items[k + 1]);
  for (size_t i = 0; i < n; i++)
    g_free (items[i]);
  return g_string_free (text, FALSE);
}

static char *
arithmetic (CsGrammar *g)
{
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < 5; i++)
    {
      size_t a = 1 + cs_random_below (g->r, 12), b = 1 + cs_random_below (g->r, 12);
      if (cs_random_below (g->r, 2) == 0)
        g_string_append_printf (text, "%zu plus %zu is %zu. ", a, b, a + b);
      else
        g_string_append_printf (text, "%zu minus %zu is %zu. ", a + b, b, a);
    }
  return g_string_free (text, FALSE);
}

static const WebKind kinds[] = {
  { "forum", 38, forum },     { "encyclopedia", 24, encyclopedia },
  { "how-to", 10, how_to },   { "story", 6, story },
  { "news", 4, news },        { "recipe", 3, recipe },
  { "opinion", 4, opinion },  { "gossip", 4, gossip },
  { "diary", 4, diary },      { "list", 2, list },
  { "list", 20, list_twice }, { "arithmetic", 2, arithmetic },
};

static size_t
count_words (const char *text)
{
  size_t n = 0;

  for (const char *c = text; *c != '\0'; c++)
    n += (*c != ' ' && *c != '\n') && (c[1] == ' ' || c[1] == '\n' || c[1] == '\0');
  return n;
}

static const WebKind *
draw_kind (CsRandom *r)
{
  size_t total = 0, k = 0, mark;

  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    total += kinds[i].weight;
  mark = cs_random_below (r, total);
  while (mark >= kinds[k].weight)
    mark -= kinds[k++].weight;
  return &kinds[k];
}

void
cs_world_web_document (const CsWorld *world, CsRandom *r, CsDocument *document)
{
  GString *text = g_string_new (NULL);
  const WebKind *kind = draw_kind (r);

  cs_document_clear (document);
  document->kind = kind->kind;
  do
    {
      g_auto (CsGrammar) g = { 0 };
      cs_grammar_init (&g, world, r);
      g_autofree char *paragraph = kind->paragraph (&g);
      g_strchomp (paragraph);
      g_string_append_printf (text, "%s\n", paragraph);
    }
  while (count_words (text->str) < MIN_WORDS);
  document->text = g_string_free (text, FALSE);
}
