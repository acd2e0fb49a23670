/* For targets whose subject is a file: one input at a time, at a path of its own that goes at exit. */
#pragma once

#include <stdlib.h>

#include <glib/gstdio.h>

static char *fuzz_folder;

static void
fuzz_remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      fuzz_remove_tree (inner);
    }
  g_remove (path);
}

static void
fuzz_folder_remove (void)
{
  fuzz_remove_tree (fuzz_folder);
  g_clear_pointer (&fuzz_folder, g_free);
}

/* Messages about a bad part of a folder are not what is tested. */
static void
fuzz_ignore (const char *domain, GLogLevelFlags level, const char *message, void *data)
{
}

/* The folder that stays for all inputs; in memory where there is such a place. */
static const char *
fuzz_folder_get (void)
{
  g_autofree char *pattern = NULL;

  if (fuzz_folder != NULL)
    return fuzz_folder;
  pattern = g_build_filename (g_access ("/dev/shm", W_OK) == 0 ? "/dev/shm" : g_get_tmp_dir (), "crosscope-fuzz-XXXXXX", NULL);
  g_log_set_handler (NULL, G_LOG_LEVEL_MESSAGE, fuzz_ignore, NULL);
  fuzz_folder = g_mkdtemp (g_steal_pointer (&pattern));
  g_assert_nonnull (fuzz_folder);
  atexit (fuzz_folder_remove);
  return fuzz_folder;
}

/* The bytes as the file `name` of the folder. */
static inline char *
fuzz_write (const char *name, const void *data, size_t size)
{
  char *path = g_build_filename (fuzz_folder_get (), name, NULL);
  FILE *file = g_fopen (path, "wb"); /* not replaced atomically: that would sync every input */

  g_assert_nonnull (file);
  g_assert_cmpuint (fwrite (data, 1, size, file), ==, size);
  g_assert_cmpint (fclose (file), ==, 0);
  return path;
}
