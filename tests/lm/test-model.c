/* The model runtime against a textbook forward pass in double, and the rules of sessions, taps and
 * sampling. */
#include "test-model.h"

#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "generate.h"
#include "random.h"

static const TinyShape plain = { CS_DTYPE_F32,       37, 24, 3, 4, 2, 6, 40, .norm_eps = 1e-5,
                                 .rope_theta = 10000 };

/* --- Collecting --- */

typedef struct
{
  float *rows; /* [T, d] */
  size_t d_model;
} Collector;

static void
collect_rows (void *data, size_t first, size_t n_rows, float *rows)
{
  const Collector *collector = data;
  memcpy (collector->rows + first * collector->d_model, rows,
          n_rows * collector->d_model * sizeof *rows);
}

void
test_collect (CsSession *session,
              const CsTap *taps,
              size_t n_taps,
              const int32_t *ids,
              size_t n,
              size_t chunk,
              float *residual,
              float *logits)
{
  const CsModelConfig *s = cs_model_config (cs_session_model (session));
  g_autofree Collector *collectors = g_new (Collector, s->n_layers + 1);
  g_autofree CsTap *all = g_new (CsTap, n_taps + s->n_layers + 1);
  g_autoptr (GError) error = NULL;
  for (size_t i = 0; i < n_taps; i++)
    all[i] = taps[i];
  for (size_t k = 0; k <= s->n_layers; k++)
    {
      collectors[k] = (Collector){ residual + k * n * s->d_model, s->d_model };
      all[n_taps + k] = (CsTap){ k, collect_rows, &collectors[k] };
    }
  cs_session_set_taps (session, all, n_taps + s->n_layers + 1);
  for (size_t t = 0, m; t < n; t += m)
    {
      m = chunk == 0 ? n : MIN (chunk, n - t);
      cs_session_forward (session, ids + t, m, s->n_layers, CS_LOGITS_ALL,
                          logits + t * s->vocab_size, &error);
      g_assert_no_error (error);
    }
  cs_session_set_taps (session, NULL, 0);
}

static int32_t *
random_ids (size_t n, size_t vocab_size, uint64_t seed)
{
  CsRandom random;
  int32_t *ids = g_new (int32_t, n);
  cs_random_init (&random, seed, 1);
  for (size_t i = 0; i < n; i++)
    ids[i] = (int32_t)cs_random_below (&random, vocab_size);
  return ids;
}

static CsModel *
open_tiny (const TinyModel *tiny, size_t widen_limit)
{
  g_autoptr (GError) error = NULL;
  CsModel *model = cs_model_open_limited (tiny->folder, widen_limit, &error);
  g_assert_no_error (error);
  return model;
}

/* --- Against the textbook --- */

static double
worst_difference (const float *x, const double *y, size_t n)
{
  double worst = 0;
  for (size_t i = 0; i < n; i++)
    {
      g_assert_true (isfinite (x[i]));
      worst = MAX (worst, fabs (x[i] - y[i]));
    }
  return worst;
}

/* 300 tokens are more than one internal block; 70 more than one block of score rows. */
static void
check_shape (const TinyShape *shape, size_t n)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (shape, 7);
  g_autofree int32_t *ids = random_ids (n, shape->vocab_size, 3);
  const size_t n_residual = (shape->n_layers + 1) * n * shape->d_model,
               n_logits = n * shape->vocab_size;
  g_autofree double *residual = g_new (double, n_residual), *logits = g_new (double, n_logits);
  g_autofree float *got_residual = g_new (float, n_residual), *got_logits = g_new (float, n_logits);
  tiny_model_forward (tiny, ids, n, residual, logits);
  g_autoptr (CsTeam) team = cs_team_new (2);
  const size_t limits[] = { CS_WIDEN_LIMIT, 0 }, chunks[] = { 0, 1, 7 };
  for (size_t i = 0; i < 12; i++)
    {
      g_autoptr (CsModel) model = open_tiny (tiny, limits[i % 2]);
      g_autoptr (CsSession) session = cs_session_new (model, i / 6 == 0 ? NULL : team, n);
      test_collect (session, NULL, 0, ids, n, chunks[i / 2 % 3], got_residual, got_logits);
      g_assert_cmpfloat (worst_difference (got_residual, residual, n_residual), <, 2e-4);
      g_assert_cmpfloat (worst_difference (got_logits, logits, n_logits), <, 2e-4);
    }
}

static void
test_float32 (void)
{
  check_shape (&plain, 70);
  check_shape (&plain, 300);
}

static void
test_half_tied (void)
{
  TinyShape shape = plain;
  shape.dtype = CS_DTYPE_F16;
  shape.tied = true;
  shape.n_kv_heads = 1;
  shape.v5 = true;
  check_shape (&shape, 70);
}

static void
test_bfloat_biases (void)
{
  TinyShape shape = plain;
  shape.dtype = CS_DTYPE_BF16;
  shape.attention_bias = shape.mlp_bias = true;
  shape.head_dim = 10; /* heads · head_dim is not d */
  shape.linear_factor = 4;
  check_shape (&shape, 70);
  shape.v5 = true;
  shape.mlp_bias = false;
  check_shape (&shape, 20);
}

/* --- Sessions --- */

static float *
last_logits (CsSession *session, const int32_t *ids, size_t n)
{
  const CsModelConfig *s = cs_model_config (cs_session_model (session));
  g_autoptr (GError) error = NULL;
  float *logits = g_new0 (float, s->vocab_size);
  cs_session_forward (session, ids, n, s->n_layers, CS_LOGITS_LAST, logits, &error);
  g_assert_no_error (error);
  return logits;
}

static void
test_truncate (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&plain, 1);
  g_autoptr (CsModel) model = open_tiny (tiny, CS_WIDEN_LIMIT);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, 40);
  g_autofree int32_t *ids = random_ids (40, plain.vocab_size, 1),
                     *others = random_ids (40, plain.vocab_size, 2);
  g_autofree float *straight = last_logits (session, ids, 30);
  cs_session_truncate (session, 12);
  g_assert_cmpuint (cs_session_position (session), ==, 12);
  g_autofree float *detour = last_logits (session, others, 15);
  cs_session_truncate (session, 12);
  cs_session_truncate (session, 20); /* never forwards */
  g_assert_cmpuint (cs_session_position (session), ==, 12);
  g_autofree float *back = last_logits (session, ids + 12, 18);
  for (size_t v = 0; v < plain.vocab_size; v++)
    g_assert_cmpfloat_with_epsilon (straight[v], back[v], 1e-4f);
  cs_session_reset (session);
  g_autofree float *again = last_logits (session, ids, 30);
  g_assert_cmpmem (straight, plain.vocab_size * sizeof (float), again,
                   plain.vocab_size * sizeof (float));
}

static void
assert_refused (CsSession *session,
                const int32_t *ids,
                size_t n,
                size_t n_blocks,
                CsLogits which,
                CsError code)
{
  g_autoptr (GError) error = NULL;
  g_autofree float *logits = g_new0 (float, n *plain.vocab_size + 1);
  g_assert_false (cs_session_forward (session, ids, n, n_blocks, which, logits, &error));
  g_assert_error (error, CS_ERROR, (int)code);
}

static void
test_session_errors (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&plain, 1);
  g_autoptr (CsModel) model = open_tiny (tiny, CS_WIDEN_LIMIT);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, 5);
  const int32_t ids[] = { 1, 2, 3, 4, 5, 6 }, below[] = { 1, -1 }, above[] = { 37 };
  assert_refused (session, ids, 6, 3, CS_LOGITS_LAST, CS_ERROR_USAGE);
  assert_refused (session, below, 2, 3, CS_LOGITS_LAST, CS_ERROR_USAGE);
  assert_refused (session, above, 1, 3, CS_LOGITS_LAST, CS_ERROR_USAGE);
  assert_refused (session, ids, 1, 4, CS_LOGITS_NONE, CS_ERROR_USAGE);
  assert_refused (session, ids, 1, 2, CS_LOGITS_LAST, CS_ERROR_USAGE);
  assert_refused (session, ids, 0, 3, CS_LOGITS_LAST, CS_ERROR_USAGE);
  g_assert_true (cs_session_forward (session, ids, 2, 2, CS_LOGITS_NONE, NULL, NULL));
  assert_refused (session, ids, 1, 3, CS_LOGITS_NONE,
                  CS_ERROR_USAGE); /* block 2 has not seen the first two */
  g_autoptr (CsSession) huge = cs_session_new (model, NULL, (size_t)1 << 60);
  assert_refused (huge, ids, 1, 3, CS_LOGITS_LAST, CS_ERROR_USAGE);
}

static void
poison (void *data, size_t first, size_t n_rows, float *rows)
{
  rows[0] = *(const float *)data;
}

static void
test_not_finite (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&plain, 1);
  g_autoptr (CsModel) model = open_tiny (tiny, CS_WIDEN_LIMIT);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, 8);
  const int32_t ids[] = { 1, 2, 3 };
  float bad[] = { NAN, INFINITY };
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      CsTap tap = { 1, poison, &bad[i] };
      cs_session_set_taps (session, &tap, 1);
      assert_refused (session, ids, 3, 3, CS_LOGITS_LAST, CS_ERROR_NUMERIC);
      cs_session_set_taps (session, NULL, 0);
      assert_refused (session, ids, 3, 3, CS_LOGITS_LAST, CS_ERROR_USAGE);
      cs_session_reset (session);
      g_autofree float *logits = last_logits (session, ids, 3);
      g_assert_true (isfinite (logits[0]));
    }
}

static void
test_lens (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&plain, 1);
  const size_t limits[] = { CS_WIDEN_LIMIT, 0 }, n = 5;
  g_autofree int32_t *ids = random_ids (n, plain.vocab_size, 1);
  for (size_t i = 0; i < 2; i++)
    {
      g_autoptr (CsModel) model = open_tiny (tiny, limits[i]);
      g_autoptr (CsSession) session = cs_session_new (model, NULL, n);
      g_autofree float *residual = g_new (float, (plain.n_layers + 1) * n * plain.d_model);
      g_autofree float *logits = g_new (float, n *plain.vocab_size);
      g_autofree float *lens = g_new (float, plain.vocab_size);
      test_collect (session, NULL, 0, ids, n, 0, residual, logits);
      cs_model_lens (model, residual + (plain.n_layers * n + 2) * plain.d_model, lens);
      for (size_t v = 0; v < plain.vocab_size; v++)
        g_assert_cmpfloat_with_epsilon (lens[v], logits[2 * plain.vocab_size + v], 1e-5f);
    }
}

/* --- Two threads on one model --- */

static gpointer
run_many (gpointer data)
{
  CsModel *model = data;
  g_autoptr (CsSession) session = cs_session_new (model, NULL, 70);
  g_autofree int32_t *ids = random_ids (70, plain.vocab_size, 1);
  float *logits = NULL;
  for (size_t i = 0; i < 10; i++)
    {
      g_free (logits);
      cs_session_reset (session);
      logits = last_logits (session, ids, 70);
    }
  g_assert_cmpuint (strlen (cs_model_hash (model)), ==, 64);
  return logits;
}

static void
test_threads (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&plain, 1);
  const size_t limits[] = { CS_WIDEN_LIMIT, 0 };
  for (size_t i = 0; i < 2; i++)
    {
      g_autoptr (CsModel) model = open_tiny (tiny, limits[i]);
      GThread *thread = g_thread_new ("model", run_many, model);
      g_autofree float *here = run_many (model);
      g_autofree float *there = g_thread_join (thread);
      g_assert_cmpmem (here, plain.vocab_size * sizeof (float), there,
                       plain.vocab_size * sizeof (float));
    }
}

/* --- Taps --- */

typedef struct
{
  GString *log;
  char name;
} Recorder;

static void
record (void *data, size_t first, size_t n_rows, float *rows)
{
  Recorder *recorder = data;
  g_string_append_printf (recorder->log, "%c%zu+%zu ", recorder->name, first, n_rows);
}

static void
test_tap_order (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&plain, 1);
  g_autoptr (CsModel) model = open_tiny (tiny, CS_WIDEN_LIMIT);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, 300);
  g_autofree int32_t *ids = random_ids (300, plain.vocab_size, 1);
  g_autoptr (GString) log = g_string_new (NULL);
  Recorder a = { log, 'a' }, b = { log, 'b' }, c = { log, 'c' }, d = { log, 'd' };
  const CsTap taps[] = {
    { 2, record, &b }, { 0, record, &a }, { 2, record, &c }, { 3, record, &d }
  };
  cs_session_set_taps (session, taps, 4);
  g_assert_true (cs_session_forward (session, ids, 2, 2, CS_LOGITS_NONE, NULL, NULL));
  g_assert_true (cs_session_forward (session, ids, 258, 2, CS_LOGITS_NONE, NULL, NULL));
  g_assert_cmpstr (log->str, ==, "a0+2 b0+2 c0+2 a2+256 b2+256 c2+256 a258+2 b258+2 c258+2 ");
}

/* --- Sampling --- */

static void
test_sample (void)
{
  const float logits[] = { 1, 3, 2, 3, -INFINITY };
  CsRandom random;
  size_t counts[5] = { 0 };
  cs_random_init (&random, 5, 0);
  CsSampling sampling = CS_SAMPLING_DEFAULT;
  g_assert_cmpint (cs_sample (logits, 5, &sampling, NULL), ==, 1);
  sampling.temperature = 0.5;
  for (size_t i = 0; i < 20000; i++)
    counts[cs_sample (logits, 5, &sampling, &random)]++;
  const double weights[] = { exp (-4), 1, exp (-2), 1, 0 }, total = 2 + exp (-2) + exp (-4);
  for (size_t i = 0; i < 5; i++)
    g_assert_cmpfloat_with_epsilon ((double)counts[i] / 20000, weights[i] / total, 0.015);
  sampling.top_p = 0.9; /* 1 and 3 have 0.93 of the mass */
  for (size_t i = 0; i < 2000; i++)
    g_assert_cmpint (cs_sample (logits, 5, &sampling, &random) % 2, ==, 1);
  sampling.top_p = 0;
  for (size_t i = 0; i < 100; i++)
    g_assert_cmpint (cs_sample (logits, 5, &sampling, &random), ==, 1);
}

static bool
stop_after (void *data, int32_t id)
{
  return --*(int *)data > 0;
}

static GArray *
sample_run (CsModel *model, size_t capacity, CsSampling sampling, CsTokenFunc on_token, void *data)
{
  const int32_t prompt[] = { 1, 5, 9 };
  g_autoptr (CsSession) session = cs_session_new (model, NULL, capacity);
  g_autoptr (GError) error = NULL;
  GArray *out = g_array_new (FALSE, FALSE, sizeof (int32_t));
  cs_generate (session, prompt, 3, &sampling, NULL, on_token, data, out, &error);
  g_assert_no_error (error);
  return out;
}

static void
test_generate (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&plain, 1);
  g_autoptr (CsModel) model = open_tiny (tiny, CS_WIDEN_LIMIT);
  const CsSampling sampling = {
    .max_tokens = 20, .temperature = 2, .top_p = 0.95, .seed = 4, .ignore_eos = true
  };
  int left = 4;
  g_autoptr (GArray) a = sample_run (model, 64, sampling, NULL, NULL);
  g_autoptr (GArray) b = sample_run (model, 64, sampling, NULL, NULL);
  g_autoptr (GArray) full = sample_run (model, 8, sampling, NULL, NULL);
  g_autoptr (GArray) stopped = sample_run (model, 64, sampling, stop_after, &left);
  g_assert_cmpuint (a->len, ==, 20);
  g_assert_cmpmem (a->data, 80, b->data, b->len * 4);
  g_assert_cmpuint (full->len, ==,
                    6); /* five fit behind the prompt, and one more is chosen from the last */
  g_assert_cmpuint (stopped->len, ==, 4);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, 8);
  g_autoptr (GError) error = NULL;
  g_assert_false (cs_generate (session, NULL, 0, &sampling, NULL, NULL, NULL, a, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/lm/model/float32", test_float32);
  g_test_add_func ("/lm/model/half-tied", test_half_tied);
  g_test_add_func ("/lm/model/bfloat-biases", test_bfloat_biases);
  g_test_add_func ("/lm/model/lens", test_lens);
  g_test_add_func ("/lm/session/truncate", test_truncate);
  g_test_add_func ("/lm/session/errors", test_session_errors);
  g_test_add_func ("/lm/session/not-finite", test_not_finite);
  g_test_add_func ("/lm/session/threads", test_threads);
  g_test_add_func ("/lm/session/tap-order", test_tap_order);
  g_test_add_func ("/lm/generate/sample", test_sample);
  g_test_add_func ("/lm/generate/run", test_generate);
  add_part_tests ();
  add_family_tests ();
  add_cache_tests ();
  add_from_tests ();
  add_config_tests ();
  add_reference_tests ();
  return g_test_run ();
}
