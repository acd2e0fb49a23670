#include "bench-import.h"

#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "file-replace.h"
#include "latents-exchange.h"
#include "random.h"

enum
{
  BLOCK = 1 << 20 /* numbers written at a time */
};

static double
seconds_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / G_USEC_PER_SEC;
}

/* --- The file --- */

typedef struct
{
  CsFileReplace *file;
  CsRandom random;
  float *block;
} Maker;

/* Numbers of about the size that weights have; a block of them again and again, each time another
 * part of it first. */
static bool
put_numbers (Maker *maker, CsJob *job, size_t n, GError **error)
{
  for (size_t left = n; left > 0;)
    {
      const size_t first = cs_random_below (&maker->random, BLOCK / 2);
      const size_t here = MIN (left, BLOCK - first);
      if (!cs_file_replace_write (maker->file, maker->block + first, here * sizeof (float),
                                  error) ||
          (job && !cs_job_checkpoint (job, error)))
        return false;
      left -= here;
    }
  return true;
}

static char *
header (size_t d, size_t F)
{
  const size_t weights = 2 * d * F * sizeof (float), encoder_bias = F * sizeof (float),
               decoder_bias = 2 * d * sizeof (float);
  size_t at[8] = { 0, 8, 12 };
  at[3] = at[2] + 4;
  at[4] = at[3] + weights;
  at[5] = at[4] + encoder_bias;
  at[6] = at[5] + weights;
  at[7] = at[6] + decoder_bias;
  return g_strdup_printf (
      "{\"__metadata__\":{\"format\":\"pt\"},"
      "\"code_normalization_id\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[%zu,%zu]},"
      "\"k\":{\"dtype\":\"I32\",\"shape\":[],\"data_offsets\":[%zu,%zu]},"
      "\"threshold\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[%zu,%zu]},"
      "\"encoder.weight\":{\"dtype\":\"F32\",\"shape\":[2,%zu,%zu],\"data_offsets\":[%zu,%zu]},"
      "\"encoder.bias\":{\"dtype\":\"F32\",\"shape\":[%zu],\"data_offsets\":[%zu,%zu]},"
      "\"decoder.weight\":{\"dtype\":\"F32\",\"shape\":[2,%zu,%zu],\"data_offsets\":[%zu,%zu]},"
      "\"decoder.bias\":{\"dtype\":\"F32\",\"shape\":[2,%zu],\"data_offsets\":[%zu,%zu]}}",
      at[0], at[1], at[1], at[2], at[2], at[3], d, F, at[3], at[4], F, at[4], at[5], F, d, at[5],
      at[6], d, at[6], at[7]);
}

static bool
put_header (Maker *maker, size_t d, size_t F, GError **error)
{
  const int64_t code_norm = 1;
  const int32_t k = (int32_t)MIN (F, 100);
  const float threshold = 2;
  g_autofree char *text = header (d, F);
  const size_t n = strlen (text), padding = (8 - n % 8) % 8;
  const uint64_t length = n + padding;
  return cs_file_replace_write (maker->file, &length, sizeof length, error) &&
         cs_file_replace_write (maker->file, text, n, error) &&
         cs_file_replace_write (maker->file, "        ", padding, error) &&
         cs_file_replace_write (maker->file, &code_norm, sizeof code_norm, error) &&
         cs_file_replace_write (maker->file, &k, sizeof k, error) &&
         cs_file_replace_write (maker->file, &threshold, sizeof threshold, error);
}

static bool
make_file (CsJob *job, const CsBenchImportOptions *o, const char *path, GError **error)
{
  const size_t d = o->d_model, F = o->n_latents;
  g_autoptr (CsFileReplace) file = cs_file_replace_new (path, error);
  g_autofree float *block = g_new (float, BLOCK);
  Maker maker = { .file = file, .block = block };
  cs_random_init (&maker.random, 1, 0);
  for (size_t i = 0; i < BLOCK; i++)
    block[i] = (float)cs_random_normal (&maker.random) * 0.02f;
  return file && put_header (&maker, d, F, error) && put_numbers (&maker, job, 2 * d * F, error) &&
         put_numbers (&maker, job, F, error) && put_numbers (&maker, job, 2 * d * F, error) &&
         put_numbers (&maker, job, 2 * d, error) && cs_file_replace_commit (file, error);
}

static bool
make_hub (CsJob *job, const CsBenchImportOptions *o, const char *folder, GError **error)
{
  static const char settings[] =
      "{\"trainer\": {\"layer\": 13, \"lr\": 0.0001, \"lm_name\": \"gemma-2-2b-it-gemma-2-2b\"}}";
  g_autofree char *model = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (folder, "config.json", NULL);
  g_autofree char *trainer = g_build_filename (folder, "trainer_config.json", NULL);
  g_autofree char *text =
      g_strdup_printf ("{\"activation_dim\": %zu, \"dict_size\": %zu, \"num_layers\": 2, "
                       "\"code_normalization\": \"CROSSCODER\"}",
                       o->d_model, o->n_latents);
  return make_file (job, o, model, error) &&
         cs_file_replace_contents (config, text, strlen (text), error) &&
         cs_file_replace_contents (trainer, settings, strlen (settings), error);
}

/* --- The clock --- */

static bool
time_import (const char *hub, const char *run, CsBenchImport *result, GError **error)
{
  const CsImportOptions options = CS_IMPORT_DEFAULT;
  g_autofree char *from = g_build_filename (hub, "model.safetensors", NULL);
  g_autofree char *to = g_build_filename (run, "model.safetensors", NULL);
  GStatBuf original = { 0 }, model = { 0 };
  gint64 start = g_get_monotonic_time ();
  if (!cs_import_run (NULL, hub, run, &options, NULL, NULL, NULL, error))
    return false;
  result->import_seconds = seconds_since (start);
  start = g_get_monotonic_time ();
  g_autoptr (CsLatents) latents = cs_latents_load (run, error);
  if (!latents)
    return false;
  result->table_seconds = seconds_since (start);
  start = g_get_monotonic_time ();
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (run, error);
  if (!crosscoder)
    return false;
  result->weights_seconds = seconds_since (start);
  if (g_stat (from, &original) == 0 && g_stat (to, &model) == 0)
    {
      result->bytes = (uint64_t)original.st_size;
      result->shared = original.st_ino == model.st_ino;
    }
  return true;
}

static void
remove_files (const char *folder)
{
  static const char *const names[] = { "model.safetensors", "config.json", "trainer_config.json",
                                       "latents.h5" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_unlink (path);
    }
  g_rmdir (folder);
}

bool
cs_bench_import (CsJob *job,
                 const CsBenchImportOptions *options,
                 CsBenchImport *result,
                 GError **error)
{
  g_autoptr (GError) no_folder = NULL;
  g_autofree char *temporary =
      options->keep ? NULL : g_dir_make_tmp ("crosscope-bench-XXXXXX", &no_folder);
  const char *hub = options->keep ? options->keep : temporary;
  *result = (CsBenchImport){ 0 };
  if (!hub || g_mkdir_with_parents (hub, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder “%s” cannot be made: choose another.",
                   hub ? hub : g_get_tmp_dir ());
      return false;
    }
  g_autofree char *run = g_build_filename (hub, "run", NULL);
  const gint64 start = g_get_monotonic_time ();
  bool ok = make_hub (job, options, hub, error);
  result->make_seconds = seconds_since (start);
  ok = ok && time_import (hub, run, result, error);
  remove_files (run);
  if (!options->keep)
    remove_files (hub);
  return ok;
}
