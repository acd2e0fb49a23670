/* examples: the texts on which a latent fires, in groups by fraction of its maximum. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "errors.h"
#include "examples.h"
#include "run-study.h"

static int run_examples (int argc, char **argv);

const CsVerb cs_verbs_examples[] = {
  { "examples",
    "RUN --latent ID [--chat DIR] [--activations F.h5] [--per-group N] [--context N] [--json]",
    "The texts on which a latent fires, in groups by strength", run_examples },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  char *chat, *store;
  gint64 latent, per_group, context;
  gboolean json;
} Words;

static void
words_clear (Words *w)
{
  g_free (w->chat);
  g_free (w->store);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

typedef struct
{
  const char *run;
  const Words *words;
  char *store_path, *chat_folder;
  CsStore *store;
  CsTokenizer *tokenizer;
  GArray *examples; /* CsExample */
} Found;

static void
found_clear (Found *found)
{
  g_free (found->store_path);
  g_free (found->chat_folder);
  g_clear_pointer (&found->store, cs_store_free);
  g_clear_pointer (&found->tokenizer, cs_tokenizer_unref);
  g_clear_pointer (&found->examples, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

/* The store and the tokenizer that are named, else the study's. */
static bool
find_files (Found *found, GError **error)
{
  g_autoptr (GError) failed = NULL;
  g_autoptr (CsStudy) study = cs_cli_study_of_run (found->run, NULL, &failed);
  const char *chat = found->words->chat;

  if (failed != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return false;
    }
  found->store_path = cs_cli_store_of_run (found->run, study, found->words->store);
  if (chat == NULL && study != NULL)
    chat = cs_study_model_folder (study, 1);
  found->chat_folder = g_strdup (chat);
  if (found->store_path != NULL && found->chat_folder != NULL)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "%s does not say where its %s: name it with %s.",
               found->run,
               found->store_path == NULL ? "activation store is" : "chat model's tokenizer is",
               found->store_path == NULL ? "--activations" : "--chat");
  return false;
}

static bool
load_job (CsJob *job, void *data, GError **error)
{
  Found *found = data;
  const Words *w = found->words;
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (found->run, error);
  g_autoptr (CsTeam) team = cs_team_new (0);

  if (crosscoder == NULL)
    return false;
  if ((size_t)w->latent >= crosscoder->n_latents)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "%s has latents 0 to %zu, and no %" G_GINT64_FORMAT ": choose one of those.",
                   found->run, crosscoder->n_latents - 1, w->latent);
      return false;
    }
  if ((found->tokenizer = cs_tokenizer_open (found->chat_folder, error)) == NULL ||
      (found->store = cs_store_open (found->store_path, false, error)) == NULL)
    return false;
  found->examples = cs_examples_load (found->run, found->store, crosscoder, team, (size_t)w->latent,
                                      (size_t)w->context, (size_t)w->per_group, error);
  return found->examples != NULL;
}

/* --- Printing --- */

static char *
decode (const Found *found, const int32_t *ids, size_t n)
{
  g_autofree char *text = cs_tokenizer_decode (found->tokenizer, ids, n, false);

  return g_utf8_make_valid (text, -1);
}

static json_t *
example_json (const Found *found, const CsExample *e)
{
  g_autofree char *text = decode (found, e->ids, e->n);
  json_t *tokens = json_array (), *values = json_array (), *ids = json_array ();

  for (size_t t = 0; t < e->n; t++)
    {
      g_autofree char *token = decode (found, e->ids + t, 1);

      json_array_append_new (ids, json_integer (e->ids[t]));
      json_array_append_new (tokens, json_string (token));
      json_array_append_new (values, cs_cli_real ((double)e->values[t]));
    }
  return json_pack ("{s:I, s:I, s:o, s:o, s:I, s:I, s:s, s:o, s:o, s:o}", "latent",
                    (json_int_t)found->words->latent, "group", (json_int_t)e->group, "at_least",
                    cs_cli_real (cs_example_group_floor[e->group]), "activation",
                    cs_cli_real ((double)e->activation), "token", (json_int_t)e->token, "first",
                    (json_int_t)e->first, "text", text, "ids", ids, "tokens", tokens, "values",
                    values);
}

/* One line of text; the tokens on which it fires are marked. */
static void
print_example (const Found *found, const CsExample *e)
{
  g_autoptr (GString) line = g_string_new (NULL);

  for (size_t begin = 0, end; begin < e->n; begin = end)
    {
      const bool fires = e->values[begin] > 0;
      g_autofree char *part = NULL;

      for (end = begin + 1; end < e->n && (e->values[end] > 0) == fires; end++)
        ;
      part = g_strdelimit (decode (found, e->ids + begin, end - begin), "\r\n", ' ');
      g_string_append_printf (line, fires ? "<<%s>>" : "%s", part);
    }
  printf ("%9.3f  %s\n", (double)e->activation, line->str);
}

static void
print_all (const Found *found)
{
  size_t group = CS_EXAMPLE_GROUPS;

  if (found->examples->len == 0)
    printf (
        "There is no example: the latent is dead, or the run was not analysed on this store.\n");
  for (guint i = 0; i < found->examples->len; i++)
    {
      const CsExample *e = &g_array_index (found->examples, CsExample, i);

      if (e->group != group)
        printf ("%s≥ %.0f %% of the maximum\n", group == CS_EXAMPLE_GROUPS ? "" : "\n",
                100 * cs_example_group_floor[e->group]);
      group = e->group;
      print_example (found, e);
    }
}

static int
run_examples (int argc, char **argv)
{
  g_auto (Words) w = { .latent = -1, .per_group = 10, .context = 32 };
  const GOptionEntry entries[] = {
    { "latent", 0, 0, G_OPTION_ARG_INT64, &w.latent, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &w.chat, NULL, NULL },
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &w.store, NULL, NULL },
    { "per-group", 0, 0, G_OPTION_ARG_INT64, &w.per_group, NULL, NULL },
    { "context", 0, 0, G_OPTION_ARG_INT64, &w.context, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w.json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_examples[0];
  g_autoptr (GError) error = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (w.latent < 0 || w.per_group < 1 || w.context < 0 || w.context > 4096)
    return cs_cli_usage (verb,
                         "--latent is needed; --per-group has to be 1 or more, --context from 0 "
                         "to 4096.");
  g_auto (Found) found = { .run = argv[1], .words = &w };
  if (!find_files (&found, &error))
    return cs_cli_fail (error);
  status = cs_cli_job ("Examples", load_job, &found);
  if (status != CS_EXIT_DONE)
    return status;
  if (!w.json)
    print_all (&found);
  for (guint i = 0; w.json && i < found.examples->len; i++)
    cs_cli_print_json (example_json (&found, &g_array_index (found.examples, CsExample, i)));
  return CS_EXIT_DONE;
}
