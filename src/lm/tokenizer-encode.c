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

static void
emit_cached (const Encoder *encoder, const CsTextView *word, const CsCachedToken *tokens, size_t n)
{
  for (size_t i = 0; i < n; i++)
    if (encoder->spans == NULL)
      g_array_append_val (encoder->ids, tokens[i].id);
    else
      emit (encoder, tokens[i].id, cs_text_start (word, tokens[i].start),
            cs_text_end (word, tokens[i].end));
}

static void
emit_symbols (const Encoder *encoder, const CsTextView *word, const CsSymbol *symbols, size_t n)
{
  for (size_t i = 0; i < n; i++)
    emit (encoder, symbols[i].id, cs_text_start (word, symbols[i].start),
          cs_text_end (word, symbols[i].end));
  if (cs_word_cache_accepts (word->size))
    cs_word_cache_put (encoder->scratch->cache, word->text, word->size, symbols, n);
}

static bool
emit_from_cache (const Encoder *encoder, const CsTextView *word)
{
  size_t n;

  if (!cs_word_cache_accepts (word->size))
    return false;
  const CsCachedToken *tokens =
      cs_word_cache_find (encoder->scratch->cache, word->text, word->size, &n);
  if (tokens != NULL)
    emit_cached (encoder, word, tokens, n);
  return tokens != NULL;
}

static void
merge_word (const Encoder *encoder, const CsTextView *word)
{
  CsScratch *scratch = encoder->scratch;

  cs_word_symbols (encoder->tokenizer, scratch, word);
  CsSymbol *symbols = (CsSymbol *)(void *)scratch->symbols->data;
  size_t n = cs_merges_apply (&encoder->tokenizer->merges, scratch, symbols, scratch->symbols->len);
  emit_symbols (encoder, word, symbols, n);
}

/* A word that may be a whole document: parts between which nothing merges, one by one. */
static void
merge_in_parts (const Encoder *encoder, const CsTextView *word)
{
  const CsTokenizer *tokenizer = encoder->tokenizer;

  for (size_t at = 0, end; at < word->size; at = end)
    {
      end = cs_neighbours_cut (&tokenizer->neighbours, &tokenizer->vocab, word, at);
      CsTextView part = cs_text_slice (word, at, end);
      if (!emit_from_cache (encoder, &part))
        merge_word (encoder, &part);
    }
}

/* The piece that is the whole word, where merges are to be ignored for such; −1 for none. */
static int32_t
whole_piece (const CsTokenizer *tokenizer, const CsTextView *word)
{
  if (!tokenizer->ignore_merges)
    return -1;
  return tokenizer->byte_words ? cs_vocab_find_bytes (&tokenizer->vocab, word->text, word->size)
                               : cs_vocab_find (&tokenizer->vocab, word->text, word->size);
}

static void
encode_word (void *data, const CsTextView *word)
{
  const Encoder *encoder = data;
  const CsTokenizer *tokenizer = encoder->tokenizer;

  if (emit_from_cache (encoder, word))
    return;
  CsSymbol whole = { .id = whole_piece (tokenizer, word), .end = (uint32_t)word->size };
  if (whole.id >= 0)
    emit_symbols (encoder, word, &whole, 1);
  else if (tokenizer->neighbours.slots != NULL && !cs_word_cache_accepts (word->size))
    merge_in_parts (encoder, word);
  else
    merge_word (encoder, word);
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
  CsAddedMatch match = { 0 };
  size_t from = 0, done = 0;

  while (cs_added_next (&encoder->tokenizer->added, normalized, text, done, &from, &match))
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
  CsTextView text = cs_normalize (encoder->tokenizer->normalizer, encoder->scratch, piece);

  split_added (encoder, true, &text, encode_plain);
}

/* ---- scratch, one call at a time --------------------------------------- */

static CsScratch *
borrow_scratch (const CsTokenizer *tokenizer)
{
  CsTokenizer *owner = (CsTokenizer *)(uintptr_t)tokenizer; /* its content stays as it is */
  CsScratch *scratch = atomic_exchange (&owner->spare, NULL);

  return scratch != NULL ? scratch : cs_scratch_new ();
}

static void
return_scratch (const CsTokenizer *tokenizer, CsScratch *scratch)
{
  CsTokenizer *owner = (CsTokenizer *)(uintptr_t)tokenizer;

  if (cs_scratch_kept_bytes (scratch) > MAX_KEPT_BYTES)
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

  cs_scratch_begin (scratch, size);
  CsTextView view = cs_text_scrub (text, size, spans != NULL, &scratch->scrubbed);

  if (add_special)
    emit_all (&encoder, tokenizer->prefix, 0);
  split_added (&encoder, false, &view, encode_piece);
  if (add_special)
    emit_all (&encoder, tokenizer->suffix, (uint32_t)size);
  return_scratch (tokenizer, scratch);
}
