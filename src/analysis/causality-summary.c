/* From sums of conversations to means, intervals and differences. */
#include "causality-private.h"

#include <math.h>
#include <string.h>

#include "kl.h"

static const struct
{
  const char *a, *b;
} contrasts[] = {
  { "worst-delta", "best-delta" },
  { "worst-scaling", "best-scaling" },
  { "best-delta", "best-scaling" },
  { "random", "best-delta" },
  { "random", "best-scaling" },
  { "best-delta-removed", "worst-delta-removed" },
  { "best-scaling-removed", "worst-scaling-removed" },
  { "best-scaling-removed", "random-removed" },
  { "all", "error-only" },
  { "set", "template" },
};

typedef struct
{
  size_t n_series, n_documents;
  double *sums;   /* [n_series, n_documents] */
  double *counts; /* [n_documents] */
  double *draws;  /* [n_draws, n_series] */
} Series;

/* An arm's sum over one conversation; random draws that share an arm are averaged. */
static void
fill_series (Series *series,
             const CsPatchArm *arms,
             size_t n_arms,
             const size_t *result_of,
             const CsConversationSums *sums,
             CsCausalitySpan span)
{
  g_autofree double *n_shared = g_new0 (double, n_arms);

  for (size_t a = 0; a < n_arms; a++)
    n_shared[arms[a].result]++;
  for (size_t i = 0; i < series->n_documents; i++)
    {
      series->counts[i] = sums[i].count[span];
      for (size_t s = 0; s < series->n_series; s++)
        series->sums[s * series->n_documents + i] =
            sums[i].kl[result_of[s]][span] / n_shared[result_of[s]];
    }
}

static double
total (const double *values, size_t n)
{
  double sum = 0;

  for (size_t i = 0; i < n; i++)
    sum += values[i];
  return sum;
}

static void
difference_interval (const Series *series,
                     size_t n_draws,
                     size_t a,
                     size_t b,
                     double *lo,
                     double *hi)
{
  g_autofree double *values = g_new (double, n_draws);

  for (size_t draw = 0; draw < n_draws; draw++)
    values[draw] =
        series->draws[draw * series->n_series + a] - series->draws[draw * series->n_series + b];
  cs_central_interval (values, n_draws, lo, hi);
}

static void
fill_value (const Series *series, size_t n_draws, size_t s, CsCausalityValue *value)
{
  const double count = total (series->counts, series->n_documents);
  const double none = total (series->sums, series->n_documents) / count;
  g_autofree double *values = g_new (double, n_draws);

  value->kl = total (series->sums + s * series->n_documents, series->n_documents) / count;
  value->reduction = 1 - value->kl / none;
  for (size_t draw = 0; draw < n_draws; draw++)
    values[draw] = series->draws[draw * series->n_series + s];
  cs_central_interval (values, n_draws, &value->lo, &value->hi);
  for (size_t draw = 0; draw < n_draws; draw++)
    values[draw] =
        1 - series->draws[draw * series->n_series + s] / series->draws[draw * series->n_series];
  cs_central_interval (values, n_draws, &value->reduction_lo, &value->reduction_hi);
}

static size_t
find (const CsCausality *result, const char *name)
{
  for (size_t i = 0; i < result->n_arms; i++)
    if (strcmp (result->arms[i].name, name) == 0)
      return i;
  return SIZE_MAX;
}

const CsCausalityArm *
cs_causality_find (const CsCausality *causality, const char *name)
{
  const size_t i = find (causality, name);

  return i != SIZE_MAX ? &causality->arms[i] : NULL;
}

static void
make_contrasts (CsCausality *result)
{
  result->contrasts = g_new0 (CsCausalityContrast, G_N_ELEMENTS (contrasts));
  for (size_t i = 0; i < G_N_ELEMENTS (contrasts); i++)
    if (cs_causality_find (result, contrasts[i].a) && cs_causality_find (result, contrasts[i].b))
      {
        CsCausalityContrast *contrast = &result->contrasts[result->n_contrasts++];

        contrast->a = g_strdup (contrasts[i].a);
        contrast->b = g_strdup (contrasts[i].b);
      }
}

static void
summarise_span (CsCausality *result, const Series *series, CsCausalitySpan span)
{
  for (size_t s = 0; s < result->n_arms; s++)
    fill_value (series, result->n_draws, s, &result->arms[s].value[span]);
  for (size_t i = 0; i < result->n_contrasts; i++)
    {
      CsCausalityContrast *contrast = &result->contrasts[i];
      const size_t a = find (result, contrast->a), b = find (result, contrast->b);

      contrast->difference[span] = result->arms[a].value[span].kl - result->arms[b].value[span].kl;
      difference_interval (series, result->n_draws, a, b, &contrast->lo[span], &contrast->hi[span]);
    }
}

static void
fill_agreement (CsCausality *result,
                const CsPatchArm *arms,
                size_t n_arms,
                const size_t *result_of,
                const CsConversationSums *sums,
                CsCausalitySpan span)
{
  for (size_t s = 0; s < result->n_arms; s++)
    {
      double agreed = 0, count = 0;
      size_t shared = 0;

      for (size_t a = 0; a < n_arms; a++)
        shared += arms[a].result == result_of[s];
      for (size_t i = 0; i < result->n_documents; i++)
        {
          agreed += sums[i].agreed[result_of[s]][span];
          count += sums[i].count[span];
        }
      result->arms[s].value[span].agreement = agreed / (count * (double)shared);
    }
}

static void
fill_checks (CsCausality *result, const CsConversationSums *sums)
{
  const CsCausalityArm *chat = cs_causality_find (result, "chat"),
                       *empty = cs_causality_find (result, "empty"),
                       *none = cs_causality_find (result, "none");

  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      if (isnan (chat->value[span].kl))
        continue; /* no such position */
      result->check_chat = MAX (result->check_chat, fabs (chat->value[span].kl));
      result->check_empty =
          MAX (result->check_empty, fabs (empty->value[span].kl - none->value[span].kl));
    }
  for (size_t i = 0; i < result->n_documents; i++)
    result->check_all = MAX (result->check_all, sums[i].identity);
}

void
cs_causality_summarise (CsCausality *result,
                        const CsPatchArm *arms,
                        size_t n_arms,
                        const CsLatentSets *sets,
                        const CsConversationSums *sums)
{
  g_autofree size_t *result_of = g_new (size_t, n_arms);
  Series series = { .n_documents = result->n_documents };

  result->arms = g_new0 (CsCausalityArm, n_arms);
  for (size_t a = 0; a < n_arms; a++)
    if (arms[a].result == a)
      {
        const bool latents = arms[a].kind == PATCH_LATENTS || arms[a].kind == PATCH_ADD;

        result_of[result->n_arms] = a;
        result->arms[result->n_arms++] =
            (CsCausalityArm){ .name = g_strdup (arms[a].name),
                              .from_chat = arms[a].start == 1,
                              .n_latents = latents ? sets->size[arms[a].set] : 0 };
      }
  make_contrasts (result);
  series.n_series = result->n_arms;
  series.sums = g_new (double, series.n_series *series.n_documents);
  series.counts = g_new (double, series.n_documents);
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      fill_series (&series, arms, n_arms, result_of, sums, span);
      result->n_positions[span] = (size_t)total (series.counts, series.n_documents);
      series.draws = cs_bootstrap_means (series.sums, series.counts, series.n_series,
                                         series.n_documents, result->n_draws, result->seed);
      summarise_span (result, &series, span);
      fill_agreement (result, arms, n_arms, result_of, sums, span);
      g_free (series.draws);
    }
  g_free (series.sums);
  g_free (series.counts);
  fill_checks (result, sums);
}
