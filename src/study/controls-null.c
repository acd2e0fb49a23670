/* A store in which both models are the base model. */
#include <string.h>

#include <glib/gstdio.h>

#include "controls-private.h"
#include "errors.h"

#define FLUSH_DOCUMENTS 256

/* A complete copy of what src holds now. */
static bool
is_complete (CsStore *src, const char *path)
{
  g_autoptr (CsStore) dst =
      g_file_test (path, G_FILE_TEST_EXISTS) ? cs_store_open (path, false, NULL) : NULL;

  return dst != NULL && cs_store_is_finished (dst) &&
         cs_store_n_tokens (dst) == cs_store_n_tokens (src) &&
         g_strcmp0 (cs_store_info (dst)->base_hash, cs_store_info (src)->base_hash) == 0 &&
         g_strcmp0 (cs_store_info (dst)->chat_hash, cs_store_info (src)->base_hash) == 0 &&
         cs_store_info (dst)->layer == cs_store_info (src)->layer;
}

static CsStore *
create (CsStore *src, const char *path, GError **error)
{
  CsStoreInfo info = *cs_store_info (src); /* borrowed strings */

  info.chat_model = info.base_model;
  info.chat_hash = info.base_hash;
  g_unlink (path); /* of other models, or unfinished */
  return cs_store_create (path, &info, cs_store_n_tokens (src), cs_store_n_documents (src), error);
}

static bool
copy_document (CsStore *src, CsStore *dst, size_t first, size_t n, GError **error)
{
  const size_t d = cs_store_info (src)->d_model;
  g_autofree float *rows = g_new (float, MAX (n, 1) * 2 * d);
  g_autofree int32_t *ids = g_new (int32_t, MAX (n, 1));
  g_autofree int8_t *corpus = g_new (int8_t, MAX (n, 1));

  if (n == 0)
    return true;
  if (!cs_store_read (src, first, n, rows, error) ||
      !cs_store_read_tokens (src, first, n, ids, NULL, corpus, error))
    return false;
  for (size_t t = 0; t < n; t++)
    memcpy (rows + (2 * t + 1) * d, rows + 2 * t * d, d * sizeof (float));
  return cs_store_append_document (dst, ids, n, corpus[0], rows, error);
}

bool
cs_control_null_store (CsJob *job, const char *src_path, const char *dst_path, GError **error)
{
  g_autoptr (CsStore) src = cs_store_open (src_path, false, error);
  g_autoptr (CsStore) dst = NULL;
  const int64_t *offsets;
  size_t n;

  if (src == NULL)
    return false;
  if (is_complete (src, dst_path))
    return true;
  dst = create (src, dst_path, error);
  if (dst == NULL)
    return false;
  offsets = cs_store_documents (src);
  n = cs_store_n_documents (src);
  for (size_t i = 0; i < n; i++)
    {
      if (!cs_job_checkpoint (job, error) ||
          !copy_document (src, dst, (size_t)offsets[i], (size_t)(offsets[i + 1] - offsets[i]),
                          error) ||
          (i % FLUSH_DOCUMENTS == FLUSH_DOCUMENTS - 1 && !cs_store_flush (dst, error)))
        return false;
      if (job != NULL)
        cs_job_progress (job, (double)offsets[i + 1], (double)offsets[n], "tokens");
    }
  return cs_store_finish (dst, error);
}
