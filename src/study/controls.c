/* The order of a control: its store, its run, its counts. */
#include "controls.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "analyze-options.h"
#include "controls-private.h"
#include "errors.h"
#include "harvest.h"
#include "study-private.h"

/* --- Plans --- */

char *
cs_control_path (const CsControlPlan *plan, const char *name)
{
  return g_build_filename (plan->study_folder, name, NULL);
}

bool
cs_control_make_folder (const char *folder, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) == 0)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder %s cannot be made: %s.", folder,
               g_strerror (errno));
  return false;
}

void
cs_control_plan_free (CsControlPlan *plan)
{
  if (plan == NULL)
    return;
  g_free (plan->study_folder);
  g_free (plan->run_folder);
  g_free (plan->of_folder);
  g_free (plan->model_folder[0]);
  g_free (plan->model_folder[1]);
  g_free (plan->study_store);
  g_free (plan->date);
  g_free (plan->base_replacements);
  g_strfreev (plan->corpora);
  g_strfreev (plan->tune_corpora);
  cs_control_free (plan->control);
  g_free (plan);
}

const char *
cs_control_plan_run_name (const CsControlPlan *plan)
{
  return plan->control->run;
}

static size_t
layer_of_study (CsStudy *study)
{
  CsPair *pair = cs_study_pair (study, NULL);
  size_t layer = cs_study_layer (study);

  return layer == CS_LAYER_MIDDLE && pair != NULL
             ? cs_layer_middle (cs_model_config (pair->model[0])->n_layers)
             : layer;
}

void
cs_control_default (CsStudy *study, CsRun *run, CsControlKind kind, CsControlOptions *options)
{
  const CsTrainConfig *config = cs_run_config (run);
  const size_t layer = layer_of_study (study);

  *options = (CsControlOptions){ .kind = kind };
  if (config == NULL)
    return;
  options->mu = config->mu / 2;
  if (kind == CS_CONTROL_SEED)
    options->value = config->seed + 1;
  else if (kind == CS_CONTROL_K)
    options->value = 2 * config->k;
  else if (kind == CS_CONTROL_LAYER)
    options->value = layer >= 2 ? layer - 2 : layer + 1;
}

static bool
usage (GError **error, const char *sentence)
{
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, sentence);
  return false;
}

/* Makes the one change; *name is the end of the run's name. */
static bool
change (CsControlPlan *plan, CsStudy *study, const CsControlOptions *o, char **name, GError **error)
{
  CsTrainConfig *config = &plan->config;
  CsControl *control = plan->control;
  CsPair *pair = cs_study_pair (study, error);

  if (pair == NULL)
    return false;
  control->value = (double)o->value;
  control->layer = layer_of_study (study);
  *name = g_strdup_printf ("%s-%" G_GUINT64_FORMAT, cs_control_kind_name (o->kind), o->value);
  switch (o->kind)
    {
    case CS_CONTROL_SEED:
      if (o->value == config->seed)
        return usage (error, "The run has that seed already: name another.");
      config->seed = o->value;
      return true;
    case CS_CONTROL_K:
      if (config->variant == CS_VARIANT_L1)
        {
          g_free (*name);
          *name = g_strdup_printf ("mu-%g", o->mu);
          control->value = o->mu;
        }
      if (config->variant == CS_VARIANT_L1 ? !(o->mu > 0) || o->mu == config->mu
                                           : o->value == 0 || o->value == config->k)
        return usage (error, "The run has that sparsity already: name another k (L1: another "
                             "coefficient) above 0.");
      config->mu = config->variant == CS_VARIANT_L1 ? o->mu : config->mu;
      config->k = config->variant == CS_VARIANT_L1 ? config->k : (size_t)o->value;
      return true;
    case CS_CONTROL_LAYER:
      if (o->value == control->layer || o->value >= cs_model_config (pair->model[0])->n_layers)
        return usage (error,
                      "That layer is the study's own or not one of the models': name another.");
      control->layer = (size_t)o->value;
      control->store = g_strdup_printf ("controls/%s/activations.h5", *name);
      return true;
    case CS_CONTROL_NULL:
    case CS_CONTROL_TUNED:
    case CS_N_CONTROLS:
    default:
      g_free (*name);
      *name = g_strdup (cs_control_kind_name (o->kind));
      control->value = o->kind == CS_CONTROL_NULL ? NAN : (double)plan->tune_tokens;
      control->store = g_strdup_printf ("controls/%s/activations.h5", *name);
      control->base = g_strdup (plan->model_folder[0]);
      control->chat = o->kind == CS_CONTROL_NULL ? g_strdup (plan->model_folder[0])
                                                 : g_strdup ("controls/tuned/model");
      return true;
    }
}

/* A run of that name has to be the same control. */
static bool
check_name (const CsControlPlan *plan, GError **error)
{
  g_autoptr (CsControl) there = NULL;

  if (!g_file_test (plan->run_folder, G_FILE_TEST_EXISTS))
    return true;
  there = cs_control_load (plan->run_folder, NULL);
  if (there != NULL && there->kind == plan->control->kind &&
      g_str_equal (there->of, plan->control->of) &&
      (there->value == plan->control->value || isnan (there->value)))
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "There is a run named %s that is not this control: remove it first.",
               plan->control->run);
  return false;
}

static bool
check_run (CsRun *run, GError **error)
{
  if (cs_control_is (cs_run_folder (run)))
    return usage (error, "A control is not controlled itself: choose the run that it controls.");
  if (cs_run_config (run) != NULL && cs_run_is_trained (run) && cs_run_latents (run, NULL) != NULL)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "The run %s has to be trained and analysed before it can be controlled.",
               cs_run_name (run));
  return false;
}

CsControlPlan *
cs_control_plan_new (CsStudy *study, CsRun *run, const CsControlOptions *options, GError **error)
{
  g_autoptr (CsControlPlan) plan = NULL;
  g_autofree char *suffix = NULL;

  if (!check_run (run, error))
    return NULL;
  plan = g_new0 (CsControlPlan, 1);
  plan->study_folder = g_strdup (cs_study_folder (study));
  plan->of_folder = g_strdup (cs_run_folder (run));
  for (int m = 0; m < 2; m++)
    plan->model_folder[m] = g_strdup (cs_study_model_folder (study, m));
  plan->study_store = cs_study_store_path (study);
  plan->date = g_strdup (cs_study_date (study));
  plan->base_replacements = g_strdup (cs_study_base_replacements (study));
  plan->corpora = g_strdupv ((char **)(uintptr_t)cs_study_corpora (study));
  plan->tune_corpora = g_strdupv ((char **)(uintptr_t)options->corpora);
  plan->max_tokens = cs_study_max_tokens (study);
  plan->tune_tokens = options->value > 0 ? (size_t)options->value : CS_CONTROL_TUNE_TOKENS;
  plan->keep_store = options->keep_store;
  plan->config = *cs_run_config (run);
  plan->control = g_new0 (CsControl, 1);
  plan->control->kind = options->kind;
  plan->control->of = g_strdup (cs_run_name (run));
  plan->control->tune_tokens = NAN;
  for (int i = 0; i < 2; i++)
    plan->control->tune_loss[i] = plan->control->moved[i] = NAN;
  if (!change (plan, study, options, &suffix, error))
    return NULL;
  if (options->n_threads > 0)
    plan->config.n_threads = options->n_threads;
  plan->analyze = cs_analyze_options_for_pair (cs_study_pair (study, NULL));
  plan->analyze.n_threads = plan->config.n_threads;
  plan->control->run = g_strdup_printf ("%s-%s", cs_run_name (run), suffix);
  plan->run_folder = cs_study_run_folder (study, plan->control->run);
  return check_name (plan, error) ? g_steal_pointer (&plan) : NULL;
}

/* --- Carrying it out --- */

static void
say (CsJob *job, const char *phase)
{
  if (job != NULL)
    cs_job_phase (job, phase);
}

static bool
harvest_store (CsJob *job, const CsControlPlan *plan, const char *store, GError **error)
{
  g_autofree char *tuned = cs_control_path (plan, "controls/tuned/model");
  g_autoptr (CsStore) like = cs_store_open (plan->study_store, false, error);
  CsHarvestOptions options = { .base_folder = plan->model_folder[0],
                               .chat_folder = plan->control->kind == CS_CONTROL_TUNED
                                                  ? tuned
                                                  : plan->model_folder[1],
                               .layer = plan->control->layer,
                               .corpora = (const char *const *)plan->corpora,
                               .max_tokens = plan->max_tokens,
                               .date = plan->date,
                               .base_replacements = plan->base_replacements,
                               .out = store,
                               .n_threads = plan->config.n_threads };

  if (like == NULL)
    return false;
  options.dtype = cs_store_info (like)->dtype;
  /* As many tokens as the controlled run saw. */
  options.max_tokens = cs_store_n_tokens (like);
  g_clear_pointer (&like, cs_store_free);
  say (job, "Harvesting the control's activations");
  return cs_harvest (job, &options, error);
}

static bool
make_store (CsJob *job, const CsControlPlan *plan, const char *store, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (store);

  if (plan->control->store == NULL)
    return true;
  if (!cs_control_make_folder (folder, error))
    return false;
  if (plan->control->kind != CS_CONTROL_NULL)
    return harvest_store (job, plan, store, error);
  say (job, "Copying the base model's activations");
  return cs_control_null_store (job, plan->study_store, store, error);
}

static bool
count (const char *run_folder, CsControlCounts *counts, GError **error)
{
  g_autoptr (CsLatents) latents = cs_latents_load (run_folder, error);
  CsLatentSummary s;

  if (latents == NULL)
    return false;
  cs_latents_summarise (latents, &s);
  *counts = (CsControlCounts){ .latents = s.latents,
                               .dead = s.dead,
                               .base_only = s.base_only,
                               .shared = s.shared,
                               .chat_only = s.chat_only,
                               .other = s.other,
                               .tested = s.tested,
                               .chat_specific = s.chat_specific,
                               .fve_base = s.fve_base,
                               .fve_chat = s.fve_chat,
                               .l0 = s.l0 };
  for (size_t j = 0; j < latents->n_latents; j++)
    counts->chat_leaning +=
        latents->rows[j].tag != CS_LATENT_DEAD && latents->rows[j].delta_norm >= CS_CHAT_LEANING;
  return true;
}

/* The control as it stands on disk, so that what an earlier call found out is not lost. */
static CsControl *
begin (const CsControlPlan *plan, GError **error)
{
  g_autoptr (CsControl) control = cs_control_load (plan->run_folder, NULL);

  if (control != NULL)
    return g_steal_pointer (&control);
  if (!cs_control_make_folder (plan->run_folder, error) ||
      !cs_control_save (plan->control, plan->run_folder, error))
    return NULL;
  return cs_control_load (plan->run_folder, error);
}

static bool
is_trained (const char *run_folder)
{
  uint64_t step = 0, steps = 0;

  return cs_train_state (run_folder, &step, &steps, NULL) && steps > 0 && step >= steps;
}

static bool
is_analysed (const char *run_folder)
{
  g_autofree char *path = g_build_filename (run_folder, "latents.h5", NULL);

  return g_file_test (path, G_FILE_TEST_EXISTS);
}

static bool
is_made (const CsControlPlan *plan)
{
  return is_trained (plan->run_folder) && is_analysed (plan->run_folder);
}

static bool
make_run (CsJob *job, const CsControlPlan *plan, CsRunLog *log, GError **error)
{
  g_autofree char *store = plan->control->store != NULL
                               ? cs_control_path (plan, plan->control->store)
                               : g_strdup (plan->study_store);

  if (is_made (plan))
    return true;
  if (!make_store (job, plan, store, error))
    return false;
  say (job, "Training the control");
  if (!cs_train (job, store, plan->run_folder, &plan->config, log, NULL, error))
    return false;
  say (job, "Analysing the control");
  if (!cs_analyze (job, plan->run_folder, store, &plan->analyze, error))
    return false;
  if (plan->control->store != NULL && !plan->keep_store)
    g_unlink (store); /* large, and quickly made again */
  return true;
}

bool
cs_control_run (CsJob *job, const CsControlPlan *plan, CsRunLog *log, GError **error)
{
  g_autoptr (CsControl) control = begin (plan, error);

  if (control == NULL)
    return false;
  if (control->kind == CS_CONTROL_TUNED && !is_made (plan) &&
      (!cs_control_tune (job, plan, control, error) ||
       !cs_control_save (control, plan->run_folder, error)))
    return false;
  if (!make_run (job, plan, log, error) || !count (plan->run_folder, &control->counts, error) ||
      !count (plan->of_folder, &control->of_counts, error))
    return false;
  control->done = true;
  return cs_control_save (control, plan->run_folder, error);
}

/* --- In a study --- */

char *
cs_study_run_store_path (CsStudy *study, CsRun *run)
{
  g_autoptr (CsControl) control =
      cs_control_is (cs_run_folder (run)) ? cs_control_load (cs_run_folder (run), NULL) : NULL;

  return control != NULL && control->store != NULL
             ? g_build_filename (cs_study_folder (study), control->store, NULL)
             : cs_study_store_path (study);
}

typedef struct
{
  CsControlPlan *plan;
  CsRunLog *log;
} ControlJob;

static void
control_job_free (void *data)
{
  ControlJob *d = data;

  cs_control_plan_free (d->plan);
  cs_run_log_unref (d->log);
  g_free (d);
}

static bool
control_func (CsJob *job, void *data, GError **error)
{
  const ControlJob *d = data;

  return cs_control_run (job, d->plan, d->log, error);
}

static void
control_changed_cb (CsJob *job, CsRun *run)
{
  if (cs_job_is_active (job) || cs_run_job (run) != job)
    return;
  cs_run_set_job (run, NULL);
  cs_run_reload (run);
}

CsJob *
cs_study_control (CsStudy *study, CsRun *of, const CsControlOptions *options, GError **error)
{
  g_autoptr (CsControlPlan) plan = cs_control_plan_new (study, of, options, error);
  g_autoptr (CsRun) run = NULL;
  g_autoptr (CsJob) job = NULL;
  g_autofree char *title = NULL;
  ControlJob *data;

  if (plan == NULL)
    return NULL;
  run = cs_study_find_run (study, plan->control->run);
  if (run != NULL)
    g_object_ref (run);
  else
    {
      run = cs_run_new (plan->run_folder);
      cs_study_add_run (study, run);
    }
  if (cs_run_job (run) != NULL && cs_job_is_active (cs_run_job (run)))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "The run %s is at work already.",
                   cs_run_name (run));
      return NULL;
    }
  cs_run_set_config (run, &plan->config);
  data = g_new0 (ControlJob, 1);
  data->log = cs_run_log_ref (cs_run_log (run));
  title = g_strdup_printf ("Control %s", plan->control->run);
  data->plan = g_steal_pointer (&plan);
  job = cs_job_new (title, control_func, data, control_job_free);
  g_signal_connect_object (job, "changed", G_CALLBACK (control_changed_cb), run, 0);
  cs_run_set_job (run, job);
  cs_study_add_job (study, job, true);
  return job; /* the list and the run keep it */
}
