/* train, analyze. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze-options.h"
#include "claims.h"
#include "cli.h"
#include "json.h"
#include "latents.h"
#include "pair.h"
#include "store.h"
#include "trainer.h"

static int run_train (int argc, char **argv);
static int run_analyze (int argc, char **argv);

const CsVerb cs_verbs_train[] = {
  { "train",
    "--activations F.h5 --variant batchtopk|topk|l1 --latents N|--like RUN [--k K] [--mu M] "
    "[--steps S] [--batch B] [--lr R] [--seed S] [--warmup N] [--log-every N] [--checkpoint-steps N] "
    "[--held-out SHARE] [--squared-error] [--normalise] [--threads N] --out RUN [--json]",
    "Trains a crosscoder; run again, it goes on", run_train },
  { "analyze", "RUN --activations F.h5 [--base DIR --chat DIR] [--test N] [--tokens N] [--json]",
    "Fills RUN/latents.h5", run_analyze },
  { NULL, NULL, NULL, NULL },
};
enum
{
  VERB_TRAIN,
  VERB_ANALYZE
};

/* --- train --- */

typedef struct
{
  const char *store, *run;
  CsTrainConfig config;
  CsValidation validation;
} TrainData;

static bool
train_job (CsJob *job, void *data, GError **error)
{
  TrainData *d = data;

  return cs_train (job, d->store, d->run, &d->config, NULL, &d->validation, error);
}

static bool
store_width (const char *path, size_t *d_model, GError **error)
{
  g_autoptr (CsStore) store = cs_store_open (path, false, error);

  if (store != NULL)
    *d_model = cs_store_info (store)->d_model;
  return store != NULL;
}

static void
print_training (const TrainData *d, bool json)
{
  const CsValidation *v = &d->validation;
  const bool held_out = v->n_tokens > 0; /* else there is nothing that was measured */

  if (json)
    cs_cli_print_json (json_pack (
        "{s:o, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I}", "run", cs_cli_string (d->run),
        "variant", cs_variant_name (d->config.variant), "latents", (json_int_t)d->config.n_latents,
        "steps", (json_int_t)d->config.steps, "fve_base", cs_cli_real (held_out ? v->fve_base : NAN),
        "fve_chat", cs_cli_real (held_out ? v->fve_chat : NAN), "fve",
        cs_cli_real (held_out ? v->fve : NAN), "l0", cs_cli_real (held_out ? v->l0 : NAN),
        "never_active", held_out ? json_integer ((json_int_t)v->never_active) : json_null (),
        "validation_tokens", (json_int_t)v->n_tokens));
  else if (!held_out)
    printf ("%s: trained; nothing was held out to validate on\n", d->run);
  else
    printf ("%s: FVE base %.3f, chat %.3f, L0 %.1f, %zu of %zu latents never active on %zu "
            "held-out tokens\n",
            d->run, v->fve_base, v->fve_chat, v->l0, v->never_active, d->config.n_latents,
            v->n_tokens);
}

/* What was given on the command line; NOT_GIVEN and its like leave the variant's own value. */
typedef struct
{
  char *store, *variant, *out, *like;
  gint64 latents, k, steps, batch, seed, warmup, log_every, checkpoint, threads;
  double mu, lr, held_out;
  gboolean json, squared, normalise;
} TrainWords;

#define NOT_GIVEN G_MININT64
#define REAL_NOT_GIVEN (-DBL_MAX)

static void
train_words_clear (TrainWords *w)
{
  g_free (w->store);
  g_free (w->variant);
  g_free (w->out);
  g_free (w->like);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TrainWords, train_words_clear)

static bool
parse_train (TrainWords *w, int *argc, char ***argv, int *status)
{
  const GOptionEntry entries[] = {
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &w->store, NULL, NULL },
    { "variant", 0, 0, G_OPTION_ARG_FILENAME, &w->variant, NULL, NULL },
    { "latents", 0, 0, G_OPTION_ARG_INT64, &w->latents, NULL, NULL },
    { "like", 0, 0, G_OPTION_ARG_FILENAME, &w->like, NULL, NULL },
    { "k", 0, 0, G_OPTION_ARG_INT64, &w->k, NULL, NULL },
    { "mu", 0, 0, G_OPTION_ARG_DOUBLE, &w->mu, NULL, NULL },
    { "steps", 0, 0, G_OPTION_ARG_INT64, &w->steps, NULL, NULL },
    { "batch", 0, 0, G_OPTION_ARG_INT64, &w->batch, NULL, NULL },
    { "lr", 0, 0, G_OPTION_ARG_DOUBLE, &w->lr, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &w->seed, NULL, NULL },
    { "warmup", 0, 0, G_OPTION_ARG_INT64, &w->warmup, NULL, NULL },
    { "log-every", 0, 0, G_OPTION_ARG_INT64, &w->log_every, NULL, NULL },
    { "checkpoint-steps", 0, 0, G_OPTION_ARG_INT64, &w->checkpoint, NULL, NULL },
    { "held-out", 0, 0, G_OPTION_ARG_DOUBLE, &w->held_out, NULL, NULL },
    { "squared-error", 0, 0, G_OPTION_ARG_NONE, &w->squared, NULL, NULL },
    { "normalise", 0, 0, G_OPTION_ARG_NONE, &w->normalise, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT64, &w->threads, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &w->out, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  w->k = w->steps = w->batch = w->seed = w->warmup = w->log_every = w->checkpoint = w->threads =
      NOT_GIVEN;
  w->mu = w->lr = w->held_out = REAL_NOT_GIVEN;
  return cs_cli_parse (argc, argv, &cs_verbs_train[VERB_TRAIN], entries, 0, 0, status);
}

static bool
set_count (gint64 given, gint64 min, size_t *field)
{
  if (given != NOT_GIVEN && given < min)
    return false;
  if (given != NOT_GIVEN)
    *field = (size_t)given;
  return true;
}

static bool
set_real (double given, double *field)
{
  if (given == REAL_NOT_GIVEN) /* NaN fails the comparison below */
    return true;
  *field = given;
  return given >= 0 && given <= DBL_MAX;
}

/* Puts the words over the values that are there; NULL, or what is wrong with them. */
static const char *
fill_config (const TrainWords *w, CsTrainConfig *config)
{
  size_t threads = 0, seed = config->seed;

  if (w->latents > 0)
    config->n_latents = (size_t)w->latents;
  if (!set_count (w->k, 1, &config->k) || !set_count (w->steps, 1, &config->steps) ||
      !set_count (w->batch, 2, &config->batch) || !set_count (w->log_every, 1, &config->log_every))
    return "--k, --steps and --log-every have to be 1 or more, --batch 2 or more.";
  if (!set_count (w->seed, 0, &seed) || !set_count (w->warmup, 0, &config->warmup_steps) ||
      !set_count (w->checkpoint, 0, &config->checkpoint_steps) ||
      !set_count (w->threads, 0, &threads) || threads > 1024)
    return "--seed, --warmup, --checkpoint-steps and --threads have to be 0 or more (threads up to "
           "1024).";
  if (!set_real (w->mu, &config->mu) || !set_real (w->lr, &config->lr) ||
      !set_real (w->held_out, &config->held_out) || config->held_out > 0.5)
    return "--mu and --lr have to be 0 or more, --held-out from 0 to 0.5.";
  config->seed = seed;
  config->n_threads = (unsigned)threads;
  config->squared_error = config->squared_error || w->squared;
  config->normalise = config->normalise || w->normalise;
  return NULL;
}

static int
run_train (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_train[VERB_TRAIN];
  g_auto (TrainWords) words = { 0 };
  g_autoptr (GError) error = NULL;
  TrainData data = { 0 };
  const char *wrong;
  CsVariant variant = CS_VARIANT_BATCHTOPK;
  size_t d_model = 0;
  int status;

  if (!parse_train (&words, &argc, &argv, &status))
    return status;
  if (words.store == NULL || words.out == NULL || words.latents < 0 ||
      (words.like == NULL && (words.variant == NULL || words.latents == 0)))
    return cs_cli_usage (verb, "--activations and --out are needed, and --variant and --latents or --like.");
  if (words.like != NULL && words.variant != NULL)
    return cs_cli_usage (verb, "--like brings the variant of that run: leave out --variant.");
  if (words.variant != NULL && !cs_variant_parse (words.variant, &variant))
    return cs_cli_usage (verb, "--variant is batchtopk, topk or l1.");
  cs_train_config_init (&data.config, variant, 1);
  if ((wrong = fill_config (&words, &data.config)) != NULL)
    return cs_cli_usage (verb, wrong);
  if (!store_width (words.store, &d_model, &error))
    return cs_cli_fail (error);
  cs_train_config_init (&data.config, variant, d_model);
  if (words.like != NULL && !cs_train_config_load (&data.config, words.like, &error))
    return cs_cli_fail (error);
  fill_config (&words, &data.config);
  data.store = words.store;
  data.run = words.out;
  status = cs_cli_job ("Training", train_job, &data);
  if (status == CS_EXIT_DONE)
    print_training (&data, words.json);
  return status;
}

/* --- analyze --- */

typedef struct
{
  const char *store, *run;
  CsAnalyzeOptions options;
} AnalyzeData;

static bool
analyze_job (CsJob *job, void *data, GError **error)
{
  const AnalyzeData *d = data;

  return cs_analyze (job, d->run, d->store, &d->options, error);
}

static json_t *
summary_json (const char *run, const CsLatents *latents)
{
  CsLatentSummary s;

  cs_latents_summarise (latents, &s);
  json_t *object = cs_claims_summary_json (&s);
  json_object_set_new (object, "run", cs_cli_string (run));
  return object;
}

static int
run_analyze (int argc, char **argv)
{
  g_autofree char *store = NULL, *base = NULL, *chat = NULL;
  gint64 n_test = 0, tokens = 0;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &store, NULL, NULL },
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &base, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &chat, NULL, NULL },
    { "test", 0, 0, G_OPTION_ARG_INT64, &n_test, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &tokens, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_train[VERB_ANALYZE];
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (CsLatents) latents = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (store == NULL || (base == NULL) != (chat == NULL) || n_test < 0 || tokens < 0)
    return cs_cli_usage (
        verb, "--activations is needed; --base and --chat come together (for template tokens).");
  /* which tokens are the template's; nothing is read with it */
  if (base != NULL && (pair = cs_pair_open (base, chat, NULL, &error)) == NULL)
    return cs_cli_fail (error);
  AnalyzeData data = { store, argv[1], cs_analyze_options_for_pair (pair) };
  data.options.n_test = (size_t)n_test;
  data.options.max_tokens = (size_t)tokens;
  status = cs_cli_job ("Analysis", analyze_job, &data);
  if (status != CS_EXIT_DONE)
    return status;
  if ((latents = cs_latents_load (argv[1], &error)) == NULL)
    return cs_cli_fail (error);
  g_autoptr (json_t) summary = summary_json (argv[1], latents);
  if (json)
    cs_cli_print_json (json_incref (summary));
  else
    {
      g_autofree char *text = cs_claims_summary_text (summary);
      fputs (text, stdout);
    }
  return CS_EXIT_DONE;
}
