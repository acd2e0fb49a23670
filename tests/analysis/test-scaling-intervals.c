/* Intervals of ν, shares and spreads, twins, and the claims table's counts. */
#include <math.h>
#include <string.h>

#include "latents.h"
#include "random.h"
#include "twins.h"

/* --- Intervals --- */

/* Blocks of noisy numerators and denominators whose ratio is known: the interval covers it about 95 times in a hundred. */
static void
test_coverage (void)
{
  enum { ROUNDS = 400 };
  g_autoptr (CsBlockDraws) draws = cs_block_draws_new (500, 1);
  size_t covered = 0;
  CsRandom random;

  cs_random_init (&random, 7, 0);
  for (int round = 0; round < ROUNDS; round++)
    {
      double numerator[CS_SCALING_BLOCKS], denominator[CS_SCALING_BLOCKS];
      float interval[2];

      for (size_t b = 0; b < CS_SCALING_BLOCKS; b++)
        {
          denominator[b] = 5 + cs_random_normal (&random);
          numerator[b] = .3 * denominator[b] + cs_random_normal (&random);
        }
      cs_ratio_interval (draws, numerator, denominator, CS_SCALING_BLOCKS, interval);
      g_assert_cmpfloat (interval[0], <, interval[1]);
      covered += interval[0] <= .3 && .3 <= interval[1];
    }
  g_assert_cmpuint (covered, >, (size_t) (.89 * ROUNDS));
  g_assert_cmpuint (covered, <, (size_t) (.99 * ROUNDS));
}

static void
test_thin_evidence (void)
{
  g_autoptr (CsBlockDraws) draws = cs_block_draws_new (200, 1);
  double numerator[CS_SCALING_BLOCKS] = { 0 }, denominator[CS_SCALING_BLOCKS] = { 0 };
  float interval[2];

  for (size_t b = 0; b < CS_MIN_BLOCKS; b++)
    {
      denominator[b] = 2;
      numerator[b] = 1;
    }
  cs_ratio_interval (draws, numerator, denominator, CS_MIN_BLOCKS - 1, interval);
  g_assert_true (isnan (interval[0]) && isnan (interval[1]));
  cs_ratio_interval (draws, numerator, denominator, CS_MIN_BLOCKS, interval);
  g_assert_cmpfloat (interval[0], ==, .5f); /* every block says the same */
  g_assert_cmpfloat (interval[1], ==, .5f);
  memset (denominator, 0, sizeof denominator);
  cs_ratio_interval (draws, numerator, denominator, CS_MIN_BLOCKS, interval);
  g_assert_true (isnan (interval[0]) && isnan (interval[1]));
}

/* Documents go whole to a block, in whatever calls they come; a long one is cut. */
static void
test_blocks (void)
{
  enum { DOCUMENTS = 600, LENGTH = 7, N = DOCUMENTS * LENGTH, LONG = 5000 };
  g_autofree int32_t *position = g_new (int32_t, N);
  g_autofree uint8_t *whole = g_new (uint8_t, N), *cut = g_new (uint8_t, N);
  CsBlockReader a = { .seed = 3 }, b = { .seed = 3 }, c = { .seed = 3 };
  size_t documents[CS_SCALING_BLOCKS] = { 0 }, changes = 0;
  int32_t along[LONG];
  uint8_t of_long[LONG];

  for (size_t t = 0; t < N; t++)
    position[t] = (int32_t) (t % LENGTH);
  cs_block_reader_assign (&a, position, N, whole);
  for (size_t first = 0; first < N; first += 25)
    cs_block_reader_assign (&b, position + first, MIN (25, N - first), cut + first);
  g_assert_cmpmem (whole, N, cut, N);
  for (size_t t = 0; t < N; t++)
    {
      g_assert_cmpuint (whole[t], <, CS_SCALING_BLOCKS);
      g_assert_cmpuint (whole[t], ==, whole[t - t % LENGTH]);
      documents[whole[t]] += t % LENGTH == 0;
    }
  for (size_t i = 0; i < CS_SCALING_BLOCKS; i++)
    g_assert_cmpuint (documents[i], >, 3); /* 18.75 on average */
  for (int t = 0; t < LONG; t++)
    along[t] = t;
  cs_block_reader_assign (&c, along, LONG, of_long);
  for (int t = 1; t < LONG; t++)
    changes += of_long[t] != of_long[t - 1];
  g_assert_cmpuint (changes, >=, 2);
  g_assert_cmpuint (changes, <=, 4);
}

static void
test_shares_and_spreads (void)
{
  const double values[] = { 1, 2, 3, 4 };
  double interval[2];
  CsSpread spread;

  cs_share_interval (5, 10, interval);
  g_assert_cmpfloat_with_epsilon (interval[0], .23659, 1e-5);
  g_assert_cmpfloat_with_epsilon (interval[1], .76341, 1e-5);
  cs_share_interval (0, 10, interval);
  g_assert_cmpfloat (interval[0], ==, 0);
  g_assert_cmpfloat_with_epsilon (interval[1], .27753, 1e-5);
  cs_share_interval (0, 0, interval);
  g_assert_true (isnan (interval[0]) && isnan (interval[1]));
  cs_spread_of (values, 4, &spread);
  g_assert_cmpfloat_with_epsilon (spread.mean, 2.5, 1e-12);
  g_assert_cmpfloat_with_epsilon (spread.std, sqrt (5. / 3), 1e-12);
  g_assert_cmpfloat_with_epsilon (spread.high, 2.5 + 1.96 * sqrt (5. / 3), 1e-12);
  cs_spread_of (values, 1, &spread);
  g_assert_true (isnan (spread.low) && spread.n == 1);
}

/* --- Twins --- */

enum { D = 6, F = 8 };

/* Latents 0 … 3 write to chat, 4 … 7 to base; 0 and 4 share a direction, 1 and 5 nearly; 2 is close to 4, too. */
static CsCrosscoder *
twin_crosscoder (void)
{
  CsCrosscoder *cc = cs_crosscoder_new (D, F, CS_VARIANT_L1, NULL);

  for (size_t j = 0; j < F; j++)
    cc->decoder[j * 2 * D + (j < 4 ? D : 0) + j % 4] = (float) (1 + j);
  cc->decoder[5 * 2 * D + 4] = 2;                            /* cosine 6 / √40 = 0.949 with latent 1 */
  cc->decoder[2 * 2 * D + D + 2] = 0;
  cc->decoder[2 * 2 * D + D] = 3, cc->decoder[2 * 2 * D + D + 5] = 1; /* 0.949 with latent 4 */
  cc->decoder[7 * 2 * D + 4] = 8;                            /* 0.707 with latent 3 */
  return cc;
}

static void
test_twins (void)
{
  enum { N = 500 };
  const uint32_t chat[] = { 3, 2, 1, 0 }, base[] = { 4, 5, 6, 7 };
  const float max_act[F] = { 1, 2, 1, 1, 2, 1, 1, 1 }, scales[F] = { 1, 2, 1, 1, 2, 1, 1, 1 };
  g_autoptr (CsCrosscoder) cc = twin_crosscoder ();
  g_autoptr (CsTwins) twins = cs_twins_new (cc, NULL, chat, 4, base, 4, max_act, scales);
  g_autofree size_t *start = g_new0 (size_t, N + 1);
  g_autofree uint32_t *latent = g_new (uint32_t, N * F);
  g_autofree float *value = g_new (float, N * F);
  const CsCodes codes = { .n_tokens = N, .start = start, .latent = latent, .value = value };
  uint64_t apart = 0, high = 0;
  CsRandom random;
  size_t n = 0;

  g_assert_cmpuint (cs_twins_n (twins), ==, 1); /* 0, 2 and 4 are three */
  g_assert_cmpuint (cs_twins_n_close (twins), ==, 3);
  g_assert_cmpuint (cs_twins_get (twins, 0)->chat, ==, 1);
  g_assert_cmpuint (cs_twins_get (twins, 0)->base, ==, 5);
  g_assert_cmpfloat_with_epsilon (cs_twins_get (twins, 0)->cosine, 6 / sqrt (40), 1e-6);
  g_assert_true (isnan (cs_twin_divergence (cs_twins_get (twins, 0))));
  cs_random_init (&random, 1, 0);
  for (size_t t = 0; t < N; t++)
    {
      double v[2] = { 0, 0 };

      for (size_t j = 0; j < F; j++)
        if (cs_random_uniform (&random) < .4)
          {
            latent[n] = (uint32_t) j;
            value[n] = (float) cs_random_uniform (&random);
            if (j == 1 || j == 5)
              v[j == 5] = value[n] * scales[j] / 2; /* the larger maximum is latent 1's */
            n++;
          }
      start[t + 1] = n;
      high += v[0] > .4 || v[1] > .4;
      apart += (v[0] > .4 && v[1] <= .1) || (v[1] > .4 && v[0] <= .1);
    }
  cs_twins_add (twins, &codes);
  g_assert_cmpuint (cs_twins_get (twins, 0)->high, ==, high);
  g_assert_cmpuint (cs_twins_get (twins, 0)->apart, ==, apart);
  g_assert_cmpuint (apart, >, 10);
  g_assert_cmpfloat (cs_twin_divergence (cs_twins_get (twins, 0)), ==, (double) apart / (double) high);
}

static void
test_no_twins (void)
{
  const uint32_t one[] = { 0 };
  const float ones[F] = { 1, 1, 1, 1, 1, 1, 1, 1 };
  g_autoptr (CsCrosscoder) cc = twin_crosscoder ();
  g_autoptr (CsTwins) twins = cs_twins_new (cc, NULL, one, 1, NULL, 0, ones, ones);
  size_t start[2] = { 0, 0 };
  const CsCodes codes = { .n_tokens = 1, .start = start };

  cs_twins_add (twins, &codes);
  g_assert_cmpuint (cs_twins_n (twins), ==, 0);
}

/* --- The claims table --- */

enum { N_SHARED = 20, N_ROWS = N_SHARED + 8 };

static void
set_row (CsLatentRow *row, double delta_norm, double nu_error, double nu_reconstruction, bool specific)
{
  *row = (CsLatentRow) { .delta_norm = (float) delta_norm, .tag = (uint8_t) cs_latent_classify (delta_norm, false), .tested = 1,
                         .chat_specific = specific, .nu_error = (float) nu_error,
                         .nu_reconstruction = (float) nu_reconstruction, .twin = -1, .twin_divergence = NAN };
  row->nu_error_interval[0] = (float) nu_error - .05f;
  row->nu_error_interval[1] = (float) nu_error + .05f;
  row->nu_reconstruction_interval[0] = (float) nu_reconstruction - .05f;
  row->nu_reconstruction_interval[1] = (float) nu_reconstruction + .05f;
}

static void
test_summary (void)
{
  CsLatentRow rows[N_ROWS];
  const CsLatents latents = { .n_latents = N_ROWS, .rows = rows, .identity_gap = 1e-15, .close_pairs = 4 };
  CsLatentSummary s;

  for (size_t i = 0; i < N_SHARED; i++) /* ν^r from 0.8 to 1.2, ν^ε 1 */
    set_row (&rows[i], .5, 1 + (i % 2 ? 1e-3 : -1e-3), .8 + .4 * (double) i / (N_SHARED - 1), false);
  set_row (&rows[20], .97, .02, .05, true);
  set_row (&rows[21], .92, .18, .1, true);        /* its interval reaches the limit */
  set_row (&rows[22], .95, .1, .95, false);       /* decoupled: where shared ones lie */
  set_row (&rows[23], .7, .22, .1, false);        /* its interval reaches below the limit */
  set_row (&rows[24], .8, NAN, NAN, false);
  set_row (&rows[25], .9, 5, .95, false);         /* beyond the drawn range */
  set_row (&rows[26], .05, NAN, NAN, false);
  rows[26].base_specific = 1;
  set_row (&rows[27], .3, .5, .5, false);
  rows[22].twin = 26, rows[26].twin = 22;
  rows[22].twin_cos = rows[26].twin_cos = .95f;
  rows[22].twin_divergence = rows[26].twin_divergence = .25f;
  cs_latents_summarise (&latents, &s);
  g_assert_cmpuint (s.tested, ==, N_ROWS);
  g_assert_cmpuint (s.shared, ==, N_SHARED);
  g_assert_cmpuint (s.chat_leaning, ==, 6);
  g_assert_cmpuint (s.chat_specific, ==, 2);
  g_assert_cmpuint (s.chat_only_specific, ==, 2);
  g_assert_cmpuint (s.chat_specific_surely, ==, 1);
  g_assert_cmpuint (s.chat_specific_possibly, ==, 3);
  g_assert_cmpfloat_with_epsilon (s.confirmed_share, 1 / 3., 1e-12);
  g_assert_cmpfloat_with_epsilon (s.confirmed_interval[0], .0968, 1e-4);
  g_assert_cmpuint (s.base_leaning, ==, 2);
  g_assert_cmpuint (s.base_specific, ==, 1);
  g_assert_cmpuint (s.shared_nu_reconstruction.n, ==, N_SHARED);
  g_assert_cmpfloat_with_epsilon (s.shared_nu_reconstruction.mean, 1, 1e-6);
  g_assert_cmpuint (s.leaning_reconstruction.n, ==, 4);
  g_assert_cmpuint (s.leaning_reconstruction.inside, ==, 1);
  g_assert_cmpuint (s.only_reconstruction.n, ==, 3);
  g_assert_cmpuint (s.only_reconstruction.inside, ==, 1);
  g_assert_cmpfloat_with_epsilon (s.only_reconstruction.share, 1 / 3., 1e-12);
  g_assert_cmpuint (s.only_error.inside, ==, 0);
  g_assert_cmpuint (s.twins, ==, 1);
  g_assert_cmpfloat (s.twin_divergence, ==, .25);
  g_assert_cmpuint (s.close_pairs, ==, 4);
  g_assert_cmpfloat (s.identity_gap, ==, 1e-15);
}

static void
test_empty_summary (void)
{
  CsLatentRow row;
  const CsLatents latents = { .n_latents = 1, .rows = &row, .identity_gap = NAN };
  CsLatentSummary s;

  set_row (&row, .95, .1, .1, false);
  cs_latents_summarise (&latents, &s);
  g_assert_cmpuint (s.leaning_error.n, ==, 0); /* no shared latents to compare with */
  g_assert_true (isnan (s.leaning_error.share) && isnan (s.shared_nu_error.low) && isnan (s.twin_divergence));
  g_assert_cmpfloat (s.confirmed_share, ==, 0);
  row.tested = 0;
  cs_latents_summarise (&latents, &s);
  g_assert_true (isnan (s.confirmed_share) && isnan (s.confirmed_interval[0]));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/analysis/intervals/coverage", test_coverage);
  g_test_add_func ("/analysis/intervals/thin-evidence", test_thin_evidence);
  g_test_add_func ("/analysis/intervals/blocks", test_blocks);
  g_test_add_func ("/analysis/intervals/shares-and-spreads", test_shares_and_spreads);
  g_test_add_func ("/analysis/twins", test_twins);
  g_test_add_func ("/analysis/twins/none", test_no_twins);
  g_test_add_func ("/analysis/summary", test_summary);
  g_test_add_func ("/analysis/summary/empty", test_empty_summary);
  return g_test_run ();
}
