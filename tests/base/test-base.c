/* Random numbers, the thread team, dense products, vector kernels and element types. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "blas.h"
#include "dtype.h"
#include "errors.h"
#include "random.h"
#include "team.h"
#include "vector.h"

static void
test_error_domain (void)
{
  g_autoptr (GError) error =
    g_error_new_literal (CS_ERROR, CS_ERROR_FORMAT, "the file is truncated");

  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_assert_cmpstr (g_quark_to_string (error->domain), ==, "cs-error-quark");
}

/* ---- random numbers ---- */

/* Worked out from the published algorithms in another language. */
static void
test_random_known (void)
{
  static const uint64_t raw[] = { 11520, 0, 1509978240, UINT64_C (1215971899390074240),
                                  UINT64_C (1216172134540287360), UINT64_C (607988272756665600) };
  static const uint64_t seeded[] = { UINT64_C (0x31c0c05c61f01a36), UINT64_C (0xd3cf6d480333dc2c),
                                     UINT64_C (0xe07e9889ae11df92) };
  CsRandom r = { .s = { 1, 2, 3, 4 } };

  for (size_t i = 0; i < G_N_ELEMENTS (raw); i++)
    g_assert_cmpuint (cs_random_u64 (&r), ==, raw[i]);
  cs_random_init (&r, 42, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (seeded); i++)
    g_assert_cmpuint (cs_random_u64 (&r), ==, seeded[i]);
}

/* Streams and seeds that differ in one step: no shared words, no correlation. */
static void
test_random_streams (void)
{
  enum { N = 4096, N_SOURCES = 6 };
  static const uint64_t sources[N_SOURCES][2] = { { 0, 0 }, { 0, 1 }, { 0, 2 },
                                                  { 1, 0 }, { 1, 1 }, { 2, 0 } };
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autofree double *x = g_new (double, N_SOURCES * N);

  for (size_t i = 0; i < N_SOURCES; i++)
    {
      CsRandom r;

      cs_random_init (&r, sources[i][0], sources[i][1]);
      for (size_t j = 0; j < N; j++)
        {
          guint64 word = cs_random_u64 (&r);

          x[i * N + j] = (double) (word >> 11) * 0x1p-53 - 0.5;
          g_assert_true (g_hash_table_add (seen, g_memdup2 (&word, sizeof word)));
        }
    }
  for (size_t a = 0; a < N_SOURCES; a++)
    for (size_t b = 0; b < a; b++)
      {
        double sum = 0;

        for (size_t j = 0; j < N; j++)
          sum += x[a * N + j] * x[b * N + j];
        /* Each product has variance 1/144. */
        g_assert_cmpfloat (fabs (sum), <, 5 * sqrt (N) / 12);
      }
}

static void
test_random_distributions (void)
{
  enum { N = 200000, SIDES = 7 };
  double sum = 0, squares = 0, fourth = 0, uniform = 0;
  size_t counts[SIDES] = { 0 };
  CsRandom r;

  cs_random_init (&r, 7, 7);
  for (size_t i = 0; i < N; i++)
    {
      double z = cs_random_normal (&r), u = cs_random_uniform (&r);

      g_assert_true (isfinite (z) && u >= 0 && u < 1);
      sum += z;
      squares += z * z;
      fourth += z * z * z * z;
      uniform += u;
      counts[cs_random_below (&r, SIDES)]++;
    }
  g_assert_cmpfloat (fabs (sum / N), <, 5 / sqrt (N));
  g_assert_cmpfloat (fabs (squares / N - 1), <, 5 * sqrt (2.0 / N));
  g_assert_cmpfloat (fabs (fourth / N - 3), <, 5 * sqrt (96.0 / N));
  g_assert_cmpfloat (fabs (uniform / N - 0.5), <, 5 * sqrt (1.0 / 12 / N));
  for (size_t i = 0; i < SIDES; i++)
    g_assert_cmpfloat (fabs ((double) counts[i] - (double) N / SIDES), <,
                       5 * sqrt ((double) N / SIDES));
  for (size_t i = 0; i < 100; i++)
    g_assert_cmpuint (cs_random_below (&r, 1), ==, 0);
}

static void
test_random_permutation (void)
{
  enum { N = 1000 };
  uint32_t order[N], small[3];
  bool seen[N] = { false };
  size_t n_fixed = 0, counts[3][3] = { { 0 } };
  CsRandom r;

  cs_random_init (&r, 1, 2);
  cs_random_permutation (&r, order, 0);
  cs_random_permutation (&r, order, N);
  for (size_t i = 0; i < N; i++)
    {
      g_assert_cmpuint (order[i], <, N);
      g_assert_false (seen[order[i]]);
      seen[order[i]] = true;
      n_fixed += order[i] == i;
    }
  g_assert_cmpuint (n_fixed, <, 10); /* one is expected */
  for (size_t i = 0; i < 30000; i++)
    {
      cs_random_permutation (&r, small, 3);
      for (size_t j = 0; j < 3; j++)
        counts[j][small[j]]++;
    }
  for (size_t i = 0; i < 9; i++)
    g_assert_cmpfloat (fabs ((double) counts[i / 3][i % 3] - 10000), <, 5 * sqrt (10000));
}

/* ---- team ---- */

typedef struct {
  unsigned *hits;         /* for each item */
  size_t   *begins, *ends; /* for each worker */
  size_t    n_items;
} Coverage;

static void
record_range (size_t begin, size_t end, unsigned worker, void *data)
{
  Coverage *coverage = data;

  g_assert (begin < end && end <= coverage->n_items);
  coverage->begins[worker] = begin;
  coverage->ends[worker] = end;
  for (size_t i = begin; i < end; i++)
    coverage->hits[i]++;
}

static void
check_coverage (CsTeam *team, size_t n_items)
{
  size_t size = cs_team_size (team), next = 0;
  g_autofree unsigned *hits = g_new0 (unsigned, n_items + 1);
  g_autofree size_t *begins = g_new0 (size_t, size), *ends = g_new0 (size_t, size);
  Coverage coverage = { hits, begins, ends, n_items };

  cs_team_run (team, n_items, record_range, &coverage);
  for (size_t i = 0; i < n_items; i++)
    g_assert_cmpuint (hits[i], ==, 1);
  for (size_t w = 0; w < size; w++) /* contiguous, in the order of the workers */
    if (ends[w] > 0)
      {
        g_assert_cmpuint (begins[w], ==, next);
        g_assert_cmpuint (ends[w] - begins[w], <=, n_items / size + 1);
        next = ends[w];
      }
  g_assert_cmpuint (next, ==, n_items);
}

static void
test_team_ranges (void)
{
  static const size_t counts[] = { 0, 1, 2, 3, 4, 5, 6, 7, 64, 1001 };

  g_assert_cmpuint (cs_team_size (NULL), ==, 1);
  cs_team_free (NULL);
  for (unsigned n_threads = 0; n_threads <= 5; n_threads++)
    {
      g_autoptr (CsTeam) team = cs_team_new (n_threads);

      g_assert_cmpuint (cs_team_size (team), >=, 1);
      if (n_threads > 0)
        g_assert_cmpuint (cs_team_size (team), ==, n_threads);
      for (size_t i = 0; i < G_N_ELEMENTS (counts); i++)
        check_coverage (team, counts[i]);
    }
  for (size_t i = 0; i < G_N_ELEMENTS (counts); i++)
    check_coverage (NULL, counts[i]);
}

static void
sum_range (size_t begin, size_t end, unsigned worker, void *data)
{
  float *sums = data;

  for (size_t i = begin; i < end; i++)
    sums[worker] += 1.0f / (float) (i + 1);
}

static float
team_sum (CsTeam *team, size_t n)
{
  float sums[8] = { 0 }, sum = 0;

  cs_team_run (team, n, sum_range, sums);
  for (unsigned w = 0; w < cs_team_size (team); w++)
    sum += sums[w];
  return sum;
}

/* The same team size adds up in the same order, whatever the threads' timing; many runs one after
 * the other, some after the workers have gone to sleep. */
static void
test_team_determinism (void)
{
  g_autoptr (CsTeam) team = cs_team_new (3), other = cs_team_new (3);
  float first = team_sum (team, 10007);

  for (size_t i = 0; i < 2000; i++)
    {
      g_assert_cmpint (
        memcmp (&first, &(float){ team_sum (i % 2 ? team : other, 10007) }, sizeof first), ==, 0);
      if (i % 500 == 0)
        g_usleep (2000);
    }
}

static double
processor_seconds (void)
{
  struct timespec time;

  clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

static void
test_team_idle (void)
{
  g_autoptr (CsTeam) team = cs_team_new (4);
  double before;

  team_sum (team, 1000);
  g_usleep (20000);
  before = processor_seconds ();
  g_usleep (200000);
  g_assert_cmpfloat (processor_seconds () - before, <, 0.02);
}

/* ---- products ---- */

typedef struct {
  bool   trans_a, trans_b;
  size_t m, n, k, slack; /* slack: what every row stride has above the least */
  float  alpha, beta;
} Case;

static float *
random_matrix (CsRandom *r, size_t n)
{
  float *x = g_new (float, n);

  for (size_t i = 0; i < n; i++)
    x[i] = (float) (2 * cs_random_uniform (r) - 1);
  return x;
}

static void
check_product (CsTeam *team, CsRandom *r, const Case *p)
{
  size_t lda = (p->trans_a ? p->m : p->k) + p->slack, ldb = (p->trans_b ? p->k : p->n) + p->slack;
  size_t ldc = p->n + p->slack;
  g_autofree float *a = random_matrix (r, (p->trans_a ? p->k : p->m) * lda);
  g_autofree float *b = random_matrix (r, (p->trans_b ? p->n : p->k) * ldb);
  g_autofree float *c = random_matrix (r, p->m * ldc);
  g_autofree float *before = NULL;

  for (size_t i = 0; p->beta == 0 && i < p->m; i++)
    for (size_t j = 0; j < p->n; j++)
      c[i * ldc + j] = NAN; /* has to be overwritten */
  before = g_memdup2 (c, p->m * ldc * sizeof *c);
  cs_gemm (team, p->trans_a, p->trans_b, p->m, p->n, p->k, p->alpha, a, lda, b, ldb, p->beta, c,
           ldc);
  for (size_t i = 0; i < p->m; i++)
    for (size_t j = 0; j < ldc; j++)
      {
        double sum = 0;

        if (j >= p->n) /* beyond the row: untouched */
          {
            g_assert_cmpfloat (c[i * ldc + j], ==, before[i * ldc + j]);
            continue;
          }
        for (size_t l = 0; l < p->k; l++)
          sum += (double) a[p->trans_a ? l * lda + i : i * lda + l] *
                 (double) b[p->trans_b ? j * ldb + l : l * ldb + j];
        sum *= p->alpha;
        if (p->beta != 0)
          sum += (double) p->beta * (double) before[i * ldc + j];
        g_assert_cmpfloat_with_epsilon ((double) c[i * ldc + j], sum,
                                        1e-5 * (1 + sqrt ((double) p->k)));
      }
}

static void
test_gemm (void)
{
  static const size_t sizes[][3] = { { 1, 1, 1 },    { 1, 37, 19 },   { 1, 700, 301 },
                                     { 5, 1, 9 },    { 3, 4, 0 },     { 17, 33, 65 },
                                     { 64, 64, 64 }, { 130, 47, 31 }, { 31, 259, 40 } };
  static const float betas[] = { 0, 1, -0.5f };
  g_autoptr (CsTeam) team = cs_team_new (3);
  CsRandom r;

  cs_random_init (&r, 3, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (unsigned options = 0; options < 48; options++)
      {
        Case p = { .trans_a = options & 1,
                   .trans_b = options & 2,
                   .m = sizes[i][0],
                   .n = sizes[i][1],
                   .k = sizes[i][2],
                   .slack = options & 4 ? 3 : 0,
                   .alpha = options & 8 ? 0.75f : 1,
                   .beta = betas[options / 16] };

        check_product (options % 3 ? team : NULL, &r, &p);
      }
  cs_gemm (team, false, false, 0, 5, 5, 1, NULL, 5, NULL, 5, 0, NULL, 5);
}

static void
test_gemm_repeats (void)
{
  enum { M = 100, N = 90, K = 80 };
  g_autoptr (CsTeam) team = cs_team_new (2);
  g_autofree float *a = NULL, *b = NULL, *c = g_new (float, M * N), *d = g_new (float, M * N);
  CsRandom r;

  cs_random_init (&r, 5, 0);
  a = random_matrix (&r, M * K);
  b = random_matrix (&r, K * N);
  cs_gemm (team, false, false, M, N, K, 1, a, K, b, N, 0, c, N);
  for (size_t i = 0; i < 50; i++)
    {
      cs_gemm (team, false, false, M, N, K, 1, a, K, b, N, 0, d, N);
      g_assert_cmpmem (c, M * N * sizeof *c, d, M * N * sizeof *d);
    }
  g_assert_cmpfloat (cs_gemm_peak (team, 128, 0.01), >, 1e6);
}

/* ---- vectors ---- */

static void
check_vectors (CsRandom *r, size_t n)
{
  g_autofree float *x = random_matrix (r, n + 1), *y = random_matrix (r, n + 1), *z = NULL;
  double dot = 0, squares = 0, tolerance = 1e-6 * (1 + sqrt ((double) n));

  for (size_t i = 0; i < n; i++)
    {
      dot += (double) x[i] * (double) y[i];
      squares += (double) x[i] * (double) x[i];
    }
  g_assert_cmpfloat_with_epsilon ((double) cs_dot (x, y, n), dot, tolerance);
  g_assert_cmpfloat_with_epsilon (cs_dot_double (x, y, n), dot, 1e-12 * (1 + (double) n));
  g_assert_cmpfloat_with_epsilon (cs_norm2 (x, n), sqrt (squares), 1e-12 * (1 + (double) n));

  z = g_memdup2 (y, (n + 1) * sizeof *y);
  cs_axpy (0.3f, x, z, n);
  cs_add (x, z, n);
  cs_scale (-2, z, n);
  for (size_t i = 0; i < n; i++)
    g_assert_cmpfloat_with_epsilon (z[i], -2 * (y[i] + 1.3f * x[i]), 1e-6f);
  g_assert_cmpfloat (z[n], ==, y[n]);
}

static void
test_vectors (void)
{
  CsRandom r;

  cs_random_init (&r, 11, 0);
  for (size_t n = 0; n < 70; n++)
    check_vectors (&r, n);
  check_vectors (&r, 4099);
}

static void
test_all_finite (void)
{
  enum { N = 9001 };
  static const float bad[] = { NAN, -NAN, INFINITY, -INFINITY };
  g_autofree float *x = g_new0 (float, N);

  x[5] = 3.4e38f;
  x[6] = 1e-45f;
  g_assert_true (cs_all_finite (x, N));
  g_assert_true (cs_all_finite (x, 0));
  for (size_t i = 0; i < N; i += 257)
    {
      x[i] = bad[i % 4];
      g_assert_false (cs_all_finite (x, N));
      x[i] = 0;
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/base/error-domain", test_error_domain);
  g_test_add_func ("/base/random/known-answers", test_random_known);
  g_test_add_func ("/base/random/streams", test_random_streams);
  g_test_add_func ("/base/random/distributions", test_random_distributions);
  g_test_add_func ("/base/random/permutation", test_random_permutation);
  g_test_add_func ("/base/team/ranges", test_team_ranges);
  g_test_add_func ("/base/team/determinism", test_team_determinism);
  g_test_add_func ("/base/team/idle", test_team_idle);
  g_test_add_func ("/base/gemm/naive", test_gemm);
  g_test_add_func ("/base/gemm/repeats", test_gemm_repeats);
  g_test_add_func ("/base/vector/kernels", test_vectors);
  g_test_add_func ("/base/vector/all-finite", test_all_finite);
  return g_test_run ();
}
