#include "corpus.h"

#include <string.h>

#include "corpus-lines.h"
#include "errors.h"
#include "json.h"

#define MAX_DOCUMENT_BYTES ((size_t)64 << 20)
#define MAX_MESSAGES 4096
#define MAX_SPANS 65536

struct CsCorpus
{
  char *path, *name;
  const CsChatTemplate *chat;
  const CsTokenizer *tokenizer;
  CsLines *lines;
  bool is_json;
};

static void
clear_span (void *data)
{
  g_free (((CsSpan *)data)->concept);
}

void
cs_corpus_document_clear (CsCorpusDocument *document)
{
  g_clear_pointer (&document->text, g_free);
  g_clear_pointer (&document->spans, g_array_unref);
  g_clear_pointer (&document->rendering, cs_rendering_free);
}

static bool
strip_suffix (char *name, const char *suffix)
{
  if (!g_str_has_suffix (name, suffix) || strlen (name) == strlen (suffix))
    return false;
  name[strlen (name) - strlen (suffix)] = '\0';
  return true;
}

CsCorpus *
cs_corpus_open (const char *path,
                const CsChatTemplate *chat,
                const CsTokenizer *tokenizer,
                GError **error)
{
  CsLines *lines = cs_lines_open (path, error);
  CsCorpus *corpus;

  if (lines == NULL)
    return NULL;
  corpus = g_new0 (CsCorpus, 1);
  corpus->path = g_strdup (path);
  corpus->name = g_path_get_basename (path);
  corpus->chat = chat;
  corpus->tokenizer = tokenizer;
  corpus->lines = lines;
  strip_suffix (corpus->name, ".gz");
  if (strip_suffix (corpus->name, ".jsonl") || strip_suffix (corpus->name, ".json"))
    corpus->is_json = true;
  else if (!strip_suffix (corpus->name, ".txt"))
    corpus->is_json = cs_lines_peek (lines) == '{';
  return corpus;
}

void
cs_corpus_free (CsCorpus *corpus)
{
  if (corpus == NULL)
    return;
  cs_lines_free (corpus->lines);
  g_free (corpus->path);
  g_free (corpus->name);
  g_free (corpus);
}

const char *
cs_corpus_name (const CsCorpus *corpus)
{
  return corpus->name;
}

static bool
line_error (CsCorpus *corpus, GError **error, const char *what)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s, line %zu: %s.", corpus->path,
               cs_lines_number (corpus->lines), what);
  return false;
}

static bool
is_blank (const char *line, size_t size)
{
  for (size_t i = 0; i < size; i++)
    if (!g_ascii_isspace (line[i]))
      return false;
  return true;
}

/* --- Plain text --- */

static bool
next_text (CsCorpus *corpus, CsCorpusDocument *document, GError **error)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GError) local = NULL;
  const char *line;
  size_t size;

  while ((line = cs_lines_next (corpus->lines, &size, &local)) != NULL)
    {
      if (is_blank (line, size) && text->len > 0)
        break;
      if (is_blank (line, size))
        continue;
      if (text->len + size > MAX_DOCUMENT_BYTES)
        return line_error (corpus, error,
                           "the document is longer than 64 MiB; part documents with blank lines");
      if (text->len > 0)
        g_string_append_c (text, '\n');
      g_string_append_len (text, line, (gssize)size);
    }
  if (local != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return false;
    }
  if (text->len == 0)
    return false;
  document->text = g_strdup (text->str);
  return true;
}

/* --- Lines of JSON --- */

/* What every template counts on; the rest is the template's to check. */
static bool
check_messages (CsCorpus *corpus, json_t *array, GError **error)
{
  size_t i;
  json_t *message;

  if (!json_is_array (array) || json_array_size (array) < 1 ||
      json_array_size (array) > MAX_MESSAGES)
    return line_error (corpus, error, "“messages” has to be a list of 1 to 4096 messages");
  json_array_foreach (
      array, i, message) if (!json_is_string (json_object_get (message, "role")) ||
                             (json_object_get (message, "content") == NULL &&
                              json_object_get (message, "tool_calls") ==
                                  NULL)) return line_error (corpus, error,
                                                            "each of “messages” has to have the "
                                                            "string “role” and a “content”");
  return true;
}

static CsRendering *
render (CsCorpus *corpus, json_t *array, GError **error)
{
  g_autoptr (GError) local = NULL;
  CsRendering *rendering;

  if (!check_messages (corpus, array, error))
    return NULL;
  if (corpus->chat == NULL)
    {
      line_error (corpus, error,
                  "it has “messages” and no “text”, and the chat model has no template");
      return NULL;
    }
  rendering = cs_chat_render_json (corpus->chat, corpus->tokenizer, array, NULL, &local);
  if (rendering == NULL)
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s, line %zu: %s", corpus->path,
                 cs_lines_number (corpus->lines), local->message);
  return rendering;
}

static bool
read_span (CsCorpus *corpus, json_t *object, size_t text_size, CsSpan *span, GError **error)
{
  json_t *start = json_object_get (object, "start");
  json_t *end = json_object_get (object, "end");
  const char *concept = json_string_value (json_object_get (object, "concept"));
  json_t *model_side = json_object_get (object, "model-side");

  if (!json_is_integer (start) || !json_is_integer (end) || concept == NULL ||
      json_integer_value (start) < 0 || json_integer_value (end) < json_integer_value (start) ||
      (size_t)json_integer_value (end) > text_size ||
      (model_side != NULL && !json_is_boolean (model_side)))
    return line_error (corpus, error,
                       "each of “spans” has to have “start” and “end” inside the text, “concept” "
                       "and “model-side”");
  span->start = (size_t)json_integer_value (start);
  span->end = (size_t)json_integer_value (end);
  span->concept = g_strdup (concept);
  span->model_side = json_is_true (model_side);
  return true;
}

static bool
read_spans (CsCorpus *corpus, json_t *array, CsCorpusDocument *document, GError **error)
{
  size_t text_size = strlen (document->text);

  if (array == NULL || json_is_null (array))
    return true;
  if (!json_is_array (array) || json_array_size (array) > MAX_SPANS)
    return line_error (corpus, error, "“spans” has to be a list");
  for (size_t i = 0; i < json_array_size (array); i++)
    {
      CsSpan span;

      if (!read_span (corpus, json_array_get (array, i), text_size, &span, error))
        return false;
      g_array_append_val (document->spans, span);
    }
  return true;
}

/* A tokenizer that adds BOS adds it once, when the text is encoded: one that the text spells
 * already goes, and the spans move. Where it adds none, the template's own stays. */
static void
strip_bos (CsCorpus *corpus, CsCorpusDocument *document)
{
  const char *bos =
      corpus->tokenizer != NULL ? cs_tokenizer_special (corpus->tokenizer, "bos_token") : NULL;
  size_t size = bos != NULL ? strlen (bos) : 0;

  if (size == 0 || cs_tokenizer_bos_id (corpus->tokenizer) < 0 ||
      !g_str_has_prefix (document->text, bos))
    return;
  memmove (document->text, document->text + size, strlen (document->text) - size + 1);
  for (unsigned i = 0; i < document->spans->len; i++)
    {
      CsSpan *span = &g_array_index (document->spans, CsSpan, i);

      span->start -= MIN (span->start, size);
      span->end -= MIN (span->end, size);
    }
}

static bool
fill_from_json (CsCorpus *corpus, json_t *object, CsCorpusDocument *document, GError **error)
{
  json_t *text = json_object_get (object, "text");
  json_t *messages = json_object_get (object, "messages");

  document->is_chat = messages != NULL && !json_is_null (messages);
  if (json_is_string (text))
    document->text = g_strdup (json_string_value (text));
  else if (document->is_chat)
    {
      document->rendering = render (corpus, messages, error);
      if (document->rendering != NULL)
        document->text = g_strdup (document->rendering->text);
    }
  else
    line_error (corpus, error, "a line has to be an object with “text” or “messages”");
  return document->text != NULL &&
         read_spans (corpus, json_object_get (object, "spans"), document, error);
}

static bool
next_json (CsCorpus *corpus, CsCorpusDocument *document, GError **error)
{
  g_autoptr (json_t) object = NULL;
  g_autofree char *name = NULL;
  const char *line;
  size_t size;

  do
    {
      line = cs_lines_next (corpus->lines, &size, error);
      if (line == NULL)
        return false;
    }
  while (is_blank (line, size));
  name = g_strdup_printf ("%s, line %zu", corpus->path, cs_lines_number (corpus->lines));
  object = cs_json_parse (line, size, name, error);
  return object != NULL && fill_from_json (corpus, object, document, error);
}

bool
cs_corpus_next (CsCorpus *corpus, CsCorpusDocument *document, GError **error)
{
  *document = (CsCorpusDocument){ .spans = g_array_new (FALSE, TRUE, sizeof (CsSpan)) };
  g_array_set_clear_func (document->spans, clear_span);
  if (corpus->is_json ? next_json (corpus, document, error) : next_text (corpus, document, error))
    {
      strip_bos (corpus, document);
      return true;
    }
  cs_corpus_document_clear (document);
  return false;
}

/* The ids that the template's text has as a whole: parts of it might be split in another way. */
static void
append_rendering (const CsCorpusDocument *document, GArray *ids, GArray *spans)
{
  const CsRendering *rendering = document->rendering;
  const uint32_t stripped = (uint32_t)(strlen (rendering->text) - strlen (document->text));

  g_array_append_vals (ids, rendering->ids->data, rendering->ids->len);
  for (guint i = 0; spans != NULL && i < rendering->spans->len; i++)
    {
      CsTokenSpan span = g_array_index (rendering->spans, CsTokenSpan, i);

      span.start -= MIN (span.start, stripped);
      span.end -= MIN (span.end, stripped);
      g_array_append_val (spans, span);
    }
}

void
cs_corpus_encode (const CsTokenizer *tokenizer,
                  const CsCorpusDocument *document,
                  size_t max_tokens,
                  GArray *ids,
                  GArray *spans)
{
  unsigned first = ids->len;
  unsigned first_span = spans != NULL ? spans->len : 0;
  int32_t bos = cs_tokenizer_bos_id (tokenizer);

  if (bos >= 0)
    {
      CsTokenSpan nowhere = { 0, 0 };

      g_array_append_val (ids, bos);
      if (spans != NULL)
        g_array_append_val (spans, nowhere);
    }
  if (document->rendering != NULL)
    append_rendering (document, ids, spans);
  else
    cs_tokenizer_encode (tokenizer, document->text, strlen (document->text), false, ids, spans);
  if (bos >= 0 && ids->len > first + 1 && g_array_index (ids, int32_t, first + 1) == bos)
    {
      g_array_remove_index (ids, first);
      if (spans != NULL)
        g_array_remove_index (spans, first_span);
    }
  if (max_tokens > 0 && ids->len - first > max_tokens)
    {
      g_array_set_size (ids, (guint)(first + max_tokens));
      if (spans != NULL)
        g_array_set_size (spans, (guint)(first_span + max_tokens));
    }
}

void
cs_corpus_token_kinds (const CsTokenizer *tokenizer,
                       const CsCorpusDocument *document,
                       const int32_t *ids,
                       size_t n_ids,
                       GArray *kinds,
                       GArray *turns)
{
  const CsRendering *rendering = document->rendering;
  const int32_t bos = cs_tokenizer_bos_id (tokenizer);
  /* The document has a BOS that the template did not write. */
  const size_t added = n_ids > 0 && ids[0] == bos && bos >= 0 &&
                       (rendering == NULL || rendering->ids->len == 0 ||
                        g_array_index (rendering->ids, int32_t, 0) != bos);

  for (size_t i = 0; i < n_ids; i++)
    {
      const size_t own = i - added;
      const bool known = rendering != NULL && i >= added && own < rendering->kinds->len;
      uint8_t kind = i < added ? CS_TOKEN_BOS : CS_TOKEN_CONTENT_OTHER;
      int32_t turn = -1;

      if (known)
        {
          kind = g_array_index (rendering->kinds, uint8_t, own);
          turn = g_array_index (rendering->turns, int32_t, own);
        }
      g_array_append_val (kinds, kind);
      g_array_append_val (turns, turn);
    }
}
