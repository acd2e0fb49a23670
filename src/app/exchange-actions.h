/* Taking crosscoders of others in and giving runs out: actions of the Training page's group.
 *
 * training.import, training.import-folder; with a run's name: training.attach (feature_df.csv or examples.db),
 * training.export-hub, training.export-csv, training.export-neuronpedia. A feature_df.csv or examples.db that lies
 * beside an imported crosscoder is attached at once. */
#pragma once

#include "training-page.h"

/* The page is held weakly. */
void cs_exchange_actions_add (GActionMap *map, CsTrainingPage *page);
/* What the New Run button's menu offers. */
GMenuModel *cs_exchange_import_menu (void);
