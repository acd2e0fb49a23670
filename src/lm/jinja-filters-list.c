/* Filters of lists and dictionaries. */
#include "jinja-private.h"

/* ---- keys -------------------------------------------------------------- */

JinjaValue
jinja_fold_case (JinjaRun *run, JinjaValue value)
{
  return value.type == JINJA_STRING
             ? jinja_of_string (jinja_change_case (run, value.as.string, JINJA_CASE_LOWER))
             : value;
}

static JinjaValue
path_part (JinjaRun *run, const char *part)
{
  const size_t n = strlen (part);

  if (n > 0 && n < 10 && strspn (part, "0123456789") == n)
    return jinja_int (g_ascii_strtoll (part, NULL, 10));
  return jinja_of_c (run, part);
}

JinjaValue
jinja_path (JinjaRun *run, JinjaValue value, JinjaValue path, const JinjaValue *fallback)
{
  g_auto (GStrv) parts = NULL;

  if (path.type != JINJA_STRING)
    value = jinja_item (run, value, path);
  if (path.type != JINJA_STRING)
    return fallback != NULL && value.type == JINJA_UNDEFINED ? *fallback : value;
  parts = g_strsplit (path.as.string->bytes, ".", -1);
  for (char **part = parts; *part != NULL && run->error == NULL; part++)
    {
      value = jinja_item (run, value, path_part (run, *part));
      if (fallback != NULL && value.type == JINJA_UNDEFINED)
        value = *fallback;
    }
  return value;
}

/* What an element is sorted or compared by. */
typedef struct
{
  const JinjaValue *attribute;
  bool fold;
} Key;

static Key
key_of_call (JinjaRun *run, const JinjaCall *call, size_t case_position, size_t attribute_position)
{
  Key key = { .attribute = jinja_argument (call, attribute_position, "attribute"),
              .fold = !jinja_argument_bool (run, call, case_position, "case_sensitive", false) };

  if (key.attribute != NULL && key.attribute->type == JINJA_NONE)
    key.attribute = NULL;
  return key;
}

static JinjaValue
key_of (JinjaRun *run, JinjaValue item, const Key *key)
{
  if (key->attribute != NULL)
    item = jinja_path (run, item, *key->attribute, NULL);
  return key->fold && run->error == NULL ? jinja_fold_case (run, item) : item;
}

/* sort's attribute may be several with commas between. A list also of one: elements that all lack
 * the attribute are equal then, and stay as they are. */
static JinjaValue
sort_key_of (JinjaRun *run, JinjaValue item, const Key *key)
{
  g_auto (GStrv) names = NULL;
  JinjaItems items;

  if (key->attribute == NULL || key->attribute->type != JINJA_STRING)
    return key_of (run, item, key);
  names = g_strsplit (key->attribute->as.string->bytes, ",", -1);
  jinja_items_init (&items, run);
  for (char **name = names; *name != NULL && run->error == NULL; name++)
    {
      const JinjaValue attribute = jinja_of_c (run, *name);
      jinja_items_add (&items, key_of (run, item, &(Key){ &attribute, key->fold }));
    }
  return jinja_of_list (JINJA_LIST, jinja_items_take (&items));
}

/* A list of one's own with the elements of another. */
static const JinjaList *
copy_items (JinjaRun *run, const JinjaList *list)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    jinja_items_add (&items, list->items[i]);
  return jinja_items_take (&items);
}

static JinjaValue
sorted (JinjaRun *run, const JinjaList *from, const Key *key, bool reverse)
{
  const JinjaList *list = copy_items (run, from);
  JinjaItems keys;

  jinja_items_init (&keys, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    jinja_items_add (&keys, sort_key_of (run, list->items[i], key));
  if (run->error == NULL && keys.n == list->n)
    jinja_sort (run, keys.items, list->items, list->n, reverse);
  return jinja_of_list (JINJA_LIST, list);
}

/* ---- the filters ------------------------------------------------------- */

static JinjaValue
filter_sort (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const Key key = key_of_call (run, call, 1, 2);
  const bool reverse = jinja_argument_bool (run, call, 0, "reverse", false);
  return sorted (run, jinja_iterate (run, value), &key, reverse);
}

static JinjaValue
filter_unique (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const Key key = key_of_call (run, call, 0, 1);
  const JinjaList *list = jinja_iterate (run, value);
  JinjaItems items, seen;

  jinja_items_init (&items, run);
  jinja_items_init (&seen, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    {
      const JinjaValue own = key_of (run, list->items[i], &key);
      bool is_new = true;

      for (size_t k = 0; is_new && k < seen.n && jinja_step (run, 1); k++)
        is_new = !jinja_equal (run, own, seen.items[k]);
      if (!is_new)
        continue;
      jinja_items_add (&seen, own);
      jinja_items_add (&items, list->items[i]);
    }
  return jinja_of_list (JINJA_GENERATOR, jinja_items_take (&items));
}

static JinjaValue
extreme (JinjaRun *run, JinjaValue value, const JinjaCall *call, int sign)
{
  const Key key = key_of_call (run, call, 0, 1);
  const JinjaList *list = jinja_iterate (run, value);
  JinjaValue best, best_key;

  if (list->n == 0)
    return jinja_undefined ("No aggregated item, sequence was empty.");
  best = list->items[0];
  best_key = key_of (run, best, &key);
  for (size_t i = 1; i < list->n && jinja_step (run, 1); i++)
    {
      const JinjaValue own = key_of (run, list->items[i], &key);
      if (run->error != NULL ||
          sign * jinja_compare (run, own, best_key, sign < 0 ? "<" : ">") <= 0)
        continue;
      best = list->items[i];
      best_key = own;
    }
  return best;
}

static JinjaValue
filter_min (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return extreme (run, value, call, -1);
}

static JinjaValue
filter_max (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return extreme (run, value, call, 1);
}

static JinjaValue
filter_sum (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *attribute = jinja_argument (call, 0, "attribute"),
                   *start = jinja_argument (call, 1, "start");
  const Key key = { attribute != NULL && attribute->type != JINJA_NONE ? attribute : NULL, false };
  const JinjaList *list = jinja_iterate (run, value);
  JinjaValue sum = start != NULL ? *start : jinja_int (0);

  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    sum = jinja_binary (run, JINJA_OP_ADD, sum, key_of (run, list->items[i], &key));
  return sum;
}

static JinjaValue
filter_first (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaList *list = jinja_iterate (run, value);
  return list->n > 0 ? list->items[0] : jinja_undefined ("No first item, sequence was empty.");
}

static JinjaValue
filter_last (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  if (value.type == JINJA_GENERATOR)
    return jinja_fail (run, "'generator' object is not reversible");
  const JinjaList *list = jinja_iterate (run, value);
  return list->n > 0 ? list->items[list->n - 1]
                     : jinja_undefined ("No last item, sequence was empty.");
}

static JinjaValue
filter_list (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_of_list (JINJA_LIST, jinja_iterate (run, value));
}

static JinjaValue
filter_reverse (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaList *list = jinja_iterate (run, value);
  JinjaItems items;
  JinjaText text;

  jinja_items_init (&items, run);
  jinja_text_init (&text, run);
  for (size_t i = list->n; i-- > 0 && jinja_step (run, 1);)
    if (value.type == JINJA_STRING)
      jinja_text_append_string (&text, list->items[i].as.string);
    else
      jinja_items_add (&items, list->items[i]);
  return value.type == JINJA_STRING ? jinja_of_string (jinja_text_take (&text))
                                    : jinja_of_list (JINJA_GENERATOR, jinja_items_take (&items));
}

static JinjaValue
filter_join (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *between = jinja_argument (call, 0, "d"),
                   *attribute = jinja_argument (call, 1, "attribute");
  const Key key = { attribute != NULL && attribute->type != JINJA_NONE ? attribute : NULL, false };
  const JinjaList *list = jinja_iterate (run, value);
  JinjaText text;

  jinja_text_init (&text, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    {
      if (i > 0 && between != NULL)
        jinja_print (&text, *between);
      jinja_print (&text, key_of (run, list->items[i], &key));
    }
  return jinja_of_string (jinja_text_take (&text));
}

/* ---- dictionaries ------------------------------------------------------ */

static const JinjaList *
pairs_of (JinjaRun *run, const JinjaDict *dict)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (size_t i = 0; i < dict->n && jinja_step (run, 1); i++)
    jinja_items_add (&items, jinja_pair (run, dict->keys[i], dict->values[i]));
  return jinja_items_take (&items);
}

static JinjaValue
filter_items (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  if (value.type == JINJA_UNDEFINED)
    return jinja_of_list (JINJA_GENERATOR, &jinja_no_items);
  if (value.type != JINJA_DICT)
    return jinja_fail (run, "Can only get item pairs from a mapping.");
  return jinja_of_list (JINJA_GENERATOR, pairs_of (run, value.as.dict));
}

static JinjaValue
filter_dictsort (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaString *by = jinja_argument_string (run, call, 1, "by", &jinja_empty);
  const JinjaValue part = jinja_int (strcmp (by->bytes, "value") == 0);
  const Key key = { &part, !jinja_argument_bool (run, call, 0, "case_sensitive", false) };

  if (value.type != JINJA_DICT)
    return jinja_fail (run, "'%s' object has no attribute 'items'", jinja_type_name (value));
  if (by->size > 0 && strcmp (by->bytes, "key") != 0 && strcmp (by->bytes, "value") != 0)
    return jinja_fail (run, "You can only sort by either \"key\" or \"value\"");
  return sorted (run, pairs_of (run, value.as.dict), &key,
                 jinja_argument_bool (run, call, 2, "reverse", false));
}

/* ---- parts ------------------------------------------------------------- */

static void
add_filled (JinjaItems *rows,
            const JinjaList *list,
            size_t from,
            size_t to,
            size_t fill,
            const JinjaValue *with)
{
  JinjaItems row;

  jinja_items_init (&row, rows->run);
  for (size_t i = from; i < to && jinja_step (rows->run, 1); i++)
    jinja_items_add (&row, list->items[i]);
  for (size_t i = to - from; with != NULL && i < fill && jinja_step (rows->run, 1); i++)
    jinja_items_add (&row, *with);
  jinja_items_add (rows, jinja_of_list (JINJA_LIST, jinja_items_take (&row)));
}

static JinjaValue
filter_batch (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaList *list = jinja_iterate (run, value);
  const int64_t width = jinja_argument_int (run, call, 0, "linecount", 0);
  const JinjaValue *with = jinja_argument (call, 1, "fill_with");
  JinjaItems rows;

  if (width < 1)
    return jinja_fail (run, "batch needs a line count of one or more");
  if (with != NULL && with->type == JINJA_NONE)
    with = NULL;
  jinja_items_init (&rows, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1);)
    {
      const size_t to = list->n - i > (size_t)width ? i + (size_t)width : list->n;
      add_filled (&rows, list, i, to, (size_t)width, with);
      i = to;
    }
  return jinja_of_list (JINJA_GENERATOR, jinja_items_take (&rows));
}

static JinjaValue
filter_slice (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaList *list = jinja_iterate (run, value);
  const int64_t slices = jinja_argument_int (run, call, 0, "slices", 0);
  const JinjaValue *with = jinja_argument (call, 1, "fill_with");
  JinjaItems rows;

  if (slices < 1)
    return jinja_fail (run, "slice needs one slice or more");
  if (with != NULL && with->type == JINJA_NONE)
    with = NULL;
  const size_t n = (size_t)slices, each = list->n / n, longer = list->n % n;
  jinja_items_init (&rows, run);
  for (size_t i = 0, from = 0; i < n && jinja_step (run, 1); i++)
    {
      const size_t to = from + each + (i < longer);
      /* All but the longer slices are filled, also where none is longer. */
      add_filled (&rows, list, from, to, each + 1, with);
      from = to;
    }
  return jinja_of_list (JINJA_GENERATOR, jinja_items_take (&rows));
}

const JinjaFilter jinja_list_filters[] = {
  { "sort", filter_sort },   { "unique", filter_unique }, { "min", filter_min },
  { "max", filter_max },     { "sum", filter_sum },       { "first", filter_first },
  { "last", filter_last },   { "list", filter_list },     { "reverse", filter_reverse },
  { "join", filter_join },   { "items", filter_items },   { "dictsort", filter_dictsort },
  { "batch", filter_batch }, { "slice", filter_slice },   { NULL, NULL },
};
