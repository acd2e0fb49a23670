/* The two large parts of tokenizer.json, hundreds of thousands of pieces and merges, are read
 * straight from its text: as JSON values they would take most of the time in which a model opens.
 * What is unusual in any way (a key twice, an id twice, a number that is no id) is left to the
 * general reader, which says what is wrong. */
#include <string.h>

#include "tokenizer-internal.h"

typedef struct
{
  const char *at, *end;
} Scan;

static void
skip_space (Scan *scan)
{
  while (scan->at < scan->end && strchr (" \t\r\n", *scan->at) != NULL && *scan->at != '\0')
    scan->at++;
}

/* Takes c, after space. */
static bool
take (Scan *scan, char c)
{
  skip_space (scan);
  if (scan->at == scan->end || *scan->at != c)
    return false;
  scan->at++;
  return true;
}

static bool
take_hex (Scan *scan, gunichar *out)
{
  if (scan->end - scan->at < 4)
    return false;
  *out = 0;
  for (int i = 0; i < 4; i++)
    {
      int digit = g_ascii_xdigit_value (*scan->at++);
      if (digit < 0)
        return false;
      *out = *out << 4 | (gunichar)digit;
    }
  return true;
}

/* After the backslash. */
static bool
take_escape (Scan *scan, GString *out)
{
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  gunichar c, low;

  if (scan->at == scan->end)
    return false;
  char name = *scan->at++;
  const char *found = name != '\0' ? strchr (names, name) : NULL;
  if (found != NULL)
    {
      g_string_append_c (out, values[found - names]);
      return true;
    }
  if (name != 'u' || !take_hex (scan, &c) || c == 0)
    return false;
  if (c >= 0xD800 && c < 0xE000)
    {
      if (c >= 0xDC00 || scan->end - scan->at < 2 || scan->at[0] != '\\' || scan->at[1] != 'u')
        return false;
      scan->at += 2;
      if (!take_hex (scan, &low) || low < 0xDC00 || low > 0xDFFF)
        return false;
      c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
  g_string_append_unichar (out, c);
  return true;
}

/* A string after space, appended to out. */
static bool
take_string (Scan *scan, GString *out)
{
  if (!take (scan, '"'))
    return false;
  while (scan->at < scan->end)
    {
      const char *begin = scan->at;
      while (scan->at < scan->end && *scan->at != '"' && *scan->at != '\\' &&
             (unsigned char)*scan->at >= 0x20)
        scan->at++;
      g_string_append_len (out, begin, scan->at - begin);
      if (scan->at == scan->end || (unsigned char)*scan->at < 0x20)
        return false;
      if (*scan->at++ == '"')
        return true;
      if (!take_escape (scan, out))
        return false;
    }
  return false;
}

static bool
skip_string (Scan *scan)
{
  for (scan->at++; scan->at < scan->end; scan->at++)
    if (*scan->at == '\\')
      scan->at++;
    else if (*scan->at == '"')
      {
        scan->at++;
        return true;
      }
  return false;
}

/* Any value; what is within brackets is not looked at closely. */
static bool
skip_value (Scan *scan)
{
  size_t depth = 0;

  skip_space (scan);
  while (scan->at < scan->end)
    {
      char c = *scan->at;
      if (c == '"')
        {
          if (!skip_string (scan))
            return false;
          if (depth == 0)
            return true;
          continue;
        }
      if (depth == 0 && strchr (",]}", c) != NULL)
        return true;
      depth += c == '{' || c == '[';
      scan->at++;
      if ((c == '}' || c == ']') && --depth == 0)
        return true;
    }
  return false;
}

/* Where the values of keys of the object that begins here begin; false where one of them is not
 * there or there twice. */
static bool
find_keys (Scan scan, const char *const *keys, const char **found, size_t n)
{
  g_autoptr (GString) name = g_string_new (NULL);
  size_t n_found = 0;

  if (!take (&scan, '{'))
    return false;
  do
    {
      g_string_truncate (name, 0);
      if (!take_string (&scan, name) || !take (&scan, ':'))
        return false;
      skip_space (&scan);
      for (size_t i = 0; i < n; i++)
        if (g_str_equal (name->str, keys[i]))
          {
            if (found[i] != NULL)
              return false;
            found[i] = scan.at;
            n_found++;
          }
      if (!skip_value (&scan))
        return false;
    }
  while (take (&scan, ','));
  return n_found == n;
}

/* ---- the vocabulary ---------------------------------------------------- */

static bool
take_id (Scan *scan, int32_t *out)
{
  int64_t id = 0;

  skip_space (scan);
  const char *begin = scan->at;
  while (scan->at < scan->end && g_ascii_isdigit (*scan->at) && scan->at - begin < 9)
    id = 10 * id + (*scan->at++ - '0');
  if (scan->at == begin || (*begin == '0' && scan->at - begin > 1) || id >= (int64_t)CS_VOCAB_MAX)
    return false;
  *out = (int32_t)id;
  return scan->at < scan->end && strchr (",} \t\r\n", *scan->at) != NULL;
}

static bool
take_vocab (Scan *scan, CsVocab *vocab)
{
  g_autoptr (GString) piece = g_string_new (NULL);
  int32_t id;

  if (!take (scan, '{'))
    return false;
  do
    {
      g_string_truncate (piece, 0);
      if (!take_string (scan, piece) || !take (scan, ':') || !take_id (scan, &id) ||
          !cs_vocab_add (vocab, id, piece->str))
        return false;
    }
  while (take (scan, ','));
  if (!take (scan, '}'))
    return false;
  cs_vocab_index (vocab);
  for (size_t i = 0; i < vocab->spelling->len; i++)
    {
      const char *spelling = cs_vocab_spelling (vocab, (int32_t)i);
      if (spelling != NULL && cs_vocab_find (vocab, spelling, strlen (spelling)) != (int32_t)i)
        return false; /* one piece twice */
    }
  return true;
}

/* ---- merges ------------------------------------------------------------ */

/* "left right" or ["left", "right"] into text, with the length of the left part. */
static bool
take_merge (Scan *scan, GString *text, size_t *n_left)
{
  skip_space (scan);
  if (scan->at < scan->end && *scan->at == '"')
    {
      if (!take_string (scan, text))
        return false;
      const char *space = strchr (text->str, ' ');
      if (space == NULL || strchr (space + 1, ' ') != NULL ||
          g_str_has_prefix (text->str, "#version"))
        return false;
      *n_left = (size_t)(space - text->str);
      g_string_erase (text, (gssize)*n_left, 1);
      return true;
    }
  if (!take (scan, '[') || !take_string (scan, text))
    return false;
  *n_left = text->len;
  return take (scan, ',') && take_string (scan, text) && take (scan, ']');
}

static bool
take_merges (Scan *scan, CsTokenizer *tokenizer)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const CsVocab *vocab = &tokenizer->vocab;
  size_t n_left;

  if (!take (scan, '['))
    return false;
  do
    {
      g_string_truncate (text, 0);
      if (!take_merge (scan, text, &n_left))
        return false;
      const int32_t left = cs_vocab_find (vocab, text->str, n_left);
      const int32_t right = cs_vocab_find (vocab, text->str + n_left, text->len - n_left);
      const int32_t id = cs_vocab_find (vocab, text->str, text->len);
      if (left < 0 || right < 0 || id < 0)
        return false;
      CsMerge merge = { .pair = (uint64_t)left << 32 | (uint32_t)right,
                        .rank = tokenizer->merge_list->len,
                        .id = id };
      g_array_append_val (tokenizer->merge_list, merge);
    }
  while (take (scan, ','));
  if (!take (scan, ']'))
    return false;
  cs_merges_init (&tokenizer->merges, tokenizer->merge_list->len);
  for (guint i = 0; i < tokenizer->merge_list->len; i++)
    {
      const CsMerge *merge = &g_array_index (tokenizer->merge_list, CsMerge, i);
      cs_merges_set (&tokenizer->merges, (int32_t)(merge->pair >> 32),
                     (int32_t)(merge->pair & UINT32_MAX), merge->rank, merge->id);
    }
  return true;
}

/* ---- both -------------------------------------------------------------- */

bool
cs_tokenizer_scan (CsTokenizer *tokenizer, const char *content, size_t size, GString *rest)
{
  static const char *const outer[] = { "model" }, *const inner[] = { "vocab", "merges" };
  const char *const end = content + size, *model = NULL, *parts[2] = { NULL, NULL };

  if (!g_utf8_validate_len (content, size, NULL) ||
      !find_keys ((Scan){ content, end }, outer, &model, 1) ||
      !find_keys ((Scan){ model, end }, inner, parts, 2))
    return false;
  const char *vocab_begin = parts[0], *merges_begin = parts[1];
  Scan vocab = { vocab_begin, end }, merges = { merges_begin, end };
  if (!take_vocab (&vocab, &tokenizer->vocab) || !take_merges (&merges, tokenizer))
    return false;
  const bool in_order = vocab_begin < merges_begin;
  const Scan first = in_order ? (Scan){ vocab_begin, vocab.at } : (Scan){ merges_begin, merges.at };
  const Scan second =
      in_order ? (Scan){ merges_begin, merges.at } : (Scan){ vocab_begin, vocab.at };
  g_string_append_len (rest, content, first.at - content);
  g_string_append (rest, in_order ? "{}" : "[]");
  g_string_append_len (rest, first.end, second.at - first.end);
  g_string_append (rest, in_order ? "[]" : "{}");
  g_string_append_len (rest, second.end, content + size - second.end);
  return true;
}
