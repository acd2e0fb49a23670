#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "errors.h"
#include "file-replace.h"
#include "zip-file.h"

#define ALIGNMENT 64          /* of an entry's data: what PyTorch does, so that it may be mapped */
#define PADDING_EXTRA 0x4246u /* "FB": PyTorch's own field that only pads */
#define FLAG_UTF8 0x0800u
#define LAST ((uint64_t)0xffffffff)

typedef struct
{
  CsFileReplace *file;
  uint64_t at;
} Output;

static void
put16 (GByteArray *out, uint32_t value)
{
  const unsigned char bytes[] = { value & 0xff, value >> 8 & 0xff };
  g_byte_array_append (out, bytes, sizeof bytes);
}

static void
put32 (GByteArray *out, uint32_t value)
{
  put16 (out, value & 0xffff);
  put16 (out, value >> 16);
}

/* CRC-32 of the zip format (reflected polynomial 0xedb88320), eight bits at a time. */
static uint32_t
crc32 (const unsigned char *data, size_t size)
{
  uint32_t table[256], crc = 0xffffffffu;
  for (uint32_t i = 0; i < 256; i++)
    {
      table[i] = i;
      for (unsigned bit = 0; bit < 8; bit++)
        table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320u : 0);
    }
  for (size_t i = 0; i < size; i++)
    crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xff];
  return ~crc;
}

/* The part that the local and the central record share: from "version needed" to the lengths. */
static void
put_common (GByteArray *out, const CsZipEntry *entry, uint32_t crc, size_t n_extra)
{
  put16 (out, 20);
  put16 (out, FLAG_UTF8);
  put16 (out, 0);        /* stored */
  put32 (out, 0x210000); /* no time, 1 January 1980: the same bytes each time */
  put32 (out, crc);
  put32 (out, (uint32_t)entry->size);
  put32 (out, (uint32_t)entry->size);
  put16 (out, (uint32_t)strlen (entry->name));
  put16 (out, (uint32_t)n_extra);
}

static bool
flush (Output *output, GByteArray *bytes, GError **error)
{
  const bool ok = cs_file_replace_write (output->file, bytes->data, bytes->len, error);
  output->at += bytes->len;
  g_byte_array_set_size (bytes, 0);
  return ok;
}

static bool
write_entry (Output *output,
             const CsZipEntry *entry,
             GByteArray *bytes,
             GByteArray *directory,
             GError **error)
{
  const uint32_t crc = crc32 (entry->data, entry->size);
  const uint32_t offset = (uint32_t)output->at;
  const uint64_t data = output->at + 30 + strlen (entry->name) + 4;
  const size_t padding = (size_t)((ALIGNMENT - data % ALIGNMENT) % ALIGNMENT);
  put32 (bytes, 0x04034b50u);
  put_common (bytes, entry, crc, 4 + padding);
  g_byte_array_append (bytes, (const guint8 *)entry->name, (guint)strlen (entry->name));
  put16 (bytes, PADDING_EXTRA);
  put16 (bytes, (uint32_t)padding);
  for (size_t i = 0; i < padding; i++)
    g_byte_array_append (bytes, (const guint8 *)"Z", 1);
  put32 (directory, 0x02014b50u);
  put16 (directory, 20);
  put_common (directory, entry, crc, 0);
  put16 (directory, 0); /* comment */
  put16 (directory, 0); /* disk */
  put16 (directory, 0); /* attributes, inside and outside */
  put32 (directory, 0);
  put32 (directory, offset);
  g_byte_array_append (directory, (const guint8 *)entry->name, (guint)strlen (entry->name));
  if (!flush (output, bytes, error) ||
      !cs_file_replace_write (output->file, entry->data, entry->size, error))
    return false;
  output->at += entry->size;
  return true;
}

bool
cs_zip_write (const char *path, const CsZipEntry *entries, size_t n_entries, GError **error)
{
  uint64_t total = 0;
  for (size_t i = 0; i < n_entries; i++)
    total += MIN (entries[i].size, LAST) + 2 * strlen (entries[i].name) + 256;
  if (total > LAST || n_entries > 0xfffe)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "“%s” would take more than 4 GiB, which is not written as a PyTorch file: "
                   "export less.",
                   path);
      return false;
    }
  g_autoptr (CsFileReplace) file = cs_file_replace_new (path, error);
  if (!file)
    return false;
  Output output = { file, 0 };
  g_autoptr (GByteArray) bytes = g_byte_array_new (), directory = g_byte_array_new ();
  for (size_t i = 0; i < n_entries; i++)
    if (!write_entry (&output, &entries[i], bytes, directory, error))
      return false;
  const uint32_t n_directory = directory->len, at = (uint32_t)output.at;
  put32 (directory, 0x06054b50u);
  put32 (directory, 0);
  put16 (directory, (uint32_t)n_entries);
  put16 (directory, (uint32_t)n_entries);
  put32 (directory, n_directory);
  put32 (directory, at);
  put16 (directory, 0);
  return flush (&output, directory, error) && cs_file_replace_commit (file, error);
}
