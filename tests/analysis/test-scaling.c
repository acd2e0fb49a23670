/* Latent Scaling, classes, AUC and the choice of examples, against sums written out in double. */
#include <math.h>
#include <string.h>

#include "concepts.h"
#include "example-collector.h"
#include "examples.h"
#include "random.h"
#include "scaling.h"

/* --- Latent Scaling --- */

static void
add_batch (CsScaling *scaling, const CsCrosscoder *cc, CsTeam *team, const float *x, size_t n)
{
  g_autofree float *reconstruction = g_new (float, n * 2 * cc->d_model);
  g_auto (CsCodes) codes = { 0 };
  g_autoptr (GError) error = NULL;

  cs_crosscoder_encode (cc, team, x, n, &codes, &error);
  g_assert_no_error (error);
  cs_crosscoder_decode (cc, team, &codes, reconstruction);
  cs_scaling_add (scaling, team, x, &codes, reconstruction, NULL);
}

static double
own_part (const CsCrosscoder *cc, size_t j, int direction, int m)
{
  const float *row = cc->decoder + j * 2 * cc->d_model, *along = row + (size_t) direction * cc->d_model;
  double dot = 0, norm2 = 0;

  for (size_t i = 0; i < cc->d_model; i++)
    {
      dot += (double) row[(size_t) m * cc->d_model + i] * along[i];
      norm2 += (double) along[i] * along[i];
    }
  return dot / norm2;
}

/* β^a = β^r + β^ε − ⟨d_m, d⟩ / ‖d‖², with the bias in both targets and in neither. */
static void
check_identity (const CsCrosscoder *cc, size_t j, int direction, const CsScalingResult *r, double tolerance)
{
  for (int m = 0; m < 2; m++)
    {
      const double own = own_part (cc, j, direction, m);

      g_assert_cmpfloat_with_epsilon (r->beta_activation[m], r->beta_reconstruction[m] + r->beta_error[m] - own, tolerance);
      g_assert_cmpfloat_with_epsilon (r->beta_activation_nobias[m],
                                      r->beta_reconstruction_nobias[m] + r->beta_error[m] - own, tolerance);
    }
  g_assert_cmpfloat (r->identity_gap, <, 1e-12);
}

#define NEAR(value, expected) g_assert_cmpfloat_with_epsilon (value, expected, 1e-6)

/* Two tokens, three latents, everything worked out by hand. */
static void
test_worked_example (void)
{
  static const float x[] = { 1, 2, 1.5f, 1, -1, .5f, .5f, 2.5f };
  static const float encoder[] = { 1, 0, .5f, 0, 0, 1, 0, .5f, -1, .5f, 1, 1 };
  static const float decoder[] = { .6f, .8f, .3f, .4f, 0, 1, 0, 1, 0, 0, 3, 4 };
  static const float encoder_bias[] = { 0, -.5f, .25f }, decoder_bias[] = { .1f, -.1f, 0, .2f };
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (2, 3, CS_VARIANT_L1, NULL);
  g_autoptr (CsScaling) scaling = cs_scaling_new (cc, NULL);
  CsScalingResult r[3];

  memcpy (cc->encoder, encoder, sizeof encoder);
  memcpy (cc->decoder, decoder, sizeof decoder);
  memcpy (cc->encoder_bias, encoder_bias, sizeof encoder_bias);
  memcpy (cc->decoder_bias, decoder_bias, sizeof decoder_bias);
  add_batch (scaling, cc, NULL, x, 2);
  for (size_t j = 0; j < 3; j++)
    {
      cs_scaling_result (scaling, j, 1, &r[j]);
      check_identity (cc, j, 1, &r[j], 1e-9);
    }
  NEAR (r[2].beta_activation[0], .037034);
  NEAR (r[2].beta_activation[1], .108045);
  NEAR (r[2].beta_reconstruction[0], .097564);
  NEAR (r[2].beta_reconstruction[1], 1.089645);
  NEAR (r[2].beta_error[0], -.060530);
  NEAR (r[2].beta_error[1], .018400);
  NEAR (r[0].beta_activation[0], 2.514286);
  NEAR (r[0].beta_activation[1], 1.942857);
  NEAR (r[0].beta_reconstruction[0], 3.805714);
  NEAR (r[0].beta_reconstruction[1], 18.725714);
  NEAR (r[0].beta_error[0], .708571);
  NEAR (r[0].beta_error[1], -15.782857);
  NEAR (r[0].nu_reconstruction, .203235);
  NEAR (r[1].beta_reconstruction[0], 1.444944);
  NEAR (r[1].beta_reconstruction[1], 9.368539);
  NEAR (r[1].beta_error[0], .386517);
  NEAR (r[1].beta_error[1], -7.447191);
  g_assert_cmpuint (r[0].count_active, ==, 1);
  g_assert_cmpuint (r[1].count_active, ==, 2);
  g_assert_cmpfloat_with_epsilon (cs_norm_ratio (1, .5), .25, 1e-12);
  g_assert_cmpfloat_with_epsilon (cs_norm_ratio (1, 1), .5, 1e-12);
  g_assert_cmpfloat_with_epsilon (cs_norm_ratio (0, 5), 1, 1e-12);
}

/* Orthogonal directions, a tenth of the activations exp (normal), the rest 0, targets Σ β_j f_j d_j plus what is
 * orthogonal to all: the closed form has to return the β. */
static void
test_planted_betas (void)
{
  enum { D = 24, F = 12, N = 600 };
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (D, F, CS_VARIANT_L1, NULL);
  g_autoptr (CsScaling) scaling = cs_scaling_new (cc, NULL);
  g_autofree float *x = g_new0 (float, N * 2 * D), *reconstruction = g_new0 (float, N * 2 * D);
  g_autofree size_t *start = g_new0 (size_t, N + 1);
  g_autofree uint32_t *latent = g_new (uint32_t, N * F);
  g_autofree float *value = g_new (float, N * F);
  double beta[2][F], norm[F];
  CsRandom random;
  CsCodes codes = { .n_tokens = N, .start = start, .latent = latent, .value = value };
  size_t n = 0;

  cs_random_init (&random, 42, 0);
  for (size_t j = 0; j < F; j++)
    {
      norm[j] = .5 + cs_random_uniform (&random);
      cc->decoder[j * 2 * D + D + j] = (float) norm[j];
      beta[0][j] = 5 * cs_random_normal (&random);
      beta[1][j] = 5 * cs_random_normal (&random);
    }
  for (size_t t = 0; t < N; t++)
    {
      for (size_t j = 0; j < F; j++)
        if (cs_random_uniform (&random) < .1)
          {
            latent[n] = (uint32_t) j;
            value[n] = (float) exp (cs_random_normal (&random));
            for (size_t m = 0; m < 2; m++)
              x[(2 * t + m) * D + j] = (float) (beta[m][j] * value[n] * cc->decoder[j * 2 * D + D + j]);
            n++;
          }
      for (size_t i = F; i < D; i++) /* noise off the directions */
        x[2 * t * D + i] = x[(2 * t + 1) * D + i] = (float) cs_random_normal (&random);
      start[t + 1] = n;
    }
  cs_scaling_add (scaling, NULL, x, &codes, reconstruction, NULL);
  for (size_t j = 0; j < F; j++)
    {
      CsScalingResult r;

      cs_scaling_result (scaling, j, 1, &r);
      for (size_t m = 0; m < 2; m++)
        g_assert_cmpfloat_with_epsilon (r.beta_activation[m], beta[m][j], 1e-5 * fabs (beta[m][j]) + 1e-7);
      g_assert_cmpfloat_with_epsilon (r.nu_activation, beta[0][j] / beta[1][j], 1e-5 * fabs (r.nu_activation));
    }
}

static CsCrosscoder *
random_crosscoder (size_t d, size_t F, CsRandom *random)
{
  CsCrosscoder *cc = cs_crosscoder_new (d, F, CS_VARIANT_BATCHTOPK, NULL);

  cc->k = 4;
  cc->threshold = 5;
  for (size_t i = 0; i < F * 2 * d; i++)
    {
      cc->encoder[i] = (float) cs_random_normal (random);
      cc->decoder[i] = (float) cs_random_normal (random);
    }
  for (size_t i = 0; i < 2 * d; i++)
    cc->decoder_bias[i] = (float) cs_random_normal (random);
  return cc;
}

enum { ACTIVATION, RECONSTRUCTION, ERROR, ACTIVATION_NOBIAS, RECONSTRUCTION_NOBIAS, ERROR_NOBIAS, N_TARGETS };

/* Targets y [N_TARGETS] of one token, model and dimension. */
static void
targets_at (double h, double h_hat, double bias, double own, double *y)
{
  y[ACTIVATION] = h;
  y[RECONSTRUCTION] = h_hat;
  y[ERROR] = h - (h_hat - own);
  y[ACTIVATION_NOBIAS] = h - bias;
  y[RECONSTRUCTION_NOBIAS] = h_hat - bias;
  y[ERROR_NOBIAS] = (h - bias) - ((h_hat - bias) - own);
}

/* min over b of Σ_t ‖y_t − b·f_t·d‖² with the targets built token by token, O(N·F·d). */
static void
naive_betas (const CsCrosscoder *cc, const float *x, size_t n, size_t j, int direction, double beta[N_TARGETS][2])
{
  const size_t d = cc->d_model;
  const float *row = cc->decoder + j * 2 * d, *along = row + (size_t) direction * d;
  g_auto (CsCodes) codes = { 0 };
  double f2 = 0, norm2 = 0, sums[N_TARGETS][2] = { 0 }, y[N_TARGETS];

  cs_crosscoder_encode (cc, NULL, x, n, &codes, NULL);
  for (size_t i = 0; i < d; i++)
    norm2 += (double) along[i] * along[i];
  for (size_t t = 0; t < n; t++)
    {
      double f = 0;

      for (size_t e = codes.start[t]; e < codes.start[t + 1]; e++)
        if (codes.latent[e] == j)
          f = codes.value[e];
      f2 += f * f;
      for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < d; i++)
          {
            const double bias = cc->decoder_bias[m * d + i];
            double h_hat = bias;

            for (size_t e = codes.start[t]; e < codes.start[t + 1]; e++)
              h_hat += (double) codes.value[e] * cc->decoder[codes.latent[e] * 2 * d + m * d + i];
            targets_at (x[(2 * t + m) * d + i], h_hat, bias, f * row[m * d + i], y);
            for (size_t k = 0; k < N_TARGETS; k++)
              sums[k][m] += f * y[k] * along[i];
          }
    }
  for (size_t k = 0; k < N_TARGETS; k++)
    for (size_t m = 0; m < 2; m++)
      {
        const double best = sums[k][m] / (f2 * norm2);

        beta[k][m] = best;
        /* Σ ‖y − b·f·d‖² − Σ ‖y‖² = b²·f2·norm2 − 2·b·sum: at most what b = 0 and b = 1 leave. */
        g_assert_cmpfloat (best * best * f2 * norm2 - 2 * best * sums[k][m], <=, 0);
        g_assert_cmpfloat (best * best * f2 * norm2 - 2 * best * sums[k][m], <=, f2 * norm2 - 2 * sums[k][m]);
      }
}

static void
check_betas (const CsCrosscoder *cc, const CsScaling *scaling, const float *x, size_t n, size_t j, int direction)
{
  double beta[N_TARGETS][2];
  CsScalingResult r;
  const int other = 1 - direction;

  cs_scaling_result (scaling, j, direction, &r);
  g_assert_cmpuint (r.count_active, >, 3);
  naive_betas (cc, x, n, j, direction, beta);
  check_identity (cc, j, direction, &r, 1e-9);
  for (size_t m = 0; m < 2; m++)
    {
      g_assert_cmpfloat_with_epsilon (r.beta_activation[m], beta[ACTIVATION][m], 1e-5);
      g_assert_cmpfloat_with_epsilon (r.beta_reconstruction[m], beta[RECONSTRUCTION][m], 1e-5);
      g_assert_cmpfloat_with_epsilon (r.beta_error[m], beta[ERROR][m], 1e-5);
      g_assert_cmpfloat_with_epsilon (r.beta_activation_nobias[m], beta[ACTIVATION_NOBIAS][m], 1e-5);
      g_assert_cmpfloat_with_epsilon (r.beta_reconstruction_nobias[m], beta[RECONSTRUCTION_NOBIAS][m], 1e-5);
      g_assert_cmpfloat_with_epsilon (beta[ERROR_NOBIAS][m], beta[ERROR][m], 1e-9); /* the bias cancels */
    }
  g_assert_cmpfloat (r.nu_error, ==, r.beta_error[other] / r.beta_error[direction]);
  g_assert_cmpfloat (r.nu_reconstruction_nobias, ==,
                     r.beta_reconstruction_nobias[other] / r.beta_reconstruction_nobias[direction]);
}

static void
test_against_naive (void)
{
  enum { D = 10, F = 24, N = 200 };
  g_autoptr (CsTeam) team = cs_team_new (3);
  g_autofree float *x = g_new (float, N * 2 * D);
  CsRandom random;

  cs_random_init (&random, 3, 0);
  g_autoptr (CsCrosscoder) cc = random_crosscoder (D, F, &random);
  g_autoptr (CsScaling) one = cs_scaling_new (cc, NULL);
  g_autoptr (CsScaling) three = cs_scaling_new (cc, NULL);
  for (size_t i = 0; i < N * 2 * D; i++)
    x[i] = (float) (.5 * cs_random_normal (&random));
  for (size_t first = 0; first < N; first += 50) /* in batches */
    {
      add_batch (one, cc, NULL, x + first * 2 * D, 50);
      add_batch (three, cc, team, x + first * 2 * D, 50);
    }
  for (size_t j = 0; j < F; j++)
    for (int direction = 0; direction < 2; direction++)
      {
        CsScalingResult r, again;

        check_betas (cc, one, x, N, j, direction);
        cs_scaling_result (one, j, direction, &r);
        cs_scaling_result (three, j, direction, &again);
        g_assert_cmpmem (&r, sizeof r, &again, sizeof again);
      }
}

/* A decoder that is no longer the one that the sums were made with: the identity does not hold and says so. */
static void
test_identity_breaks (void)
{
  enum { D = 10, F = 24, N = 100 };
  g_autofree float *x = g_new (float, N * 2 * D);
  CsScalingResult r;
  CsRandom random;

  cs_random_init (&random, 5, 0);
  g_autoptr (CsCrosscoder) cc = random_crosscoder (D, F, &random);
  g_autoptr (CsScaling) scaling = cs_scaling_new (cc, NULL);
  for (size_t i = 0; i < N * 2 * D; i++)
    x[i] = (float) cs_random_normal (&random);
  add_batch (scaling, cc, NULL, x, N);
  cs_scaling_result (scaling, 0, 1, &r);
  g_assert_cmpfloat (r.identity_gap, <, 1e-12);
  cc->decoder[D] *= 1.01f;
  cs_scaling_result (scaling, 0, 1, &r);
  g_assert_cmpfloat (r.identity_gap, >, CS_SCALING_MAX_GAP);
}

static void
test_nothing_to_divide (void)
{
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_new (4, 2, CS_VARIANT_L1, NULL);
  g_autoptr (CsScaling) scaling = cs_scaling_new (cc, NULL);
  static const float x[16] = { 1, 2, 3, 4, 1, 2, 3, 4, 1, 1, 1, 1, 2, 2, 2, 2 };
  CsScalingResult r;

  cc->encoder[0] = 1;      /* latent 0 fires, but its chat direction is nothing */
  cc->decoder[0] = 1;
  cc->decoder[2 * 4 + 4] = 1; /* latent 1 has a direction and never fires */
  cc->encoder_bias[1] = -1;
  add_batch (scaling, cc, NULL, x, 2);
  for (size_t j = 0; j < 2; j++)
    {
      cs_scaling_result (scaling, j, 1, &r);
      g_assert_cmpuint (r.count_active, ==, j == 0 ? 2 : 0);
      g_assert_true (isnan (r.beta_activation[0]) && isnan (r.beta_error[1]) && isnan (r.nu_error) &&
                     isnan (r.nu_reconstruction));
    }
}

/* --- Classes --- */

static void
test_classes (void)
{
  static const struct {
    double delta;
    CsLatentClass expected;
  } cases[] = {
    { 0, CS_LATENT_BASE_ONLY }, { .1, CS_LATENT_BASE_ONLY }, { .1000001, CS_LATENT_OTHER }, { .3999, CS_LATENT_OTHER },
    { .4, CS_LATENT_SHARED },   { .5, CS_LATENT_SHARED },    { .6, CS_LATENT_SHARED },      { .6001, CS_LATENT_OTHER },
    { .8999, CS_LATENT_OTHER }, { .9, CS_LATENT_CHAT_ONLY }, { 1, CS_LATENT_CHAT_ONLY },    { NAN, CS_LATENT_DEAD },
  };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_assert_cmpint (cs_latent_classify (cases[i].delta, false), ==, cases[i].expected);
      g_assert_cmpint (cs_latent_classify (cases[i].delta, true), ==, CS_LATENT_DEAD);
    }
  for (int tag = 0; tag <= CS_LATENT_DEAD; tag++)
    {
      CsLatentClass parsed;
      g_assert_true (cs_latent_class_parse (cs_latent_class_name (tag), &parsed) && (int) parsed == tag);
    }
  g_assert_false (cs_latent_class_parse ("chat", &(CsLatentClass) { 0 }));
}

/* --- AUC --- */

static double
naive_auc (const float *scores, size_t stride, const bool *positive, const bool *used, size_t n)
{
  double wins = 0, pairs = 0;

  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < n; j++)
      if (used[i] && used[j] && positive[i] && !positive[j])
        {
          float a = scores[i * stride], b = scores[j * stride];
          wins += a > b ? 1 : a == b ? .5 : 0;
          pairs++;
        }
  return wins / pairs;
}

static void
test_auc (void)
{
  enum { N = 60, STRIDE = 3 };
  float scores[N * STRIDE];
  bool positive[N], used[N];
  CsRandom random;

  cs_random_init (&random, 9, 0);
  for (int round = 0; round < 50; round++)
    {
      for (size_t i = 0; i < N; i++)
        {
          scores[i * STRIDE] = (float) cs_random_below (&random, round % 2 ? 4 : 1000); /* many ties or few */
          positive[i] = cs_random_below (&random, 3) == 0;
          used[i] = cs_random_below (&random, 4) > 0;
        }
      positive[0] = used[0] = used[1] = true;
      positive[1] = false;
      g_assert_cmpfloat_with_epsilon (cs_auc (scores, STRIDE, positive, used, N),
                                      naive_auc (scores, STRIDE, positive, used, N), 1e-12);
    }
  memset (positive, 0, sizeof positive);
  g_assert_true (isnan (cs_auc (scores, STRIDE, positive, NULL, N)));
  memset (positive, 1, sizeof positive);
  g_assert_true (isnan (cs_auc (scores, STRIDE, positive, NULL, N)));
  g_assert_true (isnan (cs_auc (scores, STRIDE, positive, NULL, 0)));
  positive[0] = false;
  scores[STRIDE] = NAN; /* ends, whatever it says */
  cs_auc (scores, STRIDE, positive, NULL, N);
}

/* --- Examples --- */

enum { DOCUMENTS = 200, LENGTH = 6, PER_GROUP = 4 };

/* One latent with one peak a document, at a random place; in calls of `chunk` tokens. */
static CsExampleSlot *
collect (uint64_t seed, size_t chunk, const float *peaks, const float *scales, const float *max_act)
{
  g_autoptr (CsExampleCollector) collector = cs_example_collector_new (2, PER_GROUP, max_act, scales, seed);
  const size_t n = DOCUMENTS * LENGTH;

  for (size_t first = 0; first < n; first += chunk)
    {
      const size_t here = MIN (chunk, n - first);
      g_autofree int32_t *position = g_new (int32_t, here);
      g_autofree size_t *start = g_new0 (size_t, here + 1);
      g_autofree uint32_t *latent = g_new0 (uint32_t, here);
      g_autofree float *value = g_new (float, here);
      const CsCodes codes = { .n_tokens = here, .start = start, .latent = latent, .value = value };

      for (size_t t = 0; t < here; t++)
        {
          position[t] = (int32_t) ((first + t) % LENGTH);
          latent[t] = 1;
          value[t] = peaks[(first + t) / LENGTH] * (position[t] == 4 ? 1.f : .1f);
          start[t + 1] = t + 1;
        }
      cs_example_collector_add (collector, first, position, &codes);
    }
  return g_memdup2 (cs_example_collector_finish (collector), 2 * CS_EXAMPLE_GROUPS * PER_GROUP * sizeof (CsExampleSlot));
}

static void
check_slots (const CsExampleSlot *slots, const float *peaks, float scale, float max_act)
{
  bool seen[DOCUMENTS] = { false };

  for (size_t i = 0; i < CS_EXAMPLE_GROUPS * PER_GROUP; i++)
    {
      const size_t group = i / PER_GROUP;
      const CsExampleSlot *slot = &slots[i];
      const double fraction = slot->activation / max_act;

      g_assert_cmpint (slot->token, >=, 0);
      g_assert_cmpint (slot->token % LENGTH, ==, 4); /* the document's peak */
      g_assert_cmpfloat (slot->activation, ==, peaks[slot->token / LENGTH] * scale);
      g_assert_false (seen[slot->token / LENGTH]);
      seen[slot->token / LENGTH] = true;
      g_assert_true (fraction >= cs_example_group_floor[group]);
      g_assert_true (group == 0 || fraction < cs_example_group_floor[group - 1]);
      g_assert_true (i % PER_GROUP == 0 || slot->activation <= slot[-1].activation);
    }
  for (size_t d = 0, stronger = 0; d < DOCUMENTS; d++) /* the first group keeps the strongest */
    {
      stronger += peaks[d] * scale > slots[PER_GROUP - 1].activation;
      g_assert_cmpuint (stronger, <, PER_GROUP);
    }
}

static void
test_examples (void)
{
  const float scales[2] = { 1, 2 };
  float peaks[DOCUMENTS], max_act[2] = { 0, 0 };
  CsRandom random;

  cs_random_init (&random, 1, 0);
  for (size_t d = 0; d < DOCUMENTS; d++)
    {
      peaks[d] = (float) (.01 + cs_random_uniform (&random));
      max_act[1] = MAX (max_act[1], peaks[d] * 2);
    }
  g_autofree CsExampleSlot *whole = collect (5, DOCUMENTS * LENGTH, peaks, scales, max_act);
  g_autofree CsExampleSlot *cut = collect (5, 7, peaks, scales, max_act); /* cuts through documents */
  g_autofree CsExampleSlot *other = collect (6, DOCUMENTS * LENGTH, peaks, scales, max_act);
  const size_t n = CS_EXAMPLE_GROUPS * PER_GROUP;

  for (size_t i = 0; i < n; i++)
    g_assert_cmpint (whole[i].token, ==, -1); /* latent 0 never fires */
  check_slots (whole + n, peaks, 2, max_act[1]);
  check_slots (other + n, peaks, 2, max_act[1]);
  size_t n_other = 0;
  for (size_t i = 0; i < n; i++)
    {
      g_assert_cmpint (cut[n + i].token, ==, whole[n + i].token);
      n_other += other[n + i].token != whole[n + i].token;
    }
  g_assert_cmpuint (n_other, >, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/analysis/scaling/worked-example", test_worked_example);
  g_test_add_func ("/analysis/scaling/planted-betas", test_planted_betas);
  g_test_add_func ("/analysis/scaling/against-naive", test_against_naive);
  g_test_add_func ("/analysis/scaling/identity-breaks", test_identity_breaks);
  g_test_add_func ("/analysis/scaling/nothing-to-divide", test_nothing_to_divide);
  g_test_add_func ("/analysis/classes", test_classes);
  g_test_add_func ("/analysis/auc", test_auc);
  g_test_add_func ("/analysis/example-collector", test_examples);
  return g_test_run ();
}
