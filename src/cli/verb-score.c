/* score: any run against a planted truth. */
#include <math.h>
#include <stdio.h>

#include "cli.h"
#include "planted-trial.h"

static int run_score (int argc, char **argv);

const CsVerb cs_verbs_score[] = {
  { "score", "RUN --planted DIR [--threads N] [--json]",
    "Scores a run against the truth of a planted store", run_score },
  { NULL, NULL, NULL, NULL },
};

typedef struct
{
  const char *run, *planted;
  unsigned n_threads;
  CsPlantedResult result;
} ScoreData;

static bool
score_job (CsJob *job, void *data, GError **error)
{
  ScoreData *d = data;

  return cs_planted_score_run (job, d->run, d->planted, d->n_threads, &d->result, error);
}

static int
run_score (int argc, char **argv)
{
  g_autofree char *planted = NULL, *folder = NULL;
  gint64 threads = 0;
  gboolean json = FALSE;
  const GOptionEntry entries[] = {
    { "planted", 0, 0, G_OPTION_ARG_FILENAME, &planted, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT64, &threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL },
    { NULL },
  };
  const CsVerb *verb = &cs_verbs_score[0];
  ScoreData data = { 0 };
  int status;

  if (!cs_cli_parse (&argc, &argv, verb, entries, 1, 1, &status))
    return status;
  if (planted == NULL || threads < 0 || threads > 1024)
    return cs_cli_usage (verb, "--planted is needed; --threads is from 0 to 1024.");
  if (g_file_test (planted, G_FILE_TEST_IS_REGULAR)) /* a file of the folder */
    folder = g_path_get_dirname (planted);
  data.run = argv[1];
  data.planted = folder != NULL ? folder : planted;
  data.n_threads = (unsigned)threads;
  status = cs_cli_job ("Scoring", score_job, &data);
  if (status != CS_EXIT_DONE)
    return status;
  if (json)
    cs_cli_print_json (cs_planted_result_json (&data.result));
  else
    for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
      printf ("%-26s %.4g\n", cs_planted_metric_name ((CsPlantedMetric)m), data.result.value[m]);
  return CS_EXIT_DONE;
}
