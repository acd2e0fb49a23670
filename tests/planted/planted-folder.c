#include "planted-folder.h"

#include <glib/gstdio.h>

char *
planted_folder_new (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("crosscope-planted-XXXXXX", &error);

  g_assert_no_error (error);
  return folder;
}

char *
planted_path (const char *folder, const char *name)
{
  return g_build_filename (folder, name, NULL);
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);

      if (g_file_test (inner, G_FILE_TEST_IS_DIR))
        remove_tree (inner);
      else
        g_unlink (inner);
    }
  g_rmdir (path);
}

void
planted_folder_remove (char *folder)
{
  remove_tree (folder);
  g_free (folder);
}
