/* Steering against a version that runs the whole sequence again for every token. */
#include <math.h>
#include <string.h>

#include "errors.h"
#include "prompt-firing.h"
#include "random.h"
#include "steering.h"
#include "test-steering.h"
#include "token-markers.h"

enum { LAYER = 1, N_NEW = 14 };

TinyPair *tiny;
CsPair *pair;

static const int32_t prompt[] = { 300, 84, 104, 105, 110, 103, 257, 32, 259, 46 };

CsCrosscoder *
steering_crosscoder (bool normalised)
{
  CsCrosscoder *cc = cs_crosscoder_new (TINY_WIDTH, 12, CS_VARIANT_L1, NULL);
  CsRandom random;

  cs_random_init (&random, 21, 0);
  for (size_t i = 0; i < cc->n_latents * 2 * TINY_WIDTH; i++)
    {
      cc->encoder[i] = (float) (.3 * cs_random_normal (&random));
      cc->decoder[i] = (float) cs_random_normal (&random);
    }
  if (!normalised)
    return cc;
  cc->normalised = true;
  cc->mean = g_new0 (float, 2 * TINY_WIDTH);
  cc->std = g_new0 (float, 2 * TINY_WIDTH);
  for (size_t i = 0; i < 2 * TINY_WIDTH; i++)
    cc->mean[i] = .01f * (float) i;
  cc->gain[0] = .5f;
  cc->gain[1] = 2;
  return cc;
}

static CsSteerOptions
make_options (int model, const CsSteerItem *items, size_t n_items)
{
  return (CsSteerOptions) { .layer = LAYER,
                            .model = model,
                            .items = items,
                            .n_items = n_items,
                            .sampling = { .max_tokens = N_NEW, .temperature = 1, .top_p = 1, .seed = 5, .ignore_eos = true } };
}

/* --- The slow version --- */

typedef struct
{
  const CsCrosscoder *cc;
  const CsSteerOptions *options;
  const CsCodes *codes;
  const float *scales;
  size_t n_prompt;
} Naive;

static double
naive_amount (const Naive *naive, const CsSteerItem *item, size_t t)
{
  const double target = item->scale * item->max_act / naive->scales[item->latent];
  double f = 0;

  for (size_t e = naive->codes->start[t]; e < naive->codes->start[t + 1]; e++)
    if (naive->codes->latent[e] == item->latent)
      f = naive->codes->value[e];
  return item->mode == CS_STEER_ADD ? target : target - f;
}

/* Least squares by alternating projections: slow, but it knows nothing of an orthonormal basis. */
static void
naive_ablate (const Naive *naive, bool in_prompt, float *row)
{
  const size_t d = naive->cc->d_model, m = (size_t) naive->options->model;
  g_autofree double *h = g_new (double, d);

  for (size_t c = 0; c < d; c++)
    h[c] = row[c];
  for (size_t round = 0; round < 2000; round++)
    for (size_t i = 0; i < naive->options->n_items; i++)
      {
        const CsSteerItem *item = &naive->options->items[i];
        const float *direction = naive->cc->decoder + (item->latent * 2 + m) * d;
        double dot = 0, square = 0;

        if (item->mode != CS_STEER_ABLATE || (item->scope == CS_STEER_PROMPT_ONLY && !in_prompt))
          continue;
        for (size_t c = 0; c < d; c++)
          {
            dot += h[c] * direction[c];
            square += (double) direction[c] * direction[c];
          }
        for (size_t c = 0; c < d; c++)
          h[c] -= dot / square * direction[c];
      }
  for (size_t c = 0; c < d; c++)
    row[c] = (float) h[c];
}

static void
naive_tap (void *data, size_t first, size_t n, float *rows)
{
  const Naive *naive = data;
  const size_t d = naive->cc->d_model, m = (size_t) naive->options->model;

  for (size_t r = 0; r < n; r++)
    naive_ablate (naive, first + r < naive->n_prompt, rows + r * d);
  for (size_t i = 0; i < naive->options->n_items; i++)
    for (size_t r = 0; r < n; r++)
      {
        const CsSteerItem *item = &naive->options->items[i];

        if (item->mode == CS_STEER_ABLATE || (item->scope == CS_STEER_PROMPT_ONLY && first + r >= naive->n_prompt))
          continue;
        for (size_t c = 0; c < d; c++)
          rows[r * d + c] += (float) (naive_amount (naive, item, first + r) / naive->cc->gain[m] *
                                      naive->cc->decoder[(item->latent * 2 + m) * d + c]);
      }
}

/* The stream at the layer does not depend on steering at that layer: codes come from the plain models. */
static GArray *
naive_generate (const CsCrosscoder *cc, const CsSteerOptions *options)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autofree float *scales = g_new (float, cc->n_latents), *logits = g_new (float, 304);
  g_auto (CsCodes) codes = { 0 };
  CsRandom random;

  cs_random_init (&random, options->sampling.seed, 0);
  cs_crosscoder_scales (cc, NULL, scales);
  g_array_append_vals (ids, prompt, G_N_ELEMENTS (prompt));
  for (size_t i = 0; i < options->sampling.max_tokens; i++)
    {
      const size_t n = ids->len;
      const int32_t *all = (const int32_t *) (const void *) ids->data;
      g_autofree float *rows = g_new (float, n * 2 * cc->d_model);
      g_autoptr (CsSession) session = cs_session_new (pair->model[options->model], NULL, n);
      Naive naive = { cc, options, &codes, scales, G_N_ELEMENTS (prompt) };
      const CsTap tap = { LAYER + 1, naive_tap, &naive };
      int32_t id;

      g_assert_true (cs_pair_residuals (pair, NULL, LAYER, all, n, rows, NULL));
      g_assert_true (cs_crosscoder_encode (cc, NULL, rows, n, &codes, NULL));
      cs_session_set_taps (session, &tap, 1);
      g_assert_true (cs_session_forward (session, all, n, TINY_LAYERS, CS_LOGITS_LAST, logits, NULL));
      id = cs_sample (logits, 304, &options->sampling, &random);
      g_array_append_val (ids, id);
    }
  g_array_remove_range (ids, 0, G_N_ELEMENTS (prompt));
  return ids;
}

static GArray *
steer (const CsCrosscoder *cc, const CsSteerOptions *options)
{
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (CsTeam) team = cs_team_new (2);
  g_autoptr (GError) error = NULL;
  g_autofree char *text = cs_steer_generate (NULL, pair, cc, team, options, prompt, G_N_ELEMENTS (prompt), NULL, NULL, ids, &error);

  g_assert_no_error (error);
  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_cmpuint (ids->len, ==, N_NEW);
  return ids;
}

static bool
same_ids (GArray *a, GArray *b)
{
  return a->len == b->len && memcmp (a->data, b->data, a->len * sizeof (int32_t)) == 0;
}

static void
test_arithmetic (void)
{
  static const CsSteerItem lists[][3] = {
    { { 3, CS_STEER_ADD, CS_STEER_ALL_TOKENS, 1.5, 8 } },
    { { 3, CS_STEER_ADD, CS_STEER_PROMPT_ONLY, 1.5, 8 } },
    { { 5, CS_STEER_CLAMP, CS_STEER_ALL_TOKENS, 1, 10 } },
    { { 5, CS_STEER_CLAMP, CS_STEER_PROMPT_ONLY, -1, 10 } },
    { { 2, CS_STEER_ABLATE, CS_STEER_ALL_TOKENS, NAN, NAN } },
    { { 7, CS_STEER_ABLATE, CS_STEER_PROMPT_ONLY, 0, 0 } },
    { { 7, CS_STEER_ABLATE, CS_STEER_PROMPT_ONLY, 0, 0 },
      { 4, CS_STEER_ABLATE, CS_STEER_ALL_TOKENS, 0, 0 },
      { 2, CS_STEER_ABLATE, CS_STEER_ALL_TOKENS, 0, 0 } },
    { { 1, CS_STEER_ADD, CS_STEER_ALL_TOKENS, -1, 6 },
      { 1, CS_STEER_ABLATE, CS_STEER_ALL_TOKENS, 0, 0 },
      { 9, CS_STEER_CLAMP, CS_STEER_PROMPT_ONLY, 2, 5 } },
  };
  unsigned n_changed = 0, n_all = 0;

  for (int normalised = 0; normalised < 2; normalised++)
    {
      g_autoptr (CsCrosscoder) cc = steering_crosscoder (normalised);

      for (int model = 0; model < 2; model++)
        for (size_t i = 0; i < G_N_ELEMENTS (lists); i++)
          {
            const CsSteerOptions options = make_options (model, lists[i], i >= G_N_ELEMENTS (lists) - 2 ? 3 : 1);
            const CsSteerOptions plain = make_options (model, NULL, 0);
            g_autoptr (GArray) fast = steer (cc, &options);
            g_autoptr (GArray) unsteered = steer (cc, &plain);
            g_autoptr (GArray) slow = naive_generate (cc, &options);

            g_assert_true (same_ids (fast, slow));
            n_changed += !same_ids (fast, unsteered);
            n_all++;
          }
    }
  g_assert_cmpuint (n_changed, >, n_all * 2 / 3); /* it does something */
}

static void
test_plain_is_generate (void)
{
  for (int model = 0; model < 2; model++)
    {
      const CsSteerOptions options = make_options (model, NULL, 0);
      g_autoptr (CsSession) session = cs_session_new (pair->model[model], NULL, 64);
      g_autoptr (GArray) expected = g_array_new (FALSE, FALSE, sizeof (int32_t));
      g_autoptr (GArray) ids = steer (NULL, &options);
      g_autofree char *text = NULL, *again = NULL;

      g_assert_true (cs_generate (session, prompt, G_N_ELEMENTS (prompt), &options.sampling, NULL, NULL, NULL, expected, NULL));
      g_assert_true (same_ids (ids, expected));
      text = cs_tokenizer_decode (pair->tokenizer, (const int32_t *) (const void *) expected->data, expected->len, true);
      again = cs_steer_generate (NULL, pair, NULL, NULL, &options, prompt, G_N_ELEMENTS (prompt), NULL, NULL, NULL, NULL);
      g_assert_cmpstr (again, ==, text);
    }
}

/* --- Streaming, stopping, cancelling --- */

typedef struct
{
  GString *text;
  GArray *ids;
  size_t stop_after;
  CsJob *cancel;
} Stream;

static bool
on_text (void *data, const char *text, int32_t id)
{
  Stream *stream = data;

  g_string_append (stream->text, text);
  if (id >= 0)
    g_array_append_val (stream->ids, id);
  if (stream->cancel != NULL && stream->ids->len == 2)
    cs_job_cancel (stream->cancel);
  return stream->ids->len != stream->stop_after;
}

static void
test_streaming (void)
{
  static const CsSteerItem item = { 2, CS_STEER_CLAMP, CS_STEER_ALL_TOKENS, 1, 5 };
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  const CsSteerOptions options = make_options (1, &item, 1);

  for (size_t stop_after = 0; stop_after < 6; stop_after += 5) /* 0: never */
    {
      Stream stream = { g_string_new (NULL), g_array_new (FALSE, FALSE, sizeof (int32_t)), stop_after, NULL };
      g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
      g_autofree char *text = cs_steer_generate (NULL, pair, cc, NULL, &options, prompt, G_N_ELEMENTS (prompt), on_text,
                                                 &stream, ids, NULL);

      g_assert_cmpstr (text, ==, stream.text->str);
      g_assert_true (same_ids (ids, stream.ids));
      g_assert_cmpuint (ids->len, ==, stop_after > 0 ? stop_after : N_NEW);
      g_string_free (stream.text, TRUE);
      g_array_unref (stream.ids);
    }
}

static void
test_cancel (void)
{
  static const CsSteerItem item = { 2, CS_STEER_ABLATE, CS_STEER_ALL_TOKENS, 0, 0 };
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  const CsSteerOptions options = make_options (0, &item, 1);
  g_autoptr (CsJob) job = cs_job_new ("Generate", NULL, NULL, NULL);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GError) error = NULL;
  Stream stream = { g_string_new (NULL), g_array_new (FALSE, FALSE, sizeof (int32_t)), 0, job };

  g_assert_null (cs_steer_generate (job, pair, cc, NULL, &options, prompt, G_N_ELEMENTS (prompt), on_text, &stream, ids, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
  g_assert_cmpuint (ids->len, ==, 0);
  g_assert_cmpuint (stream.ids->len, ==, 2);
  g_string_free (stream.text, TRUE);
  g_array_unref (stream.ids);
}

/* --- What does not fit --- */

static void
expect_error (const CsCrosscoder *cc, const CsSteerOptions *options, const int32_t *ids, size_t n, int code)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (cs_steer_generate (NULL, pair, cc, NULL, options, ids, n, NULL, NULL, NULL, &error));
  g_assert_error (error, CS_ERROR, code);
}

static void
test_errors (void)
{
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (false);
  g_autoptr (CsCrosscoder) wide = cs_crosscoder_new (TINY_WIDTH * 2, 4, CS_VARIANT_L1, NULL);
  g_autoptr (CsCrosscoder) unset = cs_crosscoder_new (TINY_WIDTH, 4, CS_VARIANT_BATCHTOPK, NULL);
  CsSteerItem item = { 2, CS_STEER_CLAMP, CS_STEER_ALL_TOKENS, 1, 1 };
  CsSteerOptions options = make_options (1, &item, 1);
  const int32_t outside[] = { 300, 9999 };
  const size_t far_latent = 12;
  float value;
  g_autoptr (GError) error = NULL;

  unset->threshold = -1;
  expect_error (wide, &options, prompt, 3, CS_ERROR_MISMATCH);
  expect_error (unset, &options, prompt, 3, CS_ERROR_USAGE);
  expect_error (cc, &options, prompt, 0, CS_ERROR_USAGE);
  g_assert_null (cs_steer_generate (NULL, pair, cc, NULL, &options, outside, 2, NULL, NULL, NULL, NULL));
  item.latent = 12;
  expect_error (cc, &options, prompt, 3, CS_ERROR_USAGE);
  item = (CsSteerItem) { 2, CS_STEER_ADD, CS_STEER_ALL_TOKENS, 1e300, 1e300 };
  expect_error (cc, &options, prompt, 3, CS_ERROR_USAGE);
  item.scale = NAN;
  expect_error (cc, &options, prompt, 3, CS_ERROR_USAGE);
  item.scale = 1;
  item.max_act = 1;
  options.layer = TINY_LAYERS;
  expect_error (cc, &options, prompt, 3, CS_ERROR_USAGE);
  g_assert_false (cs_steer_activations (pair, cc, NULL, SIZE_MAX, prompt, 3, &far_latent, 0, &value, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_false (cs_steer_activations (pair, cc, NULL, LAYER, prompt, 1, &far_latent, 1, &value, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  g_assert_null (cs_steer_firing (pair, wide, NULL, LAYER, prompt, 3, 1, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
}

static void
test_pairs_that_do_not_fit (void)
{
  TinyModel *wide = tiny_pair_model (24, 1, false), *other = tiny_pair_model (TINY_WIDTH, 1, true);
  TinyModel *const models[] = { wide, other };

  for (size_t i = 0; i < G_N_ELEMENTS (models); i++)
    {
      g_autoptr (GError) error = NULL;
      g_assert_null (cs_pair_open (tiny->model[0]->folder, models[i]->folder, NULL, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
      tiny_model_free (models[i]);
    }
  g_autoptr (GError) error = NULL;
  g_assert_null (cs_pair_open ("/nowhere", tiny->model[1]->folder, NULL, &error));
  g_assert_true (error->domain == CS_ERROR);
}

/* --- Looking at a text --- */

/* Over a whole prompt: the largest of what fires at each position, and the first place of it. */
static void
test_prompt_firing (void)
{
  enum { N = G_N_ELEMENTS (prompt) };
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (true);
  g_autofree CsPromptFiring *expected = g_new0 (CsPromptFiring, cc->n_latents);
  const uint8_t kinds[N] = { CS_TOKEN_BOS };
  g_autoptr (GArray) all = NULL, one = NULL;
  g_autoptr (GError) error = NULL;
  guint n = 0;

  for (size_t t = 1; t < N; t++)
    {
      g_autoptr (GArray) here = cs_steer_firing (pair, cc, NULL, LAYER, prompt, N, t, &error);

      for (guint i = 0; i < here->len; i++)
        {
          const CsFiringLatent *f = &g_array_index (here, CsFiringLatent, i);
          CsPromptFiring *e = &expected[f->latent];

          n += e->activation == 0;
          if (f->activation > e->activation)
            e->activation = f->activation, e->activation_position = t;
          if (f->difference > e->difference)
            e->difference = f->difference, e->difference_position = t;
        }
    }
  all = cs_prompt_firing (pair, cc, NULL, LAYER, prompt, kinds, N, 0, N, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (all->len, ==, n);
  g_assert_cmpuint (n, >, 2);
  for (CsFiringRank rank = 0; rank < CS_FIRING_N_RANKS; rank++)
    {
      cs_prompt_firing_sort (all, rank);
      for (guint i = 0; i < n; i++)
        {
          const CsPromptFiring *f = &g_array_index (all, CsPromptFiring, i), *e = &expected[f->latent];

          g_assert_cmpfloat (f->activation, ==, e->activation);
          g_assert_cmpfloat_with_epsilon (f->difference, e->difference, 1e-5f * e->difference);
          g_assert_cmpuint (f->activation_position, ==, e->activation_position);
          g_assert_true (i == 0 || cs_prompt_firing_value (f, rank) <= cs_prompt_firing_value (f - 1, rank));
        }
    }
  one = cs_prompt_firing (pair, cc, NULL, LAYER, prompt, NULL, N, 3, 4, &error);
  for (guint i = 0; i < one->len; i++)
    g_assert_cmpuint (g_array_index (one, CsPromptFiring, i).activation_position, ==, 3);
  g_assert_null (cs_prompt_firing (pair, cc, NULL, 99, prompt, NULL, N, 0, N, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
}

static void
test_activations_and_firing (void)
{
  enum { N = G_N_ELEMENTS (prompt) };
  static const size_t latents[] = { 4, 0, 11 };
  g_autoptr (CsCrosscoder) cc = steering_crosscoder (true);
  g_autofree float *rows = g_new (float, N * 2 * TINY_WIDTH), *scales = g_new (float, cc->n_latents);
  float values[N * 3];
  g_auto (CsCodes) codes = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_true (cs_pair_residuals (pair, NULL, LAYER, prompt, N, rows, NULL));
  g_assert_true (cs_crosscoder_encode (cc, NULL, rows, N, &codes, NULL));
  cs_crosscoder_scales (cc, NULL, scales);
  cs_steer_activations (pair, cc, NULL, LAYER, prompt, N, latents, 3, values, &error);
  g_assert_no_error (error);
  for (size_t t = 0; t < N; t++)
    {
      g_autoptr (GArray) firing = cs_steer_firing (pair, cc, NULL, LAYER, prompt, N, t, &error);
      float expected[3] = { 0 };

      g_assert_no_error (error);
      g_assert_cmpuint (firing->len, ==, codes.start[t + 1] - codes.start[t]);
      for (size_t e = codes.start[t]; e < codes.start[t + 1]; e++)
        for (size_t i = 0; i < 3; i++)
          if (codes.latent[e] == latents[i])
            expected[i] = codes.value[e] * scales[latents[i]];
      for (size_t i = 0; i < 3; i++)
        g_assert_cmpfloat (values[t * 3 + i], ==, expected[i]);
      for (guint i = 0; i < firing->len; i++)
        {
          const CsFiringLatent *f = &g_array_index (firing, CsFiringLatent, i);
          const float *row = cc->decoder + f->latent * 2 * TINY_WIDTH;
          double difference = 0;

          for (size_t c = 0; c < TINY_WIDTH; c++)
            difference += pow (row[TINY_WIDTH + c] / cc->gain[1] - row[c] / cc->gain[0], 2);
          difference = sqrt (difference) * f->activation / scales[f->latent];
          g_assert_cmpfloat_with_epsilon (f->difference, difference, 1e-4 * difference);
          g_assert_true (i == 0 || f->activation <= f[-1].activation);
        }
    }
}

static void
test_prompt (void)
{
  static const char expected[] = "<bos><start_of_turn>user\nthe thing<end_of_turn>\n<start_of_turn>model\n";
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GArray) kinds = g_array_new (FALSE, FALSE, 1);
  g_autofree char *text = NULL;
  CsTokenMarkers markers;

  g_assert_true (cs_steer_prompt (pair, "the thing", true, ids, kinds, NULL));
  g_assert_cmpuint (kinds->len, ==, ids->len);
  text = cs_tokenizer_decode (pair->tokenizer, (const int32_t *) (const void *) ids->data, ids->len, false);
  g_assert_cmpstr (text, ==, expected);
  g_assert_true (cs_steer_prompt (pair, "the thing", false, ids, kinds, NULL)); /* appended */
  g_assert_cmpuint (kinds->len, ==, ids->len);
  cs_token_markers_find (&markers, pair->tokenizer);
  g_assert_cmpint (markers.start, ==, 302);
  g_assert_cmpint (markers.end, ==, 303);
  g_assert_cmpint (markers.bos, ==, 300);
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  int result;

  g_test_init (&argc, &argv, NULL);
  tiny = tiny_pair_new ();
  pair = cs_pair_open (tiny->model[0]->folder, tiny->model[1]->folder, NULL, &error);
  g_assert_no_error (error);
  g_test_add_func ("/analysis/steering/arithmetic", test_arithmetic);
  g_test_add_func ("/analysis/steering/plain-is-generate", test_plain_is_generate);
  g_test_add_func ("/analysis/steering/streaming", test_streaming);
  g_test_add_func ("/analysis/steering/cancel", test_cancel);
  g_test_add_func ("/analysis/steering/errors", test_errors);
  g_test_add_func ("/analysis/steering/pairs-that-do-not-fit", test_pairs_that_do_not_fit);
  g_test_add_func ("/analysis/steering/activations-and-firing", test_activations_and_firing);
  g_test_add_func ("/analysis/steering/prompt-firing", test_prompt_firing);
  g_test_add_func ("/analysis/steering/prompt", test_prompt);
  add_concept_tests ();
  add_direction_tests ();
  result = g_test_run ();
  cs_pair_free (pair);
  tiny_pair_free (tiny);
  return result;
}
