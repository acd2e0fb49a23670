/* What the pickle reader's two halves share: the machine (pickle.c) and the calls it knows (pickle-call.c). */
#pragma once

#include "pickle.h"

typedef enum {
  CS_CALL_TENSOR,        /* torch._utils._rebuild_tensor_v2 */
  CS_CALL_PARAMETER,     /* torch._utils._rebuild_parameter */
  CS_CALL_ORDERED_DICT,  /* collections.OrderedDict */
  CS_CALL_SIZE,          /* torch.Size */
  CS_CALL_STORAGE,       /* torch.FloatStorage … : dtype says which; not callable, only named */
} CsPickleCall;

struct CsPickle {
  char       *name;      /* for errors */
  GPtrArray  *values;    /* owns every value made */
  GPtrArray  *stack;
  GArray     *marks;     /* gsize: heights of the stack */
  GHashTable *memo;      /* number → value */
  CsPickleValue *root;
  size_t      budget;    /* items that calls may still copy: a small file is not to make a large value */
};

/* A value that the pickle owns. */
CsPickleValue *cs_pickle_new (CsPickle *pickle, CsPickleKind kind);
bool cs_pickle_fail (const CsPickle *pickle, GError **error, const char *what);

/* Finds a known global: a value of kind GLOBAL whose integer is the CsPickleCall; any other is refused by name. */
CsPickleValue *cs_pickle_global (CsPickle *pickle, const char *module, size_t n_module, const char *name,
                                 size_t n_name, GError **error);
/* callable (*arguments). */
CsPickleValue *cs_pickle_reduce (CsPickle *pickle, const CsPickleValue *callable, const CsPickleValue *arguments,
                                 GError **error);
/* ("storage", type, key, device, elements) to a STORAGE. */
CsPickleValue *cs_pickle_persistent (CsPickle *pickle, const CsPickleValue *id, GError **error);
