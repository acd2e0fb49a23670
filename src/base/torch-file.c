#include "torch-file.h"

#include <stdio.h>
#include <string.h>

#include "file-error.h"
#include "pickle.h"
#include "zip-file.h"

#define MAX_PICKLE ((size_t)8 << 20)
#define MAX_DEPTH 16
#define MAX_VALUES 200000 /* visited in the tree: a value may be reached by many ways */

struct CsTorchFile
{
  char *path;
  CsZip *zip;
  CsPickle *pickle;
  char *folder;    /* "archive/": what the archive's names begin with */
  GArray *tensors; /* CsTensor */
  GHashTable *by_name;
  GPtrArray *ordered; /* owns the elements of tensors that were not contiguous */
  size_t budget;      /* bytes that may still be put in order: no more than the archive holds */
};

static bool
fail (const CsTorchFile *file, GError **error, const char *what)
{
  cs_file_error (
      error, CS_ERROR_FORMAT,
      "“%s” is not a file of tensors that can be read: %s; save it again or get it anew.",
      file->path, what);
  return false;
}

/* What is no zip: say what it is where that is known. */
static bool
check_magic (const CsTorchFile *file, GError **error)
{
  static const unsigned char legacy[] = { 0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9 };
  unsigned char head[16] = { 0 };
  FILE *stream = fopen (file->path, "rbe");
  if (!stream)
    return true; /* opening it will say why not */
  const size_t n = fread (head, 1, sizeof head, stream);
  fclose (stream);
  if (n >= sizeof legacy && memcmp (head, legacy, sizeof legacy) == 0)
    {
      cs_file_error (error, CS_ERROR_UNSUPPORTED,
                     "“%s” was written in the format that torch.save had before PyTorch 1.6: load "
                     "and save it once with a newer PyTorch.",
                     file->path);
      return false;
    }
  if (n >= 4 && memcmp (head, "PK\3\4", 4) != 0)
    return fail (file, error, "it does not begin as a zip archive of PyTorch does");
  return true;
}

/* Finds "X/data.pkl" and what other names begin with. */
static const CsZipEntry *
find_pickle (CsTorchFile *file, GError **error)
{
  for (size_t i = 0; i < cs_zip_n_entries (file->zip); i++)
    {
      const CsZipEntry *entry = cs_zip_nth (file->zip, i);
      const char *slash = strchr (entry->name, '/');
      if (slash && strcmp (slash, "/data.pkl") == 0)
        {
          file->folder = g_strndup (entry->name, (gsize)(slash - entry->name) + 1);
          if (entry->size <= MAX_PICKLE)
            return entry;
          fail (file, error, "its list of tensors is larger than 8 MiB");
          return NULL;
        }
    }
  fail (file, error, "it is a zip archive without the entry “data.pkl”");
  return NULL;
}

static bool
check_archive (CsTorchFile *file, GError **error)
{
  g_autofree char *order = g_strconcat (file->folder, "byteorder", NULL);
  g_autofree char *constants = g_strconcat (file->folder, "constants.pkl", NULL);
  const CsZipEntry *entry = cs_zip_find (file->zip, order);
  if (entry && (entry->size != 6 || memcmp (entry->data, "little", 6) != 0))
    return fail (file, error, "its numbers are big-endian");
  for (size_t i = 0; i < cs_zip_n_entries (file->zip); i++)
    file->budget += cs_zip_nth (file->zip, i)->size;
  if (cs_zip_find (file->zip, constants))
    return fail (file, error, "it is a TorchScript program, not a state dict");
  return true;
}

/* Whether the elements lie one after another; false where a size or the last element leaves what
 * numbers can say or the storage has. */
static bool
measure (const CsPickleTensor *t, uint64_t n_storage, size_t *n_elements, bool *contiguous)
{
  uint64_t n = 1, last = t->offset, expected = 1;
  *contiguous = true;
  for (size_t i = 0; i < t->n_dims; i++)
    if (!g_uint64_checked_mul (&n, n, t->shape[i]))
      return false;
  for (size_t i = t->n_dims; n > 0 && i-- > 0;)
    {
      uint64_t reach;
      if (t->shape[i] == 1)
        continue;
      if (!g_uint64_checked_mul (&reach, t->shape[i] - 1, t->stride[i]) ||
          !g_uint64_checked_add (&last, last, reach))
        return false;
      *contiguous = *contiguous && t->stride[i] == expected;
      expected *= t->shape[i];
    }
  *n_elements = (size_t)n;
  return n == 0 || (last < n_storage && n <= n_storage);
}

/* dst [shape …] in row-major order from a strided view. */
static void
put_in_order (const CsPickleTensor *t,
              const unsigned char *src,
              size_t size,
              unsigned char *dst,
              size_t n)
{
  uint64_t index[CS_PICKLE_MAX_DIMS] = { 0 }, at = t->offset;
  for (size_t i = 0; i < n; i++)
    {
      memcpy (dst + i * size, src + at * size, size);
      for (size_t dim = t->n_dims; dim-- > 0;)
        {
          at += t->stride[dim];
          if (++index[dim] < t->shape[dim])
            break;
          at -= t->stride[dim] * t->shape[dim];
          index[dim] = 0;
        }
    }
}

static const CsZipEntry *
find_storage (const CsTorchFile *file, const CsPickleValue *storage, uint64_t *n_elements)
{
  g_autofree char *key = g_strndup (storage->text, MIN (storage->size, 64));
  g_autofree char *name = g_strconcat (file->folder, "data/", key, NULL);
  const CsZipEntry *entry = cs_zip_find (file->zip, name);
  if (!entry)
    return NULL;
  *n_elements = entry->size / cs_dtype_size (storage->dtype);
  return (uint64_t)storage->integer <= *n_elements ? entry : NULL;
}

static bool
add_tensor (CsTorchFile *file, const char *name, const CsPickleValue *value, GError **error)
{
  const CsPickleTensor *t = value->tensor;
  CsTensor tensor = { .dtype = value->dtype, .n_dims = t->n_dims };
  const size_t size = cs_dtype_size (value->dtype);
  uint64_t n_storage = 0;
  bool contiguous;
  const CsZipEntry *entry = find_storage (file, t->storage, &n_storage);
  if (!entry)
    return fail (file, error, "the numbers of a tensor are missing or cut off");
  if (!measure (t, n_storage, &tensor.n_elements, &contiguous))
    return fail (file, error, "a tensor reaches beyond its numbers");
  if (g_hash_table_contains (file->by_name, name))
    return fail (file, error, "two tensors have the same name");
  for (size_t i = 0; i < t->n_dims; i++)
    tensor.shape[i] = (size_t)t->shape[i];
  tensor.n_bytes = tensor.n_elements * size;
  tensor.data = entry->data + (tensor.n_elements ? t->offset * size : 0);
  if (!contiguous)
    {
      if (tensor.n_bytes > file->budget)
        return fail (file, error, "its tensors show the same numbers again and again");
      unsigned char *ordered = g_try_malloc (MAX (tensor.n_bytes, 1));
      if (!ordered)
        return fail (file, error, "a tensor does not fit in memory");
      file->budget -= tensor.n_bytes;
      g_ptr_array_add (file->ordered, ordered);
      put_in_order (t, entry->data, size, ordered, tensor.n_elements);
      tensor.data = ordered;
    }
  char *copy = g_strdup (name);
  tensor.name = copy;
  g_array_append_val (file->tensors, tensor);
  g_hash_table_insert (file->by_name, copy, GSIZE_TO_POINTER (file->tensors->len));
  return true;
}

typedef struct
{
  CsTorchFile *file;
  size_t visited;
} Walk;

static bool
walk (Walk *w, GString *name, const CsPickleValue *value, unsigned depth, GError **error);

static bool
walk_items (Walk *w, GString *name, const CsPickleValue *value, unsigned depth, GError **error)
{
  const size_t length = name->len, step = value->kind == CS_PICKLE_DICT ? 2 : 1;
  for (size_t i = 0; i + step <= value->items->len; i += step)
    {
      const CsPickleValue *key = g_ptr_array_index (value->items, i);
      if (length > 0)
        g_string_append_c (name, '.');
      if (step == 1)
        g_string_append_printf (name, "%zu", i);
      else if (key->kind == CS_PICKLE_STRING)
        g_string_append_len (name, key->text, (gssize)MIN (key->size, 1024));
      else if (key->kind == CS_PICKLE_INT)
        g_string_append_printf (name, "%" G_GINT64_FORMAT, key->integer);
      else
        g_string_append_c (name, '?');
      const bool ok =
          walk (w, name, g_ptr_array_index (value->items, i + step - 1), depth + 1, error);
      g_string_truncate (name, length);
      if (!ok)
        return false;
    }
  return true;
}

static bool
walk (Walk *w, GString *name, const CsPickleValue *value, unsigned depth, GError **error)
{
  if (++w->visited > MAX_VALUES || depth > MAX_DEPTH)
    return fail (w->file, error, "its values lie too deep in one another, or are too many");
  if (value->kind == CS_PICKLE_TENSOR)
    return add_tensor (w->file, name->str, value, error);
  return !value->items || walk_items (w, name, value, depth, error);
}

CsTorchFile *
cs_torch_open (const char *path, GError **error)
{
  g_autoptr (CsTorchFile) file = g_new0 (CsTorchFile, 1);
  file->path = g_strdup (path);
  file->tensors = g_array_new (FALSE, FALSE, sizeof (CsTensor));
  file->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  file->ordered = g_ptr_array_new_with_free_func (g_free);
  if (!check_magic (file, error) || !(file->zip = cs_zip_open (path, error)))
    return NULL;
  const CsZipEntry *entry = find_pickle (file, error);
  if (!entry || !check_archive (file, error) ||
      !(file->pickle = cs_pickle_parse (entry->data, entry->size, path, error)))
    return NULL;
  Walk walker = { file, 0 };
  g_autoptr (GString) name = g_string_new (NULL);
  if (!walk (&walker, name, cs_pickle_root (file->pickle), 0, error))
    return NULL;
  if (file->tensors->len == 0)
    {
      fail (file, error, "there is no tensor in it");
      return NULL;
    }
  return g_steal_pointer (&file);
}

void
cs_torch_free (CsTorchFile *file)
{
  if (!file)
    return;
  cs_pickle_free (file->pickle);
  cs_zip_free (file->zip);
  g_hash_table_unref (file->by_name);
  g_array_unref (file->tensors);
  g_ptr_array_unref (file->ordered);
  g_free (file->folder);
  g_free (file->path);
  g_free (file);
}

size_t
cs_torch_n_tensors (const CsTorchFile *file)
{
  return file->tensors->len;
}

const CsTensor *
cs_torch_nth (const CsTorchFile *file, size_t index)
{
  g_assert (index < file->tensors->len);
  return &g_array_index (file->tensors, CsTensor, index);
}

const CsTensor *
cs_torch_find (const CsTorchFile *file, const char *name)
{
  const size_t index = GPOINTER_TO_SIZE (g_hash_table_lookup (file->by_name, name));
  return index ? cs_torch_nth (file, index - 1) : NULL;
}
