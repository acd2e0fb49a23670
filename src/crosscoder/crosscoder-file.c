/* model.safetensors and config.json: dictionary_learning's names and shapes.
 *
 *   encoder.weight [2, d, F]   encoder.bias [F] (very old files [2, F], summed)   decoder.weight
 * [2, F, d] decoder.bias [2, d]        code_normalization_id [] 1 … 5, absent = CROSSCODER k [],
 * threshold []         BatchTopK (TopK: k alone) activation_mean, activation_std [2, d],
 * activation_global_scale [2], target_rms []   absent or NaN = off
 *
 * Tensors are trusted over config.json, which is only asked for what no tensor says. */
#include <math.h>
#include <string.h>

#include "crosscoder-private.h"
#include "errors.h"
#include "json.h"
#include "vector.h"

#define TILE 32 /* side of the squares in which the encoder is transposed */

static bool
format_error (GError **error, const char *path, const char *what)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "“%s” is not a crosscoder that can be used: %s. Use another run or write it again.",
               path, what);
  return false;
}

/* dst [n, m] = src [m, n] transposed, with row strides. */
static void
transpose (const float *src, size_t src_stride, float *dst, size_t dst_stride, size_t m, size_t n)
{
  for (size_t i0 = 0; i0 < m; i0 += TILE)
    for (size_t j0 = 0; j0 < n; j0 += TILE)
      for (size_t i = i0; i < MIN (i0 + TILE, m); i++)
        for (size_t j = j0; j < MIN (j0 + TILE, n); j++)
          dst[j * dst_stride + i] = src[i * src_stride + j];
}

/* A tensor of float32, float16 or bfloat16 widened into out; its shape was checked. */
static bool
read_floats (const char *path,
             const CsTensor *tensor,
             float *out,
             bool must_be_finite,
             GError **error)
{
  if (!cs_widen (tensor->dtype, tensor->data, out, tensor->n_elements))
    {
      g_autofree char *what = g_strdup_printf ("tensor “%s” is %s, not F32, F16 or BF16",
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
read_scalar (const CsSafetensors *file,
             const char *path,
             const char *name,
             double *out,
             bool *found,
             GError **error)
{
  const CsTensor *tensor = cs_safetensors_find (file, name);
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
find_shape (const CsSafetensors *file, const char *path, GError **error)
{
  const CsTensor *encoder = cs_safetensors_find (file, "encoder.weight");
  if (!encoder)
    format_error (error, path, "tensor “encoder.weight” is missing");
  else if (encoder->n_dims != 3 || encoder->shape[0] != 2 || encoder->n_elements == 0)
    {
      format_error (error, path, "tensor “encoder.weight” is not [2, d_model, latents]");
      return NULL;
    }
  return encoder;
}

static bool
read_weights (CsCrosscoder *crosscoder,
              const CsSafetensors *file,
              const char *path,
              const CsTensor *encoder,
              GError **error)
{
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  const CsTensor *decoder =
      cs_safetensors_get (file, "decoder.weight", 3, (size_t[]){ 2, F, d }, error);
  if (!decoder)
    return false;
  g_autofree float *rows = g_try_new (float, 2 * d * F);
  if (!rows)
    return format_error (error, path, "it does not fit in memory");
  if (!read_floats (path, encoder, rows, true, error))
    return false;
  for (size_t m = 0; m < 2; m++)
    transpose (rows + m * d * F, F, crosscoder->encoder + m * d, 2 * d, d, F);
  if (!read_floats (path, decoder, rows, true, error))
    return false;
  for (size_t m = 0; m < 2; m++)
    for (size_t j = 0; j < F; j++)
      memcpy (crosscoder->decoder + j * 2 * d + m * d, rows + (m * F + j) * d, d * sizeof (float));
  return true;
}

static bool
read_biases (CsCrosscoder *crosscoder, const CsSafetensors *file, const char *path, GError **error)
{
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  const CsTensor *decoder = cs_safetensors_get (file, "decoder.bias", 2, (size_t[]){ 2, d }, error);
  if (!decoder || !read_floats (path, decoder, crosscoder->decoder_bias, true, error))
    return false;
  const CsTensor *encoder = cs_safetensors_find (file, "encoder.bias");
  if (encoder && encoder->n_dims == 2 && encoder->shape[0] == 2 && encoder->shape[1] == F)
    {
      g_autofree float *both = g_new (float, 2 * F);
      if (!read_floats (path, encoder, both, true, error))
        return false;
      for (size_t j = 0; j < F; j++)
        crosscoder->encoder_bias[j] = both[j] + both[F + j];
      return true;
    }
  encoder = cs_safetensors_get (file, "encoder.bias", 1, &F, error);
  return encoder && read_floats (path, encoder, crosscoder->encoder_bias, true, error);
}

/* The variant: our own metadata, else what the tensors tell. */
static bool
read_rules (CsCrosscoder *crosscoder, const CsSafetensors *file, const char *path, GError **error)
{
  double k = 0, threshold = -1, id = CS_CODE_NORM_CROSSCODER;
  bool has_k, has_threshold, found;
  if (!read_scalar (file, path, "k", &k, &has_k, error) ||
      !read_scalar (file, path, "threshold", &threshold, &has_threshold, error) ||
      !read_scalar (file, path, "code_normalization_id", &id, &found, error))
    return false;
  const char *name = cs_safetensors_metadata (file, "variant");
  if (!name || !cs_variant_parse (name, &crosscoder->variant))
    crosscoder->variant = has_threshold ? CS_VARIANT_BATCHTOPK
                          : has_k       ? CS_VARIANT_TOPK
                                        : CS_VARIANT_L1;
  if (crosscoder->variant != CS_VARIANT_L1 &&
      !(k >= 1 && k <= (double)crosscoder->n_latents && k == floor (k)))
    return format_error (error, path, "its “k” is not a number of latents");
  if (!(id >= 1 && id <= 5 && id == floor (id)))
    return format_error (error, path, "its “code_normalization_id” is not one of 1 to 5");
  crosscoder->k = crosscoder->variant == CS_VARIANT_L1 ? 0 : (size_t)k;
  crosscoder->threshold = (float)threshold;
  crosscoder->code_norm = (CsCodeNorm)id;
  return true;
}

static bool
read_normalisation (CsCrosscoder *crosscoder,
                    const CsSafetensors *file,
                    const char *path,
                    GError **error)
{
  const size_t shape[2] = { 2, crosscoder->d_model };
  const size_t width = 2 * crosscoder->d_model;
  if (!cs_safetensors_find (file, "activation_mean"))
    return true;
  const CsTensor *mean = cs_safetensors_get (file, "activation_mean", 2, shape, error);
  const CsTensor *std = mean ? cs_safetensors_get (file, "activation_std", 2, shape, error) : NULL;
  if (!std)
    return false;
  g_autofree float *mean32 = g_new (float, width), *std32 = g_new (float, width);
  if (!read_floats (path, mean, mean32, false, error) ||
      !read_floats (path, std, std32, false, error))
    return false;
  if (isnan (mean32[0]))
    return true;
  const CsTensor *gain =
      cs_safetensors_get (file, "activation_global_scale", 1, (size_t[]){ 2 }, error);
  double target_rms = 1;
  bool found;
  if (!gain || !read_floats (path, gain, crosscoder->gain, true, error) ||
      !read_scalar (file, path, "target_rms", &target_rms, &found, error))
    return false;
  if (!cs_all_finite (mean32, width) || !cs_all_finite (std32, width) || crosscoder->gain[0] <= 0 ||
      crosscoder->gain[1] <= 0)
    return format_error (error, path, "its activation normalisation is not finite and positive");
  crosscoder->mean = g_steal_pointer (&mean32);
  crosscoder->std = g_steal_pointer (&std32);
  crosscoder->target_rms = (float)target_rms;
  crosscoder->normalised = true;
  return true;
}

/* Old files say the code normalisation, if at all, in config.json. */
static bool
read_config (CsCrosscoder *crosscoder,
             const CsSafetensors *file,
             const char *run_folder,
             GError **error)
{
  static const char *const names[] = { "CROSSCODER", "SAE", "MIXED", "NONE", "DECOUPLED" };
  g_autofree char *path = g_build_filename (run_folder, "config.json", NULL);
  if (cs_safetensors_find (file, "code_normalization_id") ||
      !g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  g_autoptr (json_t) config = cs_json_load (path, 1 << 20, error);
  const char *name = NULL;
  if (!config || !cs_json_get_string (config, path, "code_normalization", names[0], &name, error))
    return false;
  for (unsigned i = 0; i < G_N_ELEMENTS (names); i++)
    if (g_ascii_strcasecmp (name, names[i]) == 0)
      crosscoder->code_norm = (CsCodeNorm)(i + 1);
  return true;
}

CsCrosscoder *
cs_crosscoder_load (const char *run_folder, GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "model.safetensors", NULL);
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, error);
  const CsTensor *encoder = file ? find_shape (file, path, error) : NULL;
  if (!encoder)
    return NULL;
  g_autoptr (CsCrosscoder) crosscoder =
      cs_crosscoder_new (encoder->shape[1], encoder->shape[2], CS_VARIANT_L1, error);
  if (!crosscoder || !read_rules (crosscoder, file, path, error) ||
      !read_weights (crosscoder, file, path, encoder, error) ||
      !read_biases (crosscoder, file, path, error) ||
      !read_normalisation (crosscoder, file, path, error) ||
      !read_config (crosscoder, file, run_folder, error))
    return NULL;
  return g_steal_pointer (&crosscoder);
}

/* The tensors of a file being written; the data is borrowed until it is. */
typedef struct
{
  CsTensor tensors[12];
  size_t n;
} Tensors;

static void
add_tensor (Tensors *list,
            const char *name,
            CsDtype dtype,
            const void *data,
            size_t n_dims,
            const size_t *shape)
{
  CsTensor *tensor = &list->tensors[list->n++];
  *tensor =
      (CsTensor){ .name = name, .dtype = dtype, .n_dims = n_dims, .n_elements = 1, .data = data };
  for (size_t i = 0; i < n_dims; i++)
    {
      tensor->shape[i] = shape[i];
      tensor->n_elements *= shape[i];
    }
  tensor->n_bytes = tensor->n_elements * cs_dtype_size (dtype);
}

bool
cs_crosscoder_write (const CsCrosscoder *crosscoder,
                     const char *path,
                     const char *const *metadata,
                     GError **error)
{
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  const size_t encoder_shape[] = { 2, d, F }, decoder_shape[] = { 2, F, d }, two = 2;
  const int64_t id = crosscoder->code_norm;
  const int32_t k = (int32_t)crosscoder->k;
  g_autofree float *encoder = g_new (float, 2 * d * F), *decoder = g_new (float, 2 * d * F);
  for (size_t m = 0; m < 2; m++)
    {
      transpose (crosscoder->encoder + m * d, 2 * d, encoder + m * d * F, F, F, d);
      for (size_t j = 0; j < F; j++)
        memcpy (decoder + (m * F + j) * d, crosscoder->decoder + j * 2 * d + m * d,
                d * sizeof (float));
    }
  Tensors list = { .n = 0 };
  add_tensor (&list, "encoder.weight", CS_DTYPE_F32, encoder, 3, encoder_shape);
  add_tensor (&list, "encoder.bias", CS_DTYPE_F32, crosscoder->encoder_bias, 1, &F);
  add_tensor (&list, "decoder.weight", CS_DTYPE_F32, decoder, 3, decoder_shape);
  add_tensor (&list, "decoder.bias", CS_DTYPE_F32, crosscoder->decoder_bias, 2, (size_t[]){ 2, d });
  add_tensor (&list, "code_normalization_id", CS_DTYPE_I64, &id, 0, NULL);
  if (crosscoder->variant != CS_VARIANT_L1)
    add_tensor (&list, "k", CS_DTYPE_I32, &k, 0, NULL);
  if (crosscoder->variant == CS_VARIANT_BATCHTOPK)
    add_tensor (&list, "threshold", CS_DTYPE_F32, &crosscoder->threshold, 0, NULL);
  if (crosscoder->normalised)
    {
      add_tensor (&list, "activation_mean", CS_DTYPE_F32, crosscoder->mean, 2, (size_t[]){ 2, d });
      add_tensor (&list, "activation_std", CS_DTYPE_F32, crosscoder->std, 2, (size_t[]){ 2, d });
      add_tensor (&list, "activation_global_scale", CS_DTYPE_F32, crosscoder->gain, 1, &two);
      add_tensor (&list, "target_rms", CS_DTYPE_F32, &crosscoder->target_rms, 0, NULL);
    }
  return cs_safetensors_write (path, list.tensors, list.n, metadata, error);
}

/* A crosscoder without a training run still says what it is; a run's own config.json stays. */
static bool
write_config (const CsCrosscoder *crosscoder, const char *path, GError **error)
{
  g_autoptr (json_t) config = json_object ();
  json_object_set_new (config, "variant", json_string (cs_variant_name (crosscoder->variant)));
  json_object_set_new (config, "activation_dim", json_integer ((json_int_t)crosscoder->d_model));
  json_object_set_new (config, "dict_size", json_integer ((json_int_t)crosscoder->n_latents));
  json_object_set_new (config, "num_layers", json_integer (2));
  if (crosscoder->variant != CS_VARIANT_L1)
    json_object_set_new (config, "k", json_integer ((json_int_t)crosscoder->k));
  return cs_json_save (config, path, error);
}

bool
cs_crosscoder_save (const CsCrosscoder *crosscoder, const char *run_folder, GError **error)
{
  g_autofree char *model = g_build_filename (run_folder, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (run_folder, "config.json", NULL);
  const char *metadata[] = { "format", "pt", "variant", cs_variant_name (crosscoder->variant),
                             NULL };
  if (!cs_crosscoder_write (crosscoder, model, metadata, error))
    return false;
  return g_file_test (config, G_FILE_TEST_EXISTS) || write_config (crosscoder, config, error);
}
