/* Writing model.safetensors and config.json (crosscoder-file.c says what is in them). */
#include <string.h>

#include "crosscoder-private.h"
#include "json.h"

/* The tiles in which the encoder is transposed. */
enum
{
  ROWS = 16, /* a line of the cache where they are written */
  COLUMNS = 128
};

/* Rows of both sides lie at distances that fall into a few sets of every cache, so a tile is taken
 * over into a place of its own first and then written a whole line at a time. */
static void
transpose_tile (const float *src,
                size_t src_stride,
                float *dst,
                size_t dst_stride,
                size_t m,
                size_t n)
{
  float tile[ROWS][COLUMNS];
  for (size_t i = 0; i < m; i++)
    memcpy (tile[i], src + i * src_stride, n * sizeof (float));
  if (m == ROWS)
    for (size_t j = 0; j < n; j++)
      for (size_t i = 0; i < ROWS; i++)
        dst[j * dst_stride + i] = tile[i][j];
  else
    for (size_t j = 0; j < n; j++)
      for (size_t i = 0; i < m; i++)
        dst[j * dst_stride + i] = tile[i][j];
}

void
cs_crosscoder_transpose (const float *src,
                         size_t src_stride,
                         float *dst,
                         size_t dst_stride,
                         size_t m,
                         size_t n)
{
  for (size_t i = 0; i < m; i += ROWS)
    for (size_t j = 0; j < n; j += COLUMNS)
      transpose_tile (src + i * src_stride + j, src_stride, dst + j * dst_stride + i, dst_stride,
                      MIN (ROWS, m - i), MIN (COLUMNS, n - j));
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
  const bool decoupled = crosscoder->code_norm == CS_CODE_NORM_DECOUPLED;
  g_autofree float *encoder = g_new (float, 2 * d * F), *decoder = g_new (float, 2 * d * F);
  for (size_t m = 0; m < 2; m++)
    {
      cs_crosscoder_transpose (crosscoder->encoder + m * d, 2 * d, encoder + m * d * F, F, F, d);
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
    add_tensor (&list, "threshold", CS_DTYPE_F32,
                decoupled ? crosscoder->model_threshold : &crosscoder->threshold, decoupled, &two);
  if (crosscoder->folded[0] != 1 || crosscoder->folded[1] != 1)
    add_tensor (&list, CS_FOLDED_TENSOR, CS_DTYPE_F32, crosscoder->folded, 1, &two);
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
