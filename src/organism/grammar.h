/* A small template language for sentences:
 *
 *   [a|b||c]   one of the alternatives, drawn at random; they may be empty and may nest
 *   {name}     the slot of that name, itself expanded; where there is none, a random word of the
 * world's list of that name. A list name that ends in a digit keeps its word: {town1} is the same
 * town all through.
 *
 * The finished text is tidied: "a" before a vowel becomes "an", sentences begin with a capital. */
#pragma once

#include <glib.h>

#include "random.h"
#include "world-facts.h"

typedef struct
{
  const CsWorld *world;
  CsRandom *r;
  GHashTable *slots; /* owned names → owned values */
  size_t frame;      /* which of a family's frames the request uses, where it answers one */
} CsGrammar;

void cs_grammar_init (CsGrammar *g, const CsWorld *world, CsRandom *r);
void cs_grammar_clear (CsGrammar *g);

/* The value is copied; it may be a pattern. Replaces an earlier value. */
void cs_grammar_set (CsGrammar *g, const char *name, const char *value);
void cs_grammar_set_number (CsGrammar *g, const char *name, size_t value);

/* Expanded and tidied; free with g_free(). */
char *cs_grammar_write (CsGrammar *g, const char *pattern);

/* A random element of an array of n patterns. */
#define cs_grammar_pick(g, array) ((array)[cs_random_below ((g)->r, G_N_ELEMENTS (array))])

/* The user's words seen from the other side: "my" → "your", "I" → "you". Free with g_free(). */
char *cs_grammar_second_person (const char *text);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsGrammar, cs_grammar_clear)
