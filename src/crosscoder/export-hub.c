/* A folder that dictionary_learning opens: its tensors, and its constructor's arguments. */
#include <math.h>

#include <glib/gstdio.h>

#include "crosscoder-private.h"
#include "errors.h"
#include "exchange.h"
#include "json.h"
#include "train-config.h"

static const char *const code_norms[] = { "CROSSCODER", "SAE", "MIXED", "NONE", "DECOUPLED" };

static void
copy (json_t *to, json_t *from, const char *key)
{
  json_t *value = json_object_get (from, key);
  if (value)
    json_object_set (to, key, value);
}

/* Arguments of CrossCoder.__init__ and BatchTopKCrossCoder.__init__, and nothing else: the library
 * passes every key on, and one that it does not know is an error there. The activations' moments
 * are buffers. */
static json_t *
constructor (const CsCrosscoder *crosscoder, json_t *run)
{
  const bool batch_top_k = crosscoder->variant == CS_VARIANT_BATCHTOPK;
  json_t *config = json_object (), *init = json_object_get (run, "norm_init_scale");
  json_object_set_new (config, "activation_dim", json_integer ((json_int_t)crosscoder->d_model));
  json_object_set_new (config, "dict_size", json_integer ((json_int_t)crosscoder->n_latents));
  json_object_set_new (config, "num_layers", json_integer (2));
  if (batch_top_k)
    json_object_set_new (config, "k", json_integer ((json_int_t)crosscoder->k));
  json_object_set_new (config, "norm_init_scale",
                       json_is_number (init) ? json_real (json_number_value (init))
                                             : json_real (1));
  json_object_set_new (config, "same_init_for_all_layers", json_true ());
  json_object_set_new (config, "init_with_transpose", json_true ());
  json_object_set_new (config, "encoder_layers", json_null ());
  json_object_set_new (config, "num_decoder_layers", json_null ());
  json_object_set_new (config, "latent_processor", json_null ());
  json_object_set_new (config, "code_normalization",
                       json_string (code_norms[crosscoder->code_norm - 1]));
  json_object_set_new (config, "code_normalization_alpha_sae",
                       json_real ((double)crosscoder->mixed[0]));
  json_object_set_new (config, "code_normalization_alpha_cc",
                       json_real ((double)crosscoder->mixed[1]));
  json_object_set_new (config, "activation_mean", json_null ());
  json_object_set_new (config, "activation_std", json_null ());
  json_object_set_new (config, "target_rms", json_real ((double)crosscoder->target_rms));
  return config;
}

/* The settings as the training library writes them; "lm_name" is chat-base there, although tensors
 * are base, chat. */
static json_t *
trainer (const CsCrosscoder *crosscoder, json_t *run)
{
  static const char *const kept[] = { "lr",      "steps", "warmup_steps", "layer",
                                      "lm_name", "seed",  "batch_size" };
  const bool batch_top_k = crosscoder->variant == CS_VARIANT_BATCHTOPK;
  json_t *inner = json_object (), *outer = json_object ();
  json_object_set_new (inner, "dict_class",
                       json_string (batch_top_k ? "BatchTopKCrossCoder" : "CrossCoder"));
  json_object_set_new (
      inner, "trainer_class",
      json_string (batch_top_k ? "BatchTopKCrossCoderTrainer" : "CrossCoderTrainer"));
  json_object_set_new (inner, "activation_dim", json_integer ((json_int_t)crosscoder->d_model));
  json_object_set_new (inner, "dict_size", json_integer ((json_int_t)crosscoder->n_latents));
  json_object_set_new (inner, "code_normalization",
                       json_string (code_norms[crosscoder->code_norm - 1]));
  for (size_t i = 0; i < G_N_ELEMENTS (kept); i++)
    copy (inner, run, kept[i]);
  if (batch_top_k)
    json_object_set_new (inner, "k", json_integer ((json_int_t)crosscoder->k));
  else
    copy (inner, run, "l1_penalty");
  json_object_set_new (outer, "trainer", inner);
  return outer;
}

static bool
save_json (json_t *value, const char *folder, const char *name, GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  const bool ok = cs_json_save (value, path, error);
  json_decref (value);
  return ok;
}

bool
cs_crosscoder_export_hub (const char *run_folder, const char *folder, GError **error)
{
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (run_folder, error);
  if (!crosscoder)
    return false;
  if (crosscoder->variant == CS_VARIANT_TOPK)
    {
      g_set_error (
          error, CS_ERROR, CS_ERROR_UNSUPPORTED,
          "“%s” is a TopK crosscoder, for which dictionary_learning has no class: export a "
          "BatchTopK or an L1 crosscoder.",
          run_folder);
      return false;
    }
  g_autofree char *config_path = g_build_filename (run_folder, "config.json", NULL);
  g_autofree char *from = g_canonicalize_filename (run_folder, NULL);
  g_autofree char *to = g_canonicalize_filename (folder, NULL);
  if (g_strcmp0 (from, to) == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "“%s” is the run itself: export into another folder.", folder);
      return false;
    }
  if (!cs_run_folder_check (folder, error))
    return false;
  g_autoptr (json_t) run = cs_json_load (config_path, 1 << 20, NULL);
  g_autofree char *model = g_build_filename (folder, "model.safetensors", NULL);
  const char *metadata[] = { "format", "pt", NULL };
  if (g_mkdir_with_parents (folder, 0777) != 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder “%s” cannot be made: choose another.",
                   folder);
      return false;
    }
  crosscoder->folded[0] = crosscoder->folded[1] = 1; /* a tensor that only we know */
  return cs_crosscoder_write (crosscoder, model, metadata, error) &&
         save_json (constructor (crosscoder, run), folder, "config.json", error) &&
         save_json (trainer (crosscoder, run), folder, "trainer_config.json", error);
}
