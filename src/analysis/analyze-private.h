/* One pass of analysis over a store, shared by the files that make it up. */
#pragma once

#include "latents.h"
#include "store.h"
#include "twins.h"

typedef struct {
  CsJob *job;
  const CsAnalyzeOptions *options;
  CsCrosscoder *crosscoder;
  CsStore *store;
  CsTeam *team;
  size_t n_tokens;           /* to go over */
  float *scales;             /* [F] */
  CsScaling *scaling;
  CsTwins *twins;
  /* One batch of whole documents: */
  size_t first, n, capacity;
  float *x, *reconstruction; /* [capacity, 2, d] */
  int32_t *ids, *position;
  uint8_t *classes, *blocks; /* of the tokens: CsTokenClass; block of Latent Scaling's sums */
  CsTokenReader reader;
  CsBlockReader block_reader;
  bool has_template;         /* some token was one */
  CsCodes codes;
  /* Per latent: */
  float *max_act;
  uint64_t (*n_class)[CS_TOKEN_N_CLASSES];   /* active tokens */
} CsAnalyzePass;

/* Everything of the rows that the first pass over the store tells, and which latents are tested with what verdict. */
void cs_analyze_fill_rows (const CsAnalyzePass *pass, CsLatents *latents);
/* What Latent Scaling says of a row with its β and ν. */
bool cs_analyze_is_chat_specific (const CsLatentRow *row);
/* Pairs up the tested latents of the two sides; the second pass then watches them. */
CsTwins *cs_analyze_find_twins (const CsAnalyzePass *pass, const CsLatents *latents);
void cs_analyze_fill_twins (const CsAnalyzePass *pass, CsLatents *latents);
