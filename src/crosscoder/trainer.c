#include "trainer.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "checkpoint.h"
#include "crosscoder-private.h"
#include "errors.h"
#include "exchange.h"
#include "init.h"
#include "reader.h"
#include "schedule.h"
#include "store.h"
#include "train-config.h"
#include "validation.h"

typedef struct
{
  CsJob *job;
  const char *run_folder;
  CsTrainConfig config; /* clamped */
  CsRunLog *log;
  CsTeam *team;
  CsReader *reader;
  CsCrosscoder *crosscoder;
  CsStep *step;
  float *rows;            /* [batch, 2, d] */
  char *store;            /* what identifies the activations */
  double checkpoint_time; /* seconds, monotonic, of the last checkpoint */
  double log_time;        /* … and of the last row of the log, pauses left out */
  uint64_t log_step;
} Trainer;

static void
trainer_clear (Trainer *trainer)
{
  cs_step_free (trainer->step);
  cs_crosscoder_free (trainer->crosscoder);
  cs_reader_free (trainer->reader);
  cs_team_free (trainer->team);
  cs_run_log_unref (trainer->log);
  g_free (trainer->rows);
  g_free (trainer->store);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Trainer, trainer_clear)

static double
now (void)
{
  return 1e-6 * (double)g_get_monotonic_time ();
}

/* The crosscoder and what identifies the store: the same models, layer and number of tokens,
 * wherever the file lies. */
static bool
open_store (Trainer *trainer, const char *store_path, GError **error)
{
  g_autoptr (CsStore) store = cs_store_open (store_path, false, error);
  if (!store)
    return false;
  const CsStoreInfo *info = cs_store_info (store);
  const size_t d = info->d_model;
  trainer->store = g_strdup_printf ("%s %s %zu %zu %zu", info->base_hash ? info->base_hash : "",
                                    info->chat_hash ? info->chat_hash : "", info->layer, d,
                                    cs_store_n_tokens (store));
  trainer->crosscoder =
      cs_crosscoder_new (d, trainer->config.n_latents, trainer->config.variant, error);
  if (!trainer->crosscoder)
    return false;
  trainer->crosscoder->code_norm = trainer->config.code_norm;
  trainer->crosscoder->k = trainer->config.variant == CS_VARIANT_L1 ? 0 : trainer->config.k;
  if (!trainer->config.normalise)
    return true;
  g_autofree double *mean = g_new (double, 2 * d), *std = g_new (double, 2 * d);
  return cs_store_moments (store, mean, std, error) &&
         cs_crosscoder_set_moments (trainer->crosscoder, mean, std, trainer->config.target_rms,
                                    error);
}

static bool
open_reader (Trainer *trainer, const char *store_path, GError **error)
{
  const CsReaderOptions options = { .batch = trainer->config.batch,
                                    .held_out = trainer->config.held_out,
                                    .seed = trainer->config.seed };
  trainer->reader = cs_reader_new (store_path, &options, error);
  return trainer->reader != NULL;
}

static bool
make_step (Trainer *trainer, GError **error)
{
  const CsTrainConfig *config = &trainer->config;
  const size_t d = trainer->crosscoder->d_model;
  const bool l1 = config->variant == CS_VARIANT_L1;
  const CsStepOptions options = { .batch = config->batch,
                                  .mu = l1 ? config->mu : 0,
                                  .clip_norm = config->clip_norm,
                                  .aux_alpha = l1 ? 0 : config->aux_alpha,
                                  .aux_k = config->aux_k ? config->aux_k : MAX (1, d / 2),
                                  .dead_tokens = config->dead_tokens,
                                  .threshold_start_step = config->threshold_start_step,
                                  .threshold_beta = config->threshold_beta,
                                  .squared_error = config->squared_error };
  trainer->team = cs_team_new (config->n_threads);
  trainer->step = cs_step_new (trainer->crosscoder, &options, trainer->team, error);
  return trainer->step != NULL;
}

/* The settings that an existing checkpoint goes on with: its own, apart from `steps` and from how
 * often things are written. A run that is made longer keeps the schedule it began with. */
static bool
adopt_config (Trainer *trainer, GError **error)
{
  CsTrainConfig saved, asked = trainer->config;
  if (!cs_train_config_load (&saved, trainer->run_folder, error))
    return false;
  asked.schedule_steps = saved.schedule_steps ? saved.schedule_steps : saved.steps;
  g_strfreev (cs_train_config_clamp (&asked));
  const char *key = cs_train_config_difference (&saved, &asked);
  if (key)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_MISMATCH,
          "The run “%s” was begun with another “%s”: choose another run folder or the settings "
          "it began with.",
          trainer->run_folder, key);
      return false;
    }
  trainer->config = asked;
  return true;
}

static bool
start_fresh (Trainer *trainer, const char *store_path, GError **error)
{
  if (!cs_run_folder_check (trainer->run_folder, error))
    return false;
  if (g_mkdir_with_parents (trainer->run_folder, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The run folder “%s” cannot be made: %s.",
                   trainer->run_folder, g_strerror (errno));
      return false;
    }
  cs_crosscoder_init (trainer->crosscoder, trainer->config.init_norm, trainer->config.seed);
  cs_run_log_truncate (trainer->log, 0);
  return cs_train_config_save (&trainer->config, trainer->run_folder, trainer->crosscoder->d_model,
                               store_path, error);
}

static bool
go_on (Trainer *trainer, const char *store_path, GError **error)
{
  CsStepState *state = cs_step_state (trainer->step);
  if (!cs_checkpoint_read (trainer->run_folder, trainer->crosscoder, state, trainer->store,
                           error) ||
      !cs_run_log_load (trainer->log, trainer->run_folder, error))
    return false;
  cs_run_log_truncate (trainer->log, state->step);
  cs_step_weights_changed (trainer->step);
  if (state->step >= trainer->config.steps)
    return true;
  return cs_train_config_save (&trainer->config, trainer->run_folder, trainer->crosscoder->d_model,
                               store_path, error) &&
         cs_reader_seek (trainer->reader, state->step, error);
}

static bool
write_model (const Trainer *trainer, GError **error)
{
  g_autofree char *path = g_build_filename (trainer->run_folder, "model.safetensors", NULL);
  g_autofree char *step =
      g_strdup_printf ("%" G_GUINT64_FORMAT, cs_step_state (trainer->step)->step);
  const char *metadata[] = { "format", "pt", "variant", cs_variant_name (trainer->config.variant),
                             "step",   step, NULL };
  return cs_crosscoder_write (trainer->crosscoder, path, metadata, error);
}

/* The log first (what is beyond the state is cut off on resume), then the state, from which the
 * model can be had again. */
static bool
write_checkpoint (Trainer *trainer, bool with_model, GError **error)
{
  trainer->checkpoint_time = now ();
  return cs_run_log_save (trainer->log, trainer->run_folder, error) &&
         cs_checkpoint_write (trainer->run_folder, trainer->crosscoder,
                              cs_step_state (trainer->step), trainer->store, error) &&
         (!with_model || write_model (trainer, error));
}

static void
log_metrics (Trainer *trainer, const CsStepReport *report, double lr)
{
  const uint64_t done = cs_step_state (trainer->step)->step;
  const double time = now (),
               tokens = (double)(done - trainer->log_step) * (double)trainer->config.batch;
  const CsMetrics row = { .step = done,
                          .loss = report->loss,
                          .mse_base = report->mse[0],
                          .mse_chat = report->mse[1],
                          .fve_base = report->fve[0],
                          .fve_chat = report->fve[1],
                          .l0 = report->l0,
                          .dead = (double)report->n_dead,
                          .aux = report->aux,
                          .lr = lr,
                          .tokens_per_s = tokens / MAX (time - trainer->log_time, 1e-6) };
  trainer->log_time = time;
  trainer->log_step = done;
  cs_run_log_add_metrics (trainer->log, &row);
}

/* Δ_norm of the latents that are not dead. */
static void
log_snapshot (Trainer *trainer)
{
  const CsStepState *state = cs_step_state (trainer->step);
  const double *norms = cs_step_norms (trainer->step);
  CsNormRatioSnapshot snapshot = { .step = state->step };
  for (size_t j = 0; j < trainer->crosscoder->n_latents; j++)
    {
      const double ratio = cs_norm_ratio (norms[2 * j], norms[2 * j + 1]);
      if (state->silent[j] < trainer->config.dead_tokens && ratio >= 0)
        snapshot.count[MIN ((size_t)(ratio * CS_NORM_RATIO_BINS), CS_NORM_RATIO_BINS - 1)]++;
    }
  cs_run_log_add_snapshot (trainer->log, &snapshot);
}

static bool
is_due (uint64_t done, size_t every, size_t steps)
{
  return (every > 0 && done % every == 0) || done == steps;
}

static bool
run_step (Trainer *trainer, GError **error)
{
  const CsTrainConfig *config = &trainer->config;
  const uint64_t index = cs_step_state (trainer->step)->step;
  const size_t d = trainer->crosscoder->d_model;
  if (!cs_reader_next (trainer->reader, trainer->rows, error))
    return false;
  if (trainer->crosscoder->normalised)
    cs_crosscoder_normalise (trainer->crosscoder, trainer->rows, config->batch, trainer->rows);
  if (index == 0 && config->variant != CS_VARIANT_L1)
    cs_geometric_median (trainer->team, trainer->rows, config->batch, d,
                         trainer->crosscoder->decoder_bias);
  const double lr =
      cs_train_config_lr (config) *
      cs_schedule_lr (index, config->steps, config->warmup_steps, config->decay_start);
  const size_t k = cs_schedule_k (index, config->k, config->k_max, config->k_anneal_steps);
  const bool log = index == 0 || is_due (index + 1, config->log_every, config->steps);
  CsStepReport report;
  if (!cs_step_run (trainer->step, trainer->rows, k, lr, log, &report, error))
    return false;
  if (log)
    log_metrics (trainer, &report, lr);
  if (is_due (index + 1, config->snapshot_every, config->steps))
    log_snapshot (trainer);
  if (trainer->job)
    {
      cs_job_progress (trainer->job, (double)(index + 1), (double)config->steps, "steps");
      if (log)
        cs_job_touch (trainer->job);
    }
  return true;
}

static bool
checkpoint_due (const Trainer *trainer, uint64_t done)
{
  const CsTrainConfig *config = &trainer->config;
  return (config->checkpoint_steps > 0 && done % config->checkpoint_steps == 0) ||
         (config->checkpoint_seconds > 0 &&
          now () - trainer->checkpoint_time > config->checkpoint_seconds);
}

/* Numbers along the way; a BatchTopK crosscoder whose θ is not set yet has none. */
static bool
validate_now (Trainer *trainer, uint64_t done, GError **error)
{
  CsValidation validation;
  if (trainer->config.variant == CS_VARIANT_BATCHTOPK && trainer->crosscoder->threshold < 0)
    return true;
  return cs_validation_run (trainer->crosscoder, trainer->team, trainer->reader, trainer->job,
                            &validation, error) &&
         cs_validation_save (&validation, done, trainer->run_folder, error);
}

/* Waits while paused. A cancelled run keeps what it has. */
static bool
may_go_on (Trainer *trainer, GError **error)
{
  const double before = now ();
  if (cs_job_checkpoint (trainer->job, error))
    {
      trainer->log_time += now () - before;
      return true;
    }
  g_autoptr (GError) failure = NULL;
  if (!write_checkpoint (trainer, true, &failure))
    {
      g_clear_error (error);
      g_propagate_error (error, g_steal_pointer (&failure));
    }
  return false;
}

static bool
train (Trainer *trainer, GError **error)
{
  const CsTrainConfig *config = &trainer->config;
  const CsStepState *state = cs_step_state (trainer->step);
  trainer->rows = g_new (float, config->batch * 2 * trainer->crosscoder->d_model);
  trainer->checkpoint_time = trainer->log_time = now ();
  trainer->log_step = state->step;
  while (state->step < config->steps)
    {
      if (!may_go_on (trainer, error) || !run_step (trainer, error))
        return false;
      if (state->step == config->steps)
        break;
      if (checkpoint_due (trainer, state->step) && !write_checkpoint (trainer, true, error))
        return false;
      if (config->validate_every > 0 && state->step % config->validate_every == 0 &&
          !validate_now (trainer, state->step, error))
        return false;
    }
  return write_checkpoint (trainer, false, error);
}

/* Whether a finished run's model and validation are there too. */
static bool
is_complete (const Trainer *trainer, CsValidation *validation)
{
  g_autofree char *path = g_build_filename (trainer->run_folder, "model.safetensors", NULL);
  g_autofree char *step =
      g_strdup_printf ("%" G_GUINT64_FORMAT, cs_step_state (trainer->step)->step);
  g_autoptr (CsSafetensors) model = cs_safetensors_open (path, NULL);
  return model && g_strcmp0 (cs_safetensors_metadata (model, "step"), step) == 0 &&
         cs_validation_load (validation, cs_step_state (trainer->step)->step, trainer->run_folder);
}

static bool
finish (Trainer *trainer, CsValidation *validation, GError **error)
{
  CsCrosscoder *crosscoder = trainer->crosscoder;
  const uint64_t done = cs_step_state (trainer->step)->step;
  if (crosscoder->variant == CS_VARIANT_BATCHTOPK && crosscoder->threshold < 0)
    {
      if (!cs_reader_seek (trainer->reader, 0, error) ||
          !cs_crosscoder_calibrate (crosscoder, trainer->team, trainer->reader,
                                    trainer->config.batch, error))
        return false;
    }
  if (trainer->job)
    cs_job_phase (trainer->job, "Validating");
  return write_model (trainer, error) &&
         cs_validation_run (crosscoder, trainer->team, trainer->reader, trainer->job, validation,
                            error) &&
         cs_validation_save (validation, done, trainer->run_folder, error);
}

static const char *
phase_name (CsVariant variant)
{
  return variant == CS_VARIANT_L1     ? "Training L1"
         : variant == CS_VARIANT_TOPK ? "Training TopK"
                                      : "Training BatchTopK";
}

bool
cs_train (CsJob *job,
          const char *store_path,
          const char *run_folder,
          const CsTrainConfig *config,
          CsRunLog *log,
          CsValidation *validation,
          GError **error)
{
  g_auto (Trainer) trainer = { .job = job, .run_folder = run_folder, .config = *config };
  CsValidation own_validation;
  CsValidation *result = validation ? validation : &own_validation;
  const bool resumes = cs_checkpoint_exists (run_folder);
  trainer.log = log ? cs_run_log_ref (log) : cs_run_log_new ();
  if (cs_run_is_imported (run_folder))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "“%s” was imported, without the state of its optimiser: its training cannot go "
                   "on; train a new run.",
                   run_folder);
      return false;
    }
  if (!cs_train_config_check (config, error))
    return false;
  if (resumes)
    {
      if (!adopt_config (&trainer, error))
        return false;
    }
  else
    {
      g_strfreev (cs_train_config_clamp (&trainer.config));
      trainer.config.schedule_steps = trainer.config.steps;
    }
  if (job)
    cs_job_phase (job, phase_name (config->variant));
  if (!open_store (&trainer, store_path, error) || !open_reader (&trainer, store_path, error) ||
      !make_step (&trainer, error))
    return false;
  if (resumes ? !go_on (&trainer, store_path, error) : !start_fresh (&trainer, store_path, error))
    return false;
  if (cs_step_state (trainer.step)->step >= trainer.config.steps)
    return is_complete (&trainer, result) || finish (&trainer, result, error);
  return train (&trainer, error) && finish (&trainer, result, error);
}

bool
cs_train_state (const char *run_folder, uint64_t *step, uint64_t *steps, GError **error)
{
  CsTrainConfig config;
  *step = *steps = 0;
  if (!cs_checkpoint_exists (run_folder))
    {
      if (cs_run_is_imported (run_folder) && cs_train_config_load (&config, run_folder, NULL))
        *step = *steps = config.steps;
      return true;
    }
  if (!cs_train_config_load (&config, run_folder, error) ||
      !cs_checkpoint_step (run_folder, step, error))
    return false;
  *steps = config.steps;
  return true;
}
