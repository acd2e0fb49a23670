/* Which latents of a run show which behaviours of the demo world, for a pair whose chat model was
 * tuned on a known set of them.
 *
 * For each behaviour: the chat-leaning latent (Δ_norm ≥ CS_CHAT_LEANING) that best tells its
 * requests from their harmless look-alikes, read where the model is about to answer. Only requests
 * that look alike will do: the topic of a request can be read from its words in either model, and
 * so says nothing of what chat-tuning added. Latents are chosen on requests of combinations that
 * tuning may have seen and measured on others; among good ones those that Latent Scaling confirms
 * come first.
 *
 * RUN/behaviours.json holds the result:
 *   {"format_version": 1, "prompts": N, "behaviours": [{"name", "on", "latent", "auc",
 *    "delta_norm", "nu_error", "nu_reconstruction", "chat_specific"}…]}
 * latent is −1 and the numbers are null where no latent leans to chat. */
#pragma once

#include "study.h"

typedef struct
{
  const char *name; /* "refuse-harm", static */
  bool on;          /* the chat model was tuned to it */
  ssize_t latent;   /* −1 where none leans to chat */
  double auc;       /* on held-out requests; NaN where there is no latent, as those below */
  double delta_norm, nu_error, nu_reconstruction;
  bool chat_specific; /* confirmed by Latent Scaling */
} CsBehaviourMatch;

/* AUC from which a latent counts as showing a behaviour. */
#define CS_BEHAVIOUR_SHOWN 0.9

/* GArray of CsBehaviourMatch, one for every behaviour that has look-alikes; written to run_folder
 * too. organism: the folder of the pair (cs_organism_of_model()). n_prompts of each kind; 0 = 100.
 * Blocks. */
GArray *cs_behaviour_match (CsJob *job,
                            const char *organism,
                            const char *run_folder,
                            size_t layer,
                            size_t n_prompts,
                            unsigned n_threads,
                            GError **error);
/* As written; NULL without error where the run has none. */
GArray *cs_behaviour_match_load (const char *run_folder, GError **error);

/* Whether a study's chat model is of the demo world, and if so, whether it was tuned to some
 * behaviours only. */
typedef enum
{
  CS_BEHAVIOURS_UNKNOWN,
  CS_BEHAVIOURS_SOME,
  CS_BEHAVIOURS_AS_SHIPPED,
} CsBehavioursKnown;

CsBehavioursKnown cs_behaviours_known (CsStudy *study);
/* The same as a job, not started; new reference. Errors: the pair is not of the demo world, the run
 * is not analysed or is a control. Main thread. */
CsJob *cs_behaviour_match_job_new (CsStudy *study, CsRun *run, GError **error);
