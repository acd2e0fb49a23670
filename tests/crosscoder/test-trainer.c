/* Training on a store: exact resume after a cancel and after kills, refusals, validation, and
 * recovery of planted features.
 *
 * Called with --train STORE RUN STEPS the program trains and exits: that is what the kill test
 * kills. */
#include <glib/gstdio.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "errors.h"
#include "planted-store.h"
#include "random.h"
#include "safetensors.h"
#include "trainer.h"
#include "validation.h"
#include "vector.h"

typedef struct
{
  char *folder, *store, *run;
  World world;
} Fixture;

static void
set_up (Fixture *fixture, gconstpointer documents)
{
  CsRandom random;
  cs_random_init (&random, 9, 0);
  fixture->folder = g_dir_make_tmp ("crosscope-trainer-XXXXXX", NULL);
  fixture->store = g_build_filename (fixture->folder, "activations.h5", NULL);
  fixture->run = g_build_filename (fixture->folder, "run", NULL);
  make_world (&fixture->world, &random);
  make_store (fixture->store, &fixture->world, &random, MAX (GPOINTER_TO_SIZE (documents), 40),
              GPOINTER_TO_SIZE (documents) ? SIZE_MAX : 5);
}

static void
remove_tree (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_tree (path);
      else
        g_remove (path);
    }
  g_rmdir (folder);
}

static void
tear_down (Fixture *fixture, gconstpointer data)
{
  remove_tree (fixture->folder);
  g_free (fixture->folder);
  g_free (fixture->store);
  g_free (fixture->run);
}

static CsTrainConfig
small_config (CsVariant variant, size_t steps)
{
  CsTrainConfig config;
  cs_train_config_init (&config, variant, D);
  config.n_latents = 48;
  config.k = 3;
  config.batch = 64;
  config.steps = steps;
  config.lr = 3e-3;
  config.log_every = 3;
  config.snapshot_every = 5;
  config.checkpoint_seconds = 0;
  config.checkpoint_steps = 4;
  config.dead_tokens = 1000;
  config.held_out = .1;
  config.n_threads = 2;
  return config;
}

static void
train_run (const char *store, const char *run, const CsTrainConfig *config)
{
  g_autoptr (GError) error = NULL;
  cs_train (NULL, store, run, config, NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
assert_same_file (const char *run, const char *other, const char *name)
{
  g_autofree char *path = g_build_filename (run, name, NULL),
                  *other_path = g_build_filename (other, name, NULL);
  g_autofree char *bytes = NULL, *other_bytes = NULL;
  gsize size, other_size;
  g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
  g_assert_true (g_file_get_contents (other_path, &other_bytes, &other_size, NULL));
  g_assert_cmpmem (bytes, size, other_bytes, other_size);
}

typedef struct
{
  Fixture *fixture;
  CsTrainConfig config;
  CsRunLog *log;
} JobData;

static bool
train_job (CsJob *job, void *data, GError **error)
{
  JobData *train = data;
  return cs_train (job, train->fixture->store, train->fixture->run, &train->config, train->log,
                   NULL, error);
}

/* Cancelled after some rows of the log, then run to the end. */
static void
cancel_and_go_on (Fixture *fixture, CsVariant variant)
{
  CsTrainConfig config = small_config (variant, 120);
  g_autofree char *whole = g_build_filename (fixture->folder, "whole", NULL);
  g_autoptr (GError) error = NULL;
  uint64_t step = 0, steps = 0;
  config.checkpoint_steps = 25;
  remove_tree (fixture->run);
  remove_tree (whole);
  train_run (fixture->store, whole, &config);
  for (size_t rows = 3; rows < 36; rows += 12)
    {
      JobData data = { fixture, config, cs_run_log_new () };
      g_autoptr (CsJob) job = cs_job_new ("train", train_job, &data, NULL);
      cs_job_start (job);
      while (cs_run_log_n_metrics (data.log) < rows && cs_job_is_active (job))
        g_usleep (100);
      cs_job_cancel (job);
      cs_job_wait (job, &error);
      g_clear_error (&error);
      g_assert_true (cs_train_state (fixture->run, &step, &steps, &error));
      g_assert_cmpuint (steps, ==, 120);
      cs_run_log_unref (data.log);
    }
  train_run (fixture->store, fixture->run, &config);
  assert_same_file (fixture->run, whole, "model.safetensors");
  assert_same_file (fixture->run, whole, "state.safetensors");
  assert_same_file (fixture->run, whole, "norm_ratio.csv");
  assert_same_file (fixture->run, whole, "validation.json");
}

static void
test_cancel (Fixture *fixture, gconstpointer data)
{
  cancel_and_go_on (fixture, CS_VARIANT_BATCHTOPK);
  cancel_and_go_on (fixture, CS_VARIANT_L1);
  cancel_and_go_on (fixture, CS_VARIANT_TOPK);
}

static int
train_and_exit (char **argv)
{
  const CsTrainConfig config = small_config (CS_VARIANT_BATCHTOPK, (size_t)atoi (argv[4]));
  g_autoptr (GError) error = NULL;
  if (cs_train (NULL, argv[2], argv[3], &config, NULL, NULL, &error))
    return 0;
  g_printerr ("%s\n", error->message);
  return 1;
}

/* Starts the program on the run and kills it after a while; returns whether it had ended well
 * before. */
static bool
run_and_kill (const Fixture *fixture, gulong microseconds)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *self = g_file_read_link ("/proc/self/exe", NULL);
  char train[] = "--train", steps[] = "60";
  char *argv[] = { self, train, fixture->store, fixture->run, steps, NULL };
  GPid pid;
  int status;
  g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid, &error);
  g_assert_no_error (error);
  if (microseconds)
    {
      g_usleep (microseconds);
      kill (pid, SIGKILL);
    }
  g_assert_cmpint (waitpid (pid, &status, 0), ==, pid);
  if (WIFSIGNALED (status))
    {
      g_assert_cmpint (WTERMSIG (status), ==, SIGKILL);
      return false;
    }
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  return true;
}

static void
test_kill (Fixture *fixture, gconstpointer data)
{
  const CsTrainConfig config = small_config (CS_VARIANT_BATCHTOPK, 60);
  g_autofree char *whole = g_build_filename (fixture->folder, "whole", NULL);
  CsRandom random;
  cs_random_init (&random, (uint64_t)g_get_monotonic_time (), 0);
  const gint64 start = g_get_monotonic_time ();
  train_run (fixture->store, whole, &config);
  const size_t span = (size_t)(g_get_monotonic_time () - start);
  for (unsigned i = 0; i < 12; i++)
    if (run_and_kill (fixture, 5000 + cs_random_below (&random, span)))
      break;
  g_assert_true (run_and_kill (fixture, 0));
  assert_same_file (fixture->run, whole, "model.safetensors");
  assert_same_file (fixture->run, whole, "state.safetensors");
}

/* The model is lost between the two renames: the state has everything. */
static void
test_model_lost (Fixture *fixture, gconstpointer data)
{
  const CsTrainConfig config = small_config (CS_VARIANT_BATCHTOPK, 20);
  g_autofree char *whole = g_build_filename (fixture->folder, "whole", NULL);
  g_autofree char *model = g_build_filename (fixture->run, "model.safetensors", NULL);
  train_run (fixture->store, whole, &config);
  train_run (fixture->store, fixture->run, &config);
  g_assert_cmpint (g_remove (model), ==, 0);
  train_run (fixture->store, fixture->run, &config);
  assert_same_file (fixture->run, whole, "model.safetensors");
}

static void
assert_refused (const Fixture *fixture, const char *store, const CsTrainConfig *config, int code)
{
  g_autoptr (GError) error = NULL;
  g_assert_false (cs_train (NULL, store, fixture->run, config, NULL, NULL, &error));
  g_assert_error (error, CS_ERROR, code);
}

static void
test_refusals (Fixture *fixture, gconstpointer data)
{
  CsTrainConfig config = small_config (CS_VARIANT_BATCHTOPK, 20), other = config;
  g_autofree char *second = g_build_filename (fixture->folder, "second.h5", NULL);
  g_autofree char *state = g_build_filename (fixture->run, "state.safetensors", NULL);
  g_autofree char *before = NULL, *after = NULL;
  gsize size_before, size_after;
  uint64_t step, steps;
  CsRandom random;
  cs_random_init (&random, 10, 0);
  make_store (second, &fixture->world, &random, 30, SIZE_MAX);
  train_run (fixture->store, fixture->run, &config);
  g_assert_true (g_file_get_contents (state, &before, &size_before, NULL));
  other.lr = 1e-3;
  assert_refused (fixture, fixture->store, &other, CS_ERROR_MISMATCH);
  other = config;
  other.variant = CS_VARIANT_L1;
  assert_refused (fixture, fixture->store, &other, CS_ERROR_MISMATCH);
  config.steps = 40;
  assert_refused (fixture, second, &config, CS_ERROR_MISMATCH);
  other = config;
  other.k = 1000;
  assert_refused (fixture, fixture->store, &other, CS_ERROR_USAGE);
  g_assert_true (g_file_get_contents (state, &after, &size_after, NULL));
  g_assert_cmpmem (before, size_before, after, size_after);
  /* More steps go on; the finished run then returns at once. */
  train_run (fixture->store, fixture->run, &config);
  g_assert_true (cs_train_state (fixture->run, &step, &steps, NULL));
  g_assert_cmpuint (step, ==, 40);
  g_assert_cmpuint (steps, ==, 40);
  CsValidation validation;
  g_assert_true (cs_train (NULL, fixture->store, fixture->run, &config, NULL, &validation, NULL));
  g_assert_cmpfloat (validation.fve, >, 0);
  /* A damaged checkpoint is a sentence. */
  g_assert_true (g_file_set_contents (state, before, (gssize)(size_before / 2), NULL));
  assert_refused (fixture, fixture->store, &config, CS_ERROR_FORMAT);
}

/* One absurd token: training stops at its batch with a sentence, and the checkpoint before it stays
 * usable. */
static void
test_not_finite (Fixture *fixture, gconstpointer data)
{
  CsTrainConfig config = small_config (CS_VARIANT_L1, 100);
  g_autoptr (GError) error = NULL;
  uint64_t step, steps;
  config.squared_error = true;
  config.checkpoint_steps = 1;
  for (unsigned attempt = 0; attempt < 2; attempt++)
    {
      g_assert_false (cs_train (NULL, fixture->store, fixture->run, &config, NULL, NULL, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_NUMERIC);
      g_clear_error (&error);
    }
  g_assert_true (cs_train_state (fixture->run, &step, &steps, NULL));
  g_assert_cmpuint (step, >, 0);
  g_assert_cmpuint (step, <, 28);
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (fixture->run, &error);
  g_assert_no_error (error);
}

/* The validation's numbers against a plain computation over the same tokens. */
static void
test_validation (Fixture *fixture, gconstpointer data)
{
  const CsTrainConfig config = small_config (CS_VARIANT_BATCHTOPK, 100);
  g_autoptr (GError) error = NULL;
  CsValidation validation, again;
  cs_train (NULL, fixture->store, fixture->run, &config, NULL, &validation, &error);
  g_assert_no_error (error);
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (fixture->run, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (crosscoder->threshold, >, 0);
  g_assert_true (cs_validate (crosscoder, fixture->store, &config, NULL, &again, &error));
  g_assert_cmpfloat (again.l0, ==, validation.l0);
  const CsReaderOptions options = { .batch = 64, .held_out = config.held_out, .seed = config.seed };
  g_autoptr (CsReader) reader = cs_reader_new (fixture->store, &options, &error);
  const size_t n = validation.n_tokens;
  g_autofree float *x = g_new (float, n * 2 * D), *x_hat = g_new (float, n * 2 * D);
  g_auto (CsCodes) codes = { 0 };
  size_t n_read;
  g_assert_cmpuint (n, <, 4096);
  g_assert_true (cs_reader_read_held_out (reader, 0, n, x, &n_read, &error));
  g_assert_cmpuint (n_read, ==, n);
  g_assert_true (cs_crosscoder_encode (crosscoder, NULL, x, n, &codes, &error));
  cs_crosscoder_decode (crosscoder, NULL, &codes, x_hat);
  double residual = 0, total = 0;
  for (size_t c = 0; c < D; c++)
    {
      double mean_e = 0, mean_x = 0;
      for (size_t t = 0; t < n; t++)
        {
          mean_e += ((double)x[t * 2 * D + c] - x_hat[t * 2 * D + c]) / (double)n;
          mean_x += (double)x[t * 2 * D + c] / (double)n;
        }
      for (size_t t = 0; t < n; t++)
        {
          residual += pow ((double)x[t * 2 * D + c] - x_hat[t * 2 * D + c] - mean_e, 2);
          total += pow (x[t * 2 * D + c] - mean_x, 2);
        }
    }
  g_assert_cmpfloat_with_epsilon (validation.fve_base, 1 - residual / total, 1e-9);
  g_assert_cmpfloat_with_epsilon (validation.l0, (double)codes.start[n] / (double)n, 1e-12);
  /* Calibration hits the mean L0. */
  crosscoder->threshold = -1;
  g_assert_true (cs_crosscoder_calibrate (crosscoder, NULL, reader, 64, &error));
  g_assert_true (cs_validate (crosscoder, fixture->store, &config, NULL, &again, &error));
  g_assert_cmpfloat_with_epsilon (again.l0, 3, .05);
}

/* Of the planted features, how many have a latent that points their way in both models and lies in
 * their band. */
static size_t
count_recovered (const CsCrosscoder *crosscoder, const World *world)
{
  g_autofree double *norms = g_new (double, 2 * crosscoder->n_latents);
  size_t recovered = 0;
  cs_crosscoder_norms (crosscoder, NULL, norms);
  for (size_t i = 0; i < N_FEATURES; i++)
    {
      const float *truth = world->direction[i][0];
      double best = 0, ratio = -1;
      for (size_t j = 0; j < crosscoder->n_latents; j++)
        {
          const float *row = crosscoder->decoder + j * 2 * D;
          const double cosine =
              cs_dot_double (row, truth, 2 * D) / (cs_norm2 (row, 2 * D) * cs_norm2 (truth, 2 * D));
          if (cosine > best)
            {
              best = cosine;
              ratio = cs_norm_ratio (norms[2 * j], norms[2 * j + 1]);
            }
        }
      recovered += best > .9 && fabs (ratio - planted_ratio (i)) <= .1;
      g_test_message ("feature %zu: planted %.1f, found %.3f with cosine %.3f", i,
                      planted_ratio (i), ratio, best);
    }
  return recovered;
}

static void
test_recovery (Fixture *fixture, gconstpointer data)
{
  for (unsigned variant = 0; variant < 2; variant++)
    {
      CsTrainConfig config = small_config (variant ? CS_VARIANT_BATCHTOPK : CS_VARIANT_L1, 1500);
      g_autoptr (GError) error = NULL;
      CsValidation validation;
      config.k = 2;
      config.mu = .05;
      config.init_norm = variant ? 1 : .1;
      config.batch = 256;
      config.checkpoint_steps = 0;
      config.dead_tokens = 20000;
      remove_tree (fixture->run);
      cs_train (NULL, fixture->store, fixture->run, &config, NULL, &validation, &error);
      g_assert_no_error (error);
      g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (fixture->run, &error);
      g_assert_no_error (error);
      const size_t recovered = count_recovered (crosscoder, &fixture->world);
      g_test_message ("%s: %zu of %d, FVE %.3f, L0 %.2f", cs_variant_name (config.variant),
                      recovered, N_FEATURES, validation.fve, validation.l0);
      g_assert_cmpuint (recovered, >=, 14);
      g_assert_cmpfloat (validation.fve, >, .8);
    }
}

int
main (int argc, char **argv)
{
  if (argc == 5 && strcmp (argv[1], "--train") == 0)
    return train_and_exit (argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(path, documents, func)                                                                 \
  g_test_add (path, Fixture, GSIZE_TO_POINTER (documents), set_up, func, tear_down)
  ADD ("/trainer/cancel", 40, test_cancel);
  ADD ("/trainer/kill", 40, test_kill);
  ADD ("/trainer/model-lost", 40, test_model_lost);
  ADD ("/trainer/refusals", 40, test_refusals);
  ADD ("/trainer/not-finite", 0, test_not_finite);
  ADD ("/trainer/validation", 100, test_validation);
  ADD ("/trainer/recovery", 600, test_recovery);
  return g_test_run ();
}
