#include <string.h>

#include <glib.h>
#include <jansson.h>

#include "file-error.h"
#include "json.h"
#include "safetensors-private.h"

enum { LENGTH_BYTES = 8 };

typedef struct {
  const char *path;
  size_t      n_data;      /* bytes behind the header */
  GArray     *entries;
  GHashTable *metadata;
  GError    **error;
} Parser;

void
cs_header_entry_clear (void *entry)
{
  g_free (((CsHeaderEntry *) entry)->name);
}

static bool refuse (Parser *parser, const char *format, ...) G_GNUC_PRINTF (2, 3);

static bool
refuse (Parser *parser, const char *format, ...)
{
  g_autofree char *what = NULL;
  va_list args;

  va_start (args, format);
  what = g_strdup_vprintf (format, args);
  va_end (args);
  cs_file_error (parser->error, CS_ERROR_FORMAT,
                 "%s is not a safetensors file that can be read: %s; download or export it again",
                 parser->path, what);
  return false;
}

static bool
get_index (json_t *value, size_t *out)
{
  json_int_t number = json_is_integer (value) ? json_integer_value (value) : -1;

  *out = (size_t) number;
  return number >= 0;
}

static bool
parse_dtype (Parser *parser, const char *name, json_t *object, CsDtype *dtype)
{
  const char *text = json_string_value (json_object_get (object, "dtype"));

  if (text == NULL)
    return refuse (parser, "tensor “%s” has no element type", name);
  if (cs_dtype_parse (text, dtype))
    return true;
  cs_file_error (
      parser->error, CS_ERROR_UNSUPPORTED,
      "%s: tensor “%s” has the element type %.32s, which this version cannot read: convert the "
      "model to F32, F16 or BF16",
      parser->path, name, text);
  return false;
}

static bool
parse_shape (Parser *parser, const char *name, json_t *object, CsTensor *tensor)
{
  json_t *shape = json_object_get (object, "shape");

  if (!json_is_array (shape) || json_array_size (shape) > CS_TENSOR_MAX_DIMS)
    return refuse (parser, "tensor “%s” has no shape of at most %d dimensions", name,
                   CS_TENSOR_MAX_DIMS);
  tensor->n_dims = json_array_size (shape);
  tensor->n_elements = 1;
  for (size_t i = 0; i < tensor->n_dims; i++)
    {
      if (!get_index (json_array_get (shape, i), &tensor->shape[i]))
        return refuse (parser, "the shape of tensor “%s” has a dimension that is no whole number",
                       name);
      if (!g_size_checked_mul (&tensor->n_elements, tensor->n_elements, tensor->shape[i]))
        return refuse (parser, "the shape of tensor “%s” is too large", name);
    }
  if (!g_size_checked_mul (&tensor->n_bytes, tensor->n_elements, cs_dtype_size (tensor->dtype)))
    return refuse (parser, "the shape of tensor “%s” is too large", name);
  return true;
}

static bool
parse_offsets (Parser *parser, const char *name, json_t *object, CsHeaderEntry *entry)
{
  json_t *offsets = json_object_get (object, "data_offsets");

  if (json_array_size (offsets) != 2 || !get_index (json_array_get (offsets, 0), &entry->begin) ||
      !get_index (json_array_get (offsets, 1), &entry->end))
    return refuse (parser, "tensor “%s” has no pair of data offsets", name);
  if (entry->begin > entry->end || entry->end > parser->n_data)
    return refuse (parser, "tensor “%s” lies outside the file (it may be truncated)", name);
  if (entry->end - entry->begin != entry->tensor.n_bytes)
    return refuse (parser, "tensor “%s” has %zu bytes where its shape asks for %zu", name,
                   entry->end - entry->begin, entry->tensor.n_bytes);
  return true;
}

static bool
parse_tensor (Parser *parser, const char *name, json_t *object)
{
  CsHeaderEntry entry = { 0 };

  if (!json_is_object (object) || json_object_size (object) != 3)
    return refuse (parser, "tensor “%s” is not described by a type, a shape and offsets", name);
  if (!parse_dtype (parser, name, object, &entry.tensor.dtype) ||
      !parse_shape (parser, name, object, &entry.tensor) ||
      !parse_offsets (parser, name, object, &entry))
    return false;

  entry.name = g_strdup (name);
  entry.tensor.name = entry.name;
  g_array_append_val (parser->entries, entry);
  return true;
}

static bool
parse_metadata (Parser *parser, json_t *object)
{
  const char *key;
  json_t *value;

  if (!json_is_object (object))
    return refuse (parser, "its metadata is not an object");
  json_object_foreach (object, key, value)
    {
      if (!json_is_string (value))
        return refuse (parser, "its metadata “%s” is not a string", key);
      g_hash_table_replace (parser->metadata, g_strdup (key), g_strdup (json_string_value (value)));
    }
  return true;
}

static int
compare_offsets (const void *a, const void *b)
{
  const CsHeaderEntry *x = *(const CsHeaderEntry *const *) a;
  const CsHeaderEntry *y = *(const CsHeaderEntry *const *) b;

  if (x->begin != y->begin)
    return x->begin < y->begin ? -1 : 1;
  return (x->end > y->end) - (x->end < y->end);
}

/* In the order of their offsets the tensors have to follow each other from the first byte of the
 * data to the last. */
static bool
check_cover (Parser *parser)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_sized_new (parser->entries->len);
  size_t covered = 0;

  for (guint i = 0; i < parser->entries->len; i++)
    g_ptr_array_add (sorted, &g_array_index (parser->entries, CsHeaderEntry, i));
  g_ptr_array_sort (sorted, compare_offsets);
  for (guint i = 0; i < sorted->len; i++)
    {
      const CsHeaderEntry *entry = g_ptr_array_index (sorted, i);

      if (entry->begin != covered)
        return refuse (parser, "there is %s before tensor “%s”",
                       entry->begin < covered ? "an overlap" : "a hole", entry->name);
      covered = entry->end;
    }
  if (covered != parser->n_data)
    return refuse (parser, "it ends with %zu B that belong to no tensor", parser->n_data - covered);
  return true;
}

static bool
parse_header (Parser *parser, json_t *header)
{
  const char *name;
  json_t *value;

  if (!json_is_object (header))
    return refuse (parser, "its header is not an object");
  json_object_foreach (header, name, value)
    if (strcmp (name, "__metadata__") == 0 ? !parse_metadata (parser, value)
                                           : !parse_tensor (parser, name, value))
      return false;
  return check_cover (parser);
}

bool
cs_safetensors_parse (const unsigned char *bytes, size_t size, const char *path, GArray *entries,
                      GHashTable *metadata, size_t *data_start, GError **error)
{
  Parser parser = { .path = path, .entries = entries, .metadata = metadata, .error = error };
  g_autoptr (json_t) header = NULL;
  json_error_t problem;
  uint64_t length = 0;

  if (size < LENGTH_BYTES)
    return refuse (&parser, "it has only %zu bytes", size);
  memcpy (&length, bytes, LENGTH_BYTES);
  length = GUINT64_FROM_LE (length);
  if (length > CS_SAFETENSORS_MAX_HEADER || length > size - LENGTH_BYTES)
    return refuse (&parser, "its header of %" G_GUINT64_FORMAT " bytes does not fit the file's %zu",
                   length, size);

  header = json_loadb ((const char *) bytes + LENGTH_BYTES, (size_t) length, JSON_REJECT_DUPLICATES,
                       &problem);
  if (header == NULL)
    return refuse (&parser, "its header is not valid JSON (%s)", problem.text);
  *data_start = LENGTH_BYTES + (size_t) length;
  parser.n_data = size - *data_start;
  return parse_header (&parser, header);
}
