/* Loads the top examples of latents off the main thread: they are encoded again from the activation store.
 *
 * A source keeps the run's crosscoder and the tokenizer between loads; the store is opened for each load only, so that a
 * harvest can have it. Loads of one source run one after another. */
#pragma once

#include <gio/gio.h>

#include "examples.h"
#include "tokenizer.h"

typedef struct CsExampleSource CsExampleSource;

/* chat_folder: where the tokenizer is; NULL where there is none (ids are shown then). */
CsExampleSource *cs_example_source_new (const char *run_folder, const char *store_path,
                                        const char *chat_folder);
CsExampleSource *cs_example_source_ref (CsExampleSource *source);
void cs_example_source_unref (CsExampleSource *source);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsExampleSource, cs_example_source_unref)

/* Main thread. */
void cs_example_source_load (CsExampleSource *source, size_t latent, size_t context,
                             size_t per_group, GCancellable *cancellable,
                             GAsyncReadyCallback callback, void *data);
/* CsExample elements, owned by the caller. tokenizer (a new reference, or NULL) may be NULL. */
GArray *cs_example_source_finish (GAsyncResult *result, CsTokenizer **tokenizer, GError **error);
