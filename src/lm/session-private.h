/* A run of a model: its cache and scratch, and the pieces of a block of tokens' way through the
 * layers.
 *
 * Letters as in model-private.h; m = rows of the block of tokens in hand, at most
 * CsSession.max_rows. */
#pragma once

#include "model-private.h"

/* Tokens are run through the layers in blocks of this many, which bounds the scratch; more of them
 * where weights are widened on the way, which is done once a block. */
#define CS_SESSION_BLOCK ((size_t)256)
#define CS_SESSION_LARGE_BLOCK ((size_t)512)
/* Rows of queries whose scores are computed at once: fewer keys beyond the diagonal than with whole
 * blocks. */
#define CS_SCORE_ROWS ((size_t)64)

/* A rotary table; n = n_rotated / 2 pairs. */
typedef struct
{
  double *frequencies;    /* [n] */
  float *cosines, *sines; /* [capacity, n] */
} CsAngles;

/* Pieces of a weight that are widened at once: at most so many columns, and the number of floats.
 */
#define CS_PIECE_COLS ((size_t)768)
#define CS_PIECE_SIZE ((size_t)512 * CS_PIECE_COLS)

struct CsSession
{
  CsModel *model;
  CsTeam *team;
  size_t capacity, position;
  /* Blocks from the first up to before n that every cached position went through; only with
   * position > 0. */
  size_t first_block_cached, n_blocks_cached;
  bool failed;         /* numbers that are not finite: the cache is of no use */
  bool out_of_memory;
  CsTap *taps; /* in the order in which they run */
  size_t n_taps;
  size_t max_rows, score_rows;

  float *residual, *normed; /* [m, d] */
  float *qkv;               /* [m, (H + 2K) · D] */
  float *attended;          /* [m, H · D] */
  float *gate_up;           /* [m, 2F]: gate, then up; [m, F] where there is no gate */
  float *branch;            /* [m, d]: what a product adds, where that is normed first; else NULL */
  float *keys, *values; /* [L, K, capacity, D]; pages that are never reached are never touched */
  CsAngles angles[CS_N_ROPES]; /* the local ones only where they differ */
  size_t n_angles;             /* positions that they are filled for */
  float *scores;               /* [team size, score_rows · capacity] */
  float *widened; /* [team size, widened_size]: rows of a weight; NULL where all is widened */
  size_t widened_size;
};

/* Y[m, rows] = X[m, cols] Wᵀ + bias, added to what is in Y where accumulate is set. widened: [team
 * size, widened_size] float32 with widened_size ≥ CS_PIECE_COLS, used only with m > 1 where the
 * weight is not widened yet. */
typedef struct
{
  CsTeam *team;
  float *widened;
  size_t widened_size;
} CsProductScratch;

void cs_linear_apply (const CsLinear *linear,
                      const CsProductScratch *scratch,
                      const float *x,
                      size_t ldx,
                      size_t m,
                      float *y,
                      size_t ldy,
                      bool accumulate);

/* As the architecture norms, from x to out (which may be x). */
void cs_norm_apply (const CsArchitecture *architecture,
                    const CsNorm *norm,
                    size_t n,
                    const float *x,
                    float *out);

/* Norms and rotates queries and keys of the m rows in session->qkv, which start at
 * session->position, puts keys and values into the cache of `layer`, and computes
 * session->attended. */
void cs_session_attend (CsSession *session, size_t layer, size_t m);
