/* Operators, with Jinja2's precedences: if-else, or, and, not, comparisons, + -, ~, * / // %, **,
 * signs, and filters and tests closest of all. */
#include <string.h>

#include "jinja-private.h"

static JinjaNode *
parse_unary (JinjaParser *p, bool with_filters)
{
  JinjaNode *node;

  if (!jinja_parser_enter (p))
    return jinja_node_new (p, JINJA_NODE_TUPLE);
  if (jinja_is_operator (p, "-") || jinja_is_operator (p, "+"))
    {
      node = jinja_node_new (p, *p->at->text == '-' ? JINJA_NODE_NEGATE : JINJA_NODE_PLUS);
      p->at++;
      node->a = parse_unary (p, false);
    }
  else
    node = jinja_parse_primary (p);
  node = jinja_parse_postfix (p, node);
  if (with_filters)
    node = jinja_parse_filter_expression (p, node);
  jinja_parser_leave (p);
  return node;
}

typedef struct
{
  const char *text;
  JinjaOperator op;
} OperatorName;

typedef JinjaNode *(*ParseFunc) (JinjaParser *p);

static const OperatorName *
find_operator (const JinjaParser *p, const OperatorName *names)
{
  for (; names->text != NULL; names++)
    if (jinja_is_operator (p, names->text))
      return names;
  return NULL;
}

/* Operators that group from the left. A long chain of them is as deep as it is long, so it counts
 * as depth; a template that joins more pieces than that has no reason to be. */
static JinjaNode *
parse_chain (JinjaParser *p, const OperatorName *names, ParseFunc operand)
{
  JinjaNode *left = operand (p);
  const OperatorName *name;
  unsigned n = 0;

  while (p->error == NULL && (name = find_operator (p, names)) != NULL)
    {
      JinjaNode *node = jinja_node_new (p, JINJA_NODE_BINARY);

      p->at++;
      node->op = name->op;
      node->a = left;
      node->b = operand (p);
      left = node;
      if (++n > 5 * JINJA_MAX_NESTING)
        jinja_parser_fail (p, "the expression is too long");
    }
  return left;
}

static JinjaNode *
parse_signed (JinjaParser *p)
{
  return parse_unary (p, true);
}

static JinjaNode *
parse_power (JinjaParser *p)
{
  static const OperatorName names[] = { { "**", JINJA_OP_POW }, { NULL, 0 } };
  return parse_chain (p, names, parse_signed);
}

static JinjaNode *
parse_product (JinjaParser *p)
{
  static const OperatorName names[] = { { "*", JINJA_OP_MUL },
                                        { "/", JINJA_OP_DIV },
                                        { "//", JINJA_OP_FLOORDIV },
                                        { "%", JINJA_OP_MOD },
                                        { NULL, 0 } };
  return parse_chain (p, names, parse_power);
}

static JinjaNode *
parse_concat (JinjaParser *p)
{
  JinjaNode *first = parse_product (p), *node;
  g_autoptr (GPtrArray) parts = NULL;

  if (!jinja_is_operator (p, "~"))
    return first;
  parts = g_ptr_array_new ();
  g_ptr_array_add (parts, first);
  while (p->error == NULL && jinja_skip_operator (p, "~"))
    g_ptr_array_add (parts, parse_product (p));
  node = jinja_node_new (p, JINJA_NODE_CONCAT);
  jinja_nodes_seal (p, parts, &node->kids);
  return node;
}

static JinjaNode *
parse_sum (JinjaParser *p)
{
  static const OperatorName names[] = { { "+", JINJA_OP_ADD }, { "-", JINJA_OP_SUB }, { NULL, 0 } };
  return parse_chain (p, names, parse_concat);
}

static bool
skip_comparison (JinjaParser *p, JinjaOperator *op)
{
  static const OperatorName names[] = {
    { "==", JINJA_OP_EQ }, { "!=", JINJA_OP_NE }, { "<", JINJA_OP_LT }, { "<=", JINJA_OP_LE },
    { ">", JINJA_OP_GT },  { ">=", JINJA_OP_GE }, { NULL, 0 }
  };
  const OperatorName *name = find_operator (p, names);

  if (name != NULL)
    {
      *op = name->op;
      p->at++;
      return true;
    }
  if (jinja_skip_name (p, "in"))
    {
      *op = JINJA_OP_IN;
      return true;
    }
  if (!jinja_is_name (p, "not") || p->at[1].type != JINJA_TOKEN_NAME ||
      strcmp (p->at[1].text, "in") != 0)
    return false;
  *op = JINJA_OP_NOT_IN;
  p->at += 2;
  return true;
}

static JinjaNode *
parse_comparison (JinjaParser *p)
{
  JinjaNode *first = parse_sum (p), *node;
  g_autoptr (GPtrArray) rest = NULL;
  JinjaOperator op;

  while (p->error == NULL && skip_comparison (p, &op))
    {
      JinjaNode *operand = jinja_node_new (p, JINJA_NODE_OPERAND);

      if (rest == NULL)
        rest = g_ptr_array_new ();
      operand->op = op;
      operand->a = parse_sum (p);
      g_ptr_array_add (rest, operand);
    }
  if (rest == NULL)
    return first;
  node = jinja_node_new (p, JINJA_NODE_COMPARE);
  node->a = first;
  jinja_nodes_seal (p, rest, &node->kids);
  return node;
}

static JinjaNode *
parse_not (JinjaParser *p)
{
  JinjaNode *node;

  if (!jinja_skip_name (p, "not"))
    return parse_comparison (p);
  node = jinja_node_new (p, JINJA_NODE_NOT);
  if (jinja_parser_enter (p))
    node->a = parse_not (p);
  jinja_parser_leave (p);
  return node;
}

/* kids of a chain of and, or of or. */
static JinjaNode *
parse_logic (JinjaParser *p, const char *word, JinjaNodeKind kind, ParseFunc operand)
{
  JinjaNode *first = operand (p), *node;
  g_autoptr (GPtrArray) kids = NULL;

  if (!jinja_is_name (p, word))
    return first;
  kids = g_ptr_array_new ();
  g_ptr_array_add (kids, first);
  while (p->error == NULL && jinja_skip_name (p, word))
    g_ptr_array_add (kids, operand (p));
  node = jinja_node_new (p, kind);
  jinja_nodes_seal (p, kids, &node->kids);
  return node;
}

static JinjaNode *
parse_and (JinjaParser *p)
{
  return parse_logic (p, "and", JINJA_NODE_AND, parse_not);
}

static JinjaNode *
parse_or (JinjaParser *p)
{
  return parse_logic (p, "or", JINJA_NODE_OR, parse_and);
}

static JinjaNode *
parse_conditional (JinjaParser *p)
{
  JinjaNode *left = parse_or (p);
  unsigned n = 0;

  while (p->error == NULL && jinja_skip_name (p, "if"))
    {
      JinjaNode *node = jinja_node_new (p, JINJA_NODE_IF_ELSE);

      node->a = left;
      node->b = parse_or (p);
      if (jinja_skip_name (p, "else"))
        node->c = jinja_parse_expression (p, true);
      left = node;
      if (++n > JINJA_MAX_NESTING)
        jinja_parser_fail (p, "the expression is too deep");
    }
  return left;
}

JinjaNode *
jinja_parse_expression (JinjaParser *p, bool conditional)
{
  JinjaNode *node;

  if (!jinja_parser_enter (p))
    return jinja_node_new (p, JINJA_NODE_TUPLE);
  node = conditional ? parse_conditional (p) : parse_or (p);
  jinja_parser_leave (p);
  return node;
}

static bool
ends_tuple (const JinjaParser *p)
{
  return p->at->type == JINJA_TOKEN_BLOCK_END || p->at->type == JINJA_TOKEN_PRINT_END ||
         p->at->type == JINJA_TOKEN_END || jinja_is_operator (p, ")") ||
         jinja_is_name (p, "recursive");
}

JinjaNode *
jinja_parse_tuple (JinjaParser *p, bool conditional)
{
  JinjaNode *first = jinja_parse_expression (p, conditional), *node;
  g_autoptr (GPtrArray) items = NULL;

  if (!jinja_is_operator (p, ","))
    return first;
  items = g_ptr_array_new ();
  g_ptr_array_add (items, first);
  while (p->error == NULL && jinja_skip_operator (p, ",") && !ends_tuple (p))
    g_ptr_array_add (items, jinja_parse_expression (p, conditional));
  node = jinja_node_new (p, JINJA_NODE_TUPLE);
  jinja_nodes_seal (p, items, &node->kids);
  return node;
}
