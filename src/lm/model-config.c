/* config.json and generation_config.json, in the dialects of transformers 4 and 5. */
#include "model-config-private.h"

#include <math.h>
#include <string.h>

#include "file-error.h"
#include "json.h"

/* No published model comes near these; they are what later products and allocations rely on. */
enum
{
  MAX_MODEL = 65536,
  MAX_HEADS = 4096,
  MAX_HEAD_DIM = 4096,
  MAX_FF = 1 << 20,
  MAX_POSITION = 1 << 30,
};
#define MAX_CONFIG_BYTES ((size_t)16 << 20)

/* --- Reading --- */

bool
cs_config_refuse (const CsConfigReader *r, int code, const char *format, ...)
{
  va_list arguments;
  va_start (arguments, format);
  g_autofree char *text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  cs_file_error (r->error, code, "%s: %s", r->name, text);
  return false;
}

bool
cs_config_is_set (json_t *object, const char *key)
{
  json_t *value = json_object_get (object, key);
  return value != NULL && !json_is_null (value);
}

bool
cs_config_positive (const CsConfigReader *r,
                    json_t *object,
                    const char *key,
                    double fallback,
                    double *out)
{
  if (!cs_json_get_double (object, r->name, key, fallback, out, r->error))
    return false;
  if (!(*out >= 1e-9 && *out < 1e15))
    return cs_config_refuse (r, CS_ERROR_FORMAT, "%s has to be a positive number", key);
  return true;
}

/* A key that switches something off with null, which is another thing than leaving it out; 0 is
 * off. */
static bool
read_cap (const CsConfigReader *r, const char *key, double fallback, double *out)
{
  json_t *value = json_object_get (r->config, key);
  *out = value == NULL ? fallback : 0;
  return !cs_config_is_set (r->config, key) || cs_config_positive (r, r->config, key, 1, out);
}

/* A size: the family's value where the key is missing, needed where that is 0. */
static bool
read_size (const CsConfigReader *r, const char *key, size_t max, size_t fallback, size_t *out)
{
  if (fallback == 0 && !cs_config_is_set (r->config, key))
    return cs_config_refuse (r, CS_ERROR_FORMAT, "%s is missing", key);
  return cs_json_get_size (r->config, r->name, key, 1, max, fallback, out, r->error);
}

/* --- Which family --- */

/* Of the objects that say how the weights are quantised any is enough. */
static bool
refuse_quantised (const CsConfigReader *r)
{
  json_t *const objects[] = { r->outer, r->config };
  static const char *const keys[] = { "quantization_config", "compression_config" };
  for (size_t i = 0; i < G_N_ELEMENTS (objects); i++)
    for (size_t k = 0; k < G_N_ELEMENTS (keys); k++)
      if (cs_config_is_set (objects[i], keys[k]))
        {
          json_t *method = json_object_get (json_object_get (objects[i], keys[k]), "quant_method");
          return cs_config_refuse (
              r, CS_ERROR_UNSUPPORTED,
              "the weights are quantised (%.32s), which is not supported: use the float32, float16 "
              "or bfloat16 model",
              json_is_string (method) ? json_string_value (method) : keys[k]);
        }
  return true;
}

static bool
read_family (CsConfigReader *r)
{
  const char *type = NULL;
  CsArchitecture *a = r->a;
  if (!cs_json_get_string (r->config, r->name, "model_type", NULL, &type, r->error))
    return false;
  if (type == NULL)
    return cs_config_refuse (
        r, CS_ERROR_FORMAT,
        "there is no model_type, so this is not the configuration of a Hugging Face model");
  a->family = cs_family_find (type);
  if (a->family == NULL)
    return cs_config_refuse (r, CS_ERROR_UNSUPPORTED,
                             "model type “%.64s” is not supported (this version runs: %s)", type,
                             cs_family_list ());
  if (strcmp (type, a->family->model_type) != 0)
    {
      r->config = json_object_get (r->outer, "text_config");
      if (!json_is_object (r->config))
        return cs_config_refuse (r, CS_ERROR_FORMAT, "there is no text_config for “%s”", type);
    }
  a->sizes.model_type = a->family->model_type;
  return refuse_quantised (r);
}

static bool
read_activation (const CsConfigReader *r)
{
  CsArchitecture *a = r->a;
  const char *text = NULL, *fallback = cs_activation_name (a->family->activation);
  if (!cs_json_get_string (r->config, r->name, a->family->activation_key, fallback, &text,
                           r->error))
    return false;
  if (!cs_activation_parse (text, &a->activation))
    return cs_config_refuse (r, CS_ERROR_UNSUPPORTED,
                             "activation “%.64s” is not supported (only silu, gelu and "
                             "gelu_pytorch_tanh)",
                             text);
  a->sizes.activation = cs_activation_name (a->activation);
  a->sizes.gated_mlp = a->family->gated_mlp;
  return true;
}

/* --- Sizes --- */

/* Missing, null and given mean three things here. */
static bool
read_kv_heads (const CsConfigReader *r)
{
  CsModelConfig *s = &r->a->sizes;
  bool missing = json_object_get (r->config, "num_key_value_heads") == NULL;
  size_t fallback = missing && r->a->family->n_kv_heads > 0 ? r->a->family->n_kv_heads : s->n_heads;
  s->n_kv_heads = s->n_heads;
  if (r->a->family->interleaved_qkv)
    return true;
  if (!cs_json_get_size (r->config, r->name, "num_key_value_heads", 1, MAX_HEADS, fallback,
                         &s->n_kv_heads, r->error))
    return false;
  if (s->n_heads % s->n_kv_heads != 0)
    return cs_config_refuse (r, CS_ERROR_FORMAT,
                             "%zu attention heads cannot share %zu key-value heads evenly",
                             s->n_heads, s->n_kv_heads);
  return true;
}

static bool
read_heads (const CsConfigReader *r)
{
  CsModelConfig *s = &r->a->sizes;
  if (!read_size (r, "num_attention_heads", MAX_HEADS, r->a->family->n_heads, &s->n_heads) ||
      !read_kv_heads (r) ||
      !cs_json_get_size (r->config, r->name, "head_dim", 2, MAX_HEAD_DIM, r->a->family->head_dim,
                         &s->head_dim, r->error))
    return false;
  if (s->head_dim == 0)
    {
      if (s->d_model % s->n_heads != 0)
        return cs_config_refuse (r, CS_ERROR_FORMAT,
                                 "hidden_size %zu cannot be divided among %zu heads", s->d_model,
                                 s->n_heads);
      s->head_dim = s->d_model / s->n_heads;
    }
  if (s->head_dim > MAX_HEAD_DIM || s->n_heads * s->head_dim > MAX_FF)
    return cs_config_refuse (r, CS_ERROR_FORMAT,
                             "%zu heads of width %zu are more than this program takes", s->n_heads,
                             s->head_dim);
  return true;
}

static bool
read_norm (const CsConfigReader *r)
{
  const char *key = r->a->family->norm_eps_key;
  double *eps = &r->a->sizes.norm_eps;
  if (!cs_json_get_double (r->config, r->name, key, r->a->family->norm_eps, eps, r->error))
    return false;
  if (!(*eps >= 0 && *eps < 1))
    return cs_config_refuse (r, CS_ERROR_FORMAT, "%s %g is not a small positive number", key, *eps);
  return true;
}

static bool
read_sizes (const CsConfigReader *r)
{
  const CsFamily *family = r->a->family;
  CsModelConfig *s = &r->a->sizes;
  return cs_json_get_size (r->config, r->name, "vocab_size", 1, CS_MODEL_MAX_VOCAB, 0,
                           &s->vocab_size, r->error) &&
         read_size (r, "hidden_size", MAX_MODEL, family->d_model, &s->d_model) &&
         read_size (r, "num_hidden_layers", CS_MODEL_MAX_LAYERS, family->n_layers, &s->n_layers) &&
         read_size (r, "intermediate_size", MAX_FF, family->d_ff, &s->d_ff) &&
         cs_json_get_size (r->config, r->name, "max_position_embeddings", 1, MAX_POSITION, 2048,
                           &s->max_position, r->error) &&
         read_heads (r) && read_norm (r);
}

/* --- Switches and scales --- */

/* A larger model's own configuration may say it instead of its text part. */
static bool
read_tied (const CsConfigReader *r)
{
  bool tied = r->a->family->tied_head;
  return cs_json_get_bool (r->outer, r->name, "tie_word_embeddings", tied, &tied, r->error) &&
         cs_json_get_bool (r->config, r->name, "tie_word_embeddings", tied, &r->a->sizes.tied_head,
                           r->error);
}

static bool
read_switches (const CsConfigReader *r)
{
  CsArchitecture *a = r->a;
  return read_tied (r) &&
         cs_json_get_bool (r->config, r->name, "attention_bias", a->family->attention_bias,
                           &a->attention_bias, r->error) &&
         cs_json_get_bool (r->config, r->name, "mlp_bias", false, &a->mlp_bias, r->error) &&
         (!a->family->may_be_parallel ||
          cs_json_get_bool (r->config, r->name, "use_parallel_residual", true,
                            &a->sizes.parallel_residual, r->error));
}

static bool
read_scales (const CsConfigReader *r)
{
  const CsFamily *family = r->a->family;
  CsModelConfig *s = &r->a->sizes;
  double divisor = (double)s->head_dim;
  if ((family->query_scale_key != NULL &&
       !cs_config_positive (r, r->config, family->query_scale_key, family->query_scale,
                            &divisor)) ||
      (family->soft_caps &&
       (!read_cap (r, "attn_logit_softcapping", family->attention_cap, &s->attention_softcap) ||
        !read_cap (r, "final_logit_softcapping", family->final_cap, &s->final_softcap))))
    return false;
  s->attention_scale = pow (divisor, -0.5);
  s->embedding_scale = family->scaled_embedding ? sqrt ((double)s->d_model) : 1;
  return true;
}

/* --- Sliding windows --- */

static bool
read_window (const CsConfigReader *r)
{
  const CsFamily *family = r->a->family;
  CsModelConfig *s = &r->a->sizes;
  bool used = true;
  json_t *value = json_object_get (r->config, "sliding_window");
  if (family->window == CS_WINDOW_FROM_LAYER &&
      !cs_json_get_bool (r->config, r->name, "use_sliding_window", false, &used, r->error))
    return false;
  if (!used || json_is_null (value))
    return true;
  return cs_json_get_size (r->config, r->name, "sliding_window", 1, MAX_POSITION,
                           family->sliding_window, &s->sliding_window, r->error);
}

static bool
read_layer_types (const CsConfigReader *r, json_t *types)
{
  CsArchitecture *a = r->a;
  if (!json_is_array (types) || json_array_size (types) != a->sizes.n_layers)
    return cs_config_refuse (r, CS_ERROR_FORMAT, "layer_types is not a list of %zu layers",
                             a->sizes.n_layers);
  for (size_t l = 0; l < a->sizes.n_layers; l++)
    {
      const char *type = json_string_value (json_array_get (types, l));
      a->slides[l] = g_strcmp0 (type, "sliding_attention") == 0;
      if (!a->slides[l] && g_strcmp0 (type, "full_attention") != 0)
        return cs_config_refuse (r, CS_ERROR_UNSUPPORTED,
                                 "layer type “%.64s” is not supported (only full_attention and "
                                 "sliding_attention)",
                                 type != NULL ? type : "?");
    }
  return true;
}

/* sliding_window_pattern is called _sliding_window_pattern where transformers keeps it for itself.
 */
static bool
read_pattern (const CsConfigReader *r, size_t *pattern)
{
  size_t inner;
  return cs_json_get_size (r->config, r->name, "_sliding_window_pattern", 1, MAX_POSITION,
                           r->a->family->window_pattern, &inner, r->error) &&
         cs_json_get_size (r->config, r->name, "sliding_window_pattern", 1, MAX_POSITION, inner,
                           pattern, r->error);
}

static bool
apply_window_rule (const CsConfigReader *r)
{
  CsArchitecture *a = r->a;
  size_t pattern = 0, from = 0;
  if (a->family->window == CS_WINDOW_PATTERN && !read_pattern (r, &pattern))
    return false;
  if (a->family->window == CS_WINDOW_FROM_LAYER &&
      !cs_json_get_size (r->config, r->name, "max_window_layers", 0, MAX_POSITION,
                         a->family->max_window_layers, &from, r->error))
    return false;
  for (size_t l = 0; l < a->sizes.n_layers; l++)
    a->slides[l] = a->family->window == CS_WINDOW_ALL ||
                   (a->family->window == CS_WINDOW_EVEN && l % 2 == 0) ||
                   (a->family->window == CS_WINDOW_PATTERN && (l + 1) % pattern != 0) ||
                   (a->family->window == CS_WINDOW_FROM_LAYER && l >= from);
  return true;
}

static bool
read_sliding (const CsConfigReader *r)
{
  CsArchitecture *a = r->a;
  if (a->family->window == CS_WINDOW_NEVER)
    return true;
  json_t *types = json_object_get (r->config, "layer_types");
  if (!read_window (r) ||
      !(cs_config_is_set (r->config, "layer_types") ? read_layer_types (r, types)
                                                    : apply_window_rule (r)))
    return false;
  for (size_t l = 0; a->sizes.sliding_window > 0 && l < a->sizes.n_layers; l++)
    a->sizes.n_sliding += a->slides[l];
  if (a->sizes.n_sliding == 0)
    a->sizes.sliding_window = 0;
  return true;
}

/* --- Special tokens --- */

static bool
read_id (const CsConfigReader *r, json_t *value, const char *key, int32_t *out)
{
  if (!json_is_integer (value) || json_integer_value (value) < 0 ||
      json_integer_value (value) >= (json_int_t)CS_MODEL_MAX_VOCAB)
    return cs_config_refuse (r, CS_ERROR_FORMAT, "%s is not a token id", key);
  *out = (int32_t)json_integer_value (value);
  return true;
}

static bool
read_eos (const CsConfigReader *r, json_t *value)
{
  CsModelConfig *s = &r->a->sizes;
  if (!json_is_array (value))
    {
      s->n_eos = 1;
      return read_id (r, value, "eos_token_id", &s->eos_ids[0]);
    }
  if (json_array_size (value) > G_N_ELEMENTS (s->eos_ids))
    return cs_config_refuse (r, CS_ERROR_UNSUPPORTED, "eos_token_id lists more than %zu tokens",
                             G_N_ELEMENTS (s->eos_ids));
  s->n_eos = json_array_size (value);
  for (size_t i = 0; i < s->n_eos; i++)
    if (!read_id (r, json_array_get (value, i), "eos_token_id", &s->eos_ids[i]))
      return false;
  return true;
}

static bool
read_tokens (const CsConfigReader *r, json_t *generation, const char *generation_name)
{
  CsModelConfig *s = &r->a->sizes;
  CsConfigReader g = *r;
  json_t *bos =
      cs_config_is_set (r->outer, "bos_token_id") ? r->outer : r->config; /* who says it */
  json_t *eos = cs_config_is_set (r->outer, "eos_token_id") ? r->outer : r->config;
  g.name = generation_name;
  s->bos_id = -1;
  if (cs_config_is_set (bos, "bos_token_id") &&
      !read_id (r, json_object_get (bos, "bos_token_id"), "bos_token_id", &s->bos_id))
    return false;
  if (generation != NULL && cs_config_is_set (generation, "eos_token_id"))
    return read_eos (&g, json_object_get (generation, "eos_token_id"));
  if (cs_config_is_set (eos, "eos_token_id"))
    return read_eos (r, json_object_get (eos, "eos_token_id"));
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
    case CS_DIM_QKV:
      return (s->n_heads + 2 * s->n_kv_heads) * s->head_dim;
    case CS_DIM_FF:
      return s->d_ff;
    case CS_DIM_HEAD_DIM:
      return s->head_dim;
    default:
      g_assert_not_reached ();
    }
}

size_t
cs_architecture_norm_size (const CsArchitecture *a, CsNormSlot slot)
{
  if (a->family->norms[slot] == NULL)
    return 0;
  if (slot != CS_NORM_QUERY && slot != CS_NORM_KEY)
    return a->sizes.d_model;
  CsDim full = slot == CS_NORM_QUERY ? CS_DIM_QUERY : CS_DIM_KV;
  return cs_architecture_dim (a, a->family->full_width_qk_norm ? full : CS_DIM_HEAD_DIM);
}

bool
cs_architecture_has_bias (const CsArchitecture *a, CsBiasRule rule)
{
  return rule == CS_BIAS_ALWAYS || (rule == CS_BIAS_IF_ATTENTION && a->attention_bias) ||
         (rule == CS_BIAS_IF_MLP && a->mlp_bias);
}

bool
cs_architecture_parse (CsArchitecture *a,
                       json_t *config,
                       const char *name,
                       json_t *generation,
                       const char *generation_name,
                       GError **error)
{
  CsConfigReader r = { a, config, config, name, error };
  CsConfigReader g = { a, generation, generation, generation_name, error };
  memset (a, 0, sizeof *a);
  if (!json_is_object (config))
    return cs_config_refuse (&r, CS_ERROR_FORMAT, "the configuration is not a JSON object");
  if (generation != NULL && !json_is_object (generation))
    return cs_config_refuse (&g, CS_ERROR_FORMAT, "the configuration is not a JSON object");
  return read_family (&r) && read_activation (&r) && read_sizes (&r) && read_switches (&r) &&
         read_scales (&r) && read_sliding (&r) && cs_config_read_rope (&r) &&
         read_tokens (&r, generation, generation_name);
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
