/* tokenizer.json: the pre-tokenizer. */
#include "tokenizer-internal.h"

#include "errors.h"
#include "json.h"

static const char *const behaviors[] = {
  [CS_SPLIT_ISOLATED] = "Isolated",
  [CS_SPLIT_REMOVED] = "Removed",
  [CS_SPLIT_CONTIGUOUS] = "Contiguous",
  [CS_SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
  [CS_SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
};

static bool
read_behavior (CsTokenizer *tokenizer,
               json_t *part,
               const char *what,
               CsSplitStep *step,
               GError **error)
{
  const char *name;

  if (!cs_json_get_string (part, tokenizer->path, "behavior", "Isolated", &name, error))
    return false;
  for (size_t i = 0; i < G_N_ELEMENTS (behaviors); i++)
    if (strcmp (name, behaviors[i]) == 0)
      {
        step->behavior = (CsSplitBehavior)i;
        return true;
      }
  return cs_part_refuse (tokenizer, what, name, error);
}

static bool
read_split (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  return cs_part_pattern (tokenizer, part, "Split pre-tokenizer", &step->pattern, error) &&
         read_behavior (tokenizer, part, "Split's behavior", step, error) &&
         cs_json_get_bool (part, tokenizer->path, "invert", false, &step->invert, error);
}

static bool
read_digits (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  bool individual;

  if (!cs_json_get_bool (part, tokenizer->path, "individual_digits", false, &individual, error))
    return false;
  step->behavior = individual ? CS_SPLIT_ISOLATED : CS_SPLIT_CONTIGUOUS;
  step->pattern.test = cs_is_number;
  return true;
}

static bool
read_punctuation (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  step->pattern.test = cs_is_punctuation;
  return read_behavior (tokenizer, part, "Punctuation's behavior", step, error);
}

static bool
read_white_space (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  (void)tokenizer;
  (void)part;
  (void)error;
  step->pattern.test = cs_is_white_space;
  step->behavior = CS_SPLIT_REMOVED;
  return true;
}

static bool
is_symbol (gunichar c)
{
  return !cs_is_word_character (c) && !cs_is_white_space (c);
}

/* \w+|[^\w\s]+ and nothing else: what Removed leaves of the white space, with words apart. */
static bool
read_words (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  CsSplitStep first = { 0 };

  read_white_space (tokenizer, part, &first, error);
  g_array_append_val (tokenizer->steps, first);
  step->pattern.test = is_symbol;
  step->behavior = CS_SPLIT_CONTIGUOUS;
  return true;
}

static bool
read_delimiter (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  char character[8];

  if (!cs_part_character (tokenizer, part, "CharDelimiterSplit", "delimiter", NULL, character,
                          error))
    return false;
  cs_pattern_set_literal (&step->pattern, character);
  step->behavior = CS_SPLIT_REMOVED;
  return true;
}

/* White space removed, then punctuation alone. */
static bool
read_bert (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  CsSplitStep first = { 0 };

  read_white_space (tokenizer, part, &first, error);
  g_array_append_val (tokenizer->steps, first);
  step->pattern.test = cs_is_punctuation;
  return true;
}

static bool
read_byte_level (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  bool use_regex, prefix;

  if (!cs_json_get_bool (part, tokenizer->path, "use_regex", true, &use_regex, error) ||
      !cs_json_get_bool (part, tokenizer->path, "add_prefix_space", true, &prefix, error))
    return false;
  step->prepend = prefix ? CS_PREPEND_ALWAYS : CS_PREPEND_NEVER;
  if (!use_regex)
    return true;
  if (tokenizer->n_patterns == CS_MAX_PATTERNS)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error, "it has more than %d patterns.",
                              CS_MAX_PATTERNS);
  step->pattern.number = tokenizer->n_patterns++;
  cs_pattern_set_gpt2 (&step->pattern);
  return true;
}

static bool
read_scheme (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  const char *scheme;
  bool prefix;

  /* Older files have add_prefix_space alone. */
  if (!cs_json_get_bool (part, tokenizer->path, "add_prefix_space", true, &prefix, error) ||
      !cs_json_get_string (part, tokenizer->path, "prepend_scheme", prefix ? "always" : "never",
                           &scheme, error))
    return false;
  if (strcmp (scheme, "always") == 0)
    step->prepend = CS_PREPEND_ALWAYS;
  else if (strcmp (scheme, "first") == 0)
    step->prepend = CS_PREPEND_FIRST;
  else if (strcmp (scheme, "never") != 0)
    return cs_part_refuse (tokenizer, "Metaspace's prepend_scheme", scheme, error);
  return true;
}

static bool
read_metaspace (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  bool splits;

  if (!cs_part_character (tokenizer, part, "Metaspace", "replacement", "▁", step->replacement,
                          error) ||
      !cs_json_get_bool (part, tokenizer->path, "split", true, &splits, error) ||
      !read_scheme (tokenizer, part, step, error))
    return false;
  if (splits)
    cs_pattern_set_literal (&step->pattern, step->replacement);
  step->behavior = CS_SPLIT_MERGED_WITH_NEXT;
  return true;
}

static const struct
{
  const char *type;
  bool (*read) (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error);
} readers[] = {
  { "Split", read_split },
  { "Digits", read_digits },
  { "Punctuation", read_punctuation },
  { "WhitespaceSplit", read_white_space },
  { "Whitespace", read_words },
  { "CharDelimiterSplit", read_delimiter },
  { "BertPreTokenizer", read_bert },
  { "ByteLevel", read_byte_level },
  { "Metaspace", read_metaspace },
};

/* The step in words: two pre-tokenizers of the same words do the same. */
static void
describe (GString *out, json_t *part, const CsSplitStep *step)
{
  json_t *pattern = json_object_get (part, "pattern");
  const char *regex = json_string_value (json_object_get (pattern, "Regex"));
  static const char *const schemes[] = { "", " first", " always" };

  g_string_append_printf (out, "%s%s", out->len > 0 ? ", " : "", cs_part_type (part));
  if (regex != NULL)
    g_string_append_printf (out, " /%s/", regex);
  else if (step->pattern.literal != NULL)
    g_string_append_printf (out, " “%s”", step->pattern.literal);
  else
    g_string_append (out, cs_pattern_is_set (&step->pattern) ? "" : " whole");
  g_string_append_printf (out, " %s%s%s%s", behaviors[step->behavior],
                          step->invert ? " inverted" : "", step->replacement,
                          schemes[step->prepend]);
}

static bool
read_known (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  const char *type = cs_part_type (part);

  for (size_t i = 0; i < G_N_ELEMENTS (readers); i++)
    if (strcmp (type, readers[i].type) == 0)
      return readers[i].read (tokenizer, part, step, error);
  return cs_part_refuse (tokenizer, "pre-tokenizer", type, error);
}

/* What comes behind ByteLevel sees bytes spelled in the alphabet; at the end, words stay bytes. */
static bool
read_step (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  CsSplitStep step = { 0 };

  if (tokenizer->byte_words)
    g_array_index (tokenizer->steps, CsSplitStep, tokenizer->steps->len - 1).to_alphabet = true;
  tokenizer->byte_words = false;
  if (tokenizer->steps->len + 2 > CS_MAX_STEPS)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its pre-tokenizer has more than %d steps.", CS_MAX_STEPS);
  if (!read_known (tokenizer, part, &step, error))
    {
      cs_split_step_clear (&step);
      return false;
    }
  describe (tokenizer->splitter_text, part, &step);
  g_array_append_val (tokenizer->steps, step);
  tokenizer->byte_words = strcmp (cs_part_type (part), "ByteLevel") == 0;
  return true;
}

bool
cs_tokenizer_read_pre_tokenizer (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  return cs_part_each (tokenizer, part, "pretokenizers", read_step, error);
}
