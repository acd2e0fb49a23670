/* Planting a world for a seed, training L1 and BatchTopK on it, and scoring both. */
#pragma once

#include "job.h"
#include "planted-score.h"

/* FOLDER/seed-N/ gets activations.h5, truth.json, and the runs l1 and batchtopk. What is there of
 * the same settings is kept: a trial that was stopped goes on; a world of other settings is
 * CS_ERROR_MISMATCH and stays untouched. out: L1, BatchTopK. Call it on the job's thread; job may
 * be NULL. n_threads 0 = all. */
bool cs_planted_trial (CsJob *job,
                       const char *folder,
                       const CsPlantedSettings *settings,
                       uint64_t seed,
                       unsigned n_threads,
                       CsPlantedResult out[2],
                       GError **error);

/* Scores a run against the world in `planted` (activations.h5 and truth.json). Analyses the run
 * anew: every latent is tested. */
bool cs_planted_score_run (CsJob *job,
                           const char *run,
                           const char *planted,
                           unsigned n_threads,
                           CsPlantedResult *out,
                           GError **error);
