/* state.safetensors: all that a run needs to go on exactly, weights included, so that a kill between replacing this file
 * and model.safetensors loses nothing.
 *
 *   encoder, decoder, encoder_m … decoder_v [F, 2·d]   encoder_bias, encoder_bias_m, encoder_bias_v [F]
 *   decoder_bias, decoder_bias_m, decoder_bias_v [2·d]   silent U64 [F]   threshold []
 *   mean, std [2·d] and gain [2] of a normalised run
 * Metadata: format, version, step, store (what the activations came from). No random state: the initialisation is done and
 * the reader's batch number `step` is a function of store and seed. */
#pragma once

#include "crosscoder.h"
#include "step.h"

bool cs_checkpoint_exists (const char *run_folder);
bool cs_checkpoint_write (const char *run_folder, const CsCrosscoder *crosscoder, const CsStepState *state,
                          const char *store, GError **error);
/* Into a crosscoder and a state of the right size. Another store is CS_ERROR_MISMATCH. */
bool cs_checkpoint_read (const char *run_folder, CsCrosscoder *crosscoder, CsStepState *state,
                         const char *store, GError **error);
/* The step alone. */
bool cs_checkpoint_step (const char *run_folder, uint64_t *step, GError **error);
