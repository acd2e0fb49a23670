#include "select.h"

#include <math.h>
#include <string.h>

#define BLOCK 32 /* latents looked at together before any of them is handled by itself */
#define COARSE_BINS                                                                                \
  32768 /* upper 16 bits of a positive float32: sign 0, exponent, 7 bits of mantissa */
#define FINE_BINS 65536

/* What one worker found, in order of token and latent. */
typedef struct
{
  uint32_t *latent;
  float *f, *v;
  size_t n, capacity;
  size_t first_token, end_token;
  float smallest;
  uint32_t *histogram; /* [COARSE_BINS] */
  float *row;          /* scratch of cs_select_top_each() */
  size_t row_capacity;
  size_t count;
} Worker;

struct CsSelector
{
  CsTeam *team;
  unsigned n_workers;
  Worker *workers;
  uint32_t *fine; /* [FINE_BINS] */
  float guess;    /* the last call's smallest selected v: where to begin looking */
};

CsSelector *
cs_selector_new (CsTeam *team)
{
  CsSelector *selector = g_new0 (CsSelector, 1);
  selector->team = team;
  selector->n_workers = cs_team_size (team);
  selector->workers = g_new0 (Worker, selector->n_workers);
  selector->fine = g_new (uint32_t, FINE_BINS);
  for (unsigned w = 0; w < selector->n_workers; w++)
    selector->workers[w].histogram = g_new (uint32_t, COARSE_BINS);
  return selector;
}

void
cs_selector_free (CsSelector *selector)
{
  if (!selector)
    return;
  for (unsigned w = 0; w < selector->n_workers; w++)
    {
      g_free (selector->workers[w].latent);
      g_free (selector->workers[w].f);
      g_free (selector->workers[w].v);
      g_free (selector->workers[w].histogram);
      g_free (selector->workers[w].row);
    }
  g_free (selector->workers);
  g_free (selector->fine);
  g_free (selector);
}

void
cs_codes_reserve (CsCodes *codes, size_t n_tokens, size_t n)
{
  codes->start = g_renew (size_t, codes->start, n_tokens + 1);
  codes->n_tokens = n_tokens;
  if (n <= codes->capacity)
    return;
  codes->capacity = n + n / 4;
  codes->latent = g_renew (uint32_t, codes->latent, codes->capacity);
  codes->value = g_renew (float, codes->value, codes->capacity);
}

static inline void
worker_add (Worker *worker, uint32_t latent, float f, float v)
{
  if (G_UNLIKELY (worker->n == worker->capacity))
    {
      worker->capacity = MAX (4096, worker->capacity * 2);
      worker->latent = g_renew (uint32_t, worker->latent, worker->capacity);
      worker->f = g_renew (float, worker->f, worker->capacity);
      worker->v = g_renew (float, worker->v, worker->capacity);
    }
  worker->latent[worker->n] = latent;
  worker->f[worker->n] = f;
  worker->v[worker->n++] = v;
}

static inline uint32_t
float_bits (float value)
{
  uint32_t bits;
  memcpy (&bits, &value, sizeof bits);
  return bits;
}

static inline float
bits_float (uint32_t bits)
{
  float value;
  memcpy (&value, &bits, sizeof value);
  return value;
}

static inline float
latent_scale (const CsPreActivations *in, size_t j)
{
  return in->scale ? in->scale[j] : 1.f;
}

typedef struct
{
  CsSelector *selector;
  const CsPreActivations *in;
  CsCodes *codes;
  float floor;
  const uint32_t *subset;
  size_t n_subset, k;
} Task;

/* Lists the latents of one row with v > floor. A block without any is passed over in a few vector
 * instructions. */
static void
collect_row (Worker *worker, const CsPreActivations *in, const float *pre, float floor)
{
  const float *bias = in->bias, *scale = in->scale;
  const size_t n = in->n_latents;
  for (size_t j = 0; j < n; j += BLOCK)
    {
      const size_t width = MIN (BLOCK, n - j);
      float v[BLOCK];
      int any = 0;
      if (width == BLOCK && scale)
        for (size_t i = 0; i < BLOCK; i++)
          {
            v[i] = (pre[j + i] + bias[j + i]) * scale[j + i];
            any |= v[i] > floor;
          }
      else
        for (size_t i = 0; i < width; i++)
          {
            v[i] = (pre[j + i] + bias[j + i]) * latent_scale (in, j + i);
            any |= v[i] > floor;
          }
      if (!any)
        continue;
      for (size_t i = 0; i < width; i++)
        if (v[i] > floor)
          worker_add (worker, (uint32_t)(j + i), pre[j + i] + bias[j + i], v[i]);
    }
}

static void
collect_range (size_t begin, size_t end, unsigned w, void *data)
{
  Task *task = data;
  Worker *worker = &task->selector->workers[w];
  const CsPreActivations *in = task->in;
  worker->first_token = begin;
  worker->end_token = end;
  for (size_t t = begin; t < end; t++)
    {
      const size_t before = worker->n;
      collect_row (worker, in, in->pre + t * in->n_latents, task->floor);
      task->codes->start[t + 1] = worker->n - before;
    }
}

static void
reset_workers (CsSelector *selector)
{
  for (unsigned w = 0; w < selector->n_workers; w++)
    {
      Worker *worker = &selector->workers[w];
      worker->n = worker->count = 0;
      worker->first_token = worker->end_token = 0;
      worker->smallest = INFINITY;
    }
}

/* Collects v > floor into the workers and the tokens' counts into codes->start[1 …]; returns how
 * many. */
static size_t
collect (Task *task, CsTeamFunc func)
{
  CsSelector *selector = task->selector;
  reset_workers (selector);
  cs_codes_reserve (task->codes, task->in->n, 0);
  cs_team_run (selector->team, task->in->n, func, task);
  size_t n = 0;
  for (unsigned w = 0; w < selector->n_workers; w++)
    n += selector->workers[w].n;
  return n;
}

/* Copies what the workers hold into codes, one worker's after the other: workers are in order of
 * token. */
static void
gather (Task *task, size_t n)
{
  CsCodes *codes = task->codes;
  cs_codes_reserve (codes, task->in->n, n);
  codes->start[0] = 0;
  for (size_t t = 0; t < codes->n_tokens; t++)
    codes->start[t + 1] += codes->start[t];
  for (unsigned w = 0; w < task->selector->n_workers; w++)
    {
      const Worker *worker = &task->selector->workers[w];
      if (worker->n == 0)
        continue;
      const size_t at = codes->start[worker->first_token];
      memcpy (codes->latent + at, worker->latent, worker->n * sizeof (uint32_t));
      memcpy (codes->value + at, worker->f, worker->n * sizeof (float));
    }
}

void
cs_select_above (CsSelector *selector, const CsPreActivations *in, float floor, CsCodes *codes)
{
  Task task = { .selector = selector, .in = in, .codes = codes, .floor = MAX (floor, 0.f) };
  gather (&task, collect (&task, collect_range));
}

static void
histogram_range (size_t begin, size_t end, unsigned w, void *data)
{
  Task *task = data;
  const CsPreActivations *in = task->in;
  uint32_t *histogram = task->selector->workers[w].histogram;
  for (size_t t = begin; t < end; t++)
    {
      const float *pre = in->pre + t * in->n_latents;
      for (size_t j = 0; j < in->n_latents; j++)
        {
          const float v = (pre[j] + in->bias[j]) * latent_scale (in, j);
          if (v > 0.f)
            histogram[float_bits (v) >> 16]++;
        }
    }
}

/* The largest floor on the coarse grid that leaves at least `count` v above it; 0 where fewer are
 * positive. */
static float
coarse_floor (Task *task, size_t count)
{
  CsSelector *selector = task->selector;
  for (unsigned w = 0; w < selector->n_workers; w++)
    memset (selector->workers[w].histogram, 0, COARSE_BINS * sizeof (uint32_t));
  cs_team_run (selector->team, task->in->n, histogram_range, task);
  size_t above = 0;
  for (size_t bin = COARSE_BINS; bin-- > 1;)
    {
      for (unsigned w = 0; w < selector->n_workers; w++)
        above += selector->workers[w].histogram[bin];
      if (above >= count)
        return bits_float (((uint32_t)bin << 16) - 1); /* v > this is v ≥ the bin's lower edge */
    }
  return 0.f;
}

/* Counts the candidates' keys (bits >> shift) & mask that share `prefix` above those bits. */
static void
count_candidates (CsSelector *selector, unsigned shift, uint32_t mask, uint32_t prefix)
{
  memset (selector->fine, 0, FINE_BINS * sizeof (uint32_t));
  for (unsigned w = 0; w < selector->n_workers; w++)
    for (size_t i = 0; i < selector->workers[w].n; i++)
      {
        const uint32_t bits = float_bits (selector->workers[w].v[i]);
        if (shift || bits >> 16 == prefix)
          selector->fine[(bits >> shift) & mask]++;
      }
}

/* The bin that holds the `wanted`-th largest; *above is how many lie beyond that bin. */
static uint32_t
find_bin (const uint32_t *histogram, size_t wanted, size_t *above)
{
  size_t sum = 0;
  for (uint32_t bin = FINE_BINS; bin-- > 0;)
    {
      if (sum + histogram[bin] >= wanted)
        {
          *above = sum;
          return bin;
        }
      sum += histogram[bin];
    }
  *above = sum;
  return 0;
}

/* Exact: the count-th largest candidate and how many equal to it are taken. */
static float
exact_threshold (CsSelector *selector, size_t count, size_t *ties)
{
  size_t above_high, above_low;
  count_candidates (selector, 16, 0xffff, 0);
  const uint32_t high = find_bin (selector->fine, count, &above_high);
  count_candidates (selector, 0, 0xffff, high);
  const uint32_t low = find_bin (selector->fine, count - above_high, &above_low);
  *ties = count - above_high - above_low;
  return bits_float (high << 16 | low);
}

/* Drops what lies below the threshold from a worker's list, and equal ones beyond the number still
 * free. */
static void
compact_worker (Worker *worker, CsCodes *codes, float threshold, size_t *ties)
{
  size_t from = 0, to = 0;
  for (size_t t = worker->first_token; t < worker->end_token; t++)
    {
      const size_t end = from + codes->start[t + 1], before = to;
      for (; from < end; from++)
        {
          const float v = worker->v[from];
          if (v < threshold || (v == threshold && *ties == 0))
            continue;
          if (v == threshold)
            (*ties)--;
          worker->latent[to] = worker->latent[from];
          worker->f[to] = worker->f[from];
          worker->v[to++] = v;
        }
      codes->start[t + 1] = to - before;
    }
  worker->n = to;
}

float
cs_select_top (CsSelector *selector, const CsPreActivations *in, size_t count, CsCodes *codes)
{
  Task task = { .selector = selector, .in = in, .codes = codes };
  /* Batches resemble each other: a floor a little below the last threshold usually leaves just over
   * `count` candidates in one pass. Any floor that leaves enough gives the same result. */
  task.floor = selector->guess * 0.75f;
  size_t n = task.floor > 0.f ? collect (&task, collect_range) : 0;
  if (n < count || n / 8 > count)
    {
      task.floor = coarse_floor (&task, count);
      n = collect (&task, collect_range);
    }
  float smallest = 0.f;
  if (count > 0 && n > 0)
    {
      size_t ties;
      count = MIN (count, n);
      smallest = exact_threshold (selector, count, &ties);
      for (unsigned w = 0; w < selector->n_workers; w++)
        compact_worker (&selector->workers[w], codes, smallest, &ties);
    }
  gather (&task, count > 0 ? MIN (n, count) : 0);
  selector->guess = smallest;
  return smallest;
}

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
collect_positive (Worker *worker, const Task *task, const float *pre)
{
  const CsPreActivations *in = task->in;
  if (!task->subset)
    {
      collect_row (worker, in, pre, 0.f);
      return;
    }
  for (size_t i = 0; i < task->n_subset; i++)
    {
      const uint32_t j = task->subset[i];
      const float f = pre[j] + in->bias[j], v = f * latent_scale (in, j);
      if (v > 0.f)
        worker_add (worker, j, f, v);
    }
}

/* Keeps the k largest of the entries first … n−1 of a worker's list. */
static void
keep_largest (Worker *worker, size_t first, size_t k)
{
  const size_t n = worker->n - first;
  if (worker->row_capacity < n)
    {
      worker->row_capacity = n + n / 2;
      worker->row = g_renew (float, worker->row, worker->row_capacity);
    }
  memcpy (worker->row, worker->v + first, n * sizeof (float));
  const float threshold = kth_largest (worker->row, n, k);
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

static void
top_each_range (size_t begin, size_t end, unsigned w, void *data)
{
  Task *task = data;
  Worker *worker = &task->selector->workers[w];
  worker->first_token = begin;
  worker->end_token = end;
  for (size_t t = begin; t < end; t++)
    {
      const size_t first = worker->n;
      if (task->k > 0)
        collect_positive (worker, task, task->in->pre + t * task->in->n_latents);
      if (worker->n - first > task->k)
        keep_largest (worker, first, task->k);
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
  Task task = {
    .selector = selector, .in = in, .codes = codes, .subset = subset, .n_subset = n_subset, .k = k
  };
  const size_t n = collect (&task, top_each_range);
  gather (&task, n);
  float smallest = INFINITY;
  for (unsigned w = 0; w < selector->n_workers; w++)
    smallest = MIN (smallest, selector->workers[w].smallest);
  return n > 0 ? smallest : 0.f;
}

static void
count_range (size_t begin, size_t end, unsigned w, void *data)
{
  Task *task = data;
  const CsPreActivations *in = task->in;
  size_t count = 0;
  for (size_t t = begin; t < end; t++)
    {
      const float *pre = in->pre + t * in->n_latents;
      unsigned row = 0;
      for (size_t j = 0; j < in->n_latents; j++)
        row += pre[j] + in->bias[j] > 0.f;
      count += row;
    }
  task->selector->workers[w].count = count;
}

size_t
cs_select_count (CsSelector *selector, const CsPreActivations *in)
{
  Task task = { .selector = selector, .in = in };
  size_t count = 0;
  reset_workers (selector);
  cs_team_run (selector->team, in->n, count_range, &task);
  for (unsigned w = 0; w < selector->n_workers; w++)
    count += selector->workers[w].count;
  return count;
}
