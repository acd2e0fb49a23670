#include "pair-words.h"

#include "run-layer.h"

void
cs_pair_words_clear (CsPairWords *words)
{
  g_free (words->base);
  g_free (words->chat);
  g_free (words->date);
  g_strfreev (words->replace);
}

char *
cs_pair_words_replacements (const CsPairWords *words)
{
  return words->replace != NULL ? g_strjoinv (" ", words->replace) : NULL;
}

CsPairSource *
cs_pair_words_source (const CsPairWords *words, const char *run)
{
  g_autofree char *replacements = words->replace != NULL || run == NULL
                                      ? cs_pair_words_replacements (words)
                                      : cs_cli_replacements_of_run (run);

  return cs_pair_source_new (words->base, words->chat,
                             &(CsPairReading){ words->date, replacements });
}

CsPair *
cs_pair_words_open (const CsPairWords *words, const char *run, GError **error)
{
  g_autoptr (CsPairSource) source = cs_pair_words_source (words, run);

  return cs_pair_source_open (source, error);
}
