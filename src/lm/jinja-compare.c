/* Equality, order and sorting, with Python's ideas of them. */
#include "jinja-private.h"

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
  if (container.type == JINJA_DICT && !jinja_is_hashable (value))
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
