/* str(), repr(), JSON and format strings, character by character what Python writes. */
#include <math.h>
#include <stdio.h>

#include "jinja-private.h"
#include "tokenizer-internal.h"

/* ---- numbers ----------------------------------------------------------- */

/* The fewest digits that read back as value: "d.ddde±xx". */
static void
shortest_digits (double value, char *buffer, size_t size)
{
  for (int precision = 0; precision < 17; precision++)
    {
      char format[8];
      snprintf (format, sizeof format, "%%.%de", precision);
      g_ascii_formatd (buffer, (int)size, format, value);
      if (g_ascii_strtod (buffer, NULL) == value)
        return;
    }
}

/* Digits without exponent, for 1e-4 ≤ |value| < 1e16: `exponent` places of the digits come before
 * the point. */
static void
print_plain (GString *out, const char *digits, size_t n, int exponent)
{
  if (exponent < 0)
    {
      g_string_append (out, "0.");
      for (int i = -1; i > exponent; i--)
        g_string_append_c (out, '0');
      g_string_append_len (out, digits, (gssize)n);
      return;
    }
  for (size_t i = 0; i < n || i <= (size_t)exponent; i++)
    {
      g_string_append_c (out, i < n ? digits[i] : '0');
      if (i == (size_t)exponent)
        g_string_append_c (out, '.');
    }
  if (out->str[out->len - 1] == '.')
    g_string_append_c (out, '0');
}

void
jinja_print_real (JinjaText *text, double value)
{
  char buffer[48], digits[24];
  size_t n = 0;
  g_autoptr (GString) out = g_string_new (signbit (value) && !isnan (value) ? "-" : "");

  if (!isfinite (value))
    {
      jinja_text_append_c (text, isnan (value) ? "nan" : value < 0 ? "-inf" : "inf");
      return;
    }
  shortest_digits (fabs (value), buffer, sizeof buffer);
  const char *e = strchr (buffer, 'e');
  const int exponent = (int)g_ascii_strtoll (e + 1, NULL, 10);
  for (const char *p = buffer; p < e; p++)
    if (g_ascii_isdigit (*p))
      digits[n++] = *p;
  while (n > 1 && digits[n - 1] == '0')
    n--;
  if (exponent >= -4 && exponent < 16)
    print_plain (out, digits, n, exponent);
  else
    {
      g_string_append_c (out, digits[0]);
      if (n > 1)
        g_string_append_printf (out, ".%.*s", (int)n - 1, digits + 1);
      g_string_append_printf (out, "e%c%02d", exponent < 0 ? '-' : '+', ABS (exponent));
    }
  jinja_text_append_c (text, out->str);
}

static void
print_integer (JinjaText *text, int64_t value)
{
  char buffer[24];
  snprintf (buffer, sizeof buffer, "%" G_GINT64_FORMAT, value);
  jinja_text_append_c (text, buffer);
}

/* ---- repr() ------------------------------------------------------------ */

static bool
is_printable (gunichar c)
{
  const GUnicodeType type = g_unichar_type (c);

  return c == ' ' ||
         (g_unichar_isprint (c) && type != G_UNICODE_SPACE_SEPARATOR && type != G_UNICODE_FORMAT &&
          type != G_UNICODE_LINE_SEPARATOR && type != G_UNICODE_PARAGRAPH_SEPARATOR &&
          type != G_UNICODE_PRIVATE_USE && type != G_UNICODE_UNASSIGNED);
}

/* How repr writes a character, or "" where it stands for itself. */
static void
escape_for_repr (gunichar c, char quote, char *buffer, size_t size)
{
  buffer[0] = '\0';
  if (c == (gunichar)quote || c == '\\')
    snprintf (buffer, size, "\\%c", (char)c);
  else if (c == '\n' || c == '\r' || c == '\t')
    snprintf (buffer, size, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
  else if (!is_printable (c))
    snprintf (buffer, size, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
}

static void
print_quoted (JinjaText *text, const JinjaString *string)
{
  const bool has_single = memchr (string->bytes, '\'', string->size) != NULL;
  const bool has_double = memchr (string->bytes, '"', string->size) != NULL;
  const char quote = has_single && !has_double ? '"' : '\'';
  char buffer[16];

  jinja_text_append (text, &quote, 1, 0);
  for (size_t i = 0; i < string->size && jinja_step (text->run, 1);)
    {
      const size_t n = (size_t)g_utf8_skip[(uint8_t)string->bytes[i]];

      escape_for_repr (cs_utf8_decode (string->bytes + i), quote, buffer, sizeof buffer);
      if (buffer[0] != '\0')
        jinja_text_append (text, buffer, strlen (buffer), jinja_mark_at (string, i));
      else
        jinja_text_append_part (text, string, i, i + n);
      i += n;
    }
  jinja_text_append (text, &quote, 1, 0);
}

static void
print_items (JinjaText *text, const JinjaList *list, const char *open, const char *close)
{
  jinja_text_append_c (text, open);
  for (size_t i = 0; i < list->n && jinja_step (text->run, 1); i++)
    {
      if (i > 0)
        jinja_text_append_c (text, ", ");
      jinja_print_repr (text, list->items[i]);
    }
  jinja_text_append_c (text, close);
}

static void
print_dict (JinjaText *text, const JinjaDict *dict)
{
  jinja_text_append_c (text, "{");
  for (size_t i = 0; i < dict->n && jinja_step (text->run, 1); i++)
    {
      if (i > 0)
        jinja_text_append_c (text, ", ");
      jinja_print_repr (text, dict->keys[i]);
      jinja_text_append_c (text, ": ");
      jinja_print_repr (text, dict->values[i]);
    }
  jinja_text_append_c (text, "}");
}

static void
print_range (JinjaText *text, const JinjaRange *range)
{
  jinja_text_append_c (text, "range(");
  print_integer (text, range->start);
  jinja_text_append_c (text, ", ");
  print_integer (text, range->stop);
  if (range->step != 1)
    {
      jinja_text_append_c (text, ", ");
      print_integer (text, range->step);
    }
  jinja_text_append_c (text, ")");
}

static void
print_plain_value (JinjaText *text, JinjaValue value)
{
  switch (value.type)
    {
    case JINJA_NONE:
      jinja_text_append_c (text, "None");
      break;
    case JINJA_BOOL:
      jinja_text_append_c (text, value.as.boolean ? "True" : "False");
      break;
    case JINJA_INT:
      print_integer (text, value.as.integer);
      break;
    case JINJA_FLOAT:
      jinja_print_real (text, value.as.real);
      break;
    case JINJA_LIST:
      print_items (text, value.as.list, "[", "]");
      break;
    case JINJA_TUPLE:
      print_items (text, value.as.list, "(", value.as.list->n == 1 ? ",)" : ")");
      break;
    case JINJA_DICT:
      print_dict (text, value.as.dict);
      break;
    case JINJA_RANGE:
      print_range (text, value.as.range);
      break;
    case JINJA_NAMESPACE:
      jinja_text_append_c (text, "<Namespace ");
      print_dict (text, value.as.dict);
      jinja_text_append_c (text, ">");
      break;
    case JINJA_UNDEFINED:
      jinja_text_append_c (text, "Undefined");
      break;
    default:
      jinja_text_append_c (text, "<");
      jinja_text_append_c (text, jinja_type_name (value));
      jinja_text_append_c (text, " object>");
      break;
    }
}

void
jinja_print_repr (JinjaText *text, JinjaValue value)
{
  if (value.type == JINJA_STRING)
    {
      if (value.as.string->markup)
        jinja_text_append_c (text, "Markup(");
      print_quoted (text, value.as.string);
      if (value.as.string->markup)
        jinja_text_append_c (text, ")");
      return;
    }
  if (jinja_enter (text->run))
    print_plain_value (text, value);
  jinja_leave (text->run);
}

void
jinja_print (JinjaText *text, JinjaValue value)
{
  if (value.type == JINJA_STRING)
    jinja_text_append_string (text, value.as.string);
  else if (value.type != JINJA_UNDEFINED)
    jinja_print_repr (text, value);
}

const JinjaString *
jinja_str (JinjaRun *run, JinjaValue value)
{
  JinjaText text;

  if (value.type == JINJA_STRING)
    return value.as.string;
  jinja_text_init (&text, run);
  jinja_print (&text, value);
  return jinja_text_take (&text);
}

/* ---- JSON -------------------------------------------------------------- */

static void
print_json_value (JinjaText *text, JinjaValue value, const JinjaJsonStyle *style, unsigned level);

static void
escape_for_json (gunichar c, bool ascii, char *buffer, size_t size)
{
  static const char letters[] = "\"\\\n\r\t\b\f", escapes[] = "\"\\nrtbf";
  const char *found = c < 128 && c > 0 ? strchr (letters, (int)c) : NULL;

  buffer[0] = '\0';
  if (found != NULL)
    snprintf (buffer, size, "\\%c", escapes[found - letters]);
  else if (c >= 0x10000 && ascii)
    snprintf (buffer, size, "\\u%04x\\u%04x", 0xD800 + ((c - 0x10000) >> 10),
              0xDC00 + ((c - 0x10000) & 0x3FF));
  else if (c < 0x20 || (ascii && c >= 0x7F))
    snprintf (buffer, size, "\\u%04x", c);
}

static void
print_json_string (JinjaText *text, const JinjaString *string, const JinjaJsonStyle *style)
{
  char buffer[16];
  size_t from = 0;

  jinja_text_append_c (text, "\"");
  for (size_t i = 0; i < string->size; i += (size_t)g_utf8_skip[(uint8_t)string->bytes[i]])
    {
      escape_for_json (cs_utf8_decode (string->bytes + i), style->ascii, buffer, sizeof buffer);
      if (buffer[0] == '\0')
        continue;
      jinja_text_append_part (text, string, from, i);
      jinja_text_append (text, buffer, strlen (buffer), jinja_mark_at (string, i));
      from = i + (size_t)g_utf8_skip[(uint8_t)string->bytes[i]];
    }
  jinja_text_append_part (text, string, from, string->size);
  jinja_text_append_c (text, "\"");
}

/* A new line within brackets, where the style has lines. */
static void
print_break (JinjaText *text, const JinjaJsonStyle *style, unsigned level)
{
  if (style->indent == NULL)
    return;
  jinja_text_append_c (text, "\n");
  for (unsigned i = 0; i < level && text->run->error == NULL; i++)
    jinja_text_append_string (text, style->indent);
}

static void
print_json_list (JinjaText *text,
                 const JinjaList *list,
                 const JinjaJsonStyle *style,
                 unsigned level)
{
  jinja_text_append_c (text, "[");
  for (size_t i = 0; i < list->n && jinja_step (text->run, 1); i++)
    {
      if (i > 0)
        jinja_text_append_string (text, style->item_separator);
      print_break (text, style, level + 1);
      print_json_value (text, list->items[i], style, level + 1);
    }
  if (list->n > 0)
    print_break (text, style, level);
  jinja_text_append_c (text, "]");
}

/* Keys that are no strings are written as JSON writes the value, in quotes. */
static void
print_json_key (JinjaText *text, JinjaValue key, const JinjaJsonStyle *style)
{
  if (key.type == JINJA_STRING)
    {
      print_json_string (text, key.as.string, style);
      return;
    }
  if (!jinja_is_number (key) && key.type != JINJA_NONE)
    {
      jinja_fail (text->run, "keys must be str, int, float, bool or None, not %s",
                  jinja_type_name (key));
      return;
    }
  jinja_text_append_c (text, "\"");
  print_json_value (text, key, style, 0);
  jinja_text_append_c (text, "\"");
}

static void
sort_keys (JinjaRun *run, JinjaDict *sorted, const JinjaDict *dict)
{
  *sorted = *dict;
  sorted->keys = jinja_alloc (run, MAX (dict->n, 1) * sizeof *sorted->keys);
  sorted->values = jinja_alloc (run, MAX (dict->n, 1) * sizeof *sorted->values);
  if (sorted->keys == NULL || sorted->values == NULL)
    {
      sorted->n = 0;
      return;
    }
  if (dict->n > 0)
    {
      memcpy (sorted->keys, dict->keys, dict->n * sizeof *sorted->keys);
      memcpy (sorted->values, dict->values, dict->n * sizeof *sorted->values);
    }
  jinja_sort (run, sorted->keys, sorted->values, dict->n, false);
}

static void
print_json_dict (JinjaText *text,
                 const JinjaDict *dict,
                 const JinjaJsonStyle *style,
                 unsigned level)
{
  JinjaDict sorted;

  if (style->sort_keys)
    {
      sort_keys (text->run, &sorted, dict);
      dict = &sorted;
    }
  jinja_text_append_c (text, "{");
  for (size_t i = 0; i < dict->n && jinja_step (text->run, 1); i++)
    {
      if (i > 0)
        jinja_text_append_string (text, style->item_separator);
      print_break (text, style, level + 1);
      print_json_key (text, dict->keys[i], style);
      jinja_text_append_string (text, style->key_separator);
      print_json_value (text, dict->values[i], style, level + 1);
    }
  if (dict->n > 0)
    print_break (text, style, level);
  jinja_text_append_c (text, "}");
}

static void
print_json_real (JinjaText *text, double value)
{
  if (isfinite (value))
    jinja_print_real (text, value);
  else
    jinja_text_append_c (text, isnan (value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
}

static void
print_json_value (JinjaText *text, JinjaValue value, const JinjaJsonStyle *style, unsigned level)
{
  if (!jinja_enter (text->run))
    value = jinja_none ();
  switch (value.type)
    {
    case JINJA_NONE:
      jinja_text_append_c (text, "null");
      break;
    case JINJA_BOOL:
      jinja_text_append_c (text, value.as.boolean ? "true" : "false");
      break;
    case JINJA_INT:
      print_integer (text, value.as.integer);
      break;
    case JINJA_FLOAT:
      print_json_real (text, value.as.real);
      break;
    case JINJA_STRING:
      print_json_string (text, value.as.string, style);
      break;
    case JINJA_LIST:
    case JINJA_TUPLE:
      print_json_list (text, value.as.list, style, level);
      break;
    case JINJA_DICT:
      print_json_dict (text, value.as.dict, style, level);
      break;
    default:
      jinja_fail (text->run, "Object of type %s is not JSON serializable", jinja_type_name (value));
      break;
    }
  jinja_leave (text->run);
}

void
jinja_print_json (JinjaText *text, JinjaValue value, const JinjaJsonStyle *style)
{
  print_json_value (text, value, style, 0);
}
