/* Training-free baselines against plain versions. */
#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "baselines-private.h"
#include "corpus.h"
#include "errors.h"
#include "random.h"
#include "tiny-pair.h"
#include "token-markers.h"

enum
{
  LAYER = 1,
  VOCAB = 304,
  MAX_DOCUMENTS = 14,
};

static TinyPair *tiny;

/* --- Components --- */

static void
test_components (void)
{
  enum
  {
    D = 12,
    N = 4000
  };
  const double lengths[] = { 9, 4, 2, 1 };
  double directions[4][D], total = 0;
  g_autofree float *rows = g_new (float, N *D);
  g_autoptr (CsRowMoments) moments = cs_row_moments_new (D);
  float components[3 * D], mean[D];
  double shares[3];
  CsRandom random;

  cs_random_init (&random, 8, 0);
  for (int k = 0; k < 4; k++) /* orthonormal, by elimination */
    {
      double norm = 0;

      for (int i = 0; i < D; i++)
        directions[k][i] = cs_random_normal (&random);
      for (int j = 0; j < k; j++)
        {
          double along = 0;

          for (int i = 0; i < D; i++)
            along += directions[j][i] * directions[k][i];
          for (int i = 0; i < D; i++)
            directions[k][i] -= along * directions[j][i];
        }
      for (int i = 0; i < D; i++)
        norm += directions[k][i] * directions[k][i];
      for (int i = 0; i < D; i++)
        directions[k][i] /= sqrt (norm);
      total += lengths[k];
    }
  for (size_t t = 0; t < N; t++)
    for (int i = 0; i < D; i++)
      rows[t * D + (size_t)i] = 5;
  for (size_t t = 0; t < N; t++)
    for (int k = 0; k < 4; k++)
      {
        const double amount = sqrt (lengths[k]) * cs_random_normal (&random);

        for (int i = 0; i < D; i++)
          rows[t * D + (size_t)i] += (float)(amount * directions[k][i]);
      }
  for (size_t t = 0; t < N; t += 500)
    cs_row_moments_add (moments, NULL, rows + t * D, 500);
  g_assert_cmpuint (cs_row_moments_count (moments), ==, N);
  cs_row_moments_mean (moments, mean);
  g_assert_cmpfloat_with_epsilon (mean[3], 5, .3);
  g_assert_cmpuint (cs_row_moments_components (moments, 3, 1, components, shares), ==, 3);
  for (int k = 0; k < 3; k++)
    {
      double along = 0, on_mean = 0, norm = 0;

      for (int i = 0; i < D; i++)
        {
          along += directions[k][i] * components[k * D + i];
          on_mean += mean[i] * components[k * D + i];
          norm += components[k * D + i] * components[k * D + i];
        }
      g_assert_cmpfloat_with_epsilon (norm, 1, 1e-5);
      g_assert_cmpfloat (fabs (along), >, .99);
      g_assert_cmpfloat (on_mean, >=, 0);
      g_assert_cmpfloat_with_epsilon (shares[k], lengths[k] / total, .03);
    }
}

static void
test_components_few (void)
{
  const float rows[] = { 1, 1, 1, 3, 1, 1 }; /* one direction only, after the mean */
  g_autoptr (CsRowMoments) moments = cs_row_moments_new (3);
  float components[9];
  double shares[3];

  g_assert_cmpuint (cs_row_moments_components (moments, 3, 1, components, shares), ==, 0);
  cs_row_moments_add (moments, NULL, rows, 2);
  g_assert_cmpuint (cs_row_moments_components (moments, 3, 1, components, shares), ==, 1);
  g_assert_cmpfloat_with_epsilon (shares[0], 1, 1e-9);
  g_assert_cmpfloat_with_epsilon (components[0], 1, 1e-6);
}

/* --- The whole --- */

typedef struct
{
  char *folder, *web, *chat;
  CsBaselines *result;
} Fixture;

static CsBaselines *
run (const Fixture *f, unsigned n_threads, CsJob *job, GError **error)
{
  const char *const corpora[] = { f->web, f->chat, NULL };
  const CsBaselinesOptions options = {
    .base_folder = tiny->model[0]->folder,
    .chat_folder = tiny->model[1]->folder,
    .layer = LAYER,
    .corpora = corpora,
    .max_documents = MAX_DOCUMENTS,
    .n_top = 10,
    .n_components = 4,
    .n_draws = 100,
    .seed = 2,
    .n_threads = n_threads,
  };

  return cs_baselines_run (job, &options, error);
}

typedef struct
{
  double kl, class_kl[CS_TOKEN_N_CLASSES], class_count[CS_TOKEN_N_CLASSES], largest, count;
  double difference[TINY_WIDTH], opening[TINY_WIDTH], n_opening;
} Slow;

static void
slow_text (const CsPair *pair, const int32_t *ids, size_t n, Slow *slow)
{
  g_autofree float *rows = g_new (float, n * 2 * TINY_WIDTH);
  g_autofree float *both = g_new (float, 2 * n * VOCAB);
  float *const logits[2] = { both, both + n * VOCAB };
  g_autofree CsTurnToken *turns = g_new (CsTurnToken, n);
  CsTokenMarkers markers;

  g_assert_true (cs_pair_residuals (pair, NULL, LAYER, ids, n, rows, NULL));
  for (size_t m = 0; m < 2; m++)
    {
      g_autoptr (CsSession) session = cs_session_new (pair->model[m], NULL, n);

      g_assert_true (
          cs_session_forward (session, ids, n, TINY_LAYERS, CS_LOGITS_ALL, logits[m], NULL));
    }
  cs_token_markers_find (&markers, pair->tokenizer);
  cs_turn_tokens (&markers, ids, n, turns);
  for (size_t t = 1; t < n; t++) /* without BOS */
    {
      double sums[2] = { 0 }, kl = 0;

      for (size_t m = 0; m < 2; m++)
        for (size_t v = 0; v < VOCAB; v++)
          sums[m] += exp ((double)logits[m][t * VOCAB + v]);
      for (size_t v = 0; v < VOCAB; v++)
        {
          const double p = (double)logits[1][t * VOCAB + v] - log (sums[1]);

          kl += exp (p) * (p - ((double)logits[0][t * VOCAB + v] - log (sums[0])));
        }
      slow->kl += kl;
      slow->count++;
      slow->class_kl[turns[t].class] += kl;
      slow->class_count[turns[t].class]++;
      slow->largest = MAX (slow->largest, kl);
      slow->n_opening += turns[t].predicts && turns[t].predicted == 0;
      for (size_t i = 0; i < TINY_WIDTH; i++)
        {
          const double difference =
              rows[(2 * t + 1) * TINY_WIDTH + i] - rows[2 * t * TINY_WIDTH + i];

          slow->difference[i] += difference;
          slow->opening[i] += turns[t].predicts && turns[t].predicted == 0 ? difference : 0;
        }
    }
}

/* The corpora in turn, as a harvest reads them. */
static void
slow_all (const Fixture *f, const CsPair *pair, Slow *slow)
{
  const char *const paths[] = { f->web, f->chat };
  CsCorpus *corpora[2];

  for (int c = 0; c < 2; c++)
    corpora[c] = cs_corpus_open (paths[c], pair->chat, pair->tokenizer, NULL);
  for (int i = 0; i < MAX_DOCUMENTS; i++)
    {
      CsCorpusDocument document;
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));

      g_assert_true (cs_corpus_next (corpora[i % 2], &document, NULL));
      cs_corpus_encode (pair->tokenizer, &document, 1024, ids, NULL);
      slow_text (pair, (const int32_t *)(const void *)ids->data, ids->len, slow);
      cs_corpus_document_clear (&document);
    }
  for (int c = 0; c < 2; c++)
    cs_corpus_free (corpora[c]);
}

static double
norm_of (const double *sum, double count)
{
  double norm = 0;

  for (size_t i = 0; i < TINY_WIDTH; i++)
    norm += sum[i] * sum[i];
  return sqrt (norm) / count;
}

static void
compare (const CsBaselines *b, const Slow *slow)
{
  g_assert_cmpuint (b->n_documents, ==, MAX_DOCUMENTS);
  g_assert_cmpfloat ((double)b->n_tokens, ==, slow->count);
  g_assert_cmpfloat_with_epsilon (b->kl, slow->kl / slow->count, 1e-5);
  g_assert_cmpfloat (b->lo, <, b->kl);
  g_assert_cmpfloat (b->hi, >, b->kl);
  g_assert_cmpuint (b->n_classes, ==, 7); /* all but BOS */
  for (size_t i = 0; i < b->n_classes; i++)
    {
      const CsTokenClass class = b->classes[i].class;

      g_assert_cmpfloat ((double)b->classes[i].count, ==, slow->class_count[class]);
      g_assert_cmpfloat_with_epsilon (b->classes[i].kl,
                                      slow->class_kl[class] / slow->class_count[class], 1e-5);
    }
  g_assert_cmpuint (b->n_top, ==, 10);
  g_assert_cmpfloat_with_epsilon (b->top[0].kl, slow->largest, 1e-4);
  for (size_t i = 1; i < b->n_top; i++)
    g_assert_cmpfloat (b->top[i].kl, <=, b->top[i - 1].kl);
  g_assert_cmpuint (b->n_top_answers, ==, 10);
  for (size_t i = 0; i < b->n_top_answers; i++)
    g_assert_cmpint (b->top_answers[i].class, ==, CS_TOKEN_CLASS_MODEL);
  for (size_t i = 0; i < b->n_differences; i++)
    if (strcmp (b->differences[i].name, "all tokens") == 0)
      g_assert_cmpfloat_with_epsilon (b->differences[i].norm,
                                      norm_of (slow->difference, slow->count), 1e-4);
    else if (strcmp (b->differences[i].name, "answer opening") == 0)
      {
        g_assert_cmpfloat ((double)b->differences[i].count, ==, slow->n_opening);
        g_assert_cmpfloat_with_epsilon (b->differences[i].norm,
                                        norm_of (slow->opening, slow->n_opening), 1e-4);
      }
  g_assert_cmpuint (b->n_differences, ==, N_DIFFERENCES);
  g_assert_cmpuint (b->n_components, ==, 4);
  for (size_t i = 1; i < b->n_components; i++)
    g_assert_cmpfloat (b->components[i].share, <=, b->components[i - 1].share);
}

static void
test_against_slow (void)
{
  Fixture f = { .folder = g_dir_make_tmp ("crosscope-baselines-XXXXXX", NULL) };
  g_autoptr (CsPair) pair = cs_pair_open (tiny->model[0]->folder, tiny->model[1]->folder, NULL, NULL);
  g_autoptr (CsBaselines) one = NULL, three = NULL, loaded = NULL;
  g_autofree char *text = NULL, *again = NULL, *text_loaded = NULL, *path = NULL;
  g_autoptr (GError) error = NULL;
  Slow slow = { 0 };

  tiny_pair_corpora (f.folder, &f.web, &f.chat);
  one = run (&f, 1, NULL, &error);
  g_assert_no_error (error);
  slow_all (&f, pair, &slow);
  compare (one, &slow);
  three = run (&f, 3, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (cs_baselines_save (three, f.folder, &error));
  loaded = cs_baselines_load (f.folder, &error);
  g_assert_no_error (error);
  compare (loaded, &slow);
  text = cs_baselines_text (one);
  again = cs_baselines_text (three);
  text_loaded = cs_baselines_text (loaded);
  g_assert_cmpstr (again, ==, text_loaded);
  g_assert_nonnull (strstr (text, "answer opening"));
  path = g_build_filename (f.folder, "baselines.json", NULL);
  g_assert_true (g_file_set_contents (path, "{\"format_version\": 1, \"corpora\": [2]}", -1, NULL));
  g_assert_null (cs_baselines_load (f.folder, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_FORMAT);
  remove_tree (f.folder);
  g_free (f.folder);
  g_free (f.web);
  g_free (f.chat);
}

static void
test_errors (void)
{
  Fixture f = { .folder = g_dir_make_tmp ("crosscope-baselines-XXXXXX", NULL) };
  g_autoptr (CsJob) job = cs_job_new ("Baselines", NULL, NULL, NULL);
  g_autoptr (GError) error = NULL;

  tiny_pair_corpora (f.folder, &f.web, &f.chat);
  cs_job_cancel (job);
  g_assert_null (run (&f, 2, job, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (f.web, "\n", -1, NULL));
  g_assert_true (g_file_set_contents (f.chat, "\n", -1, NULL));
  g_assert_null (run (&f, 2, NULL, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  remove_tree (f.folder);
  g_free (f.folder);
  g_free (f.web);
  g_free (f.chat);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  tiny = tiny_pair_new ();
  g_test_add_func ("/difference-pca/known-directions", test_components);
  g_test_add_func ("/difference-pca/few-rows", test_components_few);
  g_test_add_func ("/baselines/against-slow", test_against_slow);
  g_test_add_func ("/baselines/errors", test_errors);
  status = g_test_run ();
  tiny_pair_free (tiny);
  return status;
}
