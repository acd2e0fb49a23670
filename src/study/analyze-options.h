#pragma once

#include "latents.h"
#include "pair.h"

/* The defaults, with the template's markers of the pair (which may be NULL). */
CsAnalyzeOptions cs_analyze_options_for_pair (const CsPair *pair);
