/* A study of a pair that the organism's own training made in a moment: what controls and tuning
 * need. */
#pragma once

#include "organism.h"
#include "study.h"

/* Options of a pair that knows nothing: d_model 16, two layers, a few thousand tokens. */
void organism_study_options (CsOrganismOptions *options);
/* Makes the pair in FOLDER/pair and a harvested study of it in FOLDER/study. */
CsStudy *organism_study_new (const char *folder, const CsOrganismOptions *options);
/* A small configuration for its crosscoders. */
CsTrainConfig organism_study_config (size_t d_model);
/* Trains and analyses a run on this thread. */
CsRun *organism_study_run (CsStudy *study, const char *name, const CsTrainConfig *config);
