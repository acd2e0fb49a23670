/* The runs of a study: one folder each under STUDY/runs. */
#include <glib/gstdio.h>

#include "errors.h"
#include "study-private.h"

char *
cs_study_run_folder (CsStudy *study, const char *run_name)
{
  return g_build_filename (study->folder, "runs", run_name, NULL);
}

static int
compare_runs (const void *a, const void *b, void *data)
{
  return g_strcmp0 (cs_run_name (CS_RUN ((void *) (uintptr_t) a)), cs_run_name (CS_RUN ((void *) (uintptr_t) b)));
}

void
cs_study_add_run (CsStudy *study, CsRun *run)
{
  g_list_store_insert_sorted (study->runs, run, compare_runs, NULL);
}

void
cs_study_load_runs (CsStudy *study)
{
  g_autofree char *folder = g_build_filename (study->folder, "runs", NULL);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = cs_study_run_folder (study, name);
      g_autofree char *config = g_build_filename (path, "config.json", NULL);
      g_autoptr (CsRun) run = NULL;

      if (!g_file_test (config, G_FILE_TEST_EXISTS))
        continue;
      run = cs_run_new (path);
      cs_study_add_run (study, run);
    }
}

bool
cs_study_adopt_run (CsStudy *study, const char *name, GError **error)
{
  g_autofree char *folder = cs_study_run_folder (study, name), *config = g_build_filename (folder, "config.json", NULL);
  g_autoptr (CsRun) run = NULL;

  g_return_val_if_fail (CS_IS_STUDY (study), false);
  if (cs_study_find_run (study, name) != NULL || !g_file_test (config, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s holds no run, or one that is listed already.", folder);
      return false;
    }
  run = cs_run_new (folder);
  cs_study_add_run (study, run);
  return true;
}

GListModel *
cs_study_runs (CsStudy *study)
{
  g_return_val_if_fail (CS_IS_STUDY (study), NULL);
  return G_LIST_MODEL (study->runs);
}

CsRun *
cs_study_find_run (CsStudy *study, const char *name)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (study->runs));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (CsRun) run = g_list_model_get_item (G_LIST_MODEL (study->runs), i);
      if (g_str_equal (cs_run_name (run), name))
        return run; /* the list keeps it alive */
    }
  return NULL;
}

static char *
trash_folder (CsStudy *study, const char *run_name)
{
  return g_build_filename (study->folder, "trash", run_name, NULL);
}

char *
cs_study_new_run_name (CsStudy *study, CsVariant variant)
{
  for (unsigned i = 1;; i++)
    {
      g_autofree char *name = g_strdup_printf ("%s-%u", cs_variant_name (variant), i);
      g_autofree char *folder = cs_study_run_folder (study, name), *removed = trash_folder (study, name);

      /* Nor that of a removed run, which may come back and whose labels are kept. */
      if (!g_file_test (folder, G_FILE_TEST_EXISTS) && !g_file_test (removed, G_FILE_TEST_EXISTS) &&
          cs_study_find_run (study, name) == NULL)
        return g_steal_pointer (&name);
    }
}

/* Moves a folder; what stands at the target gives way under another name, so that nothing is lost. */
static bool
move_folder (const char *from, const char *to, GError **error)
{
  g_autofree char *parent = g_path_get_dirname (to);

  if (g_mkdir_with_parents (parent, 0777) != 0 && errno != EEXIST)
    goto failed;
  for (unsigned i = 1; g_file_test (to, G_FILE_TEST_EXISTS); i++)
    {
      g_autofree char *aside = g_strdup_printf ("%s.%u", to, i);
      if (!g_file_test (aside, G_FILE_TEST_EXISTS) && g_rename (to, aside) != 0)
        goto failed;
    }
  if (g_rename (from, to) == 0)
    return true;
failed:
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be moved to %s: %s.", from, to, g_strerror (errno));
  return false;
}

bool
cs_study_remove_run (CsStudy *study, CsRun *run, GError **error)
{
  g_autofree char *target = NULL;
  guint position;

  g_return_val_if_fail (CS_IS_STUDY (study) && CS_IS_RUN (run), false);
  if (cs_run_job (run) != NULL && cs_job_is_active (cs_run_job (run)))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "The run %s is at work: stop it before you remove it.",
                   cs_run_name (run));
      return false;
    }
  target = trash_folder (study, cs_run_name (run));
  /* A run that failed before it wrote anything has no folder. */
  if (g_file_test (cs_run_folder (run), G_FILE_TEST_EXISTS) && !move_folder (cs_run_folder (run), target, error))
    return false;
  if (g_list_store_find (study->runs, run, &position))
    g_list_store_remove (study->runs, position);
  return true;
}

bool
cs_study_restore_run (CsStudy *study, const char *name, GError **error)
{
  g_autofree char *from = NULL, *to = NULL;
  g_autoptr (CsRun) run = NULL;

  g_return_val_if_fail (CS_IS_STUDY (study), false);
  from = trash_folder (study, name);
  to = cs_study_run_folder (study, name);
  if (g_file_test (to, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "There is a run named %s already.", name);
      return false;
    }
  if (!move_folder (from, to, error))
    return false;
  run = cs_run_new (to);
  cs_study_add_run (study, run);
  return true;
}
