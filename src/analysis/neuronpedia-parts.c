#include "neuronpedia-parts.h"

#include "lens.h"

#define LOGITS 10         /* tokens each way */
#define MAX_PRODUCTS 2e13 /* multiplications that histograms may take */
#define CHUNK 256         /* tokens encoded at a time */

/* --- Logits --- */

static void
add_tokens (json_t *feature,
            const char *strings,
            const char *values,
            const CsLensToken *tokens,
            size_t n)
{
  json_t *texts = json_array (), *logits = json_array ();
  for (size_t i = 0; i < n; i++)
    {
      json_array_append_new (texts, json_string (tokens[i].text));
      json_array_append_new (logits, json_real ((double)tokens[i].logit));
    }
  json_object_set_new (feature, strings, texts);
  json_object_set_new (feature, values, logits);
}

void
cs_neuronpedia_add_logits (json_t *feature,
                           const CsPair *pair,
                           const CsCrosscoder *crosscoder,
                           size_t latent)
{
  const bool fits = pair && crosscoder &&
                    cs_model_config (pair->model[1])->d_model == crosscoder->d_model &&
                    latent < crosscoder->n_latents;
  g_autoptr (CsLens) lens = fits ? cs_lens_latent (pair, crosscoder, latent, 1, LOGITS) : NULL;
  add_tokens (feature, "pos_str", "pos_values", lens ? lens->promoted : NULL, lens ? lens->n : 0);
  add_tokens (feature, "neg_str", "neg_values", lens ? lens->suppressed : NULL, lens ? lens->n : 0);
}

/* --- Histograms --- */

static void
count (const CsCodes *codes, const float *scales, const float *max_act, uint32_t *counts)
{
  for (size_t e = 0; e < codes->start[codes->n_tokens]; e++)
    {
      const uint32_t j = codes->latent[e];
      if (!(max_act[j] > 0))
        continue;
      const float part = cs_codes_activation (codes, e, scales) / max_act[j];
      const size_t bin = (size_t)CLAMP (part * CS_NEURONPEDIA_BINS, 0, CS_NEURONPEDIA_BINS - 1);
      counts[(size_t)j * CS_NEURONPEDIA_BINS + bin]++;
    }
}

uint32_t *
cs_neuronpedia_histograms (CsJob *job,
                           CsStore *store,
                           const CsCrosscoder *crosscoder,
                           CsTeam *team,
                           const float *max_act,
                           GError **error)
{
  const size_t F = crosscoder->n_latents, width = 2 * crosscoder->d_model;
  const double affordable = MAX_PRODUCTS / ((double)width * (double)F);
  const size_t n = (size_t)MIN ((double)cs_store_n_tokens (store), MAX (affordable, CHUNK));
  g_autofree uint32_t *counts = g_new0 (uint32_t, F * CS_NEURONPEDIA_BINS);
  g_autofree float *rows = g_new (float, CHUNK *width), *scales = g_new (float, F);
  g_auto (CsCodes) codes = { 0 };
  cs_crosscoder_scales (crosscoder, team, scales);
  for (size_t first = 0, here; first < n; first += here)
    {
      here = MIN (CHUNK, n - first);
      if (!cs_store_read (store, first, here, rows, error) ||
          !cs_crosscoder_encode (crosscoder, team, rows, here, &codes, error) ||
          (job && !cs_job_checkpoint (job, error)))
        return NULL;
      count (&codes, scales, max_act, counts);
      if (job)
        cs_job_progress (job, (double)(first + here), (double)n, "tokens");
    }
  return g_steal_pointer (&counts);
}

void
cs_neuronpedia_add_histogram (json_t *feature, const uint32_t *counts, float max_act)
{
  json_t *heights = json_array (), *values = json_array ();
  for (size_t bin = 0; counts && max_act > 0 && bin < CS_NEURONPEDIA_BINS; bin++)
    {
      json_array_append_new (heights, json_integer (counts[bin]));
      json_array_append_new (
          values, json_real ((double)max_act * ((double)bin + 0.5) / CS_NEURONPEDIA_BINS));
    }
  json_object_set_new (feature, "freq_hist_data_bar_heights", heights);
  json_object_set_new (feature, "freq_hist_data_bar_values", values);
}
