/* Values with Python's ideas of truth, equality and order. */
#include <math.h>

#include "jinja-private.h"

const JinjaList jinja_no_items = { NULL, 0 };
static JinjaDict no_dict = { .message = -1 };

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

static bool
is_hashable (JinjaValue value)
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

  if (!is_hashable (key))
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
    JinjaValue name = jinja_of_string (
        jinja_string (run, key, strlen (key), message >= 0 ? 0 : mark));
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

/* ---- equality and order ------------------------------------------------ */

static bool
lists_equal (JinjaRun *run, const JinjaList *a, const JinjaList *b)
{
  bool equal = a->n == b->n;

  for (size_t i = 0; equal && i < a->n; i++)
    equal = jinja_equal (run, a->items[i], b->items[i]);
  return equal;
}

static bool
dicts_equal (JinjaRun *run, const JinjaDict *a, const JinjaDict *b)
{
  bool equal = a->n == b->n;

  for (size_t i = 0; equal && i < a->n && jinja_step (run, 1); i++)
    {
      const JinjaValue *other = jinja_dict_get (run, b, a->keys[i]);
      equal = other != NULL && jinja_equal (run, a->values[i], *other);
    }
  return equal;
}

static bool
same_kind_equal (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  switch (a.type)
    {
    case JINJA_UNDEFINED:
    case JINJA_NONE:
      return true;
    case JINJA_STRING:
      return a.as.string->size == b.as.string->size &&
             memcmp (a.as.string->bytes, b.as.string->bytes, a.as.string->size) == 0;
    case JINJA_LIST:
    case JINJA_TUPLE:
      return lists_equal (run, a.as.list, b.as.list);
    case JINJA_DICT:
      return dicts_equal (run, a.as.dict, b.as.dict);
    case JINJA_RANGE:
      return lists_equal (run, jinja_iterate (run, a), jinja_iterate (run, b));
    case JINJA_FUNCTION:
      return strcmp (a.as.name, b.as.name) == 0;
    default:
      return a.as.list == b.as.list;
    }
}

bool
jinja_equal (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  bool equal = false;

  if (jinja_is_number (a) && jinja_is_number (b))
    {
      if (a.type == JINJA_FLOAT || b.type == JINJA_FLOAT)
        return jinja_number (a) == jinja_number (b);
      return jinja_integer (a) == jinja_integer (b);
    }
  if (a.type != b.type || !jinja_step (run, 1) || !jinja_enter (run))
    return false;
  equal = same_kind_equal (run, a, b);
  jinja_leave (run);
  return equal;
}

static int
sign_of (bool less, bool greater)
{
  return greater - less;
}

static int
compare_strings (const JinjaString *a, const JinjaString *b)
{
  /* The order of UTF-8's bytes is that of the characters. */
  const int order = memcmp (a->bytes, b->bytes, MIN (a->size, b->size));
  return order != 0 ? order : sign_of (a->size<b->size, a->size> b->size);
}

static int
compare_lists (JinjaRun *run, const JinjaList *a, const JinjaList *b, const char *op)
{
  int order = 0;

  for (size_t i = 0; order == 0 && i < MIN (a->n, b->n) && jinja_step (run, 1); i++)
    if (!jinja_equal (run, a->items[i], b->items[i]))
      order = jinja_compare (run, a->items[i], b->items[i], op);
  return order != 0 ? order : sign_of (a->n<b->n, a->n> b->n);
}

int
jinja_compare (JinjaRun *run, JinjaValue a, JinjaValue b, const char *op)
{
  int order = 0;

  if (jinja_is_number (a) && jinja_is_number (b))
    {
      if (a.type != JINJA_FLOAT && b.type != JINJA_FLOAT)
        return sign_of (jinja_integer (a) < jinja_integer (b),
                        jinja_integer (a) > jinja_integer (b));
      return sign_of (jinja_number (a) < jinja_number (b), jinja_number (a) > jinja_number (b));
    }
  if (a.type == JINJA_UNDEFINED || b.type == JINJA_UNDEFINED)
    {
      jinja_fail (run, "%s", a.type == JINJA_UNDEFINED ? a.as.missing : b.as.missing);
      return 0;
    }
  if (a.type == b.type && a.type == JINJA_STRING)
    return compare_strings (a.as.string, b.as.string);
  if (a.type != b.type || (a.type != JINJA_LIST && a.type != JINJA_TUPLE))
    {
      jinja_fail (run, "'%s' not supported between instances of '%s' and '%s'", op,
                  jinja_type_name (a), jinja_type_name (b));
      return 0;
    }
  if (jinja_enter (run))
    order = compare_lists (run, a.as.list, b.as.list, op);
  jinja_leave (run);
  return order;
}

bool
jinja_contains (JinjaRun *run, JinjaValue container, JinjaValue value)
{
  const JinjaList *list;

  if (container.type == JINJA_STRING)
    {
      if (value.type != JINJA_STRING)
        {
          jinja_fail (run, "'in <string>' requires string as left operand, not %s",
                      jinja_type_name (value));
          return false;
        }
      jinja_step (run, container.as.string->size / 64);
      return jinja_find (container.as.string, value.as.string, 0) != SIZE_MAX;
    }
  if (container.type == JINJA_DICT && !is_hashable (value))
    {
      jinja_fail (run, "unhashable type: '%s'", jinja_type_name (value));
      return false;
    }
  if (container.type == JINJA_DICT)
    return jinja_dict_get (run, container.as.dict, value) != NULL;
  if (!jinja_is_iterable (container))
    {
      jinja_fail (run, "argument of type '%s' is not iterable", jinja_type_name (container));
      return false;
    }
  list = jinja_iterate (run, container);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    if (jinja_equal (run, list->items[i], value))
      return true;
  return false;
}

/* ---- sorting ----------------------------------------------------------- */

typedef struct
{
  JinjaRun *run;
  bool reverse;
} SortOrder;

typedef struct
{
  JinjaValue key, item;
} SortEntry;

static bool
comes_after (const SortOrder *order, const SortEntry *a, const SortEntry *b)
{
  const int sign = jinja_compare (order->run, order->reverse ? a->key : b->key,
                                  order->reverse ? b->key : a->key, "<");
  return sign < 0;
}

/* Merges the sorted halves of n entries; equal ones stay in order. */
static void
merge (const SortOrder *order, SortEntry *entries, SortEntry *spare, size_t half, size_t n)
{
  size_t left = 0, right = half;

  for (size_t i = 0; i < n; i++)
    {
      const bool take_right =
          left == half || (right < n && comes_after (order, &entries[left], &entries[right]));
      jinja_step (order->run, 1);
      spare[i] = take_right ? entries[right++] : entries[left++];
    }
  memcpy (entries, spare, n * sizeof *entries);
}

static void
sort_entries (const SortOrder *order, SortEntry *entries, SortEntry *spare, size_t n)
{
  if (n < 2 || order->run->error != NULL)
    return;
  sort_entries (order, entries, spare, n / 2);
  sort_entries (order, entries + n / 2, spare, n - n / 2);
  merge (order, entries, spare, n / 2, n);
}

void
jinja_sort (JinjaRun *run, JinjaValue *keys, JinjaValue *items, size_t n, bool reverse)
{
  SortEntry *entries = n > 0 ? jinja_alloc (run, 2 * n * sizeof *entries) : NULL;

  if (entries == NULL)
    return;
  for (size_t i = 0; i < n; i++)
    entries[i] = (SortEntry){ keys[i], items[i] };
  sort_entries (&(SortOrder){ run, reverse }, entries, entries + n, n);
  for (size_t i = 0; i < n; i++)
    {
      keys[i] = entries[i].key;
      items[i] = entries[i].item;
    }
}
