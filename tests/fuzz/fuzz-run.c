/* Any bytes as a run's config.json, metrics.csv and norm_ratio.csv: refused with a sentence, or settings and rows. */
#include "fuzz-file.h"
#include "run-log.h"
#include "trainer.h"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
try_log (const char *name, const uint8_t *data, size_t size)
{
  g_autoptr (CsRunLog) log = cs_run_log_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *path = fuzz_write (name, data, size);
  CsNormRatioSnapshot snapshot;
  CsMetrics metrics;

  if (!cs_run_log_load (log, fuzz_folder_get (), &error))
    g_assert (error != NULL && cs_run_log_n_metrics (log) == 0);
  for (size_t i = 0; cs_run_log_copy_metrics (log, i, 1, &metrics) == 1; i++)
    g_assert (metrics.step < (uint64_t) 9e15);
  for (size_t i = 0; cs_run_log_copy_snapshots (log, i, 1, &snapshot) == 1; i++)
    g_assert (snapshot.step <= G_MAXINT64);
  g_unlink (path);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *config_path = fuzz_write ("config.json", data, size);
  CsTrainConfig config;

  if (cs_train_config_load (&config, fuzz_folder_get (), &error))
    g_strfreev (cs_train_config_clamp (&config));
  else
    g_assert (error != NULL);
  try_log ("metrics.csv", data, size);
  try_log ("norm_ratio.csv", data, size);
  return 0;
}
