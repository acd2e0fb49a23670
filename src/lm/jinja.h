/* A small interpreter of the template language Jinja, as far as published chat templates use it: what Jinja2 does
 * with trim_blocks and lstrip_blocks in a sandbox without mutable values, plus raise_exception, strftime_now, a
 * tojson that escapes nothing, break, continue and generation blocks.
 *
 * Every character of a rendering carries a mark: what it came from. Marks live in the strings, so they survive
 * concatenation, trim, split, replace and the like. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

typedef struct CsJinja CsJinja;

/* Immutable and for any thread. name is what errors call the template; source may hold anything.
 * Errors: CS_ERROR_FORMAT naming the line. */
CsJinja *cs_jinja_compile (const char *source, size_t size, const char *name, GError **error);
void     cs_jinja_free (CsJinja *jinja);

/* Where a character came from: a message's index and the part of it, or the template. Template text that was
 * written while a loop was at message k belongs to k as well. */
typedef enum {
  CS_JINJA_TEMPLATE,
  CS_JINJA_CONTENT,         /* any string of the message but its role */
  CS_JINJA_ROLE,
} CsJinjaField;

typedef struct {
  size_t       end;         /* byte of the text behind the run */
  int32_t      message;     /* −1: none */
  CsJinjaField field;
} CsJinjaRun;

typedef struct {
  uint64_t max_steps;       /* evaluations, and 64 bytes of text each; 0: 20 million */
  size_t   max_bytes;       /* memory of one rendering; 0: 512 MiB */
  double   max_seconds;     /* 0: 10 */
} CsJinjaLimits;

typedef struct {
  json_t       *messages;   /* a list of objects; borrowed */
  json_t       *variables;  /* an object with all other variables, or NULL; borrowed */
  GDateTime    *now;        /* what strftime_now tells; NULL: the clock */
  CsJinjaLimits limits;
} CsJinjaInput;

/* text: NUL-terminated UTF-8, runs: CsJinjaRun without holes; both the caller's. Errors: CS_ERROR_USAGE with the
 * template's own words where it calls raise_exception, CS_ERROR_FORMAT with Jinja's words where it goes wrong,
 * CS_ERROR_UNSUPPORTED where it runs into a limit. */
bool cs_jinja_render (const CsJinja *jinja, const CsJinjaInput *input, char **text, size_t *size, GArray **runs,
                      GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsJinja, cs_jinja_free)
