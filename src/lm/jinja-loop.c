/* for, and what its variable "loop" tells. */
#include "jinja-private.h"

/* ---- the elements ------------------------------------------------------ */

/* The next element of the source that the condition lets through. */
static bool
next_item (JinjaRun *run, JinjaLoop *loop, JinjaValue *item)
{
  const int32_t message = run->message;

  while (loop->next < loop->source->n && jinja_step (run, 1))
    {
      JinjaScope *scope = loop->outer;
      bool passes;

      *item = loop->source->items[loop->next++];
      if (!loop->filtered)
        return true;
      scope = jinja_scope_new (run, scope);
      if (scope == loop->outer)
        return false;
      jinja_assign (run, scope, loop->node->a, *item);
      passes = jinja_truth (run, jinja_evaluate (run, scope, loop->node->c));
      run->message = message;
      if (passes)
        return run->error == NULL;
    }
  return false;
}

static bool
look_ahead (JinjaRun *run, JinjaLoop *loop)
{
  if (!loop->has_after)
    loop->has_after = next_item (run, loop, &loop->after);
  return loop->has_after;
}

static bool
advance (JinjaRun *run, JinjaLoop *loop, bool first)
{
  if (!look_ahead (run, loop))
    return false;
  loop->has_before = !first;
  loop->before = loop->item;
  loop->item = loop->after;
  loop->has_after = false;
  loop->index0 = first ? 0 : loop->index0 + 1;
  return true;
}

/* All that is left is let through the condition, once, to be counted. */
static size_t
loop_length (JinjaRun *run, JinjaLoop *loop)
{
  JinjaItems rest;
  JinjaValue item;

  if (loop->has_length)
    return loop->length;
  jinja_items_init (&rest, run);
  while (next_item (run, loop, &item))
    jinja_items_add (&rest, item);
  loop->source = jinja_items_take (&rest);
  loop->next = 0;
  loop->filtered = false;
  loop->length = loop->source->n + loop->index0 + 1 + loop->has_after;
  loop->has_length = true;
  return loop->length;
}

/* ---- the variable ------------------------------------------------------ */

JinjaValue
jinja_loop_attribute (JinjaRun *run, JinjaLoop *loop, const char *name)
{
  if (strcmp (name, "index0") == 0)
    return jinja_int ((int64_t)loop->index0);
  if (strcmp (name, "index") == 0)
    return jinja_int ((int64_t)loop->index0 + 1);
  if (strcmp (name, "first") == 0)
    return jinja_bool (loop->index0 == 0);
  if (strcmp (name, "last") == 0)
    return jinja_bool (!look_ahead (run, loop));
  if (strcmp (name, "length") == 0)
    return jinja_int ((int64_t)loop_length (run, loop));
  if (strcmp (name, "revindex") == 0)
    return jinja_int ((int64_t)loop_length (run, loop) - (int64_t)loop->index0);
  if (strcmp (name, "revindex0") == 0)
    return jinja_int ((int64_t)loop_length (run, loop) - (int64_t)loop->index0 - 1);
  if (strcmp (name, "previtem") == 0)
    return loop->has_before ? loop->before : jinja_undefined ("there is no previous item");
  if (strcmp (name, "nextitem") == 0)
    return look_ahead (run, loop) ? loop->after : jinja_undefined ("there is no next item");
  if (strcmp (name, "depth") == 0 || strcmp (name, "depth0") == 0)
    return jinja_int ((int64_t)loop->depth0 + (name[5] == '\0'));
  if (strcmp (name, "cycle") == 0 || strcmp (name, "changed") == 0)
    {
      JinjaMethod *method = jinja_alloc (run, sizeof *method);
      if (method != NULL)
        *method = (JinjaMethod){ { JINJA_LOOP, { .loop = loop } }, name };
      return method != NULL ? (JinjaValue){ JINJA_METHOD, { .method = method } }
                            : jinja_undefined ("");
    }
  return jinja_undefined (
      jinja_format (run, "'jinja2.runtime.LoopContext object' has no attribute '%s'", name));
}

JinjaValue
jinja_loop_method (JinjaRun *run, JinjaLoop *loop, const char *name, const JinjaCall *call)
{
  JinjaItems items;
  const JinjaList *given;

  if (strcmp (name, "cycle") == 0)
    return call->n > 0 ? call->positional[loop->index0 % call->n]
                       : jinja_fail (run, "no items for cycling given");
  jinja_items_init (&items, run);
  for (size_t i = 0; i < call->n; i++)
    jinja_items_add (&items, call->positional[i]);
  given = jinja_items_take (&items);
  if (loop->changed != NULL && jinja_equal (run, jinja_of_list (JINJA_TUPLE, given),
                                            jinja_of_list (JINJA_TUPLE, loop->changed)))
    return jinja_bool (false);
  loop->changed = given;
  return jinja_bool (true);
}

/* ---- the statement ----------------------------------------------------- */

/* The message that an element is, or −1. */
static int32_t
message_of (JinjaValue item)
{
  return item.type == JINJA_DICT ? item.as.dict->message : -1;
}

static JinjaFlow
run_body (JinjaRun *run, JinjaLoop *loop, JinjaScope *scope)
{
  const int32_t message = run->message, own = message_of (loop->item);
  const bool in_message_loop = run->in_message_loop;
  JinjaFlow flow;

  if (own >= 0)
    {
      run->message = own;
      run->in_message_loop = true;
    }
  jinja_assign (run, scope, loop->node->a, loop->item);
  flow = jinja_execute (run, scope, &loop->node->body);
  run->message = message;
  run->in_message_loop = in_message_loop;
  return flow;
}

static JinjaLoop *
loop_new (JinjaRun *run, JinjaScope *scope, const JinjaNode *node, JinjaValue value, size_t depth0)
{
  JinjaLoop *loop = run->error == NULL ? jinja_alloc (run, sizeof *loop) : NULL;

  if (loop == NULL)
    return NULL;
  loop->node = node;
  loop->outer = scope;
  loop->source = jinja_iterate (run, value);
  loop->filtered = node->c != NULL;
  loop->has_length = !loop->filtered;
  loop->length = loop->source->n;
  loop->depth0 = depth0;
  return run->error == NULL ? loop : NULL;
}

static JinjaFlow
run_loop (JinjaRun *run, JinjaScope *scope, const JinjaNode *node, JinjaValue value, size_t depth0)
{
  JinjaLoop *loop = loop_new (run, scope, node, value, depth0);
  bool any = false;

  if (loop == NULL)
    return JINJA_FLOW_NORMAL;
  run->loop_depth++;
  while (run->error == NULL && advance (run, loop, !any))
    {
      JinjaScope *inner = jinja_scope_new (run, scope);

      any = true;
      if (inner == scope)
        break;
      jinja_bind (run, inner, "loop", (JinjaValue){ JINJA_LOOP, { .loop = loop } });
      if (run_body (run, loop, inner) == JINJA_FLOW_BREAK)
        break;
    }
  run->loop_depth--;
  return any || run->error != NULL
             ? JINJA_FLOW_NORMAL
             : jinja_execute (run, jinja_scope_new (run, scope), &node->other);
}

JinjaFlow
jinja_execute_for (JinjaRun *run, JinjaScope *scope, const JinjaNode *node)
{
  return run_loop (run, scope, node, jinja_evaluate (run, scope, node->b), 0);
}

JinjaValue
jinja_call_loop (JinjaRun *run, const JinjaLoop *loop, const JinjaCall *call)
{
  const JinjaValue *value = jinja_argument (call, 0, "iterable");
  JinjaText text, *outer = run->out;

  if (!loop->node->is_recursive)
    return jinja_fail (run, "The loop must have the 'recursive' marker to be called recursively.");
  if (value == NULL)
    return jinja_fail (run, "loop() needs something to go through");
  jinja_text_init (&text, run);
  run->out = &text;
  run_loop (run, loop->outer, loop->node, *value, loop->depth0 + 1);
  run->out = outer;
  return jinja_of_string (jinja_text_take (&text));
}
