/* Attributes, items and slices. */
#include "jinja-private.h"

/* ---- attributes and items ---------------------------------------------- */

/* In Jinja2's words, for when the undefined value is used. */
static JinjaValue
no_element (JinjaRun *run, JinjaValue object, JinjaValue key)
{
  const char *type = object.type == JINJA_NONE ? "None"
                     : object.type == JINJA_NAMESPACE
                         ? "jinja2.utils.Namespace object"
                         : jinja_format (run, "%s object", jinja_type_name (object));
  JinjaText text;

  if (run->error != NULL)
    return jinja_undefined ("");
  if (key.type == JINJA_STRING)
    return jinja_undefined (
        jinja_format (run, "'%s' has no attribute '%s'", type, key.as.string->bytes));
  jinja_text_init (&text, run);
  jinja_print_repr (&text, key);
  return jinja_undefined (
      jinja_format (run, "%s has no element %s", type, jinja_text_take (&text)->bytes));
}

static JinjaValue
method_of (JinjaRun *run, JinjaValue self, const char *name)
{
  JinjaMethod *method = jinja_alloc (run, sizeof *method);

  if (method == NULL)
    return jinja_undefined ("");
  *method = (JinjaMethod){ self, name };
  return (JinjaValue){ JINJA_METHOD, { .method = method } };
}

/* Methods that would change a value: the sandbox hides them. */
static bool
is_unsafe (JinjaValue object, const char *name)
{
  static const char *const of_lists[] = { "append", "clear",   "extend", "insert", "pop",
                                          "remove", "reverse", "sort",   NULL };
  static const char *const of_dicts[] = { "clear", "pop", "popitem", "setdefault", "update", NULL };

  return (object.type == JINJA_LIST && g_strv_contains (of_lists, name)) ||
         (object.type == JINJA_DICT && g_strv_contains (of_dicts, name));
}

static const char *
macro_name (JinjaValue object)
{
  return object.as.macro->node->name;
}

/* What Python's getattr finds; false where it finds nothing. */
static bool
python_attribute (JinjaRun *run, JinjaValue object, const char *name, JinjaValue *value)
{
  const JinjaValue *found = NULL;

  if (is_unsafe (object, name))
    *value = jinja_undefined (jinja_format (
        run, "access to attribute '%s' of '%s' object is unsafe.", name, jinja_type_name (object)));
  else if (object.type == JINJA_NAMESPACE &&
           (found = jinja_dict_find (run, object.as.dict, name)) != NULL)
    *value = *found;
  else if (object.type == JINJA_LOOP)
    *value = jinja_loop_attribute (run, object.as.loop, name);
  else if (object.type == JINJA_CYCLER && strcmp (name, "current") == 0 &&
           object.as.cycle->items->n > 0)
    *value = object.as.cycle->items->items[object.as.cycle->at % object.as.cycle->items->n];
  else if (object.type == JINJA_MACRO && strcmp (name, "name") == 0)
    *value = jinja_of_c (run, macro_name (object));
  else if (jinja_has_method (object, name))
    *value = method_of (run, object, name);
  else
    return false;
  return true;
}

static bool
sequence_index (JinjaValue key, size_t n, size_t *index)
{
  int64_t i;

  if (!jinja_is_whole (key))
    return false;
  i = jinja_integer (key);
  if (i < 0 && i >= -(int64_t)n)
    i += (int64_t)n;
  *index = (size_t)i;
  return i >= 0 && (size_t)i < n;
}

static JinjaValue
character_at (JinjaRun *run, const JinjaString *string, size_t index)
{
  const size_t from = jinja_offset (string, index),
               to = from + (size_t)g_utf8_skip[(uint8_t)string->bytes[from]];

  jinja_step (run, string->size / 64);
  return jinja_of_string (jinja_string_part (run, string, from, to));
}

/* What Python's object[key] finds. */
static bool
python_item (JinjaRun *run, JinjaValue object, JinjaValue key, JinjaValue *value)
{
  const JinjaValue *found;
  size_t index;

  switch (object.type)
    {
    case JINJA_DICT:
      found = jinja_dict_get (run, object.as.dict, key);
      if (found != NULL)
        *value = *found;
      return found != NULL;
    case JINJA_LIST:
    case JINJA_TUPLE:
      if (!sequence_index (key, object.as.list->n, &index))
        return false;
      *value = object.as.list->items[index];
      return true;
    case JINJA_STRING:
      if (!jinja_is_whole (key) || !sequence_index (key, jinja_length (object.as.string), &index))
        return false;
      *value = character_at (run, object.as.string, index);
      return true;
    case JINJA_RANGE:
      if (!sequence_index (key, object.as.range->n, &index))
        return false;
      *value = jinja_range_item (object.as.range, index);
      return true;
    default:
      return false;
    }
}

JinjaValue
jinja_attribute (JinjaRun *run, JinjaValue object, const char *name)
{
  JinjaValue value, key;

  if (object.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", object.as.missing);
  if (python_attribute (run, object, name, &value))
    return value;
  if (object.type == JINJA_DICT)
    {
      const JinjaValue *found = jinja_dict_find (run, object.as.dict, name);
      if (found != NULL)
        return *found;
    }
  key = jinja_of_c (run, name);
  return no_element (run, object, key);
}

JinjaValue
jinja_item (JinjaRun *run, JinjaValue object, JinjaValue key)
{
  JinjaValue value;

  if (object.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", object.as.missing);
  if (python_item (run, object, key, &value))
    return value;
  if (key.type == JINJA_STRING &&
      python_attribute (run, object, jinja_format (run, "%s", key.as.string->bytes), &value))
    return value;
  return no_element (run, object, key);
}

/* ---- slices ------------------------------------------------------------ */

static bool
slice_bound (JinjaRun *run, JinjaValue value, int64_t fallback, int64_t *bound)
{
  *bound = fallback;
  if (value.type == JINJA_NONE)
    return true;
  if (!jinja_is_whole (value))
    {
      jinja_fail (run, "slice indices must be integers or None or have an __index__ method");
      return false;
    }
  *bound = jinja_integer (value);
  return true;
}

static int64_t
clamp_bound (int64_t bound, int64_t n, bool backward)
{
  if (bound < 0)
    bound = bound < -n ? (backward ? -1 : 0) : bound + n;
  return MIN (bound, backward ? n - 1 : n);
}

static JinjaValue
slice_string (JinjaRun *run, const JinjaString *string, int64_t start, int64_t stop, int64_t step)
{
  JinjaText text;

  jinja_step (run, string->size / 64);
  if (step == 1)
    return jinja_of_string (jinja_string_part (
        run, string, jinja_offset (string, (size_t)start),
        stop > start ? jinja_offset (string, (size_t)stop) : jinja_offset (string, (size_t)start)));
  jinja_text_init (&text, run);
  for (int64_t i = start;
       (step > 0 ? i < stop : i > stop) && jinja_step (run, 1 + string->size / 64);)
    {
      const size_t from = jinja_offset (string, (size_t)i);
      jinja_text_append_part (&text, string, from,
                              from + (size_t)g_utf8_skip[(uint8_t)string->bytes[from]]);
      if (__builtin_add_overflow (i, step, &i))
        break;
    }
  return jinja_of_string (jinja_text_take (&text));
}

static JinjaValue
slice_list (JinjaRun *run,
            JinjaType type,
            const JinjaList *list,
            int64_t start,
            int64_t stop,
            int64_t step)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (int64_t i = start; (step > 0 ? i < stop : i > stop) && jinja_step (run, 1);)
    {
      jinja_items_add (&items, list->items[i]);
      if (__builtin_add_overflow (i, step, &i))
        break;
    }
  return jinja_of_list (type, jinja_items_take (&items));
}

JinjaValue
jinja_slice (JinjaRun *run, JinjaValue object, JinjaValue start, JinjaValue stop, JinjaValue step)
{
  int64_t from, to, by, n;

  if (object.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", object.as.missing);
  if (object.type == JINJA_RANGE)
    object = jinja_of_list (JINJA_LIST, jinja_iterate (run, object));
  if (object.type == JINJA_DICT)
    return jinja_fail (run, "unhashable type: 'slice'");
  if (object.type != JINJA_STRING && object.type != JINJA_LIST && object.type != JINJA_TUPLE)
    return jinja_fail (run, "'%s' object is not subscriptable", jinja_type_name (object));
  if (!slice_bound (run, step, 1, &by))
    return jinja_undefined ("");
  if (by == 0)
    return jinja_fail (run, "slice step cannot be zero");
  n = jinja_size (run, object);
  if (!slice_bound (run, start, by > 0 ? 0 : n - 1, &from) || !slice_bound (run, stop, n, &to))
    return jinja_undefined ("");
  from = clamp_bound (from, n, by < 0);
  to = stop.type == JINJA_NONE ? (by > 0 ? n : -1) : clamp_bound (to, n, by < 0);
  return object.type == JINJA_STRING ? slice_string (run, object.as.string, from, to, by)
                                     : slice_list (run, object.type, object.as.list, from, to, by);
}
