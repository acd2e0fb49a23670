/* Methods of dictionaries, lists and of what the environment makes. Those of strings have a file of
 * their own. */
#include "jinja-private.h"

static const char *const dict_methods[] = { "get", "items", "keys", "values", "copy", NULL };
static const char *const list_methods[] = { "index", "count", "copy", NULL };
static const char *const tuple_methods[] = { "index", "count", NULL };
static const char *const loop_methods[] = { "cycle", "changed", NULL };
static const char *const cycler_methods[] = { "next", "reset", NULL };

static const char *const *
methods_of (JinjaValue self)
{
  static const char *const none[] = { NULL };

  switch (self.type)
    {
    case JINJA_STRING:
      return jinja_string_methods;
    case JINJA_DICT:
      return dict_methods;
    case JINJA_LIST:
      return list_methods;
    case JINJA_TUPLE:
      return tuple_methods;
    case JINJA_LOOP:
      return loop_methods;
    case JINJA_CYCLER:
      return cycler_methods;
    default:
      return none;
    }
}

bool
jinja_has_method (JinjaValue self, const char *name)
{
  return g_strv_contains (methods_of (self), name);
}

/* ---- dictionaries ------------------------------------------------------ */

static JinjaValue
dict_items (JinjaRun *run, const JinjaDict *dict)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (size_t i = 0; i < dict->n && jinja_step (run, 1); i++)
    jinja_items_add (&items, jinja_pair (run, dict->keys[i], dict->values[i]));
  return jinja_of_list (JINJA_LIST, jinja_items_take (&items));
}

static JinjaValue
dict_part (JinjaRun *run, const JinjaValue *values, size_t n)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (size_t i = 0; i < n && jinja_step (run, 1); i++)
    jinja_items_add (&items, values[i]);
  return jinja_of_list (JINJA_LIST, jinja_items_take (&items));
}

static JinjaValue
dict_method (JinjaRun *run, JinjaValue self, const char *name, const JinjaCall *call)
{
  const JinjaDict *dict = self.as.dict;

  if (strcmp (name, "get") == 0)
    {
      const JinjaValue *key = jinja_argument (call, 0, "key");
      const JinjaValue *fallback = jinja_argument (call, 1, "default");
      const JinjaValue *found;

      if (key == NULL)
        return jinja_fail (run, "get expected at least 1 argument, got 0");
      found = jinja_dict_get (run, dict, *key);
      return found != NULL ? *found : fallback != NULL ? *fallback : jinja_none ();
    }
  if (strcmp (name, "items") == 0)
    return dict_items (run, dict);
  if (strcmp (name, "copy") == 0)
    return self;
  return dict_part (run, strcmp (name, "keys") == 0 ? dict->keys : dict->values, dict->n);
}

/* ---- lists ------------------------------------------------------------- */

static JinjaValue
list_method (JinjaRun *run, JinjaValue self, const char *name, const JinjaCall *call)
{
  const JinjaList *list = self.as.list;
  int64_t count = 0;

  if (strcmp (name, "copy") == 0)
    return self;
  if (call->n == 0)
    return jinja_fail (run, "%s expected at least 1 argument, got 0", name);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    if (jinja_equal (run, list->items[i], call->positional[0]))
      {
        if (strcmp (name, "index") == 0)
          return jinja_int ((int64_t)i);
        count++;
      }
  if (strcmp (name, "count") == 0)
    return jinja_int (count);
  JinjaText text;
  jinja_text_init (&text, run);
  jinja_print_repr (&text, call->positional[0]);
  return jinja_fail (run, "%s is not in list", jinja_text_take (&text)->bytes);
}

static JinjaValue
cycler_method (JinjaRun *run, JinjaCycle *cycle, const char *name)
{
  if (strcmp (name, "reset") == 0)
    {
      cycle->at = 0;
      return jinja_none ();
    }
  if (cycle->items->n == 0)
    return jinja_fail (run, "at least one item has to be provided");
  const JinjaValue value = cycle->items->items[cycle->at];
  cycle->at = (cycle->at + 1) % cycle->items->n;
  return value;
}

JinjaValue
jinja_call_method (JinjaRun *run, const JinjaMethod *method, const JinjaCall *call)
{
  switch (method->self.type)
    {
    case JINJA_STRING:
      return jinja_string_method (run, method->self.as.string, method->name, call);
    case JINJA_DICT:
      return dict_method (run, method->self, method->name, call);
    case JINJA_LOOP:
      return jinja_loop_method (run, method->self.as.loop, method->name, call);
    case JINJA_CYCLER:
      return cycler_method (run, method->self.as.cycle, method->name);
    default:
      return list_method (run, method->self, method->name, call);
    }
}
