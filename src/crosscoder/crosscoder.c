#include "crosscoder-private.h"

#include <math.h>
#include <sys/mman.h>

#include "errors.h"
#include "vector.h"

/* Far beyond any published crosscoder; keeps every product of sizes well inside size_t. */
#define MAX_D_MODEL ((size_t)1 << 20)
#define MAX_LATENTS ((size_t)1 << 28)
#define HUGE_WEIGHTS ((size_t)1 << 26) /* bytes */

static const char *const variant_names[] = { "l1", "topk", "batchtopk" };

const char *
cs_variant_name (CsVariant variant)
{
  return variant_names[variant];
}

bool
cs_variant_parse (const char *name, CsVariant *variant)
{
  for (unsigned i = 0; i < G_N_ELEMENTS (variant_names); i++)
    if (g_strcmp0 (name, variant_names[i]) == 0)
      {
        *variant = (CsVariant)i;
        return true;
      }
  return false;
}

/* Zeros; in huge pages where the system has them: a crosscoder of gigabytes is filled several times faster so. */
static float *
new_weights (size_t n)
{
  float *weights = g_try_new0 (float, n);
  const uintptr_t page = 4096, first = ((uintptr_t)weights + page - 1) / page * page;
  const uintptr_t end = ((uintptr_t)weights + n * sizeof (float)) / page * page;
  if (weights && n * sizeof (float) >= HUGE_WEIGHTS &&
      madvise ((void *)first, end - first, MADV_HUGEPAGE) != 0)
    g_debug ("Weights lie in small pages.");
  return weights;
}

CsCrosscoder *
cs_crosscoder_new (size_t d_model, size_t n_latents, CsVariant variant, GError **error)
{
  if (d_model == 0 || d_model > MAX_D_MODEL || n_latents == 0 || n_latents > MAX_LATENTS)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "A crosscoder of width %zu with %zu latents cannot be made: both have to be at "
                   "least 1, and at most %zu and %zu.",
                   d_model, n_latents, MAX_D_MODEL, MAX_LATENTS);
      return NULL;
    }
  g_autoptr (CsCrosscoder) crosscoder = g_new0 (CsCrosscoder, 1);
  crosscoder->d_model = d_model;
  crosscoder->n_latents = n_latents;
  crosscoder->variant = variant;
  crosscoder->code_norm = CS_CODE_NORM_CROSSCODER;
  crosscoder->threshold = crosscoder->model_threshold[0] = crosscoder->model_threshold[1] = -1;
  crosscoder->mixed[0] = 1;
  crosscoder->mixed[1] = 0.1f;
  crosscoder->folded[0] = crosscoder->folded[1] = 1;
  crosscoder->gain[0] = crosscoder->gain[1] = 1;
  crosscoder->target_rms = 1;
  crosscoder->encoder = new_weights (n_latents * 2 * d_model);
  crosscoder->decoder = new_weights (n_latents * 2 * d_model);
  crosscoder->encoder_bias = g_try_new0 (float, n_latents);
  crosscoder->decoder_bias = g_try_new0 (float, 2 * d_model);
  if (!crosscoder->encoder || !crosscoder->decoder || !crosscoder->encoder_bias ||
      !crosscoder->decoder_bias)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "A crosscoder of width %zu with %zu latents does not fit in memory: use fewer "
                   "latents.",
                   d_model, n_latents);
      return NULL;
    }
  return g_steal_pointer (&crosscoder);
}

void
cs_crosscoder_free (CsCrosscoder *crosscoder)
{
  if (!crosscoder)
    return;
  g_free (crosscoder->encoder);
  g_free (crosscoder->decoder);
  g_free (crosscoder->encoder_bias);
  g_free (crosscoder->decoder_bias);
  g_free (crosscoder->mean);
  g_free (crosscoder->std);
  g_free (crosscoder);
}

double
cs_norm_ratio (double base_norm, double chat_norm)
{
  return 0.5 * (1 + (chat_norm - base_norm) / fmax (chat_norm, base_norm));
}

double
cs_crosscoder_norm_ratio (const CsCrosscoder *crosscoder, double base_norm, double chat_norm)
{
  return cs_norm_ratio (base_norm * (double)crosscoder->folded[0],
                        chat_norm * (double)crosscoder->folded[1]);
}

float
cs_crosscoder_scale (CsCodeNorm code_norm, double base_norm, double chat_norm)
{
  const double both = sqrt (base_norm * base_norm + chat_norm * chat_norm);
  switch (code_norm)
    {
    case CS_CODE_NORM_SAE:
      return (float)both;
    case CS_CODE_NORM_MIXED:
      return (float)(both + 0.1 * (base_norm + chat_norm));
    case CS_CODE_NORM_NONE:
      return 1;
    case CS_CODE_NORM_CROSSCODER:
    case CS_CODE_NORM_DECOUPLED:
    default:
      return (float)(base_norm + chat_norm);
    }
}

float
cs_crosscoder_latent_scale (const CsCrosscoder *crosscoder, double base_norm, double chat_norm)
{
  if (crosscoder->code_norm != CS_CODE_NORM_MIXED)
    return cs_crosscoder_scale (crosscoder->code_norm, base_norm, chat_norm);
  const double both = sqrt (base_norm * base_norm + chat_norm * chat_norm);
  return (float)((double)crosscoder->mixed[0] * both +
                 (double)crosscoder->mixed[1] * (base_norm + chat_norm));
}

typedef struct
{
  const CsCrosscoder *crosscoder;
  double *norms;
} NormsTask;

static void
norms_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const NormsTask *task = data;
  const size_t d = task->crosscoder->d_model;
  for (size_t row = begin * 2; row < end * 2; row++)
    task->norms[row] = cs_norm2 (task->crosscoder->decoder + row * d, d);
}

void
cs_crosscoder_norms (const CsCrosscoder *crosscoder, CsTeam *team, double *norms)
{
  NormsTask task = { crosscoder, norms };
  cs_team_run (team, crosscoder->n_latents, norms_range, &task);
}

void
cs_crosscoder_scales (const CsCrosscoder *crosscoder, CsTeam *team, float *scales)
{
  g_autofree double *norms = g_new (double, crosscoder->n_latents * 2);
  cs_crosscoder_norms (crosscoder, team, norms);
  for (size_t j = 0; j < crosscoder->n_latents; j++)
    scales[j] = cs_crosscoder_latent_scale (crosscoder, norms[2 * j], norms[2 * j + 1]);
}

void
cs_crosscoder_normalise (const CsCrosscoder *crosscoder, const float *x, size_t n, float *out)
{
  const size_t d = crosscoder->d_model;
  for (size_t row = 0; row < 2 * n; row++)
    {
      const float *mean = crosscoder->mean + (row % 2) * d;
      const float gain = crosscoder->gain[row % 2];
      for (size_t i = 0; i < d; i++)
        out[row * d + i] = (x[row * d + i] - mean[i]) * gain;
    }
}

bool
cs_crosscoder_set_moments (CsCrosscoder *crosscoder,
                           const double *mean,
                           const double *std,
                           double target_rms,
                           GError **error)
{
  const size_t d = crosscoder->d_model;
  g_autofree float *mean32 = g_new (float, 2 * d), *std32 = g_new (float, 2 * d);
  double sum[2] = { 0, 0 };
  for (size_t i = 0; i < 2 * d; i++)
    {
      sum[i / d] += std[i] * std[i];
      mean32[i] = (float)mean[i];
      std32[i] = (float)std[i];
    }
  for (unsigned m = 0; m < 2; m++)
    {
      crosscoder->gain[m] = (float)(target_rms / sqrt (sum[m] + 1e-8));
      if (!isfinite (crosscoder->gain[m]) || crosscoder->gain[m] <= 0)
        {
          g_set_error (
              error, CS_ERROR, CS_ERROR_NUMERIC,
              "The activations of the %s model cannot be normalised to an RMS of %g: train "
              "without normalisation.",
              m ? "chat" : "base", target_rms);
          return false;
        }
    }
  g_free (crosscoder->mean);
  g_free (crosscoder->std);
  crosscoder->mean = g_steal_pointer (&mean32);
  crosscoder->std = g_steal_pointer (&std32);
  crosscoder->target_rms = (float)target_rms;
  crosscoder->normalised = true;
  return true;
}
