/* Any bytes as truth.json and as summary.json: refused with a sentence, or all that a score needs.
 */
#include <math.h>
#include <string.h>

#include "fuzz-file.h"
#include "planted-score.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

/* Scores a crosscoder of one latent, along the first axis, against the truth. */
static void
use_truth (const CsPlantedTruth *truth)
{
  const size_t d = truth->settings.d_model;
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_new (d, 1, CS_VARIANT_L1, NULL);
  CsLatentRow row = { .tag = CS_LATENT_CHAT_ONLY, .delta_norm = 1, .dec_chat_norm = 1 };
  const CsLatents latents = { .n_latents = 1, .rows = &row };
  double value[CS_PLANTED_N_METRICS];

  for (size_t i = 0; i < truth->n_features; i++)
    {
      const CsPlantedFeature *f = &truth->features[i];

      g_assert (f->class < CS_PLANTED_N_CLASSES && f->frequency[0] <= 1 && f->frequency[1] <= 1);
      g_assert (isnan (f->nu) == (f->strength[1] <= 0));
    }
  crosscoder->decoder[d] = 1;
  g_assert (cs_planted_score (truth, crosscoder, &latents, value, NULL));
  g_assert (value[CS_PLANTED_CHAT_ONLY] == 1);
}

static void
try_truth (const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPlantedTruth) truth = cs_planted_truth_load (path, &error);

  g_assert ((truth == NULL) == (error != NULL));
  if (truth != NULL)
    use_truth (truth);
}

static void
try_results (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsPlantedResults) results = cs_planted_results_load (fuzz_folder_get (), &error);

  g_assert ((results == NULL) == (error != NULL));
  if (results != NULL)
    {
      json_decref (cs_planted_summary_json (results, CS_VARIANT_L1));
      for (guint i = 0; i < results->results->len; i++)
        json_decref (
            cs_planted_result_json (&g_array_index (results->results, CsPlantedResult, i)));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *truth = fuzz_write ("truth.json", data, size);
  g_autofree char *summary = fuzz_write ("summary.json", data, size);

  try_truth (truth);
  try_results ();
  return 0;
}
