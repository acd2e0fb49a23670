/* Operands: literals, names, calls, attributes, items, filters and tests. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jinja-private.h"

/* ---- literals and names ------------------------------------------------ */

static JinjaNode *
constant (JinjaParser *p, JinjaValue value)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_CONST);
  node->value = value;
  return node;
}

/* Strings side by side are one. */
static JinjaNode *
parse_string (JinjaParser *p)
{
  g_autoptr (GString) text = g_string_new (NULL);
  JinjaString *string = jinja_arena_alloc (p->arena, sizeof *string);
  JinjaStretch *stretch = jinja_arena_alloc (p->arena, sizeof *stretch);

  for (; p->at->type == JINJA_TOKEN_STRING; p->at++)
    g_string_append_len (text, p->at->text, (gssize)p->at->size);
  char *bytes = jinja_arena_alloc (p->arena, text->len + 1);
  if (string == NULL || stretch == NULL || bytes == NULL)
    {
      jinja_parser_fail (p, "it is too long");
      return constant (p, jinja_none ());
    }
  memcpy (bytes, text->str, text->len);
  stretch->end = text->len;
  *string = (JinjaString){ bytes, text->len, stretch, text->len > 0, false };
  return constant (p, jinja_of_string (string));
}

static char *
without_underscores (const JinjaToken *token)
{
  GString *digits = g_string_new (NULL);

  for (size_t i = 0; i < token->size; i++)
    if (token->text[i] != '_')
      g_string_append_c (digits, token->text[i]);
  return g_string_free (digits, FALSE);
}

static JinjaNode *
parse_number (JinjaParser *p)
{
  g_autofree char *digits = without_underscores (p->at);
  const bool real = p->at->type == JINJA_TOKEN_FLOAT;
  const char kind = digits[0] == '0' ? g_ascii_tolower (digits[1]) : 0;
  const int base = kind == 'x' ? 16 : kind == 'o' ? 8 : kind == 'b' ? 2 : 10;

  errno = 0;
  p->at++;
  if (real)
    return constant (p, jinja_real (g_ascii_strtod (digits, NULL)));
  const gint64 value = g_ascii_strtoll (base == 10 ? digits : digits + 2, NULL, base);
  if (errno != 0)
    jinja_parser_fail (p, "the number %s is too large", digits);
  return constant (p, jinja_int (value));
}

static JinjaNode *
parse_list (JinjaParser *p)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_LIST);

  jinja_expect_operator (p, "[");
  while (p->error == NULL && !jinja_is_operator (p, "]"))
    {
      g_ptr_array_add (items, jinja_parse_expression (p, true));
      if (!jinja_skip_operator (p, ","))
        break;
    }
  jinja_expect_operator (p, "]");
  jinja_nodes_seal (p, items, &node->kids);
  return node;
}

static JinjaNode *
parse_dict (JinjaParser *p)
{
  g_autoptr (GPtrArray) items = g_ptr_array_new ();
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_DICT);

  jinja_expect_operator (p, "{");
  while (p->error == NULL && !jinja_is_operator (p, "}"))
    {
      g_ptr_array_add (items, jinja_parse_expression (p, true));
      jinja_expect_operator (p, ":");
      g_ptr_array_add (items, jinja_parse_expression (p, true));
      if (!jinja_skip_operator (p, ","))
        break;
    }
  jinja_expect_operator (p, "}");
  jinja_nodes_seal (p, items, &node->kids);
  return node;
}

static JinjaNode *
parse_parentheses (JinjaParser *p)
{
  JinjaNode *node;

  jinja_expect_operator (p, "(");
  if (jinja_skip_operator (p, ")"))
    return jinja_node_new (p, JINJA_NODE_TUPLE);
  node = jinja_parse_tuple (p, true);
  jinja_expect_operator (p, ")");
  return node;
}

static JinjaNode *
parse_name (JinjaParser *p)
{
  static const char *const words[] = { "true", "True", "false", "False", "none", "None" };
  const char *name = jinja_expect_name (p);
  JinjaNode *node;

  for (size_t i = 0; i < G_N_ELEMENTS (words); i++)
    if (strcmp (name, words[i]) == 0)
      return constant (p, i < 4 ? jinja_bool (i < 2) : jinja_none ());
  node = jinja_node_new (p, JINJA_NODE_NAME);
  node->name = name;
  return node;
}

JinjaNode *
jinja_parse_primary (JinjaParser *p)
{
  switch (p->at->type)
    {
    case JINJA_TOKEN_NAME:
      return parse_name (p);
    case JINJA_TOKEN_STRING:
      return parse_string (p);
    case JINJA_TOKEN_INTEGER:
    case JINJA_TOKEN_FLOAT:
      return parse_number (p);
    default:
      break;
    }
  if (jinja_is_operator (p, "("))
    return parse_parentheses (p);
  if (jinja_is_operator (p, "["))
    return parse_list (p);
  if (jinja_is_operator (p, "{"))
    return parse_dict (p);
  jinja_parser_fail (
      p, p->at->type == JINJA_TOKEN_OPERATOR ? "unexpected '%s'" : "an expression was expected%s",
      p->at->text);
  return jinja_node_new (p, JINJA_NODE_TUPLE);
}

/* ---- calls, attributes, items ------------------------------------------ */

static bool
is_keyword_argument (const JinjaParser *p)
{
  return p->at->type == JINJA_TOKEN_NAME && p->at[1].type == JINJA_TOKEN_OPERATOR &&
         strcmp (p->at[1].text, "=") == 0;
}

static void
parse_argument (JinjaParser *p,
                JinjaArguments *arguments,
                GPtrArray *positional,
                GPtrArray *names,
                GPtrArray *keyword)
{
  if (jinja_skip_operator (p, "*"))
    arguments->star = jinja_parse_expression (p, true);
  else if (jinja_skip_operator (p, "**"))
    arguments->double_star = jinja_parse_expression (p, true);
  else if (is_keyword_argument (p))
    {
      g_ptr_array_add (names, (void *)(uintptr_t)jinja_expect_name (p));
      jinja_expect_operator (p, "=");
      g_ptr_array_add (keyword, jinja_parse_expression (p, true));
    }
  else
    {
      if (names->len > 0 || arguments->double_star != NULL)
        jinja_parser_fail (p, "invalid syntax for function call expression");
      g_ptr_array_add (positional, jinja_parse_expression (p, true));
    }
}

static void
parse_arguments (JinjaParser *p, JinjaArguments *arguments)
{
  g_autoptr (GPtrArray) positional = g_ptr_array_new (), names = g_ptr_array_new (),
                        keyword = g_ptr_array_new ();
  JinjaNodes sealed;

  jinja_expect_operator (p, "(");
  while (p->error == NULL && !jinja_is_operator (p, ")"))
    {
      parse_argument (p, arguments, positional, names, keyword);
      if (!jinja_skip_operator (p, ","))
        break;
    }
  jinja_expect_operator (p, ")");
  jinja_nodes_seal (p, positional, &arguments->positional);
  jinja_nodes_seal (p, keyword, &arguments->keyword);
  jinja_nodes_seal (p, names, &sealed);
  arguments->names = (const char **)(void *)sealed.items;
}

/* One of the three parts of a slice; NULL where it is left out. */
static JinjaNode *
parse_bound (JinjaParser *p)
{
  if (jinja_is_operator (p, ":") || jinja_is_operator (p, "]") || jinja_is_operator (p, ","))
    return NULL;
  return jinja_parse_expression (p, true);
}

static JinjaNode *
parse_item (JinjaParser *p, JinjaNode *object)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new ();
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_ITEM);

  jinja_expect_operator (p, "[");
  node->a = object;
  if (!jinja_is_operator (p, ":"))
    node->b = jinja_parse_tuple (p, true);
  if (jinja_is_operator (p, ":"))
    {
      node->kind = JINJA_NODE_SLICE;
      g_ptr_array_add (parts, node->b);
      while (parts->len < 3 && jinja_skip_operator (p, ":"))
        g_ptr_array_add (parts, parse_bound (p));
      g_ptr_array_set_size (parts, 3);
      jinja_nodes_seal (p, parts, &node->kids);
    }
  jinja_expect_operator (p, "]");
  return node;
}

static JinjaNode *
parse_attribute (JinjaParser *p, JinjaNode *object)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_ATTRIBUTE);

  jinja_expect_operator (p, ".");
  node->a = object;
  if (p->at->type == JINJA_TOKEN_INTEGER)
    {
      node->kind = JINJA_NODE_ITEM;
      node->b = parse_number (p);
    }
  else
    node->name = jinja_expect_name (p);
  return node;
}

static JinjaNode *
parse_call (JinjaParser *p, JinjaNode *callee)
{
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_CALL);

  node->a = callee;
  parse_arguments (p, &node->arguments);
  return node;
}

JinjaNode *
jinja_parse_postfix (JinjaParser *p, JinjaNode *node)
{
  unsigned n = 0;

  while (p->error == NULL)
    {
      if (jinja_is_operator (p, "."))
        node = parse_attribute (p, node);
      else if (jinja_is_operator (p, "["))
        node = parse_item (p, node);
      else if (jinja_is_operator (p, "("))
        node = parse_call (p, node);
      else
        break;
      if (++n > JINJA_MAX_NESTING)
        jinja_parser_fail (p, "the expression is too deep");
    }
  return node;
}

/* ---- filters and tests ------------------------------------------------- */

/* Names of filters and tests may have dots. */
static const char *
parse_dotted_name (JinjaParser *p)
{
  const char *first = jinja_expect_name (p);
  g_autoptr (GString) name = NULL;

  if (!jinja_is_operator (p, "."))
    return first;
  name = g_string_new (first);
  while (jinja_skip_operator (p, "."))
    g_string_append_printf (name, ".%s", jinja_expect_name (p));
  char *copy = jinja_arena_alloc (p->arena, name->len + 1);
  return copy != NULL ? memcpy (copy, name->str, name->len) : first;
}

JinjaNode *
jinja_parse_filters (JinjaParser *p, JinjaNode *over, bool inlined)
{
  unsigned n = 0;

  while (p->error == NULL && (inlined || jinja_skip_operator (p, "|")))
    {
      JinjaNode *node = jinja_node_new (p, JINJA_NODE_FILTER);

      node->a = over;
      node->name = parse_dotted_name (p);
      if (jinja_is_operator (p, "("))
        parse_arguments (p, &node->arguments);
      over = node;
      inlined = false;
      if (++n > JINJA_MAX_NESTING)
        jinja_parser_fail (p, "the expression is too deep");
    }
  return over;
}

/* A test may have one argument without parentheses. */
static bool
begins_test_argument (const JinjaParser *p)
{
  switch (p->at->type)
    {
    case JINJA_TOKEN_NAME:
      return !jinja_is_name (p, "else") && !jinja_is_name (p, "or") && !jinja_is_name (p, "and");
    case JINJA_TOKEN_STRING:
    case JINJA_TOKEN_INTEGER:
    case JINJA_TOKEN_FLOAT:
      return true;
    default:
      return jinja_is_operator (p, "[") || jinja_is_operator (p, "{");
    }
}

/* Words that go on with the expression around a test. Jinja2 3.1 takes "in" and the like for an
 * argument and fails; so do we. */
static JinjaNode *
parse_test (JinjaParser *p, JinjaNode *value)
{
  const bool negated = jinja_skip_name (p, "not");
  JinjaNode *node = jinja_node_new (p, JINJA_NODE_TEST), *not ;

  node->a = value;
  node->name = parse_dotted_name (p);
  if (jinja_is_operator (p, "("))
    parse_arguments (p, &node->arguments);
  else if (begins_test_argument (p))
    {
      g_autoptr (GPtrArray) one = g_ptr_array_new ();

      if (jinja_is_name (p, "is"))
        jinja_parser_fail (p, "You cannot chain multiple tests with is");
      g_ptr_array_add (one, jinja_parse_postfix (p, jinja_parse_primary (p)));
      jinja_nodes_seal (p, one, &node->arguments.positional);
    }
  if (!negated)
    return node;
  not = jinja_node_new (p, JINJA_NODE_NOT);
  not ->a = node;
  return not ;
}

/* Filters, tests and calls of what they give. */
JinjaNode *
jinja_parse_filter_expression (JinjaParser *p, JinjaNode *node)
{
  unsigned n = 0;

  while (p->error == NULL)
    {
      if (jinja_is_operator (p, "|"))
        node = jinja_parse_filters (p, node, false);
      else if (jinja_skip_name (p, "is"))
        node = parse_test (p, node);
      else if (jinja_is_operator (p, "("))
        node = parse_call (p, node);
      else
        break;
      if (++n > JINJA_MAX_NESTING)
        jinja_parser_fail (p, "the expression is too deep");
    }
  return node;
}
