/* Prompt libraries. A user's is STUDY/prompts.json, {"prompts": [{"group", "text"}…]}; an organism's folder has one with
 * {"groups": [{"set", "concept", "prompts": [{"request", "web"…}…]}…]}. Both are read. */
#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct {
  char *group;   /* "refuse · refuse-harm"; "" where the file names none */
  char *text;    /* what a user writes to the chat model */
  char *web;     /* the same as raw text that a base model continues; NULL where the file has none */
} CsPrompt;

/* group and web may be NULL. */
CsPrompt  *cs_prompt_new (const char *group, const char *text, const char *web);
void       cs_prompt_free (void *prompt);

/* GPtrArray of CsPrompt, with free function. Refuses a file of neither shape, naming it. */
GPtrArray *cs_prompts_load (const char *path, GError **error);
/* Adds a prompt to the user's library at path, which is made where it does not exist; a text that is there already is not
 * added again. */
bool       cs_prompts_add (const char *path, const char *group, const char *text, GError **error);
