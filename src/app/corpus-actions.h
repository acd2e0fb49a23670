/* What can be done with the list of corpora: the actions "activations.*" of the window. They find the study through the
 * page. */
#pragma once

#include "page.h"

/* "add-corpus", "remove-corpus" (path), "insert-corpus" (position, path). The page is held weakly. */
GActionGroup *cs_corpus_actions_new (CsPage *page);
