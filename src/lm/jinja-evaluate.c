/* Expressions, names and calls. */
#include "jinja-private.h"

/* ---- names ------------------------------------------------------------- */

JinjaScope *
jinja_scope_new (JinjaRun *run, JinjaScope *parent)
{
  JinjaScope *scope = jinja_alloc (run, sizeof *scope);

  if (scope != NULL)
    scope->parent = parent;
  return scope != NULL ? scope : parent;
}

void
jinja_bind (JinjaRun *run, JinjaScope *scope, const char *name, JinjaValue value)
{
  for (size_t i = 0; i < scope->n; i++)
    if (strcmp (scope->bindings[i].name, name) == 0)
      {
        scope->bindings[i].value = value;
        return;
      }
  if (scope->n == scope->capacity)
    {
      const size_t capacity = MAX (4, 2 * scope->capacity);
      JinjaBinding *moved = jinja_alloc (run, capacity * sizeof *moved);

      if (moved == NULL)
        return;
      if (scope->n > 0)
        memcpy (moved, scope->bindings, scope->n * sizeof *moved);
      scope->bindings = moved;
      scope->capacity = capacity;
    }
  scope->bindings[scope->n++] = (JinjaBinding){ name, value };
}

const JinjaValue *
jinja_lookup (JinjaRun *run, const JinjaScope *scope, const char *name)
{
  for (; scope != NULL; scope = scope->parent)
    {
      jinja_step (run, scope->n / 16);
      for (size_t i = 0; i < scope->n; i++)
        if (strcmp (scope->bindings[i].name, name) == 0)
          return &scope->bindings[i].value;
    }
  return NULL;
}

static JinjaValue
evaluate_name (JinjaRun *run, const JinjaScope *scope, const char *name)
{
  const JinjaValue *found = jinja_lookup (run, scope, name);

  if (found != NULL)
    return *found;
  if (jinja_has_global (name))
    return (JinjaValue){ JINJA_FUNCTION, { .name = name } };
  return jinja_undefined (jinja_format (run, "'%s' is undefined", name));
}

/* ---- calls ------------------------------------------------------------- */

const JinjaValue *
jinja_argument (const JinjaCall *call, size_t position, const char *name)
{
  if (position < call->n)
    return &call->positional[position];
  for (size_t i = 0; i < call->n_keyword; i++)
    if (strcmp (call->names[i], name) == 0)
      return &call->keyword[i];
  return NULL;
}

bool
jinja_argument_bool (JinjaRun *run,
                     const JinjaCall *call,
                     size_t position,
                     const char *name,
                     bool fallback)
{
  const JinjaValue *value = jinja_argument (call, position, name);
  return value != NULL ? jinja_truth (run, *value) : fallback;
}

int64_t
jinja_argument_int (JinjaRun *run,
                    const JinjaCall *call,
                    size_t position,
                    const char *name,
                    int64_t fallback)
{
  const JinjaValue *value = jinja_argument (call, position, name);

  if (value == NULL || value->type == JINJA_NONE)
    return fallback;
  if (value->type == JINJA_INT || value->type == JINJA_BOOL)
    return jinja_integer (*value);
  jinja_fail (run, "'%s' object cannot be interpreted as an integer", jinja_type_name (*value));
  return fallback;
}

const JinjaString *
jinja_argument_string (JinjaRun *run,
                       const JinjaCall *call,
                       size_t position,
                       const char *name,
                       const JinjaString *fallback)
{
  const JinjaValue *value = jinja_argument (call, position, name);

  if (value == NULL || value->type == JINJA_NONE)
    return fallback;
  if (value->type == JINJA_STRING)
    return value->as.string;
  jinja_fail (run, "must be str, not %s", jinja_type_name (*value));
  return &jinja_empty;
}

/* The arguments of a call as they are evaluated. */
typedef struct
{
  JinjaItems positional, keyword, names; /* names: strings */
} Arguments;

static void
add_keyword (JinjaRun *run, Arguments *arguments, const char *name, JinjaValue value)
{
  jinja_items_add (&arguments->names, (JinjaValue){ JINJA_FUNCTION, { .name = name } });
  jinja_items_add (&arguments->keyword, value);
  (void)run;
}

static void
add_starred (JinjaRun *run, JinjaScope *scope, const JinjaArguments *nodes, Arguments *arguments)
{
  if (nodes->star != NULL)
    {
      const JinjaList *list = jinja_iterate (run, jinja_evaluate (run, scope, nodes->star));
      for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
        jinja_items_add (&arguments->positional, list->items[i]);
    }
  if (nodes->double_star == NULL)
    return;
  const JinjaValue more = jinja_evaluate (run, scope, nodes->double_star);
  if (more.type != JINJA_DICT)
    {
      jinja_fail (run, "argument after ** must be a mapping, not %s", jinja_type_name (more));
      return;
    }
  for (size_t i = 0; i < more.as.dict->n && jinja_step (run, 1); i++)
    if (more.as.dict->keys[i].type == JINJA_STRING)
      add_keyword (run, arguments, more.as.dict->keys[i].as.string->bytes, more.as.dict->values[i]);
}

static JinjaCall
evaluate_arguments (JinjaRun *run, JinjaScope *scope, const JinjaArguments *nodes)
{
  Arguments arguments;
  const char **names;

  jinja_items_init (&arguments.positional, run);
  jinja_items_init (&arguments.keyword, run);
  jinja_items_init (&arguments.names, run);
  for (size_t i = 0; i < nodes->positional.n; i++)
    jinja_items_add (&arguments.positional,
                     jinja_evaluate (run, scope, nodes->positional.items[i]));
  for (size_t i = 0; i < nodes->keyword.n; i++)
    add_keyword (run, &arguments, nodes->names[i],
                 jinja_evaluate (run, scope, nodes->keyword.items[i]));
  add_starred (run, scope, nodes, &arguments);
  const size_t n_keyword = MIN (arguments.names.n, arguments.keyword.n);
  names = n_keyword > 0 ? jinja_alloc (run, n_keyword * sizeof *names) : NULL;
  for (size_t i = 0; names != NULL && i < n_keyword; i++)
    names[i] = arguments.names.items[i].as.name;
  return (JinjaCall){ .positional = arguments.positional.items,
                      .n = arguments.positional.n,
                      .names = names,
                      .keyword = arguments.keyword.items,
                      .n_keyword = names != NULL ? n_keyword : 0 };
}

JinjaValue
jinja_call (JinjaRun *run, JinjaValue callee, const JinjaCall *call)
{
  JinjaValue value = jinja_undefined ("");

  if (run->error != NULL || !jinja_enter (run))
    {
      jinja_leave (run);
      return value;
    }
  switch (callee.type)
    {
    case JINJA_MACRO:
      value = jinja_call_macro (run, callee.as.macro, call);
      break;
    case JINJA_FUNCTION:
      value = jinja_call_global (run, callee.as.name, call);
      break;
    case JINJA_METHOD:
      value = jinja_call_method (run, callee.as.method, call);
      break;
    case JINJA_LOOP:
      value = jinja_call_loop (run, callee.as.loop, call);
      break;
    case JINJA_JOINER:
      value =
          jinja_of_string (callee.as.cycle->at++ == 0 ? &jinja_empty : callee.as.cycle->separator);
      break;
    case JINJA_UNDEFINED:
      value = jinja_fail (run, "%s", callee.as.missing);
      break;
    default:
      value = jinja_fail (run, "'%s' object is not callable", jinja_type_name (callee));
      break;
    }
  jinja_leave (run);
  return value;
}

JinjaValue
jinja_call_with_caller (JinjaRun *run, JinjaScope *scope, const JinjaNode *node, JinjaValue caller)
{
  const JinjaValue callee = jinja_evaluate (run, scope, node->a);
  JinjaCall call = evaluate_arguments (run, scope, &node->arguments);
  Arguments arguments;
  const char **names = jinja_alloc (run, (call.n_keyword + 1) * sizeof *names);

  jinja_items_init (&arguments.keyword, run);
  for (size_t i = 0; i < call.n_keyword; i++)
    jinja_items_add (&arguments.keyword, call.keyword[i]);
  jinja_items_add (&arguments.keyword, caller);
  if (names == NULL || arguments.keyword.n != call.n_keyword + 1)
    return jinja_undefined ("");
  for (size_t i = 0; i < call.n_keyword; i++)
    names[i] = call.names[i];
  names[call.n_keyword++] = "caller";
  call.names = names;
  call.keyword = arguments.keyword.items;
  return jinja_call (run, callee, &call);
}

/* ---- filters ----------------------------------------------------------- */

/* node and what it is applied over, down to the one without a value of its own. */
JinjaValue
jinja_apply_filters (JinjaRun *run, JinjaScope *scope, const JinjaNode *node, JinjaValue value)
{
  if (node == NULL)
    return value;
  value = jinja_apply_filters (run, scope, node->a, value);
  const JinjaCall call = evaluate_arguments (run, scope, &node->arguments);
  return jinja_filter (run, node->name, value, &call);
}

static JinjaValue
evaluate_filter (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaValue value = jinja_evaluate (run, scope, node->a);
  const JinjaCall call = evaluate_arguments (run, scope, &node->arguments);
  return jinja_filter (run, node->name, value, &call);
}

static JinjaValue
evaluate_test (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaValue value = jinja_evaluate (run, scope, node->a);
  const JinjaCall call = evaluate_arguments (run, scope, &node->arguments);
  return jinja_bool (jinja_test (run, node->name, value, &call));
}

/* ---- the kinds of nodes ------------------------------------------------ */

static JinjaValue
evaluate_items (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  for (size_t i = 0; i < node->kids.n; i++)
    jinja_items_add (&items, jinja_evaluate (run, scope, node->kids.items[i]));
  return jinja_of_list (node->kind == JINJA_NODE_LIST ? JINJA_LIST : JINJA_TUPLE,
                        jinja_items_take (&items));
}

static JinjaValue
evaluate_dict (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaDict *dict = jinja_dict_new (run);

  for (size_t i = 0; i + 1 < node->kids.n && run->error == NULL; i += 2)
    {
      const JinjaValue key = jinja_evaluate (run, scope, node->kids.items[i]);
      jinja_dict_set (run, dict, key, jinja_evaluate (run, scope, node->kids.items[i + 1]));
    }
  return (JinjaValue){ JINJA_DICT, { .dict = dict } };
}

static JinjaValue
evaluate_slice (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaValue object = jinja_evaluate (run, scope, node->a);
  JinjaValue bounds[3];

  for (size_t i = 0; i < 3; i++)
    {
      const JinjaNode *bound = i < node->kids.n ? node->kids.items[i] : NULL;
      bounds[i] = bound != NULL ? jinja_evaluate (run, scope, bound) : jinja_none ();
    }
  return run->error == NULL ? jinja_slice (run, object, bounds[0], bounds[1], bounds[2])
                            : jinja_undefined ("");
}

static JinjaValue
evaluate_if_else (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  if (jinja_truth (run, jinja_evaluate (run, scope, node->b)))
    return jinja_evaluate (run, scope, node->a);
  if (node->c != NULL)
    return jinja_evaluate (run, scope, node->c);
  return jinja_undefined (
      jinja_format (run,
                    "the inline if-expression on line %u evaluated to false and no else "
                    "section was defined.",
                    node->line));
}

/* and, or: the first value that decides, itself. */
static JinjaValue
evaluate_logic (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaValue value = jinja_none ();

  for (size_t i = 0; i < node->kids.n && run->error == NULL; i++)
    {
      value = jinja_evaluate (run, scope, node->kids.items[i]);
      if (jinja_truth (run, value) == (node->kind == JINJA_NODE_OR))
        break;
    }
  return value;
}

static JinjaValue
evaluate_comparison (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaValue left = jinja_evaluate (run, scope, node->a);
  bool holds = true;

  for (size_t i = 0; holds && i < node->kids.n && run->error == NULL; i++)
    {
      const JinjaValue right = jinja_evaluate (run, scope, node->kids.items[i]->a);
      holds = run->error == NULL && jinja_relation (run, node->kids.items[i]->op, left, right);
      left = right;
    }
  return jinja_bool (holds);
}

static JinjaValue
evaluate_concat (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaText text;

  jinja_text_init (&text, run);
  for (size_t i = 0; i < node->kids.n && run->error == NULL; i++)
    jinja_print (&text, jinja_evaluate (run, scope, node->kids.items[i]));
  return jinja_of_string (jinja_text_take (&text));
}

static JinjaValue
evaluate_sign (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaValue value = jinja_evaluate (run, scope, node->a);

  if (run->error != NULL || node->kind == JINJA_NODE_NEGATE)
    return jinja_negate (run, value);
  if (value.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", value.as.missing);
  if (!jinja_is_number (value))
    return jinja_fail (run, "bad operand type for unary +: '%s'", jinja_type_name (value));
  return value.type == JINJA_BOOL ? jinja_int (jinja_integer (value)) : value;
}

static JinjaValue
evaluate_binary (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaValue a = jinja_evaluate (run, scope, node->a),
                   b = jinja_evaluate (run, scope, node->b);
  return run->error == NULL ? jinja_binary (run, node->op, a, b) : jinja_undefined ("");
}

static JinjaValue
evaluate_item (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaValue a = jinja_evaluate (run, scope, node->a);

  if (node->kind == JINJA_NODE_ATTRIBUTE)
    return run->error == NULL ? jinja_attribute (run, a, node->name) : jinja_undefined ("");
  const JinjaValue b = jinja_evaluate (run, scope, node->b);
  return run->error == NULL ? jinja_item (run, a, b) : jinja_undefined ("");
}

static JinjaValue
evaluate_call (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaValue callee = jinja_evaluate (run, scope, node->a);
  const JinjaCall call = evaluate_arguments (run, scope, &node->arguments);
  return jinja_call (run, callee, &call);
}

static JinjaValue
evaluate (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  switch (node->kind)
    {
    case JINJA_NODE_CONST:
      return node->value;
    case JINJA_NODE_NAME:
      return evaluate_name (run, scope, node->name);
    case JINJA_NODE_LIST:
    case JINJA_NODE_TUPLE:
      return evaluate_items (run, scope, node);
    case JINJA_NODE_DICT:
      return evaluate_dict (run, scope, node);
    case JINJA_NODE_ATTRIBUTE:
    case JINJA_NODE_ITEM:
      return evaluate_item (run, scope, node);
    case JINJA_NODE_SLICE:
      return evaluate_slice (run, scope, node);
    case JINJA_NODE_CALL:
      return evaluate_call (run, scope, node);
    case JINJA_NODE_FILTER:
      return evaluate_filter (run, scope, node);
    case JINJA_NODE_TEST:
      return evaluate_test (run, scope, node);
    case JINJA_NODE_IF_ELSE:
      return evaluate_if_else (run, scope, node);
    case JINJA_NODE_AND:
    case JINJA_NODE_OR:
      return evaluate_logic (run, scope, node);
    case JINJA_NODE_NOT:
      return jinja_bool (!jinja_truth (run, jinja_evaluate (run, scope, node->a)));
    case JINJA_NODE_COMPARE:
      return evaluate_comparison (run, scope, node);
    case JINJA_NODE_BINARY:
      return evaluate_binary (run, scope, node);
    case JINJA_NODE_NEGATE:
    case JINJA_NODE_PLUS:
      return evaluate_sign (run, scope, node);
    default:
      return evaluate_concat (run, scope, node);
    }
}

JinjaValue
jinja_evaluate (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaValue value = jinja_undefined ("");

  if (jinja_step (run, 1) && jinja_enter (run))
    value = evaluate (run, scope, node);
  jinja_leave (run);
  return run->error == NULL ? value : jinja_undefined ("");
}
