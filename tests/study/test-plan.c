/* The plan's arithmetic, and a plan beside the harvest and the training that follow it. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "../analysis/tiny-pair.h"
#include "errors.h"
#include "plan-private.h"

/* Measured and real time are of the same program on the same machine one after the other; what else runs there may
 * change in between. A plan that forgets a part of the work, or counts one twice, is further off. */
#define FACTOR 4.0

/* --- Arithmetic --- */

static void
test_time_text (void)
{
  static const struct
  {
    double seconds;
    const char *text;
  } cases[] = { { 0, "1 s" },          { 89.4, "89 s" },          { 90, "2 min" },
                { 3600, "60 min" },    { 5400, "1 h 30 min" },    { 86400 * 2, "2.0 days" },
                { 86400 * 9, "9.0 days" }, { NAN, "an unknown time" }, { INFINITY, "an unknown time" } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = cs_plan_time_text (cases[i].seconds);

      g_assert_cmpstr (text, ==, cases[i].text);
    }
}

static CsPlan *
plan_of (double disk, double disk_free, double memory, double available, double seconds)
{
  CsPlan *plan = g_new0 (CsPlan, 1);

  *plan = (CsPlan) { .disk = disk, .disk_free = disk_free, .memory = memory, .memory_available = available,
                     .seconds = seconds, .tokens = 1000 * seconds, .tokens_per_s = 1234.5,
                     .problems = g_new0 (char *, 1), .advice = g_new0 (char *, 1) };
  cs_plan_judge (plan, "the store", "harvest fewer");
  return plan;
}

static void
test_judge (void)
{
  g_autoptr (CsPlan) fits = plan_of (1e9, 2e9, 1e9, 2e9, 3600), full = plan_of (3e9, 2e9, 1e9, 2e9, 3600);
  g_autoptr (CsPlan) both = plan_of (3e9, 2e9, 5e9, 2e9, 3 * 86400), unknown = plan_of (3e9, NAN, 5e9, NAN, 60);
  g_autofree char *text = cs_plan_text (both), *dim = cs_plan_text (unknown);
  json_t *json = cs_plan_json (unknown);

  g_assert_true (fits->fits && fits->problems[0] == NULL && fits->advice[0] == NULL);
  g_assert_false (full->fits);
  g_assert_cmpuint (g_strv_length (full->problems), ==, 1);
  g_assert_nonnull (strstr (full->problems[0], "disk"));
  g_assert_cmpuint (g_strv_length (both->problems), ==, 2);
  g_assert_nonnull (strstr (both->problems[1], "memory"));
  /* 86400 s · 1234.5 /s, rounded down to two digits */
  g_assert_nonnull (strstr (both->advice[0], "100000000 tokens: harvest fewer"));
  g_assert_nonnull (strstr (text, "3.0 days"));
  g_assert_nonnull (strstr (text, both->problems[1]));
  g_assert_true (unknown->fits); /* nothing is known that speaks against it */
  g_assert_nonnull (strstr (dim, "? free"));
  g_assert_true (json_is_null (json_object_get (json, "disk_free_bytes")));
  g_assert_true (json_is_true (json_object_get (json, "fits")));
  json_decref (json);
}

static void
test_harvest_seconds (void)
{
  CsHarvestProbe probe = { .n_tokens = 1e6, .read_tokens_per_s = 1e5, .tokens_per_s = 1e4, .open_seconds = 2 };

  g_assert_cmpfloat (fabs (cs_harvest_probe_seconds (&probe) - (2 + 10 + 100)), <, 1e-9);
  probe.n_stored = 4e5; /* read over once more, and not run */
  g_assert_cmpfloat (fabs (cs_harvest_probe_seconds (&probe) - (2 + 14 + 60)), <, 1e-9);
}

/* A step in parts of powers of two: each is found again in the sum. */
static void
test_scale_step (void)
{
  const CsStepTimes parts = { .encode = 1, .select = 2, .decode = 4, .gradients = 8, .adam = 16 };
  const double read = 32, rest = 64, measured = 127;
  const CsPlanScale same = { 1, 1, 1 }, batch = { 2, 1, 1 }, latents = { 1, 10, 1 }, active = { 1, 1, 3 };
  const CsPlanScale all = { 2, 10, 3 };

  g_assert_cmpfloat (cs_plan_scale_step (&parts, measured, read, &same), ==, 127);
  g_assert_cmpfloat (cs_plan_scale_step (&parts, measured, read, &batch), ==, 2 * (32 + 15) + 16 + rest);
  g_assert_cmpfloat (cs_plan_scale_step (&parts, measured, read, &latents), ==, 32 + 30 + 12 + 160 + rest);
  g_assert_cmpfloat (cs_plan_scale_step (&parts, measured, read, &active), ==, 32 + 3 + 36 + 16 + rest);
  g_assert_cmpfloat (cs_plan_scale_step (&parts, measured, read, &all), ==, 2 * (32 + 30 + 36) + 160 + rest);
  /* clocks are not exact: parts that come out longer than the whole leave no rest */
  g_assert_cmpfloat (cs_plan_scale_step (&parts, 60, read, &same), ==, 63);
}

static void
test_training_seconds (void)
{
  const CsPlanTraining t = { .start_seconds = 3, .step_seconds = 0.5, .validation_seconds = 7, .checkpoint_seconds = 6 };
  CsTrainConfig config;

  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, 64);
  config.steps = 1000;
  config.checkpoint_seconds = 0;
  config.checkpoint_steps = 0;
  config.validate_every = 0;
  /* the last state and the model */
  g_assert_cmpfloat (fabs (cs_plan_training_seconds (&config, &t) - (3 + 500 + 7 + 8)), <, 1e-9);
  config.checkpoint_seconds = 60;
  g_assert_cmpfloat (fabs (cs_plan_training_seconds (&config, &t) - (3 + 500 + 7 + 9 * 8)), <, 1e-9);
  config.checkpoint_steps = 100;
  config.validate_every = 300;
  g_assert_cmpfloat (fabs (cs_plan_training_seconds (&config, &t) - (3 + 500 + 4 * 7 + 19 * 8)), <, 1e-9);
}

/* --- Beside what happens --- */

#define DOCUMENTS 1500

typedef struct
{
  TinyPair *tiny;
  char *folder, *corpus, *store, *run;
  const char *corpora[2];
  CsHarvestOptions options;
} Fixture;

static void
fixture_init (Fixture *f)
{
  g_autoptr (GString) lines = g_string_new (NULL);

  f->tiny = tiny_pair_new ();
  f->folder = g_dir_make_tmp ("crosscope-plan-XXXXXX", NULL);
  f->corpus = g_build_filename (f->folder, "web.jsonl", NULL);
  f->store = g_build_filename (f->folder, "activations.h5", NULL);
  f->run = g_build_filename (f->folder, "run", NULL);
  for (int i = 0; i < DOCUMENTS; i++)
    g_string_append_printf (lines, "{\"text\": \"The %d. thing of the %d. ring sings in the inn %.*s\"}\n", i, i * i, i % 97,
                            "and the thing in the ring sings on and on, the theme of the thing in the ring, again and again, "
                            "as things do");
  g_assert_true (g_file_set_contents (f->corpus, lines->str, -1, NULL));
  f->corpora[0] = f->corpus;
  f->corpora[1] = NULL;
  f->options = (CsHarvestOptions) { .base_folder = f->tiny->model[0]->folder, .chat_folder = f->tiny->model[1]->folder,
                                    .layer = CS_LAYER_MIDDLE, .corpora = f->corpora, .dtype = CS_DTYPE_F16,
                                    .out = f->store, .n_threads = 2 };
}

static void
fixture_clear (Fixture *f)
{
  tiny_pair_free (f->tiny);
  remove_tree (f->folder);
  g_free (f->folder);
  g_free (f->corpus);
  g_free (f->store);
  g_free (f->run);
}

static double
seconds_since (gint64 start)
{
  return (double) (g_get_monotonic_time () - start) / G_USEC_PER_SEC;
}

static void
compare (const char *what, double planned, double real)
{
  g_test_message ("%s: planned %.3f s, took %.3f s, ratio %.2f", what, planned, real, real / planned);
  g_assert_cmpfloat (real, <, FACTOR * planned);
  g_assert_cmpfloat (real, >, planned / FACTOR);
}

static guint
count_files (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;
  return n;
}

/* Counted tokens and the disk are exact; nothing of the probe is left; a store that is there is counted. */
static void
test_harvest (void)
{
  Fixture f;
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPlan) plan = NULL, again = NULL;
  g_autoptr (CsStore) store = NULL;
  CsHarvestProbe probe;
  GStatBuf status;
  gint64 start;

  fixture_init (&f);
  plan = cs_plan_harvest (NULL, &f.options, 0.6, NULL, &probe, &error);
  g_assert_no_error (error);
  g_assert_true (probe.stored && plan->fits);
  g_assert_cmpuint (count_files (f.folder), ==, 1);
  start = g_get_monotonic_time ();
  g_assert_true (cs_harvest (NULL, &f.options, &error));
  compare ("harvest", plan->seconds, seconds_since (start));
  store = cs_store_open (f.store, false, &error);
  if (probe.counted)
    g_assert_cmpfloat (plan->tokens, ==, (double) cs_store_n_tokens (store));
  g_assert_cmpfloat (fabs (log (plan->tokens / (double) cs_store_n_tokens (store))), <, log (1.3));
  g_assert_cmpint (g_stat (f.store, &status), ==, 0);
  g_assert_cmpfloat (fabs (log (plan->disk / (double) status.st_size)), <, log (1.3));
  again = cs_plan_harvest (NULL, &f.options, 0.3, NULL, &probe, &error);
  g_assert_cmpfloat (probe.n_stored, >, 0.7 * (double) cs_store_n_tokens (store));
  g_assert_cmpfloat (again->disk, <, 0.4 * plan->disk);
  fixture_clear (&f);
}

/* On a sample of the store that is to be, and on the store itself. */
static void
test_training (CsVariant variant)
{
  Fixture f;
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPlan) before = NULL, plan = NULL, of_sample = NULL;
  CsHarvestSample *sample = NULL;
  CsHarvestProbe probe;
  CsTrainConfig config;
  gint64 start;

  fixture_init (&f);
  f.options.max_tokens = 12000;
  cs_train_config_init (&config, variant, TINY_WIDTH);
  config.n_latents = 256;
  config.k = 16;
  config.batch = 256;
  config.steps = 250;
  config.n_threads = 2;
  before = cs_plan_harvest (NULL, &f.options, 0.4, &sample, &probe, &error);
  g_assert_no_error (error);
  g_assert_nonnull (sample);
  of_sample = cs_plan_training (NULL, &config, sample->path, probe.n_tokens, f.run, 0.6, &error);
  g_assert_no_error (error);
  cs_harvest_sample_free (sample);
  g_assert_cmpuint (count_files (f.folder), ==, 1);
  g_assert_true (cs_harvest (NULL, &f.options, &error));
  plan = cs_plan_training (NULL, &config, f.store, 0, f.run, 0.6, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (count_files (f.folder), ==, 2);
  start = g_get_monotonic_time ();
  g_assert_true (cs_train (NULL, f.store, f.run, &config, NULL, NULL, &error));
  compare ("training", plan->seconds, seconds_since (start));
  compare ("training, of a sample", of_sample->seconds, seconds_since (start));
  g_assert_cmpfloat (plan->tokens, ==, 250 * 256);
  fixture_clear (&f);
}

static void
test_batchtopk (void)
{
  test_training (CS_VARIANT_BATCHTOPK);
}

static void
test_l1 (void)
{
  test_training (CS_VARIANT_L1);
}

static void
test_no_store (void)
{
  CsTrainConfig config;
  g_autoptr (GError) error = NULL;

  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, 16);
  g_assert_null (cs_plan_training (NULL, &config, "/nowhere/activations.h5", 0, "/nowhere/run", 0.1, &error));
  g_assert_nonnull (error);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/plan/time-text", test_time_text);
  g_test_add_func ("/plan/judge", test_judge);
  g_test_add_func ("/plan/harvest-seconds", test_harvest_seconds);
  g_test_add_func ("/plan/scale-step", test_scale_step);
  g_test_add_func ("/plan/training-seconds", test_training_seconds);
  g_test_add_func ("/plan/no-store", test_no_store);
  g_test_add_func ("/plan/harvest", test_harvest);
  g_test_add_func ("/plan/batchtopk", test_batchtopk);
  g_test_add_func ("/plan/l1", test_l1);
  return g_test_run ();
}
