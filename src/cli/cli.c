#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"

static void
print_usage (const CsVerb *verb, FILE *out)
{
  fprintf (out, "Usage: crosscope-cli %s %s\n", verb->name, verb->usage);
}

int
cs_cli_usage (const CsVerb *verb, const char *sentence)
{
  fprintf (stderr, "crosscope-cli: %s\n", sentence);
  print_usage (verb, stderr);
  return CS_EXIT_USAGE;
}

int
cs_cli_fail (const GError *error)
{
  g_autofree char *sentence = g_strdelimit (g_strdup (error->message), "\r\n", ' ');

  fprintf (stderr, "crosscope-cli: %s\n", sentence);
  return g_error_matches (error, CS_ERROR, CS_ERROR_CANCELLED) ? CS_EXIT_INTERRUPTED
                                                               : CS_EXIT_FAILED;
}

/* --- Options --- */

char **
cs_cli_repeat_option (int *argc, char **argv, const char *option, bool (*fits) (const char *word))
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  bool follows = false;
  char **words;
  int i;

  for (i = 0; i < *argc && strcmp (argv[i], "--") != 0; i++)
    {
      if (strcmp (argv[i], option) == 0 && i + 1 < *argc)
        {
          g_strv_builder_add_many (builder, option, argv[++i], NULL);
          follows = true;
          continue;
        }
      follows = follows && argv[i][0] != '-' && fits (argv[i]);
      if (follows)
        g_strv_builder_add (builder, option);
      g_strv_builder_add (builder, argv[i]);
    }
  for (; i < *argc; i++)
    g_strv_builder_add (builder, argv[i]);
  words = g_strv_builder_end (builder);
  *argc = (int)g_strv_length (words);
  return words;
}

static bool
asks_for_help (int argc, char **argv)
{
  for (int i = 1; i < argc && strcmp (argv[i], "--") != 0; i++)
    if (strcmp (argv[i], "--help") == 0 || strcmp (argv[i], "-h") == 0)
      return true;
  return false;
}

/* GOption leaves the "--" that ends the options where words came before it. */
static void
drop_separator (int *argc, char **argv)
{
  for (int i = 1; i < *argc; i++)
    if (strcmp (argv[i], "--") == 0)
      {
        memmove (argv + i, argv + i + 1, (size_t)(*argc - i) * sizeof *argv);
        (*argc)--;
        return;
      }
}

bool
cs_cli_parse (int *argc,
              char ***argv,
              const CsVerb *verb,
              const GOptionEntry *entries,
              int min,
              int max,
              int *status)
{
  g_autoptr (GOptionContext) context = g_option_context_new (verb->usage);
  g_autoptr (GError) error = NULL;

  if (asks_for_help (*argc, *argv))
    {
      print_usage (verb, stdout);
      printf ("%s\n", verb->summary);
      *status = CS_EXIT_DONE;
      return false;
    }
  g_option_context_set_help_enabled (context, FALSE);
  if (entries != NULL)
    g_option_context_add_main_entries (context, entries, NULL);
  if (!g_option_context_parse (context, argc, argv, &error))
    {
      *status = cs_cli_usage (verb, error->message);
      return false;
    }
  drop_separator (argc, *argv);
  if (*argc - 1 < min || (max >= 0 && *argc - 1 > max))
    {
      *status =
          cs_cli_usage (verb, *argc - 1 < min ? "An argument is missing."
                                              : "There are more arguments than this verb takes.");
      return false;
    }
  return true;
}

/* --- Results --- */

void
cs_cli_print_json (json_t *value)
{
  /* Only ASCII: U+2028 and its like end a line for some readers. */
  char *dumped = json_dumps (value, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION (9));

  g_assert (dumped != NULL); /* strings go through cs_cli_string(), reals through cs_cli_real() */
  printf ("%s\n", dumped);
  fflush (stdout);
  free (dumped);
  json_decref (value);
}

json_t *
cs_cli_real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

json_t *
cs_cli_string (const char *text)
{
  g_autofree char *valid = text != NULL ? g_utf8_make_valid (text, -1) : NULL;

  return valid != NULL ? json_string (valid) : json_null ();
}

json_t *
cs_cli_text (const CsTokenizer *tokenizer, const GArray *ids, bool skip_special)
{
  size_t size = 0;
  g_autofree char *text = cs_tokenizer_decode_sized (
      tokenizer, (const int32_t *)(const void *)ids->data, ids->len, skip_special, &size);

  return json_stringn (text, size);
}

json_t *
cs_cli_ids (const GArray *ids)
{
  json_t *array = json_array ();

  for (guint i = 0; i < ids->len; i++)
    json_array_append_new (array, json_integer (g_array_index (ids, int32_t, i)));
  return array;
}

json_t *
cs_cli_reals (const CsCliReal *values, size_t n)
{
  json_t *object = json_object ();

  for (size_t i = 0; i < n; i++)
    json_object_set_new (object, values[i].name, cs_cli_real (values[i].value));
  return object;
}
