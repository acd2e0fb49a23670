#include "bpe-train.h"

#include <string.h>

#define FIRST_MERGE (CS_N_SPECIALS + 256)
#define MAX_VOCABULARY 8192 /* pair counts are a dense table */

const char *const cs_bpe_special_names[CS_N_SPECIALS] = {
  "<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>",
};

/* A distinct piece and how often it occurs; ids shrink as pairs are merged. */
typedef struct
{
  uint32_t count;
  uint32_t n;
  int32_t *ids;
} Word;

struct CsBpeTrainer
{
  GRegex *pieces;
  GRegex *specials;
  GHashTable *counts; /* piece → GSIZE_TO_POINTER (count) */
  GPtrArray *order;   /* pieces as first seen: iteration order must not depend on hashing */
};

CsBpeTrainer *
cs_bpe_trainer_new (void)
{
  CsBpeTrainer *trainer = g_new0 (CsBpeTrainer, 1);
  trainer->pieces = g_regex_new (CS_BPE_PATTERN, G_REGEX_OPTIMIZE, 0, NULL);
  trainer->specials =
      g_regex_new ("<(?:pad|eos|bos|unk|start_of_turn|end_of_turn)>", G_REGEX_OPTIMIZE, 0, NULL);
  trainer->counts = g_hash_table_new (g_str_hash, g_str_equal);
  trainer->order = g_ptr_array_new_with_free_func (g_free);
  g_assert (trainer->pieces && trainer->specials);
  return trainer;
}

void
cs_bpe_trainer_free (CsBpeTrainer *trainer)
{
  if (trainer == NULL)
    return;
  g_regex_unref (trainer->pieces);
  g_regex_unref (trainer->specials);
  g_hash_table_unref (trainer->counts);
  g_ptr_array_unref (trainer->order);
  g_free (trainer);
}

static void
count_piece (CsBpeTrainer *trainer, char *piece)
{
  size_t count = GPOINTER_TO_SIZE (g_hash_table_lookup (trainer->counts, piece));
  if (count == 0)
    {
      g_ptr_array_add (trainer->order, piece);
      g_hash_table_insert (trainer->counts, piece, GSIZE_TO_POINTER (1));
      return;
    }
  g_hash_table_replace (trainer->counts, piece, GSIZE_TO_POINTER (count + 1));
}

static void
count_pieces (CsBpeTrainer *trainer, const char *text)
{
  g_autoptr (GMatchInfo) match = NULL;
  g_regex_match (trainer->pieces, text, 0, &match);
  for (; g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *piece = g_match_info_fetch (match, 0);
      char *known = NULL;
      if (g_hash_table_lookup_extended (trainer->counts, piece, (void **)&known, NULL))
        count_piece (trainer, known);
      else
        count_piece (trainer, g_steal_pointer (&piece));
    }
}

void
cs_bpe_trainer_add (CsBpeTrainer *trainer, const char *text)
{
  if (!g_utf8_validate (text, -1, NULL))
    return;
  g_auto (GStrv) parts = g_regex_split (trainer->specials, text, 0);
  for (char **part = parts; *part; part++)
    count_pieces (trainer, *part);
}

void
cs_bpe_byte_characters (gunichar characters[256])
{
  unsigned next = 256;
  for (unsigned b = 0; b < 256; b++)
    {
      bool itself = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      characters[b] = itself ? b : next++;
    }
}

/* rank[b] = place of byte b among all bytes ordered by their characters. */
static void
byte_ranks (int32_t rank[256])
{
  gunichar characters[256];
  cs_bpe_byte_characters (characters);
  for (unsigned b = 0; b < 256; b++)
    {
      rank[b] = 0;
      for (unsigned other = 0; other < 256; other++)
        rank[b] += characters[other] < characters[b];
    }
}

static Word *
make_words (const CsBpeTrainer *trainer, size_t *n_words)
{
  int32_t rank[256];
  byte_ranks (rank);
  *n_words = trainer->order->len;
  Word *words = g_new (Word, *n_words);
  for (size_t i = 0; i < *n_words; i++)
    {
      const char *piece = g_ptr_array_index (trainer->order, i);
      size_t n = strlen (piece);
      words[i] = (Word){ .count = (uint32_t)GPOINTER_TO_SIZE (
                             g_hash_table_lookup (trainer->counts, piece)),
                         .n = (uint32_t)n,
                         .ids = g_new (int32_t, n) };
      for (size_t j = 0; j < n; j++)
        words[i].ids[j] = CS_N_SPECIALS + rank[(unsigned char)piece[j]];
    }
  return words;
}

/* Fills pair counts (side × side, zero before), finds the best, and leaves the table zero again. */
static uint32_t
best_pair (const Word *words, size_t n_words, uint32_t *counts, size_t side, CsBpeMerge *best)
{
  for (size_t i = 0; i < n_words; i++)
    for (uint32_t j = 0; j + 1 < words[i].n; j++)
      counts[(size_t)words[i].ids[j] * side + (size_t)words[i].ids[j + 1]] += words[i].count;
  uint32_t most = 0;
  for (size_t i = 0; i < n_words; i++)
    for (uint32_t j = 0; j + 1 < words[i].n; j++)
      {
        CsBpeMerge pair = { words[i].ids[j], words[i].ids[j + 1] };
        uint32_t *count = &counts[(size_t)pair.left * side + (size_t)pair.right];
        bool first =
            pair.left < best->left || (pair.left == best->left && pair.right < best->right);
        if (*count > most || (*count == most && *count > 0 && first))
          {
            most = *count;
            *best = pair;
          }
      }
  for (size_t i = 0; i < n_words; i++)
    for (uint32_t j = 0; j + 1 < words[i].n; j++)
      counts[(size_t)words[i].ids[j] * side + (size_t)words[i].ids[j + 1]] = 0;
  return most;
}

static void
merge_pair (Word *words, size_t n_words, CsBpeMerge pair, int32_t id)
{
  for (size_t i = 0; i < n_words; i++)
    {
      uint32_t n = 0;
      for (uint32_t j = 0; j < words[i].n; n++)
        {
          bool merge = j + 1 < words[i].n && words[i].ids[j] == pair.left &&
                       words[i].ids[j + 1] == pair.right;
          words[i].ids[n] = merge ? id : words[i].ids[j];
          j += merge ? 2 : 1;
        }
      words[i].n = n;
    }
}

GArray *
cs_bpe_trainer_run (CsBpeTrainer *trainer, size_t vocab_size)
{
  g_assert (vocab_size >= FIRST_MERGE && vocab_size <= MAX_VOCABULARY);
  size_t n_words;
  Word *words = make_words (trainer, &n_words);
  g_autofree uint32_t *counts = g_new0 (uint32_t, vocab_size * vocab_size);
  GArray *merges = g_array_new (false, false, sizeof (CsBpeMerge));
  while (FIRST_MERGE + merges->len < vocab_size)
    {
      CsBpeMerge best = { 0, 0 };
      if (best_pair (words, n_words, counts, vocab_size, &best) < 2)
        break;
      merge_pair (words, n_words, best, (int32_t)(FIRST_MERGE + merges->len));
      g_array_append_val (merges, best);
    }
  for (size_t i = 0; i < n_words; i++)
    g_free (words[i].ids);
  g_free (words);
  return merges;
}
