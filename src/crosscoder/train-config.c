/* The settings of a run and their JSON: dictionary_learning's keys where it has them. */
#include <math.h>

#include "file-error.h"
#include "json.h"
#include "train-config.h"

#define COUNT_MAX ((size_t)1 << 50)

void
cs_train_config_init (CsTrainConfig *config, CsVariant variant, size_t d_model)
{
  const bool l1 = variant == CS_VARIANT_L1;
  *config = (CsTrainConfig){
    .variant = variant,
    .n_latents = 32 * d_model,
    .k = 100,
    .mu = 0.041,
    .steps = 97656,
    .batch = 2048,
    .lr = 1e-4,
    .warmup_steps = 1000,
    .clip_norm = l1 ? 0 : 1,
    .aux_alpha = 1. / 32,
    .dead_tokens = 10000000,
    .threshold_start_step = 1000,
    .threshold_beta = 0.999,
    .init_norm = l1 ? 0.005 : 1,
    .code_norm = CS_CODE_NORM_CROSSCODER,
    .target_rms = 1,
    .seed = 42,
    .log_every = 10,
    .snapshot_every = 100,
    .checkpoint_seconds = 60,
    .held_out = 0.05,
    .validate_every = 20000,
  };
}

char **
cs_train_config_clamp (CsTrainConfig *config)
{
  GPtrArray *changes = g_ptr_array_new ();
  const size_t steps = config->schedule_steps ? config->schedule_steps : config->steps;
  const uint64_t tokens = (uint64_t) steps * config->batch;
  if (config->warmup_steps > steps / 10)
    {
      g_ptr_array_add (changes,
                       g_strdup_printf ("Warm-up shortened from %zu to %zu steps, a tenth of "
                                        "the run.",
                                        config->warmup_steps, steps / 10));
      config->warmup_steps = steps / 10;
    }
  if (config->variant == CS_VARIANT_BATCHTOPK && config->threshold_start_step > steps / 2)
    {
      g_ptr_array_add (changes,
                       g_strdup_printf ("The threshold's average begins after step %zu instead "
                                        "of %zu, half-way through the run.",
                                        steps / 2, config->threshold_start_step));
      config->threshold_start_step = steps / 2;
    }
  if (config->dead_tokens > MAX (1, tokens / 10))
    {
      g_ptr_array_add (changes, g_strdup_printf ("A latent counts as dead after %" G_GUINT64_FORMAT
                                                 " silent tokens instead of %" G_GUINT64_FORMAT
                                                 ", a tenth of the run.",
                                                 MAX (1, tokens / 10), config->dead_tokens));
      config->dead_tokens = MAX (1, tokens / 10);
    }
  g_ptr_array_add (changes, NULL);
  return (char **)g_ptr_array_free (changes, FALSE);
}

static bool
usage_error (GError **error, const char *what)
{
  cs_file_error (error, CS_ERROR_USAGE, "These training settings cannot be used: %s.", what);
  return false;
}

static bool
is_from (double value, double min, double max)
{
  return value >= min && value <= max; /* NaN is not */
}

bool
cs_train_config_check (const CsTrainConfig *config, GError **error)
{
  if (config->n_latents == 0 || config->n_latents > (size_t)1 << 28)
    return usage_error (error, "the number of latents has to be between 1 and 268435456");
  if (config->variant != CS_VARIANT_L1 && (config->k == 0 || config->k > config->n_latents))
    return usage_error (error, "k has to be between 1 and the number of latents");
  if (config->k_max > config->n_latents)
    return usage_error (error, "k_max cannot be more than the number of latents");
  if (config->batch < 2 || config->batch > (size_t)1 << 24)
    return usage_error (error, "the batch has to be between 2 and 16777216 tokens");
  if (config->steps == 0 || config->steps > (size_t)1 << 32)
    return usage_error (error, "the number of steps has to be from 1 to 4294967296");
  if (!is_from (config->lr, 0, 1e3) || !is_from (config->mu, 0, 1e6) ||
      !is_from (config->clip_norm, 0, 1e12))
    return usage_error (error, "the learning rate has to be from 0 to 1000, the L1 coefficient from "
                               "0 to 1e6, and gradient clipping cannot be negative");
  if (!is_from (config->aux_alpha, 0, 1e6) || !is_from (config->threshold_beta, 0, 1))
    return usage_error (error,
                        "the auxiliary weight has to be from 0 to 1e6 and the threshold's average "
                        "needs a factor from 0 to 1");
  if (!is_from (config->init_norm, 1e-12, 1e6) || !is_from (config->target_rms, 1e-12, 1e12))
    return usage_error (error, "the initial norm and the target RMS have to be positive");
  if (!is_from (config->held_out, 0, 0.5))
    return usage_error (error, "the held-out share has to be between 0 and a half");
  if (!is_from (config->checkpoint_seconds, 0, 1e9))
    return usage_error (error, "the seconds between checkpoints have to be from 0 to 1e9");
  if (config->code_norm < CS_CODE_NORM_CROSSCODER || config->code_norm > CS_CODE_NORM_NONE)
    return usage_error (error, "the code normalisation has to be CROSSCODER, SAE, MIXED or NONE");
  return true;
}

double
cs_train_config_lr (const CsTrainConfig *config)
{
  return config->lr > 0 ? config->lr : 2e-4 / sqrt ((double)config->n_latents / 16384);
}

static const char *const code_norm_names[] = { "CROSSCODER", "SAE", "MIXED", "NONE", "DECOUPLED" };

/* One table for writing, reading and comparing: every setting but the enumerations. */
typedef enum
{
  SIZE,
  U64,
  UNSIGNED,
  REAL,
  BOOL
} Kind;
typedef struct
{
  const char *key;
  Kind kind;
  size_t offset;
  bool cadence; /* how often something is written and on how many threads: not part of what is
                   computed */
} Field;

#define FIELD(key, kind, member, cadence)                                                          \
  {                                                                                                \
    key, kind, G_STRUCT_OFFSET (CsTrainConfig, member), cadence                                    \
  }
static const Field fields[] = {
  FIELD ("dict_size", SIZE, n_latents, false),
  FIELD ("k", SIZE, k, false),
  FIELD ("l1_penalty", REAL, mu, false),
  FIELD ("steps", SIZE, steps, true),
  FIELD ("batch_size", SIZE, batch, false),
  FIELD ("lr", REAL, lr, false),
  FIELD ("warmup_steps", SIZE, warmup_steps, false),
  FIELD ("decay_start", SIZE, decay_start, false),
  FIELD ("clip_norm", REAL, clip_norm, false),
  FIELD ("auxk_alpha", REAL, aux_alpha, false),
  FIELD ("aux_k", SIZE, aux_k, false),
  FIELD ("dead_tokens", U64, dead_tokens, false),
  FIELD ("threshold_start_step", SIZE, threshold_start_step, false),
  FIELD ("threshold_beta", REAL, threshold_beta, false),
  FIELD ("k_max", SIZE, k_max, false),
  FIELD ("k_annealing_steps", SIZE, k_anneal_steps, false),
  FIELD ("norm_init_scale", REAL, init_norm, false),
  FIELD ("use_mse_loss", BOOL, squared_error, false),
  FIELD ("normalize_activations", BOOL, normalise, false),
  FIELD ("target_rms", REAL, target_rms, false),
  FIELD ("seed", U64, seed, false),
  FIELD ("log_every", SIZE, log_every, true),
  FIELD ("snapshot_every", SIZE, snapshot_every, true),
  FIELD ("checkpoint_steps", SIZE, checkpoint_steps, true),
  FIELD ("checkpoint_seconds", REAL, checkpoint_seconds, true),
  FIELD ("held_out", REAL, held_out, false),
  FIELD ("validate_every", SIZE, validate_every, true),
  FIELD ("n_threads", UNSIGNED, n_threads, true),
  FIELD ("schedule_steps", SIZE, schedule_steps, true),
};

static void
write_field (json_t *object, const Field *field, const CsTrainConfig *config)
{
  const void *at = (const char *)config + field->offset;
  json_t *value;
  switch (field->kind)
    {
    case SIZE:
      value = json_integer ((json_int_t) * (const size_t *)at);
      break;
    case U64:
      value = json_integer ((json_int_t) * (const uint64_t *)at);
      break;
    case UNSIGNED:
      value = json_integer (*(const unsigned *)at);
      break;
    case BOOL:
      value = json_boolean (*(const bool *)at);
      break;
    case REAL:
    default:
      value = json_real (*(const double *)at);
    }
  json_object_set_new (object, field->key, value);
}

bool
cs_train_config_save (const CsTrainConfig *config,
                      const char *run_folder,
                      size_t d_model,
                      const char *store_path,
                      GError **error)
{
  static const char *const classes[] = { "CrossCoder", "TopKCrossCoder", "BatchTopKCrossCoder" };
  g_autofree char *path = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (json_t) object = json_object ();
  json_object_set_new (object, "dict_class", json_string (classes[config->variant]));
  json_object_set_new (object, "variant", json_string (cs_variant_name (config->variant)));
  json_object_set_new (object, "activation_dim", json_integer ((json_int_t)d_model));
  json_object_set_new (object, "num_layers", json_integer (2));
  json_object_set_new (object, "same_init_for_all_layers", json_true ());
  json_object_set_new (object, "init_with_transpose", json_true ());
  json_object_set_new (object, "code_normalization",
                       json_string (code_norm_names[config->code_norm - 1]));
  json_object_set_new (object, "code_normalization_alpha_sae", json_real (1));
  json_object_set_new (object, "code_normalization_alpha_cc", json_real (0.1));
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    write_field (object, &fields[i], config);
  if (store_path)
    json_object_set_new (object, "store", json_string (store_path));
  return cs_json_save (object, path, error);
}

static bool
read_u64 (json_t *object, const char *path, const char *key, uint64_t *out, GError **error)
{
  json_t *value = json_object_get (object, key);
  if (!value || json_is_null (value))
    return true;
  if (!json_is_integer (value))
    {
      cs_file_error (error, CS_ERROR_FORMAT, "“%s”: “%s” has to be a whole number.", path, key);
      return false;
    }
  *out = (uint64_t)json_integer_value (value);
  return true;
}

static bool
read_field (json_t *object,
            const char *path,
            const Field *field,
            CsTrainConfig *config,
            GError **error)
{
  void *at = (char *)config + field->offset;
  size_t size;
  switch (field->kind)
    {
    case SIZE:
      return cs_json_get_size (object, path, field->key, 0, COUNT_MAX, *(size_t *)at, at, error);
    case U64:
      return read_u64 (object, path, field->key, at, error);
    case UNSIGNED:
      if (!cs_json_get_size (object, path, field->key, 0, 4096, *(unsigned *)at, &size, error))
        return false;
      *(unsigned *)at = (unsigned)size;
      return true;
    case BOOL:
      return cs_json_get_bool (object, path, field->key, *(bool *)at, at, error);
    case REAL:
    default:
      return cs_json_get_double (object, path, field->key, *(double *)at, at, error);
    }
}

bool
cs_train_config_load (CsTrainConfig *config, const char *run_folder, GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (json_t) object = cs_json_load (path, 1 << 20, error);
  const char *variant_name = NULL, *code_norm = NULL;
  size_t d_model;
  CsVariant variant;
  if (!object || !cs_json_get_string (object, path, "variant", "", &variant_name, error) ||
      !cs_json_get_string (object, path, "code_normalization", code_norm_names[0], &code_norm,
                           error) ||
      !cs_json_get_size (object, path, "activation_dim", 1, 1 << 20, 1, &d_model, error))
    return false;
  if (!cs_variant_parse (variant_name, &variant))
    {
      cs_file_error (error, CS_ERROR_FORMAT,
                     "“%s”: “variant” has to be l1, topk or batchtopk, not “%s”.", path,
                     variant_name);
      return false;
    }
  cs_train_config_init (config, variant, d_model);
  config->code_norm = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (code_norm_names); i++)
    if (g_ascii_strcasecmp (code_norm, code_norm_names[i]) == 0)
      config->code_norm = (CsCodeNorm)(i + 1);
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    if (!read_field (object, path, &fields[i], config, error))
      return false;
  /* An imported run may have a code that is not trained here. */
  CsTrainConfig checked = *config;
  if (json_is_object (json_object_get (object, "imported")) && checked.code_norm == CS_CODE_NORM_DECOUPLED)
    checked.code_norm = CS_CODE_NORM_NONE;
  if (cs_train_config_check (&checked, error))
    return true;
  g_prefix_error (error, "“%s”: ", path);
  return false;
}

static bool
same_field (const Field *field, const CsTrainConfig *a, const CsTrainConfig *b)
{
  const char *p = (const char *)a + field->offset, *q = (const char *)b + field->offset;
  switch (field->kind)
    {
    case SIZE:
      return *(const size_t *)p == *(const size_t *)q;
    case U64:
      return *(const uint64_t *)p == *(const uint64_t *)q;
    case UNSIGNED:
      return *(const unsigned *)p == *(const unsigned *)q;
    case BOOL:
      return *(const bool *)p == *(const bool *)q;
    case REAL:
    default:
      return *(const double *)p == *(const double *)q;
    }
}

const char *
cs_train_config_difference (const CsTrainConfig *a, const CsTrainConfig *b)
{
  if (a->variant != b->variant)
    return "variant";
  if (a->code_norm != b->code_norm)
    return "code_normalization";
  for (size_t i = 0; i < G_N_ELEMENTS (fields); i++)
    if (!fields[i].cadence && !same_field (&fields[i], a, b))
      return fields[i].key;
  return NULL;
}

bool
cs_run_folder_check (const char *folder, GError **error)
{
  static const char *const keys[] = { "variant", "dict_class", "dict_size", "activation_dim" };
  g_autofree char *config = g_build_filename (folder, "config.json", NULL);
  g_autofree char *model = g_build_filename (folder, "model.safetensors", NULL);
  const bool has_config = g_file_test (config, G_FILE_TEST_EXISTS);
  g_autoptr (json_t) object = has_config ? cs_json_load (config, 1 << 20, NULL) : NULL;
  bool is_run = !has_config && !g_file_test (model, G_FILE_TEST_EXISTS);
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    is_run = is_run || json_object_get (object, keys[i]);
  if (!is_run)
    g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                 "“%s” holds a %s that is not a crosscoder's: choose another folder.", folder,
                 has_config ? "config.json" : "model.safetensors");
  return is_run;
}
