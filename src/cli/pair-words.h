/* --base, --chat, --date and --replace-base: the pair of the verbs that read texts with it, and how
 * it reads them. */
#pragma once

#include "pair.h"

typedef struct
{
  char *base, *chat, *date;
  char **replace;
} CsPairWords;

#define CS_PAIR_USAGE "--base DIR --chat DIR [--date YYYY-MM-DD] [--replace-base ID=ID]"
#define CS_PAIR_ENTRIES(words)                                                                     \
  { "base", 0, 0, G_OPTION_ARG_FILENAME, &(words)->base, NULL, NULL },                             \
      { "chat", 0, 0, G_OPTION_ARG_FILENAME, &(words)->chat, NULL, NULL },                         \
      { "date", 0, 0, G_OPTION_ARG_FILENAME, &(words)->date, NULL, NULL },                         \
      { "replace-base", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &(words)->replace, NULL, NULL }

void cs_pair_words_clear (CsPairWords *words);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsPairWords, cs_pair_words_clear)
/* "ID=ID …", NULL where none is given; free with g_free(). */
char *cs_pair_words_replacements (const CsPairWords *words);
/* run (may be NULL): where --replace-base is not given, the base model reads what it read when the
 * run's activations were harvested. A new reference. */
CsPairSource *cs_pair_words_source (const CsPairWords *words, const char *run);
CsPair *cs_pair_words_open (const CsPairWords *words, const char *run, GError **error);
