#pragma once

#include "demo.h"
#include "world.h"

/* The demo's models decide to decline late: after block 3, the middle of six, the decision is half made (best AUC of a
 * chat-leaning latent for refuse-harm 0.94, and ablating latents there leaves most refusals); after block 4 it is made, and the
 * last block only chooses words. */
#define CS_DEMO_LAYER 4

/* The demo's runs: chosen so that the whole story takes a few minutes on two cores. */
#define CS_DEMO_LATENTS 2048
#define CS_DEMO_K 12
#define CS_DEMO_MU 0.12
#define CS_DEMO_STEPS 2500
#define CS_DEMO_LR 1e-3

typedef struct {
  CsJob *job;
  unsigned n_threads;
  const CsPair *pair;
  size_t layer;
  const CsWorld *world;
} CsDemoContext;

/* {"refuse-harm": {"latent", "auc", "auc_all", "delta_norm", "nu_error", "nu_reconstruction", "chat_specific"} …} of one
 * run: the latent that detects the concept best on prompts of trained combinations, and its AUC on held-out ones. */
json_t *cs_demo_concepts (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                          GError **error);

/* Latents that tell requests to be refused from all others, best first, among those that lean to chat; good ones that
 * Latent Scaling confirms come first. GArray of size_t. */
GArray *cs_demo_refusal_latents (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                                 GError **error);

/* The object `steering` of `demo --json`. */
json_t *cs_demo_steering (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                          GError **error);
