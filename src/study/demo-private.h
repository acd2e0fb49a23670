#pragma once

#include "demo.h"
#include "steering.h"
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
  CsStudy *study; /* where steered answers are kept for the report; NULL to keep none */
} CsDemoContext;

/* {"refuse-harm": {"latent", "auc", "auc_all", "delta_norm", "nu_error", "nu_reconstruction", "chat_specific"} …} of one
 * run: the latent that detects the concept best on prompts of trained combinations, and its AUC on held-out ones. */
json_t *cs_demo_concepts (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                          GError **error);

/* The object `steering` of `demo --json`. A few answers are kept for the report. */
json_t *cs_demo_steering (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsLatents *latents,
                          GError **error);

/* Keeps the chat model's plain and steered answers to the first few prompts in STUDY/steering.json. */
bool cs_demo_keep_answers (const CsDemoContext *context, const CsCrosscoder *crosscoder, const CsTestPrompt *prompts,
                           size_t n_prompts, const CsSteerItem *items, size_t n_items, const char *note, GError **error);
/* One of the two runs again with the base model on both sides, L1 last: *summary are its counts. Done already, it is not
 * done again. */
bool cs_demo_null_control (CsJob *job, CsStudy *study, CsVariant variant, unsigned n_threads, json_t **summary,
                           GError **error);
