/* Unicode's normalization forms, segment by segment, so that each byte keeps where it came from.
 * The tables are GLib's: characters that its Unicode version does not know stay as they are. */
#include "tokenizer-internal.h"

#define MAX_DECOMPOSITION 32

/* The first character of what c decomposes to; c itself for most. */
static gunichar
first_of (gunichar c, bool compatible)
{
  gunichar parts[MAX_DECOMPOSITION];

  return g_unichar_fully_decompose (c, compatible, parts, G_N_ELEMENTS (parts)) > 0 ? parts[0] : c;
}

/* Whether nothing before c can change it or be changed by it: what it decomposes to begins with a
 * starter that no composition has second. */
static bool
starts_segment (gunichar c, bool compatible)
{
  if (c < 0x300)
    return true;
  c = first_of (c, compatible);
  if (c >= 0x1160 && c <= 0x11FF) /* vowels and finals of Hangul */
    return false;
  return !cs_is_mark (c) && g_unichar_combining_class (c) == 0;
}

static bool
is_compatible (GNormalizeMode form)
{
  return form == G_NORMALIZE_NFKC || form == G_NORMALIZE_NFKD;
}

/* Whether c, with nothing that joins it, is the same in this form. */
static bool
is_unchanged (gunichar c, GNormalizeMode form)
{
  gunichar parts[2];

  if (c < 0x80)
    return true;
  size_t n = g_unichar_fully_decompose (c, is_compatible (form), parts, G_N_ELEMENTS (parts));
  return n == 1 && parts[0] == c;
}

/* End of the segment that begins at from. U+0000 is one by itself: GLib's normalization ends at it.
 */
static size_t
segment_end (const CsTextView *view, size_t from, GNormalizeMode form, bool *plain)
{
  size_t at = from + cs_utf8_length (view->text + from);
  gunichar first = cs_utf8_decode (view->text + from);

  *plain = is_unchanged (first, form);
  if (first == 0)
    return at;
  while (at < view->size && (uint8_t)view->text[at] >= 0xCC &&
         !starts_segment (cs_utf8_decode (view->text + at), is_compatible (form)))
    {
      *plain = false;
      at += cs_utf8_length (view->text + at);
    }
  return at;
}

/* The first byte that this form may change: below 0xCC, the first lead byte of U+0300, text is
 * composed already; ASCII is the same in all. */
static size_t
first_suspect (const CsTextView *view, GNormalizeMode form)
{
  uint8_t lead = form == G_NORMALIZE_NFC ? 0xCC : 0x80;
  size_t at = 0;

  while (at < view->size && (uint8_t)view->text[at] < lead)
    at++;
  return at;
}

static void
append_segment (CsTextBuffer *buffer,
                const CsTextView *view,
                size_t from,
                size_t to,
                GNormalizeMode form)
{
  g_autofree char *text = g_utf8_normalize (view->text + from, (gssize)(to - from), form);
  size_t n = strlen (text);

  if (n == to - from && memcmp (text, view->text + from, n) == 0)
    cs_text_buffer_copy (buffer, view, from, to);
  else
    cs_text_buffer_append (buffer, view, text, n, from, to);
}

CsTextView
cs_normalize_form (GNormalizeMode form, const CsTextView *view, CsTextBuffer *buffer)
{
  size_t done = 0;

  if (first_suspect (view, form) == view->size)
    return *view;
  cs_text_buffer_begin (buffer, view);
  for (size_t at = 0; at < view->size;)
    {
      bool plain;
      size_t end = segment_end (view, at, form, &plain);
      if (!plain)
        {
          cs_text_buffer_copy (buffer, view, done, at);
          append_segment (buffer, view, at, end, form);
          done = end;
        }
      at = end;
    }
  cs_text_buffer_copy (buffer, view, done, view->size);
  return cs_text_buffer_view (buffer);
}
