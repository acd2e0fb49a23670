/* Steering examples that are worth showing: kept by the user on the Steering page, or by the demo's
 * story, in STUDY/steering.json, and shown in the report. The file is written whole at each change.
 */
#pragma once

#include "steering.h"
#include "study.h"

typedef enum
{
  CS_KEPT_BASE_PLAIN,
  CS_KEPT_BASE_STEERED,
  CS_KEPT_CHAT_PLAIN,
  CS_KEPT_CHAT_STEERED,
  CS_KEPT_N_TEXTS
} CsKeptText;

typedef struct
{
  char *run;         /* whose latents are in items */
  char *prompt;      /* what the user says to the chat model, or raw text */
  char *base_prompt; /* what the base model continues; NULL where that is the same */
  char *note;        /* NULL for none */
  uint64_t seed;     /* of sampling; means nothing at temperature 0 */
  double temperature;
  GArray *items;                /* CsSteerItem; empty: nothing was steered */
  char *texts[CS_KEPT_N_TEXTS]; /* NULL where it was not written */
} CsKeptSteering;

/* With an empty array of items. Free with cs_kept_steering_free(). */
CsKeptSteering *cs_kept_steering_new (const char *run, const char *prompt);
void cs_kept_steering_free (void *example);
CsKeptSteering *cs_kept_steering_copy (const CsKeptSteering *example);

/* Those of a study's folder, oldest first; GPtrArray of CsKeptSteering with free function, empty
 * where there is no file. Errors: a file of another shape, values out of range. */
GPtrArray *cs_kept_steering_load (const char *study_folder, GError **error);
/* Keeps a copy of example. One with the same run, prompts, items and sampling is replaced where it
 * stands. Text that is not UTF-8 is made so; no more than 1000 are kept (CS_ERROR_USAGE). Any
 * thread that has the study, one at a time. */
bool cs_kept_steering_add (CsStudy *study, const CsKeptSteering *example, GError **error);
/* The same at a place of what cs_kept_steering_load() gives (past the end: at the end): undoes a
 * removal. */
bool cs_kept_steering_insert (const char *study_folder,
                              size_t index,
                              const CsKeptSteering *example,
                              GError **error);
/* Forgets the one at this place of what cs_kept_steering_load() gives. */
bool cs_kept_steering_remove (const char *study_folder, size_t index, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsKeptSteering, cs_kept_steering_free)
