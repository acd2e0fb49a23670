/* The steps of a normalizer, one after the other over the whole text. */
#include "tokenizer-internal.h"

void
cs_normalize_step_clear (CsNormalizeStep *step)
{
  cs_pattern_clear (&step->pattern);
  g_clear_pointer (&step->content, g_free);
}

/* GLib's leave out the numerals and the letters in circles, which are no letters. */
static gunichar
to_lower (gunichar c)
{
  if (c >= 0x2160 && c <= 0x216F)
    return c + 16;
  if (c >= 0x24B6 && c <= 0x24CF)
    return c + 26;
  return g_unichar_tolower (c);
}

/* Rust's to_lowercase(), character by character: U+0130 is the only one that becomes two. */
static CsTextView
lowercase (const CsTextView *view, CsTextBuffer *buffer)
{
  size_t n;

  cs_text_buffer_begin (buffer, view);
  for (size_t at = 0; at < view->size; at += n)
    {
      char text[8];
      gunichar c = cs_utf8_decode (view->text + at), lower = to_lower (c);
      n = cs_utf8_length (view->text + at);
      if (c == 0x130)
        cs_text_buffer_append (buffer, view, "i\xCC\x87", 3, at, at + n);
      else if (lower == c)
        cs_text_buffer_copy (buffer, view, at, at + n);
      else
        cs_text_buffer_append (buffer, view, text, (size_t)g_unichar_to_utf8 (lower, text), at,
                               at + n);
    }
  return cs_text_buffer_view (buffer);
}

static CsTextView
strip_accents (const CsTextView *view, CsTextBuffer *buffer)
{
  size_t n;

  cs_text_buffer_begin (buffer, view);
  for (size_t at = 0; at < view->size; at += n)
    {
      n = cs_utf8_length (view->text + at);
      if (!cs_is_mark (cs_utf8_decode (view->text + at)))
        cs_text_buffer_copy (buffer, view, at, at + n);
    }
  return cs_text_buffer_view (buffer);
}

static CsTextView
strip (const CsNormalizeStep *step, const CsTextView *view)
{
  size_t from = 0, to = view->size;

  while (step->left && from < to && cs_is_white_space (cs_utf8_decode (view->text + from)))
    from += cs_utf8_length (view->text + from);
  while (step->right && from < to)
    {
      size_t before = to - 1;
      while (before > from && ((uint8_t)view->text[before] & 0xC0) == 0x80)
        before--;
      if (!cs_is_white_space (cs_utf8_decode (view->text + before)))
        break;
      to = before;
    }
  return cs_text_slice (view, from, to);
}

static CsTextView
replace (const CsNormalizeStep *step,
         CsMatcher *matcher,
         const CsTextView *view,
         CsTextBuffer *buffer)
{
  CsMatchState match = { 0 };
  size_t done = 0, n = strlen (step->content);

  cs_text_buffer_begin (buffer, view);
  while (cs_pattern_next (&step->pattern, matcher, view->text, view->size, &match))
    {
      cs_text_buffer_copy (buffer, view, done, match.from);
      cs_text_buffer_append (buffer, view, step->content, n, match.from, match.to);
      done = match.to;
    }
  if (done == 0 && buffer->bytes->len == 0)
    return *view;
  cs_text_buffer_copy (buffer, view, done, view->size);
  return cs_text_buffer_view (buffer);
}

static CsTextView
prepend (const CsNormalizeStep *step, const CsTextView *view, CsTextBuffer *buffer)
{
  cs_text_buffer_begin (buffer, view);
  cs_text_buffer_append (buffer, view, step->content, strlen (step->content), 0, 0);
  cs_text_buffer_copy (buffer, view, 0, view->size);
  return cs_text_buffer_view (buffer);
}

CsTextView
cs_text_to_alphabet (const CsTextView *view, CsTextBuffer *buffer)
{
  cs_text_buffer_begin (buffer, view);
  for (size_t at = 0; at < view->size; at++)
    {
      char text[8];
      int n = g_unichar_to_utf8 (cs_byte_to_alphabet ((uint8_t)view->text[at]), text);
      cs_text_buffer_append (buffer, view, text, (size_t)n, at, at + 1);
    }
  return cs_text_buffer_view (buffer);
}

static CsTextView
apply (const CsNormalizeStep *step,
       CsMatcher *matcher,
       const CsTextView *view,
       CsTextBuffer *buffer)
{
  switch (step->kind)
    {
    case CS_NORMALIZE_FORM:
      return cs_normalize_form (step->form, view, buffer);
    case CS_NORMALIZE_LOWERCASE:
      return lowercase (view, buffer);
    case CS_NORMALIZE_STRIP_ACCENTS:
      return strip_accents (view, buffer);
    case CS_NORMALIZE_STRIP:
      return strip (step, view);
    case CS_NORMALIZE_REPLACE:
      return replace (step, matcher, view, buffer);
    case CS_NORMALIZE_PREPEND:
      return prepend (step, view, buffer);
    default:
      return cs_text_to_alphabet (view, buffer);
    }
}

CsTextView
cs_normalize (const GArray *steps, CsScratch *scratch, const CsTextView *view)
{
  CsTextView text = *view;

  for (guint i = 0; i < steps->len && text.size > 0; i++)
    {
      /* The text lies in the one buffer, or a part of it; the next goes to the other. */
      const GByteArray *first = scratch->normalized[0].bytes;
      bool in_first = first->len > 0 && (const guint8 *)text.text >= first->data &&
                      (const guint8 *)text.text < first->data + first->len;
      text = apply (&g_array_index (steps, CsNormalizeStep, i), &scratch->matcher, &text,
                    &scratch->normalized[in_first ? 1 : 0]);
    }
  return text;
}
