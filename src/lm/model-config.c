/* config.json and generation_config.json, in the dialects of transformers 4 and 5. */
#include "model-private.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"

/* No published model comes near these; they are what later products and allocations rely on. */
enum
{
  MAX_VOCAB = 4 << 20,
  MAX_LAYERS = 1024,
  MAX_MODEL = 65536,
  MAX_HEADS = 4096,
  MAX_HEAD_DIM = 4096,
  MAX_FF = 1 << 20,
  MAX_POSITION = 1 << 30,
};
#define MAX_CONFIG_BYTES ((size_t)16 << 20)

static bool refuse (GError **error, CsError code, const char *name, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

/* Sets "NAME: sentence"; always false. */
static bool
refuse (GError **error, CsError code, const char *name, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, CS_ERROR, (int)code, "%s: %s", name, text);
  return false;
}

static bool
is_set (json_t *object, const char *key)
{
  json_t *value = json_object_get (object, key);
  return value != NULL && !json_is_null (value);
}

/* --- Which family --- */

static bool
read_family (CsArchitecture *a, json_t *config, const char *name, GError **error)
{
  const char *type = NULL;
  if (!cs_json_get_string (config, name, "model_type", NULL, &type, error))
    return false;
  if (type == NULL)
    return refuse (
        error, CS_ERROR_FORMAT, name,
        "there is no model_type, so this is not the configuration of a Hugging Face model");
  a->family = cs_family_find (type);
  if (a->family == NULL)
    return refuse (error, CS_ERROR_UNSUPPORTED, name,
                   "model type “%.64s” is not supported (this version runs: %s)", type,
                   cs_family_list ());
  if (is_set (config, "quantization_config"))
    return refuse (error, CS_ERROR_UNSUPPORTED, name,
                   "the weights are quantised, which is not supported: use the float32, float16 or "
                   "bfloat16 model");
  a->sizes.model_type = a->family->model_type;
  return true;
}

static bool
read_activation (const CsArchitecture *a, json_t *config, const char *name, GError **error)
{
  const char *text = NULL;
  CsActivation activation;
  if (!cs_json_get_string (config, name, "hidden_act", cs_activation_name (a->family->activation),
                           &text, error))
    return false;
  if (!cs_activation_parse (text, &activation) || activation != a->family->activation)
    return refuse (error, CS_ERROR_UNSUPPORTED, name,
                   "activation “%.64s” is not supported (only %s)", text,
                   cs_activation_name (a->family->activation));
  return true;
}

/* --- Sizes --- */

/* A size that has no sensible default. */
static bool
read_size (json_t *config,
           const char *name,
           const char *key,
           size_t max,
           size_t *out,
           GError **error)
{
  if (!is_set (config, key))
    return refuse (error, CS_ERROR_FORMAT, name, "%s is missing", key);
  return cs_json_get_size (config, name, key, 1, max, 0, out, error);
}

static bool
read_heads (CsModelConfig *s, json_t *config, const char *name, GError **error)
{
  if (!read_size (config, name, "num_attention_heads", MAX_HEADS, &s->n_heads, error) ||
      !cs_json_get_size (config, name, "num_key_value_heads", 1, MAX_HEADS, s->n_heads,
                         &s->n_kv_heads, error) ||
      !cs_json_get_size (config, name, "head_dim", 2, MAX_HEAD_DIM, 0, &s->head_dim, error))
    return false;
  if (s->head_dim == 0)
    {
      if (s->d_model % s->n_heads != 0)
        return refuse (error, CS_ERROR_FORMAT, name,
                       "hidden_size %zu cannot be divided among %zu heads", s->d_model, s->n_heads);
      s->head_dim = s->d_model / s->n_heads;
    }
  if (s->n_heads % s->n_kv_heads != 0)
    return refuse (error, CS_ERROR_FORMAT, name,
                   "%zu attention heads cannot share %zu key-value heads evenly", s->n_heads,
                   s->n_kv_heads);
  if (s->head_dim % 2 != 0)
    return refuse (error, CS_ERROR_FORMAT, name,
                   "head_dim %zu is odd, but rotary positions need pairs", s->head_dim);
  if (s->head_dim > MAX_HEAD_DIM || s->n_heads * s->head_dim > MAX_FF)
    return refuse (error, CS_ERROR_FORMAT, name,
                   "%zu heads of width %zu are more than this program takes", s->n_heads,
                   s->head_dim);
  return true;
}

static bool
read_sizes (CsArchitecture *a, json_t *config, const char *name, GError **error)
{
  CsModelConfig *s = &a->sizes;
  if (!cs_json_get_size (config, name, "vocab_size", 1, MAX_VOCAB, 0, &s->vocab_size, error) ||
      !read_size (config, name, "hidden_size", MAX_MODEL, &s->d_model, error) ||
      !read_size (config, name, "num_hidden_layers", MAX_LAYERS, &s->n_layers, error) ||
      !read_size (config, name, "intermediate_size", MAX_FF, &s->d_ff, error) ||
      !cs_json_get_size (config, name, "max_position_embeddings", 1, MAX_POSITION, 2048,
                         &s->max_position, error) ||
      !read_heads (s, config, name, error) ||
      !cs_json_get_double (config, name, "rms_norm_eps", a->family->default_norm_eps, &s->norm_eps,
                           error))
    return false;
  if (!(s->norm_eps >= 0 && s->norm_eps < 1))
    return refuse (error, CS_ERROR_FORMAT, name, "rms_norm_eps %g is not a small positive number",
                   s->norm_eps);
  a->attention_scale = 1 / sqrt ((double)s->head_dim);
  return cs_json_get_bool (config, name, "tie_word_embeddings", a->family->default_tied,
                           &s->tied_head, error) &&
         cs_json_get_bool (config, name, "attention_bias", false, &a->attention_bias, error) &&
         cs_json_get_bool (config, name, "mlp_bias", false, &a->mlp_bias, error);
}

/* --- Rotary positions --- */

static bool
read_positive (json_t *object,
               const char *name,
               const char *key,
               double fallback,
               double *out,
               GError **error)
{
  if (!cs_json_get_double (object, name, key, fallback, out, error))
    return false;
  if (!(*out > 0 && *out < 1e15))
    return refuse (error, CS_ERROR_FORMAT, name, "%s has to be a positive number", key);
  return true;
}

static bool
read_llama3 (CsArchitecture *a, json_t *scaling, const char *name, GError **error)
{
  CsRope *rope = &a->rope;
  /* 0 is refused: these two have no default. */
  if (!read_positive (scaling, name, "low_freq_factor", 0, &rope->low, error) ||
      !read_positive (scaling, name, "high_freq_factor", 0, &rope->high, error) ||
      !read_positive (scaling, name, "original_max_position_embeddings",
                      (double)a->sizes.max_position, &rope->original, error))
    return false;
  if (rope->high <= rope->low)
    return refuse (error, CS_ERROR_FORMAT, name,
                   "high_freq_factor has to be above low_freq_factor");
  rope->type = CS_ROPE_LLAMA3;
  return true;
}

static bool
read_scaling (CsArchitecture *a, json_t *scaling, bool needs_type, const char *name, GError **error)
{
  const char *type = NULL;
  if (!cs_json_get_string (scaling, name, "type", needs_type ? NULL : "default", &type, error) ||
      !cs_json_get_string (scaling, name, "rope_type", type, &type, error))
    return false;
  if (type == NULL)
    return refuse (error, CS_ERROR_FORMAT, name, "rope_scaling does not say its rope_type");
  if (strcmp (type, "default") == 0)
    return true;
  bool linear = strcmp (type, "linear") == 0;
  if (!linear && strcmp (type, "llama3") != 0)
    return refuse (error, CS_ERROR_UNSUPPORTED, name,
                   "rope scaling “%.64s” is not supported (only linear and llama3)", type);
  if (!read_positive (scaling, name, "factor", 0, &a->rope.factor, error))
    return false;
  if (!linear)
    return read_llama3 (a, scaling, name, error);
  a->rope.type = CS_ROPE_LINEAR;
  return true;
}

/* rope_parameters of transformers 5 holds what rope_theta and rope_scaling held before. */
static bool
read_rope_parameters (CsArchitecture *a, json_t *parameters, const char *name, GError **error)
{
  const char *key;
  json_t *value;
  double partial = 1;
  json_object_foreach (parameters, key, value) if (json_is_object (value)) return refuse (
      error, CS_ERROR_UNSUPPORTED, name,
      "rope_parameters for each layer type (“%.64s”) are not supported for this model type", key);
  if (!read_positive (parameters, name, "rope_theta", a->rope.theta, &a->rope.theta, error) ||
      !read_positive (parameters, name, "partial_rotary_factor", 1, &partial, error))
    return false;
  if (partial != 1)
    return refuse (error, CS_ERROR_UNSUPPORTED, name,
                   "partial_rotary_factor is not supported for this model type");
  return read_scaling (a, parameters, false, name, error);
}

static bool
read_rope (CsArchitecture *a, json_t *config, const char *name, GError **error)
{
  if (!read_positive (config, name, "rope_theta", a->family->default_rope_theta, &a->rope.theta,
                      error))
    return false;
  const char *key = is_set (config, "rope_parameters") ? "rope_parameters" : "rope_scaling";
  json_t *value = json_object_get (config, key);
  bool ok = true;
  if (is_set (config, key) && !json_is_object (value))
    return refuse (error, CS_ERROR_FORMAT, name, "%s is not an object", key);
  if (is_set (config, "rope_parameters"))
    ok = read_rope_parameters (a, value, name, error);
  else if (is_set (config, "rope_scaling"))
    ok = read_scaling (a, value, true, name, error);
  a->sizes.rope_theta = a->rope.theta;
  return ok;
}

void
cs_rope_frequencies (const CsRope *rope, size_t head_dim, double *frequencies)
{
  for (size_t i = 0; i < head_dim / 2; i++)
    {
      double f = pow (rope->theta, -2.0 * (double)i / (double)head_dim);
      if (rope->type == CS_ROPE_LINEAR)
        f /= rope->factor;
      else if (rope->type == CS_ROPE_LLAMA3)
        {
          /* How many turns fit in the length that the model was first trained on: many are kept,
           * few are slowed by the factor, between the two it is interpolated. */
          double turns = rope->original * f / (2 * G_PI);
          double keep = CLAMP ((turns - rope->low) / (rope->high - rope->low), 0.0, 1.0);
          f = (1 - keep) * f / rope->factor + keep * f;
        }
      frequencies[i] = f;
    }
}

/* --- Special tokens --- */

static bool
read_id (json_t *value, const char *name, const char *key, int32_t *out, GError **error)
{
  if (!json_is_integer (value) || json_integer_value (value) < 0 ||
      json_integer_value (value) >= MAX_VOCAB)
    return refuse (error, CS_ERROR_FORMAT, name, "%s is not a token id", key);
  *out = (int32_t)json_integer_value (value);
  return true;
}

static bool
read_eos (CsModelConfig *s, json_t *value, const char *name, GError **error)
{
  if (!json_is_array (value))
    {
      s->n_eos = 1;
      return read_id (value, name, "eos_token_id", &s->eos_ids[0], error);
    }
  if (json_array_size (value) > G_N_ELEMENTS (s->eos_ids))
    return refuse (error, CS_ERROR_UNSUPPORTED, name, "eos_token_id lists more than %zu tokens",
                   G_N_ELEMENTS (s->eos_ids));
  s->n_eos = json_array_size (value);
  for (size_t i = 0; i < s->n_eos; i++)
    if (!read_id (json_array_get (value, i), name, "eos_token_id", &s->eos_ids[i], error))
      return false;
  return true;
}

static bool
read_tokens (CsModelConfig *s,
             json_t *config,
             const char *name,
             json_t *generation,
             const char *generation_name,
             GError **error)
{
  s->bos_id = -1;
  if (is_set (config, "bos_token_id") &&
      !read_id (json_object_get (config, "bos_token_id"), name, "bos_token_id", &s->bos_id, error))
    return false;
  if (generation != NULL && is_set (generation, "eos_token_id"))
    return read_eos (s, json_object_get (generation, "eos_token_id"), generation_name, error);
  if (is_set (config, "eos_token_id"))
    return read_eos (s, json_object_get (config, "eos_token_id"), name, error);
  return true;
}

/* --- Public --- */

size_t
cs_architecture_dim (const CsArchitecture *a, CsDim dim)
{
  const CsModelConfig *s = &a->sizes;
  switch (dim)
    {
    case CS_DIM_MODEL:
      return s->d_model;
    case CS_DIM_QUERY:
      return s->n_heads * s->head_dim;
    case CS_DIM_KV:
      return s->n_kv_heads * s->head_dim;
    case CS_DIM_FF:
      return s->d_ff;
    default:
      g_assert_not_reached ();
    }
}

bool
cs_architecture_parse (CsArchitecture *a,
                       json_t *config,
                       const char *name,
                       json_t *generation,
                       const char *generation_name,
                       GError **error)
{
  memset (a, 0, sizeof *a);
  if (!json_is_object (config))
    return refuse (error, CS_ERROR_FORMAT, name, "the configuration is not a JSON object");
  if (generation != NULL && !json_is_object (generation))
    return refuse (error, CS_ERROR_FORMAT, generation_name,
                   "the configuration is not a JSON object");
  return read_family (a, config, name, error) && read_activation (a, config, name, error) &&
         read_sizes (a, config, name, error) && read_rope (a, config, name, error) &&
         read_tokens (&a->sizes, config, name, generation, generation_name, error);
}

bool
cs_architecture_load (CsArchitecture *a, const char *folder, GError **error)
{
  g_autofree char *name = g_build_filename (folder, "config.json", NULL);
  g_autofree char *generation_name = g_build_filename (folder, "generation_config.json", NULL);
  g_autoptr (json_t) config = cs_json_load (name, MAX_CONFIG_BYTES, error);
  if (config == NULL)
    return false;
  g_autoptr (json_t) generation = NULL;
  if (g_file_test (generation_name, G_FILE_TEST_EXISTS))
    {
      generation = cs_json_load (generation_name, MAX_CONFIG_BYTES, error);
      if (generation == NULL)
        return false;
    }
  return cs_architecture_parse (a, config, name, generation, generation_name, error);
}
