/* describe. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "describe.h"
#include "errors.h"
#include "latents.h"
#include "run-study.h"
#include "study.h"

static int run_describe (int argc, char **argv);

const CsVerb cs_verbs_describe[] = {
  { "describe",
    "RUN --server URL --model NAME [--key-file F] [--latent ID…|--top N] [--score] [--chat DIR] "
    "[--activations F.h5] [--timeout S] [--seed S] [--json]",
    "Describes latents with a language model behind your own server, and scores the descriptions",
    run_describe },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  char *server, *model, *key_file, *chat, *store;
  char **latents;
  gint64 top, timeout, seed;
  gboolean score, json;
} Words;

static void
words_clear (Words *w)
{
  g_free (w->server);
  g_free (w->model);
  g_free (w->key_file);
  g_free (w->chat);
  g_free (w->store);
  g_strfreev (w->latents);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

typedef struct
{
  const char *run;
  const Words *words;
  char *run_name;
  CsStudy *study; /* that the run is of; NULL where it is of none */
  char *store, *key;
  GArray *latents; /* size_t */
  size_t n_described, n_failed;
} Describe;

static void
describe_clear (Describe *d)
{
  g_free (d->run_name);
  g_clear_object (&d->study);
  g_free (d->store);
  g_free (d->key);
  g_clear_pointer (&d->latents, g_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Describe, describe_clear)

/* --- Which latents --- */

static bool
is_latent (const char *word)
{
  return *word != '\0' && strspn (word, "0123456789") == strlen (word);
}

static int
chat_first (const void *a, const void *b)
{
  const CsLatentRow *x = *(CsLatentRow *const *)a, *y = *(CsLatentRow *const *)b;

  if (x->delta_norm != y->delta_norm)
    return x->delta_norm > y->delta_norm ? -1 : 1;
  return (x->latent > y->latent) - (x->latent < y->latent);
}

/* The living ones that lean furthest to chat. */
static void
choose_top (const CsLatents *latents, size_t n, GArray *chosen)
{
  g_autofree CsLatentRow **rows = g_new (CsLatentRow *, latents->n_latents);
  size_t living = 0;

  for (size_t i = 0; i < latents->n_latents; i++)
    if (!latents->rows[i].dead && !isnan (latents->rows[i].delta_norm))
      rows[living++] = &latents->rows[i];
  qsort (rows, living, sizeof *rows, chat_first);
  for (size_t i = 0; i < MIN (n, living); i++)
    {
      const size_t latent = rows[i]->latent;
      g_array_append_val (chosen, latent);
    }
}

static bool
choose_latents (Describe *d, GError **error)
{
  g_autoptr (CsLatents) latents = cs_latents_load (d->run, error);

  if (latents == NULL)
    return false;
  if (d->words->latents == NULL)
    choose_top (latents, (size_t)d->words->top, d->latents);
  for (char **word = d->words->latents; word != NULL && *word != NULL; word++)
    {
      const size_t latent = (size_t)g_ascii_strtoull (*word, NULL, 10);

      if (latent >= latents->n_latents)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "%s has latents 0 to %zu, and no %s: choose one of those.", d->run,
                       latents->n_latents - 1, *word);
          return false;
        }
      g_array_append_val (d->latents, latent);
    }
  return true;
}

/* --- Where things are --- */

/* Runs that are in no study have no labels. */
static bool
open_study (Describe *d, GError **error)
{
  g_autoptr (GError) failed = NULL;

  d->study = cs_cli_study_of_run (d->run, &d->run_name, &failed);
  if (failed != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&failed));
      return false;
    }
  if (d->study == NULL)
    fprintf (stderr, "crosscope-cli: %s is in no study: descriptions are printed and not kept.\n", d->run);
  return true;
}

static bool
read_key (Describe *d, GError **error)
{
  const char *path = d->words->key_file;
  g_autoptr (GError) local = NULL;
  gsize size;

  if (path == NULL)
    return true;
  if (!g_file_get_contents (path, &d->key, &size, &local))
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "The key cannot be read: %s", local->message);
  else if (size > 4096 || strlen (d->key) != size)
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s does not hold a key: one line is expected.",
                 path);
  else
    return true;
  return false;
}

static bool
find_store (Describe *d, GError **error)
{
  d->store = cs_cli_store_of_run (d->run, d->study, d->words->store);
  if (d->store == NULL)
    g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                 "%s is in no study: name the store that it was analysed on with --activations.",
                 d->run);
  return d->store != NULL;
}

/* --- Results --- */

static bool
keep (Describe *d, const CsDescription *description, GError **error)
{
  const bool scored = description->scored;
  const CsSuggestion suggestion = {
    .text = (char *)(intptr_t)description->text,
    .model = d->words->model,
    .balanced_accuracy = scored ? description->score.balanced_accuracy : NAN,
    .against_random = scored ? description->score.against_random : NAN,
    .against_similar = scored ? description->score.against_similar : NAN,
  };

  return d->study == NULL ||
         cs_study_set_suggestion (d->study, d->run_name, description->latent, &suggestion, error);
}

static json_t *
score_json (const CsDetectionScore *s)
{
  json_t *firing = json_array ();

  for (size_t g = 0; g < CS_EXAMPLE_GROUPS; g++)
    json_array_append_new (firing, cs_cli_real (s->firing[g]));
  return json_pack (
      "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I}", "balanced_accuracy",
      cs_cli_real (s->balanced_accuracy), "auc", cs_cli_real (s->balanced_accuracy),
      "against_random", cs_cli_real (s->against_random), "against_similar",
      cs_cli_real (s->against_similar), "firing_by_group", firing, "random",
      cs_cli_real (s->random), "similar", cs_cli_real (s->similar), "n_firing",
      (json_int_t)s->n_firing, "n_random", (json_int_t)s->n_random, "n_similar",
      (json_int_t)s->n_similar, "n_unanswered", (json_int_t)s->n_unanswered);
}

static void
print_description (const Describe *d, const CsDescription *x)
{
  if (d->words->json)
    cs_cli_print_json (json_pack ("{s:I, s:o, s:o, s:o, s:o}", "latent", (json_int_t)x->latent,
                                  "description", cs_cli_string (x->text), "model",
                                  cs_cli_string (d->words->model), "problem",
                                  cs_cli_string (x->problem), "score",
                                  x->scored ? score_json (&x->score) : json_null ()));
  else if (x->text == NULL)
    fprintf (stderr, "crosscope-cli: Latent %zu: %s.\n", x->latent, x->problem);
  else if (x->scored)
    printf ("%7zu  %s  (detection %.2f; against random texts %.2f, similar ones %.2f)\n", x->latent,
            x->text, x->score.balanced_accuracy, x->score.against_random,
            x->score.against_similar);
  else
    printf ("%7zu  %s\n", x->latent, x->text);
  fflush (stdout);
}

static bool
take_description (void *data, const CsDescription *description, GError **error)
{
  Describe *d = data;

  if (description->text != NULL && !keep (d, description, error))
    return false;
  d->n_described += description->text != NULL;
  d->n_failed += description->text == NULL;
  print_description (d, description);
  return true;
}

static bool
describe_job (CsJob *job, void *data, GError **error)
{
  Describe *d = data;
  const Words *w = d->words;
  const CsDescribeOptions options = {
    .run_folder = d->run,
    .store_path = d->store,
    .tokenizer_folder = w->chat != NULL      ? w->chat
                        : d->study != NULL ? cs_study_model_folder (d->study, 1)
                                           : NULL,
    .server = { .url = w->server, .model = w->model, .key = d->key, .timeout_ms = (unsigned)w->timeout * 1000 },
    .latents = (const size_t *)(void *)d->latents->data,
    .n_latents = d->latents->len,
    .score = w->score,
    .seed = (uint64_t)w->seed,
  };

  if (!cs_describe (job, &options, take_description, d, error))
    return false;
  if (d->n_described > 0 || d->n_failed == 0)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "No latent could be described: take a model that follows instructions.");
  return false;
}

/* --- The command line --- */

static const char *
check_words (const Words *w)
{
  if (w->server == NULL || w->model == NULL)
    return "--server and --model are needed: the address of a chat-completions server that you run, "
           "such as http://127.0.0.1:8080/v1, and a model's name there.";
  if (w->latents != NULL && w->top >= 0)
    return "--latent and --top cannot both be given.";
  for (char **word = w->latents; word != NULL && *word != NULL; word++)
    if (!is_latent (*word))
      return "--latent takes the number of a latent.";
  if (w->top == 0 || w->timeout < 1 || w->timeout > 86400)
    return "--top is 1 or more, and --timeout 1 to 86400 seconds.";
  return NULL;
}

static int
describe_with (const Words *w, const char *run)
{
  g_auto (Describe) d = { .run = run, .words = w, .latents = g_array_new (FALSE, FALSE, sizeof (size_t)) };
  g_autoptr (GError) error = NULL;

  if (!open_study (&d, &error) || !choose_latents (&d, &error) || !read_key (&d, &error) ||
      !find_store (&d, &error))
    return cs_cli_fail (error);
  return cs_cli_job ("Describing latents", describe_job, &d);
}

static int
run_describe (int argc, char **argv)
{
  g_auto (GStrv) words = cs_cli_repeat_option (&argc, argv, "--latent", is_latent);
  g_autofree char **moved = g_memdup2 (words, ((size_t)argc + 1) * sizeof *words);
  g_auto (Words) w = { .top = -1, .timeout = 120, .seed = 42 };
  const GOptionEntry entries[] = {
    { "server", 0, 0, G_OPTION_ARG_FILENAME, &w.server, NULL, NULL },
    { "model", 0, 0, G_OPTION_ARG_FILENAME, &w.model, NULL, NULL },
    { "key-file", 0, 0, G_OPTION_ARG_FILENAME, &w.key_file, NULL, NULL },
    { "latent", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w.latents, NULL, NULL },
    { "top", 0, 0, G_OPTION_ARG_INT64, &w.top, NULL, NULL },
    { "score", 0, 0, G_OPTION_ARG_NONE, &w.score, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &w.chat, NULL, NULL },
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &w.store, NULL, NULL },
    { "timeout", 0, 0, G_OPTION_ARG_INT64, &w.timeout, NULL, NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &w.seed, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w.json, NULL, NULL },
    { NULL },
  };
  const char *wrong;
  int status;

  argv = moved;
  if (!cs_cli_parse (&argc, &argv, &cs_verbs_describe[0], entries, 1, 1, &status))
    return status;
  if ((wrong = check_words (&w)) != NULL)
    return cs_cli_usage (&cs_verbs_describe[0], wrong);
  if (w.latents == NULL && w.top < 0)
    w.top = 10;
  return describe_with (&w, argv[1]);
}
