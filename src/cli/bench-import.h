/* A crosscoder of others in full size, made on the spot, and how long it takes until its latents can be looked at. */
#pragma once

#include <stdint.h>

#include "job.h"

typedef struct {
  size_t      d_model, n_latents;
  const char *keep;              /* a folder that gets the crosscoder and stays; NULL = a temporary one */
} CsBenchImportOptions;

typedef struct {
  double   make_seconds;         /* writing the file, random numbers included */
  double   import_seconds;       /* until there is a run with a table of latents */
  double   table_seconds;        /* reading that table: what opening the Latents page does */
  double   weights_seconds;      /* reading all weights: what encoding needs */
  uint64_t bytes;                /* of the file */
  bool     shared;               /* the run took no disk space for the weights */
} CsBenchImport;

/* A BatchTopK crosscoder in the hub format. The file is in the page cache when it is imported. */
bool cs_bench_import (CsJob *job, const CsBenchImportOptions *options, CsBenchImport *result, GError **error);
