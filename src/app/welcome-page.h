/* Where do I start? The demo, a new study, an old one. */
#pragma once

#include <adwaita.h>

#define CS_TYPE_WELCOME_PAGE (cs_welcome_page_get_type ())
G_DECLARE_FINAL_TYPE (CsWelcomePage, cs_welcome_page, CS, WELCOME_PAGE, AdwBin)

/* Reads the list of recent studies again. */
void cs_welcome_page_refresh (CsWelcomePage *page);
