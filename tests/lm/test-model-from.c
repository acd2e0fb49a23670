/* Forward passes that begin in the middle of a model. */
#include "test-model.h"

#include <string.h>

#include "errors.h"
#include "random.h"

static const TinyShape shape = { CS_DTYPE_F32,       37, 24, 3, 4, 2, 6, 40, .norm_eps = 1e-5,
                                 .rope_theta = 10000 };

typedef struct
{
  float *rows; /* [n, d] */
  size_t d;
  bool put; /* into the stream, else copied from it */
} Exchange;

static void
exchange (void *data, size_t first, size_t n_rows, float *rows)
{
  const Exchange *e = data;
  float *here = e->rows + first * e->d;
  memcpy (e->put ? rows : here, e->put ? here : rows, n_rows * e->d * sizeof *rows);
}

/* Two calls, so that the second has to find what the first put into the cache. */
static void
run (CsSession *session, const int32_t *ids, const float *rows, size_t at, size_t n, float *logits)
{
  const CsModelConfig *s = cs_model_config (cs_session_model (session));
  const size_t cut = n / 3;
  g_autoptr (GError) error = NULL;
  cs_session_reset (session);
  for (size_t first = 0, m; first < n; first += m)
    {
      m = first == 0 ? cut : n - cut;
      float *out = logits + first * s->vocab_size;
      if (rows == NULL)
        cs_session_forward (session, ids + first, m, s->n_layers, CS_LOGITS_ALL, out, &error);
      else
        cs_session_forward_from (session, at, rows + first * s->d_model, m, CS_LOGITS_ALL, out,
                                 &error);
      g_assert_no_error (error);
    }
}

void
test_check_from (CsModel *model, const int32_t *ids, size_t n)
{
  const CsModelConfig *s = cs_model_config (model);
  g_autofree float *rows = g_new (float, n * s->d_model),
                   *tapped = g_new (float, n * s->vocab_size);
  g_autofree float *from = g_new (float, n * s->vocab_size);
  g_autofree float *last_tapped = g_new (float, n * s->d_model);
  g_autofree float *last_from = g_new (float, n * s->d_model);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, n);
  CsRandom random;
  cs_random_init (&random, 3, 1);
  for (size_t i = 0; i < n * s->d_model; i++)
    rows[i] = (float)cs_random_uniform (&random) - 0.5f;
  for (size_t at = 0; at <= s->n_layers; at++)
    {
      Exchange put = { rows, s->d_model, true };
      Exchange copies[] = { { last_tapped, s->d_model, false }, { last_from, s->d_model, false } };
      const CsTap before[] = { { at, exchange, &put }, { s->n_layers, exchange, &copies[0] } };
      const CsTap after[] = { { s->n_layers, exchange, &copies[1] } };
      cs_session_set_taps (session, before, 2);
      run (session, ids, NULL, at, n, tapped);
      cs_session_set_taps (session, after, 1);
      run (session, NULL, rows, at, n, from);
      g_assert_cmpmem (tapped, n * s->vocab_size * sizeof *tapped, from,
                       n * s->vocab_size * sizeof *from);
      if (at < s->n_layers)
        g_assert_cmpmem (last_tapped, n * s->d_model * sizeof (float), last_from,
                         n * s->d_model * sizeof (float));
    }
}

static void
test_equals_tap (void)
{
  const size_t n = 300; /* more than a block of tokens */
  g_autoptr (TinyModel) tiny = tiny_model_new (&shape, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsModel) model = cs_model_open (tiny->folder, &error);
  g_autofree int32_t *ids = g_new (int32_t, n);
  g_assert_no_error (error);
  for (size_t i = 0; i < n; i++)
    ids[i] = (int32_t)(i * 7 % shape.vocab_size);
  test_check_from (model, ids, n);
}

static void
assert_refused (bool ok, GError *error)
{
  g_assert_false (ok);
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_error_free (error);
}

static void
test_refusals (void)
{
  g_autoptr (TinyModel) tiny = tiny_model_new (&shape, 1);
  g_autoptr (CsModel) model = cs_model_open (tiny->folder, NULL);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, 5);
  g_autofree float *rows = g_new0 (float, 6 * shape.d_model);
  float logits[37];
  const int32_t ids[] = { 1, 2 };
  GError *error = NULL;
  bool ok = cs_session_forward_from (session, 4, rows, 1, CS_LOGITS_NONE, NULL, &error);
  assert_refused (ok, g_steal_pointer (&error));
  ok = cs_session_forward_from (session, 1, rows, 6, CS_LOGITS_NONE, NULL, &error);
  assert_refused (ok, g_steal_pointer (&error));
  g_assert_true (cs_session_forward_from (session, 1, rows, 2, CS_LOGITS_LAST, logits, NULL));
  /* Block 0 has not seen the first two. */
  ok = cs_session_forward (session, ids, 2, 3, CS_LOGITS_LAST, logits, &error);
  assert_refused (ok, g_steal_pointer (&error));
  g_assert_true (cs_session_forward_from (session, 2, rows, 1, CS_LOGITS_LAST, logits, NULL));
  ok = cs_session_forward_from (session, 1, rows, 1, CS_LOGITS_LAST, logits, &error);
  assert_refused (ok, g_steal_pointer (&error));
  cs_session_reset (session);
  g_assert_true (cs_session_forward (session, ids, 2, 3, CS_LOGITS_LAST, logits, NULL));
  g_assert_true (cs_session_forward_from (session, 1, rows, 1, CS_LOGITS_LAST, logits, NULL));
}

void
add_from_tests (void)
{
  g_test_add_func ("/lm/session/from", test_equals_tap);
  g_test_add_func ("/lm/session/from-refusals", test_refusals);
}
