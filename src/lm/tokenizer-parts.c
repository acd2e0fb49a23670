/* What the readers of tokenizer.json's parts share. */
#include "tokenizer-internal.h"

#include "file-error.h"
#include "json.h"

#define MAX_DEPTH 8

bool
cs_tokenizer_fail (const CsTokenizer *tokenizer, int code, GError **error, const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  g_autofree char *sentence = g_strdup_vprintf (format, arguments);
  va_end (arguments);
  cs_file_error (error, code, "%s: %s", tokenizer->path, sentence);
  return false;
}

const char *
cs_part_type (json_t *part)
{
  const char *type = json_string_value (json_object_get (part, "type"));

  return type != NULL ? type : "unnamed";
}

bool
cs_part_refuse (const CsTokenizer *tokenizer, const char *what, const char *type, GError **error)
{
  return cs_tokenizer_fail (tokenizer, CS_ERROR_UNSUPPORTED, error,
                            "its %s is of type “%s”, which this version does not know.", what,
                            type);
}

static bool
each (CsTokenizer *tokenizer,
      json_t *part,
      const char *list,
      CsPartFunc func,
      unsigned depth,
      GError **error)
{
  size_t i;
  json_t *item;

  if (part == NULL || json_is_null (part))
    return true;
  if (strcmp (cs_part_type (part), "Sequence") != 0)
    return func (tokenizer, part, error);
  json_t *items = json_object_get (part, list);
  if (!json_is_array (items) || depth == MAX_DEPTH)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "a Sequence has no “%s” or is nested too deep.", list);
  json_array_foreach (items, i, item)
  {
    if (!each (tokenizer, item, list, func, depth + 1, error))
      return false;
  }
  return true;
}

bool
cs_part_each (CsTokenizer *tokenizer,
              json_t *part,
              const char *list,
              CsPartFunc func,
              GError **error)
{
  return each (tokenizer, part, list, func, 0, error);
}

bool
cs_part_pattern (CsTokenizer *tokenizer,
                 json_t *part,
                 const char *what,
                 CsPattern *pattern,
                 GError **error)
{
  json_t *value = json_object_get (part, "pattern");
  const char *regex = json_string_value (json_object_get (value, "Regex"));
  const char *literal = json_string_value (json_object_get (value, "String"));
  g_autofree char *name = g_strdup_printf ("its %s", what);

  if (regex == NULL && literal == NULL)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its %s has neither a regex nor a string as its pattern.", what);
  if (regex == NULL && (literal[0] == '\0' || strlen (literal) > CS_MAX_CONTENT))
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "the pattern of its %s is empty or longer than %d bytes.", what,
                              CS_MAX_CONTENT);
  if (tokenizer->n_patterns == CS_MAX_PATTERNS)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error, "it has more than %d patterns.",
                              CS_MAX_PATTERNS);
  pattern->number = tokenizer->n_patterns++;
  if (regex != NULL)
    return cs_pattern_set_regex (pattern, regex, tokenizer->path, name, error);
  cs_pattern_set_literal (pattern, literal);
  return true;
}

bool
cs_part_content (CsTokenizer *tokenizer,
                 json_t *part,
                 const char *what,
                 const char *key,
                 char **content,
                 GError **error)
{
  const char *text;

  if (!cs_json_get_string (part, tokenizer->path, key, NULL, &text, error))
    return false;
  if (text == NULL || strlen (text) > CS_MAX_CONTENT)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its %s has no “%s” or one of more than %d bytes.", what, key,
                              CS_MAX_CONTENT);
  *content = g_strdup (text);
  return true;
}

bool
cs_part_character (CsTokenizer *tokenizer,
                   json_t *part,
                   const char *what,
                   const char *key,
                   const char *fallback,
                   char character[8],
                   GError **error)
{
  const char *text;

  if (!cs_json_get_string (part, tokenizer->path, key, fallback, &text, error))
    return false;
  if (text == NULL || text[0] == '\0' || text[cs_utf8_length (text)] != '\0')
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "“%s” of its %s is not one character.", key, what);
  g_strlcpy (character, text, 8);
  return true;
}
