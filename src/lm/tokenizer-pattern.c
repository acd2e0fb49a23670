/* Finding a text, a kind of character or a regular expression in a text. */
#include "tokenizer-internal.h"

#include "file-error.h"

/* Steps of the matcher for one match: far above what the published patterns take on megabytes of
 * white space (the worst case, one step a character), and at most a second or so of a hostile
 * pattern. */
#define MATCH_LIMIT 20000000u
#define PROBE_MATCH_LIMIT 100000u
#define DEPTH_LIMIT 1000000u
#define HEAP_LIMIT_KIB (64u * 1024u)
#define MAX_PATTERN 65536

static const char gpt2_pattern[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/* ---- what a thread matches with ---------------------------------------- */

void
cs_matcher_init (CsMatcher *matcher)
{
  matcher->data = pcre2_match_data_create (1, NULL);
  matcher->context = pcre2_match_context_create (NULL);
  matcher->jit_stack = pcre2_jit_stack_create (32 * 1024, 8 * 1024 * 1024, NULL);
  pcre2_jit_stack_assign (matcher->context, NULL, matcher->jit_stack);
  pcre2_set_match_limit (matcher->context, MATCH_LIMIT);
  pcre2_set_depth_limit (matcher->context, DEPTH_LIMIT);
  pcre2_set_heap_limit (matcher->context, HEAP_LIMIT_KIB);
  matcher->failed = 0;
}

void
cs_matcher_clear (CsMatcher *matcher)
{
  pcre2_match_data_free (matcher->data);
  pcre2_match_context_free (matcher->context);
  pcre2_jit_stack_free (matcher->jit_stack);
}

/* ---- making ------------------------------------------------------------ */

/* `text` is an expression as PCRE2 reads it. */
static pcre2_code *
compile (const char *text, uint32_t options, int *number, size_t *offset)
{
  pcre2_compile_context *context = pcre2_compile_context_create (NULL);

  /* As Oniguruma reads Ruby's syntax: ^ and $ at every line, the dot stops at \n only. */
  pcre2_set_newline (context, PCRE2_NEWLINE_LF);
  options |= PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_UCP | PCRE2_MULTILINE;
  options |= PCRE2_NEVER_BACKSLASH_C;
  pcre2_code *code =
      pcre2_compile ((PCRE2_SPTR)text, strlen (text), options, number, offset, context);
  pcre2_compile_context_free (context);
  return code;
}

/* Runs the pattern from every position of a text; false where it takes too many steps. */
static bool
survives (const pcre2_code *code,
          const char *text,
          pcre2_match_data *data,
          pcre2_match_context *context)
{
  size_t size = strlen (text);

  for (size_t at = 0; at < size; at++)
    {
      int status = pcre2_match (code, (PCRE2_SPTR)text, size, at,
                                PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED, data, context);
      if (status < 0 && status != PCRE2_ERROR_NOMATCH)
        return false;
    }
  return true;
}

/* Patterns that backtrack exponentially show it on short runs of one kind of character; not so
 * where the matcher may look ahead for a character that has to follow, so that is switched off. */
static bool
is_tame (const char *pattern)
{
  int number;
  size_t offset;
  pcre2_code *code = compile (pattern, PCRE2_NO_START_OPTIMIZE, &number, &offset);
  static const char *const parts[] = { "a", " ", "1", "\n", "-", "aA", "a ", "é", "\r\n", "'s" };
  static const char *const ends[] = { "", "!", "x", "\x01" };
  pcre2_match_data *data = pcre2_match_data_create (1, NULL);
  pcre2_match_context *context = pcre2_match_context_create (NULL);
  bool tame = code != NULL;

  pcre2_set_match_limit (context, PROBE_MATCH_LIMIT);
  pcre2_set_depth_limit (context, DEPTH_LIMIT);
  pcre2_set_heap_limit (context, HEAP_LIMIT_KIB);
  for (size_t i = 0; tame && i < G_N_ELEMENTS (parts); i++)
    for (size_t j = 0; tame && j < G_N_ELEMENTS (ends); j++)
      {
        g_autoptr (GString) text = g_string_new (NULL);
        for (size_t k = 0; k < 48; k++)
          g_string_append (text, parts[i]);
        g_string_append (text, ends[j]);
        tame = survives (code, text->str, data, context);
      }
  pcre2_match_context_free (context);
  pcre2_match_data_free (data);
  pcre2_code_free (code);
  return tame;
}

bool
cs_pattern_set_regex (CsPattern *pattern,
                      const char *regex,
                      const char *path,
                      const char *what,
                      GError **error)
{
  int number;
  size_t offset;
  PCRE2_UCHAR message[256];

  if (regex[0] == '\0' || strlen (regex) > MAX_PATTERN)
    {
      cs_file_error (error, CS_ERROR_FORMAT,
                     "%s: a pattern of %s is empty or longer than %d bytes.", path, what,
                     MAX_PATTERN);
      return false;
    }
  g_autofree char *text = cs_regex_translate (regex, error);
  if (text == NULL)
    {
      g_prefix_error (error, "%s: a pattern of %s ", path, what);
      return false;
    }
  pattern->code = compile (text, 0, &number, &offset);
  if (pattern->code == NULL)
    {
      pcre2_get_error_message (number, message, sizeof message);
      cs_file_error (error, CS_ERROR_UNSUPPORTED, "%s: a pattern of %s cannot be compiled (%s).",
                     path, what, (const char *)message);
      return false;
    }
  if (!is_tame (text))
    {
      cs_file_error (error, CS_ERROR_UNSUPPORTED,
                     "%s: a pattern of %s takes too long on ordinary text.", path, what);
      return false;
    }
  pcre2_jit_compile (pattern->code, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
  return true;
}

void
cs_pattern_set_gpt2 (CsPattern *pattern)
{
  int number;
  size_t offset;
  g_autofree char *text = cs_regex_translate (gpt2_pattern, NULL);

  pattern->code = compile (text, 0, &number, &offset);
  g_assert (pattern->code != NULL);
  pcre2_jit_compile (pattern->code, PCRE2_JIT_COMPLETE);
}

void
cs_pattern_set_literal (CsPattern *pattern, const char *content)
{
  pattern->literal = g_strdup (content);
  pattern->n_literal = strlen (content);
}

void
cs_pattern_clear (CsPattern *pattern)
{
  g_clear_pointer (&pattern->literal, g_free);
  g_clear_pointer (&pattern->code, pcre2_code_free);
  pattern->test = NULL;
}

bool
cs_pattern_is_set (const CsPattern *pattern)
{
  return pattern->literal != NULL || pattern->test != NULL || pattern->code != NULL;
}

/* ---- finding ----------------------------------------------------------- */

static bool
next_literal (const CsPattern *pattern, const char *text, size_t size, CsMatchState *state)
{
  const char *from = text + state->searched;
  const char *at = memmem (from, size - state->searched, pattern->literal, pattern->n_literal);

  if (at == NULL)
    return false;
  state->from = (size_t)(at - text);
  state->to = state->from + pattern->n_literal;
  return true;
}

static bool
next_character (const CsPattern *pattern, const char *text, size_t size, CsMatchState *state)
{
  size_t n;

  for (size_t at = state->searched; at < size; at += n)
    {
      n = cs_utf8_length (text + at);
      if (!pattern->test (cs_utf8_decode (text + at)))
        continue;
      state->from = at;
      state->to = at + n;
      return true;
    }
  return false;
}

static bool
next_regex (const CsPattern *pattern,
            CsMatcher *matcher,
            const char *text,
            size_t size,
            CsMatchState *state)
{
  const uint64_t bit = (uint64_t)1 << pattern->number;

  if ((matcher->failed & bit) != 0)
    return false;
  int status = pcre2_match (pattern->code, (PCRE2_SPTR)text, size, state->searched,
                            PCRE2_NO_UTF_CHECK, matcher->data, matcher->context);
  if (status == PCRE2_ERROR_JIT_STACKLIMIT)
    status = pcre2_match (pattern->code, (PCRE2_SPTR)text, size, state->searched,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, matcher->data, matcher->context);
  if (status < 0)
    {
      if (status != PCRE2_ERROR_NOMATCH)
        matcher->failed |= bit;
      return false;
    }
  const size_t *bounds = pcre2_get_ovector_pointer (matcher->data);
  if (bounds[0] < state->searched || bounds[1] < bounds[0]) /* \K can make it so */
    return false;
  state->from = bounds[0];
  state->to = bounds[1];
  return true;
}

bool
cs_pattern_next (const CsPattern *pattern,
                 CsMatcher *matcher,
                 const char *text,
                 size_t size,
                 CsMatchState *state)
{
  size_t last = state->to;

  while (state->searched <= size)
    {
      bool found = pattern->literal != NULL ? next_literal (pattern, text, size, state)
                   : pattern->test != NULL  ? next_character (pattern, text, size, state)
                                            : next_regex (pattern, matcher, text, size, state);
      if (!found)
        return false;
      state->searched = state->to;
      bool empty = state->from == state->to;
      if (!empty || !state->found_one || state->from != last)
        {
          state->found_one = true;
          return true;
        }
      state->searched += state->to < size ? cs_utf8_length (text + state->to) : 1;
    }
  return false;
}
