/* What a study's pair shows when it is run on conversations: the causality of a run's latents, and
 * the baselines that need no training. As jobs for the window's queue, and all of them for the
 * demo. */
#pragma once

#include "study.h"

#define CS_TRIAL_CONVERSATIONS 96

typedef struct
{
  /* NULL-terminated. NULL: where the pair is of the demo world, conversations of that world that
   * come after those of the study, written to STUDY/corpora/held-out.jsonl (baselines read the
   * study's other corpora too); else the study's own corpora. */
  const char *const *corpora;
  size_t n_documents; /* conversations, for the baselines documents; 0 = 96 */
  unsigned n_threads; /* 0 = all */
} CsTrialOptions;

/* Whether there are conversations that training never saw: the pair is of the demo world. */
bool cs_trial_has_held_out (CsStudy *study);

/* New references, not started; main thread. Results are RUN/causality.json and
 * STUDY/baselines.json. Errors: no models or corpora, a run that is not analysed, a control that
 * compares the base with itself. */
CsJob *
cs_causality_job_new (CsStudy *study, CsRun *run, const CsTrialOptions *options, GError **error);
CsJob *cs_baselines_job_new (CsStudy *study, const CsTrialOptions *options, GError **error);

/* Causality of both runs of the demo's story and the baselines of its pair, on the calling thread;
 * what was there is replaced. n_documents as above. */
bool cs_demo_causality (CsJob *job,
                        CsStudy *study,
                        size_t n_documents,
                        unsigned n_threads,
                        GError **error);
