#include "foreign.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "random.h"
#include "torch-file.h"
#include "trainer.h"

void
foreign_remove_tree (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;
  while (dir && (name = g_dir_read_name (dir)))
    {
      g_autofree char *inner = g_build_filename (path, name, NULL);
      foreign_remove_tree (inner);
    }
  g_remove (path);
}

char *
foreign_new_folder (void)
{
  char *folder = g_dir_make_tmp ("crosscope-exchange-XXXXXX", NULL);
  g_assert_nonnull (folder);
  return folder;
}

void
foreign_add (Foreign *f,
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

void
foreign_fill (Foreign *f, uint64_t seed)
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

void
foreign_add_weights (Foreign *f, bool old_bias)
{
  foreign_add (f, "encoder.weight", CS_DTYPE_F32, f->encoder, 3, (size_t[]){ 2, D, F });
  foreign_add (f, "decoder.weight", CS_DTYPE_F32, f->decoder, 3, (size_t[]){ 2, F, D });
  if (old_bias)
    foreign_add (f, "encoder.bias", CS_DTYPE_F32, f->encoder_bias, 2, (size_t[]){ 2, F });
  else
    foreign_add (f, "encoder.bias", CS_DTYPE_F32, f->encoder_bias, 1, (size_t[]){ F });
  foreign_add (f, "decoder.bias", CS_DTYPE_F32, f->decoder_bias, 2, (size_t[]){ 2, D });
}

void
foreign_add_batch_top_k (Foreign *f, bool decoupled)
{
  foreign_add (f, "k", CS_DTYPE_I32, &f->k, 0, NULL);
  foreign_add (f, "threshold", CS_DTYPE_F32, f->threshold, decoupled, (size_t[]){ 2 });
}

void
foreign_add_id (Foreign *f, int id)
{
  f->id = id;
  foreign_add (f, "code_normalization_id", CS_DTYPE_I64, &f->id, 0, NULL);
}

void
foreign_add_normalisation (Foreign *f, bool with_gain)
{
  foreign_add (f, "activation_mean", CS_DTYPE_F32, f->mean, 2, (size_t[]){ 2, D });
  foreign_add (f, "activation_std", CS_DTYPE_F32, f->std, 2, (size_t[]){ 2, D });
  if (with_gain)
    foreign_add (f, "activation_global_scale", CS_DTYPE_F32, f->gain, 1, (size_t[]){ 2 });
  foreign_add (f, "target_rms", CS_DTYPE_F32, &f->rms, 0, NULL);
}

char *
foreign_write (const Foreign *f, const char *folder, const char *name)
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

void
foreign_write_text (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

CsCrosscoder *
foreign_import (const char *path,
                const char *folder,
                const CsImportOptions *options,
                char ***notes,
                GError **error)
{
  g_autofree char *run = g_build_filename (folder, "run", NULL);
  const CsImportOptions plain = CS_IMPORT_DEFAULT;
  foreign_remove_tree (run);
  if (!cs_crosscoder_import (path, run, options ? options : &plain, notes, error))
    return NULL;
  g_assert_true (cs_run_is_imported (run));
  CsTrainConfig config;
  g_assert_true (cs_train_config_load (&config, run, error));
  g_assert_cmpuint (config.n_latents, ==, F);
  return cs_crosscoder_load (run, error);
}
