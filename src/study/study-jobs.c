/* The job queue of a study: heavy jobs run one after another, light ones beside them. */
#include <string.h>

#include "analyze-options.h"
#include "controls.h"
#include "errors.h"
#include "harvest.h"
#include "study-private.h"

GListModel *
cs_study_jobs (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return G_LIST_MODEL (study->jobs);
}

bool
cs_study_has_active_jobs (CsStudy *study)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (study->jobs));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (G_LIST_MODEL (study->jobs), i);
      if (cs_job_is_active (job))
        return true;
    }
  return false;
}

static void
start_next (CsStudy *study)
{
  while (study->heavy == NULL && !study->stopping && !g_queue_is_empty (&study->waiting))
    {
      CsJob *job = g_queue_pop_head (&study->waiting);

      if (cs_job_state (job) != CS_JOB_QUEUED)
        continue; /* cancelled while it waited */
      study->heavy = job;
      cs_job_start (job);
    }
}

static void
job_changed_cb (CsJob *job, CsStudy *study)
{
  if (job != study->heavy || cs_job_is_active (job))
    return;
  study->heavy = NULL;
  start_next (study);
}

void
cs_study_add_job (CsStudy *study, CsJob *job, bool heavy)
{
  g_return_if_fail (CS_IS_STUDY (study) && CS_IS_JOB (job));
  g_list_store_append (study->jobs, job);
  g_signal_connect_object (job, "changed", G_CALLBACK (job_changed_cb), study, 0);
  if (!heavy)
    {
      cs_job_start (job);
      return;
    }
  g_queue_push_tail (&study->waiting, job);
  start_next (study);
}

void
cs_study_clear_ended_jobs (CsStudy *study)
{
  g_return_if_fail (CS_IS_STUDY (study));
  for (guint i = g_list_model_get_n_items (G_LIST_MODEL (study->jobs)); i-- > 0;)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (G_LIST_MODEL (study->jobs), i);
      if (!cs_job_is_active (job))
        {
          g_queue_remove (&study->waiting, job);
          g_list_store_remove (study->jobs, i);
        }
    }
}

/* What the jobs' last "changed" would do, had they not been stopped; it finds nothing left to do. */
static void
let_runs_go (CsStudy *study)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (study->runs));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (G_LIST_MODEL (study->runs), i);

      if (cs_run_job (run) == NULL)
        continue;
      cs_run_set_job (run, NULL);
      cs_run_reload (run);
    }
}

void
cs_study_stop_jobs (CsStudy *study)
{
  guint n;

  g_return_if_fail (CS_IS_STUDY (study));
  study->stopping = true;
  n = g_list_model_get_n_items (G_LIST_MODEL (study->jobs));
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (G_LIST_MODEL (study->jobs), i);
      if (cs_job_is_active (job))
        cs_job_cancel (job);
    }
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsJob) job = g_list_model_get_item (G_LIST_MODEL (study->jobs), i);
      cs_job_wait (job, NULL);
    }
  g_queue_clear (&study->waiting);
  study->heavy = NULL;
  let_runs_go (study);
  study->stopping = false;
}

/* --- Harvest --- */

typedef struct {
  char *base, *chat, *out, *date, *base_replacements;
  char **corpora;
  size_t layer, max_tokens;
} HarvestData;

static void
harvest_data_free (void *data)
{
  HarvestData *d = data;

  g_free (d->base);
  g_free (d->chat);
  g_free (d->out);
  g_free (d->date);
  g_free (d->base_replacements);
  g_strfreev (d->corpora);
  g_free (d);
}

static bool
harvest_func (CsJob *job, void *data, GError **error)
{
  const HarvestData *d = data;
  CsHarvestOptions options = {
    .base_folder = d->base, .chat_folder = d->chat, .layer = d->layer,
    .corpora = (const char *const *) d->corpora, .max_tokens = d->max_tokens, .dtype = CS_DTYPE_F16, .out = d->out,
    .date = d->date, .base_replacements = d->base_replacements,
  };

  return cs_harvest (job, &options, error);
}

static void
harvest_ended_cb (CsJob *job, CsStudy *study)
{
  if (!cs_job_is_active (job))
    cs_study_emit_changed (study);
}

/* Only where the template asks for it; a template that cannot be opened is the harvest's to tell. */
static bool
pin_date (CsStudy *study, GError **error)
{
  g_autoptr (CsChatTemplate) chat = NULL;
  g_autoptr (GDateTime) now = NULL;
  g_autofree char *today = NULL;

  if (study->date != NULL)
    return true;
  chat = cs_chat_template_open_pair (study->model_folder[1], study->model_folder[0], NULL);
  if (chat == NULL || !cs_chat_template_asks_date (chat))
    return true;
  now = g_date_time_new_now_local ();
  today = g_date_time_format (now, "%Y-%m-%d");
  return cs_study_set_date (study, today, error);
}

CsJob *
cs_study_harvest (CsStudy *study, GError **error)
{
  g_autoptr (CsJob) job = NULL;
  HarvestData *data;

  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  if (study->model_folder[0] == NULL || study->model_folder[1] == NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, "Choose a base and a chat model before harvesting.");
      return NULL;
    }
  if (study->corpora[0] == NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, "Add at least one corpus before harvesting.");
      return NULL;
    }
  if (!pin_date (study, error))
    return NULL;
  data = g_new0 (HarvestData, 1);
  data->base = g_strdup (study->model_folder[0]);
  data->chat = g_strdup (study->model_folder[1]);
  data->out = cs_study_store_path (study);
  data->corpora = g_strdupv (study->corpora);
  data->layer = study->layer;
  data->max_tokens = study->max_tokens;
  data->date = g_strdup (study->date);
  data->base_replacements = g_strdup (study->base_replacements);
  job = cs_job_new ("Harvest activations", harvest_func, data, harvest_data_free);
  g_signal_connect_object (job, "changed", G_CALLBACK (harvest_ended_cb), study, 0);
  cs_study_add_job (study, job, true);
  return job;
}

/* --- Training and analysis of a run --- */

typedef struct {
  char *store, *folder;
  CsTrainConfig config;
  CsRunLog *log;
  CsAnalyzeOptions analyze;
} RunData;

static void
run_data_free (void *data)
{
  RunData *d = data;

  g_clear_pointer (&d->log, cs_run_log_unref);
  g_free (d->store);
  g_free (d->folder);
  g_free (d);
}

static RunData *
run_data_new (CsStudy *study, CsRun *run)
{
  RunData *data = g_new0 (RunData, 1);

  data->store = cs_study_run_store_path (study, run);
  data->folder = g_strdup (cs_run_folder (run));
  data->log = cs_run_log_ref (cs_run_log (run));
  data->analyze = cs_analyze_options_for_pair (cs_study_pair (study, NULL));
  return data;
}

static bool
train_func (CsJob *job, void *data, GError **error)
{
  const RunData *d = data;

  return cs_train (job, d->store, d->folder, &d->config, d->log, NULL, error);
}

static bool
analyze_func (CsJob *job, void *data, GError **error)
{
  const RunData *d = data;

  return cs_analyze (job, d->folder, d->store, &d->analyze, error);
}

/* What a job of a run needs when it ends on the main thread. */
typedef struct {
  CsStudy *study;     /* weak */
  CsRun   *run;
  bool     analyze;   /* it trained: analyse next */
} RunEnd;

static void
run_end_free (void *data, GClosure *closure)
{
  RunEnd *end = data;

  g_clear_weak_pointer (&end->study);
  g_object_unref (end->run);
  g_free (end);
}

static void
run_job_changed_cb (CsJob *job, RunEnd *end)
{
  if (cs_job_is_active (job) || cs_run_job (end->run) != job)
    return;
  cs_run_set_job (end->run, NULL);
  cs_run_reload (end->run);
  if (end->analyze && end->study != NULL && !end->study->stopping && cs_job_state (job) == CS_JOB_DONE)
    cs_study_analyze (end->study, end->run, NULL);
}

static CsJob *
add_run_job (CsStudy *study, CsRun *run, const char *title, CsJobFunc func, RunData *data, bool analyze)
{
  CsJob *job = cs_job_new (title, func, data, run_data_free);
  RunEnd *end = g_new0 (RunEnd, 1);

  g_set_weak_pointer (&end->study, study);
  end->run = g_object_ref (run);
  end->analyze = analyze;
  g_signal_connect_data (job, "changed", G_CALLBACK (run_job_changed_cb), end, run_end_free, 0);
  cs_run_set_job (run, job);
  cs_study_add_job (study, job, true);
  g_object_unref (job); /* the list and the run keep it */
  return job;
}

static bool
check_idle (CsRun *run, GError **error)
{
  if (cs_run_job (run) == NULL || !cs_job_is_active (cs_run_job (run)))
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "The run %s is at work already.", cs_run_name (run));
  return false;
}

/* The name is a folder's. */
static bool
check_run_name (const char *name, GError **error)
{
  if (*name != '\0' && *name != '.' && strchr (name, '/') == NULL && strlen (name) <= 200 && g_utf8_validate (name, -1, NULL))
    return true;
  g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                       "A run's name has 1 to 200 bytes, does not begin with a dot and has no slash: choose another name.");
  return false;
}

CsJob *
cs_study_train (CsStudy *study, const char *run_name, const CsTrainConfig *config, GError **error)
{
  g_autofree char *folder = NULL, *title = NULL;
  g_autoptr (CsRun) run = NULL;
  RunData *data;

  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  if (!check_run_name (run_name, error))
    return NULL;
  if (cs_study_find_run (study, run_name) != NULL)
    run = g_object_ref (cs_study_find_run (study, run_name));
  else
    {
      folder = cs_study_run_folder (study, run_name);
      run = cs_run_new (folder);
      cs_study_add_run (study, run);
    }
  if (!check_idle (run, error))
    return NULL;
  cs_run_set_config (run, config);
  data = run_data_new (study, run);
  data->config = *config;
  title = g_strdup_printf ("Train %s", run_name);
  return add_run_job (study, run, title, train_func, data, true);
}

CsJob *
cs_study_continue_run (CsStudy *study, CsRun *run, GError **error)
{
  g_return_val_if_fail (CS_IS_STUDY (study) && CS_IS_RUN (run), NULL);
  if (cs_run_config (run) == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "The run %s has no readable config.json to go on from.",
                   cs_run_name (run));
      return NULL;
    }
  return cs_study_train (study, cs_run_name (run), cs_run_config (run), error);
}

CsJob *
cs_study_analyze (CsStudy *study, CsRun *run, GError **error)
{
  g_autofree char *title = NULL;

  g_return_val_if_fail (CS_IS_STUDY (study) && CS_IS_RUN (run), NULL);
  if (!check_idle (run, error))
    return NULL;
  title = g_strdup_printf ("Analyse %s", cs_run_name (run));
  return add_run_job (study, run, title, analyze_func, run_data_new (study, run), false);
}
