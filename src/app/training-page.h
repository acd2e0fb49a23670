/* Is it learning, and what is it learning? Runs, live plots, the moving Δ_norm histogram. */
#pragma once

#include "page.h"

#define CS_TYPE_TRAINING_PAGE (cs_training_page_get_type ())
G_DECLARE_FINAL_TYPE (CsTrainingPage, cs_training_page, CS, TRAINING_PAGE, CsPage)

