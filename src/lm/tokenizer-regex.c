/* Regular expressions of tokenizer.json are in Oniguruma's Ruby syntax. Most of it means the same
 * to PCRE2; this rewrites what does not. */
#include "tokenizer-internal.h"

#include "file-error.h"

#define MAX_GROUPS 64

typedef struct
{
  GString *out;
  const char *at;
  unsigned class_depth; /* brackets that are open */
  size_t atom;          /* where in out begins what a quantifier would repeat */
  size_t groups[MAX_GROUPS], n_groups;
  GError **error;
} Translation;

typedef struct
{
  char letter;
  const char *plain, *in_class; /* NULL: cannot be said inside brackets */
} Escape;

/* Inside \w are marks, and all that is alphabetic; PCRE2's has letters and numbers of any kind.
 * Outside brackets Oniguruma counts the superscripts and fractions of Latin-1 too. */
#define WORD "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}"
#define WORD_ALONE WORD "\\x{B2}\\x{B3}\\x{B9}\\x{BC}-\\x{BE}"
#define BOUNDARY                                                                                   \
  "(?<=[" WORD_ALONE "])(?![" WORD_ALONE "])|(?<![" WORD_ALONE "])(?=[" WORD_ALONE "])"

static const Escape escapes[] = {
  /* PCRE2's \s has U+180E too, which Unicode does not count as white space any more. */
  { 's', "\\p{White_Space}", "\\p{White_Space}" },
  { 'S', "\\P{White_Space}", "\\P{White_Space}" },
  { 'd', "\\p{Nd}", "\\p{Nd}" },
  { 'D', "\\P{Nd}", "\\P{Nd}" },
  { 'w', "[" WORD_ALONE "]", WORD },
  { 'W', "[^" WORD_ALONE "]", NULL },
  { 'b', "(?:" BOUNDARY ")", "\\x{08}" },
  { 'B', "(?!" BOUNDARY ")", NULL },
  { 'h', "[0-9a-fA-F]", "0-9a-fA-F" },
  { 'H', "[^0-9a-fA-F]", NULL },
  { 'v', "\\x{0B}", "\\x{0B}" },
};

/* Long names of general categories, which PCRE2 does not know. */
static const struct
{
  const char *name, *category;
} categories[] = {
  { "Letter", "L" },
  { "Uppercase_Letter", "Lu" },
  { "Lowercase_Letter", "Ll" },
  { "Titlecase_Letter", "Lt" },
  { "Modifier_Letter", "Lm" },
  { "Other_Letter", "Lo" },
  { "Mark", "M" },
  { "Nonspacing_Mark", "Mn" },
  { "Spacing_Mark", "Mc" },
  { "Enclosing_Mark", "Me" },
  { "Number", "N" },
  { "Decimal_Number", "Nd" },
  { "Letter_Number", "Nl" },
  { "Other_Number", "No" },
  { "Punctuation", "P" },
  { "Symbol", "S" },
  { "Separator", "Z" },
  { "Other", "C" },
  { "Digit", "Nd" },
  { "Space", "White_Space" },
  { "Alpha", "Alphabetic" },
  { "Upper", "Uppercase" },
  { "Lower", "Lowercase" },
  { "Punct", "P" },
};

static bool
fail (Translation *t, const char *what)
{
  cs_file_error (t->error, CS_ERROR_UNSUPPORTED, "uses %s, which this version does not know.",
                 what);
  return false;
}

/* Whether PCRE2 knows a script of this name. */
static bool
is_script (const char *name)
{
  g_autofree char *text = g_strdup_printf ("\\p{sc:%s}", name);
  int number;
  size_t offset;
  pcre2_code *code =
      pcre2_compile ((PCRE2_SPTR)text, strlen (text), PCRE2_UTF, &number, &offset, NULL);
  bool known = code != NULL;

  pcre2_code_free (code);
  return known;
}

/* \p{Name}, \p{^Name}, \P{Name} at t->at, which points at the p. A script's name alone means all
 * characters that the script shares to PCRE2, and only its own here. */
static bool
translate_property (Translation *t)
{
  const char *end = strchr (t->at, '}');
  bool negative = t->at[0] == 'P';
  const char *name = t->at + 2;

  if (t->at[1] != '{' || end == NULL)
    return fail (t, "a \\p without a name");
  if (*name == '^')
    {
      negative = !negative;
      name++;
    }
  g_autofree char *copy = g_strndup (name, (gsize)(end - name));
  const char *known = copy;
  for (size_t i = 0; i < G_N_ELEMENTS (categories); i++)
    if (g_ascii_strcasecmp (copy, categories[i].name) == 0)
      known = categories[i].category;
  bool script = known == copy && strlen (copy) > 2 && is_script (copy);
  g_string_append_printf (t->out, "\\%c{%s%s}", negative ? 'P' : 'p', script ? "sc:" : "", known);
  t->at = end + 1;
  return true;
}

/* \uHHHH */
static bool
translate_code_point (Translation *t)
{
  for (size_t i = 1; i <= 4; i++)
    if (!g_ascii_isxdigit (t->at[i]))
      return fail (t, "a \\u without four digits");
  g_string_append_printf (t->out, "\\x{%.4s}", t->at + 1);
  t->at += 5;
  return true;
}

/* t->at is behind a backslash. */
static bool
translate_escape (Translation *t)
{
  char c = *t->at;

  if (c == '\0')
    return fail (t, "a backslash at the end");
  if (c == 'p' || c == 'P')
    return translate_property (t);
  if (c == 'u')
    return translate_code_point (t);
  if (c == 'x' && t->at[1] == '{' && strchr (t->at, '}') != NULL)
    {
      const char *end = strchr (t->at, '}') + 1;
      g_string_append_c (t->out, '\\');
      g_string_append_len (t->out, t->at, end - t->at);
      t->at = end;
      return true;
    }
  for (size_t i = 0; i < G_N_ELEMENTS (escapes); i++)
    if (escapes[i].letter == c)
      {
        const char *text = t->class_depth > 0 ? escapes[i].in_class : escapes[i].plain;
        if (text == NULL)
          return fail (t, "\\W, \\H or \\B inside brackets");
        g_string_append (t->out, text);
        t->at++;
        return true;
      }
  g_string_append_c (t->out, '\\');
  g_string_append_c (t->out, c);
  t->at++;
  return true;
}

static const struct
{
  const char *name, *content;
} brackets[] = {
  { "[:punct:]", "\\p{P}\\p{S}" },           { "[:alpha:]", "\\p{Alphabetic}" },
  { "[:alnum:]", "\\p{Alphabetic}\\p{Nd}" }, { "[:upper:]", "\\p{Uppercase}" },
  { "[:lower:]", "\\p{Lowercase}" },         { "[:digit:]", "\\p{Nd}" },
  { "[:space:]", "\\p{White_Space}" },       { "[:word:]", WORD },
};

/* [:name:] inside brackets. */
static bool
translate_posix (Translation *t)
{
  const char *end = strstr (t->at, ":]");

  if (end == NULL)
    return fail (t, "an unfinished [: in brackets");
  for (size_t i = 0; i < G_N_ELEMENTS (brackets); i++)
    if (g_str_has_prefix (t->at, brackets[i].name))
      {
        g_string_append (t->out, brackets[i].content);
        t->at = end + 2;
        return true;
      }
  g_string_append_len (t->out, t->at, end + 2 - t->at);
  t->at = end + 2;
  return true;
}

/* A bracket within brackets is a set of its own: one that adds to the others needs no brackets. */
static bool
translate_in_class (Translation *t)
{
  if (t->at[0] == '[' && t->at[1] == ':')
    return translate_posix (t);
  if (t->at[0] == '&' && t->at[1] == '&')
    return fail (t, "&& inside brackets");
  if (t->at[0] == '[')
    {
      if (t->at[1] == '^' || ++t->class_depth > 8)
        return fail (t, "[^…] inside brackets");
      t->at++;
      return true;
    }
  if (t->at[0] == ']')
    {
      if (--t->class_depth == 0)
        g_string_append_c (t->out, ']');
      t->at++;
      return true;
    }
  g_string_append_c (t->out, *t->at++);
  return true;
}

/* The ] that comes first is itself. */
static bool
open_class (Translation *t)
{
  t->class_depth = 1;
  g_string_append_c (t->out, *t->at++);
  if (*t->at == '^')
    g_string_append_c (t->out, *t->at++);
  if (*t->at == ']')
    {
      g_string_append (t->out, "\\]");
      t->at++;
    }
  return true;
}

/* Ruby's (?m) is (?s) elsewhere; its ^ and $ are at every line anyway. */
static bool
translate_group (Translation *t)
{
  const char *p = t->at + 2;

  while (*p == 'i' || *p == 'm' || *p == 'x' || *p == '-')
    p++;
  if (t->at[1] != '?' || (*p != ':' && *p != ')'))
    {
      g_string_append_c (t->out, *t->at++);
      return true;
    }
  for (; t->at <= p; t->at++)
    g_string_append_c (t->out, *t->at == 'm' ? 's' : *t->at);
  if (*p == ')')
    t->n_groups--;
  return true;
}

/* {,n} is {0,n}; a + behind braces repeats what is before them again and is not possessive. */
static bool
translate_braces (Translation *t)
{
  const char *p = t->at + 1;

  while (g_ascii_isdigit (*p) || *p == ',')
    p++;
  if (*p != '}' || p == t->at + 1)
    {
      g_string_append (t->out, "\\{");
      t->at++;
      return true;
    }
  g_string_append (t->out, t->at[1] == ',' ? "{0" : "{");
  g_string_append_len (t->out, t->at + 1, p - t->at);
  t->at = p + 1;
  if (*t->at == '+')
    {
      g_string_insert (t->out, (gssize)t->atom, "(?:");
      g_string_append (t->out, ")+");
      t->at++;
    }
  return true;
}

static bool
open_group (Translation *t)
{
  if (t->n_groups == MAX_GROUPS)
    return fail (t, "too many groups within groups");
  t->groups[t->n_groups++] = t->out->len;
  return translate_group (t);
}

static bool
translate_plain (Translation *t)
{
  switch (*t->at)
    {
    case '[':
      return open_class (t);
    case '(':
      return open_group (t);
    case '{':
      return translate_braces (t);
    case ')':
      if (t->n_groups > 0)
        t->atom = t->groups[--t->n_groups];
      G_GNUC_FALLTHROUGH;
    default:
      g_string_append_c (t->out, *t->at++);
      return true;
    }
}

static bool
translate_one (Translation *t)
{
  bool continues = ((uint8_t)*t->at & 0xC0) == 0x80; /* a character begun before */

  if (t->class_depth == 0 && !continues && strchr ("?*+{)", *t->at) == NULL)
    t->atom = t->out->len;
  if (*t->at == '\\')
    {
      t->at++;
      return translate_escape (t);
    }
  return t->class_depth > 0 ? translate_in_class (t) : translate_plain (t);
}

char *
cs_regex_translate (const char *regex, GError **error)
{
  g_autoptr (GString) out = g_string_sized_new (strlen (regex) + 64);
  Translation t = { .out = out, .at = regex, .error = error };

  while (*t.at != '\0')
    if (!translate_one (&t))
      return NULL;
  return g_string_free (g_steal_pointer (&out), FALSE);
}
