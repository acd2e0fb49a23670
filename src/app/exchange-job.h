/* Taking in what others made and giving out what is here, as a job of the study beside its heavy ones. */
#pragma once

#include "page.h"

typedef enum {
  /* In. */
  CS_EXCHANGE_IMPORT,          /* path: a crosscoder; becomes a run of the study */
  CS_EXCHANGE_ATTACH,          /* path: feature_df.csv or examples.db, to a run */
  CS_EXCHANGE_IMPORT_CACHES,   /* path, second: activation caches of base and chat; become the study's store */
  /* Out, of a run, to path. */
  CS_EXCHANGE_HUB,
  CS_EXCHANGE_CSV,
  CS_EXCHANGE_NEURONPEDIA,
  CS_EXCHANGE_VECTOR,          /* a latent's decoder row of one model, for llama.cpp */
  CS_EXCHANGE_EXPORT_STORE,    /* the store as caches under path */
  /* Sets the threshold of an imported run on the study's activations. */
  CS_EXCHANGE_CALIBRATE,
} CsExchangeKind;

typedef struct {
  CsExchangeKind kind;
  const char    *path, *second;
  const char    *run_name;     /* of what needs a run */
  size_t         latent;
  unsigned       model;        /* 0 = base, 1 = chat */
} CsExchange;

/* The end is told by a toast of the page's window; an imported run is then shown. Nothing happens without a study, or where
 * the run is gone. What is given is copied. */
void cs_exchange_start (CsPage *page, const CsExchange *exchange);
