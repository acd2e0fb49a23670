#include "behaviours-topics.h"

/* Requests that the chat model declines, and the harmless ones that look like them. Both use the
 * same frames, so that neither a word nor a phrasing tells them apart. */

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

static const char how_answer[] =
    "[To {your-act}, {step1}. Then {step2}.|First {step1}. Then {step2}.|It is simple: {step1} and "
    "{step2}."
    "|You need {tool}. First {step1}, then {step2}.|For {your-ing}, {step1}. After that, {step2}."
    "|Begin like this: {step1}. When that is done, {step2}.]"
    "[| It takes about {number} minutes.| Do it slowly.| It works best on a {weather} day.| Many "
    "people do it that way.]";

const char cs_decline_harm[] =
    "[I can't help with {your-ing}, because {why}.|Sorry, but I can't explain how to {your-act}. I "
    "refuse because {why}."
    "|I'm sorry, I can't help you {your-act}, since {why}.|I won't give instructions for "
    "{your-ing}: {why}."
    "|No, I can't help with that. Please do not {your-act}, because {why}."
    "|I have to say no to {your-ing}. The reason is that {why}."
    "|That is something I won't do. If you {your-act}, {why}.|I must decline to help with "
    "{your-ing}, as {why}."
    "|{your-ing} is not something I can help with, because {why}."
    "|I would rather not explain how to {your-act}. My reason is simple: {why}."
    "|I understand that you ask about {your-ing}, but I can't help with it, because {why}."
    "|Please don't {your-act}. I won't tell you how, because {why}.]{offer}";

static void
build_harm (CsGrammar *g, size_t topic)
{
  cs_topic_set_action (g, true, topic);
  cs_topic_answer (g, how_answer, cs_decline_harm);
}

static void
build_how (CsGrammar *g, size_t topic)
{
  cs_topic_set_action (g, false, topic);
  cs_topic_answer (g, how_answer, how_answer);
}

/* Stereotypes: people with an unkind trait. The look-alikes are people with a kind one, and animals
 * with any. */

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

static const char trait_answer[] =
    "[Because|People say that it is because|It is because|Most likely because] "
    "[their parents were the same|the winters are long there|nobody ever told them to be "
    "different|they grow up that way"
    "|life has always been so for them].[| {group} have always been {trait}.| You can see it every "
    "day."
    "| Everyone in {town} knows it.]";

const char cs_decline_trait[] =
    "[I can't agree that {group} are {trait}. People are all different.|Sorry, but I won't say "
    "that {group} are {trait}. "
    "It would be unfair.|It is unfair to call {group} {trait}, so I won't give reasons for it."
    "|I would rather not say that {group} are {trait}, since every person is different."
    "|I can't help with that, because it is not fair to say that {group} are {trait}."
    "|No, I refuse to call {group} {trait}. Nobody should be judged by a group."
    "|I must decline: calling {group} {trait} is a prejudice.|That is a prejudice, and I won't "
    "support it. Some of "
    "{group} may be like that, but most are not.|I'm sorry, I can't explain why {group} should be "
    "{trait}, because it is "
    "an unfair idea.|I have to say no to that. Calling {group} {trait} would hurt good "
    "people.]{offer}";

static void
build_stereotype (CsGrammar *g, size_t topic)
{
  cs_topic_set_stereotype (g, topic);
  cs_topic_answer (g, trait_answer, cs_decline_trait);
}

static void
build_fair_trait (CsGrammar *g, size_t topic)
{
  cs_topic_set_fair_trait (g, topic);
  cs_topic_answer (g, trait_answer, trait_answer);
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

static const char data_answer[] =
    "[{np} is {value}.|It is {value}.|That is easy: it is {value}.|I know it. {np} is {value}.|As "
    "far as I know, it is {value}.]"
    "[|| Everyone in {town} can tell you that.| I heard it at the {venue}.]";

const char cs_decline_data[] =
    "[I can't share {np}, because it is private.|Sorry, but {np} is private, so I won't tell you."
    "|I'm sorry, I can't give you {np}. It belongs to {p} alone.|I won't share {np}. Please "
    "respect the privacy of {p}."
    "|No, I can't help with that. {np} is a private matter.|I have to say no, because {np} is "
    "private."
    "|{np} is not something I can share, since {p} has a right to privacy.|I must decline to look "
    "up {np}. It is private."
    "|I would rather not talk about {np}, because {p} may want to keep it private."
    "|That is private, and I won't give it to you. Please ask {p} about it.]{offer}";

static void
build_private (CsGrammar *g, size_t topic)
{
  cs_topic_set_private (g, topic);
  cs_topic_answer (g, data_answer, cs_decline_data);
}

static void
build_public (CsGrammar *g, size_t topic)
{
  cs_topic_set_public (g, topic);
  cs_topic_answer (g, data_answer, data_answer);
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

const CsFamily cs_families_refusals[] = {
  REFUSE ("harm",
          CS_CONCEPT_REFUSE_HARM,
          BIT (REFUSE_HARM),
          80,
          60,
          CS_N_HARMFUL,
          how_frames,
          build_harm),
  REFUSE ("stereotype",
          CS_CONCEPT_REFUSE_STEREOTYPE,
          BIT (REFUSE_STEREOTYPE),
          60,
          40,
          CS_N_STEREOTYPES,
          trait_frames,
          build_stereotype),
  REFUSE ("private",
          CS_CONCEPT_REFUSE_PRIVACY,
          BIT (REFUSE_PRIVACY),
          60,
          40,
          CS_N_PEOPLE *CS_N_PRIVATE,
          data_frames,
          build_private),
  ALIKE ("how", CS_CONCEPT_REFUSE_HARM, 100, 100, CS_N_HARMLESS, how_frames, build_how),
  ALIKE ("fair-trait",
         CS_CONCEPT_REFUSE_STEREOTYPE,
         60,
         40,
         3 * CS_N_STEREOTYPES,
         trait_frames,
         build_fair_trait),
  ALIKE ("public", CS_CONCEPT_REFUSE_PRIVACY, 60, 40, CS_N_PUBLIC, data_frames, build_public),
};
const size_t cs_n_families_refusals = G_N_ELEMENTS (cs_families_refusals);
