/* xoshiro256** 1.0 and splitmix64 after Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators" (2021); bounded integers after Lemire, "Fast random integer generation in an
 * interval" (2019); normals after Box and Muller (1958). */
#include "random.h"

#include <math.h>

#include <glib.h>

static uint64_t
splitmix64 (uint64_t *state)
{
  uint64_t z = (*state += UINT64_C (0x9e3779b97f4a7c15));

  z = (z ^ (z >> 30)) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C (0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* The seed is scrambled before the stream is mixed in and that sum once more by every word drawn,
 * so that neighbouring seeds and streams share nothing. */
void
cs_random_init (CsRandom *r, uint64_t seed, uint64_t stream)
{
  uint64_t seed_state = seed;
  uint64_t stream_state = ~stream;
  uint64_t state = splitmix64 (&seed_state) + 3 * splitmix64 (&stream_state);

  for (size_t i = 0; i < 4; i++)
    r->s[i] = splitmix64 (&state);
}

static inline uint64_t
rotate_left (uint64_t x, unsigned k)
{
  return (x << k) | (x >> (64 - k));
}

uint64_t
cs_random_u64 (CsRandom *r)
{
  uint64_t *s = r->s;
  uint64_t result = rotate_left (s[1] * 5, 7) * 9;
  uint64_t t = s[1] << 17;

  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotate_left (s[3], 45);
  return result;
}

size_t
cs_random_below (CsRandom *r, size_t n)
{
  g_assert (n >= 1);

  uint64_t bound = n;
  unsigned __int128 product = (unsigned __int128) cs_random_u64 (r) * bound;

  if ((uint64_t) product < bound)
    {
      uint64_t threshold = (0 - bound) % bound; /* 2^64 mod n: as many low parts are too many */

      while ((uint64_t) product < threshold)
        product = (unsigned __int128) cs_random_u64 (r) * bound;
    }
  return (size_t) (product >> 64);
}

double
cs_random_uniform (CsRandom *r)
{
  return (double) (cs_random_u64 (r) >> 11) * 0x1p-53;
}

double
cs_random_normal (CsRandom *r)
{
  double u = 1.0 - cs_random_uniform (r); /* (0, 1]: the logarithm stays finite */
  double v = cs_random_uniform (r);

  return sqrt (-2.0 * log (u)) * cos (2.0 * G_PI * v);
}

void
cs_random_permutation (CsRandom *r, uint32_t *order, size_t n)
{
  g_assert (n <= UINT32_MAX);

  for (size_t i = 0; i < n; i++)
    {
      size_t j = cs_random_below (r, i + 1);

      order[i] = order[j];
      order[j] = (uint32_t) i;
    }
}
