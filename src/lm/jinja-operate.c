/* Operators. */
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
  if (op == JINJA_OP_MUL && is_repeatable (a) && jinja_is_whole (b))
    return repeat (run, a, jinja_integer (b));
  if (op == JINJA_OP_MUL && is_repeatable (b) && jinja_is_whole (a))
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
