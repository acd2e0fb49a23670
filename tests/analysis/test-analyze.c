/* cs_analyze() end to end on planted features: what every latent is, and is not. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "examples.h"
#include "analyze-private.h"
#include "planted-run.h"

static CsAnalyzeOptions
planted_options (void)
{
  CsAnalyzeOptions options = CS_ANALYZE_DEFAULT;

  options.markers = (CsTokenMarkers) { PLANTED_BOS, PLANTED_START, -1, PLANTED_END, PLANTED_USER, PLANTED_MODEL, PLANTED_NEWLINE,
                                       -1, { 0 }, 0 };
  options.n_threads = 2;
  return options;
}

static CsLatents *
analyze (const PlantedRun *run, const CsAnalyzeOptions *options)
{
  g_autoptr (GError) error = NULL;
  CsLatents *latents;

  cs_analyze (NULL, run->run, run->store, options, &error);
  g_assert_no_error (error);
  latents = cs_latents_load (run->run, &error);
  g_assert_no_error (error);
  return latents;
}

static void
check_counts (const PlantedRun *run, const CsLatents *latents)
{
  g_assert_cmpuint (latents->n_latents, ==, PLANTED_LATENTS);
  g_assert_cmpuint (latents->n_tokens, ==, run->n_tokens);
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      g_assert_cmpuint (row->count_active, ==, run->active[j]);
      g_assert_cmpfloat_with_epsilon (row->density, (double) run->active[j] / (double) run->n_tokens, 1e-6);
      g_assert_cmpfloat_with_epsilon (row->max_act, run->strongest[j], 1e-5);
      if (j == PLANTED_DEAD)
        g_assert_true (isnan (row->template_share));
      else
        g_assert_cmpfloat_with_epsilon (row->template_share, (double) run->in_template[j] / (double) run->in_text[j], 1e-6);
      for (size_t c = 0; c < CS_TOKEN_N_CLASSES && j != PLANTED_DEAD; c++)
        g_assert_cmpfloat_with_epsilon (row->share[c], (double) run->in_class[j][c] / (double) run->active[j], 1e-6);
    }
}

/* Along d^base the base-only latent is base-specific, its twin's sibling is rebuilt in chat by the twin. */
static void
check_base_side (const CsLatents *latents)
{
  const CsLatentRow *only = &latents->rows[PLANTED_BASE_ONLY], *twin = &latents->rows[PLANTED_TWIN_BASE],
                    *half = &latents->rows[PLANTED_HALF], *chat = &latents->rows[PLANTED_CHAT_ONLY];

  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    g_assert_cmpint (latents->rows[j].base_specific, ==, j == PLANTED_BASE_ONLY);
  g_assert_cmpfloat_with_epsilon (only->base_nu_error, 0, 1e-5);
  g_assert_cmpfloat_with_epsilon (only->base_nu_reconstruction, 0, 1e-5);
  g_assert_cmpfloat_with_epsilon (only->base_beta_error[0], 1, 1e-5);
  g_assert_cmpfloat_with_epsilon (twin->base_nu_error, 0, 1e-5);
  g_assert_cmpfloat_with_epsilon (twin->base_nu_reconstruction, 1, 1e-5);
  g_assert_cmpfloat_with_epsilon (half->base_nu_error, 2, 1e-5);
  g_assert_true (isnan (chat->base_nu_error) && isnan (chat->base_beta_activation[0]));
  for (size_t m = 0; m < 2; m++) /* there is no decoder bias here */
    g_assert_cmpfloat_with_epsilon (half->beta_reconstruction_nobias[m], half->beta_reconstruction[m], 1e-6);
}

static void
check_intervals (const CsLatents *latents)
{
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      g_assert_cmpint (isnan (row->nu_error_interval[0]), ==, isnan (row->nu_error));
      g_assert_cmpint (isnan (row->base_nu_error_interval[1]), ==, isnan (row->base_nu_error));
      if (isnan (row->nu_error)) /* no direction in chat, or dead */
        continue;
      g_assert_cmpfloat (row->nu_error_interval[0], <=, row->nu_error + 1e-5);
      g_assert_cmpfloat (row->nu_error_interval[1], >=, row->nu_error - 1e-5);
      g_assert_cmpfloat (row->nu_reconstruction_interval[0], <=, row->nu_reconstruction + 1e-5);
      g_assert_cmpfloat (row->nu_reconstruction_interval[1], >=, row->nu_reconstruction - 1e-5);
    }
}

static void
check_twins (const CsLatents *latents)
{
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    {
      const CsLatentRow *row = &latents->rows[j];
      const bool twin = j == PLANTED_TWIN_CHAT || j == PLANTED_TWIN_BASE;

      g_assert_cmpint (row->twin, ==, j == PLANTED_TWIN_CHAT ? PLANTED_TWIN_BASE : twin ? PLANTED_TWIN_CHAT : -1);
      g_assert_cmpint (isnan (row->twin_divergence), ==, !twin);
      if (twin)
        {
          g_assert_cmpfloat_with_epsilon (row->twin_cos, 1, 1e-6);
          g_assert_cmpfloat (row->twin_divergence, ==, 0); /* they fire as one */
        }
    }
}

static void
test_classes_and_verdicts (void)
{
  static const CsLatentClass classes[] = { CS_LATENT_SHARED,    CS_LATENT_CHAT_ONLY, CS_LATENT_BASE_ONLY, CS_LATENT_DEAD,
                                           CS_LATENT_CHAT_ONLY, CS_LATENT_CHAT_ONLY, CS_LATENT_BASE_ONLY, CS_LATENT_OTHER };
  static const double delta[] = { .5, 1, 0, .5, 1, 1, 0, .75 };
  static const double nu_error[] = { 1, 0, NAN, NAN, 1, 0, NAN, .5 }, nu_rec[] = { 1, 0, NAN, NAN, 0, 1, NAN, .5 };
  g_autoptr (PlantedRun) run = planted_run_new ();
  const CsAnalyzeOptions options = planted_options ();
  g_autoptr (CsLatents) latents = analyze (run, &options);
  CsLatentSummary s;

  check_counts (run, latents);
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    {
      const CsLatentRow *row = &latents->rows[j];

      g_assert_cmpint (row->tag, ==, classes[j]);
      g_assert_cmpint (row->dead, ==, j == PLANTED_DEAD);
      g_assert_cmpint (row->tested, ==, j != PLANTED_DEAD); /* so few that all are */
      g_assert_cmpint (row->chat_specific, ==, j == PLANTED_CHAT_ONLY);
      g_assert_cmpfloat_with_epsilon (row->delta_norm, delta[j], 1e-6);
      g_assert_true (isnan (nu_error[j]) ? isnan (row->nu_error) : fabs (row->nu_error - nu_error[j]) < 1e-5);
      g_assert_true (isnan (nu_rec[j]) ? isnan (row->nu_reconstruction) : fabs (row->nu_reconstruction - nu_rec[j]) < 1e-5);
    }
  g_assert_cmpfloat_with_epsilon (latents->rows[PLANTED_CHAT_ONLY].beta_error[1], 1, 1e-5);
  check_base_side (latents);
  check_intervals (latents);
  check_twins (latents);
  g_assert_cmpfloat_with_epsilon (latents->rows[PLANTED_SHARED].dec_cos_sim, 1, 1e-6);
  g_assert_true (isnan (latents->rows[PLANTED_CHAT_ONLY].dec_cos_sim));
  cs_latents_summarise (latents, &s);
  g_assert_cmpuint (s.latents, ==, 8);
  g_assert_cmpuint (s.dead, ==, 1);
  g_assert_cmpuint (s.base_only, ==, 2);
  g_assert_cmpuint (s.shared, ==, 1);
  g_assert_cmpuint (s.chat_only, ==, 3);
  g_assert_cmpuint (s.other, ==, 1);
  g_assert_cmpuint (s.tested, ==, 7);
  g_assert_cmpuint (s.chat_specific, ==, 1);
  g_assert_cmpuint (s.chat_leaning, ==, 4);
  g_assert_cmpuint (s.chat_specific_surely, ==, 1);
  g_assert_cmpfloat (s.confirmed_share, ==, .25);
  g_assert_cmpuint (s.base_leaning, ==, 2);
  g_assert_cmpuint (s.base_specific, ==, 1);
  g_assert_cmpuint (s.twins, ==, 1);
  g_assert_cmpuint (s.close_pairs, ==, 1);
  g_assert_cmpfloat (s.identity_gap, <, 1e-12);
  g_assert_cmpfloat_with_epsilon (s.fve_chat, 1, 1e-5); /* all of chat is rebuilt, but not the shrunk part of base */
  g_assert_cmpfloat (s.fve_base, >, .5);
  g_assert_cmpfloat (s.fve_base, <, .95);
  g_assert_cmpfloat_with_epsilon (s.l0, 7 * .2, .2);
}

/* Fewer tests than latents: the furthest to each side and as many shared ones, the same each time. */
static void
test_chosen_few (void)
{
  g_autoptr (PlantedRun) run = planted_run_new ();
  CsAnalyzeOptions options = planted_options ();
  size_t n = 0;

  options.n_test = 1;
  g_autoptr (CsLatents) latents = analyze (run, &options);
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    {
      const CsLatentRow *row = &latents->rows[j];
      n += row->tested;
      g_assert_false (row->tested && row->tag == CS_LATENT_OTHER);
      g_assert_false (row->chat_specific && !row->tested);
    }
  g_assert_cmpuint (n, ==, 3);
  g_assert_true (latents->rows[PLANTED_SHARED].tested);
}

static void
test_same_bytes (void)
{
  g_autoptr (PlantedRun) run = planted_run_new ();
  g_autofree char *path = g_build_filename (run->run, "latents.h5", NULL);
  g_autofree char *first = NULL, *again = NULL;
  CsAnalyzeOptions options = planted_options ();
  gsize size[2];

  for (int round = 0; round < 2; round++)
    {
      options.n_threads = round == 0 ? 1 : 3;
      if (round == 1)
        g_usleep (1100000); /* no times in the file either */
      g_autoptr (CsLatents) latents = analyze (run, &options);
      g_assert_nonnull (latents);
      g_assert_true (g_file_get_contents (path, round == 0 ? &first : &again, &size[round], NULL));
    }
  g_assert_cmpmem (first, size[0], again, size[1]);
}

static void
test_without_template_or_config (void)
{
  g_autoptr (PlantedRun) run = planted_run_new ();
  g_autofree char *config = g_build_filename (run->run, "config.json", NULL);
  CsAnalyzeOptions options = CS_ANALYZE_DEFAULT;

  options.n_threads = 1;
  options.max_tokens = 100;
  g_assert_true (g_file_set_contents (config, "{}", -1, NULL));
  g_autoptr (CsLatents) latents = analyze (run, &options);
  g_assert_cmpuint (latents->n_tokens, ==, 100);
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    g_assert_true (isnan (latents->rows[j].template_share));
}

static void
check_example (const PlantedRun *run, CsStore *store, const CsExample *example, float max_act)
{
  const size_t peak = example->token - example->first;
  int32_t position[2];

  g_assert_cmpuint (peak, <, example->n);
  g_assert_cmpfloat_with_epsilon (example->values[peak], example->activation, 1e-5);
  g_assert_cmpfloat (example->activation / max_act, >=, cs_example_group_floor[example->group]);
  g_assert_cmpmem (example->ids, example->n * sizeof (int32_t), run->ids + example->first, example->n * sizeof (int32_t));
  g_assert_true (cs_store_read_tokens (store, example->first, 1, NULL, &position[0], NULL, NULL));
  g_assert_true (cs_store_read_tokens (store, example->first + example->n - 1, 1, NULL, &position[1], NULL, NULL));
  g_assert_cmpint (position[1] - position[0], ==, (int) example->n - 1); /* of one document */
}

static void
test_examples (void)
{
  g_autoptr (PlantedRun) run = planted_run_new ();
  const CsAnalyzeOptions options = planted_options ();
  g_autoptr (CsLatents) latents = analyze (run, &options);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = cs_store_open (run->store, false, NULL);
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (run->run, NULL);
  const float max_act = latents->rows[PLANTED_CHAT_ONLY].max_act;
  g_autoptr (GArray) list = cs_examples_load (run->run, store, cc, NULL, PLANTED_CHAT_ONLY, 3, 5, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (list->len, >, 5);
  g_assert_cmpfloat_with_epsilon (g_array_index (list, CsExample, 0).activation, max_act, 1e-6);
  for (guint i = 0; i < list->len; i++)
    {
      const CsExample *example = &g_array_index (list, CsExample, i);
      check_example (run, store, example, max_act);
      g_assert_cmpuint (example->n, <=, 7);
      g_assert_true (i == 0 || example->group >= example[-1].group);
    }
  g_autoptr (GArray) none = cs_examples_load (run->run, store, cc, NULL, PLANTED_DEAD, 3, 5, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (none->len, ==, 0);
  /* A latent that is not there, and a crosscoder of another width. */
  g_assert_null (cs_examples_load (run->run, store, cc, NULL, PLANTED_LATENTS, 3, 5, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_clear_error (&error);
  g_autoptr (CsCrosscoder) wide = cs_crosscoder_new (PLANTED_WIDTH / 2, PLANTED_LATENTS, CS_VARIANT_L1, NULL);
  g_assert_null (cs_examples_load (run->run, store, wide, NULL, 0, 3, 5, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
}

static void
expect_failure (CsJob *job, const char *run_folder, const char *store, int code)
{
  const CsAnalyzeOptions options = planted_options ();
  g_autoptr (GError) error = NULL;

  g_assert_false (cs_analyze (job, run_folder, store, &options, &error));
  g_assert_error (error, CS_ERROR, code);
}

static void
test_failures (void)
{
  g_autoptr (PlantedRun) run = planted_run_new ();
  g_autoptr (CsJob) job = cs_job_new ("Analyse", NULL, NULL, NULL);
  g_autoptr (CsCrosscoder) narrow = cs_crosscoder_new (PLANTED_WIDTH / 2, 4, CS_VARIANT_L1, NULL);
  g_autoptr (CsCrosscoder) never_set = cs_crosscoder_new (PLANTED_WIDTH, 4, CS_VARIANT_BATCHTOPK, NULL);
  g_autofree char *path = g_build_filename (run->run, "latents.h5", NULL);

  cs_job_cancel (job);
  expect_failure (job, run->run, run->store, CS_ERROR_CANCELLED);
  expect_failure (NULL, run->run, run->run, CS_ERROR_IO);
  narrow->decoder[0] = 1;
  g_assert_true (cs_crosscoder_save (narrow, run->run, NULL));
  expect_failure (NULL, run->run, run->store, CS_ERROR_MISMATCH);
  never_set->k = 1;
  never_set->threshold = -1;
  g_assert_true (cs_crosscoder_save (never_set, run->run, NULL));
  expect_failure (NULL, run->run, run->store, CS_ERROR_USAGE);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
}

/* The limits have no lower end; NaN and a β of the wrong sign confirm nothing. */
static void
test_usable_ratios (void)
{
  static const struct {
    float beta, error, reconstruction;
    bool specific;
  } cases[] = { { 1, .1f, .3f, true },  { 1, -.05f, -.09f, true }, { 1, -.15f, .3f, true }, { 1, .1f, -.2f, true },
                { 1, .1f, .6f, false }, { 1, NAN, .3f, false },    { 1, .1f, NAN, false },  { 1, .2f, .3f, false },
                { -1, .1f, .3f, false } };

  for (size_t i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      CsLatentRow row;

      cs_latent_row_init (&row, 0);
      row.delta_norm = .95f;
      row.beta_error[1] = row.beta_reconstruction[1] = cases[i].beta;
      row.nu_error = cases[i].error;
      row.nu_reconstruction = cases[i].reconstruction;
      g_assert_cmpint (cs_analyze_is_chat_specific (&row), ==, cases[i].specific);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/analysis/analyze/classes-and-verdicts", test_classes_and_verdicts);
  g_test_add_func ("/analysis/analyze/chosen-few", test_chosen_few);
  g_test_add_func ("/analysis/analyze/same-bytes", test_same_bytes);
  g_test_add_func ("/analysis/analyze/without-template-or-config", test_without_template_or_config);
  g_test_add_func ("/analysis/analyze/examples", test_examples);
  g_test_add_func ("/analysis/analyze/failures", test_failures);
  add_file_tests ();
  g_test_add_func ("/analysis/analyze/usable-ratios", test_usable_ratios);
  return g_test_run ();
}
