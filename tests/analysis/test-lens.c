/* The logit lens, neighbours and co-firing latents, against plain versions. */
#include <math.h>
#include <string.h>

#include "errors.h"
#include "json.h"
#include "lens.h"
#include "neighbours.h"
#include "planted-run.h"
#include "random.h"
#include "store.h"
#include "tiny-pair.h"

enum
{
  VOCAB = 304
};

static CsPair *pair;

static CsCrosscoder *
make_crosscoder (void)
{
  CsCrosscoder *cc = cs_crosscoder_new (TINY_WIDTH, 40, CS_VARIANT_L1, NULL);
  CsRandom random;

  cs_random_init (&random, 3, 0);
  for (size_t i = 0; i < cc->n_latents * 2 * TINY_WIDTH; i++)
    cc->decoder[i] = (float)cs_random_normal (&random);
  memset (cc->decoder + 2 * 5 * TINY_WIDTH, 0,
          TINY_WIDTH * sizeof (float)); /* latent 5: chat only */
  cc->gain[0] = .5f;
  cc->gain[1] = 4;
  return cc;
}

/* The last block's output with everything after it done in double. */
static void
naive_logits (CsModel *model, const float *row, double *logits)
{
  float one[TINY_WIDTH], out[VOCAB];
  double sum = 0;

  for (size_t i = 0; i < TINY_WIDTH; i++)
    sum += (double)row[i] * row[i];
  for (size_t i = 0; i < TINY_WIDTH; i++)
    one[i] = (float)(row[i] / sqrt (sum / TINY_WIDTH));
  cs_model_lens (model, one, out);
  for (size_t v = 0; v < VOCAB; v++)
    logits[v] = out[v];
}

static void
test_lens (void)
{
  g_autoptr (CsCrosscoder) cc = make_crosscoder ();
  double logits[VOCAB];
  g_autoptr (CsLens) empty = cs_lens_latent (pair, cc, 5, 0, 4);

  g_assert_cmpuint (empty->n, ==, 0);
  g_assert_cmpfloat (empty->norm, ==, 0);
  for (int m = 0; m < 2; m++)
    {
      const float *row = cc->decoder + (2 * 7 + m) * TINY_WIDTH;
      g_autoptr (CsLens) lens = cs_lens_latent (pair, cc, 7, m, 20);
      g_autoptr (CsLens) loaded = NULL;
      g_autoptr (json_t) json = NULL;
      g_autofree char *words = NULL, *again = NULL;
      g_autoptr (GError) error = NULL;
      double norm = 0;

      naive_logits (pair->model[m], row, logits);
      for (size_t i = 0; i < TINY_WIDTH; i++)
        norm += (double)row[i] * row[i] / (cc->gain[m] * (double)cc->gain[m]);
      g_assert_cmpfloat_with_epsilon (lens->norm, sqrt (norm), 1e-5);
      g_assert_cmpuint (lens->n, ==, 20);
      for (size_t i = 0; i < lens->n; i++)
        {
          size_t above = 0, below = 0;

          for (size_t v = 0; v < VOCAB; v++)
            {
              above += logits[v] > logits[lens->promoted[i].id] + 1e-5;
              below += logits[v] < logits[lens->suppressed[i].id] - 1e-5;
            }
          g_assert_cmpuint (above, <=, i);
          g_assert_cmpuint (below, <=, i);
          g_assert_cmpfloat_with_epsilon (lens->promoted[i].logit, logits[lens->promoted[i].id],
                                          1e-4);
          g_assert_true (g_utf8_validate (lens->promoted[i].text, -1, NULL));
          g_assert_cmpstr (lens->promoted[i].text, !=, "");
        }
      json = cs_lens_to_json (lens);
      loaded = cs_lens_from_json (json, "test", &error);
      g_assert_no_error (error);
      words = cs_lens_words (lens->promoted, lens->n);
      again = cs_lens_words (loaded->promoted, loaded->n);
      g_assert_cmpstr (words, ==, again);
    }
}

static void
test_lens_json_errors (void)
{
  static const char *const texts[] = {
    "{}", "{\"promoted\": [1], \"suppressed\": []}", "{\"promoted\": [1], \"suppressed\": [2]}",
    "{\"promoted\": [{\"id\": -1, \"token\": \"a\", \"logit\": 1}], \"suppressed\": [{}]}"
  };

  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (json_t) json = json_loads (texts[i], 0, NULL);

      g_assert_null (cs_lens_from_json (json, "test", &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
    }
}

static double
naive_cosine (const CsCrosscoder *cc, size_t a, size_t b, CsNeighbourPart part)
{
  double ab = 0, aa = 0, bb = 0;

  for (size_t i = 0; i < 2 * TINY_WIDTH; i++)
    {
      const size_t m = i / TINY_WIDTH;
      const double x = cc->decoder[2 * a * TINY_WIDTH + i] / (double)cc->gain[m],
                   y = cc->decoder[2 * b * TINY_WIDTH + i] / (double)cc->gain[m];

      if (part != CS_NEIGHBOUR_BOTH && (size_t)part != m)
        continue;
      ab += x * y;
      aa += x * x;
      bb += y * y;
    }
  return ab / sqrt (aa * bb);
}

static void
test_neighbours (void)
{
  g_autoptr (CsCrosscoder) cc = make_crosscoder ();
  g_autoptr (CsTeam) team = cs_team_new (3);

  for (int part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
    for (size_t j = 0; j < cc->n_latents; j += 5)
      {
        CsNeighbour near[6];
        const size_t n = cs_neighbours (cc, j % 2 ? team : NULL, j, part, 6, near);

        if (j == 5 && part == CS_NEIGHBOUR_BASE)
          {
            g_assert_cmpuint (n, ==, 0);
            continue;
          }
        g_assert_cmpuint (n, ==, 6);
        for (size_t i = 0; i < n; i++)
          {
            size_t nearer = 0;

            g_assert_cmpuint (near[i].latent, !=, j);
            g_assert_cmpfloat_with_epsilon (near[i].cosine,
                                            naive_cosine (cc, j, near[i].latent, part), 1e-9);
            for (size_t k = 0; k < cc->n_latents; k++)
              nearer += k != j && naive_cosine (cc, j, k, part) > near[i].cosine + 1e-12;
            g_assert_cmpuint (nearer, ==, i);
          }
      }
}

static void
test_cofiring (void)
{
  g_autoptr (PlantedRun) run = planted_run_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (run->run, &error);
  g_autoptr (CsCofiring) cofiring = cs_cofiring_new (NULL, cc, NULL, run->store, 0, &error);
  g_autoptr (CsStore) store = cs_store_open (run->store, false, &error);
  g_autofree float *rows = g_new (float, run->n_tokens * 2 * PLANTED_WIDTH);
  g_auto (CsCodes) codes = { 0 };
  CsCofiringLatent found[PLANTED_LATENTS];
  size_t both[PLANTED_LATENTS] = { 0 }, n;

  g_assert_no_error (error);
  g_assert_cmpuint (cs_cofiring_n_tokens (cofiring), ==, run->n_tokens);
  for (size_t j = 0; j < PLANTED_LATENTS; j++)
    g_assert_cmpuint (cs_cofiring_count (cofiring, j), ==, run->active[j]);
  g_assert_true (cs_store_read (store, 0, run->n_tokens, rows, &error));
  g_assert_true (cs_crosscoder_encode (cc, NULL, rows, run->n_tokens, &codes, &error));
  for (size_t t = 0; t < run->n_tokens; t++)
    {
      bool on[PLANTED_LATENTS] = { false };

      for (size_t e = codes.start[t]; e < codes.start[t + 1]; e++)
        on[codes.latent[e]] = codes.value[e] > 0;
      for (size_t j = 0; j < PLANTED_LATENTS; j++)
        both[j] += on[j] && on[PLANTED_TWIN_CHAT];
    }
  n = cs_cofiring_find (cofiring, PLANTED_TWIN_CHAT, PLANTED_LATENTS, found);
  g_assert_cmpuint (n, >=, 5);
  g_assert_cmpuint (found[0].latent, ==, PLANTED_TWIN_BASE); /* fires with it always */
  g_assert_cmpfloat (found[0].jaccard, ==, 1);
  g_assert_cmpfloat_with_epsilon (found[0].correlation, 1, 1e-9);
  for (size_t i = 0; i < n; i++)
    {
      const double a = (double)run->active[PLANTED_TWIN_CHAT],
                   b = (double)run->active[found[i].latent], ab = (double)both[found[i].latent];

      g_assert_cmpuint (found[i].both, ==, both[found[i].latent]);
      g_assert_cmpfloat_with_epsilon (found[i].jaccard, ab / (a + b - ab), 1e-12);
      g_assert_cmpfloat_with_epsilon (found[i].given_this, ab / a, 1e-12);
      g_assert_true (i == 0 || found[i].jaccard <= found[i - 1].jaccard);
    }
  g_assert_cmpuint (cs_cofiring_find (cofiring, PLANTED_DEAD, 4, found), ==, 0);
}

static void
test_cofiring_sample (void)
{
  g_autoptr (PlantedRun) run = planted_run_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCrosscoder) cc = cs_crosscoder_load (run->run, &error);
  g_autoptr (CsCofiring) cofiring = cs_cofiring_new (NULL, cc, NULL, run->store, 300, &error);
  g_autoptr (CsCrosscoder) wide = cs_crosscoder_new (PLANTED_WIDTH * 2, 4, CS_VARIANT_L1, NULL);
  g_autoptr (CsJob) job = cs_job_new ("Read", NULL, NULL, NULL);

  g_assert_no_error (error);
  g_assert_cmpuint (cs_cofiring_n_tokens (cofiring), ==, 300);
  g_assert_null (cs_cofiring_new (NULL, wide, NULL, run->store, 0, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_clear_error (&error);
  cs_job_cancel (job);
  g_assert_null (cs_cofiring_new (job, cc, NULL, run->store, 0, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
}

int
main (int argc, char **argv)
{
  TinyPair *tiny;
  int status;

  g_test_init (&argc, &argv, NULL);
  tiny = tiny_pair_new ();
  pair = cs_pair_open (tiny->model[0]->folder, tiny->model[1]->folder, NULL, NULL);
  g_test_add_func ("/lens/against-plain", test_lens);
  g_test_add_func ("/lens/json-errors", test_lens_json_errors);
  g_test_add_func ("/neighbours/against-plain", test_neighbours);
  g_test_add_func ("/cofiring/against-plain", test_cofiring);
  g_test_add_func ("/cofiring/sample", test_cofiring_sample);
  status = g_test_run ();
  cs_pair_free (pair);
  tiny_pair_free (tiny);
  return status;
}
