/* PATH.undo: HDF5's own structures as they were before the datasets' size changed. Numbers are
 * little-endian uint64.
 *
 *   "CSUNDO1\n"   size of the store's file   n ranges   n × (offset, length)   the ranges' bytes
 * SHA-256 of all before
 *
 * It is written to a temporary name and renamed, so that it is whole when it is there. */
#include "store-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "file-replace.h"

#define MAGIC "CSUNDO1\n"
#define MAGIC_BYTES 8
#define HASH_BYTES 32
#define COPY_BYTES ((size_t)1 << 20)

typedef struct
{
  uint64_t offset, length;
} Range;

char *
cs_store_undo_path (const char *path)
{
  return g_strconcat (path, ".undo", NULL);
}

static int
compare_ranges (const void *a, const void *b)
{
  const Range *left = a;
  const Range *right = b;

  return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* Adds where the chunks of a dataset lie; all are allocated early, so each has its place. */
static bool
collect_chunks (hid_t dataset, GArray *chunks)
{
  hid_t space = H5Dget_space (dataset);
  hid_t plan = H5Dget_create_plist (dataset);
  hsize_t dims[3], chunk[3], at[3] = { 0 };
  int n_dims = space >= 0 ? H5Sget_simple_extent_ndims (space) : -1;
  bool ok = plan >= 0 && n_dims >= 1 && n_dims <= 3 && H5Pget_layout (plan) == H5D_CHUNKED &&
            H5Sget_simple_extent_dims (space, dims, NULL) == n_dims &&
            H5Pget_chunk (plan, 3, chunk) == n_dims;

  for (at[0] = 0; ok && at[0] < dims[0]; at[0] += chunk[0])
    {
      Range range;
      haddr_t address;
      hsize_t size;
      unsigned filters;

      ok = H5Dget_chunk_info_by_coord (dataset, at, &filters, &address, &size) >= 0;
      range = (Range){ address, size };
      if (ok && address != HADDR_UNDEF)
        g_array_append_val (chunks, range);
    }
  if (plan >= 0)
    H5Pclose (plan);
  if (space >= 0)
    H5Sclose (space);
  return ok;
}

/* What lies between the chunks. */
static GArray *
complement (GArray *chunks, uint64_t file_size)
{
  GArray *ranges = g_array_new (FALSE, FALSE, sizeof (Range));
  uint64_t at = 0;

  qsort (chunks->data, chunks->len, sizeof (Range), compare_ranges);
  for (unsigned i = 0; i <= chunks->len; i++)
    {
      Range next = i < chunks->len ? g_array_index (chunks, Range, i) : (Range){ file_size, 0 };
      Range gap = { at, next.offset > at ? MIN (next.offset, file_size) - at : 0 };

      if (at < file_size && gap.length > 0)
        g_array_append_val (ranges, gap);
      at = MAX (at, next.offset + next.length);
    }
  return ranges;
}

static void
put (CsFileReplace *file, GChecksum *checksum, const void *data, size_t size)
{
  cs_file_replace_write (file, data, size, NULL);
  g_checksum_update (checksum, data, (gssize)size);
}

static void
put_number (CsFileReplace *file, GChecksum *checksum, uint64_t number)
{
  uint64_t little = GUINT64_TO_LE (number);

  put (file, checksum, &little, sizeof little);
}

static bool
put_range (CsFileReplace *file, GChecksum *checksum, int fd, Range range, uint8_t *buffer)
{
  while (range.length > 0)
    {
      ssize_t n = pread (fd, buffer, MIN (range.length, COPY_BYTES), (off_t)range.offset);

      if (n <= 0)
        return false;
      put (file, checksum, buffer, (size_t)n);
      range.offset += (uint64_t)n;
      range.length -= (uint64_t)n;
    }
  return true;
}

static bool
write_undo (CsStore *store, int fd, uint64_t file_size, GArray *ranges, GError **error)
{
  g_autofree char *path = cs_store_undo_path (store->path);
  g_autofree uint8_t *buffer = g_malloc (COPY_BYTES);
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_autoptr (CsFileReplace) file = cs_file_replace_new (path, error);
  uint8_t hash[HASH_BYTES];
  gsize hash_size = sizeof hash;

  if (file == NULL)
    return false;
  put (file, checksum, MAGIC, MAGIC_BYTES);
  put_number (file, checksum, file_size);
  put_number (file, checksum, ranges->len);
  for (unsigned i = 0; i < ranges->len; i++)
    {
      put_number (file, checksum, g_array_index (ranges, Range, i).offset);
      put_number (file, checksum, g_array_index (ranges, Range, i).length);
    }
  for (unsigned i = 0; i < ranges->len; i++)
    if (!put_range (file, checksum, fd, g_array_index (ranges, Range, i), buffer))
      {
        cs_h5_set_io_error (error, store->path, "cannot be read");
        return false;
      }
  g_checksum_get_digest (checksum, hash, &hash_size);
  cs_file_replace_write (file, hash, sizeof hash, NULL);
  return cs_file_replace_commit (file, error);
}

bool
cs_store_undo_save (CsStore *store, GError **error)
{
  g_autoptr (GArray) chunks = g_array_new (FALSE, FALSE, sizeof (Range));
  g_autoptr (GArray) ranges = NULL;
  void *handle = NULL;
  struct stat info;
  bool ok = collect_chunks (store->documents, chunks);

  for (int c = 0; ok && c < CS_STORE_N_COLUMNS; c++)
    ok = collect_chunks (store->columns[c], chunks);
  errno = 0;
  if (!ok || H5Fget_vfd_handle (store->file, H5P_DEFAULT, &handle) < 0 || handle == NULL ||
      fstat (*(int *)handle, &info) != 0)
    {
      cs_h5_set_io_error (error, store->path, "its size cannot be changed");
      return false;
    }
  ranges = complement (chunks, (uint64_t)info.st_size);
  return write_undo (store, *(int *)handle, (uint64_t)info.st_size, ranges, error);
}

bool
cs_store_undo_forget (const char *path, GError **error)
{
  g_autofree char *undo = cs_store_undo_path (path);

  /* A read-only file system refuses before it looks: what is not there need not go. */
  if (unlink (undo) == 0 || access (undo, F_OK) != 0)
    return true;
  cs_h5_set_io_error (error, undo, "cannot be removed");
  return false;
}

static uint64_t
get_number (const char *bytes)
{
  uint64_t little;

  memcpy (&little, bytes, sizeof little);
  return GUINT64_FROM_LE (little);
}

static bool
check_hash (const char *bytes, size_t size)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  uint8_t hash[HASH_BYTES];
  gsize hash_size = sizeof hash;

  g_checksum_update (checksum, (const guchar *)bytes, (gssize)(size - HASH_BYTES));
  g_checksum_get_digest (checksum, hash, &hash_size);
  return memcmp (hash, bytes + size - HASH_BYTES, HASH_BYTES) == 0;
}

/* Nothing in it is believed before it is checked: magic, hash, and ranges that add up to the file
 * and stay in it. */
static bool
check_undo (const char *bytes, size_t size)
{
  uint64_t file_size, n, total = 0;

  if (size < MAGIC_BYTES + 16 + HASH_BYTES || memcmp (bytes, MAGIC, MAGIC_BYTES) != 0 ||
      !check_hash (bytes, size))
    return false;
  file_size = get_number (bytes + MAGIC_BYTES);
  n = get_number (bytes + MAGIC_BYTES + 8);
  if (file_size > ((uint64_t)1 << 51) || n > (size - MAGIC_BYTES - 16 - HASH_BYTES) / 16)
    return false;
  for (uint64_t i = 0; i < n; i++)
    {
      uint64_t offset = get_number (bytes + MAGIC_BYTES + 16 + 16 * i);
      uint64_t length = get_number (bytes + MAGIC_BYTES + 24 + 16 * i);

      if (offset > file_size || length > file_size - offset)
        return false;
      total += length;
    }
  return total == size - MAGIC_BYTES - 16 - HASH_BYTES - 16 * n;
}

static bool
apply_undo (int fd, const char *bytes)
{
  uint64_t file_size = get_number (bytes + MAGIC_BYTES);
  uint64_t n = get_number (bytes + MAGIC_BYTES + 8);
  const char *data = bytes + MAGIC_BYTES + 16 + 16 * n;

  if (ftruncate (fd, (off_t)file_size) != 0)
    return false;
  for (uint64_t i = 0; i < n; i++)
    {
      uint64_t offset = get_number (bytes + MAGIC_BYTES + 16 + 16 * i);
      uint64_t length = get_number (bytes + MAGIC_BYTES + 24 + 16 * i);

      while (length > 0)
        {
          ssize_t written = pwrite (fd, data, length, (off_t)offset);

          if (written <= 0)
            return false;
          data += written;
          offset += (uint64_t)written;
          length -= (uint64_t)written;
        }
    }
  return fsync (fd) == 0;
}

static bool
restore_from (const char *path, const char *bytes, GError **error)
{
  int fd = open (path, O_RDWR | O_CLOEXEC);
  bool ok;

  if (fd < 0)
    {
      cs_h5_set_io_error (error, path, "its interrupted change cannot be undone");
      return false;
    }
  if (flock (fd, LOCK_EX | LOCK_NB) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO,
                   "%s is being used by another program; try again when it is done.", path);
      close (fd);
      return false;
    }
  ok = apply_undo (fd, bytes);
  if (!ok)
    cs_h5_set_io_error (error, path, "its interrupted change cannot be undone");
  close (fd);
  return ok;
}

bool
cs_store_undo_restore (const char *path, GError **error)
{
  g_autofree char *undo = cs_store_undo_path (path);
  g_autoptr (GMappedFile) file = NULL;

  if (!g_file_test (undo, G_FILE_TEST_EXISTS) || !g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  file = g_mapped_file_new (undo, FALSE, NULL);
  if (file == NULL ||
      !check_undo (g_mapped_file_get_contents (file), g_mapped_file_get_length (file)))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s is damaged: it has to hold what an interrupted change of the store needs to "
                   "be undone; "
                   "remove both files and make the store again.",
                   undo);
      return false;
    }
  return restore_from (path, g_mapped_file_get_contents (file), error) &&
         cs_store_undo_forget (path, error);
}
