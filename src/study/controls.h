/* Controls: what a run would find where there is nothing to find, or with another chance or
 * setting. Each control is a run beside the one that it controls, STUDY/runs/NAME, with one thing
 * changed and everything else equal:
 *
 *   null    both models are the base model: the base's half of the store, twice
 *   tuned   the chat model is the base, tuned further on base text alone, until its weights are as
 *           far from the base's as the real chat model's (small Llama models only)
 *   seed    another seed
 *   k       another k (TopK, BatchTopK) or, for L1, another coefficient
 *   layer   the residual stream after another block
 *
 * RUN/control.json describes it and, once it has been analysed, holds the counts of both runs.
 * Stores of their own are in STUDY/controls/KIND/activations.h5 and are removed when the control is
 * done, unless they are to be kept. Blocking functions are for a job's thread. */
#pragma once

#include <jansson.h>

#include "study.h"

#define CS_CONTROL_TUNE_TOKENS 4000000

typedef enum
{
  CS_CONTROL_NULL,
  CS_CONTROL_TUNED,
  CS_CONTROL_SEED,
  CS_CONTROL_K,
  CS_CONTROL_LAYER,
  CS_N_CONTROLS
} CsControlKind;

const char *cs_control_kind_name (CsControlKind kind); /* "null", "tuned", "seed", "k", "layer" */
bool cs_control_kind_parse (const char *name, CsControlKind *kind);

typedef struct
{
  CsControlKind kind;
  /* The seed, k or layer; L1 reads `mu` instead of k. For tuned: the tokens of base text after
   * which it stops even if its weights are still nearer to the base's than the chat model's are; 0
   * = CS_CONTROL_TUNE_TOKENS. */
  uint64_t value;
  double mu;
  const char *const *corpora; /* tuned: base text, NULL-terminated; NULL = the demo world's web text
                               * where the base is a demo's, else the study's own plain texts */
  bool keep_store;
  unsigned n_threads; /* 0 = as the controlled run */
} CsControlOptions;

/* A sensible value where the user names none: the next seed, twice k, half mu, two blocks earlier
 * (or later). */
void cs_control_default (CsStudy *study, CsRun *run, CsControlKind kind, CsControlOptions *options);

/* What is counted in one run. */
typedef struct
{
  size_t latents, dead, base_only, shared, chat_only, other, tested, chat_leaning, chat_specific;
  double fve_base, fve_chat, l0;
} CsControlCounts;

typedef struct
{
  CsControlKind kind;
  char *run, *of; /* names of the runs */
  double value;   /* of CsControlOptions; NaN for null */
  size_t layer;
  char *store;         /* relative to the study; NULL for the study's own */
  char *base, *chat;   /* folders of the two models that it compares; NULL for the study's own */
  double tune_tokens;  /* tuned: tokens that it has read; else NaN */
  double tune_loss[2]; /* tuned: of the first and last twentieth of its steps; else NaN */
  double moved[2];     /* tuned: how far its weights and the chat model's are from the base's, as a
                        * share of the base's norm; else NaN */
  bool done;           /* analysed: the counts are there */
  CsControlCounts counts, of_counts;
} CsControl;

void cs_control_free (CsControl *control);
CsControl *cs_control_load (const char *run_folder, GError **error);
bool cs_control_save (const CsControl *control, const char *run_folder, GError **error);
bool cs_control_is (const char *run_folder); /* whether there is a control.json */
/* All controls of a study by run name, those that cannot be read left out; GPtrArray of CsControl,
 * with free function. */
GPtrArray *cs_controls_load (const char *study_folder);
json_t *cs_control_to_json (const CsControl *control); /* new reference */
/* How far a tuned copy went, as a sentence; NULL for other controls and where it is not known. Free
 * with g_free(). */
char *cs_control_tuned_text (const CsControl *control);
/* A line for each control beside the run that it controls; free with g_free(). */
char *cs_controls_text (const GPtrArray *controls);

/* --- Making one --- */

typedef struct CsControlPlan CsControlPlan;

/* Main thread. Errors: a run that is not trained and analysed, a value that changes nothing, a
 * layer that there is not, a run of that name that is another. */
CsControlPlan *
cs_control_plan_new (CsStudy *study, CsRun *run, const CsControlOptions *options, GError **error);
void cs_control_plan_free (CsControlPlan *plan);
const char *cs_control_plan_run_name (const CsControlPlan *plan);

/* Store, training, analysis; what is there already is not done again. log may be NULL. */
bool cs_control_run (CsJob *job, const CsControlPlan *plan, CsRunLog *log, GError **error);
/* The same in the study's queue, the run shown among its runs. The job is owned by the study. */
CsJob *
cs_study_control (CsStudy *study, CsRun *run, const CsControlOptions *options, GError **error);

/* The store that a run was or is to be trained on: a control's own, else the study's. Free with
 * g_free(). */
char *cs_study_run_store_path (CsStudy *study, CsRun *run);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsControl, cs_control_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsControlPlan, cs_control_plan_free)
