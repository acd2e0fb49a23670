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

size_t
cs_utf8_length (const char *s)
{
  return g_utf8_skip[(uint8_t)*s];
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

void
cs_text_buffer_begin (CsTextBuffer *buffer, const CsTextView *view)
{
  g_byte_array_set_size (buffer->bytes, 0);
  g_array_set_size (buffer->start, 0);
  g_array_set_size (buffer->end, 0);
  buffer->tracked = view->tracked;
  buffer->n_first = 0;
}

/* Room for n bytes more; NULL beyond the limit. */
static guint8 *
make_room (CsTextBuffer *buffer, size_t n)
{
  size_t before = buffer->bytes->len;

  if (n == 0 || n > buffer->limit - MIN (before, buffer->limit))
    return NULL;
  g_byte_array_set_size (buffer->bytes, (guint)(before + n));
  if (buffer->tracked)
    {
      g_array_set_size (buffer->start, (guint)(before + n));
      g_array_set_size (buffer->end, (guint)(before + n));
    }
  return buffer->bytes->data + before;
}

void
cs_text_buffer_copy (CsTextBuffer *buffer, const CsTextView *view, size_t from, size_t to)
{
  size_t before = buffer->bytes->len;
  guint8 *room = make_room (buffer, to - from);

  if (room == NULL)
    return;
  memcpy (room, view->text + from, to - from);
  if (from < view->n_first)
    buffer->n_first = before + MIN (to, view->n_first) - from;
  if (!buffer->tracked)
    return;
  uint32_t *start = &g_array_index (buffer->start, uint32_t, before);
  uint32_t *end = &g_array_index (buffer->end, uint32_t, before);
  for (size_t i = from; i < to; i++)
    {
      start[i - from] = cs_text_start (view, i);
      end[i - from] = cs_text_end (view, i + 1);
    }
}

void
cs_text_buffer_append (CsTextBuffer *buffer,
                       const CsTextView *view,
                       const char *bytes,
                       size_t n,
                       size_t from,
                       size_t to)
{
  size_t before = buffer->bytes->len;
  guint8 *room = make_room (buffer, n);

  if (room == NULL)
    return;
  memcpy (room, bytes, n);
  if (from < view->n_first)
    buffer->n_first = before + n;
  if (!buffer->tracked)
    return;
  /* What is put in at the end of a text has no byte behind it. */
  uint32_t start = from < view->size ? cs_text_start (view, from)
                   : view->size > 0  ? cs_text_end (view, view->size)
                                     : 0;
  uint32_t end = to > from ? cs_text_end (view, to) : start;
  for (size_t i = 0; i < n; i++)
    {
      g_array_index (buffer->start, uint32_t, before + i) = start;
      g_array_index (buffer->end, uint32_t, before + i) = end;
    }
}

CsTextView
cs_text_buffer_view (const CsTextBuffer *buffer)
{
  return (CsTextView){
    .text = buffer->bytes->data != NULL ? (const char *)buffer->bytes->data : "",
    .size = buffer->bytes->len,
    .start = buffer->tracked ? (const uint32_t *)(const void *)buffer->start->data : NULL,
    .end = buffer->tracked ? (const uint32_t *)(const void *)buffer->end->data : NULL,
    .tracked = buffer->tracked,
    .n_first = buffer->n_first,
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
  slice.n_first = view->n_first - MIN (from, view->n_first);
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
cs_text_scrub (const char *text, size_t size, bool tracked, CsTextBuffer *buffer)
{
  CsTextView view = { .text = text, .size = size, .tracked = tracked };
  size_t at = well_formed_prefix (text, size);
  CsUtf8Status status;

  view.n_first = size > 0 ? cs_utf8_step (text, size, &status) : 0;
  if (at == size)
    return view;

  cs_text_buffer_begin (buffer, &view);
  cs_text_buffer_copy (buffer, &view, 0, at);
  while (at < size)
    {
      size_t step = cs_utf8_step (text + at, size - at, &status);
      if (status == CS_UTF8_WELL_FORMED)
        cs_text_buffer_copy (buffer, &view, at, at + step);
      else
        cs_text_buffer_append (buffer, &view, "\xEF\xBF\xBD", 3, at, at + step);
      at += step;
    }
  return cs_text_buffer_view (buffer);
}
