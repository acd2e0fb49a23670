/* Whether two tokenizers make the same ids of every text. */
#include "tokenizer-internal.h"

#include "file-error.h"

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
  cs_file_error (error, CS_ERROR_MISMATCH,
                 "%s and %s differ: %s; both models need the same tokenizer.", a->path, b->path,
                 what);
  return false;
}

size_t
cs_tokenizer_differences (const CsTokenizer *a,
                          const CsTokenizer *b,
                          size_t max,
                          GArray *differences)
{
  size_t n_ids = MAX (a->vocab.spelling->len, b->vocab.spelling->len), n = 0;

  for (int32_t id = 0; (size_t)id < n_ids; id++)
    {
      CsTokenDifference difference = { .id = id,
                                       .a = cs_vocab_spelling (&a->vocab, id),
                                       .b = cs_vocab_spelling (&b->vocab, id) };
      if (g_strcmp0 (difference.a, difference.b) == 0)
        continue;
      if (n++ < max)
        g_array_append_val (differences, difference);
    }
  return n;
}

static bool
equal_pieces (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  g_autoptr (GArray) first = g_array_new (FALSE, FALSE, sizeof (CsTokenDifference));
  size_t n = cs_tokenizer_differences (a, b, 1, first);

  if (n == 0)
    return true;
  const CsTokenDifference *d = &g_array_index (first, CsTokenDifference, 0);
  g_autofree char *more = n > 1 ? g_strdup_printf (", and %zu more tokens differ", n - 1) : NULL;
  return differ (a, b, error, "token %d is “%s” in one and “%s” in the other%s", d->id,
                 d->a != NULL ? d->a : "not there", d->b != NULL ? d->b : "not there",
                 more != NULL ? more : "");
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

static bool
equal_model (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  if (a->ignore_merges != b->ignore_merges)
    return differ (a, b, error, "only one of them has “ignore_merges”");
  if (a->byte_fallback != b->byte_fallback)
    return differ (a, b, error, "only one of them has “byte_fallback”");
  if (a->unk_id != b->unk_id || a->fuse_unk != b->fuse_unk)
    return differ (a, b, error, "they treat unknown characters differently");
  return true;
}

/* As much of the words for steps as a sentence bears. */
static char *
shorten (const GString *words)
{
  const char *end = words->str;

  if (words->len == 0)
    return g_strdup ("not at all");
  while (*end != '\0' && end - words->str < 120)
    end += cs_utf8_length (end);
  return g_strdup_printf ("%.*s%s", (int)(end - words->str), words->str, *end != '\0' ? "…" : "");
}

static bool
equal_steps (const CsTokenizer *a,
             const CsTokenizer *b,
             const char *verb,
             const GString *one,
             const GString *other,
             GError **error)
{
  if (strcmp (one->str, other->str) == 0)
    return true;
  g_autofree char *first = shorten (one), *second = shorten (other);
  return differ (a, b, error, "they %s text differently (%s in one, %s in the other)", verb, first,
                 second);
}

/* What a text is put between, and how tokens decode, do not count: pairs differ there, and what is
 * encoded is given to both models. */
static bool
equal_rules (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  return equal_merges (a, b, error) && equal_model (a, b, error) &&
         equal_steps (a, b, "normalize", a->normalizer_text, b->normalizer_text, error) &&
         equal_steps (a, b, "split", a->splitter_text, b->splitter_text, error);
}

bool
cs_tokenizer_equal (const CsTokenizer *a, const CsTokenizer *b, GError **error)
{
  if (a == b || strcmp (a->hash, b->hash) == 0)
    return true;
  return equal_pieces (a, b, error) && equal_added (a, b, error) && equal_rules (a, b, error);
}

/* --- Equal but for added tokens --- */

/* id → CsAddedToken, borrowed. */
static GHashTable *
added_by_id (const CsTokenizer *tokenizer)
{
  GHashTable *table = g_hash_table_new (NULL, NULL);

  for (guint i = 0; i < tokenizer->added.tokens->len; i++)
    {
      CsAddedToken *token = &g_array_index (tokenizer->added.tokens, CsAddedToken, i);
      g_hash_table_insert (table, GINT_TO_POINTER (token->id), token);
    }
  return table;
}

static bool
finds_alike (const CsAddedToken *a, const CsAddedToken *b)
{
  return a->normalized == b->normalized && a->lstrip == b->lstrip && a->rstrip == b->rstrip &&
         a->single_word == b->single_word;
}

/* *added: the id is a token that was added to one of them alone. */
static bool
compare_id (const CsTokenizer *base,
            const CsTokenizer *chat,
            GHashTable *tables[2],
            int32_t id,
            bool *added,
            GError **error)
{
  const char *spelling[2] = { cs_vocab_spelling (&base->vocab, id),
                              cs_vocab_spelling (&chat->vocab, id) };
  const CsAddedToken *token[2];
  bool ordinary = false;

  for (int m = 0; m < 2; m++)
    {
      token[m] = g_hash_table_lookup (tables[m], GINT_TO_POINTER (id));
      ordinary = ordinary || (spelling[m] != NULL && token[m] == NULL);
    }
  *added = true;
  if (g_strcmp0 (spelling[0], spelling[1]) != 0)
    return !ordinary || equal_pieces (base, chat, error);
  *added = (token[0] == NULL) != (token[1] == NULL);
  if (token[0] == NULL || token[1] == NULL || finds_alike (token[0], token[1]))
    return true;
  return differ (base, chat, error, "the added token “%s” is looked for in another way",
                 token[0]->content);
}

bool
cs_tokenizer_extends (const CsTokenizer *base,
                      const CsTokenizer *chat,
                      GArray *added,
                      GError **error)
{
  g_autoptr (GHashTable) of_base = added_by_id (base), of_chat = added_by_id (chat);
  GHashTable *tables[2] = { of_base, of_chat };
  size_t n_ids = MAX (base->vocab.spelling->len, chat->vocab.spelling->len);

  if (cs_tokenizer_equal (base, chat, NULL))
    return true;
  if (!equal_rules (base, chat, error))
    return false;
  for (int32_t id = 0; (size_t)id < n_ids; id++)
    {
      bool other;

      if (!compare_id (base, chat, tables, id, &other, error))
        return false;
      if (other && added != NULL)
        g_array_append_val (added, id);
    }
  return true;
}
