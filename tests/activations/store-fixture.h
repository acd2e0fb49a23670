/* Stores that the tests of the activation store fill and look into. */
#pragma once

#include "store.h"

#define STORE_WIDTH 12
#define STORE_DOCUMENTS 60

extern char *store_folder; /* temporary; the test program's */

/* Borrowed strings, two corpora. */
CsStoreInfo store_make_info (CsDtype dtype);
char *store_path_of (const char *name);
size_t store_document_length (size_t document);
/* The same document every time: ids and rows [n, 2, STORE_WIDTH]. */
float *store_make_document (size_t document, int32_t **ids);
bool store_append (CsStore *store, size_t document, GError **error);
size_t store_total_tokens (size_t documents);
/* Makes a store, appends the first documents, flushes now and then, finishes. */
void store_fill (const char *path,
                 CsDtype dtype,
                 size_t planned_tokens,
                 size_t planned_documents,
                 size_t documents);
/* Everything that is complete, and its moments, against the documents that went in. */
void store_check_content (CsStore *store, size_t documents);
/* Dataset by dataset, byte by byte. */
void store_assert_same (const char *a, const char *b);

void add_hostile_tests (void);
