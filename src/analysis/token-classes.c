#include "token-markers.h"

#include <string.h>

#include <glib.h>

/* A marker in the middle of running text opens no turn: what is longer is no role ("assistant" has nine bytes). */
#define MAX_ROLE_TOKENS 16

const char *
cs_token_class_name (CsTokenClass token_class)
{
  static const char *const names[CS_TOKEN_N_CLASSES] = { "text", "user",    "model", "other", "start",
                                                         "role", "newline", "end",   "bos" };

  return names[token_class];
}

bool
cs_token_class_is_template (CsTokenClass token_class)
{
  return token_class >= CS_TOKEN_CLASS_START && token_class <= CS_TOKEN_CLASS_END;
}

CsTokenClass
cs_token_class_of_kind (CsTokenKind kind)
{
  switch (kind)
    {
    case CS_TOKEN_CONTENT_USER:
      return CS_TOKEN_CLASS_USER;
    case CS_TOKEN_CONTENT_MODEL:
      return CS_TOKEN_CLASS_MODEL;
    case CS_TOKEN_BOS:
      return CS_TOKEN_CLASS_BOS;
    case CS_TOKEN_START_OF_TURN:
    case CS_TOKEN_TEMPLATE: /* what ends a header, a default system prompt: with the markers, as no message's words */
      return CS_TOKEN_CLASS_START;
    case CS_TOKEN_ROLE:
      return CS_TOKEN_CLASS_ROLE;
    case CS_TOKEN_NEWLINE:
      return CS_TOKEN_CLASS_NEWLINE;
    case CS_TOKEN_END_OF_TURN:
      return CS_TOKEN_CLASS_END;
    default:
      return CS_TOKEN_CLASS_OTHER;
    }
}

/* The first token of a text; −1 where it has none, or, for whole texts, more than one. */
static int32_t
first_token (const CsTokenizer *tokenizer, const char *text, bool whole)
{
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));

  cs_tokenizer_encode (tokenizer, text, strlen (text), false, ids, NULL);
  return ids->len == 0 || (whole && ids->len > 1) ? -1 : g_array_index (ids, int32_t, 0);
}

static void
find_more_newlines (CsTokenMarkers *markers, const CsTokenizer *tokenizer)
{
  static const char newlines[] = "\n\n\n\n\n\n\n\n";

  for (size_t k = 0; k < CS_TOKEN_MORE_NEWLINES; k++)
    {
      const int32_t id = first_token (tokenizer, newlines + k, true);

      if (id >= 0)
        markers->more_newlines[markers->n_more_newlines++] = id;
    }
}

void
cs_token_markers_find (CsTokenMarkers *markers, const CsTokenizer *tokenizer)
{
  static const struct {
    const char *start, *header_end, *end, *model;
  } families[] = {
    { "<start_of_turn>", NULL, "<end_of_turn>", "model" },
    { "<|im_start|>", NULL, "<|im_end|>", "assistant" },
    { "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "assistant" },
  };

  *markers = CS_TOKEN_MARKERS_NONE;
  markers->bos = cs_tokenizer_bos_id (tokenizer);
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++)
    {
      const int32_t start = cs_tokenizer_find (tokenizer, families[i].start);
      const int32_t end = cs_tokenizer_find (tokenizer, families[i].end);

      if (start < 0 || end < 0)
        continue;
      markers->start = start;
      markers->end = end;
      if (families[i].header_end != NULL)
        markers->header_end = cs_tokenizer_find (tokenizer, families[i].header_end);
      markers->user = first_token (tokenizer, "user", false);
      markers->model = first_token (tokenizer, families[i].model, false);
      markers->newline = first_token (tokenizer, "\n", true);
      markers->blank_line = first_token (tokenizer, "\n\n", true);
      find_more_newlines (markers, tokenizer);
      /* SmolLM2 and others call the marker that opens a turn their BOS: in a conversation it is the former. */
      if (markers->bos == start || markers->bos == end)
        markers->bos = -1;
      return;
    }
}

typedef enum { OUTSIDE, HEADER, AFTER_HEADER, CONTENT, AFTER_END } State;

void
cs_token_reader_init (CsTokenReader *reader, const CsTokenMarkers *markers)
{
  *reader = (CsTokenReader) { .markers = *markers, .state = OUTSIDE, .content = CS_TOKEN_CLASS_TEXT };
}

static bool
is (int32_t id, int32_t marker)
{
  return marker >= 0 && id == marker;
}

static bool
is_newline (const CsTokenReader *reader, int32_t id)
{
  const CsTokenMarkers *markers = &reader->markers;

  for (size_t k = 0; k < markers->n_more_newlines; k++)
    if (is (id, markers->more_newlines[k]))
      return true;
  return is (id, markers->newline) || is (id, markers->blank_line);
}

static CsTokenClass
begin_turn (CsTokenReader *reader)
{
  reader->state = HEADER;
  reader->header = 0;
  reader->content = CS_TOKEN_CLASS_OTHER;
  return CS_TOKEN_CLASS_START;
}

static CsTokenClass
read_header (CsTokenReader *reader, int32_t id)
{
  const CsTokenMarkers *markers = &reader->markers;
  const bool ends = markers->newline >= 0 ? is_newline (reader, id) : reader->header >= 1;

  if (is (id, markers->header_end))
    {
      reader->state = AFTER_HEADER;
      return CS_TOKEN_CLASS_START;
    }
  if (markers->header_end < 0 && ends)
    {
      reader->state = CONTENT;
      return CS_TOKEN_CLASS_NEWLINE;
    }
  if (reader->header == 0)
    reader->content = is (id, markers->user)    ? CS_TOKEN_CLASS_USER
                      : is (id, markers->model) ? CS_TOKEN_CLASS_MODEL
                                                : CS_TOKEN_CLASS_OTHER;
  if (++reader->header < MAX_ROLE_TOKENS)
    return CS_TOKEN_CLASS_ROLE;
  reader->state = CONTENT;
  return reader->content;
}

static CsTokenClass
read_token (CsTokenReader *reader, int32_t id)
{
  const CsTokenMarkers *markers = &reader->markers;
  const State before = reader->state;

  if (is (id, markers->bos))
    return CS_TOKEN_CLASS_BOS;
  if (is (id, markers->start))
    return begin_turn (reader);
  if (is (id, markers->end))
    {
      reader->state = AFTER_END;
      return CS_TOKEN_CLASS_END;
    }
  if (before == HEADER)
    return read_header (reader, id);
  reader->state = before == AFTER_HEADER || before == CONTENT ? CONTENT : OUTSIDE;
  if (before == AFTER_HEADER && is_newline (reader, id))
    return CS_TOKEN_CLASS_NEWLINE;
  if (before == AFTER_END && (markers->newline < 0 || is_newline (reader, id)))
    return CS_TOKEN_CLASS_NEWLINE;
  if (reader->state == OUTSIDE)
    reader->content = CS_TOKEN_CLASS_TEXT;
  return reader->content;
}

void
cs_token_reader_classify (CsTokenReader *reader, const int32_t *ids, const int32_t *position, size_t n,
                          uint8_t *classes)
{
  for (size_t t = 0; t < n; t++)
    {
      if (position[t] == 0)
        {
          reader->state = OUTSIDE;
          reader->content = CS_TOKEN_CLASS_TEXT;
        }
      classes[t] = (uint8_t) read_token (reader, ids[t]);
    }
}
