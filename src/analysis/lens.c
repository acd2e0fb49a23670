#include "lens.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "vector.h"

#define MAX_TOKENS 65536

static void
free_tokens (CsLensToken *tokens, size_t n)
{
  for (size_t i = 0; i < n && tokens != NULL; i++)
    g_free (tokens[i].text);
  g_free (tokens);
}

void
cs_lens_free (CsLens *lens)
{
  if (lens == NULL)
    return;
  free_tokens (lens->promoted, lens->n);
  free_tokens (lens->suppressed, lens->n);
  g_free (lens);
}

char *
cs_lens_token_text (const CsTokenizer *tokenizer, int32_t id)
{
  char *text = cs_tokenizer_decode (tokenizer, &id, 1, false);
  const char *spelling;

  if (text[0] != '\0' && strstr (text, "\xEF\xBF\xBD") == NULL)
    return text;
  g_free (text);
  spelling = cs_tokenizer_spelling (tokenizer, id);
  return spelling != NULL && spelling[0] != '\0' ? g_strdup (spelling)
                                                 : g_strdup_printf ("[%d]", id);
}

/* The n largest of sign · logits, first the largest, ties by id. */
static CsLensToken *
furthest (const CsTokenizer *tokenizer, const float *logits, size_t vocab, size_t n, float sign)
{
  CsLensToken *best = g_new0 (CsLensToken, MAX (n, 1));
  size_t filled = 0;

  for (size_t v = 0; v < vocab; v++)
    {
      size_t i;

      if (filled == n && !(sign * logits[v] > sign * best[n - 1].logit))
        continue;
      i = filled < n ? filled++ : n - 1;
      for (; i > 0 && sign * logits[v] > sign * best[i - 1].logit; i--)
        best[i] = best[i - 1];
      best[i] = (CsLensToken){ (int32_t)v, logits[v], NULL };
    }
  for (size_t i = 0; i < filled; i++)
    best[i].text = cs_lens_token_text (tokenizer, best[i].id);
  return best;
}

CsLens *
cs_lens_row (const CsModel *model, const CsTokenizer *tokenizer, const float *row, size_t n)
{
  const CsModelConfig *config = cs_model_config (model);
  const size_t d = config->d_model, vocab = config->vocab_size;
  CsLens *lens = g_new0 (CsLens, 1);
  g_autofree float *unit = NULL, *logits = NULL;

  lens->norm = cs_norm2 (row, d);
  if (!(lens->norm > 0) || !isfinite (lens->norm))
    return lens;
  unit = g_new (float, d);
  logits = g_new (float, vocab);
  for (size_t i = 0; i < d; i++)
    unit[i] = (float)(row[i] / lens->norm * sqrt ((double)d));
  cs_model_lens (model, unit, logits);
  lens->n = MIN (n, vocab / 2);
  lens->promoted = furthest (tokenizer, logits, vocab, lens->n, 1);
  lens->suppressed = furthest (tokenizer, logits, vocab, lens->n, -1);
  return lens;
}

CsLens *
cs_lens_latent (const CsPair *pair, const CsCrosscoder *crosscoder, size_t latent, int m, size_t n)
{
  const size_t d = crosscoder->d_model;
  g_autofree float *row = g_new (float, d);
  const float *decoder = crosscoder->decoder + (2 * latent + (size_t)m) * d;

  g_return_val_if_fail (
      latent < crosscoder->n_latents && d == cs_model_config (pair->model[m])->d_model, NULL);
  for (size_t i = 0; i < d; i++)
    row[i] = decoder[i] / crosscoder->gain[m];
  return cs_lens_row (pair->model[m], pair->tokenizer, row, n);
}

char *
cs_lens_words (const CsLensToken *tokens, size_t n)
{
  GString *words = g_string_new (NULL);

  for (size_t i = 0; i < n; i++)
    {
      g_string_append (words, i > 0 ? "  “" : "“");
      for (const char *c = tokens[i].text; *c != '\0'; c += g_utf8_skip[(guchar)*c])
        {
          const gunichar character = g_utf8_get_char (c);

          if (character == '\n')
            g_string_append (words, "↵");
          else if (character == ' ' || g_unichar_isgraph (character))
            g_string_append_unichar (words, character);
          else
            g_string_append_printf (words, "\\u{%x}", character);
        }
      g_string_append (words, "”");
    }
  return g_string_free (words, FALSE);
}

/* --- JSON --- */

static json_t *
tokens_json (const CsLensToken *tokens, size_t n)
{
  json_t *array = json_array ();

  for (size_t i = 0; i < n; i++)
    {
      g_autofree char *valid = g_utf8_make_valid (tokens[i].text, -1);

      json_array_append_new (array, json_pack ("{s:i, s:s, s:f}", "id", (int)tokens[i].id, "token",
                                               valid, "logit", (double)tokens[i].logit));
    }
  return array;
}

json_t *
cs_lens_to_json (const CsLens *lens)
{
  return json_pack ("{s:o, s:o, s:o}", "norm",
                    isfinite (lens->norm) ? json_real (lens->norm) : json_null (), "promoted",
                    tokens_json (lens->promoted, lens->n), "suppressed",
                    tokens_json (lens->suppressed, lens->n));
}

static bool
read_tokens (json_t *array, const char *name, CsLensToken *tokens, size_t n, GError **error)
{
  for (size_t i = 0; i < n; i++)
    {
      json_t *object = json_array_get (array, i), *id = json_object_get (object, "id"),
             *logit = json_object_get (object, "logit");
      const char *text = json_string_value (json_object_get (object, "token"));

      if (!json_is_integer (id) || json_integer_value (id) < 0 ||
          json_integer_value (id) > G_MAXINT32 || !json_is_number (logit) || text == NULL)
        {
          g_set_error (
              error, CS_ERROR, CS_ERROR_FORMAT,
              "%s: a token of a logit lens has no “id”, “token” and “logit”; make the file "
              "again.",
              name);
          return false;
        }
      tokens[i].id = (int32_t)json_integer_value (id);
      tokens[i].logit = (float)json_number_value (logit);
      tokens[i].text = g_strdup (text);
    }
  return true;
}

CsLens *
cs_lens_from_json (json_t *object, const char *name, GError **error)
{
  json_t *promoted = json_object_get (object, "promoted"),
         *suppressed = json_object_get (object, "suppressed");
  g_autoptr (CsLens) lens = g_new0 (CsLens, 1);

  if (!json_is_array (promoted) || !json_is_array (suppressed) ||
      json_array_size (promoted) != json_array_size (suppressed) ||
      json_array_size (promoted) > MAX_TOKENS)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s: a logit lens lacks “promoted” or “suppressed”; make the file again.", name);
      return NULL;
    }
  if (!cs_json_get_double (object, name, "norm", NAN, &lens->norm, error))
    return NULL;
  lens->n = json_array_size (promoted);
  lens->promoted = g_new0 (CsLensToken, lens->n + 1);
  lens->suppressed = g_new0 (CsLensToken, lens->n + 1);
  if (!read_tokens (promoted, name, lens->promoted, lens->n, error) ||
      !read_tokens (suppressed, name, lens->suppressed, lens->n, error))
    return NULL;
  return g_steal_pointer (&lens);
}
