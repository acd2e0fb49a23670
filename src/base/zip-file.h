/* The zip archives that PyTorch writes: entries stored as they are, zip64 where they are large. Reading maps the file;
 * an entry's bytes are a view into the map. Everything in a zip is hostile: offsets and sizes are checked against the
 * file, and compressed or encrypted entries are refused. Checksums are not looked at (PyTorch may leave them out).
 * An open CsZip is immutable and may be read by any number of threads. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib-object.h>

typedef struct {
  const char          *name;   /* owned by the archive; valid UTF-8 */
  const unsigned char *data;   /* in the map, any alignment */
  size_t               size;
} CsZipEntry;

typedef struct CsZip CsZip;

CsZip *cs_zip_open (const char *path, GError **error);
void   cs_zip_free (CsZip *zip);

size_t            cs_zip_n_entries (const CsZip *zip);
const CsZipEntry *cs_zip_nth (const CsZip *zip, size_t index);
const CsZipEntry *cs_zip_find (const CsZip *zip, const char *name);   /* NULL where absent */

/* Writes entries, stored and with their data at multiples of 64 bytes, replacing path whole. Archives of 4 GiB and more
 * are CS_ERROR_UNSUPPORTED. */
bool cs_zip_write (const char *path, const CsZipEntry *entries, size_t n_entries, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsZip, cs_zip_free)
