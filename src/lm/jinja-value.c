/* Values, and Python's ideas of what they are. */
#include <math.h>

#include "jinja-private.h"

const JinjaList jinja_no_items = { NULL, 0 };

/* ---- making ------------------------------------------------------------ */

JinjaValue
jinja_undefined (const char *missing)
{
  return (JinjaValue){ JINJA_UNDEFINED, { .missing = missing } };
}

JinjaValue
jinja_none (void)
{
  return (JinjaValue){ .type = JINJA_NONE };
}

JinjaValue
jinja_bool (bool value)
{
  return (JinjaValue){ JINJA_BOOL, { .boolean = value } };
}

JinjaValue
jinja_int (int64_t value)
{
  return (JinjaValue){ JINJA_INT, { .integer = value } };
}

JinjaValue
jinja_real (double value)
{
  return (JinjaValue){ JINJA_FLOAT, { .real = value } };
}

JinjaValue
jinja_of_string (const JinjaString *string)
{
  return (JinjaValue){ JINJA_STRING, { .string = string } };
}

JinjaValue
jinja_of_c (JinjaRun *run, const char *text)
{
  return jinja_of_string (jinja_string (run, text, strlen (text), 0));
}

JinjaValue
jinja_of_list (JinjaType type, const JinjaList *list)
{
  return (JinjaValue){ type, { .list = list } };
}

JinjaValue
jinja_pair (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  jinja_items_add (&items, a);
  jinja_items_add (&items, b);
  return jinja_of_list (JINJA_TUPLE, jinja_items_take (&items));
}

void
jinja_items_init (JinjaItems *items, JinjaRun *run)
{
  *items = (JinjaItems){ .run = run };
}

void
jinja_items_add (JinjaItems *items, JinjaValue value)
{
  if (items->n == items->capacity)
    {
      const size_t capacity = MAX (4, 2 * items->capacity);
      JinjaValue *moved = jinja_alloc (items->run, capacity * sizeof *moved);

      if (moved == NULL)
        return;
      if (items->n > 0)
        memcpy (moved, items->items, items->n * sizeof *moved);
      items->items = moved;
      items->capacity = capacity;
    }
  items->items[items->n++] = value;
}

const JinjaList *
jinja_items_take (JinjaItems *items)
{
  JinjaList *list = jinja_alloc (items->run, sizeof *list);

  if (list == NULL)
    return &jinja_no_items;
  *list = (JinjaList){ items->items, items->n };
  return list;
}

/* ---- what they are ----------------------------------------------------- */

bool
jinja_is_number (JinjaValue value)
{
  return value.type == JINJA_BOOL || value.type == JINJA_INT || value.type == JINJA_FLOAT;
}

bool
jinja_is_list (JinjaValue value)
{
  return value.type == JINJA_LIST || value.type == JINJA_TUPLE || value.type == JINJA_GENERATOR;
}

bool
jinja_is_whole (JinjaValue value)
{
  return value.type == JINJA_INT || value.type == JINJA_BOOL;
}

int64_t
jinja_integer (JinjaValue value)
{
  return value.type == JINJA_BOOL ? value.as.boolean : value.as.integer;
}

double
jinja_number (JinjaValue value)
{
  return value.type == JINJA_FLOAT ? value.as.real : (double)jinja_integer (value);
}

const char *
jinja_type_name (JinjaValue value)
{
  static const char *const names[] = {
    [JINJA_UNDEFINED] = "Undefined", [JINJA_NONE] = "NoneType",
    [JINJA_BOOL] = "bool",           [JINJA_INT] = "int",
    [JINJA_FLOAT] = "float",         [JINJA_STRING] = "str",
    [JINJA_LIST] = "list",           [JINJA_TUPLE] = "tuple",
    [JINJA_GENERATOR] = "generator", [JINJA_DICT] = "dict",
    [JINJA_RANGE] = "range",         [JINJA_NAMESPACE] = "Namespace",
    [JINJA_LOOP] = "LoopContext",    [JINJA_MACRO] = "Macro",
    [JINJA_FUNCTION] = "function",   [JINJA_METHOD] = "builtin_function_or_method",
    [JINJA_CYCLER] = "Cycler",       [JINJA_JOINER] = "Joiner",
  };

  if (value.type == JINJA_STRING && value.as.string->markup)
    return "Markup";
  return names[value.type];
}

bool
jinja_truth (JinjaRun *run, JinjaValue value)
{
  (void)run;
  switch (value.type)
    {
    case JINJA_UNDEFINED:
    case JINJA_NONE:
      return false;
    case JINJA_BOOL:
      return value.as.boolean;
    case JINJA_INT:
      return value.as.integer != 0;
    case JINJA_FLOAT:
      return value.as.real != 0;
    case JINJA_STRING:
      return value.as.string->size > 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
      return value.as.list->n > 0;
    case JINJA_DICT:
      return value.as.dict->n > 0;
    case JINJA_RANGE:
      return value.as.range->n > 0;
    default:
      return true;
    }
}

bool
jinja_is_sequence (JinjaValue value)
{
  return value.type == JINJA_STRING || value.type == JINJA_LIST || value.type == JINJA_TUPLE ||
         value.type == JINJA_DICT || value.type == JINJA_RANGE || value.type == JINJA_UNDEFINED;
}

bool
jinja_is_iterable (JinjaValue value)
{
  return jinja_is_sequence (value) || value.type == JINJA_GENERATOR || value.type == JINJA_LOOP;
}

int64_t
jinja_size (JinjaRun *run, JinjaValue value)
{
  switch (value.type)
    {
    case JINJA_UNDEFINED:
      return 0;
    case JINJA_STRING:
      jinja_step (run, value.as.string->size / 64);
      return (int64_t)jinja_length (value.as.string);
    case JINJA_LIST:
    case JINJA_TUPLE:
      return (int64_t)value.as.list->n;
    case JINJA_DICT:
      return (int64_t)value.as.dict->n;
    case JINJA_RANGE:
      return (int64_t)value.as.range->n;
    default:
      jinja_fail (run, "object of type '%s' has no len()", jinja_type_name (value));
      return 0;
    }
}

JinjaValue
jinja_range_item (const JinjaRange *range, size_t i)
{
  return jinja_int (range->start + (int64_t)i * range->step);
}

static const JinjaList *
characters (JinjaRun *run, const JinjaString *string)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (size_t i = 0; i < string->size && jinja_step (run, 1);)
    {
      const size_t n = (size_t)g_utf8_skip[(uint8_t)string->bytes[i]];
      jinja_items_add (&items, jinja_of_string (jinja_string_part (run, string, i, i + n)));
      i += n;
    }
  return jinja_items_take (&items);
}

const JinjaList *
jinja_iterate (JinjaRun *run, JinjaValue value)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  switch (value.type)
    {
    case JINJA_UNDEFINED:
      return &jinja_no_items;
    case JINJA_STRING:
      return characters (run, value.as.string);
    case JINJA_LIST:
    case JINJA_TUPLE:
    case JINJA_GENERATOR:
      return value.as.list;
    case JINJA_DICT:
      for (size_t i = 0; i < value.as.dict->n; i++)
        jinja_items_add (&items, value.as.dict->keys[i]);
      return jinja_items_take (&items);
    case JINJA_RANGE:
      jinja_step (run, value.as.range->n / 4);
      for (size_t i = 0; i < value.as.range->n && run->error == NULL; i++)
        jinja_items_add (&items, jinja_range_item (value.as.range, i));
      return jinja_items_take (&items);
    default:
      jinja_fail (run, "'%s' object is not iterable", jinja_type_name (value));
      return &jinja_no_items;
    }
}
