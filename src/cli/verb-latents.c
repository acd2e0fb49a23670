/* latents, steer. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "errors.h"
#include "harvest.h"
#include "json.h"
#include "latents.h"
#include "latents-list.h"
#include "pair-words.h"
#include "run-layer.h"
#include "run-study.h"
#include "steering.h"
#include "store.h"

static int run_latents (int argc, char **argv);
static int run_steer (int argc, char **argv);

const CsVerb cs_verbs_latents[] = {
  { "latents",
    "RUN [--class chat-only|base-only|shared|other|dead] [--min-delta X] [--max-delta X] [--min "
    "COLUMN=X] [--max COLUMN=X] [--search TEXT] [--list NAME] [--alive] [--tested] "
    "[--chat-specific] [--bookmarked] [--sort COLUMN|-COLUMN] [--limit N] [--json]",
    "Lists latents", run_latents },
  { "steer",
    "RUN " CS_PAIR_USAGE " --prompt TEXT --latent ID=SCALE… [--layer L] [--mode "
    "add|clamp|ablate] [--prompt-only] [--raw] [--max-tokens N] [--temperature T] [--seed S] "
    "[--json]",
    "Base, chat and steered text side by side", run_steer },
  { NULL, NULL, NULL, NULL },
};
enum
{
  VERB_LATENTS,
  VERB_STEER
};

/* --- latents --- */

typedef struct
{
  char *classes, *sort, *search, *list;
  char **min, **max;
  gint64 limit;
  double min_delta, max_delta; /* −1: not given */
  gboolean alive, tested, chat_specific, bookmarked, json;
  GArray *bounds; /* CsLatentsBound */
} ListWords;

static void
list_words_clear (ListWords *w)
{
  g_free (w->classes);
  g_free (w->sort);
  g_free (w->search);
  g_free (w->list);
  g_strfreev (w->min);
  g_strfreev (w->max);
  g_clear_pointer (&w->bounds, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (ListWords, list_words_clear)

static bool
parse_list (ListWords *w, int *argc, char ***argv, int *status)
{
  const GOptionEntry entries[] = {
    { "class", 0, 0, G_OPTION_ARG_FILENAME, &w->classes, NULL, NULL },
    { "tag", 0, 0, G_OPTION_ARG_FILENAME, &w->classes, NULL, NULL }, /* the column's name */
    { "min", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->min, NULL, NULL },
    { "max", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->max, NULL, NULL },
    { "min-delta", 0, 0, G_OPTION_ARG_DOUBLE, &w->min_delta, NULL, NULL },
    { "max-delta", 0, 0, G_OPTION_ARG_DOUBLE, &w->max_delta, NULL, NULL },
    { "search", 0, 0, G_OPTION_ARG_FILENAME, &w->search, NULL, NULL },
    { "list", 0, 0, G_OPTION_ARG_FILENAME, &w->list, NULL, NULL },
    { "alive", 0, 0, G_OPTION_ARG_NONE, &w->alive, NULL, NULL },
    { "tested", 0, 0, G_OPTION_ARG_NONE, &w->tested, NULL, NULL },
    { "chat-specific", 0, 0, G_OPTION_ARG_NONE, &w->chat_specific, NULL, NULL },
    { "bookmarked", 0, 0, G_OPTION_ARG_NONE, &w->bookmarked, NULL, NULL },
    { "sort", 0, 0, G_OPTION_ARG_FILENAME, &w->sort, NULL, NULL },
    { "limit", 0, 0, G_OPTION_ARG_INT64, &w->limit, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  w->min_delta = w->max_delta = -1;
  w->bounds = g_array_new (FALSE, FALSE, sizeof (CsLatentsBound));
  return cs_cli_parse (argc, argv, &cs_verbs_latents[VERB_LATENTS], entries, 1, 1, status);
}

static bool
add_bounds (GArray *bounds, char **texts, bool is_max)
{
  for (char **text = texts; text != NULL && *text != NULL; text++)
    {
      CsLatentsBound bound;

      if (!cs_latents_list_parse_bound (*text, is_max, &bound))
        return false;
      g_array_append_val (bounds, bound);
    }
  return true;
}

static bool
add_delta (GArray *bounds, double value, bool is_max)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE];
  g_autofree char *bound = g_strconcat ("delta_norm=", g_ascii_dtostr (text, sizeof text, value), NULL);

  return value == -1 ||
         (value >= 0 && value <= 1 && add_bounds (bounds, (char *[]){ bound, NULL }, is_max));
}

/* NULL, or what is wrong with the words. */
static const char *
check_list (const ListWords *w, CsLatentsQuery *query)
{
  if (w->classes != NULL && !cs_latents_list_parse_classes (w->classes, &query->classes))
    return "--class is chat-only, base-only, shared, other or dead, or several of them with commas.";
  if (w->sort != NULL && !cs_latents_list_has_column (w->sort))
    return "--sort takes a column that --json shows, such as delta_norm or nu_error; -COLUMN sorts "
           "downwards.";
  if (!add_bounds (w->bounds, w->min, false) || !add_bounds (w->bounds, w->max, true))
    return "--min and --max take a column that --json shows and a number, such as nu_error=0.2.";
  if (!add_delta (w->bounds, w->min_delta, false) || !add_delta (w->bounds, w->max_delta, true))
    return "--min-delta and --max-delta have to be from 0 to 1.";
  return w->limit < 0 ? "--limit cannot be negative." : NULL;
}

static int
run_latents (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_latents[VERB_LATENTS];
  g_auto (ListWords) w = { 0 };
  CsLatentsQuery query = { 0 };
  g_autoptr (GError) error = NULL;
  g_autoptr (CsLatents) latents = NULL;
  g_autoptr (CsStudy) study = NULL;
  g_autofree char *run_name = NULL;
  const char *wrong;
  int status;

  if (!parse_list (&w, &argc, &argv, &status))
    return status;
  if ((wrong = check_list (&w, &query)) != NULL)
    return cs_cli_usage (verb, wrong);
  if ((latents = cs_latents_load (argv[1], &error)) == NULL)
    return cs_cli_fail (error);
  study = cs_cli_study_of_run (argv[1], &run_name, &error);
  if (error != NULL && (w.bookmarked || w.list != NULL || w.search != NULL))
    return cs_cli_fail (error); /* else it is only that nothing has a name */
  query.bounds = (const CsLatentsBound *)(const void *)w.bounds->data;
  query.n_bounds = w.bounds->len;
  query.alive = w.alive;
  query.tested = w.tested;
  query.chat_specific = w.chat_specific;
  query.bookmarked = w.bookmarked;
  query.search = w.search;
  query.list = w.list;
  query.study = study;
  query.run_name = run_name;
  cs_latents_list_print (latents, &query, w.sort, (size_t)w.limit, w.json);
  return CS_EXIT_DONE;
}

/* --- steer --- */

typedef struct
{
  const char *run, *prompt;
  const CsPairWords *pair;
  size_t layer;
  bool raw;
  CsSampling sampling;
  GArray *items;
  char *texts[4]; /* base, chat, base steered, chat steered */
} SteerData;

static bool
steer_job (CsJob *job, void *data, GError **error)
{
  SteerData *d = data;
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (CsCrosscoder) crosscoder = NULL;
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));

  if ((crosscoder = cs_crosscoder_load (d->run, error)) == NULL ||
      (pair = cs_pair_words_open (d->pair, d->run, error)) == NULL ||
      !cs_steer_prompt (pair, d->prompt, !d->raw, ids, NULL, error))
    return false;
  for (int i = 0; i < 4; i++)
    {
      CsSteerOptions options = {
        .layer = d->layer == CS_LAYER_MIDDLE
                     ? cs_layer_middle (cs_model_config (pair->model[0])->n_layers)
                     : d->layer,
        .model = i % 2,
        .items = (const CsSteerItem *)(const void *)d->items->data,
        .n_items = i < 2 ? 0 : d->items->len,
        .sampling = d->sampling,
      };
      d->texts[i] =
          cs_steer_generate (job, pair, crosscoder, team, &options, (const int32_t *)ids->data,
                             ids->len, NULL, NULL, NULL, error);
      if (d->texts[i] == NULL)
        return false;
      cs_job_progress (job, i + 1, 4, "texts");
    }
  return true;
}

/* ID=SCALE (ID alone: scale 1). */
static bool
parse_item (const char *spec, CsSteerItem *item)
{
  char *end, *scale_end;
  guint64 latent = g_ascii_strtoull (spec, &end, 10);

  item->scale = 1;
  if (!g_ascii_isdigit (*spec) || latent > G_MAXUINT32)
    return false;
  item->latent = (size_t)latent;
  if (*end == '\0')
    return true;
  if (*end != '=')
    return false;
  item->scale = g_ascii_strtod (end + 1, &scale_end);
  return scale_end != end + 1 && *scale_end == '\0' && isfinite (item->scale);
}

static bool
is_item (const char *word)
{
  CsSteerItem item;

  return parse_item (word, &item);
}

static bool
all_items (char **specs)
{
  for (char **spec = specs; *spec != NULL; spec++)
    if (!is_item (*spec))
      return false;
  return true;
}

static bool
read_items (char **specs,
            CsSteerMode mode,
            CsSteerScope scope,
            const char *run,
            GArray *items,
            GError **error)
{
  g_autoptr (CsLatents) latents = cs_latents_load (run, error);

  if (latents == NULL)
    return false;
  for (char **spec = specs; *spec != NULL; spec++)
    {
      CsSteerItem item = { .mode = mode, .scope = scope };

      if (!parse_item (*spec, &item) || item.latent >= latents->n_latents)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "%s has latents 0 to %zu, and no “%s”: choose one of those.", run,
                       latents->n_latents - 1, *spec);
          return false;
        }
      item.max_act = latents->rows[item.latent].max_act;
      if (latents->n_tokens == 0 && item.max_act == 0 && mode != CS_STEER_ABLATE)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "The maximum of latent %zu, which scales count in, is not known: analyse %s or "
                       "attach its table first.",
                       item.latent, run);
          return false;
        }
      g_array_append_val (items, item);
    }
  return true;
}

static void
print_steered (const SteerData *d, bool json)
{
  static const char *const titles[] = { "base", "chat", "base, steered", "chat, steered" };

  if (json)
    cs_cli_print_json (
        json_pack ("{s:o, s:o, s:o, s:o, s:o}", "prompt", cs_cli_string (d->prompt), "base",
                   cs_cli_string (d->texts[0]), "chat", cs_cli_string (d->texts[1]), "base_steered",
                   cs_cli_string (d->texts[2]), "chat_steered", cs_cli_string (d->texts[3])));
  else
    for (int i = 0; i < 4; i++)
      printf ("── %s ──\n%s\n\n", titles[i], g_strchomp (d->texts[i]));
}

/* What was given on the command line. */
typedef struct
{
  CsPairWords pair;
  char *prompt, *mode_name;
  char **latents;
  gint64 layer, max_tokens, seed;
  double temperature;
  gboolean json, prompt_only, raw;
  CsSteerMode mode; /* of mode_name */
} SteerWords;

static void
steer_words_clear (SteerWords *w)
{
  cs_pair_words_clear (&w->pair);
  g_free (w->prompt);
  g_free (w->mode_name);
  g_strfreev (w->latents);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (SteerWords, steer_words_clear)

static bool
parse_steer (SteerWords *w, int *argc, char ***argv, int *status)
{
  const GOptionEntry entries[] = {
    CS_PAIR_ENTRIES (&w->pair),
    { "prompt", 0, 0, G_OPTION_ARG_FILENAME, &w->prompt, NULL, NULL },
    { "latent", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->latents, NULL, NULL },
    { "layer", 0, 0, G_OPTION_ARG_INT64, &w->layer, NULL, NULL },
    { "mode", 0, 0, G_OPTION_ARG_FILENAME, &w->mode_name, NULL, NULL },
    { "prompt-only", 0, 0, G_OPTION_ARG_NONE, &w->prompt_only, NULL, NULL },
    { "raw", 0, 0, G_OPTION_ARG_NONE, &w->raw, NULL, NULL },
    { "max-tokens", 0, 0, G_OPTION_ARG_INT64, &w->max_tokens, NULL, NULL },
    { "temperature", 0, 0, G_OPTION_ARG_DOUBLE, &w->temperature, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &w->seed, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  w->layer = -1;
  w->max_tokens = 64;
  return cs_cli_parse (argc, argv, &cs_verbs_latents[VERB_STEER], entries, 1, 1, status);
}

/* NULL, or what is wrong with the words. */
static const char *
check_steer (SteerWords *w)
{
  if (w->pair.base == NULL || w->pair.chat == NULL || w->prompt == NULL || w->latents == NULL)
    return "--base, --chat, --prompt and at least one --latent ID=SCALE are needed.";
  if (!all_items (w->latents))
    return "--latent takes ID=SCALE: a latent's number and a finite scale, such as 12=1.5.";
  for (w->mode = CS_STEER_ADD; w->mode_name != NULL && w->mode <= CS_STEER_ABLATE; w->mode++)
    if (strcmp (w->mode_name, cs_steer_mode_name (w->mode)) == 0)
      break;
  if (w->mode > CS_STEER_ABLATE)
    return "--mode is add, clamp or ablate.";
  if (w->max_tokens < 1 || w->max_tokens > 1 << 20 ||
      !(w->temperature >= 0 && w->temperature <= 1e6))
    return "--max-tokens has to be 1 or more and --temperature 0 or more.";
  return w->layer < -1 ? "--layer cannot be negative." : NULL;
}

static int
run_steer (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_latents[VERB_STEER];
  g_auto (GStrv) words = cs_cli_repeat_option (&argc, argv, "--latent", is_item);
  g_autofree char **moved = g_memdup2 (words, ((size_t)argc + 1) * sizeof *words);
  g_auto (SteerWords) w = { 0 };
  g_autoptr (GArray) items = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  g_autoptr (GError) error = NULL;
  const char *wrong;
  int status;

  argv = moved;
  if (!parse_steer (&w, &argc, &argv, &status))
    return status;
  if ((wrong = check_steer (&w)) != NULL)
    return cs_cli_usage (verb, wrong);
  if (!read_items (w.latents, w.mode, w.prompt_only ? CS_STEER_PROMPT_ONLY : CS_STEER_ALL_TOKENS,
                   argv[1], items, &error))
    return cs_cli_fail (error);
  SteerData data = {
    .run = argv[1],
    .pair = &w.pair,
    .prompt = w.prompt,
    .raw = w.raw,
    .items = items,
    .layer = w.layer < 0 ? cs_cli_layer_of_run (argv[1]) : (size_t)w.layer,
    .sampling = { .max_tokens = (size_t)w.max_tokens,
                  .temperature = w.temperature,
                  .top_p = 1,
                  .seed = (uint64_t)w.seed },
  };
  status = cs_cli_job ("Steering", steer_job, &data);
  if (status == CS_EXIT_DONE)
    print_steered (&data, w.json);
  for (int i = 0; i < 4; i++)
    g_free (data.texts[i]);
  return status;
}
