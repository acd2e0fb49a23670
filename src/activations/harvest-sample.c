#include "harvest-sample.h"

#include <glib/gstdio.h>

char *
cs_existing_folder (const char *path)
{
  g_autofree char *whole = g_canonicalize_filename (path, NULL);
  char *folder = g_path_get_dirname (whole);

  while (!g_file_test (folder, G_FILE_TEST_IS_DIR) && g_strcmp0 (folder, "/") != 0)
    {
      char *up = g_path_get_dirname (folder);

      g_free (folder);
      folder = up;
    }
  return folder;
}

static void
remove_files (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *file = g_build_filename (folder, name, NULL);

      g_unlink (file);
    }
  g_rmdir (folder);
}

CsHarvestSample *
cs_harvest_sample_new (const char *out, const CsStoreInfo *info, size_t tokens)
{
  g_autofree char *beside = cs_existing_folder (out);
  g_autofree char *folder = g_build_filename (beside, ".crosscope-sample-XXXXXX", NULL);
  g_autoptr (CsHarvestSample) sample = g_new0 (CsHarvestSample, 1);

  if (g_mkdtemp (folder) == NULL)
    return NULL;
  sample->path = g_build_filename (folder, "sample.h5", NULL);
  sample->store = cs_store_create (sample->path, info, MAX (tokens, 1), MAX (tokens / 64, 16), NULL);
  return sample->store != NULL ? g_steal_pointer (&sample) : NULL;
}

bool
cs_harvest_sample_finish (CsHarvestSample *sample, GError **error)
{
  bool ok = cs_store_finish (sample->store, error);

  g_clear_pointer (&sample->store, cs_store_free);
  return ok;
}

void
cs_harvest_sample_free (CsHarvestSample *sample)
{
  if (sample == NULL)
    return;
  g_clear_pointer (&sample->store, cs_store_free);
  if (sample->path != NULL) /* there is a folder */
    remove_files (sample->path);
  g_free (sample->path);
  g_free (sample);
}
