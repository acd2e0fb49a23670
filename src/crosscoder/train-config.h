/* What the trainer's files share about its settings. */
#pragma once

#include "trainer.h"

/* Ranges that no run can leave; CS_ERROR_USAGE in one sentence. */
bool        cs_train_config_check (const CsTrainConfig *config, GError **error);
/* The rate after warm-up: lr, or dictionary_learning's rule where that is 0. */
double      cs_train_config_lr (const CsTrainConfig *config);
/* The key of the first setting that changes what is computed, `steps` apart; NULL where there is none. */
const char *cs_train_config_difference (const CsTrainConfig *a, const CsTrainConfig *b);
/* Whether a crosscoder may be written into the folder: CS_ERROR_USAGE where it holds another model's files, such as a language
 * model's. */
bool        cs_run_folder_check (const char *folder, GError **error);
