/* How the files of the interpreter see each other; nothing outside jinja-*.c includes this.
 *
 * All memory of a compiled template, and all of one rendering, is an arena of its own that is freed
 * as a whole. After an error (JinjaRun.error) every function returns something harmless at once:
 * callers need to look only where they loop. */
#pragma once

#include <string.h>

#include "errors.h"
#include "jinja.h"

#define JINJA_MAX_DEPTH 1000  /* of evaluations in each other, and of values */
#define JINJA_MAX_NESTING 100 /* of a template's expressions and blocks */
#define JINJA_MAX_SOURCE ((size_t)4 << 20)
#define JINJA_MAX_OUTPUT ((size_t)64 << 20)
#define JINJA_MAX_RANGE 100000 /* Jinja2's sandbox has the same */

/* ---- memory (jinja-memory.c) ------------------------------------------- */

typedef struct JinjaChunk JinjaChunk;

typedef struct
{
  JinjaChunk *chunks;
  size_t used, limit; /* bytes; a limit of 0 is none */
} JinjaArena;

/* Zeroed; NULL where the limit is passed. */
void *jinja_arena_alloc (JinjaArena *arena, size_t size);
void jinja_arena_clear (JinjaArena *arena);

/* ---- values ------------------------------------------------------------ */

/* What characters came from: 0 the template, else (message + 1) << 2 | CsJinjaField. */
typedef uint32_t JinjaMark;

typedef struct
{
  size_t end;
  JinjaMark mark;
} JinjaStretch;

typedef struct
{
  const char *bytes; /* UTF-8, NUL-terminated */
  size_t size;
  const JinjaStretch *stretches; /* without holes; none for an empty string */
  size_t n_stretches;
  bool markup; /* came from |safe or |escape */
} JinjaString;

typedef enum
{
  JINJA_UNDEFINED,
  JINJA_NONE,
  JINJA_BOOL,
  JINJA_INT,
  JINJA_FLOAT,
  JINJA_STRING,
  JINJA_LIST,
  JINJA_TUPLE,
  JINJA_GENERATOR, /* what map, select and the like give: a list without a length */
  JINJA_DICT,
  JINJA_RANGE,
  JINJA_NAMESPACE,
  JINJA_LOOP,
  JINJA_MACRO,
  JINJA_FUNCTION, /* of the environment, by name */
  JINJA_METHOD,   /* of a value, by name */
  JINJA_CYCLER,
  JINJA_JOINER,
} JinjaType;

typedef struct JinjaValue JinjaValue;
typedef struct JinjaList JinjaList;
typedef struct JinjaDict JinjaDict;
typedef struct JinjaLoop JinjaLoop;
typedef struct JinjaMacro JinjaMacro;
typedef struct JinjaScope JinjaScope;
typedef struct JinjaMethod JinjaMethod;
typedef struct JinjaCycle JinjaCycle;
typedef struct JinjaNode JinjaNode;
typedef struct JinjaRun JinjaRun;

typedef struct
{
  int64_t start, stop, step;
  size_t n;
} JinjaRange;

struct JinjaValue
{
  JinjaType type;
  union
  {
    bool boolean;
    int64_t integer;
    double real;
    const JinjaString *string;
    const JinjaList *list; /* LIST, TUPLE, GENERATOR */
    JinjaDict *dict;       /* DICT, NAMESPACE */
    const JinjaRange *range;
    JinjaLoop *loop;
    const JinjaMacro *macro;
    const char *name; /* FUNCTION */
    const JinjaMethod *method;
    JinjaCycle *cycle;   /* CYCLER, JOINER */
    const char *missing; /* UNDEFINED: what Jinja2 says when it is used */
  } as;
};

struct JinjaList
{
  JinjaValue *items;
  size_t n;
};

struct JinjaDict
{
  JinjaValue *keys, *values;
  size_t n, capacity;
  int32_t message; /* the message that it is, or −1 */
};

struct JinjaMethod
{
  JinjaValue self;
  const char *name;
};

struct JinjaCycle
{
  const JinjaList *items; /* of a cycler; NULL for a joiner */
  const JinjaString *separator;
  size_t at;
};

struct JinjaMacro
{
  const JinjaNode *node;
  JinjaScope *scope; /* where it was defined */
};

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

/* ---- parser (jinja-parser.c, jinja-parse-expression.c) ----------------- */

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

/* ---- a rendering ------------------------------------------------------- */

typedef struct
{
  JinjaRun *run;
  char *bytes;
  size_t size, capacity;
  JinjaStretch *stretches;
  size_t n, n_capacity;
  bool markup;
} JinjaText; /* being written */

typedef struct
{
  const char *name;
  JinjaValue value;
} JinjaBinding;

struct JinjaScope
{
  JinjaScope *parent;
  JinjaBinding *bindings;
  size_t n, capacity;
};

typedef struct
{
  JinjaRun *run;
  JinjaValue *items;
  size_t n, capacity;
} JinjaItems; /* a list being made */

typedef struct
{
  const JinjaValue *positional;
  size_t n;
  const char *const *names;
  const JinjaValue *keyword;
  size_t n_keyword;
} JinjaCall;

struct JinjaLoop
{
  const JinjaNode *node;
  JinjaScope *outer;
  const JinjaList *source;
  size_t next;   /* of the source */
  bool filtered; /* by the condition of the node */
  bool has_before, has_after;
  JinjaValue before, item, after; /* after: looked ahead for, where has_after */
  size_t index0, depth0;
  size_t length; /* where has_length */
  bool has_length;
  const JinjaList *changed; /* the last arguments of changed(), or NULL */
};

typedef enum
{
  JINJA_FLOW_NORMAL,
  JINJA_FLOW_BREAK,
  JINJA_FLOW_CONTINUE,
} JinjaFlow;

struct JinjaRun
{
  JinjaArena arena;
  const char *name; /* of the template */
  GError *error;
  uint64_t steps, max_steps, next_clock;
  gint64 deadline; /* monotonic microseconds */
  double max_seconds;
  GDateTime *now; /* may be NULL */
  JinjaScope *globals;
  JinjaText *out; /* of the innermost capture, or the whole */
  int32_t message;
  bool in_message_loop;
  unsigned depth, loop_depth;
  size_t written;
};

/* Sets the error unless there is one; returns an undefined value. */
JinjaValue jinja_fail (JinjaRun *run, const char *format, ...) G_GNUC_PRINTF (2, 3);
void jinja_fail_limit (JinjaRun *run, const char *what);
/* Counts work; false once the rendering has failed. */
bool jinja_step (JinjaRun *run, size_t n);
bool jinja_enter (JinjaRun *run);
void jinja_leave (JinjaRun *run);
void *jinja_alloc (JinjaRun *run, size_t size);
const char *jinja_format (JinjaRun *run, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* ---- text (jinja-text.c) ----------------------------------------------- */

extern const JinjaString jinja_empty;

void jinja_text_init (JinjaText *text, JinjaRun *run);
/* Makes a string of it. */
const JinjaString *jinja_text_take (JinjaText *text);
void jinja_text_append (JinjaText *text, const char *bytes, size_t size, JinjaMark mark);
void jinja_text_append_c (JinjaText *text, const char *bytes); /* the template's own */
void jinja_text_append_string (JinjaText *text, const JinjaString *string);
void jinja_text_append_part (JinjaText *text, const JinjaString *string, size_t from, size_t to);
JinjaMark jinja_mark_at (const JinjaString *string, size_t byte);

const JinjaString *jinja_string (JinjaRun *run, const char *bytes, size_t size, JinjaMark mark);
const JinjaString *
jinja_string_part (JinjaRun *run, const JinjaString *string, size_t from, size_t to);
const JinjaString *jinja_strip (JinjaRun *run,
                                const JinjaString *string,
                                const JinjaString *set,
                                bool left,
                                bool right);
bool jinja_is_space (gunichar c); /* as str.isspace() */
size_t jinja_find (const JinjaString *string, const JinjaString *what, size_t from); /* SIZE_MAX */
size_t jinja_length (const JinjaString *string); /* characters */
size_t jinja_offset (const JinjaString *string, size_t character);
typedef enum
{
  JINJA_CASE_LOWER,
  JINJA_CASE_UPPER,
  JINJA_CASE_TITLE, /* str.title() */
  JINJA_CASE_WORDS, /* the filter title */
  JINJA_CASE_CAPITALIZE,
  JINJA_CASE_SWAP,
} JinjaCase;
const JinjaString *jinja_change_case (JinjaRun *run, const JinjaString *string, JinjaCase how);
const JinjaString *jinja_replace (JinjaRun *run,
                                  const JinjaString *string,
                                  const JinjaString *old,
                                  const JinjaString *new,
                                  int64_t count);
const JinjaString *jinja_escape (JinjaRun *run, const JinjaString *string);
const JinjaString *jinja_indent (JinjaRun *run,
                                 const JinjaString *string,
                                 const JinjaString *indention,
                                 bool first,
                                 bool blank);

/* ---- values (jinja-value.c, jinja-print.c) ----------------------------- */

extern const JinjaList jinja_no_items;

JinjaValue jinja_undefined (const char *missing);
JinjaValue jinja_none (void);
JinjaValue jinja_bool (bool value);
JinjaValue jinja_int (int64_t value);
JinjaValue jinja_real (double value);
JinjaValue jinja_of_string (const JinjaString *string);
JinjaValue jinja_of_c (JinjaRun *run, const char *text);
JinjaValue jinja_of_list (JinjaType type, const JinjaList *list);
JinjaValue jinja_pair (JinjaRun *run, JinjaValue a, JinjaValue b);

void jinja_items_init (JinjaItems *items, JinjaRun *run);
void jinja_items_add (JinjaItems *items, JinjaValue value);
const JinjaList *jinja_items_take (JinjaItems *items);

JinjaDict *jinja_dict_new (JinjaRun *run);
void jinja_dict_set (JinjaRun *run, JinjaDict *dict, JinjaValue key, JinjaValue value);
const JinjaValue *jinja_dict_get (JinjaRun *run, const JinjaDict *dict, JinjaValue key);
const JinjaValue *jinja_dict_find (JinjaRun *run, const JinjaDict *dict, const char *key);

/* JSON's value; strings carry mark, those of a message theirs. */
JinjaValue jinja_from_json (JinjaRun *run, json_t *json, JinjaMark mark);
JinjaValue jinja_messages (JinjaRun *run, json_t *messages);

bool jinja_is_number (JinjaValue value); /* bool, int or float */
bool jinja_is_list (JinjaValue value);   /* list, tuple or generator */
double jinja_number (JinjaValue value);
int64_t jinja_integer (JinjaValue value);       /* of a bool or int */
const char *jinja_type_name (JinjaValue value); /* Python's: "str" … */
bool jinja_truth (JinjaRun *run, JinjaValue value);
bool jinja_equal (JinjaRun *run, JinjaValue a, JinjaValue b);
/* −1, 0, 1; fails for what cannot be compared. op is what the message names. */
int jinja_compare (JinjaRun *run, JinjaValue a, JinjaValue b, const char *op);
/* Elements of anything that can be gone through; fails otherwise. */
const JinjaList *jinja_iterate (JinjaRun *run, JinjaValue value);
bool jinja_is_iterable (JinjaValue value);
bool jinja_is_sequence (JinjaValue value);            /* has a length and elements */
int64_t jinja_size (JinjaRun *run, JinjaValue value); /* len() */
bool jinja_contains (JinjaRun *run, JinjaValue container, JinjaValue value);
JinjaValue jinja_range_item (const JinjaRange *range, size_t i);
/* Sorts in place, stable; keys belong to items. */
void jinja_sort (JinjaRun *run, JinjaValue *keys, JinjaValue *items, size_t n, bool reverse);

/* str() and repr(); both leave the marks of strings as they are. */
void jinja_print (JinjaText *text, JinjaValue value);
void jinja_print_repr (JinjaText *text, JinjaValue value);
void jinja_print_real (JinjaText *text, double value);
const JinjaString *jinja_str (JinjaRun *run, JinjaValue value);
typedef struct
{
  const JinjaString *indent; /* NULL: all on one line */
  const JinjaString *item_separator, *key_separator;
  bool sort_keys, ascii;
} JinjaJsonStyle;
void jinja_print_json (JinjaText *text, JinjaValue value, const JinjaJsonStyle *style);
/* "%s of %d" % values */
const JinjaString *jinja_percent (JinjaRun *run, const JinjaString *format, JinjaValue values);
/* "{} of {name}".format () */
const JinjaString *
jinja_brace_format (JinjaRun *run, const JinjaString *format, const JinjaCall *call);

/* ---- operators and look-ups (jinja-operate.c) -------------------------- */

JinjaValue jinja_binary (JinjaRun *run, JinjaOperator op, JinjaValue a, JinjaValue b);
JinjaValue jinja_negate (JinjaRun *run, JinjaValue a);
bool jinja_relation (JinjaRun *run, JinjaOperator op, JinjaValue a, JinjaValue b);
JinjaValue jinja_attribute (JinjaRun *run, JinjaValue object, const char *name);
JinjaValue jinja_item (JinjaRun *run, JinjaValue object, JinjaValue key);
JinjaValue
jinja_slice (JinjaRun *run, JinjaValue object, JinjaValue start, JinjaValue stop, JinjaValue step);

/* ---- calls ------------------------------------------------------------- */

/* An argument by position or name; NULL where it is not given. */
const JinjaValue *jinja_argument (const JinjaCall *call, size_t position, const char *name);
bool jinja_argument_bool (JinjaRun *run,
                          const JinjaCall *call,
                          size_t position,
                          const char *name,
                          bool fallback);
int64_t jinja_argument_int (JinjaRun *run,
                            const JinjaCall *call,
                            size_t position,
                            const char *name,
                            int64_t fallback);
/* A string; fallback where it is not given or none; fails for another type. */
const JinjaString *jinja_argument_string (JinjaRun *run,
                                          const JinjaCall *call,
                                          size_t position,
                                          const char *name,
                                          const JinjaString *fallback);

/* jinja-methods.c, jinja-string-methods.c */
bool jinja_has_method (JinjaValue self, const char *name);
JinjaValue jinja_call_method (JinjaRun *run, const JinjaMethod *method, const JinjaCall *call);
JinjaValue jinja_string_method (JinjaRun *run,
                                const JinjaString *self,
                                const char *name,
                                const JinjaCall *call);
extern const char *const jinja_string_methods[];
/* jinja-globals.c */
bool jinja_has_global (const char *name);
JinjaValue jinja_call_global (JinjaRun *run, const char *name, const JinjaCall *call);
JinjaValue jinja_make_range (JinjaRun *run, const JinjaCall *call);
const JinjaString *jinja_strftime (JinjaRun *run, const JinjaString *format);
/* jinja-filters.c, jinja-filters-list.c */
typedef JinjaValue (*JinjaFilterFunc) (JinjaRun *run, JinjaValue value, const JinjaCall *call);
typedef struct
{
  const char *name;
  JinjaFilterFunc func;
} JinjaFilter;
extern const JinjaFilter jinja_text_filters[], jinja_list_filters[], jinja_select_filters[];
bool jinja_has_filter (const char *name);
JinjaValue jinja_filter (JinjaRun *run, const char *name, JinjaValue value, const JinjaCall *call);
/* a.b.0 of a value, as filters name attributes; a number is an index. What is not there becomes
 * fallback, unless that is NULL. */
JinjaValue jinja_path (JinjaRun *run, JinjaValue value, JinjaValue path, const JinjaValue *fallback);
JinjaValue jinja_fold_case (JinjaRun *run, JinjaValue value);
/* jinja-tests.c */
bool jinja_has_test (const char *name);
bool jinja_test (JinjaRun *run, const char *name, JinjaValue value, const JinjaCall *call);

/* ---- running (jinja-evaluate.c, jinja-execute.c, jinja-loop.c) --------- */

const JinjaValue *jinja_lookup (JinjaRun *run, const JinjaScope *scope, const char *name);
JinjaScope *jinja_scope_new (JinjaRun *run, JinjaScope *parent);
void jinja_bind (JinjaRun *run, JinjaScope *scope, const char *name, JinjaValue value);
JinjaValue jinja_evaluate (JinjaRun *run, JinjaScope *scope, const JinjaNode *node);
JinjaValue jinja_call (JinjaRun *run, JinjaValue callee, const JinjaCall *call);
JinjaValue
jinja_apply_filters (JinjaRun *run, JinjaScope *scope, const JinjaNode *node, JinjaValue value);
JinjaFlow jinja_execute (JinjaRun *run, JinjaScope *scope, const JinjaNodes *body);
JinjaValue jinja_call_macro (JinjaRun *run, const JinjaMacro *macro, const JinjaCall *call);
JinjaValue
jinja_call_with_caller (JinjaRun *run, JinjaScope *scope, const JinjaNode *call, JinjaValue caller);
void jinja_assign (JinjaRun *run, JinjaScope *scope, const JinjaNode *target, JinjaValue value);
JinjaFlow jinja_execute_for (JinjaRun *run, JinjaScope *scope, const JinjaNode *node);
JinjaValue jinja_loop_attribute (JinjaRun *run, JinjaLoop *loop, const char *name);
JinjaValue
jinja_loop_method (JinjaRun *run, JinjaLoop *loop, const char *name, const JinjaCall *call);
