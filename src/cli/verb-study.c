/* demo, harvest, train, analyze, latents, steer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze-options.h"
#include "claims.h"
#include "cli.h"
#include "demo.h"
#include "errors.h"
#include "harvest.h"
#include "json.h"
#include "latents.h"
#include "latents-list.h"
#include "pair.h"
#include "steering.h"
#include "store.h"
#include "trainer.h"

static int run_demo (int argc, char **argv);
static int run_harvest (int argc, char **argv);
static int run_train (int argc, char **argv);
static int run_analyze (int argc, char **argv);
static int run_latents (int argc, char **argv);
static int run_steer (int argc, char **argv);

const CsVerb cs_verbs_study[] = {
  { "demo", "[--out DIR] [--json]", "The whole story on the demo pair: harvest, train, analyse, steer", run_demo },
  { "harvest", "--base DIR --chat DIR [--layer L] --corpus FILE… --out F.h5 [--tokens N] [--max-document N] [--drop-bos] [--dtype f16|f32] [--threads N] [--json]",
    "Fills an activation store; run again, it goes on", run_harvest },
  { "train", "--activations F.h5 --variant batchtopk|topk|l1 --latents N [--k K] [--mu M] [--steps S] [--batch B] [--lr R] [--seed S] [--threads N] --out RUN [--json]",
    "Trains a crosscoder; run again, it goes on", run_train },
  { "analyze", "RUN --activations F.h5 [--base DIR --chat DIR] [--test N] [--tokens N] [--json]", "Fills RUN/latents.h5", run_analyze },
  { "latents", "RUN [--class chat-only|base-only|shared|other|dead] [--sort COLUMN] [--limit N] [--json]", "Lists latents", run_latents },
  { "steer", "RUN --base DIR --chat DIR --prompt TEXT --latent ID=SCALE… [--layer L] [--mode add|clamp|ablate] [--prompt-only] [--raw] [--max-tokens N] [--temperature T] [--seed S] [--json]",
    "Base, chat and steered text side by side", run_steer },
  { NULL, NULL, NULL, NULL },
};
enum { VERB_DEMO, VERB_HARVEST, VERB_TRAIN, VERB_ANALYZE, VERB_LATENTS, VERB_STEER };

/* --- demo --- */

typedef struct {
  const char *out;
  json_t *result;
} DemoData;

static bool
demo_job (CsJob *job, void *data, GError **error)
{
  DemoData *d = data;

  return cs_demo_run (job, d->out, 0, &d->result, error);
}

static int
run_demo (int argc, char **argv)
{
  g_autofree char *out = NULL;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  DemoData data = { 0 };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_study[VERB_DEMO], entries, 0, 0, &status))
    return status;
  if (out == NULL)
    out = g_build_filename (g_get_user_data_dir (), "crosscope", "demo", NULL);
  data.out = out;
  status = cs_cli_job ("Demo", demo_job, &data);
  if (status != CS_EXIT_DONE)
    return status;
  {
    g_autofree char *claims = cs_claims_text (data.result);
    fputs (claims, json ? stderr : stdout);
  }
  fprintf (stderr, "The study is in %s; crosscope opens it.\n", out);
  if (json)
    cs_cli_print_json (json_incref (data.result));
  json_decref (data.result);
  return CS_EXIT_DONE;
}

/* --- harvest --- */

static bool
harvest_job (CsJob *job, void *data, GError **error)
{
  return cs_harvest (job, data, error);
}

/* The paths of repeated --corpus options and of the words that are left. */
static char **
all_corpora (char **options, int argc, char **argv)
{
  GPtrArray *list = g_ptr_array_new ();

  for (char **c = options; c != NULL && *c != NULL; c++)
    g_ptr_array_add (list, g_strdup (*c));
  for (int i = 1; i < argc; i++)
    g_ptr_array_add (list, g_strdup (argv[i]));
  g_ptr_array_add (list, NULL);
  return (char **) g_ptr_array_free (list, FALSE);
}

static int
print_store (const char *path, bool json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_open (path, false, &error);

  if (store == NULL)
    return cs_cli_fail (error);
  if (json)
    cs_cli_print_json (json_pack ("{s:s, s:I, s:I, s:I, s:I}", "activations", path, "tokens",
                                  (json_int_t) cs_store_n_tokens (store), "documents",
                                  (json_int_t) cs_store_n_documents (store), "layer",
                                  (json_int_t) cs_store_info (store)->layer, "d_model",
                                  (json_int_t) cs_store_info (store)->d_model));
  else
    printf ("%s: %zu tokens of %zu documents, layer %zu, d_model %zu\n", path, cs_store_n_tokens (store),
            cs_store_n_documents (store), cs_store_info (store)->layer, cs_store_info (store)->d_model);
  return CS_EXIT_DONE;
}

static int
run_harvest (int argc, char **argv)
{
  g_autofree char *base = NULL, *chat = NULL, *out = NULL, *dtype = NULL;
  g_auto (GStrv) corpus = NULL, corpora = NULL;
  int layer = -1, threads = 0;
  gint64 tokens = 0, max_document = 0;
  gboolean json = FALSE, drop_bos = FALSE;
  const GOptionEntry entries[] = {
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &base, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &chat, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT, &layer, NULL, NULL },
    { "corpus", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &corpus, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &tokens, NULL, NULL },
    { "max-document", 0, 0, G_OPTION_ARG_INT64, &max_document, NULL, NULL },
    { "drop-bos", 0, 0, G_OPTION_ARG_NONE, &drop_bos, NULL, NULL },
    { "dtype", 0, 0, G_OPTION_ARG_STRING, &dtype, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_study[VERB_HARVEST];
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 0, -1, &status))
    return status;
  corpora = all_corpora (corpus, argc, argv);
  if (base == NULL || chat == NULL || out == NULL || corpora[0] == NULL)
    return cs_cli_usage (verb, "--base, --chat, --corpus and --out are needed.");
  if (tokens < 0 || max_document < 0 || threads < 0 || layer < -1)
    return cs_cli_usage (verb, "Numbers cannot be negative.");
  if (dtype != NULL && strcmp (dtype, "f16") != 0 && strcmp (dtype, "f32") != 0)
    return cs_cli_usage (verb, "--dtype is f16 or f32.");
  CsHarvestOptions options = {
    .base_folder = base, .chat_folder = chat, .layer = layer < 0 ? CS_LAYER_MIDDLE : (size_t) layer,
    .corpora = (const char *const *) corpora, .max_tokens = (size_t) tokens, .max_document = (size_t) max_document,
    .drop_bos = drop_bos, .dtype = dtype != NULL && strcmp (dtype, "f32") == 0 ? CS_DTYPE_F32 : CS_DTYPE_F16,
    .out = out, .n_threads = (unsigned) threads,
  };
  status = cs_cli_job ("Harvest", harvest_job, &options);
  return status == CS_EXIT_DONE ? print_store (out, json) : status;
}

/* --- train --- */

typedef struct {
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

  if (json)
    cs_cli_print_json (json_pack ("{s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:I}", "run", d->run, "variant",
                                  cs_variant_name (d->config.variant), "latents", (json_int_t) d->config.n_latents,
                                  "steps", (json_int_t) d->config.steps, "fve_base", cs_cli_real (v->fve_base),
                                  "fve_chat", cs_cli_real (v->fve_chat), "fve", cs_cli_real (v->fve), "l0",
                                  cs_cli_real (v->l0), "never_active", (json_int_t) v->never_active,
                                  "validation_tokens", (json_int_t) v->n_tokens));
  else
    printf ("%s: FVE base %.3f, chat %.3f, L0 %.1f, %zu of %zu latents never active on %zu held-out tokens\n", d->run,
            v->fve_base, v->fve_chat, v->l0, v->never_active, d->config.n_latents, v->n_tokens);
}

static int
run_train (int argc, char **argv)
{
  g_autofree char *store = NULL, *variant = NULL, *out = NULL;
  gint64 latents = 0, k = -1, steps = -1, batch = -1, seed = -1, warmup = -1, log_every = -1, checkpoint = -1;
  double mu = -1, lr = -1, held_out = -1;
  int threads = 0;
  gboolean json = FALSE, squared = FALSE, normalise = FALSE;
  const GOptionEntry entries[] = {
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &store, NULL, NULL },
    { "variant", 0, 0, G_OPTION_ARG_STRING, &variant, NULL, NULL },
    { "latents", 0, 0, G_OPTION_ARG_INT64, &latents, NULL, NULL },
    { "k", 0, 0, G_OPTION_ARG_INT64, &k, NULL, NULL },
    { "mu", 0, 0, G_OPTION_ARG_DOUBLE, &mu, NULL, NULL },
    { "steps", 0, 0, G_OPTION_ARG_INT64, &steps, NULL, NULL },
    { "batch", 0, 0, G_OPTION_ARG_INT64, &batch, NULL, NULL },
    { "lr", 0, 0, G_OPTION_ARG_DOUBLE, &lr, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, NULL, NULL },
    { "warmup", 0, 0, G_OPTION_ARG_INT64, &warmup, NULL, NULL },
    { "log-every", 0, 0, G_OPTION_ARG_INT64, &log_every, NULL, NULL },
    { "checkpoint-steps", 0, 0, G_OPTION_ARG_INT64, &checkpoint, NULL, NULL },
    { "held-out", 0, 0, G_OPTION_ARG_DOUBLE, &held_out, NULL, NULL },
    { "squared-error", 0, 0, G_OPTION_ARG_NONE, &squared, NULL, NULL },
    { "normalise", 0, 0, G_OPTION_ARG_NONE, &normalise, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &threads, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &out, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_study[VERB_TRAIN];
  TrainData data = { 0 };
  CsVariant parsed;
  size_t d_model = 0;
  g_autoptr (GError) error = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 0, 0, &status))
    return status;
  if (store == NULL || variant == NULL || out == NULL || latents < 1)
    return cs_cli_usage (verb, "--activations, --variant, --latents and --out are needed.");
  if (!cs_variant_parse (variant, &parsed))
    return cs_cli_usage (verb, "--variant is batchtopk, topk or l1.");
  if (!store_width (store, &d_model, &error))
    return cs_cli_fail (error);
  cs_train_config_init (&data.config, parsed, d_model);
  data.config.n_latents = (size_t) latents;
#define SET(option, field) if (option >= 0) data.config.field = (__typeof__ (data.config.field)) option
  SET (k, k);
  SET (mu, mu);
  SET (steps, steps);
  SET (batch, batch);
  SET (lr, lr);
  SET (seed, seed);
  SET (warmup, warmup_steps);
  SET (log_every, log_every);
  SET (checkpoint, checkpoint_steps);
  SET (held_out, held_out);
  SET (threads, n_threads);
#undef SET
  data.config.squared_error = squared;
  data.config.normalise = normalise;
  data.store = store;
  data.run = out;
  status = cs_cli_job ("Training", train_job, &data);
  if (status == CS_EXIT_DONE)
    print_training (&data, json);
  return status;
}

/* --- analyze --- */

typedef struct {
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
  json_object_set_new (object, "run", json_string (run));
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
  const CsVerb *verb = &cs_verbs_study[VERB_ANALYZE];
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (CsLatents) latents = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (store == NULL || (base == NULL) != (chat == NULL) || n_test < 0 || tokens < 0)
    return cs_cli_usage (verb, "--activations is needed; --base and --chat come together (for template tokens).");
  if (base != NULL && (pair = cs_pair_open (base, chat, &error)) == NULL)
    return cs_cli_fail (error);
  AnalyzeData data = { store, argv[1], cs_analyze_options_for_pair (pair) };
  data.options.n_test = (size_t) n_test;
  data.options.max_tokens = (size_t) tokens;
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

/* --- latents --- */

static int
run_latents (int argc, char **argv)
{
  g_autofree char *class_name = NULL, *sort = NULL;
  gint64 limit = 0;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "class", 0, 0, G_OPTION_ARG_STRING, &class_name, NULL, NULL },
    { "sort", 0, 0, G_OPTION_ARG_STRING, &sort, NULL, NULL },
    { "limit", 0, 0, G_OPTION_ARG_INT64, &limit, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_study[VERB_LATENTS];
  g_autoptr (GError) error = NULL;
  g_autoptr (CsLatents) latents = NULL;
  CsLatentClass tag = CS_LATENT_OTHER;
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (class_name != NULL && !cs_latent_class_parse (class_name, &tag))
    return cs_cli_usage (verb, "--class is chat-only, base-only, shared, other or dead.");
  if (sort != NULL && !cs_latents_list_has_column (sort))
    return cs_cli_usage (verb, "--sort takes a column that --json shows, such as delta_norm or nu_error; -COLUMN sorts downwards.");
  if (limit < 0)
    return cs_cli_usage (verb, "--limit cannot be negative.");
  latents = cs_latents_load (argv[1], &error);
  if (latents == NULL)
    return cs_cli_fail (error);
  cs_latents_list_print (latents, class_name != NULL ? &tag : NULL, sort, (size_t) limit, json);
  return CS_EXIT_DONE;
}

/* --- steer --- */

typedef struct {
  const char *run, *base, *chat, *prompt;
  size_t layer;
  bool raw;
  CsSampling sampling;
  GArray *items;
  char *texts[4];   /* base, chat, base steered, chat steered */
} SteerData;

static bool
steer_job (CsJob *job, void *data, GError **error)
{
  SteerData *d = data;
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (CsCrosscoder) crosscoder = NULL;
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));

  if ((crosscoder = cs_crosscoder_load (d->run, error)) == NULL || (pair = cs_pair_open (d->base, d->chat, error)) == NULL ||
      !cs_steer_prompt (pair, d->prompt, !d->raw, ids, NULL, error))
    return false;
  for (int i = 0; i < 4; i++)
    {
      CsSteerOptions options = {
        .layer = d->layer == CS_LAYER_MIDDLE ? cs_layer_middle (cs_model_config (pair->model[0])->n_layers) : d->layer,
        .model = i % 2, .items = (const CsSteerItem *) (const void *) d->items->data,
        .n_items = i < 2 ? 0 : d->items->len, .sampling = d->sampling,
      };
      d->texts[i] = cs_steer_generate (job, pair, crosscoder, team, &options, (const int32_t *) ids->data, ids->len, NULL,
                                       NULL, NULL, error);
      if (d->texts[i] == NULL)
        return false;
      cs_job_progress (job, i + 1, 4, "texts");
    }
  return true;
}

static bool
parse_items (char **specs, CsSteerMode mode, CsSteerScope scope, const char *run, GArray *items, GError **error)
{
  g_autoptr (CsLatents) latents = cs_latents_load (run, error);

  if (latents == NULL)
    return false;
  for (char **spec = specs; *spec != NULL; spec++)
    {
      char *end, *scale_end;
      unsigned long long latent = strtoull (*spec, &end, 10);
      double scale = 1;
      CsSteerItem item = { .mode = mode, .scope = scope };

      if (end != *spec && *end == '=')
        {
          scale = g_ascii_strtod (end + 1, &scale_end);
          end = scale_end == end + 1 ? *spec : scale_end;
        }
      if (end == *spec || *end != '\0' || !isfinite (scale) || latent >= latents->n_latents)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "“%s” is not ID=SCALE with an ID of 0 to %zu.", *spec,
                       latents->n_latents - 1);
          return false;
        }
      item.latent = (size_t) latent;
      item.scale = scale;
      item.max_act = latents->rows[latent].max_act;
      g_array_append_val (items, item);
    }
  return true;
}

/* The layer of the store that the run was trained on, as its configuration names it; the middle where it does not. */
static size_t
layer_of_run (const char *run)
{
  g_autofree char *path = g_build_filename (run, "config.json", NULL);
  g_autoptr (json_t) config = cs_json_load (path, 0, NULL);
  json_t *layer = json_object_get (config, "layer");

  return json_is_integer (layer) && json_integer_value (layer) >= 0 ? (size_t) json_integer_value (layer) : CS_LAYER_MIDDLE;
}

static void
print_steered (const SteerData *d, bool json)
{
  static const char *const titles[] = { "base", "chat", "base, steered", "chat, steered" };

  if (json)
    cs_cli_print_json (json_pack ("{s:s, s:s, s:s, s:s, s:s}", "prompt", d->prompt, "base", d->texts[0], "chat", d->texts[1],
                                  "base_steered", d->texts[2], "chat_steered", d->texts[3]));
  else
    for (int i = 0; i < 4; i++)
      printf ("── %s ──\n%s\n\n", titles[i], g_strchomp (d->texts[i]));
}

static int
run_steer (int argc, char **argv)
{
  g_autofree char *base = NULL, *chat = NULL, *prompt = NULL, *mode_name = NULL;
  g_auto (GStrv) latents = NULL;
  int layer = -1, max_tokens = 64;
  gint64 seed = 0;
  double temperature = 0;
  gboolean json = FALSE, prompt_only = FALSE, raw = FALSE;
  const GOptionEntry entries[] = {
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &base, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &chat, NULL, NULL },
    { "prompt", 0, 0, G_OPTION_ARG_STRING, &prompt, NULL, NULL },
    { "latent", 0, 0, G_OPTION_ARG_STRING_ARRAY, &latents, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT, &layer, NULL, NULL },
    { "mode", 0, 0, G_OPTION_ARG_STRING, &mode_name, NULL, NULL },
    { "prompt-only", 0, 0, G_OPTION_ARG_NONE, &prompt_only, NULL, NULL },
    { "raw", 0, 0, G_OPTION_ARG_NONE, &raw, NULL, NULL },
    { "max-tokens", 0, 0, G_OPTION_ARG_INT, &max_tokens, NULL, NULL },
    { "temperature", 0, 0, G_OPTION_ARG_DOUBLE, &temperature, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &seed, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_study[VERB_STEER];
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  g_autoptr (GError) error = NULL;
  CsSteerMode mode = CS_STEER_ADD;
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (base == NULL || chat == NULL || prompt == NULL || latents == NULL)
    return cs_cli_usage (verb, "--base, --chat, --prompt and at least one --latent ID=SCALE are needed.");
  while (mode_name != NULL && mode <= CS_STEER_ABLATE && strcmp (mode_name, cs_steer_mode_name (mode)) != 0)
    mode++;
  if (mode > CS_STEER_ABLATE)
    return cs_cli_usage (verb, "--mode is add, clamp or ablate.");
  if (max_tokens < 1 || max_tokens > 1 << 20 || temperature < 0)
    return cs_cli_usage (verb, "--max-tokens has to be 1 or more and --temperature 0 or more.");
  if (!parse_items (latents, mode, prompt_only ? CS_STEER_PROMPT_ONLY : CS_STEER_ALL_TOKENS, argv[1], items, &error))
    return cs_cli_fail (error);
  SteerData data = {
    .run = argv[1], .base = base, .chat = chat, .prompt = prompt, .raw = raw, .items = items,
    .layer = layer < 0 ? layer_of_run (argv[1]) : (size_t) layer,
    .sampling = { .max_tokens = (size_t) max_tokens, .temperature = temperature, .top_p = 1, .seed = (uint64_t) seed },
  };
  status = cs_cli_job ("Steering", steer_job, &data);
  if (status == CS_EXIT_DONE)
    print_steered (&data, json);
  for (int i = 0; i < 4; i++)
    g_free (data.texts[i]);
  return status;
}
