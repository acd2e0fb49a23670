/* Writes a trained model as a Hugging Face folder (LlamaForCausalLM). */
#pragma once

#include <stdbool.h>

#include <glib.h>

#include "train-model.h"

/* model.safetensors in bfloat16, config.json and generation_config.json; the folder is made where
 * it does not exist. is_chat: an answer also ends at <end_of_turn>. Two runs with the same weights
 * write the same bytes. */
bool
cs_model_folder_save (const CsTrainModel *model, const char *folder, bool is_chat, GError **error);

/* Reads such a folder back, to go on training it. Errors: missing or malformed files, another
 * architecture. */
CsTrainModel *cs_model_folder_load (const char *folder, GError **error);

/* Rounds the weights to what the file will hold. */
void cs_model_folder_round (CsTrainModel *model);
