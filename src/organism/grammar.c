#include "grammar.h"

#include <string.h>

#define DEPTH_LIMIT 12

static void expand (CsGrammar *g, GString *out, const char *from, const char *end, unsigned depth);

void
cs_grammar_init (CsGrammar *g, const CsWorld *world, CsRandom *r)
{
  g->world = world;
  g->r = r;
  g->slots = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

void
cs_grammar_clear (CsGrammar *g)
{
  g_clear_pointer (&g->slots, g_hash_table_unref);
}

void
cs_grammar_set (CsGrammar *g, const char *name, const char *value)
{
  g_hash_table_replace (g->slots, g_strdup (name), g_strdup (value));
}

void
cs_grammar_set_number (CsGrammar *g, const char *name, size_t value)
{
  g_hash_table_replace (g->slots, g_strdup (name), g_strdup_printf ("%zu", value));
}

/* The bracket that closes the one before `from`. */
static const char *
closing (const char *from, const char *end)
{
  unsigned depth = 1;

  for (const char *c = from; c < end; c++)
    {
      if (*c == '[')
        depth++;
      else if (*c == ']' && --depth == 0)
        return c;
    }
  g_assert_not_reached ();
}

/* The alternative `wanted` of from … end; with wanted = SIZE_MAX only counts them. */
static size_t
find_alternative (const char *from,
                  const char *end,
                  size_t wanted,
                  const char **start,
                  const char **stop)
{
  size_t n = 0;
  unsigned depth = 0;

  *start = from;
  for (const char *c = from;; c++)
    {
      if (c == end || (*c == '|' && depth == 0))
        {
          *stop = c;
          if (n++ == wanted || c == end)
            return n;
          *start = c + 1;
        }
      else if (*c == '[')
        depth++;
      else if (*c == ']')
        depth--;
    }
}

static void
expand_choice (CsGrammar *g, GString *out, const char *from, const char *end, unsigned depth)
{
  const char *start, *stop;
  size_t n = find_alternative (from, end, SIZE_MAX, &start, &stop);

  find_alternative (from, end, cs_random_below (g->r, n), &start, &stop);
  expand (g, out, start, stop, depth + 1);
}

static void
expand_slot (CsGrammar *g, GString *out, const char *name, unsigned depth)
{
  const char *value = g_hash_table_lookup (g->slots, name);
  size_t length = strlen (name);
  g_autofree char *list = NULL;

  if (value != NULL)
    {
      expand (g, out, value, value + strlen (value), depth + 1);
      return;
    }
  bool keep = length > 0 && g_ascii_isdigit (name[length - 1]);
  list = g_strndup (name, keep ? length - 1 : length);
  value = cs_world_word (g->world, g->r, list);
  if (keep)
    cs_grammar_set (g, name, value);
  g_string_append (out, value);
}

static void
expand (CsGrammar *g, GString *out, const char *from, const char *end, unsigned depth)
{
  g_assert (depth < DEPTH_LIMIT);
  for (const char *c = from; c < end; c++)
    {
      if (*c == '[')
        {
          const char *close = closing (c + 1, end);
          expand_choice (g, out, c + 1, close, depth);
          c = close;
        }
      else if (*c == '{')
        {
          const char *close = memchr (c, '}', (size_t)(end - c));
          g_assert (close != NULL);
          g_autofree char *name = g_strndup (c + 1, (size_t)(close - c - 1));
          expand_slot (g, out, name, depth);
          c = close;
        }
      else
        g_string_append_c (out, *c);
    }
}

static bool
ends_sentence (const GString *text)
{
  return text->len == 0 || strchr (".?!\n", text->str[text->len - 1]) != NULL;
}

/* Whether `text`, just before its last blank, ends with the word "a". */
static bool
after_article (const GString *text)
{
  size_t n = text->len;

  return n >= 2 && text->str[n - 1] == ' ' &&
         (text->str[n - 2] == 'a' || text->str[n - 2] == 'A') &&
         (n == 2 || !g_ascii_isalnum (text->str[n - 3]));
}

/* One blank between words, none before a full stop or at the end of a line. */
static void
append_tidy (GString *out, char c, bool *capital)
{
  char last = out->len > 0 ? out->str[out->len - 1] : '\n';

  if (c == ' ' && (last == ' ' || last == '\n'))
    return;
  if ((c == '\n' || c == '.' || c == ',') && last == ' ')
    {
      g_string_truncate (out, out->len - 1);
      last = out->len > 0 ? out->str[out->len - 1] : '\n';
    }
  if (c == ' ' || c == '\n')
    {
      *capital = *capital || ends_sentence (out) || c == '\n';
    }
  else
    {
      if (g_ascii_isalpha (c) && after_article (out) && strchr ("aeiouAEIO", c) != NULL)
        g_string_insert_c (out, (gssize)out->len - 1, 'n');
      if (*capital)
        c = g_ascii_toupper (c);
      *capital = false;
    }
  g_string_append_c (out, c);
}

char *
cs_grammar_write (CsGrammar *g, const char *pattern)
{
  g_autoptr (GString) raw = g_string_new (NULL);
  GString *out = g_string_new (NULL);
  bool capital = true;

  expand (g, raw, pattern, pattern + strlen (pattern), 0);
  for (size_t i = 0; i < raw->len; i++)
    append_tidy (out, raw->str[i], &capital);
  while (out->len > 0 && out->str[out->len - 1] == ' ')
    g_string_truncate (out, out->len - 1);
  return g_string_free (out, FALSE);
}

char *
cs_grammar_second_person (const char *text)
{
  static const char *const swaps[][2] = {
    { "my", "your" }, { "i", "you" }, { "I", "you" }, { "me", "you" }, { "am", "are" },
  };
  g_auto (GStrv) words = g_strsplit (text, " ", -1);

  for (size_t i = 0; words[i] != NULL; i++)
    for (size_t s = 0; s < G_N_ELEMENTS (swaps); s++)
      if (g_str_equal (words[i], swaps[s][0]))
        {
          g_free (words[i]);
          words[i] = g_strdup (swaps[s][1]);
          break;
        }
  return g_strjoinv (" ", words);
}
