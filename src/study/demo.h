/* The story of the demo pair, told the same way by the window and by the command: corpora, harvest, L1 and BatchTopK,
 * analysis, concepts, steering. */
#pragma once

#include <jansson.h>

#include "study.h"

/* Where the shipped pair is: $CROSSCOPE_DEMO, the installed data, or the source tree. NULL with error where none is. */
char *cs_demo_folder (GError **error);

/* Fills a new study with the demo pair, its corpora (written to STUDY/corpora by the demo world's grammar), layer, prompts. */
bool  cs_demo_prepare (CsJob *job, const char *study_folder, GError **error);
CsStudy *cs_demo_create_study (const char *study_folder, GError **error);

/* The two runs of the story. */
void  cs_demo_train_config (CsTrainConfig *config, CsVariant variant, size_t d_model);
const char *cs_demo_run_name (CsVariant variant);      /* "batchtopk-1", "l1-1" */

/* Queues what the window's demo needs: harvest, both runs, both analyses; what exists already is not done again. */
bool  cs_demo_queue (CsStudy *study, GError **error);

/* Everything, on the calling thread; *result (new reference) holds the object of `demo --json`. */
bool  cs_demo_run (CsJob *job, const char *study_folder, unsigned n_threads, json_t **result, GError **error);
