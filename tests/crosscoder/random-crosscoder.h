/* A crosscoder of random weights, and what normalises it, for tests. */
#pragma once

#include "crosscoder.h"

CsCrosscoder *random_crosscoder (size_t d, size_t F, CsVariant variant);
void          set_normalisation (CsCrosscoder *crosscoder);
