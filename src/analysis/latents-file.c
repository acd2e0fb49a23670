/* RUN/latents.h5: one dataset a column, row = latent; /examples; attributes format_version, n_tokens, fve_base, fve_chat, l0. */
#include <float.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "examples.h"
#include "file-replace.h"
#include "h5-check.h"
#include "latents-private.h"

#define FORMAT_VERSION 1
#define MAX_LATENTS ((size_t) 1 << 26)
#define N_NEEDED CS_LATENTS_N_FIRST_FIELDS   /* columns that every file has */

typedef enum { U8, U32, U64, F32, I32 } Kind;

static const struct {
  const char *name;
  Kind kind;
  size_t offset;
} columns[] = {
#define COLUMN(name, kind, field) { name, kind, offsetof (CsLatentRow, field) }
  COLUMN ("latent", U32, latent),
  COLUMN ("tag", U8, tag),
  COLUMN ("dead", U8, dead),
  COLUMN ("tested", U8, tested),
  COLUMN ("chat_specific", U8, chat_specific),
  COLUMN ("delta_norm", F32, delta_norm),
  COLUMN ("dec_base_norm", F32, dec_base_norm),
  COLUMN ("dec_chat_norm", F32, dec_chat_norm),
  COLUMN ("dec_cos_sim", F32, dec_cos_sim),
  COLUMN ("enc_cos_sim", F32, enc_cos_sim),
  COLUMN ("density", F32, density),
  COLUMN ("max_act", F32, max_act),
  COLUMN ("count_active", U64, count_active),
  COLUMN ("beta_activation_base", F32, beta_activation[0]),
  COLUMN ("beta_activation_chat", F32, beta_activation[1]),
  COLUMN ("beta_reconstruction_base", F32, beta_reconstruction[0]),
  COLUMN ("beta_reconstruction_chat", F32, beta_reconstruction[1]),
  COLUMN ("beta_error_base", F32, beta_error[0]),
  COLUMN ("beta_error_chat", F32, beta_error[1]),
  COLUMN ("nu_activation", F32, nu_activation),
  COLUMN ("nu_reconstruction", F32, nu_reconstruction),
  COLUMN ("nu_error", F32, nu_error),
  COLUMN ("template_share", F32, template_share),
  /* Columns of later versions: a file may be without them. */
  COLUMN ("beta_activation_nobias_base", F32, beta_activation_nobias[0]),
  COLUMN ("beta_activation_nobias_chat", F32, beta_activation_nobias[1]),
  COLUMN ("beta_reconstruction_nobias_base", F32, beta_reconstruction_nobias[0]),
  COLUMN ("beta_reconstruction_nobias_chat", F32, beta_reconstruction_nobias[1]),
  COLUMN ("nu_activation_nobias", F32, nu_activation_nobias),
  COLUMN ("nu_reconstruction_nobias", F32, nu_reconstruction_nobias),
  COLUMN ("base_beta_activation_base", F32, base_beta_activation[0]),
  COLUMN ("base_beta_activation_chat", F32, base_beta_activation[1]),
  COLUMN ("base_beta_reconstruction_base", F32, base_beta_reconstruction[0]),
  COLUMN ("base_beta_reconstruction_chat", F32, base_beta_reconstruction[1]),
  COLUMN ("base_beta_error_base", F32, base_beta_error[0]),
  COLUMN ("base_beta_error_chat", F32, base_beta_error[1]),
  COLUMN ("base_nu_activation", F32, base_nu_activation),
  COLUMN ("base_nu_reconstruction", F32, base_nu_reconstruction),
  COLUMN ("base_nu_error", F32, base_nu_error),
  COLUMN ("base_specific", U8, base_specific),
  COLUMN ("nu_error_low", F32, nu_error_interval[0]),
  COLUMN ("nu_error_high", F32, nu_error_interval[1]),
  COLUMN ("nu_reconstruction_low", F32, nu_reconstruction_interval[0]),
  COLUMN ("nu_reconstruction_high", F32, nu_reconstruction_interval[1]),
  COLUMN ("base_nu_error_low", F32, base_nu_error_interval[0]),
  COLUMN ("base_nu_error_high", F32, base_nu_error_interval[1]),
  COLUMN ("base_nu_reconstruction_low", F32, base_nu_reconstruction_interval[0]),
  COLUMN ("base_nu_reconstruction_high", F32, base_nu_reconstruction_interval[1]),
  COLUMN ("twin", I32, twin),
  COLUMN ("twin_cos", F32, twin_cos),
  COLUMN ("twin_divergence", F32, twin_divergence),
  COLUMN ("share_text", F32, share[CS_TOKEN_CLASS_TEXT]),
  COLUMN ("share_user", F32, share[CS_TOKEN_CLASS_USER]),
  COLUMN ("share_model", F32, share[CS_TOKEN_CLASS_MODEL]),
  COLUMN ("share_other", F32, share[CS_TOKEN_CLASS_OTHER]),
  COLUMN ("share_start", F32, share[CS_TOKEN_CLASS_START]),
  COLUMN ("share_role", F32, share[CS_TOKEN_CLASS_ROLE]),
  COLUMN ("share_newline", F32, share[CS_TOKEN_CLASS_NEWLINE]),
  COLUMN ("share_end", F32, share[CS_TOKEN_CLASS_END]),
  COLUMN ("share_bos", F32, share[CS_TOKEN_CLASS_BOS]),
#undef COLUMN
};

static const size_t sizes[] = { [U8] = 1, [U32] = 4, [U64] = 8, [F32] = 4, [I32] = 4 };

static void
clear_field (CsLatentRow *row, size_t column)
{
  static const float unknown = NAN;
  static const int32_t none = -1;
  const Kind kind = columns[column].kind;

  if (kind == F32)
    memcpy ((char *) row + columns[column].offset, &unknown, sizeof unknown);
  else if (kind == I32)
    memcpy ((char *) row + columns[column].offset, &none, sizeof none);
  else
    memset ((char *) row + columns[column].offset, 0, sizes[kind]);
}

void
cs_latent_row_init (CsLatentRow *row, size_t latent)
{
  memset (row, 0, sizeof *row);
  for (size_t column = 0; column < G_N_ELEMENTS (columns); column++)
    clear_field (row, column);
  row->latent = (uint32_t) latent;
}

size_t
cs_latents_n_fields (void)
{
  return G_N_ELEMENTS (columns);
}

const char *
cs_latents_field_name (size_t field)
{
  return columns[field].name;
}

bool
cs_latents_field_is_flag (size_t field)
{
  return columns[field].kind == U8 && columns[field].offset != offsetof (CsLatentRow, tag);
}

bool
cs_latents_field_is_whole (size_t field)
{
  return columns[field].kind != F32;
}

double
cs_latents_field_value (const CsLatentRow *row, size_t field)
{
  const void *at = (const char *) row + columns[field].offset;
  const bool is_verdict = columns[field].offset == offsetof (CsLatentRow, chat_specific) ||
                          columns[field].offset == offsetof (CsLatentRow, base_specific);

  if (is_verdict && !row->tested)
    return NAN;
  switch (columns[field].kind)
    {
    case U8: return *(const uint8_t *) at;
    case U32: return *(const uint32_t *) at;
    case U64: return (double) *(const uint64_t *) at;
    case I32: return *(const int32_t *) at < 0 ? NAN : *(const int32_t *) at;
    default: return *(const float *) at;
    }
}

static hid_t
native_type (Kind kind)
{
  switch (kind)
    {
    case U8: return H5T_NATIVE_UINT8;
    case U32: return H5T_NATIVE_UINT32;
    case U64: return H5T_NATIVE_UINT64;
    case I32: return H5T_NATIVE_INT32;
    default: return H5T_NATIVE_FLOAT;
    }
}

static char *
latents_path (const char *run_folder)
{
  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  return g_build_filename (run_folder, "latents.h5", NULL);
}

static bool
fail_write (const char *path, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s cannot be written: the disk may be full or the folder read-only.", path);
  return false;
}

static bool
fail_read (const char *path, const char *what, GError **error)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s is not a usable table of latents: %s; analyse the run again.", path,
               what);
  return false;
}

static bool
write_array (hid_t file, const char *name, hid_t type, int n_dims, const hsize_t *dims, const void *data)
{
  hid_t space = H5Screate_simple (n_dims, dims, NULL), timeless = H5Pcreate (H5P_DATASET_CREATE), set;
  bool ok;

  H5Pset_obj_track_times (timeless, false); /* the same latents, the same bytes */
  set = H5Dcreate2 (file, name, type, space, H5P_DEFAULT, timeless, H5P_DEFAULT);
  ok = set >= 0 && H5Dwrite (set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
  H5Pclose (timeless);

  if (set >= 0)
    ok = H5Dclose (set) >= 0 && ok;
  H5Sclose (space);
  return ok;
}

static bool
write_number (hid_t file, const char *name, hid_t type, const void *value)
{
  hid_t space = H5Screate (H5S_SCALAR);
  hid_t attribute = H5Acreate2 (file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool ok = attribute >= 0 && H5Awrite (attribute, type, value) >= 0;

  if (attribute >= 0)
    H5Aclose (attribute);
  H5Sclose (space);
  return ok;
}

static bool
write_columns (hid_t file, const CsLatents *latents)
{
  const hsize_t n = latents->n_latents;
  g_autofree char *buffer = g_malloc (MAX (n, 1) * 8);
  bool ok = true;

  for (size_t c = 0; c < G_N_ELEMENTS (columns) && ok; c++)
    {
      size_t size = sizes[columns[c].kind];

      for (size_t j = 0; j < n; j++)
        memcpy (buffer + j * size, (const char *) &latents->rows[j] + columns[c].offset, size);
      ok = write_array (file, columns[c].name, native_type (columns[c].kind), 1, &n, buffer);
    }
  return ok;
}

static bool
write_examples (hid_t file, size_t n_latents, const CsExampleSlot *slots, size_t per_group)
{
  const hsize_t dims[3] = { n_latents, CS_EXAMPLE_GROUPS, per_group };
  const size_t n = n_latents * CS_EXAMPLE_GROUPS * per_group;
  g_autofree int64_t *tokens = g_new (int64_t, MAX (n, 1));
  g_autofree float *values = g_new (float, MAX (n, 1));
  hid_t group = H5Gcreate2 (file, "/examples", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  bool ok;

  for (size_t i = 0; i < n; i++)
    {
      tokens[i] = slots[i].token;
      values[i] = slots[i].activation;
    }
  ok = group >= 0 && write_array (file, "/examples/token", H5T_NATIVE_INT64, 3, dims, tokens) &&
       write_array (file, "/examples/activation", H5T_NATIVE_FLOAT, 3, dims, values);
  if (group >= 0)
    H5Gclose (group);
  return ok;
}

bool
cs_latents_save (const CsLatents *latents, const char *run_folder, const CsExampleSlot *slots, size_t per_group,
                 GError **error)
{
  g_autofree char *path = latents_path (run_folder), *temporary = cs_file_replace_temporary_name (path);
  const int64_t version = FORMAT_VERSION, n_tokens = (int64_t) latents->n_tokens;
  const int64_t close_pairs = (int64_t) latents->close_pairs;
  hid_t file = H5Fcreate (temporary, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  bool ok;

  if (file < 0)
    {
      remove (temporary); /* a full disk still takes the name */
      return fail_write (path, error);
    }
  ok = write_columns (file, latents) && write_examples (file, latents->n_latents, slots, per_group) &&
       write_number (file, "format_version", H5T_NATIVE_INT64, &version) &&
       write_number (file, "n_tokens", H5T_NATIVE_INT64, &n_tokens) &&
       write_number (file, "fve_base", H5T_NATIVE_DOUBLE, &latents->fve_base) &&
       write_number (file, "fve_chat", H5T_NATIVE_DOUBLE, &latents->fve_chat) &&
       write_number (file, "l0", H5T_NATIVE_DOUBLE, &latents->l0) &&
       write_number (file, "identity_gap", H5T_NATIVE_DOUBLE, &latents->identity_gap) &&
       write_number (file, "close_pairs", H5T_NATIVE_INT64, &close_pairs);
  ok = H5Fclose (file) >= 0 && ok;
  if (!ok)
    {
      remove (temporary);
      return fail_write (path, error);
    }
  return cs_file_replace_adopt (temporary, path, error);
}

/* --- Reading --- */

static bool
read_number (hid_t file, const char *name, hid_t type, void *value)
{
  hid_t attribute = H5Aopen (file, name, H5P_DEFAULT), space;
  bool ok = false;

  if (attribute < 0)
    return false;
  space = H5Aget_space (attribute);
  ok = H5Sget_simple_extent_npoints (space) == 1 && H5Aread (attribute, type, value) >= 0;
  H5Sclose (space);
  H5Aclose (attribute);
  return ok;
}

/* Dimensions of a dataset of exactly n_dims dimensions. */
static bool
dataset_dims (hid_t set, int n_dims, hsize_t *dims)
{
  hid_t space = H5Dget_space (set);
  bool ok = space >= 0 && H5Sget_simple_extent_ndims (space) == n_dims &&
            H5Sget_simple_extent_dims (space, dims, NULL) == n_dims;

  if (space >= 0)
    H5Sclose (space);
  return ok;
}

static bool
read_column (hid_t file, size_t column, CsLatents *latents, char *buffer)
{
  const size_t size = sizes[columns[column].kind];
  hid_t set;
  hsize_t n = 0;
  bool ok;

  if (column >= N_NEEDED && H5Lexists (file, columns[column].name, H5P_DEFAULT) == 0)
    {
      for (size_t j = 0; j < latents->n_latents; j++)
        clear_field (&latents->rows[j], column);
      return true;
    }
  set = H5Dopen2 (file, columns[column].name, H5P_DEFAULT);
  if (set < 0)
    return false;
  ok = dataset_dims (set, 1, &n) && n == latents->n_latents &&
       H5Dread (set, native_type (columns[column].kind), H5S_ALL, H5S_ALL, H5P_DEFAULT, buffer) >= 0;
  H5Dclose (set);
  for (size_t j = 0; ok && j < latents->n_latents; j++)
    memcpy ((char *) &latents->rows[j] + columns[column].offset, buffer + j * size, size);
  return ok;
}

static bool
read_size (hid_t file, CsLatents *latents)
{
  hid_t set = H5Dopen2 (file, "latent", H5P_DEFAULT);
  hsize_t n = 0;
  hsize_t n_bytes = 0;
  /* Every latent takes many bytes: a small file that names a large number is not to take memory for it. */
  bool ok = set >= 0 && dataset_dims (set, 1, &n) && n > 0 && n <= MAX_LATENTS &&
            H5Fget_filesize (file, &n_bytes) >= 0 && n <= n_bytes / sizeof (uint32_t);

  if (set >= 0)
    H5Dclose (set);
  latents->n_latents = n;
  return ok;
}

static bool
row_makes_sense (const CsLatentRow *row, size_t latent, size_t n_latents)
{
  if (row->tag > CS_LATENT_DEAD || row->latent != latent || row->dead > 1 || row->tested > 1 || row->chat_specific > 1 ||
      row->base_specific > 1 || row->twin < -1 || (row->twin >= 0 && (size_t) row->twin >= n_latents) ||
      !(row->max_act >= 0 && row->max_act <= FLT_MAX) ||
      !(row->tag == CS_LATENT_DEAD || (row->delta_norm >= 0 && row->delta_norm <= 1)))
    return false;
  for (size_t c = 0; c < CS_TOKEN_N_CLASSES; c++)
    if (row->share[c] < 0 || row->share[c] > 1)
      return false;
  return true;
}

static bool
rows_make_sense (const CsLatents *latents)
{
  for (size_t j = 0; j < latents->n_latents; j++)
    if (!row_makes_sense (&latents->rows[j], j, latents->n_latents))
      return false;
  return true;
}

static bool
read_all (hid_t file, const char *path, CsLatents *latents, GError **error)
{
  g_autofree char *buffer = NULL;
  int64_t version = 0, n_tokens = 0, close_pairs = 0;

  if (!read_number (file, "format_version", H5T_NATIVE_INT64, &version) || version != FORMAT_VERSION)
    return fail_read (path, "its format version is missing or not 1", error);
  if (!read_size (file, latents))
    return fail_read (path, "the column “latent” is missing or has no usable length", error);
  latents->rows = g_try_new0 (CsLatentRow, latents->n_latents);
  buffer = g_try_malloc (latents->n_latents * 8);
  if (latents->rows == NULL || buffer == NULL)
    return fail_read (path, "it is too large for this machine's memory", error);
  for (size_t c = 0; c < G_N_ELEMENTS (columns); c++)
    if (!read_column (file, c, latents, buffer))
      {
        g_autofree char *what = g_strdup_printf ("the column “%s” is missing or damaged", columns[c].name);
        return fail_read (path, what, error);
      }
  if (!rows_make_sense (latents))
    return fail_read (path, "latents are numbered or tagged wrongly, or have no usable maximum", error);
  if (read_number (file, "n_tokens", H5T_NATIVE_INT64, &n_tokens) && n_tokens > 0)
    latents->n_tokens = (size_t) n_tokens;
  if (read_number (file, "close_pairs", H5T_NATIVE_INT64, &close_pairs) && close_pairs > 0)
    latents->close_pairs = (size_t) close_pairs;
  latents->fve_base = latents->fve_chat = latents->l0 = latents->identity_gap = NAN;
  read_number (file, "fve_base", H5T_NATIVE_DOUBLE, &latents->fve_base);
  read_number (file, "fve_chat", H5T_NATIVE_DOUBLE, &latents->fve_chat);
  read_number (file, "l0", H5T_NATIVE_DOUBLE, &latents->l0);
  read_number (file, "identity_gap", H5T_NATIVE_DOUBLE, &latents->identity_gap);
  return true;
}

CsLatents *
cs_latents_load (const char *run_folder, GError **error)
{
  g_autofree char *path = latents_path (run_folder);
  g_autoptr (CsLatents) latents = g_new0 (CsLatents, 1);
  hid_t file;
  bool ok;

  if (!cs_h5_check (path, error))
    return NULL;
  file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (file < 0)
    {
      fail_read (path, "it is missing or damaged", error);
      return NULL;
    }
  ok = read_all (file, path, latents, error);
  H5Fclose (file);
  return ok ? g_steal_pointer (&latents) : NULL;
}

/* One latent's [groups, per_group] plane of an examples dataset. */
static bool
read_plane (hid_t file, const char *name, hid_t type, size_t latent, hsize_t *per_group, void **out)
{
  hid_t set = H5Dopen2 (file, name, H5P_DEFAULT), space, memory;
  hsize_t dims[3] = { 0 }, start[3] = { latent, 0, 0 }, count[3] = { 1, CS_EXAMPLE_GROUPS, 0 };
  bool ok;

  if (set < 0)
    return false;
  ok = dataset_dims (set, 3, dims) && latent < dims[0] && dims[1] == CS_EXAMPLE_GROUPS && dims[2] >= 1 && dims[2] <= 1000;
  if (ok)
    {
      count[2] = *per_group = dims[2];
      *out = g_malloc (CS_EXAMPLE_GROUPS * dims[2] * 8);
      space = H5Dget_space (set);
      memory = H5Screate_simple (3, count, NULL);
      ok = H5Sselect_hyperslab (space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
           H5Dread (set, type, memory, space, H5P_DEFAULT, *out) >= 0;
      H5Sclose (memory);
      H5Sclose (space);
    }
  H5Dclose (set);
  return ok;
}

CsExampleSlot *
cs_latents_load_slots (const char *run_folder, size_t latent, size_t *per_group, GError **error)
{
  g_autofree char *path = latents_path (run_folder);
  g_autofree int64_t *tokens = NULL;
  g_autofree float *values = NULL;
  hsize_t n_tokens = 0, n_values = 0;
  CsExampleSlot *slots;
  hid_t file;
  bool ok;

  if (!cs_h5_check (path, error))
    return NULL;
  file = H5Fopen (path, H5F_ACC_RDONLY, H5P_DEFAULT);
  ok = file >= 0 && read_plane (file, "/examples/token", H5T_NATIVE_INT64, latent, &n_tokens, (void **) &tokens) &&
       read_plane (file, "/examples/activation", H5T_NATIVE_FLOAT, latent, &n_values, (void **) &values) &&
       n_tokens == n_values;

  if (file >= 0)
    H5Fclose (file);
  if (!ok)
    {
      fail_read (path, "its examples are missing or damaged", error);
      return NULL;
    }
  *per_group = n_tokens;
  slots = g_new (CsExampleSlot, CS_EXAMPLE_GROUPS * n_tokens);
  for (size_t i = 0; i < CS_EXAMPLE_GROUPS * n_tokens; i++)
    slots[i] = (CsExampleSlot) { tokens[i], values[i] };
  return slots;
}
