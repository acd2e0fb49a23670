/* What the Pair page says about two model folders. Read on a thread of its own, for models can be large. */
#pragma once

#include <gio/gio.h>

#include "pair.h"

typedef struct
{
  char *name, *architecture, *dtype;
  size_t n_layers, d_model, n_heads, n_kv_heads, d_ff, max_position, n_parameters, vocab_size;
  size_t n_tokens; /* of the tokenizer; 0 where it cannot be opened */
  guint64 file_bytes;
  bool has_template;
  char *problem; /* why the model cannot be opened; NULL where it can */
} CsModelFacts;

typedef struct
{
  CsModelFacts *model[2];    /* NULL where no folder is chosen */
  GArray *checks;            /* CsPairCheck; NULL unless both are chosen */
  CsRendering *rendering;    /* the chat template on a sample; NULL where there is none */
  char *template_problem;
  gssize store_layer;        /* of the study's store; −1 where there is none */
} CsPairFacts;

void cs_pair_facts_free (CsPairFacts *facts);

/* Folders may not be chosen yet. store_path: NULL to leave the store alone. */
void cs_pair_facts_async (GObject *source, CsPairSource *pair, const char *store_path,
                          GCancellable *cancellable, GAsyncReadyCallback callback, void *data);
CsPairFacts *cs_pair_facts_finish (GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPairFacts, cs_pair_facts_free)
