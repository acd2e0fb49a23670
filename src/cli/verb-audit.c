/* audit. */
#include <stdio.h>
#include <string.h>

#include "audit-prompts.h"
#include "cli.h"
#include "errors.h"
#include "harvest.h"
#include "pair-words.h"
#include "run-layer.h"

static int run_audit (int argc, char **argv);

const CsVerb cs_verbs_audit[] = {
  { "audit",
    "RUN " CS_PAIR_USAGE " [--refuse FILE --comply FILE] [--phrases FILE] [--latent ID]… "
    "[--layer L] [--last-tokens N] [--max-tokens N] [--prompts N] [--seed S] [--threads N] "
    "[--json]",
    "Refusal audit: which latents carry refusals, and what happens without them", run_audit },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  CsPairWords pair;
  char *refuse, *comply, *phrases;
  char **latents;
  gint64 layer, last_tokens, max_tokens, prompts, seed;
  int threads;
  gboolean json;
} AuditWords;

static void
audit_words_clear (AuditWords *w)
{
  cs_pair_words_clear (&w->pair);
  g_free (w->refuse);
  g_free (w->comply);
  g_free (w->phrases);
  g_strfreev (w->latents);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (AuditWords, audit_words_clear)

typedef struct
{
  const char *run;
  const AuditWords *words;
  CsAuditOptions options;
  CsRefusalAudit *audit;
} AuditData;

/* The files' prompts, or those of the demo world that the chat model belongs to. */
static bool
load_prompts (const AuditWords *w, GArray **refuse, GArray **comply, GError **error)
{
  g_autofree char *organism = NULL;

  if (w->refuse != NULL)
    return (*refuse = cs_audit_prompts_load (w->refuse, error)) != NULL &&
           (*comply = cs_audit_prompts_load (w->comply, error)) != NULL;
  organism = cs_organism_of_model (w->pair.chat);
  if (organism != NULL)
    return cs_audit_prompts_of_organism (organism, (size_t)w->prompts, refuse, comply, error);
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "%s is not the chat model of a demo pair: name prompt files with --refuse and "
               "--comply.",
               w->pair.chat);
  return false;
}

static bool
audit_job (CsJob *job, void *data, GError **error)
{
  AuditData *d = data;
  const AuditWords *w = d->words;
  g_autoptr (CsPair) pair = cs_pair_words_open (&w->pair, d->run, error);
  g_autoptr (CsCrosscoder) crosscoder = pair != NULL ? cs_crosscoder_load (d->run, error) : NULL;
  g_autoptr (CsLatents) latents = crosscoder != NULL ? cs_latents_load (d->run, error) : NULL;
  g_autoptr (CsRefusalRule) rule =
      latents != NULL ? cs_refusal_rule_open (w->phrases, error) : NULL;
  g_autoptr (GArray) refuse = NULL, comply = NULL;

  if (rule == NULL || !load_prompts (w, &refuse, &comply, error))
    return false;
  if (d->options.layer == CS_LAYER_MIDDLE)
    d->options.layer = cs_layer_middle (cs_model_config (pair->model[0])->n_layers);
  d->audit =
      cs_refusal_audit (job, pair, crosscoder, latents, refuse, comply, rule, &d->options, error);
  return d->audit != NULL && cs_refusal_audit_save (d->audit, d->run, error);
}

/* Numbers of latents; NULL where one is none. */
static GArray *
read_latents (char **words)
{
  g_autoptr (GArray) list = g_array_new (false, false, sizeof (size_t));

  for (char **word = words; word != NULL && *word != NULL; word++)
    {
      guint64 number;
      size_t latent;

      if (!g_ascii_string_to_unsigned (*word, 10, 0, G_MAXUINT32, &number, NULL))
        return NULL;
      latent = (size_t)number;
      g_array_append_val (list, latent);
    }
  return g_steal_pointer (&list);
}

static const char *
check_words (const AuditWords *w)
{
  if (w->pair.base == NULL || w->pair.chat == NULL)
    return "--base and --chat are needed.";
  if ((w->refuse == NULL) != (w->comply == NULL))
    return "--refuse and --comply go together.";
  if (w->layer < -1 || w->last_tokens < 0 || w->max_tokens < 0 || w->prompts < 0 || w->seed < 0 ||
      w->threads < 0)
    return "--layer, --last-tokens, --max-tokens, --prompts, --seed and --threads cannot be "
           "negative.";
  return NULL;
}

static bool
parse_words (AuditWords *w, int *argc, char ***argv, int *status)
{
  const GOptionEntry entries[] = {
    CS_PAIR_ENTRIES (&w->pair),
    { "refuse", 0, 0, G_OPTION_ARG_FILENAME, &w->refuse, NULL, NULL },
    { "comply", 0, 0, G_OPTION_ARG_FILENAME, &w->comply, NULL, NULL },
    { "phrases", 0, 0, G_OPTION_ARG_FILENAME, &w->phrases, NULL, NULL },
    { "latent", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->latents, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &w->layer, NULL, NULL },
    { "last-tokens", 0, 0, G_OPTION_ARG_INT64, &w->last_tokens, NULL, NULL },
    { "max-tokens", 0, 0, G_OPTION_ARG_INT64, &w->max_tokens, NULL, NULL },
    { "prompts", 0, 0, G_OPTION_ARG_INT64, &w->prompts, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &w->seed, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &w->threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  w->layer = -1;
  return cs_cli_parse (argc, argv, &cs_verbs_audit[0], entries, 1, 1, status);
}

static int
run_audit (int argc, char **argv)
{
  g_auto (AuditWords) w = { 0 };
  g_autoptr (GArray) chosen = NULL;
  const char *wrong;
  int status;

  if (!parse_words (&w, &argc, &argv, &status))
    return status;
  chosen = read_latents (w.latents);
  wrong = chosen == NULL ? "--latent takes the number of a latent." : check_words (&w);
  if (wrong != NULL)
    return cs_cli_usage (&cs_verbs_audit[0], wrong);
  AuditData data = { .run = argv[1], .words = &w };
  data.options =
      (CsAuditOptions){ .layer = w.layer < 0 ? cs_cli_layer_of_run (argv[1]) : (size_t)w.layer,
                        .last_tokens = (size_t)w.last_tokens,
                        .max_tokens = (size_t)w.max_tokens,
                        .chosen = (const size_t *)(const void *)chosen->data,
                        .n_chosen = chosen->len,
                        .seed = (uint64_t)w.seed,
                        .n_threads = (unsigned)w.threads };
  status = cs_cli_job ("Audit", audit_job, &data);
  if (status != CS_EXIT_DONE)
    return status;
  g_autoptr (CsRefusalAudit) audit = data.audit;
  g_autofree char *text = cs_refusal_audit_text (audit);
  fputs (text, w.json ? stderr : stdout);
  if (w.json)
    cs_cli_print_json (cs_refusal_audit_to_json (audit));
  return CS_EXIT_DONE;
}
