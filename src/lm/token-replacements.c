#include "token-replacements.h"

#include <errno.h>
#include <stdlib.h>

#include "errors.h"
#include "model-private.h"

static bool
parse_id (const char **p, char after, int32_t *id)
{
  char *end;
  long long value;

  if (!g_ascii_isdigit (**p))
    return false;
  errno = 0;
  value = strtoll (*p, &end, 10);
  if (errno != 0 || value > G_MAXINT32 || (after != '\0' && *end != after))
    return false;
  *id = (int32_t)value;
  *p = after != '\0' ? end + 1 : end;
  return true;
}

static int
compare_from (const void *a, const void *b)
{
  const CsTokenReplacement *left = a, *right = b;

  return (left->from > right->from) - (left->from < right->from);
}

static bool
check_list (GArray *list, GError **error)
{
  g_array_sort (list, compare_from);
  for (guint i = 1; i < list->len; i++)
    {
      int32_t from = g_array_index (list, CsTokenReplacement, i).from;

      if (from != g_array_index (list, CsTokenReplacement, i - 1).from)
        continue;
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "Token %d is replaced twice: name it once.",
                   from);
      return false;
    }
  if (list->len <= CS_MAX_TOKEN_REPLACEMENTS)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_USAGE, "At most %d tokens can be replaced, not %u.",
               CS_MAX_TOKEN_REPLACEMENTS, list->len);
  return false;
}

GArray *
cs_token_replacements_parse (const char *text, GError **error)
{
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (CsTokenReplacement));

  for (const char *p = text != NULL ? text : ""; *p != '\0';)
    {
      CsTokenReplacement one;
      const char *start = p;

      if (g_ascii_isspace (*p) || *p == ',')
        {
          p++;
          continue;
        }
      if (!parse_id (&p, '=', &one.from) || !parse_id (&p, '\0', &one.to) ||
          (*p != '\0' && *p != ',' && !g_ascii_isspace (*p)) || list->len > 2 * CS_MAX_TOKEN_REPLACEMENTS)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "“%.20s” replaces no token: write ID=ID, such as 128006=1432.", start);
          return NULL;
        }
      g_array_append_val (list, one);
    }
  return check_list (list, error) ? g_steal_pointer (&list) : NULL;
}

char *
cs_token_replacements_text (const GArray *list)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++)
    {
      const CsTokenReplacement *one = &g_array_index (list, CsTokenReplacement, i);

      g_string_append_printf (text, "%s%d=%d", i > 0 ? " " : "", one->from, one->to);
    }
  return list->len > 0 ? g_strdup (text->str) : NULL;
}

bool
cs_model_replace_tokens (CsModel *model, const char *text, GError **error)
{
  g_autoptr (GArray) list = cs_token_replacements_parse (text, error);
  size_t vocab_size = model->architecture.sizes.vocab_size;

  if (list == NULL)
    return false;
  for (guint i = 0; i < list->len; i++)
    {
      int32_t to = g_array_index (list, CsTokenReplacement, i).to;

      if ((size_t)to < vocab_size)
        continue;
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "Token %d, which is to be read in place of another, is outside the vocabulary of "
                   "%s, which has %zu.",
                   to, model->name, vocab_size);
      return false;
    }
  g_clear_pointer (&model->replacements, g_array_unref);
  if (list->len > 0)
    model->replacements = g_steal_pointer (&list);
  return true;
}

int32_t
cs_model_read_id (const CsModel *model, int32_t id)
{
  const CsTokenReplacement *list = (const CsTokenReplacement *)(const void *)model->replacements->data;

  for (guint i = 0; i < model->replacements->len && list[i].from <= id; i++)
    if (list[i].from == id)
      return list[i].to;
  return id;
}
