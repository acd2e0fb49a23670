/* Search by prompt: a text is read by both models, and the table shows the latents that fire on it, ranked by activation or by
 * their part of the chat − base difference. Main thread only; the models are read on a thread of their own. */
#pragma once

#include "latent-list.h"

#define CS_TYPE_LATENT_PROMPT_SEARCH (cs_latent_prompt_search_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentPromptSearch, cs_latent_prompt_search, CS, LATENT_PROMPT_SEARCH, GtkBox)

/* Signal "ready": what was asked is answered (or refused), or forgotten. */

/* The list that is filtered; it outlives the widget or is taken away with NULL. */
void cs_latent_prompt_search_set_list (CsLatentPromptSearch *self, CsLatentList *list);
/* What is asked about; forgets the search. NULL for none. */
void cs_latent_prompt_search_set_run (CsLatentPromptSearch *self, CsStudy *study, CsRun *run);
/* Asks as Return in the entry does; "" forgets the search. */
void cs_latent_prompt_search_ask (CsLatentPromptSearch *self, const char *text);
