/* Edits of the residual stream that are written in a file: what `model forward --edit` and `model
 * generate --edit` take. One object, or an array of them:
 *
 *   {"op": "add", "at": index, "from": position, "vector": path}          adds at every position ≥
 * from (default 0)
 *   {"op": "replace", "at": index, "position": position, "vector": path}  puts the vector in the
 * place of one row
 *
 * at: 0 … n_layers, the residual index. vector: d_model raw little-endian float32; a relative path
 * starts at the JSON file's folder; {"file": path} is read as the path. */
#pragma once

#include <jansson.h>

#include "model.h"

typedef struct CsEdits CsEdits;

/* d_model and n_layers of config are what the edits have to fit. */
CsEdits *cs_edits_load (const char *path, const CsModelConfig *config, GError **error);
/* name is what errors call the value; folder is where relative paths start. */
CsEdits *cs_edits_parse (json_t *value,
                         const char *name,
                         const char *folder,
                         const CsModelConfig *config,
                         GError **error);
void cs_edits_free (CsEdits *edits);

/* For cs_session_set_taps(); owned by the edits, which have to outlive the session's use of them.
 * The taps only read the edits: several sessions may share them. */
const CsTap *cs_edits_taps (const CsEdits *edits, size_t *n_taps);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsEdits, cs_edits_free)
