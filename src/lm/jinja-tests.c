/* value is name (argument) */
#include "jinja-private.h"

typedef bool (*TestFunc) (JinjaRun *run, JinjaValue value, const JinjaCall *call);

static bool
is_defined (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type != JINJA_UNDEFINED;
}

static bool
is_undefined (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_UNDEFINED;
}

static bool
is_none (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_NONE;
}

static bool
is_boolean (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_BOOL;
}

static bool
is_true (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_BOOL && value.as.boolean;
}

static bool
is_false (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_BOOL && !value.as.boolean;
}

static bool
is_integer (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_INT;
}

static bool
is_float (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_FLOAT;
}

static bool
is_number (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_is_number (value);
}

static bool
is_string (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_STRING;
}

static bool
is_mapping (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_DICT;
}

static bool
is_sequence (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_is_sequence (value);
}

static bool
is_iterable (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_is_iterable (value);
}

static bool
is_callable (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  /* An undefined value has a __call__, which fails. */
  return value.type == JINJA_MACRO || value.type == JINJA_FUNCTION || value.type == JINJA_METHOD ||
         value.type == JINJA_JOINER || value.type == JINJA_UNDEFINED;
}

static bool
is_case (JinjaRun *run, JinjaValue value, bool upper)
{
  JinjaMethod method = { jinja_of_string (jinja_str (run, value)), upper ? "isupper" : "islower" };
  return jinja_truth (run, jinja_call_method (run, &method, &(JinjaCall){ .n = 0 }));
}

static bool
is_lower (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return is_case (run, value, false);
}

static bool
is_upper (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return is_case (run, value, true);
}

static bool
is_escaped (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_STRING && value.as.string->markup;
}

/* value % divisor == rest */
static bool
remainder_is (JinjaRun *run, JinjaValue value, JinjaValue divisor, int64_t rest)
{
  const JinjaValue left = jinja_binary (run, JINJA_OP_MOD, value, divisor);
  return run->error == NULL && jinja_equal (run, left, jinja_int (rest));
}

static bool
is_odd (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return remainder_is (run, value, jinja_int (2), 1);
}

static bool
is_even (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return remainder_is (run, value, jinja_int (2), 0);
}

static JinjaValue
needed_argument (JinjaRun *run, const JinjaCall *call)
{
  return call->n > 0 ? call->positional[0] : jinja_fail (run, "a test misses its argument");
}

static bool
is_divisible (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue divisor = needed_argument (run, call);
  return run->error == NULL && remainder_is (run, value, divisor, 0);
}

static bool
is_same (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue other = needed_argument (run, call);

  if (value.type != other.type)
    return false;
  if (value.type == JINJA_LIST || value.type == JINJA_DICT || value.type == JINJA_NAMESPACE)
    return value.as.list == other.as.list;
  return jinja_equal (run, value, other);
}

static bool
relation (JinjaRun *run, JinjaOperator op, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue other = needed_argument (run, call);
  return run->error == NULL && jinja_relation (run, op, value, other);
}

static bool
is_equal (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return relation (run, JINJA_OP_EQ, value, call);
}

static bool
is_unequal (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return relation (run, JINJA_OP_NE, value, call);
}

static bool
is_greater (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return relation (run, JINJA_OP_GT, value, call);
}

static bool
is_at_least (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return relation (run, JINJA_OP_GE, value, call);
}

static bool
is_less (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return relation (run, JINJA_OP_LT, value, call);
}

static bool
is_at_most (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return relation (run, JINJA_OP_LE, value, call);
}

static bool
is_in (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return relation (run, JINJA_OP_IN, value, call);
}

static bool
is_filter (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_STRING && jinja_has_filter (value.as.string->bytes);
}

static bool
is_test (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return value.type == JINJA_STRING && jinja_has_test (value.as.string->bytes);
}

static const struct
{
  const char *name;
  TestFunc func;
} tests[] = {
  { "defined", is_defined },
  { "undefined", is_undefined },
  { "none", is_none },
  { "boolean", is_boolean },
  { "true", is_true },
  { "false", is_false },
  { "integer", is_integer },
  { "float", is_float },
  { "number", is_number },
  { "string", is_string },
  { "mapping", is_mapping },
  { "sequence", is_sequence },
  { "iterable", is_iterable },
  { "callable", is_callable },
  { "lower", is_lower },
  { "upper", is_upper },
  { "escaped", is_escaped },
  { "odd", is_odd },
  { "even", is_even },
  { "divisibleby", is_divisible },
  { "sameas", is_same },
  { "equalto", is_equal },
  { "eq", is_equal },
  { "==", is_equal },
  { "ne", is_unequal },
  { "!=", is_unequal },
  { "greaterthan", is_greater },
  { "gt", is_greater },
  { ">", is_greater },
  { "ge", is_at_least },
  { ">=", is_at_least },
  { "lessthan", is_less },
  { "lt", is_less },
  { "<", is_less },
  { "le", is_at_most },
  { "<=", is_at_most },
  { "in", is_in },
  { "filter", is_filter },
  { "test", is_test },
};

static TestFunc
find_test (const char *name)
{
  for (size_t i = 0; i < G_N_ELEMENTS (tests); i++)
    if (strcmp (tests[i].name, name) == 0)
      return tests[i].func;
  return NULL;
}

bool
jinja_has_test (const char *name)
{
  return find_test (name) != NULL;
}

bool
jinja_test (JinjaRun *run, const char *name, JinjaValue value, const JinjaCall *call)
{
  const TestFunc func = find_test (name);

  if (run->error != NULL)
    return false;
  if (func == NULL)
    {
      jinja_fail (run, "No test named '%s'.", name);
      return false;
    }
  return func (run, value, call);
}
