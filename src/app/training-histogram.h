/* The Δ_norm histogram of a run as it forms: it follows the run while it trains, and a scrubber replays how the humps came
 * about. */
#pragma once

#include <adwaita.h>

#include "run.h"

#define CS_TYPE_TRAINING_HISTOGRAM (cs_training_histogram_get_type ())
G_DECLARE_FINAL_TYPE (CsTrainingHistogram, cs_training_histogram, CS, TRAINING_HISTOGRAM, AdwBin)

GtkWidget *cs_training_histogram_new (void);
/* NULL for none. Shows the newest snapshot and follows the run. */
void cs_training_histogram_set_run (CsTrainingHistogram *self, CsRun *run);
/* Takes in the snapshots that the run has logged since. */
void cs_training_histogram_sync (CsTrainingHistogram *self);
/* The snapshot that is shown; −1 where there is none. */
gssize cs_training_histogram_position (CsTrainingHistogram *self);
