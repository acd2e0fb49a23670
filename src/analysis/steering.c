#include "steering.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "vector.h"

const char *
cs_steer_mode_name (CsSteerMode mode)
{
  static const char *const names[] = { "add", "clamp", "ablate" };

  return names[mode];
}

/* What the taps of one generation share. The steered model's block of tokens is run through the other model first, so that
 * codes of both models' residuals on the same tokens are at hand. */
typedef struct {
  CsJob *job;
  const CsCrosscoder *crosscoder;
  CsTeam *team;
  const CsSteerOptions *options;
  size_t n_prompt, d;
  float *scales;             /* [F] */
  float *ablated;            /* [n_ablated, d] orthonormal; the first n_ablated_everywhere span what is ablated at all tokens */
  size_t n_ablated, n_ablated_everywhere;
  CsSession *other;          /* NULL where no item needs codes */
  size_t block_first;        /* position of the first row of other_rows */
  float *other_rows;         /* [n, d] of the block at hand */
  size_t other_capacity;
  float *x;                  /* [n, 2, d] */
  size_t x_capacity;
  CsCodes codes;
  GError *error;             /* of a tap, which cannot return one */
  /* Streaming: */
  CsDecoder *decoder;
  GString *text;
  CsSteerTextFunc on_text;
  void *on_text_data;
} Steering;

static bool
needs_codes (const CsSteerOptions *options)
{
  for (size_t i = 0; i < options->n_items; i++)
    if (options->items[i].mode == CS_STEER_CLAMP)
      return true;
  return false;
}

static void
other_tap (void *data, size_t first_position, size_t n_rows, float *rows)
{
  Steering *s = data;

  memcpy (s->other_rows + (first_position - s->block_first) * s->d, rows, n_rows * s->d * sizeof (float));
}

static bool
before_forward (void *data, const int32_t *ids, size_t n, GError **error)
{
  Steering *s = data;

  if (!cs_job_checkpoint (s->job, error))
    return false;
  if (s->other == NULL)
    return true;
  if (n > s->other_capacity)
    {
      s->other_capacity = n;
      s->other_rows = g_renew (float, s->other_rows, n * s->d);
    }
  s->block_first = cs_session_position (s->other);
  return cs_session_forward (s->other, ids, n, s->options->layer + 1, CS_LOGITS_NONE, NULL, error);
}

static bool
encode_block (Steering *s, size_t first_position, size_t n_rows, const float *rows)
{
  const size_t d = s->d, m = (size_t) s->options->model;

  if (n_rows > s->x_capacity)
    {
      s->x_capacity = n_rows;
      s->x = g_renew (float, s->x, n_rows * 2 * d);
    }
  for (size_t r = 0; r < n_rows; r++)
    {
      const float *other = s->other_rows + (first_position - s->block_first + r) * d;

      memcpy (s->x + (2 * r + m) * d, rows + r * d, d * sizeof (float));
      memcpy (s->x + (2 * r + 1 - m) * d, other, d * sizeof (float));
    }
  return s->error == NULL && cs_crosscoder_encode (s->crosscoder, s->team, s->x, n_rows, &s->codes, &s->error);
}

/* The entry of a latent in a token's codes; SIZE_MAX where it has none. */
static size_t
entry_of (const CsCodes *codes, size_t token, size_t latent)
{
  for (size_t e = codes->start[token]; e < codes->start[token + 1]; e++)
    if (codes->latent[e] == latent)
      return e;
  return SIZE_MAX;
}

/* f of which the model is decoded. */
static float
code_of (const CsCodes *codes, size_t token, size_t latent, int model)
{
  const size_t e = entry_of (codes, token, latent);

  return e != SIZE_MAX && cs_codes_has_model (codes, e, (unsigned) model) ? codes->value[e] : 0;
}

/* Takes n orthonormal directions [n, d] out of a row. */
static void
project_out (const float *directions, size_t n, float *row, size_t d)
{
  for (size_t i = 0; i < n; i++)
    cs_axpy (-cs_dot (row, directions + i * d, d), directions + i * d, row, d);
}

/* Gram and Schmidt, one latent on top of those before it; twice, so that rounding leaves no part of them. A latent whose
 * direction lies in their span adds nothing. */
static void
add_ablated (Steering *s, size_t latent)
{
  const float *decoder = s->crosscoder->decoder + (2 * latent + (size_t) s->options->model) * s->d;
  const double whole = sqrt (cs_dot_double (decoder, decoder, s->d));
  float *direction = s->ablated + s->n_ablated * s->d;
  double left;

  memcpy (direction, decoder, s->d * sizeof (float));
  project_out (s->ablated, s->n_ablated, direction, s->d);
  project_out (s->ablated, s->n_ablated, direction, s->d);
  left = sqrt (cs_dot_double (direction, direction, s->d));
  if (!(left > 1e-4 * whole))
    return;
  for (size_t c = 0; c < s->d; c++)
    direction[c] = (float) (direction[c] / left);
  s->n_ablated++;
}

static void
gather_ablated (Steering *s)
{
  s->ablated = g_new (float, s->options->n_items * s->d);
  for (int scope = CS_STEER_ALL_TOKENS; scope <= CS_STEER_PROMPT_ONLY; scope++)
    {
      for (size_t i = 0; i < s->options->n_items; i++)
        if (s->options->items[i].mode == CS_STEER_ABLATE && s->options->items[i].scope == (CsSteerScope) scope)
          add_ablated (s, s->options->items[i].latent);
      if (scope == CS_STEER_ALL_TOKENS)
        s->n_ablated_everywhere = s->n_ablated;
    }
}

static void
steer_row (const Steering *s, const CsSteerItem *item, float f, float *row)
{
  const CsCrosscoder *cc = s->crosscoder;
  const int m = s->options->model;
  const float *direction = cc->decoder + item->latent * 2 * s->d + (size_t) m * s->d;
  const float scale = s->scales[item->latent];
  const double target = scale > 0 ? item->scale * item->max_act / scale : 0;   /* in units of f */
  const double amount = item->mode == CS_STEER_ADD ? target : target - f;

  cs_axpy ((float) (amount / cc->gain[m]), direction, row, s->d);
}

static void
steering_tap (void *data, size_t first_position, size_t n_rows, float *rows)
{
  Steering *s = data;

  if (s->other != NULL && !encode_block (s, first_position, n_rows, rows))
    return;
  for (size_t r = 0; r < n_rows; r++)
    project_out (s->ablated, first_position + r < s->n_prompt ? s->n_ablated : s->n_ablated_everywhere, rows + r * s->d, s->d);
  for (size_t i = 0; i < s->options->n_items; i++)
    {
      const CsSteerItem *item = &s->options->items[i];

      for (size_t r = 0; r < n_rows && item->mode != CS_STEER_ABLATE; r++)
        if (item->scope == CS_STEER_ALL_TOKENS || first_position + r < s->n_prompt)
          steer_row (s, item, s->other != NULL ? code_of (&s->codes, r, item->latent, s->options->model) : 0, rows + r * s->d);
    }
}

static bool
on_token (void *data, int32_t id)
{
  Steering *s = data;
  g_autofree char *text = cs_decoder_feed (s->decoder, id);

  g_string_append (s->text, text);
  return s->error == NULL && (s->on_text == NULL || s->on_text (s->on_text_data, text, id));
}

static bool
check_items (const CsCrosscoder *cc, const CsPair *pair, const CsSteerOptions *options, GError **error)
{
  const CsModelConfig *config = cs_model_config (pair->model[options->model]);

  if (options->n_items == 0)
    return true;
  if (cc->d_model != config->d_model)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The crosscoder has d_model %zu but the models have %zu: open the pair that it was trained on.",
                   cc->d_model, config->d_model);
      return false;
    }
  if (options->layer >= config->n_layers)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "There is no layer %zu: the models have layers 0 to %zu.",
                   options->layer, config->n_layers - 1);
      return false;
    }
  for (size_t i = 0; i < options->n_items; i++)
    if (options->items[i].latent >= cc->n_latents ||
        (options->items[i].mode != CS_STEER_ABLATE && !isfinite (options->items[i].scale * options->items[i].max_act)))
      {
        g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                     "Latent %zu cannot be steered: the crosscoder has latents 0 to %zu, and scales have to be finite.",
                     options->items[i].latent, cc->n_latents - 1);
        return false;
      }
  return true;
}

static void
steering_init (Steering *s, const CsPair *pair, const int32_t *prompt, size_t n_prompt)
{
  CsTap tap = { s->options->layer + 1, other_tap, s };

  s->n_prompt = n_prompt;
  s->decoder = cs_decoder_new (pair->tokenizer, true);
  s->text = g_string_new (NULL);
  if (s->options->n_items == 0)
    return;
  s->d = s->crosscoder->d_model;
  s->scales = g_new (float, s->crosscoder->n_latents);
  cs_crosscoder_scales (s->crosscoder, s->team, s->scales);
  gather_ablated (s);
  if (!needs_codes (s->options))
    return;
  s->other = cs_session_new (pair->model[1 - s->options->model], s->team, n_prompt + s->options->sampling.max_tokens + 1);
  cs_session_set_taps (s->other, &tap, 1);
}

static void
steering_clear (Steering *s)
{
  g_clear_pointer (&s->other, cs_session_free);
  g_clear_pointer (&s->decoder, cs_decoder_free);
  cs_codes_clear (&s->codes);
  g_free (s->scales);
  g_free (s->ablated);
  g_free (s->other_rows);
  g_free (s->x);
  g_clear_error (&s->error);
}

char *
cs_steer_generate (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team,
                   const CsSteerOptions *options, const int32_t *prompt, size_t n_prompt, CsSteerTextFunc on_text,
                   void *data, GArray *out_ids, GError **error)
{
  Steering s = { .job = job, .crosscoder = crosscoder, .team = team, .options = options, .on_text = on_text,
                 .on_text_data = data };
  CsTap tap = { options->layer + 1, steering_tap, &s };
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (CsSession) session = NULL;
  g_autofree char *rest = NULL;
  bool ok;

  if (!check_items (crosscoder, pair, options, error))
    return NULL;
  steering_init (&s, pair, prompt, n_prompt);
  session = cs_session_new (pair->model[options->model], team, n_prompt + options->sampling.max_tokens + 1);
  if (options->n_items > 0)
    cs_session_set_taps (session, &tap, 1);
  ok = cs_generate (session, prompt, n_prompt, &options->sampling, before_forward, on_token, &s, ids, error);
  if (ok && s.error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&s.error));
      ok = false;
    }
  rest = cs_decoder_finish (s.decoder);
  g_string_append (s.text, rest);
  if (ok && on_text != NULL && *rest != '\0')
    on_text (data, rest, -1);
  if (ok && out_ids != NULL)
    g_array_append_vals (out_ids, ids->data, ids->len);
  steering_clear (&s);
  return g_string_free (s.text, !ok);
}

bool
cs_steer_logits (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, const CsSteerOptions *options,
                 const int32_t *ids, size_t n_prompt, size_t n, float *logits, GError **error)
{
  CsSteerOptions whole = *options;
  Steering s = { .job = job, .crosscoder = crosscoder, .team = team, .options = &whole };
  CsTap tap = { options->layer + 1, steering_tap, &s };
  g_autoptr (CsSession) session = NULL;
  const size_t n_blocks = cs_model_config (pair->model[options->model])->n_layers, first = n_prompt - 1;
  bool ok;

  g_return_val_if_fail (n_prompt >= 1 && n_prompt <= n, false);
  if (n == n_prompt)
    return true;
  if (!check_items (crosscoder, pair, options, error))
    return false;
  whole.sampling.max_tokens = n - n_prompt;
  steering_init (&s, pair, ids, n_prompt);
  session = cs_session_new (pair->model[options->model], team, n);
  if (options->n_items > 0)
    cs_session_set_taps (session, &tap, 1);
  /* Logits from the prompt's last id on; the text's last id predicts nothing that is asked for. */
  ok = (first == 0 || (before_forward (&s, ids, first, error)
                       && cs_session_forward (session, ids, first, n_blocks, CS_LOGITS_NONE, NULL, error)))
       && before_forward (&s, ids + first, n - n_prompt, error)
       && cs_session_forward (session, ids + first, n - n_prompt, n_blocks, CS_LOGITS_ALL, logits, error);
  if (ok && s.error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&s.error));
      ok = false;
    }
  g_string_free (s.text, TRUE);
  steering_clear (&s);
  return ok;
}

bool
cs_steer_prompt (const CsPair *pair, const char *text, bool chat, GArray *ids, GArray *kinds, GError **error)
{
  g_autofree char *role = g_strdup ("user"), *content = g_strdup (text);
  CsMessage message = { role, content };
  g_autoptr (CsRendering) rendering = NULL;
  const guint first = ids->len;

  if (!chat)
    {
      cs_tokenizer_encode (pair->tokenizer, text, strlen (text), true, ids, NULL);
      for (guint i = first; kinds != NULL && i < ids->len; i++)
        {
          uint8_t kind = g_array_index (ids, int32_t, i) == cs_tokenizer_bos_id (pair->tokenizer) ? CS_TOKEN_BOS
                                                                                                 : CS_TOKEN_CONTENT_USER;
          g_array_append_val (kinds, kind);
        }
      return true;
    }
  if (pair->chat == NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                           "The chat model has no chat template that this version knows: use a raw prompt.");
      return false;
    }
  rendering = cs_chat_render (pair->chat, pair->tokenizer, &message, 1, true, error);
  if (rendering == NULL)
    return false;
  g_array_append_vals (ids, rendering->ids->data, rendering->ids->len);
  if (kinds != NULL)
    g_array_append_vals (kinds, rendering->kinds->data, rendering->kinds->len);
  return true;
}

/* Codes of a text's tokens. */
static bool
encode_text (const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, size_t layer, const int32_t *ids, size_t n,
             CsCodes *codes, GError **error)
{
  g_autofree float *rows = g_new (float, MAX (n, 1) * 2 * cs_model_config (pair->model[0])->d_model);

  if (cs_model_config (pair->model[0])->d_model != crosscoder->d_model)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The crosscoder has d_model %zu but the models have %zu: open the pair that it was trained on.",
                   crosscoder->d_model, cs_model_config (pair->model[0])->d_model);
      return false;
    }
  return cs_pair_residuals (pair, team, layer, ids, n, rows, error) &&
         cs_crosscoder_encode (crosscoder, team, rows, n, codes, error);
}

bool
cs_steer_activations (const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, size_t layer, const int32_t *ids,
                      size_t n, const size_t *latents, size_t n_latents, float *values, GError **error)
{
  g_autofree float *scales = g_new (float, crosscoder->n_latents);
  g_auto (CsCodes) codes = { 0 };

  for (size_t i = 0; i < n_latents; i++)
    if (latents[i] >= crosscoder->n_latents)
      {
        g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "There is no latent %zu: the crosscoder has latents 0 to %zu.",
                     latents[i], crosscoder->n_latents - 1);
        return false;
      }
  if (!encode_text (pair, crosscoder, team, layer, ids, n, &codes, error))
    return false;
  cs_crosscoder_scales (crosscoder, team, scales);
  for (size_t t = 0; t < n; t++)
    for (size_t i = 0; i < n_latents; i++)
      {
        const size_t e = entry_of (&codes, t, latents[i]);

        values[t * n_latents + i] = e != SIZE_MAX ? cs_codes_activation (&codes, e, scales) : 0;
      }
  return true;
}

static int
strongest_first (const void *a, const void *b)
{
  const CsFiringLatent *x = a, *y = b;

  if (x->activation != y->activation)
    return x->activation > y->activation ? -1 : 1;
  return x->latent < y->latent ? -1 : x->latent > y->latent;
}

/* ‖d_chat − d_base‖ in raw space. */
static double
decoder_difference (const CsCrosscoder *cc, size_t latent)
{
  const float *row = cc->decoder + latent * 2 * cc->d_model;
  double sum = 0;

  for (size_t i = 0; i < cc->d_model; i++)
    {
      double difference = row[cc->d_model + i] / cc->gain[1] - row[i] / cc->gain[0];
      sum += difference * difference;
    }
  return sqrt (sum);
}

GArray *
cs_steer_firing (const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, size_t layer, const int32_t *ids,
                 size_t n, size_t position, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (CsFiringLatent));
  g_autofree float *scales = g_new (float, crosscoder->n_latents);
  g_auto (CsCodes) codes = { 0 };

  g_return_val_if_fail (position < n, NULL);
  if (!encode_text (pair, crosscoder, team, layer, ids, n, &codes, error))
    return NULL;
  cs_crosscoder_scales (crosscoder, team, scales);
  for (size_t e = codes.start[position]; e < codes.start[position + 1]; e++)
    {
      size_t j = codes.latent[e];
      CsFiringLatent firing = { j, cs_codes_activation (&codes, e, scales), (float) (codes.value[e] * decoder_difference (crosscoder, j)) };

      g_array_append_val (list, firing);
    }
  g_array_sort (list, strongest_first);
  return g_steal_pointer (&list);
}
