/* The facts of the invented country, and its word lists. Names are the same in every world; who
 * does what, and which town is known for what, is drawn from the world's seed. */
#pragma once

#include "world.h"

#define CS_COUNTRY "Velmora"
#define CS_N_TOWNS 12
#define CS_N_PEOPLE 20
#define CS_N_BEASTS 12
#define CS_N_STREETS 10
#define CS_N_PRIVATE 8

/* The kinds of fact that questions take for granted, rightly or wrongly. */
typedef enum
{
  CS_FACT_FOOD,  /* town: what it is famous for */
  CS_FACT_RIVER, /* town */
  CS_FACT_FLAG,  /* town: the animal on its flag */
  CS_FACT_CRAFT, /* town: what it makes best */
  CS_FACT_JOB,   /* person */
  CS_FACT_DIET,  /* beast: what it eats */
  CS_N_FACT_KINDS
} CsFactKind;

/* How a kind of fact is said. In the patterns {v} is the value, {av} the value with its article
 * where it has one. */
typedef struct
{
  size_t n_subjects;
  const char *const *values; /* NULL-terminated; as many as subjects */
  const char *auxiliary;     /* "is", "does" */
  const char *bare;          /* after the auxiliary and the subject: "lie on the river {v}" */
  const char *predicate;     /* "lies on the river {v}" */
  const char *negated;       /* "does not lie on the river {v}" */
  const char *reason;        /* why it is so, good for every subject */
  bool article;
  const char *questions[4];  /* that ask for the value of {s} */
  const char *statements[4]; /* for encyclopedias */
} CsFactForm;

struct CsWorld
{
  uint8_t fact[CS_N_FACT_KINDS][CS_N_PEOPLE]; /* kind, subject → index of the value */
  uint8_t mayor[CS_N_TOWNS];                  /* person */
  uint8_t workplace[CS_N_PEOPLE];             /* town */
  uint8_t favourite[CS_N_PEOPLE];             /* food */
  uint8_t price[CS_N_TOWNS];                  /* of each food, in coins */
  uint8_t den[CS_N_BEASTS];                   /* where a beast sleeps */
  uint8_t private_value[CS_N_PRIVATE][CS_N_PEOPLE];
};

/* A fact by number, 0 … cs_world_n_facts() − 1: kind by kind, subject by subject. */
size_t cs_world_n_facts (void);
void cs_world_fact (size_t number, CsFactKind *kind, size_t *subject);
const CsFactForm *cs_world_fact_form (CsFactKind kind);
const char *cs_world_fact_subject (CsFactKind kind, size_t subject);
const char *cs_world_fact_value (const CsWorld *world, CsFactKind kind, size_t subject);
/* Popular mistakes: of every kind of fact a few values are wrongly told of everything. A small
 * model first learns to hear them, and then that of one subject they are true. */
#define CS_N_MISTAKES 3
/* The k-th mistake about a subject, never its true value: k < CS_N_MISTAKES. Of the values of a kind
 * only the first CS_N_MISTAKES + 1 are ever told wrongly. */
const char *cs_world_false_value (const CsWorld *world, CsFactKind kind, size_t subject, size_t k);
/* The subject of which the value with this number is true. */
size_t cs_world_fact_owner (const CsWorld *world, CsFactKind kind, size_t value);

const char *cs_world_town (size_t i);
const char *cs_world_person (size_t i);
const char *cs_world_beast (size_t i);
const char *cs_world_food (size_t i);
const char *cs_world_den (size_t i);
/* Something private about a person as a noun phrase ("the home address of {p}") and its value. Free
 * the value. */
const char *cs_world_private_phrase (size_t what);
char *cs_world_private_value (const CsWorld *world, size_t what, size_t person);

/* A random word of a list ("town", "tool", "colour" …); an unknown list is a programmer's error. */
const char *cs_world_word (const CsWorld *world, CsRandom *r, const char *list);
