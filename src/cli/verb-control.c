/* control null, tuned, seed, k, layer, list. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "controls.h"

static int run_null (int argc, char **argv);
static int run_tuned (int argc, char **argv);
static int run_seed (int argc, char **argv);
static int run_k (int argc, char **argv);
static int run_layer (int argc, char **argv);
static int run_list (int argc, char **argv);

/* In the order of CsControlKind. */
const CsVerb cs_verbs_control[] = {
  { "control null", "STUDY/runs/RUN [--keep-store] [--threads N] [--json]",
    "Control: the run again, the base model against itself", run_null },
  { "control tuned",
    "STUDY/runs/RUN [--tokens N] [--corpus FILE]… [--keep-store] [--threads N] [--json]",
    "Control: the run again, base against a copy tuned on base text", run_tuned },
  { "control seed", "STUDY/runs/RUN [--value SEED] [--threads N] [--json]",
    "Control: the run again with another seed", run_seed },
  { "control k", "STUDY/runs/RUN [--value K] [--mu MU] [--threads N] [--json]",
    "Control: the run again with another sparsity", run_k },
  { "control layer", "STUDY/runs/RUN [--value L] [--keep-store] [--threads N] [--json]",
    "Control: the run again at another layer", run_layer },
  { "control list", "STUDY [--json]", "Lists the controls of a study beside their runs", run_list },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  gint64 value, tokens;
  double mu;
  char **corpora;
  int threads;
  gboolean keep_store, json;
} ControlWords;

static bool
parse (CsControlKind kind, ControlWords *w, int *argc, char ***argv, int *status)
{
  const GOptionEntry entries[] = {
    { "value", 0, 0, G_OPTION_ARG_INT64, &w->value, NULL, NULL },
    { "tokens", 0, 0, G_OPTION_ARG_INT64, &w->tokens, NULL, NULL },
    { "mu", 0, 0, G_OPTION_ARG_DOUBLE, &w->mu, NULL, NULL },
    { "corpus", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &w->corpora, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT, &w->threads, NULL, NULL },
    { "keep-store", 0, 0, G_OPTION_ARG_NONE, &w->keep_store, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
    { NULL },
  };

  w->value = -1;
  return cs_cli_parse (argc, argv, &cs_verbs_control[kind], entries, 1, 1, status);
}

/* The study that RUN is of: the folder above "runs". */
static CsStudy *
open_study (const char *run, char **name, GError **error)
{
  g_autofree char *whole = g_canonicalize_filename (run, NULL);
  g_autofree char *runs = g_path_get_dirname (whole), *study = g_path_get_dirname (runs);

  *name = g_path_get_basename (whole);
  return cs_study_open (study, error);
}

static bool
control_job (CsJob *job, void *data, GError **error)
{
  return cs_control_run (job, data, NULL, error);
}

static int
print_controls (GPtrArray *controls, bool json)
{
  g_autofree char *text = cs_controls_text (controls);

  fputs (text, json ? stderr : stdout);
  for (guint i = 0; json && i < controls->len; i++)
    cs_cli_print_json (cs_control_to_json (g_ptr_array_index (controls, i)));
  return CS_EXIT_DONE;
}

static int
print_control (CsStudy *study, const CsControlPlan *plan, bool json)
{
  g_autofree char *folder =
      g_build_filename (cs_study_folder (study), "runs", cs_control_plan_run_name (plan), NULL);
  g_autoptr (GPtrArray) one = g_ptr_array_new_with_free_func ((GDestroyNotify)cs_control_free);
  g_autoptr (GError) error = NULL;
  CsControl *control = cs_control_load (folder, &error);

  if (control == NULL)
    return cs_cli_fail (error);
  g_ptr_array_add (one, control);
  return print_controls (one, json);
}

static void
fill_options (CsStudy *study,
              CsRun *run,
              CsControlKind kind,
              const ControlWords *w,
              CsControlOptions *options)
{
  cs_control_default (study, run, kind, options);
  if (w->value >= 0)
    options->value = (uint64_t)w->value;
  if (kind == CS_CONTROL_TUNED)
    options->value = (uint64_t)w->tokens;
  if (w->mu > 0)
    options->mu = w->mu;
  options->corpora = (const char *const *)w->corpora;
  options->keep_store = w->keep_store;
  options->n_threads = (unsigned)w->threads;
}

static int
control (CsControlKind kind, int argc, char **argv)
{
  ControlWords w = { 0 };
  CsControlOptions options;
  g_autoptr (CsStudy) study = NULL;
  g_autoptr (CsControlPlan) plan = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *name = NULL;
  g_auto (GStrv) corpora = NULL;
  CsRun *run;
  int status;

  if (!parse (kind, &w, &argc, &argv, &status))
    return status;
  corpora = w.corpora;
  if (w.value < -1 || w.tokens < 0 || w.threads < 0 || !(w.mu >= 0))
    return cs_cli_usage (&cs_verbs_control[kind],
                         "--value, --tokens, --mu and --threads cannot be negative.");
  study = open_study (argv[1], &name, &error);
  if (study == NULL)
    return cs_cli_fail (error);
  run = cs_study_find_run (study, name);
  if (run == NULL)
    return cs_cli_usage (&cs_verbs_control[kind], "The study has no run of that name.");
  fill_options (study, run, kind, &w, &options);
  plan = cs_control_plan_new (study, run, &options, &error);
  if (plan == NULL)
    return cs_cli_fail (error);
  status = cs_cli_job ("Control", control_job, plan);
  return status == CS_EXIT_DONE ? print_control (study, plan, w.json) : status;
}

static int
run_null (int argc, char **argv)
{
  return control (CS_CONTROL_NULL, argc, argv);
}

static int
run_tuned (int argc, char **argv)
{
  return control (CS_CONTROL_TUNED, argc, argv);
}

static int
run_seed (int argc, char **argv)
{
  return control (CS_CONTROL_SEED, argc, argv);
}

static int
run_k (int argc, char **argv)
{
  return control (CS_CONTROL_K, argc, argv);
}

static int
run_layer (int argc, char **argv)
{
  return control (CS_CONTROL_LAYER, argc, argv);
}

static int
run_list (int argc, char **argv)
{
  gboolean json = false;
  const GOptionEntry entries[] = { { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
                                   { NULL } };
  g_autoptr (CsStudy) study = NULL;
  g_autoptr (GPtrArray) controls = NULL;
  g_autoptr (GError) error = NULL;
  int status;

  if (!cs_cli_parse (&argc, &argv, &cs_verbs_control[CS_N_CONTROLS], entries, 1, 1, &status))
    return status;
  study = cs_study_open (argv[1], &error);
  if (study == NULL)
    return cs_cli_fail (error);
  controls = cs_controls_load (cs_study_folder (study));
  return print_controls (controls, json);
}
