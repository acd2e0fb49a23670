/* KL divergences and bootstrap intervals. */
#include <math.h>

#include <glib.h>

#include "kl.h"
#include "random.h"

#include "test-causality.h"

static void
test_kl (void)
{
  const float logits[] = { 1, 2, 3, 80 }, others[] = { 0, 2, 5, 79 };
  float log_p[4];
  double expected = 0, sums[2] = { 0 };

  cs_log_softmax (logits, 4, log_p);
  g_assert_cmpfloat (cs_kl_divergence (log_p, logits, 4), ==, 0);
  for (int i = 0; i < 4; i++)
    {
      sums[0] += exp ((double)logits[i] - 80);
      sums[1] += exp ((double)others[i] - 80);
    }
  for (int i = 0; i < 4; i++)
    {
      const double p = exp ((double)logits[i] - 80) / sums[0];

      expected += p * (logits[i] - log (sums[0]) - others[i] + log (sums[1]));
    }
  g_assert_cmpfloat_with_epsilon (cs_kl_divergence (log_p, others, 4), expected, 1e-6);
}

static void
test_bootstrap (void)
{
  enum
  {
    N = 400
  };
  double sums[2 * N], counts[N], lo, hi;
  g_autofree double *draws = NULL, *column = g_new (double, 2000);
  double even[] = { 5, NAN, 1, 2, 3, 4 };
  CsRandom random;

  cs_random_init (&random, 9, 0);
  for (int i = 0; i < N; i++)
    {
      counts[i] = 1;
      sums[i] = cs_random_normal (&random);
      sums[N + i] = sums[i] + 1;
    }
  draws = cs_bootstrap_means (sums, counts, 2, N, 2000, 3);
  for (int i = 0; i < 2000; i++)
    {
      column[i] = draws[2 * i];
      g_assert_cmpfloat_with_epsilon (draws[2 * i + 1] - draws[2 * i], 1, 1e-9); /* paired */
    }
  cs_central_interval (column, 2000, &lo, &hi);
  g_assert_cmpfloat_with_epsilon (hi - lo, 2 * 1.96 / sqrt (N), .03);
  cs_central_interval (even, 6, &lo, &hi);
  g_assert_cmpfloat_with_epsilon (lo, 1.1, 1e-9);
  g_assert_cmpfloat_with_epsilon (hi, 4.9, 1e-9);
}

void
add_kl_tests (void)
{
  g_test_add_func ("/kl/divergence", test_kl);
  g_test_add_func ("/kl/bootstrap", test_bootstrap);
}
