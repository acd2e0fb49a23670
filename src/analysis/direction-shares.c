#include "direction-shares.h"

#include <math.h>

#include "errors.h"
#include "steering.h"
#include "vector.h"

/* Means over a set at the last token. */
typedef struct
{
  double *stream;   /* [d] of the chat model */
  double *activity; /* [F] */
} Means;

static void
means_clear (Means *means)
{
  g_free (means->stream);
  g_free (means->activity);
}

/* What one prompt leaves at its last token. */
typedef struct
{
  float *stream; /* [d] of the chat model */
  size_t n;      /* latents that fire */
  uint32_t *latents;
  float *values;
} Trace;

static void
traces_free (Trace *traces, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      g_free (traces[i].stream);
      g_free (traces[i].latents);
      g_free (traces[i].values);
    }
  g_free (traces);
}

typedef struct
{
  CsJob *job;
  const CsPair *pair;
  const CsCrosscoder *crosscoder;
  size_t layer;
  const char *const *texts;
  Trace *traces;   /* one a text */
  GError **errors; /* [team size] */
} Reading;

static bool
read_prompt (const Reading *r, size_t index, CsCodes *codes, GError **error)
{
  const size_t d = r->crosscoder->d_model;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree float *rows = NULL;
  Trace *trace = &r->traces[index];
  const float *last;

  if (!cs_job_checkpoint (r->job, error) ||
      !cs_steer_prompt (r->pair, r->texts[index], true, ids, NULL, error))
    return false;
  rows = g_new (float, ids->len * 2 * d);
  last = rows + (ids->len - 1) * 2 * d;
  if (!cs_pair_residuals (r->pair, NULL, r->layer, (const int32_t *)(const void *)ids->data,
                          ids->len, rows, error) ||
      !cs_crosscoder_encode (r->crosscoder, NULL, last, 1, codes, error))
    return false;
  trace->stream = g_memdup2 (last + d, d * sizeof *last);
  trace->n = codes->start[1];
  trace->latents = g_new (uint32_t, trace->n);
  trace->values = g_new (float, trace->n);
  for (size_t e = 0; e < trace->n; e++)
    {
      trace->latents[e] = codes->latent[e];
      trace->values[e] = codes->value[e];
    }
  return true;
}

static void
read_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const Reading *r = data;
  g_auto (CsCodes) codes = { 0 };

  for (size_t i = begin; i < end && r->errors[worker] == NULL; i++)
    read_prompt (r, i, &codes, &r->errors[worker]);
}

static bool
read_all (Reading *r, CsTeam *team, size_t n, GError **error)
{
  const unsigned size = cs_team_size (team);
  g_autofree GError **errors = g_new0 (GError *, size);
  bool ok = true;

  r->errors = errors;
  cs_team_run (team, n, read_range, r);
  for (unsigned w = 0; w < size; w++)
    if (errors[w] != NULL && ok)
      {
        g_propagate_error (error, errors[w]);
        ok = false;
      }
    else
      g_clear_error (&errors[w]);
  return ok;
}

/* In the order of the prompts, whichever thread read them. */
static void
add_traces (const Trace *traces, size_t n, size_t d, Means *means)
{
  const double weight = 1.0 / (double)n;

  for (size_t p = 0; p < n; p++)
    {
      for (size_t i = 0; i < d; i++)
        means->stream[i] += weight * traces[p].stream[i];
      for (size_t e = 0; e < traces[p].n; e++)
        means->activity[traces[p].latents[e]] += weight * traces[p].values[e];
    }
}

static bool
add_set (Reading *r, CsTeam *team, const char *const *texts, size_t n, Means *means, GError **error)
{
  bool ok;

  means->stream = g_new0 (double, r->crosscoder->d_model);
  means->activity = g_new0 (double, r->crosscoder->n_latents);
  if (n == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "One of the two sets of prompts is empty: give at least one prompt of each.");
      return false;
    }
  r->texts = texts;
  r->traces = g_new0 (Trace, n);
  ok = read_all (r, team, n, error);
  if (ok)
    add_traces (r->traces, n, r->crosscoder->d_model, means);
  traces_free (r->traces, n);
  return ok;
}

/* Decoder rows are in the crosscoder's own space: where it normalises, the model's gain undoes it. */
static bool
share_out (const CsCrosscoder *cc, const Means means[2], CsDirectionShare *shares, double *error_share,
           GError **error)
{
  const size_t d = cc->d_model;
  g_autofree double *r = g_new (double, d);
  double square = 0, sum = 0;

  for (size_t i = 0; i < d; i++)
    {
      r[i] = means[0].stream[i] - means[1].stream[i];
      square += r[i] * r[i];
    }
  if (!(square > 0))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "The two sets of prompts leave the chat model in the same state: give sets that differ.");
      return false;
    }
  for (size_t j = 0; j < cc->n_latents; j++)
    {
      const float *decoder = cc->decoder + (2 * j + 1) * d;
      double along = 0;

      for (size_t i = 0; i < d; i++)
        along += decoder[i] * r[i];
      shares[j] = (CsDirectionShare){ .latent = j, .activity = { means[0].activity[j], means[1].activity[j] } };
      shares[j].share =
          (shares[j].activity[0] - shares[j].activity[1]) * along / ((double)cc->gain[1] * square);
      sum += shares[j].share;
    }
  if (error_share != NULL)
    *error_share = 1 - sum;
  return true;
}

bool
cs_direction_shares (CsJob *job, CsTeam *team, const CsPair *pair, const CsCrosscoder *crosscoder,
                     size_t layer, const char *const *a, size_t n_a, const char *const *b, size_t n_b,
                     CsDirectionShare *shares, double *error_share, GError **error)
{
  Reading reading = { .job = job, .pair = pair, .crosscoder = crosscoder, .layer = layer };
  Means means[2] = { { NULL, NULL }, { NULL, NULL } };
  bool ok = add_set (&reading, team, a, n_a, &means[0], error) &&
            add_set (&reading, team, b, n_b, &means[1], error) &&
            share_out (crosscoder, means, shares, error_share, error);

  means_clear (&means[0]);
  means_clear (&means[1]);
  return ok;
}

static int
larger_first (const void *a, const void *b)
{
  const CsDirectionShare *x = a, *y = b;

  return x->share > y->share ? -1 : x->share < y->share ? 1 : x->latent < y->latent ? -1 : 1;
}

GArray *
cs_direction_carriers (const CsDirectionShare *shares, const float *delta_norm, size_t n_latents, double min_delta)
{
  GArray *carriers = g_array_new (FALSE, FALSE, sizeof (CsDirectionShare));

  for (size_t j = 0; j < n_latents; j++)
    if (shares[j].share > 0 && shares[j].activity[0] > shares[j].activity[1] && delta_norm[j] >= min_delta)
      g_array_append_val (carriers, shares[j]);
  g_array_sort (carriers, larger_first);
  return carriers;
}
