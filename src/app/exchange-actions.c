#include "exchange-actions.h"

#include <glib/gi18n.h>

#include "dialogs.h"
#include "feedback.h"
#include "latents-exchange.h"

typedef enum
{
  TASK_IMPORT,
  TASK_ATTACH_TABLE,
  TASK_ATTACH_EXAMPLES,
  TASK_HUB,
  TASK_CSV,
  TASK_NEURONPEDIA,
} TaskKind;

/* What a job does, on its thread, and what the main thread needs when it has ended. */
typedef struct
{
  TaskKind kind;
  char *path;               /* to read, or to write */
  char *run_name, *run_folder;
  char *table, *examples;   /* beside an imported crosscoder, or NULL */
  char *chat_folder, *store, *labels;
  long layer;
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
  g_free (task->run_name);
  g_free (task->run_folder);
  g_free (task->table);
  g_free (task->examples);
  g_free (task->chat_folder);
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

static bool
run_neuronpedia (CsJob *job, const Task *task, GError **error)
{
  g_autofree char *model = task->chat_folder != NULL ? g_path_get_basename (task->chat_folder) : NULL;
  const CsNeuronpediaOptions options = {
    .model_id = model,
    .labels_path = task->labels,
    .tokenizer_folder = task->chat_folder,
    .store_path = task->store,
    .layer = task->layer,
    .latent = -1,
  };

  return cs_latents_export_neuronpedia (job, task->run_folder, &options, task->path, error);
}

static bool
task_func (CsJob *job, void *data, GError **error)
{
  Task *task = data;
  const CsImportOptions plain = CS_IMPORT_DEFAULT;
  char *note = NULL;
  bool ok;

  switch (task->kind)
    {
    case TASK_IMPORT:
      return cs_import_run (job, task->path, task->run_folder, &plain, task->table, task->examples, &task->notes, error);
    case TASK_HUB:
      return cs_crosscoder_export_hub (task->run_folder, task->path, error);
    case TASK_CSV:
      return cs_latents_export_csv (task->run_folder, task->path, error);
    case TASK_NEURONPEDIA:
      return run_neuronpedia (job, task, error);
    case TASK_ATTACH_TABLE:
      ok = cs_latents_attach_table (task->run_folder, task->path, &note, error);
      break;
    case TASK_ATTACH_EXAMPLES:
    default:
      ok = cs_latents_attach_examples (job, task->run_folder, task->path, &note, error);
    }
  if (note != NULL)
    {
      task->notes = g_new0 (char *, 2);
      task->notes[0] = note;
    }
  return ok;
}

/* The run appears, or shows what was attached. A run whose table did not fit is there without it. */
static void
show_run (const Task *task, CsStudy *study)
{
  CsRun *run = cs_study_find_run (study, task->run_name);
  g_autoptr (GError) error = NULL;

  if (run != NULL)
    cs_run_reload (run);
  else if (cs_run_is_imported (task->run_folder) && !cs_study_adopt_run (study, task->run_name, &error))
    cs_feedback_error (task->page, &error);
}

static void
job_changed_cb (CsJob *job, Task *task)
{
  CsStudy *study = task->page != NULL ? cs_page_study (CS_PAGE (task->page)) : NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  if (cs_job_is_active (job) || study == NULL || task->ended)
    return;
  task->ended = true;
  if (task->kind <= TASK_ATTACH_EXAMPLES)
    show_run (task, study);
  if (!cs_job_wait (job, &error))
    {
      if (cs_job_state (job) == CS_JOB_FAILED)
        cs_feedback_error (task->page, &error);
      return;
    }
  text = task->notes != NULL && task->notes[0] != NULL ? g_strjoinv (" ", task->notes)
         : task->kind == TASK_IMPORT ? g_strdup_printf (_ ("%s was imported"), task->run_name)
                                     : g_strdup_printf (_ ("%s was saved"), task->path);
  cs_feedback_toast (task->page, text);
}

/* Takes the task. The job's closure owns it: it outlives the function that runs it. */
static void
start (CsTrainingPage *page, Task *task, const char *title)
{
  g_autoptr (CsJob) job = cs_job_new (title, task_func, task, NULL);

  g_set_weak_pointer (&task->page, GTK_WIDGET (page));
  g_signal_connect_data (job, "changed", G_CALLBACK (job_changed_cb), task, task_closure_free, 0);
  cs_study_add_job (cs_page_study (CS_PAGE (page)), job, false);
}

/* --- In --- */

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

static void
import_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  CsStudy *study = cs_page_study (CS_PAGE (widget));
  g_autofree char *title = NULL;
  Task *task;

  if (path == NULL || study == NULL)
    return;
  task = g_new0 (Task, 1);
  task->kind = TASK_IMPORT;
  task->path = g_strdup (path);
  task->run_name = new_name (study, path);
  task->run_folder = g_build_filename (cs_study_folder (study), "runs", task->run_name, NULL);
  task->table = beside (path, "feature_df.csv");
  task->examples = beside (path, "examples.db");
  title = g_strdup_printf (_ ("Import %s"), task->run_name);
  start (CS_TRAINING_PAGE (widget), task, title);
}

static void
import_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (cs_page_study (page) != NULL)
    cs_compat_choose (page, CS_CHOOSE_FILE, _ ("Import a Crosscoder"), _ ("_Import"), NULL, import_chosen_cb, NULL);
}

static void
import_folder_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  if (cs_page_study (page) != NULL)
    cs_compat_choose (page, CS_CHOOSE_FOLDER, _ ("Import a Crosscoder"), _ ("_Import"), NULL, import_chosen_cb, NULL);
}

/* --- What needs a run; data is its name --- */

static Task *
task_of_run (GtkWidget *widget, TaskKind kind, const char *name, const char *path)
{
  CsStudy *study = cs_page_study (CS_PAGE (widget));
  CsRun *run = study != NULL ? cs_study_find_run (study, name) : NULL;
  Task *task;

  if (run == NULL)
    return NULL;
  task = g_new0 (Task, 1);
  task->kind = kind;
  task->path = g_strdup (path);
  task->run_name = g_strdup (name);
  task->run_folder = g_strdup (cs_run_folder (run));
  return task;
}

static void
attach_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  g_autofree char *name = data, *title = NULL;
  TaskKind kind;
  Task *task;

  if (path == NULL)
    return;
  kind = g_str_has_suffix (path, ".db") || g_str_has_suffix (path, ".sqlite") ? TASK_ATTACH_EXAMPLES : TASK_ATTACH_TABLE;
  task = task_of_run (widget, kind, name, path);
  if (task == NULL)
    return;
  title = g_strdup_printf (_ ("Attach to %s"), name);
  start (CS_TRAINING_PAGE (widget), task, title);
}

static void
attach_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_FILE, _ ("Attach a Table or Examples"), _ ("_Attach"), NULL, attach_chosen_cb,
                    g_strdup (g_variant_get_string (parameter, NULL)));
}

static void
export_to (GtkWidget *widget, TaskKind kind, char *run_name, const char *path)
{
  g_autofree char *name = run_name, *title = NULL, *store = NULL;
  CsStudy *study = cs_page_study (CS_PAGE (widget));
  Task *task = path != NULL ? task_of_run (widget, kind, name, path) : NULL;

  if (task == NULL)
    return;
  task->chat_folder = g_strdup (cs_study_model_folder (study, 1));
  task->labels = beside (cs_study_folder (study), "labels.json");
  task->layer = (long) MIN (cs_study_layer (study), 100000);
  store = cs_study_store_path (study);
  if (g_file_test (store, G_FILE_TEST_EXISTS))
    task->store = g_steal_pointer (&store);
  title = g_strdup_printf (_ ("Export %s"), name);
  start (CS_TRAINING_PAGE (widget), task, title);
}

static void
hub_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  export_to (widget, TASK_HUB, data, path);
}

static void
csv_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  export_to (widget, TASK_CSV, data, path);
}

static void
neuronpedia_chosen_cb (GtkWidget *widget, const char *path, void *data)
{
  export_to (widget, TASK_NEURONPEDIA, data, path);
}

static void
export_hub_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_FOLDER, _ ("Export for dictionary_learning"), _ ("_Export"), NULL, hub_chosen_cb,
                    g_strdup (g_variant_get_string (parameter, NULL)));
}

static void
export_csv_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_SAVE, _ ("Export All Latents"), _ ("_Export"), "feature_df.csv", csv_chosen_cb,
                    g_strdup (g_variant_get_string (parameter, NULL)));
}

static void
export_neuronpedia_action (GSimpleAction *action, GVariant *parameter, void *page)
{
  cs_compat_choose (page, CS_CHOOSE_SAVE, _ ("Export for Neuronpedia"), _ ("_Export"), "neuronpedia.json",
                    neuronpedia_chosen_cb, g_strdup (g_variant_get_string (parameter, NULL)));
}

void
cs_exchange_actions_add (GActionMap *map, CsTrainingPage *page)
{
  static const struct
  {
    const char *name;
    void (*activate) (GSimpleAction *action, GVariant *parameter, void *page);
    bool of_run;
  } entries[] = {
    { "import", import_action, false },
    { "import-folder", import_folder_action, false },
    { "attach", attach_action, true },
    { "export-hub", export_hub_action, true },
    { "export-csv", export_csv_action, true },
    { "export-neuronpedia", export_neuronpedia_action, true },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (entries); i++)
    {
      g_autoptr (GSimpleAction) action =
        g_simple_action_new (entries[i].name, entries[i].of_run ? G_VARIANT_TYPE_STRING : NULL);

      g_signal_connect_object (action, "activate", G_CALLBACK (entries[i].activate), page, 0);
      g_action_map_add_action (map, G_ACTION (action));
    }
}

GMenuModel *
cs_exchange_import_menu (void)
{
  GMenu *menu = g_menu_new ();

  g_menu_append (menu, _ ("Import a Crosscoder _File…"), "training.import");
  g_menu_append (menu, _ ("Import a Crosscoder F_older…"), "training.import-folder");
  return G_MENU_MODEL (menu);
}
