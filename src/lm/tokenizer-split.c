/* The steps of a pre-tokenizer: each splits what the one before it left. */
#include "tokenizer-internal.h"

void
cs_split_step_clear (CsSplitStep *step)
{
  cs_pattern_clear (&step->pattern);
}

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

/* A piece that step made goes on to the next one. */
static void
hand_on (const Splitter *splitter, size_t step, const CsTextView *piece)
{
  if (!splitter->steps[step].to_alphabet || piece->size == 0)
    {
      split_from (splitter, step + 1, piece);
      return;
    }
  CsTextView text = cs_text_to_alphabet (piece, &splitter->scratch->split[step][1]);
  split_from (splitter, step + 1, &text);
}

static void
flush (const Splitter *splitter, const CsTextView *view, PendingPiece *pending)
{
  if (!pending->open || pending->start == pending->end)
    return;
  CsTextView slice = cs_text_slice (view, pending->start, pending->end);
  hand_on (splitter, pending->step, &slice);
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

static void
split_step (const Splitter *splitter, size_t step, const CsTextView *view)
{
  PendingPiece pending = { .step = step };
  CsMatchState match = { 0 };
  size_t done = 0;

  while (cs_pattern_next (&splitter->steps[step].pattern, &splitter->scratch->matcher, view->text,
                          view->size, &match))
    {
      if (done < match.from)
        add_piece (splitter, view, &pending, done, match.from, false);
      add_piece (splitter, view, &pending, match.from, match.to, true);
      done = match.to;
    }
  if (done < view->size)
    add_piece (splitter, view, &pending, done, view->size, false);
  flush (splitter, view, &pending);
}

/* A space before the text, as ByteLevel has it. */
static CsTextView
put_space_first (const CsTextView *view, CsTextBuffer *buffer)
{
  cs_text_buffer_begin (buffer, view);
  cs_text_buffer_append (buffer, view, " ", 1, 0, 0);
  cs_text_buffer_copy (buffer, view, 0, view->size);
  return cs_text_buffer_view (buffer);
}

/* Metaspace: every space becomes the replacement, and one comes first where the scheme says so and
 * none is there. */
static CsTextView
replace_spaces (const CsSplitStep *step, const CsTextView *view, CsTextBuffer *buffer)
{
  size_t n = strlen (step->replacement), at = 0;
  bool begins =
      view->text[0] == ' ' || (view->size >= n && memcmp (view->text, step->replacement, n) == 0);

  cs_text_buffer_begin (buffer, view);
  if (!begins && (step->prepend == CS_PREPEND_ALWAYS ||
                  (step->prepend == CS_PREPEND_FIRST && view->n_first > 0)))
    cs_text_buffer_append (buffer, view, step->replacement, n, 0, 0);
  while (at < view->size)
    {
      const char *space = memchr (view->text + at, ' ', view->size - at);
      size_t end = space != NULL ? (size_t)(space - view->text) : view->size;
      cs_text_buffer_copy (buffer, view, at, end);
      if (space != NULL)
        cs_text_buffer_append (buffer, view, step->replacement, n, end, end + 1);
      at = end + 1;
    }
  return cs_text_buffer_view (buffer);
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
  const CsSplitStep *this = &splitter->steps[step];
  CsTextBuffer *buffer = &splitter->scratch->split[step][0];
  CsTextView text = *view;
  if (this->replacement[0] != '\0')
    text = replace_spaces (this, view, buffer);
  else if (this->prepend == CS_PREPEND_ALWAYS && view->text[0] != ' ')
    text = put_space_first (view, buffer);
  if (cs_pattern_is_set (&this->pattern))
    split_step (splitter, step, &text);
  else
    hand_on (splitter, step, &text);
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
