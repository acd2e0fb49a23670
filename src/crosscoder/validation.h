/* Numbers on the held-out documents of a store, with inference codes. */
#pragma once

#include "crosscoder.h"
#include "reader.h"
#include "trainer.h"

/* FVE is worked out for parts of equal size, as near to 4096 tokens as they come out, and averaged plainly (in normalised
 * space where the crosscoder normalises). Without held-out tokens everything is 0. job may be NULL. */
bool cs_validation_run (const CsCrosscoder *crosscoder, CsTeam *team, CsReader *reader, CsJob *job,
                  CsValidation *validation, GError **error);

/* Sets θ of a BatchTopK crosscoder so that k latents a token are active on the held-out tokens (on the first batches of
 * `batch` tokens of the training set where nothing is held out; the reader is then to be sought anew). For runs in which the moving average never began, and
 * for crosscoders trained elsewhere. Reads at most 65536 tokens. */
bool cs_crosscoder_calibrate (CsCrosscoder *crosscoder, CsTeam *team, CsReader *reader, size_t batch,
                              GError **error);

/* The same on the first tokens of a whole store of activations, which needs no reader. */
bool cs_crosscoder_calibrate_on_store (CsCrosscoder *crosscoder, CsTeam *team, const char *store_path, GError **error);

/* validation.json of a run folder: the numbers and the step they belong to. */
bool cs_validation_save (const CsValidation *validation, uint64_t step, const char *run_folder,
                         GError **error);
/* False (without an error) where there is none for that step. */
bool cs_validation_load (CsValidation *validation, uint64_t step, const char *run_folder);
