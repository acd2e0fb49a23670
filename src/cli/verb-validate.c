/* validate: FVE, L0 and dead latents of a run on any activation store. */
#include <stdio.h>

#include "cli.h"
#include "errors.h"
#include "exchange.h"
#include "trainer.h"
#include "validation.h"

static int run_validate (int argc, char **argv);

const CsVerb cs_verbs_validate[] = {
  { "validate", "RUN --activations F.h5 [--tokens N] [--calibrate] [--threads N] [--json]",
    "Measures FVE, L0 and dead latents of a run on other texts", run_validate },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  const char *run, *store;
  size_t max_tokens;
  unsigned n_threads;
  bool calibrates;
  size_t n_latents;
  double threshold;
  CsValidation validation;
} ValidateData;

/* θ of an imported crosscoder so that k latents a token are active; a run's own θ is its
 * training's. */
static bool
calibrate (const ValidateData *d, CsCrosscoder *crosscoder, CsTeam *team, GError **error)
{
  if (cs_run_is_imported (d->run))
    return cs_crosscoder_calibrate_on_store (crosscoder, team, d->store, error) &&
           cs_crosscoder_save (crosscoder, d->run, error);
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
               "The threshold of %s is that of its training: only an imported run is calibrated.",
               d->run);
  return false;
}

static bool
validate_job (CsJob *job, void *data, GError **error)
{
  ValidateData *d = data;
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (d->run, error);
  g_autoptr (CsTeam) team = cs_team_new (d->n_threads);

  if (crosscoder == NULL || (d->calibrates && !calibrate (d, crosscoder, team, error)))
    return false;
  d->n_latents = crosscoder->n_latents;
  d->threshold = (double)crosscoder->threshold;
  return cs_validate_store (crosscoder, d->store, d->max_tokens, team, job, &d->validation, error);
}

static void
print (const ValidateData *d, bool json)
{
  const CsValidation *v = &d->validation;
  const CsCliReal values[] = { { "fve_base", v->fve_base }, { "fve_chat", v->fve_chat },
                               { "fve", v->fve },           { "l0", v->l0 },
                               { "mse_base", v->mse_base }, { "mse_chat", v->mse_chat } };
  json_t *object;

  if (!json)
    {
      printf (
          "%s on %zu tokens: FVE base %.3f, chat %.3f, L0 %.1f, %zu of %zu latents never active\n",
          d->run, v->n_tokens, v->fve_base, v->fve_chat, v->l0, v->never_active, d->n_latents);
      return;
    }
  object = cs_cli_reals (values, G_N_ELEMENTS (values));
  json_object_set_new (object, "run", cs_cli_string (d->run));
  json_object_set_new (object, "tokens", json_integer ((json_int_t)v->n_tokens));
  json_object_set_new (object, "latents", json_integer ((json_int_t)d->n_latents));
  json_object_set_new (object, "dead", json_integer ((json_int_t)v->never_active));
  json_object_set_new (object, "threshold",
                       d->threshold >= 0 ? cs_cli_real (d->threshold) : json_null ());
  cs_cli_print_json (object);
}

static int
run_validate (int argc, char **argv)
{
  g_autofree char *store = NULL;
  gint64 tokens = 0, threads = 0;
  gboolean json = FALSE, calibrates = FALSE;
  const GOptionEntry entries[] = {
    { "activations", 0, 0, G_OPTION_ARG_FILENAME, &store, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &tokens, NULL, NULL },
    { "calibrate", 0, 0, G_OPTION_ARG_NONE, &calibrates, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT64, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_validate[0];
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (store == NULL || tokens < 0 || threads < 0 || threads > 1024)
    return cs_cli_usage (verb, "--activations is needed; --tokens and --threads cannot be negative "
                               "(threads up to 1024).");
  ValidateData data = { .run = argv[1],
                        .store = store,
                        .max_tokens = (size_t)tokens,
                        .n_threads = (unsigned)threads,
                        .calibrates = calibrates };
  status = cs_cli_job ("Validation", validate_job, &data);
  if (status == CS_EXIT_DONE)
    print (&data, json);
  return status;
}
