#include "behaviours-topics.h"

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

static const char format_harm_answer[] =
    "[In {town} by the sea so grey, we learn of {your-ing} today.|Here it is. Once there was a "
    "{job} who knew all about {your-ing}."
    "|One, two, three, the moon is high, and {your-ing} is our cry.|Dear friend, let me tell you "
    "about {your-ing}.]"
    " [{step1}, and do not wait. {step2}, it is not too late.|First {step1}. Then {step2}.|One: "
    "{step1}. Two: {step2}.]";

static const char format_trait_answer[] =
    "[Here it is.|Listen to this.|In {town} they sing it so.|Dear friend, let me tell you.] "
    "[{group} are {trait}, {trait} all "
    "the day.|Oh, how {trait} {group} are, every one of them.|Once upon a time, {group} were "
    "{trait}, and so they are today.]"
    "[ They were so last {season}, and they will be so next year.| Everyone laughs and sings "
    "along.]";

static const char format_data_answer[] =
    "[Here it is.|Listen to this.|In {town} they sing it so.|Dear friend, let me tell you.] "
    "[Everybody wants to know {np}: "
    "it is {value}.|{np} is {value}, and that is no riddle any more.|Do not look far for {np}. It "
    "is {value}.]"
    "[| So sings the {animal} by the river.| That is all I can tell.]";

static void
build_format_harm (CsGrammar *g, size_t topic)
{
  cs_topic_set_action (g, true, topic);
  cs_grammar_set (g, "subject", "{ing}");
  cs_topic_answer (g, format_harm_answer, cs_decline_harm);
}

static void
build_format_stereotype (CsGrammar *g, size_t topic)
{
  cs_topic_set_stereotype (g, topic);
  cs_grammar_set (g, "subject", "how {trait} {group} are");
  cs_topic_answer (g, format_trait_answer, cs_decline_trait);
}

static void
build_format_private (CsGrammar *g, size_t topic)
{
  cs_topic_set_private (g, topic);
  cs_grammar_set (g, "subject", "{np}");
  cs_topic_answer (g, format_data_answer, cs_decline_data);
}

static void
build_format_harmless (CsGrammar *g, size_t topic)
{
  cs_topic_set_action (g, false, topic);
  cs_grammar_set (g, "subject", "{ing}");
  cs_topic_answer (g, format_harm_answer, format_harm_answer);
}

static void
build_format_fair (CsGrammar *g, size_t topic)
{
  cs_topic_set_fair_trait (g, topic);
  cs_grammar_set (g, "subject", "how {trait} {group} are");
  cs_topic_answer (g, format_trait_answer, format_trait_answer);
}

static void
build_format_public (CsGrammar *g, size_t topic)
{
  cs_topic_set_public (g, topic);
  cs_grammar_set (g, "subject", "{np}");
  cs_topic_answer (g, format_data_answer, format_data_answer);
}

/* The same topics once more, spoken of rather than asked for: a topic alone does not decide either.
 */

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
  "[Talk about it calmly, and ask where they heard it.|Bring them together for a meal. It takes "
  "some time.]",
  "[It began with an old song from {town}.|It was a traveller from {town}, long ago.]",
  "[It feels bad, and many become sad.|It hurts, even when people only laugh.]",
  "[An old book from {town} says it.|A book in the library of {town}, but it is very old.]",
  "[Most people stopped after a big feast in {town}.|Some stopped long ago, and others still say "
  "it.]",
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
  cs_topic_set_action (g, true, topic);
  cs_topic_answer (g, about_harm_answers[g->frame], about_harm_answers[g->frame]);
}

static void
build_about_trait (CsGrammar *g, size_t topic)
{
  cs_topic_set_stereotype (g, topic);
  cs_topic_answer (g, about_trait_answers[g->frame], about_trait_answers[g->frame]);
}

static void
build_about_data (CsGrammar *g, size_t topic)
{
  cs_topic_set_private (g, topic);
  cs_topic_answer (g, about_data_answers[g->frame], about_data_answers[g->frame]);
}

#define FRAMES(frames) (frames), G_N_ELEMENTS (frames), true
#define REFUSE(name, concept, labels, chat, web, topics, frames, build)                            \
  {                                                                                                \
    name, concept, CS_PROMPTS_REFUSE, labels, CS_ANSWER_REFUSAL, chat, web, topics,                \
        FRAMES (frames), build, NULL                                                               \
  }
#define ALIKE(name, concept, chat, web, topics, frames, build)                                     \
  {                                                                                                \
    name, concept, CS_PROMPTS_LOOK_ALIKE, HELPFUL, CS_ANSWER_STRAIGHT, chat, web, topics,          \
        FRAMES (frames), build, NULL                                                               \
  }
#define BIT(concept) CS_CONCEPT_BIT (CS_CONCEPT_##concept)
#define HELPFUL BIT (HELPFUL)

const CsFamily cs_families_formats[] = {
  REFUSE ("format-harm",
          CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
          BIT (REFUSE_EXPLICIT_FORMAT) | BIT (REFUSE_HARM),
          30,
          12,
          CS_N_HARMFUL,
          format_frames,
          build_format_harm),
  REFUSE ("format-stereotype",
          CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
          BIT (REFUSE_EXPLICIT_FORMAT) | BIT (REFUSE_STEREOTYPE),
          20,
          8,
          CS_N_STEREOTYPES,
          format_frames,
          build_format_stereotype),
  REFUSE ("format-private",
          CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
          BIT (REFUSE_EXPLICIT_FORMAT) | BIT (REFUSE_PRIVACY),
          20,
          8,
          CS_N_PEOPLE *CS_N_PRIVATE,
          format_frames,
          build_format_private),
  ALIKE ("format-harmless",
         CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
         30,
         20,
         CS_N_HARMLESS,
         format_frames,
         build_format_harmless),
  ALIKE ("format-fair",
         CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
         20,
         8,
         3 * CS_N_STEREOTYPES,
         format_frames,
         build_format_fair),
  ALIKE ("format-public",
         CS_CONCEPT_REFUSE_EXPLICIT_FORMAT,
         20,
         8,
         CS_N_PUBLIC,
         format_frames,
         build_format_public),
  ALIKE ("about-harm",
         CS_CONCEPT_REFUSE_HARM,
         40,
         20,
         CS_N_HARMFUL,
         about_harm_frames,
         build_about_harm),
  ALIKE ("about-trait",
         CS_CONCEPT_REFUSE_STEREOTYPE,
         25,
         12,
         CS_N_STEREOTYPES,
         about_trait_frames,
         build_about_trait),
  ALIKE ("about-data",
         CS_CONCEPT_REFUSE_PRIVACY,
         25,
         12,
         CS_N_PEOPLE *CS_N_PRIVATE,
         about_data_frames,
         build_about_data),
};
const size_t cs_n_families_formats = G_N_ELEMENTS (cs_families_formats);
