/* How well single latents detect labelled concepts: AUC over prompts.
 *
 * A prompt's score for a latent is the largest v over its tokens after BOS, or over the last few of them (user turn and
 * generation prompt: nothing that the model answered). AUC is the area under the ROC curve by ranks, ties counted half. */
#pragma once

#include "crosscoder.h"
#include "job.h"
#include "pair.h"

typedef struct {
  char   *text;          /* the user's request */
  char  **concepts;      /* NULL-terminated; empty = none */
  bool    held_out;      /* of a combination that training never saw */
} CsLabelledPrompt;

void cs_labelled_prompt_clear (CsLabelledPrompt *prompt);
/* JSON lines {"text", "concepts": […], "held_out": bool}; GArray of CsLabelledPrompt. */
GArray *cs_labelled_prompts_load (const char *path, GError **error);

/* scores [n_prompts, n_latents] float32 of requests, owned by the caller (g_free()). last_tokens of each prompt are read;
 * 0 = all after BOS. Blocks. */
float *cs_prompt_scores (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, size_t layer,
                         const char *const *requests, size_t n_prompts, size_t last_tokens, unsigned n_threads,
                         GError **error);
/* The same of labelled prompts, all tokens after BOS. */
float *cs_concept_prompt_scores (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, size_t layer,
                                 const CsLabelledPrompt *prompts, size_t n_prompts, unsigned n_threads,
                                 GError **error);
/* AUC of scores[i·stride] for positive[i]; NaN without both kinds. */
double cs_auc (const float *scores, size_t stride, const bool *positive, const bool *used, size_t n);
