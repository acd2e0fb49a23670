/* Matching on a crosscoder made from the truth, and scores of cases made by hand. */
#include <math.h>

#include "errors.h"
#include "planted-folder.h"
#include "planted-score.h"
#include "vector.h"

/* A feature along each axis. */
enum
{
  SHARED,
  BASE_ONLY,
  CHAT_A,
  CHAT_B,
  FAINT,  /* weak with ν* = 0.1 */
  MIDDLE, /* weak with ν* = 0.3 */
  HALF,   /* weak with ν* = 0.5 */
  SPLIT,  /* ν* = 0.8 */
  N_FEATURES,
  WIDTH = N_FEATURES
};

static CsPlantedTruth *
make_truth (void)
{
  static const struct
  {
    CsPlantedClass class;
    double base, chat, nu;
  } features[N_FEATURES] = {
    [SHARED] = { CS_PLANTED_CLASS_SHARED, 1, 1, 1 },
    [BASE_ONLY] = { CS_PLANTED_CLASS_BASE_ONLY, 1, 0, NAN },
    [CHAT_A] = { CS_PLANTED_CLASS_CHAT_ONLY, 0, 1, 0 },
    [CHAT_B] = { CS_PLANTED_CLASS_CHAT_ONLY, 0, 1, 0 },
    [FAINT] = { CS_PLANTED_CLASS_WEAK, .1, 1, .1 },
    [MIDDLE] = { CS_PLANTED_CLASS_WEAK, .3, 1, .3 },
    [HALF] = { CS_PLANTED_CLASS_WEAK, .5, 1, .5 },
    [SPLIT] = { CS_PLANTED_CLASS_SPLIT, 1, 1, .8 },
  };
  CsPlantedTruth *truth = g_new0 (CsPlantedTruth, 1);

  cs_planted_settings_init (&truth->settings);
  truth->settings.d_model = WIDTH;
  truth->n_features = N_FEATURES;
  truth->features = g_new0 (CsPlantedFeature, N_FEATURES);
  truth->directions = g_new0 (float, 2 * N_FEATURES * WIDTH);
  for (size_t i = 0; i < N_FEATURES; i++)
    {
      CsPlantedFeature *f = &truth->features[i];

      *f = (CsPlantedFeature){ .class = features[i].class,
                               .group = -1,
                               .strength = { features[i].base, features[i].chat },
                               .nu = features[i].nu };
      for (size_t m = 0; m < 2; m++)
        if (f->strength[m] > 0)
          truth->directions[(2 * i + m) * WIDTH + i] = 1;
    }
  return truth;
}

/* A crosscoder with one latent a feature, and what analysis would say of it. */
typedef struct
{
  CsPlantedTruth *truth;
  CsCrosscoder *crosscoder;
  CsLatents *latents;
} Case;

static void
set_latent (Case *c,
            size_t latent,
            double base,
            double chat,
            double nu_error,
            double nu_reconstruction)
{
  float *row = c->crosscoder->decoder + latent * 2 * WIDTH;
  CsLatentRow *found = &c->latents->rows[latent];
  const double delta = cs_norm_ratio (base, chat);

  row[latent % N_FEATURES] = (float)base;
  row[WIDTH + latent % N_FEATURES] = (float)chat;
  found->tested = true;
  found->delta_norm = (float)delta;
  found->dec_base_norm = (float)base;
  found->dec_chat_norm = (float)chat;
  found->tag = (uint8_t)cs_latent_classify (delta, false);
  found->nu_error = (float)nu_error;
  found->nu_reconstruction = (float)nu_reconstruction;
  found->chat_specific = delta >= CS_CHAT_LEANING && nu_error < CS_NU_ERROR_LIMIT &&
                         nu_reconstruction < CS_NU_RECONSTRUCTION_LIMIT;
}

/* n_latents ≥ N_FEATURES; those beyond are dead until they are set. */
static Case
make_case (size_t n_latents)
{
  Case c = { .truth = make_truth () };

  c.crosscoder = cs_crosscoder_new (WIDTH, n_latents, CS_VARIANT_L1, NULL);
  c.latents = g_new0 (CsLatents, 1);
  c.latents->n_latents = n_latents;
  c.latents->rows = g_new0 (CsLatentRow, n_latents);
  c.latents->l0 = 3.5;
  for (size_t j = N_FEATURES; j < n_latents; j++)
    {
      c.latents->rows[j].dead = true;
      c.latents->rows[j].tag = CS_LATENT_DEAD;
    }
  for (size_t i = 0; i < N_FEATURES; i++)
    set_latent (&c, i, c.truth->features[i].strength[0], c.truth->features[i].strength[1], 0,
                i == SHARED || i == SPLIT ? 1 : 0);
  return c;
}

static void
case_clear (Case *c)
{
  cs_planted_truth_free (c->truth);
  cs_crosscoder_free (c->crosscoder);
  cs_latents_free (c->latents);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Case, case_clear)

static void
score (const Case *c, double value[CS_PLANTED_N_METRICS])
{
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_planted_score (c->truth, c->crosscoder, c->latents, value, &error));
  g_assert_no_error (error);
}

static void
test_match (void)
{
  g_auto (Case) c = make_case (N_FEATURES + 2);
  CsPlantedMatch matches[N_FEATURES + 2];
  float *between = c.crosscoder->decoder + N_FEATURES * 2 * WIDTH;

  for (size_t i = 0; i < 4; i++)
    between[WIDTH + i] = 1; /* as near to four features: a cosine of ½ */
  g_assert_true (cs_planted_match (c.truth, c.crosscoder, matches, NULL));
  for (size_t i = 0; i < N_FEATURES; i++)
    {
      g_assert_cmpuint (matches[i].feature, ==, i);
      g_assert_cmpfloat_with_epsilon (matches[i].cosine, 1, 1e-6);
    }
  g_assert_cmpuint (matches[N_FEATURES].feature, ==, CS_PLANTED_UNMATCHED);
  g_assert_cmpfloat_with_epsilon (matches[N_FEATURES].cosine, .5, 1e-6);
  g_assert_cmpuint (matches[N_FEATURES + 1].feature, ==, CS_PLANTED_UNMATCHED); /* zeros */
  g_assert_true (isnan (matches[N_FEATURES + 1].cosine));
}

/* The crosscoder that is the truth itself: nothing is false, everything is found. */
static void
test_truth_itself (void)
{
  g_auto (Case) c = make_case (N_FEATURES);
  double v[CS_PLANTED_N_METRICS];

  set_latent (&c, MIDDLE, .3, 1, .3, 0); /* Latent Scaling sees it in base's error */
  set_latent (&c, HALF, .5, 1, .5, .5);
  score (&c, v);
  g_assert_cmpfloat (v[CS_PLANTED_RECALL], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_RECALL_BINS], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_RECALL_ANY], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_PRECISION_BINS], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_PRECISION_SCALING], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_CHAT_ONLY], ==, 3); /* both chat-only, and the faint one */
  g_assert_cmpfloat (v[CS_PLANTED_RIGHT_CHAT_ONLY], ==, 3);
  g_assert_cmpfloat (v[CS_PLANTED_CHAT_SPECIFIC], ==, 3);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_CHAT_ONLY], ==, 0);
  g_assert_cmpfloat (v[CS_PLANTED_DEAD], ==, 0);
  g_assert_cmpfloat (v[CS_PLANTED_L0], ==, 3.5);
}

/* Two weak features shrunk, the split one decoupled, one chat-only feature leaning less than the
 * bin asks for, and a latent that is like nothing. */
static void
test_traps (void)
{
  g_auto (Case) c = make_case (2 * N_FEATURES);
  double v[CS_PLANTED_N_METRICS];
  float *strange = c.crosscoder->decoder + (N_FEATURES + CHAT_A) * 2 * WIDTH;

  set_latent (&c, MIDDLE, 0, 1, .3, 0);
  set_latent (&c, HALF, 0, 1, .5, 0);
  set_latent (&c, SPLIT, 0, 1, .1, .8);
  set_latent (&c, N_FEATURES + SPLIT, 1, 0, 0, 0); /* its twin */
  c.latents->rows[N_FEATURES + SPLIT].dead = false;
  set_latent (&c, CHAT_B, .5, 1, 0, 0); /* Δ_norm 0.75 */
  set_latent (&c, N_FEATURES + CHAT_A, 0, 1, 0, 0);
  for (size_t i = 0; i < WIDTH; i++)
    strange[WIDTH + i] = 1;
  c.latents->rows[N_FEATURES + CHAT_A].dead = false;
  score (&c, v);
  g_assert_cmpfloat (v[CS_PLANTED_CHAT_ONLY], ==,
                     6); /* CHAT_A, FAINT, MIDDLE, HALF, SPLIT, strange */
  g_assert_cmpfloat (v[CS_PLANTED_RIGHT_CHAT_ONLY], ==, 2);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_CHAT_ONLY], ==, 2);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_FROM_SHRINKAGE], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_FROM_DECOUPLING], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_OF_WEAK], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_OF_SPLIT], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_OF_SHARED], ==, 0);
  g_assert_cmpfloat (v[CS_PLANTED_FLAGGED_NU_ERROR], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_FLAGGED_NU_RECONSTRUCTION], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_FLAGGED], ==, 2);
  g_assert_cmpfloat (v[CS_PLANTED_BETWEEN_CHAT_ONLY], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_BETWEEN_FROM_SHRINKAGE], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_BETWEEN_FLAGGED], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_UNMATCHED_CHAT_ONLY], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_CHAT_SPECIFIC], ==, 4);
  g_assert_cmpfloat (v[CS_PLANTED_RIGHT_CHAT_SPECIFIC], ==, 3); /* CHAT_A, CHAT_B, FAINT */
  g_assert_cmpfloat (v[CS_PLANTED_UNMATCHED_CHAT_SPECIFIC], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_PRECISION_BINS], ==, .5);
  g_assert_cmpfloat (v[CS_PLANTED_PRECISION_SCALING], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_PRECISION_BOTH], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_RECALL], ==, 1); /* ranking and testing finds CHAT_B */
  g_assert_cmpfloat (v[CS_PLANTED_RECALL_BINS], ==, .5);
  g_assert_cmpfloat (v[CS_PLANTED_RECALL_BOTH], ==, .5);
  g_assert_cmpfloat (v[CS_PLANTED_DEAD], ==, N_FEATURES - 2);
}

/* A false verdict that no test saw; and nothing found at all. */
static void
test_failures (void)
{
  g_auto (Case) c = make_case (N_FEATURES);
  double v[CS_PLANTED_N_METRICS];

  set_latent (&c, HALF, 0, 1, NAN, NAN);
  c.latents->rows[HALF].chat_specific = true;
  for (size_t i = 0; i < N_FEATURES; i++)
    if (i != HALF)
      set_latent (&c, i, 1, i == BASE_ONLY ? 0 : 1, 1, 1);
  score (&c, v);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_CHAT_ONLY], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_FLAGGED], ==, 0);
  g_assert_cmpfloat (v[CS_PLANTED_FALSE_CHAT_SPECIFIC], ==, 1);
  g_assert_cmpfloat (v[CS_PLANTED_PRECISION_SCALING], ==, 0);
  g_assert_cmpfloat (v[CS_PLANTED_RECALL], ==, 0);
  set_latent (&c, HALF, 1, 1, 1, 1);
  score (&c, v);
  g_assert_true (isnan (v[CS_PLANTED_PRECISION_BINS]));
}

static void
test_mismatch (void)
{
  g_auto (Case) c = make_case (N_FEATURES);
  double v[CS_PLANTED_N_METRICS];
  g_autoptr (GError) error = NULL;

  c.latents->n_latents--;
  g_assert_false (cs_planted_score (c.truth, c.crosscoder, c.latents, v, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_clear_error (&error);
  c.latents->n_latents++;
  c.truth->settings.d_model = 2;
  g_assert_false (cs_planted_score (c.truth, c.crosscoder, c.latents, v, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
}

/* --- Over the seeds --- */

static CsPlantedResults *
make_results (void)
{
  CsPlantedSettings settings;
  CsPlantedResults *results;

  cs_planted_settings_init (&settings);
  settings.noise = .25;
  results = cs_planted_results_new (&settings);
  for (int i = 1; i <= 3; i++)
    {
      CsPlantedResult r = { .variant = CS_VARIANT_L1, .seed = (uint64_t)i };

      for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
        r.value[m] = i;
      r.value[CS_PLANTED_FALSE_CHAT_ONLY] = i == 1 ? 4 : 3;
      r.value[CS_PLANTED_FLAGGED] = i == 1 ? 2 : 3;
      r.value[CS_PLANTED_PRECISION_BINS] = i == 1 ? NAN : i;
      g_array_append_val (results->results, r);
      r.variant = CS_VARIANT_BATCHTOPK;
      r.value[CS_PLANTED_FALSE_CHAT_ONLY] = 0;
      g_array_append_val (results->results, r);
    }
  return results;
}

static void
test_intervals (void)
{
  g_autoptr (CsPlantedResults) results = make_results ();
  CsPlantedInterval i = cs_planted_mean (results, CS_VARIANT_L1, CS_PLANTED_FVE);

  g_assert_cmpuint (i.n, ==, 3);
  g_assert_cmpfloat_with_epsilon (i.mean, 2, 1e-12);
  g_assert_cmpfloat_with_epsilon (i.high - 2, 4.303 / sqrt (3), 1e-9); /* Student, two degrees */
  g_assert_cmpfloat_with_epsilon (2 - i.low, 4.303 / sqrt (3), 1e-9);
  i = cs_planted_mean (results, CS_VARIANT_L1, CS_PLANTED_L0);
  g_assert_cmpfloat (i.low, ==, 0);
  i = cs_planted_mean (results, CS_VARIANT_L1, CS_PLANTED_PRECISION_BINS);
  g_assert_cmpuint (i.n, ==, 2);
  g_assert_cmpfloat_with_epsilon (i.mean, 2.5, 1e-12);
  i = cs_planted_mean (results, CS_VARIANT_TOPK, CS_PLANTED_RECALL);
  g_assert_true (i.n == 0 && isnan (i.mean) && isnan (i.low));
  i = cs_planted_share (results, CS_VARIANT_L1, CS_PLANTED_FLAGGED, CS_PLANTED_FALSE_CHAT_ONLY);
  g_assert_cmpuint (i.n, ==, 10);
  g_assert_cmpfloat_with_epsilon (i.mean, .8, 1e-12);
  g_assert_cmpfloat_with_epsilon (i.low, .4902, 1e-4); /* Wilson, 8 of 10 */
  g_assert_cmpfloat_with_epsilon (i.high, .9433, 1e-4);
  i = cs_planted_share (results, CS_VARIANT_BATCHTOPK, CS_PLANTED_FLAGGED,
                        CS_PLANTED_FALSE_CHAT_ONLY);
  g_assert_true (i.n == 0 && isnan (i.mean));
}

static void
test_results_file (void)
{
  char *folder = planted_folder_new ();
  g_autofree char *path = planted_path (folder, "summary.json");
  g_autoptr (CsPlantedResults) results = make_results (), read = NULL;
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_planted_results_save (results, folder, &error));
  read = cs_planted_results_load (folder, &error);
  g_assert_no_error (error);
  g_assert_null (cs_planted_settings_difference (&results->settings, &read->settings, false));
  g_assert_cmpuint (read->results->len, ==, 6);
  for (guint i = 0; i < 6; i++)
    {
      const CsPlantedResult *a = &g_array_index (results->results, CsPlantedResult, i);
      const CsPlantedResult *b = &g_array_index (read->results, CsPlantedResult, i);

      g_assert_true (a->variant == b->variant && a->seed == b->seed);
      for (int m = 0; m < CS_PLANTED_N_METRICS; m++)
        g_assert_true (a->value[m] == b->value[m] || (isnan (a->value[m]) && isnan (b->value[m])));
    }
  for (int i = 0; i < 3; i++)
    {
      static const char *const broken[] = {
        "{}", "{\"format_version\":1,\"settings\":{},\"results\":[1]}",
        "{\"format_version\":1,\"settings\":{\"weak\":-1}}"
      };
      CsPlantedResults *none;

      g_assert_true (g_file_set_contents (path, broken[i], -1, NULL));
      none = cs_planted_results_load (folder, &error);
      g_assert_null (none);
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
      g_clear_error (&error);
    }
  planted_folder_remove (folder);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/planted/match", test_match);
  g_test_add_func ("/planted/truth-itself", test_truth_itself);
  g_test_add_func ("/planted/traps", test_traps);
  g_test_add_func ("/planted/failures", test_failures);
  g_test_add_func ("/planted/mismatch", test_mismatch);
  g_test_add_func ("/planted/intervals", test_intervals);
  g_test_add_func ("/planted/results-file", test_results_file);
  return g_test_run ();
}
