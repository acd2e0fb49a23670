#include "tokenizer-internal.h"

#include "errors.h"

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

/* PCRE2's \s also takes U+180E, which Unicode does not count as white space any more. */
static char *
with_unicode_spaces (const char *pattern)
{
  GString *out = g_string_sized_new (strlen (pattern) + 64);

  for (const char *p = pattern; *p != '\0'; p++)
    {
      if (*p != '\\' || p[1] == '\0')
        {
          g_string_append_c (out, *p);
          continue;
        }
      p++;
      if (*p == 's')
        g_string_append (out, "\\p{White_Space}");
      else if (*p == 'S')
        g_string_append (out, "\\P{White_Space}");
      else
        g_string_append_printf (out, "\\%c", *p);
    }
  return g_string_free (out, FALSE);
}

static pcre2_code *
compile (const char *pattern, bool literal, uint32_t options, int *number, size_t *offset)
{
  pcre2_compile_context *context = pcre2_compile_context_create (NULL);
  g_autofree char *text = literal ? g_strdup (pattern) : with_unicode_spaces (pattern);

  /* As Oniguruma reads Ruby's syntax: ^ and $ at every line, the dot stops at \n only. */
  pcre2_set_newline (context, PCRE2_NEWLINE_LF);
  options |= PCRE2_UTF | PCRE2_NO_UTF_CHECK;
  options |= literal ? PCRE2_LITERAL : PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
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
  pcre2_code *code = compile (pattern, false, PCRE2_NO_START_OPTIMIZE, &number, &offset);
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

pcre2_code *
cs_split_compile (const char *pattern, bool literal, const char *name, GError **error)
{
  int number;
  size_t offset;
  PCRE2_UCHAR message[256];

  if (pattern[0] == '\0' || strlen (pattern) > MAX_PATTERN)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
                   "%s: a pattern of the pre-tokenizer is empty or longer than %d bytes.", name,
                   MAX_PATTERN);
      return NULL;
    }
  pcre2_code *code = compile (pattern, literal, 0, &number, &offset);
  if (code == NULL)
    {
      pcre2_get_error_message (number, message, sizeof message);
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s: the pre-tokenizer's pattern cannot be compiled (%s).", name,
                   (const char *)message);
      return NULL;
    }
  if (!literal && !is_tame (pattern))
    {
      pcre2_code_free (code);
      g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                   "%s: the pre-tokenizer's pattern takes too long on ordinary text.", name);
      return NULL;
    }
  pcre2_jit_compile (code, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
  return code;
}

pcre2_code *
cs_split_compile_gpt2 (void)
{
  int number;
  size_t offset;

  pcre2_code *code = compile (gpt2_pattern, false, 0, &number, &offset);
  g_assert (code != NULL);
  pcre2_jit_compile (code, PCRE2_JIT_COMPLETE);
  return code;
}

/* ---- scratch ----------------------------------------------------------- */

CsScratch *
cs_scratch_new (void)
{
  CsScratch *scratch = g_new0 (CsScratch, 1);

  scratch->cache = cs_word_cache_new ();
  scratch->match_data = pcre2_match_data_create (1, NULL);
  scratch->match_context = pcre2_match_context_create (NULL);
  scratch->jit_stack = pcre2_jit_stack_create (32 * 1024, 8 * 1024 * 1024, NULL);
  pcre2_jit_stack_assign (scratch->match_context, NULL, scratch->jit_stack);
  pcre2_set_match_limit (scratch->match_context, MATCH_LIMIT);
  pcre2_set_depth_limit (scratch->match_context, DEPTH_LIMIT);
  pcre2_set_heap_limit (scratch->match_context, HEAP_LIMIT_KIB);
  cs_text_buffer_init (&scratch->scrubbed);
  cs_text_buffer_init (&scratch->normalized);
  cs_text_buffer_init (&scratch->prefixed);
  scratch->symbols = g_array_new (FALSE, FALSE, sizeof (CsSymbol));
  scratch->queue = g_array_new (FALSE, FALSE, sizeof (uint64_t));
  scratch->links = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  scratch->word_ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  return scratch;
}

void
cs_scratch_free (CsScratch *scratch)
{
  if (scratch == NULL)
    return;
  cs_word_cache_free (scratch->cache);
  pcre2_match_data_free (scratch->match_data);
  pcre2_match_context_free (scratch->match_context);
  pcre2_jit_stack_free (scratch->jit_stack);
  cs_text_buffer_clear (&scratch->scrubbed);
  cs_text_buffer_clear (&scratch->normalized);
  cs_text_buffer_clear (&scratch->prefixed);
  g_array_unref (scratch->symbols);
  g_array_unref (scratch->queue);
  g_array_unref (scratch->links);
  g_array_unref (scratch->word_ids);
  g_free (scratch);
}

/* ---- running ----------------------------------------------------------- */

typedef struct
{
  const CsSplitStep *steps;
  size_t n_steps;
  CsScratch *scratch;
  CsWordFunc func;
  void *data;
} Splitter;

/* A piece that may still grow, while one step goes over its text. */
typedef struct
{
  size_t step;
  size_t start, end;
  bool open;     /* there is one */
  bool is_match; /* the kind of what was added last */
} PendingPiece;

static void split_from (const Splitter *splitter, size_t step, const CsTextView *view);

static void
flush (const Splitter *splitter, const CsTextView *view, PendingPiece *pending)
{
  if (!pending->open || pending->start == pending->end)
    return;
  CsTextView slice = cs_text_slice (view, pending->start, pending->end);
  split_from (splitter, pending->step + 1, &slice);
}

/* Whether a piece of this kind joins what came before it. */
static bool
joins (CsSplitBehavior behavior, const PendingPiece *pending, bool is_match)
{
  switch (behavior)
    {
    case CS_SPLIT_CONTIGUOUS:
      return is_match == pending->is_match;
    case CS_SPLIT_MERGED_WITH_PREVIOUS:
      return is_match && !pending->is_match;
    case CS_SPLIT_MERGED_WITH_NEXT:
      return !is_match && pending->is_match;
    default:
      return false;
    }
}

static void
add_piece (const Splitter *splitter,
           const CsTextView *view,
           PendingPiece *pending,
           size_t start,
           size_t end,
           bool is_match)
{
  const CsSplitStep *step = &splitter->steps[pending->step];

  is_match = is_match != step->invert;
  if (pending->open && joins (step->behavior, pending, is_match))
    {
      pending->end = end;
      pending->is_match = is_match;
      return;
    }
  flush (splitter, view, pending);
  pending->open = step->behavior != CS_SPLIT_REMOVED || !is_match;
  pending->start = start;
  pending->end = end;
  pending->is_match = is_match;
}

/* The next match at or after from; false at the end of the text or of the pattern's limits. */
static bool
find_match (const Splitter *splitter,
            size_t step,
            const CsTextView *view,
            size_t from,
            size_t *start,
            size_t *end)
{
  CsScratch *scratch = splitter->scratch;
  const pcre2_code *code = splitter->steps[step].code;

  if (from > view->size || (scratch->failed_steps & (uint64_t)1 << step) != 0)
    return false;
  int status = pcre2_match (code, (PCRE2_SPTR)view->text, view->size, from, PCRE2_NO_UTF_CHECK,
                            scratch->match_data, scratch->match_context);
  if (status == PCRE2_ERROR_JIT_STACKLIMIT)
    status = pcre2_match (code, (PCRE2_SPTR)view->text, view->size, from,
                          PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, scratch->match_data,
                          scratch->match_context);
  if (status < 0)
    {
      if (status != PCRE2_ERROR_NOMATCH)
        scratch->failed_steps |= (uint64_t)1 << step;
      return false;
    }
  const size_t *bounds = pcre2_get_ovector_pointer (scratch->match_data);
  *start = bounds[0];
  *end = bounds[1];
  return bounds[0] >= from && bounds[1] >= bounds[0]; /* \K can make it otherwise */
}

static void
split_step (const Splitter *splitter, size_t step, const CsTextView *view)
{
  PendingPiece pending = { .step = step };
  size_t done = 0, from = 0, start, end;
  CsUtf8Status status;

  while (find_match (splitter, step, view, from, &start, &end))
    {
      if (done < start)
        add_piece (splitter, view, &pending, done, start, false);
      add_piece (splitter, view, &pending, start, end, true);
      done = from = end;
      if (start == end && end < view->size)
        from += cs_utf8_step (view->text + end, view->size - end, &status);
      else if (start == end)
        break;
    }
  if (done < view->size)
    add_piece (splitter, view, &pending, done, view->size, false);
  flush (splitter, view, &pending);
}

static void
split_from (const Splitter *splitter, size_t step, const CsTextView *view)
{
  if (view->size == 0)
    return;
  if (step == splitter->n_steps)
    {
      splitter->func (splitter->data, view);
      return;
    }
  CsTextView text = *view;
  if (splitter->steps[step].add_prefix_space && text.text[0] != ' ')
    text = cs_text_prepend_space (&text, &splitter->scratch->prefixed);
  if (splitter->steps[step].code == NULL)
    split_from (splitter, step + 1, &text);
  else
    split_step (splitter, step, &text);
}

void
cs_split_run (const GArray *steps,
              CsScratch *scratch,
              const CsTextView *view,
              CsWordFunc func,
              void *data)
{
  const Splitter splitter = {
    .steps = (const CsSplitStep *)(const void *)steps->data,
    .n_steps = steps->len,
    .scratch = scratch,
    .func = func,
    .data = data,
  };

  split_from (&splitter, 0, view);
}
