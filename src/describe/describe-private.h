#pragma once

#include "describe.h"
#include "random.h"
#include "store.h"
#include "tokenizer.h"

#define CS_DESCRIBE_CONTEXT 31     /* tokens to each side of the strongest: windows of about 64 */
#define CS_DESCRIBE_PER_GROUP 4    /* examples shown of each group, and as many held out */
#define CS_DESCRIBE_MAX_TOKENS 500 /* of an answer */

typedef struct {
  CsJob *job;
  const CsDescribeOptions *options;
  CsChatClient *client;
  CsTokenizer *tokenizer;          /* NULL = ids */
  /* NULL for a run whose examples came with it: */
  CsCrosscoder *crosscoder;
  CsStore *store;
  CsTeam *team;
  float *scales;                   /* [F] */
} CsDescribe;

/* describe-score.c: held_out: n examples of the latent that were not shown. */
bool cs_describe_score (CsDescribe *describe, size_t latent, const char *description, const CsExample *const *held_out,
                        size_t n, CsDetectionScore *score, GError **error);

/* Works out score from n answers: kind 0 … CS_EXAMPLE_GROUPS − 1 = fires, of that group; then random and similar silent ones.
 * answer −1 = none. */
typedef enum { CS_DETECT_RANDOM = CS_EXAMPLE_GROUPS, CS_DETECT_SIMILAR, CS_DETECT_N_KINDS } CsDetectKind;
typedef struct {
  char *text;
  int   kind;
  int   answer;                    /* 0, 1 or −1 */
} CsDetectItem;
void cs_detect_summarise (const CsDetectItem *items, size_t n, CsDetectionScore *score);
