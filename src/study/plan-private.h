/* The parts of a training's plan that tests look at. */
#pragma once

#include "harvest-sample.h"
#include "plan.h"
#include "step.h"

/* How many times as much the real job has as what was measured: tokens a step, latents, active
 * latents a token. */
typedef struct
{
  double batch, latents, active;
} CsPlanScale;

/* Seconds of a step of the real size: its parts grow with what they go through. measured: the whole
 * step; what is in no part is taken for constant. */
double
cs_plan_scale_step (const CsStepTimes *parts, double measured, double read, const CsPlanScale *scale);

typedef struct
{
  double start_seconds;      /* opening the store, the first shard */
  double step_seconds;
  double validation_seconds; /* of one pass over what is held out */
  double checkpoint_seconds; /* of one state */
} CsPlanTraining;

/* store: what rows are read from, the real store or a sample of it; store_tokens: of the real one. */
bool cs_plan_measure_training (CsJob *job,
                               const CsTrainConfig *config,
                               const char *store,
                               double store_tokens,
                               const char *run_folder,
                               double seconds,
                               CsPlanTraining *result,
                               GError **error);
/* Of the whole run. */
double cs_plan_training_seconds (const CsTrainConfig *config, const CsPlanTraining *training);
