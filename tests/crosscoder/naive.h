/* The crosscoder in plain double precision, written for clarity: the oracle of the fast step. */
#pragma once

#include "step.h"

typedef struct {
  size_t d, F, B;
  CsVariant variant;
  CsCodeNorm code_norm;
  double mu, alpha, clip_norm;
  size_t k, aux_k;
  bool squared_error;
  double *encoder, *decoder, *encoder_bias, *decoder_bias;   /* as CsCrosscoder, [F, 2·d] rows */
  bool *dead;                                                /* [F], for L_aux */
} Naive;

typedef struct {
  double loss, error, sparsity, aux, aux_numerator, aux_denominator, mse[2], smallest, l0;
  double *f, *selected;          /* [B, F] all codes and those that are kept */
  bool *aux_selected;            /* [B, F] */
  double *x_hat;                 /* [B, 2·d] */
} NaiveForward;

Naive *naive_new (const CsCrosscoder *crosscoder, size_t B);
void   naive_free (Naive *naive);
double naive_scale (const Naive *naive, size_t j);
/* Given choices (selected entries, auxiliary entries, residual e, denominator) of `fixed`, or made anew where it is NULL: finite
 * differences need them held. */
NaiveForward *naive_forward (const Naive *naive, const float *x, const NaiveForward *fixed);
void   naive_forward_free (NaiveForward *forward);
/* Analytic gradients in the layout of one array: encoder, decoder, encoder bias, decoder bias. */
double *naive_gradients (const Naive *naive, const float *x, const NaiveForward *forward);
size_t naive_n_parameters (const Naive *naive);
double *naive_parameter (Naive *naive, size_t index);
/* torch's Adam with clipping; m, v [n_parameters]. */
void   naive_adam (Naive *naive, double *gradients, double *m, double *v, size_t t, double lr);
