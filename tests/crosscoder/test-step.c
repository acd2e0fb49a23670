/* The training step: the worked example by hand, gradients against finite differences of the naive
 * loss, and the fast sparse step against the naive dense one over several steps. */
#include <math.h>
#include <string.h>

#include "naive.h"
#include "random.h"

#define CLOSE(a, b, tolerance)                                                                     \
  g_assert_cmpfloat_with_epsilon ((double)(a), (double)(b), (tolerance) * (1 + fabs ((double)(b))))

/* x [2 tokens, 2 models, 2]. */
static const float example_x[] = { 1, 2, 1.5f, 1, -1, .5f, .5f, 2.5f };

static CsCrosscoder *
example (CsVariant variant)
{
  CsCrosscoder *crosscoder = cs_crosscoder_new (2, 3, variant, NULL);
  const float encoder[] = { 1, 0, .5f, 0, 0, 1, 0, .5f, -1, .5f, 1, 1 };
  const float decoder[] = { .6f, .8f, .3f, .4f, 0, 1, 0, 1, 0, 0, 3, 4 };
  const float encoder_bias[] = { 0, -.5f, .25f }, decoder_bias[] = { .1f, -.1f, 0, .2f };
  memcpy (crosscoder->encoder, encoder, sizeof encoder);
  memcpy (crosscoder->decoder, decoder, sizeof decoder);
  memcpy (crosscoder->encoder_bias, encoder_bias, sizeof encoder_bias);
  memcpy (crosscoder->decoder_bias, decoder_bias, sizeof decoder_bias);
  crosscoder->k = 1;
  return crosscoder;
}

/* The example's decimals as doubles: float32 would cost the twelve digits. */
static Naive *
exact_example (CsVariant variant)
{
  g_autoptr (CsCrosscoder) crosscoder = example (variant);
  Naive *naive = naive_new (crosscoder, 2);
  for (size_t i = 0; i < naive_n_parameters (naive); i++)
    {
      double *parameter = naive_parameter (naive, i);
      *parameter = round (*parameter * 100) / 100;
    }
  return naive;
}

static void
test_example_naive (void)
{
  Naive *naive = exact_example (CS_VARIANT_L1);
  naive->mu = .041;
  NaiveForward *forward = naive_forward (naive, example_x, NULL);
  const double f[] = { 1.75, 2, 2.75, 0, 1.25, 4.5 }, s[] = { 1.5, 2, 5 };
  for (size_t i = 0; i < 6; i++)
    CLOSE (forward->f[i], f[i], 1e-12);
  for (size_t j = 0; j < 3; j++)
    CLOSE (naive_scale (naive, j), s[j], 1e-12);
  CLOSE (forward->error, 9.689385172566588, 1e-12);
  CLOSE ((forward->mse[0] + forward->mse[1]) / 2, 169.74578125, 1e-12);
  CLOSE (forward->sparsity, 22.6875, 1e-12);
  CLOSE (forward->loss, 10.619572672566589, 1e-12);
  naive_forward_free (forward);
  naive->variant = CS_VARIANT_BATCHTOPK;
  naive->k = 2;
  forward = naive_forward (naive, example_x, NULL);
  CLOSE (forward->error, 9.4387943553782, 1e-12);
  CLOSE (forward->smallest, 2.625, 1e-12);
  naive_forward_free (forward);
  naive->k = 1;
  naive->dead[0] = naive->dead[1] = true;
  naive->aux_k = 1;
  naive->alpha = 1. / 32;
  forward = naive_forward (naive, example_x, NULL);
  CLOSE (forward->smallest, 13.75, 1e-12);
  CLOSE (forward->error, 9.038127559012494, 1e-12);
  CLOSE (forward->aux_numerator, 326.57875, 1e-12);
  CLOSE (forward->aux_denominator, 18.890625, 1e-12);
  CLOSE (forward->aux, 17.28787427626137, 1e-12);
  CLOSE (forward->loss, 9.578373630145663, 1e-12);
  naive_forward_free (forward);
  naive_free (naive);
}

static CsStepOptions
options_for (size_t batch)
{
  return (CsStepOptions){ .batch = batch,
                          .mu = .041,
                          .aux_alpha = 1. / 32,
                          .aux_k = 1,
                          .dead_tokens = 1000000,
                          .threshold_start_step = 1000000,
                          .threshold_beta = .999 };
}

static void
test_example_l1 (void)
{
  for (unsigned dense = 0; dense < 2; dense++)
    {
      g_autoptr (CsCrosscoder) crosscoder = example (CS_VARIANT_L1);
      CsStepOptions options = options_for (2);
      options.dense_share = dense ? 1e-9 : 1;
      g_autoptr (CsStep) step = cs_step_new (crosscoder, &options, NULL, NULL);
      CsStepReport report;
      g_assert_true (cs_step_run (step, example_x, 0, 0, true, &report, NULL));
      CLOSE (report.reconstruction, 9.689385172566588, 1e-6);
      CLOSE ((report.mse[0] + report.mse[1]) / 2, 169.74578125, 1e-6);
      CLOSE (report.sparsity, 22.6875, 1e-6);
      CLOSE (report.loss, 10.619572672566589, 1e-6);
      CLOSE (report.fve[0], .788, 1e-5);
      CLOSE (report.fve[1], -14.131730769230773, 1e-5);
      CLOSE (report.l0, 2.5, 1e-12);
      CLOSE (cs_norm_ratio (cs_step_norms (step)[0], cs_step_norms (step)[1]), .25, 1e-6);
      CLOSE (cs_norm_ratio (cs_step_norms (step)[2], cs_step_norms (step)[3]), .5, 1e-6);
      CLOSE (cs_norm_ratio (cs_step_norms (step)[4], cs_step_norms (step)[5]), 1, 1e-6);
    }
}

static void
test_example_batchtopk (void)
{
  g_autoptr (CsCrosscoder) crosscoder = example (CS_VARIANT_BATCHTOPK);
  CsStepOptions options = options_for (2);
  options.mu = 0;
  options.dead_tokens = 100;
  options.threshold_start_step = 0;
  g_autoptr (CsStep) step = cs_step_new (crosscoder, &options, NULL, NULL);
  CsStepReport report;
  g_assert_true (cs_step_run (step, example_x, 2, 0, false, &report, NULL));
  CLOSE (report.reconstruction, 9.4387943553782, 1e-6);
  CLOSE (report.smallest, 2.625, 1e-6);
  g_assert_cmpfloat (crosscoder->threshold, ==, -1); /* step 0 is not after the start step 0 */
  cs_step_state (step)->silent[0] = cs_step_state (step)->silent[1] = 100;
  g_assert_true (cs_step_run (step, example_x, 1, 0, false, &report, NULL));
  CLOSE (report.smallest, 13.75, 1e-6);
  CLOSE (report.reconstruction, 9.038127559012494, 1e-6);
  g_assert_cmpuint (report.n_dead, ==, 2);
  CLOSE (report.aux, 17.28787427626137, 1e-5);
  CLOSE (report.loss, 9.578373630145663, 1e-6);
  CLOSE (crosscoder->threshold, 13.75, 1e-6);
  g_assert_true (cs_step_run (step, example_x, 2, 0, false, &report, NULL));
  CLOSE (crosscoder->threshold, 13.738875, 1e-6);
}

/* θ from the three minima of the example; the last is not reachable with the example's batch. */
static void
test_threshold (void)
{
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_new (1, 1, CS_VARIANT_BATCHTOPK, NULL);
  CsStepOptions options = options_for (1);
  const float minima[] = { 9, 13.75f, 2.625f, 14 };
  const double expected[] = { -1, 13.75, 13.738875, 13.739136125 };
  crosscoder->encoder[0] = 1;
  crosscoder->decoder[0] = 1;
  options.threshold_start_step = 0;
  g_autoptr (CsStep) step = cs_step_new (crosscoder, &options, NULL, NULL);
  CsStepReport report;
  for (size_t i = 0; i < 4; i++)
    {
      const float x[] = { minima[i], 0 };
      g_assert_true (cs_step_run (step, x, 1, 0, false, &report, NULL));
      CLOSE (crosscoder->threshold, expected[i], 1e-6);
    }
}

static CsCrosscoder *
random_crosscoder (CsRandom *random, size_t d, size_t F, CsVariant variant, CsCodeNorm code_norm)
{
  CsCrosscoder *crosscoder = cs_crosscoder_new (d, F, variant, NULL);
  crosscoder->code_norm = code_norm;
  for (size_t i = 0; i < F * 2 * d; i++)
    {
      crosscoder->encoder[i] = (float)cs_random_normal (random) * .5f;
      crosscoder->decoder[i] = (float)cs_random_normal (random) * .5f;
    }
  for (size_t j = 0; j < F; j++)
    crosscoder->encoder_bias[j] = (float)cs_random_normal (random) * .3f - .3f;
  for (size_t i = 0; i < 2 * d; i++)
    crosscoder->decoder_bias[i] = (float)cs_random_normal (random) * .1f;
  return crosscoder;
}

static float *
random_batch (CsRandom *random, size_t n)
{
  float *x = g_new (float, n);
  for (size_t i = 0; i < n; i++)
    x[i] = (float)cs_random_normal (random);
  return x;
}

typedef struct
{
  CsVariant variant;
  CsCodeNorm code_norm;
  bool squared, aux;
} Case;

static const Case cases[] = {
  { CS_VARIANT_L1, CS_CODE_NORM_CROSSCODER, false, false },
  { CS_VARIANT_L1, CS_CODE_NORM_CROSSCODER, true, false },
  { CS_VARIANT_L1, CS_CODE_NORM_SAE, false, false },
  { CS_VARIANT_L1, CS_CODE_NORM_MIXED, false, false },
  { CS_VARIANT_L1, CS_CODE_NORM_NONE, true, false },
  { CS_VARIANT_BATCHTOPK, CS_CODE_NORM_CROSSCODER, false, false },
  { CS_VARIANT_BATCHTOPK, CS_CODE_NORM_CROSSCODER, false, true },
  { CS_VARIANT_BATCHTOPK, CS_CODE_NORM_SAE, true, true },
  { CS_VARIANT_TOPK, CS_CODE_NORM_MIXED, false, true },
  { CS_VARIANT_TOPK, CS_CODE_NORM_NONE, true, false },
};

static Naive *
naive_for (const Case *c, const CsCrosscoder *crosscoder, size_t B)
{
  Naive *naive = naive_new (crosscoder, B);
  naive->squared_error = c->squared;
  naive->mu = .3;
  naive->k = 3;
  naive->aux_k = 4;
  naive->alpha = c->aux ? .25 : 0;
  return naive;
}

/* The oracle itself: its analytic gradients against central differences of its loss, choices held.
 */
static void
test_finite_differences (void)
{
  CsRandom random;
  cs_random_init (&random, 7, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (CsCrosscoder) crosscoder =
          random_crosscoder (&random, 4, 12, cases[i].variant, cases[i].code_norm);
      g_autofree float *x = random_batch (&random, 5 * 8);
      Naive *naive = naive_for (&cases[i], crosscoder, 5);
      for (size_t j = 6; j < 12; j++)
        naive->dead[j] = cases[i].aux;
      NaiveForward *forward = naive_forward (naive, x, NULL);
      g_autofree double *gradients = naive_gradients (naive, x, forward);
      if (cases[i].aux)
        g_assert_cmpfloat (forward->aux, >, 0);
      for (size_t p = 0; p < naive_n_parameters (naive); p++)
        {
          double *parameter = naive_parameter (naive, p);
          const double value = *parameter, h = 1e-6;
          *parameter = value + h;
          NaiveForward *up = naive_forward (naive, x, forward);
          *parameter = value - h;
          NaiveForward *down = naive_forward (naive, x, forward);
          *parameter = value;
          CLOSE (gradients[p], (up->loss - down->loss) / (2 * h), 1e-7);
          naive_forward_free (up);
          naive_forward_free (down);
        }
      naive_forward_free (forward);
      naive_free (naive);
    }
}

/* Equal rows, so that equal v compete at the edge of the selection; and a row of zeros. */
static void
make_ties (CsCrosscoder *crosscoder)
{
  const size_t width = 2 * crosscoder->d_model;
  for (size_t j = 1; j < 9; j++)
    {
      memcpy (crosscoder->encoder + j * width, crosscoder->encoder, width * sizeof (float));
      memcpy (crosscoder->decoder + j * width, crosscoder->decoder, width * sizeof (float));
      crosscoder->encoder_bias[j] = crosscoder->encoder_bias[0];
    }
  memset (crosscoder->decoder + 9 * width, 0, width * sizeof (float));
}

static void
assert_same_weights (const CsCrosscoder *crosscoder, Naive *naive, double tolerance)
{
  const size_t width = 2 * crosscoder->d_model, F = crosscoder->n_latents;
  for (size_t i = 0; i < F * width; i++)
    {
      CLOSE (crosscoder->encoder[i], naive->encoder[i], tolerance);
      CLOSE (crosscoder->decoder[i], naive->decoder[i], tolerance);
    }
  for (size_t j = 0; j < F; j++)
    CLOSE (crosscoder->encoder_bias[j], naive->encoder_bias[j], tolerance);
  for (size_t i = 0; i < width; i++)
    CLOSE (crosscoder->decoder_bias[i], naive->decoder_bias[i], tolerance);
}

/* Brings the oracle to the fast step's float32 weights, so that rounding does not add up to another
 * choice. */
static void
copy_weights (const CsCrosscoder *crosscoder, Naive *naive)
{
  Naive *fresh = naive_new (crosscoder, naive->B);
  for (size_t i = 0; i < naive_n_parameters (naive); i++)
    *naive_parameter (naive, i) = *naive_parameter (fresh, i);
  naive_free (fresh);
}

static void
run_against_naive (const Case *c, CsTeam *team, double dense_share, bool ties)
{
  enum
  {
    D = 11,
    F = 70,
    B = 23,
    STEPS = 6
  };
  CsRandom random;
  cs_random_init (&random, 11, (uint64_t)c->variant);
  g_autoptr (CsCrosscoder) crosscoder = random_crosscoder (&random, D, F, c->variant, c->code_norm);
  if (ties)
    make_ties (crosscoder);
  Naive *naive = naive_for (c, crosscoder, B);
  naive->clip_norm = c->variant == CS_VARIANT_L1 ? 0 : .5;
  CsStepOptions options = options_for (B);
  options.mu = naive->mu;
  options.aux_alpha = naive->alpha;
  options.aux_k = naive->aux_k;
  options.squared_error = c->squared;
  options.clip_norm = naive->clip_norm;
  options.dense_share = dense_share;
  options.dead_tokens = 2 * B;
  g_autoptr (CsStep) step = cs_step_new (crosscoder, &options, team, NULL);
  const size_t n = naive_n_parameters (naive);
  g_autofree double *m = g_new0 (double, n), *v = g_new0 (double, n);
  g_autofree size_t *silent = g_new0 (size_t, F);
  bool aux_seen = false;
  for (size_t t = 1; t <= STEPS; t++)
    {
      g_autofree float *x = random_batch (&random, B * 2 * D);
      CsStepReport report;
      copy_weights (crosscoder, naive);
      memset (naive->dead, 0, F * sizeof (bool));
      NaiveForward *forward = naive_forward (naive, x, NULL);
      size_t n_dead = 0;
      for (size_t j = 0; j < F; j++)
        {
          bool fired = false;
          for (size_t token = 0; token < B; token++)
            fired = fired || forward->selected[token * F + j] * naive_scale (naive, j) >
                                 (c->variant == CS_VARIANT_L1 ? 1e-4 : 0);
          silent[j] = fired ? 0 : silent[j] + B;
          naive->dead[j] = silent[j] >= options.dead_tokens;
          n_dead += naive->dead[j];
        }
      naive_forward_free (forward);
      forward = naive_forward (naive, x, NULL);
      g_autofree double *gradients = naive_gradients (naive, x, forward);
      naive_adam (naive, gradients, m, v, t, .01);
      g_assert_true (cs_step_run (step, x, naive->k, .01, false, &report, NULL));
      CLOSE (report.loss, forward->loss, 2e-6);
      CLOSE (report.l0, forward->l0, 1e-9);
      CLOSE (report.aux, forward->aux, 1e-5);
      g_assert_cmpuint (report.n_dead, ==, n_dead);
      aux_seen = aux_seen || report.aux > 0;
      for (size_t j = 0; j < F; j++)
        g_assert_cmpuint (cs_step_state (step)->silent[j], ==, silent[j]);
      assert_same_weights (crosscoder, naive, 3e-5);
      naive_forward_free (forward);
    }
  g_assert_true (aux_seen == c->aux);
  naive_free (naive);
}

static void
test_against_naive (void)
{
  g_autoptr (CsTeam) team = cs_team_new (3);
  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      run_against_naive (&cases[i], NULL, 1, false);
      run_against_naive (&cases[i], team, 1, true);
      if (cases[i].variant == CS_VARIANT_L1)
        run_against_naive (&cases[i], team, 1e-9, false);
    }
}

/* No error at all: no gradient, and not NaN. */
static void
test_zero_error (void)
{
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_new (2, 3, CS_VARIANT_BATCHTOPK, NULL);
  CsStepOptions options = options_for (2);
  options.dead_tokens = 1;
  g_autoptr (CsStep) step = cs_step_new (crosscoder, &options, NULL, NULL);
  const float x[8] = { 0 };
  CsStepReport report;
  g_assert_true (cs_step_run (step, x, 1, .1, true, &report, NULL));
  g_assert_cmpfloat (report.loss, ==, 0);
  g_assert_cmpfloat (report.aux, ==, 0);
  g_assert_cmpuint (report.n_dead, ==, 3);
  for (size_t i = 0; i < 4; i++)
    g_assert_cmpfloat (crosscoder->decoder_bias[i], ==, 0);
}

static void
test_not_finite (void)
{
  g_autoptr (CsCrosscoder) crosscoder = example (CS_VARIANT_L1);
  CsStepOptions options = options_for (2);
  g_autoptr (CsStep) step = cs_step_new (crosscoder, &options, NULL, NULL);
  g_autoptr (GError) error = NULL;
  CsStepReport report;
  crosscoder->decoder_bias[1] = INFINITY;
  g_assert_false (cs_step_run (step, example_x, 1, .1, false, &report, &error));
  g_assert_nonnull (error);
  g_assert_nonnull (strstr (error->message, "step 0"));
  g_assert_cmpfloat (crosscoder->decoder_bias[0], ==, .1f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/step/example/naive", test_example_naive);
  g_test_add_func ("/step/example/l1", test_example_l1);
  g_test_add_func ("/step/example/batchtopk", test_example_batchtopk);
  g_test_add_func ("/step/threshold", test_threshold);
  g_test_add_func ("/step/finite-differences", test_finite_differences);
  g_test_add_func ("/step/against-naive", test_against_naive);
  g_test_add_func ("/step/zero-error", test_zero_error);
  g_test_add_func ("/step/not-finite", test_not_finite);
  return g_test_run ();
}
