/* How many documents a corpus has, without tokenizing them. */
#pragma once

#include <stdbool.h>

#include <gio/gio.h>

/* Documents are lines, or in plain text what stands between blank lines. At most 64 MiB are read;
 * of a longer file the beginning is taken for the whole and *estimated is set. cancellable may be
 * NULL. */
bool cs_corpus_count_documents (const char *path,
                                GCancellable *cancellable,
                                double *n_documents,
                                bool *estimated,
                                GError **error);
