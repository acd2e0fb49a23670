#include "tokenizer-internal.h"

char *
cs_tokenizer_decode_sized (const CsTokenizer *tokenizer,
                           const int32_t *ids,
                           size_t n,
                           bool skip_special,
                           size_t *size)
{
  g_autoptr (GString) bytes = g_string_new (NULL);
  GString *text = g_string_new (NULL);

  for (size_t i = 0; i < n; i++)
    {
      size_t n_bytes;
      const char *piece = cs_vocab_bytes (&tokenizer->vocab, ids[i], &n_bytes);
      if (piece != NULL && !(skip_special && cs_tokenizer_is_special (tokenizer, ids[i])))
        g_string_append_len (bytes, piece, (gssize)n_bytes);
    }
  cs_utf8_scrub (text, bytes->str, bytes->len, false);
  *size = text->len;
  return g_string_free (text, FALSE);
}

char *
cs_tokenizer_decode (const CsTokenizer *tokenizer, const int32_t *ids, size_t n, bool skip_special)
{
  size_t size;

  return cs_tokenizer_decode_sized (tokenizer, ids, n, skip_special, &size);
}

struct CsDecoder
{
  CsTokenizer *tokenizer;
  bool skip_special;
  GString *held; /* bytes of a character that is not complete */
};

CsDecoder *
cs_decoder_new (CsTokenizer *tokenizer, bool skip_special)
{
  CsDecoder *decoder = g_new0 (CsDecoder, 1);

  decoder->tokenizer = cs_tokenizer_ref (tokenizer);
  decoder->skip_special = skip_special;
  decoder->held = g_string_new (NULL);
  return decoder;
}

char *
cs_decoder_feed (CsDecoder *decoder, int32_t id)
{
  GString *text = g_string_new (NULL);
  size_t size;
  const char *piece = cs_vocab_bytes (&decoder->tokenizer->vocab, id, &size);

  if (piece != NULL && !(decoder->skip_special && cs_tokenizer_is_special (decoder->tokenizer, id)))
    g_string_append_len (decoder->held, piece, (gssize)size);
  size_t read = cs_utf8_scrub (text, decoder->held->str, decoder->held->len, true);
  g_string_erase (decoder->held, 0, (gssize)read);
  return g_string_free (text, FALSE);
}

char *
cs_decoder_finish (CsDecoder *decoder)
{
  GString *text = g_string_new (NULL);

  cs_utf8_scrub (text, decoder->held->str, decoder->held->len, false);
  g_string_truncate (decoder->held, 0);
  return g_string_free (text, FALSE);
}

void
cs_decoder_free (CsDecoder *decoder)
{
  if (decoder == NULL)
    return;
  cs_tokenizer_unref (decoder->tokenizer);
  g_string_free (decoder->held, TRUE);
  g_free (decoder);
}
