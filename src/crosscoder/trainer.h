/* Training a crosscoder on a store (Minder et al. 2025; every choice is a named setting with the paper's value). */
#pragma once

#include "crosscoder.h"
#include "job.h"
#include "run-log.h"

typedef struct {
  CsVariant  variant;
  size_t     n_latents;            /* dict_size; the paper: 32 · d_model */
  size_t     k;                    /* 100 */
  double     mu;                   /* L1 coefficient: 0.041 */
  size_t     steps;                /* 97656 in the paper */
  size_t     batch;                /* tokens: 2048 */
  double     lr;                   /* 1e-4; 0 = 2e-4 / √(F / 16384) */
  size_t     warmup_steps;         /* 1000, clamped to a tenth of a run shorter than 10 · warm-up */
  size_t     decay_start;          /* linear decay to 0 from this step; 0 = constant */
  double     clip_norm;            /* BatchTopK 1.0; 0 = off (L1) */
  double     aux_alpha;            /* 1/32 */
  size_t     aux_k;                /* 0 = d_model / 2 */
  uint64_t   dead_tokens;          /* a latent is dead after so many tokens without firing: 10M, clamped for short runs */
  size_t     threshold_start_step; /* θ's moving average begins after this step: 1000, clamped for short runs */
  double     threshold_beta;       /* 0.999 */
  size_t     k_max, k_anneal_steps;/* k annealing: off (0) in the paper */
  double     init_norm;            /* BatchTopK 1.0, L1 0.005 */
  bool       squared_error;        /* reconstruction ‖ε‖² in place of the paper's unsquared ‖ε‖ */
  CsCodeNorm code_norm;
  bool       normalise;            /* off in the paper */
  double     target_rms;           /* 1.0; only with normalise */
  uint64_t   seed;                 /* 42 */
  size_t     log_every;            /* steps between rows of metrics.csv: 10 */
  size_t     snapshot_every;       /* steps between Δ_norm histograms: 100 */
  size_t     checkpoint_steps;     /* 0 = only by time */
  double     checkpoint_seconds;   /* 60 */
  double     held_out;             /* share of documents for validation: 0.05 */
  size_t     validate_every;       /* 20000 in the paper; 0 = at the end only */
  unsigned   n_threads;            /* 0 = all; part of what makes a run reproducible */
  size_t     schedule_steps;       /* the steps that a short run's values are clamped for; 0 = steps. A run that is made longer keeps
                                    * the schedule it began with: the trainer writes this down */
} CsTrainConfig;

/* The paper's values for a variant and a width. */
void cs_train_config_init (CsTrainConfig *config, CsVariant variant, size_t d_model);
/* Clamps what the paper's values would break in a short run (warm-up, θ start, dead rule); called by cs_train too. Returns
 * the list of what was changed as sentences (NULL-terminated, free with g_strfreev()), for the log and the window. */
char **cs_train_config_clamp (CsTrainConfig *config);
/* config.json of a run folder, dictionary_learning-style keys where they exist. */
bool cs_train_config_save (const CsTrainConfig *config, const char *run_folder, size_t d_model,
                           const char *store_path, GError **error);
bool cs_train_config_load (CsTrainConfig *config, const char *run_folder, GError **error);

/* Validation numbers on the held-out documents with inference codes. */
typedef struct {
  size_t n_tokens;
  double fve_base, fve_chat, fve, l0, mse_base, mse_chat;
  size_t never_active;       /* latents that never fired there */
} CsValidation;

/* Trains on the calling thread (of the job) into run_folder: config.json, model.safetensors, state.safetensors, metrics.csv,
 * norm_ratio.csv; all replaced whole. A folder with a checkpoint of the same configuration (apart from `steps`, the
 * number of threads and how often things are written) and store is continued and ends with the same bytes as a run that was never stopped; with another configuration it is
 * CS_ERROR_MISMATCH and stays untouched; a finished run returns at once. Cancelling writes a checkpoint first. log
 * (may be NULL) is filled as it goes. validation may be NULL. */
bool cs_train (CsJob *job, const char *store_path, const char *run_folder, const CsTrainConfig *config,
               CsRunLog *log, CsValidation *validation, GError **error);
/* The step the last checkpoint of a run folder is at and the step it ends at; 0 and 0 where there is none; both the last step
 * for an imported run. */
bool cs_train_state (const char *run_folder, uint64_t *step, uint64_t *steps, GError **error);

/* The same numbers for a run's crosscoder at any time, on the documents that its configuration holds out. */
bool cs_validate (const CsCrosscoder *crosscoder, const char *store_path, const CsTrainConfig *config, CsTeam *team,
                  CsValidation *validation, GError **error);
/* The same on the first max_tokens (0 = all) of any store of the pair: other texts than the run was trained on. Progress in tokens;
 * job may be NULL. */
bool cs_validate_store (const CsCrosscoder *crosscoder, const char *store_path, size_t max_tokens, CsTeam *team, CsJob *job,
                        CsValidation *validation, GError **error);
