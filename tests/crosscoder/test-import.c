/* Crosscoders of others: what is read and what is refused. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "foreign.h"
#include "json.h"
#include "random.h"
#include "trainer.h"

/* --- What a file means, in double --- */

typedef struct
{
  bool batch_top_k, decoupled, normalised, old_bias;
  int id;
  double gain[2], mixed[2];
} Meaning;

static void
check_codes (const Foreign *f, const Meaning *m, const CsCrosscoder *cc)
{
  enum
  {
    N = 9
  };
  CsRandom random;
  float x[N * W], out[N * W];
  g_auto (CsCodes) codes = { 0 };
  g_autoptr (GError) error = NULL;
  g_autofree float *scales = g_new (float, F);
  cs_random_init (&random, 17, 0);
  for (size_t i = 0; i < N * W; i++)
    x[i] = (float)cs_random_normal (&random) * 2;
  g_assert_true (cs_crosscoder_encode (cc, NULL, x, N, &codes, &error));
  g_assert_no_error (error);
  cs_crosscoder_decode (cc, NULL, &codes, out);
  cs_crosscoder_scales (cc, NULL, scales);
  for (size_t t = 0; t < N; t++)
    {
      double x_hat[W];
      size_t at = codes.start[t];
      for (size_t i = 0; i < W; i++)
        x_hat[i] = f->decoder_bias[i];
      for (size_t j = 0; j < F; j++)
        {
          double sum = f->encoder_bias[j] + (m->old_bias ? f->encoder_bias[F + j] : 0),
                 norm[2] = { 0 };
          for (size_t i = 0; i < W; i++)
            {
              const double h =
                  m->normalised ? (x[t * W + i] - f->mean[i]) * m->gain[i / D] : x[t * W + i];
              sum += h * f->encoder[i * F + j];
              norm[i / D] += pow (f->decoder[((i / D) * F + j) * D + i % D], 2);
            }
          const double n0 = sqrt (norm[0]), n1 = sqrt (norm[1]), both = sqrt (norm[0] + norm[1]);
          const double s[] = { 0, n0 + n1, both, m->mixed[0] * both + m->mixed[1] * (n0 + n1),
                               1, n0 + n1 };
          const double relu = MAX (sum, 0);
          bool keep[2] = { relu > 0, relu > 0 };
          if (m->batch_top_k && m->decoupled)
            {
              keep[0] = relu * n0 > f->threshold[0];
              keep[1] = relu * n1 > f->threshold[1];
            }
          else if (m->batch_top_k)
            keep[0] = keep[1] = relu * s[m->id] > f->threshold[0];
          if (!keep[0] && !keep[1])
            continue;
          const double v = m->batch_top_k && m->decoupled ? relu * (keep[0] * n0 + keep[1] * n1)
                                                          : relu * s[m->id];
          g_assert_cmpuint (at, <, codes.start[t + 1]);
          g_assert_cmpuint (codes.latent[at], ==, j);
          g_assert_cmpfloat_with_epsilon (codes.value[at], relu, 1e-4);
          g_assert_cmpfloat_with_epsilon (cs_codes_activation (&codes, at, scales), v, 1e-3);
          for (unsigned model = 0; model < 2; model++)
            g_assert_true (cs_codes_has_model (&codes, at, model) == keep[model]);
          at++;
          for (size_t i = 0; i < W; i++)
            x_hat[i] += keep[i / D] ? relu * f->decoder[((i / D) * F + j) * D + i % D] : 0;
        }
      g_assert_cmpuint (codes.start[t + 1], ==, at);
      for (size_t i = 0; i < W; i++)
        g_assert_cmpfloat_with_epsilon (
            out[t * W + i],
            m->normalised ? x_hat[i] / (m->gain[i / D] + 1e-8) + f->mean[i] : x_hat[i], 2e-3);
    }
}

/* All five code normalisations, L1 and BatchTopK, with and without each buffer, from both kinds of
 * file. */
static void
test_hub (void)
{
  g_autofree char *folder = foreign_new_folder ();
  for (int round = 0; round < 60; round++)
    {
      Foreign f;
      Meaning m = {
        .id = round % 6, .batch_top_k = round / 6 % 2, .mixed = { 1, .1 }, .gain = { 2, .5 }
      };
      const bool torch = round % 4 == 3, with_gain = round % 5 != 0, nan_mean = round % 7 == 6;
      foreign_fill (&f, (uint64_t)round);
      m.decoupled = m.id == 5;
      m.old_bias = round % 3 == 2;
      m.normalised = round >= 24;
      foreign_add_weights (&f, m.old_bias);
      if (m.id > 0)
        foreign_add_id (&f, m.id);
      m.id = MAX (m.id, 1);
      if (m.batch_top_k)
        foreign_add_batch_top_k (&f, m.decoupled);
      if (m.normalised)
        foreign_add_normalisation (&f, with_gain);
      for (unsigned model = 0; model < 2 && m.normalised && !with_gain; model++)
        {
          double sum = 1e-8;
          for (size_t i = 0; i < D; i++)
            sum += pow (f.std[model * D + i], 2);
          m.gain[model] = 3 / sqrt (sum);
        }
      if (nan_mean && m.normalised)
        {
          f.mean[W - 1] = NAN;
          m.normalised = false;
        }
      if (round % 2)
        {
          foreign_write_text (
              folder, "config.json",
              "{\"activation_dim\": 4, \"dict_size\": 11, \"num_layers\": 2, \"k\": 7, "
              "\"code_normalization_alpha_sae\": 0.5, \"code_normalization_alpha_cc\": 2.0, "
              "\"activation_mean\": null}");
          m.mixed[0] = .5;
          m.mixed[1] = 2;
        }
      g_autofree char *path = foreign_write (&f, folder, torch ? "model.pt" : "model.safetensors");
      g_autoptr (GError) error = NULL;
      g_autoptr (CsCrosscoder) cc = foreign_import (path, folder, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (cc->variant, ==, m.batch_top_k ? CS_VARIANT_BATCHTOPK : CS_VARIANT_L1);
      g_assert_cmpuint (cc->k, ==, m.batch_top_k ? 3 : 0); /* the tensor's, not config.json's */
      g_assert_true (cc->normalised == m.normalised);
      check_codes (&f, &m, cc);
      g_autofree char *config = g_build_filename (folder, "config.json", NULL);
      g_remove (config);
    }
  foreign_remove_tree (folder);
}

/* A training checkpoint of a compiled module, with its settings. */
static void
test_checkpoint (void)
{
  g_autofree char *folder = foreign_new_folder ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) notes = NULL;
  CsTrainConfig config;
  uint64_t step, steps;
  Foreign f;
  foreign_fill (&f, 6);
  foreign_add_weights (&f, false);
  foreign_add_batch_top_k (&f, false);
  for (size_t i = 0; i < f.n; i++)
    f.tensors[i].name = g_strconcat ("_orig_mod.", f.tensors[i].name, NULL);
  g_free (foreign_write (&f, folder, "model_final.pt"));
  foreign_write_text (
      folder, "config.json",
      "{\"trainer\": {\"trainer_class\": \"BatchTopKCrossCoderTrainer\", \"k\": 100, \"lr\": "
      "0.0005, "
      "\"steps\": 1234, \"layer\": 13, \"lm_name\": \"google/gemma-2-2b-it-google/gemma-2-2b\"}}");
  g_autoptr (CsCrosscoder) cc = foreign_import (folder, folder, NULL, &notes, &error);
  g_assert_no_error (error);
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  g_autofree char *path = g_build_filename (run, "config.json", NULL);
  g_autoptr (json_t) written = cs_json_load (path, 0, NULL);
  g_assert_cmpint (json_integer_value (json_object_get (written, "layer")), ==, 13);
  g_assert_cmpstr (
      json_string_value (json_object_get (json_object_get (written, "imported"), "format")), ==,
      "checkpoint");
  g_assert_nonnull (json_object_get (written, "lm_name"));
  g_assert_true (cs_train_config_load (&config, run, NULL));
  g_assert_cmpuint (config.steps, ==, 1234);
  g_assert_cmpfloat (config.lr, ==, 0.0005);
  g_assert_cmpuint (config.k, ==, 3);
  g_assert_true (cs_train_state (run, &step, &steps, NULL));
  g_assert_cmpuint (step, ==, 1234);
  g_assert_false (cs_train (NULL, "no-store.h5", run, &config, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "imported"));
  g_clear_error (&error);
  g_assert_false (cs_crosscoder_import (folder, run, &CS_IMPORT_DEFAULT, NULL, &error));
  g_assert_nonnull (strstr (error->message, "holds a run already"));
  for (size_t i = 0; i < f.n; i++)
    g_free ((char *)(uintptr_t)f.tensors[i].name);
  foreign_remove_tree (folder);
}

/* The replication's layout: W_enc [2, d, F], W_dec [F, 2, d]; folding keeps what the crosscoder
 * computes. */
static void
test_kissane (void)
{
  enum
  {
    N = 5
  };
  g_autofree char *folder = foreign_new_folder ();
  g_autofree char *inner = g_build_filename (folder, "blocks.14.hook_resid_pre", NULL);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) notes = NULL, folded_notes = NULL;
  const CsImportOptions factors = { .scale = { 2, 8 }, .layer = -1 };
  float x[N * W], scaled[N * W], out[2][N * W];
  g_auto (CsCodes) codes = { 0 }, folded_codes = { 0 };
  Foreign f;
  foreign_fill (&f, 7);
  foreign_add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 3, (size_t[]){ 2, D, F });
  foreign_add (&f, "W_dec", CS_DTYPE_F32, f.decoder, 3, (size_t[]){ F, 2, D });
  foreign_add (&f, "b_enc", CS_DTYPE_F32, f.encoder_bias, 1, (size_t[]){ F });
  foreign_add (&f, "b_dec", CS_DTYPE_F32, f.decoder_bias, 2, (size_t[]){ 2, D });
  g_assert_cmpint (g_mkdir (inner, 0700), ==, 0);
  g_free (foreign_write (&f, inner, "cc_weights.pt"));
  foreign_write_text (inner, "cfg.json",
                      "{\"hook_point\": \"blocks.14.hook_resid_pre\", \"batch_size\": 4096, "
                      "\"num_tokens\": 400000000, "
                      "\"l1_coeff\": 2, \"lr\": 5e-05, \"seed\": 49, \"dec_init_norm\": 0.08}");
  g_autoptr (CsCrosscoder) plain = foreign_import (folder, folder, NULL, &notes, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (notes), ==, 1);
  g_assert_cmpmem (plain->decoder, sizeof f.decoder, f.decoder, sizeof f.decoder);
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  CsTrainConfig config;
  g_assert_true (cs_train_config_load (&config, run, NULL));
  g_assert_cmpfloat (config.mu, ==, 2);
  g_assert_cmpuint (config.steps, ==, 97656);
  foreign_remove_tree (run);
  g_autoptr (CsCrosscoder) folded = foreign_import (inner, folder, &factors, &folded_notes, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (folded_notes[0], "Δ_norm"));
  g_autofree char *path = g_build_filename (run, "config.json", NULL);
  g_autoptr (json_t) written = cs_json_load (path, 0, NULL);
  g_assert_cmpint (json_integer_value (json_object_get (written, "layer")), ==, 13);
  for (size_t i = 0; i < N * W; i++)
    {
      x[i] = sinf ((float)i);
      scaled[i] = x[i] * (float)factors.scale[i % W / D];
    }
  g_assert_true (cs_crosscoder_encode (plain, NULL, scaled, N, &codes, NULL));
  g_assert_true (cs_crosscoder_encode (folded, NULL, x, N, &folded_codes, NULL));
  g_assert_cmpuint (codes.start[N], >, 0);
  g_assert_cmpmem (codes.start, (N + 1) * sizeof (size_t), folded_codes.start,
                   (N + 1) * sizeof (size_t));
  cs_crosscoder_decode (plain, NULL, &codes, out[0]);
  cs_crosscoder_decode (folded, NULL, &folded_codes, out[1]);
  for (size_t i = 0; i < N * W; i++)
    g_assert_cmpfloat_with_epsilon (out[0][i] / (float)factors.scale[i % W / D], out[1][i], 1e-4);
  g_autofree double *before = g_new (double, 2 * F), *after = g_new (double, 2 * F);
  cs_crosscoder_norms (plain, NULL, before);
  cs_crosscoder_norms (folded, NULL, after);
  for (size_t j = 0; j < F; j++)
    g_assert_cmpfloat_with_epsilon (
        cs_crosscoder_norm_ratio (folded, after[2 * j], after[2 * j + 1]),
        cs_norm_ratio (before[2 * j], before[2 * j + 1]), 1e-6);
  foreign_remove_tree (folder);
}

/* version_N/: the last of the numbered files, in half precision too. */
static void
test_numbered (void)
{
  g_autofree char *folder = foreign_new_folder ();
  g_autoptr (GError) error = NULL;
  uint16_t half[2 * D * F];
  for (int version = 2; version <= 10; version += 8)
    {
      g_autofree char *name = g_strdup_printf ("%d.pt", version),
                      *cfg = g_strdup_printf ("%d_cfg.json", version);
      Foreign f;
      foreign_fill (&f, (uint64_t)version);
      cs_narrow (CS_DTYPE_BF16, f.encoder, half, 2 * D * F);
      foreign_add (&f, "W_enc", CS_DTYPE_BF16, half, 3, (size_t[]){ 2, D, F });
      foreign_add (&f, "W_dec", CS_DTYPE_F32, f.decoder, 3, (size_t[]){ F, 2, D });
      foreign_add (&f, "b_enc", CS_DTYPE_F32, f.encoder_bias, 1, (size_t[]){ F });
      foreign_add (&f, "b_dec", CS_DTYPE_F32, f.decoder_bias, 2, (size_t[]){ 2, D });
      g_free (foreign_write (&f, folder, name));
      foreign_write_text (folder, cfg, version == 10 ? "{\"l1_coeff\": 10}" : "{\"l1_coeff\": 3}");
    }
  g_autoptr (CsCrosscoder) cc = foreign_import (folder, folder, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (cc->encoder[0], ==, cs_bfloat_to_float (half[0]));
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  CsTrainConfig config;
  g_assert_true (cs_train_config_load (&config, run, NULL));
  g_assert_cmpfloat (config.mu, ==, 10);
  foreign_remove_tree (folder);
}

static void
check_refused (const Foreign *f, const char *folder, const char *name, const char *says)
{
  g_autofree char *path = foreign_write (f, folder, name),
                  *run = g_build_filename (folder, "run", NULL);
  g_autoptr (GError) error = NULL;
  for (int by_folder = 0; by_folder < 2; by_folder++)
    {
      g_clear_error (&error);
      if (by_folder && strcmp (name, "model.safetensors") != 0)
        break;
      g_assert_null (foreign_import (by_folder ? folder : path, folder, NULL, NULL, &error));
      g_assert_nonnull (error);
      if (!strstr (error->message, says) || strchr (error->message, '\n'))
        g_error ("%s", error->message);
    }
  g_remove (path);
}

static void
test_refused (void)
{
  g_autofree char *folder = foreign_new_folder ();
  Foreign f;
  g_autoptr (GError) error = NULL;
  foreign_fill (&f, 8);
  foreign_add (&f, "encoder.weight", CS_DTYPE_F32, f.encoder, 2, (size_t[]){ F, D });
  foreign_add (&f, "decoder.weight", CS_DTYPE_F32, f.decoder, 2, (size_t[]){ D, F });
  foreign_add (&f, "b_dec", CS_DTYPE_F32, f.decoder_bias, 1, (size_t[]){ D });
  check_refused (&f, folder, "model.safetensors", "diff-SAE");
  check_refused (&f, folder, "ae.pt", "diff-SAE");
  foreign_fill (&f, 8);
  foreign_add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 2, (size_t[]){ D, F });
  foreign_add (&f, "W_dec", CS_DTYPE_F32, f.decoder, 2, (size_t[]){ F, D });
  check_refused (&f, folder, "sae.pt", "SAELens");
  foreign_fill (&f, 8);
  foreign_add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 3, (size_t[]){ 4, D / 2, F });
  check_refused (&f, folder, "0.pt", "several layers of one model");
  foreign_fill (&f, 8);
  foreign_add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 4, (size_t[]){ 2, 1, 4, F });
  check_refused (&f, folder, "tied.pt", "tied crosscoder");
  foreign_fill (&f, 8);
  foreign_add (&f, "embed.weight", CS_DTYPE_F32, f.encoder, 2, (size_t[]){ D, F });
  check_refused (&f, folder, "model.safetensors", "embed.weight");
  foreign_fill (&f, 8);
  foreign_add_weights (&f, false);
  f.encoder[3] = INFINITY;
  check_refused (&f, folder, "model.pt", "not finite");
  g_assert_null (foreign_import (folder, folder, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "holds no crosscoder"));
  g_clear_error (&error);
  foreign_write_text (folder, "sae_weights.safetensors", "");
  g_assert_null (foreign_import (folder, folder, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "SAELens"));
  g_clear_error (&error);
  g_autofree char *weights = g_build_filename (folder, "sae_weights.safetensors", NULL);
  g_remove (weights);
  foreign_write_text (folder, "sae.safetensors", "");
  g_assert_null (foreign_import (folder, folder, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "sparsify"));
  foreign_remove_tree (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/import/hub", test_hub);
  g_test_add_func ("/import/checkpoint", test_checkpoint);
  g_test_add_func ("/import/kissane", test_kissane);
  g_test_add_func ("/import/numbered", test_numbered);
  g_test_add_func ("/import/refused", test_refused);
  return g_test_run ();
}
