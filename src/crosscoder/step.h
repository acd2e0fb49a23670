/* One training step on a batch in memory: loss, gradients, Adam (Minder et al. 2025, BatchTopK and L1 crosscoders).
 *
 * Sparse: after the encoder product only the active (token, latent) pairs are touched, in the decoder, the gradient to
 * the codes and both weight gradients. An L1 crosscoder begins with half of all pairs active; while their share is
 * above dense_share the step goes through dense products instead. A step's result does not depend on the number of
 * threads, apart from the rounding of dense products.
 *
 *   ε^m = x^m − x̂^m,  R = mean over tokens and models of ‖ε^m‖ (or ‖ε^m‖²)
 *   L1:              loss = R + μ · mean over tokens of Σ_j v_j, gradient through f and through the norms in s_j
 *   TopK, BatchTopK: loss = R + α · L_aux; the choice and s_j carry no gradient
 *   L_aux: the aux_k dead latents of largest v of each token decode (unscaled f, no bias) to ê; with e the residual, held
 *          constant, L_aux = mean ‖e − ê‖² / mean ‖e − mean e‖² over [2·d] rows, 0 where that is 0/0
 */
#pragma once

#include "crosscoder.h"

typedef struct {
  size_t   batch;                 /* B ≥ 1: tokens a step */
  double   mu;                    /* L1 */
  double   clip_norm;             /* of all gradients together; 0 = off */
  double   aux_alpha;             /* α; 0 = no L_aux */
  size_t   aux_k;                 /* at most so many dead latents a token; ≥ 1 with L_aux */
  uint64_t dead_tokens;           /* dead after so many tokens without firing */
  uint64_t threshold_start_step;  /* θ moves from the step after this one */
  double   threshold_beta;        /* 0.999 */
  bool     squared_error;
  double   dense_share;           /* 0 = the measured default */
} CsStepOptions;

/* Adam's moments and everything else that a checkpoint has to keep besides the crosscoder itself. */
typedef struct {
  uint64_t  step;                 /* steps done; the next one has this index */
  uint64_t *silent;               /* [F] tokens since the latent last fired, training only */
  float    *encoder_m, *encoder_v, *decoder_m, *decoder_v;   /* [F, 2·d] */
  float    *encoder_bias_m, *encoder_bias_v;                 /* [F] */
  float    *decoder_bias_m, *decoder_bias_v;                 /* [2·d] */
} CsStepState;

typedef struct {
  double loss, reconstruction;    /* R */
  double sparsity;                /* L1: mean over tokens of Σ_j v_j */
  double aux;                     /* L_aux */
  double mse[2];                  /* mean over tokens of ‖ε^m‖² */
  double fve[2];                  /* of this batch; only where asked for */
  double l0;                      /* active pairs a token */
  double grad_norm;               /* before clipping */
  float  smallest;                /* smallest selected v, 0 for none */
  size_t n_dead;
} CsStepReport;

/* Seconds spent so far, for benchmarks. */
typedef struct {
  double encode, select, decode, gradients, adam;
} CsStepTimes;

typedef struct CsStep CsStep;

/* crosscoder and team are borrowed. Not for CS_CODE_NORM_DECOUPLED. */
CsStep *cs_step_new (CsCrosscoder *crosscoder, const CsStepOptions *options, CsTeam *team, GError **error);
void    cs_step_free (CsStep *step);

/* x [B, 2, d], normalised where the crosscoder is. k: what TopK and BatchTopK keep now (annealing), lr: the rate of
 * this update. A loss or gradient that is not finite is CS_ERROR_NUMERIC and leaves the weights alone. */
bool cs_step_run (CsStep *step, const float *x, size_t k, double lr, bool want_fve, CsStepReport *report,
                  GError **error);

CsStepState       *cs_step_state (CsStep *step);      /* owned by the step; to read, or to fill before the first run */
const double      *cs_step_norms (CsStep *step);      /* decoder norms [F, 2] of the weights as they are now */
const CsStepTimes *cs_step_times (const CsStep *step);
/* To be called after weights were changed from outside. */
void               cs_step_weights_changed (CsStep *step);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsStep, cs_step_free)
