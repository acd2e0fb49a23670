/* Runs a fuzz target without a fuzzer: fuzz-<name> ITERATIONS SEED_FOLDER [FIRST]
 *
 * Every iteration takes one of the seeds and changes it a few times, all of it decided by the
 * iteration's number: a run is the same everywhere, and a failure is found again by starting at its
 * number with CS_FUZZ_VERBOSE=1 set, which prints each number before it is tried. The unchanged
 * seeds come first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "mutate.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

enum { MAX_CHANGES = 6 };

static GByteArray *
make_input (GPtrArray *seeds, guint64 iteration)
{
  GByteArray *input = g_byte_array_new ();
  const GByteArray *seed;
  CsRandom r;

  cs_random_init (&r, iteration, 0);
  seed = g_ptr_array_index (seeds,
                            iteration < seeds->len ? iteration : cs_random_below (&r, seeds->len));
  g_byte_array_append (input, seed->data, seed->len);
  if (iteration >= seeds->len)
    for (size_t n = 1 + cs_random_below (&r, MAX_CHANGES); n > 0; n--)
      fuzz_change (&r, input);
  return input;
}

/* The target gets a block of exactly the input's size, so that a sanitizer sees the first byte read
 * beyond it. */
static void
try_input (const GByteArray *input)
{
  uint8_t *block = malloc (MAX (input->len, 1));

  g_assert (block != NULL);
  if (input->len > 0)
    memcpy (block, input->data, input->len);
  LLVMFuzzerTestOneInput (block, input->len);
  free (block);
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) seeds = NULL;
  guint64 first, n;

  if (argc < 3)
    {
      fprintf (stderr, "Usage: %s ITERATIONS SEED_FOLDER [FIRST]\n", argv[0]);
      return 2;
    }
  n = g_ascii_strtoull (argv[1], NULL, 10);
  first = argc > 3 ? g_ascii_strtoull (argv[3], NULL, 10) : 0;
  seeds = fuzz_load_seeds (argv[2]);
  if (seeds->len < 2)
    {
      fprintf (stderr, "%s has no seeds\n", argv[2]);
      return 2;
    }
  for (guint64 i = first; i < first + n; i++)
    {
      g_autoptr (GByteArray) input = make_input (seeds, i);

      if (g_getenv ("CS_FUZZ_VERBOSE") != NULL)
        fprintf (stderr, "%" G_GUINT64_FORMAT " (%u bytes)\n", i, input->len);
      try_input (input);
    }
  return 0;
}
