/* baselines. */
#include <errno.h>
#include <stdio.h>

#include "baselines.h"
#include "cli.h"
#include "errors.h"
#include "trial-words.h"

static int run_baselines (int argc, char **argv);

const CsVerb cs_verbs_baselines[] = {
  { "baselines",
    CS_TRIAL_USAGE " [--top N] [--components N] " CS_TRIAL_USAGE_END " [--out DIR] [--json]",
    "What a pair shows without a crosscoder: KL, mean differences, components", run_baselines },
  { NULL, NULL, NULL, NULL },
};

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

  if (!cs_trial_layer (d->options.chat_folder, &d->options.layer, error))
    return false;
  if (d->out != NULL && g_mkdir_with_parents (d->out, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder %s cannot be made: %s.", d->out,
                   g_strerror (errno));
      return false;
    }
  d->result = cs_baselines_run (job, &d->options, error);
  return d->result != NULL && (d->out == NULL || cs_baselines_save (d->result, d->out, error));
}

static int
run_baselines (int argc, char **argv)
{
  g_autofree char *out = NULL;
  gint64 top = 0, components = 0;
  const GOptionEntry own[] = {
    { "top", 0, 0, G_OPTION_ARG_INT64, &top, NULL, NULL },
    { "components", 0, 0, G_OPTION_ARG_INT64, &components, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_baselines[0];
  g_auto (CsTrialWords) w = { 0 };
  g_autoptr (CsPairSource) pair = NULL;
  BaselinesData data = { 0 };
  int status;

  if (!cs_trial_words_parse (&w, verb, own, 0, argc, argv, &status))
    return status;
  if (top < 0 || top > 100000 || components < 0 || components > 100)
    return cs_cli_usage (verb, "--top is from 0 to 100000, --components from 0 to 100.");
  data.out = out;
  pair = cs_pair_words_source (&w.pair, NULL);
  data.options = (CsBaselinesOptions){
    .base_folder = w.pair.base,
    .chat_folder = w.pair.chat,
    .reading = { pair->date, pair->base_replacements },
    .layer = w.layer,
    .corpora = (const char *const *)w.corpora,
    .max_documents = (size_t)w.documents,
    .max_tokens = (size_t)w.max_document,
    .n_top = (size_t)top,
    .n_components = (size_t)components,
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
