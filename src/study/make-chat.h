/* A chat model of one's own: the base model of a demo pair, tuned in the demo world with some
 * behaviours switched on and the others off, and then diffed like any other pair.
 *
 * A folder of one:
 *   base/, chat/, organism.json, prompts.json    as organism.h says
 *   study/                                       a study of it: corpora, store, runs */
#pragma once

#include "behaviour-match.h"
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

/* A few minutes on two cores. The shipped pair has had more than twice as many; what makes up for it
 * is that the behaviours that are on are met CS_MAKE_CHAT_PRACTICE times as often as there. */
#define CS_MAKE_CHAT_TOKENS 1500000
#define CS_MAKE_CHAT_PRACTICE 4

typedef struct
{
  const char *base_folder; /* of a demo pair */
  const char *out;         /* the new folder; it may exist where it holds no other pair */
  unsigned behaviours;     /* bits that are on */
  size_t tokens;           /* of conversations to tune on; 0 = CS_MAKE_CHAT_TOKENS */
  unsigned n_threads;      /* 0 = all */
} CsMakeChatOptions;

/* Copies the base, tunes the chat model and writes the corpora of OUT/study. log may be NULL.
 * Errors: a base that is no demo's, OUT holding another pair. Blocks. */
bool cs_make_chat (CsJob *job, const CsMakeChatOptions *options, CsLossLog *log, GError **error);
/* The study of such a folder, made where it is not there yet. Main thread. */
CsStudy *cs_make_chat_study (const char *out, GError **error);

/* Harvest, BatchTopK with the demo's settings and analysis in that study, then cs_behaviour_match():
 * GArray of CsBehaviourMatch. Blocks. */
GArray *cs_make_chat_diff (CsJob *job, const char *out, unsigned n_threads, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsLossLog, cs_loss_log_unref)
