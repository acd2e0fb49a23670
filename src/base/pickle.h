/* The part of Python's pickle format that PyTorch's files of tensors need, read without executing anything.
 *
 * A pickle is a program that may call any function of Python. Here the only "calls" known are those that put a
 * tensor, a parameter, an ordered dictionary or a size together from plain values; any other global, and any opcode that
 * plain values do not need, is refused with a sentence that names it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib-object.h>

#include "dtype.h"

#define CS_PICKLE_MAX_DIMS 8

typedef enum {
  CS_PICKLE_NONE,
  CS_PICKLE_BOOL,      /* integer */
  CS_PICKLE_INT,       /* integer */
  CS_PICKLE_FLOAT,     /* real */
  CS_PICKLE_STRING,    /* text, size; UTF-8 */
  CS_PICKLE_BYTES,     /* text, size */
  CS_PICKLE_TUPLE,     /* items */
  CS_PICKLE_LIST,      /* items */
  CS_PICKLE_DICT,      /* items: key, value, key, value, … */
  CS_PICKLE_GLOBAL,    /* one of the known ones */
  CS_PICKLE_STORAGE,   /* dtype, text = key, integer = elements */
  CS_PICKLE_TENSOR,    /* tensor */
} CsPickleKind;

typedef struct CsPickleValue CsPickleValue;

/* A strided view of a storage: element (i, j, …) is offset + i·stride[0] + j·stride[1] + … Only its numbers' signs are
 * checked here, not whether it fits its storage. */
typedef struct {
  const CsPickleValue *storage;
  uint64_t offset;
  size_t   n_dims;
  uint64_t shape[CS_PICKLE_MAX_DIMS], stride[CS_PICKLE_MAX_DIMS];
} CsPickleTensor;

struct CsPickleValue {
  CsPickleKind kind;
  int64_t      integer;
  double       real;
  const char  *text;      /* in the pickle's bytes, not terminated */
  size_t       size;
  CsDtype      dtype;
  GPtrArray   *items;     /* of CsPickleValue; a value may be reached by several ways, and contain itself */
  CsPickleTensor *tensor;
};

typedef struct CsPickle CsPickle;

/* bytes have to outlive the result; name is what errors call the file. */
CsPickle *cs_pickle_parse (const unsigned char *bytes, size_t size, const char *name, GError **error);
void      cs_pickle_free (CsPickle *pickle);
const CsPickleValue *cs_pickle_root (const CsPickle *pickle);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsPickle, cs_pickle_free)
