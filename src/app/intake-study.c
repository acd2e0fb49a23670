#include "intake-study.h"

#include "application.h"
#include "json.h"

static char *
studies_folder (void)
{
  return g_build_filename (g_get_user_data_dir (), "crosscope", "studies", NULL);
}

/* Whether STUDY/runs/NAME was imported from path. */
static bool
run_is_of (const char *run_folder, const char *path)
{
  g_autofree char *file = g_build_filename (run_folder, "config.json", NULL);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL), *valid = g_utf8_make_valid (absolute, -1);
  g_autoptr (json_t) config = g_file_test (file, G_FILE_TEST_EXISTS) ? cs_json_load (file, 1 << 20, NULL) : NULL;
  json_t *imported = json_object_get (config, "imported");

  return g_strcmp0 (json_string_value (json_object_get (imported, "from")), valid) == 0;
}

static bool
study_is_of (const char *study_folder, const char *path)
{
  g_autofree char *runs = g_build_filename (study_folder, "runs", NULL);
  g_autofree char *study = g_build_filename (study_folder, "study.json", NULL);
  g_autoptr (GDir) dir = g_file_test (study, G_FILE_TEST_EXISTS) ? g_dir_open (runs, 0, NULL) : NULL;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *run = g_build_filename (runs, name, NULL);

      if (run_is_of (run, path))
        return true;
    }
  return false;
}

bool
cs_intake_holds (CsStudy *study, const char *path)
{
  return study != NULL && study_is_of (cs_study_folder (study), path);
}

/* Among the recent studies and those made here; NULL for none. */
static char *
study_of (CsApplication *application, const char *path)
{
  g_auto (GStrv) recent = cs_application_recent_studies (application);
  g_autofree char *folder = studies_folder ();
  g_autoptr (GDir) dir = NULL;
  const char *name;

  for (char **study = recent; *study != NULL; study++)
    if (study_is_of (*study, path))
      return g_strdup (*study);
  dir = g_dir_open (folder, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *study = g_build_filename (folder, name, NULL);

      if (study_is_of (study, path))
        return g_steal_pointer (&study);
    }
  return NULL;
}

/* Called after the folder, or the file's folder. */
static char *
new_study (const char *path, GError **error)
{
  g_autofree char *folder = studies_folder ();
  g_autofree char *named = g_file_test (path, G_FILE_TEST_IS_DIR) ? g_strdup (path) : g_path_get_dirname (path);
  g_autofree char *base = g_path_get_basename (named), *title = g_utf8_make_valid (base, -1);
  g_autofree char *free_folder = NULL;
  g_autoptr (CsStudy) study = NULL;

  if (*title == '.' || strlen (title) > 120)
    {
      g_free (title);
      title = g_strdup ("study");
    }
  for (unsigned i = 1; free_folder == NULL; i++)
    {
      g_autofree char *name = i == 1 ? g_strdup (title) : g_strdup_printf ("%s-%u", title, i);
      g_autofree char *wish = g_build_filename (folder, name, NULL);

      if (!g_file_test (wish, G_FILE_TEST_EXISTS))
        free_folder = g_steal_pointer (&wish);
    }
  g_mkdir_with_parents (folder, 0777);
  study = cs_study_create (free_folder, title, error);
  return study != NULL ? g_steal_pointer (&free_folder) : NULL;
}

bool
cs_intake_open_study (CsWindow *window, const char *path, bool crosscoder, GError **error)
{
  CsApplication *application = CS_APPLICATION (g_application_get_default ());
  g_autofree char *folder = crosscoder ? study_of (application, path) : NULL;

  if (folder == NULL)
    folder = new_study (path, error);
  if (folder == NULL)
    return false;
  cs_application_open_study (application, folder);
  return true;
}
