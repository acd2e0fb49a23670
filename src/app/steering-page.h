/* What does this latent do? Prompts with latents turned up and down. */
#pragma once

#include "page.h"

#define CS_TYPE_STEERING_PAGE (cs_steering_page_get_type ())
G_DECLARE_FINAL_TYPE (CsSteeringPage, cs_steering_page, CS, STEERING_PAGE, CsPage)

/* Puts a latent of a run into the basket. */
void cs_steering_page_add (CsSteeringPage *page, const char *run_name, size_t latent);
