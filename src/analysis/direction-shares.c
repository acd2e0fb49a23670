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


typedef struct
{
  CsJob *job;
  const CsPair *pair;
  const CsCrosscoder *crosscoder;
  size_t layer;
  CsCodes codes;
} Reading;

static bool
add_prompt (Reading *r, const char *text, double weight, Means *means, GError **error)
{
  const size_t d = r->crosscoder->d_model;
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree float *rows = NULL;
  const float *last;

  if (!cs_job_checkpoint (r->job, error) || !cs_steer_prompt (r->pair, text, true, ids, NULL, error))
    return false;
  rows = g_new (float, ids->len * 2 * d);
  last = rows + (ids->len - 1) * 2 * d;
  if (!cs_pair_residuals (r->pair, NULL, r->layer, (const int32_t *)(const void *)ids->data, ids->len,
                          rows, error) ||
      !cs_crosscoder_encode (r->crosscoder, NULL, last, 1, &r->codes, error))
    return false;
  for (size_t i = 0; i < d; i++)
    means->stream[i] += weight * last[d + i];
  for (size_t e = r->codes.start[0]; e < r->codes.start[1]; e++)
    means->activity[r->codes.latent[e]] += weight * r->codes.value[e];
  return true;
}

static bool
add_set (Reading *r, const char *const *texts, size_t n, Means *means, GError **error)
{
  means->stream = g_new0 (double, r->crosscoder->d_model);
  means->activity = g_new0 (double, r->crosscoder->n_latents);
  if (n == 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "One of the two sets of prompts is empty: give at least one prompt of each.");
      return false;
    }
  for (size_t i = 0; i < n; i++)
    if (!add_prompt (r, texts[i], 1.0 / (double)n, means, error))
      return false;
  return true;
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
cs_direction_shares (CsJob *job, const CsPair *pair, const CsCrosscoder *crosscoder, size_t layer,
                     const char *const *a, size_t n_a, const char *const *b, size_t n_b,
                     CsDirectionShare *shares, double *error_share, GError **error)
{
  Reading reading = { .job = job, .pair = pair, .crosscoder = crosscoder, .layer = layer };
  Means means[2] = { { NULL, NULL }, { NULL, NULL } };
  bool ok = add_set (&reading, a, n_a, &means[0], error) && add_set (&reading, b, n_b, &means[1], error) &&
            share_out (crosscoder, means, shares, error_share, error);

  means_clear (&means[0]);
  means_clear (&means[1]);
  cs_codes_clear (&reading.codes);
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
