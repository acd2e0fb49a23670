#include "edits.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "errors.h"
#include "json.h"
#include "vector.h"

enum
{
  MAX_EDITS = 4096
};
#define MAX_POSITION ((size_t)1 << 30)

typedef struct
{
  bool replaces;
  size_t position; /* the row that is replaced, or the first that is added to */
  size_t d_model;
  float *vector; /* [d_model] */
} Edit;

struct CsEdits
{
  Edit *edits;
  CsTap *taps;
  size_t n;
};

static void
apply_edit (void *data, size_t first, size_t n_rows, float *rows)
{
  const Edit *edit = data;
  for (size_t t = 0; t < n_rows; t++)
    {
      float *row = rows + t * edit->d_model;
      if (edit->replaces && first + t == edit->position)
        memcpy (row, edit->vector, edit->d_model * sizeof *row);
      else if (!edit->replaces && first + t >= edit->position)
        cs_add (edit->vector, row, edit->d_model);
    }
}

/* --- Vectors --- */

/* Reads exactly size bytes of a regular file of that size. */
static bool
read_exactly (int fd, void *buffer, size_t size)
{
  struct stat status;
  if (fstat (fd, &status) != 0 || !S_ISREG (status.st_mode) || (uint64_t)status.st_size != size)
    return false;
  for (size_t done = 0; done < size;)
    {
      ssize_t n = read (fd, (char *)buffer + done, size - done);
      if (n <= 0 && !(n < 0 && errno == EINTR))
        return false;
      done += n > 0 ? (size_t)n : 0;
    }
  return true;
}

static bool
read_vector (const char *path, float *vector, size_t n, GError **error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO, "%s: the vector cannot be read: %s", path,
                   g_strerror (errno));
      return false;
    }
  bool ok = read_exactly (fd, vector, n * sizeof *vector);
  close (fd);
  for (size_t i = 0; ok && i < n; i++)
    {
      uint32_t bits;
      memcpy (&bits, vector + i, sizeof bits);
      bits = GUINT32_FROM_LE (bits);
      memcpy (vector + i, &bits, sizeof bits);
    }
  if (ok && cs_all_finite (vector, n))
    return true;
  g_set_error (
      error, CS_ERROR, CS_ERROR_FORMAT,
      "%s: the vector has to be a file of exactly %zu finite little-endian float32 numbers", path,
      n);
  return false;
}

static char *
vector_path (json_t *value, const char *folder)
{
  if (json_is_object (value))
    value = json_object_get (value, "file");
  const char *path = json_string_value (value);
  if (path == NULL || *path == '\0')
    return NULL;
  return g_path_is_absolute (path) ? g_strdup (path) : g_build_filename (folder, path, NULL);
}

/* --- Parsing --- */

static bool
fail (GError **error, const char *name, size_t index, const char *what)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: edit %zu %s", name, index, what);
  return false;
}

static bool
is_missing (json_t *object, const char *key)
{
  json_t *value = json_object_get (object, key);
  return value == NULL || json_is_null (value);
}

static bool
parse_edit (Edit *edit,
            CsTap *tap,
            json_t *value,
            size_t index,
            const char *name,
            const char *folder,
            const CsModelConfig *config,
            GError **error)
{
  const char *op = NULL;
  if (!json_is_object (value))
    return fail (error, name, index, "is not an object");
  if (!cs_json_get_string (value, name, "op", "", &op, error))
    return false;
  edit->replaces = strcmp (op, "replace") == 0;
  if (!edit->replaces && strcmp (op, "add") != 0)
    return fail (error, name, index, "needs an \"op\" that is \"add\" or \"replace\"");
  if (is_missing (value, "at"))
    return fail (error, name, index, "needs \"at\", the index of the residual stream");
  if (edit->replaces && is_missing (value, "position"))
    return fail (error, name, index, "needs the \"position\" that is replaced");
  if (!cs_json_get_size (value, name, "at", 0, config->n_layers, 0, &tap->at, error) ||
      !cs_json_get_size (value, name, edit->replaces ? "position" : "from", 0, MAX_POSITION, 0,
                         &edit->position, error))
    return false;
  g_autofree char *path = vector_path (json_object_get (value, "vector"), folder);
  if (path == NULL)
    return fail (error, name, index, "needs \"vector\", the path of a float32 file");
  edit->d_model = config->d_model;
  edit->vector = g_new (float, config->d_model);
  tap->func = apply_edit;
  tap->data = edit;
  return read_vector (path, edit->vector, config->d_model, error);
}

CsEdits *
cs_edits_parse (json_t *value,
                const char *name,
                const char *folder,
                const CsModelConfig *config,
                GError **error)
{
  g_autoptr (CsEdits) edits = g_new0 (CsEdits, 1);
  edits->n = json_is_array (value) ? json_array_size (value) : 1;
  if (edits->n > MAX_EDITS)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "%s: there are more than %d edits", name,
                   MAX_EDITS);
      return NULL;
    }
  edits->edits = g_new0 (Edit, edits->n);
  edits->taps = g_new0 (CsTap, edits->n);
  for (size_t i = 0; i < edits->n; i++)
    if (!parse_edit (&edits->edits[i], &edits->taps[i],
                     json_is_array (value) ? json_array_get (value, i) : value, i, name, folder,
                     config, error))
      return NULL;
  return g_steal_pointer (&edits);
}

CsEdits *
cs_edits_load (const char *path, const CsModelConfig *config, GError **error)
{
  g_autoptr (json_t) value = cs_json_load (path, (size_t)16 << 20, error);
  if (value == NULL)
    return NULL;
  g_autofree char *folder = g_path_get_dirname (path);
  return cs_edits_parse (value, path, folder, config, error);
}

void
cs_edits_free (CsEdits *edits)
{
  if (edits == NULL)
    return;
  for (size_t i = 0; edits->edits != NULL && i < edits->n; i++)
    g_free (edits->edits[i].vector);
  g_free (edits->edits);
  g_free (edits->taps);
  g_free (edits);
}

const CsTap *
cs_edits_taps (const CsEdits *edits, size_t *n_taps)
{
  *n_taps = edits->n;
  return edits->taps;
}
