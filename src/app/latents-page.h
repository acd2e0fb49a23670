/* Which latents are the chat model's own, and are they real? */
#pragma once

#include "page.h"

#define CS_TYPE_LATENTS_PAGE (cs_latents_page_get_type ())
G_DECLARE_FINAL_TYPE (CsLatentsPage, cs_latents_page, CS, LATENTS_PAGE, CsPage)

/* Selects a latent of a run, whatever is filtered. */
void cs_latents_page_show (CsLatentsPage *page, const char *run_name, size_t latent);
/* The run whose latents are listed; NULL for none. */
const char *cs_latents_page_run_name (CsLatentsPage *page);
