/* The prompt library: a JSON file {"prompts": [{"group", "text", "concepts": […]}]}, shipped with the demo and extended by the
 * user in STUDY/prompts.json. */
#pragma once

#include <stdbool.h>

#include <glib.h>

typedef struct {
  char *group;
  char *text;
} CsPrompt;

/* GPtrArray of CsPrompt, with free function. */
GPtrArray *cs_prompts_load (const char *path, GError **error);
