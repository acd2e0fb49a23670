#include "safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "file-error.h"
#include "json.h"
#include "safetensors-private.h"

enum { MAX_SHARDS = 4096 };
enum { MAX_INDEX_BYTES = 64 * 1024 * 1024 };
enum { HASH_CHUNK = 1 << 20 };
/* Files of more than this together are hashed by samples of each tensor. */
enum { HASH_ALL = 64 << 20 };
enum { HASH_SAMPLE = 16 << 10 };

typedef struct {
  char          *path;
  unsigned char *bytes;
  size_t         size;
} Map;

struct CsSafetensors {
  GPtrArray      *maps;      /* Map, one a shard */
  GArray         *tensors;   /* CsTensor; names and data are views into `names` and the maps */
  GArray         *owners;    /* for each tensor the Map that it lies in (const Map *) */
  GHashTable     *by_name;   /* tensor name → index + 1; owns the names */
  GHashTable     *metadata;
  char           *title;     /* the file or folder, for errors */
  pthread_mutex_t hash_mutex;
  char           *hash;      /* under hash_mutex */
};

static void
map_free (void *data)
{
  Map *map = data;

  if (map->bytes != NULL)
    munmap (map->bytes, map->size);
  g_free (map->path);
  g_free (map);
}

static CsSafetensors *
safetensors_new (const char *title)
{
  CsSafetensors *file = g_new0 (CsSafetensors, 1);

  file->maps = g_ptr_array_new_with_free_func (map_free);
  file->tensors = g_array_new (FALSE, FALSE, sizeof (CsTensor));
  file->owners = g_array_new (FALSE, FALSE, sizeof (const Map *));
  file->by_name = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  file->metadata = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  file->title = g_strdup (title);
  pthread_mutex_init (&file->hash_mutex, NULL);
  return file;
}

void
cs_safetensors_free (CsSafetensors *file)
{
  if (file == NULL)
    return;
  g_array_unref (file->tensors);
  g_array_unref (file->owners);
  g_hash_table_unref (file->by_name);
  g_hash_table_unref (file->metadata);
  g_ptr_array_unref (file->maps);
  g_free (file->title);
  g_free (file->hash);
  pthread_mutex_destroy (&file->hash_mutex);
  g_free (file);
}

static bool
map_descriptor (Map *map, int fd, GError **error)
{
  struct stat info;
  void *bytes;

  if (fstat (fd, &info) != 0 || !S_ISREG (info.st_mode))
    {
      cs_file_error (error, CS_ERROR_IO, "%s is not a file: choose a safetensors file", map->path);
      return false;
    }
  map->size = (size_t) info.st_size;
  if (map->size == 0)
    return true;
  bytes = mmap (NULL, map->size, PROT_READ, MAP_SHARED, fd, 0);
  if (bytes == MAP_FAILED)
    {
      cs_file_error (error, CS_ERROR_IO,
                     "%s cannot be mapped into memory (%s): close other programs", map->path,
                     g_strerror (errno));
      return false;
    }
  map->bytes = bytes;
  return true;
}

static Map *
map_file (CsSafetensors *file, const char *path, GError **error)
{
  Map *map = g_new0 (Map, 1);
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  bool good;

  map->path = g_strdup (path);
  g_ptr_array_add (file->maps, map);
  if (fd < 0)
    {
      cs_file_error (error, CS_ERROR_IO,
                     "%s cannot be opened (%s): check the path and its permissions", path,
                     g_strerror (errno));
      return NULL;
    }
  good = map_descriptor (map, fd, error);
  close (fd);
  return good ? map : NULL;
}

static bool
add_tensor (CsSafetensors *file,
            const Map *map,
            size_t data_start,
            CsHeaderEntry *entry,
            GError **error)
{
  CsTensor tensor = entry->tensor;
  char *name;

  if (g_hash_table_contains (file->by_name, entry->name))
    {
      cs_file_error (
          error, CS_ERROR_FORMAT,
          "%s has the tensor “%s”, which another shard has too: download the model again",
          map->path, entry->name);
      return false;
    }
  name = g_steal_pointer (&entry->name);
  tensor.name = name;
  tensor.data = map->bytes + data_start + entry->begin;
  g_array_append_val (file->tensors, tensor);
  g_array_append_val (file->owners, map);
  g_hash_table_insert (file->by_name, name, GUINT_TO_POINTER (file->tensors->len));
  return true;
}

static bool
add_file (CsSafetensors *file, const char *path, GError **error)
{
  g_autoptr (GArray) entries = g_array_new (FALSE, FALSE, sizeof (CsHeaderEntry));
  const Map *map = map_file (file, path, error);
  size_t data_start;

  g_array_set_clear_func (entries, cs_header_entry_clear);
  if (map == NULL || !cs_safetensors_parse (map->bytes, map->size, path, entries, file->metadata,
                                            &data_start, error))
    return false;
  for (guint i = 0; i < entries->len; i++)
    if (!add_tensor (file, map, data_start, &g_array_index (entries, CsHeaderEntry, i), error))
      return false;
  return true;
}

CsSafetensors *
cs_safetensors_open (const char *path, GError **error)
{
  g_autoptr (CsSafetensors) file = safetensors_new (path);

  return add_file (file, path, error) ? g_steal_pointer (&file) : NULL;
}

/* A shard is a plain name beside the index: nothing that could lead to another folder. */
static bool
is_plain_name (const char *shard)
{
  return shard != NULL && shard[0] != '\0' && strcmp (shard, ".") != 0 &&
         strcmp (shard, "..") != 0 && strchr (shard, '/') == NULL && strchr (shard, '\\') == NULL;
}

static int
compare_names (const void *a, const void *b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* The distinct shards of a weight map, sorted. */
static GPtrArray *
list_shards (json_t *weight_map, const char *path, GError **error)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) shards = g_ptr_array_new_with_free_func (g_free);
  const char *name;
  json_t *value;

  json_object_foreach (weight_map, name, value)
    {
      const char *shard = json_string_value (value);

      if (!is_plain_name (shard))
        {
          cs_file_error (
              error, CS_ERROR_FORMAT,
              "%s puts tensor “%s” into a file that is not beside it: download the model again",
              path, name);
          return NULL;
        }
      if (!g_hash_table_contains (seen, shard))
        {
          char *copy = g_strdup (shard);

          g_hash_table_add (seen, copy);
          g_ptr_array_add (shards, copy);
        }
    }
  g_ptr_array_sort (shards, compare_names);
  if (shards->len == 0 || shards->len > MAX_SHARDS)
    {
      cs_file_error (error, CS_ERROR_FORMAT,
                     "%s names %u shards where 1 to %d are possible: download the model again",
                     path, shards->len, MAX_SHARDS);
      return NULL;
    }
  return g_steal_pointer (&shards);
}

static bool
check_weight_map (CsSafetensors *file, json_t *weight_map, const char *index_path, GError **error)
{
  const char *name;
  json_t *value;

  json_object_foreach (weight_map, name, value)
    {
      guint index = GPOINTER_TO_UINT (g_hash_table_lookup (file->by_name, name));
      const Map *map = index > 0 ? g_array_index (file->owners, const Map *, index - 1) : NULL;
      g_autofree char *shard = map != NULL ? g_path_get_basename (map->path) : NULL;

      if (g_strcmp0 (shard, json_string_value (value)) != 0)
        {
          cs_file_error (
              error, CS_ERROR_FORMAT,
              "%s says that tensor “%s” is in %s, but it is not: download the model again",
              index_path, name, json_string_value (value));
          return false;
        }
    }
  return true;
}

static bool
add_shards (CsSafetensors *file, const char *folder, const char *index_path, GError **error)
{
  g_autoptr (json_t) index = cs_json_load (index_path, MAX_INDEX_BYTES, error);
  json_t *weight_map = json_object_get (index, "weight_map");
  g_autoptr (GPtrArray) shards = NULL;

  if (index == NULL)
    return false;
  if (!json_is_object (weight_map))
    {
      cs_file_error (error, CS_ERROR_FORMAT, "%s has no “weight_map”: download the model again",
                     index_path);
      return false;
    }
  shards = list_shards (weight_map, index_path, error);
  if (shards == NULL)
    return false;
  for (guint i = 0; i < shards->len; i++)
    {
      g_autofree char *path = g_build_filename (folder, g_ptr_array_index (shards, i), NULL);

      if (!add_file (file, path, error))
        return false;
    }
  return check_weight_map (file, weight_map, index_path, error);
}

CsSafetensors *
cs_safetensors_open_model (const char *folder, GError **error)
{
  g_autofree char *single = g_build_filename (folder, "model.safetensors", NULL);
  g_autofree char *index = g_build_filename (folder, "model.safetensors.index.json", NULL);
  g_autoptr (CsSafetensors) file = safetensors_new (folder);
  bool good;

  if (g_file_test (single, G_FILE_TEST_EXISTS) || !g_file_test (index, G_FILE_TEST_EXISTS))
    good = add_file (file, single, error);
  else
    good = add_shards (file, folder, index, error);
  return good ? g_steal_pointer (&file) : NULL;
}

size_t
cs_safetensors_n_tensors (const CsSafetensors *file)
{
  return file->tensors->len;
}

const CsTensor *
cs_safetensors_nth (const CsSafetensors *file, size_t index)
{
  g_assert (index < file->tensors->len);
  return &g_array_index (file->tensors, CsTensor, index);
}

const CsTensor *
cs_safetensors_find (const CsSafetensors *file, const char *name)
{
  guint index = GPOINTER_TO_UINT (g_hash_table_lookup (file->by_name, name));

  return index > 0 ? &g_array_index (file->tensors, CsTensor, index - 1) : NULL;
}

static char *
shape_text (size_t n_dims, const size_t *shape)
{
  GString *text = g_string_new ("[");

  for (size_t i = 0; i < n_dims; i++)
    g_string_append_printf (text, "%s%zu", i > 0 ? ", " : "", shape[i]);
  g_string_append_c (text, ']');
  return g_string_free (text, FALSE);
}

const CsTensor *
cs_safetensors_get (const CsSafetensors *file, const char *name, size_t n_dims, const size_t *shape,
                    GError **error)
{
  const CsTensor *tensor = cs_safetensors_find (file, name);
  g_autofree char *wanted = NULL, *found = NULL;

  if (tensor != NULL && tensor->n_dims == n_dims &&
      (n_dims == 0 || memcmp (tensor->shape, shape, n_dims * sizeof *shape) == 0))
    return tensor;

  wanted = shape_text (n_dims, shape);
  if (tensor == NULL)
    {
      cs_file_error (
          error, CS_ERROR_FORMAT,
          "%s has no tensor “%s” of shape %s: check that the weights belong to the configuration",
          file->title, name, wanted);
      return NULL;
    }
  found = shape_text (tensor->n_dims, tensor->shape);
  cs_file_error (
      error, CS_ERROR_FORMAT,
      "%s: tensor “%s” has the shape %s where %s is expected: check that the weights belong to the "
      "configuration",
      file->title, name, found, wanted);
  return NULL;
}

const char *
cs_safetensors_metadata (const CsSafetensors *file, const char *key)
{
  return g_hash_table_lookup (file->metadata, key);
}

static void
hash_everything (const CsSafetensors *file, GChecksum *checksum)
{
  for (guint i = 0; i < file->maps->len; i++)
    {
      const Map *map = g_ptr_array_index (file->maps, i);

      for (size_t done = 0; done < map->size; done += HASH_CHUNK)
        g_checksum_update (checksum, map->bytes + done,
                           (gssize) MIN (map->size - done, HASH_CHUNK));
    }
}

static int
compare_tensors (const void *a, const void *b)
{
  const CsTensor *x = *(const CsTensor *const *) a, *y = *(const CsTensor *const *) b;

  return strcmp (x->name, y->name);
}

/* Name, type, shape, and the beginning, the middle and the end of the data. */
static void
hash_tensor (const CsTensor *tensor, GChecksum *checksum)
{
  const unsigned char *data = tensor->data;
  size_t sample = MIN (tensor->n_bytes, HASH_SAMPLE), last = tensor->n_bytes - sample;
  const size_t starts[] = { 0, last / 2, last };
  g_autoptr (GString) text = g_string_new (tensor->name);

  g_string_append_printf (text, "\n%s", cs_dtype_name (tensor->dtype));
  for (size_t i = 0; i < tensor->n_dims; i++)
    g_string_append_printf (text, " %zu", tensor->shape[i]);
  g_checksum_update (checksum, (const guchar *) text->str, (gssize) text->len + 1);
  for (size_t i = 0; sample > 0 && i < G_N_ELEMENTS (starts); i++)
    g_checksum_update (checksum, data + starts[i], (gssize) sample);
}

/* In the order of the names: however the tensors are spread over shards. */
static void
hash_samples (const CsSafetensors *file, GChecksum *checksum)
{
  g_autoptr (GPtrArray) sorted = g_ptr_array_sized_new (file->tensors->len);

  for (guint i = 0; i < file->tensors->len; i++)
    g_ptr_array_add (sorted, &g_array_index (file->tensors, CsTensor, i));
  g_ptr_array_sort (sorted, compare_tensors);
  for (guint i = 0; i < sorted->len; i++)
    hash_tensor (g_ptr_array_index (sorted, i), checksum);
}

static char *
compute_hash (const CsSafetensors *file)
{
  g_autoptr (GChecksum) checksum = g_checksum_new (G_CHECKSUM_SHA256);
  size_t size = 0;

  for (guint i = 0; i < file->maps->len; i++)
    size += ((const Map *) g_ptr_array_index (file->maps, i))->size;
  if (size <= HASH_ALL)
    hash_everything (file, checksum);
  else
    hash_samples (file, checksum);
  return g_strdup (g_checksum_get_string (checksum));
}

char *
cs_safetensors_hash (CsSafetensors *file)
{
  char *hash;

  pthread_mutex_lock (&file->hash_mutex);
  if (file->hash == NULL)
    file->hash = compute_hash (file);
  hash = g_strdup (file->hash);
  pthread_mutex_unlock (&file->hash_mutex);
  return hash;
}
