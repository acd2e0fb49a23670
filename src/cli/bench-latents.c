#include "bench-latents.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "errors.h"
#include "examples.h"
#include "latents-list.h"
#include "latents-private.h"
#include "random.h"

enum
{
  RUNS = 5,
  EXAMPLES_PER_GROUP = 10
};

/* Rows with the spread of a real run: most shared, a tail to either side, a few dead. */
static CsLatents *
synthetic_latents (size_t n)
{
  CsLatents *latents = g_new0 (CsLatents, 1);
  CsRandom random;

  latents->n_latents = n;
  latents->n_tokens = 1000000;
  latents->rows = g_new0 (CsLatentRow, n);
  latents->fve_base = latents->fve_chat = 0.85;
  latents->l0 = 100;
  cs_random_init (&random, 1, 0);
  for (size_t j = 0; j < n; j++)
    {
      CsLatentRow *row = &latents->rows[j];
      const double leaning = 0.5 + 0.15 * cs_random_normal (&random);

      cs_latent_row_init (row, j);
      row->dead = cs_random_below (&random, 50) == 0;
      row->delta_norm = (float)CLAMP (leaning, 0, 1);
      row->dec_base_norm = (float)(2 - 2 * row->delta_norm);
      row->dec_chat_norm = 1;
      row->dec_cos_sim = (float)(2 * cs_random_uniform (&random) - 1);
      row->tag = (uint8_t)cs_latent_classify (row->delta_norm, row->dead);
      row->count_active = row->dead ? 0 : 10 + cs_random_below (&random, 100000);
      row->density = (float)row->count_active / 1e6f;
      row->max_act = (float)(50 * cs_random_uniform (&random));
    }
  return latents;
}

static bool
write_table (const char *folder, size_t n, GError **error)
{
  const size_t n_slots = n * CS_EXAMPLE_GROUPS * EXAMPLES_PER_GROUP;
  g_autoptr (CsLatents) latents = synthetic_latents (n);
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, n_slots);

  for (size_t i = 0; i < n_slots; i++)
    slots[i] = (CsExampleSlot){ .token = (int64_t)(i % 1000000), .activation = 1 };
  return cs_latents_save (latents, folder, slots, EXAMPLES_PER_GROUP, error);
}

static double
seconds_since (gint64 start)
{
  return (double)(g_get_monotonic_time () - start) / G_USEC_PER_SEC;
}

static int
compare_seconds (const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;

  return (x > y) - (x < y);
}

static double
middle (double seconds[RUNS])
{
  qsort (seconds, RUNS, sizeof *seconds, compare_seconds);
  return seconds[RUNS / 2];
}

static bool
time_table (const char *folder, CsBenchLatents *result, GError **error)
{
  const CsLatentsQuery all = { 0 }, chat_only = { .classes = 1u << CS_LATENT_CHAT_ONLY };
  double open[RUNS], sort[RUNS], filter[RUNS];

  for (int i = 0; i < RUNS; i++)
    {
      gint64 start = g_get_monotonic_time ();
      g_autoptr (CsLatents) latents = cs_latents_load (folder, error);
      g_autofree uint32_t *index = NULL;

      if (latents == NULL)
        return false;
      open[i] = seconds_since (start);
      index = g_new (uint32_t, latents->n_latents);
      start = g_get_monotonic_time ();
      cs_latents_list_filter (latents, &chat_only, index);
      filter[i] = seconds_since (start);
      cs_latents_list_filter (latents, &all, index);
      start = g_get_monotonic_time ();
      cs_latents_list_sort (latents, "-delta_norm", index, latents->n_latents);
      sort[i] = seconds_since (start);
    }
  *result = (CsBenchLatents){ middle (open), middle (sort), middle (filter) };
  return true;
}

bool
cs_bench_latents (size_t n_latents, CsBenchLatents *result, GError **error)
{
  g_autoptr (GError) no_folder = NULL;
  g_autofree char *folder = g_dir_make_tmp ("crosscope-bench-XXXXXX", &no_folder);
  g_autofree char *path = NULL;
  bool ok;

  if (folder == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "No temporary folder can be made: %s.",
                   no_folder->message);
      return false;
    }
  path = g_build_filename (folder, "latents.h5", NULL);
  ok = write_table (folder, n_latents, error) && time_table (folder, result, error);
  g_unlink (path);
  g_rmdir (folder);
  return ok;
}
