/* A file in the hub format is a run's file already: it is shared and not written anew, so that
 * gigabytes open in a second. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include "errors.h"
#include "file-replace.h"
#include "import-private.h"

bool
cs_import_may_keep (const CsImport *import, const CsImportOptions *options)
{
  const CsTensor *encoder = cs_tensor_file_find (import->file, "encoder.weight");
  return strcmp (import->format, "hub") == 0 && options->scale[0] == 0 && options->scale[1] == 0 &&
         strcmp (encoder->name, "encoder.weight") == 0;
}

/* The weights are looked at where they lie. */
CsCrosscoder *
cs_import_look (CsImport *import, GError **error)
{
  g_autoptr (CsCrosscoder) crosscoder =
      cs_crosscoder_read_head (import->file, import->config_path, error);
  g_autoptr (CsTeam) team = crosscoder ? cs_team_new (0) : NULL;
  if (!crosscoder || !cs_weight_summary_read (&import->summary, import->file, team, error))
    return NULL;
  return g_steal_pointer (&crosscoder);
}

/* --- Sharing a file --- */

/* Where the file system can, both files share their blocks until one of them is written to. */
static bool
share_blocks (const char *from, const char *to)
{
  const int in = open (from, O_RDONLY | O_CLOEXEC);
  const int out = in >= 0 ? open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666) : -1;
  const bool ok = out >= 0 && ioctl (out, FICLONE, in) == 0;
  if (in >= 0)
    close (in);
  if (out >= 0)
    close (out);
  if (out >= 0 && !ok)
    g_unlink (to);
  return ok;
}

/* Another name of the same file. Files of a run are replaced and never written in place, so that
 * the original stays what it is. The cache of Hugging Face has links: the file behind them is
 * meant. */
static bool
hard_link (const char *from, const char *to)
{
  return linkat (AT_FDCWD, from, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0;
}

static bool
copy (const char *from, const char *to, GError **error)
{
  g_autofree char *temporary = cs_file_replace_temporary_name (to);
  g_autoptr (GFile) in = g_file_new_for_path (from), out = g_file_new_for_path (temporary);
  g_autoptr (GError) problem = NULL;
  if (g_file_copy (in, out, G_FILE_COPY_OVERWRITE | G_FILE_COPY_TARGET_DEFAULT_PERMS, NULL, NULL,
                   NULL, &problem))
    return cs_file_replace_adopt (temporary, to, error);
  g_set_error (error, CS_ERROR, CS_ERROR_IO,
               "“%s” cannot be copied to “%s”: %s. Free some space or check the folder.", from, to,
               problem->message);
  g_unlink (temporary);
  return false;
}

bool
cs_import_share_file (const char *from, const char *to, GError **error)
{
  return share_blocks (from, to) || hard_link (from, to) || copy (from, to, error);
}

/* --- Whether the run reads as the original does --- */

static bool
same (const CsCrosscoder *a, const CsCrosscoder *b)
{
  return a->variant == b->variant && a->code_norm == b->code_norm && a->k == b->k &&
         a->threshold == b->threshold &&
         memcmp (a->model_threshold, b->model_threshold, sizeof a->model_threshold) == 0 &&
         memcmp (a->mixed, b->mixed, sizeof a->mixed) == 0 &&
         memcmp (a->gain, b->gain, sizeof a->gain) == 0 && a->normalised == b->normalised &&
         a->target_rms == b->target_rms;
}

/* What an old file left to its config.json, the run's own config.json may say otherwise: then the
 * run gets a file that says everything. */
bool
cs_import_complete (const CsImport *import, const char *run_folder, GError **error)
{
  g_autofree char *model = g_build_filename (run_folder, "model.safetensors", NULL);
  g_autofree char *config = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (CsTensorFile) file = cs_tensor_file_open (model, error);
  g_autoptr (CsCrosscoder) kept = file ? cs_crosscoder_read_head (file, config, error) : NULL;
  if (!kept)
    return false;
  if (same (kept, import->crosscoder))
    return true;
  g_autoptr (CsCrosscoder) whole = cs_crosscoder_read (import->file, import->config_path, error);
  return whole && cs_import_write_model (whole, model, error);
}
