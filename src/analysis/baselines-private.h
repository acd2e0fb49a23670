/* Inside the baselines: documents with what both models made of them. */
#pragma once

#include "baselines.h"
#include "difference-pca.h"
#include "token-turns.h"

typedef struct
{
  size_t n;     /* tokens */
  size_t first; /* the first that counts: 1 after BOS, else 0 */
  size_t corpus;
  bool has_turns;
  int32_t *ids;
  CsTurnToken *turns;
  /* At each token, of the prediction of the next: */
  float *kl;
  int32_t *next[2];
  float *probability[2]; /* of chat's likeliest, by base and chat */
  float *rows;           /* [n, 2, d]; gone once they are counted */
} CsBaselineText;

/* Sums of differences at chosen positions. */
typedef struct
{
  const char *name;
  size_t count;
  double chat_norm;   /* Σ ‖h_chat‖ */
  double *difference; /* [d] */
} CsDifferenceSum;

enum
{
  DIFFERENCE_ALL,
  DIFFERENCE_OPENING,
  DIFFERENCE_CHAT_FIRST,
  DIFFERENCE_TEXT_FIRST,
  DIFFERENCE_TEXT_POSITION, /* and the four after it */
  N_DIFFERENCES = DIFFERENCE_TEXT_POSITION + 5,
};

void cs_difference_sums_init (CsDifferenceSum *sums, size_t d);
void cs_difference_sums_clear (CsDifferenceSum *sums);
void cs_difference_sums_add (CsDifferenceSum *sums, const CsBaselineText *text, size_t d);

/* Classes, tokens and documents by KL. */
void cs_baselines_rank (CsBaselines *result,
                        const CsTokenizer *tokenizer,
                        const CsBaselineText *texts,
                        size_t n_texts,
                        size_t n_top);
/* Mean differences and components with their lenses. */
void cs_baselines_read_differences (CsBaselines *result,
                                    const CsPair *pair,
                                    const CsDifferenceSum *sums,
                                    const CsRowMoments *moments,
                                    size_t n_components,
                                    size_t n_lens);
