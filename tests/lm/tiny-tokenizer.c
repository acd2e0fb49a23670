#include "tiny-tokenizer.h"

#include <glib/gstdio.h>

static const char *const merges[] = { "t h", "th e", "Ġ the", "i n", "in g", NULL };
static const char *const pieces[] = { "th", "the", "Ġthe", "in", "ing", NULL };

/* The byte alphabet, written here a second time so that a mistake in the first shows. */
static gunichar
alphabet (unsigned byte)
{
  unsigned others = 0;

  for (unsigned b = 0; b <= byte; b++)
    {
      bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      if (b == byte && printable)
        return byte;
      if (!printable)
        others++;
    }
  return 256 + others - 1;
}

static json_t *
added_token (int id, const char *content)
{
  return json_pack ("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", id, "content", content,
                    "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1);
}

static json_t *
tiny_model (void)
{
  json_t *vocab = json_object (), *list = json_array ();

  for (unsigned byte = 0; byte < 256; byte++)
    {
      char spelling[8] = { 0 };
      g_unichar_to_utf8 (alphabet (byte), spelling);
      json_object_set_new (vocab, spelling, json_integer (byte));
    }
  for (size_t i = 0; pieces[i] != NULL; i++)
    json_object_set_new (vocab, pieces[i], json_integer (256 + (json_int_t)i));
  for (size_t i = 0; merges[i] != NULL; i++)
    json_array_append_new (list, json_string (merges[i]));
  return json_pack ("{s:s, s:o, s:o}", "type", "BPE", "vocab", vocab, "merges", list);
}

json_t *
tiny_tokenizer_json (void)
{
  json_t *added = json_array ();

  json_array_append_new (added, added_token (300, "<bos>"));
  json_array_append_new (added, added_token (301, "<eos>"));
  json_array_append_new (added, added_token (302, "<start_of_turn>"));
  json_array_append_new (added, added_token (303, "<end_of_turn>"));
  json_t *post = json_pack ("{s:s, s:[{s:{s:s}}, {s:{s:s}}], s:{s:{s:[i]}}}", "type",
                            "TemplateProcessing", "single", "SpecialToken", "id", "<bos>",
                            "Sequence", "id", "A", "special_tokens", "<bos>", "ids", 300);
  return json_pack ("{s:n, s:{s:s, s:b}, s:o, s:{s:s}, s:o, s:o}", "normalizer", "pre_tokenizer",
                    "type", "ByteLevel", "add_prefix_space", 0, "post_processor", post, "decoder",
                    "type", "ByteLevel", "added_tokens", added, "model", tiny_model ());
}

char *
tiny_folder_new (json_t *tokenizer, const char *config)
{
  g_autoptr (GError) error = NULL;
  char *folder = g_dir_make_tmp ("crosscope-tokenizer-XXXXXX", &error);
  g_assert_no_error (error);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  g_autofree char *config_path = g_build_filename (folder, "tokenizer_config.json", NULL);

  if (tokenizer != NULL)
    g_assert_cmpint (json_dump_file (tokenizer, path, 0), ==, 0);
  if (config != NULL)
    g_assert_true (g_file_set_contents (config_path, config, -1, NULL));
  return folder;
}

void
tiny_folder_remove (char *folder)
{
  static const char *const names[] = { "tokenizer.json", "tokenizer_config.json",
                                       "special_tokens_map.json", "chat_template.jinja" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autofree char *path = g_build_filename (folder, names[i], NULL);
      g_unlink (path);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
  g_free (folder);
}

CsTokenizer *
tiny_tokenizer_open (json_t *tokenizer, GError **error)
{
  char *folder = tiny_folder_new (tokenizer, NULL);
  CsTokenizer *opened = cs_tokenizer_open (folder, error);

  tiny_folder_remove (folder);
  json_decref (tokenizer);
  return opened;
}

GArray *
tiny_ids_new (void)
{
  return g_array_new (FALSE, FALSE, sizeof (int32_t));
}

char *
tiny_encode (const CsTokenizer *tokenizer, const char *text, size_t size, bool special)
{
  g_autoptr (GArray) ids = tiny_ids_new ();
  GString *out = g_string_new (NULL);

  cs_tokenizer_encode (tokenizer, text, size, special, ids, NULL);
  for (guint i = 0; i < ids->len; i++)
    g_string_append_printf (out, "%s%d", i > 0 ? " " : "", g_array_index (ids, int32_t, i));
  return g_string_free (out, FALSE);
}

static json_t *
parse (const char *text)
{
  json_error_t problem;
  json_t *value = json_loads (text, JSON_DECODE_ANY, &problem);

  g_assert_nonnull (value);
  return value;
}

CsTokenizer *
tiny_tokenizer_open_with (GError **error, const char *key, ...)
{
  json_t *root = tiny_tokenizer_json ();
  va_list arguments;

  va_start (arguments, key);
  for (; key != NULL; key = va_arg (arguments, const char *))
    json_object_set_new (root, key, parse (va_arg (arguments, const char *)));
  va_end (arguments);
  return tiny_tokenizer_open (root, error);
}
