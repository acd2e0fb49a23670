#include "file-error.h"

#include <stdbool.h>
#include <string.h>

enum
{
  MAX_BYTES = 1200,
  KEPT_BEGIN = 800,
  KEPT_END = 300
};

/* Whether c is to be replaced: it would break the line, or turn the direction of what follows. */
static bool
is_hidden (gunichar c)
{
  return g_unichar_iscntrl (c) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* From the beginning of a character on. */
static const char *
next_start (const char *p)
{
  while ((*p & 0xC0) == 0x80)
    p++;
  return p;
}

static void
leave_out_middle (GString *text)
{
  size_t from = KEPT_BEGIN, to;

  if (text->len <= MAX_BYTES)
    return;
  while (from > 0 && (text->str[from] & 0xC0) == 0x80)
    from--;
  to = (size_t)(next_start (text->str + text->len - KEPT_END) - text->str);
  g_string_erase (text, (gssize)from, (gssize)(to - from));
  g_string_insert (text, (gssize)from, " … ");
}

char *
cs_file_quote (const char *text)
{
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  GString *out = g_string_new (NULL);

  for (char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      const gunichar c = g_utf8_get_char (p);

      g_string_append_unichar (out, is_hidden (c) ? ' ' : c);
    }
  leave_out_middle (out);
  return g_string_free (out, FALSE);
}

void
cs_file_error (GError **error, CsError code, const char *format, ...)
{
  g_autofree char *text = NULL, *shown = NULL;
  va_list arguments;

  va_start (arguments, format);
  text = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  shown = cs_file_quote (text);
  g_set_error_literal (error, CS_ERROR, code, shown);
}
