/* Steering: adding, clamping or ablating latents in the residual stream of one model while it writes.
 *
 * At layer `layer` of model m and a position t with codes f (of both models' residuals on the same tokens: the other model
 * runs beside the steered one), with d_j^m the steered model's own decoder row and M_j the latent's maximum of v:
 *   ablate  h −= Σ_i ⟨h, u_i⟩ · u_i                   u: an orthonormal basis of the ablated latents' d_j^m
 *   add     h += scale · (M_j / s_j) · d_j^m          scale in multiples of the latent's maximum
 *   clamp   h += (scale · M_j / s_j − f_j) · d_j^m
 * in this order and in raw space (where the crosscoder normalises, decoder rows are divided by the model's gain). Ablating
 * takes the direction out of the stream whether the latent fires or not, as the authors of the paper do (for one latent,
 * h − ⟨h, d̂⟩ d̂); taking out no more than what the latent writes is clamping it to 0. */
#pragma once

#include "crosscoder.h"
#include "generate.h"
#include "job.h"
#include "pair.h"

typedef enum { CS_STEER_ADD, CS_STEER_CLAMP, CS_STEER_ABLATE } CsSteerMode;
typedef enum { CS_STEER_ALL_TOKENS, CS_STEER_PROMPT_ONLY } CsSteerScope;

const char *cs_steer_mode_name (CsSteerMode mode);      /* "add", "clamp", "ablate" */

typedef struct {
  size_t       latent;
  CsSteerMode  mode;
  CsSteerScope scope;
  double       scale;     /* multiples of max_act; ignored by ablate */
  double       max_act;   /* largest v of the latent, from the analysis */
} CsSteerItem;

/* Text as it is written: on the generating thread; `text` is what has been completed since the last call, ids so far in
 * ids. Return false to stop. */
typedef bool (*CsSteerTextFunc) (void *data, const char *text, int32_t id);

typedef struct {
  size_t             layer;
  int                model;        /* 0 = base, 1 = chat: which one writes and is steered */
  const CsSteerItem *items;
  size_t             n_items;      /* 0 = plain */
  CsSampling         sampling;
} CsSteerOptions;

/* Continues prompt ids; returns the continuation's text (special tokens skipped; free with g_free()) and appends the ids
 * to out_ids where not NULL. job may be NULL; cancelling ends with CS_ERROR_CANCELLED. Thread-safe for one pair. */
char *cs_steer_generate (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team,
                         const CsSteerOptions *options, const int32_t *prompt, size_t n_prompt,
                         CsSteerTextFunc on_text, void *data, GArray *out_ids, GError **error);

/* Logits [n − n_prompt, V] that predict ids n_prompt … n − 1 of a text whose first n_prompt ids are the prompt, steered as
 * above (sampling is not looked at): what a KL to the plain model is made of. n_prompt ≥ 1. */
bool cs_steer_logits (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team,
                      const CsSteerOptions *options, const int32_t *ids, size_t n_prompt, size_t n, float *logits,
                      GError **error);

/* A prompt's ids: rendered as one user turn with the generation prompt (chat = true; needs the pair's template), or raw
 * text with BOS. Appends int32_t to ids and, where not NULL, kinds (uint8_t CsTokenKind). */
bool cs_steer_prompt (const CsPair *pair, const char *text, bool chat, GArray *ids, GArray *kinds, GError **error);

/* v of chosen latents on a text: values [n, n_latents]. What shades the tokens of a pane. */
bool cs_steer_activations (const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, size_t layer,
                           const int32_t *ids, size_t n, const size_t *latents, size_t n_latents, float *values,
                           GError **error);

/* Which latents fire at one position of a text, strongest first. */
typedef struct {
  size_t latent;
  float  activation;        /* v */
  float  difference;        /* its part of the reconstructed chat − base difference: f · ‖d_chat − d_base‖ */
} CsFiringLatent;

/* CsFiringLatent elements. */
GArray *cs_steer_firing (const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, size_t layer,
                         const int32_t *ids, size_t n, size_t position, GError **error);
