#include "forward-dump.h"

#include <hdf5.h>
#include <stdio.h>
#include <string.h>

#include "errors.h"
#include "file-replace.h"

typedef struct
{
  float *rows; /* [T, d] of one residual index */
  size_t d;
} Row;

static void
keep_rows (void *data, size_t first_position, size_t n_rows, float *rows)
{
  const Row *row = data;

  memcpy (row->rows + first_position * row->d, rows, n_rows * row->d * sizeof (float));
}

static bool
write_dataset (hid_t file,
               const char *name,
               hid_t type,
               int n_dims,
               const hsize_t *dims,
               const void *data)
{
  hid_t space = H5Screate_simple (n_dims, dims, NULL);
  hid_t set = H5Dcreate2 (file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  bool ok = set >= 0 && H5Dwrite (set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;

  if (set >= 0)
    ok = H5Dclose (set) >= 0 && ok;
  H5Sclose (space);
  return ok;
}

static bool
write_file (const char *path,
            const int32_t *ids,
            size_t n,
            const float *residual,
            const float *logits,
            const CsModelConfig *c,
            GError **error)
{
  const hsize_t ids_dims[] = { n }, residual_dims[] = { c->n_layers + 1, n, c->d_model },
                logits_dims[] = { n, c->vocab_size };
  g_autofree char *temporary = cs_file_replace_temporary_name (path);
  hid_t file;
  bool ok;

  H5Eset_auto2 (H5E_DEFAULT, NULL, NULL);
  file = H5Fcreate (temporary, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  ok = file >= 0 && write_dataset (file, "ids", H5T_NATIVE_INT32, 1, ids_dims, ids) &&
       write_dataset (file, "residual", H5T_NATIVE_FLOAT, 3, residual_dims, residual) &&
       write_dataset (file, "logits", H5T_NATIVE_FLOAT, 2, logits_dims, logits);
  if (file >= 0)
    ok = H5Fclose (file) >= 0 && ok;
  if (ok)
    return cs_file_replace_adopt (temporary, path, error);
  remove (temporary);
  g_set_error (error, CS_ERROR, CS_ERROR_IO,
               "%s cannot be written: the folder may be missing or read-only, or the disk full.",
               path);
  return false;
}

bool
cs_forward_dump (CsModel *model,
                 const CsEdits *edits,
                 const int32_t *ids,
                 size_t n,
                 const char *path,
                 GError **error)
{
  const CsModelConfig *c = cs_model_config (model);
  g_autoptr (CsTeam) team = cs_team_new (0);
  g_autoptr (CsSession) session = NULL;
  size_t n_edits = 0;
  const CsTap *edit_taps = edits != NULL ? cs_edits_taps (edits, &n_edits) : NULL;
  g_autofree float *residual = g_try_malloc ((c->n_layers + 1) * n * c->d_model * sizeof (float));
  g_autofree float *logits = g_try_malloc (n * c->vocab_size * sizeof (float));
  g_autofree CsTap *taps = g_new (CsTap, n_edits + c->n_layers + 1);
  g_autofree Row *rows = g_new (Row, c->n_layers + 1);

  if (residual == NULL || logits == NULL)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "%zu tokens are too many to hold every layer in memory: give fewer ids.", n);
      return false;
    }
  if (n_edits > 0)
    memcpy (taps, edit_taps, n_edits * sizeof *taps);
  for (size_t k = 0; k <= c->n_layers; k++)
    {
      rows[k] = (Row){ residual + k * n * c->d_model, c->d_model };
      taps[n_edits + k] = (CsTap){ k, keep_rows, &rows[k] };
    }
  session = cs_session_new (model, team, n);
  cs_session_set_taps (session, taps, n_edits + c->n_layers + 1);
  return cs_session_forward (session, ids, n, c->n_layers, CS_LOGITS_ALL, logits, error) &&
         write_file (path, ids, n, residual, logits, c, error);
}
