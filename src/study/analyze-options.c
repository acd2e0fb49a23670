#include "analyze-options.h"

CsAnalyzeOptions
cs_analyze_options_for_pair (const CsPair *pair)
{
  CsAnalyzeOptions options = CS_ANALYZE_DEFAULT;

  if (pair != NULL)
    cs_pair_markers (pair, &options.start_of_turn, &options.end_of_turn, &options.bos);
  return options;
}
