/* Tensors are laid out by falling element size, in the order given among equals, and the header is
 * padded with spaces to a multiple of 8 bytes: so every tensor is aligned to its elements and no
 * two leave a hole. */
#include <string.h>

#include <glib.h>

#include "errors.h"
#include "file-replace.h"
#include "json.h"
#include "safetensors-private.h"

enum { ALIGNMENT = 8 };

static bool
check_tensor (const CsTensor *tensor, const char *path, GError **error)
{
  size_t n_bytes = cs_dtype_size (tensor->dtype);
  bool good = tensor->n_dims <= CS_TENSOR_MAX_DIMS;

  for (size_t i = 0; good && i < tensor->n_dims; i++)
    good =
      tensor->shape[i] <= INT64_MAX && g_size_checked_mul (&n_bytes, n_bytes, tensor->shape[i]);
  if (!good || n_bytes != tensor->n_bytes)
    g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                 "%s cannot be written: the %zu bytes of tensor “%s” do not fit its shape", path,
                 tensor->n_bytes, tensor->name);
  return good && n_bytes == tensor->n_bytes;
}

static int
compare_layout (const void *a, const void *b)
{
  const CsTensor *x = *(const CsTensor *const *) a;
  const CsTensor *y = *(const CsTensor *const *) b;
  size_t size_x = cs_dtype_size (x->dtype), size_y = cs_dtype_size (y->dtype);

  if (size_x != size_y)
    return size_x > size_y ? -1 : 1;
  return (x > y) - (x < y); /* both are in the caller's array */
}

static GPtrArray *
lay_out (const CsTensor *tensors, size_t n_tensors)
{
  GPtrArray *order = g_ptr_array_new ();

  for (size_t i = 0; i < n_tensors; i++)
    g_ptr_array_add (order, (void *) (uintptr_t) &tensors[i]);
  g_ptr_array_sort (order, compare_layout);
  return order;
}

static json_t *
describe_tensor (const CsTensor *tensor, size_t begin)
{
  json_t *shape = json_array ();

  for (size_t i = 0; i < tensor->n_dims; i++)
    json_array_append_new (shape, json_integer ((json_int_t) tensor->shape[i]));
  return json_pack ("{s:s, s:o, s:[I, I]}", "dtype", cs_dtype_name (tensor->dtype), "shape", shape,
                    "data_offsets", (json_int_t) begin, (json_int_t) (begin + tensor->n_bytes));
}

static bool
describe_metadata (json_t *header, const char *const *metadata)
{
  json_t *pairs;

  if (metadata == NULL || metadata[0] == NULL)
    return true;
  pairs = json_object ();
  json_object_set_new (header, "__metadata__", pairs);
  for (size_t i = 0; metadata[i] != NULL; i += 2)
    if (json_object_set_new (pairs, metadata[i], json_string (metadata[i + 1])) != 0)
      return false;
  return true;
}

static bool
describe_tensors (json_t *header, GPtrArray *order, const char *path, GError **error)
{
  size_t begin = 0;

  for (guint i = 0; i < order->len; i++)
    {
      const CsTensor *tensor = g_ptr_array_index (order, i);

      if (!check_tensor (tensor, path, error))
        return false;
      if (json_object_get (header, tensor->name) != NULL ||
          strcmp (tensor->name, "__metadata__") == 0 ||
          json_object_set_new (header, tensor->name, describe_tensor (tensor, begin)) != 0)
        {
          g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                       "%s cannot be written: the tensor name “%s” is taken or not UTF-8", path,
                       tensor->name);
          return false;
        }
      begin += tensor->n_bytes;
    }
  return true;
}

static char *
make_header (GPtrArray *order, const char *path, const char *const *metadata, GError **error)
{
  g_autoptr (json_t) header = json_object ();
  char *text = NULL;

  if (!describe_metadata (header, metadata))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "%s cannot be written: its metadata is not UTF-8", path);
      return NULL;
    }
  if (!describe_tensors (header, order, path, error))
    return NULL;
  text = json_dumps (header, JSON_COMPACT);
  g_assert (text != NULL);
  return text;
}

static bool
write_header (CsFileReplace *file, const char *text, GError **error)
{
  static const char padding[ALIGNMENT + 1] = "        ";
  size_t n_text = strlen (text);
  size_t n_padding = (ALIGNMENT - n_text % ALIGNMENT) % ALIGNMENT;
  uint64_t length = GUINT64_TO_LE ((uint64_t) (n_text + n_padding));

  return cs_file_replace_write (file, &length, sizeof length, error) &&
         cs_file_replace_write (file, text, n_text, error) &&
         cs_file_replace_write (file, padding, n_padding, error);
}

bool
cs_safetensors_write (const char *path, const CsTensor *tensors, size_t n_tensors,
                      const char *const *metadata, GError **error)
{
  g_autoptr (GPtrArray) order = lay_out (tensors, n_tensors);
  g_autofree char *header = NULL;
  g_autoptr (CsFileReplace) file = NULL;
  char *text = make_header (order, path, metadata, error);

  if (text == NULL)
    return false;
  header = g_strdup (text);
  free (text);
  file = cs_file_replace_new (path, error);
  if (file == NULL || !write_header (file, header, error))
    return false;
  for (guint i = 0; i < order->len; i++)
    {
      const CsTensor *tensor = g_ptr_array_index (order, i);

      if (!cs_file_replace_write (file, tensor->data, tensor->n_bytes, error))
        return false;
    }
  return cs_file_replace_commit (file, error);
}
