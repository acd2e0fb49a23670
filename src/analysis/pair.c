#include "pair.h"

#include <string.h>

#include "errors.h"
#include "token-replacements.h"

static bool
check_size (const char *what, const char *unit, size_t base, size_t chat, GError **error)
{
  if (base == chat)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "The base model has %s %zu and the chat model %zu%s: choose a chat model that was tuned from this base.",
               what, base, chat, unit);
  return false;
}

static bool
check_fit (const CsPair *pair, const CsTokenizer *base_tokenizer, GError **error)
{
  const CsModelConfig *base = cs_model_config (pair->model[0]), *chat = cs_model_config (pair->model[1]);

  return check_size ("width (d_model)", "", base->d_model, chat->d_model, error) &&
         check_size ("layers:", "", base->n_layers, chat->n_layers, error) &&
         check_size ("a vocabulary of", " tokens", base->vocab_size, chat->vocab_size, error) &&
         cs_tokenizer_extends (base_tokenizer, pair->tokenizer, pair->added, error);
}

CsPair *
cs_pair_open (const char *base_folder, const char *chat_folder, const CsPairReading *reading, GError **error)
{
  g_autoptr (CsPair) pair = g_new0 (CsPair, 1);
  g_autoptr (CsTokenizer) base_tokenizer = NULL;
  g_autoptr (GError) no_template = NULL;
  const CsPairReading plain = { 0 };

  if (reading == NULL)
    reading = &plain;
  pair->added = g_array_new (FALSE, FALSE, sizeof (int32_t));
  if ((pair->model[0] = cs_model_open (base_folder, error)) == NULL ||
      (pair->model[1] = cs_model_open (chat_folder, error)) == NULL ||
      (base_tokenizer = cs_tokenizer_open (base_folder, error)) == NULL ||
      (pair->tokenizer = cs_tokenizer_open (chat_folder, error)) == NULL ||
      !check_fit (pair, base_tokenizer, error) ||
      !cs_model_replace_tokens (pair->model[0], reading->base_replacements, error))
    return NULL;
  pair->chat = cs_chat_template_open_pair (chat_folder, base_folder, &no_template);
  if (pair->chat == NULL)
    g_message ("%s", no_template->message); /* raw prompts still work */
  else if (!cs_chat_template_set_date (pair->chat, reading->date, error))
    return NULL;
  return g_steal_pointer (&pair);
}

void
cs_pair_free (CsPair *pair)
{
  if (pair == NULL)
    return;
  for (int m = 0; m < 2; m++)
    g_clear_pointer (&pair->model[m], cs_model_unref);
  g_clear_pointer (&pair->tokenizer, cs_tokenizer_unref);
  g_clear_pointer (&pair->chat, cs_chat_template_free);
  g_clear_pointer (&pair->added, g_array_unref);
  g_free (pair);
}

typedef struct {
  float *rows;   /* [n, 2, d] */
  size_t d, model;
} CopyRows;

static void
copy_rows_tap (void *data, size_t first_position, size_t n_rows, float *rows)
{
  const CopyRows *copy = data;

  for (size_t r = 0; r < n_rows; r++)
    memcpy (copy->rows + ((first_position + r) * 2 + copy->model) * copy->d, rows + r * copy->d,
            copy->d * sizeof (float));
}

bool
cs_pair_residuals (const CsPair *pair, CsTeam *team, size_t layer, const int32_t *ids, size_t n, float *rows,
                   GError **error)
{
  if (layer >= cs_model_config (pair->model[0])->n_layers)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "There is no layer %zu: the models have layers 0 to %zu.", layer,
                   cs_model_config (pair->model[0])->n_layers - 1);
      return false;
    }
  for (size_t m = 0; m < 2; m++)
    {
      g_autoptr (CsSession) session = cs_session_new (pair->model[m], team, n);
      CopyRows copy = { rows, cs_model_config (pair->model[m])->d_model, m };
      CsTap tap = { layer + 1, copy_rows_tap, &copy };

      cs_session_set_taps (session, &tap, 1);
      if (!cs_session_forward (session, ids, n, layer + 1, CS_LOGITS_NONE, NULL, error))
        return false;
    }
  return true;
}
