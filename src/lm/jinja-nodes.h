/* The parsed template, the lexer and the parser; the rest is in jinja-private.h, which includes
 * this. */
#pragma once

#include <glib.h>

#include "jinja-values.h"

/* ---- the parsed template ----------------------------------------------- */

typedef enum
{
  /* Expressions. */
  JINJA_NODE_CONST,     /* value */
  JINJA_NODE_NAME,      /* name */
  JINJA_NODE_LIST,      /* kids */
  JINJA_NODE_TUPLE,     /* kids */
  JINJA_NODE_DICT,      /* kids: key, value, key, value … */
  JINJA_NODE_ATTRIBUTE, /* a.name */
  JINJA_NODE_ITEM,      /* a[b] */
  JINJA_NODE_SLICE,     /* a[kids[0]:kids[1]:kids[2]], each may be NULL */
  JINJA_NODE_CALL,      /* a (args) */
  JINJA_NODE_FILTER,    /* a | name (args); a is NULL in a filter block */
  JINJA_NODE_TEST,      /* a is name (args) */
  JINJA_NODE_IF_ELSE,   /* a if b else c; c may be NULL */
  JINJA_NODE_AND,
  JINJA_NODE_OR,
  JINJA_NODE_NOT,
  JINJA_NODE_COMPARE, /* a, then for each of kids its operator `op` and `a` */
  JINJA_NODE_OPERAND, /* of a comparison */
  JINJA_NODE_BINARY,  /* a op b */
  JINJA_NODE_NEGATE,
  JINJA_NODE_PLUS,
  JINJA_NODE_CONCAT, /* kids with ~ between */
  /* Statements. */
  JINJA_NODE_TEXT,         /* value */
  JINJA_NODE_PRINT,        /* a */
  JINJA_NODE_FOR,          /* target a in b if c: body, else other */
  JINJA_NODE_IF,           /* a: body, else other */
  JINJA_NODE_SET,          /* target a = b */
  JINJA_NODE_SET_BLOCK,    /* target a = body, through the filter c */
  JINJA_NODE_MACRO,        /* name (kids = defaults): body */
  JINJA_NODE_CALL_BLOCK,   /* a is the call, b a macro named caller */
  JINJA_NODE_FILTER_BLOCK, /* c (body) */
  JINJA_NODE_WITH,         /* kids: target, value …: body */
  JINJA_NODE_SCOPE,        /* body in a scope of its own */
  JINJA_NODE_BREAK,
  JINJA_NODE_CONTINUE,
  JINJA_NODE_TARGET_ATTRIBUTE, /* name.attribute of a set */
} JinjaNodeKind;

typedef enum
{
  JINJA_OP_ADD,
  JINJA_OP_SUB,
  JINJA_OP_MUL,
  JINJA_OP_DIV,
  JINJA_OP_FLOORDIV,
  JINJA_OP_MOD,
  JINJA_OP_POW,
  JINJA_OP_EQ,
  JINJA_OP_NE,
  JINJA_OP_LT,
  JINJA_OP_LE,
  JINJA_OP_GT,
  JINJA_OP_GE,
  JINJA_OP_IN,
  JINJA_OP_NOT_IN,
} JinjaOperator;

typedef struct
{
  JinjaNode **items;
  size_t n;
} JinjaNodes;

typedef struct
{
  JinjaNodes positional;
  const char **names; /* of the keyword arguments */
  JinjaNodes keyword;
  JinjaNode *star, *double_star; /* *args, **kwargs; may be NULL */
} JinjaArguments;

struct JinjaNode
{
  JinjaNodeKind kind;
  JinjaOperator op;
  unsigned line;
  const char *name;
  const char *attribute;
  JinjaValue value;
  JinjaNode *a, *b, *c;
  JinjaNodes kids, body, other;
  const char **parameters; /* of a macro */
  size_t n_parameters;
  bool takes_varargs, takes_kwargs, takes_caller; /* of a macro: its body names them */
  bool is_recursive;                              /* of a for: its variable can be called */
  JinjaArguments arguments;
};

/* ---- lexer (jinja-lexer.c) --------------------------------------------- */

typedef enum
{
  JINJA_TOKEN_END,
  JINJA_TOKEN_TEXT, /* of the template, between tags */
  JINJA_TOKEN_BLOCK_BEGIN,
  JINJA_TOKEN_BLOCK_END,
  JINJA_TOKEN_PRINT_BEGIN,
  JINJA_TOKEN_PRINT_END,
  JINJA_TOKEN_NAME,
  JINJA_TOKEN_STRING,
  JINJA_TOKEN_INTEGER,
  JINJA_TOKEN_FLOAT,
  JINJA_TOKEN_OPERATOR,
} JinjaTokenType;

typedef struct
{
  JinjaTokenType type;
  unsigned line;
  const char *text; /* NUL-terminated; strings unescaped */
  size_t size;
} JinjaToken;

/* Appends JinjaToken, an END last. */
bool jinja_lex (JinjaArena *arena,
                const char *source,
                size_t size,
                const char *name,
                GArray *tokens,
                GError **error);

/* ---- parser (jinja-parser.c, jinja-parse-*.c) -------------------------- */

typedef struct
{
  JinjaArena *arena;
  const char *name;
  const JinjaToken *at;
  unsigned depth, loops;
  GError *error;
} JinjaParser;

bool jinja_parse (JinjaArena *arena,
                  const char *name,
                  const GArray *tokens,
                  JinjaNodes *body,
                  GError **error);

/* What is given where there is no memory for a node: the parse has failed then. */
extern JinjaNode jinja_no_node;
JinjaNode *jinja_node_new (JinjaParser *p, JinjaNodeKind kind);
void jinja_nodes_seal (JinjaParser *p, GPtrArray *from, JinjaNodes *to);
/* The first error stays; the parser stands at the end from then on. */
void jinja_parser_fail (JinjaParser *p, const char *format, ...) G_GNUC_PRINTF (2, 3);
bool jinja_parser_enter (JinjaParser *p);
void jinja_parser_leave (JinjaParser *p);
bool jinja_is_operator (const JinjaParser *p, const char *op);
bool jinja_is_name (const JinjaParser *p, const char *name);
bool jinja_skip_operator (JinjaParser *p, const char *op);
bool jinja_skip_name (JinjaParser *p, const char *name);
void jinja_expect_operator (JinjaParser *p, const char *op);
const char *jinja_expect_name (JinjaParser *p);

/* An expression; without conditional where that would swallow a for's filter. */
JinjaNode *jinja_parse_expression (JinjaParser *p, bool conditional);
/* The same, or several with commas between: a tuple. */
JinjaNode *jinja_parse_tuple (JinjaParser *p, bool conditional);
JinjaNode *jinja_parse_postfix (JinjaParser *p, JinjaNode *node);
/* name (args) | …, behind a first "|" or the word filter; over may be NULL. */
JinjaNode *jinja_parse_filters (JinjaParser *p, JinjaNode *over, bool inlined);
/* What can be assigned to: a name, a tuple of names, or with_attribute name.attribute. */
JinjaNode *jinja_parse_target (JinjaParser *p, bool with_attribute);
JinjaNode *jinja_parse_primary (JinjaParser *p);
/* Filters, tests and calls of what they give, behind node. */
JinjaNode *jinja_parse_filter_expression (JinjaParser *p, JinjaNode *node);
/* What an error calls a token. */
const char *jinja_token_words (const JinjaToken *token);
