#include "token-turns.h"

#include <string.h>

const char *
cs_turn_class_name (CsTurnClass class)
{
  static const char *const names[CS_TURN_N_CLASSES] = { "text",    "bos",  "start", "role",
                                                        "newline", "user", "model", "end" };

  return names[class];
}

void
cs_turn_markers_find (const CsTokenizer *tokenizer, CsTurnMarkers *markers)
{
  static const char *const families[][3] = {
    { "<start_of_turn>", NULL, "<end_of_turn>" },
    { "<|im_start|>", NULL, "<|im_end|>" },
    { "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>" },
  };

  *markers = (CsTurnMarkers){ cs_tokenizer_bos_id (tokenizer), -1, -1, -1 };
  for (size_t i = 0; i < G_N_ELEMENTS (families); i++)
    {
      const int32_t start = cs_tokenizer_find (tokenizer, families[i][0]);
      const int32_t end = cs_tokenizer_find (tokenizer, families[i][2]);

      if (start < 0 || end < 0)
        continue;
      markers->start = start;
      markers->end = end;
      if (families[i][1] != NULL)
        markers->header_end = cs_tokenizer_find (tokenizer, families[i][1]);
      return;
    }
}

typedef enum
{
  OUTSIDE,
  AFTER_END,
  IN_ROLE,
  AFTER_HEADER,
  IN_CONTENT,
} State;

typedef struct
{
  const CsTokenizer *tokenizer;
  const CsTurnMarkers *markers;
  State state;
  GString *role;
  bool of_model;
} Reader;

/* The token's text is added to the role. True where it holds a newline. */
static bool
read_role (Reader *reader, int32_t id)
{
  g_autofree char *text = cs_tokenizer_decode (reader->tokenizer, &id, 1, false);

  g_string_append (reader->role, text);
  return strchr (text, '\n') != NULL;
}

static bool
is_blank_line (const Reader *reader, int32_t id)
{
  g_autofree char *text = cs_tokenizer_decode (reader->tokenizer, &id, 1, false);

  return text[0] != '\0' && text[strspn (text, "\n")] == '\0';
}

static void
end_role (Reader *reader)
{
  const char *role = g_strstrip (reader->role->str);

  reader->of_model = strcmp (role, "model") == 0 || strcmp (role, "assistant") == 0;
}

static CsTurnClass
begin_turn (Reader *reader)
{
  g_string_truncate (reader->role, 0);
  reader->of_model = false;
  reader->state = IN_ROLE;
  return CS_TURN_START;
}

static CsTurnClass
content (Reader *reader, int32_t id)
{
  reader->state = IN_CONTENT;
  if (id != reader->markers->end)
    return reader->of_model ? CS_TURN_MODEL : CS_TURN_USER;
  reader->state = AFTER_END;
  return CS_TURN_END;
}

static CsTurnClass
next_class (Reader *reader, int32_t id)
{
  const CsTurnMarkers *markers = reader->markers;
  const State before = reader->state;

  if (id == markers->start && markers->start >= 0)
    return begin_turn (reader);
  switch (before)
    {
    case IN_ROLE:
      if (id == markers->header_end && markers->header_end >= 0)
        {
          end_role (reader);
          reader->state = AFTER_HEADER;
          return CS_TURN_START;
        }
      if (!read_role (reader, id) || markers->header_end >= 0)
        return CS_TURN_ROLE;
      end_role (reader);
      reader->state = IN_CONTENT;
      return CS_TURN_NEWLINE;
    case AFTER_HEADER:
      reader->state = IN_CONTENT;
      return is_blank_line (reader, id) ? CS_TURN_NEWLINE : content (reader, id);
    case IN_CONTENT:
      return content (reader, id);
    case AFTER_END:
      reader->state = OUTSIDE;
      if (is_blank_line (reader, id))
        return CS_TURN_NEWLINE;
      reader->of_model = false;
      return CS_TURN_TEXT;
    default:
      reader->of_model = false;
      return CS_TURN_TEXT;
    }
}

/* The model's turn is known only once its role was read: marks its first marker and role too. */
static void
mark_opening (CsTurnToken *tokens, size_t t)
{
  while (t-- > 0 && (tokens[t].class == CS_TURN_ROLE || tokens[t].class == CS_TURN_START))
    tokens[t].of_model = true;
}

void
cs_turn_tokens (const CsTokenizer *tokenizer,
                const CsTurnMarkers *markers,
                const int32_t *ids,
                size_t n,
                CsTurnToken *tokens)
{
  Reader reader = { tokenizer, markers, OUTSIDE, g_string_new (NULL), false };
  uint32_t predicted = 0;

  for (size_t t = 0; t < n; t++)
    {
      const bool was_of_model = reader.of_model;
      CsTurnToken *token = &tokens[t];

      *token = (CsTurnToken){ 0 };
      if (t == 0 && ids[0] == markers->bos && markers->bos >= 0)
        {
          token->class = CS_TURN_BOS;
          continue;
        }
      token->class = (uint8_t)next_class (&reader, ids[t]);
      token->of_model = reader.of_model;
      token->is_template = token->class == CS_TURN_START || token->class == CS_TURN_ROLE ||
                           token->class == CS_TURN_NEWLINE || token->class == CS_TURN_END;
      if (reader.of_model && !was_of_model)
        mark_opening (tokens, t);
    }
  for (size_t t = 0; t + 1 < n; t++)
    {
      const CsTurnToken *next = &tokens[t + 1];

      if (tokens[t].class == CS_TURN_START)
        predicted = 0;
      tokens[t].predicts =
          next->class == CS_TURN_MODEL || (next->class == CS_TURN_END && next->of_model);
      tokens[t].predicted = tokens[t].predicts ? predicted++ : 0;
    }
  g_string_free (reader.role, TRUE);
}
