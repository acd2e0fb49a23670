/* tokenizer.json: normalizer, pre-tokenizer, post-processor and decoder. What is not known is
 * refused by name. */
#include "tokenizer-internal.h"

#include "errors.h"
#include "json.h"

#define MAX_DEPTH 8

static const char *
type_of (json_t *part)
{
  const char *type = json_string_value (json_object_get (part, "type"));

  return type != NULL ? type : "unnamed";
}

static bool
refuse (CsTokenizer *tokenizer, const char *what, const char *type, GError **error)
{
  return cs_tokenizer_fail (
      tokenizer, CS_ERROR_UNSUPPORTED, error,
      "its %s is of type “%s”, which this version does not know; it reads byte-level BPE.", what,
      type);
}

typedef bool (*PartFunc) (CsTokenizer *tokenizer, json_t *part, GError **error);

/* Calls func for part, or for each part of a Sequence (whose list has the name `list`). */
static bool
for_each_part (CsTokenizer *tokenizer,
               json_t *part,
               const char *list,
               PartFunc func,
               unsigned depth,
               GError **error)
{
  size_t i;
  json_t *item;

  if (part == NULL || json_is_null (part))
    return true;
  if (strcmp (type_of (part), "Sequence") != 0)
    return func (tokenizer, part, error);
  json_t *items = json_object_get (part, list);
  if (!json_is_array (items) || depth == MAX_DEPTH)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "a Sequence has no “%s” or is nested too deep.", list);
  json_array_foreach (items, i, item) if (!for_each_part (tokenizer, item, list, func, depth + 1,
                                                          error)) return false;
  return true;
}

/* ---- normalizer -------------------------------------------------------- */

static bool
read_normalizer (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  if (strcmp (type_of (part), "NFC") != 0)
    return refuse (tokenizer, "normalizer", type_of (part), error);
  tokenizer->nfc = true;
  return true;
}

/* ---- pre-tokenizer ----------------------------------------------------- */

static bool
parse_behavior (const char *name, CsSplitBehavior *behavior)
{
  static const char *const names[] = {
    [CS_SPLIT_ISOLATED] = "Isolated",
    [CS_SPLIT_REMOVED] = "Removed",
    [CS_SPLIT_CONTIGUOUS] = "Contiguous",
    [CS_SPLIT_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
    [CS_SPLIT_MERGED_WITH_NEXT] = "MergedWithNext",
  };

  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i]) == 0)
      {
        *behavior = (CsSplitBehavior)i;
        return true;
      }
  return false;
}

static bool
read_split (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  json_t *pattern = json_object_get (part, "pattern");
  const char *regex = json_string_value (json_object_get (pattern, "Regex"));
  const char *literal = json_string_value (json_object_get (pattern, "String"));
  const char *behavior;

  if (regex == NULL && literal == NULL)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "a Split has neither a regex nor a string.");
  if (!cs_json_get_string (part, tokenizer->path, "behavior", "Isolated", &behavior, error) ||
      !cs_json_get_bool (part, tokenizer->path, "invert", false, &step->invert, error))
    return false;
  if (!parse_behavior (behavior, &step->behavior))
    return refuse (tokenizer, "Split's behavior", behavior, error);
  step->code =
      cs_split_compile (regex != NULL ? regex : literal, regex == NULL, tokenizer->path, error);
  return step->code != NULL;
}

static bool
read_digits (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  bool individual;

  if (!cs_json_get_bool (part, tokenizer->path, "individual_digits", false, &individual, error))
    return false;
  step->behavior = individual ? CS_SPLIT_ISOLATED : CS_SPLIT_CONTIGUOUS;
  step->code = cs_split_compile ("\\p{N}", false, tokenizer->path, error);
  return step->code != NULL;
}

static bool
read_byte_level (CsTokenizer *tokenizer, json_t *part, CsSplitStep *step, GError **error)
{
  bool use_regex;

  if (!cs_json_get_bool (part, tokenizer->path, "use_regex", true, &use_regex, error) ||
      !cs_json_get_bool (part, tokenizer->path, "add_prefix_space", true, &step->add_prefix_space,
                         error))
    return false;
  step->behavior = CS_SPLIT_ISOLATED;
  step->code = use_regex ? cs_split_compile_gpt2 () : NULL;
  return true;
}

static bool
read_pre_tokenizer (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  CsSplitStep step = { 0 };
  const char *type = type_of (part);
  bool ok;

  if (tokenizer->byte_level)
    return cs_tokenizer_fail (
        tokenizer, CS_ERROR_UNSUPPORTED, error,
        "its pre-tokenizer goes on after ByteLevel, which this version does not know.");
  if (tokenizer->steps->len == CS_MAX_SPLIT_STEPS)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_FORMAT, error,
                              "its pre-tokenizer has more than %d steps.", CS_MAX_SPLIT_STEPS);
  if (strcmp (type, "Split") == 0)
    ok = read_split (tokenizer, part, &step, error);
  else if (strcmp (type, "Digits") == 0)
    ok = read_digits (tokenizer, part, &step, error);
  else if (strcmp (type, "ByteLevel") == 0)
    ok = tokenizer->byte_level = read_byte_level (tokenizer, part, &step, error);
  else
    ok = refuse (tokenizer, "pre-tokenizer", type, error);
  if (ok)
    g_array_append_val (tokenizer->steps, step);
  return ok;
}

/* ---- post-processor ---------------------------------------------------- */

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

static bool
read_post_processor (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  if (strcmp (type_of (part), "ByteLevel") == 0)
    return true; /* trims offsets only */
  if (strcmp (type_of (part), "TemplateProcessing") == 0)
    return read_template (tokenizer, part, error);
  return refuse (tokenizer, "post-processor", type_of (part), error);
}

/* ---- decoder ----------------------------------------------------------- */

static bool
read_decoder (CsTokenizer *tokenizer, json_t *part, GError **error)
{
  const char *type = type_of (part);

  if (strcmp (type, "Fuse") == 0)
    return true; /* ByteLevel has joined everything already */
  if (strcmp (type, "ByteLevel") != 0 || tokenizer->byte_decoder)
    return refuse (tokenizer, "decoder", type, error);
  tokenizer->byte_decoder = true;
  return true;
}

/* ---- all --------------------------------------------------------------- */

/* What decides about ids besides vocabulary, merges and added tokens. */
static char *
describe (const CsTokenizer *tokenizer, json_t *root)
{
  g_autoptr (json_t) parts = json_object ();
  json_t *normalizer = json_object_get (root, "normalizer"),
         *pre = json_object_get (root, "pre_tokenizer");

  json_object_set_new (parts, "ignore_merges", json_boolean (tokenizer->ignore_merges));
  json_object_set_new (parts, "normalizer",
                       normalizer != NULL ? json_incref (normalizer) : json_null ());
  json_object_set_new (parts, "pre_tokenizer", pre != NULL ? json_incref (pre) : json_null ());
  char *dump = json_dumps (parts, JSON_SORT_KEYS | JSON_COMPACT);
  char *text = g_strdup (dump);
  free (dump);
  return text;
}

bool
cs_tokenizer_read_pipeline (CsTokenizer *tokenizer, json_t *root, GError **error)
{
  if (!for_each_part (tokenizer, json_object_get (root, "normalizer"), "normalizers",
                      read_normalizer, 0, error) ||
      !for_each_part (tokenizer, json_object_get (root, "pre_tokenizer"), "pretokenizers",
                      read_pre_tokenizer, 0, error) ||
      !for_each_part (tokenizer, json_object_get (root, "post_processor"), "processors",
                      read_post_processor, 0, error) ||
      !for_each_part (tokenizer, json_object_get (root, "decoder"), "decoders", read_decoder, 0,
                      error))
    return false;
  if (!tokenizer->byte_level || !tokenizer->byte_decoder)
    return cs_tokenizer_fail (tokenizer, CS_ERROR_UNSUPPORTED, error,
                              "its %s is not ByteLevel; this version reads byte-level BPE only.",
                              tokenizer->byte_level ? "decoder" : "pre-tokenizer");
  tokenizer->pipeline = describe (tokenizer, root);
  return true;
}
