#include <string.h>

#include "jinja-private.h"
#include "tokenizer-internal.h"

typedef struct
{
  JinjaArena *arena;
  const char *name;
  const char *p, *end;
  unsigned line;
  bool line_starting; /* what was read last ended with a newline */
  GArray *tokens;
  GError **error;
} Lexer;

static bool
fail_at (Lexer *lexer, unsigned line, const char *what)
{
  g_set_error (lexer->error, CS_ERROR, CS_ERROR_FORMAT, "%s: line %u of the chat template: %s.",
               lexer->name, line, what);
  return false;
}

static bool
add (Lexer *lexer, JinjaTokenType type, const char *text, size_t size)
{
  char *copy = jinja_arena_alloc (lexer->arena, size + 1);

  if (copy == NULL)
    return fail_at (lexer, lexer->line, "it is too long");
  memcpy (copy, text, size);
  JinjaToken token = { .type = type, .line = lexer->line, .text = copy, .size = size };
  g_array_append_val (lexer->tokens, token);
  return true;
}

static bool
at (const Lexer *lexer, const char *p, const char *what)
{
  const size_t n = strlen (what);
  return (size_t)(lexer->end - p) >= n && memcmp (p, what, n) == 0;
}

static void
move_to (Lexer *lexer, const char *to)
{
  for (const char *p = lexer->p; p < to; p++)
    lexer->line += *p == '\n';
  if (to > lexer->p)
    lexer->line_starting = to[-1] == '\n';
  lexer->p = to;
}

static const char *
skip_space (const char *p, const char *end)
{
  while (p < end && jinja_is_space (cs_utf8_decode (p)))
    p += g_utf8_skip[(uint8_t)*p];
  return p;
}

/* ---- text between tags ------------------------------------------------- */

/* What is left of the text from `from` to `to` before a tag with the given sign ('-', '+' or 0). */
static const char *
strip_before (const Lexer *lexer, const char *from, const char *to, char sign, bool is_print)
{
  const char *p = to;

  if (sign == '-')
    {
      while (p > from && jinja_is_space (cs_utf8_decode (g_utf8_prev_char (p))))
        p = g_utf8_prev_char (p);
      return p;
    }
  if (sign == '+' || is_print)
    return to;
  /* lstrip_blocks: a tag that stands first in its line takes the space before it along. */
  while (p > from && p[-1] != '\n')
    p--;
  if (p == from && !lexer->line_starting)
    return to;
  return skip_space (p, to) == to ? p : to;
}

static char
sign_at (const Lexer *lexer, const char *p, bool plus)
{
  return p < lexer->end && (*p == '-' || (plus && *p == '+')) ? *p : 0;
}

/* Where a tag that ends at p really ends: behind the space that "-" takes along, or the newline
 * that trim_blocks does. */
static const char *
after_end (const Lexer *lexer, const char *p, char sign)
{
  if (sign == '-')
    return skip_space (p, lexer->end);
  return sign == 0 && p < lexer->end && *p == '\n' ? p + 1 : p;
}

static bool
lex_comment (Lexer *lexer, const char *p)
{
  for (; p < lexer->end; p++)
    if (at (lexer, p, "#}"))
      {
        const char sign = p > lexer->p && (p[-1] == '-' || p[-1] == '+') ? p[-1] : 0;
        move_to (lexer, after_end (lexer, p + 2, sign));
        return true;
      }
  return fail_at (lexer, lexer->line, "Missing end of comment tag");
}

/* The end of "{% raw %}" that begins at p, or NULL where it is another tag. */
static const char *
raw_begin (const Lexer *lexer, const char *p)
{
  p += 2;
  p += sign_at (lexer, p, true) != 0;
  p = skip_space (p, lexer->end);
  if (!at (lexer, p, "raw"))
    return NULL;
  p = skip_space (p + 3, lexer->end);
  if (at (lexer, p, "-%}"))
    return skip_space (p + 3, lexer->end);
  return at (lexer, p, "%}") ? p + 2 : NULL;
}

static const char *
raw_end (const Lexer *lexer, const char *p, char *sign)
{
  char last;

  p += 2;
  *sign = sign_at (lexer, p, true);
  p = skip_space (p + (*sign != 0), lexer->end);
  if (!at (lexer, p, "endraw"))
    return NULL;
  p = skip_space (p + 6, lexer->end);
  last = sign_at (lexer, p, true);
  p += last != 0;
  return at (lexer, p, "%}") ? after_end (lexer, p + 2, last) : NULL;
}

static bool
lex_raw (Lexer *lexer, const char *begin)
{
  move_to (lexer, begin);
  for (const char *p = lexer->p; p < lexer->end; p++)
    {
      char sign;
      const char *end = at (lexer, p, "{%") ? raw_end (lexer, p, &sign) : NULL;

      if (end == NULL)
        continue;
      const char *stripped = strip_before (lexer, lexer->p, p, sign, false);
      if (stripped > lexer->p &&
          !add (lexer, JINJA_TOKEN_TEXT, lexer->p, (size_t)(stripped - lexer->p)))
        return false;
      move_to (lexer, end);
      return true;
    }
  return fail_at (lexer, lexer->line, "Missing end of raw directive");
}

/* ---- inside tags ------------------------------------------------------- */

static void
append_escape_number (GString *out, const char *digits, size_t n, int base)
{
  gunichar c = 0;

  for (size_t i = 0; i < n; i++)
    c = c * (gunichar)base + (gunichar)g_ascii_xdigit_value (digits[i]);
  g_string_append_unichar (out, g_unichar_validate (c) ? c : 0xFFFD);
}

static size_t
count_digits (const char *p, const char *end, size_t max, int base)
{
  size_t n = 0;

  while (n < max && p + n < end && g_ascii_isxdigit (p[n]) && g_ascii_xdigit_value (p[n]) < base)
    n++;
  return n;
}

/* The high half of a character that is written as two \u escapes (JSON's way). */
static bool
append_surrogates (GString *out, const char *p, const char *end)
{
  if (end - p < 10 || p[4] != '\\' || p[5] != 'u' || count_digits (p + 6, end, 4, 16) != 4)
    return false;
  const gunichar high =
      (gunichar)g_ascii_strtoull (((char[]){ p[0], p[1], p[2], p[3], 0 }), NULL, 16);
  const gunichar low =
      (gunichar)g_ascii_strtoull (((char[]){ p[6], p[7], p[8], p[9], 0 }), NULL, 16);
  if (high < 0xD800 || high > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
    return false;
  g_string_append_unichar (out, 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00));
  return true;
}

/* Appends what the escape at p (behind the backslash) means; returns where it ends, NULL where
 * Python refuses it. */
static const char *
append_escape (GString *out, const char *p, const char *end)
{
  static const char letters[] = "abfnrtv\\'\"", means[] = "\a\b\f\n\r\t\v\\'\"";
  const char *found = *p != '\0' ? strchr (letters, *p) : NULL;
  const size_t n = *p == 'x' ? 2 : *p == 'u' ? 4 : *p == 'U' ? 8 : 0;

  if (found != NULL)
    {
      g_string_append_c (out, means[found - letters]);
      return p + 1;
    }
  if (*p == '\n')
    return p + 1;
  if (n > 0)
    {
      if (count_digits (p + 1, end, n, 16) != n)
        return NULL;
      if (*p == 'u' && append_surrogates (out, p + 1, end))
        return p + 11;
      append_escape_number (out, p + 1, n, 16);
      return p + 1 + n;
    }
  const size_t octal = count_digits (p, end, 3, 8);
  if (octal > 0)
    {
      append_escape_number (out, p, octal, 8);
      return p + octal;
    }
  g_string_append_c (out, '\\');
  return p;
}

static bool
lex_string (Lexer *lexer)
{
  const char quote = *lexer->p, *p = lexer->p + 1;
  g_autoptr (GString) out = g_string_new (NULL);

  while (p < lexer->end && *p != quote)
    {
      if (*p != '\\' || p + 1 >= lexer->end)
        {
          g_string_append_c (out, *p++);
          continue;
        }
      p = append_escape (out, p + 1, lexer->end);
      if (p == NULL)
        return fail_at (lexer, lexer->line, "a string holds an escape that is cut short");
    }
  if (p >= lexer->end)
    return fail_at (lexer, lexer->line, "a string has no end");
  if (!add (lexer, JINJA_TOKEN_STRING, out->str, out->len))
    return false;
  move_to (lexer, p + 1);
  return true;
}

static const char *
skip_digits (const char *p, const char *end, int base)
{
  const char *start = p;

  while (p < end && ((g_ascii_isxdigit (*p) && g_ascii_xdigit_value (*p) < base) ||
                     (*p == '_' && p > start && p + 1 < end && g_ascii_isxdigit (p[1]))))
    p++;
  return p;
}

static bool
lex_number (Lexer *lexer)
{
  const char *p = lexer->p, *end = lexer->end, *digits;
  bool real = false;
  const int base = *p != '0' || p + 1 >= end    ? 10
                   : p[1] == 'x' || p[1] == 'X' ? 16
                   : p[1] == 'o' || p[1] == 'O' ? 8
                   : p[1] == 'b' || p[1] == 'B' ? 2
                                                : 10;

  p = skip_digits (base == 10 ? p : p + 2, end, base);
  const bool whole = lexer->p[-1] == '.'; /* a.0.1 is two indices */
  if (base == 10 && !whole && p + 1 < end && *p == '.' && g_ascii_isdigit (p[1]))
    {
      p = skip_digits (p + 1, end, 10);
      real = true;
    }
  if (base == 10 && !whole && p + 1 < end && (*p == 'e' || *p == 'E'))
    {
      digits = p + 1 + (p[1] == '+' || p[1] == '-');
      if (digits < end && g_ascii_isdigit (*digits))
        {
          p = skip_digits (digits, end, 10);
          real = true;
        }
    }
  if (!add (lexer, real ? JINJA_TOKEN_FLOAT : JINJA_TOKEN_INTEGER, lexer->p,
            (size_t)(p - lexer->p)))
    return false;
  move_to (lexer, p);
  return true;
}

static bool
is_name_character (gunichar c)
{
  return c == '_' || g_unichar_isalnum (c) || g_unichar_ismark (c);
}

static bool
lex_operator (Lexer *lexer)
{
  static const char *const operators[] = { "//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                           "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                           ">",  "<",  "=",  ".",  ":",  "|",  ",", ";" };

  for (size_t i = 0; i < G_N_ELEMENTS (operators); i++)
    if (at (lexer, lexer->p, operators[i]))
      {
        if (!add (lexer, JINJA_TOKEN_OPERATOR, operators[i], strlen (operators[i])))
          return false;
        move_to (lexer, lexer->p + strlen (operators[i]));
        return true;
      }
  g_autofree char *what =
      g_strdup_printf ("unexpected char '%.*s'", (int)g_utf8_skip[(uint8_t)*lexer->p], lexer->p);
  return fail_at (lexer, lexer->line, what);
}

static bool
lex_name (Lexer *lexer)
{
  const char *p = lexer->p;

  while (p < lexer->end && is_name_character (cs_utf8_decode (p)))
    p += g_utf8_skip[(uint8_t)*p];
  if (!add (lexer, JINJA_TOKEN_NAME, lexer->p, (size_t)(p - lexer->p)))
    return false;
  move_to (lexer, p);
  return true;
}

static int
bracket_balance (const JinjaToken *token)
{
  if (token->type != JINJA_TOKEN_OPERATOR || token->size != 1)
    return 0;
  return strchr ("([{", token->text[0]) != NULL   ? 1
         : strchr (")]}", token->text[0]) != NULL ? -1
                                                  : 0;
}

/* The end of the tag where p is at one, else NULL. */
static const char *
tag_end (const Lexer *lexer, bool is_print)
{
  const char *p = lexer->p;
  const char sign = sign_at (lexer, p, !is_print);

  p += sign != 0;
  if (!at (lexer, p, is_print ? "}}" : "%}"))
    return NULL;
  if (is_print)
    return sign == '-' ? skip_space (p + 2, lexer->end) : p + 2;
  return after_end (lexer, p + 2, sign);
}

static bool
lex_tag (Lexer *lexer, bool is_print)
{
  int open = 0;

  while (lexer->p < lexer->end)
    {
      const char *end = open <= 0 ? tag_end (lexer, is_print) : NULL;
      bool ok = true;

      if (end != NULL)
        {
          ok = add (lexer, is_print ? JINJA_TOKEN_PRINT_END : JINJA_TOKEN_BLOCK_END, "", 0);
          move_to (lexer, end);
          return ok;
        }
      const gunichar c = cs_utf8_decode (lexer->p);
      if (jinja_is_space (c))
        {
          move_to (lexer, skip_space (lexer->p, lexer->end));
          continue;
        }
      if (g_ascii_isdigit (*lexer->p))
        ok = lex_number (lexer);
      else if (is_name_character (c))
        ok = lex_name (lexer);
      else if (c == '\'' || c == '"')
        ok = lex_string (lexer);
      else
        ok = lex_operator (lexer);
      if (!ok)
        return false;
      open += bracket_balance (&g_array_index (lexer->tokens, JinjaToken, lexer->tokens->len - 1));
    }
  return fail_at (lexer, lexer->line,
                  is_print ? "unexpected end of template, expected 'end of print statement'"
                           : "unexpected end of template, expected 'end of statement block'");
}

static bool
lex_text (Lexer *lexer, const char *from, const char *to)
{
  return to == from || add (lexer, JINJA_TOKEN_TEXT, from, (size_t)(to - from));
}

/* Text up to the next tag, and the tag. */
static bool
lex_piece (Lexer *lexer)
{
  const char *from = lexer->p, *p = from, *raw;

  while (p < lexer->end && !at (lexer, p, "{{") && !at (lexer, p, "{%") && !at (lexer, p, "{#"))
    p++;
  if (p == lexer->end)
    {
      const bool ok = lex_text (lexer, from, p);
      move_to (lexer, p);
      return ok;
    }
  const bool is_print = p[1] == '{';
  const char sign = sign_at (lexer, p + 2, true);
  if (!lex_text (lexer, from, strip_before (lexer, from, p, sign, is_print)))
    return false;
  move_to (lexer, p);
  if (p[1] == '#')
    return lex_comment (lexer, p + 2 + (sign != 0));
  raw = is_print ? NULL : raw_begin (lexer, p);
  if (raw != NULL)
    return lex_raw (lexer, raw);
  if (!add (lexer, is_print ? JINJA_TOKEN_PRINT_BEGIN : JINJA_TOKEN_BLOCK_BEGIN, "", 0))
    return false;
  move_to (lexer, p + 2 + (sign != 0));
  return lex_tag (lexer, is_print);
}

/* As Jinja2 reads a source: "\r\n" and "\r" are newlines, and the last one is not there. */
static void
normalize_newlines (GString *source)
{
  g_string_replace (source, "\r\n", "\n", 0);
  g_string_replace (source, "\r", "\n", 0);
  if (source->len > 0 && source->str[source->len - 1] == '\n')
    g_string_truncate (source, source->len - 1);
}

bool
jinja_lex (JinjaArena *arena,
           const char *source,
           size_t size,
           const char *name,
           GArray *tokens,
           GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);

  cs_utf8_scrub (text, source, size, false);
  normalize_newlines (text);
  Lexer lexer = { .arena = arena,
                  .name = name,
                  .p = text->str,
                  .end = text->str + text->len,
                  .line = 1,
                  .line_starting = true,
                  .tokens = tokens,
                  .error = error };
  if (memchr (text->str, 0, text->len) != NULL)
    return fail_at (&lexer, 1, "it holds a zero byte, which no template has");
  while (lexer.p < lexer.end)
    if (!lex_piece (&lexer))
      return false;
  return add (&lexer, JINJA_TOKEN_END, "", 0);
}
