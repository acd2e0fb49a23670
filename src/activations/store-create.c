#include "store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "errors.h"
#include "file-replace.h"

/* Chunks of the columns that hold one number a token, and of /documents. */
#define TOKEN_CHUNK 16384
#define DOCUMENT_CHUNK 8192
#define MIN_CHUNK_BYTES ((size_t)256 << 10)
#define MAX_CHUNK_BYTES ((size_t)4 << 20)

bool
cs_store_check_space (const char *path, uint64_t needed, GError **error)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autofree char *needed_text = NULL;
  g_autofree char *free_text = NULL;
  struct statvfs info;
  uint64_t free_bytes;

  if (statvfs (folder, &info) != 0)
    {
      cs_h5_set_io_error (error, folder, "the folder cannot be used");
      return false;
    }
  if (__builtin_mul_overflow ((uint64_t)info.f_bavail, (uint64_t)info.f_frsize, &free_bytes) ||
      needed <= free_bytes)
    return true;
  needed_text = g_format_size (needed);
  free_text = g_format_size (free_bytes);
  g_set_error (
      error, CS_ERROR, CS_ERROR_IO,
      "%s needs %s of disk space and only %s are free; harvest fewer tokens or free some space.",
      path, needed_text, free_text);
  return false;
}

/* File systems that cannot reserve are taken at their word. */
bool
cs_store_reserve (int fd, const char *path, uint64_t size, GError **error)
{
  if (size == 0 || fallocate (fd, 0, 0, (off_t)size) == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
    return true;
  cs_h5_set_io_error (error, path, "the disk space for it cannot be reserved");
  return false;
}

static bool
check_info (const char *path,
            const CsStoreInfo *info,
            size_t tokens,
            size_t documents,
            GError **error)
{
  size_t row, bytes;

  if (info->d_model < 1 || info->d_model > CS_STORE_MAX_D_MODEL ||
      (info->dtype != CS_DTYPE_F16 && info->dtype != CS_DTYPE_F32) || info->corpora == NULL ||
      info->corpora[0] == NULL || g_strv_length (info->corpora) > CS_STORE_MAX_CORPORA)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_USAGE,
          "%s cannot be made: a store has a width of 1 to %zu, float16 or float32 numbers and 1 to "
          "%d corpora.",
          path, CS_STORE_MAX_D_MODEL, CS_STORE_MAX_CORPORA);
      return false;
    }
  row = 2 * info->d_model * cs_dtype_size (info->dtype);
  if (tokens < 1 || documents < 1 || documents > ((size_t)1 << 40) ||
      !g_size_checked_mul (&bytes, tokens, row + 16) || bytes > ((size_t)1 << 50))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "%s cannot be made for %zu tokens in %zu documents.", path, tokens, documents);
      return false;
    }
  return true;
}

/* Rows of [2, d_model] in a chunk: about 4096 chunks of 256 KiB to 4 MiB. */
static hsize_t
activation_chunk (size_t row_bytes, size_t tokens)
{
  size_t bytes = MIN_CHUNK_BYTES;

  while (bytes < MAX_CHUNK_BYTES && bytes < tokens / 4096 * row_bytes)
    bytes *= 2;
  return MAX (1, bytes / row_bytes);
}

static bool
create_dataset (hid_t file,
                const char *name,
                hid_t type,
                int n_dims,
                const hsize_t *dims,
                const hsize_t *chunk)
{
  hsize_t unlimited[3] = { H5S_UNLIMITED, n_dims > 1 ? dims[1] : 0, n_dims > 2 ? dims[2] : 0 };
  hid_t plan = H5Pcreate (H5P_DATASET_CREATE);
  hid_t space = H5Screate_simple (n_dims, dims, chunk != NULL ? unlimited : NULL);
  hid_t dataset = -1;
  bool ok = plan >= 0 && space >= 0 && H5Pset_alloc_time (plan, H5D_ALLOC_TIME_EARLY) >= 0 &&
            H5Pset_fill_time (plan, H5D_FILL_TIME_NEVER) >= 0 &&
            H5Pset_obj_track_times (plan, false) >= 0 &&
            (chunk == NULL || H5Pset_chunk (plan, n_dims, chunk) >= 0);

  if (ok)
    dataset = H5Dcreate2 (file, name, type, space, H5P_DEFAULT, plan, H5P_DEFAULT);
  ok = dataset >= 0 && H5Dclose (dataset) >= 0;
  if (plan >= 0)
    H5Pclose (plan);
  if (space >= 0)
    H5Sclose (space);
  return ok;
}

static bool
create_datasets (hid_t file, const CsStoreInfo *info, size_t tokens, size_t documents)
{
  hsize_t per_token[] = { tokens }, token_chunk[] = { TOKEN_CHUNK };
  hsize_t offsets[] = { documents + 1 }, offset_chunk[] = { DOCUMENT_CHUNK };
  hsize_t moments[] = { 2, info->d_model };
  hsize_t rows[] = { tokens, 2, info->d_model };
  hsize_t row_chunk[] = {
    activation_chunk (2 * info->d_model * cs_dtype_size (info->dtype), tokens), 2, info->d_model
  };
  hid_t element = info->dtype == CS_DTYPE_F16 ? cs_h5_half_type () : H5Tcopy (H5T_IEEE_F32LE);
  bool ok = element >= 0 && create_dataset (file, "mean", H5T_IEEE_F64LE, 2, moments, NULL) &&
            create_dataset (file, "std", H5T_IEEE_F64LE, 2, moments, NULL) &&
            create_dataset (file, "documents", H5T_STD_I64LE, 1, offsets, offset_chunk) &&
            create_dataset (file, "token_ids", H5T_STD_I32LE, 1, per_token, token_chunk) &&
            create_dataset (file, "position", H5T_STD_I32LE, 1, per_token, token_chunk) &&
            create_dataset (file, "corpus", H5T_STD_I8LE, 1, per_token, token_chunk) &&
            create_dataset (file, "activations", element, 3, rows, row_chunk);

  if (element >= 0)
    H5Tclose (element);
  return ok;
}

static bool
write_attributes (hid_t file, const CsStoreInfo *info)
{
  return cs_h5_write_integer (file, "format_version", CS_STORE_FORMAT_VERSION) &&
         cs_h5_write_integer (file, "layer", (int64_t)info->layer) &&
         cs_h5_write_string (file, "base_model", info->base_model) &&
         cs_h5_write_string (file, "base_hash", info->base_hash) &&
         cs_h5_write_string (file, "chat_model", info->chat_model) &&
         cs_h5_write_string (file, "chat_hash", info->chat_hash) &&
         cs_h5_write_string (file, "tokenizer_hash", info->tokenizer_hash) &&
         cs_h5_write_integer (file, "n_tokens_complete", 0) &&
         cs_h5_write_strings (file, "corpora", info->corpora) &&
         (info->base_replacements == NULL ||
          cs_h5_write_string (file, "base_replacements", info->base_replacements));
}

static hid_t
create_file (const char *path)
{
  hid_t plan = H5Pcreate (H5P_FILE_CREATE);
  hid_t file = -1;

  if (plan < 0)
    return -1;
  errno = 0;
  if (H5Pset_obj_track_times (plan, false) >= 0)
    file = H5Fcreate (path, H5F_ACC_EXCL, plan, H5P_DEFAULT);
  H5Pclose (plan);
  return file;
}

/* Reserves what HDF5 left as a hole and makes it permanent. */
static bool
reserve_file (const char *path, GError **error)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  off_t size;
  bool ok;

  if (fd < 0)
    {
      cs_h5_set_io_error (error, path, "the new file cannot be opened");
      return false;
    }
  size = lseek (fd, 0, SEEK_END);
  ok = size >= 0 && cs_store_reserve (fd, path, (uint64_t)size, error);
  if (ok && fsync (fd) != 0)
    {
      cs_h5_set_io_error (error, path, "the new file cannot be written");
      ok = false;
    }
  close (fd);
  return ok;
}

static bool
make_file (const char *path,
           const CsStoreInfo *info,
           size_t tokens,
           size_t documents,
           GError **error)
{
  hid_t file = create_file (path);
  bool ok;

  if (file < 0)
    {
      cs_h5_set_io_error (error, path, "the file cannot be made");
      return false;
    }
  ok = create_datasets (file, info, tokens, documents) && write_attributes (file, info);
  ok = H5Fclose (file) >= 0 && ok;
  if (!ok)
    {
      cs_h5_set_io_error (error, path, "the new file cannot be written");
      return false;
    }
  return reserve_file (path, error);
}

CsStore *
cs_store_create (const char *path,
                 const CsStoreInfo *info,
                 size_t planned_tokens,
                 size_t planned_documents,
                 GError **error)
{
  g_autofree char *temporary = NULL;
  size_t row;

  cs_h5_quiet ();
  if (!check_info (path, info, planned_tokens, planned_documents, error))
    return NULL;
  if (g_file_test (path, G_FILE_TEST_EXISTS))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO,
                   "%s exists already; choose another name or remove it first.", path);
      return NULL;
    }
  row = 2 * info->d_model * cs_dtype_size (info->dtype) + 9;
  if (!cs_store_check_space (path, (uint64_t)planned_tokens * row + planned_documents * 8, error) ||
      !cs_store_undo_forget (path, error))
    return NULL;
  temporary = cs_file_replace_temporary_name (path);
  if (!make_file (temporary, info, planned_tokens, planned_documents, error))
    {
      unlink (temporary);
      return NULL;
    }
  if (!cs_file_replace_adopt (temporary, path, error))
    return NULL;
  return cs_store_open (path, true, error);
}
