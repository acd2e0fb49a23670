/* llama3-tiny of the reference kit: every layer, logits, edits and continuations. */
#include "test-model.h"

#include <math.h>
#include <string.h>

#include "edits.h"
#include "generate.h"
#include "json.h"

typedef struct
{
  CsModel *model;
  json_t *manifest;
  char *folder; /* expected/ */
  double residual_abs, logits_abs;
} Kit;

static char *
kit_folder (const char *name)
{
  const char *shared = g_getenv ("CS_TEST_SHARED");
  g_autofree char *folder =
      shared != NULL ? g_build_filename (shared, "reference", "lm", name, NULL) : NULL;
  if (folder != NULL && g_file_test (folder, G_FILE_TEST_IS_DIR))
    return g_steal_pointer (&folder);
  g_test_skip ("The reference kit is not here.");
  return NULL;
}

static bool
kit_open (Kit *kit, size_t widen_limit)
{
  g_autofree char *folder = kit_folder ("llama3-tiny");
  if (folder == NULL)
    return false;
  g_autoptr (GError) error = NULL;
  kit->folder = g_build_filename (folder, "expected", NULL);
  g_autofree char *path = g_build_filename (kit->folder, "manifest.json", NULL);
  kit->manifest = cs_json_load (path, 0, &error);
  g_assert_no_error (error);
  kit->model = cs_model_open_limited (folder, widen_limit, &error);
  g_assert_no_error (error);
  json_t *tolerance = json_object_get (kit->manifest, "tolerance");
  kit->residual_abs = json_number_value (json_object_get (tolerance, "residual_abs"));
  kit->logits_abs = json_number_value (json_object_get (tolerance, "logits_abs"));
  g_assert_cmpfloat (kit->residual_abs, >, 0);
  return true;
}

static void
kit_close (Kit *kit)
{
  cs_model_unref (kit->model);
  json_decref (kit->manifest);
  g_free (kit->folder);
}

static GArray *
get_ids (json_t *object, const char *key)
{
  json_t *array = json_object_get (object, key);
  GArray *ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  for (size_t i = 0; i < json_array_size (array); i++)
    {
      int32_t id = (int32_t)json_integer_value (json_array_get (array, i));
      g_array_append_val (ids, id);
    }
  return ids;
}

static json_t *
find_sequence (const Kit *kit, const char *name)
{
  json_t *sequences = json_object_get (kit->manifest, "sequences");
  for (size_t i = 0; i < json_array_size (sequences); i++)
    {
      json_t *sequence = json_array_get (sequences, i);
      if (strcmp (json_string_value (json_object_get (sequence, "name")), name) == 0)
        return sequence;
    }
  g_assert_not_reached ();
}

/* The largest absolute difference between values[n] and a file of n numbers. */
static double
difference (const Kit *kit, json_t *description, const float *values, size_t n)
{
  g_autofree char *path = g_build_filename (
      kit->folder, json_string_value (json_object_get (description, "file")), NULL);
  g_autofree char *content = NULL;
  size_t size;
  g_assert_true (g_file_get_contents (path, &content, &size, NULL));
  g_assert_cmpuint (size, ==, n * sizeof (float));
  double worst = 0;
  for (size_t i = 0; i < n; i++)
    {
      float expected;
      memcpy (&expected, content + i * sizeof expected, sizeof expected);
      g_assert_true (isfinite (values[i]));
      worst = MAX (worst, fabs ((double)expected - values[i]));
    }
  return worst;
}

static int32_t
arg_max (const float *logits, size_t n)
{
  return cs_sample (logits, n, &CS_SAMPLING_DEFAULT, NULL);
}

/* --- Residuals and logits --- */

/* entry: a sequence, or an edit of it; chunk as for test_collect(). */
static void
check_entry (const Kit *kit,
             CsTeam *team,
             json_t *entry,
             GArray *ids,
             const CsTap *taps,
             size_t n_taps,
             size_t chunk)
{
  const CsModelConfig *s = cs_model_config (kit->model);
  const size_t n = ids->len, layer = n * s->d_model;
  g_autofree float *residual = g_new0 (float, (s->n_layers + 1) * layer);
  g_autofree float *logits = g_new0 (float, n * s->vocab_size);
  g_autoptr (CsSession) session = cs_session_new (kit->model, team, n);
  test_collect (session, taps, n_taps, (const int32_t *)ids->data, n, chunk, residual, logits);
  json_t *described = json_object_get (entry, "residual");
  size_t first = (size_t)json_integer_value (json_object_get (described, "first"));
  double residual_error =
      difference (kit, described, residual + first * layer, (s->n_layers + 1 - first) * layer);
  double logits_error =
      difference (kit, json_object_get (entry, "logits"), logits, n * s->vocab_size);
  g_test_message ("%s, blocks of %zu: residual %.2g, logits %.2g",
                  json_string_value (json_object_get (entry, "name")), chunk, residual_error,
                  logits_error);
  g_assert_cmpfloat (residual_error, <=, kit->residual_abs);
  g_assert_cmpfloat (logits_error, <=, kit->logits_abs);
  json_t *argmax = json_object_get (entry, "argmax");
  for (size_t t = 0; argmax != NULL && t < n; t++)
    g_assert_cmpint (arg_max (logits + t * s->vocab_size, s->vocab_size), ==,
                     json_integer_value (json_array_get (argmax, t)));
}

static void
check_all (size_t widen_limit, unsigned n_threads)
{
  Kit kit;
  if (!kit_open (&kit, widen_limit))
    return;
  g_autoptr (CsTeam) team = n_threads > 1 ? cs_team_new (n_threads) : NULL;
  const size_t chunks[] = { 0, 1, 3 };
  json_t *sequences = json_object_get (kit.manifest, "sequences");
  for (size_t i = 0; i < json_array_size (sequences); i++)
    {
      json_t *sequence = json_array_get (sequences, i);
      g_autoptr (GArray) ids = get_ids (sequence, "ids");
      for (size_t c = 0; c < G_N_ELEMENTS (chunks); c++)
        check_entry (&kit, team, sequence, ids, NULL, 0, chunks[c]);
    }
  kit_close (&kit);
}

static void
test_layers (void)
{
  check_all (CS_WIDEN_LIMIT, 1);
}

static void
test_layers_mapped (void)
{
  check_all (0, 1);
}

static void
test_layers_team (void)
{
  check_all (CS_WIDEN_LIMIT, 2);
  check_all (0, 2);
}

/* --- Continuations --- */

static void
assert_same_ids (GArray *ids, GArray *expected)
{
  g_assert_cmpmem (ids->data, ids->len * sizeof (int32_t), expected->data,
                   expected->len * sizeof (int32_t));
}

static void
check_generate (const Kit *kit,
                GArray *prompt,
                const CsTap *taps,
                size_t n_taps,
                bool ignore_eos,
                GArray *expected)
{
  g_autoptr (CsSession) session = cs_session_new (kit->model, NULL, 128);
  g_autoptr (GArray) out = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GError) error = NULL;
  cs_session_set_taps (session, taps, n_taps);
  const CsSampling sampling = { .max_tokens = 16, .top_p = 1, .ignore_eos = ignore_eos };
  cs_generate (session, (const int32_t *)prompt->data, prompt->len, &sampling, NULL, NULL, NULL,
               out, &error);
  g_assert_no_error (error);
  assert_same_ids (out, expected);
}

/* The same by running the whole sequence anew for each token. */
static void
check_recomputed (const Kit *kit,
                  GArray *prompt,
                  const CsTap *taps,
                  size_t n_taps,
                  GArray *expected)
{
  const CsModelConfig *s = cs_model_config (kit->model);
  g_autoptr (CsSession) session = cs_session_new (kit->model, NULL, 128);
  g_autoptr (GArray) ids = g_array_copy (prompt);
  g_autofree float *logits = g_new (float, s->vocab_size);
  cs_session_set_taps (session, taps, n_taps);
  for (size_t i = 0; i < expected->len; i++)
    {
      cs_session_reset (session);
      g_assert_true (cs_session_forward (session, (const int32_t *)ids->data, ids->len, s->n_layers,
                                         CS_LOGITS_LAST, logits, NULL));
      int32_t id = arg_max (logits, s->vocab_size);
      g_assert_cmpint (id, ==, g_array_index (expected, int32_t, i));
      g_array_append_val (ids, id);
    }
}

static void
check_greedy (size_t widen_limit)
{
  Kit kit;
  if (!kit_open (&kit, widen_limit))
    return;
  json_t *sequences = json_object_get (kit.manifest, "sequences");
  for (size_t i = 0; i < json_array_size (sequences); i++)
    {
      json_t *sequence = json_array_get (sequences, i);
      g_autoptr (GArray) ids = get_ids (sequence, "ids");
      g_autoptr (GArray) greedy = get_ids (sequence, "greedy");
      g_autoptr (GArray) stopped = get_ids (sequence, "greedy_stopped");
      check_generate (&kit, ids, NULL, 0, true, greedy);
      check_generate (&kit, ids, NULL, 0, false, stopped);
      check_recomputed (&kit, ids, NULL, 0, greedy);
    }
  kit_close (&kit);
}

static void
test_greedy (void)
{
  check_greedy (CS_WIDEN_LIMIT);
  check_greedy (0);
}

/* --- Edits --- */

static void
check_edit (const Kit *kit, json_t *edit)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsEdits) edits =
      cs_edits_parse (edit, "manifest", kit->folder, cs_model_config (kit->model), &error);
  g_assert_no_error (error);
  size_t n_taps;
  const CsTap *taps = cs_edits_taps (edits, &n_taps);
  json_t *sequence = find_sequence (kit, json_string_value (json_object_get (edit, "sequence")));
  g_autoptr (GArray) ids = get_ids (sequence, "ids");
  const size_t chunks[] = { 0, 1, 3 };
  for (size_t c = 0; c < G_N_ELEMENTS (chunks); c++)
    check_entry (kit, NULL, edit, ids, taps, n_taps, chunks[c]);
  if (json_object_get (edit, "greedy") == NULL)
    return;
  g_autoptr (GArray) greedy = get_ids (edit, "greedy");
  check_generate (kit, ids, taps, n_taps, true, greedy);
  check_recomputed (kit, ids, taps, n_taps, greedy);
}

static void
test_edits (void)
{
  Kit kit;
  if (!kit_open (&kit, CS_WIDEN_LIMIT))
    return;
  json_t *edits = json_object_get (kit.manifest, "edits");
  g_assert_cmpuint (json_array_size (edits), >, 0);
  for (size_t i = 0; i < json_array_size (edits); i++)
    check_edit (&kit, json_array_get (edits, i));
  kit_close (&kit);
}

/* --- The configuration --- */

static void
test_resolved (void)
{
  Kit kit;
  if (!kit_open (&kit, CS_WIDEN_LIMIT))
    return;
  const CsArchitecture *a = &kit.model->architecture;
  json_t *resolved = json_object_get (kit.manifest, "resolved");
  json_t *expected = json_object_get (json_object_get (resolved, "rope_inv_freq"), "global");
  g_assert_cmpuint (json_array_size (expected), ==, a->sizes.head_dim / 2);
  double frequencies[64];
  cs_rope_frequencies (&a->rope, a->sizes.head_dim, frequencies);
  for (size_t i = 0; i < a->sizes.head_dim / 2; i++)
    g_assert_cmpfloat_with_epsilon (frequencies[i],
                                    json_real_value (json_array_get (expected, i)) + 0.0,
                                    1e-6 * frequencies[i]);
  g_assert_cmpfloat (a->attention_scale, ==,
                     json_real_value (json_object_get (resolved, "attention_scale")));
  json_t *eos = json_object_get (json_object_get (kit.manifest, "stop"), "eos_token_id");
  g_assert_cmpuint (a->sizes.n_eos, ==, json_array_size (eos));
  for (size_t i = 0; i < a->sizes.n_eos; i++)
    g_assert_cmpint (a->sizes.eos_ids[i], ==, json_integer_value (json_array_get (eos, i)));
  g_assert_cmpstr (cs_model_dtype (kit.model), ==, "BF16");
  g_assert_cmpstr (cs_model_name (kit.model), ==, "llama3-tiny");
  g_assert_cmpuint (cs_model_n_parameters (kit.model) * 2, ==, cs_model_file_bytes (kit.model));
  g_assert_cmpuint (strlen (cs_model_hash (kit.model)), ==, 64);
  kit_close (&kit);
}

void
add_reference_tests (void)
{
  g_test_add_func ("/lm/reference/resolved", test_resolved);
  g_test_add_func ("/lm/reference/layers", test_layers);
  g_test_add_func ("/lm/reference/layers-mapped", test_layers_mapped);
  g_test_add_func ("/lm/reference/layers-team", test_layers_team);
  g_test_add_func ("/lm/reference/greedy", test_greedy);
  g_test_add_func ("/lm/reference/edits", test_edits);
}
