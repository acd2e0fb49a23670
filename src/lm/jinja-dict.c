/* Dictionaries, and values from JSON. */
#include "jinja-private.h"

static JinjaDict no_dict = { .message = -1 }; /* where there is no memory for one; never written */

/* ---- dictionaries ------------------------------------------------------ */

JinjaDict *
jinja_dict_new (JinjaRun *run)
{
  JinjaDict *dict = jinja_alloc (run, sizeof *dict);

  if (dict == NULL)
    return &no_dict;
  dict->message = -1;
  return dict;
}

static JinjaValue *
find_value (JinjaRun *run, const JinjaDict *dict, JinjaValue key)
{
  jinja_step (run, dict->n / 16);
  for (size_t i = 0; i < dict->n; i++)
    if (jinja_equal (run, dict->keys[i], key))
      return &dict->values[i];
  return NULL;
}

static bool
dict_grow (JinjaRun *run, JinjaDict *dict)
{
  const size_t capacity = MAX (4, 2 * dict->capacity);
  JinjaValue *keys = jinja_alloc (run, capacity * sizeof *keys);
  JinjaValue *values = jinja_alloc (run, capacity * sizeof *values);

  if (keys == NULL || values == NULL)
    return false;
  if (dict->n > 0)
    {
      memcpy (keys, dict->keys, dict->n * sizeof *keys);
      memcpy (values, dict->values, dict->n * sizeof *values);
    }
  dict->keys = keys;
  dict->values = values;
  dict->capacity = capacity;
  return true;
}

bool
jinja_is_hashable (JinjaValue value)
{
  return value.type != JINJA_LIST && value.type != JINJA_DICT && value.type != JINJA_UNDEFINED;
}

static void
dict_append (JinjaRun *run, JinjaDict *dict, JinjaValue key, JinjaValue value)
{
  if (dict->n == dict->capacity && !dict_grow (run, dict))
    return;
  dict->keys[dict->n] = key;
  dict->values[dict->n++] = value;
}

void
jinja_dict_set (JinjaRun *run, JinjaDict *dict, JinjaValue key, JinjaValue value)
{
  JinjaValue *there;

  if (!jinja_is_hashable (key))
    {
      jinja_fail (run, "unhashable type: '%s'", jinja_type_name (key));
      return;
    }
  there = find_value (run, dict, key);
  if (run->error != NULL || dict == &no_dict)
    return;
  if (there != NULL)
    *there = value;
  else
    dict_append (run, dict, key, value);
}

const JinjaValue *
jinja_dict_get (JinjaRun *run, const JinjaDict *dict, JinjaValue key)
{
  return find_value (run, dict, key);
}

const JinjaValue *
jinja_dict_find (JinjaRun *run, const JinjaDict *dict, const char *key)
{
  const size_t size = strlen (key);

  jinja_step (run, dict->n / 16);
  for (size_t i = 0; i < dict->n; i++)
    if (dict->keys[i].type == JINJA_STRING && dict->keys[i].as.string->size == size &&
        memcmp (dict->keys[i].as.string->bytes, key, size) == 0)
      return &dict->values[i];
  return NULL;
}

/* ---- from JSON --------------------------------------------------------- */

static JinjaValue
value_of_array (JinjaRun *run, json_t *json, JinjaMark mark)
{
  JinjaItems items;
  size_t i;
  json_t *item;

  jinja_items_init (&items, run);
  json_array_foreach (json, i, item) jinja_items_add (&items, jinja_from_json (run, item, mark));
  return jinja_of_list (JINJA_LIST, jinja_items_take (&items));
}

/* jansson's keys differ from each other, so nothing is looked up. */
static JinjaValue
value_of_object (JinjaRun *run, json_t *json, JinjaMark mark, int32_t message)
{
  JinjaDict *dict = jinja_dict_new (run);
  const char *key;
  json_t *item;

  if (dict != &no_dict)
    dict->message = message;
  json_object_foreach (json, key, item)
  {
    const JinjaMark of_role =
        message >= 0 && strcmp (key, "role") == 0 ? (mark & ~(JinjaMark)3) | CS_JINJA_ROLE : mark;
    /* A message's own keys are no text of it; those inside of its values are. */
    JinjaValue name =
        jinja_of_string (jinja_string (run, key, strlen (key), message >= 0 ? 0 : mark));
    JinjaValue value = jinja_from_json (run, item, of_role);
    if (dict == &no_dict || run->error != NULL)
      break;
    dict_append (run, dict, name, value);
  }
  return (JinjaValue){ JINJA_DICT, { .dict = dict } };
}

JinjaValue
jinja_from_json (JinjaRun *run, json_t *json, JinjaMark mark)
{
  JinjaValue value = jinja_none ();

  if (!jinja_enter (run))
    json = NULL;
  switch (json != NULL ? json_typeof (json) : JSON_NULL)
    {
    case JSON_OBJECT:
      value = value_of_object (run, json, mark, -1);
      break;
    case JSON_ARRAY:
      value = value_of_array (run, json, mark);
      break;
    case JSON_STRING:
      value = jinja_of_string (
          jinja_string (run, json_string_value (json), json_string_length (json), mark));
      break;
    case JSON_INTEGER:
      value = jinja_int (json_integer_value (json));
      break;
    case JSON_REAL:
      value = jinja_real (json_real_value (json));
      break;
    case JSON_TRUE:
    case JSON_FALSE:
      value = jinja_bool (json_is_true (json));
      break;
    default:
      break;
    }
  jinja_leave (run);
  return value;
}

JinjaValue
jinja_messages (JinjaRun *run, json_t *messages)
{
  JinjaItems items;
  size_t i;
  json_t *message;

  jinja_items_init (&items, run);
  json_array_foreach (messages, i, message)
  {
    const JinjaMark mark = (JinjaMark)(i + 1) << 2 | CS_JINJA_CONTENT;
    jinja_items_add (&items, json_is_object (message)
                                 ? value_of_object (run, message, mark, (int32_t)i)
                                 : jinja_from_json (run, message, mark));
  }
  return jinja_of_list (JINJA_LIST, jinja_items_take (&items));
}
