/* Strings whose characters know where they came from. */
#include "jinja-private.h"
#include "tokenizer-internal.h"

const JinjaString jinja_empty = { "", 0, NULL, 0, false };

/* ---- writing ----------------------------------------------------------- */

void
jinja_text_init (JinjaText *text, JinjaRun *run)
{
  *text = (JinjaText){ .run = run };
}

/* Room for `need` elements of `size` bytes; moves what is there. */
static bool
grow (JinjaRun *run, void *memory, size_t n, size_t *capacity, size_t need, size_t size)
{
  void **at = memory;

  if (need <= *capacity)
    return true;
  const size_t room = MAX (need, MIN (2 * *capacity, *capacity + ((size_t)16 << 20)));
  void *moved = room < SIZE_MAX / size ? jinja_alloc (run, room * size) : NULL;
  if (moved == NULL)
    return false;
  if (n > 0)
    memcpy (moved, *at, n * size);
  *at = moved;
  *capacity = room;
  return true;
}

static void
extend_stretches (JinjaText *text, size_t end, JinjaMark mark)
{
  if (text->n > 0 && text->stretches[text->n - 1].mark == mark)
    {
      text->stretches[text->n - 1].end = end;
      return;
    }
  if (grow (text->run, &text->stretches, text->n, &text->n_capacity, MAX (text->n + 1, 4),
            sizeof *text->stretches))
    text->stretches[text->n++] = (JinjaStretch){ end, mark };
}

void
jinja_text_append (JinjaText *text, const char *bytes, size_t size, JinjaMark mark)
{
  if (size == 0 || text->run->error != NULL || !jinja_step (text->run, size / 64))
    return;
  if (size > JINJA_MAX_OUTPUT || text->size > JINJA_MAX_OUTPUT - size)
    {
      jinja_fail_limit (text->run, "made a text of more than 64 MiB");
      return;
    }
  if (!grow (text->run, &text->bytes, text->size, &text->capacity, MAX (text->size + size + 1, 32),
             1))
    return;
  memcpy (text->bytes + text->size, bytes, size);
  text->size += size;
  extend_stretches (text, text->size, mark);
}

void
jinja_text_append_c (JinjaText *text, const char *bytes)
{
  jinja_text_append (text, bytes, strlen (bytes), 0);
}

/* The first stretch that ends behind byte. */
static size_t
find_stretch (const JinjaString *string, size_t byte)
{
  size_t low = 0, high = string->n_stretches;

  while (low < high)
    {
      const size_t middle = low + (high - low) / 2;
      if (string->stretches[middle].end <= byte)
        low = middle + 1;
      else
        high = middle;
    }
  return low;
}

void
jinja_text_append_part (JinjaText *text, const JinjaString *string, size_t from, size_t to)
{
  for (size_t i = find_stretch (string, from); i < string->n_stretches && from < to; i++)
    {
      const size_t end = MIN (string->stretches[i].end, to);
      jinja_text_append (text, string->bytes + from, end - from, string->stretches[i].mark);
      from = end;
    }
}

void
jinja_text_append_string (JinjaText *text, const JinjaString *string)
{
  jinja_text_append_part (text, string, 0, string->size);
}

JinjaMark
jinja_mark_at (const JinjaString *string, size_t byte)
{
  const size_t i = find_stretch (string, byte);
  return i < string->n_stretches ? string->stretches[i].mark : 0;
}

const JinjaString *
jinja_text_take (JinjaText *text)
{
  JinjaString *string;

  if (text->run->error != NULL || text->size == 0)
    return &jinja_empty;
  string = jinja_alloc (text->run, sizeof *string);
  if (string == NULL)
    return &jinja_empty;
  text->bytes[text->size] = '\0';
  *string = (JinjaString){ text->bytes, text->size, text->stretches, text->n, text->markup };
  return string;
}

const JinjaString *
jinja_string (JinjaRun *run, const char *bytes, size_t size, JinjaMark mark)
{
  JinjaText text;

  jinja_text_init (&text, run);
  jinja_text_append (&text, bytes, size, mark);
  return jinja_text_take (&text);
}

const JinjaString *
jinja_string_part (JinjaRun *run, const JinjaString *string, size_t from, size_t to)
{
  JinjaText text;

  if (from == 0 && to >= string->size && !string->markup)
    return string;
  jinja_text_init (&text, run);
  jinja_text_append_part (&text, string, from, to);
  return jinja_text_take (&text);
}

/* ---- reading ----------------------------------------------------------- */

bool
jinja_is_space (gunichar c)
{
  return cs_is_white_space (c) || (c >= 0x1C && c <= 0x1F);
}

static bool
is_stripped (const char *p, const JinjaString *set)
{
  const size_t n = g_utf8_skip[(uint8_t)*p];

  if (set == NULL)
    return jinja_is_space (cs_utf8_decode (p));
  for (size_t i = 0; i < set->size; i += g_utf8_skip[(uint8_t)set->bytes[i]])
    if (g_utf8_skip[(uint8_t)set->bytes[i]] == (char)n && memcmp (set->bytes + i, p, n) == 0)
      return true;
  return false;
}

const JinjaString *
jinja_strip (JinjaRun *run,
             const JinjaString *string,
             const JinjaString *set,
             bool left,
             bool right)
{
  const char *start = string->bytes, *end = start + string->size;

  while (left && start < end && is_stripped (start, set))
    start += g_utf8_skip[(uint8_t)*start];
  while (right && end > start && is_stripped (g_utf8_prev_char (end), set))
    end = g_utf8_prev_char (end);
  jinja_step (run, string->size / 64);
  return jinja_string_part (run, string, (size_t)(start - string->bytes),
                            (size_t)(end - string->bytes));
}

size_t
jinja_find (const JinjaString *string, const JinjaString *what, size_t from)
{
  if (from > string->size)
    return SIZE_MAX;
  const char *found = memmem (string->bytes + from, string->size - from, what->bytes, what->size);
  return found != NULL ? (size_t)(found - string->bytes) : SIZE_MAX;
}

size_t
jinja_length (const JinjaString *string)
{
  return (size_t)g_utf8_strlen (string->bytes, (gssize)string->size);
}

/* Byte of a character, the size for one behind the end. */
size_t
jinja_offset (const JinjaString *string, size_t character)
{
  size_t at = 0;

  while (character-- > 0 && at < string->size)
    at += g_utf8_skip[(uint8_t)string->bytes[at]];
  return at;
}

/* ---- changing ---------------------------------------------------------- */

static void
append_changed (JinjaText *text, const char *p, size_t n, bool upper, JinjaMark mark)
{
  /* Whole-string functions know characters that become two ("ß"). */
  g_autofree char *changed = upper ? g_utf8_strup (p, (gssize)n) : g_utf8_strdown (p, (gssize)n);
  jinja_text_append (text, changed, strlen (changed), mark);
}

static bool
begins_word (JinjaCase how, gunichar before)
{
  if (how == JINJA_CASE_TITLE)
    return !g_unichar_isalpha (before);
  /* The filter: a word begins behind white space or one of -([{< */
  return before == 0 || jinja_is_space (before) ||
         (before < 128 && strchr ("-([{<", (int)before) != NULL);
}

const JinjaString *
jinja_change_case (JinjaRun *run, const JinjaString *string, JinjaCase how)
{
  JinjaText text;
  gunichar before = 0;

  jinja_text_init (&text, run);
  for (size_t i = 0; i < string->size && jinja_step (run, 1);)
    {
      const char *p = string->bytes + i;
      const size_t n = (size_t)g_utf8_skip[(uint8_t)*p];
      const gunichar c = cs_utf8_decode (p);
      bool upper = how == JINJA_CASE_UPPER;

      if (how == JINJA_CASE_TITLE || how == JINJA_CASE_WORDS)
        upper = begins_word (how, before);
      else if (how == JINJA_CASE_CAPITALIZE)
        upper = i == 0;
      else if (how == JINJA_CASE_SWAP)
        upper = g_unichar_islower (c);
      if (c < 128)
        {
          const char changed = upper ? g_ascii_toupper ((char)c) : g_ascii_tolower ((char)c);
          jinja_text_append (&text, &changed, 1, jinja_mark_at (string, i));
        }
      else
        append_changed (&text, p, n, upper, jinja_mark_at (string, i));
      before = c;
      i += n;
    }
  return jinja_text_take (&text);
}

/* An empty `old` stands between all characters, as in Python. */
static const JinjaString *
interleave (JinjaRun *run, const JinjaString *string, const JinjaString *new, int64_t count)
{
  JinjaText text;
  size_t i = 0;

  jinja_text_init (&text, run);
  while (jinja_step (run, 1))
    {
      const size_t n = i < string->size ? (size_t)g_utf8_skip[(uint8_t)string->bytes[i]] : 0;
      if (count != 0)
        jinja_text_append_string (&text, new);
      count -= count > 0;
      if (n == 0)
        break;
      jinja_text_append_part (&text, string, i, i + n);
      i += n;
    }
  return jinja_text_take (&text);
}

const JinjaString *
jinja_replace (JinjaRun *run,
               const JinjaString *string,
               const JinjaString *old,
               const JinjaString *new,
               int64_t count)
{
  JinjaText text;
  size_t at = 0, found;

  if (old->size == 0)
    return interleave (run, string, new, count);
  jinja_text_init (&text, run);
  while (count-- != 0 && jinja_step (run, 1) && (found = jinja_find (string, old, at)) != SIZE_MAX)
    {
      jinja_text_append_part (&text, string, at, found);
      jinja_text_append_string (&text, new);
      at = found + old->size;
    }
  jinja_text_append_part (&text, string, at, string->size);
  return jinja_text_take (&text);
}

const JinjaString *
jinja_escape (JinjaRun *run, const JinjaString *string)
{
  static const char characters[] = "&<>'\"";
  static const char *const entities[] = { "&amp;", "&lt;", "&gt;", "&#39;", "&#34;" };
  JinjaText text;

  jinja_text_init (&text, run);
  text.markup = true;
  for (size_t i = 0, from = 0; i <= string->size; i++)
    {
      const char *found = i < string->size && string->bytes[i] != '\0'
                              ? strchr (characters, string->bytes[i])
                              : NULL;
      if (found == NULL && i < string->size)
        continue;
      jinja_text_append_part (&text, string, from, i);
      if (found != NULL)
        jinja_text_append (&text, entities[found - characters],
                           strlen (entities[found - characters]), jinja_mark_at (string, i));
      from = i + 1;
    }
  return jinja_text_take (&text);
}

/* Lines end at \n and at \r\n, which becomes \n; the other line ends of str.splitlines() are left
 * alone. */
const JinjaString *
jinja_indent (JinjaRun *run,
              const JinjaString *string,
              const JinjaString *indention,
              bool first,
              bool blank)
{
  JinjaText text;
  size_t from = 0;

  jinja_text_init (&text, run);
  if (first)
    jinja_text_append_string (&text, indention);
  while (from <= string->size && jinja_step (run, 1))
    {
      const char *newline = memchr (string->bytes + from, '\n', string->size - from);
      const size_t end = newline != NULL ? (size_t)(newline - string->bytes) : string->size;
      const bool carriage = end > from && string->bytes[end - 1] == '\r';

      if (from > 0 && (blank || end - carriage > from))
        jinja_text_append_string (&text, indention);
      jinja_text_append_part (&text, string, from, end - carriage);
      if (newline == NULL)
        break;
      jinja_text_append_part (&text, string, end, end + 1);
      from = end + 1;
    }
  return jinja_text_take (&text);
}
