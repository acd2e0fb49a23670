/* causality. */
#include <stdio.h>

#include "causality.h"
#include "cli.h"
#include "harvest.h"
#include "json.h"
#include "run-layer.h"
#include "trial-words.h"

static int run_causality (int argc, char **argv);

const CsVerb cs_verbs_causality[] = {
  { "causality",
    "RUN " CS_TRIAL_USAGE " [--skip N] [--set N] [--random N] " CS_TRIAL_USAGE_END " [--json]",
    "Patches latents into the chat model and prints the KL table", run_causality },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  CsCausalityOptions options;
  CsCausality *result;
} CausalityData;

static bool
causality_job (CsJob *job, void *data, GError **error)
{
  CausalityData *d = data;

  if (cs_trial_layer (d->options.chat_folder, &d->options.layer, error))
    d->result = cs_causality_run (job, &d->options, error);
  return d->result != NULL;
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
  gint64 set = 0, skip = 0, random = 0;
  const GOptionEntry own[] = {
    { "set", 0, 0, G_OPTION_ARG_INT64, &set, NULL, NULL },
    { "skip", 0, 0, G_OPTION_ARG_INT64, &skip, NULL, NULL },
    { "random", 0, 0, G_OPTION_ARG_INT64, &random, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_causality[0];
  g_auto (CsTrialWords) w = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPairSource) pair = NULL;
  CausalityData data = { 0 };
  const char *run;
  int status;

  if (!cs_trial_words_parse (&w, verb, own, 1, argc, argv, &status))
    return status;
  if (set < 0 || skip < 0 || random < 0 || random > 20)
    return cs_cli_usage (verb, "--set, --skip and --random cannot be negative; --random is at most 20.");
  run = w.words[1];
  pair = cs_pair_words_source (&w.pair, run);
  data.options = (CsCausalityOptions){
    .run_folder = run,
    .base_folder = w.pair.base,
    .chat_folder = w.pair.chat,
    .reading = { pair->date, pair->base_replacements },
    .layer = w.layer == CS_LAYER_MIDDLE ? cs_cli_layer_of_run (run) : w.layer,
    .corpora = (const char *const *)w.corpora,
    .skip_documents = (size_t)skip,
    .max_documents = (size_t)w.documents,
    .max_tokens = (size_t)w.max_document,
    .n_set = (size_t)set,
    .n_random = (size_t)random,
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
  else if (status == CS_EXIT_DONE && !print_json (run, &error))
    status = cs_cli_fail (error);
  g_clear_pointer (&data.result, cs_causality_free);
  return status;
}
