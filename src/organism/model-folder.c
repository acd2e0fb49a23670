#include "model-folder.h"

#include <errno.h>
#include <string.h>
#include <glib/gstdio.h>

#include "bpe-train.h"
#include "dtype.h"
#include "errors.h"
#include "json.h"
#include "safetensors.h"

static bool
save_json (json_t *value, const char *folder, const char *name, GError **error)
{
  g_autoptr (json_t) owned = value;
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return cs_json_save (owned, path, error);
}

static bool
save_config (const CsTrainModelConfig *c, const char *folder, bool is_chat, GError **error)
{
  json_t *eos = is_chat ? json_pack ("[i, i]", CS_SPECIAL_EOS, CS_SPECIAL_END_OF_TURN)
                        : json_integer (CS_SPECIAL_EOS);
  json_t *generation =
      json_pack ("{s:b, s:i, s:O, s:i}", "_from_model_config", 1, "bos_token_id", CS_SPECIAL_BOS,
                 "eos_token_id", eos, "pad_token_id", CS_SPECIAL_PAD);
  json_t *config = json_pack (
      "{s:[s], s:b, s:f, s:i, s:o, s:I, s:s, s:I, s:f, s:I, s:I, s:b, s:s, s:I, s:I, s:I, s:i, "
      "s:i, s:f, s:n, s:f, s:b,"
      " s:s, s:b, s:I}",
      "architectures", "LlamaForCausalLM", "attention_bias", 0, "attention_dropout", 0.0,
      "bos_token_id", CS_SPECIAL_BOS, "eos_token_id", eos, "head_dim",
      (json_int_t)(c->d_model / c->n_heads), "hidden_act", "silu", "hidden_size",
      (json_int_t)c->d_model, "initializer_range", 0.02, "intermediate_size", (json_int_t)c->d_ff,
      "max_position_embeddings", (json_int_t)c->max_position, "mlp_bias", 0, "model_type", "llama",
      "num_attention_heads", (json_int_t)c->n_heads, "num_hidden_layers", (json_int_t)c->n_layers,
      "num_key_value_heads", (json_int_t)c->n_heads, "pad_token_id", CS_SPECIAL_PAD,
      "pretraining_tp", 1, "rms_norm_eps", c->norm_eps, "rope_scaling", "rope_theta", c->rope_theta,
      "tie_word_embeddings", 1, "torch_dtype", "bfloat16", "use_cache", 1, "vocab_size",
      (json_int_t)c->vocab_size);
  g_assert (config && generation);
  bool saved = save_json (config, folder, "config.json", error);
  return save_json (generation, folder, "generation_config.json", saved ? error : NULL) && saved;
}

static bool
save_weights (const CsTrainModel *model, const char *folder, GError **error)
{
  g_autofree uint16_t *halves = g_new (uint16_t, model->n_weights);
  g_autofree CsTensor *tensors = g_new0 (CsTensor, model->n_parameters);
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  const char *const metadata[] = { "format", "pt", NULL };
  cs_narrow (CS_DTYPE_BF16, model->weights, halves, model->n_weights);
  for (size_t i = 0; i < model->n_parameters; i++)
    {
      const CsTrainParameter *p = &model->parameters[i];
      tensors[i] = (CsTensor){ .name = p->name,
                               .dtype = CS_DTYPE_BF16,
                               .n_dims = p->n_dims,
                               .shape = { p->shape[0], p->shape[1] },
                               .n_elements = p->n,
                               .data = halves + p->offset,
                               .n_bytes = 2 * p->n };
    }
  return cs_safetensors_write (path, tensors, model->n_parameters, metadata, error);
}

bool
cs_model_folder_save (const CsTrainModel *model, const char *folder, bool is_chat, GError **error)
{
  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "Cannot make the folder “%s”: %s", folder,
                   g_strerror (errno));
      return false;
    }
  return save_weights (model, folder, error) &&
         save_config (&model->config, folder, is_chat, error);
}

/* Sizes are bounded so that no product of them overflows and no file can ask for gigabytes. */
static bool
load_config (const char *folder, CsTrainModelConfig *c, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "config.json", NULL);
  g_autoptr (json_t) json = cs_json_load (path, 1 << 20, error);
  const char *type = NULL;
  size_t n_kv_heads;
  if (json == NULL || !cs_json_get_string (json, path, "model_type", "", &type, error) ||
      !cs_json_get_size (json, path, "vocab_size", 1, 65536, 0, &c->vocab_size, error) ||
      !cs_json_get_size (json, path, "hidden_size", 2, 1024, 0, &c->d_model, error) ||
      !cs_json_get_size (json, path, "num_hidden_layers", 1, 64, 0, &c->n_layers, error) ||
      !cs_json_get_size (json, path, "num_attention_heads", 1, 64, 0, &c->n_heads, error) ||
      !cs_json_get_size (json, path, "num_key_value_heads", 1, 64, c->n_heads, &n_kv_heads,
                         error) ||
      !cs_json_get_size (json, path, "intermediate_size", 1, 8192, 0, &c->d_ff, error) ||
      !cs_json_get_size (json, path, "max_position_embeddings", 1, 4096, 0, &c->max_position,
                         error) ||
      !cs_json_get_double (json, path, "rms_norm_eps", 1e-5, &c->norm_eps, error) ||
      !cs_json_get_double (json, path, "rope_theta", 1e4, &c->rope_theta, error))
    return false;
  bool complete =
      c->vocab_size && c->d_model && c->n_layers && c->n_heads && c->d_ff && c->max_position;
  if (!complete || strcmp (type, "llama") != 0 || n_kv_heads != c->n_heads ||
      c->d_model % (2 * c->n_heads) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "“%s” does not describe a model that this program has trained: choose the "
                   "folder of a demo pair",
                   path);
      return false;
    }
  return true;
}

CsTrainModel *
cs_model_folder_load (const char *folder, GError **error)
{
  CsTrainModelConfig config = { 0 };
  if (!load_config (folder, &config, error))
    return NULL;
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autoptr (CsSafetensors) file = cs_safetensors_open (path, error);
  if (file == NULL)
    return NULL;
  g_autoptr (CsTrainModel) model = cs_train_model_new (&config, 0);
  for (size_t i = 0; i < model->n_parameters; i++)
    {
      const CsTrainParameter *p = &model->parameters[i];
      const CsTensor *tensor = cs_safetensors_get (file, p->name, p->n_dims, p->shape, error);
      if (tensor == NULL)
        return NULL;
      if (!cs_widen (tensor->dtype, tensor->data, model->weights + p->offset, p->n))
        {
          g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                       "“%s” holds “%s” as %s: it has to be F32, F16 or BF16", path, p->name,
                       cs_dtype_name (tensor->dtype));
          return NULL;
        }
    }
  return g_steal_pointer (&model);
}

void
cs_model_folder_round (CsTrainModel *model)
{
  for (size_t i = 0; i < model->n_weights; i++)
    model->weights[i] = cs_bfloat_to_float (cs_float_to_bfloat (model->weights[i]));
}
