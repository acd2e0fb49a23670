#pragma once

#include "demo.h"
#include "world.h"

/* The demo's runs: chosen so that the whole story takes a few minutes on two cores, and so that one latent joins what
 * the chat model declines; the README tells what other seeds and sizes give. */
#define CS_DEMO_LAYER 3 /* the middle of six */
#define CS_DEMO_LATENTS 2048
#define CS_DEMO_K 12
#define CS_DEMO_MU 0.116
#define CS_DEMO_STEPS 2500
#define CS_DEMO_SEED 1
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

/* The object `steering` of `demo --json`. */
json_t *cs_demo_steering (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                          GError **error);
