/* What a harvest will take, from a few seconds of it. */
#pragma once

#include "harvest-sample.h"

typedef struct
{
  double n_tokens, n_documents; /* that the store will hold; documents that are there already count */
  double n_stored;              /* of the tokens, those that are there already */
  bool counted;                 /* the corpora were read to their end or to the limit: exact */
  size_t d_model, layer, n_layers;
  double read_tokens_per_s;     /* tokenizing */
  double tokens_per_s;          /* tokenizing, both models up to the layer, storing */
  bool stored;                  /* storing was measured: there was a disk to write to */
  double open_seconds;          /* opening both models, once */
  double seconds;               /* of the whole harvest, or of what is left of it */
  double store_bytes;
  double weight_bytes;          /* of both models up to the layer, in the page cache */
  double work_bytes;            /* of memory that the runs take besides */
  unsigned n_threads;
} CsHarvestProbe;

/* Reads the corpora for at most `seconds`, then harvests their first documents for about as long
 * (longer where one short document takes longer) into a store of its own on the same disk. *sample
 * (may be asked for with NULL) is that store, finished, for what is to be measured with real rows;
 * NULL where nothing could be written. out of the options is not touched. */
bool cs_harvest_probe (CsJob *job,
                       const CsHarvestOptions *options,
                       double seconds,
                       CsHarvestSample **sample,
                       CsHarvestProbe *probe,
                       GError **error);
/* `seconds`, from the other numbers. */
double cs_harvest_probe_seconds (const CsHarvestProbe *probe);
