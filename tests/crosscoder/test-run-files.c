/* The files of a run folder: model, settings, log; good ones and hostile ones. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "random-crosscoder.h"
#include "run-log.h"
#include "safetensors.h"
#include "train-config.h"

static char *
new_folder (void)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("crosscope-crosscoder-XXXXXX", &error);
  g_assert_no_error (error);
  return folder;
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
test_round_trip (void)
{
  for (unsigned round = 0; round < 6; round++)
    {
      g_autofree char *folder = new_folder ();
      g_autoptr (GError) error = NULL;
      g_autoptr (CsCrosscoder) saved = random_crosscoder (7, 45, (CsVariant)(round % 3));
      saved->code_norm = (CsCodeNorm)(round % 5 + 1);
      if (round >= 3)
        set_normalisation (saved);
      g_assert_true (cs_crosscoder_save (saved, folder, &error));
      g_autoptr (CsCrosscoder) loaded = cs_crosscoder_load (folder, &error);
      g_assert_no_error (error);
      g_assert_cmpint (loaded->variant, ==, saved->variant);
      g_assert_cmpint (loaded->code_norm, ==, saved->code_norm);
      g_assert_cmpuint (loaded->k, ==, saved->k);
      g_assert_cmpfloat (loaded->threshold, ==, saved->threshold);
      g_assert_cmpmem (loaded->encoder, 45 * 14 * 4, saved->encoder, 45 * 14 * 4);
      g_assert_cmpmem (loaded->decoder, 45 * 14 * 4, saved->decoder, 45 * 14 * 4);
      g_assert_cmpmem (loaded->encoder_bias, 45 * 4, saved->encoder_bias, 45 * 4);
      g_assert_cmpmem (loaded->decoder_bias, 14 * 4, saved->decoder_bias, 14 * 4);
      g_assert_true (loaded->normalised == saved->normalised);
      if (saved->normalised)
        {
          g_assert_cmpmem (loaded->mean, 14 * 4, saved->mean, 14 * 4);
          g_assert_cmpmem (loaded->gain, 8, saved->gain, 8);
        }
      remove_folder (folder);
    }
}

/* The file has the hub's layout: encoder.weight [2, d, F] is indexed [model][dimension][latent]. */
static void
test_hub_layout (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (3, 4, CS_VARIANT_BATCHTOPK);
  g_assert_true (cs_crosscoder_save (crosscoder, folder, NULL));
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, NULL);
  const CsTensor *encoder =
      cs_safetensors_get (file, "encoder.weight", 3, (size_t[]){ 2, 3, 4 }, NULL);
  const CsTensor *decoder =
      cs_safetensors_get (file, "decoder.weight", 3, (size_t[]){ 2, 4, 3 }, NULL);
  for (size_t m = 0; m < 2; m++)
    for (size_t i = 0; i < 3; i++)
      for (size_t j = 0; j < 4; j++)
        {
          float e, w;
          memcpy (&e, (const char *)encoder->data + 4 * ((m * 3 + i) * 4 + j), 4);
          memcpy (&w, (const char *)decoder->data + 4 * ((m * 4 + j) * 3 + i), 4);
          g_assert_cmpfloat (e, ==, crosscoder->encoder[j * 6 + m * 3 + i]);
          g_assert_cmpfloat (w, ==, crosscoder->decoder[j * 6 + m * 3 + i]);
        }
  g_assert_nonnull (cs_safetensors_get (file, "threshold", 0, NULL, NULL));
  remove_folder (folder);
}

/* A good file with one thing changed; each has to be refused in one sentence that names the file.
 */
typedef enum
{
  GOOD,
  MISSING,
  WRONG_SHAPE,
  NOT_FINITE,
  NO_ENCODER,
  BAD_K,
  BAD_ID,
  BAD_DTYPE,
  LONG_K,
  N_DAMAGES
} Damage;

static void
write_damaged (const char *folder, Damage damage)
{
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  float weights[24] = { 0 }, bias[6] = { 0 };
  int32_t k[2] = { damage == BAD_K ? -5 : 2, 2 };
  int64_t id = damage == BAD_ID ? 77 : 1;
  if (damage == NOT_FINITE)
    weights[7] = NAN;
  CsTensor tensors[] = {
    { .name = damage == NO_ENCODER ? "encoder" : "encoder.weight",
      .dtype = CS_DTYPE_F32,
      .n_dims = 3,
      .shape = { 2, 3, 4 },
      .n_elements = 24,
      .data = weights,
      .n_bytes = 96 },
    { .name = "decoder.weight",
      .dtype = damage == BAD_DTYPE ? CS_DTYPE_I32 : CS_DTYPE_F32,
      .n_dims = 3,
      .shape = { 2, damage == WRONG_SHAPE ? 3 : 4, damage == WRONG_SHAPE ? 4 : 3 },
      .n_elements = 24,
      .data = weights,
      .n_bytes = 96 },
    { .name = damage == MISSING ? "other" : "encoder.bias",
      .dtype = CS_DTYPE_F32,
      .n_dims = 1,
      .shape = { 4 },
      .n_elements = 4,
      .data = bias,
      .n_bytes = 16 },
    { .name = "decoder.bias",
      .dtype = CS_DTYPE_F32,
      .n_dims = 2,
      .shape = { 2, 3 },
      .n_elements = 6,
      .data = bias,
      .n_bytes = 24 },
    { .name = "k",
      .dtype = CS_DTYPE_I32,
      .n_dims = damage == LONG_K,
      .shape = { 2 },
      .n_elements = damage == LONG_K ? 2 : 1,
      .data = k,
      .n_bytes = damage == LONG_K ? 8 : 4 },
    { .name = "code_normalization_id",
      .dtype = CS_DTYPE_I64,
      .n_elements = 1,
      .data = &id,
      .n_bytes = 8 },
  };
  g_autoptr (GError) error = NULL;
  cs_safetensors_write (path, tensors, G_N_ELEMENTS (tensors), NULL, &error);
  g_assert_no_error (error);
}

static void
test_hostile_files (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  for (Damage damage = GOOD; damage < N_DAMAGES; damage++)
    {
      g_autoptr (GError) error = NULL;
      write_damaged (folder, damage);
      g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (folder, &error);
      g_assert_true ((crosscoder != NULL) == (damage == GOOD));
      if (damage == GOOD)
        continue;
      g_assert_nonnull (error);
      g_assert_nonnull (strstr (error->message, "model.safetensors"));
    }
  g_assert_true (g_file_set_contents (path, "\x08\0\0\0\0\0\0\0{}", 10, NULL));
  g_autoptr (GError) error = NULL;
  g_assert_null (cs_crosscoder_load (folder, &error));
  g_assert_nonnull (error);
  remove_folder (folder);
}

static void
test_config (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "config.json", NULL);
  g_autoptr (GError) error = NULL;
  CsTrainConfig config, loaded;
  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, 2304);
  g_assert_cmpuint (config.n_latents, ==, 73728);
  g_assert_cmpfloat (config.init_norm, ==, 1);
  g_assert_cmpfloat (config.clip_norm, ==, 1);
  config.code_norm = CS_CODE_NORM_MIXED;
  config.seed = 0xfedcba9876543210u;
  config.normalise = config.squared_error = true;
  config.mu = 0.1;
  config.k_max = 1024;
  config.n_threads = 3;
  g_assert_true (cs_train_config_save (&config, folder, 2304, "/tmp/activations.h5", &error));
  g_assert_true (cs_train_config_load (&loaded, folder, &error));
  g_assert_no_error (error);
  g_assert_null (cs_train_config_difference (&config, &loaded));
  g_assert_cmpuint (loaded.n_threads, ==, 3);
  g_assert_cmpuint (loaded.steps, ==, 97656);
  g_assert_true (loaded.seed == config.seed);
  loaded.lr = 2e-4;
  g_assert_cmpstr (cs_train_config_difference (&config, &loaded), ==, "lr");
  g_autoptr (json_t) object = cs_json_load (path, 0, NULL);
  static const char *const keys[] = { "activation_dim",
                                      "dict_size",
                                      "num_layers",
                                      "k",
                                      "norm_init_scale",
                                      "same_init_for_all_layers",
                                      "init_with_transpose",
                                      "lr",
                                      "l1_penalty",
                                      "warmup_steps",
                                      "steps",
                                      "seed" };
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    g_assert_nonnull (json_object_get (object, keys[i]));
  g_assert_cmpstr (json_string_value (json_object_get (object, "code_normalization")), ==, "MIXED");
  static const char *const hostile[] = {
    "",
    "[]",
    "{}",
    "{\"variant\": 3}",
    "{\"variant\": \"l1\", \"steps\": -1}",
    "{\"variant\": \"l1\", \"dict_size\": 1e30}",
    "{\"variant\": \"l1\", \"lr\": \"fast\"}",
    "{\"variant\": \"batchtopk\", \"k\": 0}",
    "{\"variant\": \"l1\", \"code_normalization\": \"DECOUPLED\"}"
  };
  for (size_t i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      g_assert_true (g_file_set_contents (path, hostile[i], -1, NULL));
      g_assert_false (cs_train_config_load (&loaded, folder, &error));
      g_assert_nonnull (error);
      g_clear_error (&error);
    }
  remove_folder (folder);
}

static void
test_clamp (void)
{
  CsTrainConfig config;
  cs_train_config_init (&config, CS_VARIANT_BATCHTOPK, 128);
  g_auto (GStrv) none = cs_train_config_clamp (&config);
  g_assert_cmpuint (g_strv_length (none), ==, 0);
  config.steps = 500;
  config.batch = 1000;
  g_auto (GStrv) changes = cs_train_config_clamp (&config);
  g_assert_cmpuint (g_strv_length (changes), ==, 3);
  g_assert_cmpuint (config.warmup_steps, ==, 50);
  g_assert_cmpuint (config.threshold_start_step, ==, 250);
  g_assert_cmpuint (config.dead_tokens, ==, 50000);
  g_auto (GStrv) again = cs_train_config_clamp (&config);
  g_assert_cmpuint (g_strv_length (again), ==, 0);
}

static void
test_run_log (void)
{
  g_autofree char *folder = new_folder ();
  g_autofree char *path = g_build_filename (folder, "metrics.csv", NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsRunLog) log = cs_run_log_new (), loaded = cs_run_log_new ();
  CsMetrics rows[3];
  CsNormRatioSnapshot snapshot = { .step = 20 };
  snapshot.count[99] = 7;
  for (uint64_t step = 10; step <= 30; step += 10)
    cs_run_log_add_metrics (log, &(CsMetrics){ step, 1.5, 2, 3, .25, NAN, 16, 4, .125, 1e-4, 1e5 });
  cs_run_log_add_snapshot (log, &snapshot);
  cs_run_log_truncate (log, 20);
  g_assert_cmpuint (cs_run_log_n_metrics (log), ==, 2);
  g_assert_cmpuint (cs_run_log_n_snapshots (log), ==, 1);
  g_assert_true (cs_run_log_save (log, folder, &error));
  g_assert_true (cs_run_log_load (loaded, folder, &error));
  g_assert_cmpuint (cs_run_log_copy_metrics (loaded, 1, 3, rows), ==, 1);
  g_assert_cmpuint (rows[0].step, ==, 20);
  g_assert_cmpfloat (rows[0].fve_base, ==, .25);
  g_assert_true (isnan (rows[0].fve_chat));
  g_assert_cmpuint (cs_run_log_copy_snapshots (loaded, 0, 5, &snapshot), ==, 1);
  g_assert_cmpuint (snapshot.count[99], ==, 7);
  g_assert_cmpuint (cs_run_log_copy_metrics (loaded, 9, 3, rows), ==, 0);
  static const char *const hostile[] = { "step\n1,2\n", "step\n1,2,3,4,5,6,7,8,9,10,x\n",
                                         "h\n-1,2,3,4,5,6,7,8,9,10,11\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (hostile); i++)
    {
      g_assert_true (g_file_set_contents (path, hostile[i], -1, NULL));
      g_assert_false (cs_run_log_load (loaded, folder, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
      g_clear_error (&error);
    }
  g_assert_cmpuint (cs_run_log_n_metrics (loaded), ==, 2);
  remove_folder (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/run-files/round-trip", test_round_trip);
  g_test_add_func ("/run-files/hub-layout", test_hub_layout);
  g_test_add_func ("/run-files/hostile-files", test_hostile_files);
  g_test_add_func ("/run-files/config", test_config);
  g_test_add_func ("/run-files/clamp", test_clamp);
  g_test_add_func ("/run-files/run-log", test_run_log);
  return g_test_run ();
}
