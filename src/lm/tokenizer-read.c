/* tokenizer.json: vocabulary, merges and added tokens. Every value is hostile until checked. */
#include "tokenizer-internal.h"

#include "errors.h"
#include "json.h"

#define MAX_ADDED_BYTES 4096

static bool
read_vocab (CsTokenizer *tokenizer, json_t *vocab, GError **error)
{
  const char *spelling;
  json_t *value;

  if (!json_is_object (vocab) || json_object_size (vocab) == 0)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error, "the model has no vocabulary.");
  json_object_foreach (vocab, spelling, value)
  {
    json_int_t id = json_integer_value (value);
    if (!json_is_integer (value) || id < 0 || (uint64_t)id >= CS_VOCAB_MAX)
      return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                                "the id of “%s” is not a whole number below %zu.", spelling,
                                CS_VOCAB_MAX);
    if (!cs_vocab_add (&tokenizer->vocab, (int32_t)id, spelling))
      return cs_tokenizer_fail (
          tokenizer, CS_ERROR_FORMAT, error, "“%s” and “%s” have the same id %d.",
          cs_vocab_spelling (&tokenizer->vocab, (int32_t)id), spelling, (int)id);
  }
  cs_vocab_index (&tokenizer->vocab);
  return true;
}

/* ---- merges ------------------------------------------------------------ */

/* A merge is "left right" or ["left", "right"]. */
static bool
parse_merge (json_t *value, const char **left, size_t *n_left, const char **right)
{
  if (json_is_string (value))
    {
      const char *text = json_string_value (value);
      const char *space = strchr (text, ' ');
      if (space == NULL || strchr (space + 1, ' ') != NULL)
        return false;
      *left = text;
      *n_left = (size_t)(space - text);
      *right = space + 1;
      return true;
    }
  if (!json_is_array (value) || json_array_size (value) != 2)
    return false;
  *left = json_string_value (json_array_get (value, 0));
  *right = json_string_value (json_array_get (value, 1));
  if (*left == NULL || *right == NULL)
    return false;
  *n_left = strlen (*left);
  return true;
}

static bool
read_merge (CsTokenizer *tokenizer, json_t *value, size_t rank, GString *whole, GError **error)
{
  const CsVocab *vocab = &tokenizer->vocab;
  const char *left, *right;
  size_t n_left;

  if (!parse_merge (value, &left, &n_left, &right))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "merge %zu is neither \"left right\" nor a pair of strings.", rank);
  g_string_truncate (whole, 0);
  g_string_append_len (whole, left, (gssize)n_left);
  g_string_append (whole, right);
  int32_t left_id = cs_vocab_find (vocab, left, n_left);
  int32_t right_id = cs_vocab_find (vocab, right, whole->len - n_left);
  int32_t id = cs_vocab_find (vocab, whole->str, whole->len);
  if (left_id < 0 || right_id < 0 || id < 0)
    return cs_tokenizer_fail (
        tokenizer, CS_ERROR_FORMAT, error,
        "merge %zu (“%.*s” and “%s”) names a piece that the vocabulary has not.", rank,
        (int)MIN (n_left, 256), left, right);
  CsMerge merge = { .pair = (uint64_t)left_id << 32 | (uint32_t)right_id,
                    .rank = (uint32_t)rank,
                    .id = id };
  g_array_append_val (tokenizer->merge_list, merge);
  cs_merges_set (&tokenizer->merges, left_id, right_id, (uint32_t)rank, id);
  return true;
}

/* The first line of a merges file, which old conversions took along. */
static bool
is_version (json_t *value)
{
  return json_is_string (value) && g_str_has_prefix (json_string_value (value), "#version");
}

static bool
read_merges (CsTokenizer *tokenizer, json_t *merges, GError **error)
{
  g_autoptr (GString) whole = g_string_new (NULL);
  size_t i, rank = 0;
  json_t *value;

  if (!json_is_array (merges))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "the model has no list of merges.");
  cs_merges_init (&tokenizer->merges, json_array_size (merges));
  json_array_foreach (merges, i, value)
  {
    if (!is_version (value) && !read_merge (tokenizer, value, rank++, whole, error))
      return false;
  }
  return true;
}

/* ---- the model's options ----------------------------------------------- */

/* Options that have to be absent, null, false, zero or empty. */
static bool
refuse_options (CsTokenizer *tokenizer, json_t *model, GError **error)
{
  static const char *const names[] = { "dropout", "continuing_subword_prefix",
                                       "end_of_word_suffix" };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    {
      json_t *value = json_object_get (model, names[i]);
      bool unset = value == NULL || json_is_null (value) || json_is_false (value) ||
                   (json_is_string (value) && json_string_length (value) == 0) ||
                   (json_is_number (value) && json_number_value (value) == 0);
      if (!unset)
        return cs_tokenizer_fail (
            tokenizer, CS_ERROR_UNSUPPORTED, error,
            "the tokenizer's model has “%s”, which this version does not know.", names[i]);
    }
  return true;
}

/* Whether every text can be spelled without the unknown token. */
static bool
spells_everything (const CsTokenizer *tokenizer)
{
  const CsVocab *vocab = &tokenizer->vocab;
  bool bytes = tokenizer->byte_words, fallbacks = tokenizer->byte_fallback;

  for (size_t i = 0; i < 256; i++)
    {
      bytes = bytes && vocab->byte_ids[i] >= 0;
      fallbacks = fallbacks && (vocab->fallback_ids[i] >= 0 || vocab->character_ids[i] >= 0);
    }
  return bytes || fallbacks;
}

static bool
read_unknown (CsTokenizer *tokenizer, json_t *model, GError **error)
{
  const char *unk;

  if (!cs_json_get_string (model, tokenizer->path, "unk_token", NULL, &unk, error))
    return false;
  tokenizer->unk_id = unk != NULL ? cs_vocab_find (&tokenizer->vocab, unk, strlen (unk)) : -1;
  if (unk == NULL || tokenizer->unk_id >= 0 || spells_everything (tokenizer))
    return true;
  return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                            "the unknown token “%s” is not in the vocabulary.", unk);
}

bool
cs_tokenizer_read_model (CsTokenizer *tokenizer, json_t *model, GError **error)
{
  const char *type;

  if (!json_is_object (model))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error, "there is no “model” in it.");
  /* Files of 2019 and 2020 do not name the type. */
  const char *fallback = json_object_get (model, "merges") != NULL ? "BPE" : "unnamed";
  if (!cs_json_get_string (model, tokenizer->path, "type", fallback, &type, error))
    return false;
  if (strcmp (type, "BPE") != 0)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_UNSUPPORTED, error,
                              "the tokenizer's model is of type “%s”; this version reads BPE.",
                              type);
  return refuse_options (tokenizer, model, error) &&
         cs_json_get_bool (model, tokenizer->path, "ignore_merges", false,
                           &tokenizer->ignore_merges, error) &&
         cs_json_get_bool (model, tokenizer->path, "fuse_unk", false, &tokenizer->fuse_unk,
                           error) &&
         cs_json_get_bool (model, tokenizer->path, "byte_fallback", false,
                           &tokenizer->byte_fallback, error) &&
         (tokenizer->scanned ||
          (read_vocab (tokenizer, json_object_get (model, "vocab"), error) &&
           read_merges (tokenizer, json_object_get (model, "merges"), error)));
}

/* ---- added tokens ------------------------------------------------------ */

static bool
read_added_flags (CsTokenizer *tokenizer, json_t *value, CsAddedToken *token, GError **error)
{
  const char *path = tokenizer->path;

  return cs_json_get_bool (value, path, "special", false, &token->special, error) &&
         cs_json_get_bool (value, path, "normalized", !token->special, &token->normalized, error) &&
         cs_json_get_bool (value, path, "lstrip", false, &token->lstrip, error) &&
         cs_json_get_bool (value, path, "rstrip", false, &token->rstrip, error) &&
         cs_json_get_bool (value, path, "single_word", false, &token->single_word, error);
}

/* The id that an added token gets: the model's where its vocabulary has the content, else the
 * file's. */
static bool
place_added (CsTokenizer *tokenizer,
             const char *content,
             size_t id,
             CsAddedToken *token,
             GError **error)
{
  CsVocab *vocab = &tokenizer->vocab;

  token->id = cs_vocab_find (vocab, content, strlen (content));
  if (token->id >= 0)
    return true;
  token->id = (int32_t)id;
  if (cs_vocab_add (vocab, token->id, content))
    return true;
  return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                            "the added token “%s” has the id %d, which belongs to “%s”.", content,
                            token->id, cs_vocab_spelling (vocab, token->id));
}

/* What is looked for: the content, normalized where the text is. */
static char *
pattern_of (const CsTokenizer *tokenizer, CsScratch *scratch, const CsAddedToken *token)
{
  CsTextView view = { .text = token->content, .size = strlen (token->content) };

  if (!token->normalized)
    return g_strdup (token->content);
  cs_scratch_begin (scratch, view.size);
  CsTextView text = cs_normalize (tokenizer->normalizer, scratch, &view);
  return g_strndup (text.text, text.size);
}

static bool
read_added_token (CsTokenizer *tokenizer, json_t *value, CsScratch *scratch, GError **error)
{
  CsAddedToken token = { 0 };
  const char *content;
  size_t id;

  if (!json_is_object (value))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "an added token is not an object.");
  if (!cs_json_get_string (value, tokenizer->path, "content", "", &content, error) ||
      !cs_json_get_size (value, tokenizer->path, "id", 0, CS_VOCAB_MAX - 1, CS_VOCAB_MAX, &id,
                         error) ||
      !read_added_flags (tokenizer, value, &token, error))
    return false;
  if (id == CS_VOCAB_MAX || content[0] == '\0' || strlen (content) > MAX_ADDED_BYTES)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "an added token has no id, no content or one of more than %d bytes.",
                              MAX_ADDED_BYTES);
  if (g_hash_table_contains (tokenizer->added.by_content, content))
    return true; /* the first one counts */
  if (!place_added (tokenizer, content, id, &token, error))
    return false;
  token.content = g_strdup (content);
  token.pattern = pattern_of (tokenizer, scratch, &token);
  cs_added_append (&tokenizer->added, &token);
  return true;
}

static bool
read_added (CsTokenizer *tokenizer, json_t *list, GError **error)
{
  size_t i;
  json_t *value;
  bool ok = true;

  if (list == NULL || json_is_null (list))
    return true;
  if (!json_is_array (list))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error, "“added_tokens” is not a list.");
  CsScratch *scratch = cs_scratch_new ();
  json_array_foreach (list, i, value)
  {
    ok = ok && read_added_token (tokenizer, value, scratch, error);
  }
  cs_scratch_free (scratch);
  cs_added_index (&tokenizer->added);
  return ok;
}

static bool
check_added_by_processor (const CsTokenizer *tokenizer, const GArray *ids, GError **error)
{
  for (guint i = 0; i < ids->len; i++)
    {
      int32_t id = g_array_index (ids, int32_t, i);
      if (cs_vocab_spelling (&tokenizer->vocab, id) == NULL)
        return cs_tokenizer_fail (
            tokenizer, CS_ERROR_FORMAT, error,
            "its post-processor adds the id %d, which the vocabulary has not.", id);
    }
  return true;
}

/* “truncation” and “padding” are left alone: the Python tools reset both whenever they encode. */
bool
cs_tokenizer_read (CsTokenizer *tokenizer, json_t *root, GError **error)
{
  json_t *model = json_object_get (root, "model");

  if (!json_is_object (root))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error, "it is not a JSON object.");
  if (!cs_tokenizer_read_model (tokenizer, model, error) ||
      !cs_tokenizer_read_normalizer (tokenizer, json_object_get (root, "normalizer"), error) ||
      !cs_tokenizer_read_pre_tokenizer (tokenizer, json_object_get (root, "pre_tokenizer"),
                                        error) ||
      !cs_tokenizer_read_post_processor (tokenizer, json_object_get (root, "post_processor"),
                                         error) ||
      !cs_tokenizer_read_decoder (tokenizer, json_object_get (root, "decoder"), error) ||
      !read_unknown (tokenizer, model, error) ||
      !read_added (tokenizer, json_object_get (root, "added_tokens"), error) ||
      !check_added_by_processor (tokenizer, tokenizer->prefix, error) ||
      !check_added_by_processor (tokenizer, tokenizer->suffix, error))
    return false;
  if (!tokenizer->byte_words && !tokenizer->ignore_merges)
    cs_neighbours_init (&tokenizer->neighbours, tokenizer);
  return true;
}
