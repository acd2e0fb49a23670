/* Inference: sparse codes of tokens and back. */
#include <math.h>
#include <string.h>

#include "blas.h"
#include "crosscoder-private.h"
#include "errors.h"
#include "select.h"
#include "vector.h"

#define CHUNK_ELEMENTS ((size_t)1 << 23) /* pre-activations held at a time: 32 MiB */

void
cs_codes_clear (CsCodes *codes)
{
  g_clear_pointer (&codes->start, g_free);
  g_clear_pointer (&codes->latent, g_free);
  g_clear_pointer (&codes->value, g_free);
  g_clear_pointer (&codes->models, g_free);
  g_clear_pointer (&codes->v, g_free);
  codes->n_tokens = codes->capacity = 0;
}

static bool
can_encode (const CsCrosscoder *crosscoder, GError **error)
{
  if (crosscoder->code_norm == CS_CODE_NORM_DECOUPLED && crosscoder->variant == CS_VARIANT_TOPK)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                           "This TopK crosscoder scores each model by itself (code normalisation "
                           "DECOUPLED), which is known for L1 and BatchTopK crosscoders only.");
      return false;
    }
  if (crosscoder->variant == CS_VARIANT_BATCHTOPK && crosscoder->threshold < 0)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           "The threshold of this BatchTopK crosscoder was never set: calibrate it on "
                           "harvested activations (Calibrate Its Threshold in the run's menu, or "
                           "crosscope-cli validate RUN --activations F.h5 --calibrate), or train it for longer.");
      return false;
    }
  return true;
}

/* Appends the codes of a chunk to those of the tokens before it. */
static void
append (CsCodes *codes, size_t first, const CsCodes *chunk)
{
  const size_t n = chunk->start[chunk->n_tokens], at = codes->start[first];
  if (at + n > codes->capacity)
    {
      codes->capacity = MAX (at + n, codes->capacity * 2);
      codes->latent = g_renew (uint32_t, codes->latent, codes->capacity);
      codes->value = g_renew (float, codes->value, codes->capacity);
      if (chunk->models)
        {
          codes->models = g_renew (uint8_t, codes->models, codes->capacity);
          codes->v = g_renew (float, codes->v, codes->capacity);
        }
    }
  if (n > 0)
    {
      memcpy (codes->latent + at, chunk->latent, n * sizeof (uint32_t));
      memcpy (codes->value + at, chunk->value, n * sizeof (float));
      if (chunk->models)
        {
          memcpy (codes->models + at, chunk->models, n);
          memcpy (codes->v + at, chunk->v, n * sizeof (float));
        }
    }
  for (size_t t = 1; t <= chunk->n_tokens; t++)
    codes->start[first + t] = at + chunk->start[t];
}

/* DECOUPLED and BatchTopK: each model keeps what is above its own θ; an entry is there where either
 * does. */
static bool
is_decoupled (const CsCrosscoder *crosscoder)
{
  return crosscoder->code_norm == CS_CODE_NORM_DECOUPLED &&
         crosscoder->variant == CS_VARIANT_BATCHTOPK;
}

/* Both models' entries of a token, in order of latent, as one list. */
static void
merge_token (const CsCodes *const *of, size_t t, float *const *norms, CsCodes *out)
{
  size_t at[2] = { of[0]->start[t], of[1]->start[t] }, n = out->start[t];
  while (at[0] < of[0]->start[t + 1] || at[1] < of[1]->start[t + 1])
    {
      uint32_t next = UINT32_MAX;
      for (unsigned m = 0; m < 2; m++)
        if (at[m] < of[m]->start[t + 1])
          next = MIN (next, of[m]->latent[at[m]]);
      out->latent[n] = next;
      out->models[n] = 0;
      out->v[n] = 0;
      for (unsigned m = 0; m < 2; m++)
        if (at[m] < of[m]->start[t + 1] && of[m]->latent[at[m]] == next)
          {
            out->value[n] = of[m]->value[at[m]++];
            out->models[n] |= (uint8_t)(1 << m);
            out->v[n] += out->value[n] * norms[m][next];
          }
      n++;
    }
  out->start[t + 1] = n;
}

static void
select_decoupled (const CsCrosscoder *crosscoder,
                  CsSelector *selector,
                  const CsPreActivations *in,
                  float *const *norms,
                  CsCodes *out)
{
  g_auto (CsCodes) base = { 0 }, chat = { 0 };
  CsPreActivations of = *in;
  of.scale = norms[0];
  cs_select_above (selector, &of, crosscoder->model_threshold[0], &base);
  of.scale = norms[1];
  cs_select_above (selector, &of, crosscoder->model_threshold[1], &chat);
  const size_t n = base.start[in->n] + chat.start[in->n];
  cs_codes_reserve (out, in->n, n);
  out->models = g_renew (uint8_t, out->models, MAX (out->capacity, 1));
  out->v = g_renew (float, out->v, MAX (out->capacity, 1));
  out->start[0] = 0;
  for (size_t t = 0; t < in->n; t++)
    merge_token ((const CsCodes *const[]){ &base, &chat }, t, norms, out);
}

/* ‖d_j^m‖ as one array a model, [2 · F] with that of the chat model behind. */
static float *
model_norms (const CsCrosscoder *crosscoder, CsTeam *team)
{
  const size_t F = crosscoder->n_latents;
  g_autofree double *norms = g_new (double, 2 * F);
  float *out = g_new (float, 2 * F);
  cs_crosscoder_norms (crosscoder, team, norms);
  for (size_t j = 0; j < F; j++)
    {
      out[j] = (float)norms[2 * j];
      out[F + j] = (float)norms[2 * j + 1];
    }
  return out;
}

static void
select_codes (const CsCrosscoder *crosscoder,
              CsSelector *selector,
              const CsPreActivations *in,
              CsCodes *codes)
{
  if (crosscoder->variant == CS_VARIANT_L1)
    cs_select_above (selector, in, 0, codes);
  else if (crosscoder->variant == CS_VARIANT_TOPK)
    cs_select_top_each (selector, in, NULL, 0, crosscoder->k, codes);
  else
    cs_select_above (selector, in, crosscoder->threshold, codes);
}

bool
cs_crosscoder_encode (const CsCrosscoder *crosscoder,
                      CsTeam *team,
                      const float *x,
                      size_t n,
                      CsCodes *codes,
                      GError **error)
{
  if (!can_encode (crosscoder, error))
    return false;
  const size_t F = crosscoder->n_latents, width = 2 * crosscoder->d_model;
  const size_t chunk = MAX (1, MIN (n, CHUNK_ELEMENTS / F));
  g_autoptr (CsSelector) selector = cs_selector_new (team);
  g_auto (CsCodes) part = { 0 };
  g_autofree float *pre = g_new (float, chunk *F);
  g_autofree float *scales = g_new (float, F);
  g_autofree float *rows = crosscoder->normalised ? g_new (float, chunk *width) : NULL;
  g_autofree float *norms = is_decoupled (crosscoder) ? model_norms (crosscoder, team) : NULL;
  cs_crosscoder_scales (crosscoder, team, scales);
  cs_codes_reserve (codes, n, 0);
  g_clear_pointer (&codes->models, g_free);
  g_clear_pointer (&codes->v, g_free);
  if (norms)
    {
      codes->models = g_new (uint8_t, MAX (codes->capacity, 1));
      codes->v = g_new (float, MAX (codes->capacity, 1));
    }
  codes->start[0] = 0;
  for (size_t first = 0; first < n; first += chunk)
    {
      const size_t here = MIN (chunk, n - first);
      const float *from = x + first * width;
      if (rows)
        {
          cs_crosscoder_normalise (crosscoder, from, here, rows);
          from = rows;
        }
      cs_gemm (team, false, true, here, F, width, 1, from, width, crosscoder->encoder, width, 0,
               pre, F);
      const CsPreActivations in = { pre, crosscoder->encoder_bias,
                                    crosscoder->variant == CS_VARIANT_L1 ? NULL : scales, here, F };
      if (norms)
        select_decoupled (crosscoder, selector, &in, (float *const[]){ norms, norms + F }, &part);
      else
        select_codes (crosscoder, selector, &in, &part);
      append (codes, first, &part);
    }
  return true;
}

typedef struct
{
  const CsCrosscoder *crosscoder;
  const CsCodes *codes;
  float *out;
} DecodeTask;

static void
denormalise_row (const CsCrosscoder *crosscoder, float *row)
{
  const size_t d = crosscoder->d_model;
  for (size_t i = 0; i < 2 * d; i++)
    row[i] = row[i] / (crosscoder->gain[i / d] + 1e-8f) + crosscoder->mean[i];
}

static void
decode_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const DecodeTask *task = data;
  const CsCrosscoder *crosscoder = task->crosscoder;
  const size_t width = 2 * crosscoder->d_model;
  for (size_t t = begin; t < end; t++)
    {
      float *row = task->out + t * width;
      memcpy (row, crosscoder->decoder_bias, width * sizeof (float));
      for (size_t i = task->codes->start[t]; i < task->codes->start[t + 1]; i++)
        {
          const float *latent = crosscoder->decoder + task->codes->latent[i] * width;
          const bool base = cs_codes_has_model (task->codes, i, 0);
          if (base && cs_codes_has_model (task->codes, i, 1))
            cs_axpy (task->codes->value[i], latent, row, width);
          else
            cs_axpy (task->codes->value[i], latent + (base ? 0 : width / 2),
                     row + (base ? 0 : width / 2), width / 2);
        }
      if (crosscoder->normalised)
        denormalise_row (crosscoder, row);
    }
}

void
cs_crosscoder_decode (const CsCrosscoder *crosscoder,
                      CsTeam *team,
                      const CsCodes *codes,
                      float *out)
{
  DecodeTask task = { crosscoder, codes, out };
  cs_team_run (team, codes->n_tokens, decode_range, &task);
}
