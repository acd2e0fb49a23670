#include "store-private.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"

static bool
set_extents (CsStore *store, size_t tokens, size_t documents)
{
  hsize_t offsets[] = { documents + 1 };
  hsize_t per_token[] = { tokens };
  hsize_t rows[] = { tokens, 2, store->info.d_model };

  if (H5Dset_extent (store->documents, offsets) < 0)
    return false;
  for (int c = 0; c < CS_STORE_N_COLUMNS; c++)
    if (H5Dset_extent (store->columns[c], c == CS_STORE_ACTIVATIONS ? rows : per_token) < 0)
      return false;
  return H5Fflush (store->file, H5F_SCOPE_GLOBAL) >= 0;
}

/* HDF5 counts space for new chunks as used once it has written its structures; the disk has to have
 * it. */
static bool
reserve_extents (CsStore *store, GError **error)
{
  void *handle = NULL;
  struct stat info;
  int fd;

  errno = 0;
  if (H5Fget_vfd_handle (store->file, H5P_DEFAULT, &handle) < 0 || handle == NULL)
    {
      cs_h5_set_io_error (error, store->path, "cannot be written");
      return false;
    }
  fd = *(int *)handle;
  if (fstat (fd, &info) != 0 || fsync (fd) != 0)
    {
      cs_h5_set_io_error (error, store->path, "cannot be written");
      return false;
    }
  return cs_store_reserve (fd, store->path, (uint64_t)info.st_size, error);
}

/* Documents that were appended and not yet flushed are written already, but a way back forgets
 * them: flush first. */
static bool
prepare (CsStore *store, size_t tokens, GError **error)
{
  uint64_t more = tokens > store->planned_tokens ? tokens - store->planned_tokens : 0;

  if (!cs_store_flush (store, error))
    return false;
  if (more > 0 &&
      !cs_store_check_space (store->path, more * (cs_store_row_bytes (store) + 9), error))
    return false;
  errno = 0;
  if (H5Fflush (store->file, H5F_SCOPE_GLOBAL) < 0)
    {
      cs_h5_set_io_error (error, store->path, "cannot be written");
      return false;
    }
  return cs_store_undo_save (store, error);
}

/* Closed and opened again, so that space which HDF5 has freed at the end goes back and everything
 * is on disk. */
static bool
reopen (CsStore *store, GError **error)
{
  cs_store_close_ids (store);
  return cs_store_open_ids (store, error);
}

static bool
resize_prepared (CsStore *store, size_t tokens, size_t documents, GError **error)
{
  errno = 0;
  if (!set_extents (store, tokens, documents))
    {
      cs_h5_set_io_error (error, store->path, "its size cannot be changed");
      return false;
    }
  return reserve_extents (store, error) && reopen (store, error) && reserve_extents (store, error);
}

bool
cs_store_resize (CsStore *store, size_t tokens, size_t documents, GError **error)
{
  if (!prepare (store, tokens, error))
    return false;
  if (resize_prepared (store, tokens, documents, error))
    return cs_store_undo_forget (store->path, error);
  store->failed = true;
  cs_store_close_ids (store);
  cs_store_undo_restore (store->path, NULL);
  return false;
}

bool
cs_store_plan (CsStore *store, size_t tokens, size_t documents, GError **error)
{
  if (tokens <= store->planned_tokens && documents <= store->planned_documents)
    return true;
  return cs_store_resize (store, MAX (tokens, store->planned_tokens),
                          MAX (documents, store->planned_documents), error);
}
