#include <math.h>
#include <stdarg.h>
#include <string.h>

#include <glib/gstdio.h>

#include "checkpoint.h"
#include "file-error.h"
#include "import-private.h"
#include "vector.h"

void
cs_import_note (CsImport *import, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_ptr_array_add (import->notes, g_strdup_vprintf (format, arguments));
  va_end (arguments);
}

static void
import_clear (CsImport *import)
{
  cs_tensor_file_free (import->file);
  g_free (import->config_path);
  json_decref (import->config);
  cs_crosscoder_free (import->crosscoder);
  g_ptr_array_unref (import->notes);
  cs_weight_summary_clear (&import->summary);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsImport, import_clear)

/* --- The weights --- */

static bool
read_matrix (const CsTensorFile *file,
             const char *name,
             size_t n_dims,
             const size_t *shape,
             float *out,
             GError **error)
{
  const CsTensor *tensor = cs_tensor_file_get (file, name, n_dims, shape, error);
  if (!tensor)
    return false;
  if (cs_widen (tensor->dtype, tensor->data, out, tensor->n_elements) &&
      cs_all_finite (out, tensor->n_elements))
    return true;
  cs_file_error (
      error, CS_ERROR_FORMAT,
      "“%s”: the tensor “%s” is %s or holds numbers that are not finite: get the file again.",
      cs_tensor_file_path (file), name, cs_dtype_name (tensor->dtype));
  return false;
}

CsCrosscoder *
cs_import_kissane (const CsTensorFile *file, GError **error)
{
  const CsTensor *encoder = cs_tensor_file_find (file, "W_enc");
  const size_t d = encoder->shape[1], F = encoder->shape[2];
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_new (d, F, CS_VARIANT_L1, error);
  g_autofree float *rows = crosscoder ? g_try_new (float, 2 * d * F) : NULL;
  if (crosscoder && !rows)
    cs_file_error (error, CS_ERROR_IO, "“%s” does not fit in memory: close other programs.",
                   cs_tensor_file_path (file));
  if (!rows || !read_matrix (file, "W_enc", 3, (size_t[]){ 2, d, F }, rows, error) ||
      !read_matrix (file, "W_dec", 3, (size_t[]){ F, 2, d }, crosscoder->decoder, error) ||
      !read_matrix (file, "b_enc", 1, (size_t[]){ F }, crosscoder->encoder_bias, error) ||
      !read_matrix (file, "b_dec", 2, (size_t[]){ 2, d }, crosscoder->decoder_bias, error))
    return NULL;
  for (size_t m = 0; m < 2; m++)
    cs_crosscoder_transpose (rows + m * d * F, F, crosscoder->encoder + m * d, 2 * d, d, F);
  return g_steal_pointer (&crosscoder);
}

void
cs_crosscoder_fold (CsCrosscoder *crosscoder, const double c[2])
{
  const size_t d = crosscoder->d_model, width = 2 * d;
  for (size_t j = 0; j < crosscoder->n_latents; j++)
    for (size_t i = 0; i < width; i++)
      {
        crosscoder->encoder[j * width + i] *= (float)c[i / d];
        crosscoder->decoder[j * width + i] /= (float)c[i / d];
      }
  for (size_t i = 0; i < width; i++)
    crosscoder->decoder_bias[i] /= (float)c[i / d];
  for (unsigned m = 0; m < 2; m++)
    crosscoder->folded[m] = (float)((double)crosscoder->folded[m] * c[m]);
}

static bool
fold (CsImport *import, const CsImportOptions *options, GError **error)
{
  const double *c = options->scale;
  if (c[0] == 0 && c[1] == 0)
    {
      if (strcmp (import->format, "kissane") == 0)
        cs_import_note (
            import,
            "This crosscoder was trained on activations scaled to a mean norm of √d_model, and "
            "its files do not say by how much: give the factors of base and chat (√d_model "
            "/ mean norm), or its codes of raw activations are wrong.");
      return true;
    }
  if (!(c[0] > 1e-12 && c[0] < 1e12 && c[1] > 1e-12 && c[1] < 1e12) ||
      import->crosscoder->normalised)
    {
      cs_file_error (
          error, CS_ERROR_USAGE,
          import->crosscoder->normalised
              ? "“%s” carries its own activation normalisation: import it without factors."
              : "The normalisation factors for “%s” have to be positive numbers, one for "
                "each model.",
          cs_tensor_file_path (import->file));
      return false;
    }
  cs_crosscoder_fold (import->crosscoder, c);
  cs_import_note (
      import,
      "The normalisation factors %g (base) and %g (chat) are folded into the weights: decoder "
      "norms of the file are %g and %g times those shown.%s",
      c[0], c[1], c[0], c[1],
      c[0] == c[1]
          ? ""
          : " Because they differ, Δ_norm of the folded weights would be another; Δ_norm and "
            "the classes shown are those from before folding.");
  return true;
}

/* --- The settings --- */

/* A number of the first of these objects that has the key. */
static bool
find_number (const CsImport *import, const char *key, double *out)
{
  json_t *const objects[] = { import->trainer, import->config };
  for (size_t i = 0; i < G_N_ELEMENTS (objects); i++)
    {
      json_t *value = json_object_get (objects[i], key);
      if (json_is_number (value) && isfinite (json_number_value (value)))
        {
          *out = json_number_value (value);
          return true;
        }
    }
  return false;
}

static void
take_size (const CsImport *import, const char *key, size_t min, size_t *out)
{
  double value;
  if (find_number (import, key, &value) && value >= (double)min && value < 1e12)
    *out = (size_t)value;
}

static void
take_real (const CsImport *import, const char *key, double min, double max, double *out)
{
  double value;
  if (find_number (import, key, &value) && value >= min && value <= max)
    *out = value;
}

/* "blocks.14.hook_resid_pre" is what enters block 14: after block 13. */
static void
take_hook (CsImport *import)
{
  const char *hook = json_string_value (json_object_get (import->config, "hook_point"));
  char *end = NULL;
  if (!hook || !g_str_has_prefix (hook, "blocks."))
    return;
  const gint64 block = g_ascii_strtoll (hook + strlen ("blocks."), &end, 10);
  if (block > 0 && block < 100000 && g_strcmp0 (end, ".hook_resid_pre") == 0)
    import->layer = (long)block - 1;
  else if (block >= 0 && block < 100000 && g_strcmp0 (end, ".hook_resid_post") == 0)
    import->layer = (long)block;
}

static void
take_kissane_settings (CsImport *import)
{
  CsTrainConfig *s = &import->settings;
  double tokens;
  take_real (import, "l1_coeff", 0, 1e6, &s->mu);
  take_real (import, "dec_init_norm", 1e-12, 1e6, &s->init_norm);
  s->squared_error = true;
  s->clip_norm = 1;
  if (find_number (import, "num_tokens", &tokens) && tokens >= (double)s->batch && tokens < 1e15)
    s->steps = MIN ((size_t)(tokens / (double)s->batch), (size_t)1 << 32);
  take_hook (import);
}

static void
take_settings (CsImport *import, const CsImportOptions *options)
{
  const CsCrosscoder *crosscoder = import->crosscoder;
  CsTrainConfig *s = &import->settings;
  size_t layer = SIZE_MAX;
  double seed;
  cs_train_config_init (s, crosscoder->variant, crosscoder->d_model);
  s->n_latents = crosscoder->n_latents;
  s->k = MAX (crosscoder->k, 1);
  s->code_norm = crosscoder->code_norm;
  s->normalise = crosscoder->normalised;
  s->target_rms = crosscoder->target_rms > 0 ? (double)crosscoder->target_rms : 1;
  take_size (import, "steps", 1, &s->steps);
  take_size (import, "warmup_steps", 0, &s->warmup_steps);
  take_size (import, "batch_size", 2, &s->batch);
  s->batch = MIN (s->batch, (size_t)1 << 24);
  s->steps = MIN (s->steps, (size_t)1 << 32);
  take_real (import, "lr", 0, 1e3, &s->lr);
  take_real (import, "l1_penalty", 0, 1e6, &s->mu);
  take_real (import, "norm_init_scale", 1e-12, 1e6, &s->init_norm);
  if (find_number (import, "seed", &seed) && seed >= 0 && seed < 1e15)
    s->seed = (uint64_t)seed;
  take_size (import, "layer", 0, &layer);
  import->layer = layer < 100000 ? (long)layer : -1;
  if (strcmp (import->format, "kissane") == 0)
    take_kissane_settings (import);
  if (options->layer >= 0)
    import->layer = options->layer;
  if (import->layer < 0)
    cs_import_note (import, "Its files do not say which layer it reads: name it where it is used.");
}

/* --- The run --- */

static json_t *
valid_string (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  return json_string (valid);
}

static json_t *
describe (const CsImport *import, const char *path)
{
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  json_t *imported = json_object (), *notes = json_array ();
  for (guint i = 0; i < import->notes->len; i++)
    json_array_append_new (notes, valid_string (import->notes->pdata[i]));
  json_object_set_new (imported, "format", json_string (import->format));
  json_object_set_new (imported, "from", valid_string (absolute));
  json_object_set_new (imported, "notes", notes);
  return imported;
}

/* Our settings, with what the importer knows besides. */
static bool
write_config (const CsImport *import, const char *path, const char *run_folder, GError **error)
{
  static const char *const kept[] = { "lm_name", "model_name", "hook_point", "site" };
  g_autofree char *config_path = g_build_filename (run_folder, "config.json", NULL);
  if (!cs_train_config_save (&import->settings, run_folder, import->crosscoder->d_model, NULL,
                             error))
    return false;
  g_autoptr (json_t) config = cs_json_load (config_path, 1 << 20, error);
  if (!config)
    return false;
  json_object_set_new (config, "code_normalization_alpha_sae",
                       json_real ((double)import->crosscoder->mixed[0]));
  json_object_set_new (config, "code_normalization_alpha_cc",
                       json_real ((double)import->crosscoder->mixed[1]));
  if (import->layer >= 0)
    json_object_set_new (config, "layer", json_integer (import->layer));
  for (size_t i = 0; i < G_N_ELEMENTS (kept); i++)
    {
      json_t *value = json_object_get (import->trainer, kept[i]);
      value = value ? value : json_object_get (import->config, kept[i]);
      if (json_is_string (value))
        json_object_set (config, kept[i], value);
    }
  json_object_set_new (config, "imported", describe (import, path));
  return cs_json_save (config, config_path, error);
}

static bool
check_free (const char *run_folder, GError **error)
{
  static const char *const names[] = { "model.safetensors", "state.safetensors", "config.json" };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (run_folder, names[i], NULL);
      if (g_file_test (path, G_FILE_TEST_EXISTS))
        {
          cs_file_error (error, CS_ERROR_USAGE, "“%s” holds a run already: choose another folder.",
                         run_folder);
          return false;
        }
    }
  if (g_mkdir_with_parents (run_folder, 0777) == 0)
    return true;
  cs_file_error (error, CS_ERROR_IO, "The folder “%s” cannot be made: choose another.", run_folder);
  return false;
}

bool
cs_import_write_model (const CsCrosscoder *crosscoder, const char *path, GError **error)
{
  const char *metadata[] = { "format",   "pt",
                             "variant",  cs_variant_name (crosscoder->variant),
                             "imported", "true",
                             NULL };
  return cs_crosscoder_write (crosscoder, path, metadata, error);
}

/* A half-written run is none: config.json, which makes it one of the study's, comes last. */
static bool
write_run (
    const CsImport *import, const char *path, const char *run_folder, bool keep, GError **error)
{
  g_autofree char *model = g_build_filename (run_folder, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (run_folder, "config.json", NULL);
  const char *original = cs_tensor_file_path (import->file);
  if (!(keep ? cs_import_share_file (original, model, error)
             : cs_import_write_model (import->crosscoder, model, error)))
    return false;
  if (write_config (import, path, run_folder, error) &&
      (!keep || cs_import_complete (import, run_folder, error)))
    return true;
  g_unlink (config);
  g_unlink (model);
  return false;
}

bool
cs_crosscoder_import (const char *path,
                      const char *run_folder,
                      const CsImportOptions *options,
                      char ***notes,
                      GError **error)
{
  g_auto (CsWeightSummary) summary = { 0 };
  g_autoptr (CsCrosscoder) head = NULL;
  return cs_crosscoder_import_summary (path, run_folder, options, notes, &summary, &head, error);
}

bool
cs_crosscoder_import_summary (const char *path,
                              const char *run_folder,
                              const CsImportOptions *options,
                              char ***notes,
                              CsWeightSummary *summary,
                              CsCrosscoder **head,
                              GError **error)
{
  g_auto (CsImport) import = { .notes = g_ptr_array_new_with_free_func (g_free), .layer = -1 };
  if (!check_free (run_folder, error) || !cs_import_locate (&import, path, error) ||
      !cs_import_recognise (&import, error))
    return false;
  const bool keep = cs_import_may_keep (&import, options);
  import.crosscoder = strcmp (import.format, "kissane") == 0
                          ? cs_import_kissane (import.file, error)
                      : keep ? cs_import_look (&import, error)
                             : cs_crosscoder_read (import.file, import.config_path, error);
  if (!import.crosscoder)
    return false;
  if (import.crosscoder->variant == CS_VARIANT_BATCHTOPK && import.crosscoder->threshold < 0)
    cs_import_note (&import,
                    "Its threshold was never set: calibrate it on harvested activations before it is used "
                    "(Calibrate Its Threshold in the run's menu, or crosscope-cli validate RUN "
                    "--activations F.h5 --calibrate).");
  if (!fold (&import, options, error))
    return false;
  take_settings (&import, options);
  if (!write_run (&import, path, run_folder, keep, error))
    return false;
  g_ptr_array_add (import.notes, NULL);
  if (notes)
    *notes = g_strdupv ((char **)import.notes->pdata);
  if (keep)
    {
      *summary = import.summary;
      import.summary = (CsWeightSummary){ 0 };
      *head = g_steal_pointer (&import.crosscoder);
    }
  return true;
}

bool
cs_crosscoder_recognise (const char *path, GError **error)
{
  g_auto (CsImport) import = { .notes = g_ptr_array_new_with_free_func (g_free), .layer = -1 };
  return cs_import_locate (&import, path, error) && cs_import_recognise (&import, error);
}

bool
cs_run_is_imported (const char *run_folder)
{
  g_autofree char *path = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (json_t) config = cs_json_load (path, 1 << 20, NULL);
  return json_is_object (json_object_get (config, "imported")) &&
         !cs_checkpoint_exists (run_folder);
}

bool
cs_run_needs_threshold (const char *run_folder)
{
  g_autofree char *model = g_build_filename (run_folder, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (CsTensorFile) file = cs_tensor_file_open (model, NULL);
  g_autoptr (CsCrosscoder) head = file ? cs_crosscoder_read_head (file, config, NULL) : NULL;
  return head && head->variant == CS_VARIANT_BATCHTOPK && head->threshold < 0;
}
