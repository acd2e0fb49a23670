/* Folders of the Hugging Face cache, hashes of large files, and full-size configurations. */
#include "test-model.h"

#include <string.h>

#include <glib/gstdio.h>
#include <unistd.h>

#include "errors.h"
#include "model-cache.h"
#include "model-random.h"

static const TinyShape shape = { CS_DTYPE_BF16,      11, 8, 1, 2, 1, 4, 12, .norm_eps = 1e-5,
                                 .rope_theta = 10000 };

static void
write_file (const char *folder, const char *name, const char *text)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *parent = g_path_get_dirname (path);
  g_assert_cmpint (g_mkdir_with_parents (parent, 0700), ==, 0);
  g_assert_true (g_file_set_contents (path, text, -1, NULL));
}

static void
remove_tree (const char *path)
{
  g_autoptr (GDir) dir =
      g_file_test (path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open (path, 0, NULL);
  const char *name;
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *child = g_build_filename (path, name, NULL);
      remove_tree (child);
    }
  g_remove (path);
}

/* A snapshot as the hub's library leaves it: links to blobs. */
static void
add_snapshot (const char *hub, const char *repository, const char *commit, const TinyModel *tiny)
{
  static const char *const files[] = { "config.json", "model.safetensors" };
  g_autofree char *snapshot = g_build_filename (hub, repository, "snapshots", commit, NULL);
  g_autofree char *blobs = g_build_filename (hub, repository, "blobs", NULL);
  g_assert_cmpint (g_mkdir_with_parents (snapshot, 0700), ==, 0);
  g_assert_cmpint (g_mkdir_with_parents (blobs, 0700), ==, 0);
  for (size_t i = 0; i < G_N_ELEMENTS (files); i++)
    {
      g_autofree char *from = g_build_filename (tiny->folder, files[i], NULL);
      g_autofree char *blob = g_strdup_printf ("%s/%s-%s", blobs, commit, files[i]);
      g_autofree char *target = g_strdup_printf ("../../blobs/%s-%s", commit, files[i]);
      g_autofree char *link = g_build_filename (snapshot, files[i], NULL);
      g_autofree char *content = NULL;
      size_t size;
      g_assert_true (g_file_get_contents (from, &content, &size, NULL));
      g_assert_true (g_file_set_contents (blob, content, (gssize)size, NULL));
      g_assert_cmpint (symlink (target, link), ==, 0);
    }
}

static void
assert_opens (const char *path, const char *name, const char *suffix)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsModel) model = cs_model_open (path, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (cs_model_name (model), ==, name);
  g_assert_true (g_str_has_suffix (cs_model_folder (model), suffix));
}

static void
test_resolve (void)
{
  g_autofree char *hub = g_dir_make_tmp ("crosscope-hub-XXXXXX", NULL);
  g_autoptr (TinyModel) tiny = tiny_model_new (&shape, 1);
  g_autofree char *repository = g_build_filename (hub, "models--org--tiny-it", NULL);
  g_autofree char *snapshots = g_build_filename (repository, "snapshots", NULL);
  g_autofree char *config = g_build_filename (tiny->folder, "config.json", NULL);
  add_snapshot (hub, "models--org--tiny-it", "aaa", tiny);
  add_snapshot (hub, "models--org--tiny-it", "bbb", tiny);
  write_file (repository, "refs/main", "aaa\n");
  assert_opens (repository, "tiny-it", "/snapshots/aaa");
  assert_opens (snapshots, "tiny-it", "/snapshots/aaa");
  write_file (repository, "refs/main", "../../elsewhere");
  assert_opens (repository, "tiny-it", "/snapshots/bbb"); /* the newest, or the higher name */
  g_autofree char *commit = g_build_filename (snapshots, "bbb", NULL);
  assert_opens (commit, "tiny-it", "/snapshots/bbb");
  g_autofree char *own = g_path_get_basename (tiny->folder);
  assert_opens (config, own, own); /* a file of the folder */
  g_autofree char *none = cs_model_folder_resolve ("/nonexistent/model");
  g_assert_cmpstr (none, ==, "/nonexistent/model");
  remove_tree (hub);
}

static void
test_list (void)
{
  g_autofree char *hub = g_dir_make_tmp ("crosscope-hub-XXXXXX", NULL);
  g_autoptr (TinyModel) tiny = tiny_model_new (&shape, 1);
  add_snapshot (hub, "models--zoo--one", "c1", tiny);
  add_snapshot (hub, "models--Ape--two--three", "c2", tiny);
  add_snapshot (hub, "datasets--ape--data", "c3", tiny);
  write_file (hub, "models--ape--bert/snapshots/c4/config.json", "{\"model_type\": \"bert\"}");
  write_file (hub, "models--ape--broken/snapshots/c5/config.json", "{");
  write_file (hub, "models--ape--empty/refs/main", "c6");
  write_file (hub, "models--ape--no-weights/snapshots/c7/config.json",
              "{\"model_type\": \"llama\"}");
  g_autoptr (GPtrArray) models = cs_model_cache_list_in (hub);
  const struct
  {
    const char *name;
    bool supported;
  } expected[] = { { "ape/bert", false },
                   { "ape/no-weights", false },
                   { "Ape/two--three", true },
                   { "zoo/one", true } };
  g_assert_cmpuint (models->len, ==, G_N_ELEMENTS (expected));
  for (guint i = 0; i < models->len; i++)
    {
      const CsCachedModel *model = g_ptr_array_index (models, i);
      g_assert_cmpstr (model->name, ==, expected[i].name);
      g_assert_true (model->supported == expected[i].supported);
    }
  g_setenv ("HF_HUB_CACHE", hub, TRUE);
  g_setenv ("HUGGINGFACE_HUB_CACHE", hub, TRUE); /* the same folder counts once */
  g_autoptr (GPtrArray) all = cs_model_cache_list ();
  guint n_ours = 0;
  for (guint i = 0; i < all->len; i++)
    n_ours += g_str_has_prefix (((CsCachedModel *)g_ptr_array_index (all, i))->folder, hub);
  g_assert_cmpuint (n_ours, ==, G_N_ELEMENTS (expected));
  g_unsetenv ("HF_HUB_CACHE");
  g_unsetenv ("HUGGINGFACE_HUB_CACHE");
  remove_tree (hub);
}

/* More than 64 MiB, so that the hash is of samples: another weight at a tensor's end shows. */
static void
test_large_hash (void)
{
  static const char text[] =
      "{\"model_type\": \"llama\", \"hidden_size\": 512, \"num_hidden_layers\": 1, "
      "\"intermediate_size\": 16384, \"vocab_size\": 40000, \"num_attention_heads\": 8, "
      "\"tie_word_embeddings\": true}";
  g_autofree char *folder = g_dir_make_tmp ("crosscope-large-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *before = NULL;
  json_t *config = json_loads (text, 0, NULL);
  g_autoptr (GError) error = NULL;
  cs_model_write_random (folder, config, CS_DTYPE_BF16, 1, &error);
  g_assert_no_error (error);
  for (int i = 0; i < 2; i++)
    {
      if (i == 1)
        {
          FILE *file = fopen (path, "r+be");
          g_assert_cmpint (fseek (file, -4, SEEK_END), ==, 0);
          g_assert_cmpint (fputc (0x11, file), ==, 0x11);
          fclose (file);
        }
      g_autoptr (CsModel) model = cs_model_open (folder, &error);
      g_assert_no_error (error);
      g_assert_cmpuint (cs_model_file_bytes (model), >, 64 << 20);
      g_assert_cmpuint (strlen (cs_model_hash (model)), ==, 64);
      g_assert_cmpstr (cs_model_hash (model), !=, before);
      g_free (before);
      before = g_strdup (cs_model_hash (model));
    }
  json_decref (config);
  remove_folder (folder);
}

static void
test_published (void)
{
  g_auto (GStrv) names = g_strsplit (cs_model_random_list (), ", ", -1);
  const double millions[] = { 2614.34, 134.52, 494.03, 1235.81 };
  g_assert_cmpuint (g_strv_length (names), ==, G_N_ELEMENTS (millions));
  for (size_t i = 0; names[i] != NULL; i++)
    {
      json_t *config = cs_model_random_config (names[i]);
      CsArchitecture a;
      g_autoptr (GError) error = NULL;
      cs_architecture_parse (&a, config, names[i], NULL, NULL, &error);
      g_assert_no_error (error);
      double weights = 0;
      for (size_t l = 0; l < CS_N_LINEARS; l++)
        for (size_t p = 0; p < a.family->linears[l].n_parts; p++)
          weights += (double)cs_architecture_dim (&a, a.family->linears[l].rows[p]) *
                     (double)cs_architecture_dim (&a, a.family->linears[l].cols);
      weights =
          weights * (double)a.sizes.n_layers + (double)a.sizes.vocab_size * (double)a.sizes.d_model;
      g_assert_cmpfloat_with_epsilon (weights / 1e6, millions[i], 0.4); /* norms, biases */
      json_decref (config);
    }
  g_assert_null (cs_model_random_config ("gpt-9"));
}

void
add_cache_tests (void)
{
  g_test_add_func ("/lm/cache/resolve", test_resolve);
  g_test_add_func ("/lm/cache/list", test_list);
  g_test_add_func ("/lm/cache/large-hash", test_large_hash);
  g_test_add_func ("/lm/cache/published", test_published);
}
