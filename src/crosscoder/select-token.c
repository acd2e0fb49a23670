#include "select-private.h"

#include <math.h>
#include <string.h>

/* Puts the k-th largest of n values at index k−1 with none smaller before it (Hoare's selection).
 */
static float
kth_largest (float *values, size_t n, size_t k)
{
  size_t low = 0, high = n - 1, target = k - 1;
  while (low < high)
    {
      const float pivot = values[low + (high - low) / 2];
      size_t i = low, j = high;
      while (i <= j)
        {
          while (values[i] > pivot)
            i++;
          while (values[j] < pivot)
            j--;
          if (i > j)
            break;
          const float swap = values[i];
          values[i++] = values[j];
          values[j] = swap;
          if (j == 0)
            break;
          j--;
        }
      if (target <= j && j < high)
        high = j;
      else if (target >= i)
        low = i;
      else
        break;
    }
  return values[target];
}

/* All positive v of a row (or of the latents in the subset) into the worker's list. */
static void
collect_positive (CsSelectWorker *worker, const CsSelectTask *task, const float *pre)
{
  const CsPreActivations *in = task->in;
  if (!task->subset)
    {
      cs_select_row (worker, in, pre, 0.f);
      return;
    }
  for (size_t i = 0; i < task->n_subset; i++)
    {
      const uint32_t j = task->subset[i];
      const float f = pre[j] + in->bias[j], v = f * cs_select_scale (in, j);
      if (v > 0.f)
        cs_select_add (worker, j, f, v);
    }
}

/* Keeps the k largest of the entries first … n−1 of a worker's list. */
static void
keep_largest (CsSelectWorker *worker, size_t first, size_t k, float *floor)
{
  const size_t n = worker->n - first;
  if (worker->row_capacity < n)
    {
      worker->row_capacity = n + n / 2;
      worker->row = g_renew (float, worker->row, worker->row_capacity);
    }
  memcpy (worker->row, worker->v + first, n * sizeof (float));
  const float threshold = kth_largest (worker->row, n, k);
  *floor = 0.6f * threshold;
  size_t ties = k, to = first;
  for (size_t i = first; i < worker->n; i++)
    ties -= worker->v[i] > threshold;
  for (size_t i = first; i < worker->n; i++)
    {
      if (worker->v[i] < threshold || (worker->v[i] == threshold && ties == 0))
        continue;
      ties -= worker->v[i] == threshold;
      worker->latent[to] = worker->latent[i];
      worker->f[to] = worker->f[i];
      worker->v[to++] = worker->v[i];
    }
  worker->n = to;
}

/* Tokens resemble each other: a floor below the last token's smallest choice mostly leaves a few
 * more than k. Where it leaves fewer, everything positive is looked at. */
static void
collect_candidates (CsSelectWorker *worker,
                    const CsSelectTask *task,
                    const float *pre,
                    float *floor)
{
  const size_t first = worker->n;
  if (*floor > 0 && !task->subset)
    {
      cs_select_row (worker, task->in, pre, *floor);
      if (worker->n - first >= task->k)
        return;
      worker->n = first;
    }
  collect_positive (worker, task, pre);
}

static void
top_each_range (size_t begin, size_t end, unsigned w, void *data)
{
  CsSelectTask *task = data;
  CsSelectWorker *worker = &task->selector->workers[w];
  float floor = 0;
  worker->first_token = begin;
  worker->end_token = end;
  for (size_t t = begin; t < end; t++)
    {
      const size_t first = worker->n;
      if (task->k > 0)
        collect_candidates (worker, task, task->in->pre + t * task->in->n_latents, &floor);
      if (worker->n - first > task->k)
        keep_largest (worker, first, task->k, &floor);
      for (size_t i = first; i < worker->n; i++)
        worker->smallest = MIN (worker->smallest, worker->v[i]);
      task->codes->start[t + 1] = worker->n - first;
    }
}

float
cs_select_top_each (CsSelector *selector,
                    const CsPreActivations *in,
                    const uint32_t *subset,
                    size_t n_subset,
                    size_t k,
                    CsCodes *codes)
{
  CsSelectTask task = {
    .selector = selector, .in = in, .codes = codes, .subset = subset, .n_subset = n_subset, .k = k
  };
  const size_t n = cs_select_collect (&task, top_each_range);
  cs_select_gather (&task, n);
  float smallest = INFINITY;
  for (unsigned w = 0; w < selector->n_workers; w++)
    smallest = MIN (smallest, selector->workers[w].smallest);
  return n > 0 ? smallest : 0.f;
}
