#include "planted-truth.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "file-replace.h"
#include "json.h"

#define FILE_MAX ((size_t)512 << 20)

static const char *const models[2] = { "base", "chat" };

void
cs_planted_truth_free (CsPlantedTruth *truth)
{
  if (truth == NULL)
    return;
  g_free (truth->features);
  g_free (truth->directions);
  g_free (truth);
}

const float *
cs_planted_truth_direction (const CsPlantedTruth *truth, size_t feature, int model)
{
  return truth->directions + (2 * feature + (size_t)model) * truth->settings.d_model;
}

/* --- Writing --- */

static json_t *
direction_json (const float *direction, size_t d, double strength)
{
  json_t *array;

  if (strength <= 0)
    return json_null ();
  array = json_array ();
  for (size_t i = 0; i < d; i++)
    json_array_append_new (array, json_real ((double)direction[i]));
  return array;
}

static json_t *
feature_json (const CsPlantedTruth *truth, size_t i)
{
  const CsPlantedFeature *f = &truth->features[i];
  const size_t d = truth->settings.d_model;

  return json_pack ("{s:I, s:s, s:o, s:o, s:{s:f, s:f}, s:{s:f, s:f}, s:{s:o, s:o}}", "feature",
                    (json_int_t)i, "class", cs_planted_class_name (f->class), "nu",
                    isfinite (f->nu) ? json_real (f->nu) : json_null (), "group",
                    f->group >= 0 ? json_integer (f->group) : json_null (), "strength", models[0],
                    f->strength[0], models[1], f->strength[1], "frequency", models[0],
                    f->frequency[0], models[1], f->frequency[1], "direction", models[0],
                    direction_json (cs_planted_truth_direction (truth, i, 0), d, f->strength[0]),
                    models[1],
                    direction_json (cs_planted_truth_direction (truth, i, 1), d, f->strength[1]));
}

bool
cs_planted_truth_save (const CsPlantedTruth *truth, const char *path, GError **error)
{
  g_autoptr (json_t) root = json_pack (
      "{s:i, s:I, s:o}", "format_version", CS_PLANTED_FORMAT_VERSION, "seed",
      (json_int_t)truth->seed, "settings", cs_planted_settings_json (&truth->settings, true));
  json_t *features = json_array ();
  char *text;
  bool ok;

  for (size_t i = 0; i < truth->n_features; i++)
    json_array_append_new (features, feature_json (truth, i));
  json_object_set_new (root, "features", features);
  text = json_dumps (root, JSON_COMPACT | JSON_REAL_PRECISION (9));
  ok = cs_file_replace_contents (path, text, strlen (text), error);
  free (text);
  return ok;
}

/* --- Reading --- */

static bool
refuse (GError **error, const char *path, size_t feature, const char *what)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "%s: feature %zu has no valid “%s”: plant the world again.", path, feature, what);
  return false;
}

/* {"base": number, "chat": number}, each from 0 to max. */
static bool
read_two (json_t *object, const char *key, double max, double *out)
{
  json_t *two = json_object_get (object, key);

  for (int m = 0; m < 2; m++)
    {
      json_t *value = json_object_get (two, models[m]);

      out[m] = json_number_value (value);
      if (!json_is_number (value) || !(out[m] >= 0 && out[m] <= max))
        return false;
    }
  return true;
}

static bool
read_direction (json_t *array, size_t d, double strength, float *out)
{
  double sum = 0;

  if (strength <= 0)
    return array == NULL || json_is_null (array);
  if (json_array_size (array) != d)
    return false;
  for (size_t i = 0; i < d; i++)
    {
      json_t *value = json_array_get (array, i);
      const double x = json_number_value (value);

      if (!json_is_number (value) || !(fabs (x) <= 1.001))
        return false;
      out[i] = (float)x;
      sum += x * x;
    }
  return fabs (sum - 1) < 1e-3;
}

/* null or no member: NaN and −1. */
static bool
read_optional (json_t *object, CsPlantedFeature *f)
{
  json_t *nu = json_object_get (object, "nu"), *group = json_object_get (object, "group");

  f->nu = json_is_number (nu) ? json_number_value (nu) : NAN;
  f->group = json_is_integer (group) ? (int)CLAMP (json_integer_value (group), -1, G_MAXINT) : -1;
  return (json_is_null (nu) || nu == NULL) ? f->strength[1] <= 0
                                           : f->strength[1] > 0 && isfinite (f->nu);
}

static bool
read_feature (CsPlantedTruth *truth, size_t i, json_t *object, const char *path, GError **error)
{
  CsPlantedFeature *f = &truth->features[i];
  const size_t d = truth->settings.d_model;
  const char *name = json_string_value (json_object_get (object, "class"));
  json_t *directions = json_object_get (object, "direction");

  if (name == NULL || !cs_planted_class_parse (name, &f->class))
    return refuse (error, path, i, "class");
  if (!read_two (object, "strength", 1e6, f->strength))
    return refuse (error, path, i, "strength");
  if (!read_two (object, "frequency", 1, f->frequency))
    return refuse (error, path, i, "frequency");
  if (!read_optional (object, f))
    return refuse (error, path, i, "nu");
  for (size_t m = 0; m < 2; m++)
    if (!read_direction (json_object_get (directions, models[m]), d, f->strength[m],
                         truth->directions + (2 * i + m) * d))
      return refuse (error, path, i, "direction");
  return true;
}

static bool
read_head (CsPlantedTruth *truth, json_t *root, const char *path, GError **error)
{
  size_t version, seed;
  json_t *settings = json_object_get (root, "settings");

  if (!cs_json_get_size (root, path, "format_version", 0, G_MAXINT, 0, &version, error))
    return false;
  if (version > CS_PLANTED_FORMAT_VERSION)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s has format version %zu; this program knows up to %d: use a newer one.", path,
                   version, CS_PLANTED_FORMAT_VERSION);
      return false;
    }
  if (version < 1 || !json_is_object (settings))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s is not the truth of a planted store.",
                   path);
      return false;
    }
  if (!cs_json_get_size (root, path, "seed", 0, G_MAXINT64, 0, &seed, error))
    return false;
  truth->seed = seed;
  cs_planted_settings_init (&truth->settings);
  return cs_planted_settings_read (&truth->settings, settings, path, error);
}

CsPlantedTruth *
cs_planted_truth_load (const char *path, GError **error)
{
  g_autoptr (CsPlantedTruth) truth = g_new0 (CsPlantedTruth, 1);
  g_autoptr (json_t) root = cs_json_load (path, FILE_MAX, error);
  json_t *features;

  if (root == NULL || !read_head (truth, root, path, error))
    return NULL;
  features = json_object_get (root, "features");
  truth->n_features = json_array_size (features);
  if (truth->n_features != cs_planted_settings_n_features (&truth->settings))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s does not list the features that its settings count: plant the world again.",
                   path);
      return NULL;
    }
  truth->features = g_new0 (CsPlantedFeature, truth->n_features);
  truth->directions = g_new0 (float, 2 * truth->n_features * truth->settings.d_model);
  for (size_t i = 0; i < truth->n_features; i++)
    if (!read_feature (truth, i, json_array_get (features, i), path, error))
      return NULL;
  return g_steal_pointer (&truth);
}
