/* Crosscoders of others: what comes out again, and what is kept as it came. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "foreign.h"
#include "json.h"
#include "random-crosscoder.h"
#include "tensor-file.h"
#include "vector.h"
#include "weight-summary.h"

/* The library's constructors take these and no other: a key too many and the folder does not open
 * there. */
static void
check_arguments (json_t *config)
{
  static const char *const arguments[] = {
    "activation_dim",     "dict_size",       "num_layers",          "same_init_for_all_layers",
    "norm_init_scale",    "encoder_layers",  "init_with_transpose", "num_decoder_layers",
    "latent_processor",   "activation_mean", "activation_std",      "target_rms",
    "code_normalization", "k",               "code_normalization_alpha_sae",
    "code_normalization_alpha_cc",           NULL
  };
  const char *key;
  json_t *value;
  json_object_foreach (config, key, value)
    if (!g_strv_contains (arguments, key))
      g_error ("“%s” is no argument of the library's constructors", key);
}

/* In and out again: the same bytes under the same names. */
static void
test_round_trip (void)
{
  for (int round = 0; round < 4; round++)
    {
      g_autofree char *folder = foreign_new_folder ();
      g_autofree char *run = g_build_filename (folder, "run", NULL),
                      *out = g_build_filename (folder, "hub", NULL);
      g_autofree char *model = g_build_filename (out, "model.safetensors", NULL);
      g_autofree char *config_path = g_build_filename (out, "config.json", NULL);
      g_autoptr (GError) error = NULL;
      Foreign f;
      foreign_fill (&f, 5);
      foreign_add_weights (&f, false);
      foreign_add_id (&f, round == 2 ? 5 : 1);
      if (round > 0)
        foreign_add_batch_top_k (&f, round == 2);
      if (round == 3)
        foreign_add_normalisation (&f, true);
      g_autofree char *path = foreign_write (&f, folder, "model.safetensors");
      g_autoptr (CsCrosscoder) cc = foreign_import (path, folder, NULL, NULL, &error);
      g_assert_nonnull (cc);
      g_assert_true (cs_crosscoder_export_hub (run, out, &error));
      g_assert_no_error (error);
      g_autoptr (CsTensorFile) file = cs_tensor_file_open (model, &error);
      g_assert_cmpuint (cs_tensor_file_n_tensors (file), ==, f.n);
      for (size_t i = 0; i < f.n; i++)
        {
          const CsTensor *was = &f.tensors[i];
          const CsTensor *is =
              cs_tensor_file_get (file, was->name, was->n_dims, was->shape, &error);
          g_assert_no_error (error);
          g_assert_cmpint (is->dtype, ==, was->dtype);
          g_assert_cmpmem (is->data, is->n_bytes, was->data, was->n_bytes);
        }
      g_autoptr (json_t) config = cs_json_load (config_path, 0, &error);
      g_assert_cmpint (json_integer_value (json_object_get (config, "dict_size")), ==, F);
      check_arguments (config);
      g_assert_true ((json_object_get (config, "k") != NULL) == (round > 0));
      foreign_remove_tree (folder);
    }
}

/* --- A file of the hub format is kept as it is --- */

static ino_t
inode_of (const char *path)
{
  GStatBuf info;
  g_assert_cmpint (g_stat (path, &info), ==, 0);
  return info.st_ino;
}

/* The run shares the file and what is written into the run later leaves the original alone. */
static void
test_shared (void)
{
  g_autofree char *folder = foreign_new_folder (), *run = g_build_filename (folder, "run", NULL);
  g_autofree char *model = g_build_filename (run, "model.safetensors", NULL);
  g_autofree char *before = NULL, *kept = NULL, *after = NULL;
  g_autoptr (GError) error = NULL;
  gsize n_before, n_kept, n_after;
  Foreign f;
  foreign_fill (&f, 21);
  foreign_add_weights (&f, false);
  foreign_add_id (&f, 1);
  f.threshold[0] = -1; /* never set */
  foreign_add_batch_top_k (&f, false);
  g_autofree char *path = foreign_write (&f, folder, "model.safetensors");
  g_assert_true (g_file_get_contents (path, &before, &n_before, NULL));
  g_autoptr (CsCrosscoder) cc = foreign_import (path, folder, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_file_get_contents (model, &kept, &n_kept, NULL));
  g_assert_cmpmem (kept, n_kept, before, n_before);
  g_assert_true (cs_run_needs_threshold (run));
  cc->threshold = 0.5f;
  g_assert_true (cs_crosscoder_save (cc, run, &error));
  g_assert_false (cs_run_needs_threshold (run));
  g_assert_true (inode_of (model) != inode_of (path));
  g_assert_true (g_file_get_contents (path, &after, &n_after, NULL));
  g_assert_cmpmem (after, n_after, before, n_before);
  foreign_remove_tree (folder);
}

/* What an old file leaves to its config.json is written into the run's own. */
static void
test_completed (void)
{
  g_autofree char *folder = foreign_new_folder (), *run = g_build_filename (folder, "run", NULL);
  g_autoptr (GError) error = NULL;
  Foreign f;
  foreign_fill (&f, 22);
  foreign_add_weights (&f, true);
  foreign_write_text (folder, "config.json",
                      "{\"code_normalization\": \"MIXED\", \"code_normalization_alpha_sae\": 0.25, "
                      "\"code_normalization_alpha_cc\": 4.0, \"norm_init_scale\": 1}");
  g_autofree char *path = foreign_write (&f, folder, "model.safetensors");
  g_autoptr (CsCrosscoder) cc = foreign_import (path, folder, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (cc->code_norm, ==, CS_CODE_NORM_MIXED);
  g_assert_cmpfloat (cc->mixed[0], ==, 0.25f);
  g_assert_cmpfloat (cc->mixed[1], ==, 4);
  g_assert_cmpfloat (cc->encoder_bias[3], ==, f.encoder_bias[3] + f.encoder_bias[F + 3]);
  foreign_remove_tree (folder);
}

/* The summary off the map says the same as the crosscoder in memory, for every size of the team. */
static void
test_summary (void)
{
  g_autofree char *folder = foreign_new_folder (), *run = g_build_filename (folder, "run", NULL);
  g_autoptr (CsCrosscoder) cc = random_crosscoder (37, 2100, CS_VARIANT_L1);
  g_autoptr (GError) error = NULL;
  g_autofree double *norms = g_new (double, 2 * cc->n_latents);
  memset (cc->decoder + 5 * 74, 0, 37 * sizeof (float));
  g_assert_cmpint (g_mkdir (run, 0700), ==, 0);
  g_assert_true (cs_crosscoder_save (cc, run, &error));
  cs_crosscoder_norms (cc, NULL, norms);
  for (unsigned n_threads = 1; n_threads <= 3; n_threads += 2)
    {
      g_auto (CsWeightSummary) summary = { 0 };
      g_autoptr (CsTeam) team = cs_team_new (n_threads);
      g_autoptr (CsCrosscoder) head = cs_weight_summary_load (&summary, run, team, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (summary.n_latents, ==, cc->n_latents);
      g_assert_cmpmem (summary.norms, 2 * cc->n_latents * sizeof (double), norms,
                       2 * cc->n_latents * sizeof (double));
      g_assert_true (isnan (summary.decoder_cosine[5]));
      for (size_t j = 0; j < cc->n_latents; j++)
        {
          const float *row = cc->encoder + j * 74;
          const double dot = cs_dot_double (row, row + 37, 37);
          g_assert_cmpfloat_with_epsilon (summary.encoder_cosine[j],
                                          dot / (cs_norm2 (row, 37) * cs_norm2 (row + 37, 37)),
                                          1e-6);
        }
    }
  foreign_remove_tree (folder);
}

/* --- GGUF, read by its description --- */

static uint64_t
number (const char **at, unsigned n)
{
  uint64_t value = 0;
  for (unsigned i = 0; i < n; i++)
    value |= (uint64_t)(unsigned char)(*at)[i] << (8 * i);
  *at += n;
  return value;
}

static char *
text (const char **at)
{
  const uint64_t n = number (at, 8);
  char *out = g_strndup (*at, n);
  *at += n;
  return out;
}

static void
check_gguf (const char *bytes, size_t size, const float *expected)
{
  static const char *const keys[] = { "general.architecture", "controlvector.model_hint",
                                      "controlvector.layer_count" };
  const char *at = bytes + 4;
  g_assert_cmpmem (bytes, 4, "GGUF", 4);
  g_assert_cmpuint (number (&at, 4), ==, 3);
  g_assert_cmpuint (number (&at, 8), ==, 1);
  g_assert_cmpuint (number (&at, 8), ==, 3);
  for (unsigned i = 0; i < 3; i++)
    {
      g_autofree char *key = text (&at);
      const uint64_t type = number (&at, 4);
      g_assert_cmpstr (key, ==, keys[i]);
      g_assert_cmpuint (type, ==, i < 2 ? 8 : 5);
      g_autofree char *value = i < 2 ? text (&at) : NULL;
      if (i < 2)
        g_assert_cmpstr (value, ==, i ? "gemma2" : "controlvector");
      else
        g_assert_cmpuint (number (&at, 4), ==, 1);
    }
  g_autofree char *name = text (&at);
  g_assert_cmpstr (name, ==, "direction.13");
  g_assert_cmpuint (number (&at, 4), ==, 1);
  g_assert_cmpuint (number (&at, 8), ==, D);
  g_assert_cmpuint (number (&at, 4), ==, 0);
  g_assert_cmpuint (number (&at, 8), ==, 0);
  const size_t data = ((size_t)(at - bytes) + 31) / 32 * 32;
  g_assert_cmpuint (size, >=, data + 4 * D);
  for (size_t i = 0; i < D; i++)
    {
      float value;
      memcpy (&value, bytes + data + 4 * i, 4);
      g_assert_cmpfloat_with_epsilon (value, expected[i], 1e-5);
    }
}

static void
test_control_vector (void)
{
  g_autofree char *folder = foreign_new_folder (),
                  *path = g_build_filename (folder, "v.gguf", NULL);
  g_autoptr (CsCrosscoder) cc = random_crosscoder (D, F, CS_VARIANT_BATCHTOPK);
  g_autoptr (GError) error = NULL;
  g_autofree double *norms = g_new (double, 2 * F);
  set_normalisation (cc);
  cs_crosscoder_norms (cc, NULL, norms);
  for (int scaled = 0; scaled < 2; scaled++)
    {
      CsControlVectorOptions options = { 4, 1, 13, scaled ? 6 : 0, "gemma2" };
      float expected[D];
      gsize size;
      for (size_t i = 0; i < D; i++)
        expected[i] = (float)(cc->decoder[4 * W + D + i] *
                              (scaled ? 6 / (norms[8] + norms[9]) / cc->gain[1] : 1 / norms[9]));
      g_assert_true (cs_control_vector_export (cc, &options, path, &error));
      g_autofree char *bytes = NULL;
      g_assert_true (g_file_get_contents (path, &bytes, &size, NULL));
      check_gguf (bytes, size, expected);
      options.layer = 0;
      g_assert_false (cs_control_vector_export (cc, &options, path, &error));
      g_clear_error (&error);
      options.layer = 2;
      options.latent = F;
      g_assert_false (cs_control_vector_export (cc, &options, path, &error));
      g_clear_error (&error);
    }
  foreign_remove_tree (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/export/round-trip", test_round_trip);
  g_test_add_func ("/export/shared", test_shared);
  g_test_add_func ("/export/completed", test_completed);
  g_test_add_func ("/export/summary", test_summary);
  g_test_add_func ("/export/control-vector", test_control_vector);
  return g_test_run ();
}
