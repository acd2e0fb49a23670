/* Causality against a version that runs every conversation whole, one arm at a time. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "causality-private.h"
#include "conversations.h"
#include "errors.h"
#include "examples.h"
#include "latents-private.h"
#include "random.h"
#include "tiny-pair.h"

#include "test-causality.h"

enum
{
  LAYER = 1,
  N_LATENTS = 60,
  VOCAB = 304,
  N_CONVERSATIONS = 12,
};

typedef struct
{
  TinyPair *tiny;
  CsPair *pair;
  char *folder, *run, *corpus, *web;
} Fixture;

/* --- A run made by hand --- */

static CsCrosscoder *
make_crosscoder (bool normalised)
{
  CsCrosscoder *cc = cs_crosscoder_new (TINY_WIDTH, N_LATENTS, CS_VARIANT_L1, NULL);
  CsRandom random;

  cs_random_init (&random, 33, 0);
  for (size_t i = 0; i < cc->n_latents * 2 * TINY_WIDTH; i++)
    {
      cc->encoder[i] = (float)(.3 * cs_random_normal (&random));
      cc->decoder[i] = (float)(.2 * cs_random_normal (&random));
    }
  for (size_t i = 0; i < 2 * TINY_WIDTH; i++)
    cc->decoder_bias[i] = (float)(.5 * cs_random_normal (&random));
  if (!normalised)
    return cc;
  cc->normalised = true;
  cc->mean = g_new0 (float, 2 * TINY_WIDTH);
  cc->std = g_new0 (float, 2 * TINY_WIDTH);
  for (size_t i = 0; i < 2 * TINY_WIDTH; i++)
    {
      cc->mean[i] = .01f * (float)i;
      cc->std[i] = i < TINY_WIDTH ? .5f : .125f;
    }
  cc->target_rms = 1;
  cc->gain[0] = (float)(1 / sqrt (TINY_WIDTH * .25 + 1e-8));
  cc->gain[1] = (float)(1 / sqrt (TINY_WIDTH * .015625 + 1e-8));
  return cc;
}

static CsLatents *
make_latents (void)
{
  CsLatents *latents = g_new0 (CsLatents, 1);
  CsRandom random;

  cs_random_init (&random, 34, 0);
  latents->n_latents = N_LATENTS;
  latents->n_tokens = 1000;
  latents->rows = g_new0 (CsLatentRow, N_LATENTS);
  latents->fve_base = latents->fve_chat = latents->l0 = NAN;
  for (uint32_t j = 0; j < N_LATENTS; j++)
    {
      CsLatentRow *row = &latents->rows[j];

      row->latent = j;
      row->delta_norm = (float)cs_random_uniform (&random);
      row->nu_error = (float)cs_random_uniform (&random);
      row->nu_reconstruction = (float)cs_random_uniform (&random);
      row->tag = (uint8_t)cs_latent_classify (row->delta_norm, j % 17 == 0);
      row->dead = j % 17 == 0;
      row->count_active = 20;
      row->chat_specific = row->delta_norm > .8f;
    }
  return latents;
}

static void
save_run (Fixture *f, bool normalised)
{
  g_autoptr (CsCrosscoder) cc = make_crosscoder (normalised);
  g_autoptr (CsLatents) latents = make_latents ();
  g_autofree CsExampleSlot *slots = g_new0 (CsExampleSlot, N_LATENTS * CS_EXAMPLE_GROUPS);
  g_autoptr (GError) error = NULL;

  for (size_t i = 0; i < N_LATENTS * CS_EXAMPLE_GROUPS; i++)
    slots[i].token = -1;
  g_assert_true (cs_crosscoder_save (cc, f->run, &error));
  g_assert_true (cs_latents_save (latents, f->run, slots, 1, &error));
  g_assert_no_error (error);
}

static void
fixture_init (Fixture *f, bool normalised)
{
  g_autoptr (GError) error = NULL;

  f->tiny = tiny_pair_new ();
  f->folder = g_dir_make_tmp ("crosscope-causality-XXXXXX", &error);
  f->run = g_build_filename (f->folder, "run", NULL);
  g_assert_cmpint (g_mkdir (f->run, 0777), ==, 0);
  tiny_pair_corpora (f->folder, &f->web, &f->corpus);
  f->pair = cs_pair_open (f->tiny->model[0]->folder, f->tiny->model[1]->folder, NULL, &error);
  g_assert_no_error (error);
  save_run (f, normalised);
}

static void
fixture_clear (Fixture *f)
{
  cs_pair_free (f->pair);
  tiny_pair_free (f->tiny);
  remove_tree (f->folder);
  g_free (f->folder);
  g_free (f->run);
  g_free (f->web);
  g_free (f->corpus);
}

static CsCausality *
run (const Fixture *f, unsigned n_threads, uint64_t seed, CsJob *job, GError **error)
{
  const char *const corpora[] = { f->corpus, NULL };
  const CsCausalityOptions options = {
    .run_folder = f->run,
    .base_folder = f->tiny->model[0]->folder,
    .chat_folder = f->tiny->model[1]->folder,
    .layer = LAYER,
    .corpora = corpora,
    .max_documents = N_CONVERSATIONS,
    .n_set = 20,
    .n_random = 2,
    .n_draws = 200,
    .seed = seed,
    .n_threads = n_threads,
  };

  return cs_causality_run (job, &options, error);
}

/* --- The slow version --- */

typedef struct
{
  float *replace;
} NaiveTap;

static void
naive_tap (void *data, size_t first, size_t n, float *rows)
{
  const NaiveTap *tap = data;

  memcpy (rows, tap->replace + first * TINY_WIDTH, n * TINY_WIDTH * sizeof (float));
}

static double *
naive_log_p (CsModel *model, const int32_t *ids, size_t n, float *replace)
{
  g_autoptr (CsSession) session = cs_session_new (model, NULL, n);
  NaiveTap data = { replace };
  const CsTap tap = { LAYER + 1, naive_tap, &data };
  g_autofree float *logits = g_new (float, n *VOCAB);
  double *log_p = g_new (double, n *VOCAB);

  cs_session_set_taps (session, &tap, replace != NULL ? 1 : 0);
  g_assert_true (cs_session_forward (session, ids, n, TINY_LAYERS, CS_LOGITS_ALL, logits, NULL));
  for (size_t t = 0; t < n; t++)
    {
      double sum = 0;

      for (size_t v = 0; v < VOCAB; v++)
        sum += exp ((double)logits[t * VOCAB + v]);
      for (size_t v = 0; v < VOCAB; v++)
        log_p[t * VOCAB + v] = logits[t * VOCAB + v] - log (sum);
    }
  return log_p;
}

static void
naive_patch (const CsCrosscoder *cc,
             const CsLatentSets *sets,
             const char *arm,
             const float *rows,
             const CsCodes *codes,
             const CsConversation *c,
             float *out)
{
  const bool removed = g_str_has_suffix (arm, "-removed") || strcmp (arm, "error-only") == 0;
  const size_t d = TINY_WIDTH;
  const LatentSet set = strcmp (arm, "all") == 0 || strcmp (arm, "error-only") == 0 ? SET_ALL
                        : g_str_has_prefix (arm, "best-delta")                      ? SET_BEST_DELTA
                        : g_str_has_prefix (arm, "worst-scaling") ? SET_WORST_SCALING
                                                                  : SET_FILTERED;

  for (size_t t = 0; t < c->n; t++)
    for (size_t i = 0; i < d; i++)
      {
        const float *base = rows + 2 * t * d, *chat = base + d;
        double value = removed ? chat[i] : base[i];

        if (g_str_has_prefix (arm, "template"))
          {
            const bool swap = c->turns[t].is_template;

            out[t * d + i] = swap != removed ? chat[i] : base[i];
            continue;
          }
        for (size_t e = codes->start[t]; e < codes->start[t + 1]; e++)
          {
            const size_t j = codes->latent[e];
            const double d_base = cc->decoder[2 * j * d + i] / (double)cc->gain[0];
            const double d_chat = cc->decoder[(2 * j + 1) * d + i] / (double)cc->gain[1];

            if (!(sets->member[j] >> set & 1))
              continue;
            if (strcmp (arm, "set-added") == 0)
              value += codes->value[e] * d_chat;
            else
              value += (removed ? -1 : 1) * codes->value[e] * (d_chat - d_base);
          }
        out[t * d + i] = (float)value;
      }
}

/* Σ KL and count over one conversation, with the spans told from the text's own markers. */
static void
naive_sums (const double *p,
            const double *q,
            const CsConversation *c,
            double sums[3],
            double counts[3])
{
  size_t before = 0;
  bool in_answer = false;

  for (size_t t = 0; t < c->n; t++)
    {
      double kl = 0;

      /* <start_of_turn> m o d e l \n: seven tokens of the tiny tokenizer. */
      if (t >= 6 && c->ids[t - 6] == 302 && c->ids[t - 5] == 'm' && c->ids[t] == '\n')
        {
          in_answer = true;
          before = 0;
        }
      if (!in_answer)
        continue;
      for (size_t v = 0; v < VOCAB; v++)
        kl += exp (p[t * VOCAB + v]) * (p[t * VOCAB + v] - q[t * VOCAB + v]);
      sums[0] += kl;
      counts[0]++;
      sums[1] += before > 0 && before < 10 ? kl : 0;
      counts[1] += before > 0 && before < 10;
      sums[2] += before == 0 ? kl : 0;
      counts[2] += before == 0;
      before++;
    }
}

static void
compare_arm (const Fixture *f, const CsCausality *result, const char *name)
{
  const char *const corpora[] = { f->corpus, NULL };
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (f->run, NULL);
  g_autoptr (CsLatents) latents = cs_latents_load (f->run, NULL);
  const CsCausalityArm *arm = cs_causality_find (result, name);
  CsConversations list = { 0 };
  CsLatentSets sets;
  double sums[3] = { 0 }, counts[3] = { 0 };

  g_assert_nonnull (arm);
  g_assert_true (cs_latent_sets_init (&sets, latents, 20, 2, 5, NULL));
  g_assert_true (cs_conversations_read (&list, f->pair, corpora, 0, N_CONVERSATIONS, 1024, NULL));
  for (size_t i = 0; i < list.n; i++)
    {
      const CsConversation *c = &list.items[i];
      g_autofree float *rows = g_new (float, c->n * 2 * TINY_WIDTH),
                       *patched = g_new (float, c->n *TINY_WIDTH);
      g_auto (CsCodes) codes = { 0 };
      g_autofree double *p = NULL, *q = NULL;

      g_assert_true (cs_pair_residuals (f->pair, NULL, LAYER, c->ids, c->n, rows, NULL));
      g_assert_true (cs_crosscoder_encode (cc, NULL, rows, c->n, &codes, NULL));
      naive_patch (cc, &sets, name, rows, &codes, c, patched);
      p = naive_log_p (f->pair->model[1], c->ids, c->n, NULL);
      if (strcmp (name, "base") == 0)
        q = naive_log_p (f->pair->model[0], c->ids, c->n, NULL);
      else if (strcmp (name, "none") == 0)
        {
          for (size_t t = 0; t < c->n; t++)
            memcpy (patched + t * TINY_WIDTH, rows + 2 * t * TINY_WIDTH,
                    TINY_WIDTH * sizeof (float));
          q = naive_log_p (f->pair->model[1], c->ids, c->n, patched);
        }
      else
        q = naive_log_p (f->pair->model[1], c->ids, c->n, patched);
      naive_sums (p, q, c, sums, counts);
    }
  for (int span = 0; span < CS_CAUSALITY_N_SPANS; span++)
    {
      g_assert_cmpfloat (counts[span], ==, (double)result->n_positions[span]);
      g_assert_cmpfloat_with_epsilon (arm->value[span].kl, sums[span] / counts[span],
                                      1e-4 * (1 + sums[span] / counts[span]));
    }
  cs_conversations_clear (&list);
  cs_latent_sets_clear (&sets);
}

static void
test_against_slow (const void *normalised)
{
  static const char *const arms[] = { "none",
                                      "base",
                                      "all",
                                      "error-only",
                                      "template",
                                      "template-removed",
                                      "set",
                                      "set-removed",
                                      "best-delta",
                                      "set-added",
                                      "worst-scaling-removed" };
  Fixture f;
  g_autoptr (CsCausality) result = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&f, GPOINTER_TO_INT (normalised) != 0);
  result = run (&f, 2, 5, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (result->n_documents, ==, N_CONVERSATIONS);
  g_assert_cmpuint (result->n_filtered, ==, 20);
  for (size_t i = 0; i < G_N_ELEMENTS (arms); i++)
    compare_arm (&f, result, arms[i]);
  fixture_clear (&f);
}

/* --- Self-checks, sets, files --- */

static void
test_checks_and_file (void)
{
  Fixture f;
  g_autoptr (CsCausality) a = NULL, b = NULL, loaded = NULL;
  g_autofree char *text_a = NULL, *text_b = NULL, *text_loaded = NULL, *path = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&f, false);
  a = run (&f, 1, 5, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpfloat (a->check_chat, ==, 0);
  g_assert_cmpfloat (a->check_empty, ==, 0);
  g_assert_cmpfloat (a->check_all, <, 1e-5);
  g_assert_cmpfloat (cs_causality_find (a, "chat")->value[0].agreement, ==, 1);
  g_assert_cmpuint (cs_causality_find (a, "best-delta")->n_latents, ==, 10);
  g_assert_cmpuint (cs_causality_find (a, "random")->n_latents, ==, 10);
  for (size_t i = 0; i < a->n_arms; i++)
    {
      const CsCausalityValue *v = &a->arms[i].value[0];

      g_assert_cmpfloat (v->lo, <=, v->kl);
      g_assert_cmpfloat (v->hi, >=, v->kl);
    }
  loaded = cs_causality_load (f.run, &error);
  g_assert_no_error (error);
  b = run (&f, 3, 5, NULL, &error); /* as many threads as it likes: the same numbers */
  g_assert_no_error (error);
  text_a = cs_causality_text (a);
  text_b = cs_causality_text (b);
  text_loaded = cs_causality_text (loaded);
  g_assert_cmpstr (text_a, ==, text_b);
  g_assert_cmpstr (text_a, ==, text_loaded);
  g_assert_cmpuint (loaded->n_contrasts, >=, 6);
  path = g_build_filename (f.run, "causality.json", NULL);
  g_assert_true (g_file_set_contents (path, "{\"format_version\": 1, \"positions\": 3}", -1, NULL));
  g_assert_null (cs_causality_load (f.run, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (path, "{\"format_version\": 9}", -1, NULL));
  g_assert_null (cs_causality_load (f.run, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED);
  fixture_clear (&f);
}

static void
test_sets (void)
{
  g_autoptr (CsLatents) latents = make_latents ();
  CsLatentSets sets, other;
  g_autoptr (GError) error = NULL;

  latents->rows[3].delta_norm = 2; /* leans furthest, but its ratio says nothing */
  latents->rows[3].nu_error = NAN;
  latents->rows[4].delta_norm = 1.9f;
  latents->rows[4].nu_reconstruction = 2.5f;
  g_assert_true (cs_latent_sets_init (&sets, latents, 21, 3, 1, &error));
  g_assert_cmpuint (sets.size[SET_FILTERED], ==, 19);
  g_assert_cmpuint (sets.size[SET_BEST_DELTA], ==, 9);
  g_assert_cmpuint (sets.size[SET_WORST_SCALING], ==, 9);
  g_assert_cmpuint (sets.member[3], ==, 1 << SET_ALL);
  for (size_t j = 0; j < N_LATENTS; j++)
    {
      const uint32_t m = sets.member[j];

      g_assert_false ((m >> SET_BEST_DELTA & 1) && (m >> SET_WORST_DELTA & 1));
      g_assert_false ((m >> SET_BEST_SCALING & 1) && (m >> SET_WORST_SCALING & 1));
      g_assert_false ((m >> SET_FIRST_RANDOM & 1) && (m >> SET_FILTERED & 1));
      for (size_t k = 0; k < N_LATENTS; k++)
        if ((m >> SET_BEST_DELTA & 1) && (sets.member[k] >> SET_WORST_DELTA & 1))
          g_assert_cmpfloat (latents->rows[j].delta_norm, >=, latents->rows[k].delta_norm);
      if (latents->rows[j].dead)
        g_assert_cmpuint (m & ~(1u << SET_SPECIFIC), ==, 1 << SET_ALL);
    }
  g_assert_true (cs_latent_sets_init (&other, latents, 21, 3, 2, &error));
  g_assert_cmpint (memcmp (sets.member, other.member, N_LATENTS * sizeof (uint32_t)), !=, 0);
  cs_latent_sets_clear (&sets);
  cs_latent_sets_clear (&other);
  for (size_t j = 0; j < N_LATENTS; j++)
    latents->rows[j].nu_error = NAN;
  g_assert_false (cs_latent_sets_init (&sets, latents, 21, 3, 1, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  cs_latent_sets_clear (&sets);
}

static void
test_errors (void)
{
  Fixture f;
  g_autoptr (CsJob) job = cs_job_new ("Causality", NULL, NULL, NULL);
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;

  fixture_init (&f, false);
  cs_job_cancel (job);
  g_assert_null (run (&f, 1, 5, job, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
  g_clear_error (&error);
  path = g_build_filename (f.run, "causality.json", NULL);
  g_assert_false (g_file_test (path, G_FILE_TEST_EXISTS));
  g_assert_true (g_file_set_contents (f.corpus, "{\"text\": \"no turns at all\"}\n", -1, NULL));
  g_assert_null (run (&f, 1, 5, NULL, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  fixture_clear (&f);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/causality/slow", GINT_TO_POINTER (0), test_against_slow);
  g_test_add_data_func ("/causality/slow-normalised", GINT_TO_POINTER (1), test_against_slow);
  g_test_add_func ("/causality/checks-and-file", test_checks_and_file);
  g_test_add_func ("/causality/sets", test_sets);
  g_test_add_func ("/causality/errors", test_errors);
  add_turn_tests ();
  add_kl_tests ();
  return g_test_run ();
}
