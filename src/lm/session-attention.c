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

/* Where the parts of a row of session->qkv are: head h's at OFFSET + h · STRIDE. */
typedef struct
{
  size_t width, stride, query, key, value;
} Layout;

static inline Layout
layout_of (const CsArchitecture *a)
{
  const CsModelConfig *s = &a->sizes;
  const size_t dim = s->head_dim, width = (s->n_heads + 2 * s->n_kv_heads) * dim;
  if (a->family->interleaved_qkv)
    return (Layout){ width, 3 * dim, 0, dim, 2 * dim };
  return (Layout){ width, dim, 0, s->n_heads * dim, (s->n_heads + s->n_kv_heads) * dim };
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
fill_angles (CsAngles *angles, size_t position, size_t n)
{
  for (size_t i = 0; i < n; i++)
    {
      double angle = (double)position * angles->frequencies[i];
      angles->cosines[position * n + i] = (float)cos (angle);
      angles->sines[position * n + i] = (float)sin (angle);
    }
}

static void
ensure_angles (CsSession *session, size_t n_positions)
{
  const size_t n = session->model->architecture.sizes.n_rotated / 2;
  for (; session->n_angles < n_positions; session->n_angles++)
    for (size_t i = 0; i < CS_N_ROPES; i++)
      if (session->angles[i].frequencies != NULL)
        fill_angles (&session->angles[i], session->n_angles, n);
}

static const CsAngles *
layer_angles (const CsSession *session, size_t layer)
{
  bool local = session->model->architecture.slides[layer] &&
               session->angles[CS_ROPE_LOCAL].frequencies != NULL;
  return &session->angles[local ? CS_ROPE_LOCAL : CS_ROPE_GLOBAL];
}

/* n_heads heads of one row, each normed by itself or all of them as one vector. */
static void
norm_heads (const CsArchitecture *a,
            const CsNorm *norm,
            float *heads,
            size_t n_heads,
            size_t stride)
{
  const size_t dim = a->sizes.head_dim;
  if (norm->weight == NULL)
    return;
  if (a->family->full_width_qk_norm)
    cs_norm_apply (a, norm, n_heads * dim, heads, heads);
  else
    for (size_t h = 0; h < n_heads; h++)
      cs_norm_apply (a, norm, dim, heads + h * stride, heads + h * stride);
}

static void
rotate_heads (const CsAngles *angles,
              size_t position,
              size_t half,
              float *heads,
              size_t n_heads,
              size_t stride)
{
  for (size_t h = 0; h < n_heads; h++)
    cs_kernel_rotate (heads + h * stride, angles->cosines + position * half,
                      angles->sines + position * half, half);
}

/* Rows begin … end−1: norms and rotary positions on queries and keys, keys and values into the
 * cache. */
static void
rotate_and_store (size_t begin, size_t end, unsigned worker, void *data)
{
  const Attention *attention = data;
  CsSession *session = attention->session;
  const CsArchitecture *a = &session->model->architecture;
  const CsModelConfig *s = &a->sizes;
  const CsNorm *norms = session->model->blocks[attention->layer].norms;
  const CsAngles *angles = layer_angles (session, attention->layer);
  const Layout layout = layout_of (a);
  const size_t dim = s->head_dim, half = s->n_rotated / 2;
  for (size_t t = begin; t < end; t++)
    {
      const size_t position = session->position + t;
      float *row = session->qkv + t * layout.width;
      norm_heads (a, &norms[CS_NORM_QUERY], row + layout.query, s->n_heads, layout.stride);
      norm_heads (a, &norms[CS_NORM_KEY], row + layout.key, s->n_kv_heads, layout.stride);
      rotate_heads (angles, position, half, row + layout.query, s->n_heads, layout.stride);
      rotate_heads (angles, position, half, row + layout.key, s->n_kv_heads, layout.stride);
      for (size_t h = 0; h < s->n_kv_heads; h++)
        {
          size_t at = cache_offset (session, attention->layer, h) + position * dim;
          memcpy (session->keys + at, row + layout.key + h * layout.stride, dim * sizeof *row);
          memcpy (session->values + at, row + layout.value + h * layout.stride, dim * sizeof *row);
        }
    }
}

/* Products q·k of one query to weights. */
static void
weigh (const CsModelConfig *s, float *scores, size_t n)
{
  if (s->attention_softcap > 0)
    cs_kernel_soft_cap (scores, n, (float)s->attention_scale, (float)s->attention_softcap);
  cs_kernel_softmax (scores, n, s->attention_softcap > 0 ? 1 : (float)s->attention_scale);
}

/* The first position that a query at `position` sees in this layer. */
static inline size_t
first_visible (const CsArchitecture *a, size_t layer, size_t position)
{
  const size_t window = a->sizes.sliding_window;
  return window > 0 && a->slides[layer] && position >= window ? position - window + 1 : 0;
}

/* One query: plain loops read keys and values once. keys, values: [n_keys, D]. */
static void
attend_single (const CsModelConfig *s,
               const float *keys,
               const float *values,
               const float *query,
               size_t n_keys,
               float *scores,
               float *out)
{
  cs_kernel_row_dots (keys, n_keys, s->head_dim, query, scores);
  weigh (s, scores, n_keys);
  cs_kernel_weighted_sum (values, n_keys, s->head_dim, scores, out);
}

/* n queries from row `first` of the block on: keys from the first that one of them sees to the last
 * query's own. */
static void
attend_rows (const Attention *attention, size_t head, size_t first, size_t n, float *scores)
{
  const CsSession *session = attention->session;
  const CsArchitecture *a = &session->model->architecture;
  const CsModelConfig *s = &a->sizes;
  const Layout layout = layout_of (a);
  const size_t dim = s->head_dim, position = session->position + first,
               begin = first_visible (a, attention->layer, position), n_keys = position + n - begin,
               kv_head = head / (s->n_heads / s->n_kv_heads),
               cache = cache_offset (session, attention->layer, kv_head) + begin * dim;
  const float *keys = session->keys + cache, *values = session->values + cache;
  const float *query = session->qkv + first * layout.width + layout.query + head * layout.stride;
  float *out = session->attended + (first * s->n_heads + head) * dim;
  if (n == 1)
    {
      attend_single (s, keys, values, query, n_keys, scores, out);
      return;
    }
  cs_gemm (NULL, false, true, n, n_keys, dim, 1, query, layout.width, keys, dim, 0, scores, n_keys);
  for (size_t t = 0; t < n; t++)
    {
      float *row = scores + t * n_keys;
      size_t from = first_visible (a, attention->layer, position + t) - begin;
      size_t to = position + t + 1 - begin;
      memset (row, 0, from * sizeof *row);
      weigh (s, row + from, to - from);
      memset (row + to, 0, (n_keys - to) * sizeof *row);
    }
  cs_gemm (NULL, false, false, n, dim, n_keys, 1, scores, n_keys, values, dim, 0, out,
           s->n_heads * dim);
}

static void
attend_heads (size_t begin, size_t end, unsigned worker, void *data)
{
  const Attention *a = data;
  CsSession *session = a->session;
  float *scores = session->scores + worker * session->score_rows * session->capacity;
  for (size_t head = begin; head < end; head++)
    for (size_t first = 0; first < a->m; first += session->score_rows)
      attend_rows (a, head, first, MIN (session->score_rows, a->m - first), scores);
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
