/* What did the models read? Corpora, the store, and the harvest that fills it. */
#pragma once

#include "page.h"

#define CS_TYPE_ACTIVATIONS_PAGE (cs_activations_page_get_type ())
G_DECLARE_FINAL_TYPE (CsActivationsPage, cs_activations_page, CS, ACTIVATIONS_PAGE, CsPage)

