/* The inside of a training step, shared by its files: step.c (order and optimiser), step-sparse.c (active pairs),
 * step-dense.c (L1 while most pairs are active). */
#pragma once

#include "select.h"
#include "step.h"

#define CS_L1_FIRED_ABOVE 1e-4f /* an L1 latent has fired where v is above this */

/* Active pairs by latent: those of latent j are start[j] … start[j+1]−1, ordered by token. */
typedef struct {
  size_t   *start;          /* [F + 1] */
  uint32_t *token;
  float    *f, *df;
  size_t    capacity;
} CsLatentLists;

struct CsStep {
  CsCrosscoder *crosscoder;
  CsStepOptions options;
  CsTeam *team;
  CsSelector *selector;
  CsStepState state;
  CsStepTimes times;

  float  *pre;              /* [B, F] pre-activations without bias; the dense path makes them f */
  float  *dense_df;         /* [B, F], made by the first dense step */
  float  *scales;           /* s_j [F] */
  double *norms;            /* [F, 2] */
  bool    norms_stale;

  CsCodes codes, aux_codes;
  CsLatentLists lists;
  float  *df;               /* of each pair in codes */
  size_t  df_capacity;
  float  *error;            /* ε [B, 2·d] */
  float  *grad;             /* ∂loss/∂x̂ [B, 2·d] */
  float  *aux_grad;         /* ∂loss/∂ê [B, 2·d], with L_aux */
  double *token_squares;    /* ‖ε^m‖² [B, 2] */
  double *column_sums;      /* [4, 2·d]: Σ ε, Σ ε², Σ x, Σ x² over tokens */
  double *latent_sums;      /* L1: Σ_t f [F] */
  uint32_t *dead;           /* [F] */

  float  *encoder_g, *decoder_g;                  /* [F, 2·d], valid in touched rows */
  float  *encoder_bias_g, *decoder_bias_g;        /* [F], [2·d] */
  double *row_squares;      /* ‖gradient‖² of both rows and the bias of a touched latent [F] */
  uint8_t *touched;         /* [F] */
  uint8_t *fired;           /* [F] */
  uint8_t *encoder_moving, *decoder_moving;       /* [F]: moments may be non-zero */
};

/* row += Σ_i a_i · base[index_i], rows of `width`. */
void cs_accumulate_rows (const float *base, const uint32_t *index, const float *a, size_t n, float *row,
                         size_t width);
/* ε and ∂R/∂x̂ of token t from x̂, which lies in its row of step->error; notes ‖ε^m‖². */
void cs_step_token_error (CsStep *step, const float *x, size_t t);
/* Adds μ/B · Σ_t f · ∂s_j/∂d_j to the decoder gradient of latent j. */
void cs_step_norm_gradient (CsStep *step, size_t j, double sum_f);
/* Notes ‖gradient‖² of latent j, whose gradient is complete. */
void cs_step_note_row (CsStep *step, size_t j);
/* ∂loss/∂b_dec from step->grad; Σ over tokens in double. */
void cs_step_bias_gradient (CsStep *step);
/* Fills step->column_sums. */
void cs_step_column_sums (CsStep *step, const float *x);
/* Tokens since a latent last fired, from step->fired; returns how many are dead and lists them. */
size_t cs_step_count_silent (CsStep *step);

/* From step->codes. */
void cs_step_sparse (CsStep *step, const float *x, CsStepReport *report);
/* From step->pre, with f = max (0, pre + bias). */
void cs_step_dense (CsStep *step, const float *x, CsStepReport *report);
