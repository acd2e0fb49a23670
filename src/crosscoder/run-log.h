/* What a training run reports, shared between the thread that trains and the views that look on.
 *
 * metrics.csv: step,loss,mse_base,mse_chat,fve_base,fve_chat,l0,dead,aux,lr,tokens_per_s (one row a logged step)
 * norm_ratio.csv: step, then the counts of 100 bins of Δ_norm over [0, 1], latents that are not dead only
 * Appending and copying are safe from any thread (a pthread mutex inside). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#define CS_NORM_RATIO_BINS 100

typedef struct {
  uint64_t step;
  double loss, mse_base, mse_chat, fve_base, fve_chat, l0;
  double dead;             /* number of dead latents */
  double aux;
  double lr, tokens_per_s;
} CsMetrics;

typedef struct {
  uint64_t step;
  uint32_t count[CS_NORM_RATIO_BINS];
} CsNormRatioSnapshot;

typedef struct CsRunLog CsRunLog;

CsRunLog *cs_run_log_new (void);
CsRunLog *cs_run_log_ref (CsRunLog *log);
void      cs_run_log_unref (CsRunLog *log);
/* Reads both files of a run folder; missing ones are empty. */
bool      cs_run_log_load (CsRunLog *log, const char *run_folder, GError **error);

size_t    cs_run_log_n_metrics (CsRunLog *log);
size_t    cs_run_log_n_snapshots (CsRunLog *log);
/* Copies rows first … first+n−1 as far as there are any; returns how many. */
size_t    cs_run_log_copy_metrics (CsRunLog *log, size_t first, size_t n, CsMetrics *out);
size_t    cs_run_log_copy_snapshots (CsRunLog *log, size_t first, size_t n, CsNormRatioSnapshot *out);

/* For the trainer. Rows with a step beyond `step` are dropped (a resumed run goes on from its checkpoint). */
void      cs_run_log_truncate (CsRunLog *log, uint64_t step);
void      cs_run_log_add_metrics (CsRunLog *log, const CsMetrics *metrics);
void      cs_run_log_add_snapshot (CsRunLog *log, const CsNormRatioSnapshot *snapshot);
bool      cs_run_log_save (CsRunLog *log, const char *run_folder, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsRunLog, cs_run_log_unref)
