/* model.safetensors and config.json: dictionary_learning's names and shapes.
 *
 *   encoder.weight [2, d, F]   encoder.bias [F] (very old files [2, F], summed)
 *   decoder.weight [2, F, d]   decoder.bias [2, d]
 *   code_normalization_id [] 1 … 5, absent = CROSSCODER
 *   k [], threshold [] (or [2], DECOUPLED)   BatchTopK (our TopK: k alone, and metadata that says
 * so) activation_mean, activation_std [2, d], activation_global_scale [2], target_rms []   absent
 * or NaN = off normalisation_factors [2]  ours alone: what was folded into the weights
 *
 * Tensors are trusted over config.json, which is only asked for what no tensor says. */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "crosscoder-private.h"
#include "file-error.h"
#include "json.h"
#include "vector.h"

#define MANY_WEIGHTS ((size_t)1 << 24) /* below, threads cost more than they bring */

static bool
format_error (GError **error, const char *path, const char *what)
{
  cs_file_error (
      error, CS_ERROR_FORMAT,
      "“%s” is not a crosscoder that can be used: %s; use another run or write it again.", path,
      what);
  return false;
}

/* A tensor of any floating type as float32 into out; its shape was checked. */
static bool
read_floats (const char *path,
             const CsTensor *tensor,
             float *out,
             bool must_be_finite,
             GError **error)
{
  if (tensor->dtype == CS_DTYPE_F64)
    for (size_t i = 0; i < tensor->n_elements; i++)
      {
        double value;
        memcpy (&value, (const char *)tensor->data + i * sizeof value, sizeof value);
        out[i] = (float)value;
      }
  else if (!cs_widen (tensor->dtype, tensor->data, out, tensor->n_elements))
    {
      g_autofree char *what = g_strdup_printf ("tensor “%s” is %s, not F64, F32, F16 or BF16",
                                               tensor->name, cs_dtype_name (tensor->dtype));
      return format_error (error, path, what);
    }
  if (must_be_finite && !cs_all_finite (out, tensor->n_elements))
    {
      g_autofree char *what =
          g_strdup_printf ("tensor “%s” holds numbers that are not finite", tensor->name);
      return format_error (error, path, what);
    }
  return true;
}

/* A scalar of any of the usual types; false with error where it is there but is no number. */
static bool
read_scalar (const CsTensorFile *file,
             const char *path,
             const char *name,
             double *out,
             bool *found,
             GError **error)
{
  const CsTensor *tensor = cs_tensor_file_find (file, name);
  *found = tensor != NULL;
  if (!tensor)
    return true;
  float value;
  int32_t i32;
  int64_t i64;
  if (tensor->n_elements != 1)
    {
      g_autofree char *what = g_strdup_printf ("tensor “%s” is not a single number", name);
      return format_error (error, path, what);
    }
  if (tensor->dtype == CS_DTYPE_I32)
    {
      memcpy (&i32, tensor->data, sizeof i32);
      *out = i32;
    }
  else if (tensor->dtype == CS_DTYPE_I64)
    {
      memcpy (&i64, tensor->data, sizeof i64);
      *out = (double)i64;
    }
  else
    {
      if (!read_floats (path, tensor, &value, true, error))
        return false;
      *out = value;
    }
  return true;
}

/* encoder.weight's shape says d and F. */
static const CsTensor *
find_shape (const CsTensorFile *file, const char *path, GError **error)
{
  const CsTensor *encoder = cs_tensor_file_find (file, "encoder.weight");
  if (!encoder)
    format_error (error, path, "tensor “encoder.weight” is missing");
  else if (encoder->n_dims != 3 || encoder->shape[0] != 2 || encoder->n_elements == 0)
    {
      format_error (error, path, "tensor “encoder.weight” is not [2, d_model, latents]");
      return NULL;
    }
  return encoder;
}

/* Rows of the two models' halves, read in place where they are float32: nothing of the weights' size
 * is allocated but the crosscoder. */
typedef struct
{
  CsCrosscoder *crosscoder;
  const float *encoder, *decoder;
  atomic_bool bad;
} WeightsTask;

enum
{
  STRIP = 512 /* latents that are transposed at a time */
};

static void
take_rows (size_t begin, size_t end, unsigned worker, void *data)
{
  WeightsTask *task = data;
  CsCrosscoder *crosscoder = task->crosscoder;
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  for (size_t strip = begin; strip < end; strip++)
    {
      const size_t first = strip * STRIP, n = MIN (STRIP, F - first);
      float *encoder = crosscoder->encoder + first * 2 * d;
      float *decoder = crosscoder->decoder + first * 2 * d;
      for (size_t m = 0; m < 2; m++)
        {
          cs_crosscoder_transpose (task->encoder + m * d * F + first, F, encoder + m * d, 2 * d, d, n);
          for (size_t j = 0; j < n; j++)
            memcpy (decoder + j * 2 * d + m * d, task->decoder + (m * F + first + j) * d, d * sizeof (float));
        }
      if (!cs_all_finite (encoder, n * 2 * d) || !cs_all_finite (decoder, n * 2 * d))
        atomic_store_explicit (&task->bad, true, memory_order_relaxed);
    }
}

/* The numbers of a tensor where they are float32 that can be used in place; else a copy, which *copy owns. */
static const float *
floats_of (const char *path, const CsTensor *tensor, float **copy, GError **error)
{
  if (tensor->dtype == CS_DTYPE_F32 && (uintptr_t)tensor->data % sizeof (float) == 0)
    return tensor->data;
  *copy = g_try_new (float, tensor->n_elements);
  if (*copy)
    return read_floats (path, tensor, *copy, false, error) ? *copy : NULL;
  format_error (error, path, "it does not fit in memory");
  return NULL;
}

static bool
read_weights (CsCrosscoder *crosscoder,
              const CsTensorFile *file,
              const char *path,
              const CsTensor *encoder,
              GError **error)
{
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  g_autofree float *encoder_copy = NULL, *decoder_copy = NULL;
  WeightsTask task = { .crosscoder = crosscoder };
  const CsTensor *decoder =
      cs_tensor_file_get (file, "decoder.weight", 3, (size_t[]){ 2, F, d }, error);
  if (!decoder || !(task.encoder = floats_of (path, encoder, &encoder_copy, error)) ||
      !(task.decoder = floats_of (path, decoder, &decoder_copy, error)))
    return false;
  g_autoptr (CsTeam) team = 4 * d * F >= MANY_WEIGHTS ? cs_team_new (0) : NULL;
  cs_team_run (team, (F + STRIP - 1) / STRIP, take_rows, &task);
  if (!atomic_load_explicit (&task.bad, memory_order_relaxed))
    return true;
  const bool in_encoder = !cs_all_finite (crosscoder->encoder, F * 2 * d);
  return format_error (error, path,
                       in_encoder ? "tensor “encoder.weight” holds numbers that are not finite"
                                  : "tensor “decoder.weight” holds numbers that are not finite");
}

static bool
read_biases (CsCrosscoder *crosscoder, const CsTensorFile *file, const char *path, GError **error)
{
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  const CsTensor *decoder = cs_tensor_file_get (file, "decoder.bias", 2, (size_t[]){ 2, d }, error);
  if (!decoder || !read_floats (path, decoder, crosscoder->decoder_bias, true, error))
    return false;
  const CsTensor *encoder = cs_tensor_file_find (file, "encoder.bias");
  if (encoder && encoder->n_dims == 2 && encoder->shape[0] == 2 && encoder->shape[1] == F)
    {
      g_autofree float *both = g_new (float, 2 * F);
      if (!read_floats (path, encoder, both, true, error))
        return false;
      for (size_t j = 0; j < F; j++)
        crosscoder->encoder_bias[j] = both[j] + both[F + j];
      return true;
    }
  encoder = cs_tensor_file_get (file, "encoder.bias", 1, &F, error);
  return encoder && read_floats (path, encoder, crosscoder->encoder_bias, true, error);
}

/* θ of each model where the code is decoupled ([2]), else one number. */
static bool
read_threshold (CsCrosscoder *crosscoder,
                const CsTensorFile *file,
                const char *path,
                bool *found,
                GError **error)
{
  const CsTensor *tensor = cs_tensor_file_find (file, "threshold");
  double threshold = -1;
  *found = tensor != NULL;
  if (tensor && tensor->n_dims == 1 && tensor->shape[0] == 2)
    {
      if (!read_floats (path, tensor, crosscoder->model_threshold, true, error))
        return false;
      crosscoder->threshold = MIN (crosscoder->model_threshold[0], crosscoder->model_threshold[1]);
      return true;
    }
  if (!read_scalar (file, path, "threshold", &threshold, found, error))
    return false;
  crosscoder->threshold = (float)threshold;
  crosscoder->model_threshold[0] = crosscoder->model_threshold[1] = (float)threshold;
  return true;
}

/* The variant: our own metadata, else what the tensors tell: only a BatchTopK crosscoder has k. */
static bool
read_rules (CsCrosscoder *crosscoder, const CsTensorFile *file, const char *path, GError **error)
{
  double k = 0, id = CS_CODE_NORM_CROSSCODER;
  bool has_k, has_threshold, found;
  if (!read_scalar (file, path, "k", &k, &has_k, error) ||
      !read_threshold (crosscoder, file, path, &has_threshold, error) ||
      !read_scalar (file, path, "code_normalization_id", &id, &found, error))
    return false;
  const char *name = cs_tensor_file_metadata (file, "variant");
  if (!name || !cs_variant_parse (name, &crosscoder->variant))
    crosscoder->variant = has_k || has_threshold ? CS_VARIANT_BATCHTOPK : CS_VARIANT_L1;
  if (!has_k && crosscoder->variant == CS_VARIANT_BATCHTOPK)
    k = (double)MIN (crosscoder->n_latents, 100); /* the library's own default */
  if (crosscoder->variant != CS_VARIANT_L1 &&
      !(k >= 1 && k <= (double)crosscoder->n_latents && k == floor (k)))
    return format_error (error, path, "its “k” is not a number of latents");
  if (!(id >= 1 && id <= 5 && id == floor (id)))
    return format_error (error, path, "its “code_normalization_id” is not one of 1 to 5");
  crosscoder->k = crosscoder->variant == CS_VARIANT_L1 ? 0 : (size_t)k;
  crosscoder->code_norm = (CsCodeNorm)id;
  return true;
}

/* What the activations were multiplied by where that was folded into the weights: decoder norms
 * before folding. */
static bool
read_folded (CsCrosscoder *crosscoder, const CsTensorFile *file, const char *path, GError **error)
{
  if (!cs_tensor_file_find (file, CS_FOLDED_TENSOR))
    return true;
  const CsTensor *tensor = cs_tensor_file_get (file, CS_FOLDED_TENSOR, 1, (size_t[]){ 2 }, error);
  if (!tensor || !read_floats (path, tensor, crosscoder->folded, true, error))
    return false;
  if (crosscoder->folded[0] > 0 && crosscoder->folded[1] > 0)
    return true;
  return format_error (error, path, "its folded normalisation factors are not positive");
}

static bool
has_nan (const float *x, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (isnan (x[i]))
      return true;
  return false;
}

static bool
set_gain_from_std (CsCrosscoder *crosscoder,
                   const float *mean,
                   const float *std,
                   double target_rms,
                   GError **error)
{
  const size_t width = 2 * crosscoder->d_model;
  g_autofree double *wide = g_new (double, 2 * width);
  for (size_t i = 0; i < width; i++)
    {
      wide[i] = mean[i];
      wide[width + i] = std[i];
    }
  return cs_crosscoder_set_moments (crosscoder, wide, wide + width, target_rms, error);
}

/* Any NaN turns normalisation off, as in dictionary_learning. */
static bool
read_normalisation (CsCrosscoder *crosscoder,
                    const CsTensorFile *file,
                    const char *path,
                    GError **error)
{
  const size_t shape[2] = { 2, crosscoder->d_model };
  const size_t width = 2 * crosscoder->d_model;
  if (!cs_tensor_file_find (file, "activation_mean") ||
      !cs_tensor_file_find (file, "activation_std"))
    return true;
  const CsTensor *mean = cs_tensor_file_get (file, "activation_mean", 2, shape, error);
  const CsTensor *std = mean ? cs_tensor_file_get (file, "activation_std", 2, shape, error) : NULL;
  const CsTensor *gain = cs_tensor_file_find (file, "activation_global_scale");
  g_autofree float *mean32 = g_new (float, width), *std32 = g_new (float, width);
  double target_rms = 1;
  bool found;
  if (!std || !read_floats (path, mean, mean32, false, error) ||
      !read_floats (path, std, std32, false, error) ||
      !read_scalar (file, path, "target_rms", &target_rms, &found, error))
    return false;
  if (has_nan (mean32, width) || has_nan (std32, width))
    return true;
  if (!cs_all_finite (mean32, width) || !cs_all_finite (std32, width))
    return format_error (error, path, "its activation normalisation is not finite");
  if (!gain)
    return set_gain_from_std (crosscoder, mean32, std32, target_rms, error);
  gain = cs_tensor_file_get (file, "activation_global_scale", 1, (size_t[]){ 2 }, error);
  if (!gain || !read_floats (path, gain, crosscoder->gain, true, error))
    return false;
  if (crosscoder->gain[0] <= 0 || crosscoder->gain[1] <= 0)
    return format_error (error, path, "its activation normalisation is not positive");
  crosscoder->mean = g_steal_pointer (&mean32);
  crosscoder->std = g_steal_pointer (&std32);
  crosscoder->target_rms = (float)target_rms;
  crosscoder->normalised = true;
  return true;
}

/* What no tensor says: the weights of MIXED, and, in old files, the code normalisation. */
static bool
read_config (CsCrosscoder *crosscoder, const CsTensorFile *file, const char *path, GError **error)
{
  static const char *const names[] = { "CROSSCODER", "SAE", "MIXED", "NONE", "DECOUPLED" };
  if (!path || !g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  g_autoptr (json_t) config = cs_json_load (path, 1 << 20, error);
  const char *name = NULL;
  double sae, both;
  size_t k;
  if (!config || !cs_json_get_string (config, path, "code_normalization", names[0], &name, error) ||
      !cs_json_get_double (config, path, "code_normalization_alpha_sae", 1, &sae, error) ||
      !cs_json_get_double (config, path, "code_normalization_alpha_cc", 0.1, &both, error))
    return false;
  if (!(sae >= 0 && sae <= 1e6 && both >= 0 && both <= 1e6))
    return format_error (error, path, "the weights of its MIXED code normalisation make no sense");
  crosscoder->mixed[0] = (float)sae;
  crosscoder->mixed[1] = (float)both;
  if (!cs_tensor_file_find (file, "k") && crosscoder->variant == CS_VARIANT_BATCHTOPK)
    {
      if (!cs_json_get_size (config, path, "k", 1, crosscoder->n_latents, crosscoder->k, &k, error))
        return false;
      crosscoder->k = k;
    }
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (!cs_tensor_file_find (file, "code_normalization_id") &&
        g_ascii_strcasecmp (name, names[i]) == 0)
      crosscoder->code_norm = (CsCodeNorm)(i + 1);
  return true;
}

static CsCrosscoder *
read_crosscoder (const CsTensorFile *file, const char *config_path, bool weights, GError **error)
{
  const char *path = cs_tensor_file_path (file);
  const CsTensor *encoder = find_shape (file, path, error);
  if (!encoder)
    return NULL;
  g_autoptr (CsCrosscoder) crosscoder =
      cs_crosscoder_new (encoder->shape[1], encoder->shape[2], CS_VARIANT_L1, error);
  if (!crosscoder || !read_rules (crosscoder, file, path, error) ||
      (weights && !read_weights (crosscoder, file, path, encoder, error)) ||
      !read_biases (crosscoder, file, path, error) ||
      !read_normalisation (crosscoder, file, path, error) ||
      !read_folded (crosscoder, file, path, error) ||
      !read_config (crosscoder, file, config_path, error))
    return NULL;
  return g_steal_pointer (&crosscoder);
}

CsCrosscoder *
cs_crosscoder_read (const CsTensorFile *file, const char *config_path, GError **error)
{
  return read_crosscoder (file, config_path, true, error);
}

CsCrosscoder *
cs_crosscoder_read_head (const CsTensorFile *file, const char *config_path, GError **error)
{
  return read_crosscoder (file, config_path, false, error);
}

CsCrosscoder *
cs_crosscoder_load (const char *run_folder, GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (CsTensorFile) file = cs_tensor_file_open (path, error);
  return file ? cs_crosscoder_read (file, config, error) : NULL;
}
