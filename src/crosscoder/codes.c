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
  codes->n_tokens = codes->capacity = 0;
}

static bool
can_encode (const CsCrosscoder *crosscoder, GError **error)
{
  if (crosscoder->code_norm == CS_CODE_NORM_DECOUPLED)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                           "This crosscoder scores each model by itself (code normalisation "
                           "DECOUPLED), which can be read and written but not applied here.");
      return false;
    }
  if (crosscoder->variant == CS_VARIANT_BATCHTOPK && crosscoder->threshold < 0)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           "The threshold of this BatchTopK crosscoder was never set: train it for "
                           "longer or calibrate it on held-out activations first.");
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
    }
  if (n > 0)
    {
      memcpy (codes->latent + at, chunk->latent, n * sizeof (uint32_t));
      memcpy (codes->value + at, chunk->value, n * sizeof (float));
    }
  for (size_t t = 1; t <= chunk->n_tokens; t++)
    codes->start[first + t] = at + chunk->start[t];
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
  cs_crosscoder_scales (crosscoder, team, scales);
  cs_codes_reserve (codes, n, 0);
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
        cs_axpy (task->codes->value[i], crosscoder->decoder + task->codes->latent[i] * width, row,
                 width);
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
