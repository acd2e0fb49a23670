#include "tokenizer-internal.h"

/* A scratch that has grown beyond this by one long text is not kept. */
#define MAX_KEPT_BYTES ((size_t)32 << 20)

typedef struct
{
  const CsTokenizer *tokenizer;
  CsScratch *scratch;
  GArray *ids, *spans; /* spans may be NULL */
} Encoder;

static void
emit (const Encoder *encoder, int32_t id, uint32_t start, uint32_t end)
{
  g_array_append_val (encoder->ids, id);
  if (encoder->spans != NULL)
    {
      CsTokenSpan span = { .start = start, .end = end };
      g_array_append_val (encoder->spans, span);
    }
}

/* Tokens that together spell the whole word. */
static void
emit_word (const Encoder *encoder, const CsTextView *word, const int32_t *ids, size_t n)
{
  size_t at = 0, size;

  if (encoder->spans == NULL)
    {
      g_array_append_vals (encoder->ids, ids, (guint)n);
      return;
    }
  for (size_t i = 0; i < n; i++)
    {
      cs_vocab_bytes (&encoder->tokenizer->vocab, ids[i], &size);
      emit (encoder, ids[i], cs_text_start (word, at), cs_text_end (word, at + size));
      at += size;
    }
}

/* One symbol a byte. Bytes that the vocabulary has not become the unknown token, or nothing without
 * one; then the result is false, for the symbols do not spell the word. */
static bool
word_symbols (const Encoder *encoder, const CsTextView *word)
{
  const CsTokenizer *tokenizer = encoder->tokenizer;
  GArray *symbols = encoder->scratch->symbols;
  bool complete = true, after_unknown = false;

  g_array_set_size (symbols, 0);
  for (size_t i = 0; i < word->size; i++)
    {
      CsSymbol symbol = { .id = tokenizer->vocab.byte_ids[(uint8_t)word->text[i]],
                          .start = (uint32_t)i,
                          .end = (uint32_t)i + 1 };
      bool unknown = symbol.id < 0;
      complete = complete && !unknown;
      if (unknown)
        symbol.id = tokenizer->unk_id;
      if (unknown && after_unknown && tokenizer->fuse_unk && symbol.id >= 0)
        g_array_index (symbols, CsSymbol, symbols->len - 1).end = symbol.end;
      else if (symbol.id >= 0)
        g_array_append_val (symbols, symbol);
      after_unknown = unknown;
    }
  return complete;
}

static void
merge_word (const Encoder *encoder, const CsTextView *word)
{
  CsScratch *scratch = encoder->scratch;
  bool complete = word_symbols (encoder, word);
  CsSymbol *symbols = (CsSymbol *)(void *)scratch->symbols->data;
  size_t n = cs_merges_apply (&encoder->tokenizer->merges, scratch, symbols, scratch->symbols->len);

  g_array_set_size (scratch->word_ids, 0);
  for (size_t i = 0; i < n; i++)
    {
      g_array_append_val (scratch->word_ids, symbols[i].id);
      emit (encoder, symbols[i].id, cs_text_start (word, symbols[i].start),
            cs_text_end (word, symbols[i].end));
    }
  if (complete && cs_word_cache_accepts (word->size))
    cs_word_cache_put (scratch->cache, word->text, word->size,
                       (const int32_t *)(const void *)scratch->word_ids->data, n);
}

static void
encode_word (void *data, const CsTextView *word)
{
  const Encoder *encoder = data;
  const CsTokenizer *tokenizer = encoder->tokenizer;
  size_t n;

  if (cs_word_cache_accepts (word->size))
    {
      const int32_t *ids = cs_word_cache_find (encoder->scratch->cache, word->text, word->size, &n);
      if (ids != NULL)
        {
          emit_word (encoder, word, ids, n);
          return;
        }
    }
  int32_t whole = -1;
  if (tokenizer->ignore_merges)
    whole = cs_vocab_find_bytes (&tokenizer->vocab, word->text, word->size);
  if (whole < 0)
    {
      merge_word (encoder, word);
      return;
    }
  emit (encoder, whole, cs_text_start (word, 0), cs_text_end (word, word->size));
  if (cs_word_cache_accepts (word->size))
    cs_word_cache_put (encoder->scratch->cache, word->text, word->size, &whole, 1);
}

static void
encode_plain (const Encoder *encoder, const CsTextView *text)
{
  cs_split_run (encoder->tokenizer->steps, encoder->scratch, text, encode_word,
                (void *)(uintptr_t)encoder);
}

typedef void (*PieceFunc) (const Encoder *encoder, const CsTextView *piece);

/* Emits the added tokens in text and calls func for what lies between. */
static void
split_added (const Encoder *encoder, bool normalized, const CsTextView *text, PieceFunc func)
{
  CsAddedMatch match;
  size_t from = 0, done = 0;

  while (cs_added_next (&encoder->tokenizer->added, normalized, text, &from, &match))
    {
      if (done < match.start)
        {
          CsTextView piece = cs_text_slice (text, done, match.start);
          func (encoder, &piece);
        }
      emit (encoder, match.id, cs_text_start (text, match.start), cs_text_end (text, match.stop));
      done = match.stop;
    }
  if (done < text->size)
    {
      CsTextView piece = cs_text_slice (text, done, text->size);
      func (encoder, &piece);
    }
}

static void
encode_piece (const Encoder *encoder, const CsTextView *piece)
{
  CsTextView text = *piece;

  if (encoder->tokenizer->nfc)
    text = cs_text_nfc (piece, &encoder->scratch->normalized);
  split_added (encoder, true, &text, encode_plain);
}

/* ---- scratch, one call at a time --------------------------------------- */

static CsScratch *
borrow_scratch (const CsTokenizer *tokenizer)
{
  CsTokenizer *owner = (CsTokenizer *)(uintptr_t)tokenizer; /* its content stays as it is */
  CsScratch *scratch = atomic_exchange (&owner->spare, NULL);

  if (scratch == NULL)
    scratch = cs_scratch_new ();
  scratch->failed_steps = 0;
  return scratch;
}

static size_t
kept_bytes (const CsScratch *scratch)
{
  return 9 * ((size_t)scratch->scrubbed.bytes->len + scratch->normalized.bytes->len) +
         sizeof (CsSymbol) * scratch->symbols->len + sizeof (uint32_t) * scratch->links->len;
}

static void
return_scratch (const CsTokenizer *tokenizer, CsScratch *scratch)
{
  CsTokenizer *owner = (CsTokenizer *)(uintptr_t)tokenizer;

  if (kept_bytes (scratch) > MAX_KEPT_BYTES)
    cs_scratch_free (scratch);
  else
    cs_scratch_free (atomic_exchange (&owner->spare, scratch));
}

static void
emit_all (const Encoder *encoder, const GArray *ids, uint32_t at)
{
  for (guint i = 0; i < ids->len; i++)
    emit (encoder, g_array_index (ids, int32_t, i), at, at);
}

void
cs_tokenizer_encode (const CsTokenizer *tokenizer,
                     const char *text,
                     size_t size,
                     bool add_special,
                     GArray *ids,
                     GArray *spans)
{
  g_return_if_fail (size <= (size_t)1 << 30);

  CsScratch *scratch = borrow_scratch (tokenizer);
  Encoder encoder = { .tokenizer = tokenizer, .scratch = scratch, .ids = ids, .spans = spans };
  CsTextView view = cs_text_scrub (text, size, &scratch->scrubbed);

  if (add_special)
    emit_all (&encoder, tokenizer->prefix, 0);
  split_added (&encoder, false, &view, encode_piece);
  if (add_special)
    emit_all (&encoder, tokenizer->suffix, (uint32_t)size);
  return_scratch (tokenizer, scratch);
}
