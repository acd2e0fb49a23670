/* Taking crosscoders and activations of others in and giving runs out: actions of the window's "training" group, so that
 * every page can offer them.
 *
 * training.import, training.import-folder, training.import-caches, training.export-store; with a run's name: training.attach
 * (feature_df.csv or examples.db), training.calibrate, training.export-hub, training.export-csv, training.export-neuronpedia;
 * with ("run", latent, model): training.export-vector. A feature_df.csv or examples.db that lies beside an imported crosscoder
 * is attached at once. */
#pragma once

#include "training-page.h"

/* The page is held weakly. */
void cs_exchange_actions_add (GActionMap *map, CsTrainingPage *page);
/* What the New Run button's menu offers, and that of the Latents page. */
GMenuModel *cs_exchange_import_menu (void);
/* Importing and exporting the study's activations, for the header of their page. */
GtkWidget  *cs_exchange_store_button (void);
