#include "store-private.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"

static bool
check_writable (CsStore *store, GError **error)
{
  cs_h5_quiet ();
  if (store->writable && !store->failed)
    return true;
  g_set_error (error, CS_ERROR, store->failed ? CS_ERROR_IO : CS_ERROR_USAGE,
               store->failed ? "%s could not be written before; open it again to go on."
                             : "%s was opened for reading only.",
               store->path);
  return false;
}

/* One plain write; a failure leaves what was complete as it is. */
static bool
write_column (CsStore *store,
              hid_t dataset,
              hid_t type,
              size_t first,
              size_t n,
              const void *data,
              GError **error)
{
  union
  {
    const void *read;
    void *write;
  } buffer = { .read = data };

  if (cs_h5_transfer (dataset, type, true, first, n, buffer.write))
    return true;
  store->failed = true;
  cs_h5_set_io_error (error, store->path, "cannot be written");
  return false;
}

static bool
not_finite (CsStore *store, const float *rows, size_t bad, size_t token, GError **error)
{
  if (cs_store_find_not_finite (CS_DTYPE_F32, rows + bad, 1) == 0)
    g_set_error (error, CS_ERROR, CS_ERROR_NUMERIC,
                 "%s: the activations of token %zu of document %zu are not finite numbers.",
                 store->path, token, store->appended_documents);
  else
    g_set_error (error, CS_ERROR, CS_ERROR_NUMERIC,
                 "%s: the activations of token %zu of document %zu are too large for float16; use "
                 "a float32 store.",
                 store->path, token, store->appended_documents);
  return false;
}

/* Into the scratch space, in the store's type. */
static bool
narrow_rows (CsStore *store, const float *rows, size_t n, GError **error)
{
  size_t width = 2 * store->info.d_model;
  size_t bad;

  cs_store_need_scratch (store, n);
  cs_narrow (store->info.dtype, rows, store->scratch, n * width);
  bad = cs_store_find_not_finite (store->info.dtype, store->scratch, n * width);
  return bad == n * width || not_finite (store, rows, bad, bad / width, error);
}

/* The moments are those of the stored numbers, which float16 has rounded. */
static void
add_moments (CsStore *store, size_t n)
{
  size_t width = 2 * store->info.d_model;

  if (store->info.dtype == CS_DTYPE_F32)
    {
      cs_moments_add (&store->moments, (const float *)(const void *)store->scratch, n);
      return;
    }
  if (store->row == NULL)
    store->row = g_new (float, width);
  for (size_t i = 0; i < n; i++)
    {
      cs_widen (store->info.dtype, store->scratch + i * cs_store_row_bytes (store), store->row,
                width);
      cs_moments_add (&store->moments, store->row, 1);
    }
}

static bool
make_room (CsStore *store, size_t n, GError **error)
{
  size_t tokens = store->planned_tokens;
  size_t documents = store->planned_documents;

  if (n > tokens - store->appended_tokens)
    tokens = MAX (store->appended_tokens + n, tokens + tokens / 2);
  if (store->appended_documents == documents)
    documents += MAX (documents / 2, 64);
  if (tokens == store->planned_tokens && documents == store->planned_documents)
    return true;
  return cs_store_resize (store, tokens, documents, error);
}

static bool
write_document (CsStore *store, const int32_t *ids, size_t n, int corpus, GError **error)
{
  size_t first = store->appended_tokens;
  g_autofree int32_t *positions = g_new (int32_t, n);
  g_autofree int8_t *corpora = g_new (int8_t, n);
  int64_t end = (int64_t)(first + n);

  for (size_t i = 0; i < n; i++)
    {
      positions[i] = (int32_t)i;
      corpora[i] = (int8_t)corpus;
    }
  return write_column (store, store->columns[CS_STORE_ACTIVATIONS], store->element, first, n,
                       store->scratch, error) &&
         write_column (store, store->columns[CS_STORE_TOKEN_IDS], H5T_NATIVE_INT32, first, n, ids,
                       error) &&
         write_column (store, store->columns[CS_STORE_POSITION], H5T_NATIVE_INT32, first, n,
                       positions, error) &&
         write_column (store, store->columns[CS_STORE_CORPUS], H5T_NATIVE_INT8, first, n, corpora,
                       error) &&
         write_column (store, store->documents, H5T_NATIVE_INT64, store->appended_documents + 1, 1,
                       &end, error);
}

bool
cs_store_append_document (CsStore *store,
                          const int32_t *ids,
                          size_t n,
                          int corpus,
                          const float *rows,
                          GError **error)
{
  int64_t end;

  if (!check_writable (store, error))
    return false;
  if (n < 1 || n > INT32_MAX || corpus < 0 || corpus >= (int)g_strv_length (store->info.corpora))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "%s: a document has at least one token and belongs to a corpus of the store.",
                   store->path);
      return false;
    }
  if (!cs_store_catch_up (store, error) || !narrow_rows (store, rows, n, error) ||
      !make_room (store, n, error) || !write_document (store, ids, n, corpus, error))
    return false;
  add_moments (store, n);
  store->appended_tokens += n;
  store->appended_documents++;
  end = (int64_t)store->appended_tokens;
  g_array_append_val (store->offsets, end);
  return true;
}

bool
cs_store_write_moments (CsStore *store, GError **error)
{
  g_autofree double *std = g_new (double, store->moments.n_dims);

  cs_moments_std (&store->moments, std);
  return write_column (store, store->mean, H5T_NATIVE_DOUBLE, 0, 2, store->moments.mean, error) &&
         write_column (store, store->std, H5T_NATIVE_DOUBLE, 0, 2, std, error);
}

/* All the way to the disk. */
static bool
sync_file (CsStore *store, GError **error)
{
  void *handle = NULL;

  errno = 0;
  if (H5Fflush (store->file, H5F_SCOPE_GLOBAL) >= 0 &&
      H5Fget_vfd_handle (store->file, H5P_DEFAULT, &handle) >= 0 && handle != NULL &&
      fsync (*(int *)handle) == 0)
    return true;
  store->failed = true;
  cs_h5_set_io_error (error, store->path, "cannot be written");
  return false;
}

bool
cs_store_flush (CsStore *store, GError **error)
{
  int64_t complete = (int64_t)store->appended_tokens;

  if (!check_writable (store, error))
    return false;
  if (store->appended_tokens == store->n_tokens)
    return true;
  if (!cs_store_catch_up (store, error) || !cs_store_write_moments (store, error) ||
      !sync_file (store, error))
    return false;
  if (H5Awrite (store->complete, H5T_NATIVE_INT64, &complete) < 0)
    {
      store->failed = true;
      cs_h5_set_io_error (error, store->path, "its progress cannot be written");
      return false;
    }
  if (!sync_file (store, error))
    return false;
  store->n_tokens = store->appended_tokens;
  store->n_documents = store->appended_documents;
  return true;
}

bool
cs_store_finish (CsStore *store, GError **error)
{
  if (!cs_store_flush (store, error))
    return false;
  if (cs_store_is_finished (store))
    return true;
  return cs_store_catch_up (store, error) && cs_store_write_moments (store, error) &&
         cs_store_resize (store, store->n_tokens, store->n_documents, error);
}
