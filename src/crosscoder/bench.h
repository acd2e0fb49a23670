/* How fast a training step is, and how far from the least that the machine needs for it. */
#pragma once

#include "crosscoder.h"
#include "job.h"

typedef struct {
  CsVariant variant;
  size_t    d_model, n_latents, k, batch, steps;
  unsigned  n_threads;              /* 0 = all */
} CsBenchTrainOptions;

typedef struct {
  double seconds_per_step, tokens_per_s;
  double floor_seconds;             /* the encoder product alone, [B, 2d] × [2d, F], in the same run */
  double ratio_to_floor;
  double peak_gflops;               /* of a large square product on the same team */
  double bandwidth_gbs;             /* of a pass that reads two large arrays and writes one */
  size_t peak_memory_bytes;         /* of the process */
  struct {
    double read, encode, select, decode, gradients, adam;
  } parts;                          /* seconds a step; read is making the batch out of rows in memory */
} CsBenchTrain;

/* Synthetic activations of sparse features; a few steps before the clock starts. job may be NULL. */
bool cs_bench_train (CsJob *job, const CsBenchTrainOptions *options, CsBenchTrain *result, GError **error);
