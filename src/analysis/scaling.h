/* Latent Scaling (Minder et al. 2025): how much of latent j's own direction, gated by its activation, is present in y?
 *   β_j(y) = Σ_t f_j(t)·⟨y_t, d_j⟩ / (‖d_j‖² · Σ_t f_j(t)²)
 * for the targets y = h^m (activation), ĥ^m (reconstruction, bias and j included) and h^m − (ĥ^m − f_j·d_j^m) (error), with f
 * unscaled inference codes, in closed form with sums in double. The direction is d_j^chat for both models m (the paper's question:
 * is it chat-specific?), or d_j^base for both (the same question about base, which d^chat of a base-only latent cannot answer).
 * Only active (token, latent) pairs are touched; error betas come from
 *   Σ f⟨h^m − ĥ^m, d⟩ + Σ f² · ⟨d_j^m, d⟩.
 * Identity: β^a_m = β^r_m + β^ε_m − ⟨d_j^m, d⟩/‖d‖². It is checked on every latent: the error sums are taken a second time from the
 * target vectors themselves.
 * (Where each model keeps codes of its own, as decoupled crosscoders do, f gates both and the part put back is f^m·d_j^m.)
 * Without bias: h^m − b^m and ĥ^m − b^m in place of h^m and ĥ^m; out of the error the bias cancels.
 *
 * Sums are kept in CS_SCALING_BLOCKS blocks of tokens, for intervals by resampling: F · 32 · 96 bytes in all (227 MB for 73,728
 * latents), however large the store. */
#pragma once

#include "crosscoder.h"

enum { CS_SCALING_BLOCKS = 32 };

typedef struct CsScaling CsScaling;

/* Errors: too large for this machine's memory. crosscoder is borrowed. */
CsScaling *cs_scaling_new (const CsCrosscoder *crosscoder, GError **error);
void       cs_scaling_free (CsScaling *scaling);
/* Adds n tokens: x [n, 2, d], their codes, and the reconstruction [n, 2, d], both in the crosscoder's own space (normalised
 * where it normalises). block [n]: which block each token belongs to (< CS_SCALING_BLOCKS), or NULL for the first. The team cuts by
 * latent, so that the sums do not depend on its size. */
void       cs_scaling_add (CsScaling *scaling, CsTeam *team, const float *x, const CsCodes *codes,
                           const float *reconstruction, const uint8_t *block);
typedef struct {
  double beta_activation[2], beta_reconstruction[2], beta_error[2];
  double beta_activation_nobias[2], beta_reconstruction_nobias[2];
  /* Along d^chat: base / chat; along d^base: chat / base. 0 = the other model has nothing of it, 1 = as much. */
  double nu_activation, nu_reconstruction, nu_error, nu_activation_nobias, nu_reconstruction_nobias;
  double identity_gap;         /* by how much the identity is missed, as a share of what was summed; 0 where nothing was */
  size_t count_active;
} CsScalingResult;

/* Rounding stays far below this. */
#define CS_SCALING_MAX_GAP 1e-6

/* Along d^direction (0 = base, 1 = chat) of a latent. NaN where there is nothing to divide by. */
void       cs_scaling_result (const CsScaling *scaling, size_t latent, int direction, CsScalingResult *result);

typedef enum { CS_SCALING_ERROR, CS_SCALING_RECONSTRUCTION } CsScalingTarget;
/* The blocks' shares of a ν = Σ numerator / Σ denominator; [CS_SCALING_BLOCKS] each. Returns how many blocks the latent was active in. */
size_t     cs_scaling_blocks (const CsScaling *scaling, size_t latent, int direction, CsScalingTarget target,
                              double *numerator, double *denominator);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsScaling, cs_scaling_free)
