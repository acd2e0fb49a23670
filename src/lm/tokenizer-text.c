#include "tokenizer-internal.h"

/* ---- UTF-8 ------------------------------------------------------------- */

/* Which second bytes may follow a lead byte, and how many bytes the character has; 0 for a byte
 * that leads none. */
static size_t
lead_length (uint8_t lead, uint8_t *low, uint8_t *high)
{
  *low = 0x80;
  *high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF)
    return 2;
  if (lead >= 0xE0 && lead <= 0xEF)
    {
      if (lead == 0xE0)
        *low = 0xA0; /* shorter would be overlong */
      if (lead == 0xED)
        *high = 0x9F; /* surrogates */
      return 3;
    }
  if (lead >= 0xF0 && lead <= 0xF4)
    {
      if (lead == 0xF0)
        *low = 0x90;
      if (lead == 0xF4)
        *high = 0x8F; /* above U+10FFFF */
      return 4;
    }
  return 0;
}

size_t
cs_utf8_step (const char *s, size_t n, CsUtf8Status *status)
{
  const uint8_t *p = (const uint8_t *)s;
  uint8_t low, high;

  *status = CS_UTF8_WELL_FORMED;
  if (p[0] < 0x80)
    return 1;

  size_t length = lead_length (p[0], &low, &high);
  *status = CS_UTF8_BROKEN;
  if (length == 0)
    return 1;
  for (size_t i = 1; i < length; i++)
    {
      if (i == n)
        {
          *status = CS_UTF8_UNFINISHED;
          return i;
        }
      if (p[i] < low || p[i] > high)
        return i;
      low = 0x80;
      high = 0xBF;
    }
  *status = CS_UTF8_WELL_FORMED;
  return length;
}

gunichar
cs_utf8_decode (const char *s)
{
  const uint8_t *p = (const uint8_t *)s;

  if (p[0] < 0x80)
    return p[0];
  if (p[0] < 0xE0)
    return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
  if (p[0] < 0xF0)
    return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
  return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
}

/* Bytes from the beginning that are well-formed. */
static size_t
well_formed_prefix (const char *text, size_t size)
{
  CsUtf8Status status;
  size_t at = 0;

  while (at < size)
    {
      if ((uint8_t)text[at] < 0x80)
        {
          at++;
          continue;
        }
      size_t step = cs_utf8_step (text + at, size - at, &status);
      if (status != CS_UTF8_WELL_FORMED)
        break;
      at += step;
    }
  return at;
}

size_t
cs_utf8_scrub (GString *out, const char *text, size_t size, bool keep_tail)
{
  size_t at = 0;

  while (at < size)
    {
      size_t good = well_formed_prefix (text + at, size - at);
      g_string_append_len (out, text + at, (gssize)good);
      at += good;
      if (at == size)
        break;

      CsUtf8Status status;
      size_t step = cs_utf8_step (text + at, size - at, &status);
      if (status == CS_UTF8_UNFINISHED && keep_tail)
        break;
      g_string_append (out, "\xEF\xBF\xBD");
      at += step;
    }
  return at;
}

bool
cs_is_white_space (gunichar c)
{
  return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

/* ---- text with its origin ---------------------------------------------- */

void
cs_text_buffer_init (CsTextBuffer *buffer)
{
  buffer->bytes = g_byte_array_new ();
  buffer->start = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  buffer->end = g_array_new (FALSE, FALSE, sizeof (uint32_t));
}

void
cs_text_buffer_clear (CsTextBuffer *buffer)
{
  g_clear_pointer (&buffer->bytes, g_byte_array_unref);
  g_clear_pointer (&buffer->start, g_array_unref);
  g_clear_pointer (&buffer->end, g_array_unref);
}

static void
buffer_reset (CsTextBuffer *buffer)
{
  g_byte_array_set_size (buffer->bytes, 0);
  g_array_set_size (buffer->start, 0);
  g_array_set_size (buffer->end, 0);
}

/* n bytes that all came from start … end−1. */
static void
buffer_append (CsTextBuffer *buffer, const char *bytes, size_t n, uint32_t start, uint32_t end)
{
  g_byte_array_append (buffer->bytes, (const guint8 *)bytes, (guint)n);
  for (size_t i = 0; i < n; i++)
    {
      g_array_append_val (buffer->start, start);
      g_array_append_val (buffer->end, end);
    }
}

/* The bytes from … to−1 of view, each from where view has it. */
static void
buffer_copy (CsTextBuffer *buffer, const CsTextView *view, size_t from, size_t to)
{
  g_byte_array_append (buffer->bytes, (const guint8 *)view->text + from, (guint)(to - from));
  for (size_t i = from; i < to; i++)
    {
      uint32_t start = cs_text_start (view, i), end = cs_text_end (view, i + 1);
      g_array_append_val (buffer->start, start);
      g_array_append_val (buffer->end, end);
    }
}

static CsTextView
buffer_view (const CsTextBuffer *buffer)
{
  return (CsTextView){
    .text = (const char *)buffer->bytes->data,
    .size = buffer->bytes->len,
    .start = (const uint32_t *)(const void *)buffer->start->data,
    .end = (const uint32_t *)(const void *)buffer->end->data,
  };
}

CsTextView
cs_text_slice (const CsTextView *view, size_t from, size_t to)
{
  CsTextView slice = *view;

  slice.text += from;
  slice.size = to - from;
  if (view->start != NULL)
    {
      slice.start += from;
      slice.end += from;
    }
  slice.origin += from;
  return slice;
}

uint32_t
cs_text_start (const CsTextView *view, size_t at)
{
  return view->start != NULL ? view->start[at] : (uint32_t)(view->origin + at);
}

uint32_t
cs_text_end (const CsTextView *view, size_t to)
{
  return view->end != NULL ? view->end[to - 1] : (uint32_t)(view->origin + to);
}

CsTextView
cs_text_scrub (const char *text, size_t size, CsTextBuffer *buffer)
{
  CsTextView view = { .text = text, .size = size };
  size_t at = well_formed_prefix (text, size);

  if (at == size)
    return view;

  buffer_reset (buffer);
  buffer_copy (buffer, &view, 0, at);
  while (at < size)
    {
      CsUtf8Status status;
      size_t step = cs_utf8_step (text + at, size - at, &status);
      if (status == CS_UTF8_WELL_FORMED)
        buffer_copy (buffer, &view, at, at + step);
      else
        buffer_append (buffer, "\xEF\xBF\xBD", 3, (uint32_t)at, (uint32_t)(at + step));
      at += step;
    }
  return buffer_view (buffer);
}

CsTextView
cs_text_prepend_space (const CsTextView *view, CsTextBuffer *buffer)
{
  uint32_t start = view->size > 0 ? cs_text_start (view, 0) : 0;

  buffer_reset (buffer);
  buffer_append (buffer, " ", 1, start, start);
  buffer_copy (buffer, view, 0, view->size);
  return buffer_view (buffer);
}

/* ---- composition (NFC) ------------------------------------------------- */

/* Whether nothing before c can change it or be changed by it: a starter that no composition has
 * second. */
static bool
starts_segment (gunichar c)
{
  if (c < 0x300)
    return true;
  if (c >= 0x1160 && c <= 0x11FF) /* vowels and finals of Hangul */
    return false;
  switch (g_unichar_type (c))
    {
    case G_UNICODE_SPACING_MARK:
    case G_UNICODE_ENCLOSING_MARK:
    case G_UNICODE_NON_SPACING_MARK:
      return false;
    default:
      return g_unichar_combining_class (c) == 0;
    }
}

/* End of the segment that begins at from. U+0000 is one by itself: GLib's normalization ends at it.
 */
static size_t
segment_end (const CsTextView *view, size_t from, bool *plain)
{
  CsUtf8Status status;
  size_t at = from + cs_utf8_step (view->text + from, view->size - from, &status);
  gunichar first = cs_utf8_decode (view->text + from), a, b;

  *plain = first < 0x300 || !g_unichar_decompose (first, &a, &b);
  if (first == 0)
    return at;
  while (at < view->size && (uint8_t)view->text[at] >= 0xCC &&
         !starts_segment (cs_utf8_decode (view->text + at)))
    {
      *plain = false;
      at += cs_utf8_step (view->text + at, view->size - at, &status);
    }
  return at;
}

CsTextView
cs_text_nfc (const CsTextView *view, CsTextBuffer *buffer)
{
  size_t at = 0;

  /* Below U+0300, the first lead byte of which is 0xCC, text is composed already. */
  while (at < view->size && (uint8_t)view->text[at] < 0xCC)
    at++;
  if (at == view->size)
    return *view;

  buffer_reset (buffer);
  for (at = 0; at < view->size;)
    {
      bool plain;
      size_t end = segment_end (view, at, &plain);
      if (plain)
        {
          buffer_copy (buffer, view, at, end);
          at = end;
          continue;
        }
      g_autofree char *composed =
          g_utf8_normalize (view->text + at, (gssize)(end - at), G_NORMALIZE_NFC);
      size_t n = strlen (composed);
      if (n == end - at && memcmp (composed, view->text + at, n) == 0)
        buffer_copy (buffer, view, at, end);
      else
        buffer_append (buffer, composed, n, cs_text_start (view, at), cs_text_end (view, end));
      at = end;
    }
  return buffer_view (buffer);
}
