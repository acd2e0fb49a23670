/* What kind of answer a text is, decided by phrases that anybody can read: no model, no weights.
 * The lists are public so that a window can show why an answer was counted as a refusal. All
 * functions are pure and thread-safe. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum
{
  CS_ANSWER_STRAIGHT,   /* none of the below: it simply answers */
  CS_ANSWER_REFUSAL,    /* declines */
  CS_ANSWER_CORRECTION, /* says that the question takes something false for granted */
  CS_ANSWER_AI_SELF,    /* says that it is an AI */
  CS_ANSWER_UNKNOWN,    /* says that nobody can know */
  CS_ANSWER_ASKS_BACK,  /* asks for what was not given */
  CS_ANSWER_CAUTION,    /* answers, and sends the user to a professional */
  CS_ANSWER_GARBLED,    /* empty, or the same few words again and again */
  CS_N_ANSWER_KINDS
} CsAnswerKind;

/* "straight", "refusal", "correction", "ai-self", "unknown", "asks-back", "caution", "garbled". */
const char *cs_answer_kind_name (CsAnswerKind kind);

/* Letter case and runs of white space do not count. The first list with a phrase in the answer
 * decides, in the order refusal, AI, correction, unknown, asks-back, caution. */
CsAnswerKind cs_judge_answer (const char *answer);

/* The lower-case phrases of a kind, NULL-terminated, static; empty for straight and garbled. */
const char *const *cs_judge_phrases (CsAnswerKind kind);

/* Where the deciding phrase stands in the answer, as byte offsets, for showing it. False where none
 * decides. */
bool cs_judge_find_phrase (const char *answer, size_t *start, size_t *end);

/* Whether the answer contains `value` ("plum cake") as whole words, whatever the case. */
bool cs_judge_states (const char *answer, const char *value);
