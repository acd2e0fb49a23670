#include <string.h>

#include <glib/gstdio.h>
#include <hdf5.h>

#include "../lm/test-model.h"
#include "../lm/tiny-tokenizer.h"
#include "corpus.h"
#include "errors.h"
#include "harvest-probe.h"
#include "harvest.h"

#define WIDTH 16
#define N_WEB 30
#define N_CHAT 50

static TinyModel *models[2];
static char *folder, *web, *chat;

static TinyModel *
make_model (size_t d_model, uint64_t seed, const char *spoiled_merge)
{
  TinyShape shape = { .dtype = CS_DTYPE_F32,
                      .vocab_size = 304,
                      .d_model = d_model,
                      .n_layers = 4,
                      .n_heads = 2,
                      .n_kv_heads = 1,
                      .head_dim = 8,
                      .d_ff = 24,
                      .norm_eps = 1e-5,
                      .rope_theta = 10000 };
  TinyModel *model = tiny_model_new (&shape, seed);
  g_autofree char *path = g_build_filename (model->folder, "tokenizer.json", NULL);
  g_autofree char *config = g_build_filename (model->folder, "tokenizer_config.json", NULL);
  g_autoptr (json_t) tokenizer = tiny_tokenizer_json ();

  if (spoiled_merge != NULL)
    json_array_set_new (json_object_get (json_object_get (tokenizer, "model"), "merges"), 2,
                        json_string (spoiled_merge));
  g_assert_cmpint (json_dump_file (tokenizer, path, 0), ==, 0);
  g_assert_true (g_file_set_contents (config, "{\"bos_token\": \"<bos>\"}", -1, NULL));
  return model;
}

static void
make_corpora (void)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) lines = g_string_new (NULL);

  for (int i = 0; i < N_WEB; i++)
    g_string_append_printf (text, "The %d. thing in the ring sings %s.\n\n", i,
                            i % 3 ? "the theme" : "");
  for (int i = 0; i < N_CHAT; i++)
    g_string_append_printf (lines, "{\"text\": \"<start_of_turn>user %d %.*s\"}\n", i, i % 40,
                            "thethethethethethethethethethethethethethethe");
  web = g_build_filename (folder, "web.txt", NULL);
  chat = g_build_filename (folder, "chat.jsonl", NULL);
  g_assert_true (g_file_set_contents (web, text->str, -1, NULL));
  g_assert_true (g_file_set_contents (chat, lines->str, -1, NULL));
}

static CsHarvestOptions
make_options (const char *out, const char **corpora)
{
  corpora[0] = web;
  corpora[1] = chat;
  corpora[2] = NULL;
  return (CsHarvestOptions){ .base_folder = models[0]->folder,
                             .chat_folder = models[1]->folder,
                             .layer = CS_LAYER_MIDDLE,
                             .corpora = corpora,
                             .dtype = CS_DTYPE_F32,
                             .out = out,
                             .n_threads = 2 };
}

static void
copy_rows (void *data, size_t first, size_t n, float *rows)
{
  memcpy ((float *)data + first * WIDTH, rows, n * WIDTH * sizeof *rows);
}

/* What the model itself says of a document at residual[at]. */
static void
check_document (CsStore *store, size_t document, int which, size_t at, size_t skip)
{
  const int64_t *offsets = cs_store_documents (store);
  size_t n = (size_t)(offsets[document + 1] - offsets[document]);
  g_autofree float *stored = g_new (float, n * 2 * WIDTH);
  g_autofree float *rows = g_new (float, (n + skip) * WIDTH);
  g_autofree int32_t *ids = g_new (int32_t, n + skip);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsModel) model = cs_model_open (models[which]->folder, &error);
  g_autoptr (CsSession) session = cs_session_new (model, NULL, n + skip);
  CsTap tap = { at, copy_rows, rows };

  ids[0] = 300;
  g_assert_true (
      cs_store_read_tokens (store, (size_t)offsets[document], n, ids + skip, NULL, NULL, &error));
  g_assert_cmpint (ids[0], ==, 300);
  g_assert_true (cs_store_read (store, (size_t)offsets[document], n, stored, &error));
  cs_session_set_taps (session, &tap, 1);
  g_assert_true (cs_session_forward (session, ids, n + skip, 4, CS_LOGITS_NONE, NULL, &error));
  for (size_t t = 0; t < n; t++)
    g_assert_cmpmem (stored + (2 * t + (size_t)which) * WIDTH, WIDTH * sizeof *rows,
                     rows + (t + skip) * WIDTH, WIDTH * sizeof *rows);
}

static void
test_rows (gconstpointer data)
{
  bool drop_bos = GPOINTER_TO_INT (data);
  g_autofree char *out = g_build_filename (folder, "rows.h5", NULL);
  const char *corpora[3];
  CsHarvestOptions options = make_options (out, corpora);
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  int8_t corpus[4];

  options.drop_bos = drop_bos;
  g_assert_true (cs_harvest (NULL, &options, &error));
  g_assert_no_error (error);
  store = cs_store_open (out, false, &error);
  g_assert_no_error (error);
  g_assert_true (cs_store_is_finished (store));
  g_assert_cmpuint (cs_store_n_documents (store), ==, N_WEB + N_CHAT);
  g_assert_cmpuint (cs_store_info (store)->layer, ==, 2);
  g_assert_cmpstr (cs_store_info (store)->corpora[1], ==, "chat");
  for (size_t d = 0; d < cs_store_n_documents (store); d += 7)
    {
      check_document (store, d, 0, 3, drop_bos);
      check_document (store, d, 1, 3, drop_bos);
      g_assert_true (cs_store_read_tokens (store, (size_t)cs_store_documents (store)[d], 1, NULL,
                                           NULL, corpus, &error));
      g_assert_cmpint (corpus[0], ==, d < 2 * N_WEB ? (int)d % 2 : 1);
    }
  g_remove (out);
}

static GBytes *
file_datasets (const char *path)
{
  static const char *const names[] = { "activations", "token_ids", "documents", "position",
                                       "corpus",      "mean",      "std" };
  GByteArray *all = g_byte_array_new ();
  hid_t file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      hid_t dataset = H5Dopen2 (file, names[i], H5P_DEFAULT);
      hid_t type = H5Dget_type (dataset);
      hid_t space = H5Dget_space (dataset);
      size_t size = (size_t)H5Sget_simple_extent_npoints (space) * H5Tget_size (type);
      unsigned at = all->len;

      g_byte_array_set_size (all, at + (guint)size);
      g_assert_cmpint (H5Dread (dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all->data + at), >=,
                       0);
      H5Sclose (space);
      H5Tclose (type);
      H5Dclose (dataset);
    }
  H5Fclose (file);
  return g_byte_array_free_to_bytes (all);
}

typedef struct
{
  CsHarvestOptions options;
  double cancel_at; /* tokens */
} Cancelled;

static bool
harvest_job (CsJob *job, void *data, GError **error)
{
  return cs_harvest (job, &((Cancelled *)data)->options, error);
}

/* Cancels once so many tokens are done: progress is polled from another thread. */
static void *
cancel_when_far (void *data)
{
  CsJob *job = ((void **)data)[0];
  double at = ((Cancelled *)((void **)data)[1])->cancel_at;

  while (cs_job_is_active (job))
    {
      CsJobSnapshot snapshot;

      cs_job_snapshot (job, &snapshot);
      if (snapshot.unit != NULL && snapshot.done >= at)
        cs_job_cancel (job);
      cs_job_snapshot_clear (&snapshot);
      g_usleep (100);
    }
  return NULL;
}

static bool
run_cancelled (Cancelled *run)
{
  g_autoptr (CsJob) job = cs_job_new ("Harvest", harvest_job, run, NULL);
  g_autoptr (GError) error = NULL;
  void *data[] = { job, run };
  GThread *thread = g_thread_new ("cancel", cancel_when_far, data);
  bool ok = cs_job_run (job, &error);

  g_thread_join (thread);
  if (!ok)
    g_assert_error (error, CS_ERROR, CS_ERROR_CANCELLED);
  return ok;
}

static void
test_resume (void)
{
  g_autofree char *out = g_build_filename (folder, "resume.h5", NULL);
  g_autofree char *whole = g_build_filename (folder, "whole.h5", NULL);
  const char *corpora[3], *whole_corpora[3];
  Cancelled run = { .options = make_options (out, corpora) };
  CsHarvestOptions uninterrupted = make_options (whole, whole_corpora);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) left = NULL;
  g_autoptr (GBytes) right = NULL;
  bool done = false;

  uninterrupted.n_threads = 1;
  g_assert_true (cs_harvest (NULL, &uninterrupted, &error));
  for (int i = 1; !done && i < 200; i++)
    {
      run.cancel_at = 40 * i;
      done = run_cancelled (&run);
    }
  g_assert_true (done);
  left = file_datasets (out);
  right = file_datasets (whole);
  g_assert_true (g_bytes_equal (left, right));
  g_remove (out);
  g_remove (whole);
}

/* First few tokens, then more, then all: the same store as at once; and what is enough is left
 * alone. */
static void
test_more (void)
{
  g_autofree char *out = g_build_filename (folder, "more.h5", NULL);
  g_autofree char *whole = g_build_filename (folder, "whole.h5", NULL);
  const char *corpora[3], *whole_corpora[3];
  CsHarvestOptions options = make_options (out, corpora);
  CsHarvestOptions uninterrupted = make_options (whole, whole_corpora);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) left = NULL;
  g_autoptr (GBytes) right = NULL;

  g_assert_true (cs_harvest (NULL, &uninterrupted, &error));
  for (size_t tokens = 100; tokens <= 900; tokens += 400)
    {
      g_autoptr (CsStore) store = NULL;

      options.max_tokens = tokens;
      g_assert_true (cs_harvest (NULL, &options, &error));
      g_assert_true (cs_harvest (NULL, &options, &error));
      store = cs_store_open (out, false, &error);
      g_assert_true (cs_store_is_finished (store));
      g_assert_cmpuint (cs_store_n_tokens (store), >=, tokens);
      g_assert_cmpuint (cs_store_n_tokens (store), <, tokens + 70);
    }
  options.max_tokens = 0;
  g_assert_true (cs_harvest (NULL, &options, &error));
  g_assert_no_error (error);
  left = file_datasets (out);
  right = file_datasets (whole);
  g_assert_true (g_bytes_equal (left, right));
  g_remove (out);
  g_remove (whole);
}

/* The base model reads another token, the store keeps the tokens; a probe of the same harvest knows
 * its size. */
static void
test_replacements (void)
{
  static const char *const bad[] = { "1", "1=", "=2", "1=2 1=3", "x=1", "1=304" };
  g_autofree char *out = g_build_filename (folder, "replaced.h5", NULL);
  const char *corpora[3];
  CsHarvestOptions options = make_options (out, corpora);
  g_autoptr (GError) error = NULL;
  CsHarvestProbe probe;
  CsStore *store;

  options.base_replacements = "302=65, 9999=66";
  g_assert_true (cs_harvest_probe (NULL, &options, 0.3, NULL, &probe, &error));
  g_assert_true (cs_harvest (NULL, &options, &error));
  g_assert_no_error (error);
  store = cs_store_open (out, false, &error);
  g_assert_cmpstr (cs_store_info (store)->base_replacements, ==, "302=65 9999=66");
  g_assert_true (probe.counted);
  g_assert_cmpfloat (probe.n_tokens, ==, (double)cs_store_n_tokens (store));
  g_assert_cmpfloat (probe.tokens_per_s, >, 0);
  cs_store_free (store);
  options.base_replacements = NULL;
  g_assert_false (cs_harvest (NULL, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  g_clear_error (&error);
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      options.base_replacements = bad[i];
      g_assert_false (cs_harvest (NULL, &options, &error));
      g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
      g_clear_error (&error);
    }
  g_remove (out);
}

static void
expect_mismatch (const CsHarvestOptions *options, const char *part)
{
  g_autoptr (GError) error = NULL;

  g_assert_false (cs_harvest (NULL, options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_MISMATCH);
  if (strstr (error->message, part) == NULL)
    g_error ("“%s” does not say “%s”", error->message, part);
}

/* A store of something else is refused and stays as it is. */
static void
test_other_store (void)
{
  g_autofree char *out = g_build_filename (folder, "other.h5", NULL);
  const char *corpora[3], *more[4];
  CsHarvestOptions options = make_options (out, corpora), other;
  g_autoptr (GError) error = NULL;
  g_autofree char *before = NULL;
  g_autofree char *after = NULL;
  gsize before_size, after_size;

  options.max_tokens = 200;
  g_assert_true (cs_harvest (NULL, &options, &error));
  g_assert_true (g_file_get_contents (out, &before, &before_size, NULL));
  other = options;
  other.layer = 1;
  expect_mismatch (&other, "layer");
  other = options;
  other.dtype = CS_DTYPE_F16;
  expect_mismatch (&other, "number type");
  other = options;
  other.chat_folder = models[0]->folder;
  expect_mismatch (&other, "chat model");
  other = options;
  more[0] = chat;
  more[1] = web;
  more[2] = NULL;
  other.corpora = more;
  expect_mismatch (&other, "corpora");
  other = options;
  other.max_tokens = 400;
  other.drop_bos = true;
  expect_mismatch (&other, "settings");
  g_assert_true (g_file_get_contents (out, &after, &after_size, NULL));
  g_assert_cmpmem (before, before_size, after, after_size);
  g_remove (out);
}

static void
test_pairs (void)
{
  g_autoptr (TinyModel) wide = make_model (24, 3, NULL);
  g_autoptr (TinyModel) other_tokenizer = make_model (WIDTH, 4, "Ġ th");
  g_autofree char *out = g_build_filename (folder, "pair.h5", NULL);
  const char *corpora[3];
  CsHarvestOptions options = make_options (out, corpora);
  g_autoptr (GArray) checks = cs_pair_checks (models[0]->folder, models[1]->folder);

  for (unsigned i = 0; i < checks->len; i++)
    g_assert_true (g_array_index (checks, CsPairCheck, i).ok);
  options.chat_folder = wide->folder;
  expect_mismatch (&options, "width");
  options.chat_folder = other_tokenizer->folder;
  expect_mismatch (&options, "do not make a pair");
  options.chat_folder = "/nowhere";
  expect_mismatch (&options, "/nowhere");
  g_assert_false (g_file_test (out, G_FILE_TEST_EXISTS));
}

static void
test_errors (void)
{
  g_autofree char *out = g_build_filename (folder, "errors.h5", NULL);
  g_autofree char *bad = g_build_filename (folder, "bad.jsonl", NULL);
  const char *corpora[3];
  CsHarvestOptions options = make_options (out, corpora);
  g_autoptr (GError) error = NULL;

  options.layer = 4;
  g_assert_false (cs_harvest (NULL, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_clear_error (&error);
  options.layer = 0;
  corpora[1] = "/nowhere/corpus.txt";
  g_assert_false (cs_harvest (NULL, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_IO);
  g_clear_error (&error);
  g_assert_true (g_file_set_contents (bad, "{\"text\": \"x\"}\n{\n", -1, NULL));
  corpora[1] = bad;
  g_assert_false (cs_harvest (NULL, &options, &error));
  g_assert_nonnull (strstr (error->message, "line 2"));
  g_clear_error (&error);
  corpora[0] = NULL;
  g_assert_false (cs_harvest (NULL, &options, &error));
  g_assert_error (error, CS_ERROR, CS_ERROR_USAGE);
  g_assert_false (g_file_test (out, G_FILE_TEST_EXISTS));
  g_remove (bad);
}

static void
test_middle (void)
{
  g_assert_cmpuint (cs_layer_middle (26), ==, 13);
  g_assert_cmpuint (cs_layer_middle (6), ==, 3);
  g_assert_cmpuint (cs_layer_middle (2), ==, 1);
  g_assert_cmpuint (cs_layer_middle (1), ==, 0);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  folder = g_dir_make_tmp ("crosscope-harvest-XXXXXX", NULL);
  models[0] = make_model (WIDTH, 1, NULL);
  models[1] = make_model (WIDTH, 2, NULL);
  make_corpora ();
  g_test_add_data_func ("/harvest/rows", GINT_TO_POINTER (false), test_rows);
  g_test_add_data_func ("/harvest/rows-without-bos", GINT_TO_POINTER (true), test_rows);
  g_test_add_func ("/harvest/resume", test_resume);
  g_test_add_func ("/harvest/more", test_more);
  g_test_add_func ("/harvest/other-store", test_other_store);
  g_test_add_func ("/harvest/pairs", test_pairs);
  g_test_add_func ("/harvest/errors", test_errors);
  g_test_add_func ("/harvest/middle", test_middle);
  g_test_add_func ("/harvest/replacements", test_replacements);
  status = g_test_run ();
  tiny_model_free (models[0]);
  tiny_model_free (models[1]);
  g_remove (web);
  g_remove (chat);
  g_rmdir (folder);
  g_free (web);
  g_free (chat);
  g_free (folder);
  return status;
}
