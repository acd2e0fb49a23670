/* Token classes (token-classes.h) of a tokenizer and of its chat template. */
#pragma once

#include "chat.h"
#include "token-classes.h"
#include "tokenizer.h"

/* All −1 but BOS where the tokenizer has no markers that are known. */
void         cs_token_markers_find (CsTokenMarkers *markers, const CsTokenizer *tokenizer);
/* The class of a token whose kind a rendering knows. */
CsTokenClass cs_token_class_of_kind (CsTokenKind kind);
