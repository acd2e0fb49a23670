/* A small world from its seed to the scores: what is on disk, going on after a stop, refusals; and
 * a crosscoder that is built from the truth, analysed and scored. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "planted-folder.h"
#include "planted-trial.h"
#include "planted-world.h"
#include "trainer.h"

static CsPlantedSettings
small_world (void)
{
  CsPlantedSettings s;

  cs_planted_settings_init (&s);
  s.d_model = 16;
  s.shared = 12;
  s.groups = 2;
  s.group_size = 2;
  s.base_only = s.chat_only = s.weak = s.split = 3;
  s.noise = .05;
  s.tokens = 4000;
  s.latents = 40;
  s.steps = 300;
  s.batch = 128;
  return s;
}

static char *
modification (const char *folder, const char *name)
{
  g_autofree char *path = planted_path (folder, name);
  GStatBuf info;

  g_assert_cmpint (g_stat (path, &info), ==, 0);
  return g_strdup_printf ("%ld.%09ld", (long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

static void
check_results (const CsPlantedResult results[2])
{
  for (int v = 0; v < 2; v++)
    {
      const double *value = results[v].value;

      g_assert_cmpint (results[v].variant, ==, v == 0 ? CS_VARIANT_L1 : CS_VARIANT_BATCHTOPK);
      g_assert_cmpuint (results[v].seed, ==, 3);
      g_assert_true (value[CS_PLANTED_L0] > 0 && value[CS_PLANTED_FVE] > 0 &&
                     value[CS_PLANTED_FVE] < 1);
      g_assert_true (value[CS_PLANTED_RECALL_ANY] >= value[CS_PLANTED_RECALL]);
      g_assert_cmpfloat (value[CS_PLANTED_CHAT_ONLY], ==,
                         value[CS_PLANTED_RIGHT_CHAT_ONLY] + value[CS_PLANTED_FALSE_CHAT_ONLY] +
                             value[CS_PLANTED_BETWEEN_CHAT_ONLY] +
                             value[CS_PLANTED_UNMATCHED_CHAT_ONLY]);
      g_assert_cmpfloat (value[CS_PLANTED_FALSE_CHAT_ONLY], ==,
                         value[CS_PLANTED_FALSE_FROM_SHRINKAGE] +
                             value[CS_PLANTED_FALSE_FROM_DECOUPLING]);
    }
}

static void
test_trial (void)
{
  char *folder = planted_folder_new ();
  CsPlantedSettings s = small_world ();
  CsPlantedResult first[2] = { 0 }, second[2] = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree char *store = NULL, *weights = NULL;

  g_assert_true (cs_planted_trial (NULL, folder, &s, 3, 2, first, &error));
  g_assert_no_error (error);
  check_results (first);
  store = modification (folder, "seed-3/activations.h5");
  weights = modification (folder, "seed-3/l1/model.safetensors");

  /* Again: nothing is made anew, and the answer is the same. */
  g_assert_true (cs_planted_trial (NULL, folder, &s, 3, 2, second, &error));
  for (int v = 0; v < 2; v++)
    for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
      g_assert_true (first[v].value[m] == second[v].value[m] ||
                     (isnan (first[v].value[m]) && isnan (second[v].value[m])));
  g_autofree char *store_now = modification (folder, "seed-3/activations.h5");
  g_autofree char *weights_now = modification (folder, "seed-3/l1/model.safetensors");
  g_assert_cmpstr (store, ==, store_now);
  g_assert_cmpstr (weights, ==, weights_now);

  /* Another world is not written over it. */
  s.noise = .1;
  g_assert_false (cs_planted_trial (NULL, folder, &s, 3, 2, second, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_assert_nonnull (strstr (error->message, "noise"));
  planted_folder_remove (folder);
}

/* A store without its truth is somebody else's. */
static void
test_foreign_store (void)
{
  char *folder = planted_folder_new ();
  CsPlantedSettings s = small_world ();
  CsPlantedResult results[2] = { 0 };
  g_autofree char *seed = planted_path (folder, "seed-1"),
                  *store = planted_path (seed, "activations.h5");
  g_autofree char *contents = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_cmpint (g_mkdir (seed, 0777), ==, 0);
  g_assert_true (g_file_set_contents (store, "mine", -1, NULL));
  g_assert_false (cs_planted_trial (NULL, folder, &s, 1, 1, results, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_assert_true (g_file_get_contents (store, &contents, NULL, NULL));
  g_assert_cmpstr (contents, ==, "mine");
  planted_folder_remove (folder);
}

/* A latent for each feature, reading it where it is and writing it as it is. */
static void
save_truth_as_run (const CsPlantedTruth *truth, const char *store, const char *run)
{
  const size_t d = truth->settings.d_model;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (d, truth->n_features, CS_VARIANT_L1, NULL);
  g_autoptr (GError) error = NULL;
  CsTrainConfig config;

  for (size_t i = 0; i < truth->n_features; i++)
    {
      const CsPlantedFeature *f = &truth->features[i];
      const double total = f->strength[0] + f->strength[1];

      for (size_t m = 0; m < 2; m++)
        for (size_t k = 0; k < d; k++)
          {
            const float w = cs_planted_truth_direction (truth, i, (int)m)[k];

            cc->encoder[(2 * i + m) * d + k] = (float)(1.4 / total) * w;
            cc->decoder[(2 * i + m) * d + k] = (float)f->strength[m] * w;
          }
      cc->encoder_bias[i] = -.4f; /* an activation of 1 is read as 1, overlaps with others as 0 */
    }
  g_assert_cmpint (g_mkdir (run, 0777), ==, 0);
  g_assert_true (cs_crosscoder_save (cc, run, &error));
  cs_train_config_init (&config, CS_VARIANT_L1, d);
  config.n_latents = truth->n_features;
  g_assert_true (cs_train_config_save (&config, run, d, store, &error));
  g_assert_no_error (error);
}

static void
test_built_from_truth (void)
{
  char *folder = planted_folder_new ();
  CsPlantedSettings s = small_world ();
  g_autoptr (CsPlantedTruth) truth = NULL;
  g_autofree char *store = planted_path (folder, "activations.h5"),
                  *run = planted_path (folder, "run");
  g_autofree char *path = planted_path (folder, "truth.json");
  g_autoptr (GError) error = NULL;
  CsPlantedResult result = { 0 };

  s.d_model = 256; /* hardly any overlap */
  s.frequency = .05;
  s.noise = .001;
  s.spread = .1;
  s.split = s.weak = 0;
  truth = cs_planted_world_make (NULL, &s, 2, store, &error);
  g_assert_no_error (error);
  g_assert_true (cs_planted_truth_save (truth, path, &error));
  save_truth_as_run (truth, store, run);
  g_assert_true (cs_planted_score_run (NULL, run, folder, 2, &result, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (result.seed, ==, 2);
  g_assert_cmpfloat (result.value[CS_PLANTED_RECALL], ==, 1);
  g_assert_cmpfloat (result.value[CS_PLANTED_RECALL_BINS], ==, 1);
  g_assert_cmpfloat (result.value[CS_PLANTED_PRECISION_BINS], ==, 1);
  g_assert_cmpfloat (result.value[CS_PLANTED_PRECISION_SCALING], ==, 1);
  g_assert_cmpfloat (result.value[CS_PLANTED_CHAT_ONLY], ==, 3);
  g_assert_cmpfloat (result.value[CS_PLANTED_FVE], >, .8);
  g_assert_cmpfloat_with_epsilon (result.value[CS_PLANTED_L0], .05 * 18, .15);
  planted_folder_remove (folder);
}

static void
test_cancelled (void)
{
  char *folder = planted_folder_new ();
  CsPlantedSettings s = small_world ();
  CsPlantedResult results[2] = { 0 };
  g_autofree char *store = planted_path (folder, "seed-1/activations.h5");
  g_autoptr (CsJob) job = cs_job_new ("Planting", NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  cs_job_cancel (job);
  g_assert_false (cs_planted_trial (job, folder, &s, 1, 1, results, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
  g_assert_false (g_file_test (store, G_FILE_TEST_EXISTS));
  g_clear_error (&error);
  g_assert_true (cs_planted_trial (NULL, folder, &s, 1, 1, results, &error));
  g_assert_no_error (error);
  planted_folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/planted/trial", test_trial);
  g_test_add_func ("/planted/foreign-store", test_foreign_store);
  g_test_add_func ("/planted/built-from-truth", test_built_from_truth);
  g_test_add_func ("/planted/cancelled", test_cancelled);
  return g_test_run ();
}
