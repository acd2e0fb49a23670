#include "scaling.h"

#include <math.h>
#include <string.h>

#include "errors.h"
#include "vector.h"

/* By direction (0 = along d^base, 1 = along d^chat), then model. */
typedef struct {
  double f, f2;                   /* Σ f, Σ f² */
  double own[2];                  /* Σ f·f^m: f², where model m is decoded from the entry */
  double activation[2][2];        /* Σ f⟨h^m, d⟩ */
  double reconstruction[2][2];    /* Σ f⟨ĥ^m, d⟩ */
} Sums;

/* For the identity. */
typedef struct {
  double error[2][2];             /* Σ f⟨h^m − (ĥ^m − f·d^m), d⟩ */
  double size[2][2];              /* Σ of the absolute values of all terms */
  size_t count;
} Check;

struct CsScaling {
  const CsCrosscoder *crosscoder;
  Sums *sums;                  /* [F, CS_SCALING_BLOCKS] */
  Check *check;                /* [F] */
  /* Entries of one cs_scaling_add() by latent, so that each latent's sums grow in token order whoever adds them. */
  size_t *first;               /* [F + 1] */
  uint32_t *token;
  float *value;
  uint8_t *models;             /* which are decoded from the entry: 1 base, 2 chat, 3 both */
  size_t capacity;
};

CsScaling *
cs_scaling_new (const CsCrosscoder *crosscoder, GError **error)
{
  g_autoptr (CsScaling) scaling = g_new0 (CsScaling, 1);
  const size_t n = crosscoder->n_latents;
  size_t n_sums;

  scaling->crosscoder = crosscoder;
  if (g_size_checked_mul (&n_sums, n, CS_SCALING_BLOCKS) && n_sums <= G_MAXSSIZE / sizeof (Sums))
    scaling->sums = g_try_new0 (Sums, n_sums);
  scaling->check = g_try_new0 (Check, n);
  scaling->first = g_try_new0 (size_t, n + 1);
  if (scaling->sums != NULL && scaling->check != NULL && scaling->first != NULL)
    return g_steal_pointer (&scaling);
  g_set_error (error, CS_ERROR, CS_ERROR_IO,
               "There is not enough memory for the sums of %zu latents: close other programs and try again.", n);
  return NULL;
}

void
cs_scaling_free (CsScaling *scaling)
{
  if (scaling == NULL)
    return;
  g_free (scaling->sums);
  g_free (scaling->check);
  g_free (scaling->first);
  g_free (scaling->token);
  g_free (scaling->value);
  g_free (scaling->models);
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
      s->models = g_renew (uint8_t, s->models, n);
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
        s->models[at] = codes->models != NULL ? codes->models[e] : 3;
      }
  for (size_t j = n_latents; j > 0; j--)
    s->first[j] = s->first[j - 1];
  s->first[0] = 0;
}

typedef struct {
  CsScaling *scaling;
  const float *x, *reconstruction;
  const uint8_t *block;
} AddTask;

enum { ACTIVATION, RECONSTRUCTION, ERROR, N_TARGETS };
enum { LANES = 8 };

/* Inner products of the three targets of one model (h, h_hat and h − (h_hat − f·own)) with both directions, in one go over
 * rows that are then in the cache. row: [2, d], whose half `model` is own; f: what the model is decoded from. */
static void
products (const float *h, const float *h_hat, const float *row, size_t model, double f, size_t d,
          double out[2][N_TARGETS])
{
  const float *restrict base = row, *restrict chat = row + d, *restrict own = row + model * d;
  double lanes[2][N_TARGETS][LANES] = { 0 };
  size_t i = 0;

  for (; i + LANES <= d; i += LANES)
    for (size_t l = 0; l < LANES; l++)
      {
        const double a = h[i + l], r = h_hat[i + l], e = a - (r - f * (double) own[i + l]);
        const double b = base[i + l], c = chat[i + l];

        lanes[0][ACTIVATION][l] += a * b;
        lanes[0][RECONSTRUCTION][l] += r * b;
        lanes[0][ERROR][l] += e * b;
        lanes[1][ACTIVATION][l] += a * c;
        lanes[1][RECONSTRUCTION][l] += r * c;
        lanes[1][ERROR][l] += e * c;
      }
  for (; i < d; i++)
    for (size_t s = 0; s < 2; s++)
      {
        const double a = h[i], r = h_hat[i], e = a - (r - f * (double) own[i]), along = row[s * d + i];

        lanes[s][ACTIVATION][0] += a * along;
        lanes[s][RECONSTRUCTION][0] += r * along;
        lanes[s][ERROR][0] += e * along;
      }
  for (size_t s = 0; s < 2; s++)
    for (size_t y = 0; y < N_TARGETS; y++)
      {
        out[s][y] = 0;
        for (size_t l = 0; l < LANES; l++)
          out[s][y] += lanes[s][y][l];
      }
}

static void
add_entry (Sums *sums, Check *check, const float *h, const float *h_hat, const float *row, double f, unsigned models,
           size_t d)
{
  double dots[2][N_TARGETS];

  sums->f += f;
  sums->f2 += f * f;
  check->count++;
  for (size_t m = 0; m < 2; m++)
    {
      const double decoded = models >> m & 1 ? f : 0;

      sums->own[m] += f * decoded;
      products (h + m * d, h_hat + m * d, row, m, decoded, d, dots);
      for (size_t s = 0; s < 2; s++)
        {
          sums->activation[s][m] += f * dots[s][ACTIVATION];
          sums->reconstruction[s][m] += f * dots[s][RECONSTRUCTION];
          check->error[s][m] += f * dots[s][ERROR];
          check->size[s][m] += f * (fabs (dots[s][ACTIVATION]) + fabs (dots[s][RECONSTRUCTION]) + fabs (dots[s][ERROR]));
        }
    }
}

static void
add_latents (size_t begin, size_t end, unsigned worker, void *data)
{
  const AddTask *task = data;
  CsScaling *s = task->scaling;
  const size_t d = s->crosscoder->d_model;

  for (size_t j = begin; j < end; j++)
    {
      const float *row = s->crosscoder->decoder + j * 2 * d;

      for (size_t e = s->first[j]; e < s->first[j + 1]; e++)
        {
          const size_t t = s->token[e], block = task->block != NULL ? task->block[t] : 0;

          add_entry (&s->sums[j * CS_SCALING_BLOCKS + block], &s->check[j], task->x + t * 2 * d,
                     task->reconstruction + t * 2 * d, row, s->value[e], s->models[e], d);
        }
    }
}

void
cs_scaling_add (CsScaling *scaling, CsTeam *team, const float *x, const CsCodes *codes, const float *reconstruction,
                const uint8_t *block)
{
  AddTask task = { scaling, x, reconstruction, block };

  transpose (scaling, codes);
  cs_team_run (team, scaling->crosscoder->n_latents, add_latents, &task);
}

static Sums
total (const Sums *blocks)
{
  Sums all = { 0 };

  for (size_t b = 0; b < CS_SCALING_BLOCKS; b++)
    {
      all.f += blocks[b].f;
      all.f2 += blocks[b].f2;
      all.own[0] += blocks[b].own[0];
      all.own[1] += blocks[b].own[1];
      for (size_t i = 0; i < 4; i++)
        {
          all.activation[i / 2][i % 2] += blocks[b].activation[i / 2][i % 2];
          all.reconstruction[i / 2][i % 2] += blocks[b].reconstruction[i / 2][i % 2];
        }
    }
  return all;
}

/* β^a − β^r − β^ε + ⟨d^m, d⟩/‖d‖² with β^ε from its own sums. */
static double
identity_gap (const Sums *sums, const Check *check, int s, size_t m, double own)
{
  const double missed = sums->activation[s][m] - sums->reconstruction[s][m] - check->error[s][m] + sums->own[m] * own;
  const double size = check->size[s][m] + sums->own[m] * fabs (own);

  return size > 0 ? fabs (missed) / size : 0;
}

void
cs_scaling_result (const CsScaling *scaling, size_t latent, int direction, CsScalingResult *r)
{
  const CsCrosscoder *cc = scaling->crosscoder;
  const size_t d = cc->d_model;
  const float *row = cc->decoder + latent * 2 * d, *along = row + (size_t) direction * d;
  const Check *check = &scaling->check[latent];
  const Sums sums = total (&scaling->sums[latent * CS_SCALING_BLOCKS]);
  const double below = sums.f2 * cs_dot_double (along, along, d);
  const int s = direction, other = 1 - direction;

  r->count_active = check->count;
  r->identity_gap = 0;
  for (size_t m = 0; m < 2; m++)
    {
      /* Σf⟨ε,d⟩ = Σf⟨h,d⟩ − Σf⟨ĥ,d⟩; the latent's own part, put back, is Σf·f^m·⟨d^m, d⟩. */
      const double own = cs_dot_double (row + m * d, along, d);
      const double bias = sums.f * cs_dot_double (cc->decoder_bias + m * d, along, d);
      const double activation = sums.activation[s][m], reconstruction = sums.reconstruction[s][m];

      r->beta_activation[m] = activation / below;
      r->beta_reconstruction[m] = reconstruction / below;
      r->beta_error[m] = (activation - reconstruction + sums.own[m] * own) / below;
      r->beta_activation_nobias[m] = (activation - bias) / below;
      r->beta_reconstruction_nobias[m] = (reconstruction - bias) / below;
      r->identity_gap = fmax (r->identity_gap, identity_gap (&sums, check, s, m, own));
    }
  r->nu_activation = r->beta_activation[other] / r->beta_activation[s];
  r->nu_reconstruction = r->beta_reconstruction[other] / r->beta_reconstruction[s];
  r->nu_error = r->beta_error[other] / r->beta_error[s];
  r->nu_activation_nobias = r->beta_activation_nobias[other] / r->beta_activation_nobias[s];
  r->nu_reconstruction_nobias = r->beta_reconstruction_nobias[other] / r->beta_reconstruction_nobias[s];
}

size_t
cs_scaling_blocks (const CsScaling *scaling, size_t latent, int direction, CsScalingTarget target, double *numerator,
                   double *denominator)
{
  const CsCrosscoder *cc = scaling->crosscoder;
  const size_t d = cc->d_model;
  const float *row = cc->decoder + latent * 2 * d, *along = row + (size_t) direction * d;
  const double own[2] = { cs_dot_double (row, along, d), cs_dot_double (row + d, along, d) };
  size_t n_active = 0;

  for (size_t b = 0; b < CS_SCALING_BLOCKS; b++)
    {
      const Sums *sums = &scaling->sums[latent * CS_SCALING_BLOCKS + b];
      double value[2];

      for (size_t m = 0; m < 2; m++)
        {
          value[m] = sums->reconstruction[direction][m];
          if (target == CS_SCALING_ERROR)
            value[m] = sums->activation[direction][m] - value[m] + sums->own[m] * own[m];
        }
      numerator[b] = value[1 - direction];
      denominator[b] = value[direction];
      n_active += sums->f2 > 0;
    }
  return n_active;
}
