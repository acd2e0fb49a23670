/* causality. */
#include <stdio.h>

#include "causality.h"
#include "cli.h"
#include "harvest.h"
#include "json.h"
#include "pair-words.h"
#include "run-layer.h"

static int run_causality (int argc, char **argv);

const CsVerb cs_verbs_causality[] = {
  { "causality",
    "RUN " CS_PAIR_USAGE " --corpus FILE… [--layer L] [--set N] [--documents N] [--skip N] "
    "[--max-document N] [--random N] [--draws N] [--seed S] [--threads N] [--json]",
    "Patches latents into the chat model and prints the KL table", run_causality },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  CsPairWords pair;
  char **corpora;
  gint64 layer, set, documents, skip, max_document, random, draws, seed, threads;
  gboolean json;
} Words;

static void
words_clear (Words *w)
{
  cs_pair_words_clear (&w->pair);
  g_strfreev (w->corpora);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

typedef struct
{
  CsCausalityOptions options;
  CsCausality *result;
} CausalityData;

static bool
causality_job (CsJob *job, void *data, GError **error)
{
  CausalityData *d = data;

  if (d->options.layer == CS_LAYER_MIDDLE)
    {
      g_autoptr (CsModel) model = cs_model_open (d->options.chat_folder, error);

      if (model == NULL)
        return false;
      d->options.layer = cs_layer_middle (cs_model_config (model)->n_layers);
    }
  d->result = cs_causality_run (job, &d->options, error);
  return d->result != NULL;
}

static bool
is_file (const char *word)
{
  return true;
}

static bool
parse (Words *w, int *argc, char ***argv, int *status)
{
  const GOptionEntry entries[] = {
    CS_PAIR_ENTRIES (&w->pair),
    { "corpus", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->corpora, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &w->layer, NULL, NULL },
    { "set", 0, 0, G_OPTION_ARG_INT64, &w->set, NULL, NULL },
    { "documents", 0, 0, G_OPTION_ARG_INT64, &w->documents, NULL, NULL },
    { "skip", 0, 0, G_OPTION_ARG_INT64, &w->skip, NULL, NULL },
    { "max-document", 0, 0, G_OPTION_ARG_INT64, &w->max_document, NULL, NULL },
    { "random", 0, 0, G_OPTION_ARG_INT64, &w->random, NULL, NULL },
    { "draws", 0, 0, G_OPTION_ARG_INT64, &w->draws, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &w->seed, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT64, &w->threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  w->layer = -1;
  w->seed = 42;
  return cs_cli_parse (argc, argv, &cs_verbs_causality[0], entries, 1, 1, status);
}

/* NULL, or what is wrong with the words. */
static const char *
check (const Words *w)
{
  if (w->pair.base == NULL || w->pair.chat == NULL || w->corpora == NULL)
    return "--base, --chat and at least one --corpus are needed.";
  if (w->layer < -1 || w->set < 0 || w->documents < 0 || w->skip < 0 || w->max_document < 0 ||
      w->random < 0 || w->random > 20 || w->draws < 0 || w->draws > 1000000 || w->seed < 0 ||
      w->threads < 0 || w->threads > 1024)
    return "Counts cannot be negative; --random is at most 20, --draws 1000000, --threads 1024.";
  return NULL;
}

static bool
print_json (const char *run, GError **error)
{
  g_autofree char *path = g_build_filename (run, "causality.json", NULL);
  json_t *value = cs_json_load (path, 0, error);

  if (value == NULL)
    return false;
  cs_cli_print_json (value);
  return true;
}

static int
run_causality (int argc, char **argv)
{
  g_auto (GStrv) words = cs_cli_repeat_option (&argc, argv, "--corpus", is_file);
  g_autofree char **moved = g_memdup2 (words, ((size_t)argc + 1) * sizeof *words);
  g_auto (Words) w = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPairSource) pair = NULL;
  CausalityData data = { 0 };
  const char *wrong;
  int status;

  argv = moved;
  if (!parse (&w, &argc, &argv, &status))
    return status;
  if ((wrong = check (&w)) != NULL)
    return cs_cli_usage (&cs_verbs_causality[0], wrong);
  pair = cs_pair_words_source (&w.pair, argv[1]);
  data.options = (CsCausalityOptions){
    .run_folder = argv[1],
    .base_folder = w.pair.base,
    .chat_folder = w.pair.chat,
    .reading = { pair->date, pair->base_replacements },
    .layer = w.layer < 0 ? cs_cli_layer_of_run (argv[1]) : (size_t)w.layer,
    .corpora = (const char *const *)w.corpora,
    .skip_documents = (size_t)w.skip,
    .max_documents = (size_t)w.documents,
    .max_tokens = (size_t)w.max_document,
    .n_set = (size_t)w.set,
    .n_random = (size_t)w.random,
    .n_draws = (size_t)w.draws,
    .seed = (uint64_t)w.seed,
    .n_threads = (unsigned)w.threads,
  };
  status = cs_cli_job ("Causality", causality_job, &data);
  if (status == CS_EXIT_DONE && !w.json)
    {
      g_autofree char *text = cs_causality_text (data.result);

      fputs (text, stdout);
    }
  else if (status == CS_EXIT_DONE && !print_json (argv[1], &error))
    status = cs_cli_fail (error);
  g_clear_pointer (&data.result, cs_causality_free);
  return status;
}
