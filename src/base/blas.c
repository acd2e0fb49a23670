#include "blas.h"

#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <cblas.h>
#include <glib.h>

/* Rows or columns handed out at once: whole register blocks of the kernels. */
enum { BLOCK = 16 };
/* Below so many multiply-adds a product is done before a second thread has woken up. */
enum { MIN_PARALLEL_WORK = 1 << 16 };

typedef struct {
  bool         trans_a, trans_b;
  size_t       m, n, k;
  float        alpha, beta;
  const float *a, *b;
  float       *c;
  size_t       lda, ldb, ldc;
} Product;

static pthread_once_t blas_once = PTHREAD_ONCE_INIT;

static void
use_one_blas_thread (void)
{
  openblas_set_num_threads (1);
}

/* c[1,n] = alpha · a[1,k] · op(B) + beta · c: the product of generation, one token at a time, which
 * the matrix kernel would spend on copying B. */
static void
multiply_row (const Product *p)
{
  blasint rows = (blasint) (p->trans_b ? p->n : p->k);
  blasint columns = (blasint) (p->trans_b ? p->k : p->n);

  if (p->beta == 0)
    memset (p->c, 0, p->n * sizeof *p->c);
  cblas_sgemv (CblasRowMajor, p->trans_b ? CblasNoTrans : CblasTrans, rows, columns, p->alpha,
               p->b, (blasint) p->ldb, p->a, p->trans_a ? (blasint) p->lda : 1, p->beta, p->c, 1);
}

static void
scale_result (const Product *p)
{
  for (size_t i = 0; i < p->m; i++)
    for (size_t j = 0; j < p->n; j++)
      p->c[i * p->ldc + j] = p->beta == 0 ? 0 : p->beta * p->c[i * p->ldc + j];
}

static void
multiply (const Product *p)
{
  if (p->k == 0)
    scale_result (p);
  else if (p->m == 1)
    multiply_row (p);
  else
    cblas_sgemm (CblasRowMajor, p->trans_a ? CblasTrans : CblasNoTrans,
                 p->trans_b ? CblasTrans : CblasNoTrans, (blasint) p->m, (blasint) p->n,
                 (blasint) p->k, p->alpha, p->a, (blasint) p->lda, p->b, (blasint) p->ldb, p->beta,
                 p->c, (blasint) p->ldc);
}

static void
multiply_rows (size_t begin, size_t end, unsigned worker, void *data)
{
  Product part = *(const Product *) data;
  size_t row = begin * BLOCK;

  part.m = MIN (end * BLOCK, part.m) - row;
  part.a += part.trans_a ? row : row * part.lda;
  part.c += row * part.ldc;
  multiply (&part);
}

static void
multiply_columns (size_t begin, size_t end, unsigned worker, void *data)
{
  Product part = *(const Product *) data;
  size_t column = begin * BLOCK;

  part.n = MIN (end * BLOCK, part.n) - column;
  part.b += part.trans_b ? column * part.ldb : column;
  part.c += column;
  multiply (&part);
}

void
cs_gemm (CsTeam *team, bool trans_a, bool trans_b, size_t m, size_t n, size_t k,
         float alpha, const float *a, size_t lda, const float *b, size_t ldb,
         float beta, float *c, size_t ldc)
{
  Product product = { .trans_a = trans_a, .trans_b = trans_b, .m = m, .n = n, .k = k,
                      .alpha = alpha, .beta = beta, .a = a, .b = b, .c = c,
                      .lda = lda, .ldb = ldb, .ldc = ldc };

  g_assert (lda >= (trans_a ? m : k) && ldb >= (trans_b ? k : n) && ldc >= n);
  g_assert (MAX (m, MAX (n, k)) <= INT_MAX && MAX (lda, MAX (ldb, ldc)) <= INT_MAX);
  if (m == 0 || n == 0)
    return;

  pthread_once (&blas_once, use_one_blas_thread);
  if (cs_team_size (team) == 1 || (double) m * (double) n * (double) k < MIN_PARALLEL_WORK)
    multiply (&product);
  else if (m >= n)
    cs_team_run (team, (m + BLOCK - 1) / BLOCK, multiply_rows, &product);
  else
    cs_team_run (team, (n + BLOCK - 1) / BLOCK, multiply_columns, &product);
}

static double
now_seconds (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return (double) time.tv_sec + 1e-9 * (double) time.tv_nsec;
}

/* The fastest repetition counts: a peak is what the machine can do when nothing else runs. */
double
cs_gemm_peak (CsTeam *team, size_t n, double seconds)
{
  g_autofree float *matrices = g_new (float, 3 * n * n);
  float *a = matrices, *b = a + n * n, *c = b + n * n;
  double end = now_seconds () + seconds;
  double fastest = G_MAXDOUBLE;

  for (size_t i = 0; i < 2 * n * n; i++)
    matrices[i] = (float) (i % 7) - 3;
  do
    {
      double begin = now_seconds (), taken;

      cs_gemm (team, false, false, n, n, n, 1, a, n, b, n, 0, c, n);
      taken = now_seconds () - begin;
      fastest = MIN (fastest, taken);
    }
  while (now_seconds () < end);
  return 2.0 * (double) n * (double) n * (double) n / MAX (fastest, 1e-9);
}
