#include "corpus-count.h"

#include <string.h>

#include <glib/gstdio.h>

#include "corpus-lines.h"

#define MAX_COUNTED ((guint64)64 << 20) /* bytes of a file that are read */

bool
cs_corpus_count_documents (const char *path,
                           GCancellable *cancellable,
                           double *n_documents,
                           bool *estimated,
                           GError **error)
{
  const bool plain = g_str_has_suffix (path, ".txt");
  g_autoptr (CsLines) lines = cs_lines_open (path, error);
  g_autoptr (GError) local = NULL;
  GStatBuf status = { 0 };
  guint64 seen = 0;
  double n = 0;
  bool inside = false;
  const char *line;
  size_t size;

  if (lines == NULL)
    return false;
  while (seen < MAX_COUNTED && !g_cancellable_is_cancelled (cancellable) &&
         (line = cs_lines_next (lines, &size, &local)) != NULL)
    {
      bool blank = strspn (line, " \t\r") == size;

      seen += size + 1;
      n += !blank && !(plain && inside);
      inside = !blank;
    }
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return false;
    }
  *estimated = seen >= MAX_COUNTED;
  if (*estimated && g_stat (path, &status) == 0 && (guint64)status.st_size > seen)
    n *= (double)status.st_size / (double)seen;
  *n_documents = n;
  return true;
}
