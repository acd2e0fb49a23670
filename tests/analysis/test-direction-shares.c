/* Shares of the direction between two sets of prompts, against sums over the whole dictionary. */
#include <math.h>

#include "direction-shares.h"
#include "errors.h"
#include "steering.h"
#include "test-steering.h"

enum
{
  LAYER = 1
};

static const char *const set_a[] = { "the thing is", "a mouse" };
static const char *const set_b[] = { "What?", "this", "no no" };

/* Mean of the chat model's last residual and of its reconstruction without the bias, by dense codes. */
static void
naive_means (const CsCrosscoder *cc, const char *const *texts, size_t n, double *stream, double *written)
{
  const size_t d = TINY_WIDTH;

  for (size_t i = 0; i < n; i++)
    {
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
      g_autofree float *rows = NULL;
      g_auto (CsCodes) codes = { 0 };
      const float *x;

      g_assert_true (cs_steer_prompt (pair, texts[i], true, ids, NULL, NULL));
      rows = g_new (float, ids->len * 2 * d);
      x = rows + (ids->len - 1) * 2 * d;
      g_assert_true (cs_pair_residuals (pair, NULL, LAYER, (const int32_t *)(const void *)ids->data,
                                        ids->len, rows, NULL));
      g_assert_true (cs_crosscoder_encode (cc, NULL, x, 1, &codes, NULL));
      for (size_t c = 0; c < d; c++)
        {
          stream[c] += x[d + c] / (double)n;
          for (size_t e = codes.start[0]; e < codes.start[1]; e++)
            written[c] += codes.value[e] * cc->decoder[(codes.latent[e] * 2 + 1) * d + c] / cc->gain[1] / (double)n;
        }
    }
}

static void
test_shares_add_up (void)
{
  for (int normalised = 0; normalised < 2; normalised++)
    {
      g_autoptr (CsCrosscoder) cc = steering_crosscoder (normalised);
      double stream[2][TINY_WIDTH] = { { 0 } }, written[2][TINY_WIDTH] = { { 0 } };
      double square = 0, explained = 0, sum = 0, error_share;
      CsDirectionShare shares[12];
      g_autoptr (GError) error = NULL;

      g_assert_true (cs_direction_shares (NULL, pair, cc, LAYER, set_a, G_N_ELEMENTS (set_a), set_b,
                                          G_N_ELEMENTS (set_b), shares, &error_share, &error));
      g_assert_no_error (error);
      naive_means (cc, set_a, G_N_ELEMENTS (set_a), stream[0], written[0]);
      naive_means (cc, set_b, G_N_ELEMENTS (set_b), stream[1], written[1]);
      for (size_t c = 0; c < TINY_WIDTH; c++)
        {
          const double r = stream[0][c] - stream[1][c];

          square += r * r;
          explained += r * (written[0][c] - written[1][c]);
        }
      for (size_t j = 0; j < 12; j++)
        sum += shares[j].share;
      g_assert_cmpfloat_with_epsilon (sum, explained / square, 1e-5);
      g_assert_cmpfloat_with_epsilon (sum + error_share, 1, 1e-12);
      g_assert_cmpfloat (fabs (sum), >, 1e-3);
    }
}

static void
test_carriers (void)
{
  static const CsDirectionShare shares[] = {
    { 0, .1, { 2, 1 } }, { 1, .4, { 1, 2 } }, { 2, .3, { 5, 0 } }, { 3, -.2, { 3, 0 } }, { 4, .5, { 4, 1 } },
  };
  static const float delta_norm[] = { .9f, .9f, .7f, .9f, .3f };
  g_autoptr (GArray) all = cs_direction_carriers (shares, delta_norm, 5, 0);
  g_autoptr (GArray) leaning = cs_direction_carriers (shares, delta_norm, 5, .6);

  /* 1 writes towards A by not firing, 3 writes away from A. */
  g_assert_cmpuint (all->len, ==, 3);
  g_assert_cmpuint (g_array_index (all, CsDirectionShare, 0).latent, ==, 4);
  g_assert_cmpuint (leaning->len, ==, 2);
  g_assert_cmpuint (g_array_index (leaning, CsDirectionShare, 0).latent, ==, 2);
  g_assert_cmpuint (g_array_index (leaning, CsDirectionShare, 1).latent, ==, 0);
}

static void
test_shares_errors (void)
{
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  CsDirectionShare shares[12];
  g_autoptr (GError) empty = NULL;
  g_autoptr (GError) same = NULL;

  g_assert_false (cs_direction_shares (NULL, pair, cc, LAYER, set_a, 0, set_b, 1, shares, NULL, &empty));
  g_assert_error (empty, CS_ERROR, CS_ERROR_USAGE);
  g_assert_false (cs_direction_shares (NULL, pair, cc, LAYER, set_a, 2, set_a, 2, shares, NULL, &same));
  g_assert_error (same, CS_ERROR, CS_ERROR_USAGE);
}

void
add_direction_tests (void)
{
  g_test_add_func ("/analysis/direction-shares/add-up", test_shares_add_up);
  g_test_add_func ("/analysis/direction-shares/carriers", test_carriers);
  g_test_add_func ("/analysis/direction-shares/errors", test_shares_errors);
}
