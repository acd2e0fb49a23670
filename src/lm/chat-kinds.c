/* What the characters of a rendering are, and from that its tokens. Contents and roles are known
 * from their marks; the template's own text is told apart by how it looks: special tokens, markers
 * in brackets, role names, newlines. */
#include <string.h>

#include "chat-private.h"

#define MAX_MARKER_BYTES 64

typedef struct
{
  const CsChatMarking *marking;
  GArray *parts; /* CsChatPart */
} Parts;

static void
add_part (Parts *parts, size_t end, CsTokenKind kind, int32_t turn)
{
  CsChatPart *last = parts->parts->len > 0
                         ? &g_array_index (parts->parts, CsChatPart, parts->parts->len - 1)
                         : NULL;

  if (last != NULL && last->kind == kind && last->turn == turn && kind != CS_TOKEN_START_OF_TURN &&
      kind != CS_TOKEN_END_OF_TURN)
    {
      last->end = end;
      return;
    }
  CsChatPart part = { end, kind, turn };
  g_array_append_val (parts->parts, part);
}

/* ---- markers ----------------------------------------------------------- */

/* The end of "<…>", "<<…>>" or "[…]" at p, or NULL. */
static const char *
bracket_end (const char *p, const char *end)
{
  const char close = *p == '<' ? '>' : ']';
  const char *q = p + 1;

  while (q < end && q - p < MAX_MARKER_BYTES && *q != close && !g_ascii_isspace (*q) && *q != '"')
    q++;
  if (q >= end || *q != close || q == p + 1)
    return NULL;
  return p[1] == '<' && q + 1 < end && q[1] == '>' ? q + 2 : q + 1;
}

/* Markers of templates whose tokenizer spells them in ordinary tokens: <|user|>, [INST], <<SYS>>.
 */
static bool
looks_like_marker (const char *name)
{
  const size_t n = strlen (name);

  if (name[0] == '[')
    return n > 2 && strspn (name + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_/") == n - 2;
  return g_str_has_prefix (name, "<|") || g_str_has_prefix (name, "<｜") ||
         g_str_has_prefix (name, "<<");
}

static bool
contains_any (const char *text, const char *const *words)
{
  for (; *words != NULL; words++)
    if (strstr (text, *words) != NULL)
      return true;
  return false;
}

static CsTokenKind
marker_kind (const CsChatMarking *marking, const char *name, bool at_start)
{
  static const char *const ends[] = { "end", "eot", "eom", "eos", NULL };
  static const char *const starts[] = { "start", "begin",       "user",   "human", "assistant",
                                        "bot",   "model",       "system", "inst",  "sys",
                                        "turn",  "tool_result", NULL };
  g_autofree char *lower = g_ascii_strdown (name, -1);

  if (g_strcmp0 (name, marking->bos) == 0 && (at_start || g_strcmp0 (name, marking->eos) != 0))
    return CS_TOKEN_BOS;
  if (g_strcmp0 (name, marking->eos) == 0)
    return CS_TOKEN_END_OF_TURN;
  if (strstr (lower, "header") != NULL && strstr (lower, "end") != NULL)
    return CS_TOKEN_TEMPLATE;
  if (lower[strspn (lower, "<[|")] == '/' || contains_any (lower, ends))
    return strstr (lower, "think") != NULL ? CS_TOKEN_TEMPLATE : CS_TOKEN_END_OF_TURN;
  return contains_any (lower, starts) ? CS_TOKEN_START_OF_TURN : CS_TOKEN_TEMPLATE;
}

/* The end of a special token's text at p, or NULL. */
static const char *
special_end (const char *p, const char *end, const char *special)
{
  const size_t n = special != NULL ? strlen (special) : 0;
  return n > 0 && (size_t)(end - p) >= n && memcmp (p, special, n) == 0 ? p + n : NULL;
}

/* The end of a marker at p, or NULL, and its kind. */
static const char *
marker_at (const CsChatMarking *marking, const char *p, const char *end, CsTokenKind *kind)
{
  const char *stop = special_end (p, end, marking->bos);

  if (stop == NULL)
    stop = special_end (p, end, marking->eos);
  if (stop == NULL && (*p == '<' || *p == '['))
    stop = bracket_end (p, end);
  if (stop == NULL)
    return NULL;
  g_autofree char *name = g_strndup (p, (size_t)(stop - p));
  const int32_t id = cs_tokenizer_find (marking->tokenizer, name);
  if (!looks_like_marker (name) && (id < 0 || !cs_tokenizer_is_special (marking->tokenizer, id)) &&
      g_strcmp0 (name, marking->bos) != 0 && g_strcmp0 (name, marking->eos) != 0)
    return NULL;
  *kind = marker_kind (marking, name, p == marking->text);
  return stop;
}

/* ---- the template's own text ------------------------------------------- */

/* The end of a role's name at p, or NULL. */
static const char *
role_end (const char *p, const char *end)
{
  static const char *const roles[] = { "user", "assistant", "model",   "system", "developer",
                                       "tool", "human",     "ipython", "bot" };
  const char *q = p;

  while (q < end && (g_ascii_isalpha (*q) || *q == '_'))
    q++;
  for (size_t i = 0; i < G_N_ELEMENTS (roles); i++)
    if (strlen (roles[i]) == (size_t)(q - p) &&
        g_ascii_strncasecmp (roles[i], p, (size_t)(q - p)) == 0)
      return q;
  return NULL;
}

static bool
follows_start (const Parts *parts)
{
  return parts->parts->len > 0 &&
         g_array_index (parts->parts, CsChatPart, parts->parts->len - 1).kind ==
             CS_TOKEN_START_OF_TURN;
}

static void
add_template_text (Parts *parts, size_t from, size_t to, int32_t turn)
{
  const char *text = parts->marking->text, *p = text + from, *end = text + to;

  while (p < end)
    {
      CsTokenKind kind = CS_TOKEN_TEMPLATE;
      const char *stop = marker_at (parts->marking, p, end, &kind);

      if (stop == NULL && (*p == '\n' || *p == '\r'))
        {
          kind = CS_TOKEN_NEWLINE;
          stop = p + 1;
        }
      if (stop == NULL && follows_start (parts) && (stop = role_end (p, end)) != NULL)
        kind = CS_TOKEN_ROLE;
      if (stop == NULL)
        stop = p + g_utf8_skip[(uint8_t)*p];
      p = MIN (stop, end);
      add_part (parts, (size_t)(p - text), kind, turn);
    }
}

static CsTokenKind
content_kind (json_t *messages, int32_t message)
{
  const char *role =
      json_string_value (json_object_get (json_array_get (messages, (size_t)message), "role"));

  if (g_strcmp0 (role, "user") == 0)
    return CS_TOKEN_CONTENT_USER;
  if (g_strcmp0 (role, "assistant") == 0 || g_strcmp0 (role, "model") == 0)
    return CS_TOKEN_CONTENT_MODEL;
  if (g_strcmp0 (role, "system") == 0 || g_strcmp0 (role, "developer") == 0)
    return CS_TOKEN_CONTENT_SYSTEM;
  return CS_TOKEN_CONTENT_OTHER;
}

/* ---- turns ------------------------------------------------------------- */

static bool
is_content (CsTokenKind kind)
{
  return !cs_token_kind_is_template (kind);
}

/* What opens a message; a newline does where nothing was closed before it. */
static bool
opens_turn (const CsChatPart *parts, size_t i)
{
  return parts[i].kind == CS_TOKEN_START_OF_TURN || parts[i].kind == CS_TOKEN_ROLE ||
         (parts[i].kind == CS_TOKEN_NEWLINE &&
          (i == 0 || parts[i - 1].kind != CS_TOKEN_END_OF_TURN));
}

/* Template text outside of a loop over messages has no turn of its own: what opens a message goes
 * to the one behind it, what closes one to the one before. BOS opens the text, whoever wrote it. */
static void
attach_turns (CsChatPart *parts, size_t n)
{
  for (size_t i = 1; i < n; i++)
    if (parts[i].turn < 0 && parts[i - 1].turn >= 0 &&
        (parts[i].kind == CS_TOKEN_END_OF_TURN || parts[i].kind == CS_TOKEN_NEWLINE))
      parts[i].turn = parts[i - 1].turn;
  for (size_t i = n; i-- > 1;)
    if (parts[i - 1].turn < 0 && parts[i].turn >= 0 && opens_turn (parts, i - 1))
      parts[i - 1].turn = parts[i].turn;
  if (n > 0 && parts[0].kind == CS_TOKEN_BOS)
    parts[0].turn = -1;
}

/* What comes behind the last message is the prompt for the answer, also where the loop's last pass
 * writes it. */
static void
attach_tail (CsChatPart *parts, size_t n, int32_t n_messages, bool prompt)
{
  size_t tail = n;
  bool begun = false;

  while (tail > 0 && !is_content (parts[tail - 1].kind) &&
         (parts[tail - 1].turn < 0 || parts[tail - 1].turn == n_messages - 1))
    tail--;
  const int32_t last = tail > 0 ? parts[tail - 1].turn : -1;
  for (size_t i = tail; i < n; i++)
    {
      begun |= prompt && (parts[i].turn < 0 ||
                          (parts[i].kind == CS_TOKEN_START_OF_TURN && last == n_messages - 1));
      if (begun)
        parts[i].turn = n_messages;
      else if (parts[i].turn < 0)
        parts[i].turn = last;
    }
}

GArray *
cs_chat_parts (const CsChatMarking *marking)
{
  Parts parts = { marking, g_array_new (FALSE, FALSE, sizeof (CsChatPart)) };
  size_t from = 0;

  for (guint i = 0; i < marking->runs->len; i++)
    {
      const CsJinjaRun *run = &g_array_index (marking->runs, CsJinjaRun, i);

      if (run->field == CS_JINJA_CONTENT)
        add_part (&parts, run->end, content_kind (marking->messages, run->message), run->message);
      else if (run->field == CS_JINJA_ROLE)
        add_part (&parts, run->end, CS_TOKEN_ROLE, run->message);
      else
        add_template_text (&parts, from, run->end, run->message);
      from = run->end;
    }
  CsChatPart *first = (CsChatPart *)(void *)parts.parts->data;
  attach_turns (first, parts.parts->len);
  attach_tail (first, parts.parts->len, (int32_t)json_array_size (marking->messages),
               marking->add_generation_prompt);
  return parts.parts;
}

/* ---- tokens ------------------------------------------------------------ */

void
cs_chat_mark_tokens (const char *text,
                     const GArray *spans,
                     const GArray *parts,
                     GArray *kinds,
                     GArray *turns)
{
  guint part = 0;

  for (guint i = 0; i < spans->len && parts->len > 0; i++)
    {
      const CsTokenSpan *span = &g_array_index (spans, CsTokenSpan, i);
      uint32_t at = span->start;

      /* " word" is what the word is, whoever wrote the space. */
      while (at + 1 < span->end && text[at] == ' ')
        at++;
      if (text[at] == ' ')
        at = span->start;
      while (part > 0 && g_array_index (parts, CsChatPart, part - 1).end > at)
        part--;
      while (part + 1 < parts->len && g_array_index (parts, CsChatPart, part).end <= at)
        part++;
      const CsChatPart *own = &g_array_index (parts, CsChatPart, part);
      const uint8_t kind = (uint8_t)own->kind;
      g_array_append_val (kinds, kind);
      g_array_append_val (turns, own->turn);
    }
}

const char *
cs_token_kind_name (CsTokenKind kind)
{
  static const char *const names[CS_N_TOKEN_KINDS] = {
    [CS_TOKEN_CONTENT_USER] = "user",
    [CS_TOKEN_CONTENT_MODEL] = "model",
    [CS_TOKEN_BOS] = "bos",
    [CS_TOKEN_START_OF_TURN] = "start-of-turn",
    [CS_TOKEN_ROLE] = "role",
    [CS_TOKEN_NEWLINE] = "newline",
    [CS_TOKEN_END_OF_TURN] = "end-of-turn",
    [CS_TOKEN_CONTENT_SYSTEM] = "system",
    [CS_TOKEN_CONTENT_OTHER] = "other-content",
    [CS_TOKEN_TEMPLATE] = "template",
  };

  return kind < CS_N_TOKEN_KINDS ? names[kind] : "template";
}
