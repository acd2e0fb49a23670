/* Finds, checks and widens the weights that a family's description names. */
#include "model-private.h"

#include <string.h>

#include "file-error.h"

/* --- Tensors --- */

/* Where weight NAME.weight is missing, the files of the usual quantisers have one of these. */
static bool
is_quantised (CsModel *model, const char *name)
{
  static const char *const suffixes[] = { "qweight", "weight_packed", "weight_scale", "SCB" };
  size_t stem = strlen (name) - (g_str_has_suffix (name, "weight") ? strlen ("weight") : 0);
  for (size_t i = 0; i < G_N_ELEMENTS (suffixes); i++)
    {
      g_autofree char *other = g_strdup_printf ("%.*s%s", (int)stem, name, suffixes[i]);
      if (cs_safetensors_find (model->file, other) != NULL)
        return true;
    }
  return false;
}

/* False with a sentence for a tensor that is stored in a way that cannot be widened. */
static bool
check_stored (CsModel *model, const char *name, GError **error)
{
  const CsTensor *tensor = cs_safetensors_find (model->file, name);
  if (tensor == NULL && is_quantised (model, name))
    {
      cs_file_error (
          error, CS_ERROR_UNSUPPORTED,
          "%s: there is no tensor %s but a quantised one, which is not supported: use the "
          "float32, float16 or bfloat16 model",
          model->folder, name);
      return false;
    }
  if (tensor == NULL || tensor->dtype == CS_DTYPE_F32 || tensor->dtype == CS_DTYPE_F16 ||
      tensor->dtype == CS_DTYPE_BF16)
    return true;
  cs_file_error (
      error, CS_ERROR_UNSUPPORTED,
      "%s: tensor %s is stored as %s, but weights have to be F32, F16 or BF16 (quantised "
      "models are not supported)",
      model->folder, tensor->name, cs_dtype_name (tensor->dtype));
  return false;
}

/* A tensor of one of the three types that can be widened. */
static const CsTensor *
get_tensor (CsModel *model, const char *name, size_t n_dims, const size_t *shape, GError **error)
{
  if (!check_stored (model, name, error))
    return NULL;
  const CsTensor *tensor = cs_safetensors_get (model->file, name, n_dims, shape, error);
  if (tensor != NULL)
    model->n_parameters += tensor->n_elements;
  return tensor;
}

/* n floats that live as long as the model. */
static float *
own_floats (CsModel *model, size_t n, GError **error)
{
  float *values = g_try_malloc_n (MAX (n, 1), sizeof *values);
  if (values == NULL)
    cs_file_error (error, CS_ERROR_IO, "%s: there is not enough memory for the weights",
                   model->folder);
  else
    g_ptr_array_add (model->owned, values);
  return values;
}

static float *
load_vector (CsModel *model, const char *name, size_t n, GError **error)
{
  const CsTensor *tensor = get_tensor (model, name, 1, &n, error);
  float *values = tensor != NULL ? own_floats (model, n, error) : NULL;
  if (values != NULL)
    cs_widen (tensor->dtype, tensor->data, values, n);
  return values;
}

/* STEM.weight and, where the family's norms have one, STEM.bias. */
static bool
load_norm (CsModel *model, CsNorm *norm, const char *stem, size_t n, GError **error)
{
  CsNormKind kind = model->architecture.family->norm_kind;
  g_autofree char *weight_name = g_strconcat (stem, ".weight", NULL);
  g_autofree char *bias_name = g_strconcat (stem, ".bias", NULL);
  float *weight = load_vector (model, weight_name, n, error);
  norm->weight = weight;
  for (size_t i = 0; weight != NULL && kind == CS_NORM_RMS_PLUS_ONE && i < n; i++)
    weight[i] += 1;
  if (weight == NULL || kind != CS_NORM_LAYER)
    return weight != NULL;
  norm->bias = load_vector (model, bias_name, n, error);
  return norm->bias != NULL;
}

static bool
add_part (CsModel *model,
          CsLinear *linear,
          const char *name,
          size_t rows,
          size_t cols,
          GError **error)
{
  const CsTensor *tensor = get_tensor (model, name, 2, (size_t[]){ rows, cols }, error);
  if (tensor == NULL)
    return false;
  linear->parts[linear->n_parts++] =
      (CsPart){ .rows = rows, .dtype = tensor->dtype, .stored = tensor->data };
  linear->rows += rows;
  linear->cols = cols;
  return true;
}

/* --- A block --- */

static char *
block_name (const CsModel *model, size_t layer, const char *part, const char *suffix)
{
  return g_strdup_printf ("%s%s.%zu.%s%s", model->prefix, model->architecture.family->blocks, layer,
                          part, suffix);
}

static bool
load_biases (CsModel *model,
             CsLinear *linear,
             const CsLinearRule *rule,
             size_t layer,
             GError **error)
{
  if (!cs_architecture_has_bias (&model->architecture, rule->bias))
    return true;
  float *bias = own_floats (model, linear->rows, error);
  linear->bias = bias;
  for (size_t i = 0; bias != NULL && i < rule->n_parts; i++)
    {
      g_autofree char *name = block_name (model, layer, rule->parts[i], ".bias");
      const CsTensor *tensor = get_tensor (model, name, 1, &linear->parts[i].rows, error);
      if (tensor == NULL)
        return false;
      cs_widen (tensor->dtype, tensor->data, bias, tensor->n_elements);
      bias += tensor->n_elements;
    }
  return linear->bias != NULL;
}

static bool
load_linear (CsModel *model,
             CsLinear *linear,
             const CsLinearRule *rule,
             size_t layer,
             GError **error)
{
  const CsArchitecture *a = &model->architecture;
  for (size_t i = 0; i < rule->n_parts; i++)
    {
      g_autofree char *name = block_name (model, layer, rule->parts[i], ".weight");
      if (!add_part (model, linear, name, cs_architecture_dim (a, rule->rows[i]),
                     cs_architecture_dim (a, rule->cols), error))
        return false;
    }
  return load_biases (model, linear, rule, layer, error);
}

static bool
load_block (CsModel *model, size_t layer, GError **error)
{
  const CsArchitecture *a = &model->architecture;
  CsBlock *block = &model->blocks[layer];
  for (CsNormSlot i = 0; i < CS_N_NORMS; i++)
    {
      size_t n = cs_architecture_norm_size (a, i);
      g_autofree char *stem = n > 0 ? block_name (model, layer, a->family->norms[i], "") : NULL;
      if (n > 0 && !load_norm (model, &block->norms[i], stem, n, error))
        return false;
    }
  for (size_t i = 0; i < CS_N_LINEARS; i++)
    if (!load_linear (model, &block->linears[i], &a->family->linears[i], layer, error))
      return false;
  return true;
}

/* --- Around the blocks --- */

/* The first prefix under which there is an embedding; the usual one where there is none at all, so
 * that the error names what is missing. */
static void
find_prefix (CsModel *model)
{
  const CsFamily *family = model->architecture.family;
  model->prefix = family->prefixes[0];
  for (size_t i = 0; i < CS_FAMILY_MAX_PREFIXES && family->prefixes[i] != NULL; i++)
    {
      g_autofree char *name = g_strconcat (family->prefixes[i], family->embedding, ".weight", NULL);
      if (cs_safetensors_find (model->file, name) == NULL)
        continue;
      model->prefix = family->prefixes[i];
      return;
    }
}

/* Where the configuration leaves the vocabulary's size out, the embedding's shape tells it. */
static bool
find_vocab_size (CsModel *model, const char *name, GError **error)
{
  CsModelConfig *sizes = &model->architecture.sizes;
  const CsTensor *tensor = cs_safetensors_find (model->file, name);
  if (sizes->vocab_size == 0 && tensor != NULL && tensor->n_dims == 2)
    sizes->vocab_size = tensor->shape[0];
  if (tensor == NULL || (sizes->vocab_size > 0 && sizes->vocab_size <= CS_MODEL_MAX_VOCAB))
    return true;
  cs_file_error (error, CS_ERROR_FORMAT, "%s: tensor %s does not give a usable vocabulary size",
                 model->folder, name);
  return false;
}

static bool
load_head (CsModel *model, GError **error)
{
  const CsFamily *family = model->architecture.family;
  const CsModelConfig *sizes = &model->architecture.sizes;
  g_autofree char *name = g_strconcat (family->head, ".weight", NULL);
  g_autofree char *wrapped = g_strconcat (
      family->wrapped_head != NULL ? family->wrapped_head : family->head, ".weight", NULL);
  bool is_wrapped = cs_safetensors_find (model->file, name) == NULL &&
                    cs_safetensors_find (model->file, wrapped) != NULL;
  return add_part (model, &model->head, is_wrapped ? wrapped : name, sizes->vocab_size,
                   sizes->d_model, error);
}

static bool
load_ends (CsModel *model, GError **error)
{
  const CsFamily *family = model->architecture.family;
  const CsModelConfig *sizes = &model->architecture.sizes;
  find_prefix (model);
  g_autofree char *embedding = g_strconcat (model->prefix, family->embedding, ".weight", NULL);
  g_autofree char *norm = g_strconcat (model->prefix, family->final_norm, NULL);
  return find_vocab_size (model, embedding, error) &&
         add_part (model, &model->embedding, embedding, sizes->vocab_size, sizes->d_model, error) &&
         (sizes->tied_head || load_head (model, error)) &&
         load_norm (model, &model->final_norm, norm, sizes->d_model, error);
}

/* --- Widening --- */

static bool
widen_linear (CsModel *model, CsLinear *linear, GError **error)
{
  float *wide = own_floats (model, linear->rows * linear->cols, error);
  linear->wide = wide;
  for (size_t i = 0; wide != NULL && i < linear->n_parts; i++)
    {
      size_t n = linear->parts[i].rows * linear->cols;
      cs_widen (linear->parts[i].dtype, linear->parts[i].stored, wide, n);
      wide += n;
    }
  return linear->wide != NULL;
}

/* As widen_linear(), turned; a few rows at a time so that they are written as short runs. */
static bool
turn_linear (CsModel *model, CsLinear *linear, GError **error)
{
  enum
  {
    TILE = 16
  };
  const size_t cols = linear->cols;
  float *turned = own_floats (model, linear->rows * cols, error);
  g_autofree float *tile = g_new (float, TILE *cols);
  linear->turned = turned;
  for (size_t i = 0; turned != NULL && i < linear->n_parts; i++)
    {
      const CsPart *part = &linear->parts[i];
      for (size_t row = 0, n; row < part->rows; row += n)
        {
          size_t offset = row * cols * cs_dtype_size (part->dtype);
          n = MIN (TILE, part->rows - row);
          cs_widen (part->dtype, (const char *)part->stored + offset, tile, n * cols);
          for (size_t c = 0; c < cols; c++)
            for (size_t r = 0; r < n; r++)
              turned[c * linear->rows + row + r] = tile[r * cols + c];
        }
      turned += part->rows;
    }
  return linear->turned != NULL;
}

static bool
widen_all (CsModel *model, GError **error)
{
  if (!widen_linear (model, &model->embedding, error) ||
      (!model->architecture.sizes.tied_head && !widen_linear (model, &model->head, error)))
    return false;
  for (size_t l = 0; l < model->architecture.sizes.n_layers; l++)
    for (size_t i = 0; i < CS_N_LINEARS; i++)
      if (!turn_linear (model, &model->blocks[l].linears[i], error))
        return false;
  return true;
}

bool
cs_model_load_weights (CsModel *model, size_t widen_limit, GError **error)
{
  size_t n_layers = model->architecture.sizes.n_layers;
  if (!load_ends (model, error))
    return false;
  model->blocks = g_new0 (CsBlock, n_layers);
  for (size_t l = 0; l < n_layers; l++)
    if (!load_block (model, l, error))
      return false;
  if (model->n_parameters <= widen_limit / sizeof (float) && !widen_all (model, error))
    return false;
  if (model->architecture.sizes.tied_head)
    model->head = model->embedding;
  return true;
}

void
cs_linear_row (const CsLinear *linear, size_t index, float *row)
{
  if (linear->wide != NULL)
    {
      memcpy (row, linear->wide + index * linear->cols, linear->cols * sizeof *row);
      return;
    }
  const CsPart *part = linear->parts;
  while (index >= part->rows)
    index -= part++->rows;
  size_t offset = index * linear->cols * cs_dtype_size (part->dtype);
  cs_widen (part->dtype, (const char *)part->stored + offset, row, linear->cols);
}
