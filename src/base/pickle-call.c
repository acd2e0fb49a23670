#include <string.h>

#include "file-error.h"
#include "pickle-private.h"

static const struct
{
  const char *module, *name;
  CsPickleCall call;
  CsDtype dtype;
} globals[] = {
  { "torch._utils", "_rebuild_tensor_v2", CS_CALL_TENSOR, 0 },
  { "torch._utils", "_rebuild_parameter", CS_CALL_PARAMETER, 0 },
  { "collections", "OrderedDict", CS_CALL_ORDERED_DICT, 0 },
  { "torch", "Size", CS_CALL_SIZE, 0 },
  { "torch", "DoubleStorage", CS_CALL_STORAGE, CS_DTYPE_F64 },
  { "torch", "FloatStorage", CS_CALL_STORAGE, CS_DTYPE_F32 },
  { "torch", "HalfStorage", CS_CALL_STORAGE, CS_DTYPE_F16 },
  { "torch", "BFloat16Storage", CS_CALL_STORAGE, CS_DTYPE_BF16 },
  { "torch", "LongStorage", CS_CALL_STORAGE, CS_DTYPE_I64 },
  { "torch", "IntStorage", CS_CALL_STORAGE, CS_DTYPE_I32 },
  { "torch", "ShortStorage", CS_CALL_STORAGE, CS_DTYPE_I16 },
  { "torch", "CharStorage", CS_CALL_STORAGE, CS_DTYPE_I8 },
  { "torch", "ByteStorage", CS_CALL_STORAGE, CS_DTYPE_U8 },
  { "torch", "BoolStorage", CS_CALL_STORAGE, CS_DTYPE_BOOL },
};

static bool
equals (const char *text, size_t size, const char *word)
{
  return size == strlen (word) && memcmp (text, word, size) == 0;
}

CsPickleValue *
cs_pickle_global (CsPickle *pickle,
                  const char *module,
                  size_t n_module,
                  const char *name,
                  size_t n_name,
                  GError **error)
{
  for (size_t i = 0; i < G_N_ELEMENTS (globals); i++)
    if (equals (module, n_module, globals[i].module) && equals (name, n_name, globals[i].name))
      {
        CsPickleValue *value = cs_pickle_new (pickle, CS_PICKLE_GLOBAL);
        value->integer = globals[i].call;
        value->dtype = globals[i].dtype;
        return value;
      }
  g_autofree char *full =
      g_strdup_printf ("%.*s.%.*s", (int)MIN (n_module, 100), module, (int)MIN (n_name, 100), name);
  g_autofree char *valid = g_utf8_make_valid (full, -1);
  cs_file_error (
      error, CS_ERROR_UNSUPPORTED,
      "“%s” asks for “%s”, which a file of tensors does not need: nothing in it was run; "
      "save the tensors alone (a state dict) and open that.",
      pickle->name, g_strdelimit (valid, "\r\n", ' '));
  return NULL;
}

static const CsPickleValue *
argument (const CsPickleValue *tuple, size_t index, CsPickleKind kind)
{
  if (tuple->kind != CS_PICKLE_TUPLE || index >= tuple->items->len)
    return NULL;
  const CsPickleValue *value = g_ptr_array_index (tuple->items, index);
  return value->kind == kind ? value : NULL;
}

static CsPickleValue *
refuse (const CsPickle *pickle, GError **error, const char *what)
{
  cs_pickle_fail (pickle, error, what);
  return NULL;
}

CsPickleValue *
cs_pickle_persistent (CsPickle *pickle, const CsPickleValue *id, GError **error)
{
  const CsPickleValue *word = argument (id, 0, CS_PICKLE_STRING);
  const CsPickleValue *type = argument (id, 1, CS_PICKLE_GLOBAL);
  const CsPickleValue *key = argument (id, 2, CS_PICKLE_STRING);
  const CsPickleValue *count = argument (id, 4, CS_PICKLE_INT);
  if (!word || !equals (word->text, word->size, "storage") || !type ||
      type->integer != CS_CALL_STORAGE || !key || !count || count->integer < 0)
    return refuse (pickle, error, "it refers to something that is no storage of numbers");
  CsPickleValue *storage = cs_pickle_new (pickle, CS_PICKLE_STORAGE);
  storage->dtype = type->dtype;
  storage->text = key->text;
  storage->size = key->size;
  storage->integer = count->integer;
  return storage;
}

/* Sizes or strides: a tuple of whole numbers ≥ 0. */
static bool
read_numbers (const CsPickleValue *tuple, uint64_t *out)
{
  for (size_t i = 0; i < tuple->items->len; i++)
    {
      const CsPickleValue *number = argument (tuple, i, CS_PICKLE_INT);
      if (!number || number->integer < 0)
        return false;
      out[i] = (uint64_t)number->integer;
    }
  return true;
}

static CsPickleValue *
make_tensor (CsPickle *pickle, const CsPickleValue *arguments, GError **error)
{
  const CsPickleValue *storage = argument (arguments, 0, CS_PICKLE_STORAGE);
  const CsPickleValue *offset = argument (arguments, 1, CS_PICKLE_INT);
  const CsPickleValue *shape = argument (arguments, 2, CS_PICKLE_TUPLE);
  const CsPickleValue *stride = argument (arguments, 3, CS_PICKLE_TUPLE);
  if (!storage || !offset || offset->integer < 0 || !shape || !stride ||
      shape->items->len != stride->items->len || shape->items->len > CS_PICKLE_MAX_DIMS)
    return refuse (pickle, error,
                   "a tensor's storage, sizes or strides are not what they have to be");
  CsPickleValue *value = cs_pickle_new (pickle, CS_PICKLE_TENSOR);
  value->tensor = g_new0 (CsPickleTensor, 1);
  value->tensor->storage = storage;
  value->tensor->offset = (uint64_t)offset->integer;
  value->tensor->n_dims = shape->items->len;
  value->dtype = storage->dtype;
  if (!read_numbers (shape, value->tensor->shape) || !read_numbers (stride, value->tensor->stride))
    return refuse (pickle, error, "a tensor's sizes or strides are not whole numbers from 0 on");
  return value;
}

/* OrderedDict () or OrderedDict ([(key, value), …]). */
static CsPickleValue *
make_dict (CsPickle *pickle, const CsPickleValue *arguments, GError **error)
{
  CsPickleValue *dict = cs_pickle_new (pickle, CS_PICKLE_DICT);
  const CsPickleValue *pairs = argument (arguments, 0, CS_PICKLE_LIST);
  if (!pairs)
    return arguments->kind == CS_PICKLE_TUPLE && arguments->items->len == 0
               ? dict
               : refuse (pickle, error, "a dictionary is made of something else than pairs");
  if (pairs->items->len > pickle->budget)
    return refuse (pickle, error, "it copies the same dictionary again and again");
  pickle->budget -= pairs->items->len;
  for (size_t i = 0; i < pairs->items->len; i++)
    {
      const CsPickleValue *pair = g_ptr_array_index (pairs->items, i);
      if ((pair->kind != CS_PICKLE_TUPLE && pair->kind != CS_PICKLE_LIST) || pair->items->len != 2)
        return refuse (pickle, error, "a dictionary is made of something else than pairs");
      g_ptr_array_add (dict->items, g_ptr_array_index (pair->items, 0));
      g_ptr_array_add (dict->items, g_ptr_array_index (pair->items, 1));
    }
  return dict;
}

CsPickleValue *
cs_pickle_reduce (CsPickle *pickle,
                  const CsPickleValue *callable,
                  const CsPickleValue *arguments,
                  GError **error)
{
  if (callable->kind != CS_PICKLE_GLOBAL || arguments->kind != CS_PICKLE_TUPLE)
    return refuse (pickle, error, "it calls something that is no function");
  switch ((CsPickleCall)callable->integer)
    {
    case CS_CALL_TENSOR:
      return make_tensor (pickle, arguments, error);
    case CS_CALL_ORDERED_DICT:
      return make_dict (pickle, arguments, error);
    case CS_CALL_PARAMETER:
      if (argument (arguments, 0, CS_PICKLE_TENSOR))
        return g_ptr_array_index (arguments->items, 0);
      break;
    case CS_CALL_SIZE:
      if (argument (arguments, 0, CS_PICKLE_TUPLE) || argument (arguments, 0, CS_PICKLE_LIST))
        {
          CsPickleValue *size = g_ptr_array_index (arguments->items, 0);
          size->kind = CS_PICKLE_TUPLE;
          return size;
        }
      break;
    case CS_CALL_STORAGE:
    default:
      break;
    }
  return refuse (pickle, error, "a function is called with arguments that it does not take");
}
