/* What the reader's two halves share: the parser of one file's header and the object that holds the
 * maps. */
#pragma once

#include "safetensors.h"

/* The header that Hugging Face's own library accepts at most. */
#define CS_SAFETENSORS_MAX_HEADER 100000000

/* One parsed tensor: offsets count from the beginning of the data. */
typedef struct {
  CsTensor tensor;   /* name is owned by the entry, data is not set */
  char    *name;
  size_t   begin, end;
} CsHeaderEntry;

/* Parses the header of a file of `size` bytes at `bytes` and checks all that the format asks for.
 * Fills entries (an array of CsHeaderEntry, in the header's order), metadata (string to string) and
 * *data_start. path is for errors. */
bool cs_safetensors_parse (const unsigned char *bytes,
                           size_t size,
                           const char *path,
                           GArray *entries,
                           GHashTable *metadata,
                           size_t *data_start,
                           GError **error);

void cs_header_entry_clear (void *entry);
