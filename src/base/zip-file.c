#include "zip-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "file-error.h"

/* Records by signature, and the lengths of their fixed parts (APPNOTE 4.3). */
#define LOCAL_SIGNATURE 0x04034b50u
#define LOCAL_SIZE ((size_t)30)
#define CENTRAL_SIGNATURE 0x02014b50u
#define CENTRAL_SIZE ((size_t)46)
#define END_SIGNATURE 0x06054b50u
#define END_SIZE ((size_t)22)
#define END64_SIGNATURE 0x06064b50u
#define END64_SIZE ((size_t)56)
#define LOCATOR64_SIGNATURE 0x07064b50u
#define LOCATOR64_SIZE ((size_t)20)
#define ZIP64_EXTRA 0x0001u
#define MAX_ENTRIES ((size_t)1 << 20)

struct CsZip
{
  char *path;
  unsigned char *bytes;
  size_t size;
  GArray *entries; /* CsZipEntry */
  GHashTable *by_name;
};

static uint32_t
get16 (const unsigned char *p)
{
  return p[0] | (uint32_t)p[1] << 8;
}

static uint32_t
get32 (const unsigned char *p)
{
  return get16 (p) | get16 (p + 2) << 16;
}

static uint64_t
get64 (const unsigned char *p)
{
  return get32 (p) | (uint64_t)get32 (p + 4) << 32;
}

static bool
fail (const CsZip *zip, GError **error, const char *what)
{
  cs_file_error (error, CS_ERROR_FORMAT,
                 "“%s” cannot be read as a zip archive: %s; get the file again.", zip->path, what);
  return false;
}

static bool
map_file (CsZip *zip, GError **error)
{
  const int fd = open (zip->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat info;
  void *bytes = MAP_FAILED;
  if (fd >= 0 && fstat (fd, &info) == 0 && S_ISREG (info.st_mode) && info.st_size > 0)
    bytes = mmap (NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, fd, 0);
  const int reason = errno;
  if (fd >= 0)
    close (fd);
  if (bytes != MAP_FAILED)
    {
      zip->bytes = bytes;
      zip->size = (size_t)info.st_size;
      return true;
    }
  if (fd < 0)
    cs_file_error (error, CS_ERROR_IO,
                   "“%s” cannot be opened (%s): check the path and its permissions.", zip->path,
                   g_strerror (reason));
  else
    fail (zip, error, "it is empty or no file");
  return false;
}

/* The directory's place and number of entries. */
typedef struct
{
  uint64_t offset, size, count;
} Directory;

static bool
find_end (const CsZip *zip, size_t *at)
{
  if (zip->size < END_SIZE)
    return false;
  const size_t last = zip->size - END_SIZE, first = last > 0xffff ? last - 0xffff : 0;
  for (size_t p = last + 1; p-- > first;)
    if (get32 (zip->bytes + p) == END_SIGNATURE &&
        get16 (zip->bytes + p + 20) == zip->size - END_SIZE - p)
      {
        *at = p;
        return true;
      }
  return false;
}

static bool
read_end64 (const CsZip *zip, size_t end, Directory *directory)
{
  if (end < LOCATOR64_SIZE)
    return false;
  const unsigned char *locator = zip->bytes + end - LOCATOR64_SIZE;
  if (get32 (locator) != LOCATOR64_SIGNATURE)
    return false;
  const uint64_t at = get64 (locator + 8);
  if (at > zip->size || zip->size - at < END64_SIZE || get32 (zip->bytes + at) != END64_SIGNATURE)
    return false;
  directory->count = get64 (zip->bytes + at + 32);
  directory->size = get64 (zip->bytes + at + 40);
  directory->offset = get64 (zip->bytes + at + 48);
  return true;
}

static bool
find_directory (const CsZip *zip, Directory *directory, GError **error)
{
  size_t end;
  if (!find_end (zip, &end))
    return fail (zip, error, "it has no directory at its end, so it is cut off or no archive");
  const unsigned char *record = zip->bytes + end;
  directory->count = get16 (record + 10);
  directory->size = get32 (record + 12);
  directory->offset = get32 (record + 16);
  const bool large = directory->count == 0xffff || directory->size == 0xffffffff ||
                     directory->offset == 0xffffffff;
  if (!read_end64 (zip, end, directory) && large)
    return fail (zip, error, "its zip64 directory is missing");
  if (directory->offset > zip->size || directory->size > zip->size - directory->offset ||
      directory->count > MAX_ENTRIES || directory->count > directory->size / CENTRAL_SIZE)
    return fail (zip, error, "its directory does not lie within it");
  return true;
}

/* What the 32-bit fields of an entry say, widened by its zip64 field: only fields that are all ones
 * are there, in this order. */
static bool
widen_sizes (const unsigned char *extra,
             size_t n_extra,
             uint64_t *size,
             uint64_t *packed,
             uint64_t *offset)
{
  uint64_t *const fields[] = { size, packed, offset };
  if (*size != 0xffffffff && *packed != 0xffffffff && *offset != 0xffffffff)
    return true;
  while (n_extra >= 4)
    {
      const size_t length = get16 (extra + 2);
      if (length > n_extra - 4)
        return false;
      if (get16 (extra) == ZIP64_EXTRA)
        {
          size_t at = 0;
          for (unsigned i = 0; i < 3; i++)
            if (*fields[i] == 0xffffffff)
              {
                if (at + 8 > length)
                  return false;
                *fields[i] = get64 (extra + 4 + at);
                at += 8;
              }
          return true;
        }
      extra += 4 + length;
      n_extra -= 4 + length;
    }
  return false;
}

static bool
add_entry (CsZip *zip,
           const char *name,
           size_t n_name,
           uint64_t offset,
           uint64_t size,
           GError **error)
{
  if (offset > zip->size || zip->size - offset < LOCAL_SIZE ||
      get32 (zip->bytes + offset) != LOCAL_SIGNATURE)
    return fail (zip, error, "an entry does not lie where the directory says");
  const unsigned char *local = zip->bytes + offset;
  const uint64_t skip = LOCAL_SIZE + get16 (local + 26) + get16 (local + 28);
  if (skip > zip->size - offset || size > zip->size - offset - skip)
    return fail (zip, error, "an entry reaches beyond its end");
  if (n_name == 0 || memchr (name, 0, n_name) || !g_utf8_validate (name, (gssize)n_name, NULL))
    return fail (zip, error, "an entry has no usable name");
  g_autofree char *copy = g_strndup (name, n_name);
  if (g_hash_table_contains (zip->by_name, copy))
    return fail (zip, error, "two entries have the same name");
  const CsZipEntry entry = { copy, local + skip, (size_t)size };
  g_array_append_val (zip->entries, entry);
  g_hash_table_insert (zip->by_name, g_steal_pointer (&copy), GSIZE_TO_POINTER (zip->entries->len));
  return true;
}

/* One record of the directory; *at moves behind it. */
static bool
read_record (CsZip *zip, const Directory *directory, size_t *at, GError **error)
{
  const size_t left = directory->offset + directory->size - *at;
  const unsigned char *record = zip->bytes + *at;
  if (left < CENTRAL_SIZE || get32 (record) != CENTRAL_SIGNATURE)
    return fail (zip, error, "its directory is damaged");
  const size_t n_name = get16 (record + 28), n_extra = get16 (record + 30);
  const size_t n_all = CENTRAL_SIZE + n_name + n_extra + get16 (record + 32);
  if (n_all > left)
    return fail (zip, error, "its directory is damaged");
  uint64_t size = get32 (record + 24), packed = get32 (record + 20), offset = get32 (record + 42);
  if (!widen_sizes (record + CENTRAL_SIZE + n_name, n_extra, &size, &packed, &offset))
    return fail (zip, error, "the large size of an entry is missing");
  *at += n_all;
  if (get16 (record + 10) != 0 || (get16 (record + 8) & 1) || size != packed)
    return fail (zip, error, "an entry is compressed or encrypted, which PyTorch never does");
  return add_entry (zip, (const char *)record + CENTRAL_SIZE, n_name, offset, size, error);
}

CsZip *
cs_zip_open (const char *path, GError **error)
{
  g_autoptr (CsZip) zip = g_new0 (CsZip, 1);
  Directory directory;
  zip->path = g_strdup (path);
  zip->entries = g_array_new (FALSE, FALSE, sizeof (CsZipEntry));
  zip->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!map_file (zip, error) || !find_directory (zip, &directory, error))
    return NULL;
  size_t at = (size_t)directory.offset;
  for (uint64_t i = 0; i < directory.count; i++)
    if (!read_record (zip, &directory, &at, error))
      return NULL;
  return g_steal_pointer (&zip);
}

void
cs_zip_free (CsZip *zip)
{
  if (!zip)
    return;
  if (zip->bytes)
    munmap (zip->bytes, zip->size);
  g_hash_table_unref (zip->by_name);
  g_array_unref (zip->entries);
  g_free (zip->path);
  g_free (zip);
}

size_t
cs_zip_n_entries (const CsZip *zip)
{
  return zip->entries->len;
}

const CsZipEntry *
cs_zip_nth (const CsZip *zip, size_t index)
{
  g_assert (index < zip->entries->len);
  return &g_array_index (zip->entries, CsZipEntry, index);
}

const CsZipEntry *
cs_zip_find (const CsZip *zip, const char *name)
{
  const size_t index = GPOINTER_TO_SIZE (g_hash_table_lookup (zip->by_name, name));
  return index ? cs_zip_nth (zip, index - 1) : NULL;
}
