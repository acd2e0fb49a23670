/* Dense products. OpenBLAS computes on one thread at a time; the team cuts the product into row or column
 * blocks, so that thread counts are ours and results depend on nothing but the team's size. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "team.h"

/* C[m,n] = alpha · op(A)[m,k] · op(B)[k,n] + beta · C, all row-major float32; lda, ldb, ldc are the row
 * strides in elements of the matrices as stored (before op). beta 0 overwrites C, NaN included. */
void cs_gemm (CsTeam *team, bool trans_a, bool trans_b, size_t m, size_t n, size_t k,
              float alpha, const float *a, size_t lda, const float *b, size_t ldb,
              float beta, float *c, size_t ldc);

/* Square sgemm of side n on the team, repeated for about `seconds`; returns floating-point operations a
 * second. The peak that benchmarks are measured against. */
double cs_gemm_peak (CsTeam *team, size_t n, double seconds);
