/* Worker threads that run both models over documents; results come back in the order in which
 * documents went in. */
#pragma once

#include "model.h"

typedef struct CsRunner CsRunner;

typedef struct
{
  GArray *ids; /* int32_t: what the models read */
  size_t skip; /* rows at the beginning that are not stored */
  int corpus;
  float *rows; /* [ids->len, 2, d_model] */
  size_t rows_size;
  GError *error;
  int state;
} CsRunnerSlot;

/* Takes residual[layer + 1] of both. Models are borrowed. max_document: the most tokens of one. */
CsRunner *cs_runner_new (CsModel *base,
                         CsModel *chat,
                         size_t layer,
                         size_t max_document,
                         unsigned n_threads,
                         GError **error);
void cs_runner_free (CsRunner *runner);
/* A slot to fill and submit, or NULL while all are in use. */
CsRunnerSlot *cs_runner_free_slot (CsRunner *runner);
void cs_runner_submit (CsRunner *runner);
/* Waits at most `milliseconds` for the oldest document; NULL when it is not done, or nothing is
 * under way. */
CsRunnerSlot *cs_runner_take (CsRunner *runner, int milliseconds);
void cs_runner_release (CsRunner *runner); /* the taken slot is free again */
size_t cs_runner_under_way (CsRunner *runner);
