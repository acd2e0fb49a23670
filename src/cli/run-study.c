#include "run-study.h"

#include "json.h"

CsStudy *
cs_cli_study_of_run (const char *run, char **run_name, GError **error)
{
  g_autofree char *whole = g_canonicalize_filename (run, NULL);
  g_autofree char *runs = g_path_get_dirname (whole), *folder = g_path_get_dirname (runs);
  g_autofree char *file = g_build_filename (folder, "study.json", NULL);

  if (run_name != NULL)
    *run_name = g_path_get_basename (whole);
  if (!g_str_has_suffix (runs, G_DIR_SEPARATOR_S "runs") || !g_file_test (file, G_FILE_TEST_EXISTS))
    return NULL;
  return cs_study_open (folder, error);
}

/* As typed, beside the run, or where a study has it, whose folder may have been moved. */
static char *
configured_store (const char *run)
{
  g_autofree char *config_path = g_build_filename (run, "config.json", NULL);
  g_autoptr (json_t) config = cs_json_load (config_path, 0, NULL);
  const char *named = json_string_value (json_object_get (config, "store"));
  g_autofree char *name = NULL, *beside = NULL, *above = NULL;

  if (named == NULL)
    return NULL;
  name = g_path_get_basename (named);
  beside = g_build_filename (run, named, NULL);
  above = g_build_filename (run, "..", "..", name, NULL);
  if (!g_file_test (named, G_FILE_TEST_EXISTS) && !g_path_is_absolute (named) &&
      g_file_test (beside, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&beside);
  if (!g_file_test (named, G_FILE_TEST_EXISTS) && g_file_test (above, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&above);
  return g_strdup (named);
}

char *
cs_cli_store_of_run (const char *run, CsStudy *study, const char *named)
{
  g_autofree char *of_study = study != NULL && named == NULL ? cs_study_store_path (study) : NULL;

  if (named != NULL)
    return g_strdup (named);
  if (of_study != NULL && g_file_test (of_study, G_FILE_TEST_EXISTS))
    return g_steal_pointer (&of_study);
  return configured_store (run);
}
