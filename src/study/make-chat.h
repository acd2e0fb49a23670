/* A chat model of one's own: the base model of a demo pair, tuned in the demo world with some
 * behaviours switched on and the others off, and then diffed like any other pair.
 *
 * A folder of one:
 *   base/, chat/, organism.json, prompts.json    as organism.h says
 *   study/                                       a study of it: corpora, store, runs */
#pragma once

#include "study.h"

/* The losses of a tuning under way: written on its thread, read on any. Reference counted. */
typedef struct CsLossLog CsLossLog;

CsLossLog *cs_loss_log_new (void);
CsLossLog *cs_loss_log_ref (CsLossLog *log);
void cs_loss_log_unref (CsLossLog *log);
void cs_loss_log_add (CsLossLog *log, double loss);
size_t cs_loss_log_n (CsLossLog *log);
/* Copies all so far; GArray of double, one a step. */
GArray *cs_loss_log_copy (CsLossLog *log);

/* Behaviours that a user may switch: those of the demo world's chat model but plain helpfulness,
 * which is always on. */
typedef struct
{
  const char *name;        /* "refuse-harm" */
  const char *description; /* what the model does: "declines to explain what is dangerous" */
  unsigned bit;
} CsBehaviour;

const CsBehaviour *cs_make_chat_behaviours (size_t *n);
/* Bits of comma-separated names, "all" or "none"; false with error naming the one that is none. */
bool cs_make_chat_parse (const char *names, unsigned *behaviours, GError **error);
/* Whether a model is the base of a demo pair, from which chat models can be made. */
bool cs_make_chat_can_start_from (const char *base_folder);

typedef struct
{
  const char *base_folder; /* of a demo pair */
  const char *out;         /* the new folder; it may exist where it holds no other pair */
  unsigned behaviours;     /* bits that are on */
  size_t tokens;           /* of conversations to tune on; 0 = as many as the shipped pair */
  unsigned n_threads;      /* 0 = all */
} CsMakeChatOptions;

/* Copies the base, tunes the chat model and writes the corpora of OUT/study. log may be NULL.
 * Errors: a base that is no demo's, OUT holding another pair. Blocks. */
bool cs_make_chat (CsJob *job, const CsMakeChatOptions *options, CsLossLog *log, GError **error);
/* The study of such a folder, made where it is not there yet. Main thread. */
CsStudy *cs_make_chat_study (const char *out, GError **error);

/* Which latent of a run shows a behaviour best. Latents are chosen on requests of combinations that
 * tuning may have seen and measured on others. */
typedef struct
{
  const char *concept; /* name, static */
  bool on;             /* by organism.json */
  ssize_t latent;      /* the best chat-specific one; −1 where there is none */
  double auc;          /* of that latent on held-out requests; NaN where there is none */
  double delta_norm, nu_error, nu_reconstruction;
} CsConceptLatent;

/* GArray of CsConceptLatent: every concept that can be switched and has requests to be told apart.
 * n_prompts of each kind (0 = 60). */
GArray *cs_make_chat_concepts (CsJob *job,
                               const char *out,
                               const CsPair *pair,
                               const CsCrosscoder *crosscoder,
                               const CsLatents *latents,
                               size_t layer,
                               size_t n_prompts,
                               unsigned n_threads,
                               GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsLossLog, cs_loss_log_unref)
