#include "store-private.h"

#include <errno.h>
#include <string.h>

#include "errors.h"
#include "h5-check.h"

static const char *const column_names[CS_STORE_N_COLUMNS] = { "token_ids", "position", "corpus",
                                                              "activations" };

void
cs_store_info_clear (CsStoreInfo *info)
{
  g_clear_pointer (&info->base_model, g_free);
  g_clear_pointer (&info->base_hash, g_free);
  g_clear_pointer (&info->chat_model, g_free);
  g_clear_pointer (&info->chat_hash, g_free);
  g_clear_pointer (&info->tokenizer_hash, g_free);
  g_clear_pointer (&info->base_replacements, g_free);
  g_clear_pointer (&info->corpora, g_strfreev);
}

static bool
format_error (CsStore *store, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s is not a usable activation store: %s.",
               store->path, what);
  return false;
}

static bool
check_version (CsStore *store, GError **error)
{
  int64_t version;

  if (!cs_h5_read_integer (store->file, store->path, "format_version", 1, INT32_MAX, &version,
                           error))
    return false;
  if (version <= CS_STORE_FORMAT_VERSION)
    return true;
  g_set_error (
      error, CS_ERROR, CS_ERROR_UNSUPPORTED,
      "%s has format version %d and this program knows versions up to %d; use a newer Crosscope.",
      store->path, (int)version, CS_STORE_FORMAT_VERSION);
  return false;
}

static bool
read_info (CsStore *store, GError **error)
{
  CsStoreInfo *info = &store->info;
  int64_t layer;

  if (!check_version (store, error) ||
      !cs_h5_read_integer (store->file, store->path, "layer", 0, 1 << 20, &layer, error))
    return false;
  info->layer = (size_t)layer;
  return cs_h5_read_string (store->file, store->path, "base_model", &info->base_model, error) &&
         cs_h5_read_string (store->file, store->path, "base_hash", &info->base_hash, error) &&
         cs_h5_read_string (store->file, store->path, "chat_model", &info->chat_model, error) &&
         cs_h5_read_string (store->file, store->path, "chat_hash", &info->chat_hash, error) &&
         cs_h5_read_string (store->file, store->path, "tokenizer_hash", &info->tokenizer_hash,
                            error) &&
         cs_h5_read_strings (store->file, store->path, "corpora", CS_STORE_MAX_CORPORA,
                             &info->corpora, error) &&
         (H5Aexists (store->file, "base_replacements") <= 0 ||
          cs_h5_read_string (store->file, store->path, "base_replacements",
                             &info->base_replacements, error));
}

/* The store's type is what /activations says; d_model its last dimension. */
static bool
open_activations (CsStore *store, GError **error)
{
  hid_t dataset = H5Dopen2 (store->file, "activations", H5P_DEFAULT);
  hid_t type = dataset >= 0 ? H5Dget_type (dataset) : -1;
  bool half = type >= 0 && H5Tget_class (type) == H5T_FLOAT && H5Tget_size (type) == 2;
  hsize_t dims[3];

  if (type >= 0)
    H5Tclose (type);
  if (dataset >= 0)
    H5Dclose (dataset);
  store->info.dtype = half ? CS_DTYPE_F16 : CS_DTYPE_F32;
  store->element = half ? cs_h5_half_type () : H5Tcopy (H5T_IEEE_F32LE);
  if (store->element < 0)
    return format_error (store, "its numbers have no type", error);
  store->columns[CS_STORE_ACTIVATIONS] =
      cs_h5_open_dataset (store->file, store->path, "activations", store->element, 3, dims, error);
  if (store->columns[CS_STORE_ACTIVATIONS] < 0)
    return false;
  if (dims[1] != 2 || dims[2] < 1 || dims[2] > CS_STORE_MAX_D_MODEL ||
      dims[0] > ((hsize_t)1 << 50) / (2 * dims[2] * cs_dtype_size (store->info.dtype)))
    return format_error (store, "“activations” has to have the shape [tokens, 2, width]", error);
  store->planned_tokens = dims[0];
  store->info.d_model = dims[2];
  return true;
}

static bool
open_columns (CsStore *store, GError **error)
{
  hsize_t dims[3];

  for (int c = 0; c < CS_STORE_ACTIVATIONS; c++)
    {
      store->columns[c] =
          cs_h5_open_dataset (store->file, store->path, column_names[c],
                              c == CS_STORE_CORPUS ? H5T_STD_I8LE : H5T_STD_I32LE, 1, dims, error);
      if (store->columns[c] < 0)
        return false;
      if (dims[0] != store->planned_tokens)
        return format_error (store, "its datasets have different numbers of tokens", error);
    }
  store->documents =
      cs_h5_open_dataset (store->file, store->path, "documents", H5T_STD_I64LE, 1, dims, error);
  if (store->documents < 0)
    return false;
  if (dims[0] < 1 || dims[0] - 1 > MAX (store->planned_tokens, (size_t)1 << 40))
    return format_error (store, "“documents” has an unexpected size", error);
  store->planned_documents = dims[0] - 1;
  return true;
}

static bool
open_moments (CsStore *store, GError **error)
{
  hsize_t dims[2];

  store->mean =
      cs_h5_open_dataset (store->file, store->path, "mean", H5T_IEEE_F64LE, 2, dims, error);
  if (store->mean < 0)
    return false;
  if (dims[0] != 2 || dims[1] != store->info.d_model)
    return format_error (store, "“mean” has an unexpected shape", error);
  store->std = cs_h5_open_dataset (store->file, store->path, "std", H5T_IEEE_F64LE, 2, dims, error);
  if (store->std < 0)
    return false;
  if (dims[0] != 2 || dims[1] != store->info.d_model)
    return format_error (store, "“std” has an unexpected shape", error);
  return true;
}

/* Reads offsets up to the one that n_tokens_complete names, checking that they rise. */
static bool
read_offsets (CsStore *store, GError **error)
{
  int64_t block[4096];
  size_t entries = store->planned_documents + 1;

  g_array_set_size (store->offsets, 0);
  for (size_t first = 0; first < entries; first += G_N_ELEMENTS (block))
    {
      size_t n = MIN (G_N_ELEMENTS (block), entries - first);

      if (!cs_h5_transfer (store->documents, H5T_NATIVE_INT64, false, first, n, block))
        return format_error (store, "“documents” cannot be read", error);
      for (size_t i = 0; i < n; i++)
        {
          int64_t last = store->offsets->len > 0
                             ? g_array_index (store->offsets, int64_t, store->offsets->len - 1)
                             : -1;

          if (store->offsets->len == 0 ? block[i] != 0 : block[i] <= last)
            return format_error (store, "“documents” does not rise from 0", error);
          g_array_append_val (store->offsets, block[i]);
          if ((size_t)block[i] == store->n_tokens)
            return true;
          if ((size_t)block[i] > store->n_tokens)
            return format_error (store, "“n_tokens_complete” is not the end of a document", error);
        }
    }
  return format_error (store, "“documents” ends before “n_tokens_complete”", error);
}

static bool
read_progress (CsStore *store, GError **error)
{
  int64_t complete;

  if (!cs_h5_read_integer (store->file, store->path, "n_tokens_complete", 0,
                           (int64_t)store->planned_tokens, &complete, error))
    return false;
  store->n_tokens = store->appended_tokens = (size_t)complete;
  if (!read_offsets (store, error))
    return false;
  store->n_documents = store->appended_documents = store->offsets->len - 1;
  store->complete = H5Aopen (store->file, "n_tokens_complete", H5P_DEFAULT);
  return store->complete >= 0 ||
         format_error (store, "“n_tokens_complete” cannot be opened", error);
}

static bool
open_file (CsStore *store, GError **error)
{
  errno = 0;
  store->file = H5Fopen (store->path, store->writable ? H5F_ACC_RDWR : H5F_ACC_RDONLY, H5P_DEFAULT);
  if (store->file >= 0 && store->writable)
    cs_h5_check_begin_writing (store, store->path);
  if (store->file >= 0)
    return true;
  if (errno == ENOENT || errno == EACCES || errno == EISDIR || errno == EROFS)
    cs_h5_set_io_error (error, store->path, "the activation store cannot be opened");
  else if (errno == EAGAIN)
    g_set_error (error, CS_ERROR, CS_ERROR_IO,
                 "%s is being used by another program; try again when it is done.", store->path);
  else
    g_set_error (
        error, CS_ERROR, CS_ERROR_FORMAT,
        "%s cannot be opened: it is no HDF5 file, or truncated, or in use; make the store again.",
        store->path);
  return false;
}

/* What cs_store_info() has handed out stays when the file is opened again. */
bool
cs_store_open_ids (CsStore *store, GError **error)
{
  return open_file (store, error) && open_activations (store, error) &&
         open_columns (store, error) && open_moments (store, error) &&
         (store->info.corpora != NULL || read_info (store, error)) && read_progress (store, error);
}

static void
close_id (hid_t *id)
{
  if (*id >= 0)
    {
      switch (H5Iget_type (*id))
        {
        case H5I_DATASET:
          H5Dclose (*id);
          break;
        case H5I_DATATYPE:
          H5Tclose (*id);
          break;
        case H5I_ATTR:
          H5Aclose (*id);
          break;
        case H5I_FILE:
          H5Fclose (*id);
          break;
        default:
          break;
        }
    }
  *id = -1;
}

void
cs_store_close_ids (CsStore *store)
{
  close_id (&store->complete);
  close_id (&store->mean);
  close_id (&store->std);
  close_id (&store->documents);
  for (int c = 0; c < CS_STORE_N_COLUMNS; c++)
    close_id (&store->columns[c]);
  close_id (&store->element);
  close_id (&store->file);
  cs_h5_check_end_writing (store);
}

static CsStore *
allocate (const char *path, bool writable)
{
  CsStore *store = g_new0 (CsStore, 1);

  store->path = g_strdup (path);
  store->writable = writable;
  store->file = store->element = store->documents = store->mean = store->std = store->complete = -1;
  for (int c = 0; c < CS_STORE_N_COLUMNS; c++)
    store->columns[c] = -1;
  store->offsets = g_array_new (FALSE, FALSE, sizeof (int64_t));
  return store;
}

CsStore *
cs_store_open (const char *path, bool writable, GError **error)
{
  g_autoptr (CsStore) store = NULL;

  cs_h5_quiet ();
  if (!cs_store_undo_restore (path, error) || !cs_h5_check (path, error))
    return NULL;
  store = allocate (path, writable);
  if (!cs_store_open_ids (store, error))
    return NULL;
  cs_moments_init (&store->moments, 2 * store->info.d_model);
  return g_steal_pointer (&store);
}

void
cs_store_free (CsStore *store)
{
  if (store == NULL)
    return;
  cs_h5_quiet ();
  if (store->writable && !store->failed && store->appended_tokens > store->n_tokens)
    cs_store_flush (store, NULL);
  cs_store_close_ids (store);
  cs_store_info_clear (&store->info);
  cs_moments_clear (&store->moments);
  g_array_unref (store->offsets);
  g_free (store->scratch);
  g_free (store->row);
  g_free (store->path);
  g_free (store);
}

const CsStoreInfo *
cs_store_info (const CsStore *store)
{
  return &store->info;
}

const char *
cs_store_path (const CsStore *store)
{
  return store->path;
}

size_t
cs_store_n_tokens (const CsStore *store)
{
  return store->n_tokens;
}

size_t
cs_store_n_documents (const CsStore *store)
{
  return store->n_documents;
}

bool
cs_store_is_finished (const CsStore *store)
{
  return store->n_tokens == store->planned_tokens && store->n_documents == store->planned_documents;
}

const int64_t *
cs_store_documents (const CsStore *store)
{
  return (const int64_t *)(const void *)store->offsets->data;
}

size_t
cs_store_row_bytes (const CsStore *store)
{
  return 2 * store->info.d_model * cs_dtype_size (store->info.dtype);
}
