#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "crosscope-config.h"

static const CsVerb *const tables[] = {
  cs_verbs_study,    cs_verbs_train, cs_verbs_latents, cs_verbs_model, cs_verbs_text,
  cs_verbs_organism, cs_verbs_plant, cs_verbs_score,   cs_verbs_bench,
  cs_verbs_audit,
  cs_verbs_control,
  cs_verbs_causality,
  cs_verbs_lens,
  cs_verbs_firing,
  cs_verbs_describe,
  cs_verbs_exchange,
  cs_verbs_pair,
  cs_verbs_baselines,
  cs_verbs_report,
  cs_verbs_validate,
  cs_verbs_examples,
};

static void
print_help (FILE *out)
{
  fprintf (out, "Usage: crosscope-cli VERB …\n\nShows what chat fine-tuning put into a language "
                "model. Verbs:\n");
  for (size_t i = 0; i < G_N_ELEMENTS (tables); i++)
    for (const CsVerb *verb = tables[i]; verb->name != NULL; verb++)
      fprintf (out, "  %-17s %s\n", verb->name, verb->summary);
  fprintf (out, "\ncrosscope-cli VERB --help says what a verb takes. Exit status: 0 done, 1 "
                "failed, 2 wrong usage, 130 interrupted.\n");
}

/* How many words of argv the verb's name takes, 0 when they are others. */
static int
match (const CsVerb *verb, int argc, char **argv)
{
  g_auto (GStrv) words = g_strsplit (verb->name, " ", 2);
  int n = (int)g_strv_length (words);

  for (int i = 0; i < n; i++)
    if (i + 1 >= argc || strcmp (words[i], argv[i + 1]) != 0)
      return 0;
  return n;
}

/* What is printed but never arrives (a full disk behind a redirection) has failed. */
static int
close_output (int status)
{
  if ((fflush (stdout) == 0 && !ferror (stdout)) || status != CS_EXIT_DONE)
    return status;
  fprintf (
      stderr,
      "crosscope-cli: Standard output cannot be written: make room or redirect it elsewhere.\n");
  return CS_EXIT_FAILED;
}

static int
run_verb (int argc, char **argv)
{
  bool half = false;

  for (size_t i = 0; i < G_N_ELEMENTS (tables); i++)
    for (const CsVerb *verb = tables[i]; verb->name != NULL; verb++)
      {
        int n = match (verb, argc, argv);
        if (n > 0)
          return verb->run (argc - n, argv + n);
        half =
            half || (g_str_has_prefix (verb->name, argv[1]) && verb->name[strlen (argv[1])] == ' ');
      }
  if (argv[1][0] == '-')
    fprintf (stderr, "crosscope-cli: The verb comes first, then its options; crosscope-cli --help "
                     "lists the verbs.\n");
  else if (half)
    fprintf (stderr,
             "crosscope-cli: “%s” needs a second word; crosscope-cli --help lists the verbs.\n",
             argv[1]);
  else
    fprintf (stderr, "crosscope-cli: There is no verb “%s”; crosscope-cli --help lists them.\n",
             argv[1]);
  return CS_EXIT_USAGE;
}

/* Warnings look like everything else that the command says on standard error; what libraries would only mention
 * (G_MESSAGES_DEBUG=all shows it) would stand between a failure and its one line. */
static GLogWriterOutput
write_log (GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
  if ((level & G_LOG_LEVEL_MESSAGE) != 0 && g_getenv ("G_MESSAGES_DEBUG") == NULL)
    return G_LOG_WRITER_HANDLED;
  if ((level & G_LOG_LEVEL_WARNING) == 0)
    return g_log_writer_default (level, fields, n, data);
  for (gsize i = 0; i < n; i++)
    if (strcmp (fields[i].key, "MESSAGE") == 0 && fields[i].length < 0)
      fprintf (stderr, "crosscope-cli: %s\n", (const char *)fields[i].value);
  return G_LOG_WRITER_HANDLED;
}

int
main (int argc, char **argv)
{
  setlocale (LC_CTYPE, "");
  g_log_set_writer_func (write_log, NULL, NULL);
  if (argc < 2)
    {
      print_help (stderr);
      return CS_EXIT_USAGE;
    }
  if (strcmp (argv[1], "--version") == 0)
    {
      printf ("crosscope-cli %s\n", CS_VERSION);
      return close_output (CS_EXIT_DONE);
    }
  if (strcmp (argv[1], "--help") == 0 || strcmp (argv[1], "help") == 0)
    {
      print_help (stdout);
      return close_output (CS_EXIT_DONE);
    }
  cs_cli_catch_signals ();
  return close_output (run_verb (argc, argv));
}
