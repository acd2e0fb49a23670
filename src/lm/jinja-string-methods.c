/* Methods of str. */
#include "jinja-private.h"
#include "tokenizer-internal.h"

/* ---- splitting and joining --------------------------------------------- */

static void
add_part (JinjaItems *items, const JinjaString *string, size_t from, size_t to)
{
  jinja_items_add (items, jinja_of_string (jinja_string_part (items->run, string, from, to)));
}

static size_t
space_at (const JinjaString *string, size_t at)
{
  return at < string->size && jinja_is_space (cs_utf8_decode (string->bytes + at))
             ? (size_t)g_utf8_skip[(uint8_t)string->bytes[at]]
             : 0;
}

/* At runs of white space, none of them in the parts. */
static const JinjaList *
split_spaces (JinjaRun *run, const JinjaString *string, int64_t max)
{
  JinjaItems items;
  size_t at = 0, n;

  jinja_items_init (&items, run);
  while (jinja_step (run, 1))
    {
      while ((n = space_at (string, at)) > 0)
        at += n;
      if (at >= string->size)
        break;
      const size_t from = at;
      if (max-- == 0)
        {
          add_part (&items, string, from, string->size);
          break;
        }
      while (at < string->size && space_at (string, at) == 0)
        at += (size_t)g_utf8_skip[(uint8_t)string->bytes[at]];
      add_part (&items, string, from, at);
    }
  return jinja_items_take (&items);
}

static const JinjaList *
split_at (JinjaRun *run, const JinjaString *string, const JinjaString *separator, int64_t max)
{
  JinjaItems items;
  size_t at = 0, found;

  jinja_items_init (&items, run);
  while (max-- != 0 && jinja_step (run, 1) &&
         (found = jinja_find (string, separator, at)) != SIZE_MAX)
    {
      add_part (&items, string, at, found);
      at = found + separator->size;
    }
  add_part (&items, string, at, string->size);
  return jinja_items_take (&items);
}

static size_t
find_last (const JinjaString *string, const JinjaString *what, size_t end)
{
  for (size_t at = end >= what->size ? end - what->size + 1 : 0; at-- > 0;)
    if (memcmp (string->bytes + at, what->bytes, what->size) == 0)
      return at;
  return SIZE_MAX;
}

/* From the right, at most max times; without max it is what split gives. */
static const JinjaList *
split_right (JinjaRun *run, const JinjaString *string, const JinjaString *separator, int64_t max)
{
  JinjaItems items;
  const JinjaList *list;
  size_t end = string->size, found;

  jinja_items_init (&items, run);
  while (max-- != 0 && jinja_step (run, 1) &&
         (found = find_last (string, separator, end)) != SIZE_MAX)
    {
      add_part (&items, string, found + separator->size, end);
      end = found;
    }
  add_part (&items, string, 0, end);
  list = jinja_items_take (&items);
  for (size_t i = 0; i < list->n / 2; i++)
    {
      const JinjaValue value = list->items[i];
      list->items[i] = list->items[list->n - 1 - i];
      list->items[list->n - 1 - i] = value;
    }
  return list;
}

static JinjaValue
split (JinjaRun *run, const JinjaString *self, const JinjaCall *call, bool right)
{
  const JinjaString *separator = jinja_argument_string (run, call, 0, "sep", NULL);
  const int64_t max = jinja_argument_int (run, call, 1, "maxsplit", -1);

  if (separator == NULL)
    return jinja_of_list (JINJA_LIST, split_spaces (run, self, right ? -1 : max));
  if (separator->size == 0)
    return jinja_fail (run, "empty separator");
  return jinja_of_list (JINJA_LIST, right && max >= 0 ? split_right (run, self, separator, max)
                                                      : split_at (run, self, separator, max));
}

static JinjaValue
splitlines (JinjaRun *run, const JinjaString *self, bool keep)
{
  JinjaItems items;
  size_t at = 0;

  jinja_items_init (&items, run);
  while (at < self->size && jinja_step (run, 1))
    {
      const size_t end = at + strcspn (self->bytes + at, "\n\r\v\f\x1c\x1d\x1e");
      size_t next = MIN (end, self->size);

      if (next < self->size)
        next += self->bytes[next] == '\r' && self->bytes[next + 1] == '\n' ? 2 : 1;
      add_part (&items, self, at, keep ? next : MIN (end, self->size));
      at = next;
    }
  return jinja_of_list (JINJA_LIST, jinja_items_take (&items));
}

static JinjaValue
partition (JinjaRun *run, const JinjaString *self, const JinjaCall *call, bool right)
{
  const JinjaString *separator = jinja_argument_string (run, call, 0, "sep", &jinja_empty);
  JinjaItems items;

  if (separator->size == 0)
    return jinja_fail (run, "empty separator");
  const size_t at =
      right ? find_last (self, separator, self->size) : jinja_find (self, separator, 0);
  jinja_items_init (&items, run);
  if (at != SIZE_MAX)
    {
      add_part (&items, self, 0, at);
      jinja_items_add (&items, jinja_of_string (separator));
      add_part (&items, self, at + separator->size, self->size);
    }
  else
    for (int i = 0; i < 3; i++)
      jinja_items_add (&items, jinja_of_string (i == (right ? 2 : 0) ? self : &jinja_empty));
  return jinja_of_list (JINJA_TUPLE, jinja_items_take (&items));
}

static JinjaValue
join (JinjaRun *run, const JinjaString *self, const JinjaCall *call)
{
  const JinjaList *list = call->n > 0 ? jinja_iterate (run, call->positional[0]) : &jinja_no_items;
  JinjaText text;

  jinja_text_init (&text, run);
  for (size_t i = 0; i < list->n && jinja_step (run, 1); i++)
    {
      if (list->items[i].type != JINJA_STRING)
        return jinja_fail (run, "sequence item %zu: expected str instance, %s found", i,
                           jinja_type_name (list->items[i]));
      if (i > 0)
        jinja_text_append_string (&text, self);
      jinja_text_append_string (&text, list->items[i].as.string);
    }
  return jinja_of_string (jinja_text_take (&text));
}

/* ---- looking into ------------------------------------------------------ */

static bool
has_affix (const JinjaString *self, const JinjaString *affix, bool at_end)
{
  return affix->size <= self->size && memcmp (self->bytes + (at_end ? self->size - affix->size : 0),
                                              affix->bytes, affix->size) == 0;
}

static JinjaValue
starts_or_ends (JinjaRun *run, const JinjaString *self, const char *name, const JinjaCall *call)
{
  const bool at_end = name[0] == 'e';

  if (call->n == 0)
    return jinja_fail (run, "%s() takes at least 1 argument (0 given)", name);
  const JinjaValue what = call->positional[0];
  if (what.type == JINJA_STRING)
    return jinja_bool (has_affix (self, what.as.string, at_end));
  if (what.type != JINJA_TUPLE)
    return jinja_fail (run, "%s first arg must be str or a tuple of str, not %s", name,
                       jinja_type_name (what));
  for (size_t i = 0; i < what.as.list->n; i++)
    if (what.as.list->items[i].type == JINJA_STRING &&
        has_affix (self, what.as.list->items[i].as.string, at_end))
      return jinja_bool (true);
  return jinja_bool (false);
}

static JinjaValue
remove_affix (JinjaRun *run, const JinjaString *self, const JinjaCall *call, bool at_end)
{
  const JinjaString *affix = jinja_argument_string (run, call, 0, "affix", &jinja_empty);

  if (!has_affix (self, affix, at_end))
    return jinja_of_string (self);
  return jinja_of_string (at_end ? jinja_string_part (run, self, 0, self->size - affix->size)
                                 : jinja_string_part (run, self, affix->size, self->size));
}

static JinjaValue
find (JinjaRun *run, const JinjaString *self, const char *name, const JinjaCall *call)
{
  const bool right = name[0] == 'r', must = g_str_has_suffix (name, "index");
  const JinjaString *what = jinja_argument_string (run, call, 0, "sub", &jinja_empty);
  const int64_t start = jinja_argument_int (run, call, 1, "start", 0);
  const size_t from = jinja_offset (
      self, (size_t)MAX (0, start < 0 ? start + (int64_t)jinja_length (self) : start));

  jinja_step (run, self->size / 64);
  size_t found = right ? find_last (self, what, self->size) : jinja_find (self, what, from);
  if (found != SIZE_MAX && found < from)
    found = SIZE_MAX;
  if (found != SIZE_MAX)
    return jinja_int (g_utf8_strlen (self->bytes, (gssize)found));
  return must ? jinja_fail (run, "substring not found") : jinja_int (-1);
}

static JinjaValue
count (JinjaRun *run, const JinjaString *self, const JinjaCall *call)
{
  const JinjaString *what = jinja_argument_string (run, call, 0, "sub", &jinja_empty);
  int64_t n = 0;

  if (what->size == 0)
    return jinja_int ((int64_t)jinja_length (self) + 1);
  for (size_t at = 0; (at = jinja_find (self, what, at)) != SIZE_MAX && jinja_step (run, 1); n++)
    at += what->size;
  return jinja_int (n);
}

typedef bool (*IsFunc) (gunichar c);

static bool
is_alpha (gunichar c)
{
  return g_unichar_isalpha (c);
}

static bool
is_digit (gunichar c)
{
  return g_unichar_isdigit (c);
}

static bool
is_alnum (gunichar c)
{
  return g_unichar_isalnum (c);
}

static bool
is_ascii (gunichar c)
{
  return c < 128;
}

static bool
all_are (const JinjaString *self, IsFunc is)
{
  for (size_t i = 0; i < self->size; i += (size_t)g_utf8_skip[(uint8_t)self->bytes[i]])
    if (!is (cs_utf8_decode (self->bytes + i)))
      return false;
  return self->size > 0 || is == is_ascii;
}

/* A cased character, and none of the other case. */
static bool
all_cased (const JinjaString *self, bool upper)
{
  bool any = false;

  for (size_t i = 0; i < self->size; i += (size_t)g_utf8_skip[(uint8_t)self->bytes[i]])
    {
      const gunichar c = cs_utf8_decode (self->bytes + i);
      if (upper ? g_unichar_islower (c) : g_unichar_isupper (c))
        return false;
      any |= upper ? g_unichar_isupper (c) : g_unichar_islower (c);
    }
  return any;
}

static JinjaValue
is_what (JinjaRun *run, const JinjaString *self, const char *name)
{
  jinja_step (run, self->size / 64);
  if (strcmp (name, "isupper") == 0 || strcmp (name, "islower") == 0)
    return jinja_bool (all_cased (self, name[2] == 'u'));
  if (strcmp (name, "isalpha") == 0)
    return jinja_bool (all_are (self, is_alpha));
  if (strcmp (name, "isspace") == 0)
    return jinja_bool (all_are (self, jinja_is_space));
  if (strcmp (name, "isalnum") == 0)
    return jinja_bool (all_are (self, is_alnum));
  if (strcmp (name, "isascii") == 0)
    return jinja_bool (all_are (self, is_ascii));
  return jinja_bool (all_are (self, is_digit));
}

/* ---- the rest ---------------------------------------------------------- */

static JinjaValue
strip (JinjaRun *run, const JinjaString *self, const JinjaCall *call, bool left, bool right)
{
  const JinjaString *set = jinja_argument_string (run, call, 0, "chars", NULL);
  return jinja_of_string (jinja_strip (run, self, set, left, right));
}

static JinjaValue
replace (JinjaRun *run, const JinjaString *self, const JinjaCall *call)
{
  if (call->n < 2)
    return jinja_fail (run, "replace expected at least 2 arguments, got %zu", call->n);
  return jinja_of_string (jinja_replace (run, self,
                                         jinja_argument_string (run, call, 0, "old", &jinja_empty),
                                         jinja_argument_string (run, call, 1, "new", &jinja_empty),
                                         jinja_argument_int (run, call, 2, "count", -1)));
}

static JinjaValue
pad (JinjaRun *run, const JinjaString *self, const char *name, const JinjaCall *call)
{
  const bool zeros = name[0] == 'z', center = name[0] == 'c', left = name[0] == 'l';
  const JinjaString *fill =
      zeros ? jinja_string (run, "0", 1, 0)
            : jinja_argument_string (run, call, 1, "fillchar", jinja_string (run, " ", 1, 0));
  const int64_t width = jinja_argument_int (run, call, 0, "width", 0),
                n = (int64_t)jinja_length (self);
  const int64_t missing = MAX (width - n, 0);
  /* Python puts the odd one to the left where the width is odd too. */
  const int64_t before = left ? 0 : center ? missing / 2 + (missing & width & 1) : missing;
  const size_t sign = zeros && self->size > 0 && strchr ("+-", self->bytes[0]) != NULL;
  JinjaText text;

  jinja_text_init (&text, run);
  jinja_text_append_part (&text, self, 0, sign);
  for (int64_t i = 0; i < before && jinja_step (run, 1); i++)
    jinja_text_append_string (&text, fill);
  jinja_text_append_part (&text, self, sign, self->size);
  for (int64_t i = before; i < missing && jinja_step (run, 1); i++)
    jinja_text_append_string (&text, fill);
  return jinja_of_string (jinja_text_take (&text));
}

const char *const jinja_string_methods[] = {
  "strip",      "lstrip",  "rstrip",       "split",        "rsplit",    "splitlines", "partition",
  "rpartition", "join",    "startswith",   "endswith",     "find",      "rfind",      "index",
  "rindex",     "count",   "removeprefix", "removesuffix", "replace",   "upper",      "lower",
  "casefold",   "title",   "capitalize",   "swapcase",     "isupper",   "islower",    "isalpha",
  "isspace",    "isalnum", "isascii",      "isdigit",      "isdecimal", "isnumeric",  "ljust",
  "rjust",      "center",  "zfill",        "format",       NULL,
};

static JinjaValue
change_case (JinjaRun *run, const JinjaString *self, const char *name)
{
  static const struct
  {
    const char *name;
    JinjaCase how;
  } cases[] = { { "upper", JINJA_CASE_UPPER },           { "lower", JINJA_CASE_LOWER },
                { "casefold", JINJA_CASE_LOWER },        { "title", JINJA_CASE_TITLE },
                { "capitalize", JINJA_CASE_CAPITALIZE }, { "swapcase", JINJA_CASE_SWAP } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    if (strcmp (name, cases[i].name) == 0)
      return jinja_of_string (jinja_change_case (run, self, cases[i].how));
  return jinja_undefined ("");
}

JinjaValue
jinja_string_method (JinjaRun *run,
                     const JinjaString *self,
                     const char *name,
                     const JinjaCall *call)
{
  if (strcmp (name, "strip") == 0 || strcmp (name, "lstrip") == 0 || strcmp (name, "rstrip") == 0)
    return strip (run, self, call, name[0] != 'r', name[0] != 'l');
  if (strcmp (name, "split") == 0 || strcmp (name, "rsplit") == 0)
    return split (run, self, call, name[0] == 'r');
  if (strcmp (name, "splitlines") == 0)
    return splitlines (run, self, jinja_argument_bool (run, call, 0, "keepends", false));
  if (strcmp (name, "partition") == 0 || strcmp (name, "rpartition") == 0)
    return partition (run, self, call, name[0] == 'r');
  if (strcmp (name, "join") == 0)
    return join (run, self, call);
  if (strcmp (name, "startswith") == 0 || strcmp (name, "endswith") == 0)
    return starts_or_ends (run, self, name, call);
  if (g_str_has_suffix (name, "find") || g_str_has_suffix (name, "index"))
    return find (run, self, name, call);
  if (strcmp (name, "count") == 0)
    return count (run, self, call);
  if (g_str_has_prefix (name, "remove"))
    return remove_affix (run, self, call, strcmp (name, "removesuffix") == 0);
  if (strcmp (name, "replace") == 0)
    return replace (run, self, call);
  if (g_str_has_prefix (name, "is"))
    return is_what (run, self, name);
  if (g_str_has_suffix (name, "just") || strcmp (name, "center") == 0 ||
      strcmp (name, "zfill") == 0)
    return pad (run, self, name, call);
  if (strcmp (name, "format") == 0)
    return jinja_of_string (jinja_brace_format (run, self, call));
  return change_case (run, self, name);
}
