#include "train-run.h"

#include <math.h>
#include <string.h>

#include "errors.h"

typedef struct
{
  CsTrainModel *model;
  const CsTrainSet *set;
  const CsTrainSettings *settings;
  CsTeam *team;
  CsTrainOrder order;
  CsTrainShard *shards[CS_TRAIN_SHARDS];
  CsTrainScratch *scratch[CS_TRAIN_SHARDS];
  float *gradients[CS_TRAIN_SHARDS]; /* the first ends up as the batch's */
  double losses[CS_TRAIN_SHARDS];
  float *first_moment, *second_moment;
  double total_weight;
  /* Of the step under way. */
  double rate, scale, correction1, correction2;
} Run;

static void
run_init (Run *run)
{
  size_t n = run->model->n_weights;
  cs_train_order_init (&run->order, run->set, run->settings->seed, run->settings->stream);
  for (size_t i = 0; i < CS_TRAIN_SHARDS; i++)
    {
      run->shards[i] = cs_train_shard_new (run->settings->shard_tokens);
      run->scratch[i] = cs_train_scratch_new (&run->model->config, run->settings->shard_tokens);
      run->gradients[i] = g_new (float, n);
    }
  run->first_moment = g_new0 (float, n);
  run->second_moment = g_new0 (float, n);
}

static void
run_clear (Run *run)
{
  cs_train_order_clear (&run->order);
  for (size_t i = 0; i < CS_TRAIN_SHARDS; i++)
    {
      cs_train_shard_free (run->shards[i]);
      cs_train_scratch_free (run->scratch[i]);
      g_free (run->gradients[i]);
    }
  g_free (run->first_moment);
  g_free (run->second_moment);
}

static void
shard_gradients (size_t begin, size_t end, unsigned worker, void *data)
{
  Run *run = data;
  for (size_t i = begin; i < end; i++)
    {
      CsTrainBatch batch = cs_train_shard_batch (run->shards[i]);
      memset (run->gradients[i], 0, run->model->n_weights * sizeof (float));
      run->losses[i] = cs_train_model_loss (run->model, run->scratch[i], &batch, run->gradients[i]);
    }
}

/* Sum of the shards over the total weight, and its norm. */
static double
gather_gradients (Run *run)
{
  float *restrict sum = run->gradients[0];
  float factor = (float)(1.0 / run->total_weight);
  double squares = 0;
  for (size_t i = 1; i < CS_TRAIN_SHARDS; i++)
    for (size_t j = 0; j < run->model->n_weights; j++)
      sum[j] += run->gradients[i][j];
  for (size_t j = 0; j < run->model->n_weights; j++)
    {
      sum[j] *= factor;
      squares += (double)sum[j] * (double)sum[j];
    }
  return sqrt (squares);
}

static void
adam_range (const Run *run, size_t offset, size_t n, float decay)
{
  const CsTrainSettings *s = run->settings;
  float *restrict w = run->model->weights + offset;
  float *restrict m = run->first_moment + offset;
  float *restrict v = run->second_moment + offset;
  const float *restrict g = run->gradients[0] + offset;
  float b1 = (float)s->beta1, b2 = (float)s->beta2, epsilon = (float)s->epsilon;
  float scale = (float)run->scale, rate = (float)run->rate;
  float c1 = (float)run->correction1, c2 = (float)run->correction2;
  for (size_t i = 0; i < n; i++)
    {
      float gradient = g[i] * scale;
      m[i] = b1 * m[i] + (1.0f - b1) * gradient;
      v[i] = b2 * v[i] + (1.0f - b2) * gradient * gradient;
      w[i] -= rate * (m[i] * c1 / (sqrtf (v[i] * c2) + epsilon) + decay * w[i]);
    }
}

static void
adam_parameters (size_t begin, size_t end, unsigned worker, void *data)
{
  const Run *run = data;
  for (size_t i = begin; i < end; i++)
    {
      const CsTrainParameter *parameter = &run->model->parameters[i];
      adam_range (run, parameter->offset, parameter->n,
                  parameter->n_dims == 2 ? (float)run->settings->weight_decay : 0.0f);
    }
}

static double
learning_rate (const CsTrainSettings *s, size_t step)
{
  size_t warm_up = MIN (s->warm_up, s->n_steps);
  if (step < warm_up)
    return s->peak_lr * (double)(step + 1) / (double)warm_up;
  double done = (double)(step - warm_up) / (double)MAX (s->n_steps - warm_up, 1);
  return s->peak_lr * (s->final_lr + (1.0 - s->final_lr) * 0.5 * (1.0 + cos (G_PI * done)));
}

/* Returns the batch's mean loss. */
static double
take_step (Run *run, size_t step)
{
  const CsTrainSettings *s = run->settings;
  run->total_weight = 0;
  for (size_t i = 0; i < CS_TRAIN_SHARDS; i++)
    {
      cs_train_shard_fill (run->shards[i], run->set, &run->order, run->model->config.max_position);
      run->total_weight += run->shards[i]->total_weight;
    }
  run->total_weight = MAX (run->total_weight, 1e-6);
  cs_team_run (run->team, CS_TRAIN_SHARDS, shard_gradients, run);
  double loss = 0, norm = gather_gradients (run);
  for (size_t i = 0; i < CS_TRAIN_SHARDS; i++)
    loss += run->losses[i];

  run->rate = learning_rate (s, step);
  run->scale = s->clip > 0 && norm > s->clip ? s->clip / norm : 1.0;
  run->correction1 = 1.0 / (1.0 - pow (s->beta1, (double)step + 1));
  run->correction2 = 1.0 / (1.0 - pow (s->beta2, (double)step + 1));
  if (isfinite (norm))
    cs_team_run (run->team, run->model->n_parameters, adam_parameters, run);
  return isfinite (norm) ? loss / run->total_weight : NAN;
}

static bool
run_steps (Run *run, CsJob *job, CsTrainReport report, void *data, GError **error)
{
  for (size_t step = 0; step < run->settings->n_steps; step++)
    {
      if (!cs_job_checkpoint (job, error))
        return false;
      double loss = take_step (run, step);
      if (!isfinite (loss))
        {
          g_set_error (error, CS_ERROR, CS_ERROR_NUMERIC,
                       "Training left the finite numbers at step %zu: use a lower learning rate",
                       step);
          return false;
        }
      if (job)
        cs_job_progress (job, (double)(step + 1), (double)run->settings->n_steps, "steps");
      if (report && !report (data, step, loss, run->rate))
        return true;
    }
  return true;
}

bool
cs_train_run (CsJob *job,
              CsTeam *team,
              CsTrainModel *model,
              const CsTrainSet *set,
              const CsTrainSettings *settings,
              CsTrainReport report,
              void *data,
              GError **error)
{
  if (cs_train_set_n_documents (set) == 0 || settings->shard_tokens == 0)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, "There is no text to train on");
      return false;
    }
  Run run = { .model = model, .set = set, .settings = settings, .team = team };
  run_init (&run);
  bool done = run_steps (&run, job, report, data, error);
  run_clear (&run);
  return done;
}
