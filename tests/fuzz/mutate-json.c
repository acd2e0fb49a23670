#include "mutate.h"

#include <stdint.h>
#include <string.h>

enum { LONG_TEXT = 5000, DEEP = 300 };

/* A value and where it stands: in an array at `index`, or in an object under `key`. */
typedef struct {
  json_t *parent;
  const char *key;
  size_t index;
  json_t *value;
} Place;

static void
collect (json_t *parent, GArray *places)
{
  const char *key;
  size_t i;
  json_t *value;

  if (json_is_object (parent))
    json_object_foreach (parent, key, value)
      {
        g_array_append_val (places, ((Place) { parent, key, 0, value }));
        collect (value, places);
      }
  else
    json_array_foreach (parent, i, value)
      {
        g_array_append_val (places, ((Place) { parent, NULL, i, value }));
        collect (value, places);
      }
}

static json_t *
long_text (void)
{
  g_autofree char *text = g_strnfill (LONG_TEXT, 'x');

  return json_string (text);
}

static json_t *
deep_list (void)
{
  json_t *value = json_array ();

  for (int i = 0; i < DEEP; i++)
    value = json_pack ("[o]", value);
  return value;
}

/* What a file may have in place of what belongs there. */
static json_t *
odd_value (CsRandom *r)
{
  static const char *const texts[] = { "",        "x",         "two\nlines", "\x01\x7f", "a.B",
                                       "\xE2\x80\xA8x", "%s%n%d",    "F32",        "../../x",      "linear",
                                       "GPT",     "Split",     "{{ x }}",    "(",            "1e5" };
  static const json_int_t integers[] = { 0, 1, 2, 3, -1, 7, 255, 65536, INT32_MAX, UINT32_MAX, (json_int_t) 1 << 53,
                                         INT64_MAX, INT64_MIN };
  static const double reals[] = { 0, -0.5, 0.5, 1e-300, 1e300, -1e300, 1e10 };

  switch (cs_random_below (r, 10))
    {
    case 0: return json_null ();
    case 1: return json_boolean (cs_random_below (r, 2));
    case 2: return json_array ();
    case 3: return json_object ();
    case 4: return json_real (reals[cs_random_below (r, G_N_ELEMENTS (reals))]);
    case 5: return cs_random_below (r, 2) ? long_text () : deep_list ();
    case 6:
    case 7: return json_string (texts[cs_random_below (r, G_N_ELEMENTS (texts))]);
    default: return json_integer (integers[cs_random_below (r, G_N_ELEMENTS (integers))]);
    }
}

static void
replace (const Place *place, json_t *value)
{
  if (place->key != NULL)
    json_object_set_new (place->parent, place->key, value);
  else
    json_array_set_new (place->parent, place->index, value);
}

static void
remove_it (const Place *place)
{
  if (place->key != NULL)
    json_object_del (place->parent, place->key);
  else
    json_array_remove (place->parent, place->index);
}

/* A member under another name; an element once more. */
static void
rename_or_repeat (CsRandom *r, const Place *place)
{
  static const char *const names[] = { "x", "", "two\nlines", "type", "shape" };

  if (place->key == NULL)
    {
      json_array_append_new (place->parent, json_deep_copy (place->value));
      return;
    }
  json_object_set (place->parent, names[cs_random_below (r, G_N_ELEMENTS (names))], place->value);
  if (cs_random_below (r, 2))
    json_object_del (place->parent, place->key);
}

/* The same kind of value, near what it was. */
static json_t *
neighbour (CsRandom *r, json_t *value)
{
  g_autofree char *twice = NULL;

  if (json_is_integer (value))
    return json_integer ((json_int_t) ((uint64_t) json_integer_value (value) + cs_random_below (r, 5) - 2));
  if (json_is_real (value))
    return json_real (-json_real_value (value));
  if (!json_is_string (value))
    return odd_value (r);
  twice = g_strconcat (json_string_value (value), cs_random_below (r, 2) ? "\n" : "", json_string_value (value), NULL);
  return json_string (twice);
}

json_t *
fuzz_change_json (CsRandom *r, json_t *root)
{
  g_autoptr (GArray) places = g_array_new (FALSE, FALSE, sizeof (Place));
  const Place *place;

  collect (root, places);
  if (places->len == 0 || cs_random_below (r, 200) == 0)
    {
      json_decref (root);
      return odd_value (r);
    }
  place = &g_array_index (places, Place, cs_random_below (r, places->len));
  switch (cs_random_below (r, 5))
    {
    case 0: remove_it (place); break;
    case 1: rename_or_repeat (r, place); break;
    case 2: replace (place, neighbour (r, place->value)); break;
    case 3:
      replace (place, json_deep_copy (g_array_index (places, Place, cs_random_below (r, places->len)).value));
      break;
    default: replace (place, odd_value (r)); break;
    }
  return root;
}
