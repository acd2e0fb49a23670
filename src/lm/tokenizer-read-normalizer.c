/* tokenizer.json: the normalizer. */
#include "tokenizer-internal.h"

#include "errors.h"
#include "json.h"

static const struct
{
  const char *type;
  CsNormalizeKind kind;
  GNormalizeMode form;
} kinds[] = {
  { "NFC", CS_NORMALIZE_FORM, G_NORMALIZE_NFC },
  { "NFD", CS_NORMALIZE_FORM, G_NORMALIZE_NFD },
  { "NFKC", CS_NORMALIZE_FORM, G_NORMALIZE_NFKC },
  { "NFKD", CS_NORMALIZE_FORM, G_NORMALIZE_NFKD },
  { "Lowercase", CS_NORMALIZE_LOWERCASE, 0 },
  { "StripAccents", CS_NORMALIZE_STRIP_ACCENTS, 0 },
  { "Strip", CS_NORMALIZE_STRIP, 0 },
  { "Replace", CS_NORMALIZE_REPLACE, 0 },
  { "Prepend", CS_NORMALIZE_PREPEND, 0 },
  { "ByteLevel", CS_NORMALIZE_BYTE_LEVEL, 0 },
};

static bool
read_kind (CsTokenizer *tokenizer, const char *type, CsNormalizeStep *step, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (type, kinds[i].type) == 0)
      {
        step->kind = kinds[i].kind;
        step->form = kinds[i].form;
        return true;
      }
  return cs_part_refuse (tokenizer, "normalizer", type, error);
}

static bool
read_details (CsTokenizer *tokenizer, json_t *part, CsNormalizeStep *step, GError **error)
{
  const char *path = tokenizer->path;

  switch (step->kind)
    {
    case CS_NORMALIZE_STRIP:
      return cs_json_get_bool (part, path, "strip_left", true, &step->left, error) &&
             cs_json_get_bool (part, path, "strip_right", true, &step->right, error);
    case CS_NORMALIZE_REPLACE:
      return cs_part_pattern (tokenizer, part, "Replace normalizer", &step->pattern, error) &&
             cs_part_content (tokenizer, part, "Replace normalizer", "content", &step->content,
                              error);
    case CS_NORMALIZE_PREPEND:
      return cs_part_content (tokenizer, part, "Prepend normalizer", "prepend", &step->content,
                              error);
    default:
      return true;
    }
}

/* The step in words: two normalizers of the same words do the same. */
static void
describe (GString *out, json_t *part, const CsNormalizeStep *step)
{
  json_t *pattern = json_object_get (part, "pattern");
  const char *regex = json_string_value (json_object_get (pattern, "Regex"));

  g_string_append_printf (out, "%s%s", out->len > 0 ? ", " : "", cs_part_type (part));
  if (step->kind == CS_NORMALIZE_STRIP)
    g_string_append (out, step->left && step->right ? ""
                          : step->left              ? " left"
                          : step->right             ? " right"
                                                    : " nothing");
  if (step->pattern.literal != NULL)
    g_string_append_printf (out, " “%s” by", step->pattern.literal);
  else if (regex != NULL)
    g_string_append_printf (out, " /%s/ by", regex);
  if (step->content != NULL)
    g_string_append_printf (out, " “%s”", step->content);
}

static bool
read_step (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  CsNormalizeStep step = { 0 };

  if (tokenizer->normalizer->len == CS_MAX_STEPS)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its normalizer has more than %d steps.", CS_MAX_STEPS);
  if (!read_kind (tokenizer, cs_part_type (part), &step, error) ||
      !read_details (tokenizer, part, &step, error))
    {
      cs_normalize_step_clear (&step);
      return false;
    }
  describe (tokenizer->normalizer_text, part, &step);
  g_array_append_val (tokenizer->normalizer, step);
  return true;
}

bool
cs_tokenizer_read_normalizer (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  return cs_part_each (tokenizer, part, "normalizers", read_step, error);
}
