#include "prompt-firing.h"

#include <math.h>

#include "errors.h"

/* ‖d_chat − d_base‖ in raw space. */
static double
decoder_difference (const CsCrosscoder *cc, size_t latent)
{
  const float *row = cc->decoder + latent * 2 * cc->d_model;
  double sum = 0;

  for (size_t i = 0; i < cc->d_model; i++)
    {
      const double difference = row[cc->d_model + i] / cc->gain[1] - row[i] / cc->gain[0];
      sum += difference * difference;
    }
  return sqrt (sum);
}

static bool
encode (const CsPair *pair, const CsCrosscoder *cc, CsTeam *team, size_t layer, const int32_t *ids, size_t n, CsCodes *codes,
        GError **error)
{
  const CsModelConfig *config = cs_model_config (pair->model[0]);
  g_autofree float *rows = NULL;

  if (config->d_model != cc->d_model || layer >= config->n_layers)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The crosscoder has d_model %zu and is of layer %zu, the models have d_model %zu and %zu layers: open the "
                   "pair that it was trained on.",
                   cc->d_model, layer, config->d_model, config->n_layers);
      return false;
    }
  rows = g_new (float, n * 2 * cc->d_model);
  return cs_pair_residuals (pair, team, layer, ids, n, rows, error) && cs_crosscoder_encode (cc, team, rows, n, codes, error);
}

/* The element of a latent, made where there is none. index: [F] places in list plus 1. */
static CsPromptFiring *
element_of (GArray *list, uint32_t *index, size_t latent)
{
  if (index[latent] == 0)
    {
      const CsPromptFiring firing = { .latent = latent };

      g_array_append_val (list, firing);
      index[latent] = list->len;
    }
  return &g_array_index (list, CsPromptFiring, index[latent] - 1);
}

static int
by_latent (const void *a, const void *b)
{
  const CsPromptFiring *x = a, *y = b;

  return (x->latent > y->latent) - (x->latent < y->latent);
}

GArray *
cs_prompt_firing (const CsPair *pair, const CsCrosscoder *crosscoder, CsTeam *team, size_t layer, const int32_t *ids,
                  const uint8_t *kinds, size_t n, size_t first, size_t end, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (CsPromptFiring));
  g_autofree float *scales = g_new (float, crosscoder->n_latents);
  g_autofree uint32_t *index = g_new0 (uint32_t, crosscoder->n_latents);
  g_auto (CsCodes) codes = { 0 };

  g_return_val_if_fail (first <= end && end <= n, NULL);
  if (end == 0)
    return g_steal_pointer (&list);
  /* The models read from left to right: what follows changes nothing. */
  if (!encode (pair, crosscoder, team, layer, ids, end, &codes, error))
    return NULL;
  cs_crosscoder_scales (crosscoder, team, scales);
  for (size_t t = first; t < end; t++)
    for (size_t e = codes.start[t]; e < codes.start[t + 1] && (kinds == NULL || kinds[t] != CS_TOKEN_BOS); e++)
      {
        CsPromptFiring *firing = element_of (list, index, codes.latent[e]);
        const float v = cs_codes_activation (&codes, e, scales);
        const float difference = (float) (codes.value[e] * decoder_difference (crosscoder, codes.latent[e]));

        if (v > firing->activation)
          firing->activation = v, firing->activation_position = t;
        if (difference > firing->difference)
          firing->difference = difference, firing->difference_position = t;
      }
  g_array_sort (list, by_latent);
  return g_steal_pointer (&list);
}

float
cs_prompt_firing_value (const CsPromptFiring *firing, CsFiringRank rank)
{
  return rank == CS_FIRING_BY_ACTIVATION ? firing->activation : firing->difference;
}

size_t
cs_prompt_firing_position (const CsPromptFiring *firing, CsFiringRank rank)
{
  return rank == CS_FIRING_BY_ACTIVATION ? firing->activation_position : firing->difference_position;
}

static int
by_value (const void *a, const void *b, void *data)
{
  const CsFiringRank rank = *(CsFiringRank *) data;
  const float x = cs_prompt_firing_value (a, rank), y = cs_prompt_firing_value (b, rank);

  return x != y ? (x > y ? -1 : 1) : by_latent (a, b);
}

void
cs_prompt_firing_sort (GArray *list, CsFiringRank rank)
{
  g_array_sort_with_data (list, by_value, &rank);
}
