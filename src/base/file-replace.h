/* Files are replaced whole: write to a temporary name in the same folder, fsync, rename, fsync the folder. On
 * any failure (disk full included) the old file stays as it was and the temporary one is removed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib-object.h>

typedef struct CsFileReplace CsFileReplace;

CsFileReplace *cs_file_replace_new (const char *path, GError **error);
/* Errors are remembered: a later commit fails with the first one. */
bool cs_file_replace_write (CsFileReplace *file, const void *data, size_t size, GError **error);
bool cs_file_replace_commit (CsFileReplace *file, GError **error);
/* Without a commit, leaves the old file and removes the temporary one. */
void cs_file_replace_free (CsFileReplace *file);

bool cs_file_replace_contents (const char *path, const void *data, size_t size, GError **error);

/* The temporary name that a library which writes by itself (HDF5) should use for path; free with g_free().
 * cs_file_replace_adopt() fsyncs and renames it over path, or on failure removes it. */
char *cs_file_replace_temporary_name (const char *path);
bool cs_file_replace_adopt (const char *temporary, const char *path, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsFileReplace, cs_file_replace_free)
