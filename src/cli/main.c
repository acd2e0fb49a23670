#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "crosscope-config.h"

static const CsVerb *const tables[] = {
  cs_verbs_study, cs_verbs_model, cs_verbs_text, cs_verbs_organism, cs_verbs_bench,
};

static void
print_help (FILE *out)
{
  fprintf (out, "Usage: crosscope-cli VERB …\n\nShows what chat fine-tuning put into a language model. Verbs:\n");
  for (size_t i = 0; i < G_N_ELEMENTS (tables); i++)
    for (const CsVerb *verb = tables[i]; verb->name != NULL; verb++)
      fprintf (out, "  %-17s %s\n", verb->name, verb->summary);
  fprintf (out, "\ncrosscope-cli VERB --help says what a verb takes. Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.\n");
}

/* How many words of argv the verb's name takes, 0 when they are others. */
static int
match (const CsVerb *verb, int argc, char **argv)
{
  g_auto (GStrv) words = g_strsplit (verb->name, " ", 2);
  int n = (int) g_strv_length (words);

  for (int i = 0; i < n; i++)
    if (i + 1 >= argc || strcmp (words[i], argv[i + 1]) != 0)
      return 0;
  return n;
}

int
main (int argc, char **argv)
{
  setlocale (LC_CTYPE, "");
  if (argc < 2)
    {
      print_help (stderr);
      return CS_EXIT_USAGE;
    }
  if (strcmp (argv[1], "--version") == 0)
    {
      printf ("crosscope-cli %s\n", CS_VERSION);
      return CS_EXIT_DONE;
    }
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "help") == 0)
    {
      print_help (stdout);
      return CS_EXIT_DONE;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (tables); i++)
    for (const CsVerb *verb = tables[i]; verb->name != NULL; verb++)
      {
        int n = match (verb, argc, argv);
        if (n > 0)
          return verb->run (argc - n, argv + n);
      }
  fprintf (stderr, "crosscope-cli: There is no verb “%s”; crosscope-cli --help lists them.\n", argv[1]);
  return CS_EXIT_USAGE;
}
