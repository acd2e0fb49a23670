#include "scaling-intervals.h"

#include <math.h>
#include <stdlib.h>

#include "random.h"

#define PIECE_TOKENS 1024

struct CsBlockDraws {
  size_t n_draws;
  uint8_t *times;   /* [n_draws, CS_SCALING_BLOCKS]: how often each block was drawn */
};

CsBlockDraws *
cs_block_draws_new (size_t n_draws, uint64_t seed)
{
  CsBlockDraws *draws = g_new0 (CsBlockDraws, 1);
  CsRandom random;

  draws->n_draws = n_draws;
  draws->times = g_new0 (uint8_t, n_draws * CS_SCALING_BLOCKS);
  cs_random_init (&random, seed, 2);
  for (size_t i = 0; i < n_draws; i++)
    for (size_t b = 0; b < CS_SCALING_BLOCKS; b++)
      draws->times[i * CS_SCALING_BLOCKS + cs_random_below (&random, CS_SCALING_BLOCKS)]++;
  return draws;
}

void
cs_block_draws_free (CsBlockDraws *draws)
{
  if (draws == NULL)
    return;
  g_free (draws->times);
  g_free (draws);
}

static int
ascending (const void *a, const void *b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return (x > y) - (x < y);
}

/* Linear between ranks; values ascending, n ≥ 1. */
static double
quantile (const double *values, size_t n, double q)
{
  const double at = q * (double) (n - 1);
  const size_t i = (size_t) at;

  return i + 1 < n ? values[i] + (at - (double) i) * (values[i + 1] - values[i]) : values[n - 1];
}

void
cs_ratio_interval (const CsBlockDraws *draws, const double *numerator, const double *denominator, size_t n_active,
                   float interval[2])
{
  g_autofree double *values = NULL;
  size_t n = 0;

  interval[0] = interval[1] = NAN;
  if (n_active < CS_MIN_BLOCKS)
    return;
  values = g_new (double, draws->n_draws);
  for (size_t i = 0; i < draws->n_draws; i++)
    {
      const uint8_t *times = draws->times + i * CS_SCALING_BLOCKS;
      double above = 0, below = 0;

      for (size_t b = 0; b < CS_SCALING_BLOCKS; b++)
        {
          above += times[b] * numerator[b];
          below += times[b] * denominator[b];
        }
      if (isfinite (above / below)) /* a draw may have missed all that is active */
        values[n++] = above / below;
    }
  if (n < draws->n_draws / 2)
    return;
  qsort (values, n, sizeof *values, ascending);
  interval[0] = (float) quantile (values, n, .025);
  interval[1] = (float) quantile (values, n, .975);
}

void
cs_block_reader_assign (CsBlockReader *reader, const int32_t *position, size_t n, uint8_t *blocks)
{
  CsRandom random;

  for (size_t t = 0; t < n; t++)
    {
      if (position[t] % PIECE_TOKENS == 0)
        {
          cs_random_init (&random, reader->seed, reader->piece++);
          reader->block = (uint8_t) cs_random_below (&random, CS_SCALING_BLOCKS);
        }
      blocks[t] = reader->block;
    }
}

void
cs_share_interval (size_t hits, size_t n, double interval[2])
{
  const double z = 1.959964, z2 = z * z, size = (double) n, share = (double) hits / size;
  const double middle = (share + z2 / (2 * size)) / (1 + z2 / size);
  const double half = z / (1 + z2 / size) * sqrt (share * (1 - share) / size + z2 / (4 * size * size));

  interval[0] = n == 0 ? NAN : hits == 0 ? 0 : fmax (middle - half, 0);
  interval[1] = n == 0 ? NAN : hits == n ? 1 : fmin (middle + half, 1);
}

void
cs_spread_of (const double *values, size_t n, CsSpread *spread)
{
  double sum = 0, squares = 0;

  *spread = (CsSpread) { n, NAN, NAN, NAN, NAN };
  if (n < 2)
    return;
  for (size_t i = 0; i < n; i++)
    sum += values[i];
  spread->mean = sum / (double) n;
  for (size_t i = 0; i < n; i++)
    squares += (values[i] - spread->mean) * (values[i] - spread->mean);
  spread->std = sqrt (squares / (double) (n - 1));
  spread->low = spread->mean - 1.96 * spread->std;
  spread->high = spread->mean + 1.96 * spread->std;
}
