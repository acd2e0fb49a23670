/* The crosscoder: one sparse dictionary over the residual streams of two models (Minder et al. 2025).
 *
 * B tokens, d = d_model, F = n_latents, models m: 0 = base, 1 = chat.
 *   f = ReLU (Σ_m x_m · W_enc[m] + b_enc)        [B, F], one encoder bias shared by both models
 *   x̂_m = f · W_dec[m] + b_dec[m]                [B, d]; b_dec is not subtracted before encoding
 *   s_j = scale of latent j from its decoder norms (code normalisation), v_j = f_j · s_j
 * f decodes; v ranks, is thresholded and is what "activation" means to a user. Decoder norms are free.
 * Memory layout: encoder and decoder rows are [F, 2·d] (base half first): all that a sparse latent touches is one row. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#include "team.h"

typedef enum { CS_VARIANT_L1, CS_VARIANT_TOPK, CS_VARIANT_BATCHTOPK } CsVariant;
const char *cs_variant_name (CsVariant variant);                       /* "l1", "topk", "batchtopk" */
bool        cs_variant_parse (const char *name, CsVariant *variant);

/* Numbers as stored in checkpoints. DECOUPLED is read, written and applied but not trained here. */
typedef enum {
  CS_CODE_NORM_CROSSCODER = 1,   /* ‖d_base‖ + ‖d_chat‖: the paper */
  CS_CODE_NORM_SAE = 2,          /* √(‖d_base‖² + ‖d_chat‖²) */
  CS_CODE_NORM_MIXED = 3,        /* α · SAE + β · CROSSCODER, 1 and 0.1 by default */
  CS_CODE_NORM_NONE = 4,         /* 1 */
  CS_CODE_NORM_DECOUPLED = 5,    /* v^m = f · ‖d_m‖, each model with a threshold and a mask of its own; v = Σ_m of what is kept */
} CsCodeNorm;

typedef struct {
  size_t     d_model, n_latents;
  CsVariant  variant;
  CsCodeNorm code_norm;
  size_t     k;                 /* TopK, BatchTopK */
  float      threshold;         /* θ: BatchTopK keeps f_j iff v_j > θ at inference; −1 = never set */
  float      model_threshold[2];/* DECOUPLED BatchTopK: θ of each model; then threshold is the smaller */
  float      mixed[2];          /* MIXED: its weights α, β */
  float      folded[2];         /* what activations of each model were multiplied by where that was folded into the weights (an
                                 * import); 1 = nothing was. Decoder norms before: ‖d_m‖ · folded[m] */
  float     *encoder;           /* [F, 2·d] */
  float     *decoder;           /* [F, 2·d] */
  float     *encoder_bias;      /* [F] */
  float     *decoder_bias;      /* [2·d] */
  /* Activation normalisation x' = (x − mean_m) · gain_m, off by default; one gain a model. */
  bool       normalised;
  float     *mean;              /* [2·d] or NULL */
  float     *std;               /* [2·d] or NULL: what the gains were worked out from, kept for the file */
  float      gain[2];
  float      target_rms;
} CsCrosscoder;

CsCrosscoder *cs_crosscoder_new (size_t d_model, size_t n_latents, CsVariant variant, GError **error);
void          cs_crosscoder_free (CsCrosscoder *crosscoder);

/* model.safetensors + config.json of a run folder, dictionary_learning's names and shapes: encoder.weight [2, d, F],
 * encoder.bias [F], decoder.weight [2, F, d], decoder.bias [2, d], code_normalization_id, k, threshold, activation_mean …;
 * any of the buffers may be absent, and NaN turns normalisation off. A missing tensor, a wrong shape or a number that is not finite is refused. */
CsCrosscoder *cs_crosscoder_load (const char *run_folder, GError **error);
bool          cs_crosscoder_save (const CsCrosscoder *crosscoder, const char *run_folder, GError **error);

/* ‖d_j^m‖ of all latents: norms [F, 2] in double. */
void   cs_crosscoder_norms (const CsCrosscoder *crosscoder, CsTeam *team, double *norms);
void   cs_crosscoder_scales (const CsCrosscoder *crosscoder, CsTeam *team, float *scales);   /* s_j [F] */
/* Δ_norm = ½ (1 + (‖d_chat‖ − ‖d_base‖) / max (‖d_chat‖, ‖d_base‖)): 0 base … 1 chat; NaN where both are 0. */
double cs_norm_ratio (double base_norm, double chat_norm);
/* Δ_norm of a latent whose norms (of the weights as they are) are given: that of the decoder as it was trained, before any
 * normalisation was folded in. */
double cs_crosscoder_norm_ratio (const CsCrosscoder *crosscoder, double base_norm, double chat_norm);

/* Sparse codes of n tokens: the entries of token t are start[t] … start[t+1]−1, ordered by latent; value is the unscaled f. */
typedef struct {
  size_t    n_tokens;
  size_t   *start;    /* [n_tokens + 1] */
  uint32_t *latent;
  float    *value;
  size_t    capacity; /* of latent and value */
  /* NULL unless a DECOUPLED BatchTopK crosscoder made them: which models keep the entry (1 base, 2 chat, 3 both), and v. */
  uint8_t  *models;
  float    *v;
} CsCodes;

/* v of an entry; scales as cs_crosscoder_scales() gives them. */
static inline float
cs_codes_activation (const CsCodes *codes, size_t entry, const float *scales)
{
  return codes->v ? codes->v[entry] : codes->value[entry] * scales[codes->latent[entry]];
}
/* Whether model m (0 = base, 1 = chat) is decoded from the entry. */
static inline bool
cs_codes_has_model (const CsCodes *codes, size_t entry, unsigned m)
{
  return !codes->models || (codes->models[entry] >> m & 1);
}

void cs_codes_clear (CsCodes *codes);

/* Inference: ReLU (L1), the k largest v (TopK), v > θ (BatchTopK). x: raw activations [n, 2, d], normalised inside
 * where the crosscoder says so. codes is overwritten and grows as needed. A BatchTopK crosscoder whose θ was never set is
 * CS_ERROR_USAGE: calibrate it first. */
bool cs_crosscoder_encode (const CsCrosscoder *crosscoder, CsTeam *team, const float *x, size_t n,
                           CsCodes *codes, GError **error);
/* x̂ [n, 2, d] in raw space (normalisation undone), bias included. */
void cs_crosscoder_decode (const CsCrosscoder *crosscoder, CsTeam *team, const CsCodes *codes, float *out);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsCrosscoder, cs_crosscoder_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsCodes, cs_codes_clear)
