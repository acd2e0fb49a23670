#include "adam.h"

#include <math.h>

#include "vector.h"

#ifdef __SSE__
#  include <xmmintrin.h>
#endif

#define BETA_1 0.9
#define BETA_2 0.999
#define EPSILON 1e-8f

typedef struct
{
  const CsAdamRows *rows;
  float scale, rate, inverse_root; /* rate = lr / (1 − β1^t); inverse_root = 1 / √(1 − β2^t) */
} AdamTask;

static void
update_with_gradient (const AdamTask *task,
                      float *restrict w,
                      float *restrict m,
                      float *restrict v,
                      const float *restrict gradient,
                      size_t n)
{
  const float beta_1 = (float)BETA_1, beta_2 = (float)BETA_2;
  const float rest_1 = (float)(1 - BETA_1), rest_2 = (float)(1 - BETA_2);
  const float scale = task->scale, rate = task->rate, inverse_root = task->inverse_root;
  for (size_t i = 0; i < n; i++)
    {
      const float g = gradient[i] * scale;
      const float first = beta_1 * m[i] + rest_1 * g;
      const float second = beta_2 * v[i] + rest_2 * (g * g);
      m[i] = first;
      v[i] = second;
      w[i] -= rate * first / (sqrtf (second) * inverse_root + EPSILON);
    }
}

static void
update_without_gradient (const AdamTask *task,
                         float *restrict w,
                         float *restrict m,
                         float *restrict v,
                         size_t n)
{
  const float beta_1 = (float)BETA_1, beta_2 = (float)BETA_2;
  const float rate = task->rate, inverse_root = task->inverse_root;
  for (size_t i = 0; i < n; i++)
    {
      const float first = beta_1 * m[i];
      const float second = beta_2 * v[i];
      m[i] = first;
      v[i] = second;
      w[i] -= rate * first / (sqrtf (second) * inverse_root + EPSILON);
    }
}

static void
update_row (const AdamTask *task, size_t row)
{
  const CsAdamRows *rows = task->rows;
  const size_t at = row * rows->width;
  if (rows->touched[row])
    {
      rows->moving[row] = 1;
      update_with_gradient (task, rows->weight + at, rows->first + at, rows->second + at,
                            rows->gradient + at, rows->width);
    }
  else if (rows->moving[row])
    update_without_gradient (task, rows->weight + at, rows->first + at, rows->second + at,
                             rows->width);
  else
    return;
  if (rows->norms)
    for (size_t half = 0; half < 2; half++)
      rows->norms[2 * row + half] =
          cs_norm2 (rows->weight + at + half * (rows->width / 2), rows->width / 2);
}

static void
update_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const AdamTask *task = data;
  const CsAdamRows *rows = task->rows;
  const size_t at = begin * rows->width;
#ifdef __SSE__
  /* Moments of a silent latent decay into the subnormals, where each operation takes a hundred
   * cycles: flush them. */
  const unsigned saved = _mm_getcsr ();
  _mm_setcsr (saved | 0x8040);
#endif
  if (rows->touched)
    for (size_t row = begin; row < end; row++)
      update_row (task, row);
  else
    update_with_gradient (task, rows->weight + at, rows->first + at, rows->second + at,
                          rows->gradient + at, (end - begin) * rows->width);
#ifdef __SSE__
  _mm_setcsr (saved);
#endif
}

void
cs_adam_update (CsTeam *team, const CsAdamRows *rows, const CsAdamStep *step)
{
  AdamTask task = {
    .rows = rows,
    .scale = (float)step->gradient_scale,
    .rate = (float)(step->lr / (1 - pow (BETA_1, (double)step->t))),
    .inverse_root = (float)(1 / sqrt (1 - pow (BETA_2, (double)step->t))),
  };
  cs_team_run (team, rows->n_rows, update_range, &task);
}
