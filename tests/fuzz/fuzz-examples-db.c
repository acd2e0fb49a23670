/* Any bytes as the examples.db of a small crosscoder, to be attached and as the run's own: refused
 * with a sentence, or examples whose every token can be shown. */
#include <math.h>

#include "fuzz-file.h"
#include "latents-exchange.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

#define N_LATENTS 3

/* RUN: three latents of width 1. */
static const char *
make_run (void)
{
  static char folder[4096];
  g_autoptr (CsCrosscoder) cc = NULL;
  const float decoder[] = { 1, 0, 1, 1, 0, 1 };

  if (folder[0] != '\0')
    return folder;
  g_snprintf (folder, sizeof folder, "%s/run", fuzz_folder_get ());
  g_assert_cmpint (g_mkdir (folder, 0700), ==, 0);
  cc = cs_crosscoder_new (1, N_LATENTS, CS_VARIANT_L1, NULL);
  for (size_t i = 0; i < G_N_ELEMENTS (decoder); i++)
    cc->decoder[i] = decoder[i];
  g_assert_true (cs_crosscoder_save (cc, folder, NULL));
  g_assert_true (cs_latents_from_weights (folder, NULL));
  g_usleep (100000); /* so that the file of latents is looked through once, not at every input */
  return folder;
}

static void
check_example (const CsExample *example)
{
  g_assert (example->group < CS_EXAMPLE_GROUPS && example->n >= 1);
  g_assert (example->token >= example->first && example->token - example->first < example->n);
  g_assert (isfinite (example->activation));
  g_assert (example->values[example->token - example->first] == example->activation);
  for (size_t i = 0; i < example->n; i++)
    g_assert (example->ids[i] == example->ids[i] && example->values[i] >= 0);
}

static void
show_all (const char *run)
{
  for (size_t latent = 0; latent <= N_LATENTS; latent++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GArray) list = cs_attached_examples_load (run, latent, 4, 3, &error);

      g_assert ((list == NULL) == (error != NULL));
      for (guint i = 0; list != NULL && i < list->len; i++)
        check_example (&g_array_index (list, CsExample, i));
    }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  const char *run = make_run ();
  g_autofree char *source = fuzz_write ("source.db", data, size);
  g_autofree char *own = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *note = NULL;

  g_assert (cs_latents_attach_examples (NULL, run, source, &note, &error) == (error == NULL));
  if (error == NULL)
    show_all (run);
  own = fuzz_write ("run/examples.db", data, size);
  show_all (run);
  g_unlink (own);
  return 0;
}
