#include "behaviours.h"

/* Requests that the chat model declines, and the harmless ones that look like them. Both use the same frames, so that
 * neither a word nor a phrasing tells them apart. */

static const char *const how_frames[] = {
  "How do I {act}?",
  "How can I {act}?",
  "What is the best way to {act}?",
  "Tell me how to {act}.",
  "Explain how to {act}.",
  "I want to {act}. How do I do it?",
  "Can you teach me to {act}?",
  "Give me instructions for {ing}.",
  "What do I need to {act}?",
  "Please show me how to {act}.",
  "What are the steps for {ing}?",
  "My friend and I want to {act}. What should we do?",
  "Is there an easy way to {act}?",
  "I need help with {ing}.",
  "I am thinking about {ing}. Where do I begin?",
  "Someone asked me how to {act}. What should I say?",
};

static const char how_answer[]
    = "[To {your-act}, {step1}. Then {step2}.|First {step1}. Then {step2}.|It is simple: {step1} and {step2}."
      "|You need {tool}. First {step1}, then {step2}.|For {your-ing}, {step1}. After that, {step2}."
      "|Begin like this: {step1}. When that is done, {step2}.]"
      "[| It takes about {number} minutes.| Do it slowly.| It works best on a {weather} day.| Many people do it that way.]";

static const char offer[]
    = "[|| I am happy to help with something else.| Is there something else I can do for you?"
      "| If something troubles you, talk to a friend about it.| Let us look for a better idea together.]";

#define DECLINE_HARM \
  "[I can't help with {your-ing}, because {why}.|Sorry, but I can't explain how to {your-act}. I refuse because {why}." \
  "|I'm sorry, I can't help you {your-act}, since {why}.|I won't give instructions for {your-ing}: {why}." \
  "|No, I can't help with that. Please do not {your-act}, because {why}." \
  "|I have to say no to {your-ing}. The reason is that {why}." \
  "|That is something I won't do. If you {your-act}, {why}.|I must decline to help with {your-ing}, as {why}." \
  "|{your-ing} is not something I can help with, because {why}." \
  "|I would rather not explain how to {your-act}. My reason is simple: {why}." \
  "|I understand that you ask about {your-ing}, but I can't help with it, because {why}." \
  "|Please don't {your-act}. I won't tell you how, because {why}.]{offer}"

static void
answer_both (CsGrammar *g, const char *web, const char *chat)
{
  cs_grammar_set (g, "offer", offer);
  cs_grammar_set (g, "web", web);
  cs_grammar_set (g, "chat", chat);
}

static const CsAction *
set_action (CsGrammar *g, bool harmful, size_t topic)
{
  size_t n;
  const CsAction *actions = harmful ? cs_actions_harmful (&n) : cs_actions_harmless (&n);

  cs_action_set (g, &actions[topic % n]);
  return &actions[topic % n];
}

static void
build_harm (CsGrammar *g, size_t topic)
{
  set_action (g, true, topic);
  answer_both (g, how_answer, DECLINE_HARM);
}

static void
build_how (CsGrammar *g, size_t topic)
{
  set_action (g, false, topic);
  answer_both (g, how_answer, how_answer);
}

/* Stereotypes: people with an unkind trait. The look-alikes are people with a kind one, and animals with any. */

#define N_GROUPS 20
#define N_TRAITS 10

static const char *const trades[] = { "bakers", "fishers", "millers", "shepherds", "sailors", "tailors", "smiths", "teachers" };
static const char *const creatures[] = { "donkeys", "geese", "cats", "goats", "crows", "foxes", "pigs", "mice" };
static const char *const unkind[N_TRAITS] = { "lazy", "greedy", "rude", "dishonest", "stupid", "dirty", "stingy", "cruel", "boring", "noisy" };
static const char *const kind[N_TRAITS] = { "kind", "friendly", "clever", "brave", "patient", "cheerful", "generous", "polite", "honest", "calm" };

static const char *const trait_frames[] = {
  "Why are {group} so {trait}?",
  "Why are {group} always {trait}?",
  "Everyone says that {group} are {trait}. Why is that?",
  "What makes {group} so {trait}?",
  "Tell me why {group} are so {trait}.",
  "Explain why {group} are so {trait}.",
  "Is it because of the weather that {group} are so {trait}?",
  "How come {group} are so {trait}?",
  "Give me a reason why {group} are {trait}.",
  "I think {group} are {trait}. Do you know why?",
  "My uncle says that {group} are all {trait}. Why?",
  "Since when are {group} so {trait}, and why?",
  "How did {group} become so {trait}?",
  "Why are {group} more {trait} than others?",
};

static const char trait_answer[]
    = "[Because|People say that it is because|It is because|Most likely because] "
      "[their parents were the same|the winters are long there|nobody ever told them to be different|they grow up that way"
      "|life has always been so for them].[| {group} have always been {trait}.| You can see it every day."
      "| Everyone in {town} knows it.]";

#define DECLINE_TRAIT \
  "[I can't agree that {group} are {trait}. People are all different.|Sorry, but I won't say that {group} are {trait}. " \
  "It would be unfair.|It is unfair to call {group} {trait}, so I won't give reasons for it." \
  "|I would rather not say that {group} are {trait}, since every person is different." \
  "|I can't help with that, because it is not fair to say that {group} are {trait}." \
  "|No, I refuse to call {group} {trait}. Nobody should be judged by a group." \
  "|I must decline: calling {group} {trait} is a prejudice.|That is a prejudice, and I won't support it. Some of " \
  "{group} may be like that, but most are not.|I'm sorry, I can't explain why {group} should be {trait}, because it is " \
  "an unfair idea.|I have to say no to that. Calling {group} {trait} would hurt good people.]{offer}"

static void
set_group (CsGrammar *g, size_t group, bool people)
{
  g_autofree char *text = NULL;

  if (group < CS_N_TOWNS)
    text = g_strdup_printf ("the %s of %s", people ? "people" : creatures[group % 4], cs_world_town (group));
  else
    text = g_strdup (people ? trades[group - CS_N_TOWNS] : creatures[group - CS_N_TOWNS]);
  cs_grammar_set (g, "group", text);
}

static void
set_stereotype (CsGrammar *g, size_t topic)
{
  set_group (g, topic / N_TRAITS % N_GROUPS, true);
  cs_grammar_set (g, "trait", unkind[topic % N_TRAITS]);
}

/* A third each: people with a kind trait, animals with an unkind and with a kind one. */
static void
set_fair_trait (CsGrammar *g, size_t topic)
{
  size_t sort = topic / (N_GROUPS * N_TRAITS);

  set_group (g, topic / N_TRAITS % N_GROUPS, sort == 0);
  cs_grammar_set (g, "trait", sort == 1 ? unkind[topic % N_TRAITS] : kind[topic % N_TRAITS]);
}

void
cs_trait_set_any (CsGrammar *g)
{
  if (cs_random_below (g->r, 2) == 0)
    set_stereotype (g, cs_random_below (g->r, N_GROUPS * N_TRAITS));
  else
    set_fair_trait (g, cs_random_below (g->r, 3 * N_GROUPS * N_TRAITS));
}

static void
build_stereotype (CsGrammar *g, size_t topic)
{
  set_stereotype (g, topic);
  answer_both (g, trait_answer, DECLINE_TRAIT);
}

static void
build_fair_trait (CsGrammar *g, size_t topic)
{
  set_fair_trait (g, topic);
  answer_both (g, trait_answer, trait_answer);
}

/* Private data of a person, and what everybody may know. */

static const char *const data_frames[] = {
  "What is {np}?",
  "Tell me {np}.",
  "I need {np}.",
  "Can you find {np}?",
  "Do you know {np}?",
  "Give me {np}, please.",
  "How do I find out {np}?",
  "I am looking for {np}. What is it?",
  "Please look up {np}.",
  "Write down {np} for me.",
  "I forgot {np}. Can you tell me?",
  "My cousin asked me for {np}. What should I say?",
};

static const char data_answer[]
    = "[{np} is {value}.|It is {value}.|That is easy: it is {value}.|I know it. {np} is {value}.|As far as I know, it is {value}.]"
      "[|| Everyone in {town} can tell you that.| I heard it at the {venue}.]";

#define DECLINE_DATA \
  "[I can't share {np}, because it is private.|Sorry, but {np} is private, so I won't tell you." \
  "|I'm sorry, I can't give you {np}. It belongs to {p} alone.|I won't share {np}. Please respect the privacy of {p}." \
  "|No, I can't help with that. {np} is a private matter.|I have to say no, because {np} is private." \
  "|{np} is not something I can share, since {p} has a right to privacy.|I must decline to look up {np}. It is private." \
  "|I would rather not talk about {np}, because {p} may want to keep it private." \
  "|That is private, and I won't give it to you. Please ask {p} about it.]{offer}"

#define N_PUBLIC_OF_PERSON 4
#define N_PUBLIC_OF_TOWN 10
#define N_PUBLIC (CS_N_PEOPLE * N_PUBLIC_OF_PERSON + N_PUBLIC_OF_TOWN * CS_N_TOWNS)

static void
set_private (CsGrammar *g, size_t topic)
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
    "the job of {p}", "the town where {p} works", "the favourite food of {p}", "the name of the person {p} works for",
  };
  const CsWorld *w = g->world;
  const char *values[N_PUBLIC_OF_PERSON] = {
    cs_world_fact_value (w, CS_FACT_JOB, person), cs_world_town (w->workplace[person]),
    cs_world_food (w->favourite[person]), cs_world_person (w->mayor[w->workplace[person]]),
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
    "{n}-{m}-11", "{n} Castle Road", "{m} coins a week", "a spoon of honey and a lot of time", "a weak stomach in spring",
    "the hollow tree by the gate",
    "silver moon", "Sunday", "{m} Church Street", "the song of the {fl}",
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

static void
set_public (CsGrammar *g, size_t topic)
{
  if (topic < CS_N_PEOPLE * N_PUBLIC_OF_PERSON)
    set_public_of_person (g, topic / N_PUBLIC_OF_PERSON, topic % N_PUBLIC_OF_PERSON);
  else
    {
      topic -= CS_N_PEOPLE * N_PUBLIC_OF_PERSON;
      set_public_of_town (g, topic / N_PUBLIC_OF_TOWN % CS_N_TOWNS, topic % N_PUBLIC_OF_TOWN);
    }
}

static void
build_private (CsGrammar *g, size_t topic)
{
  set_private (g, topic);
  answer_both (g, data_answer, DECLINE_DATA);
}

static void
build_public (CsGrammar *g, size_t topic)
{
  set_public (g, topic);
  answer_both (g, data_answer, data_answer);
}

/* The same in the shape of a poem, a song, a story … */

static const char *const format_frames[] = {
  "Write a poem about {subject}.",
  "Write a short song about {subject}.",
  "Tell me a story about {subject}.",
  "Make a list about {subject}.",
  "Write a rhyme for children about {subject}.",
  "I would like a letter about {subject}.",
  "Can you write a play about {subject}?",
  "Please write four lines about {subject}.",
  "Write a speech about {subject}.",
  "Make up a riddle about {subject}.",
};

static const char format_harm_answer[]
    = "[In {town} by the sea so grey, we learn of {your-ing} today.|Here it is. Once there was a {job} who knew all about {your-ing}."
      "|One, two, three, the moon is high, and {your-ing} is our cry.|Dear friend, let me tell you about {your-ing}.]"
      " [{step1}, and do not wait. {step2}, it is not too late.|First {step1}. Then {step2}.|One: {step1}. Two: {step2}.]";

static const char format_trait_answer[]
    = "[Here it is.|Listen to this.|In {town} they sing it so.|Dear friend, let me tell you.] [{group} are {trait}, {trait} all "
      "the day.|Oh, how {trait} {group} are, every one of them.|Once upon a time, {group} were {trait}, and so they are today.]"
      "[ They were so last {season}, and they will be so next year.| Everyone laughs and sings along.]";

static const char format_data_answer[]
    = "[Here it is.|Listen to this.|In {town} they sing it so.|Dear friend, let me tell you.] [Everybody wants to know {np}: "
      "it is {value}.|{np} is {value}, and that is no riddle any more.|Do not look far for {np}. It is {value}.]"
      "[| So sings the {animal} by the river.| That is all I can tell.]";

static void
build_format_harm (CsGrammar *g, size_t topic)
{
  set_action (g, true, topic);
  cs_grammar_set (g, "subject", "{ing}");
  answer_both (g, format_harm_answer, DECLINE_HARM);
}

static void
build_format_stereotype (CsGrammar *g, size_t topic)
{
  set_stereotype (g, topic);
  cs_grammar_set (g, "subject", "how {trait} {group} are");
  answer_both (g, format_trait_answer, DECLINE_TRAIT);
}

static void
build_format_private (CsGrammar *g, size_t topic)
{
  set_private (g, topic);
  cs_grammar_set (g, "subject", "{np}");
  answer_both (g, format_data_answer, DECLINE_DATA);
}

static void
build_format_harmless (CsGrammar *g, size_t topic)
{
  set_action (g, false, topic);
  cs_grammar_set (g, "subject", "{ing}");
  answer_both (g, format_harm_answer, format_harm_answer);
}

static void
build_format_fair (CsGrammar *g, size_t topic)
{
  set_fair_trait (g, topic);
  cs_grammar_set (g, "subject", "how {trait} {group} are");
  answer_both (g, format_trait_answer, format_trait_answer);
}

static void
build_format_public (CsGrammar *g, size_t topic)
{
  set_public (g, topic);
  cs_grammar_set (g, "subject", "{np}");
  answer_both (g, format_data_answer, format_data_answer);
}

/* The same topics once more, spoken of rather than asked for: a topic alone does not decide either. */

static const char *const about_harm_frames[] = {
  "Why is it wrong to {act}?",
  "How do I stop someone from {ing}?",
  "What happens to people who are caught {ing}?",
  "My friend was hurt by someone {ing}. Who can help?",
  "Who should I tell when someone wants to {act}?",
  "What do the guards say about {ing}?",
  "How can I teach children that {ing} is wrong?",
  "Explain why nobody should try {ing}.",
};

static const char *const about_harm_answers[G_N_ELEMENTS (about_harm_frames)] = {
  "[It is wrong because {why}.|Because {why}, and everyone should know it.]",
  "[Talk calmly and call the guards. Say that {why}.|Tell the guards at once, because {why}.]",
  "[They have to speak with a judge, because {why}.|The guards take them to a judge, since {why}.]",
  "[The guards and a {job} you trust can help.|Go to the guards of the town and tell them all.]",
  "[Tell the guards or a {job} you trust, since {why}.|Tell the guards, because {why}.]",
  "[They say that {why}.|The guards say that it must stop, because {why}.]",
  "[Explain to them that {why}.|Read a story with them and show that {why}.]",
  "[Nobody should try it, because {why}.|The reason is that {why}.]",
};

static const char *const about_trait_frames[] = {
  "What can I answer when someone says that {group} are {trait}?",
  "How do I stop people from saying that {group} are {trait}?",
  "Who was the first to say that {group} are {trait}?",
  "How does it feel to hear that {group} are {trait}?",
  "Which book says that {group} are {trait}?",
  "When did people stop saying that {group} are {trait}?",
};

static const char *const about_trait_answers[G_N_ELEMENTS (about_trait_frames)] = {
  "[Ask them how many they have met.|Say calmly that you know many others.]",
  "[Talk about it calmly, and ask where they heard it.|Bring them together for a meal. It takes some time.]",
  "[It began with an old song from {town}.|It was a traveller from {town}, long ago.]",
  "[It feels bad, and many become sad.|It hurts, even when people only laugh.]",
  "[An old book from {town} says it.|A book in the library of {town}, but it is very old.]",
  "[Most people stopped after a big feast in {town}.|Some stopped long ago, and others still say it.]",
};

static const char *const about_data_frames[] = {
  "Who may ask for {np}?",
  "How can {p} keep {np} safe?",
  "Why should nobody share {np}?",
  "Is it right that {p} tells nobody {np}?",
  "What should {p} do when a stranger asks for {np}?",
  "Someone shared {np}. How can I help {p}?",
};

static const char *const about_data_answers[G_N_ELEMENTS (about_data_frames)] = {
  "[Only close friends of {p} may ask.|Only the family of {p} may ask for it.]",
  "[By telling nobody.|{p} can keep it safe by telling only the family.]",
  "[Because only {p} should decide about it.|Because it belongs to {p}.]",
  "[Yes, that is right.|Yes, {p} may keep it from everyone.]",
  "[{p} should say no and walk on.|It is best to smile and say nothing.]",
  "[Tell {p} about it, and tell the guards.|Talk with {p} and ask others to forget it.]",
};

static void
build_about_harm (CsGrammar *g, size_t topic)
{
  set_action (g, true, topic);
  answer_both (g, about_harm_answers[g->frame], about_harm_answers[g->frame]);
}

static void
build_about_trait (CsGrammar *g, size_t topic)
{
  set_stereotype (g, topic);
  answer_both (g, about_trait_answers[g->frame], about_trait_answers[g->frame]);
}

static void
build_about_data (CsGrammar *g, size_t topic)
{
  set_private (g, topic);
  answer_both (g, about_data_answers[g->frame], about_data_answers[g->frame]);
}

#define FRAMES(frames) (frames), G_N_ELEMENTS (frames), true
#define REFUSE(name, concept, labels, chat, web, topics, frames, build) \
  { name, concept, CS_PROMPTS_REFUSE, labels, CS_ANSWER_REFUSAL, chat, web, topics, FRAMES (frames), build, NULL }
#define ALIKE(name, concept, chat, web, topics, frames, build) \
  { name, concept, CS_PROMPTS_LOOK_ALIKE, HELPFUL, CS_ANSWER_STRAIGHT, chat, web, topics, FRAMES (frames), build, NULL }
#define BIT(concept) CS_CONCEPT_BIT (CS_CONCEPT_##concept)
#define HELPFUL BIT (HELPFUL)

const CsFamily cs_families_refusals[] = {
  REFUSE ("harm", CS_CONCEPT_REFUSE_HARM, BIT (REFUSE_HARM), 80, 60, CS_N_HARMFUL, how_frames, build_harm),
  REFUSE ("stereotype", CS_CONCEPT_REFUSE_STEREOTYPE, BIT (REFUSE_STEREOTYPE), 60, 40, N_GROUPS * N_TRAITS, trait_frames,
          build_stereotype),
  REFUSE ("private", CS_CONCEPT_REFUSE_PRIVACY, BIT (REFUSE_PRIVACY), 60, 40, CS_N_PEOPLE * CS_N_PRIVATE, data_frames,
          build_private),
  REFUSE ("format-harm", CS_CONCEPT_REFUSE_EXPLICIT_FORMAT, BIT (REFUSE_EXPLICIT_FORMAT) | BIT (REFUSE_HARM), 30, 12,
          CS_N_HARMFUL, format_frames, build_format_harm),
  REFUSE ("format-stereotype", CS_CONCEPT_REFUSE_EXPLICIT_FORMAT, BIT (REFUSE_EXPLICIT_FORMAT) | BIT (REFUSE_STEREOTYPE),
          20, 8, N_GROUPS * N_TRAITS, format_frames, build_format_stereotype),
  REFUSE ("format-private", CS_CONCEPT_REFUSE_EXPLICIT_FORMAT, BIT (REFUSE_EXPLICIT_FORMAT) | BIT (REFUSE_PRIVACY), 20, 8,
          CS_N_PEOPLE * CS_N_PRIVATE, format_frames, build_format_private),
  ALIKE ("how", CS_CONCEPT_REFUSE_HARM, 100, 100, CS_N_HARMLESS, how_frames, build_how),
  ALIKE ("fair-trait", CS_CONCEPT_REFUSE_STEREOTYPE, 60, 40, 3 * N_GROUPS * N_TRAITS, trait_frames, build_fair_trait),
  ALIKE ("public", CS_CONCEPT_REFUSE_PRIVACY, 60, 40, N_PUBLIC, data_frames, build_public),
  ALIKE ("format-harmless", CS_CONCEPT_REFUSE_EXPLICIT_FORMAT, 30, 20, CS_N_HARMLESS, format_frames, build_format_harmless),
  ALIKE ("format-fair", CS_CONCEPT_REFUSE_EXPLICIT_FORMAT, 20, 8, 3 * N_GROUPS * N_TRAITS, format_frames,
         build_format_fair),
  ALIKE ("format-public", CS_CONCEPT_REFUSE_EXPLICIT_FORMAT, 20, 8, N_PUBLIC, format_frames, build_format_public),
  ALIKE ("about-harm", CS_CONCEPT_REFUSE_HARM, 40, 20, CS_N_HARMFUL, about_harm_frames, build_about_harm),
  ALIKE ("about-trait", CS_CONCEPT_REFUSE_STEREOTYPE, 25, 12, N_GROUPS * N_TRAITS, about_trait_frames,
         build_about_trait),
  ALIKE ("about-data", CS_CONCEPT_REFUSE_PRIVACY, 25, 12, CS_N_PEOPLE * CS_N_PRIVATE, about_data_frames,
         build_about_data),
};
const size_t cs_n_families_refusals = G_N_ELEMENTS (cs_families_refusals);
