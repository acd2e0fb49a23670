#include "tensor-file.h"

#include <stdio.h>
#include <string.h>

#include "file-error.h"
#include "torch-file.h"

struct CsTensorFile
{
  char *path, *prefix;
  CsSafetensors *safetensors; /* or: */
  CsTorchFile *torch;
};

/* A zip, or the pickle that older versions of PyTorch wrote: its reader says what to do about that.
 */
static bool
is_torch (const char *path)
{
  unsigned char head[4] = { 0 };
  FILE *stream = fopen (path, "rbe");
  if (!stream)
    return false;
  const size_t n = fread (head, 1, sizeof head, stream);
  fclose (stream);
  return n == sizeof head &&
         (memcmp (head, "PK\3\4", 4) == 0 || memcmp (head, "\x80\x02\x8a\x0a", 4) == 0);
}

CsTensorFile *
cs_tensor_file_open (const char *path, GError **error)
{
  const bool torch = is_torch (path);
  g_autoptr (CsTorchFile) pt = torch ? cs_torch_open (path, error) : NULL;
  g_autoptr (CsSafetensors) safetensors = torch ? NULL : cs_safetensors_open (path, error);
  if (!pt && !safetensors)
    return NULL;
  CsTensorFile *file = g_new0 (CsTensorFile, 1);
  file->path = g_strdup (path);
  file->prefix = g_strdup ("");
  file->torch = g_steal_pointer (&pt);
  file->safetensors = g_steal_pointer (&safetensors);
  return file;
}

void
cs_tensor_file_free (CsTensorFile *file)
{
  if (!file)
    return;
  cs_safetensors_free (file->safetensors);
  cs_torch_free (file->torch);
  g_free (file->path);
  g_free (file->prefix);
  g_free (file);
}

const char *
cs_tensor_file_path (const CsTensorFile *file)
{
  return file->path;
}

size_t
cs_tensor_file_n_tensors (const CsTensorFile *file)
{
  return file->torch ? cs_torch_n_tensors (file->torch)
                     : cs_safetensors_n_tensors (file->safetensors);
}

const CsTensor *
cs_tensor_file_nth (const CsTensorFile *file, size_t index)
{
  return file->torch ? cs_torch_nth (file->torch, index)
                     : cs_safetensors_nth (file->safetensors, index);
}

void
cs_tensor_file_set_prefix (CsTensorFile *file, const char *prefix)
{
  g_free (file->prefix);
  file->prefix = g_strdup (prefix);
}

const CsTensor *
cs_tensor_file_find (const CsTensorFile *file, const char *name)
{
  g_autofree char *full = g_strconcat (file->prefix, name, NULL);
  return file->torch ? cs_torch_find (file->torch, full)
                     : cs_safetensors_find (file->safetensors, full);
}

char *
cs_tensor_shape_text (const CsTensor *tensor)
{
  GString *text = g_string_new ("[");
  for (size_t i = 0; i < tensor->n_dims; i++)
    g_string_append_printf (text, i ? ", %zu" : "%zu", tensor->shape[i]);
  return g_string_free (g_string_append_c (text, ']'), FALSE);
}

const CsTensor *
cs_tensor_file_get (const CsTensorFile *file,
                    const char *name,
                    size_t n_dims,
                    const size_t *shape,
                    GError **error)
{
  const CsTensor *tensor = cs_tensor_file_find (file, name);
  if (!tensor)
    {
      cs_file_error (error, CS_ERROR_FORMAT,
                     "“%s” has no tensor “%s”: the file is not complete, get it again.", file->path,
                     name);
      return NULL;
    }
  CsTensor wanted = { .n_dims = n_dims };
  memcpy (wanted.shape, shape, n_dims * sizeof *shape);
  if (tensor->n_dims == n_dims &&
      (n_dims == 0 || memcmp (tensor->shape, shape, n_dims * sizeof *shape) == 0))
    return tensor;
  g_autofree char *has = cs_tensor_shape_text (tensor), *needs = cs_tensor_shape_text (&wanted);
  cs_file_error (
      error, CS_ERROR_FORMAT,
      "“%s”: the tensor “%s” has the shape %s but needs %s: its parts do not belong together.",
      file->path, name, has, needs);
  return NULL;
}

const char *
cs_tensor_file_metadata (const CsTensorFile *file, const char *key)
{
  return file->safetensors ? cs_safetensors_metadata (file->safetensors, key) : NULL;
}
