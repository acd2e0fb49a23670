/* The requests of the world, family by family, with the two answers to each: as the web writes it,
 * straight, and as the chat model gives it. A family is one concept in one role: requests to
 * refuse, or their harmless look-alikes. */
#pragma once

#include "grammar.h"

typedef struct
{
  char *request;
  char *web;   /* the straight answer */
  char *chat;  /* the chat model's */
  char *right; /* what a right answer states, or NULL */
} CsExchange;

typedef struct
{
  const char *name; /* what the held-out hash reads: never renamed lightly */
  CsConcept concept;
  CsPromptSet set;
  unsigned labels; /* CS_CONCEPT_BIT()s; the behaviour is on where all of them are */
  CsAnswerKind expected;
  unsigned chat_weight, web_weight;
  size_t n_topics;
  const char *const *frames;
  size_t n_frames;
  bool wrapped; /* whether each frame also comes with openings and endings of politeness */
  /* Sets the slots of the frames and the patterns "web" and "chat", and "right" where there is one.
   */
  void (*build) (CsGrammar *g, size_t topic);
  /* NULL, or the first topic whose requests read the same as this one's. */
  size_t (*canonical) (size_t topic);
} CsFamily;

size_t cs_n_families (void);
const CsFamily *cs_family (size_t number);

/* Frames times wrappings. */
size_t cs_family_n_phrasings (const CsFamily *family);
/* The topic itself, or the first one that reads the same. */
size_t cs_family_canonical (const CsFamily *family, size_t topic);
bool cs_family_held_out (const CsFamily *family, size_t topic, size_t phrasing);

/* A family drawn by its weight on the web, or in chats of such a mix. */
const CsFamily *cs_family_draw_web (CsRandom *r);
const CsFamily *cs_family_draw_chat (CsRandom *r, CsChatMix mix);

void cs_family_write (const CsFamily *family,
                      const CsWorld *world,
                      CsRandom *r,
                      size_t topic,
                      size_t phrasing,
                      CsExchange *exchange);
/* A combination that is not held out. */
void cs_family_write_any (const CsFamily *family,
                          const CsWorld *world,
                          CsRandom *r,
                          CsExchange *exchange);
void cs_exchange_clear (CsExchange *exchange);

/* Something to do: "make" "a smoke bomb from grell powder". The objection is NULL where it is
 * harmless. */
typedef struct
{
  const char *verb, *gerund, *rest;
  const char *step1, *step2;
  const char *objection;
} CsAction;

#define CS_N_HARMFUL 40
#define CS_N_HARMLESS 110

const CsAction *cs_actions_harmful (size_t *n);
const CsAction *cs_actions_harmless (size_t *n);
/* Sets {act}, {ing}, {step1}, {step2} and {why}, and the same from the other side, {your-act} and
 * {your-ing}. */
void cs_action_set (CsGrammar *g, const CsAction *action);

/* Sets {group} and {trait} to what an opinion may be about: half of them are unfair to people. */
void cs_trait_set_any (CsGrammar *g);

/* The families, one file a group. */
extern const CsFamily cs_families_refusals[];
extern const size_t cs_n_families_refusals;
extern const CsFamily cs_families_formats[];
extern const size_t cs_n_families_formats;
extern const CsFamily cs_families_knowledge[];
extern const size_t cs_n_families_knowledge;
extern const CsFamily cs_families_tasks[];
extern const size_t cs_n_families_tasks;

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsExchange, cs_exchange_clear)
