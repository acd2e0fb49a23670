/* The models of the reference kit: every layer, logits, edits and continuations. */
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

static int
compare_names (const void *a, const void *b, void *data)
{
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

static char *
kits_folder (void)
{
  const char *shared = g_getenv ("CS_TEST_SHARED");
  return shared != NULL ? g_build_filename (shared, "reference", "lm", NULL) : NULL;
}

/* The models that have expectations, sorted; none where the kit is not here. */
static GPtrArray *
kit_names (void)
{
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *folder = kits_folder ();
  g_autoptr (GDir) dir = folder != NULL ? g_dir_open (folder, 0, NULL) : NULL;
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *manifest =
          g_build_filename (folder, name, "expected", "manifest.json", NULL);
      if (g_file_test (manifest, G_FILE_TEST_EXISTS))
        g_ptr_array_add (names, g_strdup (name));
    }
  g_ptr_array_sort_with_data (names, compare_names, NULL);
  return names;
}

static void
kit_open (Kit *kit, const char *name, size_t widen_limit)
{
  g_autofree char *kits = kits_folder ();
  g_autofree char *folder = g_build_filename (kits, name, NULL);
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

/* The largest absolute difference between values [n_tables, n_rows, width] and a file that has
 * those of their rows that are listed in positions (all where that is null). */
static double
difference (const Kit *kit,
            json_t *description,
            json_t *positions,
            const float *values,
            size_t n_tables,
            size_t n_rows,
            size_t width)
{
  const size_t n_kept = json_is_array (positions) ? json_array_size (positions) : n_rows;
  g_autofree char *path = g_build_filename (
      kit->folder, json_string_value (json_object_get (description, "file")), NULL);
  g_autofree char *content = NULL;
  size_t size;
  g_assert_true (g_file_get_contents (path, &content, &size, NULL));
  g_assert_cmpuint (size, ==, n_tables * n_kept * width * sizeof (float));
  double worst = 0;
  for (size_t i = 0; i < n_tables * n_kept * width; i++)
    {
      size_t table = i / width / n_kept, row = i / width % n_kept;
      if (json_is_array (positions))
        row = (size_t)json_integer_value (json_array_get (positions, row));
      float expected, value = values[(table * n_rows + row) * width + i % width];
      memcpy (&expected, content + i * sizeof expected, sizeof expected);
      g_assert_true (isfinite (value));
      worst = MAX (worst, fabs ((double)expected - value));
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
  json_t *positions = json_object_get (entry, "positions");
  double residual_error = difference (kit, described, positions, residual + first * layer,
                                      s->n_layers + 1 - first, n, s->d_model);
  double logits_error =
      difference (kit, json_object_get (entry, "logits"), positions, logits, 1, n, s->vocab_size);
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
check_all (const char *name, size_t widen_limit, unsigned n_threads)
{
  Kit kit;
  kit_open (&kit, name, widen_limit);
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
test_layers (const void *name)
{
  check_all (name, CS_WIDEN_LIMIT, 1);
}

static void
test_layers_mapped (const void *name)
{
  check_all (name, 0, 1);
}

static void
test_layers_team (const void *name)
{
  check_all (name, CS_WIDEN_LIMIT, 2);
  check_all (name, 0, 2);
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
  g_autoptr (CsSession) session = cs_session_new (kit->model, NULL, prompt->len + 24);
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
  g_autoptr (CsSession) session = cs_session_new (kit->model, NULL, prompt->len + 24);
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
check_greedy (const char *name, size_t widen_limit)
{
  Kit kit;
  kit_open (&kit, name, widen_limit);
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
test_greedy (const void *name)
{
  check_greedy (name, CS_WIDEN_LIMIT);
  check_greedy (name, 0);
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
test_edits (const void *name)
{
  Kit kit;
  kit_open (&kit, name, CS_WIDEN_LIMIT);
  json_t *edits = json_object_get (kit.manifest, "edits");
  g_assert_cmpuint (json_array_size (edits), >, 0);
  for (size_t i = 0; i < json_array_size (edits); i++)
    check_edit (&kit, json_array_get (edits, i));
  kit_close (&kit);
}

/* --- The configuration --- */

/* What the configuration comes to once defaults are applied. */
static double
resolved_number (json_t *resolved, const char *key)
{
  return json_number_value (json_object_get (resolved, key)); /* 0 for null */
}

static void
check_rope (const Kit *kit, const char *key, size_t rope)
{
  const CsArchitecture *a = &kit->model->architecture;
  json_t *resolved = json_object_get (kit->manifest, "resolved");
  json_t *expected = json_object_get (json_object_get (resolved, "rope_inv_freq"), key);
  if (!json_is_array (expected))
    return;
  g_assert_cmpuint (json_array_size (expected), ==, a->sizes.n_rotated / 2);
  g_autofree double *frequencies = g_new (double, a->sizes.n_rotated / 2);
  cs_rope_frequencies (&a->rope[rope], a->sizes.n_rotated, frequencies);
  for (size_t i = 0; i < a->sizes.n_rotated / 2; i++)
    g_assert_cmpfloat_with_epsilon (
        frequencies[i], json_number_value (json_array_get (expected, i)), 1e-6 * frequencies[i]);
}

static void
check_sliding (const Kit *kit)
{
  json_t *layers = json_object_get (json_object_get (kit->manifest, "resolved"), "sliding_layers");
  size_t next = 0;
  for (size_t l = 0; l < cs_model_config (kit->model)->n_layers; l++)
    {
      bool slides = next < json_array_size (layers) &&
                    (size_t)json_integer_value (json_array_get (layers, next)) == l;
      g_assert_true (cs_model_layer_slides (kit->model, l) == slides);
      next += slides;
    }
  g_assert_cmpuint (next, ==, json_array_size (layers));
}

static void
test_resolved (const void *name)
{
  Kit kit;
  kit_open (&kit, name, CS_WIDEN_LIMIT);
  const CsModelConfig *s = cs_model_config (kit.model);
  json_t *resolved = json_object_get (kit.manifest, "resolved");
  check_rope (&kit, "global", CS_ROPE_GLOBAL);
  check_rope (&kit, "local", CS_ROPE_LOCAL);
  check_sliding (&kit);
  g_assert_cmpfloat (s->attention_scale, ==, resolved_number (resolved, "attention_scale"));
  g_assert_cmpfloat (s->embedding_scale, ==, resolved_number (resolved, "embedding_scale"));
  g_assert_cmpfloat (s->attention_softcap, ==,
                     resolved_number (resolved, "attn_logit_softcapping"));
  g_assert_cmpfloat (s->final_softcap, ==, resolved_number (resolved, "final_logit_softcapping"));
  g_assert_cmpfloat (s->norm_eps, ==, resolved_number (resolved, "norm_eps"));
  g_assert_cmpfloat ((double)s->n_kv_heads, ==, resolved_number (resolved, "n_kv_heads"));
  g_assert_cmpfloat ((double)s->head_dim, ==, resolved_number (resolved, "head_dim"));
  json_t *weights = json_object_get (kit.manifest, "weights");
  g_assert_true (s->tied_head == json_is_true (json_object_get (weights, "tied")));
  json_t *eos = json_object_get (json_object_get (kit.manifest, "stop"), "eos_token_id");
  g_assert_cmpuint (s->n_eos, ==, json_array_size (eos));
  for (size_t i = 0; i < s->n_eos; i++)
    g_assert_cmpint (s->eos_ids[i], ==, json_integer_value (json_array_get (eos, i)));
  g_assert_cmpstr (cs_model_dtype (kit.model), ==,
                   json_string_value (json_object_get (weights, "dtype")));
  g_assert_cmpstr (cs_model_name (kit.model), ==, name);
  g_assert_cmpuint (strlen (cs_model_hash (kit.model)), ==, 64);
  kit_close (&kit);
}

static void
test_absent (void)
{
  g_test_skip ("The reference kit is not here.");
}

void
add_reference_tests (void)
{
  static const struct
  {
    const char *name;
    void (*func) (const void *kit);
  } tests[] = {
    { "resolved", test_resolved },
    { "layers", test_layers },
    { "layers-mapped", test_layers_mapped },
    { "layers-team", test_layers_team },
    { "greedy", test_greedy },
    { "edits", test_edits },
  };
  g_autoptr (GPtrArray) names = kit_names ();
  if (names->len == 0)
    g_test_add_func ("/lm/reference", test_absent);
  for (guint i = 0; i < names->len; i++)
    for (size_t t = 0; t < G_N_ELEMENTS (tests); t++)
      {
        const char *name = g_intern_string (g_ptr_array_index (names, i));
        g_autofree char *path = g_strdup_printf ("/lm/reference/%s/%s", name, tests[t].name);
        g_test_add_data_func (path, name, tests[t].func);
      }
}
