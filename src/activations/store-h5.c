#include "store-private.h"

#include <errno.h>
#include <string.h>

#include "errors.h"

#define MAX_STRING_BYTES 65536
#define MAX_CHUNK_BYTES ((size_t)256 << 20)

static bool
format_error (GError **error, const char *path, const char *name, const char *what)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s is not a usable activation store: “%s” %s.",
               path, name, what);
  return false;
}

/* HDF5 keeps its error printer for each thread. */
void
cs_h5_quiet (void)
{
  static _Thread_local bool quiet;

  if (!quiet)
    H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  quiet = true;
}

void
cs_h5_set_io_error (GError **error, const char *path, const char *what)
{
  int reason = errno;

  if (reason == ENOSPC || reason == EDQUOT || reason == EFBIG)
    g_set_error (error, CS_ERROR, CS_ERROR_IO,
                 "%s: %s: %s; free some space and run it again, complete documents are kept.", path,
                 what, g_strerror (reason));
  else
    g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s: %s%s%s.", path, what, reason != 0 ? ": " : "",
                 reason != 0 ? g_strerror (reason) : "");
}

hid_t
cs_h5_half_type (void)
{
  hid_t type = H5Tcopy (H5T_IEEE_F32LE);

  if (type < 0)
    return type;
  /* sign bit 15, exponent 5 bits from 10 biased by 15, mantissa 10 bits from 0 */
  if (H5Tset_fields (type, 15, 10, 5, 0, 10) < 0 || H5Tset_size (type, 2) < 0 ||
      H5Tset_ebias (type, 15) < 0)
    {
      H5Tclose (type);
      return -1;
    }
  return type;
}

static hid_t
string_type (void)
{
  hid_t type = H5Tcopy (H5T_C_S1);

  if (type >= 0 && (H5Tset_size (type, H5T_VARIABLE) < 0 || H5Tset_cset (type, H5T_CSET_UTF8) < 0))
    {
      H5Tclose (type);
      return -1;
    }
  return type;
}

static bool
write_attribute (hid_t file, const char *name, hid_t type, hid_t space, const void *data)
{
  hid_t attribute = -1;
  bool ok = type >= 0 && space >= 0;

  if (ok)
    attribute = H5Acreate2 (file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  ok = ok && attribute >= 0 && H5Awrite (attribute, type, data) >= 0;
  if (attribute >= 0)
    ok = H5Aclose (attribute) >= 0 && ok;
  if (space >= 0)
    H5Sclose (space);
  return ok;
}

bool
cs_h5_write_string (hid_t file, const char *name, const char *value)
{
  hid_t type = string_type ();
  bool ok = write_attribute (file, name, type, H5Screate (H5S_SCALAR), &value);

  if (type >= 0)
    H5Tclose (type);
  return ok;
}

bool
cs_h5_write_strings (hid_t file, const char *name, char *const *values)
{
  hid_t type = string_type ();
  hsize_t n = 0;
  bool ok;

  while (values[n] != NULL)
    n++;
  ok = write_attribute (file, name, type, H5Screate_simple (1, &n, NULL), values);

  if (type >= 0)
    H5Tclose (type);
  return ok;
}

bool
cs_h5_write_integer (hid_t file, const char *name, int64_t value)
{
  return write_attribute (file, name, H5T_STD_I64LE, H5Screate (H5S_SCALAR), &value);
}

/* Opens an attribute of the class; *n is how many elements it has, at most max. */
static hid_t
open_attribute (hid_t file,
                const char *path,
                const char *name,
                H5T_class_t class,
                size_t max,
                hid_t *type,
                size_t *n,
                GError **error)
{
  hid_t attribute = H5Aexists (file, name) > 0 ? H5Aopen (file, name, H5P_DEFAULT) : -1;
  hid_t space = -1;
  hssize_t count = -1;

  *type = -1;
  if (attribute < 0)
    {
      format_error (error, path, name, "is missing");
      return -1;
    }
  *type = H5Aget_type (attribute);
  space = H5Aget_space (attribute);
  if (space >= 0)
    {
      count = H5Sget_simple_extent_npoints (space);
      H5Sclose (space);
    }
  if (*type >= 0 && H5Tget_class (*type) == class && count >= 1 && (size_t)count <= max &&
      H5Tget_size (*type) <= MAX_STRING_BYTES)
    {
      *n = (size_t)count;
      return attribute;
    }
  format_error (error, path, name, "has an unexpected type or size");
  if (*type >= 0)
    H5Tclose (*type);
  H5Aclose (attribute);
  return -1;
}

bool
cs_h5_read_integer (hid_t file,
                    const char *path,
                    const char *name,
                    int64_t min,
                    int64_t max,
                    int64_t *value,
                    GError **error)
{
  hid_t type;
  size_t n;
  hid_t attribute = open_attribute (file, path, name, H5T_INTEGER, 1, &type, &n, error);
  bool ok;

  if (attribute < 0)
    return false;
  ok = H5Tget_size (type) <= sizeof *value && H5Aread (attribute, H5T_NATIVE_INT64, value) >= 0;
  H5Tclose (type);
  H5Aclose (attribute);
  if (!ok)
    return format_error (error, path, name, "cannot be read");
  if (*value < min || *value > max)
    return format_error (error, path, name, "is out of range");
  return true;
}

static char **
read_variable_strings (hid_t attribute, size_t n)
{
  g_autofree char **raw = g_new0 (char *, n);
  hid_t type = string_type ();
  char **values = NULL;

  if (type < 0)
    return NULL;
  if (H5Aread (attribute, type, raw) >= 0)
    {
      values = g_new0 (char *, n + 1);
      for (size_t i = 0; i < n; i++)
        values[i] = g_strdup (raw[i] != NULL ? raw[i] : "");
    }
  for (size_t i = 0; i < n; i++)
    if (raw[i] != NULL)
      H5free_memory (raw[i]);
  H5Tclose (type);
  return values;
}

static char **
read_fixed_strings (hid_t attribute, hid_t type, size_t n)
{
  size_t size = H5Tget_size (type);
  g_autofree char *raw = g_malloc0 (n * size + 1);
  char **values;

  if (H5Aread (attribute, type, raw) < 0)
    return NULL;
  values = g_new0 (char *, n + 1);
  for (size_t i = 0; i < n; i++)
    values[i] = g_strndup (raw + i * size, size);
  return values;
}

bool
cs_h5_read_strings (hid_t file,
                    const char *path,
                    const char *name,
                    size_t max,
                    char ***values,
                    GError **error)
{
  hid_t type;
  size_t n;
  hid_t attribute = open_attribute (file, path, name, H5T_STRING, max, &type, &n, error);
  g_auto (GStrv) read = NULL;

  if (attribute < 0)
    return false;
  if (H5Tis_variable_str (type) > 0)
    read = read_variable_strings (attribute, n);
  else
    read = read_fixed_strings (attribute, type, n);
  H5Tclose (type);
  H5Aclose (attribute);
  if (read == NULL)
    return format_error (error, path, name, "cannot be read");
  for (size_t i = 0; i < n; i++)
    if (strlen (read[i]) > MAX_STRING_BYTES || !g_utf8_validate (read[i], -1, NULL))
      return format_error (error, path, name, "is not readable text");
  *values = g_steal_pointer (&read);
  return true;
}

bool
cs_h5_read_string (hid_t file, const char *path, const char *name, char **value, GError **error)
{
  g_auto (GStrv) values = NULL;

  if (!cs_h5_read_strings (file, path, name, 1, &values, error))
    return false;
  *value = g_strdup (values[0]);
  return true;
}

/* Data outside of the file (external or virtual storage) could be anybody's; a chunk is held in
 * memory whole when it is compressed. *direct: plain chunks, which are best read without HDF5's
 * cache. */
static bool
check_storage (hid_t dataset, size_t element, bool *direct)
{
  hid_t plan = H5Dget_create_plist (dataset);
  hsize_t chunk[H5S_MAX_RANK] = { 0 };
  H5D_layout_t layout;
  size_t bytes = element;
  bool ok;
  int n_dims;

  if (plan < 0)
    return false;
  layout = H5Pget_layout (plan);
  ok = (layout == H5D_CHUNKED || layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) &&
       H5Pget_external_count (plan) == 0;
  *direct = layout == H5D_CHUNKED && H5Pget_nfilters (plan) == 0;
  if (ok && layout == H5D_CHUNKED)
    {
      n_dims = H5Pget_chunk (plan, H5S_MAX_RANK, chunk);
      ok = n_dims > 0;
      for (int i = 0; ok && i < n_dims; i++)
        ok = g_size_checked_mul (&bytes, bytes, chunk[i]) && bytes > 0 && bytes <= MAX_CHUNK_BYTES;
    }
  H5Pclose (plan);
  return ok;
}

static bool
check_shape (hid_t dataset, int n_dims, hsize_t *dims)
{
  hid_t space = H5Dget_space (dataset);
  bool ok = space >= 0 && H5Sget_simple_extent_type (space) == H5S_SIMPLE &&
            H5Sget_simple_extent_ndims (space) == n_dims &&
            H5Sget_simple_extent_dims (space, dims, NULL) == n_dims;

  if (space >= 0)
    H5Sclose (space);
  for (int i = 0; ok && i < n_dims; i++)
    ok = dims[i] < ((hsize_t)1 << 48);
  return ok;
}

static hid_t
open_uncached (hid_t file, const char *name)
{
  hid_t access = H5Pcreate (H5P_DATASET_ACCESS);
  hid_t dataset = -1;

  if (access < 0)
    return -1;
  if (H5Pset_chunk_cache (access, 0, 0, 0) >= 0)
    dataset = H5Dopen2 (file, name, access);
  H5Pclose (access);
  return dataset;
}

/* A link of the file to itself: soft and external ones could lead anywhere. */
static bool
is_hard_link (hid_t file, const char *name)
{
  H5L_info_t link;

  return H5Lget_info (file, name, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD;
}

hid_t
cs_h5_open_dataset (hid_t file,
                    const char *path,
                    const char *name,
                    hid_t type,
                    int n_dims,
                    hsize_t *dims,
                    GError **error)
{
  const char *what = NULL;
  bool direct = false;
  hid_t stored = -1;
  hid_t dataset = -1;

  if (is_hard_link (file, name))
    dataset = H5Dopen2 (file, name, H5P_DEFAULT);
  if (dataset < 0)
    {
      format_error (error, path, name, "is missing or no dataset of the file");
      return -1;
    }
  stored = H5Dget_type (dataset);
  if (stored < 0 || H5Tequal (stored, type) <= 0)
    what = "has an unexpected type";
  else if (!check_shape (dataset, n_dims, dims))
    what = "has an unexpected shape";
  else if (!check_storage (dataset, H5Tget_size (type), &direct))
    what = "is stored outside of the file or in chunks that are too large";
  if (stored >= 0)
    H5Tclose (stored);
  if (what == NULL && direct)
    {
      H5Dclose (dataset);
      dataset = open_uncached (file, name);
      if (dataset < 0)
        what = "cannot be opened";
    }
  if (what == NULL)
    return dataset;
  format_error (error, path, name, what);
  if (dataset >= 0)
    H5Dclose (dataset);
  return -1;
}

bool
cs_h5_transfer (hid_t dataset, hid_t type, bool write, hsize_t first, hsize_t n, void *data)
{
  hsize_t start[3] = { first }, count[3], dims[3];
  hid_t file_space = H5Dget_space (dataset);
  hid_t memory_space = -1;
  int n_dims = file_space >= 0 ? H5Sget_simple_extent_ndims (file_space) : -1;
  bool ok =
      n_dims >= 1 && n_dims <= 3 && H5Sget_simple_extent_dims (file_space, dims, NULL) == n_dims;

  if (ok)
    {
      memcpy (count, dims, sizeof count);
      count[0] = n;
      ok = first <= dims[0] && n <= dims[0] - first;
    }
  ok = ok && H5Sselect_hyperslab (file_space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
  if (ok)
    memory_space = H5Screate_simple (n_dims, count, NULL);
  errno = 0;
  if (!ok || memory_space < 0)
    ok = false;
  else if (write)
    ok = H5Dwrite (dataset, type, memory_space, file_space, H5P_DEFAULT, data) >= 0;
  else
    ok = H5Dread (dataset, type, memory_space, file_space, H5P_DEFAULT, data) >= 0;
  if (file_space >= 0)
    H5Sclose (file_space);
  if (memory_space >= 0)
    H5Sclose (memory_space);
  return ok;
}
