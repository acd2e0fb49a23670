#include "planted-score.h"

#include <math.h>

#include "errors.h"
#include "vector.h"

bool
cs_planted_match (const CsPlantedTruth *truth,
                  const CsCrosscoder *crosscoder,
                  CsPlantedMatch *matches,
                  GError **error)
{
  const size_t d = crosscoder->d_model;

  if (d != truth->settings.d_model)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The run is for a width of %zu, the planted world has %zu: score it against the "
                   "world it was trained on.",
                   d, truth->settings.d_model);
      return false;
    }
  for (size_t j = 0; j < crosscoder->n_latents; j++)
    {
      const float *row = crosscoder->decoder + j * 2 * d;
      const double norms[2] = { cs_norm2 (row, d), cs_norm2 (row + d, d) };
      const int side = norms[1] >= norms[0];
      CsPlantedMatch *match = &matches[j];

      *match = (CsPlantedMatch){ CS_PLANTED_UNMATCHED, NAN };
      if (!(norms[side] > 0))
        continue;
      for (size_t i = 0; i < truth->n_features; i++)
        {
          const double cosine = (double)cs_dot (row + (size_t)side * d,
                                                cs_planted_truth_direction (truth, i, side), d) /
                                norms[side];

          if (truth->features[i].strength[side] > 0 && !(cosine <= match->cosine))
            *match = (CsPlantedMatch){ i, cosine };
        }
      if (!(match->cosine >= CS_PLANTED_MATCH_COSINE))
        match->feature = CS_PLANTED_UNMATCHED;
    }
  return true;
}

typedef struct
{
  const CsPlantedTruth *truth;
  const CsCrosscoder *crosscoder;
  const CsLatents *latents;
  const CsPlantedMatch *matches;
  double *value;
} Scoring;

/* Whether another living latent than j rebuilds the feature in base. */
static bool
is_carried_elsewhere (const Scoring *s, size_t j, size_t feature)
{
  const size_t d = s->crosscoder->d_model;
  const float *direction = cs_planted_truth_direction (s->truth, feature, 0);

  for (size_t l = 0; l < s->crosscoder->n_latents; l++)
    {
      const float *row = s->crosscoder->decoder + l * 2 * d;
      const CsLatentRow *found = &s->latents->rows[l];
      const double base = (double)found->dec_base_norm;

      if (l == j || found->dead || base < CS_PLANTED_CARRIES_SHARE * (double)found->dec_chat_norm)
        continue;
      if ((double)cs_dot (row, direction, d) >= CS_PLANTED_MATCH_COSINE * base)
        return true;
    }
  return false;
}

/* What the verdict “only chat has it” about a latent is worth. */
typedef enum
{
  RIGHT,
  FALSE_VERDICT,
  BETWEEN,
  UNMATCHED
} Worth;

static Worth
worth_of (const Scoring *s, size_t j)
{
  const size_t feature = s->matches[j].feature;
  double nu;

  if (feature == CS_PLANTED_UNMATCHED)
    return UNMATCHED;
  nu = s->truth->features[feature].nu;
  return nu <= CS_PLANTED_RIGHT_TO       ? RIGHT
         : !(nu < CS_PLANTED_FALSE_FROM) ? FALSE_VERDICT
                                         : BETWEEN;
}

/* Adds a latent of the chat-only bin whose verdict is false or between: which trap it went into,
 * and whether Latent Scaling saw that. */
static void
count_trapped (const Scoring *s, size_t j, Worth worth)
{
  static const CsPlantedMetric of_class[CS_PLANTED_N_CLASSES] = {
    [CS_PLANTED_CLASS_SHARED] = CS_PLANTED_FALSE_OF_SHARED,
    [CS_PLANTED_CLASS_WEAK] = CS_PLANTED_FALSE_OF_WEAK,
    [CS_PLANTED_CLASS_SPLIT] = CS_PLANTED_FALSE_OF_SPLIT,
  };
  const CsLatentRow *row = &s->latents->rows[j];
  const size_t feature = s->matches[j].feature;
  const CsPlantedClass class = s->truth->features[feature].class;
  const bool in_error = row->nu_error >= (float)CS_NU_ERROR_LIMIT;
  const bool in_reconstruction = row->nu_reconstruction >= (float)CS_NU_RECONSTRUCTION_LIMIT;
  const bool decoupled = is_carried_elsewhere (s, j, feature);
  double *v = s->value;

  if (worth == BETWEEN)
    {
      v[decoupled ? CS_PLANTED_BETWEEN_FROM_DECOUPLING : CS_PLANTED_BETWEEN_FROM_SHRINKAGE]++;
      v[CS_PLANTED_BETWEEN_FLAGGED] += in_error || in_reconstruction;
      return;
    }
  v[decoupled ? CS_PLANTED_FALSE_FROM_DECOUPLING : CS_PLANTED_FALSE_FROM_SHRINKAGE]++;
  v[CS_PLANTED_FLAGGED_NU_ERROR] += in_error;
  v[CS_PLANTED_FLAGGED_NU_RECONSTRUCTION] += in_reconstruction;
  v[CS_PLANTED_FLAGGED] += in_error || in_reconstruction;
  if (of_class[class] != 0) /* a file may call a feature chat-only and give it a ν* of 1 */
    v[of_class[class]]++;
}

static void
count_latent (const Scoring *s, size_t j)
{
  static const CsPlantedMetric chat_only[] = {
    [RIGHT] = CS_PLANTED_RIGHT_CHAT_ONLY,
    [FALSE_VERDICT] = CS_PLANTED_FALSE_CHAT_ONLY,
    [BETWEEN] = CS_PLANTED_BETWEEN_CHAT_ONLY,
    [UNMATCHED] = CS_PLANTED_UNMATCHED_CHAT_ONLY,
  };
  static const CsPlantedMetric chat_specific[] = {
    [RIGHT] = CS_PLANTED_RIGHT_CHAT_SPECIFIC,
    [FALSE_VERDICT] = CS_PLANTED_FALSE_CHAT_SPECIFIC,
    [BETWEEN] = CS_PLANTED_BETWEEN_CHAT_SPECIFIC,
    [UNMATCHED] = CS_PLANTED_UNMATCHED_CHAT_SPECIFIC,
  };
  const CsLatentRow *row = &s->latents->rows[j];
  const Worth worth = worth_of (s, j);

  s->value[CS_PLANTED_DEAD] += row->dead;
  if (row->chat_specific)
    {
      s->value[CS_PLANTED_CHAT_SPECIFIC]++;
      s->value[chat_specific[worth]]++;
    }
  if (row->tag != CS_LATENT_CHAT_ONLY)
    return;
  s->value[CS_PLANTED_CHAT_ONLY]++;
  s->value[chat_only[worth]]++;
  if (worth == FALSE_VERDICT || worth == BETWEEN)
    count_trapped (s, j, worth);
}

enum
{
  BY_SCALING, /* in the order of the metrics RECALL, RECALL_BINS, RECALL_BOTH, RECALL_ANY */
  BY_BINS,
  BY_BOTH,
  BY_ANY,
  N_VERDICTS
};

static double
share (double part, double whole)
{
  return whole > 0 ? part / whole : NAN;
}

/* Recall of chat-only features and precision of each way to a verdict. */
static void
score_verdicts (const Scoring *s)
{
  const size_t n = s->truth->n_features;
  g_autofree bool *found = g_new0 (bool, N_VERDICTS *n);
  double right[N_VERDICTS] = { 0 }, wrong[N_VERDICTS] = { 0 }, n_found[N_VERDICTS] = { 0 };
  double n_chat_only = 0;

  for (size_t j = 0; j < s->latents->n_latents; j++)
    {
      const CsLatentRow *row = &s->latents->rows[j];
      const size_t feature = s->matches[j].feature;
      const Worth worth = worth_of (s, j);
      const bool bins = row->tag == CS_LATENT_CHAT_ONLY, scaling = row->chat_specific;
      const bool says[N_VERDICTS] = { scaling, bins, scaling && bins, !row->dead };

      if (row->dead || worth == UNMATCHED)
        continue;
      for (size_t v = 0; v < N_VERDICTS; v++)
        if (says[v])
          {
            found[v * n + feature] = true;
            right[v] += worth == RIGHT;
            wrong[v] += worth == FALSE_VERDICT;
          }
    }
  for (size_t i = 0; i < n; i++)
    if (s->truth->features[i].class == CS_PLANTED_CLASS_CHAT_ONLY)
      {
        n_chat_only++;
        for (size_t v = 0; v < N_VERDICTS; v++)
          n_found[v] += found[v * n + i];
      }
  for (size_t v = 0; v < N_VERDICTS; v++)
    s->value[CS_PLANTED_RECALL + v] = share (n_found[v], n_chat_only);
  s->value[CS_PLANTED_PRECISION_SCALING] =
      share (right[BY_SCALING], right[BY_SCALING] + wrong[BY_SCALING]);
  s->value[CS_PLANTED_PRECISION_BINS] = share (right[BY_BINS], right[BY_BINS] + wrong[BY_BINS]);
  s->value[CS_PLANTED_PRECISION_BOTH] = share (right[BY_BOTH], right[BY_BOTH] + wrong[BY_BOTH]);
}

bool
cs_planted_score (const CsPlantedTruth *truth,
                  const CsCrosscoder *crosscoder,
                  const CsLatents *latents,
                  double value[CS_PLANTED_N_METRICS],
                  GError **error)
{
  g_autofree CsPlantedMatch *matches = g_new (CsPlantedMatch, crosscoder->n_latents);
  const Scoring scoring = { truth, crosscoder, latents, matches, value };

  if (latents->n_latents != crosscoder->n_latents)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
                   "The analysis is of %zu latents, the crosscoder has %zu: analyse it again.",
                   latents->n_latents, crosscoder->n_latents);
      return false;
    }
  if (!cs_planted_match (truth, crosscoder, matches, error))
    return false;
  for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
    value[m] = 0;
  for (size_t j = 0; j < latents->n_latents; j++)
    count_latent (&scoring, j);
  score_verdicts (&scoring);
  value[CS_PLANTED_L0] = latents->l0;
  value[CS_PLANTED_FVE] = NAN;
  return true;
}
