#include "exchange-job.h"

#include <glib/gi18n.h>

#include "feedback.h"
#include "latents-exchange.h"
#include "memmap-cache.h"
#include "validation.h"

/* What a job does, on its thread, and what the main thread needs when it has ended. */
typedef struct
{
  CsExchangeKind kind;
  char *path;               /* to read, or to write */
  char *second;
  char *run_name, *run_folder;
  char *table, *examples;   /* beside an imported crosscoder, or NULL */
  char *models[2], *store, *labels;
  long study_layer;         /* −1 = not chosen */
  size_t latent;
  unsigned model;
  char **notes;
  GtkWidget *page;          /* weak */
  bool ended;               /* and its end was told */
} Task;

static void
task_free (void *data)
{
  Task *task = data;

  g_clear_weak_pointer (&task->page);
  g_free (task->path);
  g_free (task->second);
  g_free (task->run_name);
  g_free (task->run_folder);
  g_free (task->table);
  g_free (task->examples);
  g_free (task->models[0]);
  g_free (task->models[1]);
  g_free (task->store);
  g_free (task->labels);
  g_strfreev (task->notes);
  g_free (task);
}

static void
task_closure_free (void *data, GClosure *closure)
{
  task_free (data);
}

/* --- On the job's thread --- */

static void
take_note (Task *task, char *note)
{
  if (note == NULL)
    return;
  task->notes = g_new0 (char *, 2);
  task->notes[0] = note;
}

static const char *
existing (const char *path)
{
  return path != NULL && g_file_test (path, G_FILE_TEST_EXISTS) ? path : NULL;
}

static long
layer_of (const Task *task)
{
  long layer = cs_run_layer (task->run_folder, existing (task->store));

  return layer >= 0 ? layer : task->study_layer;
}

static bool
export_neuronpedia (CsJob *job, const Task *task, GError **error)
{
  g_autofree char *model = task->models[1] != NULL ? g_path_get_basename (task->models[1]) : NULL;
  g_autoptr (CsPair) pair =
    task->models[0] != NULL && task->models[1] != NULL ? cs_pair_open (task->models[0], task->models[1], NULL, NULL) : NULL;
  const CsNeuronpediaOptions options = {
    .model_id = model,
    .pair = pair,
    .labels_path = task->labels,
    .tokenizer_folder = task->models[1],
    .store_path = existing (task->store),
    .layer = layer_of (task),
    .latent = -1,
  };

  return cs_latents_export_neuronpedia (job, task->run_folder, &options, task->path, error);
}

static bool
export_vector (const Task *task, GError **error)
{
  const CsLatentVectorOptions options = {
    .latent = task->latent,
    .model = task->model,
    .layer = layer_of (task),
    .model_folder = task->models[task->model],
  };

  return cs_latent_export_vector (task->run_folder, &options, task->path, error);
}

static bool
attach (CsJob *job, Task *task, GError **error)
{
  const bool examples = g_str_has_suffix (task->path, ".db") || g_str_has_suffix (task->path, ".sqlite")
                        || g_str_has_suffix (task->path, ".sqlite3");
  char *note = NULL;
  bool ok = examples ? cs_latents_attach_examples (job, task->run_folder, task->path, &note, error)
                     : cs_latents_attach_table (task->run_folder, task->path, &note, error);

  take_note (task, note);
  return ok;
}

static bool
calibrate (Task *task, GError **error)
{
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (task->run_folder, error);
  g_autoptr (CsTeam) team = cs_team_new (0);

  if (crosscoder == NULL || !cs_crosscoder_calibrate_on_store (crosscoder, team, task->store, error)
      || !cs_crosscoder_save (crosscoder, task->run_folder, error))
    return false;
  take_note (task, g_strdup_printf (_ ("The threshold of %s is %.3g now: about %zu latents a token are active"),
                                    task->run_name, (double) crosscoder->threshold, crosscoder->k));
  return true;
}

static bool
task_func (CsJob *job, void *data, GError **error)
{
  Task *task = data;
  const CsImportOptions plain = CS_IMPORT_DEFAULT;
  const CsMemmapOptions caches = { 0 };

  switch (task->kind)
    {
    case CS_EXCHANGE_IMPORT:
      return cs_import_run (job, task->path, task->run_folder, &plain, task->table, task->examples, &task->notes, error);
    case CS_EXCHANGE_ATTACH:
      return attach (job, task, error);
    case CS_EXCHANGE_IMPORT_CACHES:
      return cs_memmap_import (job, task->path, task->second, task->store, error);
    case CS_EXCHANGE_HUB:
      return cs_crosscoder_export_hub (task->run_folder, task->path, error);
    case CS_EXCHANGE_CSV:
      return cs_latents_export_csv (task->run_folder, task->path, error);
    case CS_EXCHANGE_NEURONPEDIA:
      return export_neuronpedia (job, task, error);
    case CS_EXCHANGE_VECTOR:
      return export_vector (task, error);
    case CS_EXCHANGE_EXPORT_STORE:
      return cs_memmap_export (job, task->store, task->path, &caches, error);
    case CS_EXCHANGE_CALIBRATE:
    default:
      return calibrate (task, error);
    }
}

/* --- When it has ended --- */

static bool
has_pair (CsStudy *study)
{
  return cs_study_model_folder (study, 0) != NULL && cs_study_model_folder (study, 1) != NULL;
}

/* A study that has read nothing yet takes over the layer that the crosscoder is for. */
static void
take_layer (const Task *task, CsStudy *study)
{
  const long layer = cs_run_layer (task->run_folder, NULL);
  g_autoptr (GError) error = NULL;

  if (layer >= 0 && existing (task->store) == NULL && cs_study_layer (study) != (size_t) layer
      && !cs_study_set_layer (study, (size_t) layer, &error))
    cs_feedback_error (task->page, &error);
}

/* The run appears, or shows what was attached. A run whose table did not fit is there without it. */
static void
show_run (const Task *task, CsStudy *study)
{
  CsRun *run = cs_study_find_run (study, task->run_name);
  g_autoptr (GError) error = NULL;

  if (run != NULL)
    {
      cs_run_reload (run);
      return;
    }
  if (!cs_run_is_imported (task->run_folder))
    return;
  if (!cs_study_adopt_run (study, task->run_name, &error))
    {
      cs_feedback_error (task->page, &error);
      return;
    }
  take_layer (task, study);
  if (has_pair (study))
    gtk_widget_activate_action (task->page, "win.show-latent", "(su)", task->run_name, 0u);
  else
    gtk_widget_activate_action (task->page, "win.show-page", "s", "pair");
}

/* The store's layer is the study's. */
static void
show_store (const Task *task, CsStudy *study)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_study_open_store (study, &error);

  if (store == NULL || !cs_study_set_layer (study, cs_store_info (store)->layer, &error))
    cs_feedback_error (task->page, &error);
  g_signal_emit_by_name (study, "changed");
}

static char *
describe_end (const Task *task)
{
  if (task->notes != NULL && task->notes[0] != NULL)
    return g_strjoinv (" ", task->notes);
  if (task->kind == CS_EXCHANGE_IMPORT)
    return g_strdup_printf (_ ("%s was imported"), task->run_name);
  if (task->kind == CS_EXCHANGE_IMPORT_CACHES)
    return g_strdup (_ ("The activations were imported"));
  return g_strdup_printf (_ ("%s was saved"), task->path);
}

static void
job_changed_cb (CsJob *job, Task *task)
{
  CsStudy *study = task->page != NULL ? cs_page_study (CS_PAGE (task->page)) : NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  bool ok;

  if (cs_job_is_active (job) || study == NULL || task->ended)
    return;
  task->ended = true;
  ok = cs_job_wait (job, &error);
  if (task->kind == CS_EXCHANGE_IMPORT || task->kind == CS_EXCHANGE_ATTACH || task->kind == CS_EXCHANGE_CALIBRATE)
    show_run (task, study);
  if (!ok)
    {
      if (cs_job_state (job) == CS_JOB_FAILED)
        cs_feedback_error (task->page, &error);
      return;
    }
  if (task->kind == CS_EXCHANGE_IMPORT_CACHES)
    show_store (task, study);
  text = describe_end (task);
  cs_feedback_toast (task->page, text);
}

/* --- Beginning --- */

static char *
beside (const char *path, const char *name)
{
  g_autofree char *folder =
    g_file_test (path, G_FILE_TEST_IS_DIR) ? g_strdup (path) : g_path_get_dirname (path);
  g_autofree char *found = g_build_filename (folder, name, NULL);

  return g_file_test (found, G_FILE_TEST_IS_REGULAR) ? g_steal_pointer (&found) : NULL;
}

/* A free name like the folder's that the crosscoder lies in. */
static char *
new_name (CsStudy *study, const char *path)
{
  g_autofree char *folder =
    g_file_test (path, G_FILE_TEST_IS_DIR) ? g_strdup (path) : g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (folder), *wish = g_utf8_make_valid (base, -1);

  g_strdelimit (wish, "/\\", '-');
  if (*wish == '.' || *wish == '\0' || strlen (wish) > 120)
    {
      g_free (wish);
      wish = g_strdup ("imported");
    }
  for (unsigned i = 1;; i++)
    {
      g_autofree char *name = i == 1 ? g_strdup (wish) : g_strdup_printf ("%s-%u", wish, i);
      g_autofree char *run = g_build_filename (cs_study_folder (study), "runs", name, NULL);
      g_autofree char *trash = g_build_filename (cs_study_folder (study), "trash", name, NULL);

      if (!g_file_test (run, G_FILE_TEST_EXISTS) && !g_file_test (trash, G_FILE_TEST_EXISTS)
          && cs_study_find_run (study, name) == NULL)
        return g_steal_pointer (&name);
    }
}

static char *
title_of (const Task *task)
{
  switch (task->kind)
    {
    case CS_EXCHANGE_IMPORT:
      return g_strdup_printf (_ ("Import %s"), task->run_name);
    case CS_EXCHANGE_ATTACH:
      return g_strdup_printf (_ ("Attach to %s"), task->run_name);
    case CS_EXCHANGE_IMPORT_CACHES:
      return g_strdup (_ ("Import activations"));
    case CS_EXCHANGE_EXPORT_STORE:
      return g_strdup (_ ("Export activations"));
    case CS_EXCHANGE_CALIBRATE:
      return g_strdup_printf (_ ("Calibrate %s"), task->run_name);
    default:
      return g_strdup_printf (_ ("Export %s"), task->run_name);
    }
}

static Task *
task_new (CsStudy *study, const CsExchange *exchange)
{
  Task *task = g_new0 (Task, 1);

  task->kind = exchange->kind;
  task->path = g_strdup (exchange->path);
  task->second = g_strdup (exchange->second);
  task->latent = exchange->latent;
  task->model = exchange->model == 0 ? 0 : 1;
  task->store = cs_study_store_path (study);
  task->study_layer = cs_study_layer (study) <= 100000 ? (long) cs_study_layer (study) : -1;
  task->labels = beside (cs_study_folder (study), "labels.json");
  for (int m = 0; m < 2; m++)
    task->models[m] = g_strdup (cs_study_model_folder (study, m));
  return task;
}

static bool
find_run (Task *task, CsStudy *study, const CsExchange *exchange)
{
  CsRun *run = exchange->run_name != NULL ? cs_study_find_run (study, exchange->run_name) : NULL;

  if (task->kind == CS_EXCHANGE_IMPORT)
    {
      task->run_name = new_name (study, task->path);
      task->run_folder = g_build_filename (cs_study_folder (study), "runs", task->run_name, NULL);
      task->table = beside (task->path, "feature_df.csv");
      task->examples = beside (task->path, "examples.db");
      return true;
    }
  if (task->kind == CS_EXCHANGE_IMPORT_CACHES || task->kind == CS_EXCHANGE_EXPORT_STORE)
    return true;
  if (run == NULL)
    return false;
  task->run_name = g_strdup (exchange->run_name);
  task->run_folder = g_strdup (cs_run_folder (run));
  return true;
}

void
cs_exchange_start (CsPage *page, const CsExchange *exchange)
{
  CsStudy *study = cs_page_study (page);
  g_autoptr (CsJob) job = NULL;
  g_autofree char *title = NULL;
  Task *task;

  if (study == NULL)
    return;
  task = task_new (study, exchange);
  if (!find_run (task, study, exchange))
    {
      task_free (task);
      return;
    }
  title = title_of (task);
  job = cs_job_new (title, task_func, task, NULL);
  g_set_weak_pointer (&task->page, GTK_WIDGET (page));
  /* The job's closure owns the task: it outlives the function that runs it. */
  g_signal_connect_data (job, "changed", G_CALLBACK (job_changed_cb), task, task_closure_free, 0);
  cs_study_add_job (study, job, false);
}
