#include "planted-settings.h"

#include <string.h>

#include "errors.h"
#include "json.h"

/* Numbers in all features' directions: 256 MiB. */
#define DIRECTIONS_MAX ((size_t)1 << 26)

static const char *const class_names[CS_PLANTED_N_CLASSES] = { "shared", "base-only", "chat-only",
                                                               "weak", "split" };

const char *
cs_planted_class_name (CsPlantedClass class)
{
  return class_names[class];
}

bool
cs_planted_class_parse (const char *name, CsPlantedClass *class)
{
  for (int c = 0; c < CS_PLANTED_N_CLASSES; c++)
    if (strcmp (name, class_names[c]) == 0)
      {
        *class = (CsPlantedClass)c;
        return true;
      }
  return false;
}

void
cs_planted_settings_init (CsPlantedSettings *settings)
{
  *settings = (CsPlantedSettings){
    .d_model = 64,
    .shared = 95,
    .base_only = 15,
    .chat_only = 15,
    .weak = 20,
    .split = 15,
    .frequency = .03,
    .spread = .3,
    .strength_spread = 0,
    .weak_min = .05,
    .weak_max = .5,
    .weak_levels = 5,
    .split_overlap = .85,
    .split_correlation = .9,
    .groups = 5,
    .group_size = 4,
    .group_firing = .5,
    .noise = .2,
    .tokens = 100000,
    .document_tokens = 50,
    .latents = 256,
    .k = 0,
    .mu = .1,
    .steps = 4000,
    .batch = 512,
    .lr = 3e-3,
    .held_out = .05,
  };
}

#define SIZE(field, world, min, max, what)                                                         \
  {                                                                                                \
#    field, true, world, offsetof(CsPlantedSettings, field), min, max, what                        \
  }
#define REAL(field, world, min, max, what)                                                         \
  {                                                                                                \
#    field, false, world, offsetof(CsPlantedSettings, field), min, max, what                       \
  }

static const CsPlantedSetting list[] = {
  SIZE (d_model, true, 2, 4096, "width of the residual stream"),
  SIZE (shared, true, 0, 4096, "features that both models have"),
  SIZE (base_only, true, 0, 4096, "features that base alone has"),
  SIZE (chat_only, true, 0, 4096, "features that chat alone has"),
  SIZE (weak, true, 0, 4096, "features that base has more weakly than chat"),
  SIZE (split, true, 0, 4096, "features that both have, partly at different tokens"),
  REAL (frequency, true, 1e-6, .5, "share of the tokens at which a feature is active"),
  REAL (spread, true, 0, 2, "standard deviation of the logarithm of an activation"),
  REAL (strength_spread, true, 0, 2, "standard deviation of the logarithm of a feature's strength"),
  REAL (weak_min, true, 0, 1, "least strength of a weak feature in base, chat being 1"),
  REAL (weak_max, true, 0, 1, "greatest strength of a weak feature in base"),
  SIZE (weak_levels, true, 1, 4096, "different strengths of weak features, in equal steps"),
  REAL (split_overlap, true, 0, 1, "share of a split feature's tokens in chat that base fires at"),
  REAL (split_correlation, true, 0, 1, "correlation of a split feature's log activations"),
  SIZE (groups, true, 0, 4096, "groups of shared features that come together"),
  SIZE (group_size, true, 1, 4096, "features of a group"),
  REAL (group_firing, true, .01, 1, "share of a group's occasions at which a member is active"),
  REAL (noise, true, 0, 1e3, "standard deviation of the noise in each dimension"),
  SIZE (tokens, true, 100, 1e9, "tokens of the store"),
  SIZE (document_tokens, true, 1, 4096, "tokens of a document"),
  SIZE (latents, false, 1, 1 << 20, "latents of each crosscoder"),
  SIZE (k, false, 0, 1 << 20, "k of BatchTopK; 0 = the L0 that L1 ends with"),
  REAL (mu, false, 0, 1e6, "L1 coefficient"),
  SIZE (steps, false, 1, 1e9, "training steps"),
  SIZE (batch, false, 2, 1 << 20, "tokens of a step"),
  REAL (lr, false, 0, 1e3, "learning rate"),
  REAL (held_out, false, .01, .5, "share of the documents for validation"),
};

const CsPlantedSetting *
cs_planted_setting_list (size_t *n)
{
  *n = G_N_ELEMENTS (list);
  return list;
}

double
cs_planted_setting_get (const CsPlantedSettings *settings, const CsPlantedSetting *setting)
{
  const char *field = (const char *)settings + setting->offset;

  return setting->is_size ? (double)*(const size_t *)(const void *)field
                          : *(const double *)(const void *)field;
}

void
cs_planted_setting_set (CsPlantedSettings *settings, const CsPlantedSetting *setting, double value)
{
  char *field = (char *)settings + setting->offset;

  if (setting->is_size)
    *(size_t *)(void *)field = (size_t)value;
  else
    *(double *)(void *)field = value;
}

size_t
cs_planted_settings_n_features (const CsPlantedSettings *s)
{
  return s->shared + s->base_only + s->chat_only + s->weak + s->split;
}

static bool
refuse (GError **error, const char *sentence)
{
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "These planted settings cannot be used: %s.",
               sentence);
  return false;
}

bool
cs_planted_settings_check (const CsPlantedSettings *s, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (list); i++)
    {
      const double value = cs_planted_setting_get (s, &list[i]);

      if (!(value >= list[i].min && value <= list[i].max))
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "The planted setting %s has to be between %g and %g.", list[i].name,
                       list[i].min, list[i].max);
          return false;
        }
    }
  if (cs_planted_settings_n_features (s) == 0)
    return refuse (error, "there is no feature");
  if (cs_planted_settings_n_features (s) > DIRECTIONS_MAX / (2 * s->d_model))
    return refuse (error, "there are too many features for so wide a stream");
  if (s->tokens / s->document_tokens < 2)
    return refuse (error, "there have to be two documents, of which one is held out");
  if (s->weak_min > s->weak_max)
    return refuse (error, "weak_min is more than weak_max");
  if (s->groups * s->group_size > s->shared)
    return refuse (error, "the groups have more features than there are shared ones");
  if (s->frequency > s->group_firing)
    return refuse (error, "group_firing cannot be less than the frequency");
  return true;
}

json_t *
cs_planted_settings_json (const CsPlantedSettings *settings, bool world_only)
{
  json_t *object = json_object ();

  for (size_t i = 0; i < G_N_ELEMENTS (list); i++)
    {
      const double value = cs_planted_setting_get (settings, &list[i]);

      if (list[i].is_world || !world_only)
        json_object_set_new (object, list[i].name,
                             list[i].is_size ? json_integer ((json_int_t)value)
                                             : json_real (value));
    }
  return object;
}

bool
cs_planted_settings_read (CsPlantedSettings *settings,
                          json_t *object,
                          const char *file,
                          GError **error)
{
  g_autoptr (GError) wrong = NULL;

  for (size_t i = 0; i < G_N_ELEMENTS (list); i++)
    {
      const CsPlantedSetting *setting = &list[i];
      double value = cs_planted_setting_get (settings, setting);

      if (!cs_json_get_double (object, file, setting->name, value, &value, error))
        return false;
      if (!(value >= setting->min && value <= setting->max))
        {
          g_set_error (
              error, CS_ERROR, CS_ERROR_FORMAT,
              "%s: the setting %s is not between %g and %g: make it anew with crosscope-cli plant.",
              file, setting->name, setting->min, setting->max);
          return false;
        }
      cs_planted_setting_set (settings, setting, value);
    }
  if (cs_planted_settings_check (settings, &wrong))
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: %s", file, wrong->message);
  return false;
}

const char *
cs_planted_settings_difference (const CsPlantedSettings *a,
                                const CsPlantedSettings *b,
                                bool world_only)
{
  for (size_t i = 0; i < G_N_ELEMENTS (list); i++)
    if ((list[i].is_world || !world_only) &&
        cs_planted_setting_get (a, &list[i]) != cs_planted_setting_get (b, &list[i]))
      return list[i].name;
  return NULL;
}
