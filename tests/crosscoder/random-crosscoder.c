#include "random-crosscoder.h"

#include "random.h"

CsCrosscoder *
random_crosscoder (size_t d, size_t F, CsVariant variant)
{
  CsCrosscoder *crosscoder = cs_crosscoder_new (d, F, variant, NULL);
  CsRandom random;
  cs_random_init (&random, 5, 0);
  for (size_t i = 0; i < F * 2 * d; i++)
    {
      crosscoder->encoder[i] = (float)cs_random_normal (&random);
      crosscoder->decoder[i] = (float)cs_random_normal (&random);
    }
  for (size_t j = 0; j < F; j++)
    crosscoder->encoder_bias[j] = (float)cs_random_normal (&random);
  for (size_t i = 0; i < 2 * d; i++)
    crosscoder->decoder_bias[i] = (float)cs_random_normal (&random);
  crosscoder->k = variant == CS_VARIANT_L1 ? 0 : 3;
  crosscoder->threshold = variant == CS_VARIANT_BATCHTOPK ? 7.5f : -1;
  return crosscoder;
}

void
set_normalisation (CsCrosscoder *crosscoder)
{
  const size_t width = 2 * crosscoder->d_model;
  crosscoder->normalised = true;
  crosscoder->mean = g_new (float, width);
  crosscoder->std = g_new (float, width);
  for (size_t i = 0; i < width; i++)
    {
      crosscoder->mean[i] = .1f * (float)i;
      crosscoder->std[i] = 1;
    }
  crosscoder->gain[0] = .5f;
  crosscoder->gain[1] = 2;
}
