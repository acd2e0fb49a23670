/* crosscope-h5-check FILE: opens an HDF5 file and reads all that crosscope will read of its
 * structures, and more, so that a file on which the HDF5 library dies ends this program and not
 * another. Says nothing; the exit status is in h5-check-status.h. */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <hdf5.h>

#ifndef CS_SANITIZED
#include "h5-check-fence.h"
#endif
#include "h5-check-status.h"

#define MAX_MEMORY ((rlim_t)4 << 30)
#define MAX_DEPTH 8
#define MAX_OBJECTS 4096
#define MAX_ATTRIBUTES 4096
#define MAX_NAME 1024
#define MAX_WHOLE ((size_t)16 << 20) /* bytes of a dataset or attribute that is read as a whole */
#define MAX_ROW ((size_t)256 << 20)  /* and of one row or chunk */
#define MAX_CONVERTED ((size_t)1 << 16) /* elements that are read as every kind of number */
#define CHUNK_WORK ((hsize_t)1 << 22)   /* chunks that are gone over while looking for single ones */
#define MAX_LOOKUPS ((hsize_t)1024)

static unsigned n_objects, n_attributes;

static _Noreturn void
give_up (int status)
{
  _exit (status);
}

/* HDF5's identifiers and results: negative is an error. */
static hid_t
need (hid_t result)
{
  if (result < 0)
    give_up (H5_CHECK_DAMAGED);
  return result;
}

static void
allow (bool fine)
{
  if (!fine)
    give_up (H5_CHECK_UNSUPPORTED);
}

static void *
take (size_t n, size_t size)
{
  void *block = calloc (n > 0 ? n : 1, size > 0 ? size : 1);

  if (block == NULL)
    give_up (H5_CHECK_UNSUPPORTED);
  return block;
}

static size_t
product (size_t a, size_t b, size_t max)
{
  size_t result;

  allow (!__builtin_mul_overflow (a, b, &result) && result <= max);
  return result;
}

static bool
is_number (hid_t type)
{
  H5T_class_t class = H5Tget_class (type);

  return class == H5T_INTEGER || class == H5T_FLOAT;
}

/* What readers ask of a type. */
static size_t
look_at_type (hid_t type)
{
  size_t size = H5Tget_size (type);

  if (size == 0 || H5Tget_class (type) == H5T_NO_CLASS)
    give_up (H5_CHECK_DAMAGED);
  H5Tequal (type, H5T_IEEE_F32LE);
  H5Tequal (type, H5T_STD_I64LE);
  if (H5Tget_class (type) == H5T_STRING)
    H5Tis_variable_str (type);
  return size;
}

/* --- Attributes --- */

static hid_t
text_type (void)
{
  hid_t type = need (H5Tcopy (H5T_C_S1));

  need (H5Tset_size (type, H5T_VARIABLE));
  need (H5Tset_cset (type, H5T_CSET_UTF8));
  return type;
}

static void
read_texts (hid_t attribute, hid_t type, size_t n, bool has_to)
{
  char **texts = take (n, sizeof *texts);
  volatile size_t length = 0;

  if (H5Aread (attribute, type, texts) < 0 && has_to)
    give_up (H5_CHECK_DAMAGED);
  for (size_t i = 0; i < n; i++)
    if (texts[i] != NULL)
      {
        length += strlen (texts[i]);
        H5free_memory (texts[i]);
      }
  free (texts);
}

/* As it is stored where that is plain, and as the kinds of numbers that readers ask for: whether
 * that can be converted is their business. */
static void
read_values (hid_t attribute, hid_t type, size_t n, size_t size)
{
  const hid_t kinds[] = { H5T_NATIVE_INT64, H5T_NATIVE_DOUBLE };
  void *values = take (n, size > 8 ? size : 8);

  if (is_number (type) || H5Tget_class (type) == H5T_STRING)
    need (H5Aread (attribute, type, values));
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    H5Aread (attribute, kinds[k], values);
  free (values);
}

static herr_t
visit_attribute (hid_t object, const char *name, const H5A_info_t *info, void *data)
{
  hid_t attribute, type, space, texts;
  hssize_t n;
  size_t size;

  allow (++n_attributes <= MAX_ATTRIBUTES);
  need (H5Aexists (object, name));
  attribute = need (H5Aopen (object, name, H5P_DEFAULT));
  type = need (H5Aget_type (attribute));
  space = need (H5Aget_space (attribute));
  n = H5Sget_simple_extent_npoints (space);
  need (n < 0 ? -1 : 0);
  size = look_at_type (type);
  product ((size_t)n, size > 8 ? size : 8, MAX_WHOLE);
  if (H5Tget_class (type) == H5T_STRING && H5Tis_variable_str (type) > 0)
    {
      texts = text_type ();
      read_texts (attribute, type, (size_t)n, true);
      read_texts (attribute, texts, (size_t)n, false);
      H5Tclose (texts);
    }
  else
    read_values (attribute, type, (size_t)n, size);
  need (H5Sclose (space));
  need (H5Tclose (type));
  return need (H5Aclose (attribute)) < 0;
}

static void
visit_attributes (hid_t object)
{
  hsize_t at = 0;

  need (H5Aiterate2 (object, H5_INDEX_NAME, H5_ITER_NATIVE, &at, visit_attribute, NULL));
  need (H5Aexists (object, "no attribute has this name"));
}

/* --- Datasets --- */

typedef struct
{
  hid_t set, type, space;
  int n_dims;
  hsize_t dims[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
  size_t row;     /* elements of one step along the first dimension; 0: more than anybody reads */
  size_t element; /* bytes, at least 8: room for every kind of number */
} Dataset;

static void
look_at_filters (hid_t plan)
{
  int n = H5Pget_nfilters (plan);

  need (n);
  for (int i = 0; i < n; i++)
    {
      unsigned flags, config;
      size_t n_values = 0;
      H5Z_filter_t filter =
          H5Pget_filter2 (plan, (unsigned)i, &flags, &n_values, NULL, 0, NULL, &config);

      need (filter);
      allow (filter == H5Z_FILTER_DEFLATE || filter == H5Z_FILTER_SHUFFLE ||
             filter == H5Z_FILTER_FLETCHER32);
    }
}

/* Data outside of the file belongs to nobody that was checked. */
static bool
look_at_layout (Dataset *d)
{
  hid_t plan = need (H5Dget_create_plist (d->set));
  H5D_layout_t layout = H5Pget_layout (plan);
  size_t bytes = d->element;

  need (layout);
  allow (layout == H5D_CHUNKED || layout == H5D_CONTIGUOUS || layout == H5D_COMPACT);
  allow (H5Pget_external_count (plan) == 0);
  look_at_filters (plan);
  if (layout == H5D_CHUNKED)
    {
      if (H5Pget_chunk (plan, H5S_MAX_RANK, d->chunk) != d->n_dims)
        give_up (H5_CHECK_DAMAGED);
      for (int i = 0; i < d->n_dims; i++)
        bytes = product (bytes, d->chunk[i], 2 * MAX_ROW);
      allow (bytes > 0);
    }
  need (H5Pclose (plan));
  return layout == H5D_CHUNKED;
}

static void
look_up_chunk (const Dataset *d, hsize_t first)
{
  hsize_t at[H5S_MAX_RANK] = { first * d->chunk[0] }, size;
  unsigned filters;
  haddr_t address;

  need (H5Dget_chunk_info_by_coord (d->set, at, &filters, &address, &size));
}

/* Counting goes over all of them; looking one up can do so again. */
static void
look_at_chunks (const Dataset *d)
{
  hsize_t n = 0, rows = (d->dims[0] + d->chunk[0] - 1) / d->chunk[0], lookups;

  need (H5Dget_num_chunks (d->set, d->space, &n));
  if (n == 0)
    return;
  lookups = CHUNK_WORK / n < MAX_LOOKUPS ? CHUNK_WORK / n + 2 : MAX_LOOKUPS;
  for (hsize_t i = 0; i < rows && i < lookups / 2 + 1; i++)
    {
      look_up_chunk (d, i);
      look_up_chunk (d, rows - 1 - i);
    }
}

static bool
read_rows (const Dataset *d, hid_t type, hsize_t first, hsize_t n, void *values)
{
  hsize_t start[H5S_MAX_RANK] = { first }, count[H5S_MAX_RANK];
  hid_t space = need (H5Scopy (d->space)), memory;
  bool ok;

  memcpy (count, d->dims, sizeof count);
  count[0] = n;
  need (H5Sselect_hyperslab (space, H5S_SELECT_SET, start, NULL, count, NULL));
  memory = need (H5Screate_simple (d->n_dims, count, NULL));
  ok = H5Dread (d->set, type, memory, space, H5P_DEFAULT, values) >= 0;
  H5Sclose (memory);
  H5Sclose (space);
  return ok;
}

static void
read_as_numbers (const Dataset *d, hsize_t rows, void *values)
{
  const hid_t kinds[] = { H5T_NATIVE_UINT8, H5T_NATIVE_INT8,   H5T_NATIVE_UINT32,
                          H5T_NATIVE_INT32, H5T_NATIVE_UINT64, H5T_NATIVE_INT64,
                          H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE };
  hsize_t few = MAX_CONVERTED / d->row < rows ? MAX_CONVERTED / d->row : rows;

  for (size_t k = 0; k < sizeof kinds / sizeof *kinds && few > 0; k++)
    read_rows (d, kinds[k], 0, few, values);
}

/* Whole where it is small; otherwise rows of the beginning and of the end. */
static void
read_dataset (const Dataset *d)
{
  size_t row_bytes;
  hsize_t rows;
  void *values;

  if (d->row == 0)
    return;
  row_bytes = product (d->row, d->element, MAX_ROW);
  rows = MAX_WHOLE / row_bytes;
  if (rows < 1)
    rows = 1;
  if (rows > d->dims[0])
    rows = d->dims[0];
  if (rows == 0)
    return;
  values = take (rows, row_bytes);
  if (is_number (d->type) && !(read_rows (d, d->type, 0, rows, values) &&
                               read_rows (d, d->type, d->dims[0] - rows, rows, values)))
    give_up (H5_CHECK_DAMAGED);
  read_as_numbers (d, rows, values);
  free (values);
}

static void
look_at_shape (Dataset *d)
{
  d->space = need (H5Dget_space (d->set));
  d->n_dims = H5Sget_simple_extent_ndims (d->space);
  need (d->n_dims);
  allow (H5Sget_simple_extent_type (d->space) == H5S_SIMPLE && d->n_dims >= 1);
  need (H5Sget_simple_extent_dims (d->space, d->dims, NULL));
  d->row = 1;
  for (int i = 1; i < d->n_dims; i++)
    if (__builtin_mul_overflow (d->row, (size_t)d->dims[i], &d->row) || d->row > MAX_ROW / 8)
      d->row = 0;
}

static void
visit_dataset (hid_t group, const char *name, hid_t access)
{
  Dataset d = { .set = need (H5Dopen2 (group, name, access)) };

  d.type = need (H5Dget_type (d.set));
  d.element = look_at_type (d.type);
  if (d.element < 8)
    d.element = 8;
  look_at_shape (&d);
  if (look_at_layout (&d))
    look_at_chunks (&d);
  H5Dget_storage_size (d.set);
  visit_attributes (d.set);
  read_dataset (&d);
  need (H5Sclose (d.space));
  need (H5Tclose (d.type));
  need (H5Dclose (d.set));
}

/* With the cache of chunks, and without, as stores are read. */
static void
visit_dataset_twice (hid_t group, const char *name)
{
  hid_t access = need (H5Pcreate (H5P_DATASET_ACCESS));

  need (H5Pset_chunk_cache (access, 0, 0, 0));
  visit_dataset (group, name, H5P_DEFAULT);
  visit_dataset (group, name, access);
  need (H5Pclose (access));
}

/* --- Groups --- */

static void visit_group (hid_t group, int depth);

static herr_t
visit_link (hid_t group, const char *name, int depth)
{
  H5L_info_t link;
  H5I_type_t kind;
  hid_t object;

  allow (++n_objects <= MAX_OBJECTS && depth < MAX_DEPTH);
  need (H5Lexists (group, name, H5P_DEFAULT));
  need (H5Lget_info (group, name, &link, H5P_DEFAULT));
  allow (link.type == H5L_TYPE_HARD);
  object = need (H5Oopen (group, name, H5P_DEFAULT));
  kind = H5Iget_type (object);
  if (kind == H5I_GROUP)
    visit_group (object, depth + 1);
  need (H5Oclose (object));
  if (kind == H5I_DATASET)
    visit_dataset_twice (group, name);
  return 0;
}

static void
visit_group (hid_t group, int depth)
{
  char name[MAX_NAME];
  H5G_info_t info;

  visit_attributes (group);
  need (H5Gget_info (group, &info));
  allow (info.nlinks <= MAX_OBJECTS);
  for (hsize_t i = 0; i < info.nlinks; i++)
    {
      ssize_t length = H5Lget_name_by_idx (group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name,
                                           sizeof name, H5P_DEFAULT);

      need (length);
      allow (length > 0 && (size_t)length < sizeof name);
      visit_link (group, name, depth);
    }
  need (H5Lexists (group, "no link has this name", H5P_DEFAULT));
}

static void
limit_self (void)
{
  const struct rlimit no_core = { 0, 0 };
  const struct rlimit time = { H5_CHECK_SECONDS, H5_CHECK_SECONDS + 1 };
#ifndef CS_SANITIZED
  const struct rlimit memory = { MAX_MEMORY, MAX_MEMORY };

  setrlimit (RLIMIT_AS, &memory);
#endif
  setrlimit (RLIMIT_CORE, &no_core);
  setrlimit (RLIMIT_CPU, &time);
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  alarm (H5_CHECK_PATIENCE);
}

int
main (int argc, char **argv)
{
  hid_t file, root;
  hsize_t size;

  limit_self ();
  if (argc != 2)
    return H5_CHECK_NOT_HDF5;
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  need (H5open ());
#ifndef CS_SANITIZED
  h5_check_begin_fencing ();
#endif
  file = H5Fopen (argv[1], H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0)
    give_up (H5_CHECK_NOT_HDF5);
  need (H5Fget_filesize (file, &size));
  visit_attributes (file);
  root = need (H5Gopen2 (file, "/", H5P_DEFAULT));
  visit_group (root, 0);
  need (H5Gclose (root));
  need (H5Fclose (file));
  /* At once: what HDF5 does at its end has nothing to do with the file. */
  give_up (H5_CHECK_FINE);
}
