/* How the files of the interpreter see each other; nothing outside jinja-*.c includes this.
 *
 * All memory of a compiled template, and all of one rendering, is an arena of its own that is freed
 * as a whole. After an error (JinjaRun.error) every function returns something harmless at once:
 * callers need to look only where they loop. */
#pragma once

#include <string.h>

#include "errors.h"
#include "jinja-nodes.h"
#include "jinja.h"

#define JINJA_MAX_DEPTH 1000  /* of evaluations in each other, and of values */
#define JINJA_MAX_NESTING 100 /* of a template's expressions and blocks */
#define JINJA_MAX_SOURCE ((size_t)4 << 20)
#define JINJA_MAX_OUTPUT ((size_t)64 << 20)
#define JINJA_MAX_RANGE 100000 /* Jinja2's sandbox has the same */

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

/* ---- values (jinja-value.c, jinja-dict.c, jinja-compare.c, jinja-print.c)  */

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

bool jinja_is_hashable (JinjaValue value);
JinjaDict *jinja_dict_new (JinjaRun *run);
void jinja_dict_set (JinjaRun *run, JinjaDict *dict, JinjaValue key, JinjaValue value);
const JinjaValue *jinja_dict_get (JinjaRun *run, const JinjaDict *dict, JinjaValue key);
const JinjaValue *jinja_dict_find (JinjaRun *run, const JinjaDict *dict, const char *key);

/* JSON's value; strings carry mark, those of a message theirs. */
JinjaValue jinja_from_json (JinjaRun *run, json_t *json, JinjaMark mark);
JinjaValue jinja_messages (JinjaRun *run, json_t *messages);

bool jinja_is_number (JinjaValue value); /* bool, int or float */
bool jinja_is_list (JinjaValue value);   /* list, tuple or generator */
bool jinja_is_whole (JinjaValue value);  /* bool or int */
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

/* ---- operators and look-ups (jinja-operate.c, jinja-access.c) ---------- */

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
JinjaValue
jinja_path (JinjaRun *run, JinjaValue value, JinjaValue path, const JinjaValue *fallback);
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
/* The loop again over what it is given; what that writes, as a string. */
JinjaValue jinja_call_loop (JinjaRun *run, const JinjaLoop *loop, const JinjaCall *call);
JinjaValue
jinja_loop_method (JinjaRun *run, JinjaLoop *loop, const char *name, const JinjaCall *call);
