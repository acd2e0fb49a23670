/* Everything of the crosscoder but the step and the trainer: selection, codes, files,
 * initialisation, schedules, settings, the run's log. */
#include <math.h>
#include <string.h>

#include "adam.h"
#include "bench.h"
#include "errors.h"
#include "init.h"
#include "random-crosscoder.h"
#include "random.h"
#include "schedule.h"
#include "select.h"
#include "vector.h"

typedef struct
{
  float v;
  size_t index;
} Ranked;

static int
compare_ranked (const void *a, const void *b)
{
  const Ranked *p = a, *q = b;
  if (p->v != q->v)
    return p->v < q->v ? 1 : -1;
  return p->index < q->index ? -1 : p->index > q->index;
}

/* The first `count` of the sorted positive v, as a mask. */
static size_t
naive_top (const float *v, size_t first, size_t end, size_t count, bool *mask)
{
  g_autofree Ranked *ranked = g_new (Ranked, end - first);
  size_t n = 0;
  for (size_t i = first; i < end; i++)
    if (v[i] > 0)
      ranked[n++] = (Ranked){ v[i], i };
  qsort (ranked, n, sizeof *ranked, compare_ranked);
  for (size_t i = 0; i < MIN (n, count); i++)
    mask[ranked[i].index] = true;
  return MIN (n, count);
}

static void
assert_mask (const CsCodes *codes, const bool *mask, size_t n, size_t F)
{
  size_t at = 0;
  for (size_t t = 0; t < n; t++)
    {
      g_assert_cmpuint (codes->start[t], ==, at);
      for (size_t j = 0; j < F; j++)
        if (mask[t * F + j])
          g_assert_cmpuint (codes->latent[at++], ==, j);
    }
  g_assert_cmpuint (codes->start[n], ==, at);
}

static void
test_select (void)
{
  enum
  {
    N = 37,
    F = 101
  };
  CsRandom random;
  cs_random_init (&random, 1, 0);
  g_autoptr (CsTeam) team = cs_team_new (3);
  g_autoptr (CsSelector) selector = cs_selector_new (team);
  g_auto (CsCodes) codes = { 0 };
  for (unsigned round = 0; round < 60; round++)
    {
      float pre[N * F], bias[F], scale[F], v[N * F];
      bool mask[N * F] = { 0 };
      const bool coarse = round % 2; /* few different values: many ties */
      for (size_t j = 0; j < F; j++)
        {
          bias[j] = coarse ? 0 : (float)cs_random_normal (&random) * .1f;
          scale[j] = coarse ? 1 : (float)cs_random_uniform (&random) + .1f;
        }
      const float size = round % 7 == 0 ? 1e-3f : 1;
      for (size_t i = 0; i < N * F; i++)
        {
          const float value = (float)cs_random_normal (&random) * size;
          pre[i] = coarse ? roundf (value * 2) : value;
          v[i] = (pre[i] + bias[i % F]) * scale[i % F];
        }
      const CsPreActivations in = { pre, bias, scale, N, F };
      const size_t count = cs_random_below (&random, round % 3 ? 400 : N * F + 1);
      const size_t n = naive_top (v, 0, N * F, count, mask);
      const float smallest = cs_select_top (selector, &in, count, &codes);
      assert_mask (&codes, mask, N, F);
      float expected = n ? INFINITY : 0;
      for (size_t i = 0; i < N * F; i++)
        expected = mask[i] ? MIN (expected, v[i]) : expected;
      g_assert_cmpfloat (smallest, ==, expected);
      memset (mask, 0, sizeof mask);
      const size_t k = cs_random_below (&random, 20);
      for (size_t t = 0; t < N; t++)
        naive_top (v, t * F, (t + 1) * F, k, mask);
      cs_select_top_each (selector, &in, NULL, 0, k, &codes);
      assert_mask (&codes, mask, N, F);
      for (size_t i = 0; i < N * F; i++)
        mask[i] = v[i] > .5f;
      cs_select_above (selector, &in, .5f, &codes);
      assert_mask (&codes, mask, N, F);
    }
}

/* Codes and reconstructions against the definition in double, normalised or not. */
static void
test_encode (void)
{
  enum
  {
    D = 5,
    F = 40,
    N = 33
  };
  CsRandom random;
  cs_random_init (&random, 2, 0);
  g_autoptr (CsTeam) team = cs_team_new (2);
  for (unsigned round = 0; round < 6; round++)
    {
      g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (D, F, (CsVariant)(round % 3));
      g_auto (CsCodes) codes = { 0 };
      float x[N * 2 * D], out[N * 2 * D], scales[F];
      if (round >= 3)
        set_normalisation (crosscoder);
      for (size_t i = 0; i < N * 2 * D; i++)
        x[i] = (float)cs_random_normal (&random);
      cs_crosscoder_scales (crosscoder, team, scales);
      g_assert_true (cs_crosscoder_encode (crosscoder, team, x, N, &codes, NULL));
      cs_crosscoder_decode (crosscoder, team, &codes, out);
      for (size_t t = 0; t < N; t++)
        {
          float v[F];
          double f[F], x_hat[2 * D];
          bool mask[F] = { 0 };
          for (size_t j = 0; j < F; j++)
            {
              double sum = crosscoder->encoder_bias[j];
              for (size_t i = 0; i < 2 * D; i++)
                {
                  const double mean = round < 3 ? 0 : crosscoder->mean[i],
                               gain = crosscoder->gain[i / D];
                  sum += (x[t * 2 * D + i] - mean) * gain * crosscoder->encoder[j * 2 * D + i];
                }
              f[j] = sum;
              v[j] = (float)sum * scales[j];
              mask[j] = crosscoder->variant == CS_VARIANT_L1 ? sum > 0 : v[j] > 7.5f;
            }
          if (crosscoder->variant == CS_VARIANT_TOPK)
            {
              memset (mask, 0, sizeof mask);
              naive_top (v, 0, F, 3, mask);
            }
          size_t at = codes.start[t];
          for (size_t i = 0; i < 2 * D; i++)
            x_hat[i] = crosscoder->decoder_bias[i];
          for (size_t j = 0; j < F; j++)
            if (mask[j])
              {
                g_assert_cmpuint (codes.latent[at], ==, j);
                g_assert_cmpfloat_with_epsilon (codes.value[at++], f[j], 1e-4);
                for (size_t i = 0; i < 2 * D; i++)
                  x_hat[i] += f[j] * crosscoder->decoder[j * 2 * D + i];
              }
          g_assert_cmpuint (codes.start[t + 1], ==, at);
          for (size_t i = 0; i < 2 * D; i++)
            {
              const double raw =
                  round < 3 ? x_hat[i] : x_hat[i] / crosscoder->gain[i / D] + crosscoder->mean[i];
              g_assert_cmpfloat_with_epsilon (out[t * 2 * D + i], raw, 1e-3);
            }
        }
    }
}

static void
test_encode_refused (void)
{
  g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (2, 3, CS_VARIANT_BATCHTOPK);
  g_auto (CsCodes) codes = { 0 };
  const float x[4] = { 0 };
  g_autoptr (GError) error = NULL;
  crosscoder->threshold = -1;
  g_assert_false (cs_crosscoder_encode (crosscoder, NULL, x, 1, &codes, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  crosscoder->code_norm = CS_CODE_NORM_DECOUPLED;
  crosscoder->variant = CS_VARIANT_TOPK;
  g_assert_false (cs_crosscoder_encode (crosscoder, NULL, x, 1, &codes, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED);
}

static void
test_norm_ratio (void)
{
  g_assert_cmpfloat (cs_norm_ratio (1, 0), ==, 0);
  g_assert_cmpfloat (cs_norm_ratio (1, 1), ==, .5);
  g_assert_cmpfloat (cs_norm_ratio (0, 3), ==, 1);
  g_assert_cmpfloat (cs_norm_ratio (1, .5), ==, .25);
  g_assert_true (isnan (cs_norm_ratio (0, 0)));
}

static void
test_init (void)
{
  enum
  {
    D = 16,
    F = 50
  };
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_new (D, F, CS_VARIANT_BATCHTOPK, NULL);
  g_autofree double *norms = g_new (double, 2 * F);
  float spread = 0;
  cs_crosscoder_init (crosscoder, .005, 42);
  cs_crosscoder_norms (crosscoder, NULL, norms);
  for (size_t j = 0; j < F; j++)
    {
      const float *row = crosscoder->encoder + j * 2 * D;
      g_assert_cmpmem (row, D * 4, row + D, D * 4);
      g_assert_cmpfloat_with_epsilon (norms[2 * j], .005, 1e-8);
      g_assert_cmpfloat (crosscoder->encoder_bias[j], ==, 0);
      spread += row[0] * row[0];
    }
  g_assert_cmpmem (crosscoder->encoder, F * D * 8, crosscoder->decoder, F * D * 8);
  g_assert_cmpfloat (spread, >, 0);
  g_autoptr (CsCrosscoder) other = cs_crosscoder_new (D, F, CS_VARIANT_BATCHTOPK, NULL);
  cs_crosscoder_init (other, .005, 43);
  g_assert_cmpint (memcmp (other->encoder, crosscoder->encoder, F * D * 8), !=, 0);
}

/* The median minimises the sum of distances: no small step from it may lower that sum. */
static double
sum_of_distances (const float *x, size_t n, size_t d, size_t m, const float *point)
{
  double sum = 0;
  for (size_t t = 0; t < n; t++)
    {
      double square = 0;
      for (size_t i = 0; i < d; i++)
        square += pow (x[(2 * t + m) * d + i] - point[i], 2);
      sum += sqrt (square);
    }
  return sum;
}

static void
test_geometric_median (void)
{
  enum
  {
    N = 41,
    D = 3
  };
  CsRandom random;
  float x[N * 2 * D], median[2 * D];
  cs_random_init (&random, 3, 0);
  for (size_t i = 0; i < N * 2 * D; i++)
    x[i] = (float)cs_random_normal (&random) + (i < 6 ? 100 : 0);
  cs_geometric_median (NULL, x, N, D, median);
  for (size_t m = 0; m < 2; m++)
    {
      const double best = sum_of_distances (x, N, D, m, median + m * D);
      for (unsigned trial = 0; trial < 50; trial++)
        {
          float moved[D];
          for (size_t i = 0; i < D; i++)
            moved[i] = median[m * D + i] + .01f * (float)cs_random_normal (&random);
          g_assert_cmpfloat (sum_of_distances (x, N, D, m, moved), >, best - 1e-4);
        }
    }
  /* Coincident tokens: the majority point is the median, and nothing is divided by zero. */
  const float same[] = { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 9, -4, 1, 2, -3, 0, 1, 2 };
  cs_geometric_median (NULL, same, 5, 2, median);
  g_assert_cmpfloat_with_epsilon (median[0], 1, 1e-3);
  g_assert_cmpfloat_with_epsilon (median[1], 2, 1e-3);
  g_assert_cmpfloat_with_epsilon (median[2], 1, 1e-5);
  g_assert_cmpfloat_with_epsilon (median[3], 2, 1e-5);
}

static void
test_schedules (void)
{
  g_assert_cmpfloat (cs_schedule_lr (0, 5000, 1000, 0), ==, 0);
  g_assert_cmpfloat (cs_schedule_lr (500, 5000, 1000, 0), ==, .5);
  g_assert_cmpfloat (cs_schedule_lr (1000, 5000, 1000, 0), ==, 1);
  g_assert_cmpfloat (cs_schedule_lr (4999, 5000, 1000, 0), ==, 1);
  g_assert_cmpfloat (cs_schedule_lr (0, 10, 0, 0), ==, 1);
  g_assert_cmpfloat (cs_schedule_lr (4500, 5000, 1000, 4000), ==, .5);
  g_assert_cmpuint (cs_schedule_k (0, 100, 0, 0), ==, 100);
  g_assert_cmpuint (cs_schedule_k (0, 100, 1024, 2000), ==, 1024);
  g_assert_cmpuint (cs_schedule_k (1000, 100, 1024, 2000), ==, 562);
  g_assert_cmpuint (cs_schedule_k (2000, 100, 1024, 2000), ==, 100);
  g_assert_cmpuint (cs_schedule_k (5000, 100, 1024, 2000), ==, 100);
}

/* Rows without a gradient, with and without moments, against torch's formula in double. */
static void
test_adam (void)
{
  enum
  {
    ROWS = 4,
    WIDTH = 6,
    N = ROWS * WIDTH
  };
  float w[N], m[N] = { 0 }, v[N] = { 0 }, g[N];
  double w2[N], m2[N] = { 0 }, v2[N] = { 0 }, norms[2 * ROWS];
  uint8_t moving[ROWS] = { 0 };
  CsRandom random;
  cs_random_init (&random, 4, 0);
  for (size_t i = 0; i < N; i++)
    w2[i] = w[i] = (float)cs_random_normal (&random);
  for (uint64_t t = 1; t <= 20; t++)
    {
      uint8_t touched[ROWS] = { 1, t % 3 == 0, t == 1, 0 };
      for (size_t i = 0; i < N; i++)
        g[i] = (float)cs_random_normal (&random);
      const CsAdamRows rows = { w, m, v, g, touched, moving, ROWS, WIDTH, norms };
      cs_adam_update (NULL, &rows, &(CsAdamStep){ .01, .5, t });
      for (size_t i = 0; i < N; i++)
        {
          const double gradient = touched[i / WIDTH] ? .5 * g[i] : 0;
          m2[i] = .9 * m2[i] + .1 * gradient;
          v2[i] = .999 * v2[i] + .001 * gradient * gradient;
          w2[i] -= .01 / (1 - pow (.9, (double)t)) * m2[i] /
                   (sqrt (v2[i] / (1 - pow (.999, (double)t))) + 1e-8);
          g_assert_cmpfloat_with_epsilon (w[i], w2[i], 1e-5);
        }
      g_assert_cmpfloat (norms[0], ==, cs_norm2 (w, WIDTH / 2));
      g_assert_cmpfloat (norms[1], ==, cs_norm2 (w + WIDTH / 2, WIDTH / 2));
    }
  g_assert_cmpuint (moving[3], ==, 0);
}

static void
test_bench (void)
{
  const CsBenchTrainOptions options = { CS_VARIANT_BATCHTOPK, 16, 128, 4, 64, 3, 2 };
  CsBenchTrain result;
  g_autoptr (GError) error = NULL;
  g_assert_true (cs_bench_train (NULL, &options, &result, &error));
  const double sum = result.parts.read + result.parts.encode + result.parts.select +
                     result.parts.decode + result.parts.gradients + result.parts.adam;
  g_assert_cmpfloat (sum, <=, result.seconds_per_step * 1.01 + 1e-4);
  g_assert_cmpfloat (result.floor_seconds, >, 0);
  g_assert_cmpuint (result.peak_memory_bytes, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/crosscoder/select", test_select);
  g_test_add_func ("/crosscoder/encode", test_encode);
  g_test_add_func ("/crosscoder/encode-refused", test_encode_refused);
  g_test_add_func ("/crosscoder/norm-ratio", test_norm_ratio);
  g_test_add_func ("/crosscoder/init", test_init);
  g_test_add_func ("/crosscoder/geometric-median", test_geometric_median);
  g_test_add_func ("/crosscoder/schedules", test_schedules);
  g_test_add_func ("/crosscoder/adam", test_adam);
  g_test_add_func ("/crosscoder/bench", test_bench);
  return g_test_run ();
}
