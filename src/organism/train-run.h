/* The training loop: batches of whole documents, AdamW (Loshchilov and Hutter 2019), linear warm-up
 * and cosine decay, clipping of the gradient's norm.
 *
 * A batch is always cut into CS_TRAIN_SHARDS parts whose gradients are added in order, whatever the
 * number of threads: the result depends on the seed alone. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job.h"
#include "team.h"
#include "train-model.h"
#include "train-set.h"

#define CS_TRAIN_SHARDS 2

typedef struct
{
  size_t n_steps;
  size_t shard_tokens; /* at most so many tokens in each shard; longer documents are cut to
                          max_position */
  size_t warm_up;      /* steps; at most n_steps are used */
  double peak_lr;
  double final_lr;     /* as a fraction of the peak */
  double weight_decay; /* on matrices, not on norms */
  double beta1, beta2, epsilon;
  double clip;           /* largest norm of the gradient; 0 = off */
  uint64_t seed, stream; /* order of the documents */
} CsTrainSettings;

#define CS_TRAIN_SETTINGS_DEFAULT                                                                  \
  ((CsTrainSettings){ .n_steps = 1000,                                                             \
                      .shard_tokens = 1024,                                                        \
                      .warm_up = 50,                                                               \
                      .peak_lr = 3e-3,                                                             \
                      .final_lr = 0.05,                                                            \
                      .weight_decay = 0.05,                                                        \
                      .beta1 = 0.9,                                                                \
                      .beta2 = 0.95,                                                               \
                      .epsilon = 1e-8,                                                             \
                      .clip = 1.0 })

/* After each step, on the calling thread: loss is the batch's mean over target weights, in nats.
 * False stops, without error. */
typedef bool (*CsTrainReport) (void *data, size_t step, double loss, double lr);

/* Trains model in place. Errors: an empty set (CS_ERROR_USAGE), cancelled, a loss that is not
 * finite. */
bool cs_train_run (CsJob *job,
                   CsTeam *team,
                   CsTrainModel *model,
                   const CsTrainSet *set,
                   const CsTrainSettings *settings,
                   CsTrainReport report,
                   void *data,
                   GError **error);
