/* Memory and values of the interpreter; the rest is in jinja-private.h, which includes this. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
