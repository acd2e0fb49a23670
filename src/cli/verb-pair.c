/* model check-pair, plan. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "errors.h"
#include "pair-words.h"
#include "pair-taste.h"
#include "plan.h"
#include "store.h"

static int run_check (int argc, char **argv);
static int run_plan (int argc, char **argv);

const CsVerb cs_verbs_pair[] = {
  { "model check-pair", CS_PAIR_USAGE " [--json]",
    "Whether two models can be compared, and how far apart they are on a few prompts", run_check },
  { "plan",
    CS_PAIR_USAGE " [--layer L] --corpus FILE… [--tokens N] [--max-document N] [--dtype f16|f32] "
    "[--out F.h5] [--latents N] [--k K] [--variant batchtopk|topk|l1] [--steps S] [--batch B] [--threads N] [--json]",
    "What a harvest and a training will take: time, disk, memory", run_plan },
  { NULL, NULL, NULL, NULL },
};
enum
{
  VERB_CHECK,
  VERB_PLAN
};

/* --- model check-pair --- */

typedef struct
{
  const CsPairWords *words;
  GArray *checks, *tokens;
  CsPair *pair, *plain; /* plain: without replaced tokens */
  CsTaste *taste;
  bool fits;
} CheckData;

static bool
check_job (CsJob *job, void *data, GError **error)
{
  CheckData *d = data;
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (CsPairSource) own = cs_pair_source_new (d->words->base, d->words->chat, NULL);

  d->checks = cs_pair_checks (d->words->base, d->words->chat);
  d->fits = true;
  for (guint i = 0; i < d->checks->len; i++)
    d->fits &= g_array_index (d->checks, CsPairCheck, i).ok;
  /* Whether the base knows a token is about its own; how far apart the two are, about what it reads. */
  return !d->fits || ((d->pair = cs_pair_words_open (d->words, NULL, error)) != NULL &&
                      (d->plain = cs_pair_source_open (own, error)) != NULL &&
                      (d->tokens = cs_pair_template_tokens (d->plain, error)) != NULL &&
                      (d->taste = cs_pair_taste (job, d->pair, team, error)) != NULL);
}

static json_t *
check_json (const CheckData *d)
{
  json_t *root = json_object (), *list = json_array ();
  g_autofree char *offered = d->tokens != NULL ? cs_pair_offered_replacements (d->tokens) : NULL;

  for (guint i = 0; i < d->checks->len; i++)
    {
      const CsPairCheck *check = &g_array_index (d->checks, CsPairCheck, i);

      json_t *details = json_array ();

      for (char **line = check->details; line != NULL && *line != NULL; line++)
        json_array_append_new (details, cs_cli_string (*line));
      json_array_append_new (list, json_pack ("{s:s, s:b, s:o, s:o}", "title", check->title, "ok", check->ok, "text",
                                              cs_cli_string (check->text), "details", details));
    }
  json_object_set_new (root, "fits", json_boolean (d->fits));
  json_object_set_new (root, "checks", list);
  if (!d->fits)
    return root;
  json_object_set_new (root, "template_tokens", cs_template_tokens_json (d->tokens));
  json_object_set_new (root, "replace_base", offered != NULL ? json_string (offered) : json_null ());
  json_object_set_new (root, "kl", cs_taste_json (d->taste, d->pair->tokenizer));
  return root;
}

static void
print_tokens (const GArray *tokens)
{
  g_autofree char *offered = cs_pair_offered_replacements (tokens);

  for (guint i = 0; i < tokens->len; i++)
    {
      const CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);

      if (token->beyond)
        printf ("template token %s (%d): beyond the base's vocabulary\n", token->text, token->id);
      else if (token->added)
        printf ("template token %s (%d): the base's tokenizer does not have it\n", token->text, token->id);
      else
        printf ("template token %s (%d): %s by the base (length %.2f of an ordinary one, moved %.1f times as far)\n",
                token->text, token->id, token->unknown ? "not known" : "known", token->base_norm, token->moved);
    }
  if (offered != NULL)
    printf ("The base can read other tokens in their place: harvest --replace-base \"%s\"\n", offered);
}

static void
print_check (const CheckData *d)
{
  for (guint i = 0; i < d->checks->len; i++)
    {
      const CsPairCheck *check = &g_array_index (d->checks, CsPairCheck, i);

      printf ("%s  %-16s %s\n", check->ok ? "yes" : "NO ", check->title, check->text);
      for (char **line = check->details; line != NULL && *line != NULL; line++)
        printf ("       %s\n", *line);
    }
  if (!d->fits)
    return;
  print_tokens (d->tokens);
  printf ("KL (chat, base) in nats a token: %.3f on plain text", d->taste->plain);
  if (d->taste->n_prompts > 3)
    printf (", %.3f on questions, %.3f after tokens of the template", d->taste->question, d->taste->markers);
  printf ("\n");
}

static int
run_check (int argc, char **argv)
{
  g_auto (CsPairWords) words = { 0 };
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    CS_PAIR_ENTRIES (&words),
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  CheckData data = { 0 };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_pair[VERB_CHECK], entries, 0, 0, &status))
    return status;
  if (words.base == NULL || words.chat == NULL)
    return cs_cli_usage (&cs_verbs_pair[VERB_CHECK], "--base and --chat are needed.");
  data.words = &words;
  status = cs_cli_job ("Pair check", check_job, &data);
  if (status == CS_EXIT_DONE && json)
    cs_cli_print_json (check_json (&data));
  else if (status == CS_EXIT_DONE)
    print_check (&data);
  if (status == CS_EXIT_DONE && !data.fits)
    status = CS_EXIT_FAILED;
  g_clear_pointer (&data.checks, g_array_unref);
  g_clear_pointer (&data.tokens, g_array_unref);
  g_clear_pointer (&data.taste, cs_taste_free);
  g_clear_pointer (&data.pair, cs_pair_free);
  g_clear_pointer (&data.plain, cs_pair_free);
  return status;
}

/* --- plan --- */

typedef struct
{
  CsHarvestOptions harvest;
  CsTrainConfig config;
  gint64 latents;
  int k, steps, batch;
  CsVariant variant;
  CsHarvestProbe probe;
  CsHarvestSample *sample;
  CsPlan *harvest_plan, *train_plan;
} PlanData;

static bool
plan_job (CsJob *job, void *data, GError **error)
{
  PlanData *d = data;

  d->harvest_plan = cs_plan_harvest (job, &d->harvest, 3, &d->sample, &d->probe, error);
  if (d->harvest_plan == NULL)
    return false;
  cs_train_config_init (&d->config, d->variant, d->probe.d_model);
  d->config.n_threads = d->harvest.n_threads;
  if (d->latents > 0)
    d->config.n_latents = (size_t)d->latents;
  if (d->k > 0)
    d->config.k = (size_t)d->k;
  if (d->steps > 0)
    d->config.steps = (size_t)d->steps;
  if (d->batch > 0)
    d->config.batch = (size_t)d->batch;
  if (d->sample == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO,
                   "Nothing can be written beside %s, or its disk is full: name another place with --out.",
                   d->harvest.out);
      return false;
    }
  d->train_plan =
    cs_plan_training (job, &d->config, d->sample->path, d->probe.n_tokens, d->harvest.out, 3, error);
  return d->train_plan != NULL;
}

static void
print_plan (const PlanData *d, bool json)
{
  if (json)
    {
      json_t *harvest = cs_plan_json (d->harvest_plan), *train = cs_plan_json (d->train_plan);

      json_object_set_new (harvest, "documents", cs_cli_real (d->probe.n_documents));
      json_object_set_new (harvest, "counted", json_boolean (d->probe.counted));
      json_object_set_new (harvest, "weight_bytes", cs_cli_real (d->probe.weight_bytes));
      json_object_set_new (harvest, "layer", json_integer ((json_int_t)d->probe.layer));
      json_object_set_new (train, "latents", json_integer ((json_int_t)d->config.n_latents));
      json_object_set_new (train, "steps", json_integer ((json_int_t)d->config.steps));
      cs_cli_print_json (json_pack ("{s:o, s:o, s:b}", "harvest", harvest, "train", train, "fits",
                                    d->harvest_plan->fits && d->train_plan->fits));
      return;
    }
  g_autofree char *harvest = cs_plan_text (d->harvest_plan), *train = cs_plan_text (d->train_plan);

  printf ("Harvest after block %zu\n%s\n\nTraining %zu latents for %zu steps\n%s\n", d->probe.layer, harvest,
          d->config.n_latents, d->config.steps, train);
}

static bool
is_corpus (const char *word)
{
  return true;
}

static int
run_plan (int argc, char **argv)
{
  g_auto (CsPairWords) pair = { 0 };
  g_autofree char *out = NULL, *dtype = NULL, *variant = NULL, *replacements = NULL;
  g_auto (GStrv) corpora = NULL, words = NULL;
  int layer = -1, threads = 0;
  gint64 tokens = 0, max_document = 0;
  gboolean json = FALSE;
  PlanData d = { .variant = CS_VARIANT_BATCHTOPK };
  const GOptionEntry entries[] = {
    CS_PAIR_ENTRIES (&pair),
    { "layer", 0, 0, G_OPTION_ARG_INT, &layer, NULL, NULL },
    { "corpus", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &corpora, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &tokens, NULL, NULL },
    { "max-document", 0, 0, G_OPTION_ARG_INT64, &max_document, NULL, NULL },
    { "dtype", 0, 0, G_OPTION_ARG_FILENAME, &dtype, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "variant", 0, 0, G_OPTION_ARG_FILENAME, &variant, NULL, NULL },
    { "latents", 0, 0, G_OPTION_ARG_INT64, &d.latents, NULL, NULL },
    { "k", 0, 0, G_OPTION_ARG_INT, &d.k, NULL, NULL },
    { "steps", 0, 0, G_OPTION_ARG_INT, &d.steps, NULL, NULL },
    { "batch", 0, 0, G_OPTION_ARG_INT, &d.batch, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_pair[VERB_PLAN];
  g_autofree char **moved = NULL;
  int status;

  words = cs_cli_repeat_option (&argc, argv, "--corpus", is_corpus);
  argv = moved = g_memdup2 (words, ((size_t)argc + 1) * sizeof *words);
  if (!cs_cli_parse (&argc, &argv, verb, entries, 0, 0, &status))
    return status;
  if (pair.base == NULL || pair.chat == NULL || corpora == NULL)
    return cs_cli_usage (verb, "--base, --chat and --corpus are needed.");
  if (tokens < 0 || max_document < 0 || threads < 0 || layer < -1 || d.latents < 0 || d.k < 0 || d.steps < 0 ||
      d.batch < 0)
    return cs_cli_usage (verb, "No number can be negative.");
  if ((dtype != NULL && strcmp (dtype, "f16") != 0 && strcmp (dtype, "f32") != 0) ||
      (variant != NULL && !cs_variant_parse (variant, &d.variant)))
    return cs_cli_usage (verb, "--dtype is f16 or f32, --variant batchtopk, topk or l1.");
  replacements = cs_pair_words_replacements (&pair);
  d.harvest = (CsHarvestOptions){
    .base_folder = pair.base,
    .chat_folder = pair.chat,
    .date = pair.date,
    .base_replacements = replacements,
    .layer = layer < 0 ? CS_LAYER_MIDDLE : (size_t)layer,
    .corpora = (const char *const *)corpora,
    .max_tokens = (size_t)tokens,
    .max_document = (size_t)max_document,
    .dtype = dtype != NULL && strcmp (dtype, "f32") == 0 ? CS_DTYPE_F32 : CS_DTYPE_F16,
    .out = out != NULL ? out : "activations.h5",
    .n_threads = (unsigned)threads,
  };
  status = cs_cli_job ("Plan", plan_job, &d);
  if (status == CS_EXIT_DONE)
    print_plan (&d, json);
  g_clear_pointer (&d.sample, cs_harvest_sample_free);
  g_clear_pointer (&d.harvest_plan, cs_plan_free);
  g_clear_pointer (&d.train_plan, cs_plan_free);
  return status;
}
