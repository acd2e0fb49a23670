#include "twins.h"

#include <math.h>

#include "blas.h"
#include "vector.h"

#define ROWS 256        /* of the products at once */
#define HIGH 0.4
#define LOW 0.1
#define NONE UINT32_MAX

struct CsTwins {
  const float *max_act, *scales;
  CsTwin *pairs;
  size_t n_pairs, n_close;
  uint32_t *pair_of;   /* [n_latents], NONE where it has no twin */
  /* One token: */
  float (*v)[2];       /* [n_pairs]: of chat and base */
  uint32_t *touched;   /* [2 n_pairs] */
};

/* Unit rows of d^model of the listed latents: [n, d]. */
static float *
directions (const CsCrosscoder *cc, const uint32_t *list, size_t n, size_t model)
{
  const size_t d = cc->d_model;
  float *rows = g_new (float, MAX (n * d, 1));

  for (size_t i = 0; i < n; i++)
    {
      const float *from = cc->decoder + list[i] * 2 * d + model * d;
      const double norm = cs_norm2 (from, d);

      for (size_t k = 0; k < d; k++)
        rows[i * d + k] = norm > 0 ? (float) (from[k] / norm) : 0;
    }
  return rows;
}

/* Of a row of one set: a row of the other that is close to it, and how many are. */
typedef struct {
  uint32_t at, n;
  float cosine;
} Close;

static void
find_close (CsTeam *team, const float *chat, size_t n_chat, const float *base, size_t n_base, size_t d,
            Close *of_chat, Close *of_base, size_t *n_close)
{
  g_autofree float *products = g_new (float, ROWS * n_base);

  for (size_t first = 0; first < n_chat; first += ROWS)
    {
      const size_t n = MIN (ROWS, n_chat - first);

      cs_gemm (team, false, true, n, n_base, d, 1, chat + first * d, d, base, d, 0, products, n_base);
      for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n_base; k++)
          {
            const float cosine = products[i * n_base + k];

            if (!(cosine > CS_TWIN_COSINE))
              continue;
            ++*n_close;
            of_base[k].n++;
            of_chat[first + i] = (Close) { (uint32_t) k, of_chat[first + i].n + 1, cosine };
          }
    }
}

CsTwins *
cs_twins_new (const CsCrosscoder *cc, CsTeam *team, const uint32_t *chat, size_t n_chat, const uint32_t *base,
              size_t n_base, const float *max_act, const float *scales)
{
  CsTwins *twins = g_new0 (CsTwins, 1);

  twins->max_act = max_act;
  twins->scales = scales;
  twins->pairs = g_new0 (CsTwin, MAX (MIN (n_chat, n_base), 1));
  twins->pair_of = g_new (uint32_t, cc->n_latents);
  for (size_t j = 0; j < cc->n_latents; j++)
    twins->pair_of[j] = NONE;
  if (n_chat > 0 && n_base > 0)
    {
      g_autofree float *chat_rows = directions (cc, chat, n_chat, 1), *base_rows = directions (cc, base, n_base, 0);
      g_autofree Close *of_chat = g_new0 (Close, n_chat), *of_base = g_new0 (Close, n_base);

      find_close (team, chat_rows, n_chat, base_rows, n_base, cc->d_model, of_chat, of_base, &twins->n_close);
      for (size_t i = 0; i < n_chat; i++)
        if (of_chat[i].n == 1 && of_base[of_chat[i].at].n == 1)
          {
            const uint32_t b = base[of_chat[i].at];

            twins->pair_of[chat[i]] = twins->pair_of[b] = (uint32_t) twins->n_pairs;
            twins->pairs[twins->n_pairs++] = (CsTwin) { .chat = chat[i], .base = b, .cosine = of_chat[i].cosine };
          }
    }
  twins->v = g_malloc0_n (MAX (twins->n_pairs, 1), sizeof *twins->v);
  twins->touched = g_new (uint32_t, MAX (2 * twins->n_pairs, 1)); /* a pair has at most two entries a token */
  return twins;
}

void
cs_twins_free (CsTwins *twins)
{
  if (twins == NULL)
    return;
  g_free (twins->pairs);
  g_free (twins->pair_of);
  g_free (twins->v);
  g_free (twins->touched);
  g_free (twins);
}

static void
end_token (CsTwins *twins, size_t n_touched)
{
  for (size_t i = 0; i < n_touched; i++)
    {
      const uint32_t p = twins->touched[i];
      CsTwin *pair = &twins->pairs[p];
      const double most = MAX (twins->max_act[pair->chat], twins->max_act[pair->base]);
      const double chat = twins->v[p][0] / most, base = twins->v[p][1] / most;

      pair->high += chat > HIGH || base > HIGH;
      pair->apart += (chat > HIGH && base <= LOW) || (base > HIGH && chat <= LOW);
      twins->v[p][0] = twins->v[p][1] = 0;
    }
}

void
cs_twins_add (CsTwins *twins, const CsCodes *codes)
{
  if (twins->n_pairs == 0)
    return;
  for (size_t t = 0; t < codes->n_tokens; t++)
    {
      size_t n_touched = 0;

      for (size_t e = codes->start[t]; e < codes->start[t + 1]; e++)
        {
          const uint32_t j = codes->latent[e], p = twins->pair_of[j];

          if (p == NONE)
            continue;
          if (twins->v[p][0] == 0 && twins->v[p][1] == 0)
            twins->touched[n_touched++] = p;
          twins->v[p][twins->pairs[p].base == j] = cs_codes_activation (codes, e, twins->scales);
        }
      end_token (twins, n_touched);
    }
}

size_t
cs_twins_n (const CsTwins *twins)
{
  return twins->n_pairs;
}

size_t
cs_twins_n_close (const CsTwins *twins)
{
  return twins->n_close;
}

const CsTwin *
cs_twins_get (const CsTwins *twins, size_t i)
{
  return &twins->pairs[i];
}

double
cs_twin_divergence (const CsTwin *twin)
{
  return twin->high > 0 ? (double) twin->apart / (double) twin->high : NAN;
}
