#include "tokenizer-internal.h"

#define N_CHARACTERS 0x10000u

/* Printable bytes stand for themselves; the 68 others get U+0100 onward in order (GPT-2's table).
 */
gunichar
cs_byte_to_alphabet (uint8_t byte)
{
  if (byte < 33)
    return 256u + byte;
  if (byte < 127)
    return byte;
  if (byte < 161)
    return 256u + 33 + (byte - 127u);
  if (byte == 173)
    return 256 + 33 + 34;
  return byte;
}

int
cs_byte_from_alphabet (gunichar c)
{
  if (c < 33 || (c > 126 && c < 161) || c == 173 || c > 323)
    return -1;
  if (c < 256)
    return (int)c;
  if (c < 256 + 33)
    return (int)c - 256;
  if (c < 323)
    return (int)c - (256 + 33) + 127;
  return 173;
}

void
cs_vocab_init (CsVocab *vocab)
{
  vocab->pool = g_byte_array_new ();
  vocab->spelling = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (size_t i = 0; i < 256; i++)
    vocab->byte_ids[i] = vocab->fallback_ids[i] = -1;
}

void
cs_vocab_clear (CsVocab *vocab)
{
  g_clear_pointer (&vocab->pool, g_byte_array_unref);
  g_clear_pointer (&vocab->spelling, g_array_unref);
  g_clear_pointer (&vocab->slots, g_free);
  g_clear_pointer (&vocab->character_ids, g_free);
}

static void
grow (CsVocab *vocab, size_t n)
{
  size_t old = vocab->spelling->len;

  if (n <= old)
    return;
  g_array_set_size (vocab->spelling, (guint)n);
  for (size_t i = old; i < n; i++)
    g_array_index (vocab->spelling, uint32_t, i) = CS_NO_TEXT;
}

bool
cs_vocab_add (CsVocab *vocab, int32_t id, const char *spelling)
{
  size_t length = strlen (spelling);
  g_autofree char *copy = g_strdup (spelling); /* it may lie in the pool, which moves */

  if (cs_vocab_spelling (vocab, id) != NULL)
    return false;
  grow (vocab, (size_t)id + 1);
  g_array_index (vocab->spelling, uint32_t, id) = vocab->pool->len;
  g_byte_array_append (vocab->pool, (const guint8 *)copy, (guint)length + 1);
  vocab->n_pieces++;
  return true;
}

/* FNV-1a. */
static uint64_t
hash_spelling (const char *spelling, size_t size)
{
  uint64_t hash = 0xCBF29CE484222325u;

  for (size_t i = 0; i < size; i++)
    hash = (hash ^ (uint8_t)spelling[i]) * 0x100000001B3u;
  return hash ^ hash >> 29;
}

/* Pieces of one character, by the character. */
static void
index_characters (CsVocab *vocab)
{
  vocab->character_ids = g_new (int32_t, N_CHARACTERS);
  memset (vocab->character_ids, 0xFF, N_CHARACTERS * sizeof (int32_t));
  for (size_t id = 0; id < vocab->spelling->len; id++)
    {
      const char *spelling = cs_vocab_spelling (vocab, (int32_t)id);
      if (spelling == NULL || spelling[0] == '\0' || spelling[cs_utf8_length (spelling)] != '\0')
        continue;
      gunichar c = cs_utf8_decode (spelling);
      if (c < N_CHARACTERS)
        vocab->character_ids[c] = (int32_t)id;
    }
}

void
cs_vocab_index (CsVocab *vocab)
{
  vocab->n_slots = 16;
  while (vocab->n_slots < 2 * vocab->n_pieces)
    vocab->n_slots *= 2;
  vocab->slots = g_new (int32_t, vocab->n_slots);
  memset (vocab->slots, 0xFF, vocab->n_slots * sizeof (int32_t));

  for (size_t id = 0; id < vocab->spelling->len; id++)
    {
      const char *spelling = cs_vocab_spelling (vocab, (int32_t)id);
      if (spelling == NULL)
        continue;
      size_t at = hash_spelling (spelling, strlen (spelling)) & (vocab->n_slots - 1);
      while (vocab->slots[at] >= 0)
        at = (at + 1) & (vocab->n_slots - 1);
      vocab->slots[at] = (int32_t)id;
    }
  for (unsigned byte = 0; byte < 256; byte++)
    {
      char c = (char)byte, fallback[8];
      vocab->byte_ids[byte] = cs_vocab_find_bytes (vocab, &c, 1);
      g_snprintf (fallback, sizeof fallback, "<0x%02X>", byte);
      vocab->fallback_ids[byte] = cs_vocab_find (vocab, fallback, 6);
    }
  index_characters (vocab);
}

const char *
cs_vocab_spelling (const CsVocab *vocab, int32_t id)
{
  if (id < 0 || (guint)id >= vocab->spelling->len)
    return NULL;
  uint32_t at = g_array_index (vocab->spelling, uint32_t, id);
  return at == CS_NO_TEXT ? NULL : (const char *)vocab->pool->data + at;
}

int32_t
cs_vocab_find (const CsVocab *vocab, const char *spelling, size_t size)
{
  if (vocab->n_slots == 0)
    return -1;
  for (size_t at = hash_spelling (spelling, size) & (vocab->n_slots - 1); vocab->slots[at] >= 0;
       at = (at + 1) & (vocab->n_slots - 1))
    {
      const char *other = cs_vocab_spelling (vocab, vocab->slots[at]);
      if (strncmp (other, spelling, size) == 0 && other[size] == '\0')
        return vocab->slots[at];
    }
  return -1;
}

int32_t
cs_vocab_find_bytes (const CsVocab *vocab, const char *bytes, size_t size)
{
  g_autoptr (GString) spelling = g_string_sized_new (2 * size + 1);

  for (size_t i = 0; i < size; i++)
    g_string_append_unichar (spelling, cs_byte_to_alphabet ((uint8_t)bytes[i]));
  return cs_vocab_find (vocab, spelling->str, spelling->len);
}

int32_t
cs_vocab_find_character (const CsVocab *vocab, const char *s, size_t size)
{
  gunichar c = cs_utf8_decode (s);

  if (vocab->character_ids != NULL && c < N_CHARACTERS)
    return vocab->character_ids[c];
  return cs_vocab_find (vocab, s, size);
}
