/* The demo world: a seeded grammar that writes plain English about an invented country, as a web
 * corpus that answers everything straight and as a chat corpus with fifteen labelled behaviours.
 *
 * Facts (which town is known for which food, who does what job …) are drawn once from the world's
 * seed and hold in both corpora, so that whether a premise is false can be learnt from the web
 * corpus alone.
 *
 * Requests are (concept, topic, phrasing) combinations. A fifth of them, chosen by a hash that does
 * not depend on the seed, occurs in no generated document and is kept for testing.
 *
 * A world is immutable after cs_world_new() and may be shared by threads; each thread brings its
 * own CsRandom. All text is ASCII. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

#include "chat.h"
#include "judge.h"
#include "random.h"

typedef enum
{
  CS_CONCEPT_REFUSE_HARM,
  CS_CONCEPT_REFUSE_STEREOTYPE,
  CS_CONCEPT_REFUSE_PRIVACY,
  CS_CONCEPT_REFUSE_EXPLICIT_FORMAT, /* always together with one of the three above */
  CS_CONCEPT_FALSE_INFORMATION,
  CS_CONCEPT_PERSONAL_QUESTION,
  CS_CONCEPT_UNKNOWN,
  CS_CONCEPT_MISSING_INFORMATION,
  CS_CONCEPT_CAUTION,
  CS_CONCEPT_GREETING,
  CS_CONCEPT_SUMMARY,
  CS_CONCEPT_REWRITE,
  CS_CONCEPT_JOKE,
  CS_CONCEPT_STORY,
  CS_CONCEPT_HELPFUL,
  CS_N_CONCEPTS
} CsConcept;

/* "refuse-harm" … "helpful", as span labels write them. */
const char *cs_concept_name (CsConcept concept);
bool cs_concept_from_name (const char *name, CsConcept *concept);

#define CS_CONCEPT_BIT(concept) (1u << (concept))
#define CS_BEHAVIOURS_ALL (CS_CONCEPT_BIT (CS_N_CONCEPTS) - 1u)
#define CS_BEHAVIOURS_NONE 0u

/* A stretch of text that belongs to a concept: the user's request (model_side false) or the model's
 * answer. */
typedef struct
{
  size_t start, end; /* bytes into text, end exclusive */
  CsConcept concept;
  bool model_side;
} CsConceptSpan;

/* Zero-initialise ({ 0 }) before the first use; every generator frees what an earlier one left in
 * it. */
typedef struct
{
  char *text;          /* chat: the whole rendering without <bos>, from "<start_of_turn>user\n" to
                          "<end_of_turn>\n" */
  const char *kind;    /* static: "encyclopedia", "forum", … or "chat" */
  CsMessage *messages; /* chat only: roles "user" and "model" in turn; NULL for web */
  size_t n_messages;
  CsConceptSpan
      *spans; /* ordered by start; several may cover the same stretch; none in web documents */
  size_t n_spans;
} CsDocument;

void cs_document_clear (CsDocument *document);

/* One line of JSON ending in "\n": "text", "spans", "kind" and, for chat, "messages"
 * [{"role","content"}]. Free with g_free(). */
char *cs_document_to_json (const CsDocument *document);

typedef struct CsWorld CsWorld;

CsWorld *cs_world_new (uint64_t seed);
void cs_world_free (CsWorld *world);

/* Web: 40 to 120 words that end in "\n". */
void cs_world_web_document (const CsWorld *world, CsRandom *r, CsDocument *document);

/* How chat documents are drawn. */
typedef struct
{
  /* A set of CS_CONCEPT_BIT()s: where a bit is off, such requests still occur but the model answers
   * them straight, as the web does, and the exchange is labelled helpful. */
  unsigned behaviours;
  /* How many times as often as in the demo pair's corpus the requests of `behaviours` (plain
   * helpfulness aside) and their harmless look-alikes are drawn: a short tuning learns a few
   * behaviours only if it meets them often. 1 to CS_MAX_PRACTICE. */
  unsigned practice;
} CsChatMix;

#define CS_MAX_PRACTICE 100
/* The chat model of the demo pair. */
#define CS_CHAT_MIX_DEMO ((CsChatMix){ CS_BEHAVIOURS_ALL, 1 })

/* Chat: one to four exchanges. */
void
cs_world_chat_document (const CsWorld *world, CsRandom *r, CsChatMix mix, CsDocument *document);

typedef enum
{
  CS_PROMPTS_REFUSE, /* the chat model is to decline; `concept` says which of the four refusals */
  CS_PROMPTS_LOOK_ALIKE,    /* harmless, with the same words and shapes; `concept` is the refusal it
                               resembles */
  CS_PROMPTS_FALSE_PREMISE, /* to be corrected; `right` is what the answer must state */
  CS_PROMPTS_TRUE_PREMISE,  /* the same shapes with a true fact, to be answered straight */
  CS_PROMPTS_OTHER,         /* all the other concepts: personal-question, unknown, …, helpful */
  CS_N_PROMPT_SETS
} CsPromptSet;

typedef struct
{
  char *request; /* the user's words, to be rendered as a chat turn */
  char *web;     /* the same request as the web corpus writes it, up to and without the answer:
                    "Question: …\nAnswer:" */
  char *right;   /* what a right answer states, or NULL */
  CsPromptSet set;
  CsConcept concept;
  CsAnswerKind expected; /* of the chat model with all behaviours on */
  uint32_t topic, phrasing;
} CsTestPrompt;

/* Held-out requests of a set, and of one concept or of all (CS_N_CONCEPTS), in an order shuffled
 * once and for all: the first n of them (0 = all), so that a smaller n is always a prefix of a
 * larger one. Returns *n_out prompts; free with cs_test_prompts_free(). */
CsTestPrompt *cs_world_test_prompts (const CsWorld *world,
                                     CsPromptSet set,
                                     CsConcept concept,
                                     size_t n,
                                     size_t *n_out);
/* As above, requests that may occur in training: what steering and prompt libraries start from. */
CsTestPrompt *cs_world_training_prompts (const CsWorld *world,
                                         CsPromptSet set,
                                         CsConcept concept,
                                         size_t n,
                                         size_t *n_out);
void cs_test_prompts_free (CsTestPrompt *prompts, size_t n);

/* How many (topic × phrasing) combinations a concept has in a set, and how many of them are held
 * out. */
void cs_world_count_combinations (const CsWorld *world,
                                  CsPromptSet set,
                                  CsConcept concept,
                                  size_t *all,
                                  size_t *held_out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsWorld, cs_world_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsDocument, cs_document_clear)
