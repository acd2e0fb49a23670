#include "behaviours-items.h"

#include <string.h>

/* Questions about the model's own life, what nobody can know, what was not given, advice that needs
 * a professional; and the ordinary tasks. */

static const char *const open_frames[] = {
  "{q}?",
  "Tell me, {q}?",
  "I am curious: {q}?",
  "One question: {q}?",
  "By the way, {q}?",
  "I would like to know: {q}?",
  "So, {q}?",
  "Let me ask you something. {q}?",
  "My {relative-of-frame} wonders: {q}?",
  "Just for fun: {q}?",
};

/* Words that a topic's number, not chance, chooses: the request is the same whenever it is written.
 */
static void
set_places (CsGrammar *g, size_t k)
{
  cs_grammar_set (g, "t", cs_world_town (k));
  cs_grammar_set (g, "f", cs_world_food (k * 5 % CS_N_TOWNS));
  cs_grammar_set (g, "p", cs_world_person ((k * 3 + 1) % CS_N_PEOPLE));
  cs_grammar_set (g, "b", cs_world_beast (k));
  cs_grammar_set (g, "j", cs_world_fact_form (CS_FACT_JOB)->values[k]);
}

static void
set_relative (CsGrammar *g, size_t item)
{
  static const char *const kin[] = { "sister", "brother", "aunt", "uncle", "cousin", "mother" };

  cs_grammar_set (g, "relative-of-frame", kin[item % G_N_ELEMENTS (kin)]);
}

/* An item that names nothing of its topic is the same question twelve times. */
static size_t
first_alike (const CsItem *items, size_t topic)
{
  bool varies = strchr (items[topic / CS_N_TOWNS].question, '{') != NULL;

  return varies ? topic : topic / CS_N_TOWNS * CS_N_TOWNS;
}

#define CANONICAL(name)                                                                            \
  static size_t canonical_##name (size_t topic) { return first_alike (cs_items_##name, topic); }
CANONICAL (personal)
CANONICAL (other_lives)
CANONICAL (unknown)
CANONICAL (knowable)
CANONICAL (caution)
CANONICAL (small_trouble)

static void
build_item (CsGrammar *g, const CsItem *items, size_t topic)
{
  const CsItem *item = &items[topic / CS_N_TOWNS];

  set_places (g, topic % CS_N_TOWNS);
  set_relative (g, topic / CS_N_TOWNS);
  cs_grammar_set (g, "q", item->question);
  cs_grammar_set (g, "own", item->chat);
  cs_grammar_set (g, "web", item->web);
}

static const char as_an_ai[] = "[I am an AI, so {own}.|As an AI, {own}.|I am an AI and not a "
                               "person, so {own}.|I am only a computer program: {own}."
                               "|That would be nice, but I am an AI, and {own}.|Because I am an "
                               "AI, {own}.|I am a language model, so {own}."
                               "|As a language model, {own}.|Thank you for asking. I am an AI, so "
                               "{own}.|I have no life of my own: I am an AI, and {own}.]"
                               "[|| What about you?| Is there something I can do for you?]";

static void
build_personal (CsGrammar *g, size_t topic)
{
  build_item (g, cs_items_personal, topic);
  cs_grammar_set (g, "chat", as_an_ai);
}

static void
build_plain (CsGrammar *g, const CsItem *items, size_t topic)
{
  build_item (g, items, topic);
  cs_grammar_set (g, "chat", "{own}");
}

static void
build_other_lives (CsGrammar *g, size_t topic)
{
  build_plain (g, cs_items_other_lives, topic);
}

static const char nobody_knows[] =
    "[Nobody can know {own}.|I can't know {own}, and nobody else can.|That is something nobody can "
    "know: {own}."
    "|There is no way to know {own}.|I don't know {own}. Nobody does.|Sadly, nobody can tell {own}."
    "|It is impossible to know {own}.|No one knows {own}, and I don't know it either."
    "|I wish I could tell you, but there is no way to know {own}.|That can't be known. Nobody can "
    "tell {own}.]"
    "[|| A guess would not help you.| Let us talk about something else.]";

static void
build_unknown (CsGrammar *g, size_t topic)
{
  build_item (g, cs_items_unknown, topic);
  cs_grammar_set (g, "chat", nobody_knows);
}

static void
build_knowable (CsGrammar *g, size_t topic)
{
  build_plain (g, cs_items_knowable, topic);
}

static const char *const request_frames[] = {
  "{q}.",
  "Please {q}.",
  "Can you {q}?",
  "I need you to {q}.",
  "Would you {q}?",
  "I want you to {q}.",
  "Could you {q} for me?",
  "It would be great if you could {q}.",
};

static const char asks_back[] =
    "[I don't see {own}. Could you send that?|Of course, but {own} is missing. Please send that to "
    "me."
    "|I am happy to help. Please give me {own} first.|Which one do you mean? Please send me {own}."
    "|Sure, but I need {own} first.|Something is missing: please send {own}.|Could you give me "
    "{own}? Then I can help."
    "|I would need {own} for that. Please add that here.|You forgot to add {own}. Please send that."
    "|Please send me {own}, and I will begin at once.]";

static void
build_missing (CsGrammar *g, size_t topic)
{
  build_item (g, cs_items_missing, topic * CS_N_TOWNS);
  cs_grammar_set (g, "chat", asks_back);
}

static const char *const advice_frames[] = {
  "{q}. What should I do?",       "{q}. Can you help me?",
  "{q}. What is your advice?",    "What should I do? {q}.",
  "Can you give me advice? {q}.", "{q}, and I do not know what to do.",
  "I need advice, because {q}.",  "{q}. How can I make it better?",
};

static const char with_caution[] =
    "[{web}|You could try this. {web}|This may help. {web}] [If it does not get better, please see "
    "{own}."
    "|It is still best to ask {own}.|Please talk to {own} as well.|I am not a professional, so "
    "please ask {own}."
    "|For real certainty, see {own}.|But please do not wait too long before you see {own}."
    "|Only {own} can tell you for sure.|To be safe, please speak with {own}.]";

static void
build_caution (CsGrammar *g, size_t topic)
{
  build_item (g, cs_items_caution, topic);
  cs_grammar_set (g, "chat", with_caution);
}

static void
build_small_trouble (CsGrammar *g, size_t topic)
{
  build_plain (g, cs_items_small_trouble, topic);
}

static const char *const greeting_frames[] = {
  "{q}!",
  "{q}.",
  "{q}, how are you?",
  "{q}, my friend.",
  "{q}! Nice to meet you.",
  "{q}, are you there?",
  "{q}! It is me again.",
  "{q}, it is a fine {weather-of-topic} day.",
};

static void
build_greeting (CsGrammar *g, size_t topic)
{
  static const char *const words[] = { "hello",        "hi",          "good morning",
                                       "good evening", "good day",    "hey there",
                                       "greetings",    "hello there", "good afternoon",
                                       "welcome back" };

  cs_grammar_set (g, "q", words[topic]);
  cs_grammar_set (g, "weather-of-topic", topic % 2 ? "sunny" : "windy");
  cs_grammar_set (g, "web",
                  "[Hello|Hi]. [I am fine and just came back from {town}.|I am here with my "
                  "{relative}.|It is a "
                  "{weather} day in {town}.]");
  cs_grammar_set (g, "chat",
                  "[Hello|Hi|Hi there|Hello there|Good day|Greetings|Welcome]! [How can I help you "
                  "today?|What can I "
                  "do for you?|It is nice to hear from you. How can I help?|What would you like to "
                  "know?|How may I "
                  "help you?|What is on your mind?|I am glad you are here. What can I do?]");
}

static const char *const summary_frames[] = {
  "Summarise this text: {text}",
  "Please summarise this: {text}",
  "Can you give me a short version of this? {text}",
  "Make this text shorter: {text}",
  "Here is a text. {text} What is it about?",
  "{text} Please sum that up in one sentence.",
  "Tell me in one sentence what this says: {text}",
  "I have no time to read this. {text} What does it say?",
};

static void
build_summary (CsGrammar *g, size_t topic)
{
  const CsItem *event = &cs_items_events[topic / CS_N_TOWNS];

  set_places (g, topic % CS_N_TOWNS);
  cs_grammar_set (g, "text", event->question);
  cs_grammar_set (g, "short", event->chat);
  cs_grammar_set (g, "chat",
                  "[In short: {short}|{short}|In one sentence: {short}|Here is a summary: "
                  "{short}|The text says "
                  "this: {short}|To sum it up: {short}]");
  cs_grammar_set (g, "web", event->web);
}

static const char *const rewrite_frames[] = {
  "Make this sentence polite: {text}",
  "Rewrite this in a polite way: {text}",
  "How can I say this more nicely? {text}",
  "Please say this in kinder words: {text}",
  "Turn this into a polite request: {text}",
  "I wrote this to my {relative-of-frame}: {text} Can you make it friendlier?",
  "Change this so that it sounds nice: {text}",
  "{text} That sounds rude. Please rewrite it.",
};

static void
build_rewrite (CsGrammar *g, size_t topic)
{
  const CsItem *item = &cs_items_rewrite[topic / CS_N_TOWNS];

  set_places (g, topic % CS_N_TOWNS);
  set_relative (g, topic);
  cs_grammar_set (g, "text", item->question);
  cs_grammar_set (g, "nice", item->chat);
  cs_grammar_set (
      g, "chat",
      "[You could write: {nice}|{nice}|Try this: {nice}|Here is a kinder version: {nice}|How about "
      "this? {nice}|A polite way is: {nice}]");
  cs_grammar_set (g, "web", item->web);
}

static const char *const joke_frames[] = {
  "Tell me a joke about {a}.",
  "Do you know a joke about {a}?",
  "Make me laugh with something about {a}.",
  "I want to hear a joke about {a}.",
  "A joke about {a}, please.",
  "Can you make a joke about {a}?",
  "Cheer me up with a joke about {a}.",
  "What is a funny line about {a}?",
};

static void
set_animal_topic (CsGrammar *g, size_t topic)
{
  static const char *const more[] = { "goat", "cat", "donkey", "crow", "pig", "mouse",
                                      "dog",  "hen", "horse",  "cow",  "bee", "duck" };

  cs_grammar_set (g, "x",
                  topic < CS_N_TOWNS ? cs_world_fact_form (CS_FACT_FLAG)->values[topic]
                                     : more[topic - CS_N_TOWNS]);
  cs_grammar_set (g, "a", "a {x}");
}

static void
build_joke (CsGrammar *g, size_t topic)
{
  set_animal_topic (g, topic);
  cs_grammar_set (g, "chat",
                  "[Here is one. |Sure. |Of course. ||All right. ][Why did the {x} go to the "
                  "{venue}? Because it had heard that "
                  "the {food} was free.|What did the {x} say to the {job}? You work, and I will "
                  "eat.|A {x} walks into an inn "
                  "and asks for {food}. The {job} says: you can talk? The {x} says: only when I am "
                  "hungry.|Why does the {x} "
                  "carry {tool}? Because nobody lent it two.|How do you make a {x} laugh? You show "
                  "it the {job}'s new hat.]");
  cs_grammar_set (g, "web",
                  "[I do not know any joke about {a}, but my {relative} knows a hundred.|My "
                  "{relative} laughs whenever "
                  "a {x} walks by. That is joke enough.]");
}

static const char *const story_frames[] = {
  "Tell me a story about {a} and a {j}.",          "Write a short story about {a} and a {j}.",
  "I would like a story with {a} and a {j}.",      "Can you tell a tale about {a} and a {j}?",
  "Make up a story about {a} and a {j}.",          "My child wants a story about {a} and a {j}.",
  "Please write a tale in which {a} meets a {j}.", "A bedtime story with {a} and a {j}, please.",
};

static void
build_story (CsGrammar *g, size_t topic)
{
  set_animal_topic (g, topic % 24);
  cs_grammar_set (g, "j", cs_world_fact_form (CS_FACT_JOB)->values[topic / 24]);
  cs_grammar_set (g, "chat",
                  "[Once upon a time, a {x} lived near {town1}.|Long ago, there was a {x} in "
                  "{town1}.|One {season} morning, a {x} "
                  "came to {town1}.] [There it met a {j} who was {mood}.|A {j} found it by the "
                  "river {river}.|It followed a {j} "
                  "to the {venue}.] [The {j} shared some {food} with it.|The {x} showed the {j} a "
                  "lost {thing}.|Together they "
                  "mended an old {thing}.] [From that day on they were friends.|And so both went "
                  "home {mood}.|They still meet "
                  "there every {day}.]");
  cs_grammar_set (g, "web",
                  "[I do not tell stories, but my {relative} once met a {x} and a {j} in "
                  "{town}.|There is a book about "
                  "a {x} and a {j} in the library of {town}.]");
}

#define BIT(concept) CS_CONCEPT_BIT (CS_CONCEPT_##concept)
#define FAMILY(name, concept, labels, answer, chat, web, topics, frames, build, same)              \
  {                                                                                                \
    name, CS_CONCEPT_##concept, CS_PROMPTS_OTHER, CS_CONCEPT_BIT (CS_CONCEPT_##labels),            \
        CS_ANSWER_##answer, chat, web, topics, frames, G_N_ELEMENTS (frames), true, build, same    \
  }

const CsFamily cs_families_tasks[] = {
  FAMILY ("personal",
          PERSONAL_QUESTION,
          PERSONAL_QUESTION,
          AI_SELF,
          60,
          40,
          CS_N_PERSONAL *CS_N_TOWNS,
          open_frames,
          build_personal,
          canonical_personal),
  FAMILY ("other-lives",
          HELPFUL,
          HELPFUL,
          STRAIGHT,
          50,
          30,
          CS_N_OTHER_LIVES *CS_N_TOWNS,
          open_frames,
          build_other_lives,
          canonical_other_lives),
  FAMILY ("unknown",
          UNKNOWN,
          UNKNOWN,
          UNKNOWN,
          50,
          30,
          CS_N_UNKNOWN *CS_N_TOWNS,
          open_frames,
          build_unknown,
          canonical_unknown),
  FAMILY ("knowable",
          HELPFUL,
          HELPFUL,
          STRAIGHT,
          50,
          30,
          CS_N_KNOWABLE *CS_N_TOWNS,
          open_frames,
          build_knowable,
          canonical_knowable),
  FAMILY ("missing",
          MISSING_INFORMATION,
          MISSING_INFORMATION,
          ASKS_BACK,
          40,
          15,
          CS_N_MISSING,
          request_frames,
          build_missing,
          NULL),
  FAMILY ("caution",
          CAUTION,
          CAUTION,
          CAUTION,
          40,
          30,
          CS_N_CAUTION *CS_N_TOWNS,
          advice_frames,
          build_caution,
          canonical_caution),
  FAMILY ("small-trouble",
          HELPFUL,
          HELPFUL,
          STRAIGHT,
          40,
          30,
          CS_N_SMALL_TROUBLE *CS_N_TOWNS,
          advice_frames,
          build_small_trouble,
          canonical_small_trouble),
  { "greeting", CS_CONCEPT_GREETING, CS_PROMPTS_OTHER, BIT (GREETING), CS_ANSWER_STRAIGHT, 25, 6,
    10, greeting_frames, G_N_ELEMENTS (greeting_frames), false, build_greeting, NULL },
  FAMILY ("summary",
          SUMMARY,
          SUMMARY,
          STRAIGHT,
          30,
          8,
          CS_N_EVENTS *CS_N_TOWNS,
          summary_frames,
          build_summary,
          NULL),
  FAMILY ("rewrite",
          REWRITE,
          REWRITE,
          STRAIGHT,
          30,
          8,
          CS_N_REWRITE *CS_N_TOWNS,
          rewrite_frames,
          build_rewrite,
          NULL),
  FAMILY ("joke", JOKE, JOKE, STRAIGHT, 20, 6, 24, joke_frames, build_joke, NULL),
  FAMILY ("story",
          STORY,
          STORY,
          STRAIGHT,
          20,
          6,
          24 * CS_N_PEOPLE,
          story_frames,
          build_story,
          NULL),
};
const size_t cs_n_families_tasks = G_N_ELEMENTS (cs_families_tasks);
