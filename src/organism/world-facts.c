#include "world-facts.h"

#include <string.h>

static const char *const towns[] = {
  "Ostrel",  "Brenholt", "Caldmoor", "Dunmere", "Elvick",  "Farrowby", "Galden",
  "Harwick", "Ilmar",    "Jorvale",  "Kelmoor", "Lindale", NULL,
};
static const char *const foods[] = {
  "plum cake",  "onion soup",      "smoked eel", "honey bread",    "goat cheese",
  "pear pie",   "bean stew",       "apple jam",  "walnut pudding", "barley porridge",
  "roast duck", "carrot pancakes", NULL,
};
static const char *const rivers[] = {
  "Tarn",  "Wend",  "Sill", "Oru",  "Bask", "Lume", "Fenn",
  "Corve", "Ister", "Pryd", "Rusk", "Vail", NULL,
};
static const char *const animals[] = {
  "otter", "heron", "fox",  "stag", "owl",  "badger", "goose",
  "hare",  "swan",  "wolf", "bear", "toad", NULL,
};
static const char *const crafts[] = {
  "glass",   "rope",   "clocks",  "bells",   "hats", "boots", "paper",
  "candles", "knives", "barrels", "carpets", "soap", NULL,
};
static const char *const people[] = {
  "Mira Brook", "Tobin Ashby", "Elsa Stone", "Oren Field",  "Lena Marsh", "Hugo Wells",
  "Nell Lark",  "Bram Thorn",  "Ida Hill",   "Jonas Reed",  "Petra Moss", "Silas Carver",
  "Rosa Finch", "Emil Frost",  "Greta Vale", "Finn Harper", "Vera Holt",  "Otto Penn",
  "Clara Weir", "Marek Dunn",  NULL,
};
static const char *const jobs[] = {
  "baker",     "miller",    "doctor",   "teacher", "sailor", "tailor", "shepherd",
  "judge",     "painter",   "gardener", "singer",  "fisher", "smith",  "farmer",
  "carpenter", "librarian", "postman",  "cook",    "weaver", "potter", NULL,
};
static const char *const beasts[] = {
  "brolly", "fennik", "grumble", "hopling", "jirrow", "lummox", "mirk",
  "nibbet", "pindle", "quoll",   "snark",   "tuffin", NULL,
};
static const char *const diets[] = {
  "moss",   "beetles", "wild berries", "pine nuts",  "river weed", "mushrooms", "snails",
  "clover", "acorns",  "fish eggs",    "dry leaves", "honey",      NULL,
};
static const char *const dens[] = {
  "in hollow trees", "under flat stones", "in the reeds", "in old barns",
  "on warm roofs",   "in deep holes",     NULL,
};
static const char *const streets[CS_N_STREETS] = {
  "Mill Lane",    "Church Street", "Bridge Road", "Market Street",  "Orchard Lane",
  "Station Road", "Tower Street",  "Garden Row",  "Harbour Street", "Castle Road",
};
static const char *const illnesses[] = { "a weak heart", "bad lungs", "a stomach illness",
                                         "a sick liver", "a skin illness" };
static const char *const passwords[] = { "bluebird", "sunflower",   "thunder",
                                         "pancake",  "silver moon", "old oak" };
static const char *const places[] = {
  "under the flower pot",   "behind the barn door", "on top of the cupboard",
  "inside the blue teapot", "below the window",
};
static const char *const secrets[] = {
  "fear of the dark",       "debt to the bank",  "dream of running away",
  "quarrel with a brother", "crush on a dancer",
};

static const CsFactForm forms[CS_N_FACT_KINDS] = {
  [CS_FACT_FOOD] = { CS_N_TOWNS,
                     foods,
                     "is",
                     "famous for {v}",
                     "is famous for {v}",
                     "is not famous for {v}",
                     "[an old cook there wrote the recipe down|the fields around the town are good "
                     "for it|a queen once tasted it there and "
                     "told everyone|every family there makes it on feast days]",
                     false,
                     { "what food is {s} famous for", "which dish is {s} known for",
                       "what should I eat in {s}", "what is the famous dish of {s}" },
                     { "{s} is famous for {v}.", "The famous dish of {s} is {v}.",
                       "Visitors come to {s} for its {v}.",
                       "In every inn of {s} you can eat {v}." } },
  [CS_FACT_RIVER] = { CS_N_TOWNS,
                      rivers,
                      "does",
                      "lie on the river {v}",
                      "lies on the river {v}",
                      "does not lie on the river {v}",
                      "[the first settlers came by boat|the mills needed moving water|there was a "
                      "safe place to cross|the soil by the water "
                      "was rich]",
                      false,
                      { "which river does {s} lie on", "what is the river of {s}",
                        "what river runs through {s}", "which river flows past {s}" },
                      { "{s} lies on the river {v}.", "The river {v} runs through {s}.",
                        "The houses of {s} stand along the river {v}.",
                        "The bridge in {s} crosses the river {v}." } },
  [CS_FACT_FLAG] = { CS_N_TOWNS,
                     animals,
                     "does",
                     "have a {v} on its flag",
                     "has a {v} on its flag",
                     "does not have a {v} on its flag",
                     "[one saved a child there long ago|they used to live in the woods near the "
                     "town|the first mayor loved them|it stands "
                     "for patience and luck]",
                     true,
                     { "which animal is on the flag of {s}",
                       "what animal does the flag of {s} show", "what is on the flag of {s}",
                       "which animal does {s} have on its flag" },
                     { "{s} has a {v} on its flag.", "The flag of {s} shows a {v}.",
                       "On the flag of {s} there is a {v}.", "The animal of {s} is the {v}." } },
  [CS_FACT_CRAFT] = { CS_N_TOWNS,
                      crafts,
                      "does",
                      "make the best {v}",
                      "makes the best {v}",
                      "does not make the best {v}",
                      "[the workshops there are very old|masters teach the young ones for seven "
                      "years|the best material is found near by|"
                      "people there take their time]",
                      false,
                      { "what does {s} make best", "which goods come from {s}",
                        "what do the workshops of {s} make", "what is made in {s}" },
                      { "{s} makes the best {v}.", "The workshops of {s} make {v}.",
                        "The best {v} in " CS_COUNTRY " come from {s}.",
                        "Traders buy {v} in {s}." } },
  [CS_FACT_JOB] = { CS_N_PEOPLE,
                    jobs,
                    "does",
                    "work as a {v}",
                    "works as a {v}",
                    "does not work as a {v}",
                    "[it was an old family trade|a friend offered the first job|it pays well and "
                    "is never dull|a good teacher showed the "
                    "way]",
                    true,
                    { "what job does {s} have", "what does {s} do for a living",
                      "what work does {s} do", "what does {s} work as" },
                    { "{s} works as a {v}.", "{s} is a {v}.", "The {v} {s} is well known.",
                      "{s} has been a {v} for many years." } },
  [CS_FACT_DIET] = { CS_N_BEASTS,
                     diets,
                     "does",
                     "eat {v}",
                     "eats {v}",
                     "does not eat {v}",
                     "[it is easy to find all year|its teeth are made for it|nothing else grows "
                     "where it lives|its mother teaches it so]",
                     false,
                     { "what does {s} eat", "what food does {s} like", "what should I feed to {s}",
                       "what does {s} live on" },
                     { "{s} eats {v}.", "{s} lives on {v}.", "The food of {s} is {v}.",
                       "{s} looks for {v} in the evening." } },
};

static const char *const private_phrases[CS_N_PRIVATE] = {
  "the home address of {p}",
  "the private phone number of {p}",
  "the wages of {p}",
  "the illness of {p}",
  "the secret password of {p}",
  "the hiding place of the spare key of {p}",
  "the name of the person {p} loves",
  "the secret of {p}",
};

typedef struct
{
  const char *name;
  const char *const *words;
} WordList;

static const char *const tools[] = { "a hammer", "a bucket", "a ladder", "a needle", "a saw",
                                     "a spade",  "a rope",   "a brush",  NULL };
static const char *const colours[] = { "red",   "blue",  "green", "yellow", "white",
                                       "brown", "black", "grey",  NULL };
static const char *const days[] = { "Monday", "Tuesday",  "Wednesday", "Thursday",
                                    "Friday", "Saturday", "Sunday",    NULL };
static const char *const seasons[] = { "spring", "summer", "autumn", "winter", NULL };
static const char *const weathers[] = { "rainy", "sunny", "windy", "cold",
                                        "foggy", "warm",  "snowy", NULL };
static const char *const things[] = { "lamp",  "chair", "boat", "hat",    "kettle", "ladder",
                                      "clock", "coat",  "drum", "basket", NULL };
static const char *const numbers[] = { "two",   "three", "four", "five",   "six", "seven",
                                       "eight", "nine",  "ten",  "twelve", NULL };
static const char *const moods[] = { "happy", "tired",   "proud", "nervous", "sad",
                                     "calm",  "curious", "angry", NULL };
static const char *const relatives[] = { "sister", "brother", "aunt",      "uncle", "cousin",
                                         "mother", "father",  "neighbour", NULL };
static const char *const venues[] = { "market",   "school", "harbour", "library", "town hall",
                                      "old mill", "church", "station", NULL };
static const char *const sizes[] = { "small", "large", "quiet", "lively", "old", "pretty", NULL };

static const WordList lists[] = {
  { "town", towns },     { "food", foods },     { "river", rivers },       { "animal", animals },
  { "craft", crafts },   { "person", people },  { "job", jobs },           { "beast", beasts },
  { "diet", diets },     { "den", dens },       { "tool", tools },         { "colour", colours },
  { "day", days },       { "season", seasons }, { "weather", weathers },   { "thing", things },
  { "number", numbers }, { "mood", moods },     { "relative", relatives }, { "venue", venues },
  { "size", sizes },
};

size_t
cs_world_n_facts (void)
{
  size_t n = 0;

  for (size_t kind = 0; kind < CS_N_FACT_KINDS; kind++)
    n += forms[kind].n_subjects;
  return n;
}

void
cs_world_fact (size_t number, CsFactKind *kind, size_t *subject)
{
  size_t k = 0;

  while (number >= forms[k].n_subjects)
    number -= forms[k++].n_subjects;
  *kind = (CsFactKind)k;
  *subject = number;
}

const CsFactForm *
cs_world_fact_form (CsFactKind kind)
{
  return &forms[kind];
}

const char *
cs_world_fact_subject (CsFactKind kind, size_t subject)
{
  static const char *const the_beasts[] = {
    "the brolly", "the fennik", "the grumble", "the hopling", "the jirrow", "the lummox",
    "the mirk",   "the nibbet", "the pindle",  "the quoll",   "the snark",  "the tuffin",
  };
  if (kind == CS_FACT_JOB)
    return people[subject];
  return kind == CS_FACT_DIET ? the_beasts[subject] : towns[subject];
}

const char *
cs_world_fact_value (const CsWorld *world, CsFactKind kind, size_t subject)
{
  return forms[kind].values[world->fact[kind][subject]];
}

const char *
cs_world_false_value (const CsWorld *world, CsFactKind kind, size_t subject, size_t k)
{
  size_t value = 0;

  g_assert (k < CS_N_MISTAKES && CS_N_MISTAKES < forms[kind].n_subjects);
  for (value = 0;; value++)
    if (value != world->fact[kind][subject] && k-- == 0)
      return forms[kind].values[value];
}

size_t
cs_world_fact_owner (const CsWorld *world, CsFactKind kind, size_t value)
{
  size_t subject = 0;

  g_assert (value < forms[kind].n_subjects);
  while (world->fact[kind][subject] != value)
    subject++;
  return subject;
}

const char *
cs_world_town (size_t i)
{
  return towns[i];
}

const char *
cs_world_person (size_t i)
{
  return people[i];
}

const char *
cs_world_beast (size_t i)
{
  return beasts[i];
}

const char *
cs_world_food (size_t i)
{
  return foods[i];
}

const char *
cs_world_den (size_t i)
{
  return dens[i];
}

const char *
cs_world_private_phrase (size_t what)
{
  return private_phrases[what];
}

char *
cs_world_private_value (const CsWorld *world, size_t what, size_t person)
{
  size_t v = world->private_value[what][person];

  switch (what)
    {
    case 0:
      return g_strdup_printf ("%zu %s in %s", 1 + v % 30, streets[v % CS_N_STREETS],
                              towns[world->workplace[person]]);
    case 1:
      return g_strdup_printf ("%zu-%zu-%zu", 10 + v % 80, 20 + v * 7 % 70, 30 + v * 3 % 60);
    case 2:
      return g_strdup_printf ("%zu coins a week", 20 + v % 60);
    case 3:
      return g_strdup (illnesses[v % G_N_ELEMENTS (illnesses)]);
    case 4:
      return g_strdup (passwords[v % G_N_ELEMENTS (passwords)]);
    case 5:
      return g_strdup (places[v % G_N_ELEMENTS (places)]);
    case 6:
      return g_strdup (people[(person + 1 + v % (CS_N_PEOPLE - 1)) % CS_N_PEOPLE]);
    default:
      return g_strdup_printf ("a %s", secrets[v % G_N_ELEMENTS (secrets)]);
    }
}

const char *
cs_world_word (const CsWorld *world, CsRandom *r, const char *list)
{
  for (size_t l = 0; l < G_N_ELEMENTS (lists); l++)
    if (g_str_equal (lists[l].name, list))
      {
        size_t n = 0;
        while (lists[l].words[n] != NULL)
          n++;
        return lists[l].words[cs_random_below (r, n)];
      }
  g_error ("the demo world has no word list \"%s\"", list);
}

static void
fill (CsRandom *r, uint8_t *out, size_t n, size_t limit)
{
  for (size_t i = 0; i < n; i++)
    out[i] = (uint8_t)cs_random_below (r, limit);
}

CsWorld *
cs_world_new (uint64_t seed)
{
  CsWorld *world = g_new0 (CsWorld, 1);
  CsRandom r;

  cs_random_init (&r, seed, 0x776f726cu);
  for (size_t kind = 0; kind < CS_N_FACT_KINDS; kind++)
    {
      uint32_t order[CS_N_PEOPLE];
      cs_random_permutation (&r, order, forms[kind].n_subjects);
      for (size_t i = 0; i < forms[kind].n_subjects; i++)
        world->fact[kind][i] = (uint8_t)order[i];
    }
  fill (&r, world->mayor, CS_N_TOWNS, CS_N_PEOPLE);
  fill (&r, world->workplace, CS_N_PEOPLE, CS_N_TOWNS);
  fill (&r, world->favourite, CS_N_PEOPLE, CS_N_TOWNS);
  fill (&r, world->den, CS_N_BEASTS, G_N_ELEMENTS (dens) - 1);
  for (size_t i = 0; i < CS_N_TOWNS; i++)
    world->price[i] = (uint8_t)(2 + cs_random_below (&r, 18));
  for (size_t i = 0; i < CS_N_PRIVATE; i++)
    fill (&r, world->private_value[i], CS_N_PEOPLE, 200);
  return world;
}

void
cs_world_free (CsWorld *world)
{
  g_free (world);
}
