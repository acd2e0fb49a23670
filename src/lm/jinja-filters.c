/* Filters of strings, numbers and single values, and where all filters are found. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "jinja-private.h"
#include "tokenizer-internal.h"

static JinjaFilterFunc
find_filter (const char *name)
{
  static const JinjaFilter *const tables[] = { jinja_text_filters, jinja_list_filters,
                                               jinja_select_filters };

  for (size_t t = 0; t < G_N_ELEMENTS (tables); t++)
    for (const JinjaFilter *filter = tables[t]; filter->name != NULL; filter++)
      if (strcmp (filter->name, name) == 0)
        return filter->func;
  return NULL;
}

bool
jinja_has_filter (const char *name)
{
  return find_filter (name) != NULL;
}

JinjaValue
jinja_filter (JinjaRun *run, const char *name, JinjaValue value, const JinjaCall *call)
{
  const JinjaFilterFunc func = find_filter (name);

  if (func == NULL)
    return jinja_fail (run, "No filter named '%s'.", name);
  return run->error == NULL ? func (run, value, call) : jinja_undefined ("");
}

/* ---- strings ----------------------------------------------------------- */

static JinjaValue
filter_trim (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaString *set = jinja_argument_string (run, call, 0, "chars", NULL);
  return jinja_of_string (jinja_strip (run, jinja_str (run, value), set, true, true));
}

static JinjaValue
filter_upper (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_of_string (jinja_change_case (run, jinja_str (run, value), JINJA_CASE_UPPER));
}

static JinjaValue
filter_lower (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_of_string (jinja_change_case (run, jinja_str (run, value), JINJA_CASE_LOWER));
}

static JinjaValue
filter_title (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_of_string (jinja_change_case (run, jinja_str (run, value), JINJA_CASE_WORDS));
}

static JinjaValue
filter_capitalize (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_of_string (jinja_change_case (run, jinja_str (run, value), JINJA_CASE_CAPITALIZE));
}

static JinjaValue
filter_replace (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *old = jinja_argument (call, 0, "old"), *new = jinja_argument (call, 1, "new");

  if (old == NULL || new == NULL)
    return jinja_fail (run, "do_replace() missing a required positional argument");
  return jinja_of_string (jinja_replace (run, jinja_str (run, value), jinja_str (run, *old),
                                         jinja_str (run, *new),
                                         jinja_argument_int (run, call, 2, "count", -1)));
}

static JinjaValue
filter_string (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_of_string (jinja_str (run, value));
}

static JinjaValue
filter_escape (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaString *string = jinja_str (run, value);
  return jinja_of_string (string->markup ? string : jinja_escape (run, string));
}

static JinjaValue
filter_safe (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  JinjaText text;

  jinja_text_init (&text, run);
  text.markup = true;
  jinja_print (&text, value);
  return jinja_of_string (jinja_text_take (&text));
}

static JinjaValue
filter_indent (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *width = jinja_argument (call, 0, "width");
  const JinjaString *indention =
      width != NULL && width->type == JINJA_STRING ? width->as.string : NULL;

  if (indention == NULL)
    {
      const JinjaString *space = jinja_string (run, " ", 1, 0);
      indention = jinja_binary (run, JINJA_OP_MUL, jinja_of_string (space),
                                jinja_int (jinja_argument_int (run, call, 0, "width", 4)))
                      .as.string;
    }
  if (run->error != NULL)
    return jinja_undefined ("");
  return jinja_of_string (jinja_indent (run, jinja_str (run, value), indention,
                                        jinja_argument_bool (run, call, 1, "first", false),
                                        jinja_argument_bool (run, call, 2, "blank", false)));
}

static JinjaValue
filter_center (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue width = jinja_int (jinja_argument_int (run, call, 0, "width", 80));
  return jinja_string_method (run, jinja_str (run, value), "center",
                              &(JinjaCall){ .positional = &width, .n = 1 });
}

static JinjaValue
filter_format (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  JinjaItems items;
  JinjaDict *named = jinja_dict_new (run);

  for (size_t i = 0; i < call->n_keyword && run->error == NULL; i++)
    jinja_dict_set (run, named, jinja_of_c (run, call->names[i]), call->keyword[i]);
  jinja_items_init (&items, run);
  for (size_t i = 0; i < call->n; i++)
    jinja_items_add (&items, call->positional[i]);
  const JinjaValue values = call->n_keyword > 0
                                ? (JinjaValue){ JINJA_DICT, { .dict = named } }
                                : jinja_of_list (JINJA_TUPLE, jinja_items_take (&items));
  return jinja_of_string (jinja_percent (run, jinja_str (run, value), values));
}

static JinjaValue
filter_truncate (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaString *string = jinja_str (run, value);
  const int64_t length = jinja_argument_int (run, call, 0, "length", 255);
  const JinjaString *end =
      jinja_argument_string (run, call, 2, "end", jinja_string (run, "...", 3, 0));
  const int64_t leeway = jinja_argument_int (run, call, 3, "leeway", 5);
  JinjaText text;

  if (length < (int64_t)jinja_length (end) || leeway < 0 || leeway > INT32_MAX ||
      length > INT32_MAX)
    return jinja_fail (run, "expected length >= %zu, got %" G_GINT64_FORMAT, jinja_length (end),
                       length);
  if ((int64_t)jinja_length (string) <= length + leeway)
    return jinja_of_string (string);
  size_t to = jinja_offset (string, (size_t)length - jinja_length (end));
  if (!jinja_argument_bool (run, call, 1, "killwords", false))
    for (size_t i = to; i-- > 0;)
      if (string->bytes[i] == ' ')
        {
          to = i;
          break;
        }
  jinja_text_init (&text, run);
  jinja_text_append_part (&text, string, 0, to);
  jinja_text_append_string (&text, end);
  return jinja_of_string (jinja_text_take (&text));
}

static JinjaValue
filter_wordcount (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaString *string = jinja_str (run, value);
  int64_t n = 0;
  bool inside = false;

  for (size_t i = 0; i < string->size && jinja_step (run, 1);
       i += (size_t)g_utf8_skip[(uint8_t)string->bytes[i]])
    {
      const gunichar c = cs_utf8_decode (string->bytes + i);
      const bool word = c == '_' || g_unichar_isalnum (c);
      n += word && !inside;
      inside = word;
    }
  return jinja_int (n);
}

static JinjaValue
filter_urlencode (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaString *string = jinja_str (run, value);
  JinjaText text;

  jinja_text_init (&text, run);
  for (size_t i = 0; i < string->size && jinja_step (run, 1); i++)
    {
      const uint8_t c = (uint8_t)string->bytes[i];
      char buffer[4] = { '%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15], 0 };
      const bool plain = g_ascii_isalnum (c) || (c != 0 && strchr ("_.-~/", c) != NULL);
      jinja_text_append (&text, plain ? &string->bytes[i] : buffer, plain ? 1 : 3,
                         jinja_mark_at (string, i));
    }
  return jinja_of_string (jinja_text_take (&text));
}

static JinjaValue
filter_pprint (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  JinjaText text;

  jinja_text_init (&text, run);
  jinja_print_repr (&text, value);
  return jinja_of_string (jinja_text_take (&text));
}

/* ---- JSON -------------------------------------------------------------- */

static const JinjaString *
json_indent (JinjaRun *run, const JinjaValue *value)
{
  if (value == NULL || value->type == JINJA_NONE)
    return NULL;
  if (value->type == JINJA_STRING)
    return value->as.string;
  if (value->type != JINJA_INT && value->type != JINJA_BOOL)
    {
      jinja_fail (run, "can't multiply sequence by non-int of type '%s'", jinja_type_name (*value));
      return NULL;
    }
  const JinjaValue space = jinja_of_string (jinja_string (run, " ", 1, 0));
  const JinjaValue indent = jinja_binary (run, JINJA_OP_MUL, space, *value);
  return run->error == NULL ? indent.as.string : NULL;
}

static JinjaValue
filter_tojson (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *separators = jinja_argument (call, 2, "separators");
  JinjaJsonStyle style = { .ascii = jinja_argument_bool (run, call, 0, "ensure_ascii", false),
                           .indent = json_indent (run, jinja_argument (call, 1, "indent")),
                           .sort_keys = jinja_argument_bool (run, call, 3, "sort_keys", false) };
  JinjaText text;

  style.item_separator = jinja_string (run, ", ", style.indent != NULL ? 1 : 2, 0);
  style.key_separator = jinja_string (run, ": ", 2, 0);
  if (separators != NULL && separators->type != JINJA_NONE)
    {
      if (!jinja_is_list (*separators) || separators->as.list->n != 2 ||
          separators->as.list->items[0].type != JINJA_STRING ||
          separators->as.list->items[1].type != JINJA_STRING)
        return jinja_fail (run, "separators has to be two strings");
      style.item_separator = separators->as.list->items[0].as.string;
      style.key_separator = separators->as.list->items[1].as.string;
    }
  jinja_text_init (&text, run);
  jinja_print_json (&text, value, &style);
  return jinja_of_string (jinja_text_take (&text));
}

/* ---- numbers ----------------------------------------------------------- */

/* Digits with their underscores out, or NULL where the text is no number at all. */
static char *
number_text (JinjaRun *run, const JinjaString *string)
{
  const JinjaString *stripped = jinja_strip (run, string, NULL, true, true);
  GString *out = g_string_new (NULL);

  for (size_t i = 0; i < MIN (stripped->size, 400); i++)
    if (stripped->bytes[i] != '_' || i == 0 || !g_ascii_isalnum (stripped->bytes[i - 1]) ||
        !g_ascii_isalnum (stripped->bytes[i + 1]))
      g_string_append_c (out, stripped->bytes[i]);
  return g_string_free (out, FALSE);
}

static bool
parse_real (JinjaRun *run, const JinjaString *string, double *value)
{
  g_autofree char *digits = number_text (run, string);
  char *end;

  if (digits[0] == '\0' || strpbrk (digits, "xXpP(") != NULL)
    return false;
  *value = g_ascii_strtod (digits, &end);
  return *end == '\0';
}

static bool
parse_integer (JinjaRun *run, const JinjaString *string, int64_t base, int64_t *value)
{
  g_autofree char *text = number_text (run, string);
  const char *digits = text;
  const bool negative = *digits == '-';
  char *end;

  digits += *digits == '-' || *digits == '+';
  if (base == 16 && digits[0] == '0' && g_ascii_tolower (digits[1]) == 'x')
    digits += 2;
  if ((base == 8 || base == 2) && digits[0] == '0' &&
      g_ascii_tolower (digits[1]) == (base == 8 ? 'o' : 'b'))
    digits += 2;
  if (!g_ascii_isalnum (*digits) || base < 2 || base > 36)
    return false;
  errno = 0;
  *value = g_ascii_strtoll (digits, &end, (guint)base);
  if (negative)
    *value = -*value;
  if (errno != 0)
    jinja_fail (run, "a whole number is too large");
  return *end == '\0';
}

static bool
whole_of_real (double value, int64_t *whole)
{
  if (!(value > -9.2e18 && value < 9.2e18))
    return false;
  *whole = (int64_t)value;
  return true;
}

static JinjaValue
filter_int (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *fallback = jinja_argument (call, 0, "default");
  const int64_t base = jinja_argument_int (run, call, 1, "base", 10);
  int64_t whole;
  double real;

  if (value.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", value.as.missing);
  if (value.type == JINJA_INT || value.type == JINJA_BOOL)
    return jinja_int (jinja_integer (value));
  if (value.type == JINJA_FLOAT && whole_of_real (value.as.real, &whole))
    return jinja_int (whole);
  if (value.type == JINJA_STRING && parse_integer (run, value.as.string, base, &whole))
    return jinja_int (whole);
  if (value.type == JINJA_STRING && parse_real (run, value.as.string, &real) &&
      whole_of_real (real, &whole))
    return jinja_int (whole);
  return fallback != NULL ? *fallback : jinja_int (0);
}

static JinjaValue
filter_float (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *fallback = jinja_argument (call, 0, "default");
  double real;

  if (value.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", value.as.missing);
  if (jinja_is_number (value))
    return jinja_real (jinja_number (value));
  if (value.type == JINJA_STRING && parse_real (run, value.as.string, &real))
    return jinja_real (real);
  return fallback != NULL ? *fallback : jinja_real (0);
}

static JinjaValue
filter_abs (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  if (value.type == JINJA_FLOAT)
    return jinja_real (fabs (value.as.real));
  if (jinja_is_number (value))
    return jinja_integer (value) < 0 ? jinja_negate (run, value)
                                     : jinja_int (jinja_integer (value));
  return jinja_fail (
      run, "%s",
      value.type == JINJA_UNDEFINED
          ? value.as.missing
          : jinja_format (run, "bad operand type for abs(): '%s'", jinja_type_name (value)));
}

/* Halves go to the even neighbour of the number's exact binary value, as in Python. */
static double
round_digits (double value, int64_t precision)
{
  char buffer[400], format[16];

  if (!isfinite (value) || precision > 22)
    return value;
  if (precision < 0)
    {
      const double unit = pow (10, (double)MIN (-precision, 400));
      return isfinite (unit) ? nearbyint (value / unit) * unit : 0;
    }
  g_snprintf (format, sizeof format, "%%.%df", (int)precision);
  g_ascii_formatd (buffer, sizeof buffer, format, value);
  return g_ascii_strtod (buffer, NULL);
}

static JinjaValue
filter_round (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const int64_t precision = jinja_argument_int (run, call, 0, "precision", 0);
  const JinjaString *method = jinja_argument_string (run, call, 1, "method", &jinja_empty);
  const double unit = pow (10, (double)CLAMP (precision, -300, 300));

  if (value.type == JINJA_UNDEFINED)
    return jinja_fail (run, "%s", value.as.missing);
  if (!jinja_is_number (value))
    return jinja_fail (run, "type %s doesn't define __round__ method", jinja_type_name (value));
  if (strcmp (method->bytes, "ceil") == 0)
    return jinja_real (ceil (jinja_number (value) * unit) / unit);
  if (strcmp (method->bytes, "floor") == 0)
    return jinja_real (floor (jinja_number (value) * unit) / unit);
  if (method->size > 0 && strcmp (method->bytes, "common") != 0)
    return jinja_fail (run, "method must be common, ceil or floor");
  if (value.type != JINJA_FLOAT && precision >= 0)
    return jinja_int (jinja_integer (value));
  const double rounded = round_digits (jinja_number (value), precision);
  int64_t whole;
  return value.type != JINJA_FLOAT && whole_of_real (rounded, &whole) ? jinja_int (whole)
                                                                      : jinja_real (rounded);
}

/* ---- any value --------------------------------------------------------- */

static JinjaValue
filter_default (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaValue *fallback = jinja_argument (call, 0, "default_value");
  const bool falsy = jinja_argument_bool (run, call, 1, "boolean", false);

  if (value.type != JINJA_UNDEFINED && !(falsy && !jinja_truth (run, value)))
    return value;
  return fallback != NULL ? *fallback : jinja_of_string (&jinja_empty);
}

static JinjaValue
filter_attr (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  const JinjaString *name = jinja_argument_string (run, call, 0, "name", &jinja_empty);

  /* An attribute only, never a key. */
  if (value.type == JINJA_DICT && !jinja_has_method (value, name->bytes))
    return jinja_undefined (jinja_format (run, "'dict object' has no attribute '%s'", name->bytes));
  return jinja_attribute (run, value, name->bytes);
}

static JinjaValue
filter_length (JinjaRun *run, JinjaValue value, const JinjaCall *call)
{
  return jinja_int (jinja_size (run, value));
}

const JinjaFilter jinja_text_filters[] = {
  { "trim", filter_trim },
  { "upper", filter_upper },
  { "lower", filter_lower },
  { "title", filter_title },
  { "capitalize", filter_capitalize },
  { "replace", filter_replace },
  { "string", filter_string },
  { "escape", filter_escape },
  { "e", filter_escape },
  { "forceescape", filter_escape },
  { "safe", filter_safe },
  { "indent", filter_indent },
  { "center", filter_center },
  { "format", filter_format },
  { "truncate", filter_truncate },
  { "wordcount", filter_wordcount },
  { "urlencode", filter_urlencode },
  { "pprint", filter_pprint },
  { "tojson", filter_tojson },
  { "int", filter_int },
  { "float", filter_float },
  { "abs", filter_abs },
  { "round", filter_round },
  { "default", filter_default },
  { "d", filter_default },
  { "attr", filter_attr },
  { "length", filter_length },
  { "count", filter_length },
  { NULL, NULL },
};
