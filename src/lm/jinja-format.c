/* "%s of %d" % values and "{} of {name}".format (), the parts of them that templates use. */
#include <stdio.h>

#include "jinja-private.h"

#define MAX_WIDTH 1000

typedef struct
{
  bool left, zero, plus, space, alternate;
  int width, precision; /* precision −1: none */
} FormatSpec;

static int
read_number (const char **p, const char *end)
{
  int value = 0;

  for (; *p < end && g_ascii_isdigit (**p); (*p)++)
    value = MIN (value * 10 + (**p - '0'), MAX_WIDTH);
  return value;
}

static FormatSpec
read_spec (const char **p, const char *end)
{
  FormatSpec spec = { .precision = -1 };

  for (; *p < end && **p != '\0' && strchr ("-0+ #", **p) != NULL; (*p)++)
    {
      spec.left |= **p == '-';
      spec.zero |= **p == '0';
      spec.plus |= **p == '+';
      spec.space |= **p == ' ';
      spec.alternate |= **p == '#';
    }
  spec.width = read_number (p, end);
  if (*p < end && **p == '.')
    {
      (*p)++;
      spec.precision = read_number (p, end);
    }
  return spec;
}

static void
append_padded (JinjaText *text, const JinjaString *string, const FormatSpec *spec)
{
  const size_t size =
      spec->precision >= 0 ? jinja_offset (string, (size_t)spec->precision) : string->size;
  const size_t length = jinja_length (jinja_string_part (text->run, string, 0, size));
  size_t pad = (size_t)spec->width > length ? (size_t)spec->width - length : 0;

  for (; !spec->left && pad > 0; pad--)
    jinja_text_append_c (text, " ");
  jinja_text_append_part (text, string, 0, size);
  for (; pad > 0; pad--)
    jinja_text_append_c (text, " ");
}

/* Through the C library's own, whose letters mean the same. */
static void
append_number (JinjaText *text, JinjaValue value, char letter, const FormatSpec *spec)
{
  char format[64], buffer[2 * MAX_WIDTH + 400];
  const bool real = strchr ("eEfFgG", letter) != NULL;

  if (!jinja_is_number (value))
    {
      jinja_fail (text->run, "%%%c format: a %s number is required, not %s", letter,
                  real ? "real" : "real", jinja_type_name (value));
      return;
    }
  snprintf (format, sizeof format, "%%%s%s%s%s%s%d", spec->left ? "-" : "", spec->zero ? "0" : "",
            spec->plus ? "+" : "", spec->space ? " " : "", spec->alternate ? "#" : "", spec->width);
  if (spec->width == 0)
    format[strlen (format) - 1] = '\0';
  if (spec->precision >= 0)
    snprintf (format + strlen (format), sizeof format - strlen (format), ".%d", spec->precision);
  if (real)
    {
      snprintf (format + strlen (format), sizeof format - strlen (format), "%c", letter);
      g_ascii_formatd (buffer, sizeof buffer, format, jinja_number (value));
    }
  else
    {
      const double whole = jinja_number (value);
      const gint64 integer = value.type != JINJA_FLOAT       ? jinja_integer (value)
                             : whole > -9e18 && whole < 9e18 ? (gint64)whole
                                                             : 0;
      const char kind = letter == 'i' || letter == 'u' ? 'd' : letter;
      snprintf (format + strlen (format), sizeof format - strlen (format), "%s%c",
                G_GINT64_MODIFIER, kind);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
      snprintf (buffer, sizeof buffer, format, integer);
#pragma GCC diagnostic pop
    }
  jinja_text_append_c (text, buffer);
}

static void
append_converted (JinjaText *text, JinjaValue value, char letter, const FormatSpec *spec)
{
  JinjaText repr;

  switch (letter)
    {
    case 'c':
      if (value.type == JINJA_STRING && jinja_length (value.as.string) == 1)
        append_padded (text, value.as.string, spec);
      else
        jinja_fail (text->run, "%%c requires int or char");
      return;
    case 's':
      append_padded (text, jinja_str (text->run, value), spec);
      return;
    case 'r':
    case 'a':
      jinja_text_init (&repr, text->run);
      jinja_print_repr (&repr, value);
      append_padded (text, jinja_text_take (&repr), spec);
      return;
    default:
      if (letter != '\0' && strchr ("diuxXoeEfFgG", letter) != NULL)
        append_number (text, value, letter, spec);
      else
        jinja_fail (text->run, "unsupported format character '%c'",
                    g_ascii_isprint (letter) ? letter : '?');
    }
}

/* What the next %-letter takes: by name, from a tuple, or the one value. */
static JinjaValue
next_value (JinjaRun *run, JinjaValue values, const JinjaString *name, size_t *used)
{
  const JinjaValue *found;

  if (name != NULL)
    {
      found = values.type == JINJA_DICT
                  ? jinja_dict_get (run, values.as.dict, jinja_of_string (name))
                  : NULL;
      return found != NULL ? *found : jinja_fail (run, "format requires a mapping");
    }
  if (values.type == JINJA_TUPLE ? *used >= values.as.list->n : *used >= 1)
    return jinja_fail (run, "not enough arguments for format string");
  return values.type == JINJA_TUPLE ? values.as.list->items[(*used)++] : ((*used)++, values);
}

/* The letter at *p, behind "%": its name in parentheses, flags, width and itself. */
static void
format_one (JinjaText *text, const char **p, const char *end, JinjaValue values, size_t *used)
{
  const JinjaString *name = NULL;

  if (*p < end && **p == '(')
    {
      const char *close = memchr (*p, ')', (size_t)(end - *p));
      if (close == NULL)
        {
          jinja_fail (text->run, "incomplete format key");
          return;
        }
      name = jinja_string (text->run, *p + 1, (size_t)(close - *p - 1), 0);
      *p = close + 1;
    }
  const FormatSpec spec = read_spec (p, end);
  if (*p >= end)
    {
      jinja_fail (text->run, "incomplete format");
      return;
    }
  const char letter = *(*p)++;
  if (letter == '%')
    jinja_text_append_c (text, "%");
  else
    append_converted (text, next_value (text->run, values, name, used), letter, &spec);
}

const JinjaString *
jinja_percent (JinjaRun *run, const JinjaString *format, JinjaValue values)
{
  const char *start = format->bytes, *p = start, *end = start + format->size;
  size_t used = 0;
  JinjaText text;

  jinja_text_init (&text, run);
  while (p < end && jinja_step (run, 1))
    {
      const char *percent = memchr (p, '%', (size_t)(end - p));
      const char *to = percent != NULL ? percent : end;

      jinja_text_append_part (&text, format, (size_t)(p - start), (size_t)(to - start));
      p = percent != NULL ? percent + 1 : end;
      if (percent != NULL)
        format_one (&text, &p, end, values, &used);
    }
  if ((values.type == JINJA_TUPLE && used < values.as.list->n) ||
      (used == 0 &&
       (values.type == JINJA_STRING || values.type == JINJA_NONE || jinja_is_number (values))))
    jinja_fail (run, "not all arguments converted during string formatting");
  return jinja_text_take (&text);
}

/* ---- {} ---------------------------------------------------------------- */

static void
append_field (JinjaText *text, const char *name, size_t size, const JinjaCall *call, size_t *next)
{
  g_autofree char *key = g_strndup (name, size);
  const JinjaValue *value = NULL;
  char *end = NULL;

  if (strpbrk (key, ".[!:") != NULL)
    {
      jinja_fail (text->run,
                  "the format field {%.40s} is not among what chat templates may use here", key);
      return;
    }
  if (size == 0 || g_ascii_isdigit (key[0]))
    {
      const guint64 index = size == 0 ? (*next)++ : g_ascii_strtoull (key, &end, 10);
      value = index < call->n ? &call->positional[index] : NULL;
    }
  else
    value = jinja_argument (call, SIZE_MAX, key);
  if (value != NULL)
    jinja_print (text, *value);
  else
    jinja_fail (text->run,
                size == 0 || g_ascii_isdigit (key[0])
                    ? "Replacement index out of range for positional args tuple%s"
                    : "'%s'",
                g_ascii_isdigit (key[0]) || size == 0 ? "" : key);
}

const JinjaString *
jinja_brace_format (JinjaRun *run, const JinjaString *format, const JinjaCall *call)
{
  JinjaText text;
  size_t next = 0;

  jinja_text_init (&text, run);
  for (size_t i = 0; i < format->size && jinja_step (run, 1); i++)
    {
      const char c = format->bytes[i];
      const char *close;

      if ((c == '{' || c == '}') && format->bytes[i + 1] == c)
        i++;
      else if (c == '{')
        {
          close = memchr (format->bytes + i, '}', format->size - i);
          if (close == NULL)
            {
              jinja_fail (run, "expected '}' before end of string");
              break;
            }
          append_field (&text, format->bytes + i + 1, (size_t)(close - format->bytes) - i - 1, call,
                        &next);
          i = (size_t)(close - format->bytes);
          continue;
        }
      else if (c == '}')
        jinja_fail (run, "Single '}' encountered in format string");
      jinja_text_append_part (&text, format, i, i + 1);
    }
  return jinja_text_take (&text);
}
