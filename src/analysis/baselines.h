/* What can be said about a pair without training anything, to compare a crosscoder with:
 *
 *   - KL (p_chat ‖ p_base) at every token: where the two models differ most in what comes next;
 *   - the mean activation difference h_chat − h_base on the first tokens, where answers begin, and
 *     over all tokens, read through the chat model's logit lens;
 *   - principal components of the difference, read the same way.
 *
 * BOS is left out everywhere: its activations are huge and say nothing about text. */
#pragma once

#include "job.h"
#include "lens.h"
#include "pair.h"
#include "token-classes.h"

typedef struct
{
  const char *base_folder, *chat_folder;
  CsPairReading reading;
  size_t layer;               /* 0-based block, as for a crosscoder */
  const char *const *corpora; /* NULL-terminated; documents are taken from them in turn */
  size_t max_documents;       /* 0 = 512 */
  size_t max_tokens;          /* of a document; 0 = 1024 */
  size_t n_top;               /* tokens and documents listed; 0 = 50 */
  size_t n_components;        /* 0 = 8 */
  size_t n_lens;              /* tokens of each lens; 0 = 12 */
  size_t n_draws;             /* bootstrap draws over documents; 0 = 1000 */
  uint64_t seed;
  unsigned n_threads; /* 0 = all */
} CsBaselinesOptions;

typedef struct
{
  size_t document, position; /* both from 0 */
  CsTokenClass class;         /* of the token that was read last */
  double kl;
  char *context;                             /* the text before, its last token read last */
  char *token, *chat_next, *base_next;       /* that token; what each model holds likeliest next */
  double chat_probability, base_probability; /* of chat's likeliest */
} CsBaselineToken;

typedef struct
{
  size_t document, n_tokens, corpus;
  double kl; /* mean over its tokens */
  char *beginning;
} CsBaselineDocument;

typedef struct
{
  CsTokenClass class; /* of the token that was read last */
  size_t count;
  double kl, lo, hi; /* mean, 95 % bootstrap interval over documents */
} CsBaselineClass;

typedef struct
{
  char *name; /* "text position 1", "answer opening", "all tokens" … */
  size_t count;
  double norm,
      relative; /* of the mean difference; over the mean norm of chat's activations there */
  CsLens *lens;
} CsBaselineDifference;

typedef struct
{
  double share; /* of the variance of the difference around its mean */
  CsLens *lens;
} CsBaselineComponent;

typedef struct
{
  char *base_model, *chat_model, *base_hash, *chat_hash;
  char **corpora; /* names */
  size_t layer, n_documents, n_tokens, n_draws;
  uint64_t seed;
  double kl, lo, hi; /* mean over all tokens */
  size_t n_top, n_top_answers, n_top_documents, n_classes, n_differences, n_components;
  CsBaselineToken *top;         /* of all tokens: markers lead where base never saw them */
  CsBaselineToken *top_answers; /* among those that predict a word of an answer from another */
  CsBaselineDocument *top_documents;
  CsBaselineClass *classes;
  CsBaselineDifference *differences;
  CsBaselineComponent *components;
} CsBaselines;

/* Blocks; progress in documents. */
CsBaselines *cs_baselines_run (CsJob *job, const CsBaselinesOptions *options, GError **error);
void cs_baselines_free (CsBaselines *baselines);

/* FOLDER/baselines.json, replaced whole. */
bool cs_baselines_save (const CsBaselines *baselines, const char *folder, GError **error);
CsBaselines *cs_baselines_load (const char *folder, GError **error);
json_t *cs_baselines_to_json (const CsBaselines *baselines); /* new reference */
/* For people; free with g_free(). */
char *cs_baselines_text (const CsBaselines *baselines);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsBaselines, cs_baselines_free)
