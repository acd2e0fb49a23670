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

/* A turn's predictions are counted from its first on. turns: NULL where they are not known. */
static void
count_predictions (CsTurnToken *tokens, const int32_t *turns, size_t n)
{
  uint32_t predicted = 0;

  for (size_t t = 0; t + 1 < n; t++)
    {
      const CsTurnToken *next = &tokens[t + 1];
      const bool starts = turns != NULL ? t == 0 || turns[t + 1] != turns[t]
                                        : tokens[t].class == CS_TOKEN_CLASS_START;

      if (starts)
        predicted = 0;
      tokens[t].predicts = next->class == CS_TOKEN_CLASS_MODEL ||
                           (next->class == CS_TOKEN_CLASS_END && next->of_model);
      tokens[t].predicted = tokens[t].predicts ? predicted++ : 0;
    }
}

void
cs_turn_tokens (const CsTokenMarkers *markers, const int32_t *ids, size_t n, CsTurnToken *tokens)
{
  classify (markers, ids, n, tokens);
  count_predictions (tokens, NULL, n);
}

void
cs_turn_tokens_of_kinds (const uint8_t *kinds, const int32_t *turns, size_t n, CsTurnToken *tokens)
{
  for (size_t begin = 0, end; begin < n; begin = end)
    {
      bool of_model = false;

      for (end = begin; end < n && turns[end] == turns[begin]; end++)
        of_model = of_model || (turns[end] >= 0 && kinds[end] == CS_TOKEN_CONTENT_MODEL);
      for (size_t t = begin; t < end; t++)
        {
          const CsTokenClass class = cs_token_class_of_kind ((CsTokenKind)kinds[t]);

          tokens[t] = (CsTurnToken){ .class = (uint8_t) class,
                                     .of_model = of_model,
                                     .is_template = cs_token_class_is_template (class) };
        }
    }
  count_predictions (tokens, turns, n);
}
