/* lens. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "errors.h"
#include "json.h"
#include "lens.h"
#include "neighbours.h"

static int run_lens (int argc, char **argv);

const CsVerb cs_verbs_lens[] = {
  { "lens",
    "RUN --base DIR --chat DIR --latent ID [--activations F.h5] [--top N] [--tokens N] [--json]",
    "What a latent promotes and suppresses, and which are like it", run_lens },
  { NULL, NULL, NULL, NULL },
};

static const char *const part_names[] = { "base", "chat", "both" };

typedef struct
{
  char *base, *chat, *store;
  gint64 latent, top, tokens;
  gboolean json;
} Words;

static void
words_clear (Words *w)
{
  g_free (w->base);
  g_free (w->chat);
  g_free (w->store);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

typedef struct
{
  const char *run;
  const Words *words;
  size_t latent, top;
  CsLens *lens[2];
  CsNeighbour *near[CS_NEIGHBOUR_N_PARTS];
  size_t n_near[CS_NEIGHBOUR_N_PARTS];
  char *no_store; /* why there is no co-firing, or NULL */
  CsCofiringLatent *cofiring;
  size_t n_cofiring, n_tokens, count;
} Found;

static void
found_clear (Found *found)
{
  for (int m = 0; m < 2; m++)
    cs_lens_free (found->lens[m]);
  for (int part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
    g_free (found->near[part]);
  g_free (found->no_store);
  g_free (found->cofiring);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Found, found_clear)

/* The store that was named, or the one of the run's configuration (as typed, or beside the run). */
static char *
store_path (const Found *found)
{
  g_autofree char *config_path = g_build_filename (found->run, "config.json", NULL);
  g_autoptr (json_t) config = NULL;
  const char *named;

  if (found->words->store != NULL)
    return g_strdup (found->words->store);
  config = cs_json_load (config_path, 0, NULL);
  named = json_string_value (json_object_get (config, "store"));
  if (named == NULL)
    return NULL;
  if (g_path_is_absolute (named) || g_file_test (named, G_FILE_TEST_EXISTS))
    return g_strdup (named);
  return g_build_filename (found->run, named, NULL);
}

/* Without a store there is everything else; one that was named has to be there. */
static bool
find_cofiring (Found *found, CsJob *job, const CsCrosscoder *cc, CsTeam *team, GError **error)
{
  g_autofree char *path = store_path (found);
  g_autoptr (GError) local = NULL;
  g_autoptr (CsCofiring) cofiring = NULL;

  cs_job_phase (job, "Reading the activations");
  if (path != NULL)
    cofiring = cs_cofiring_new (job, cc, team, path, (size_t)found->words->tokens, &local);
  if (cofiring != NULL)
    {
      found->cofiring = g_new0 (CsCofiringLatent, found->top);
      found->n_cofiring = cs_cofiring_find (cofiring, found->latent, found->top, found->cofiring);
      found->n_tokens = cs_cofiring_n_tokens (cofiring);
      found->count = cs_cofiring_count (cofiring, found->latent);
      return true;
    }
  if (local != NULL &&
      (found->words->store != NULL || g_error_matches (local, CS_ERROR, CS_ERROR_CANCELLED)))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return false;
    }
  found->no_store = g_strdup (local != NULL ? local->message : "the run names no activation store");
  return true;
}

static bool
fits (const Found *found, const CsCrosscoder *cc, const CsPair *pair, GError **error)
{
  const size_t d_model = cs_model_config (pair->model[0])->d_model;

  if (cc->d_model != d_model)
    g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                 "The run %s has d_model %zu but the models have %zu: name the pair that it was "
                 "trained on.",
                 found->run, cc->d_model, d_model);
  else if (found->latent >= cc->n_latents)
    g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                 "%s has latents 0 to %zu, and no %zu: choose one of those.", found->run,
                 cc->n_latents - 1, found->latent);
  else
    return true;
  return false;
}

static bool
lens_job (CsJob *job, void *data, GError **error)
{
  Found *found = data;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (found->run, error);
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (CsPair) pair = NULL;

  /* no text is read: the decoders go through the models' heads */
  if (cc == NULL || (pair = cs_pair_open (found->words->base, found->words->chat, NULL, error)) == NULL ||
      !fits (found, cc, pair, error))
    return false;
  for (int m = 0; m < 2; m++)
    found->lens[m] = cs_lens_latent (pair, cc, found->latent, m, found->top);
  for (int part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
    {
      found->near[part] = g_new0 (CsNeighbour, found->top);
      found->n_near[part] =
          cs_neighbours (cc, team, found->latent, part, found->top, found->near[part]);
    }
  return find_cofiring (found, job, cc, team, error);
}

/* --- Printing --- */

static json_t *
neighbours_json (const Found *found)
{
  json_t *object = json_object ();

  for (int part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
    {
      json_t *array = json_array ();

      for (size_t i = 0; i < found->n_near[part]; i++)
        json_array_append_new (array, json_pack ("{s:I, s:o}", "latent",
                                                 (json_int_t)found->near[part][i].latent, "cosine",
                                                 cs_cli_real (found->near[part][i].cosine)));
      json_object_set_new (object, part_names[part], array);
    }
  return object;
}

static json_t *
cofiring_json (const Found *found)
{
  json_t *array = json_array ();

  for (size_t i = 0; i < found->n_cofiring; i++)
    {
      const CsCofiringLatent *c = &found->cofiring[i];

      json_array_append_new (
          array, json_pack ("{s:I, s:I, s:I, s:o, s:o, s:o, s:o}", "latent", (json_int_t)c->latent,
                            "count", (json_int_t)c->count, "both", (json_int_t)c->both,
                            "given_this", cs_cli_real (c->given_this), "given_other",
                            cs_cli_real (c->given_other), "jaccard", cs_cli_real (c->jaccard),
                            "correlation", cs_cli_real (c->correlation)));
    }
  return array;
}

static void
print_json (const Found *found)
{
  cs_cli_print_json (json_pack ("{s:I, s:o, s:o, s:o, s:I, s:I, s:o}", "latent",
                                (json_int_t)found->latent, "base", cs_lens_to_json (found->lens[0]),
                                "chat", cs_lens_to_json (found->lens[1]), "neighbours",
                                neighbours_json (found), "tokens", (json_int_t)found->n_tokens,
                                "count_active", (json_int_t)found->count, "cofiring",
                                found->no_store != NULL ? json_null () : cofiring_json (found)));
}

static void
print_text (const Found *found)
{
  for (int m = 0; m < 2; m++)
    {
      const CsLens *lens = found->lens[m];
      g_autofree char *promoted = cs_lens_words (lens->promoted, lens->n);
      g_autofree char *suppressed = cs_lens_words (lens->suppressed, lens->n);

      printf ("%s (decoder norm %.3f)\n  promotes    %s\n  suppresses  %s\n",
              m == 0 ? "base" : "chat", lens->norm, promoted, suppressed);
    }
  for (int part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
    {
      printf ("nearest by the %s decoder:", part_names[part]);
      for (size_t i = 0; i < found->n_near[part]; i++)
        printf ("  %zu (%.2f)", found->near[part][i].latent, found->near[part][i].cosine);
      printf ("\n");
    }
  if (found->no_store != NULL)
    {
      fprintf (stderr, "crosscope-cli: No latents that fire with it: %s\n", found->no_store);
      return;
    }
  printf ("fires with it (of %zu tokens that it is active on, of %zu read)\n", found->count,
          found->n_tokens);
  for (size_t i = 0; i < found->n_cofiring; i++)
    {
      const CsCofiringLatent *c = &found->cofiring[i];

      printf ("  %6zu  Jaccard %.3f  on %.0f %% of its tokens, it on %.0f %% of the other's\n",
              c->latent, c->jaccard, 100 * c->given_this, 100 * c->given_other);
    }
}

static int
run_lens (int argc, char **argv)
{
  g_auto (Words) w = { .latent = -1, .top = 10 };
  const GOptionEntry entries[] = {
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &w.base, NULL, NULL },
    { "chat", 0, 0, G_OPTION_ARG_FILENAME, &w.chat, NULL, NULL },
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &w.store, NULL, NULL },
    { "latent", 0, 0, G_OPTION_ARG_INT64, &w.latent, NULL, NULL },
    { "top", 0, 0, G_OPTION_ARG_INT64, &w.top, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &w.tokens, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w.json, NULL, NULL },
    { NULL },
  };
  g_auto (Found) found = { .words = &w };
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_lens[0], entries, 1, 1, &status))
    return status;
  if (w.base == NULL || w.chat == NULL || w.latent < 0 || w.top < 1 || w.top > 1000 || w.tokens < 0)
    return cs_cli_usage (&cs_verbs_lens[0], "--base, --chat and --latent are needed; --top is 1 to "
                                            "1000 and --tokens cannot be negative.");
  found.run = argv[1];
  found.latent = (size_t)w.latent;
  found.top = (size_t)w.top;
  status = cs_cli_job ("Looking through the lens", lens_job, &found);
  if (status == CS_EXIT_DONE && w.json)
    print_json (&found);
  else if (status == CS_EXIT_DONE)
    print_text (&found);
  return status;
}
