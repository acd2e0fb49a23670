/* From ids to text: the steps of a decoder, each with what it holds back, so that text comes out as
 * soon as it cannot change any more. Decoding at once and bit by bit are the same code. */
#include "tokenizer-internal.h"

/* What a step has seen. Up to the first step that joins tokens (Fuse, ByteLevel) whole tokens come
 * in, behind it parts of the one token that everything has become. */
typedef struct
{
  GString *held;
  size_t n_tokens; /* before this one */
  size_t n_stripped;
  bool past_start; /* Strip met something else */
  bool joined;     /* parts come in */
} StepState;

struct CsDecoder
{
  CsTokenizer *tokenizer;
  bool skip_special;
  CsMatcher matcher; /* made with the first step that needs one */
  bool has_matcher;
  size_t n_steps;
  StepState *states;
  GString *out;
};

void
cs_decode_step_clear (CsDecodeStep *step)
{
  cs_pattern_clear (&step->pattern);
  g_clear_pointer (&step->content, g_free);
}

static void push (CsDecoder *decoder, size_t at, const char *text, size_t size);

static const CsDecodeStep *
step_at (const CsDecoder *decoder, size_t at)
{
  return &g_array_index (decoder->tokenizer->decoder, CsDecodeStep, at);
}

/* ---- Replace ----------------------------------------------------------- */

static void
push_replaced (CsDecoder *decoder, size_t at, const char *text, size_t size)
{
  const CsDecodeStep *step = step_at (decoder, at);
  g_autoptr (GString) out = g_string_sized_new (size);
  CsMatchState match = { 0 };
  size_t done = 0;

  if (!decoder->has_matcher)
    cs_matcher_init (&decoder->matcher);
  decoder->has_matcher = true;
  while (cs_pattern_next (&step->pattern, &decoder->matcher, text, size, &match))
    {
      g_string_append_len (out, text + done, (gssize)(match.from - done));
      g_string_append (out, step->content);
      done = match.to;
    }
  g_string_append_len (out, text + done, (gssize)(size - done));
  push (decoder, at + 1, out->str, out->len);
}

/* ---- ByteLevel --------------------------------------------------------- */

/* A token all in the byte alphabet is those bytes, any other itself. */
static void
append_bytes (GString *bytes, const char *text, size_t size)
{
  size_t before = bytes->len;

  for (size_t i = 0; i < size; i += cs_utf8_length (text + i))
    {
      int value = cs_byte_from_alphabet (cs_utf8_decode (text + i));
      if (value < 0)
        {
          g_string_truncate (bytes, before);
          g_string_append_len (bytes, text, (gssize)size);
          return;
        }
      g_string_append_c (bytes, (char)value);
    }
}

static void
push_held_bytes (CsDecoder *decoder, size_t at, bool keep_tail)
{
  GString *held = decoder->states[at].held;
  g_autoptr (GString) text = g_string_new (NULL);
  size_t read = cs_utf8_scrub (text, held->str, held->len, keep_tail);

  g_string_erase (held, 0, (gssize)read);
  push (decoder, at + 1, text->str, text->len);
}

/* ---- ByteFallback ------------------------------------------------------ */

/* The byte of <0xNN>; −1 for another token. */
static int
fallback_byte (const char *text, size_t size)
{
  if (size != 6 || memcmp (text, "<0x", 3) != 0 || text[5] != '>')
    return -1;
  int high = text[3] == '+' ? 0 : g_ascii_xdigit_value (text[3]);
  int low = g_ascii_xdigit_value (text[4]);
  return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* A run of bytes is text or, where it is none, as many U+FFFD. */
static void
flush_fallback (CsDecoder *decoder, size_t at)
{
  GString *held = decoder->states[at].held;
  g_autoptr (GString) run = g_string_new_len (held->str, (gssize)held->len);
  CsUtf8Status status = CS_UTF8_WELL_FORMED;

  g_string_truncate (held, 0);
  for (size_t i = 0; status == CS_UTF8_WELL_FORMED && i < run->len;)
    i += cs_utf8_step (run->str + i, run->len - i, &status);
  if (status == CS_UTF8_WELL_FORMED && run->len > 0)
    push (decoder, at + 1, run->str, run->len);
  for (size_t i = 0; status != CS_UTF8_WELL_FORMED && i < run->len; i++)
    push (decoder, at + 1, "\xEF\xBF\xBD", 3);
}

static void
push_fallback (CsDecoder *decoder, size_t at, const char *text, size_t size)
{
  int byte = fallback_byte (text, size);

  if (byte >= 0)
    {
      g_string_append_c (decoder->states[at].held, (char)byte);
      return;
    }
  if (decoder->states[at].held->len > 0)
    flush_fallback (decoder, at);
  push (decoder, at + 1, text, size);
}

/* ---- Strip ------------------------------------------------------------- */

static bool
begins_with (const char *text, size_t size, const char *character, size_t n)
{
  return size >= n && memcmp (text, character, n) == 0;
}

/* A whole token without its first and last characters of the kind. */
static void
push_stripped (CsDecoder *decoder, size_t at, const char *text, size_t size)
{
  const CsDecodeStep *step = step_at (decoder, at);
  size_t n = strlen (step->character);

  for (size_t i = 0; i < step->start && begins_with (text, size, step->character, n); i++)
    {
      text += n;
      size -= n;
    }
  for (size_t i = 0; i < step->stop && size >= n; i++)
    {
      if (memcmp (text + size - n, step->character, n) != 0)
        break;
      size -= n;
    }
  push (decoder, at + 1, text, size);
}

/* The same for a token that comes in parts: what may be its end is held back. */
static void
push_stripped_part (CsDecoder *decoder, size_t at, const char *text, size_t size)
{
  const CsDecodeStep *step = step_at (decoder, at);
  StepState *state = &decoder->states[at];
  size_t n = strlen (step->character), n_last = 0;

  while (!state->past_start && size > 0)
    {
      state->past_start =
          state->n_stripped == step->start || !begins_with (text, size, step->character, n);
      if (state->past_start)
        break;
      state->n_stripped++;
      text += n;
      size -= n;
    }
  g_string_append_len (state->held, text, (gssize)size);
  while (n_last < step->stop && state->held->len >= (n_last + 1) * n &&
         memcmp (state->held->str + state->held->len - (n_last + 1) * n, step->character, n) == 0)
    n_last++;
  size_t n_ready = state->held->len - n_last * n;
  g_autofree char *ready = g_memdup2 (state->held->str, n_ready);
  g_string_erase (state->held, 0, (gssize)n_ready);
  if (n_ready > 0)
    push (decoder, at + 1, ready, n_ready);
}

/* ---- Metaspace --------------------------------------------------------- */

static void
push_metaspace (CsDecoder *decoder, size_t at, const char *text, size_t size, bool first)
{
  const CsDecodeStep *step = step_at (decoder, at);
  g_autoptr (GString) out = g_string_sized_new (size);
  size_t n = strlen (step->character), length;

  for (size_t i = 0; i < size; i += length)
    {
      length = cs_utf8_length (text + i);
      if (!begins_with (text + i, size - i, step->character, n))
        g_string_append_len (out, text + i, (gssize)length);
      else if (!first || !step->drop_in_first)
        g_string_append_c (out, ' ');
    }
  push (decoder, at + 1, out->str, out->len);
}

/* ---- the chain --------------------------------------------------------- */

static void
push_token (CsDecoder *decoder, size_t at, const char *text, size_t size)
{
  StepState *state = &decoder->states[at];

  switch (step_at (decoder, at)->kind)
    {
    case CS_DECODE_JOIN:
      if (state->n_tokens > 0)
        push (decoder, at + 1, " ", 1);
      push (decoder, at + 1, text, size);
      break;
    case CS_DECODE_BYTE_LEVEL:
      append_bytes (state->held, text, size);
      push_held_bytes (decoder, at, true);
      break;
    case CS_DECODE_REPLACE:
      push_replaced (decoder, at, text, size);
      break;
    case CS_DECODE_BYTE_FALLBACK:
      push_fallback (decoder, at, text, size);
      break;
    case CS_DECODE_STRIP:
      push_stripped (decoder, at, text, size);
      break;
    case CS_DECODE_METASPACE:
      push_metaspace (decoder, at, text, size, state->n_tokens == 0);
      break;
    default:
      push (decoder, at + 1, text, size);
    }
  state->n_tokens++;
}

/* A pattern of one character finds the same in parts as in the whole. */
static bool
is_one_character (const CsPattern *pattern)
{
  return pattern->literal != NULL && cs_utf8_length (pattern->literal) == pattern->n_literal;
}

static void
push_part (CsDecoder *decoder, size_t at, const char *text, size_t size)
{
  const CsDecodeStep *step = step_at (decoder, at);

  switch (step->kind)
    {
    case CS_DECODE_FUSE:
    case CS_DECODE_JOIN:
      push (decoder, at + 1, text, size);
      break;
    case CS_DECODE_STRIP:
      push_stripped_part (decoder, at, text, size);
      break;
    case CS_DECODE_METASPACE:
      push_metaspace (decoder, at, text, size, true);
      break;
    case CS_DECODE_REPLACE:
      if (is_one_character (&step->pattern))
        {
          push_replaced (decoder, at, text, size);
          break;
        }
      G_GNUC_FALLTHROUGH;
    default:
      g_string_append_len (decoder->states[at].held, text, (gssize)size);
    }
}

/* Text comes to step `at`: a token, or a part of the only one. */
static void
push (CsDecoder *decoder, size_t at, const char *text, size_t size)
{
  if (at == decoder->n_steps)
    g_string_append_len (decoder->out, text, (gssize)size);
  else if (decoder->states[at].joined)
    push_part (decoder, at, text, size);
  else
    push_token (decoder, at, text, size);
}

/* The end of all tokens for step `at`. */
static void
finish_step (CsDecoder *decoder, size_t at)
{
  StepState *state = &decoder->states[at];
  CsDecodeKind kind = step_at (decoder, at)->kind;

  if (state->joined && kind != CS_DECODE_STRIP && state->held->len > 0)
    {
      /* What had to be seen whole. */
      g_autoptr (GString) whole = g_string_new_len (state->held->str, (gssize)state->held->len);
      g_string_truncate (state->held, 0);
      push_token (decoder, at, whole->str, whole->len);
    }
  if (kind == CS_DECODE_BYTE_LEVEL)
    push_held_bytes (decoder, at, false);
  else if (kind == CS_DECODE_BYTE_FALLBACK && state->held->len > 0)
    flush_fallback (decoder, at);
}

static void
reset (CsDecoder *decoder)
{
  bool joined = false;

  for (size_t i = 0; i < decoder->n_steps; i++)
    {
      StepState *state = &decoder->states[i];
      CsDecodeKind kind = step_at (decoder, i)->kind;
      g_string_truncate (state->held, 0);
      *state = (StepState){ .held = state->held, .joined = joined };
      joined = joined || kind == CS_DECODE_FUSE || kind == CS_DECODE_BYTE_LEVEL ||
               kind == CS_DECODE_JOIN;
    }
}

static CsDecoder *
decoder_new (CsTokenizer *tokenizer, bool skip_special, bool streams)
{
  CsDecoder *decoder = g_new0 (CsDecoder, 1);

  decoder->tokenizer = streams ? cs_tokenizer_ref (tokenizer) : tokenizer;
  decoder->skip_special = skip_special;
  decoder->n_steps = tokenizer->decoder->len;
  decoder->states = g_new0 (StepState, decoder->n_steps);
  for (size_t i = 0; i < decoder->n_steps; i++)
    decoder->states[i].held = g_string_new (NULL);
  decoder->out = g_string_new (NULL);
  reset (decoder);
  return decoder;
}

static void
clear (CsDecoder *decoder)
{
  for (size_t i = 0; i < decoder->n_steps; i++)
    g_string_free (decoder->states[i].held, TRUE);
  if (decoder->has_matcher)
    cs_matcher_clear (&decoder->matcher);
  g_free (decoder->states);
  g_string_free (decoder->out, TRUE);
  g_free (decoder);
}

static void
feed (CsDecoder *decoder, int32_t id)
{
  const CsTokenizer *tokenizer = decoder->tokenizer;
  const char *spelling = cs_vocab_spelling (&tokenizer->vocab, id);

  if (spelling != NULL && g_hash_table_size (tokenizer->added.respelled) > 0)
    {
      const char *other =
          g_hash_table_lookup (tokenizer->added.respelled, GINT_TO_POINTER (id + 1));
      spelling = other != NULL ? other : spelling;
    }
  if (spelling != NULL && !(decoder->skip_special && cs_tokenizer_is_special (tokenizer, id)))
    push (decoder, 0, spelling, strlen (spelling));
}

static void
finish (CsDecoder *decoder)
{
  for (size_t i = 0; i < decoder->n_steps; i++)
    finish_step (decoder, i);
}

static char *
take_out (CsDecoder *decoder)
{
  char *text = g_strndup (decoder->out->str, decoder->out->len);

  g_string_truncate (decoder->out, 0);
  return text;
}

/* ---- for everybody ----------------------------------------------------- */

CsDecoder *
cs_decoder_new (CsTokenizer *tokenizer, bool skip_special)
{
  return decoder_new (tokenizer, skip_special, true);
}

char *
cs_decoder_feed (CsDecoder *decoder, int32_t id)
{
  feed (decoder, id);
  return take_out (decoder);
}

char *
cs_decoder_finish (CsDecoder *decoder)
{
  finish (decoder);
  reset (decoder);
  return take_out (decoder);
}

void
cs_decoder_free (CsDecoder *decoder)
{
  if (decoder == NULL)
    return;
  CsTokenizer *tokenizer = decoder->tokenizer;
  clear (decoder);
  cs_tokenizer_unref (tokenizer);
}

char *
cs_tokenizer_decode_sized (const CsTokenizer *tokenizer,
                           const int32_t *ids,
                           size_t n,
                           bool skip_special,
                           size_t *size)
{
  CsDecoder *decoder = decoder_new ((CsTokenizer *)(uintptr_t)tokenizer, skip_special, false);

  for (size_t i = 0; i < n; i++)
    feed (decoder, ids[i]);
  finish (decoder);
  *size = decoder->out->len;
  char *text = g_string_free (g_steal_pointer (&decoder->out), FALSE);
  decoder->out = g_string_new (NULL);
  clear (decoder);
  return text;
}

char *
cs_tokenizer_decode (const CsTokenizer *tokenizer, const int32_t *ids, size_t n, bool skip_special)
{
  size_t size;

  return cs_tokenizer_decode_sized (tokenizer, ids, n, skip_special, &size);
}
