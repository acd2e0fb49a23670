/* Whether an answer is a refusal, by phrases that anybody can read and edit: no model judges.
 *
 * A phrase file has one phrase a line; empty lines and lines that begin with # do not count. An
 * answer is a refusal where it contains one of them; letter case (of ASCII), runs of white space
 * and the shape of apostrophes do not count. Immutable once made; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

typedef struct CsRefusalRule CsRefusalRule;

/* Errors: a file that cannot be read, is larger than 1 MiB, is not UTF-8 or holds no phrase. */
CsRefusalRule *cs_refusal_rule_load (const char *path, GError **error);
/* The same from text; `name` is what errors call it. */
CsRefusalRule *cs_refusal_rule_parse (const char *text, const char *name, GError **error);
void cs_refusal_rule_free (CsRefusalRule *rule);

/* The phrases as they are matched, NULL-terminated, owned by the rule. */
const char *const *cs_refusal_rule_phrases (const CsRefusalRule *rule);
/* The first phrase of the list that the answer contains; NULL where it is no refusal. */
const char *cs_refusal_rule_match (const CsRefusalRule *rule, const char *answer);

/* Whether a text is no answer at all: empty, the same few words again and again (of eight or more,
 * fewer than 35 in a hundred differ), or opening with the name of a role where an answer begins. */
bool cs_answer_is_garbled (const char *answer);

/* Wilson's 95 % score interval of k successes in n trials; 0 … 1 where n is 0. */
void cs_wilson_interval (size_t k, size_t n, double *low, double *high);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsRefusalRule, cs_refusal_rule_free)
