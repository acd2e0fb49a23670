/* plant: worlds with known features, crosscoders trained on them, and what those found. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "planted-trial.h"

static int run_plant (int argc, char **argv);

const CsVerb cs_verbs_plant[] = {
  { "plant",
    "--out DIR [--seeds N] [--first-seed S] [--threads N] [--json] [--d-model N] [--shared N] "
    "[--base-only N] [--chat-only N] [--weak N] [--split N] [--frequency SHARE] [--spread X] "
    "[--strength-spread X] [--weak-min SHARE] [--weak-max SHARE] [--weak-levels N] "
    "[--split-overlap SHARE] "
    "[--split-correlation X] [--groups N] [--group-size N] [--group-firing SHARE] [--noise X] "
    "[--tokens N] [--document-tokens N] [--latents N] [--k K] [--mu M] [--steps S] [--batch B] "
    "[--lr R] [--held-out SHARE]",
    "Plants known features, trains L1 and BatchTopK on them and scores both", run_plant },
  { NULL, NULL, NULL, NULL },
};

#define SEEDS 5
#define SEEDS_MAX 1000

typedef struct
{
  const char *folder;
  uint64_t first_seed;
  size_t n_seeds;
  unsigned n_threads;
  bool json;
  CsPlantedResults *results;
} PlantData;

/* --- Text for people --- */

static void
print_share (const char *label, double value)
{
  if (isfinite (value))
    printf ("  %s %.2f", label, value);
  else
    printf ("  %s -", label);
}

static void
print_result (const CsPlantedResult *r)
{
  const double *v = r->value;

  printf ("seed %" G_GUINT64_FORMAT " %-9s", r->seed, cs_variant_name (r->variant));
  print_share ("recall", v[CS_PLANTED_RECALL]);
  print_share ("precision bins", v[CS_PLANTED_PRECISION_BINS]);
  print_share ("scaling", v[CS_PLANTED_PRECISION_SCALING]);
  print_share ("both", v[CS_PLANTED_PRECISION_BOTH]);
  printf ("  false %.0f of %.0f (shrinkage %.0f, decoupling %.0f; flagged %.0f)",
          v[CS_PLANTED_FALSE_CHAT_ONLY], v[CS_PLANTED_CHAT_ONLY],
          v[CS_PLANTED_FALSE_FROM_SHRINKAGE], v[CS_PLANTED_FALSE_FROM_DECOUPLING],
          v[CS_PLANTED_FLAGGED]);
  printf ("  L0 %.2f  FVE %.3f\n", v[CS_PLANTED_L0], v[CS_PLANTED_FVE]);
  fflush (stdout);
}

static void
print_interval (CsPlantedInterval i)
{
  g_autofree char *text = i.n == 0 ? g_strdup ("-")
                          : i.n == 1
                              ? g_strdup_printf ("%.3g", i.mean)
                              : g_strdup_printf ("%.3g (%.3g to %.3g)", i.mean, i.low, i.high);

  printf ("  %-28s", text);
}

static void
print_summary (const CsPlantedResults *results)
{
  printf ("\n%-26s  %-28s  %s\n", "mean (95 % interval)", "L1", "BatchTopK");
  for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
    {
      printf ("%-26s", cs_planted_metric_name ((CsPlantedMetric)m));
      print_interval (cs_planted_mean (results, CS_VARIANT_L1, (CsPlantedMetric)m));
      print_interval (cs_planted_mean (results, CS_VARIANT_BATCHTOPK, (CsPlantedMetric)m));
      printf ("\n");
    }
}

/* --- The job --- */

static bool
plant_job (CsJob *job, void *data, GError **error)
{
  const PlantData *d = data;

  for (size_t i = 0; i < d->n_seeds; i++)
    {
      CsPlantedResult results[2] = { 0 };

      if (!cs_planted_trial (job, d->folder, &d->results->settings, d->first_seed + i, d->n_threads,
                             results, error))
        return false;
      for (int v = 0; v < 2; v++)
        {
          g_array_append_val (d->results->results, results[v]);
          if (d->json)
            cs_cli_print_json (cs_planted_result_json (&results[v]));
          else
            print_result (&results[v]);
        }
      if (!cs_planted_results_save (d->results, d->folder, error))
        return false;
    }
  return true;
}

/* --- Options --- */

typedef struct
{
  char *out;
  gint64 seeds, first_seed, threads;
  gboolean json;
  size_t n_settings;
  char **names;  /* of the options: the settings' with - for _ */
  gint64 *sizes; /* [n_settings] */
  double *reals; /* [n_settings] */
} PlantWords;

#define SIZE_NOT_GIVEN G_MININT64
#define REAL_NOT_GIVEN (-DBL_MAX)

static void
plant_words_clear (PlantWords *w)
{
  g_free (w->out);
  g_strfreev (w->names);
  g_free (w->sizes);
  g_free (w->reals);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (PlantWords, plant_words_clear)

static bool
parse_plant (PlantWords *w, int *argc, char ***argv, int *status)
{
  const CsPlantedSetting *list = cs_planted_setting_list (&w->n_settings);
  const GOptionEntry own[] = {
    { "out", 0, 0, G_OPTION_ARG_FILENAME, &w->out, NULL, NULL },
    { "seeds", 0, 0, G_OPTION_ARG_INT64, &w->seeds, NULL, NULL },
    { "first-seed", 0, 0, G_OPTION_ARG_INT64, &w->first_seed, NULL, NULL },
    { "threads", 0, 0, G_OPTION_ARG_INT64, &w->threads, NULL, NULL },
    { "json", 0, 0, G_OPTION_ARG_NONE, &w->json, NULL, NULL },
  };
  const size_t n_own = G_N_ELEMENTS (own);
  g_autofree GOptionEntry *entries = g_new0 (GOptionEntry, n_own + w->n_settings + 1);

  memcpy (entries, own, sizeof own);
  w->seeds = SEEDS;
  w->first_seed = 1;
  w->names = g_new0 (char *, w->n_settings + 1);
  w->sizes = g_new (gint64, w->n_settings);
  w->reals = g_new (double, w->n_settings);
  for (size_t i = 0; i < w->n_settings; i++)
    {
      w->names[i] = g_strdelimit (g_strdup (list[i].name), "_", '-');
      w->sizes[i] = SIZE_NOT_GIVEN;
      w->reals[i] = REAL_NOT_GIVEN;
      entries[n_own + i] = (GOptionEntry){
        .long_name = w->names[i],
        .arg = list[i].is_size ? G_OPTION_ARG_INT64 : G_OPTION_ARG_DOUBLE,
        .arg_data = list[i].is_size ? (void *)&w->sizes[i] : (void *)&w->reals[i],
      };
    }
  return cs_cli_parse (argc, argv, &cs_verbs_plant[0], entries, 0, 0, status);
}

/* Puts the words over the defaults. The first setting that cannot have what was given; NULL where
 * all can. */
static const CsPlantedSetting *
fill_settings (const PlantWords *w, CsPlantedSettings *settings)
{
  size_t n;
  const CsPlantedSetting *list = cs_planted_setting_list (&n);

  cs_planted_settings_init (settings);
  for (size_t i = 0; i < n; i++)
    {
      const bool is_given =
          list[i].is_size ? w->sizes[i] != SIZE_NOT_GIVEN : w->reals[i] != REAL_NOT_GIVEN;
      const double value = list[i].is_size ? (double)w->sizes[i] : w->reals[i];

      if (is_given && !(value >= list[i].min && value <= list[i].max))
        return &list[i];
      if (is_given)
        cs_planted_setting_set (settings, &list[i], value);
    }
  return NULL;
}

static int
usage_of_range (const CsPlantedSetting *wrong)
{
  g_autofree char *option = g_strdelimit (g_strdup (wrong->name), "_", '-');
  g_autofree char *sentence = g_strdup_printf ("--%s (%s) has to be from %g to %g.", option,
                                               wrong->what, wrong->min, wrong->max);

  return cs_cli_usage (&cs_verbs_plant[0], sentence);
}

static int
run_plant (int argc, char **argv)
{
  const CsVerb *verb = &cs_verbs_plant[0];
  g_auto (PlantWords) words = { 0 };
  g_autoptr (CsPlantedResults) results = NULL;
  g_autoptr (GError) error = NULL;
  const CsPlantedSetting *wrong;
  CsPlantedSettings settings;
  PlantData data = { 0 };
  int status;

  if (!parse_plant (&words, &argc, &argv, &status))
    return status;
  if (words.out == NULL)
    return cs_cli_usage (verb, "--out is needed.");
  if (words.seeds < 1 || words.seeds > SEEDS_MAX || words.first_seed < 0 ||
      words.first_seed > G_MAXINT64 - SEEDS_MAX || words.threads < 0 || words.threads > 1024)
    return cs_cli_usage (verb, "--seeds has to be from 1 to 1000, --first-seed and --threads 0 or "
                               "more (threads up to 1024).");
  if ((wrong = fill_settings (&words, &settings)) != NULL)
    return usage_of_range (wrong);
  if (!cs_planted_settings_check (&settings, &error))
    return cs_cli_usage (verb, error->message);
  results = cs_planted_results_new (&settings);
  data = (PlantData){ words.out,           (uint64_t)words.first_seed,
                      (size_t)words.seeds, (unsigned)words.threads,
                      words.json,          results };
  status = cs_cli_job ("Planting", plant_job, &data);
  if (status != CS_EXIT_DONE)
    return status;
  if (!words.json) /* one line for each variant and seed; means and intervals are in summary.json */
    print_summary (results);
  return CS_EXIT_DONE;
}
