/* Any bytes as tokenizer.json: refused with a sentence, or taken as a tokenizer that encodes any
 * text to ids it has and decodes them to UTF-8. */
#include "tokenizer-internal.h"
#include "sentence.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static const char text[] =
    "The  thing's 123 the\n\n\tn\xC3\xA9 e\xCC\x81 <bos> in<eos>ing\xE2\x82\xFF \xF0\x9F\x98\x80";

static void
use (CsTokenizer *tokenizer)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GArray) spans = g_array_new (FALSE, FALSE, sizeof (CsTokenSpan));
  g_autoptr (CsDecoder) decoder = cs_decoder_new (tokenizer, false);

  cs_tokenizer_encode (tokenizer, text, sizeof text, true, ids, spans); /* its U+0000 too */
  g_assert_cmpuint (ids->len, ==, spans->len);
  for (guint i = 0; i < ids->len; i++)
    {
      int32_t id = g_array_index (ids, int32_t, i);
      CsTokenSpan span = g_array_index (spans, CsTokenSpan, i);
      g_autofree char *part = cs_decoder_feed (decoder, id);
      g_assert_true (span.start <= span.end && span.end <= sizeof text && id >= 0);
      g_assert_true (g_utf8_validate (part, -1, NULL));
    }
  g_autofree char *rest = cs_decoder_finish (decoder);
  g_autofree char *whole =
      cs_tokenizer_decode (tokenizer, (const int32_t *)(const void *)ids->data, ids->len, true);
  g_assert_true (g_utf8_validate (whole, -1, NULL) && g_utf8_validate (rest, -1, NULL));
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsTokenizer) tokenizer =
      cs_tokenizer_parse ("input", (const char *)data, size, &error);

  g_assert_true ((tokenizer == NULL) == (error != NULL));
  if (tokenizer != NULL)
    use (tokenizer);
  else
    sentence_check (error);
  return 0;
}
