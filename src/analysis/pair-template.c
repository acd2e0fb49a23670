/* Tokens of a chat template that the base model does not know. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pair-taste.h"
#include "token-replacements.h"
#include "result-json.h"

#define N_ORDINARY 512

/* Whether the base's tokenizer lacks it. */
static bool
is_added (const CsPair *pair, int32_t id)
{
  for (guint i = 0; i < pair->added->len; i++)
    if (g_array_index (pair->added, int32_t, i) == id)
      return true;
  return false;
}

static void
add_ids (const CsPair *pair, GArray *tokens)
{
  char user[] = "user", assistant[] = "assistant", question[] = "Which river is longer?", answer[] = "The northern one.";
  const CsMessage messages[] = { { user, question }, { assistant, answer }, { user, question } };
  g_autoptr (CsRendering) rendering = NULL;

  if (pair->chat == NULL)
    return;
  rendering = cs_chat_render (pair->chat, pair->tokenizer, messages, G_N_ELEMENTS (messages), true, NULL);
  if (rendering == NULL) /* a template of another kind of conversation */
    rendering = cs_chat_render (pair->chat, pair->tokenizer, messages, 1, true, NULL);
  for (guint i = 0; rendering != NULL && i < rendering->ids->len; i++)
    {
      const CsTokenKind kind = g_array_index (rendering->kinds, uint8_t, i);
      CsTemplateToken token = { .id = g_array_index (rendering->ids, int32_t, i), .replacement = -1 };
      bool known = kind == CS_TOKEN_BOS || !cs_token_kind_is_template (kind) ||
                   !cs_tokenizer_is_special (pair->tokenizer, token.id);

      for (guint j = 0; j < tokens->len; j++)
        known |= g_array_index (tokens, CsTemplateToken, j).id == token.id;
      token.text = cs_tokenizer_spelling (pair->tokenizer, token.id);
      if (!known)
        g_array_append_val (tokens, token);
    }
}

static int
by_id (const void *a, const void *b)
{
  const CsTemplateToken *x = a, *y = b;

  return (x->id > y->id) - (x->id < y->id);
}

/* --- Embedding rows --- */

typedef struct
{
  float *rows;
  size_t d;
} Rows;

static void
copy_rows (void *data, size_t first, size_t n, float *rows)
{
  const Rows *to = data;

  memcpy (to->rows + first * to->d, rows, n * to->d * sizeof *rows);
}

/* What enters the first block for each id: the embedding, scaled where the family does so. */
static float *
embeddings (CsModel *model, const int32_t *ids, size_t n, GError **error)
{
  const size_t d = cs_model_config (model)->d_model;
  g_autofree float *rows = g_new0 (float, n * d);
  Rows to = { rows, d };
  CsTap tap = { 0, copy_rows, &to };
  g_autoptr (CsSession) session = cs_session_new (model, NULL, n);

  cs_session_set_taps (session, &tap, 1);
  return cs_session_forward (session, ids, n, 0, CS_LOGITS_NONE, NULL, error) ? g_steal_pointer (&rows) : NULL;
}

static int
by_value (const void *a, const void *b)
{
  const double *x = a, *y = b;

  return (*x > *y) - (*x < *y);
}

static double
median (double *values, size_t n)
{
  qsort (values, n, sizeof *values, by_value);
  return n > 0 ? values[n / 2] : NAN;
}

static void
measure (const float *base, const float *chat, size_t d, double *norm, double *moved)
{
  double a = 0, b = 0;

  for (size_t i = 0; i < d; i++)
    {
      double difference = (double)chat[i] - (double)base[i];

      a += (double)base[i] * (double)base[i];
      b += difference * difference;
    }
  *norm = sqrt (a);
  *moved = sqrt (b);
}

/* ids: those of tokens that the base has, then n_ordinary others. */
static bool
measure_rows (const CsPair *pair, GArray *tokens, const GArray *ids, size_t n_ordinary, GError **error)
{
  const size_t d = cs_model_config (pair->model[0])->d_model, first = ids->len - n_ordinary;
  const int32_t *list = (const int32_t *)(const void *)ids->data;
  g_autofree float *base = embeddings (pair->model[0], list, ids->len, error);
  g_autofree float *chat = base != NULL ? embeddings (pair->model[1], list, ids->len, error) : NULL;
  g_autofree double *norms = g_new (double, ids->len), *moves = g_new (double, ids->len);
  size_t at = 0;

  if (chat == NULL)
    return false;
  for (size_t i = 0; i < ids->len; i++)
    measure (base + i * d, chat + i * d, d, &norms[i], &moves[i]);
  const double norm = median (norms + first, n_ordinary), moved = median (moves + first, n_ordinary);
  for (guint i = 0; i < tokens->len; i++)
    {
      CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);

      if (token->beyond)
        continue;
      token->base_norm = norm > 0 ? norms[at] / norm : NAN;
      token->moved = moved > 0 ? moves[at] / moved : NAN;
      token->unknown = token->added || token->base_norm < CS_SHORT_ROW ||
                       token->base_norm > CS_LONG_ROW || token->moved > CS_MOVED_FAR;
      at++;
    }
  return true;
}

/* --- Replacements --- */

/* For Llama 3 what the authors of the method read in place of its markers; elsewhere an ordinary
 * break of lines, which parts texts in the same way. */
static int32_t
replacement (const CsTokenizer *tokenizer, const CsTemplateToken *token)
{
  static const struct
  {
    const char *text;
    int32_t id, to;
  } llama[] = { { "<|start_header_id|>", 128006, 1432 },
                { "<|end_header_id|>", 128007, 827 },
                { "<|eot_id|>", 128009, 827 } };
  static const char *const breaks[] = { "\n\n", "\n" };

  for (size_t i = 0; i < G_N_ELEMENTS (llama); i++)
    if (token->id == llama[i].id && g_strcmp0 (token->text, llama[i].text) == 0)
      return llama[i].to;
  for (size_t i = 0; i < G_N_ELEMENTS (breaks); i++)
    {
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));

      cs_tokenizer_encode (tokenizer, breaks[i], strlen (breaks[i]), false, ids, NULL);
      if (ids->len == 1)
        return g_array_index (ids, int32_t, 0);
    }
  return -1;
}

GArray *
cs_pair_template_tokens (const CsPair *pair, GError **error)
{
  g_autoptr (GArray) tokens = g_array_new (FALSE, FALSE, sizeof (CsTemplateToken));
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  const size_t vocab = MIN (cs_model_config (pair->model[0])->vocab_size,
                            cs_model_config (pair->model[1])->vocab_size);
  const size_t step = MAX (vocab / N_ORDINARY, 1);
  size_t n_ordinary = 0;

  add_ids (pair, tokens);
  g_array_sort (tokens, by_id);
  for (guint i = 0; i < tokens->len; i++)
    {
      CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);

      token->beyond = token->unknown = (size_t)token->id >= vocab;
      token->added = is_added (pair, token->id);
      token->base_norm = token->moved = NAN;
      if (!token->beyond)
        g_array_append_val (ids, token->id);
    }
  for (size_t id = step / 2; id < vocab; id += step)
    {
      const int32_t one = (int32_t)id;

      if (cs_tokenizer_spelling (pair->tokenizer, one) == NULL || cs_tokenizer_is_special (pair->tokenizer, one))
        continue;
      g_array_append_val (ids, one);
      n_ordinary++;
    }
  if (tokens->len > 0 && !measure_rows (pair, tokens, ids, n_ordinary, error))
    return NULL;
  for (guint i = 0; i < tokens->len; i++)
    {
      CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);

      token->replacement = replacement (pair->tokenizer, token);
    }
  return g_steal_pointer (&tokens);
}

char *
cs_pair_offered_replacements (const GArray *tokens)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (CsTokenReplacement));

  for (guint i = 0; i < tokens->len && list->len < CS_MAX_TOKEN_REPLACEMENTS; i++)
    {
      const CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);
      CsTokenReplacement one = { token->id, token->replacement };

      if (token->unknown && token->replacement >= 0)
        g_array_append_val (list, one);
    }
  return cs_token_replacements_text (list);
}

json_t *
cs_template_tokens_json (const GArray *tokens)
{
  json_t *list = json_array ();

  for (guint i = 0; i < tokens->len; i++)
    {
      const CsTemplateToken *token = &g_array_index (tokens, CsTemplateToken, i);

      json_array_append_new (
          list, json_pack ("{s:i, s:s?, s:b, s:b, s:b, s:o, s:o, s:o}", "id", token->id, "text", token->text,
                           "unknown_to_base", token->unknown, "beyond_vocabulary", token->beyond, "added", token->added,
                           "base_norm_ratio", cs_result_real (token->base_norm), "moved_ratio", cs_result_real (token->moved),
                           "replacement", token->replacement >= 0 ? json_integer (token->replacement) : json_null ()));
    }
  return list;
}
