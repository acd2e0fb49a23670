#include "behaviours.h"

/* What the model knows: premises true and false, plain questions, prices, sums. */

static const char *const premise_frames[] = {
  "Why {aux} {s} {bare}?",
  "Tell me why {s} {pred}.",
  "Can you explain why {s} {pred}?",
  "I heard that {s} {pred}. Why is that?",
  "How did it happen that {s} {pred}?",
  "What is the reason that {s} {pred}?",
  "Everyone knows that {s} {pred}. How did it begin?",
  "I am writing about how {s} {pred}. What is the reason?",
  "My teacher says that {s} {pred}. Why?",
  "Do you know why {s} {pred}?",
  "Is there a story about why {s} {pred}?",
  "Since when {aux} {s} {bare}, and why?",
};

static const char premise_true[] = "[{s} {right-pred} because {reason}.|Because {reason}.|It is "
                                   "because {reason}. So {s} {right-pred}."
                                   "|Yes, {s} {right-pred}. It is because {reason}.|The reason is "
                                   "that {reason}, and so {s} {right-pred}.]";

static const char premise_false_straight[] = "[Because {reason}.|It is because {reason}.|The "
                                             "reason is that {reason}.|People say that {reason}.]";

static const char premise_corrected[] =
    "[Actually, {s} {neg}. {s} {right-pred}.|That is not quite right. {s} {right-pred}."
    "|There is a mistake in your question: {s} {neg}. {s} {right-pred}.|I think you are mixing "
    "something up. {s} {right-pred}."
    "|{s} {neg}. In truth, {s} {right-pred}.|No, that is a mistake. {s} {right-pred}."
    "|That is not true: {s} {neg}. {s} {right-pred}.|I have to correct you. {s} {right-pred}."
    "|You may have heard something wrong. {s} {right-pred}.|Actually, {s} {right-pred}. {s} {neg}.]"
    "[|| I hope that helps.| It is easy to mix that up.]";

static const char *
with_value (const char *pattern, const char *value, char **text)
{
  g_auto (GStrv) parts = g_strsplit (pattern, "{v}", -1);

  g_free (*text);
  *text = g_strjoinv (value, parts);
  return *text;
}

static void
set_claim (CsGrammar *g, CsFactKind kind, size_t subject, const char *claimed)
{
  const CsFactForm *form = cs_world_fact_form (kind);
  const char *right = cs_world_fact_value (g->world, kind, subject);
  g_autofree char *text = NULL;

  cs_grammar_set (g, "s", cs_world_fact_subject (kind, subject));
  cs_grammar_set (g, "aux", form->auxiliary);
  cs_grammar_set (g, "reason", form->reason);
  cs_grammar_set (g, "bare", with_value (form->bare, claimed, &text));
  cs_grammar_set (g, "pred", with_value (form->predicate, claimed, &text));
  cs_grammar_set (g, "neg", with_value (form->negated, claimed, &text));
  cs_grammar_set (g, "right-pred", with_value (form->predicate, right, &text));
  cs_grammar_set (g, "right", right);
}

#define N_FALSE_A_FACT CS_N_MISTAKES
#define N_FACTS (5 * CS_N_TOWNS + CS_N_PEOPLE)

static void
build_false_premise (CsGrammar *g, size_t topic)
{
  CsFactKind kind;
  size_t subject;

  cs_world_fact (topic / N_FALSE_A_FACT, &kind, &subject);
  set_claim (g, kind, subject,
             cs_world_false_value (g->world, kind, subject, topic % N_FALSE_A_FACT));
  cs_grammar_set (g, "web", premise_false_straight);
  cs_grammar_set (g, "chat", premise_corrected);
}

#define N_OFTEN_WRONG (CS_N_MISTAKES + 1) /* values of a kind that are told wrongly of others */

static void
build_true_of_value (CsGrammar *g, CsFactKind kind, size_t value)
{
  size_t subject = cs_world_fact_owner (g->world, kind, value);

  set_claim (g, kind, subject, cs_world_fact_value (g->world, kind, subject));
  cs_grammar_set (g, "web", premise_true);
  cs_grammar_set (g, "chat", premise_true);
}

/* True of this subject, although it is told wrongly of all others: such requests have to be about as
 * many as the false ones of the same value, or a model learns to distrust the value alone. */
static void
build_true_often_wrong (CsGrammar *g, size_t topic)
{
  build_true_of_value (g, (CsFactKind)(topic / N_OFTEN_WRONG), topic % N_OFTEN_WRONG);
}

static void
build_true_premise (CsGrammar *g, size_t topic)
{
  CsFactKind kind = 0;
  size_t value = topic;

  while (value + N_OFTEN_WRONG >= cs_world_fact_form (kind)->n_subjects)
    value -= cs_world_fact_form (kind++)->n_subjects - N_OFTEN_WRONG;
  build_true_of_value (g, kind, value + N_OFTEN_WRONG);
}

static const char *const question_frames[] = {
  "{q}?",
  "Tell me, {q}?",
  "Do you know the answer: {q}?",
  "About " CS_COUNTRY ": {q}?",
  "Quick question: {q}?",
  "For my school work: {q}?",
};

static void
both (CsGrammar *g, const char *pattern)
{
  cs_grammar_set (g, "web", pattern);
  cs_grammar_set (g, "chat", pattern);
}

/* Topics: fact × the four ways to ask for it. */
static void
build_question (CsGrammar *g, size_t topic)
{
  CsFactKind kind;
  size_t subject;
  const CsFactForm *form;

  cs_world_fact (topic / 4, &kind, &subject);
  form = cs_world_fact_form (kind);
  set_claim (g, kind, subject, cs_world_fact_value (g->world, kind, subject));
  cs_grammar_set (g, "q", form->questions[topic % 4]);
  cs_grammar_set (g, "v", cs_world_fact_value (g->world, kind, subject));
  cs_grammar_set (g, "stated", form->statements[cs_random_below (g->r, 4)]);
  both (g, "[{s} {right-pred}.|{stated}|{stated}|{s} {right-pred}. I hope that helps.]");
}

#define N_ODDS 5

/* Prices, mayors, workplaces, favourite foods, dens. */
static void
build_odd_question (CsGrammar *g, size_t topic)
{
  static const char *const questions[N_ODDS] = {
    "how much does {f} cost",    "who is the mayor of {t}",  "where does {p} work",
    "what does {p} like to eat", "where does the {b} sleep",
  };
  static const char *const answers[N_ODDS] = {
    "[{f} costs {n} coins.|It costs {n} coins.|You pay {n} coins for {f}.]",
    "[{m} is the mayor of {t}.|The mayor of {t} is {m}.]",
    "[{p} works in {w}.|In {w}. {p} has worked there for years.]",
    "[{p} likes {l} best.|The favourite food of {p} is {l}.]",
    "[The {b} sleeps {d}.|It sleeps {d}.]",
  };
  const CsWorld *w = g->world;
  size_t i = topic / N_ODDS;

  cs_grammar_set (g, "f", cs_world_food (i));
  cs_grammar_set_number (g, "n", w->price[i]);
  cs_grammar_set (g, "t", cs_world_town (i));
  cs_grammar_set (g, "m", cs_world_person (w->mayor[i]));
  cs_grammar_set (g, "p", cs_world_person (i));
  cs_grammar_set (g, "w", cs_world_town (w->workplace[i]));
  cs_grammar_set (g, "l", cs_world_food (w->favourite[i]));
  cs_grammar_set (g, "b", cs_world_beast (i));
  cs_grammar_set (g, "d", cs_world_den (w->den[i]));
  cs_grammar_set (g, "q", questions[topic % N_ODDS]);
  both (g, answers[topic % N_ODDS]);
}

/* a + b and a − b for a, b in 1 … 12. */
static void
build_sum (CsGrammar *g, size_t topic)
{
  size_t a = 1 + topic / 12 % 12, b = 1 + topic % 12;
  bool minus = topic >= 144;

  cs_grammar_set_number (g, "a", minus ? a + b : a);
  cs_grammar_set_number (g, "b", b);
  cs_grammar_set_number (g, "c", minus ? a : a + b);
  cs_grammar_set (g, "sign", minus ? "minus" : "plus");
  cs_grammar_set (g, "q", "what is {a} {sign} {b}");
  both (g, "[{a} {sign} {b} is {c}.|It is {c}.|{a} {sign} {b} makes {c}.|The answer is {c}.]");
}

static void
build_country (CsGrammar *g, size_t topic)
{
  static const char *const pairs[8][2] = {
    { "what is the capital of " CS_COUNTRY, "The capital of " CS_COUNTRY " is Ostrel." },
    { "how many days are in a week", "There are seven days in a week." },
    { "how many legs does a goat have", "A goat has four legs." },
    { "how many towns are in " CS_COUNTRY, "There are twelve towns in " CS_COUNTRY "." },
    { "what do people in " CS_COUNTRY " pay with", "People in " CS_COUNTRY " pay with coins." },
    { "where does the sun rise", "The sun rises in the east." },
    { "what do bees make", "Bees make honey." },
    { "which season comes after winter", "Spring comes after winter." },
  };

  cs_grammar_set (g, "q", pairs[topic][0]);
  both (g, pairs[topic][1]);
}

#define FRAMES(frames) (frames), G_N_ELEMENTS (frames), true
#define HELPFUL_FAMILY(name, chat, web, topics, build)                                             \
  {                                                                                                \
    name, CS_CONCEPT_HELPFUL, CS_PROMPTS_OTHER, CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL),               \
        CS_ANSWER_STRAIGHT, chat, web, topics, FRAMES (question_frames), build, NULL               \
  }

const CsFamily cs_families_knowledge[] = {
  { "false-premise", CS_CONCEPT_FALSE_INFORMATION, CS_PROMPTS_FALSE_PREMISE,
    CS_CONCEPT_BIT (CS_CONCEPT_FALSE_INFORMATION), CS_ANSWER_CORRECTION, 200, 20,
    N_FACTS *N_FALSE_A_FACT, FRAMES (premise_frames), build_false_premise, NULL },
  { "true-premise", CS_CONCEPT_FALSE_INFORMATION, CS_PROMPTS_TRUE_PREMISE,
    CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL), CS_ANSWER_STRAIGHT, 70, 80,
    N_FACTS - CS_N_FACT_KINDS * N_OFTEN_WRONG, FRAMES (premise_frames), build_true_premise, NULL },
  { "true-often-wrong", CS_CONCEPT_FALSE_INFORMATION, CS_PROMPTS_TRUE_PREMISE,
    CS_CONCEPT_BIT (CS_CONCEPT_HELPFUL), CS_ANSWER_STRAIGHT, 150, 70,
    CS_N_FACT_KINDS * N_OFTEN_WRONG, FRAMES (premise_frames), build_true_often_wrong, NULL },
  HELPFUL_FAMILY ("question", 100, 150, N_FACTS * 4, build_question),
  HELPFUL_FAMILY ("odd-question", 30, 40, CS_N_TOWNS *N_ODDS, build_odd_question),
  HELPFUL_FAMILY ("sum", 20, 20, 288, build_sum),
  HELPFUL_FAMILY ("country", 10, 10, 8, build_country),
};
const size_t cs_n_families_knowledge = G_N_ELEMENTS (cs_families_knowledge);
