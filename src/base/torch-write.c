/* The pickle and the zip entries of a file that torch.load reads, in protocol 2 as torch.save
 * writes it. */
#include <string.h>

#include "errors.h"
#include "torch-file.h"
#include "zip-file.h"

static const char *
storage_name (CsDtype dtype)
{
  switch (dtype)
    {
    case CS_DTYPE_F64:
      return "DoubleStorage";
    case CS_DTYPE_F32:
      return "FloatStorage";
    case CS_DTYPE_F16:
      return "HalfStorage";
    case CS_DTYPE_BF16:
      return "BFloat16Storage";
    case CS_DTYPE_I64:
      return "LongStorage";
    case CS_DTYPE_I32:
      return "IntStorage";
    case CS_DTYPE_I16:
      return "ShortStorage";
    case CS_DTYPE_I8:
      return "CharStorage";
    case CS_DTYPE_U8:
      return "ByteStorage";
    case CS_DTYPE_BOOL:
      return "BoolStorage";
    default:
      return NULL;
    }
}

static void
put_text (GString *out, const char *text)
{
  const size_t n = strlen (text);
  const char length[] = { (char)(n & 0xff), (char)(n >> 8 & 0xff), (char)(n >> 16 & 0xff),
                          (char)(n >> 24 & 0xff) };
  g_string_append_c (out, 'X');
  g_string_append_len (out, length, sizeof length);
  g_string_append_len (out, text, (gssize)n);
}

/* LONG1 with as many bytes as a number ≥ 0 and its sign need. */
static void
put_number (GString *out, uint64_t number)
{
  char bytes[9] = { 0 };
  unsigned n = 0;
  for (uint64_t left = number; left; left >>= 8)
    bytes[n++] = (char)(left & 0xff);
  if (n > 0 && (bytes[n - 1] & 0x80))
    n++;
  g_string_append_c (out, (char)0x8a);
  g_string_append_c (out, (char)n);
  g_string_append_len (out, bytes, (gssize)n);
}

static void
put_tuple (GString *out, const uint64_t *numbers, size_t n)
{
  g_string_append_c (out, '(');
  for (size_t i = 0; i < n; i++)
    put_number (out, numbers[i]);
  g_string_append_c (out, 't');
}

static void
put_tensor (GString *out, const CsTensor *tensor, size_t index)
{
  uint64_t shape[CS_TENSOR_MAX_DIMS], stride[CS_TENSOR_MAX_DIMS], step = 1;
  g_autofree char *key = g_strdup_printf ("%zu", index);
  for (size_t i = tensor->n_dims; i-- > 0;)
    {
      shape[i] = tensor->shape[i];
      stride[i] = step;
      step *= MAX (shape[i], 1);
    }
  g_string_append (out, "ctorch._utils\n_rebuild_tensor_v2\n((");
  put_text (out, "storage");
  g_string_append_printf (out, "ctorch\n%s\n", storage_name (tensor->dtype));
  put_text (out, key);
  put_text (out, "cpu");
  put_number (out, tensor->n_elements);
  g_string_append (out, "tQ");
  put_number (out, 0);
  put_tuple (out, shape, tensor->n_dims);
  put_tuple (out, stride, tensor->n_dims);
  g_string_append_c (out, (char)0x89);
  g_string_append (out, "ccollections\nOrderedDict\n)RtR");
}

static GString *
make_pickle (const CsTensor *tensors, size_t n)
{
  GString *out = g_string_new ("\x80\x02");
  const bool bare = n == 1 && tensors[0].name[0] == '\0';
  if (!bare)
    g_string_append (out, "ccollections\nOrderedDict\n)R(");
  for (size_t i = 0; i < n; i++)
    {
      if (!bare)
        put_text (out, tensors[i].name);
      put_tensor (out, &tensors[i], i);
    }
  g_string_append (out, bare ? "." : "u.");
  return out;
}

bool
cs_torch_write (const char *path, const CsTensor *tensors, size_t n_tensors, GError **error)
{
  for (size_t i = 0; i < n_tensors; i++)
    if (!storage_name (tensors[i].dtype))
      {
        g_set_error (error, CS_ERROR, CS_ERROR_UNSUPPORTED,
                     "“%s” cannot be written: PyTorch has no storage of type %s.", path,
                     cs_dtype_name (tensors[i].dtype));
        return false;
      }
  g_autofree CsZipEntry *entries = g_new0 (CsZipEntry, n_tensors + 3);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  GString *pickle = make_pickle (tensors, n_tensors);
  entries[0] = (CsZipEntry){ "archive/data.pkl", (unsigned char *)pickle->str, pickle->len };
  entries[1] = (CsZipEntry){ "archive/byteorder", (const unsigned char *)"little", 6 };
  for (size_t i = 0; i < n_tensors; i++)
    {
      g_ptr_array_add (names, g_strdup_printf ("archive/data/%zu", i));
      entries[i + 2] = (CsZipEntry){ names->pdata[i], tensors[i].data, tensors[i].n_bytes };
    }
  entries[n_tensors + 2] = (CsZipEntry){ "archive/version", (const unsigned char *)"3\n", 2 };
  const bool ok = cs_zip_write (path, entries, n_tensors + 3, error);
  g_string_free (pickle, TRUE);
  return ok;
}
