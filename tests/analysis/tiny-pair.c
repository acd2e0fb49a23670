#include "tiny-pair.h"

#include <glib/gstdio.h>

#include "../lm/tiny-tokenizer.h"

TinyModel *
tiny_pair_model (size_t d_model, uint64_t seed, bool other_tokenizer)
{
  const TinyShape shape = { .dtype = CS_DTYPE_F32, .vocab_size = 304, .d_model = d_model, .n_layers = TINY_LAYERS,
                            .n_heads = 2, .n_kv_heads = 1, .head_dim = 8, .d_ff = 24, .norm_eps = 1e-5,
                            .rope_theta = 10000 };
  TinyModel *model = tiny_model_new (&shape, seed);
  g_autofree char *path = g_build_filename (model->folder, "tokenizer.json", NULL);
  g_autofree char *config_path = g_build_filename (model->folder, "tokenizer_config.json", NULL);
  g_autoptr (json_t) tokenizer = tiny_tokenizer_json ();
  g_autoptr (json_t) config = json_pack ("{s:s, s:s}", "bos_token", "<bos>", "chat_template", cs_chat_gemma_template ());

  if (other_tokenizer)
    json_array_set_new (json_object_get (json_object_get (tokenizer, "model"), "merges"), 2, json_string ("i n"));
  g_assert_cmpint (json_dump_file (tokenizer, path, 0), ==, 0);
  g_assert_cmpint (json_dump_file (config, config_path, 0), ==, 0);
  return model;
}

TinyPair *
tiny_pair_new (void)
{
  TinyPair *tiny = g_new0 (TinyPair, 1);

  for (size_t m = 0; m < 2; m++)
    tiny->model[m] = tiny_pair_model (TINY_WIDTH, 7 + m, false);
  return tiny;
}

void
tiny_pair_free (TinyPair *tiny)
{
  for (size_t m = 0; m < 2; m++)
    tiny_model_free (tiny->model[m]);
  g_free (tiny);
}

void
tiny_pair_corpora (const char *folder, char **web, char **chat)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autoptr (GString) lines = g_string_new (NULL);

  for (int i = 0; i < 30; i++)
    {
      g_string_append_printf (text, "The %d. thing in the ring sings %s.\n\n", i, i % 3 ? "the theme" : "");
      g_string_append_printf (lines,
                              "{\"messages\": [{\"role\": \"user\", \"content\": \"sing %d\"}, "
                              "{\"role\": \"assistant\", \"content\": \"the thing %d\"}]}\n",
                              i, i * i);
    }
  *web = g_build_filename (folder, "web.txt", NULL);
  *chat = g_build_filename (folder, "chat.jsonl", NULL);
  g_assert_true (g_file_set_contents (*web, text->str, -1, NULL));
  g_assert_true (g_file_set_contents (*chat, lines->str, -1, NULL));
}

void
remove_tree (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_file_test (path, G_FILE_TEST_IS_DIR))
        remove_tree (path);
      else
        g_unlink (path);
    }
  g_rmdir (folder);
}
