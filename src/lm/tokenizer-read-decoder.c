/* tokenizer.json: the decoder. */
#include "tokenizer-internal.h"

#include "errors.h"
#include "json.h"

#define MAX_STRIPPED 4096

static const struct
{
  const char *type;
  CsDecodeKind kind;
} kinds[] = {
  { "ByteLevel", CS_DECODE_BYTE_LEVEL },
  { "Replace", CS_DECODE_REPLACE },
  { "ByteFallback", CS_DECODE_BYTE_FALLBACK },
  { "Fuse", CS_DECODE_FUSE },
  { "Strip", CS_DECODE_STRIP },
  { "Metaspace", CS_DECODE_METASPACE },
};

static bool
read_kind (CsTokenizer *tokenizer, const char *type, CsDecodeStep *step, GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (kinds); i++)
    if (strcmp (type, kinds[i].type) == 0)
      {
        step->kind = kinds[i].kind;
        return true;
      }
  return cs_part_refuse (tokenizer, "decoder", type, error);
}

/* A decoder of which no file says how it was prepended drops the first token's too. */
static bool
read_metaspace (CsTokenizer *tokenizer, json_t *part, CsDecodeStep *step, GError **error)
{
  const char *scheme;
  bool prefix;

  if (!cs_part_character (tokenizer, part, "Metaspace decoder", "replacement", "▁", step->character,
                          error) ||
      !cs_json_get_bool (part, tokenizer->path, "add_prefix_space", true, &prefix, error) ||
      !cs_json_get_string (part, tokenizer->path, "prepend_scheme", prefix ? "always" : "never",
                           &scheme, error))
    return false;
  step->drop_in_first = strcmp (scheme, "never") != 0;
  return true;
}

static bool
read_details (CsTokenizer *tokenizer, json_t *part, CsDecodeStep *step, GError **error)
{
  const char *path = tokenizer->path;

  switch (step->kind)
    {
    case CS_DECODE_REPLACE:
      return cs_part_pattern (tokenizer, part, "Replace decoder", &step->pattern, error) &&
             cs_part_content (tokenizer, part, "Replace decoder", "content", &step->content, error);
    case CS_DECODE_STRIP:
      return cs_part_character (tokenizer, part, "Strip decoder", "content", NULL, step->character,
                                error) &&
             cs_json_get_size (part, path, "start", 0, MAX_STRIPPED, 0, &step->start, error) &&
             cs_json_get_size (part, path, "stop", 0, MAX_STRIPPED, 0, &step->stop, error);
    case CS_DECODE_METASPACE:
      return read_metaspace (tokenizer, part, step, error);
    default:
      return true;
    }
}

static bool
read_step (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  CsDecodeStep step = { 0 };

  if (tokenizer->decoder->len == CS_MAX_STEPS)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its decoder has more than %d steps.", CS_MAX_STEPS);
  if (!read_kind (tokenizer, cs_part_type (part), &step, error) ||
      !read_details (tokenizer, part, &step, error))
    {
      cs_decode_step_clear (&step);
      return false;
    }
  g_array_append_val (tokenizer->decoder, step);
  return true;
}

bool
cs_tokenizer_read_decoder (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  if (part == NULL || json_is_null (part))
    {
      CsDecodeStep join = { .kind = CS_DECODE_JOIN };
      g_array_append_val (tokenizer->decoder, join);
      return true;
    }
  return cs_part_each (tokenizer, part, "decoders", read_step, error);
}
