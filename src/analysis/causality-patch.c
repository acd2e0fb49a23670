/* The rows that are put in the place of the stream. */
#include "causality-private.h"

#include <math.h>
#include <string.h>

#include "vector.h"

/* sign · f · d_m of an entry in raw space: where the crosscoder normalises, decoder rows are divided
 * by the model's gain. Where each model keeps codes of its own, f is 0 for one that has not the
 * entry. */
static void
add_part (const CsCrosscoder *cc, const CsCodes *codes, size_t e, unsigned m, float sign, float *row)
{
  const float *decoder = cc->decoder + ((size_t)codes->latent[e] * 2 + m) * cc->d_model;

  if (cs_codes_has_model (codes, e, m))
    cs_axpy (sign * codes->value[e] / cc->gain[m], decoder, row, cc->d_model);
}

static void
patch_latents (const CsCrosscoder *cc,
               const CsLatentSets *sets,
               const CsPatchArm *arm,
               const CsCodes *codes,
               size_t t,
               float *row)
{
  const uint32_t bit = (uint32_t)1 << arm->set;

  for (size_t e = codes->start[t]; e < codes->start[t + 1]; e++)
    {
      const size_t j = codes->latent[e];

      if (!(sets->member[j] & bit))
        continue;
      add_part (cc, codes, e, 1, arm->start == 0 ? 1 : -1, row);
      if (arm->kind != PATCH_ADD)
        add_part (cc, codes, e, 0, arm->start == 0 ? -1 : 1, row);
    }
}

void
cs_patch_rows (const CsCrosscoder *crosscoder,
               const CsLatentSets *sets,
               const CsPatchArm *arm,
               const CsConversation *conversation,
               const float *rows,
               const CsCodes *codes,
               float *out)
{
  const size_t d = crosscoder->d_model;

  for (size_t t = 0; t < conversation->n; t++)
    {
      const bool other = arm->kind == PATCH_TEMPLATE && conversation->turns[t].is_template;
      const size_t from = (size_t)(other ? 1 - arm->start : arm->start);

      memcpy (out + t * d, rows + (2 * t + from) * d, d * sizeof *out);
      if (arm->kind == PATCH_LATENTS || arm->kind == PATCH_ADD)
        patch_latents (crosscoder, sets, arm, codes, t, out + t * d);
    }
}

double
cs_patch_identity (const CsCrosscoder *crosscoder,
                   const float *rows,
                   const CsCodes *codes,
                   const float *patched,
                   size_t n)
{
  const size_t d = crosscoder->d_model;
  g_autofree float *reconstruction = g_new (float, n * 2 * d), *bias = g_new (float, 2 * d);
  size_t nothing[2] = { 0, 0 };
  const CsCodes silent = { .n_tokens = 1, .start = nothing };
  double worst = 0;

  cs_crosscoder_decode (crosscoder, NULL, codes, reconstruction);
  cs_crosscoder_decode (crosscoder, NULL, &silent, bias);
  for (size_t t = 0; t < n; t++)
    {
      const float *h = rows + 2 * t * d, *r = reconstruction + 2 * t * d;
      double off = 0, size = 0;

      for (size_t i = 0; i < d; i++)
        {
          const double expected =
              (double)h[i] - r[i] + r[d + i] - ((double)bias[d + i] - (double)bias[i]);
          const double error = patched[t * d + i] - expected;

          off += error * error;
          size += (double)h[i] * h[i] + (double)r[i] * r[i] + (double)r[d + i] * r[d + i];
        }
      if (size > 0)
        worst = MAX (worst, sqrt (off / size));
    }
  return worst;
}
