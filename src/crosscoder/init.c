#include "init.h"

#include <math.h>
#include <string.h>

#include "random.h"
#include "vector.h"

#define INIT_STREAM 1
#define MEDIAN_ITERATIONS 100
#define MEDIAN_TOLERANCE 1e-5

void
cs_crosscoder_init (CsCrosscoder *crosscoder, double init_norm, uint64_t seed)
{
  const size_t d = crosscoder->d_model, F = crosscoder->n_latents;
  const double bound =
      sqrt (6.0 / (double)F); /* fan-in as torch sees a [d, F] matrix; the norm undoes it */
  CsRandom random;
  cs_random_init (&random, seed, INIT_STREAM);
  for (size_t j = 0; j < F; j++)
    {
      float *row = crosscoder->encoder + j * 2 * d;
      for (size_t i = 0; i < d; i++)
        row[i] = (float)(bound * (2 * cs_random_uniform (&random) - 1));
      const double norm = cs_norm2 (row, d);
      if (norm > 0)
        cs_scale ((float)(init_norm / norm), row, d);
      memcpy (row + d, row, d * sizeof (float));
    }
  memcpy (crosscoder->decoder, crosscoder->encoder, F * 2 * d * sizeof (float));
  memset (crosscoder->encoder_bias, 0, F * sizeof (float));
  memset (crosscoder->decoder_bias, 0, 2 * d * sizeof (float));
}

typedef struct
{
  const float *x;
  size_t n, d;
  float *median;
} MedianTask;

static double
distance (const float *row, const double *guess, size_t d)
{
  double sum = 0;
  for (size_t i = 0; i < d; i++)
    sum += (row[i] - guess[i]) * (row[i] - guess[i]);
  return sqrt (sum);
}

/* One iteration of model m from guess to next; returns how far it moved. */
static double
weiszfeld (const MedianTask *task, size_t m, double *guess, double *next)
{
  const size_t d = task->d;
  double weights = 0, coincident = 0;
  memset (next, 0, d * sizeof (double));
  for (size_t t = 0; t < task->n; t++)
    {
      const float *row = task->x + (2 * t + m) * d;
      const double far = distance (row, guess, d);
      if (far < 1e-12)
        {
          coincident++;
          continue;
        }
      weights += 1 / far;
      for (size_t i = 0; i < d; i++)
        next[i] += row[i] / far;
    }
  if (weights == 0)
    return 0;
  double pull = 0, moved = 0;
  for (size_t i = 0; i < d; i++)
    {
      next[i] /= weights;
      pull += (next[i] - guess[i]) * (next[i] - guess[i]);
    }
  /* The tokens at the guess hold it there with weight `coincident`, the others pull with `pull`. */
  pull = sqrt (pull) * weights;
  const double keep = coincident > 0 && pull > 0 ? fmin (1, coincident / pull) : coincident > 0;
  for (size_t i = 0; i < d; i++)
    {
      const double value = (1 - keep) * next[i] + keep * guess[i];
      moved += (value - guess[i]) * (value - guess[i]);
      guess[i] = value;
    }
  return sqrt (moved);
}

static void
median_range (size_t begin, size_t end, unsigned worker, void *data)
{
  const MedianTask *task = data;
  const size_t d = task->d;
  g_autofree double *guess = g_new (double, d), *next = g_new (double, d);
  for (size_t m = begin; m < end; m++)
    {
      memset (guess, 0, d * sizeof (double));
      for (size_t t = 0; t < task->n; t++)
        for (size_t i = 0; i < d; i++)
          guess[i] += task->x[(2 * t + m) * d + i] / (double)task->n;
      for (unsigned i = 0; i < MEDIAN_ITERATIONS; i++)
        if (weiszfeld (task, m, guess, next) < MEDIAN_TOLERANCE)
          break;
      for (size_t i = 0; i < d; i++)
        task->median[m * d + i] = (float)guess[i];
    }
}

void
cs_geometric_median (CsTeam *team, const float *x, size_t n, size_t d, float *median)
{
  MedianTask task = { x, n, d, median };
  cs_team_run (team, 2, median_range, &task);
}
