/* Crosscoders of others: what is read, what is refused, and what comes out again. */
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "errors.h"
#include "exchange.h"
#include "json.h"
#include "random-crosscoder.h"
#include "random.h"
#include "tensor-file.h"
#include "torch-file.h"
#include "trainer.h"

enum
{
  D = 4,
  F = 11,
  W = 2 * D
};

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      remove_tree (inner);
    }
  g_remove (path);
}

static char *
new_folder (void)
{
  char *folder = g_dir_make_tmp ("crosscope-exchange-XXXXXX", NULL);
  g_assert_nonnull (folder);
  return folder;
}

/* --- Tensors of a file to import --- */

typedef struct
{
  float encoder[2 * D * F], decoder[2 * F * D], encoder_bias[2 * F], decoder_bias[W], mean[W],
      std[W];
  float gain[2], threshold[2], rms;
  int64_t id;
  int32_t k;
  CsTensor tensors[16];
  size_t n;
} Foreign;

static void
add (Foreign *f,
     const char *name,
     CsDtype dtype,
     const void *data,
     size_t n_dims,
     const size_t *shape)
{
  CsTensor *tensor = &f->tensors[f->n++];
  *tensor =
      (CsTensor){ .name = name, .dtype = dtype, .n_dims = n_dims, .n_elements = 1, .data = data };
  for (size_t i = 0; i < n_dims; i++)
    tensor->n_elements *= tensor->shape[i] = shape[i];
  tensor->n_bytes = tensor->n_elements * cs_dtype_size (dtype);
}

static void
fill (Foreign *f, uint64_t seed)
{
  CsRandom random;
  cs_random_init (&random, seed, 0);
  memset (f, 0, sizeof *f);
  for (size_t i = 0; i < G_N_ELEMENTS (f->encoder); i++)
    {
      f->encoder[i] = (float)cs_random_normal (&random);
      f->decoder[i] = (float)cs_random_normal (&random);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (f->encoder_bias); i++)
    f->encoder_bias[i] = (float)cs_random_normal (&random) * .1f;
  for (size_t i = 0; i < W; i++)
    {
      f->decoder_bias[i] = (float)cs_random_normal (&random);
      f->mean[i] = (float)cs_random_normal (&random);
      f->std[i] = 1 + (float)cs_random_uniform (&random);
    }
  f->gain[0] = 2;
  f->gain[1] = .5f;
  f->threshold[0] = 1.5f;
  f->threshold[1] = 2.5f;
  f->rms = 3;
  f->k = 3;
}

static void
add_weights (Foreign *f, bool old_bias)
{
  add (f, "encoder.weight", CS_DTYPE_F32, f->encoder, 3, (size_t[]){ 2, D, F });
  add (f, "decoder.weight", CS_DTYPE_F32, f->decoder, 3, (size_t[]){ 2, F, D });
  if (old_bias)
    add (f, "encoder.bias", CS_DTYPE_F32, f->encoder_bias, 2, (size_t[]){ 2, F });
  else
    add (f, "encoder.bias", CS_DTYPE_F32, f->encoder_bias, 1, (size_t[]){ F });
  add (f, "decoder.bias", CS_DTYPE_F32, f->decoder_bias, 2, (size_t[]){ 2, D });
}

static void
add_batch_top_k (Foreign *f, bool decoupled)
{
  add (f, "k", CS_DTYPE_I32, &f->k, 0, NULL);
  add (f, "threshold", CS_DTYPE_F32, f->threshold, decoupled, (size_t[]){ 2 });
}

static void
add_id (Foreign *f, int id)
{
  f->id = id;
  add (f, "code_normalization_id", CS_DTYPE_I64, &f->id, 0, NULL);
}

static void
add_normalisation (Foreign *f, bool with_gain)
{
  add (f, "activation_mean", CS_DTYPE_F32, f->mean, 2, (size_t[]){ 2, D });
  add (f, "activation_std", CS_DTYPE_F32, f->std, 2, (size_t[]){ 2, D });
  if (with_gain)
    add (f, "activation_global_scale", CS_DTYPE_F32, f->gain, 1, (size_t[]){ 2 });
  add (f, "target_rms", CS_DTYPE_F32, &f->rms, 0, NULL);
}

static char *
write_file (const Foreign *f, const char *folder, const char *name)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (folder, name, NULL);
  const bool ok = g_str_has_suffix (name, ".pt")
                      ? cs_torch_write (path, f->tensors, f->n, &error)
                      : cs_safetensors_write (path, f->tensors, f->n, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (ok);
  return path;
}

static void
write_text (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

/* Imports path into folder/run; NULL with error. */
static CsCrosscoder *
import (const char *path,
        const char *folder,
        const CsImportOptions *options,
        char ***notes,
        GError **error)
{
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  const CsImportOptions plain = CS_IMPORT_DEFAULT;
  remove_tree (run);
  if (!cs_crosscoder_import (path, run, options ? options : &plain, notes, error))
    return NULL;
  g_assert_true (cs_run_is_imported (run));
  CsTrainConfig config;
  g_assert_true (cs_train_config_load (&config, run, error));
  g_assert_cmpuint (config.n_latents, ==, F);
  return cs_crosscoder_load (run, error);
}

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
  g_autofree char *folder = new_folder ();
  for (int round = 0; round < 60; round++)
    {
      Foreign f;
      Meaning m = {
        .id = round % 6, .batch_top_k = round / 6 % 2, .mixed = { 1, .1 }, .gain = { 2, .5 }
      };
      const bool torch = round % 4 == 3, with_gain = round % 5 != 0, nan_mean = round % 7 == 6;
      fill (&f, (uint64_t)round);
      m.decoupled = m.id == 5;
      m.old_bias = round % 3 == 2;
      m.normalised = round >= 24;
      add_weights (&f, m.old_bias);
      if (m.id > 0)
        add_id (&f, m.id);
      m.id = MAX (m.id, 1);
      if (m.batch_top_k)
        add_batch_top_k (&f, m.decoupled);
      if (m.normalised)
        add_normalisation (&f, with_gain);
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
          write_text (
              folder, "config.json",
              "{\"activation_dim\": 4, \"dict_size\": 11, \"num_layers\": 2, \"k\": 7, "
              "\"code_normalization_alpha_sae\": 0.5, \"code_normalization_alpha_cc\": 2.0, "
              "\"activation_mean\": null}");
          m.mixed[0] = .5;
          m.mixed[1] = 2;
        }
      g_autofree char *path = write_file (&f, folder, torch ? "model.pt" : "model.safetensors");
      g_autoptr (GError) error = NULL;
      g_autoptr (CsCrosscoder) cc = import (path, folder, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (cc->variant, ==, m.batch_top_k ? CS_VARIANT_BATCHTOPK : CS_VARIANT_L1);
      g_assert_cmpuint (cc->k, ==, m.batch_top_k ? 3 : 0); /* the tensor's, not config.json's */
      g_assert_true (cc->normalised == m.normalised);
      check_codes (&f, &m, cc);
      g_autofree char *config = g_build_filename (folder, "config.json", NULL);
      g_remove (config);
    }
  remove_tree (folder);
}

/* In and out again: the same bytes under the same names. */
static void
test_round_trip (void)
{
  for (int round = 0; round < 4; round++)
    {
      g_autofree char *folder = new_folder ();
      g_autofree char *run = g_build_filename (folder, "run", NULL),
                      *out = g_build_filename (folder, "hub", NULL);
      g_autofree char *model = g_build_filename (out, "model.safetensors", NULL);
      g_autofree char *config_path = g_build_filename (out, "config.json", NULL);
      g_autoptr (GError) error = NULL;
      Foreign f;
      fill (&f, 5);
      add_weights (&f, false);
      add_id (&f, round == 2 ? 5 : 1);
      if (round > 0)
        add_batch_top_k (&f, round == 2);
      if (round == 3)
        add_normalisation (&f, true);
      g_autofree char *path = write_file (&f, folder, "model.safetensors");
      g_autoptr (CsCrosscoder) cc = import (path, folder, NULL, NULL, &error);
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
      g_assert_cmpstr (json_string_value (json_object_get (config, "dict_class")), ==,
                       round ? "BatchTopKCrossCoder" : "CrossCoder");
      g_assert_true ((json_object_get (config, "k") != NULL) == (round > 0));
      remove_tree (folder);
    }
}

/* A training checkpoint of a compiled module, with its settings. */
static void
test_checkpoint (void)
{
  g_autofree char *folder = new_folder ();
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) notes = NULL;
  CsTrainConfig config;
  uint64_t step, steps;
  Foreign f;
  fill (&f, 6);
  add_weights (&f, false);
  add_batch_top_k (&f, false);
  for (size_t i = 0; i < f.n; i++)
    f.tensors[i].name = g_strconcat ("_orig_mod.", f.tensors[i].name, NULL);
  g_free (write_file (&f, folder, "model_final.pt"));
  write_text (
      folder, "config.json",
      "{\"trainer\": {\"trainer_class\": \"BatchTopKCrossCoderTrainer\", \"k\": 100, \"lr\": "
      "0.0005, "
      "\"steps\": 1234, \"layer\": 13, \"lm_name\": \"google/gemma-2-2b-it-google/gemma-2-2b\"}}");
  g_autoptr (CsCrosscoder) cc = import (folder, folder, NULL, &notes, &error);
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
  remove_tree (folder);
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
  g_autofree char *folder = new_folder ();
  g_autofree char *inner = g_build_filename (folder, "blocks.14.hook_resid_pre", NULL);
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) notes = NULL, folded_notes = NULL;
  const CsImportOptions factors = { .scale = { 2, 8 }, .layer = -1 };
  float x[N * W], scaled[N * W], out[2][N * W];
  g_auto (CsCodes) codes = { 0 }, folded_codes = { 0 };
  Foreign f;
  fill (&f, 7);
  add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 3, (size_t[]){ 2, D, F });
  add (&f, "W_dec", CS_DTYPE_F32, f.decoder, 3, (size_t[]){ F, 2, D });
  add (&f, "b_enc", CS_DTYPE_F32, f.encoder_bias, 1, (size_t[]){ F });
  add (&f, "b_dec", CS_DTYPE_F32, f.decoder_bias, 2, (size_t[]){ 2, D });
  g_assert_cmpint (g_mkdir (inner, 0700), ==, 0);
  g_free (write_file (&f, inner, "cc_weights.pt"));
  write_text (inner, "cfg.json",
              "{\"hook_point\": \"blocks.14.hook_resid_pre\", \"batch_size\": 4096, "
              "\"num_tokens\": 400000000, "
              "\"l1_coeff\": 2, \"lr\": 5e-05, \"seed\": 49, \"dec_init_norm\": 0.08}");
  g_autoptr (CsCrosscoder) plain = import (folder, folder, NULL, &notes, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (g_strv_length (notes), ==, 1);
  g_assert_cmpmem (plain->decoder, sizeof f.decoder, f.decoder, sizeof f.decoder);
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  CsTrainConfig config;
  g_assert_true (cs_train_config_load (&config, run, NULL));
  g_assert_cmpfloat (config.mu, ==, 2);
  g_assert_cmpuint (config.steps, ==, 97656);
  remove_tree (run);
  g_autoptr (CsCrosscoder) folded = import (inner, folder, &factors, &folded_notes, &error);
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
  remove_tree (folder);
}

/* version_N/: the last of the numbered files, in half precision too. */
static void
test_numbered (void)
{
  g_autofree char *folder = new_folder ();
  g_autoptr (GError) error = NULL;
  uint16_t half[2 * D * F];
  for (int version = 2; version <= 10; version += 8)
    {
      g_autofree char *name = g_strdup_printf ("%d.pt", version),
                      *cfg = g_strdup_printf ("%d_cfg.json", version);
      Foreign f;
      fill (&f, (uint64_t)version);
      cs_narrow (CS_DTYPE_BF16, f.encoder, half, 2 * D * F);
      add (&f, "W_enc", CS_DTYPE_BF16, half, 3, (size_t[]){ 2, D, F });
      add (&f, "W_dec", CS_DTYPE_F32, f.decoder, 3, (size_t[]){ F, 2, D });
      add (&f, "b_enc", CS_DTYPE_F32, f.encoder_bias, 1, (size_t[]){ F });
      add (&f, "b_dec", CS_DTYPE_F32, f.decoder_bias, 2, (size_t[]){ 2, D });
      g_free (write_file (&f, folder, name));
      write_text (folder, cfg, version == 10 ? "{\"l1_coeff\": 10}" : "{\"l1_coeff\": 3}");
    }
  g_autoptr (CsCrosscoder) cc = import (folder, folder, NULL, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (cc->encoder[0], ==, cs_bfloat_to_float (half[0]));
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  CsTrainConfig config;
  g_assert_true (cs_train_config_load (&config, run, NULL));
  g_assert_cmpfloat (config.mu, ==, 10);
  remove_tree (folder);
}

static void
check_refused (const Foreign *f, const char *folder, const char *name, const char *says)
{
  g_autofree char *path = write_file (f, folder, name),
                  *run = g_build_filename (folder, "run", NULL);
  g_autoptr (GError) error = NULL;
  for (int by_folder = 0; by_folder < 2; by_folder++)
    {
      g_clear_error (&error);
      if (by_folder && strcmp (name, "model.safetensors") != 0)
        break;
      g_assert_null (import (by_folder ? folder : path, folder, NULL, NULL, &error));
      g_assert_nonnull (error);
      if (!strstr (error->message, says) || strchr (error->message, '\n'))
        g_error ("%s", error->message);
    }
  g_remove (path);
}

static void
test_refused (void)
{
  g_autofree char *folder = new_folder ();
  Foreign f;
  g_autoptr (GError) error = NULL;
  fill (&f, 8);
  add (&f, "encoder.weight", CS_DTYPE_F32, f.encoder, 2, (size_t[]){ F, D });
  add (&f, "decoder.weight", CS_DTYPE_F32, f.decoder, 2, (size_t[]){ D, F });
  add (&f, "b_dec", CS_DTYPE_F32, f.decoder_bias, 1, (size_t[]){ D });
  check_refused (&f, folder, "model.safetensors", "diff-SAE");
  check_refused (&f, folder, "ae.pt", "diff-SAE");
  fill (&f, 8);
  add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 2, (size_t[]){ D, F });
  add (&f, "W_dec", CS_DTYPE_F32, f.decoder, 2, (size_t[]){ F, D });
  check_refused (&f, folder, "sae.pt", "SAELens");
  fill (&f, 8);
  add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 3, (size_t[]){ 4, D / 2, F });
  check_refused (&f, folder, "0.pt", "several layers of one model");
  fill (&f, 8);
  add (&f, "W_enc", CS_DTYPE_F32, f.encoder, 4, (size_t[]){ 2, 1, 4, F });
  check_refused (&f, folder, "tied.pt", "tied crosscoder");
  fill (&f, 8);
  add (&f, "embed.weight", CS_DTYPE_F32, f.encoder, 2, (size_t[]){ D, F });
  check_refused (&f, folder, "model.safetensors", "embed.weight");
  fill (&f, 8);
  add_weights (&f, false);
  f.encoder[3] = INFINITY;
  check_refused (&f, folder, "model.pt", "not finite");
  g_assert_null (import (folder, folder, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "holds no crosscoder"));
  g_clear_error (&error);
  write_text (folder, "sae_weights.safetensors", "");
  g_assert_null (import (folder, folder, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "SAELens"));
  g_clear_error (&error);
  g_autofree char *weights = g_build_filename (folder, "sae_weights.safetensors", NULL);
  g_remove (weights);
  write_text (folder, "sae.safetensors", "");
  g_assert_null (import (folder, folder, NULL, NULL, &error));
  g_assert_nonnull (strstr (error->message, "sparsify"));
  remove_tree (folder);
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
  g_autofree char *folder = new_folder (), *path = g_build_filename (folder, "v.gguf", NULL);
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
  remove_tree (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/exchange/hub", test_hub);
  g_test_add_func ("/exchange/round-trip", test_round_trip);
  g_test_add_func ("/exchange/checkpoint", test_checkpoint);
  g_test_add_func ("/exchange/kissane", test_kissane);
  g_test_add_func ("/exchange/numbered", test_numbered);
  g_test_add_func ("/exchange/refused", test_refused);
  g_test_add_func ("/exchange/control-vector", test_control_vector);
  return g_test_run ();
}
