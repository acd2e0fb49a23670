#include "tokenizer-internal.h"

#include <glib/gstdio.h>

#include "file-error.h"
#include "json.h"
#include "model-cache.h"

#define MAX_FILE ((size_t)256 << 20)

const char *const cs_special_names[CS_N_SPECIAL] = {
  [CS_SPECIAL_BOS] = "bos_token",   [CS_SPECIAL_EOS] = "eos_token", [CS_SPECIAL_UNK] = "unk_token",
  [CS_SPECIAL_PAD] = "pad_token",   [CS_SPECIAL_SEP] = "sep_token", [CS_SPECIAL_CLS] = "cls_token",
  [CS_SPECIAL_MASK] = "mask_token",
};

static void
normalize_step_clear (void *data)
{
  cs_normalize_step_clear (data);
}

static void
split_step_clear (void *data)
{
  cs_split_step_clear (data);
}

static void
decode_step_clear (void *data)
{
  cs_decode_step_clear (data);
}

static GArray *
steps_new (size_t size, GDestroyNotify clear)
{
  GArray *steps = g_array_new (FALSE, FALSE, (guint)size);

  g_array_set_clear_func (steps, clear);
  return steps;
}

static CsTokenizer *
tokenizer_new (const char *path)
{
  CsTokenizer *tokenizer = g_new0 (CsTokenizer, 1);

  g_atomic_ref_count_init (&tokenizer->references);
  tokenizer->path = g_strdup (path);
  tokenizer->unk_id = -1;
  cs_vocab_init (&tokenizer->vocab);
  cs_added_init (&tokenizer->added);
  tokenizer->merge_list = g_array_new (FALSE, FALSE, sizeof (CsMerge));
  tokenizer->normalizer = steps_new (sizeof (CsNormalizeStep), normalize_step_clear);
  tokenizer->steps = steps_new (sizeof (CsSplitStep), split_step_clear);
  tokenizer->decoder = steps_new (sizeof (CsDecodeStep), decode_step_clear);
  tokenizer->normalizer_text = g_string_new (NULL);
  tokenizer->splitter_text = g_string_new (NULL);
  tokenizer->prefix = g_array_new (FALSE, FALSE, sizeof (int32_t));
  tokenizer->suffix = g_array_new (FALSE, FALSE, sizeof (int32_t));
  return tokenizer;
}

CsTokenizer *
cs_tokenizer_ref (CsTokenizer *tokenizer)
{
  g_atomic_ref_count_inc (&tokenizer->references);
  return tokenizer;
}

void
cs_tokenizer_unref (CsTokenizer *tokenizer)
{
  if (tokenizer == NULL || !g_atomic_ref_count_dec (&tokenizer->references))
    return;
  cs_scratch_free (atomic_load (&tokenizer->spare));
  cs_added_clear (&tokenizer->added);
  cs_vocab_clear (&tokenizer->vocab);
  cs_merges_clear (&tokenizer->merges);
  cs_neighbours_clear (&tokenizer->neighbours);
  g_array_unref (tokenizer->merge_list);
  g_array_unref (tokenizer->normalizer);
  g_array_unref (tokenizer->steps);
  g_array_unref (tokenizer->decoder);
  g_string_free (tokenizer->normalizer_text, TRUE);
  g_string_free (tokenizer->splitter_text, TRUE);
  g_array_unref (tokenizer->prefix);
  g_array_unref (tokenizer->suffix);
  for (size_t i = 0; i < CS_N_SPECIAL; i++)
    g_free (tokenizer->specials[i]);
  g_free (tokenizer->hash);
  g_free (tokenizer->path);
  g_free (tokenizer);
}

/* ---- opening ----------------------------------------------------------- */

static bool
read_whole (const char *path, char **content, size_t *size, GError **error)
{
  GStatBuf status;
  g_autoptr (GError) inner = NULL;

  if (g_stat (path, &status) != 0)
    cs_file_error (error, CS_ERROR_IO, "%s: there is no such file; a model folder needs one.",
                   path);
  else if (!S_ISREG (status.st_mode) || (uint64_t)status.st_size > MAX_FILE)
    cs_file_error (error, CS_ERROR_FORMAT, "%s: it is no file or larger than %zu MiB.", path,
                   MAX_FILE >> 20);
  else if (!g_file_get_contents (path, content, size, &inner))
    cs_file_error (error, CS_ERROR_IO, "%s: it cannot be read: %s.", path, inner->message);
  else
    return true;
  return false;
}

CsTokenizer *
cs_tokenizer_parse (const char *path, const char *content, size_t size, GError **error)
{
  g_autoptr (CsTokenizer) tokenizer = tokenizer_new (path);
  g_autoptr (GString) rest = g_string_new (NULL);

  tokenizer->scanned = cs_tokenizer_scan (tokenizer, content, size, rest);
  if (!tokenizer->scanned)
    {
      cs_tokenizer_unref (tokenizer); /* it may hold a part */
      tokenizer = tokenizer_new (path);
    }
  g_autoptr (json_t) root =
      tokenizer->scanned ? cs_json_parse (rest->str, rest->len, path, NULL) : NULL;
  if (root == NULL) /* an error names the place in the whole text */
    root = cs_json_parse (content, size, path, error);
  if (root == NULL || !cs_tokenizer_read (tokenizer, root, error))
    return NULL;
  tokenizer->hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)content, size);
  return g_steal_pointer (&tokenizer);
}

/* Names from a JSON file beside tokenizer.json; a token is a string or {"content": …}. What is set
 * stays. */
static void
read_specials (CsTokenizer *tokenizer, json_t *root)
{
  for (size_t i = 0; i < CS_N_SPECIAL; i++)
    {
      json_t *value = json_object_get (root, cs_special_names[i]);
      if (json_is_object (value))
        value = json_object_get (value, "content");
      if (json_is_string (value) && tokenizer->specials[i] == NULL)
        tokenizer->specials[i] = g_strdup (json_string_value (value));
    }
}

/* One end of what a text is put between: the special token where key says true, nothing where it
 * says false, what tokenizer.json has where it is not there. */
static void
apply_end_rule (CsTokenizer *tokenizer, json_t *config, const char *key, int special, GArray *end)
{
  json_t *value = json_object_get (config, key);
  const char *name = tokenizer->specials[special];

  if (!json_is_boolean (value))
    return;
  int32_t id = json_is_true (value) && name != NULL ? cs_tokenizer_find (tokenizer, name) : -1;
  g_array_set_size (end, 0);
  if (id >= 0)
    g_array_append_val (end, id);
}

/* The Python classes of these names make their post-processor anew from tokenizer_config.json. */
static void
apply_class_rules (CsTokenizer *tokenizer, json_t *config)
{
  const char *name = json_string_value (json_object_get (config, "tokenizer_class"));

  if (name == NULL ||
      !(g_str_has_prefix (name, "LlamaTokenizer") || g_str_has_prefix (name, "GemmaTokenizer")))
    return;
  apply_end_rule (tokenizer, config, "add_bos_token", CS_SPECIAL_BOS, tokenizer->prefix);
  apply_end_rule (tokenizer, config, "add_eos_token", CS_SPECIAL_EOS, tokenizer->suffix);
}

/* NULL where there is no such file. */
static bool
load_beside (const char *folder, const char *file, json_t **root, GError **error)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);

  *root = NULL;
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  *root = cs_json_load (path, 0, error);
  return *root != NULL;
}

CsTokenizer *
cs_tokenizer_open (const char *place, GError **error)
{
  g_autofree char *folder = cs_model_folder_resolve (place);
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  g_autofree char *content = NULL;
  size_t size = 0;

  if (!read_whole (path, &content, &size, error))
    return NULL;
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_parse (path, content, size, error);
  g_autoptr (json_t) config = NULL;
  g_autoptr (json_t) map = NULL;
  if (tokenizer == NULL || !load_beside (folder, "tokenizer_config.json", &config, error) ||
      !load_beside (folder, "special_tokens_map.json", &map, error))
    return NULL;
  read_specials (tokenizer, config);
  read_specials (tokenizer, map);
  apply_class_rules (tokenizer, config);
  return g_steal_pointer (&tokenizer);
}

/* ---- looking up -------------------------------------------------------- */

size_t
cs_tokenizer_vocab_size (const CsTokenizer *tokenizer)
{
  return tokenizer->vocab.spelling->len;
}

const char *
cs_tokenizer_hash (const CsTokenizer *tokenizer)
{
  return tokenizer->hash;
}

int32_t
cs_tokenizer_find (const CsTokenizer *tokenizer, const char *content)
{
  int32_t id = GPOINTER_TO_INT (g_hash_table_lookup (tokenizer->added.by_content, content)) - 1;

  return id >= 0 ? id : cs_vocab_find (&tokenizer->vocab, content, strlen (content));
}

const char *
cs_tokenizer_spelling (const CsTokenizer *tokenizer, int32_t id)
{
  return cs_vocab_spelling (&tokenizer->vocab, id);
}

bool
cs_tokenizer_is_special (const CsTokenizer *tokenizer, int32_t id)
{
  return id >= 0 && g_hash_table_contains (tokenizer->added.special_ids, GINT_TO_POINTER (id + 1));
}

const char *
cs_tokenizer_special (const CsTokenizer *tokenizer, const char *name)
{
  for (size_t i = 0; i < CS_N_SPECIAL; i++)
    if (strcmp (name, cs_special_names[i]) == 0)
      return tokenizer->specials[i];
  return NULL;
}

int32_t
cs_tokenizer_bos_id (const CsTokenizer *tokenizer)
{
  return tokenizer->prefix->len > 0 ? g_array_index (tokenizer->prefix, int32_t, 0) : -1;
}
