#include "analyze-options.h"

#include "token-markers.h"

CsAnalyzeOptions
cs_analyze_options_for_pair (const CsPair *pair)
{
  CsAnalyzeOptions options = CS_ANALYZE_DEFAULT;

  if (pair != NULL)
    cs_token_markers_find (&options.markers, pair->tokenizer);
  return options;
}
