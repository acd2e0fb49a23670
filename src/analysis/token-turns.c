#include "token-turns.h"

/* A turn is known as the model's only once its role was read: marks its first marker and role too.
 */
static void
mark_opening (CsTurnToken *tokens, size_t t)
{
  while (t-- > 0 &&
         (tokens[t].class == CS_TOKEN_CLASS_ROLE || tokens[t].class == CS_TOKEN_CLASS_START))
    tokens[t].of_model = true;
}

static void
classify (const CsTokenMarkers *markers, const int32_t *ids, size_t n, CsTurnToken *tokens)
{
  CsTokenReader reader;
  bool was_of_model = false;

  cs_token_reader_init (&reader, markers);
  for (size_t t = 0; t < n; t++)
    {
      const int32_t position = t > 0;
      CsTurnToken *token = &tokens[t];

      *token = (CsTurnToken){ 0 };
      cs_token_reader_classify (&reader, ids + t, &position, 1, &token->class);
      token->of_model = reader.content == CS_TOKEN_CLASS_MODEL &&
                        token->class != CS_TOKEN_CLASS_TEXT && token->class != CS_TOKEN_CLASS_BOS;
      token->is_template = cs_token_class_is_template (token->class);
      if (token->of_model && !was_of_model)
        mark_opening (tokens, t);
      was_of_model = token->of_model;
    }
}

void
cs_turn_tokens (const CsTokenMarkers *markers, const int32_t *ids, size_t n, CsTurnToken *tokens)
{
  uint32_t predicted = 0;

  classify (markers, ids, n, tokens);
  for (size_t t = 0; t + 1 < n; t++)
    {
      const CsTurnToken *next = &tokens[t + 1];

      if (tokens[t].class == CS_TOKEN_CLASS_START)
        predicted = 0;
      tokens[t].predicts = next->class == CS_TOKEN_CLASS_MODEL ||
                           (next->class == CS_TOKEN_CLASS_END && next->of_model);
      tokens[t].predicted = tokens[t].predicts ? predicted++ : 0;
    }
}
