/* Latent Scaling (Minder et al. 2025): how much of latent j's chat direction, gated by its own activation, is present in y?
 *   β_j(y) = Σ_t f_j(t)·⟨y_t, d_j^chat⟩ / (‖d_j^chat‖² · Σ_t f_j(t)²)
 * for the targets y = h^m (activation), ĥ^m (reconstruction, bias and j included) and h^m − (ĥ^m − f_j·d_j^m) (error), with
 * f unscaled inference codes and d_j^chat for both models. Closed form, sums in double; error betas come from
 *   Σ f⟨ε^m, d⟩ + Σ f² · ⟨d_j^m, d_j^chat⟩
 * so that only active (token, latent) pairs are touched. Identity: β^a_m = β^r_m + β^ε_m − ⟨d_j^m, d_j^chat⟩/‖d_j^chat‖². */
#pragma once

#include "crosscoder.h"

typedef struct CsScaling CsScaling;

CsScaling *cs_scaling_new (const CsCrosscoder *crosscoder);
void       cs_scaling_free (CsScaling *scaling);
/* Adds n tokens: x [n, 2, d], their codes, and the reconstruction [n, 2, d], both in the crosscoder's own space (normalised
 * where it normalises). The team cuts by latent, so that the
 * sums do not depend on its size. */
void       cs_scaling_add (CsScaling *scaling, CsTeam *team, const float *x, const CsCodes *codes,
                           const float *reconstruction);
typedef struct {
  double beta_activation[2], beta_reconstruction[2], beta_error[2];
  double nu_activation, nu_reconstruction, nu_error;   /* base / chat */
  size_t count_active;
} CsScalingResult;

void       cs_scaling_result (const CsScaling *scaling, size_t latent, CsScalingResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsScaling, cs_scaling_free)
