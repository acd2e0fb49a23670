#include "tokenizer-internal.h"

typedef struct
{
  int32_t child, sibling; /* nodes, −1 for none */
  int32_t token;          /* index of the added token that ends here, −1 for none */
  uint8_t byte;
} TrieNode;

static void
trie_init (CsPatternTrie *trie)
{
  trie->nodes = g_array_new (FALSE, FALSE, sizeof (TrieNode));
  trie->empty = true;
  for (size_t i = 0; i < 256; i++)
    trie->first[i] = -1;
}

static int32_t
trie_new_node (CsPatternTrie *trie, uint8_t byte, int32_t sibling)
{
  TrieNode node = { .child = -1, .sibling = sibling, .token = -1, .byte = byte };

  g_array_append_val (trie->nodes, node);
  return (int32_t)trie->nodes->len - 1;
}

static int32_t
trie_child (const CsPatternTrie *trie, int32_t parent, uint8_t byte)
{
  const TrieNode *nodes = (const TrieNode *)(const void *)trie->nodes->data;
  int32_t at = nodes[parent].child;

  while (at >= 0 && nodes[at].byte != byte)
    at = nodes[at].sibling;
  return at;
}

static void
trie_insert (CsPatternTrie *trie, const char *pattern, int32_t token)
{
  uint8_t first = (uint8_t)pattern[0];

  trie->empty = false;
  if (trie->first[first] < 0)
    trie->first[first] = trie_new_node (trie, first, -1);
  int32_t at = trie->first[first];
  for (const char *p = pattern + 1; *p != '\0'; p++)
    {
      int32_t next = trie_child (trie, at, (uint8_t)*p);
      if (next < 0)
        {
          next = trie_new_node (trie, (uint8_t)*p, g_array_index (trie->nodes, TrieNode, at).child);
          g_array_index (trie->nodes, TrieNode, at).child = next;
        }
      at = next;
    }
  if (g_array_index (trie->nodes, TrieNode, at).token < 0)
    g_array_index (trie->nodes, TrieNode, at).token = token;
}

/* The longest pattern at the beginning of text; −1 for none. */
static int32_t
trie_match (const CsPatternTrie *trie, const char *text, size_t size, size_t *length)
{
  int32_t found = -1;
  size_t n = 1;

  for (int32_t at = trie->first[(uint8_t)text[0]]; at >= 0; n++)
    {
      int32_t token = g_array_index (trie->nodes, TrieNode, at).token;
      if (token >= 0)
        {
          found = token;
          *length = n;
        }
      at = n < size ? trie_child (trie, at, (uint8_t)text[n]) : -1;
    }
  return found;
}

static void
token_clear (void *data)
{
  CsAddedToken *token = data;

  g_free (token->content);
  g_free (token->pattern);
}

void
cs_added_init (CsAddedTokens *added)
{
  added->tokens = g_array_new (FALSE, FALSE, sizeof (CsAddedToken));
  g_array_set_clear_func (added->tokens, token_clear);
  added->by_content = g_hash_table_new (g_str_hash, g_str_equal);
  added->special_ids = g_hash_table_new (NULL, NULL);
  added->respelled = g_hash_table_new (NULL, NULL);
  trie_init (&added->raw);
  trie_init (&added->normalized);
}

void
cs_added_clear (CsAddedTokens *added)
{
  g_clear_pointer (&added->by_content, g_hash_table_unref);
  g_clear_pointer (&added->special_ids, g_hash_table_unref);
  g_clear_pointer (&added->respelled, g_hash_table_unref);
  g_clear_pointer (&added->tokens, g_array_unref);
  g_clear_pointer (&added->raw.nodes, g_array_unref);
  g_clear_pointer (&added->normalized.nodes, g_array_unref);
}

void
cs_added_append (CsAddedTokens *added, CsAddedToken *token)
{
  g_array_append_val (added->tokens, *token);
  g_hash_table_insert (added->by_content, token->content, GINT_TO_POINTER (token->id + 1));
  if (token->special)
    g_hash_table_add (added->special_ids, GINT_TO_POINTER (token->id + 1));
  if (strcmp (token->pattern, token->content) != 0)
    g_hash_table_insert (added->respelled, GINT_TO_POINTER (token->id + 1), token->pattern);
}

void
cs_added_index (CsAddedTokens *added)
{
  for (unsigned pass = 0; pass < 2; pass++)
    for (guint i = 0; i < added->tokens->len; i++)
      {
        const CsAddedToken *token = &g_array_index (added->tokens, CsAddedToken, i);
        if (token->special == (pass == 0) && token->pattern[0] != '\0')
          trie_insert (token->normalized ? &added->normalized : &added->raw, token->pattern,
                       (int32_t)i);
      }
}

/* Start of the character that ends at `at`. */
static size_t
previous_character (const CsTextView *view, size_t at)
{
  do
    at--;
  while (at > 0 && ((uint8_t)view->text[at] & 0xC0) == 0x80);
  return at;
}

static bool
stands_alone (const CsTextView *view, size_t start, size_t stop)
{
  if (start > 0 &&
      cs_is_word_character (cs_utf8_decode (view->text + previous_character (view, start))))
    return false;
  return stop == view->size || !cs_is_word_character (cs_utf8_decode (view->text + stop));
}

static size_t
strip_left (const CsTextView *view, size_t start, size_t floor)
{
  while (start > floor)
    {
      size_t before = previous_character (view, start);
      if (before < floor || !cs_is_white_space (cs_utf8_decode (view->text + before)))
        break;
      start = before;
    }
  return start;
}

static size_t
strip_right (const CsTextView *view, size_t stop)
{
  while (stop < view->size && cs_is_white_space (cs_utf8_decode (view->text + stop)))
    stop += cs_utf8_length (view->text + stop);
  return stop;
}

/* The longest pattern at or after *at, which moves to it; −1 for none. */
static int32_t
find_pattern (const CsPatternTrie *trie, const CsTextView *view, size_t *at, size_t *length)
{
  for (; *at < view->size; (*at)++)
    {
      if (trie->first[(uint8_t)view->text[*at]] < 0)
        continue;
      int32_t index = trie_match (trie, view->text + *at, view->size - *at, length);
      if (index >= 0)
        return index;
    }
  return -1;
}

bool
cs_added_next (const CsAddedTokens *added,
               bool normalized,
               const CsTextView *view,
               size_t done,
               size_t *from,
               CsAddedMatch *match)
{
  const CsPatternTrie *trie = normalized ? &added->normalized : &added->raw;
  int32_t index;
  size_t length = 0;

  if (trie->empty)
    return false;
  while ((index = find_pattern (trie, view, from, &length)) >= 0)
    {
      const CsAddedToken *token = &g_array_index (added->tokens, CsAddedToken, index);
      size_t start = *from, stop = start + length;
      *from = stop;
      if (token->single_word && !stands_alone (view, start, stop))
        continue;
      match->id = token->id;
      match->start = token->lstrip ? MAX (strip_left (view, start, done), done) : start;
      if (token->rstrip && stop >= match->stripped)
        match->stripped = strip_right (view, stop);
      match->stop = token->rstrip ? match->stripped : stop;
      if (match->start >= match->stop) /* all of it was stripped before */
        continue;
      return true;
    }
  return false;
}
