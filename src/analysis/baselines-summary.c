/* Rankings by KL; mean differences and components read through the lens. */
#include "baselines-private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kl.h"
#include "vector.h"

#define CONTEXT_TOKENS 24
/* Tokens of one document among the top, so that one text does not fill the list. */
#define TOP_PER_DOCUMENT 3

/* --- Mean differences --- */

void
cs_difference_sums_init (CsDifferenceSum *sums, size_t d)
{
  static const char *const names[N_DIFFERENCES] = {
    "all tokens",      "answer opening",  "chat first 5",    "text first 5",   "text position 1",
    "text position 2", "text position 3", "text position 4", "text position 5"
  };

  for (size_t s = 0; s < N_DIFFERENCES; s++)
    sums[s] = (CsDifferenceSum){ .name = names[s], .difference = g_new0 (double, d) };
}

void
cs_difference_sums_clear (CsDifferenceSum *sums)
{
  for (size_t s = 0; s < N_DIFFERENCES; s++)
    g_clear_pointer (&sums[s].difference, g_free);
}

static void
add_position (CsDifferenceSum *sum, const float *rows, size_t d)
{
  sum->count++;
  sum->chat_norm += cs_norm2 (rows + d, d);
  for (size_t i = 0; i < d; i++)
    sum->difference[i] += (double)rows[d + i] - (double)rows[i];
}

void
cs_difference_sums_add (CsDifferenceSum *sums, const CsBaselineText *text, size_t d)
{
  for (size_t t = text->first; t < text->n; t++)
    {
      const float *rows = text->rows + 2 * t * d;
      const size_t position = t - text->first;

      add_position (&sums[DIFFERENCE_ALL], rows, d);
      if (text->turns[t].predicts && text->turns[t].predicted == 0)
        add_position (&sums[DIFFERENCE_OPENING], rows, d);
      if (position < 5)
        add_position (&sums[text->has_turns ? DIFFERENCE_CHAT_FIRST : DIFFERENCE_TEXT_FIRST], rows,
                      d);
      if (position < 5 && !text->has_turns)
        add_position (&sums[DIFFERENCE_TEXT_POSITION + position], rows, d);
    }
}

void
cs_baselines_read_differences (CsBaselines *result,
                               const CsPair *pair,
                               const CsDifferenceSum *sums,
                               const CsRowMoments *moments,
                               size_t n_components,
                               size_t n_lens)
{
  const CsModel *chat = pair->model[1];
  const size_t d = cs_model_config (chat)->d_model, k = MIN (n_components, d);
  g_autofree float *row = g_new (float, d), *components = g_new (float, k *d);
  g_autofree double *shares = g_new0 (double, k);

  result->differences = g_new0 (CsBaselineDifference, N_DIFFERENCES);
  for (size_t s = 0; s < N_DIFFERENCES; s++)
    {
      CsBaselineDifference *difference = &result->differences[result->n_differences];

      if (sums[s].count == 0)
        continue;
      for (size_t i = 0; i < d; i++)
        row[i] = (float)(sums[s].difference[i] / (double)sums[s].count);
      difference->name = g_strdup (sums[s].name);
      difference->count = sums[s].count;
      difference->norm = cs_norm2 (row, d);
      difference->relative = difference->norm * (double)sums[s].count / sums[s].chat_norm;
      difference->lens = cs_lens_row (chat, pair->tokenizer, row, n_lens);
      result->n_differences++;
    }
  result->n_components = cs_row_moments_components (moments, k, result->seed, components, shares);
  result->components = g_new0 (CsBaselineComponent, result->n_components + 1);
  for (size_t c = 0; c < result->n_components; c++)
    result->components[c] =
        (CsBaselineComponent){ shares[c],
                               cs_lens_row (chat, pair->tokenizer, components + c * d, n_lens) };
}

/* --- By KL --- */

typedef struct
{
  float kl;
  uint32_t document, position;
} Place;

static int
largest_first (const void *a, const void *b)
{
  const Place *x = a, *y = b;

  if (x->kl != y->kl)
    return x->kl > y->kl ? -1 : 1;
  if (x->document != y->document)
    return x->document < y->document ? -1 : 1;
  return x->position < y->position ? -1 : x->position > y->position;
}

static char *
decode (const CsTokenizer *tokenizer, const int32_t *ids, size_t n)
{
  g_autofree char *text = cs_tokenizer_decode (tokenizer, ids, n, false);

  return g_utf8_make_valid (text, -1);
}

static CsBaselineToken
describe (const CsTokenizer *tokenizer, const CsBaselineText *text, const Place *place)
{
  const size_t t = place->position, from = t + 1 > CONTEXT_TOKENS ? t + 1 - CONTEXT_TOKENS : 0;

  return (CsBaselineToken){
    .document = place->document,
    .position = t,
    .class = text->turns[t].class,
    .kl = (double)place->kl,
    .context = decode (tokenizer, text->ids + from, t + 1 - from),
    .token = cs_lens_token_text (tokenizer, text->ids[t]),
    .chat_next = cs_lens_token_text (tokenizer, text->next[1][t]),
    .base_next = cs_lens_token_text (tokenizer, text->next[0][t]),
    .chat_probability = (double)text->probability[1][t],
    .base_probability = (double)text->probability[0][t],
  };
}

/* Whether the model's own words are predicted from its own words. */
static bool
in_answer (const CsTurnToken *token)
{
  return token->predicts && token->class == CS_TOKEN_CLASS_MODEL;
}

/* The n_top tokens of largest KL, of answers only where asked; returns how many. */
static size_t
rank_tokens (CsBaselineToken **top,
             const CsTokenizer *tokenizer,
             const CsBaselineText *texts,
             size_t n_texts,
             size_t n_tokens,
             size_t n_top,
             bool answers)
{
  g_autofree Place *places = g_new (Place, MAX (n_tokens, 1));
  g_autofree size_t *taken = g_new0 (size_t, MAX (n_texts, 1));
  size_t n = 0, found = 0;

  for (size_t i = 0; i < n_texts; i++)
    for (size_t t = texts[i].first; t < texts[i].n; t++)
      if (!answers || in_answer (&texts[i].turns[t]))
        places[n++] = (Place){ texts[i].kl[t], (uint32_t)i, (uint32_t)t };
  qsort (places, n, sizeof *places, largest_first);
  *top = g_new0 (CsBaselineToken, n_top + 1);
  for (size_t i = 0; i < n && found < n_top; i++)
    if (taken[places[i].document]++ < TOP_PER_DOCUMENT)
      (*top)[found++] = describe (tokenizer, &texts[places[i].document], &places[i]);
  return found;
}

static void
rank_documents (CsBaselines *result,
                const CsTokenizer *tokenizer,
                const CsBaselineText *texts,
                size_t n_texts,
                size_t n_top)
{
  g_autofree Place *places = g_new (Place, MAX (n_texts, 1));

  for (size_t i = 0; i < n_texts; i++)
    {
      double sum = 0;

      for (size_t t = texts[i].first; t < texts[i].n; t++)
        sum += (double)texts[i].kl[t];
      places[i] = (Place){ (float)(sum / (double)(texts[i].n - texts[i].first)), (uint32_t)i, 0 };
    }
  qsort (places, n_texts, sizeof *places, largest_first);
  result->n_top_documents = MIN (n_top, n_texts);
  result->top_documents = g_new0 (CsBaselineDocument, result->n_top_documents + 1);
  for (size_t i = 0; i < result->n_top_documents; i++)
    {
      const CsBaselineText *text = &texts[places[i].document];

      result->top_documents[i] = (CsBaselineDocument){
        .document = places[i].document,
        .n_tokens = text->n - text->first,
        .corpus = text->corpus,
        .kl = (double)places[i].kl,
        .beginning = decode (tokenizer, text->ids + text->first,
                             MIN (CONTEXT_TOKENS, text->n - text->first)),
      };
    }
}

/* Mean over the tokens of one class (CS_TOKEN_N_CLASSES: of all) with its interval. */
static CsBaselineClass
class_mean (const CsBaselines *result, const CsBaselineText *texts, size_t n_texts, size_t class)
{
  g_autofree double *sums = g_new0 (double, n_texts), *counts = g_new0 (double, n_texts);
  g_autofree double *draws = NULL;
  CsBaselineClass mean = { .class = (CsTokenClass) class };
  double sum = 0;

  for (size_t i = 0; i < n_texts; i++)
    {
      for (size_t t = texts[i].first; t < texts[i].n; t++)
        if (class == CS_TOKEN_N_CLASSES || texts[i].turns[t].class == class)
          {
            sums[i] += (double)texts[i].kl[t];
            counts[i]++;
          }
      sum += sums[i];
      mean.count += (size_t)counts[i];
    }
  if (mean.count == 0)
    return mean;
  mean.kl = sum / (double)mean.count;
  draws = cs_bootstrap_means (sums, counts, 1, n_texts, result->n_draws, result->seed);
  cs_central_interval (draws, result->n_draws, &mean.lo, &mean.hi);
  return mean;
}

void
cs_baselines_rank (CsBaselines *result,
                   const CsTokenizer *tokenizer,
                   const CsBaselineText *texts,
                   size_t n_texts,
                   size_t n_top)
{
  CsBaselineClass all;

  for (size_t i = 0; i < n_texts; i++)
    result->n_tokens += texts[i].n - texts[i].first;
  result->n_top =
      rank_tokens (&result->top, tokenizer, texts, n_texts, result->n_tokens, n_top, false);
  result->n_top_answers =
      rank_tokens (&result->top_answers, tokenizer, texts, n_texts, result->n_tokens, n_top, true);
  rank_documents (result, tokenizer, texts, n_texts, n_top);
  result->classes = g_new0 (CsBaselineClass, CS_TOKEN_N_CLASSES);
  for (size_t class = 0; class < CS_TOKEN_N_CLASSES; class ++)
    {
      const CsBaselineClass mean = class_mean (result, texts, n_texts, class);

      if (mean.count > 0)
        result->classes[result->n_classes++] = mean;
    }
  all = class_mean (result, texts, n_texts, CS_TOKEN_N_CLASSES);
  result->kl = all.kl;
  result->lo = all.lo;
  result->hi = all.hi;
}
