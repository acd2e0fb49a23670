/* What a word begins as before merging: a symbol a character or byte; and where words may be cut.
 */
#include "tokenizer-internal.h"

/* ---- symbols ----------------------------------------------------------- */

/* An unknown token that may still grow by the characters behind it. */
typedef struct
{
  CsSymbol symbol;
  bool open;
} Unknown;

static void
flush_unknown (GArray *symbols, Unknown *unknown)
{
  if (unknown->open)
    g_array_append_val (symbols, unknown->symbol);
  unknown->open = false;
}

/* Pieces <0xNN> for the n bytes of s; false where one is missing. */
static bool
fall_back (const CsVocab *vocab, GArray *symbols, const char *s, size_t n, CsSymbol whole)
{
  bool has_all = true;

  for (size_t i = 0; i < n; i++)
    has_all = has_all && vocab->fallback_ids[(uint8_t)s[i]] >= 0;
  for (size_t i = 0; has_all && i < n; i++)
    {
      bool one_by_one = whole.end - whole.start == n;
      CsSymbol symbol = { .id = vocab->fallback_ids[(uint8_t)s[i]],
                          .start = one_by_one ? whole.start + (uint32_t)i : whole.start,
                          .end = one_by_one ? whole.start + (uint32_t)i + 1 : whole.end };
      g_array_append_val (symbols, symbol);
    }
  return has_all;
}

/* A character that the vocabulary has not; s and n spell it. An unknown token that is open stays so
 * while bytes are put out, and comes after them, as in the Rust library. */
static void
add_unknown (const CsTokenizer *tokenizer,
             GArray *symbols,
             Unknown *unknown,
             const char *s,
             size_t n,
             CsSymbol whole)
{
  if (tokenizer->byte_fallback && fall_back (&tokenizer->vocab, symbols, s, n, whole))
    return;
  if (tokenizer->unk_id < 0)
    return;
  if (unknown->open && tokenizer->fuse_unk)
    {
      unknown->symbol.end = whole.end;
      return;
    }
  flush_unknown (symbols, unknown);
  unknown->symbol = whole;
  unknown->symbol.id = tokenizer->unk_id;
  unknown->open = true;
}

void
cs_word_symbols (const CsTokenizer *tokenizer, CsScratch *scratch, const CsTextView *word)
{
  const CsVocab *vocab = &tokenizer->vocab;
  GArray *symbols = scratch->symbols;
  Unknown unknown = { .open = false };
  size_t step;

  g_array_set_size (symbols, 0);
  for (size_t at = 0; at < word->size; at += step)
    {
      const char *s = word->text + at;
      uint8_t byte = (uint8_t)*s;
      char spelled[8];
      step = tokenizer->byte_words ? 1 : cs_utf8_length (s);
      CsSymbol symbol = { .id = tokenizer->byte_words ? vocab->byte_ids[byte]
                                                      : cs_vocab_find_character (vocab, s, step),
                          .start = (uint32_t)at,
                          .end = (uint32_t)(at + step) };
      if (symbol.id >= 0)
        {
          flush_unknown (symbols, &unknown);
          g_array_append_val (symbols, symbol);
        }
      else if (!tokenizer->byte_words)
        add_unknown (tokenizer, symbols, &unknown, s, step, symbol);
      else
        add_unknown (tokenizer, symbols, &unknown, spelled,
                     (size_t)g_unichar_to_utf8 (cs_byte_to_alphabet (byte), spelled), symbol);
    }
  flush_unknown (symbols, &unknown);
}

/* ---- neighbours -------------------------------------------------------- */

#define N_COMMON 129u
#define LOWER_ONE_EIGHTH 0x2581u

/* ASCII as itself, the ▁ that stands for spaces as 128, others not. */
static unsigned
common_class (gunichar c)
{
  if (c < 128)
    return c;
  return c == LOWER_ONE_EIGHTH ? 128 : N_COMMON;
}

static uint64_t *
slot_of (const CsNeighbours *neighbours, uint64_t pair)
{
  size_t at = (size_t)(pair * 0x9E3779B97F4A7C15u >> 20) & (neighbours->n_slots - 1);

  while (neighbours->slots[at] != pair && neighbours->slots[at] != UINT64_MAX)
    at = (at + 1) & (neighbours->n_slots - 1);
  return &neighbours->slots[at];
}

static void
set_slots (CsNeighbours *neighbours, size_t n)
{
  neighbours->n_slots = n;
  neighbours->slots = g_new (uint64_t, n);
  memset (neighbours->slots, 0xFF, n * sizeof (uint64_t));
}

static void
grow (CsNeighbours *neighbours)
{
  g_autofree uint64_t *old = neighbours->slots;
  size_t n_old = neighbours->n_slots;

  set_slots (neighbours, 2 * n_old);
  for (size_t i = 0; i < n_old; i++)
    if (old[i] != UINT64_MAX)
      *slot_of (neighbours, old[i]) = old[i];
}

static void
add_pair (CsNeighbours *neighbours, gunichar left, gunichar right)
{
  unsigned a = common_class (left), b = common_class (right);

  if (a < N_COMMON && b < N_COMMON)
    {
      neighbours->common[a * N_COMMON + b] = 1;
      return;
    }
  uint64_t pair = (uint64_t)left << 32 | right, *slot = slot_of (neighbours, pair);
  if (*slot == pair)
    return;
  *slot = pair;
  if (2 * ++neighbours->n_pairs > neighbours->n_slots)
    grow (neighbours);
}

static bool
has_pair (const CsNeighbours *neighbours, gunichar left, gunichar right)
{
  unsigned a = common_class (left), b = common_class (right);

  if (a < N_COMMON && b < N_COMMON)
    return neighbours->common[a * N_COMMON + b] != 0;
  return *slot_of (neighbours, (uint64_t)left << 32 | right) != UINT64_MAX;
}

void
cs_neighbours_init (CsNeighbours *neighbours, const CsTokenizer *tokenizer)
{
  g_autofree uint8_t *seen = g_new0 (uint8_t, tokenizer->vocab.spelling->len);

  neighbours->common = g_new0 (uint8_t, N_COMMON * N_COMMON);
  set_slots (neighbours, 1024);
  for (guint i = 0; i < tokenizer->merge_list->len; i++)
    {
      int32_t id = g_array_index (tokenizer->merge_list, CsMerge, i).id;
      if (seen[id])
        continue;
      seen[id] = 1;
      const char *s = cs_vocab_spelling (&tokenizer->vocab, id);
      for (const char *next; *s != '\0' && *(next = s + cs_utf8_length (s)) != '\0'; s = next)
        add_pair (neighbours, cs_utf8_decode (s), cs_utf8_decode (next));
    }
}

void
cs_neighbours_clear (CsNeighbours *neighbours)
{
  g_clear_pointer (&neighbours->slots, g_free);
  g_clear_pointer (&neighbours->common, g_free);
}

size_t
cs_neighbours_cut (const CsNeighbours *neighbours,
                   const CsVocab *vocab,
                   const CsTextView *word,
                   size_t from)
{
  gunichar left = cs_utf8_decode (word->text + from);
  size_t at = from + cs_utf8_length (word->text + from), n;
  bool left_known = cs_vocab_find_character (vocab, word->text + from, at - from) >= 0;

  for (; at < word->size; at += n)
    {
      gunichar right = cs_utf8_decode (word->text + at);
      n = cs_utf8_length (word->text + at);
      bool right_known = cs_vocab_find_character (vocab, word->text + at, n) >= 0;
      if (left_known && right_known && !has_pair (neighbours, left, right))
        break;
      left = right;
      left_known = right_known;
    }
  return at;
}
