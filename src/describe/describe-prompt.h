/* What a language model is asked about a latent, and what its answers say. Pure text: nothing is sent here. */
#pragma once

#include "examples.h"
#include "tokenizer.h"

/* One line of text from an example's tokens: newlines as ↵, special tokens spelled out. With `mark`, runs of tokens at 0.3 of
 * the example's maximum and above stand between << and >>. tokenizer may be NULL: ids then. Free with g_free(). */
char *cs_describe_example_text (CsTokenizer *tokenizer, const CsExample *example, bool mark);

extern const char cs_describe_system[], cs_detect_system[];

/* The question for a description: examples grouped by their part of the maximum, marked. examples: n elements, strongest group
 * first. */
char *cs_describe_question (CsTokenizer *tokenizer, const CsExample *const *examples, size_t n);
/* The question whether texts (n lines) are ones that the described latent fires on. */
char *cs_detect_question (const char *description, char *const *texts, size_t n);

/* The description in an answer: what follows the last "Description:", or the answer where it is one short line; without
 * thoughts between <think> tags, quotes and emphasis; at most 200 characters. NULL where there is none. */
char *cs_describe_parse (const char *answer);
/* Reads a list such as [1, 0, 1, 0, 0], the last one of the answer; false where there is none of n zeros and ones. */
bool cs_detect_parse (const char *answer, size_t n, bool *verdicts);
