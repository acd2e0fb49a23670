#include "own-chat.h"

#include <math.h>
#include <stdio.h>

#include "analyze-options.h"
#include "cli.h"
#include "demo.h"
#include "harvest.h"
#include "make-chat.h"

typedef struct
{
  char *base, *out, *on, *off;
  gint64 tokens;
  int threads;
  gboolean diff, json;
} TuneWords;

static void
tune_words_clear (TuneWords *w)
{
  g_free (w->base);
  g_free (w->out);
  g_free (w->on);
  g_free (w->off);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (TuneWords, tune_words_clear)

typedef struct
{
  const TuneWords *words;
  CsMakeChatOptions options;
  CsStudy *study; /* opened on the main thread's behalf: a job of the command runs on it */
  GArray *concepts;
  CsLatentSummary summary;
} TuneData;

static bool
harvest (CsJob *job, const TuneData *d, const char *store, GError **error)
{
  CsHarvestOptions options = { .base_folder = cs_study_model_folder (d->study, 0),
                               .chat_folder = cs_study_model_folder (d->study, 1),
                               .layer = cs_study_layer (d->study),
                               .corpora = cs_study_corpora (d->study),
                               .dtype = CS_DTYPE_F16,
                               .out = store,
                               .n_threads = d->options.n_threads };

  cs_job_phase (job, "Harvesting both models");
  return cs_harvest (job, &options, error);
}

/* Harvest, BatchTopK with the demo's settings, analysis, and which latents show which behaviour. */
static bool
diff (CsJob *job, TuneData *d, GError **error)
{
  const char *name = cs_demo_run_name (CS_VARIANT_BATCHTOPK);
  g_autofree char *store = NULL, *run = NULL;
  g_autoptr (CsCrosscoder) crosscoder = NULL;
  g_autoptr (CsLatents) latents = NULL;
  CsAnalyzeOptions analyze;
  CsTrainConfig config;
  CsPair *pair;

  d->study = cs_make_chat_study (d->options.out, error);
  pair = d->study != NULL ? cs_study_pair (d->study, error) : NULL;
  if (pair == NULL)
    return false;
  store = cs_study_store_path (d->study);
  run = g_build_filename (cs_study_folder (d->study), "runs", name, NULL);
  analyze = cs_analyze_options_for_pair (pair);
  cs_demo_train_config (&config, CS_VARIANT_BATCHTOPK, cs_model_config (pair->model[0])->d_model);
  config.n_threads = analyze.n_threads = d->options.n_threads;
  if (!harvest (job, d, store, error))
    return false;
  cs_job_phase (job, "Training BatchTopK");
  if (!cs_train (job, store, run, &config, NULL, NULL, error) ||
      !cs_analyze (job, run, store, &analyze, error))
    return false;
  crosscoder = cs_crosscoder_load (run, error);
  latents = crosscoder != NULL ? cs_latents_load (run, error) : NULL;
  if (latents == NULL)
    return false;
  cs_latents_summarise (latents, &d->summary);
  cs_job_phase (job, "Matching latents to behaviours");
  d->concepts = cs_make_chat_concepts (job, d->options.out, pair, crosscoder, latents,
                                       cs_study_layer (d->study), 0, d->options.n_threads, error);
  return d->concepts != NULL;
}

static bool
tune_job (CsJob *job, void *data, GError **error)
{
  TuneData *d = data;

  return cs_make_chat (job, &d->options, NULL, error) && (!d->words->diff || diff (job, d, error));
}

static json_t *
concepts_json (const GArray *concepts)
{
  json_t *object = json_object ();

  for (guint i = 0; i < concepts->len; i++)
    {
      const CsConceptLatent *c = &g_array_index (concepts, CsConceptLatent, i);

      json_object_set_new (object, c->concept,
                           json_pack ("{s:b, s:I, s:o, s:o, s:o, s:o}", "on", (int)c->on, "latent",
                                      (json_int_t)c->latent, "auc", cs_cli_real (c->auc),
                                      "delta_norm", cs_cli_real (c->delta_norm), "nu_error",
                                      cs_cli_real (c->nu_error), "nu_reconstruction",
                                      cs_cli_real (c->nu_reconstruction)));
    }
  return object;
}

static void
print_concepts (const TuneData *d)
{
  printf ("%zu latents, %zu chat-only, %zu chat-specific\n"
          "behaviour                 tuned  best chat-specific latent     AUC  Δ_norm\n",
          d->summary.latents, d->summary.chat_only, d->summary.chat_specific);
  for (guint i = 0; i < d->concepts->len; i++)
    {
      const CsConceptLatent *c = &g_array_index (d->concepts, CsConceptLatent, i);

      if (c->latent < 0)
        printf ("%-24s  %-5s  none\n", c->concept, c->on ? "on" : "off");
      else
        printf ("%-24s  %-5s  %25zd  %6.3f  %6.3f\n", c->concept, c->on ? "on" : "off", c->latent,
                c->auc, c->delta_norm);
    }
}

static bool
parse (TuneWords *w, int *argc, char ***argv, const CsVerb *verb, int *status)
{
  const GOptionEntry entries[] = {
    { "base", 0, 0, G_OPTION_ARG_FILENAME, &w->base, NULL, NULL },
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &w->out, NULL, NULL },
    { "on", 0, 0, G_OPTION_ARG_FILENAME, &w->on, NULL, NULL },
    { "off", 0, 0, G_OPTION_ARG_FILENAME, &w->off, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &w->tokens, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &w->threads, NULL, NULL },
    { "diff", 0, 0, G_OPTION_ARG_NONE, &w->diff, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  if (!cs_cli_parse (argc, argv, verb, entries, 0, 0, status))
    return false;
  if (w->base != NULL && w->out != NULL && w->tokens >= 0 && w->threads >= 0 &&
      (w->on == NULL || w->off == NULL))
    return true;
  *status = cs_cli_usage (verb, "--base and --out are needed, --on and --off exclude each other, "
                                "and numbers cannot be negative.");
  return false;
}

int
cs_cli_organism_tune (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_organism[2];
  g_auto (TuneWords) w = { 0 };
  g_autoptr (GError) error = NULL;
  unsigned named = 0;
  int status;

  if (!parse (&w, &argc, &argv, verb, &status))
    return status;
  if (!cs_make_chat_parse (w.on != NULL ? w.on : w.off != NULL ? w.off : "all", &named, &error))
    return cs_cli_usage (verb, error->message);
  TuneData data = { .words = &w };
  data.options = (CsMakeChatOptions){ .base_folder = w.base,
                                      .out = w.out,
                                      .behaviours = w.off != NULL ? ~named : named,
                                      .tokens = (size_t)w.tokens,
                                      .n_threads = (unsigned)w.threads };
  status = cs_cli_job ("Tuning", tune_job, &data);
  if (status == CS_EXIT_DONE && data.concepts != NULL && !w.json)
    print_concepts (&data);
  if (status == CS_EXIT_DONE && w.json)
    cs_cli_print_json (
        json_pack ("{s:o, s:o}", "out", cs_cli_string (w.out), "concepts",
                   data.concepts != NULL ? concepts_json (data.concepts) : json_null ()));
  g_clear_pointer (&data.concepts, g_array_unref);
  g_clear_object (&data.study);
  return status;
}
