/* What the files of this room share about a crosscoder and nobody else needs. */
#pragma once

#include "crosscoder.h"
#include "safetensors.h"
#include "tensor-file.h"

#define CS_FOLDED_TENSOR "normalisation_factors"

/* s_j of a latent from its two decoder norms. */
float cs_crosscoder_scale (CsCodeNorm code_norm, double base_norm, double chat_norm);
/* The same with a crosscoder's own weights of MIXED. */
float cs_crosscoder_latent_scale (const CsCrosscoder *crosscoder, double base_norm, double chat_norm);
/* x' = (x − mean_m) · gain_m of n tokens, x and out [n, 2, d] (may be the same). Only with `normalised`. */
void  cs_crosscoder_normalise (const CsCrosscoder *crosscoder, const float *x, size_t n, float *out);
/* Turns normalisation on: gain_m = target_rms / √(Σ_i std_mi² + 1e-8). mean, std [2, d]. */
bool  cs_crosscoder_set_moments (CsCrosscoder *crosscoder, const double *mean, const double *std,
                                 double target_rms, GError **error);
/* model.safetensors alone, at path, with pairs of metadata (key, value, …, NULL) or NULL. */
bool  cs_crosscoder_write (const CsCrosscoder *crosscoder, const char *path, const char *const *metadata,
                           GError **error);
/* A crosscoder with dictionary_learning's names and shapes out of any file of tensors. config_path (NULL or a file that need
 * not exist) is asked for what no tensor says. */
CsCrosscoder *cs_crosscoder_read (const CsTensorFile *file, const char *config_path, GError **error);
/* The same without the weights: encoder and decoder are there, but zero, and take no memory until they are touched. */
CsCrosscoder *cs_crosscoder_read_head (const CsTensorFile *file, const char *config_path, GError **error);
/* dst [n, m] = src [m, n] transposed, with row strides. */
void  cs_crosscoder_transpose (const float *src, size_t src_stride, float *dst, size_t dst_stride, size_t m, size_t n);
