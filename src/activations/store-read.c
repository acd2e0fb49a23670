#include "store-private.h"

#include <math.h>
#include <string.h>

#include "errors.h"

/* Tokens read at once where a whole store is gone through. */
#define READ_BLOCK 1024

static bool
check_range (CsStore *store, size_t first, size_t n, GError **error)
{
  if (first <= store->appended_tokens && n <= store->appended_tokens - first)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s has %zu complete tokens, none at %zu.",
               store->path, store->n_tokens, first + (n > 0 ? n - 1 : 0));
  return false;
}

static bool
read_error (CsStore *store, const char *name, GError **error)
{
  g_autofree char *what = g_strdup_printf ("“%s” cannot be read, the file is damaged", name);

  cs_h5_set_io_error (error, store->path, what);
  return false;
}

/* An exponent of ones is an infinity or a NaN. */
static size_t
find_half (const uint16_t *values, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if ((values[i] & 0x7c00) == 0x7c00)
      return i;
  return n;
}

static size_t
find_single (const uint32_t *values, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if ((values[i] & 0x7f800000) == 0x7f800000)
      return i;
  return n;
}

static bool
any_half (const uint16_t *values, size_t n)
{
  unsigned bad = 0;

  for (size_t i = 0; i < n; i++)
    bad |= (values[i] & 0x7c00) == 0x7c00;
  return bad != 0;
}

static bool
any_single (const uint32_t *values, size_t n)
{
  unsigned bad = 0;

  for (size_t i = 0; i < n; i++)
    bad |= (values[i] & 0x7f800000) == 0x7f800000;
  return bad != 0;
}

size_t
cs_store_find_not_finite (CsDtype dtype, const void *values, size_t n)
{
  if (dtype == CS_DTYPE_F16)
    return any_half (values, n) ? find_half (values, n) : n;
  return any_single (values, n) ? find_single (values, n) : n;
}

bool
cs_store_read_raw (CsStore *store, size_t first, size_t n, void *dst, GError **error)
{
  size_t n_values, bad;

  cs_h5_quiet ();
  if (!check_range (store, first, n, error))
    return false;
  if (n == 0)
    return true;
  if (!cs_h5_transfer (store->columns[CS_STORE_ACTIVATIONS], store->element, false, first, n, dst))
    return read_error (store, "activations", error);
  n_values = n * 2 * store->info.d_model;
  bad = cs_store_find_not_finite (store->info.dtype, dst, n_values);
  if (bad == n_values)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "%s: token %zu holds a number that is not finite; make the store again.",
               store->path, first + bad / (2 * store->info.d_model));
  return false;
}

void
cs_store_need_scratch (CsStore *store, size_t rows)
{
  size_t size = rows * cs_store_row_bytes (store);

  if (size <= store->scratch_size)
    return;
  g_free (store->scratch);
  store->scratch = g_malloc (size);
  store->scratch_size = size;
}

bool
cs_store_read (CsStore *store, size_t first, size_t n, float *rows, GError **error)
{
  size_t width = 2 * store->info.d_model;

  if (store->info.dtype == CS_DTYPE_F32)
    return cs_store_read_raw (store, first, n, rows, error);
  if (!check_range (store, first, n, error))
    return false;
  cs_store_need_scratch (store, MIN (n, READ_BLOCK));
  for (size_t done = 0; done < n; done += READ_BLOCK)
    {
      size_t m = MIN (READ_BLOCK, n - done);

      if (!cs_store_read_raw (store, first + done, m, store->scratch, error))
        return false;
      cs_widen (store->info.dtype, store->scratch, rows + done * width, m * width);
    }
  return true;
}

static bool
value_error (CsStore *store, const char *name, size_t token, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "%s: “%s” of token %zu is out of range; make the store again.", store->path, name,
               token);
  return false;
}

static bool
read_numbers (CsStore *store,
              CsStoreColumn column,
              const char *name,
              size_t first,
              size_t n,
              int32_t *values,
              GError **error)
{
  if (!cs_h5_transfer (store->columns[column], H5T_NATIVE_INT32, false, first, n, values))
    return read_error (store, name, error);
  for (size_t i = 0; i < n; i++)
    if (values[i] < 0)
      return value_error (store, name, first + i, error);
  return true;
}

bool
cs_store_read_tokens (CsStore *store,
                      size_t first,
                      size_t n,
                      int32_t *ids,
                      int32_t *position,
                      int8_t *corpus,
                      GError **error)
{
  int n_corpora = (int)g_strv_length (store->info.corpora);

  cs_h5_quiet ();
  if (!check_range (store, first, n, error))
    return false;
  if (n == 0)
    return true;
  if (ids != NULL && !read_numbers (store, CS_STORE_TOKEN_IDS, "token_ids", first, n, ids, error))
    return false;
  if (position != NULL &&
      !read_numbers (store, CS_STORE_POSITION, "position", first, n, position, error))
    return false;
  if (corpus == NULL)
    return true;
  if (!cs_h5_transfer (store->columns[CS_STORE_CORPUS], H5T_NATIVE_INT8, false, first, n, corpus))
    return read_error (store, "corpus", error);
  for (size_t i = 0; i < n; i++)
    if (corpus[i] < 0 || corpus[i] >= n_corpora)
      return value_error (store, "corpus", first + i, error);
  return true;
}

bool
cs_store_catch_up (CsStore *store, GError **error)
{
  size_t width = 2 * store->info.d_model;
  size_t rows = CLAMP (((size_t)1 << 18) / width, 1, READ_BLOCK);
  g_autofree float *block = NULL;

  if (store->moments.count == store->appended_tokens)
    return true;
  block = g_new (float, rows *width);
  while (store->moments.count < store->appended_tokens)
    {
      size_t n = MIN (rows, store->appended_tokens - store->moments.count);

      if (!cs_store_read (store, store->moments.count, n, block, error))
        return false;
      cs_moments_add (&store->moments, block, n);
    }
  return true;
}

/* A finished store has its moments in the file. */
static bool
read_moments (CsStore *store, double *mean, double *std, GError **error)
{
  size_t width = 2 * store->info.d_model;

  if (!cs_h5_transfer (store->mean, H5T_NATIVE_DOUBLE, false, 0, 2, mean) ||
      !cs_h5_transfer (store->std, H5T_NATIVE_DOUBLE, false, 0, 2, std))
    return read_error (store, "mean", error);
  for (size_t i = 0; i < width; i++)
    if (!isfinite (mean[i]) || !isfinite (std[i]) || std[i] < 0)
      {
        g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                     "%s: “mean” and “std” have to be finite; make the store again.", store->path);
        return false;
      }
  return true;
}

bool
cs_store_moments (CsStore *store, double *mean, double *std, GError **error)
{
  cs_h5_quiet ();
  if (store->appended_tokens > store->n_tokens && !cs_store_flush (store, error))
    return false;
  if (cs_store_is_finished (store) && store->moments.count != store->n_tokens)
    return read_moments (store, mean, std, error);
  if (!cs_store_catch_up (store, error))
    return false;
  memcpy (mean, store->moments.mean, store->moments.n_dims * sizeof (double));
  cs_moments_std (&store->moments, std);
  return true;
}
