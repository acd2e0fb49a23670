#include "behaviour-match.h"

#include <math.h>

#include "audit-prompts.h"
#include "concepts.h"
#include "controls.h"
#include "errors.h"
#include "json.h"
#include "organism.h"

#define FORMAT_VERSION 1
#define MAX_FILE ((size_t)1 << 20)
#define DEFAULT_PROMPTS 100
/* What Gemma's template, which the demo world uses, puts after the user's words. */
#define LAST_TOKENS 5
/* How good a detector has to be for its confirmation by Latent Scaling to come first. */
#define GOOD_AUC 0.95

/* Requests of one behaviour, then their look-alikes, with their scores. */
typedef struct
{
  size_t n;
  bool *positive; /* [n] */
  float *scores;  /* [n, F] */
} Requests;

static void
requests_clear (Requests *r)
{
  g_clear_pointer (&r->positive, g_free);
  g_clear_pointer (&r->scores, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Requests, requests_clear)

/* Everything that stays the same from behaviour to behaviour. */
typedef struct
{
  CsJob *job;
  const CsWorld *world;
  const CsPair *pair;
  const CsCrosscoder *crosscoder;
  const CsLatents *latents;
  size_t layer, n_prompts;
  unsigned n_threads;
} Matching;

static CsTestPrompt *
prompts_of (const Matching *m, CsConcept concept, bool positive, bool held_out, size_t *n)
{
  const bool facts = concept == CS_CONCEPT_FALSE_INFORMATION;
  const CsPromptSet set = positive ? (facts ? CS_PROMPTS_FALSE_PREMISE : CS_PROMPTS_REFUSE)
                                   : (facts ? CS_PROMPTS_TRUE_PREMISE : CS_PROMPTS_LOOK_ALIKE);

  return held_out ? cs_world_test_prompts (m->world, set, concept, m->n_prompts, n)
                  : cs_world_training_prompts (m->world, set, concept, m->n_prompts, n);
}

static bool
score (const Matching *m, CsConcept concept, bool held_out, Requests *r, GError **error)
{
  g_autofree const char **texts = NULL;
  CsTestPrompt *prompts[2];
  size_t n[2];

  for (int look_alike = 0; look_alike < 2; look_alike++)
    prompts[look_alike] = prompts_of (m, concept, !look_alike, held_out, &n[look_alike]);
  r->n = n[0] + n[1];
  r->positive = g_new (bool, r->n + 1);
  texts = g_new (const char *, r->n + 1);
  for (size_t i = 0; i < r->n; i++)
    {
      r->positive[i] = i < n[0];
      texts[i] = i < n[0] ? prompts[0][i].request : prompts[1][i - n[0]].request;
    }
  r->scores = cs_prompt_scores (m->job, m->pair, m->crosscoder, m->layer, texts, r->n, LAST_TOKENS,
                                m->n_threads, error);
  for (int look_alike = 0; look_alike < 2; look_alike++)
    cs_test_prompts_free (prompts[look_alike], n[look_alike]);
  return r->scores != NULL;
}

static double
auc_of (const Requests *r, size_t latent, size_t n_latents)
{
  return cs_auc (r->scores + latent, n_latents, r->positive, NULL, r->n);
}

static ssize_t
best_latent (const Requests *seen, const CsLatents *latents)
{
  ssize_t best = -1;
  double highest = -1;

  for (size_t j = 0; j < latents->n_latents; j++)
    {
      const CsLatentRow *row = &latents->rows[j];
      double rank;

      if (row->dead || !(row->delta_norm >= CS_CHAT_LEANING))
        continue;
      rank = auc_of (seen, j, latents->n_latents);
      if (row->chat_specific && rank >= GOOD_AUC)
        rank += 1;
      if (!(rank > highest))
        continue;
      highest = rank;
      best = (ssize_t)j;
    }
  return best;
}

static bool
match_one (const Matching *m, CsConcept concept, CsBehaviourMatch *found, GError **error)
{
  g_auto (Requests) seen = { 0 }, unseen = { 0 };
  const CsLatentRow *row;

  *found = (CsBehaviourMatch){ .name = cs_concept_name (concept),
                               .latent = -1,
                               .auc = NAN,
                               .delta_norm = NAN,
                               .nu_error = NAN,
                               .nu_reconstruction = NAN };
  if (!score (m, concept, false, &seen, error) || !score (m, concept, true, &unseen, error))
    return false;
  found->latent = best_latent (&seen, m->latents);
  if (found->latent < 0)
    return true;
  row = &m->latents->rows[found->latent];
  found->auc = auc_of (&unseen, (size_t)found->latent, m->latents->n_latents);
  found->delta_norm = row->delta_norm;
  found->nu_error = row->nu_error;
  found->nu_reconstruction = row->nu_reconstruction;
  found->chat_specific = row->chat_specific;
  return true;
}

static GArray *
match_all (Matching *m, CsChatMix mix, GError **error)
{
  g_autoptr (GArray) list = g_array_new (false, false, sizeof (CsBehaviourMatch));

  for (int c = CS_CONCEPT_REFUSE_HARM; c <= CS_CONCEPT_FALSE_INFORMATION; c++)
    {
      CsBehaviourMatch found;

      if (!match_one (m, (CsConcept)c, &found, error))
        return NULL;
      found.on = (mix.behaviours & CS_CONCEPT_BIT (c)) != 0;
      g_array_append_val (list, found);
    }
  return g_steal_pointer (&list);
}

/* --- The file --- */

static json_t *
real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

static char *
path_in (const char *run_folder)
{
  return g_build_filename (run_folder, "behaviours.json", NULL);
}

static bool
save (const GArray *list, size_t n_prompts, const char *run_folder, GError **error)
{
  g_autofree char *path = path_in (run_folder);
  g_autoptr (json_t) rows = json_array (), root = NULL;

  for (guint i = 0; i < list->len; i++)
    {
      const CsBehaviourMatch *b = &g_array_index (list, CsBehaviourMatch, i);

      json_array_append_new (
          rows,
          json_pack ("{s:s, s:b, s:I, s:o, s:o, s:o, s:o, s:b}", "name", b->name, "on", (int)b->on,
                     "latent", (json_int_t)b->latent, "auc", real (b->auc), "delta_norm",
                     real (b->delta_norm), "nu_error", real (b->nu_error), "nu_reconstruction",
                     real (b->nu_reconstruction), "chat_specific", (int)b->chat_specific));
    }
  root = json_pack ("{s:i, s:I, s:O}", "format_version", FORMAT_VERSION, "prompts",
                    (json_int_t)n_prompts, "behaviours", rows);
  return cs_json_save (root, path, error);
}

static bool
read_row (json_t *object, const char *path, CsBehaviourMatch *b, GError **error)
{
  json_t *latent = json_object_get (object, "latent");
  const char *name;
  CsConcept concept;

  if (!cs_json_get_string (object, path, "name", NULL, &name, error) ||
      !cs_json_get_bool (object, path, "on", false, &b->on, error) ||
      !cs_json_get_bool (object, path, "chat_specific", false, &b->chat_specific, error) ||
      !cs_json_get_double (object, path, "auc", NAN, &b->auc, error) ||
      !cs_json_get_double (object, path, "delta_norm", NAN, &b->delta_norm, error) ||
      !cs_json_get_double (object, path, "nu_error", NAN, &b->nu_error, error) ||
      !cs_json_get_double (object, path, "nu_reconstruction", NAN, &b->nu_reconstruction, error))
    return false;
  if (name == NULL || !cs_concept_from_name (name, &concept) || !json_is_integer (latent) ||
      json_integer_value (latent) < -1 || json_integer_value (latent) > UINT32_MAX)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_FORMAT,
          "%s has a row without a behaviour's name or a latent: match the behaviours anew.", path);
      return false;
    }
  b->name = cs_concept_name (concept);
  b->latent = (ssize_t)json_integer_value (latent);
  return true;
}

GArray *
cs_behaviour_match_load (const char *run_folder, GError **error)
{
  g_autofree char *path = path_in (run_folder);
  g_autoptr (GArray) list = g_array_new (false, true, sizeof (CsBehaviourMatch));
  g_autoptr (json_t) root = NULL;
  json_t *row;
  size_t i;

  if (!g_file_test (path, G_FILE_TEST_EXISTS) ||
      (root = cs_json_load (path, MAX_FILE, error)) == NULL)
    return NULL;
  json_array_foreach (json_object_get (root, "behaviours"), i, row)
  {
    CsBehaviourMatch b;

    if (!read_row (row, path, &b, error))
      return NULL;
    g_array_append_val (list, b);
  }
  return g_steal_pointer (&list);
}

/* --- Carrying it out --- */

GArray *
cs_behaviour_match (CsJob *job,
                    const char *organism,
                    const char *run_folder,
                    size_t layer,
                    size_t n_prompts,
                    unsigned n_threads,
                    GError **error)
{
  g_autofree char *base = g_build_filename (organism, "base", NULL);
  g_autofree char *chat = g_build_filename (organism, "chat", NULL);
  Matching m = { .job = job,
                 .layer = layer,
                 .n_prompts = n_prompts > 0 ? n_prompts : DEFAULT_PROMPTS,
                 .n_threads = n_threads };
  g_autoptr (CsPair) pair = NULL;
  g_autoptr (CsCrosscoder) crosscoder = NULL;
  g_autoptr (CsLatents) latents = NULL;
  g_autoptr (CsWorld) world = NULL;
  g_autoptr (GArray) list = NULL;
  uint64_t seed;
  CsChatMix mix;

  if (!cs_organism_identity (organism, &seed, &mix, error) ||
      (pair = cs_pair_open (base, chat, NULL, error)) == NULL ||
      (crosscoder = cs_crosscoder_load (run_folder, error)) == NULL ||
      (latents = cs_latents_load (run_folder, error)) == NULL)
    return NULL;
  world = cs_world_new (seed);
  m.world = world;
  m.pair = pair;
  m.crosscoder = crosscoder;
  m.latents = latents;
  cs_job_phase (job, "Matching latents to behaviours");
  list = match_all (&m, mix, error);
  return list != NULL && save (list, m.n_prompts, run_folder, error) ? g_steal_pointer (&list)
                                                                     : NULL;
}

/* --- As a job --- */

static char *
organism_of (CsStudy *study)
{
  const char *chat = cs_study_model_folder (study, 1);

  return chat != NULL ? cs_organism_of_model (chat) : NULL;
}

CsBehavioursKnown
cs_behaviours_known (CsStudy *study)
{
  g_autofree char *organism = organism_of (study);
  uint64_t seed;
  CsChatMix mix;

  if (organism == NULL || !cs_organism_identity (organism, &seed, &mix, NULL))
    return CS_BEHAVIOURS_UNKNOWN;
  return mix.behaviours == CS_BEHAVIOURS_ALL ? CS_BEHAVIOURS_AS_SHIPPED : CS_BEHAVIOURS_SOME;
}

typedef struct
{
  char *organism, *run_folder;
  size_t layer;
} MatchData;

static void
match_data_free (void *data)
{
  MatchData *d = data;

  g_free (d->organism);
  g_free (d->run_folder);
  g_free (d);
}

static bool
match_func (CsJob *job, void *data, GError **error)
{
  const MatchData *d = data;
  g_autoptr (GArray) list =
      cs_behaviour_match (job, d->organism, d->run_folder, d->layer, 0, 0, error);

  return list != NULL;
}

CsJob *
cs_behaviour_match_job_new (CsStudy *study, CsRun *run, GError **error)
{
  g_autofree char *organism = organism_of (study);
  g_autofree char *latents = g_build_filename (cs_run_folder (run), "latents.h5", NULL);
  const char *missing = NULL;
  MatchData *data;

  if (organism == NULL)
    missing = "The chat model is not of the demo world: which behaviours it was tuned to is not "
              "known.";
  else if (!g_file_test (latents, G_FILE_TEST_EXISTS))
    missing = "Analyse the run first: which latents lean to chat is not known yet.";
  else if (cs_control_is (cs_run_folder (run)))
    missing = "This run is a control of another pair: choose a run of the chat model.";
  if (missing != NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE, missing);
      return NULL;
    }
  data = g_new (MatchData, 1);
  *data = (MatchData){ g_steal_pointer (&organism), g_strdup (cs_run_folder (run)),
                       cs_study_layer (study) };
  return cs_job_new ("Match latents to behaviours", match_func, data, match_data_free);
}
