#include "scaling.h"

#include <string.h>

#include "vector.h"

typedef struct {
  double f2;                   /* Σ f² */
  double activation[2];        /* Σ f⟨h^m, d⟩ */
  double reconstruction[2];    /* Σ f⟨ĥ^m, d⟩ */
  size_t count;
} Sums;

struct CsScaling {
  const CsCrosscoder *crosscoder;
  Sums *sums;                  /* [F] */
  /* Entries of one cs_scaling_add() by latent, so that each latent's sums grow in token order whoever adds them. */
  size_t *first;               /* [F + 1] */
  uint32_t *token;
  float *value;
  size_t capacity;
};

CsScaling *
cs_scaling_new (const CsCrosscoder *crosscoder)
{
  CsScaling *scaling = g_new0 (CsScaling, 1);

  scaling->crosscoder = crosscoder;
  scaling->sums = g_new0 (Sums, crosscoder->n_latents);
  scaling->first = g_new0 (size_t, crosscoder->n_latents + 1);
  return scaling;
}

void
cs_scaling_free (CsScaling *scaling)
{
  if (scaling == NULL)
    return;
  g_free (scaling->sums);
  g_free (scaling->first);
  g_free (scaling->token);
  g_free (scaling->value);
  g_free (scaling);
}

/* Turns the codes' rows of tokens into rows of latents. */
static void
transpose (CsScaling *s, const CsCodes *codes)
{
  const size_t n_latents = s->crosscoder->n_latents, n = codes->start[codes->n_tokens];

  if (n > s->capacity)
    {
      s->capacity = n;
      s->token = g_renew (uint32_t, s->token, n);
      s->value = g_renew (float, s->value, n);
    }
  memset (s->first, 0, (n_latents + 1) * sizeof *s->first);
  for (size_t e = 0; e < n; e++)
    s->first[codes->latent[e] + 1]++;
  for (size_t j = 0; j < n_latents; j++)
    s->first[j + 1] += s->first[j];
  for (size_t t = 0; t < codes->n_tokens; t++)
    for (size_t e = codes->start[t]; e < codes->start[t + 1]; e++)
      {
        size_t at = s->first[codes->latent[e]]++;
        s->token[at] = (uint32_t) t;
        s->value[at] = codes->value[e];
      }
  for (size_t j = n_latents; j > 0; j--)
    s->first[j] = s->first[j - 1];
  s->first[0] = 0;
}

typedef struct {
  CsScaling *scaling;
  const float *x, *reconstruction;
} AddTask;

static void
add_latents (size_t begin, size_t end, unsigned worker, void *data)
{
  const AddTask *task = data;
  CsScaling *s = task->scaling;
  const size_t d = s->crosscoder->d_model;

  for (size_t j = begin; j < end; j++)
    {
      const float *chat_row = s->crosscoder->decoder + j * 2 * d + d;
      Sums *sums = &s->sums[j];

      for (size_t e = s->first[j]; e < s->first[j + 1]; e++)
        {
          const size_t row = (size_t) s->token[e] * 2 * d;
          const double f = s->value[e];

          sums->f2 += f * f;
          sums->count++;
          for (size_t m = 0; m < 2; m++)
            {
              sums->activation[m] += f * cs_dot_double (task->x + row + m * d, chat_row, d);
              sums->reconstruction[m] += f * cs_dot_double (task->reconstruction + row + m * d, chat_row, d);
            }
        }
    }
}

void
cs_scaling_add (CsScaling *scaling, CsTeam *team, const float *x, const CsCodes *codes, const float *reconstruction)
{
  AddTask task = { scaling, x, reconstruction };

  transpose (scaling, codes);
  cs_team_run (team, scaling->crosscoder->n_latents, add_latents, &task);
}

void
cs_scaling_result (const CsScaling *scaling, size_t latent, CsScalingResult *r)
{
  const CsCrosscoder *cc = scaling->crosscoder;
  const size_t d = cc->d_model;
  const float *row = cc->decoder + latent * 2 * d, *chat_row = row + d;
  const Sums *sums = &scaling->sums[latent];
  const double norm2 = cs_dot_double (chat_row, chat_row, d), below = sums->f2 * norm2;

  r->count_active = sums->count;
  for (size_t m = 0; m < 2; m++)
    {
      /* Σf⟨ε,d⟩ = Σf⟨h,d⟩ − Σf⟨ĥ,d⟩; the latent's own part, put back, is Σf²·⟨d^m, d^chat⟩. */
      double own = cs_dot_double (row + m * d, chat_row, d) / norm2;

      r->beta_activation[m] = sums->activation[m] / below;
      r->beta_reconstruction[m] = sums->reconstruction[m] / below;
      r->beta_error[m] = (sums->activation[m] - sums->reconstruction[m]) / below + own;
    }
  r->nu_activation = r->beta_activation[0] / r->beta_activation[1];
  r->nu_reconstruction = r->beta_reconstruction[0] / r->beta_reconstruction[1];
  r->nu_error = r->beta_error[0] / r->beta_error[1];
}
