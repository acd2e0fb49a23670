#include "file-replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "errors.h"

enum { MAX_NAME_ATTEMPTS = 100 };

struct CsFileReplace {
  char   *path;       /* what is replaced; where the name is a link, the file that it leads to */
  char   *temporary;  /* NULL once renamed or removed */
  FILE   *stream;     /* NULL once closed */
  GError *error;      /* the first one */
};

static void
set_system_error (GError **error, const char *path, int code)
{
  const char *advice = "check the folder and its permissions";

  if (code == ENOSPC || code == EDQUOT || code == EFBIG)
    advice = "free some space and try again, the old file is untouched";
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be written (%s): %s", path,
               g_strerror (code), advice);
}

char *
cs_file_replace_temporary_name (const char *path)
{
  static gint counter;

  return g_strdup_printf ("%s.%d-%d.tmp", path, (int) getpid (), g_atomic_int_add (&counter, 1));
}

static char *
follow_links (const char *path)
{
  char *resolved = realpath (path, NULL);
  char *copy = g_strdup (resolved != NULL ? resolved : path);

  free (resolved);
  return copy;
}

/* A file that replaces another keeps that one's permissions. */
static void
copy_mode (int fd, const char *path)
{
  struct stat info;

  if (stat (path, &info) == 0 && fchmod (fd, info.st_mode & 0777) != 0)
    g_debug ("%s: permissions not kept: %s", path, g_strerror (errno));
}

static int
open_temporary (CsFileReplace *file)
{
  for (int i = 0; i < MAX_NAME_ATTEMPTS; i++)
    {
      g_autofree char *name = cs_file_replace_temporary_name (file->path);
      int fd = open (name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

      if (fd >= 0)
        file->temporary = g_steal_pointer (&name);
      if (fd >= 0 || errno != EEXIST)
        return fd;
    }
  errno = EEXIST;
  return -1;
}

CsFileReplace *
cs_file_replace_new (const char *path, GError **error)
{
  g_autoptr (CsFileReplace) file = g_new0 (CsFileReplace, 1);
  int fd;

  file->path = follow_links (path);
  if (g_file_test (file->path, G_FILE_TEST_IS_DIR))
    {
      set_system_error (error, path, EISDIR);
      return NULL;
    }
  fd = open_temporary (file);
  if (fd < 0)
    {
      set_system_error (error, path, errno);
      return NULL;
    }
  copy_mode (fd, file->path);
  file->stream = fdopen (fd, "wb");
  g_assert (file->stream != NULL);
  return g_steal_pointer (&file);
}

static bool
fail (CsFileReplace *file, int code, GError **error)
{
  if (file->error == NULL)
    set_system_error (&file->error, file->path, code);
  g_propagate_error (error, g_error_copy (file->error));
  return false;
}

bool
cs_file_replace_write (CsFileReplace *file, const void *data, size_t size, GError **error)
{
  g_assert (file->stream != NULL);
  if (file->error != NULL)
    return fail (file, 0, error);
  if (size > 0 && fwrite (data, 1, size, file->stream) != size)
    return fail (file, errno, error);
  return true;
}

/* The name in the folder survives a crash only once the folder itself is on the disk. File systems
 * that cannot do that say so, and then there is nothing more to do. */
static void
sync_folder (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  int fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    return;
  if (fsync (fd) != 0)
    g_debug ("%s: not synchronised: %s", folder, g_strerror (errno));
  close (fd);
}

static int
close_stream (CsFileReplace *file)
{
  FILE *stream = g_steal_pointer (&file->stream);
  int code = 0;

  if (fflush (stream) != 0 || fsync (fileno (stream)) != 0)
    code = errno;
  if (fclose (stream) != 0 && code == 0)
    code = errno;
  return code;
}

bool
cs_file_replace_commit (CsFileReplace *file, GError **error)
{
  int code;

  g_assert (file->stream != NULL);
  if (file->error != NULL)
    return fail (file, 0, error);
  code = close_stream (file);
  if (code == 0 && rename (file->temporary, file->path) != 0)
    code = errno;
  if (code != 0)
    return fail (file, code, error);

  g_clear_pointer (&file->temporary, g_free);
  sync_folder (file->path);
  return true;
}

void
cs_file_replace_free (CsFileReplace *file)
{
  if (file == NULL)
    return;
  if (file->stream != NULL)
    fclose (file->stream);
  if (file->temporary != NULL)
    unlink (file->temporary);
  g_free (file->temporary);
  g_free (file->path);
  g_clear_error (&file->error);
  g_free (file);
}

bool
cs_file_replace_contents (const char *path, const void *data, size_t size, GError **error)
{
  g_autoptr (CsFileReplace) file = cs_file_replace_new (path, error);

  return file != NULL && cs_file_replace_write (file, data, size, error) &&
         cs_file_replace_commit (file, error);
}

static int
sync_file (const char *path)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  int code = 0;

  if (fd < 0)
    return errno;
  if (fsync (fd) != 0)
    code = errno;
  close (fd);
  return code;
}

bool
cs_file_replace_adopt (const char *temporary, const char *path, GError **error)
{
  g_autofree char *target = follow_links (path);
  int code = sync_file (temporary);

  if (code == 0 && rename (temporary, target) != 0)
    code = errno;
  if (code != 0)
    {
      set_system_error (error, path, code);
      unlink (temporary);
      return false;
    }
  sync_folder (target);
  return true;
}
