/* tokenizer.json: the post-processor, which adds tokens at the ends of a text. */
#include "tokenizer-internal.h"

#include "errors.h"
#include "json.h"

/* Appends the ids of the template's special token `name`. */
static bool
read_template_token (CsTokenizer *tokenizer,
                     json_t *part,
                     const char *name,
                     GArray *ids,
                     GError **error)
{
  json_t *token = json_object_get (json_object_get (part, "special_tokens"), name);
  json_t *list = json_object_get (token, "ids"), *value;
  size_t i;

  if (!json_is_array (list))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its post-processor does not say which ids “%s” has.", name);
  json_array_foreach (list, i, value)
  {
    json_int_t id = json_integer_value (value);
    if (!json_is_integer (value) || id < 0 || (uint64_t)id >= CS_VOCAB_MAX)
      return cs_tokenizer_fail (
          tokenizer, CS_ERROR_FORMAT, error,
          "an id of the post-processor's “%s” is not a whole number below %zu.", name,
          CS_VOCAB_MAX);
    int32_t small = (int32_t)id;
    g_array_append_val (ids, small);
  }
  return true;
}

/* “single”: tokens before and after the one sequence "A". */
static bool
read_template (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  json_t *single = json_object_get (part, "single"), *item;
  g_autoptr (GArray) before = g_array_new (FALSE, FALSE, sizeof (int32_t));
  g_autoptr (GArray) after = g_array_new (FALSE, FALSE, sizeof (int32_t));
  size_t i, n_sequences = 0;

  json_array_foreach (single, i, item)
  {
    json_t *sequence = json_object_get (item, "Sequence"),
           *special = json_object_get (item, "SpecialToken");
    const char *name =
        json_string_value (json_object_get (sequence != NULL ? sequence : special, "id"));
    if (name == NULL)
      return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                                "its post-processor's template has a piece without an id.");
    if (sequence != NULL)
      n_sequences += strcmp (name, "A") == 0 ? 1 : 2;
    else if (!read_template_token (tokenizer, part, name, n_sequences == 0 ? before : after, error))
      return false;
  }
  if (n_sequences != 1)
    return cs_tokenizer_fail (
        tokenizer, CS_ERROR_FORMAT, error,
        "its post-processor's template for one text does not hold that text once.");
  g_array_prepend_vals (tokenizer->prefix, before->data, before->len);
  g_array_append_vals (tokenizer->suffix, after->data, after->len);
  return true;
}

/* ["<s>", 0] under key: its id goes to ids. */
static bool
read_end_token (CsTokenizer *tokenizer, json_t *part, const char *key, GArray *ids, GError **error)
{
  json_t *value = json_array_get (json_object_get (part, key), 1);
  json_int_t id = json_integer_value (value);

  if (!json_is_integer (value) || id < 0 || (uint64_t)id >= CS_VOCAB_MAX)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its post-processor's “%s” is not a token with its id.", key);
  int32_t small = (int32_t)id;
  g_array_append_val (ids, small);
  return true;
}

/* BertProcessing, RobertaProcessing: “cls” first and “sep” last. */
static bool
read_ends (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  g_autoptr (GArray) before = g_array_new (FALSE, FALSE, sizeof (int32_t));

  if (!read_end_token (tokenizer, part, "cls", before, error) ||
      !read_end_token (tokenizer, part, "sep", tokenizer->suffix, error))
    return false;
  g_array_prepend_vals (tokenizer->prefix, before->data, before->len);
  return true;
}

static bool
read_step (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  const char *type = cs_part_type (part);

  if (strcmp (type, "ByteLevel") == 0)
    return true; /* trims offsets only */
  if (strcmp (type, "TemplateProcessing") == 0)
    return read_template (tokenizer, part, error);
  if (strcmp (type, "BertProcessing") == 0 || strcmp (type, "RobertaProcessing") == 0)
    return read_ends (tokenizer, part, error);
  return cs_part_refuse (tokenizer, "post-processor", type, error);
}

bool
cs_tokenizer_read_post_processor (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  return cs_part_each (tokenizer, part, "processors", read_step, error);
}
