#include "tokenizer-internal.h"

#include <glib/gstdio.h>

#include "errors.h"
#include "json.h"

#define MAX_FILE ((size_t)256 << 20)

const char *const cs_special_names[CS_N_SPECIAL] = {
  [CS_SPECIAL_BOS] = "bos_token",   [CS_SPECIAL_EOS] = "eos_token", [CS_SPECIAL_UNK] = "unk_token",
  [CS_SPECIAL_PAD] = "pad_token",   [CS_SPECIAL_SEP] = "sep_token", [CS_SPECIAL_CLS] = "cls_token",
  [CS_SPECIAL_MASK] = "mask_token",
};

static void
step_clear (void *data)
{
  CsSplitStep *step = data;

  pcre2_code_free (step->code);
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
  tokenizer->steps = g_array_new (FALSE, FALSE, sizeof (CsSplitStep));
  g_array_set_clear_func (tokenizer->steps, step_clear);
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
  g_array_unref (tokenizer->merge_list);
  g_array_unref (tokenizer->steps);
  g_array_unref (tokenizer->prefix);
  g_array_unref (tokenizer->suffix);
  for (size_t i = 0; i < CS_N_SPECIAL; i++)
    g_free (tokenizer->specials[i]);
  g_free (tokenizer->pipeline);
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
    g_set_error (error, CS_ERROR, CS_ERROR_IO,
                 "%s: there is no such file; a model folder needs one.", path);
  else if (!S_ISREG (status.st_mode) || (uint64_t)status.st_size > MAX_FILE)
    g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: it is no file or larger than %zu MiB.",
                 path, MAX_FILE >> 20);
  else if (!g_file_get_contents (path, content, size, &inner))
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s: it cannot be read: %s.", path, inner->message);
  else
    return true;
  return false;
}

CsTokenizer *
cs_tokenizer_parse (const char *path, const char *content, size_t size, GError **error)
{
  g_autoptr (CsTokenizer) tokenizer = tokenizer_new (path);
  g_autoptr (json_t) root = cs_json_parse (content, size, path, error);

  if (root == NULL || !cs_tokenizer_read (tokenizer, root, error))
    return NULL;
  tokenizer->hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *)content, size);
  return g_steal_pointer (&tokenizer);
}

/* Names from a JSON file beside tokenizer.json; a token is a string or {"content": …}. What is set
 * stays. */
static bool
read_specials (CsTokenizer *tokenizer, const char *folder, const char *file, GError **error)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return true;
  g_autoptr (json_t) root = cs_json_load (path, 0, error);
  if (root == NULL)
    return false;
  for (size_t i = 0; i < CS_N_SPECIAL; i++)
    {
      json_t *value = json_object_get (root, cs_special_names[i]);
      if (json_is_object (value))
        value = json_object_get (value, "content");
      if (json_is_string (value) && tokenizer->specials[i] == NULL)
        tokenizer->specials[i] = g_strdup (json_string_value (value));
    }
  return true;
}

CsTokenizer *
cs_tokenizer_open (const char *folder, GError **error)
{
  g_autofree char *path = g_build_filename (folder, "tokenizer.json", NULL);
  g_autofree char *content = NULL;
  size_t size = 0;

  if (!read_whole (path, &content, &size, error))
    return NULL;
  g_autoptr (CsTokenizer) tokenizer = cs_tokenizer_parse (path, content, size, error);
  if (tokenizer == NULL || !read_specials (tokenizer, folder, "tokenizer_config.json", error) ||
      !read_specials (tokenizer, folder, "special_tokens_map.json", error))
    return NULL;
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

/* ---- comparing --------------------------------------------------------- */

static bool
differ (const CsTokenizer *a, const CsTokenizer *b, GError **error, const char *format, ...)
    G_GNUC_PRINTF (4, 5);

static bool
differ (const CsTokenizer *a, const CsTokenizer *b, GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *what = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "%s and %s differ: %s; both models need the same tokenizer.", a->path, b->path,
               what);
  return false;
}

static bool
equal_pieces (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  size_t n = MAX (a->vocab.spelling->len, b->vocab.spelling->len);

  for (int32_t id = 0; (size_t)id < n; id++)
    {
      const char *one = cs_vocab_spelling (&a->vocab, id),
                 *other = cs_vocab_spelling (&b->vocab, id);
      if (g_strcmp0 (one, other) != 0)
        return differ (a, b, error, "token %d is “%s” in one and “%s” in the other", id,
                       one != NULL ? one : "not there", other != NULL ? other : "not there");
    }
  return true;
}

static bool
equal_added (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  const GArray *ours = a->added.tokens, *theirs = b->added.tokens;

  for (guint i = 0; i < ours->len && i < theirs->len; i++)
    {
      const CsAddedToken *one = &g_array_index (ours, CsAddedToken, i);
      const CsAddedToken *other = &g_array_index (theirs, CsAddedToken, i);
      if (strcmp (one->content, other->content) != 0 || one->id != other->id ||
          one->normalized != other->normalized || one->lstrip != other->lstrip ||
          one->rstrip != other->rstrip || one->single_word != other->single_word)
        return differ (a, b, error,
                       "added token %u is “%s” with id %d in one and “%s” with id %d in the other",
                       i, one->content, one->id, other->content, other->id);
    }
  if (ours->len != theirs->len)
    return differ (a, b, error, "one has %u added tokens, the other %u", ours->len, theirs->len);
  return true;
}

static bool
equal_merges (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  for (guint i = 0; i < a->merge_list->len && i < b->merge_list->len; i++)
    {
      const CsMerge *one = &g_array_index (a->merge_list, CsMerge, i);
      const CsMerge *other = &g_array_index (b->merge_list, CsMerge, i);
      if (one->pair != other->pair || one->id != other->id)
        return differ (a, b, error, "merge %u makes “%s” in one and “%s” in the other", i,
                       cs_vocab_spelling (&a->vocab, one->id),
                       cs_vocab_spelling (&b->vocab, other->id));
    }
  if (a->merge_list->len != b->merge_list->len)
    return differ (a, b, error, "one has %u merges, the other %u", a->merge_list->len,
                   b->merge_list->len);
  return true;
}

bool
cs_tokenizer_equal (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  if (a == b || strcmp (a->hash, b->hash) == 0)
    return true;
  if (!equal_pieces (a, b, error) || !equal_added (a, b, error) || !equal_merges (a, b, error))
    return false;
  if (strcmp (a->pipeline, b->pipeline) != 0)
    return differ (a, b, error, "they normalize or split text differently");
  return true;
}
