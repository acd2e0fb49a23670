#include "result-json.h"

#include <math.h>

#include "errors.h"

#define MAX_ITEMS ((size_t)1 << 20)
#define MAX_SIZE ((size_t)1 << 52)

json_t *
cs_result_real (double value)
{
  return isfinite (value) ? json_real (value) : json_null ();
}

json_t *
cs_result_text (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text != NULL ? text : "", -1);

  return json_string (valid);
}

json_t *
cs_result_size (size_t value)
{
  return json_integer ((json_int_t)value);
}

json_t *
cs_result_names (char *const *names)
{
  json_t *array = json_array ();

  for (size_t i = 0; names != NULL && names[i] != NULL; i++)
    json_array_append_new (array, cs_result_text (names[i]));
  return array;
}

bool
cs_result_refuse (const char *name, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: %s; make the file again.", name, what);
  return false;
}

json_t *
cs_result_open (const char *path, size_t version, GError **error)
{
  g_autoptr (json_t) root = cs_json_load (path, 0, error);
  size_t found = 0;

  if (root == NULL)
    return NULL;
  if (!json_is_object (root))
    {
      cs_result_refuse (path, "it is no object", error);
      return NULL;
    }
  if (!cs_result_get_size (root, path, "format_version", &found, error))
    return NULL;
  if (found == version)
    return g_steal_pointer (&root);
  g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
               "%s is of format %zu and this version reads %zu: make it again.", path, found,
               version);
  return NULL;
}

bool
cs_result_get_real (json_t *object, const char *name, const char *key, double *out, GError **error)
{
  return cs_json_get_double (object, name, key, NAN, out, error);
}

bool
cs_result_get_size (json_t *object, const char *name, const char *key, size_t *out, GError **error)
{
  return cs_json_get_size (object, name, key, 0, MAX_SIZE, 0, out, error);
}

bool
cs_result_get_text (json_t *object, const char *name, const char *key, char **out, GError **error)
{
  const char *text;

  if (!cs_json_get_string (object, name, key, "", &text, error))
    return false;
  *out = g_strdup (text);
  return true;
}

static bool
get_array (json_t *object, const char *name, const char *key, json_t **array, GError **error)
{
  *array = json_object_get (object, key);
  if (json_is_array (*array) && json_array_size (*array) <= MAX_ITEMS)
    return true;
  g_autofree char *what = g_strdup_printf ("“%s” is no list", key);
  return cs_result_refuse (name, what, error);
}

bool
cs_result_get_names (json_t *object, const char *name, const char *key, char ***out, GError **error)
{
  json_t *array;

  if (!get_array (object, name, key, &array, error))
    return false;
  *out = g_new0 (char *, json_array_size (array) + 1);
  for (size_t i = 0; i < json_array_size (array); i++)
    {
      const char *text = json_string_value (json_array_get (array, i));

      if (text == NULL)
        return cs_result_refuse (name, "a list of names holds what is none", error);
      (*out)[i] = g_strdup (text);
    }
  return true;
}

bool
cs_result_get_list (json_t *object,
                    const char *name,
                    const char *key,
                    CsResultReadItem read,
                    size_t item_size,
                    void **items,
                    size_t *n,
                    GError **error)
{
  json_t *array, *item;
  size_t i;

  if (!get_array (object, name, key, &array, error))
    return false;
  *items = g_malloc0_n (json_array_size (array) + 1, item_size);
  json_array_foreach (array, i, item)
  {
    *n = i + 1;
    if (!json_is_object (item))
      return cs_result_refuse (name, "a list holds what is no object", error);
    if (!read (item, name, (char *)*items + i * item_size, error))
      return false;
  }
  return true;
}
