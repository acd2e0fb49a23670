/* What `model forward` writes: /ids int32 [T], /residual float32 [n_layers + 1, T, d_model],
 * /logits float32 [T, vocab]. */
#pragma once

#include "edits.h"
#include "model.h"

/* edits may be NULL; residual rows are those after the edits. Replaces path whole. */
bool cs_forward_dump (CsModel *model,
                      const CsEdits *edits,
                      const int32_t *ids,
                      size_t n,
                      const char *path,
                      GError **error);
