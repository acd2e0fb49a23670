#include "own-chat.h"

#include <stdio.h>

#include "cli.h"
#include "make-chat.h"
#include "run-layer.h"

typedef struct
{
  char *base, *out, *on, *off;
  gint64 tokens;
  int threads;
  gboolean diff, json;
} TuneWords;

static void
tune_words_clear (TuneWords *w)
{
  g_free (w->base);
  g_free (w->out);
  g_free (w->on);
  g_free (w->off);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TuneWords, tune_words_clear)

typedef struct
{
  const TuneWords *words;
  CsMakeChatOptions options;
  GArray *behaviours; /* CsBehaviourMatch; NULL where no diff is asked for */
} TuneData;

static bool
tune_job (CsJob *job, void *data, GError **error)
{
  TuneData *d = data;

  if (!cs_make_chat (job, &d->options, NULL, error))
    return false;
  if (!d->words->diff)
    return true;
  d->behaviours = cs_make_chat_diff (job, d->options.out, d->options.n_threads, error);
  return d->behaviours != NULL;
}

static json_t *
behaviours_json (const GArray *list)
{
  json_t *object = json_object ();

  for (guint i = 0; i < list->len; i++)
    {
      const CsBehaviourMatch *b = &g_array_index (list, CsBehaviourMatch, i);

      json_object_set_new (object, b->name,
                           json_pack ("{s:b, s:I, s:o, s:o, s:o, s:o, s:b}", "on", (int)b->on,
                                      "latent", (json_int_t)b->latent, "auc", cs_cli_real (b->auc),
                                      "delta_norm", cs_cli_real (b->delta_norm), "nu_error",
                                      cs_cli_real (b->nu_error), "nu_reconstruction",
                                      cs_cli_real (b->nu_reconstruction), "chat_specific",
                                      (int)b->chat_specific));
    }
  return object;
}

static void
print_behaviours (const GArray *list)
{
  printf (
      "behaviour                 tuned  latent     AUC  Δ_norm    ν^ε    ν^r  Latent Scaling\n");
  for (guint i = 0; i < list->len; i++)
    {
      const CsBehaviourMatch *b = &g_array_index (list, CsBehaviourMatch, i);

      printf ("%-24s  %-5s  ", b->name, b->on ? "on" : "off");
      if (b->latent < 0)
        printf ("no latent leans to chat\n");
      else
        printf ("%6zd  %6.3f  %6.3f  %5.2f  %5.2f  %s\n", b->latent, b->auc, b->delta_norm,
                b->nu_error, b->nu_reconstruction,
                b->chat_specific ? "chat-specific" : "not confirmed");
    }
}

static bool
parse (TuneWords *w, int *argc, char ***argv, const CsVerb *verb, int *status)
{
  const GOptionEntry entries[] = {
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &w->base, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &w->out, NULL, NULL },
    { "on", 0, 0, G_OPTION_ARG_FILENAME, &w->on, NULL, NULL },
    { "off", 0, 0, G_OPTION_ARG_FILENAME, &w->off, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &w->tokens, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &w->threads, NULL, NULL },
    { "diff", 0, 0, G_OPTION_ARG_NONE, &w->diff, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  if (!cs_cli_parse (argc, argv, verb, entries, 0, 0, status))
    return false;
  if (w->base != NULL && w->out != NULL && w->tokens >= 0 && w->threads >= 0 &&
      (w->on == NULL || w->off == NULL))
    return true;
  *status = cs_cli_usage (verb, "--base and --out are needed, --on and --off exclude each other, "
                                "and numbers cannot be negative.");
  return false;
}

int
cs_cli_organism_tune (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_organism[2];
  g_auto (TuneWords) w = { 0 };
  g_autoptr (GError) error = NULL;
  unsigned named = 0;
  int status;

  if (!parse (&w, &argc, &argv, verb, &status))
    return status;
  if (!cs_make_chat_parse (w.on != NULL ? w.on : w.off != NULL ? w.off : "all", &named, &error))
    return cs_cli_usage (verb, error->message);
  TuneData data = { .words = &w };
  data.options = (CsMakeChatOptions){ .base_folder = w.base,
                                      .out = w.out,
                                      .behaviours = w.off != NULL ? ~named : named,
                                      .tokens = (size_t)w.tokens,
                                      .n_threads = (unsigned)w.threads };
  status = cs_cli_job ("Tuning", tune_job, &data);
  if (status == CS_EXIT_DONE && data.behaviours != NULL && !w.json)
    print_behaviours (data.behaviours);
  if (status == CS_EXIT_DONE && w.json)
    cs_cli_print_json (
        json_pack ("{s:o, s:o}", "out", cs_cli_string (w.out), "concepts",
                   data.behaviours != NULL ? behaviours_json (data.behaviours) : json_null ()));
  g_clear_pointer (&data.behaviours, g_array_unref);
  return status;
}

/* --- organism match --- */

typedef struct
{
  const char *dir, *run;
  size_t layer, n_prompts;
  unsigned n_threads;
  GArray *behaviours;
} MatchData;

static bool
match_job (CsJob *job, void *data, GError **error)
{
  MatchData *d = data;

  d->behaviours =
      cs_behaviour_match (job, d->dir, d->run, d->layer, d->n_prompts, d->n_threads, error);
  return d->behaviours != NULL;
}

int
cs_cli_organism_match (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_organism[3];
  g_autofree char *run = NULL;
  int layer = -1, prompts = 0, threads = 0, status;
  gboolean json = false;
  const GOptionEntry entries[] = {
    { "run", 0, 0, G_OPTION_ARG_FILENAME, &run, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT, &layer, NULL, NULL },
    { "prompts", 0, 0, G_OPTION_ARG_INT, &prompts, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  MatchData data = { 0 };

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (run == NULL || layer < -1 || prompts < 0 || threads < 0)
    return cs_cli_usage (verb, "--run is needed, and numbers cannot be negative.");
  data = (MatchData){ .dir = argv[1],
                      .run = run,
                      .layer = layer >= 0 ? (size_t)layer : cs_cli_layer_of_run (run),
                      .n_prompts = (size_t)prompts,
                      .n_threads = (unsigned)threads };
  status = cs_cli_job ("Matching", match_job, &data);
  if (status == CS_EXIT_DONE && json)
    cs_cli_print_json (behaviours_json (data.behaviours));
  else if (status == CS_EXIT_DONE)
    print_behaviours (data.behaviours);
  g_clear_pointer (&data.behaviours, g_array_unref);
  return status;
}
