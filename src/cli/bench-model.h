/* The parts of `bench prefill` and `bench generate` that measure. */
#pragma once

#include "model.h"

/* A model to measure, in a folder given or made. */
typedef struct
{
  CsModel *model;
  CsTeam *team;
  char *temporary; /* the folder that was made; removed by cs_model_bench_clear() */
  double open_seconds;
} CsModelBench;

/* One of folder and like (a name of cs_model_random_list()) is given. n_threads 0: all. */
bool cs_model_bench_open (CsModelBench *bench,
                          const char *folder,
                          const char *like,
                          unsigned n_threads,
                          GError **error);
void cs_model_bench_clear (CsModelBench *bench);

typedef struct
{
  double tokens_per_s, gflops, peak_gflops, fraction_of_peak;
} CsBenchPrefill;

/* Reads n_tokens random tokens through the first n_blocks blocks (0: all), repeatedly, with a
 * square sgemm's rate measured in between. */
bool cs_bench_prefill (const CsModelBench *bench,
                       size_t n_tokens,
                       size_t n_blocks,
                       CsBenchPrefill *result,
                       GError **error);

typedef struct
{
  double tokens_per_s, bytes_per_token, bandwidth_gbs, fraction_of_bandwidth;
} CsBenchGenerate;

/* Writes n_tokens tokens, with the memory's bandwidth measured in between. */
bool cs_bench_generate (const CsModelBench *bench,
                        size_t n_tokens,
                        CsBenchGenerate *result,
                        GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (CsModelBench, cs_model_bench_clear)
