/* xoshiro256** seeded by splitmix64: small, fast, and its whole state is four words that a checkpoint keeps.
 * cs_random_init (r, seed, stream) gives independent streams for the same seed (initialisation, order of
 * data, sampling), so that adding a consumer of one does not shift the others. */
#pragma once

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint64_t s[4];
} CsRandom;

void     cs_random_init (CsRandom *r, uint64_t seed, uint64_t stream);
uint64_t cs_random_u64 (CsRandom *r);
size_t   cs_random_below (CsRandom *r, size_t n);       /* uniform in 0 … n−1, unbiased; n ≥ 1 */
double   cs_random_uniform (CsRandom *r);               /* [0, 1), 53 bits */
double   cs_random_normal (CsRandom *r);                /* standard normal; keeps no second value */
void     cs_random_permutation (CsRandom *r, uint32_t *order, size_t n); /* fills order with a permutation of 0 … n−1 */
