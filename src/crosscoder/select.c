#include "select-private.h"

#include <math.h>
#include <string.h>

#define BLOCK 32 /* latents looked at together before any of them is handled by itself */
#define COARSE_BINS                                                                                \
  32768 /* upper 16 bits of a positive float32: sign 0, exponent, 7 bits of mantissa */
#define FINE_BINS 65536

CsSelector *
cs_selector_new (CsTeam *team)
{
  CsSelector *selector = g_new0 (CsSelector, 1);
  selector->team = team;
  selector->n_workers = cs_team_size (team);
  selector->workers = g_new0 (CsSelectWorker, selector->n_workers);
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
  if (n <= codes->capacity && codes->latent != NULL)
    return;
  codes->capacity = MAX (n + n / 4, 1); /* there are arrays where no latent is active, too */
  codes->latent = g_renew (uint32_t, codes->latent, codes->capacity);
  codes->value = g_renew (float, codes->value, codes->capacity);
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

/* Lists the latents of one row with v > floor. A block without any is passed over in a few vector
 * instructions. */
void
cs_select_row (CsSelectWorker *worker, const CsPreActivations *in, const float *pre, float floor)
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
            v[i] = (pre[j + i] + bias[j + i]) * cs_select_scale (in, j + i);
            any |= v[i] > floor;
          }
      if (!any)
        continue;
      for (size_t i = 0; i < width; i++)
        if (v[i] > floor)
          cs_select_add (worker, (uint32_t)(j + i), pre[j + i] + bias[j + i], v[i]);
    }
}

static void
collect_range (size_t begin, size_t end, unsigned w, void *data)
{
  CsSelectTask *task = data;
  CsSelectWorker *worker = &task->selector->workers[w];
  const CsPreActivations *in = task->in;
  worker->first_token = begin;
  worker->end_token = end;
  for (size_t t = begin; t < end; t++)
    {
      const size_t before = worker->n;
      cs_select_row (worker, in, in->pre + t * in->n_latents, task->floor);
      task->codes->start[t + 1] = worker->n - before;
    }
}

static void
reset_workers (CsSelector *selector)
{
  for (unsigned w = 0; w < selector->n_workers; w++)
    {
      CsSelectWorker *worker = &selector->workers[w];
      worker->n = worker->count = 0;
      worker->first_token = worker->end_token = 0;
      worker->smallest = INFINITY;
    }
}

/* Collects v > floor into the workers and the tokens' counts into codes->start[1 …]; returns how
 * many. */
size_t
cs_select_collect (CsSelectTask *task, CsTeamFunc func)
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
void
cs_select_gather (CsSelectTask *task, size_t n)
{
  CsCodes *codes = task->codes;
  cs_codes_reserve (codes, task->in->n, n);
  codes->start[0] = 0;
  for (size_t t = 0; t < codes->n_tokens; t++)
    codes->start[t + 1] += codes->start[t];
  for (unsigned w = 0; w < task->selector->n_workers; w++)
    {
      const CsSelectWorker *worker = &task->selector->workers[w];
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
  CsSelectTask task = { .selector = selector, .in = in, .codes = codes, .floor = MAX (floor, 0.f) };
  cs_select_gather (&task, cs_select_collect (&task, collect_range));
}

static void
histogram_range (size_t begin, size_t end, unsigned w, void *data)
{
  CsSelectTask *task = data;
  const CsPreActivations *in = task->in;
  uint32_t *histogram = task->selector->workers[w].histogram;
  for (size_t t = begin; t < end; t++)
    {
      const float *pre = in->pre + t * in->n_latents;
      for (size_t j = 0; j < in->n_latents; j++)
        {
          const float v = (pre[j] + in->bias[j]) * cs_select_scale (in, j);
          if (v > 0.f)
            histogram[float_bits (v) >> 16]++;
        }
    }
}

/* The largest floor on the coarse grid that leaves at least `count` v above it; 0 where fewer are
 * positive. */
static float
coarse_floor (CsSelectTask *task, size_t count)
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
compact_worker (CsSelectWorker *worker, CsCodes *codes, float threshold, size_t *ties)
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
  CsSelectTask task = { .selector = selector, .in = in, .codes = codes };
  /* Batches resemble each other: a floor a little below the last threshold usually leaves just over
   * `count` candidates in one pass. Any floor that leaves enough gives the same result. */
  task.floor = selector->guess * 0.75f;
  size_t n = task.floor > 0.f ? cs_select_collect (&task, collect_range) : 0;
  if (n < count || n / 8 > count)
    {
      task.floor = coarse_floor (&task, count);
      n = cs_select_collect (&task, collect_range);
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
  cs_select_gather (&task, count > 0 ? MIN (n, count) : 0);
  selector->guess = smallest;
  return smallest;
}

static void
count_range (size_t begin, size_t end, unsigned w, void *data)
{
  CsSelectTask *task = data;
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
  CsSelectTask task = { .selector = selector, .in = in };
  size_t count = 0;
  reset_workers (selector);
  cs_team_run (selector->team, in->n, count_range, &task);
  for (unsigned w = 0; w < selector->n_workers; w++)
    count += selector->workers[w].count;
  return count;
}
