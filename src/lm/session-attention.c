/* Causal attention over the cache, grouped key-value heads; softmax in float32. */
#include "session-private.h"

#include <math.h>
#include <string.h>

#include "blas.h"
#include "session-kernels.h"

typedef struct
{
  CsSession *session;
  size_t layer, m;
} Attention;

static inline size_t
qkv_width (const CsModelConfig *s)
{
  return (s->n_heads + 2 * s->n_kv_heads) * s->head_dim;
}

/* [capacity, D] of one key-value head. */
static inline size_t
cache_offset (const CsSession *session, size_t layer, size_t kv_head)
{
  const CsModelConfig *s = &session->model->architecture.sizes;
  return (layer * s->n_kv_heads + kv_head) * session->capacity * s->head_dim;
}

/* Angles are computed in double, once a position. */
static void
ensure_angles (CsSession *session, size_t n_positions)
{
  const size_t half = session->model->architecture.sizes.head_dim / 2;
  for (; session->n_angles < n_positions; session->n_angles++)
    for (size_t i = 0; i < half; i++)
      {
        double angle = (double)session->n_angles * session->frequencies[i];
        session->cosines[session->n_angles * half + i] = (float)cos (angle);
        session->sines[session->n_angles * half + i] = (float)sin (angle);
      }
}

/* Rows begin … end−1: rotary positions on queries and keys, keys and values into the cache. */
static void
rotate_and_store (size_t begin, size_t end, unsigned worker, void *data)
{
  const Attention *a = data;
  CsSession *session = a->session;
  const CsModelConfig *s = &session->model->architecture.sizes;
  const size_t dim = s->head_dim, half = dim / 2, n_rotated = s->n_heads + s->n_kv_heads;
  for (size_t t = begin; t < end; t++)
    {
      const size_t position = session->position + t;
      float *row = session->qkv + t * qkv_width (s);
      for (size_t h = 0; h < n_rotated; h++)
        cs_kernel_rotate (row + h * dim, session->cosines + position * half,
                          session->sines + position * half, half);
      for (size_t h = 0; h < s->n_kv_heads; h++)
        {
          size_t at = cache_offset (session, a->layer, h) + position * dim;
          memcpy (session->keys + at, row + (s->n_heads + h) * dim, dim * sizeof *row);
          memcpy (session->values + at, row + (n_rotated + h) * dim, dim * sizeof *row);
        }
    }
}

/* One query: plain loops read keys and values once. */
static void
attend_single (const CsSession *session,
               size_t cache,
               const float *query,
               size_t n_keys,
               float *scores,
               float *out)
{
  const CsArchitecture *a = &session->model->architecture;
  const size_t dim = a->sizes.head_dim;
  cs_kernel_row_dots (session->keys + cache, n_keys, dim, query, scores);
  cs_kernel_softmax (scores, n_keys, (float)a->attention_scale);
  cs_kernel_weighted_sum (session->values + cache, n_keys, dim, scores, out);
}

/* n queries from row `first` of the block on, the last of which sees n_keys keys. */
static void
attend_rows (const CsSession *session,
             size_t cache,
             size_t head,
             size_t first,
             size_t n,
             float *scores)
{
  const CsArchitecture *a = &session->model->architecture;
  const CsModelConfig *s = &a->sizes;
  const size_t dim = s->head_dim, n_keys = session->position + first + n;
  const float *query = session->qkv + first * qkv_width (s) + head * dim;
  float *out = session->attended + first * s->n_heads * dim + head * dim;
  if (n == 1)
    {
      attend_single (session, cache, query, n_keys, scores, out);
      return;
    }
  cs_gemm (NULL, false, true, n, n_keys, dim, 1, query, qkv_width (s), session->keys + cache, dim,
           0, scores, n_keys);
  for (size_t t = 0; t < n; t++)
    {
      size_t visible = n_keys - n + t + 1;
      cs_kernel_softmax (scores + t * n_keys, visible, (float)a->attention_scale);
      memset (scores + t * n_keys + visible, 0, (n_keys - visible) * sizeof *scores);
    }
  cs_gemm (NULL, false, false, n, dim, n_keys, 1, scores, n_keys, session->values + cache, dim, 0,
           out, s->n_heads * dim);
}

static void
attend_heads (size_t begin, size_t end, unsigned worker, void *data)
{
  const Attention *a = data;
  CsSession *session = a->session;
  const CsModelConfig *s = &session->model->architecture.sizes;
  const size_t group = s->n_heads / s->n_kv_heads;
  float *scores = session->scores + worker * session->score_rows * session->capacity;
  for (size_t head = begin; head < end; head++)
    {
      size_t cache = cache_offset (session, a->layer, head / group);
      for (size_t first = 0; first < a->m; first += session->score_rows)
        attend_rows (session, cache, head, first, MIN (session->score_rows, a->m - first), scores);
    }
}

void
cs_session_attend (CsSession *session, size_t layer, size_t m)
{
  Attention a = { session, layer, m };
  const CsModelConfig *s = &session->model->architecture.sizes;
  ensure_angles (session, session->position + m);
  bool small = m * (session->position + m) * s->head_dim < 4096;
  cs_team_run (small ? NULL : session->team, m, rotate_and_store, &a);
  cs_team_run (small ? NULL : session->team, s->n_heads, attend_heads, &a);
}
