/* Rotary positions: rope_theta and rope_scaling of transformers 4, rope_parameters of 5. */
#include "model-config-private.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"

static bool
read_llama3 (const CsConfigReader *r, json_t *scaling, CsRope *rope)
{
  /* 0 is refused: these two have no default. */
  if (!cs_config_positive (r, scaling, "low_freq_factor", 0, &rope->low) ||
      !cs_config_positive (r, scaling, "high_freq_factor", 0, &rope->high) ||
      !cs_config_positive (r, scaling, "original_max_position_embeddings",
                           (double)r->a->sizes.max_position, &rope->original))
    return false;
  if (rope->high <= rope->low)
    return cs_config_refuse (r, CS_ERROR_FORMAT,
                             "high_freq_factor has to be above low_freq_factor");
  rope->type = CS_ROPE_LLAMA3;
  return true;
}

static bool
read_scaling (const CsConfigReader *r, json_t *scaling, bool needs_type, CsRope *rope)
{
  const char *type = NULL;
  if (!cs_json_get_string (scaling, r->name, "type", needs_type ? NULL : "default", &type,
                           r->error) ||
      !cs_json_get_string (scaling, r->name, "rope_type", type, &type, r->error))
    return false;
  if (type == NULL)
    return cs_config_refuse (r, CS_ERROR_FORMAT, "rope_scaling does not say its rope_type");
  if (strcmp (type, "default") == 0)
    return true;
  bool linear = strcmp (type, "linear") == 0;
  if (!linear && strcmp (type, "llama3") != 0)
    return cs_config_refuse (r, CS_ERROR_UNSUPPORTED,
                             "rope scaling “%.64s” is not supported (only linear and llama3)",
                             type);
  if (!cs_config_positive (r, scaling, "factor", 0, &rope->factor))
    return false;
  if (!linear)
    return read_llama3 (r, scaling, rope);
  rope->type = CS_ROPE_LINEAR;
  return true;
}

/* The share of a head that turns. Most families turn all of it and know no other. */
static bool
read_fraction (const CsConfigReader *r, json_t *object, const char *key, double *fraction)
{
  if (!cs_config_positive (r, object, key, *fraction, fraction))
    return false;
  if (r->a->family->rotary_fraction_key == NULL && *fraction != 1)
    return cs_config_refuse (r, CS_ERROR_UNSUPPORTED, "%s is not supported for this model type",
                             key);
  return true;
}

/* rope_parameters, or its part for one type of layers. */
static bool
read_parameters (const CsConfigReader *r, json_t *parameters, CsRope *rope, double *fraction)
{
  return cs_config_positive (r, parameters, "rope_theta", rope->theta, &rope->theta) &&
         read_fraction (r, parameters, "partial_rotary_factor", fraction) &&
         read_scaling (r, parameters, false, rope);
}

/* rope_parameters for each type of layers: *nested says whether it is of that kind. */
static bool
read_nested (const CsConfigReader *r, json_t *parameters, bool *nested, double *fraction)
{
  static const char *const types[] = { "full_attention", "sliding_attention" };
  const char *key;
  json_t *value;
  *nested = false;
  json_object_foreach (parameters, key, value)
  {
    if (!json_is_object (value))
      continue;
    *nested = true;
    if (r->a->family->window == CS_WINDOW_NEVER ||
        (strcmp (key, types[0]) != 0 && strcmp (key, types[1]) != 0))
      return cs_config_refuse (
          r, CS_ERROR_UNSUPPORTED,
          "rope_parameters for the layer type “%.64s” are not supported for this model type", key);
  }
  for (int i = 0; *nested && i < CS_N_ROPES; i++)
    {
      json_t *part = json_object_get (parameters, types[i]);
      if (json_is_object (part) && !read_parameters (r, part, &r->a->rope[i], fraction))
        return false;
    }
  return true;
}

/* One description for all layers; local layers of their own base are never scaled. */
static bool
read_flat (const CsConfigReader *r, double *fraction)
{
  CsRope *rope = r->a->rope;
  json_t *parameters = json_object_get (r->config, "rope_parameters");
  json_t *scaling = json_object_get (r->config, "rope_scaling");
  if (cs_config_is_set (r->config, "rope_parameters"))
    {
      if (!read_parameters (r, parameters, &rope[CS_ROPE_GLOBAL], fraction))
        return false;
    }
  else if (cs_config_is_set (r->config, "rope_scaling") &&
           !read_scaling (r, scaling, true, &rope[CS_ROPE_GLOBAL]))
    return false;
  if (r->a->family->local_theta_key == NULL)
    rope[CS_ROPE_LOCAL] = rope[CS_ROPE_GLOBAL];
  return true;
}

static bool
read_thetas (const CsConfigReader *r, double *fraction)
{
  const CsFamily *family = r->a->family;
  CsRope *rope = r->a->rope;
  if (!cs_config_positive (r, r->config, "rope_theta", family->rope_theta,
                           &rope[CS_ROPE_GLOBAL].theta) ||
      !cs_config_positive (r, r->config, family->rope_theta_key, rope[CS_ROPE_GLOBAL].theta,
                           &rope[CS_ROPE_GLOBAL].theta))
    return false;
  rope[CS_ROPE_LOCAL].theta = rope[CS_ROPE_GLOBAL].theta;
  if (family->local_theta_key != NULL &&
      !cs_config_positive (r, r->config, family->local_theta_key, family->local_theta,
                           &rope[CS_ROPE_LOCAL].theta))
    return false;
  *fraction = family->rotary_fraction;
  return read_fraction (r, r->config, "partial_rotary_factor", fraction) &&
         (family->rotary_fraction_key == NULL ||
          read_fraction (r, r->config, family->rotary_fraction_key, fraction));
}

/* Pairs are (i, i + n/2) of the first n dimensions. */
static bool
set_rotated (const CsConfigReader *r, double fraction)
{
  CsModelConfig *s = &r->a->sizes;
  double n = floor ((double)s->head_dim * fraction);
  if (!(n >= 2 && n <= (double)s->head_dim) || fmod (n, 2) != 0)
    return cs_config_refuse (r, CS_ERROR_FORMAT,
                             "rotary positions need pairs, but %g of head_dim %zu gives %g",
                             fraction, s->head_dim, n);
  s->n_rotated = (size_t)n;
  return true;
}

static void
publish (CsArchitecture *a)
{
  static const char *const names[] = {
    [CS_ROPE_PLAIN] = NULL, [CS_ROPE_LINEAR] = "linear", [CS_ROPE_LLAMA3] = "llama3"
  };
  a->sizes.rope_theta = a->rope[CS_ROPE_GLOBAL].theta;
  a->sizes.local_theta = a->rope[CS_ROPE_LOCAL].theta;
  a->sizes.rope_scaling = names[a->rope[CS_ROPE_GLOBAL].type];
}

bool
cs_config_read_rope (const CsConfigReader *r)
{
  static const char *const keys[] = { "rope_parameters", "rope_scaling" };
  double fraction;
  bool nested;
  for (size_t i = 0; i < G_N_ELEMENTS (keys); i++)
    if (cs_config_is_set (r->config, keys[i]) &&
        !json_is_object (json_object_get (r->config, keys[i])))
      return cs_config_refuse (r, CS_ERROR_FORMAT, "%s is not an object", keys[i]);
  if (!read_thetas (r, &fraction) ||
      !read_nested (r, json_object_get (r->config, "rope_parameters"), &nested, &fraction) ||
      (!nested && !read_flat (r, &fraction)) || !set_rotated (r, fraction))
    return false;
  publish (r->a);
  return true;
}

bool
cs_rope_equal (const CsRope *a, const CsRope *b)
{
  return a->type == b->type && a->theta == b->theta && a->factor == b->factor && a->low == b->low &&
         a->high == b->high && a->original == b->original;
}

void
cs_rope_frequencies (const CsRope *rope, size_t n_rotated, double *frequencies)
{
  for (size_t i = 0; i < n_rotated / 2; i++)
    {
      double f = pow (rope->theta, -2.0 * (double)i / (double)n_rotated);
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
