/* Filters that apply another filter or a test to each element. */
#include "jinja-private.h"

/* The arguments behind the first n. */
static JinjaCall
rest_of_call (const JinjaCall *call, size_t n)
{
  JinjaCall rest = *call;

  n = MIN (n, call->n);
  rest.n -= n;
  if (rest.n > 0)
    rest.positional += n;
  return rest;
}

/* What is gone through: nothing where the value is false, whatever it is. */
static const JinjaList *
elements_of (JinjaRun *run, JinjaValue value)
{
  return jinja_truth (run, value) ? jinja_iterate (run, value) : &jinja_no_items;
}

/* ---- map --------------------------------------------------------------- */

static JinjaValue
map_attributes (JinjaRun *run,
                const JinjaList *list,
                JinjaValue attribute,
                const JinjaValue *fallback)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    {
      jinja_items_add (&items, jinja_path (run, list->items[i], attribute, fallback));
    }
  return jinja_of_list (JINJA_GENERATOR, jinja_items_take (&items));
}

static JinjaValue
filter_map (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaList *list = elements_of (run, value);
  const JinjaValue *attribute = jinja_argument (call, SIZE_MAX, "attribute");
  const JinjaCall rest = rest_of_call (call, 1);
  JinjaItems items;

  if (call->n == 0 && attribute != NULL)
    return map_attributes (run, list, *attribute, jinja_argument (call, SIZE_MAX, "default"));
  if (call->n == 0 || call->positional[0].type != JINJA_STRING)
    return jinja_fail (run, "map requires a filter argument");
  jinja_items_init (&items, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    jinja_items_add (
        &items, jinja_filter (run, call->positional[0].as.string->bytes, list->items[i], &rest));
  return jinja_of_list (JINJA_GENERATOR, jinja_items_take (&items));
}

/* ---- select and reject ------------------------------------------------- */

typedef struct
{
  const JinjaValue *attribute; /* NULL: the element itself */
  const char *test;            /* NULL: whether it is true */
  JinjaCall call;
} Selection;

static bool
selects (JinjaRun *run, const Selection *selection, JinjaValue item)
{
  if (selection->attribute != NULL)
    item = jinja_path (run, item, *selection->attribute, NULL);
  if (run->error != NULL)
    return false;
  return selection->test != NULL ? jinja_test (run, selection->test, item, &selection->call)
                                 : jinja_truth (run, item);
}

static JinjaValue
pick (JinjaRun *run, JinjaValue value, const JinjaCall *call, bool by_attribute, bool wanted)
{
  const JinjaList *list = elements_of (run, value);
  const size_t at = by_attribute;
  Selection selection = { .call = rest_of_call (call, at + 1) };
  JinjaItems items;

  if (by_attribute && call->n == 0)
    return jinja_fail (run, "Missing parameter for attribute name");
  if (by_attribute)
    selection.attribute = &call->positional[0];
  if (call->n > at && call->positional[at].type != JINJA_STRING)
    return jinja_fail (run, "the name of a test has to be a string");
  if (call->n > at)
    selection.test = call->positional[at].as.string->bytes;
  jinja_items_init (&items, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    if (selects (run, &selection, list->items[i]) == wanted)
      jinja_items_add (&items, list->items[i]);
  return jinja_of_list (JINJA_GENERATOR, jinja_items_take (&items));
}

static JinjaValue
filter_select (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return pick (run, value, call, false, true);
}

static JinjaValue
filter_reject (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return pick (run, value, call, false, false);
}

static JinjaValue
filter_selectattr (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return pick (run, value, call, true, true);
}

static JinjaValue
filter_rejectattr (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return pick (run, value, call, true, false);
}

/* ---- groupby ----------------------------------------------------------- */

static JinjaValue
filter_groupby (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *attribute = jinja_argument (call, 0, "attribute");
  const JinjaValue sort_arguments[] = { jinja_bool (false), jinja_bool (true) };
  const char *const names[] = { "attribute" };
  JinjaItems groups, group;
  JinjaValue sorted, key = jinja_none ();

  if (attribute == NULL)
    return jinja_fail (run, "groupby needs an attribute");
  sorted = jinja_filter (run, "sort", value,
                         &(JinjaCall){ .positional = sort_arguments,
                                       .n = 2,
                                       .names = names,
                                       .keyword = attribute,
                                       .n_keyword = 1 });
  jinja_items_init (&groups, run);
  jinja_items_init (&group, run);
  for (size_t i = 0; run->error == NULL && i < sorted.as.list->n && jinja_step (run, 1); i++)
    {
      const JinjaValue own = jinja_path (run, sorted.as.list->items[i], *attribute, NULL);
      if (own.type == JINJA_UNDEFINED && sorted.as.list->n > 1)
        return jinja_fail (run, "%s", own.as.missing);
      if (i > 0 && !jinja_equal (run, own, key))
        {
          jinja_items_add (
              &groups,
              jinja_pair (run, key, jinja_of_list (JINJA_LIST, jinja_items_take (&group))));
          jinja_items_init (&group, run);
        }
      key = own;
      jinja_items_add (&group, sorted.as.list->items[i]);
    }
  if (group.n > 0)
    jinja_items_add (&groups,
                     jinja_pair (run, key, jinja_of_list (JINJA_LIST, jinja_items_take (&group))));
  return jinja_of_list (JINJA_LIST, jinja_items_take (&groups));
}

const JinjaFilter jinja_select_filters[] = {
  { "map", filter_map },
  { "select", filter_select },
  { "reject", filter_reject },
  { "selectattr", filter_selectattr },
  { "rejectattr", filter_rejectattr },
  { "groupby", filter_groupby },
  { NULL, NULL },
};
