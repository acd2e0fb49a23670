/* A trained vocabulary as the files that Hugging Face tokenizers open. */
#include "bpe-train.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

/* The template of the published Gemma 2 chat models. */
static const char gemma_template[] =
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not "
    "supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 "
    "== 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') "
    "}}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = "
    "message['role'] %}"
    "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' "
    "}}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}";

static int
compare_characters (const void *a, const void *b)
{
  gunichar x = *(const gunichar *)a, y = *(const gunichar *)b;
  return (x > y) - (x < y);
}

/* Spellings of all ids. */
static GPtrArray *
spell (const GArray *merges)
{
  GPtrArray *spellings = g_ptr_array_new_with_free_func (g_free);
  for (size_t i = 0; i < CS_N_SPECIALS; i++)
    g_ptr_array_add (spellings, g_strdup (cs_bpe_special_names[i]));
  gunichar characters[256];
  cs_bpe_byte_characters (characters);
  qsort (characters, 256, sizeof *characters, compare_characters);
  for (size_t i = 0; i < 256; i++)
    {
      char utf8[8] = { 0 };
      g_unichar_to_utf8 (characters[i], utf8);
      g_ptr_array_add (spellings, g_strdup (utf8));
    }
  for (size_t i = 0; i < merges->len; i++)
    {
      CsBpeMerge merge = g_array_index (merges, CsBpeMerge, i);
      g_ptr_array_add (spellings, g_strconcat (g_ptr_array_index (spellings, merge.left),
                                               g_ptr_array_index (spellings, merge.right), NULL));
    }
  return spellings;
}

static json_t *
added_tokens (void)
{
  json_t *list = json_array ();
  for (int i = 0; i < CS_N_SPECIALS; i++)
    json_array_append_new (list,
                           json_pack ("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", i, "content",
                                      cs_bpe_special_names[i], "single_word", 0, "lstrip", 0,
                                      "rstrip", 0, "normalized", 0, "special", 1));
  return list;
}

static json_t *
model_section (const GArray *merges)
{
  g_autoptr (GPtrArray) spellings = spell (merges);
  json_t *vocabulary = json_object (), *list = json_array ();
  for (size_t i = 0; i < spellings->len; i++)
    json_object_set_new (vocabulary, g_ptr_array_index (spellings, i),
                         json_integer ((json_int_t)i));
  for (size_t i = 0; i < merges->len; i++)
    {
      CsBpeMerge merge = g_array_index (merges, CsBpeMerge, i);
      json_array_append_new (
          list, json_sprintf ("%s %s", (char *)g_ptr_array_index (spellings, merge.left),
                              (char *)g_ptr_array_index (spellings, merge.right)));
    }
  return json_pack ("{s:s, s:n, s:n, s:n, s:n, s:b, s:b, s:b, s:o, s:o}", "type", "BPE", "dropout",
                    "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", 0,
                    "byte_fallback", 0, "ignore_merges", 0, "vocab", vocabulary, "merges", list);
}

static json_t *
tokenizer_json (const GArray *merges)
{
  json_t *split = json_pack ("{s:s, s:{s:s}, s:s, s:b}", "type", "Split", "pattern", "Regex",
                             CS_BPE_PATTERN, "behavior", "Isolated", "invert", 0);
  json_t *byte_level = json_pack ("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space",
                                  0, "trim_offsets", 1, "use_regex", 0);
  json_t *bos = json_pack ("{s:{s:s, s:i}}", "SpecialToken", "id", "<bos>", "type_id", 0);
  json_t *a = json_pack ("{s:{s:s, s:i}}", "Sequence", "id", "A", "type_id", 0);
  json_t *b = json_pack ("{s:{s:s, s:i}}", "Sequence", "id", "B", "type_id", 1);
  json_t *template =
      json_pack ("{s:s, s:[O, O], s:[o, o, o], s:{s:{s:s, s:[i], s:[s]}}}", "type",
                 "TemplateProcessing", "single", bos, a, "pair", bos, a, b, "special_tokens",
                 "<bos>", "id", "<bos>", "ids", CS_SPECIAL_BOS, "tokens", "<bos>");
  json_t *decoder = json_pack ("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 1,
                               "trim_offsets", 1, "use_regex", 1);
  return json_pack ("{s:s, s:n, s:n, s:o, s:n, s:{s:s, s:[o, o]}, s:o, s:o, s:o}", "version", "1.0",
                    "truncation", "padding", "added_tokens", added_tokens (), "normalizer",
                    "pre_tokenizer", "type", "Sequence", "pretokenizers", split, byte_level,
                    "post_processor", template, "decoder", decoder, "model",
                    model_section (merges));
}

static json_t *
tokenizer_config_json (bool with_template)
{
  json_t *decoder = json_object ();
  for (int i = 0; i < CS_N_SPECIALS; i++)
    {
      g_autofree char *id = g_strdup_printf ("%d", i);
      json_object_set_new (decoder, id,
                           json_pack ("{s:s, s:b, s:b, s:b, s:b, s:b}", "content",
                                      cs_bpe_special_names[i], "lstrip", 0, "normalized", 0,
                                      "rstrip", 0, "single_word", 0, "special", 1));
    }
  json_t *config =
      json_pack ("{s:b, s:o, s:[s, s], s:s, s:s, s:s, s:s, s:b, s:i, s:s}", "add_bos_token", 1,
                 "added_tokens_decoder", decoder, "additional_special_tokens", "<start_of_turn>",
                 "<end_of_turn>", "bos_token", "<bos>", "eos_token", "<eos>", "pad_token", "<pad>",
                 "unk_token", "<unk>", "clean_up_tokenization_spaces", 0, "model_max_length", 512,
                 "tokenizer_class", "PreTrainedTokenizerFast");
  if (with_template)
    json_object_set_new (config, "chat_template", json_string (gemma_template));
  return config;
}

static bool
save_part (json_t *value, const char *folder, const char *name, GError **error)
{
  g_autoptr (json_t) owned = value;
  g_autofree char *path = g_build_filename (folder, name, NULL);
  return cs_json_save (owned, path, error);
}

bool
cs_bpe_save_settings (const char *folder, bool with_template, GError **error)
{
  json_t *map = json_pack ("{s:[s, s], s:s, s:s, s:s, s:s}", "additional_special_tokens",
                           "<start_of_turn>", "<end_of_turn>", "bos_token", "<bos>", "eos_token",
                           "<eos>", "pad_token", "<pad>", "unk_token", "<unk>");
  return save_part (map, folder, "special_tokens_map.json", error) &&
         save_part (tokenizer_config_json (with_template), folder, "tokenizer_config.json", error);
}

bool
cs_bpe_save (const GArray *merges, const char *folder, bool with_template, GError **error)
{
  return cs_bpe_save_settings (folder, with_template, error) &&
         save_part (tokenizer_json (merges), folder, "tokenizer.json", error);
}
