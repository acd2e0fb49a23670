/* What all of the parser works with. */
#include <stdarg.h>
#include <string.h>

#include "jinja-private.h"

static const JinjaToken end_token = { .type = JINJA_TOKEN_END, .line = 0, .text = "", .size = 0 };

/* ---- tools ------------------------------------------------------------- */

JinjaNode jinja_no_node = { .kind = JINJA_NODE_TUPLE };

JinjaNode *
jinja_node_new (JinjaParser *p, JinjaNodeKind kind)
{
  JinjaNode *node = jinja_arena_alloc (p->arena, sizeof *node);

  if (node == NULL)
    {
      jinja_parser_fail (p, "it is too long");
      return &jinja_no_node;
    }
  node->kind = kind;
  node->line = p->at->line;
  return node;
}

void
jinja_nodes_seal (JinjaParser *p, GPtrArray *from, JinjaNodes *to)
{
  *to = (JinjaNodes){ NULL, 0 };
  if (from->len == 0)
    return;
  to->items = jinja_arena_alloc (p->arena, from->len * sizeof *to->items);
  if (to->items == NULL)
    {
      jinja_parser_fail (p, "it is too long");
      return;
    }
  memcpy (to->items, from->pdata, from->len * sizeof *to->items);
  to->n = from->len;
}

void
jinja_parser_fail (JinjaParser *p, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  if (p->error != NULL)
    return;
  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  g_set_error (&p->error, CS_ERROR, CS_ERROR_FORMAT, "%s: line %u of the chat template: %s.",
               p->name, p->at->line, what);
  p->at = &end_token;
}

bool
jinja_parser_enter (JinjaParser *p)
{
  if (++p->depth <= JINJA_MAX_NESTING)
    return p->error == NULL;
  jinja_parser_fail (p, "it is nested too deeply");
  return false;
}

void
jinja_parser_leave (JinjaParser *p)
{
  p->depth--;
}

bool
jinja_is_operator (const JinjaParser *p, const char *op)
{
  return p->at->type == JINJA_TOKEN_OPERATOR && strcmp (p->at->text, op) == 0;
}

bool
jinja_is_name (const JinjaParser *p, const char *name)
{
  return p->at->type == JINJA_TOKEN_NAME && strcmp (p->at->text, name) == 0;
}

bool
jinja_skip_operator (JinjaParser *p, const char *op)
{
  const bool is = jinja_is_operator (p, op);
  p->at += is;
  return is;
}

bool
jinja_skip_name (JinjaParser *p, const char *name)
{
  const bool is = jinja_is_name (p, name);
  p->at += is;
  return is;
}

const char *
jinja_token_words (const JinjaToken *token)
{
  switch (token->type)
    {
    case JINJA_TOKEN_END:
      return "end of template";
    case JINJA_TOKEN_BLOCK_END:
      return "end of statement block";
    case JINJA_TOKEN_PRINT_END:
      return "end of print statement";
    case JINJA_TOKEN_STRING:
      return "string";
    default:
      return token->text;
    }
}

void
jinja_expect_operator (JinjaParser *p, const char *op)
{
  if (!jinja_skip_operator (p, op))
    jinja_parser_fail (p, "expected token '%s', got '%.40s'", op, jinja_token_words (p->at));
}

const char *
jinja_expect_name (JinjaParser *p)
{
  if (p->at->type == JINJA_TOKEN_NAME)
    return (p->at++)->text;
  jinja_parser_fail (p, "expected token 'name', got '%.40s'", jinja_token_words (p->at));
  return "";
}
