/* Operators, attributes, items and slices. */
#include <math.h>

#include "jinja-private.h"

/* ---- arithmetic -------------------------------------------------------- */

static const char *
operator_sign (JinjaOperator op)
{
  static const char *const signs[] = {
    [JINJA_OP_ADD] = "+",           [JINJA_OP_SUB] = "-",
    [JINJA_OP_MUL] = "*",           [JINJA_OP_DIV] = "/",
    [JINJA_OP_FLOORDIV] = "//",     [JINJA_OP_MOD] = "%",
    [JINJA_OP_POW] = "** or pow()", [JINJA_OP_LT] = "<",
    [JINJA_OP_LE] = "<=",           [JINJA_OP_GT] = ">",
    [JINJA_OP_GE] = ">=",
  };
  return signs[op];
}

static JinjaValue
unsupported (JinjaRun *run, JinjaOperator op, JinjaValue a, JinjaValue b)
{
  return jinja_fail (run, "unsupported operand type(s) for %s: '%s' and '%s'", operator_sign (op),
                     jinja_type_name (a), jinja_type_name (b));
}

static JinjaValue
too_large (JinjaRun *run)
{
  return jinja_fail (run, "a whole number is too large");
}

static JinjaValue
division_by_zero (JinjaRun *run, JinjaOperator op, bool real)
{
  if (real)
    return jinja_fail (run, op == JINJA_OP_DIV        ? "float division by zero"
                            : op == JINJA_OP_FLOORDIV ? "float floor division by zero"
                                                      : "float modulo");
  return jinja_fail (run, op == JINJA_OP_DIV        ? "division by zero"
                          : op == JINJA_OP_FLOORDIV ? "integer division or modulo by zero"
                                                    : "integer modulo by zero");
}

static JinjaValue
integer_power (JinjaRun *run, int64_t base, int64_t exponent)
{
  int64_t result = 1;

  if (exponent < 0)
    return base != 0 ? jinja_real (pow ((double)base, (double)exponent))
                     : jinja_fail (run, "0.0 cannot be raised to a negative power");
  if (base == 0 || base == 1 || base == -1)
    return jinja_int (exponent == 0 || (base < 0 && exponent % 2 == 0) ? 1 : base);
  for (; exponent > 0; exponent--)
    if (__builtin_mul_overflow (result, base, &result))
      return too_large (run);
  return jinja_int (result);
}

static JinjaValue
divide_integers (JinjaRun *run, JinjaOperator op, int64_t a, int64_t b)
{
  if (b == 0)
    return division_by_zero (run, op, false);
  if (op == JINJA_OP_DIV)
    return jinja_real ((double)a / (double)b);
  if (b == -1)
    {
      int64_t negated;
      if (op == JINJA_OP_MOD)
        return jinja_int (0);
      return __builtin_sub_overflow ((int64_t)0, a, &negated) ? too_large (run)
                                                              : jinja_int (negated);
    }
  /* Python rounds down and gives the remainder the sign of b. */
  const int64_t rest = a % b;
  const bool shifted = rest != 0 && (rest < 0) != (b < 0);
  return jinja_int (op == JINJA_OP_MOD ? rest + (shifted ? b : 0) : a / b - shifted);
}

static JinjaValue
integer_operation (JinjaRun *run, JinjaOperator op, int64_t a, int64_t b)
{
  int64_t result;
  bool overflow;

  switch (op)
    {
    case JINJA_OP_ADD:
      overflow = __builtin_add_overflow (a, b, &result);
      break;
    case JINJA_OP_SUB:
      overflow = __builtin_sub_overflow (a, b, &result);
      break;
    case JINJA_OP_MUL:
      overflow = __builtin_mul_overflow (a, b, &result);
      break;
    case JINJA_OP_POW:
      return integer_power (run, a, b);
    default:
      return divide_integers (run, op, a, b);
    }
  return overflow ? too_large (run) : jinja_int (result);
}

static JinjaValue
real_operation (JinjaRun *run, JinjaOperator op, double a, double b)
{
  double rest;

  if (b == 0 && (op == JINJA_OP_DIV || op == JINJA_OP_FLOORDIV || op == JINJA_OP_MOD))
    return division_by_zero (run, op, true);
  switch (op)
    {
    case JINJA_OP_ADD:
      return jinja_real (a + b);
    case JINJA_OP_SUB:
      return jinja_real (a - b);
    case JINJA_OP_MUL:
      return jinja_real (a * b);
    case JINJA_OP_DIV:
      return jinja_real (a / b);
    case JINJA_OP_POW:
      return jinja_real (pow (a, b));
    default:
      rest = fmod (a, b);
      if (rest != 0 && (rest < 0) != (b < 0))
        rest += b;
      return jinja_real (op == JINJA_OP_MOD ? rest : floor ((a - rest) / b + 0.5));
    }
}

/* ---- strings and lists ------------------------------------------------- */

static JinjaValue
add_strings (JinjaRun *run, const JinjaString *a, const JinjaString *b)
{
  JinjaText text;

  /* A string that is marked safe makes the other one so. */
  if (a->markup && !b->markup)
    b = jinja_escape (run, b);
  else if (b->markup && !a->markup)
    a = jinja_escape (run, a);
  jinja_text_init (&text, run);
  text.markup = a->markup || b->markup;
  jinja_text_append_string (&text, a);
  jinja_text_append_string (&text, b);
  return jinja_of_string (jinja_text_take (&text));
}

static JinjaValue
add_lists (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  JinjaItems items;

  jinja_items_init (&items, run);
  jinja_step (run, (a.as.list->n + b.as.list->n) / 4);
  for (size_t i = 0; i < a.as.list->n && run->error == NULL; i++)
    jinja_items_add (&items, a.as.list->items[i]);
  for (size_t i = 0; i < b.as.list->n && run->error == NULL; i++)
    jinja_items_add (&items, b.as.list->items[i]);
  return jinja_of_list (a.type, jinja_items_take (&items));
}

static JinjaValue
repeat (JinjaRun *run, JinjaValue what, int64_t times)
{
  JinjaItems items;
  JinjaText text;

  if (what.type == JINJA_STRING)
    {
      jinja_text_init (&text, run);
      for (int64_t i = 0; what.as.string->size > 0 && i < times && jinja_step (run, 1); i++)
        jinja_text_append_string (&text, what.as.string);
      return jinja_of_string (jinja_text_take (&text));
    }
  jinja_items_init (&items, run);
  for (int64_t i = 0; what.as.list->n > 0 && i < times && jinja_step (run, 1); i++)
    for (size_t k = 0; k < what.as.list->n && jinja_step (run, 1); k++)
      jinja_items_add (&items, what.as.list->items[k]);
  return jinja_of_list (what.type, jinja_items_take (&items));
}

static bool
is_repeatable (JinjaValue value)
{
  return value.type == JINJA_STRING || value.type == JINJA_LIST || value.type == JINJA_TUPLE;
}

static bool
is_whole (JinjaValue value)
{
  return value.type == JINJA_INT || value.type == JINJA_BOOL;
}

static JinjaValue
add_other (JinjaRun *run, JinjaValue a, JinjaValue b)
{
  if (a.type == JINJA_STRING && b.type == JINJA_STRING)
    return add_strings (run, a.as.string, b.as.string);
  if (a.type == b.type && (a.type == JINJA_LIST || a.type == JINJA_TUPLE))
    return add_lists (run, a, b);
  if (a.type == JINJA_STRING)
    return jinja_fail (run, "can only concatenate str (not \"%s\") to str", jinja_type_name (b));
  if (a.type == JINJA_LIST || a.type == JINJA_TUPLE)
    return jinja_fail (run, "can only concatenate %s (not \"%s\") to %s", jinja_type_name (a),
                       jinja_type_name (b), jinja_type_name (a));
  return unsupported (run, JINJA_OP_ADD, a, b);
}

JinjaValue
jinja_binary (JinjaRun *run, JinjaOperator op, JinjaValue a, JinjaValue b)
{
  if (a.type == JINJA_UNDEFINED || b.type == JINJA_UNDEFINED)
    return op == JINJA_OP_MOD && a.type == JINJA_STRING
               ? jinja_of_string (jinja_percent (run, a.as.string, b))
               : jinja_fail (run, "%s", a.type == JINJA_UNDEFINED ? a.as.missing : b.as.missing);
  if (jinja_is_number (a) && jinja_is_number (b))
    return a.type == JINJA_FLOAT || b.type == JINJA_FLOAT
               ? real_operation (run, op, jinja_number (a), jinja_number (b))
               : integer_operation (run, op, jinja_integer (a), jinja_integer (b));
  if (op == JINJA_OP_ADD)
    return add_other (run, a, b);
  if (op == JINJA_OP_MUL && is_repeatable (a) && is_whole (b))
    return repeat (run, a, jinja_integer (b));
  if (op == JINJA_OP_MUL && is_repeatable (b) && is_whole (a))
    return repeat (run, b, jinja_integer (a));
  if (op == JINJA_OP_MOD && a.type == JINJA_STRING)
    return jinja_of_string (jinja_percent (run, a.as.string, b));
  if (op == JINJA_OP_MUL && (is_repeatable (a) || is_repeatable (b)))
    return jinja_fail (run, "can't multiply sequence by non-int of type '%s'",
                       jinja_type_name (is_repeatable (a) ? b : a));
  return unsupported (run, op, a, b);
}

JinjaValue
jinja_negate (JinjaRun *run, JinjaValue a)
{
  int64_t result;

  if (a.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", a.as.missing);
  if (a.type == JINJA_FLOAT)
    return jinja_real (-a.as.real);
  if (!jinja_is_number (a))
    return jinja_fail (run, "bad operand type for unary -: '%s'", jinja_type_name (a));
  return __builtin_sub_overflow ((int64_t)0, jinja_integer (a), &result) ? too_large (run)
                                                                         : jinja_int (result);
}

bool
jinja_relation (JinjaRun *run, JinjaOperator op, JinjaValue a, JinjaValue b)
{
  switch (op)
    {
    case JINJA_OP_EQ:
      return jinja_equal (run, a, b);
    case JINJA_OP_NE:
      return !jinja_equal (run, a, b);
    case JINJA_OP_IN:
      return jinja_contains (run, b, a);
    case JINJA_OP_NOT_IN:
      return !jinja_contains (run, b, a);
    case JINJA_OP_LT:
      return jinja_compare (run, a, b, "<") < 0;
    case JINJA_OP_LE:
      return jinja_compare (run, a, b, "<=") <= 0;
    case JINJA_OP_GT:
      return jinja_compare (run, a, b, ">") > 0;
    default:
      return jinja_compare (run, a, b, ">=") >= 0;
    }
}

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

  if (!is_whole (key))
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
      if (!is_whole (key) || !sequence_index (key, jinja_length (object.as.string), &index))
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
  if (!is_whole (value))
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
  if (object.type != JINJA_STRING && object.type != JINJA_LIST && object.type != JINJA_TUPLE)
    return jinja_undefined (
        jinja_format (run, "%s object has no element slice", jinja_type_name (object)));
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
