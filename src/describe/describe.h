/* Descriptions of latents by a language model behind a server that the user runs, and how well they hold.
 *
 * The model sees a latent's examples in groups by quantile of its maximum, with the active tokens marked, and writes one line.
 * Detection scoring then shows it texts without marks, five a question and shuffled: held-out examples of the latent beside
 * texts on which it is silent, half of them drawn at random and half of them examples of the latents whose chat decoders are
 * nearest. Its yes or no is compared with the truth (Minder et al. 2025 after EleutherAI's detection score). */
#pragma once

#include "chat-client.h"
#include "examples.h"

typedef struct {
  double balanced_accuracy;        /* ½ (share told right of the firing + of the silent texts); for answers of yes or no it is
                                    * the area under the ROC curve too. NaN where one kind is missing */
  double against_random, against_similar;   /* the same with one kind of silent texts alone */
  double firing[CS_EXAMPLE_GROUPS];         /* share told right in each group of examples; NaN without any */
  double random, similar;                   /* share told right of the silent ones */
  size_t n_firing, n_random, n_similar;     /* judged */
  size_t n_unanswered;                      /* texts of answers that could not be read */
} CsDetectionScore;

typedef struct {
  size_t latent;
  const char *text;                /* NULL where there is none, and problem says why */
  const char *problem;
  bool scored;
  CsDetectionScore score;
} CsDescription;

/* Each latent's result as it is there, on the job's thread; pointers are valid during the call. False with error ends the job. */
typedef bool (*CsDescribeFunc) (void *data, const CsDescription *description, GError **error);

typedef struct {
  const char *run_folder;
  const char *store_path;          /* of the analysis */
  const char *tokenizer_folder;    /* the chat model's; NULL = ids are shown */
  CsChatServer server;
  const size_t *latents;
  size_t n_latents;
  bool score;
  uint64_t seed;                   /* of the order and the random texts */
} CsDescribeOptions;

/* Progress in latents. What the server refuses ends the job; an answer that cannot be read is that latent's problem. */
bool cs_describe (CsJob *job, const CsDescribeOptions *options, CsDescribeFunc func, void *data, GError **error);
