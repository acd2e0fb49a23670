/* baselines. */
#include <errno.h>
#include <stdio.h>

#include "baselines.h"
#include "cli.h"
#include "errors.h"
#include "harvest.h"
#include "pair-words.h"

static int run_baselines (int argc, char **argv);

const CsVerb cs_verbs_baselines[] = {
  { "baselines",
    CS_PAIR_USAGE " --corpus FILE… [--layer L] [--documents N] [--max-document N] [--top N] "
    "[--components N] [--draws N] [--seed S] [--threads N] [--out DIR] [--json]",
    "What a pair shows without a crosscoder: KL, mean differences, components", run_baselines },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  CsPairWords pair;
  char *out;
  char **corpora;
  gint64 layer, documents, max_document, top, components, draws, seed, threads;
  gboolean json;
} Words;

static void
words_clear (Words *w)
{
  cs_pair_words_clear (&w->pair);
  g_free (w->out);
  g_strfreev (w->corpora);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

typedef struct
{
  CsBaselinesOptions options;
  const char *out;
  CsBaselines *result;
} BaselinesData;

static bool
baselines_job (CsJob *job, void *data, GError **error)
{
  BaselinesData *d = data;

  if (d->options.layer == CS_LAYER_MIDDLE)
    {
      g_autoptr (CsModel) model = cs_model_open (d->options.chat_folder, error);

      if (model == NULL)
        return false;
      d->options.layer = cs_layer_middle (cs_model_config (model)->n_layers);
    }
  if (d->out != NULL && g_mkdir_with_parents (d->out, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder %s cannot be made: %s.", d->out,
                   g_strerror (errno));
      return false;
    }
  d->result = cs_baselines_run (job, &d->options, error);
  return d->result != NULL && (d->out == NULL || cs_baselines_save (d->result, d->out, error));
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
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &w->out, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &w->layer, NULL, NULL },
    { "documents", 0, 0, G_OPTION_ARG_INT64, &w->documents, NULL, NULL },
    { "max-document", 0, 0, G_OPTION_ARG_INT64, &w->max_document, NULL, NULL },
    { "top", 0, 0, G_OPTION_ARG_INT64, &w->top, NULL, NULL },
    { "components", 0, 0, G_OPTION_ARG_INT64, &w->components, NULL, NULL },
    { "draws", 0, 0, G_OPTION_ARG_INT64, &w->draws, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &w->seed, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT64, &w->threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  w->layer = -1;
  w->seed = 42;
  return cs_cli_parse (argc, argv, &cs_verbs_baselines[0], entries, 0, 0, status);
}

/* NULL, or what is wrong with the words. */
static const char *
check (const Words *w)
{
  if (w->pair.base == NULL || w->pair.chat == NULL || w->corpora == NULL)
    return "--base, --chat and at least one --corpus are needed.";
  if (w->layer < -1 || w->documents < 0 || w->documents > 10000000 || w->max_document < 0 ||
      w->top < 0 || w->top > 100000 || w->components < 0 || w->components > 100 || w->draws < 0 ||
      w->draws > 1000000 || w->seed < 0 || w->threads < 0 || w->threads > 1024)
    return "Counts cannot be negative; --top is at most 100000, --components 100, --draws 1000000, "
           "--threads 1024.";
  return NULL;
}

static int
run_baselines (int argc, char **argv)
{
  g_auto (GStrv) words = cs_cli_repeat_option (&argc, argv, "--corpus", is_file);
  g_autofree char **moved = g_memdup2 (words, ((size_t)argc + 1) * sizeof *words);
  g_auto (Words) w = { 0 };
  g_autoptr (CsPairSource) pair = NULL;
  BaselinesData data = { 0 };
  const char *wrong;
  int status;

  argv = moved;
  if (!parse (&w, &argc, &argv, &status))
    return status;
  if ((wrong = check (&w)) != NULL)
    return cs_cli_usage (&cs_verbs_baselines[0], wrong);
  data.out = w.out;
  pair = cs_pair_words_source (&w.pair, NULL);
  data.options = (CsBaselinesOptions){
    .base_folder = w.pair.base,
    .chat_folder = w.pair.chat,
    .reading = { pair->date, pair->base_replacements },
    .layer = w.layer < 0 ? CS_LAYER_MIDDLE : (size_t)w.layer,
    .corpora = (const char *const *)w.corpora,
    .max_documents = (size_t)w.documents,
    .max_tokens = (size_t)w.max_document,
    .n_top = (size_t)w.top,
    .n_components = (size_t)w.components,
    .n_draws = (size_t)w.draws,
    .seed = (uint64_t)w.seed,
    .n_threads = (unsigned)w.threads,
  };
  status = cs_cli_job ("Baselines", baselines_job, &data);
  if (status == CS_EXIT_DONE && w.json)
    cs_cli_print_json (cs_baselines_to_json (data.result));
  else if (status == CS_EXIT_DONE)
    {
      g_autofree char *text = cs_baselines_text (data.result);

      fputs (text, stdout);
    }
  g_clear_pointer (&data.result, cs_baselines_free);
  return status;
}
