/* What is compared? Two model folders, whether they fit, the template, and the layer. */
#pragma once

#include "page.h"

#define CS_TYPE_PAIR_PAGE (cs_pair_page_get_type ())
G_DECLARE_FINAL_TYPE (CsPairPage, cs_pair_page, CS, PAIR_PAGE, CsPage)

