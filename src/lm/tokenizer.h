/* tokenizer.json: BPE, byte-level or with byte fallback, with the normalizers, pre-tokenizers, post-processors and
 * decoders that the file describes, as the Hugging Face library (Rust) runs them. Immutable once open; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

typedef struct CsTokenizer CsTokenizer;

/* Reads tokenizer.json, and the names of special tokens from tokenizer_config.json and special_tokens_map.json. Where
 * tokenizer_config.json names the class LlamaTokenizer or GemmaTokenizer, its add_bos_token and add_eos_token decide
 * about BOS and EOS, as in Python; else the file's post-processor. A part that is not known is refused by its name. */
CsTokenizer *cs_tokenizer_open (const char *folder, GError **error);
CsTokenizer *cs_tokenizer_ref (CsTokenizer *tokenizer);
void         cs_tokenizer_unref (CsTokenizer *tokenizer);

size_t      cs_tokenizer_vocab_size (const CsTokenizer *tokenizer);   /* highest id + 1 */
const char *cs_tokenizer_hash (const CsTokenizer *tokenizer);         /* SHA-256 of tokenizer.json, hexadecimal */
int32_t     cs_tokenizer_find (const CsTokenizer *tokenizer, const char *content); /* added or plain; −1 */
/* The vocabulary's own spelling ("Ġthe"); NULL for an id that it has not. */
const char *cs_tokenizer_spelling (const CsTokenizer *tokenizer, int32_t id);
bool        cs_tokenizer_is_special (const CsTokenizer *tokenizer, int32_t id);
const char *cs_tokenizer_special (const CsTokenizer *tokenizer, const char *name); /* "bos_token" …; NULL where unset */
int32_t     cs_tokenizer_bos_id (const CsTokenizer *tokenizer);       /* what the post-processor puts first; −1 */

/* Bytes of the text that a token came from. */
typedef struct {
  uint32_t start, end;
} CsTokenSpan;

/* Encodes size bytes of text; each maximal ill-formed part of invalid UTF-8 reads as U+FFFD. Appends int32_t to ids
 * and, where spans is not NULL, a CsTokenSpan a token (start = end for tokens that the post-processor added).
 * add_special: apply the post-processor (BOS). Special tokens spelled in the text are recognised. size is at most
 * 1 GiB. A pattern of the file that runs into its limits on some text does not split what is left of that text, and
 * what a file's normalizer makes beyond 16 MiB + 12 times the text is left out. Unicode's tables are those of GLib and
 * PCRE2 (14 and newer): characters younger than these are neither letters nor composed. */
void  cs_tokenizer_encode (const CsTokenizer *tokenizer, const char *text, size_t size, bool add_special,
                           GArray *ids, GArray *spans);
/* Valid UTF-8; ids that the vocabulary has not are skipped. Free with g_free(). */
char *cs_tokenizer_decode (const CsTokenizer *tokenizer, const int32_t *ids, size_t n, bool skip_special);
/* The same with its size in bytes, for text that may hold U+0000. */
char *cs_tokenizer_decode_sized (const CsTokenizer *tokenizer, const int32_t *ids, size_t n, bool skip_special,
                                 size_t *size);

/* Decoding while generating: feed returns the text that is complete now ("" while a character is unfinished, and while
 * a run of <0xNN> pieces lasts, for one bad byte spoils all of it). All parts together are what decoding the ids at
 * once gives. After finish the decoder begins anew. */
typedef struct CsDecoder CsDecoder;
CsDecoder *cs_decoder_new (CsTokenizer *tokenizer, bool skip_special);
char      *cs_decoder_feed (CsDecoder *decoder, int32_t id);          /* free with g_free() */
char      *cs_decoder_finish (CsDecoder *decoder);                    /* what was held back, U+FFFD for broken parts */
void       cs_decoder_free (CsDecoder *decoder);

/* True where both make the same ids of every text (tokens at the ends apart), or false with CS_ERROR_MISMATCH naming the
 * first difference: ids, spellings, added tokens, merges, the model's options, normalizer, pre-tokenizer. */
bool cs_tokenizer_equal (const CsTokenizer *a, const CsTokenizer *b, GError **error);

/* An id that is spelled differently; NULL where a tokenizer has no such id. Borrowed from the tokenizers. */
typedef struct {
  int32_t     id;
  const char *a, *b;
} CsTokenDifference;

/* How many ids differ; appends the first `max` of them, in order, to differences (of CsTokenDifference). */
size_t cs_tokenizer_differences (const CsTokenizer *a, const CsTokenizer *b, size_t max, GArray *differences);

/* True where both make the same ids of every text in which none of the chat model's own added tokens stands: chat has added
 * tokens that base has not, or has under another name (a reserved one that was given a use), and is equal apart from them.
 * added (int32_t; may be NULL): those ids, in order; none are appended where the two are equal. Else as cs_tokenizer_equal(). */
bool cs_tokenizer_extends (const CsTokenizer *base, const CsTokenizer *chat, GArray *added, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsTokenizer, cs_tokenizer_unref)
G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsDecoder, cs_decoder_free)
