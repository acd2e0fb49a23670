/* Statements. */
#include "jinja-private.h"

/* ---- writing ----------------------------------------------------------- */

/* Text that belongs to no message yet is written for the one that a loop is at. */
static void
write_string (JinjaRun *run, const JinjaString *string, int32_t message)
{
  const JinjaMark plain = message >= 0 ? (JinjaMark)(message + 1) << 2 : 0;
  size_t from = 0;

  for (size_t i = 0; i < string->n_stretches; i++)
    {
      const JinjaStretch *stretch = &string->stretches[i];
      jinja_text_append (run->out, string->bytes + from, stretch->end - from,
                         stretch->mark != 0 ? stretch->mark : plain);
      from = stretch->end;
    }
}

/* The message that a printed value has something of, or −1. */
static int32_t
message_in (const JinjaString *string)
{
  for (size_t i = 0; i < string->n_stretches; i++)
    if (string->stretches[i].mark != 0)
      return (int32_t)(string->stretches[i].mark >> 2) - 1;
  return -1;
}

static void
print_value (JinjaRun *run, JinjaValue value)
{
  const JinjaString *string = jinja_str (run, value);
  write_string (run, string, run->message >= 0 ? run->message : message_in (string));
}

/* What body writes, as a string. */
static const JinjaString *
capture (JinjaRun *run, JinjaScope *scope, const JinjaNodes *body)
{
  JinjaText text, *outer = run->out;

  jinja_text_init (&text, run);
  run->out = &text;
  jinja_execute (run, scope, body);
  run->out = outer;
  return jinja_text_take (&text);
}

/* ---- assignment -------------------------------------------------------- */

/* In a loop that goes through something else than messages ("for i in range (…)"), the message that
 * is assigned is the one that text is written for. */
static void
note_message (JinjaRun *run, JinjaValue value)
{
  if (run->loop_depth > 0 && !run->in_message_loop && value.type == JINJA_DICT &&
      value.as.dict->message >= 0)
    run->message = value.as.dict->message;
}

static void
assign_tuple (JinjaRun *run, JinjaScope *scope, const JinjaNode *target, JinjaValue value)
{
  const JinjaList *list;

  if (value.type == JINJA_UNDEFINED || !jinja_is_iterable (value))
    {
      jinja_fail (run, "cannot unpack non-iterable %s object", jinja_type_name (value));
      return;
    }
  list = jinja_iterate (run, value);
  if (list->n < target->kids.n)
    jinja_fail (run, "not enough values to unpack (expected %zu, got %zu)", target->kids.n,
                list->n);
  else if (list->n > target->kids.n)
    jinja_fail (run, "too many values to unpack (expected %zu)", target->kids.n);
  else
    for (size_t i = 0; i < list->n; i++)
      jinja_assign (run, scope, target->kids.items[i], list->items[i]);
}

static void
assign_attribute (JinjaRun *run, JinjaScope *scope, const JinjaNode *target, JinjaValue value)
{
  const JinjaValue *object = jinja_lookup (run, scope, target->name);

  if (object == NULL || object->type != JINJA_NAMESPACE)
    {
      jinja_fail (run, "cannot assign attribute on non-namespace object");
      return;
    }
  jinja_dict_set (run, object->as.dict, jinja_of_c (run, target->attribute), value);
}

void
jinja_assign (JinjaRun *run, JinjaScope *scope, const JinjaNode *target, JinjaValue value)
{
  if (run->error != NULL)
    return;
  note_message (run, value);
  if (target->kind == JINJA_NODE_NAME)
    jinja_bind (run, scope, target->name, value);
  else if (target->kind == JINJA_NODE_TARGET_ATTRIBUTE)
    assign_attribute (run, scope, target, value);
  else
    assign_tuple (run, scope, target, value);
}

/* ---- macros ------------------------------------------------------------ */

static bool
is_parameter (const JinjaNode *node, const char *name)
{
  for (size_t i = 0; i < node->n_parameters; i++)
    if (strcmp (node->parameters[i], name) == 0)
      return true;
  return false;
}

/* varargs, kwargs and caller: what is given beyond the parameters. */
static void
bind_extra (JinjaRun *run, JinjaScope *scope, const JinjaNode *node, const JinjaCall *call)
{
  JinjaItems more;
  JinjaDict *named = jinja_dict_new (run);

  jinja_items_init (&more, run);
  for (size_t i = node->n_parameters; i < call->n; i++)
    jinja_items_add (&more, call->positional[i]);
  for (size_t i = 0; i < call->n_keyword && run->error == NULL; i++)
    if (strcmp (call->names[i], "caller") == 0)
      jinja_bind (run, scope, "caller", call->keyword[i]);
    else if (!is_parameter (node, call->names[i]))
      jinja_dict_set (run, named, jinja_of_c (run, call->names[i]), call->keyword[i]);
  jinja_bind (run, scope, "varargs", jinja_of_list (JINJA_TUPLE, jinja_items_take (&more)));
  jinja_bind (run, scope, "kwargs", (JinjaValue){ JINJA_DICT, { .dict = named } });
}

static void
bind_parameters (JinjaRun *run, JinjaScope *scope, const JinjaNode *node, const JinjaCall *call)
{
  for (size_t i = 0; i < node->n_parameters && run->error == NULL; i++)
    {
      const char *name = node->parameters[i];
      const JinjaNode *fallback = i < node->kids.n ? node->kids.items[i] : NULL;
      const JinjaValue *given = jinja_argument (call, i, name);

      jinja_bind (run, scope, name,
                  given != NULL      ? *given
                  : fallback != NULL ? jinja_evaluate (run, scope, fallback)
                                     : jinja_undefined (jinja_format (
                                           run, "parameter '%s' was not provided", name)));
    }
}

static bool
check_arguments (JinjaRun *run, const JinjaNode *node, const JinjaCall *call)
{
  if (call->n > node->n_parameters && !node->takes_varargs)
    {
      jinja_fail (run, "macro '%s' takes not more than %zu argument(s)", node->name,
                  node->n_parameters);
      return false;
    }
  for (size_t i = 0; i < call->n_keyword; i++)
    {
      const bool caller = strcmp (call->names[i], "caller") == 0;
      if (is_parameter (node, call->names[i]) || (caller ? node->takes_caller : node->takes_kwargs))
        continue;
      if (caller)
        jinja_fail (
            run,
            "macro '%s' was invoked with two values for the special caller argument. This is most "
            "likely a bug.",
            node->name);
      else
        jinja_fail (run, "macro '%s' takes no keyword argument '%s'", node->name, call->names[i]);
      return false;
    }
  return true;
}

JinjaValue
jinja_call_macro (JinjaRun *run, const JinjaMacro *macro, const JinjaCall *call)
{
  const JinjaNode *node = macro->node;
  const unsigned loop_depth = run->loop_depth;
  JinjaScope *scope;

  if (!check_arguments (run, node, call))
    return jinja_undefined ("");
  scope = jinja_scope_new (run, macro->scope);
  if (scope == macro->scope)
    return jinja_undefined ("");
  bind_extra (run, scope, node, call);
  bind_parameters (run, scope, node, call);
  run->loop_depth = 0;
  const JinjaString *text = run->error == NULL ? capture (run, scope, &node->body) : &jinja_empty;
  run->loop_depth = loop_depth;
  return jinja_of_string (text);
}

static JinjaValue
make_macro (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaMacro *macro = jinja_alloc (run, sizeof *macro);

  if (macro == NULL)
    return jinja_undefined ("");
  *macro = (JinjaMacro){ node, scope };
  return (JinjaValue){ JINJA_MACRO, { .macro = macro } };
}

/* ---- blocks ------------------------------------------------------------ */

static JinjaFlow
execute_if (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const bool holds = jinja_truth (run, jinja_evaluate (run, scope, node->a));
  return jinja_execute (run, scope, holds ? &node->body : &node->other);
}

static JinjaFlow
execute_with (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  JinjaScope *inner = jinja_scope_new (run, scope);

  if (inner == scope)
    return JINJA_FLOW_NORMAL;
  for (size_t i = 0; i + 1 < node->kids.n; i += 2)
    jinja_assign (run, inner, node->kids.items[i],
                  jinja_evaluate (run, scope, node->kids.items[i + 1]));
  return jinja_execute (run, inner, &node->body);
}

/* The text of a block, in a scope of its own, through its filters. */
static JinjaValue
execute_block (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  const JinjaString *text = capture (run, jinja_scope_new (run, scope), &node->body);
  return jinja_apply_filters (run, scope, node->c, jinja_of_string (text));
}

static JinjaFlow
execute_one (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  switch (node->kind)
    {
    case JINJA_NODE_TEXT:
      write_string (run, node->value.as.string, run->message);
      break;
    case JINJA_NODE_PRINT:
      print_value (run, jinja_evaluate (run, scope, node->a));
      break;
    case JINJA_NODE_FOR:
      return jinja_execute_for (run, scope, node);
    case JINJA_NODE_IF:
      return execute_if (run, scope, node);
    case JINJA_NODE_SET:
      jinja_assign (run, scope, node->a, jinja_evaluate (run, scope, node->b));
      break;
    case JINJA_NODE_SET_BLOCK:
      jinja_assign (run, scope, node->a, execute_block (run, scope, node));
      break;
    case JINJA_NODE_MACRO:
      jinja_bind (run, scope, node->name, make_macro (run, scope, node));
      break;
    case JINJA_NODE_CALL_BLOCK:
      print_value (run,
                   jinja_call_with_caller (run, scope, node->a, make_macro (run, scope, node->b)));
      break;
    case JINJA_NODE_FILTER_BLOCK:
      print_value (run, execute_block (run, scope, node));
      break;
    case JINJA_NODE_WITH:
      return execute_with (run, scope, node);
    case JINJA_NODE_SCOPE:
      return jinja_execute (run, jinja_scope_new (run, scope), &node->body);
    case JINJA_NODE_BREAK:
      return JINJA_FLOW_BREAK;
    default:
      return JINJA_FLOW_CONTINUE;
    }
  return JINJA_FLOW_NORMAL;
}

JinjaFlow
jinja_execute (JinjaRun *run, JinjaScope *scope, const JinjaNodes *body)
{
  JinjaFlow flow = JINJA_FLOW_NORMAL;

  if (jinja_enter (run))
    for (size_t i = 0; i < body->n && flow == JINJA_FLOW_NORMAL && jinja_step (run, 1); i++)
      flow = execute_one (run, scope, body->items[i]);
  jinja_leave (run);
  return flow;
}
