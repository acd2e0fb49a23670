/* What a harvest will take, from a few seconds of it. */
#pragma once

#include "harvest.h"

typedef struct
{
  double n_tokens, n_documents; /* that the store will hold; documents that are there already count */
  bool counted;                 /* the corpora were read to their end or to the limit: exact */
  size_t d_model, layer, n_layers;
  double read_tokens_per_s;     /* tokenizing */
  double tokens_per_s;          /* tokenizing and both models up to the layer */
  double seconds;               /* of the whole harvest */
  double store_bytes;
  double weight_bytes;          /* of both models up to the layer, in the page cache */
  double work_bytes;            /* of memory that the runs take besides */
  unsigned n_threads;
} CsHarvestProbe;

/* Reads the corpora for at most `seconds`, then runs the models over their first documents for
 * about as long (longer where one short document takes longer). out of the options is not touched. */
bool cs_harvest_probe (CsJob *job,
                       const CsHarvestOptions *options,
                       double seconds,
                       CsHarvestProbe *probe,
                       GError **error);
