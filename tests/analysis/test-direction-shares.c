/* Shares of the direction between two sets of prompts, against sums over the whole dictionary. */
#include <math.h>

#include "direction-shares.h"
#include "errors.h"
#include "refusal-choose.h"
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

      g_assert_true (cs_direction_shares (NULL, NULL, pair, cc, LAYER, set_a, G_N_ELEMENTS (set_a), set_b,
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

/* Read by several threads, they are the same to the last bit. */
static void
test_shares_in_team (void)
{
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  CsDirectionShare alone[12], together[12];
  double error_share[2];
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_direction_shares (NULL, NULL, pair, cc, LAYER, set_a, G_N_ELEMENTS (set_a), set_b,
                                      G_N_ELEMENTS (set_b), alone, &error_share[0], &error));
  for (unsigned n = 1; n <= 4; n++)
    {
      g_autoptr (CsTeam) team = cs_team_new (n);

      g_assert_true (cs_direction_shares (NULL, team, pair, cc, LAYER, set_a, G_N_ELEMENTS (set_a), set_b,
                                          G_N_ELEMENTS (set_b), together, &error_share[1], &error));
      g_assert_no_error (error);
      g_assert_cmpfloat (error_share[0], ==, error_share[1]);
      for (size_t j = 0; j < 12; j++)
        {
          g_assert_cmpfloat (alone[j].share, ==, together[j].share);
          g_assert_cmpfloat (alone[j].activity[0], ==, together[j].activity[0]);
        }
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

  g_assert_false (cs_direction_shares (NULL, NULL, pair, cc, LAYER, set_a, 0, set_b, 1, shares, NULL, &empty));
  g_assert_error (empty, CS_ERROR, CS_ERROR_USAGE);
  g_assert_false (cs_direction_shares (NULL, NULL, pair, cc, LAYER, set_a, 2, set_a, 2, shares, NULL, &same));
  g_assert_error (same, CS_ERROR, CS_ERROR_USAGE);
}

/* --- The greedy choice --- */

/* Of 50 prompts: latent 7 added at twice its maximum to the prompt alone refuses most; ablating 5 and 3 leaves fewest, and 9
 * garbles. */
static bool
count_made_up (void *data, const CsSteerItem *items, size_t n_items, size_t *refused, size_t *garbled, GError **error)
{
  size_t *calls = data;

  (*calls)++;
  *refused = items[0].mode == CS_STEER_ADD ? 10 : 40;
  *garbled = 0;
  if (items[0].mode == CS_STEER_ADD && items[0].latent == 7)
    *refused = items[0].scope == CS_STEER_PROMPT_ONLY && items[0].scale >= 2 ? 45 : 20;
  for (size_t i = 0; items[0].mode == CS_STEER_ABLATE && i < n_items; i++)
    {
      *refused -= items[i].latent == 5 ? 20 : items[i].latent == 3 ? 10 : items[i].latent == 9 ? 8 : 0;
      *garbled += items[i].latent == 9 ? 10 : 0;
    }
  return true;
}

static void
test_choice (void)
{
  static const size_t ids[] = { 9, 3, 7, 5 };
  CsLatentRow rows[12] = { { 0 } };
  CsLatents latents = { .n_latents = 12, .rows = rows };
  g_autoptr (GArray) candidates = g_array_new (FALSE, FALSE, sizeof (size_t));
  g_autoptr (GArray) added = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  g_autoptr (GArray) ablated = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  g_autoptr (GArray) nothing = g_array_new (FALSE, FALSE, sizeof (CsSteerItem));
  const CsSteerItem *item;
  size_t calls = 0;

  for (size_t j = 0; j < 12; j++)
    rows[j].max_act = (float) j;
  g_assert_true (cs_choose_added (candidates, &latents, 50, count_made_up, &calls, nothing, NULL));
  g_assert_cmpuint (nothing->len, ==, 0);
  g_array_append_vals (candidates, ids, G_N_ELEMENTS (ids));
  g_assert_true (cs_choose_added (candidates, &latents, 50, count_made_up, &calls, added, NULL));
  g_assert_cmpuint (calls, ==, 4 * CS_CHOOSE_TRIALS);
  g_assert_cmpuint (added->len, ==, 1);
  item = &g_array_index (added, CsSteerItem, 0);
  g_assert_cmpuint (item->latent, ==, 7);
  g_assert_cmpfloat (item->scale, ==, 2); /* the first of those that refuse as many */
  g_assert_cmpfloat (item->max_act, ==, 7);
  g_assert_cmpint (item->scope, ==, CS_STEER_PROMPT_ONLY);
  g_assert_true (cs_choose_ablated (candidates, &latents, 50, 4, count_made_up, &calls, ablated, NULL));
  g_assert_cmpuint (ablated->len, ==, 2);
  g_assert_cmpuint (g_array_index (ablated, CsSteerItem, 0).latent, ==, 5);
  g_assert_cmpuint (g_array_index (ablated, CsSteerItem, 1).latent, ==, 3);
}

static void
test_candidates (void)
{
  static const CsDirectionShare first[] = { { 4, .5, { 1, 0 } }, { 2, .3, { 1, 0 } } },
                                second[] = { { 4, .4, { 1, 0 } }, { 8, .2, { 1, 0 } }, { 6, .1, { 1, 0 } } };
  g_autoptr (GPtrArray) carriers = g_ptr_array_new_with_free_func ((GDestroyNotify) g_array_unref);
  g_autoptr (GArray) all = NULL, some = NULL;

  g_ptr_array_add (carriers, g_array_append_vals (g_array_new (FALSE, FALSE, sizeof *first), first, 2));
  g_ptr_array_add (carriers, g_array_append_vals (g_array_new (FALSE, FALSE, sizeof *second), second, 3));
  all = cs_choose_candidates (carriers, 12);
  some = cs_choose_candidates (carriers, 3);
  g_assert_cmpmem (all->data, all->len * sizeof (size_t), ((const size_t[]) { 4, 2, 8, 6 }), 4 * sizeof (size_t));
  g_assert_cmpmem (some->data, some->len * sizeof (size_t), ((const size_t[]) { 4, 2, 8 }), 3 * sizeof (size_t));
}

void
add_direction_tests (void)
{
  g_test_add_func ("/analysis/direction-shares/add-up", test_shares_add_up);
  g_test_add_func ("/analysis/direction-shares/in-team", test_shares_in_team);
  g_test_add_func ("/analysis/direction-shares/carriers", test_carriers);
  g_test_add_func ("/analysis/direction-shares/errors", test_shares_errors);
  g_test_add_func ("/analysis/choice/greedy", test_choice);
  g_test_add_func ("/analysis/choice/candidates", test_candidates);
}
