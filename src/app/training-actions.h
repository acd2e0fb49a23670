/* What can be done with runs: the actions "training.*" of the window, each with the name of a run but new-run;
 * control also has the name of a kind. They find
 * the study through the page. */
#pragma once

#include "training-page.h"

/* The page is held weakly. */
GActionGroup *cs_training_actions_new (CsTrainingPage *page);

/* Shows the form for a new run, filled like an old one where that is not NULL. */
void cs_training_page_open_new_run (CsTrainingPage *page, CsRun *like);
