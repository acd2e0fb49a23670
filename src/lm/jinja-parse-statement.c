/* Statements. */
#include <string.h>

#include "jinja-private.h"

static void parse_body (JinjaParser *p, JinjaNodes *body, const char *const *ends);

static void
expect_type (JinjaParser *p, JinjaTokenType type, const char *what)
{
  if (p->at->type == type)
    p->at++;
  else
    jinja_parser_fail (p, "expected token '%s', got '%.40s'", what, jinja_token_words (p->at));
}

static void
expect_block_end (JinjaParser *p)
{
  expect_type (p, JINJA_TOKEN_BLOCK_END, "end of statement block");
}

static JinjaNode *
parse_target_name (JinjaParser *p)
{
  JinjaNode *node;
  if (jinja_skip_operator (p, "("))
    {
      if (!jinja_parser_enter (p))
        return &jinja_no_node;
      node = jinja_parse_target (p, false);
      jinja_expect_operator (p, ")");
      jinja_parser_leave (p);
      return node;
    }
  node = jinja_node_new (p, JINJA_NODE_NAME);
  node->name = jinja_expect_name (p);
  return node;
}

JinjaNode *
jinja_parse_target (JinjaParser *p, bool with_attribute)
{
  JinjaNode *first = parse_target_name (p), *node;
  g_autoptr (GPtrArray) items = NULL;

  if (with_attribute && first->kind == JINJA_NODE_NAME && jinja_skip_operator (p, "."))
    {
      first->kind = JINJA_NODE_TARGET_ATTRIBUTE;
      first->attribute = jinja_expect_name (p);
      return first;
    }
  if (!jinja_is_operator (p, ","))
    return first;
  items = g_ptr_array_new ();
  g_ptr_array_add (items, first);
  while (jinja_skip_operator (p, ",") &&
         (p->at->type == JINJA_TOKEN_NAME ? !jinja_is_name (p, "in") : jinja_is_operator (p, "(")))
    g_ptr_array_add (items, parse_target_name (p));
  node = jinja_node_new (p, JINJA_NODE_TUPLE);
  jinja_nodes_seal (p, items, &node->kids);
  return node;
}

static JinjaNode *
parse_for (JinjaParser *p)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_FOR);

  node->a = jinja_parse_target (p, false);
  if (!jinja_skip_name (p, "in"))
    jinja_parser_fail (p, "expected token 'in', got '%.40s'", jinja_token_words (p->at));
  node->b = jinja_parse_tuple (p, false);
  if (jinja_skip_name (p, "if"))
    node->c = jinja_parse_expression (p, true);
  node->is_recursive = jinja_skip_name (p, "recursive");
  expect_block_end (p);
  p->loops++;
  parse_body (p, &node->body, (const char *const[]){ "else", "endfor", NULL });
  p->loops--;
  if (jinja_skip_name (p, "else"))
    {
      expect_block_end (p);
      parse_body (p, &node->other, (const char *const[]){ "endfor", NULL });
    }
  p->at += p->error == NULL;
  return node;
}

/* The if and each elif are nodes, each in `other` of the one before. */
static JinjaNode *
parse_if (JinjaParser *p)
{
  static const char *const ends[] = { "elif", "else", "endif", NULL };
  JinjaNode *first = jinja_node_new (p, JINJA_NODE_IF), *node = first;

  while (p->error == NULL)
    {
      node->a = jinja_parse_tuple (p, false);
      expect_block_end (p);
      parse_body (p, &node->body, ends);
      if (!jinja_skip_name (p, "elif"))
        break;
      JinjaNode *next = jinja_node_new (p, JINJA_NODE_IF);
      g_autoptr (GPtrArray) one = g_ptr_array_new ();
      g_ptr_array_add (one, next);
      jinja_nodes_seal (p, one, &node->other);
      node = next;
    }
  if (jinja_skip_name (p, "else"))
    {
      expect_block_end (p);
      parse_body (p, &node->other, (const char *const[]){ "endif", NULL });
    }
  p->at += p->error == NULL;
  return first;
}

static JinjaNode *
parse_set (JinjaParser *p)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_SET);

  node->a = jinja_parse_target (p, true);
  if (jinja_skip_operator (p, "="))
    {
      node->b = jinja_parse_tuple (p, true);
      return node;
    }
  node->kind = JINJA_NODE_SET_BLOCK;
  node->c = jinja_parse_filters (p, NULL, false);
  expect_block_end (p);
  parse_body (p, &node->body, (const char *const[]){ "endset", NULL });
  p->at += p->error == NULL;
  return node;
}

/* (name, name = default, …) */
static void
parse_parameters (JinjaParser *p, JinjaNode *macro)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new (), defaults = g_ptr_array_new ();
  JinjaNodes sealed;

  jinja_expect_operator (p, "(");
  while (p->error == NULL && !jinja_is_operator (p, ")"))
    {
      g_ptr_array_add (names, (void *)(uintptr_t)jinja_expect_name (p));
      g_ptr_array_add (defaults,
                       jinja_skip_operator (p, "=") ? jinja_parse_expression (p, true) : NULL);
      if (!jinja_skip_operator (p, ","))
        break;
    }
  jinja_expect_operator (p, ")");
  jinja_nodes_seal (p, names, &sealed);
  jinja_nodes_seal (p, defaults, &macro->kids);
  macro->parameters = (const char **)(void *)sealed.items;
  macro->n_parameters = sealed.n;
}

/* The body of a macro is no part of a loop around it. */
static void
parse_macro_body (JinjaParser *p, JinjaNode *macro, const char *end)
{
  const unsigned loops = p->loops;
  const JinjaToken *begin = p->at;

  expect_block_end (p);
  p->loops = 0;
  parse_body (p, &macro->body, (const char *const[]){ end, NULL });
  p->loops = loops;
  for (const JinjaToken *token = begin; p->error == NULL && token < p->at; token++)
    if (token->type == JINJA_TOKEN_NAME)
      {
        macro->takes_varargs |= strcmp (token->text, "varargs") == 0;
        macro->takes_kwargs |= strcmp (token->text, "kwargs") == 0;
        macro->takes_caller |= strcmp (token->text, "caller") == 0;
      }
  p->at += p->error == NULL;
}

static JinjaNode *
parse_macro (JinjaParser *p)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_MACRO);

  node->name = jinja_expect_name (p);
  parse_parameters (p, node);
  parse_macro_body (p, node, "endmacro");
  return node;
}

static JinjaNode *
parse_call_block (JinjaParser *p)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_CALL_BLOCK);

  node->b = jinja_node_new (p, JINJA_NODE_MACRO);
  node->b->name = "caller";
  if (jinja_is_operator (p, "("))
    parse_parameters (p, node->b);
  node->a = jinja_parse_expression (p, true);
  if (p->error == NULL && node->a->kind != JINJA_NODE_CALL)
    jinja_parser_fail (p, "expected call");
  parse_macro_body (p, node->b, "endcall");
  return node;
}

static JinjaNode *
parse_filter_block (JinjaParser *p)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_FILTER_BLOCK);

  node->c = jinja_parse_filters (p, NULL, true);
  expect_block_end (p);
  parse_body (p, &node->body, (const char *const[]){ "endfilter", NULL });
  p->at += p->error == NULL;
  return node;
}

static JinjaNode *
parse_with (JinjaParser *p)
{
  g_autoptr (GPtrArray) pairs = g_ptr_array_new ();
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_WITH);

  while (p->error == NULL && p->at->type != JINJA_TOKEN_BLOCK_END)
    {
      if (pairs->len > 0)
        jinja_expect_operator (p, ",");
      g_ptr_array_add (pairs, parse_target_name (p));
      jinja_expect_operator (p, "=");
      g_ptr_array_add (pairs, jinja_parse_expression (p, true));
    }
  jinja_nodes_seal (p, pairs, &node->kids);
  expect_block_end (p);
  parse_body (p, &node->body, (const char *const[]){ "endwith", NULL });
  p->at += p->error == NULL;
  return node;
}

static JinjaNode *
parse_print (JinjaParser *p)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_PRINT);
  node->a = jinja_parse_tuple (p, true);
  return node;
}

static JinjaNode *
parse_scope (JinjaParser *p, const char *word)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_SCOPE);
  g_autofree char *end = g_strconcat ("end", word, NULL);

  if (strcmp (word, "block") == 0)
    jinja_expect_name (p);
  else if (strcmp (word, "autoescape") == 0)
    jinja_parse_expression (p, true);
  expect_block_end (p);
  parse_body (p, &node->body, (const char *const[]){ end, NULL });
  p->at += p->error == NULL;
  if (strcmp (word, "block") == 0 && p->at->type == JINJA_TOKEN_NAME)
    p->at++;
  return node;
}

static JinjaNode *
parse_jump (JinjaParser *p, JinjaNodeKind kind)
{
  if (p->loops == 0)
    jinja_parser_fail (p, "a break or continue stands outside of a loop");
  return jinja_node_new (p, kind);
}

static JinjaNode *
parse_statement (JinjaParser *p)
{
  const JinjaToken *token = p->at;
  const char *word = jinja_expect_name (p);

  if (strcmp (word, "for") == 0)
    return parse_for (p);
  if (strcmp (word, "if") == 0)
    return parse_if (p);
  if (strcmp (word, "set") == 0)
    return parse_set (p);
  if (strcmp (word, "macro") == 0)
    return parse_macro (p);
  if (strcmp (word, "call") == 0)
    return parse_call_block (p);
  if (strcmp (word, "filter") == 0)
    return parse_filter_block (p);
  if (strcmp (word, "with") == 0)
    return parse_with (p);
  if (strcmp (word, "print") == 0)
    return parse_print (p);
  if (strcmp (word, "generation") == 0 || strcmp (word, "block") == 0 ||
      strcmp (word, "autoescape") == 0)
    return parse_scope (p, word);
  if (strcmp (word, "break") == 0)
    return parse_jump (p, JINJA_NODE_BREAK);
  if (strcmp (word, "continue") == 0)
    return parse_jump (p, JINJA_NODE_CONTINUE);
  if (p->error == NULL)
    p->at = token;
  jinja_parser_fail (p, "Encountered unknown tag '%.40s'", word);
  return &jinja_no_node;
}

static JinjaNode *
parse_text (JinjaParser *p)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_TEXT);
  JinjaString *string = jinja_arena_alloc (p->arena, sizeof *string);
  JinjaStretch *stretch = jinja_arena_alloc (p->arena, sizeof *stretch);

  if (string == NULL || stretch == NULL)
    {
      jinja_parser_fail (p, "it is too long");
      return &jinja_no_node;
    }
  stretch->end = p->at->size;
  *string = (JinjaString){ p->at->text, p->at->size, stretch, p->at->size > 0, false };
  node->value = jinja_of_string (string);
  p->at++;
  return node;
}

static bool
is_one_of (const JinjaToken *token, const char *const *words)
{
  for (; token->type == JINJA_TOKEN_NAME && *words != NULL; words++)
    if (strcmp (token->text, *words) == 0)
      return true;
  return false;
}

/* Up to a tag that begins with one of ends, whose "{%" is skipped; up to the end of the template
 * where ends is NULL. */
static void
parse_body (JinjaParser *p, JinjaNodes *body, const char *const *ends)
{
  g_autoptr (GPtrArray) nodes = g_ptr_array_new ();

  if (!jinja_parser_enter (p))
    return;
  while (p->at->type != JINJA_TOKEN_END)
    {
      const JinjaTokenType type = p->at->type;

      if (type == JINJA_TOKEN_TEXT)
        {
          g_ptr_array_add (nodes, parse_text (p));
          continue;
        }
      p->at++;
      if (type == JINJA_TOKEN_BLOCK_BEGIN && ends != NULL && is_one_of (p->at, ends))
        break;
      g_ptr_array_add (nodes,
                       type == JINJA_TOKEN_PRINT_BEGIN ? parse_print (p) : parse_statement (p));
      if (type == JINJA_TOKEN_PRINT_BEGIN)
        expect_type (p, JINJA_TOKEN_PRINT_END, "end of print statement");
      else
        expect_block_end (p);
    }
  if (p->at->type == JINJA_TOKEN_END && ends != NULL)
    jinja_parser_fail (p, "Unexpected end of template: “%s” is missing", ends[0]);
  jinja_nodes_seal (p, nodes, body);
  jinja_parser_leave (p);
}

bool
jinja_parse (JinjaArena *arena,
             const char *name,
             const GArray *tokens,
             JinjaNodes *body,
             GError **error)
{
  JinjaParser p = { .arena = arena,
                    .name = name,
                    .at = (const JinjaToken *)(const void *)tokens->data };

  parse_body (&p, body, NULL);
  if (p.error == NULL)
    return true;
  g_propagate_error (error, p.error);
  return false;
}
