/* Intervals for Latent Scaling: of one latent's ν, by resampling documents, and of many latents' ν, by their spread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scaling.h"

/* Draws of the CS_SCALING_BLOCKS blocks with replacement, the same for every latent. A block holds a thirty-second of the
 * documents, taken at random, so that this is a bootstrap over documents in groups. */
typedef struct CsBlockDraws CsBlockDraws;

CsBlockDraws *cs_block_draws_new (size_t n_draws, uint64_t seed);
void          cs_block_draws_free (CsBlockDraws *draws);

/* The central 95 % of Σ numerator / Σ denominator over the draws; NaN where fewer than CS_MIN_BLOCKS blocks say anything
 * (n_active), as then there is nothing to resample. */
#define CS_MIN_BLOCKS 5
void cs_ratio_interval (const CsBlockDraws *draws, const double *numerator, const double *denominator, size_t n_active,
                        float interval[2]);

/* Which block a token belongs to: documents go to blocks at random, long ones in pieces of 1,024 tokens. */
typedef struct {
  uint64_t piece, seed;
  uint8_t  block;
} CsBlockReader;
void cs_block_reader_assign (CsBlockReader *reader, const int32_t *position, size_t n, uint8_t *blocks);

/* Wilson's 95 % interval of a share of `hits` out of n; NaN for n = 0. */
void cs_share_interval (size_t hits, size_t n, double interval[2]);

/* mean ± 1.96 · standard deviation of n values, as Minder et al. draw the interval of the shared latents. */
typedef struct {
  size_t n;
  double mean, std, low, high;   /* NaN below n = 2 */
} CsSpread;
void cs_spread_of (const double *values, size_t n, CsSpread *spread);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsBlockDraws, cs_block_draws_free)
