/* Any bytes as a run's model.safetensors: refused with a sentence, or a crosscoder that encodes and decodes. */
#include <math.h>

#include "crosscoder.h"
#include "fuzz-file.h"
#include "sentence.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
use (const CsCrosscoder *cc)
{
  enum { N = 2 };
  g_autofree float *x = g_new (float, N * 2 * cc->d_model);
  g_auto (CsCodes) codes = { 0 };

  for (size_t i = 0; i < N * 2 * cc->d_model; i++)
    x[i] = (float) (i % 5) - 1;
  if (!cs_crosscoder_encode (cc, NULL, x, N, &codes, NULL))
    return;
  for (size_t e = 0; e < codes.start[N]; e++)
    g_assert (codes.latent[e] < cc->n_latents);
  cs_crosscoder_decode (cc, NULL, &codes, x);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autofree char *path = fuzz_write ("model.safetensors", data, size);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (fuzz_folder_get (), &error);

  g_assert ((cc == NULL) == (error != NULL));
  if (cc != NULL)
    use (cc);
  else
    sentence_check (error);
  return 0;
}
