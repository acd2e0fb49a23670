#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "json.h"
#include "memmap-cache.h"
#include "torch-file.h"

#define MAX_SHARDS ((size_t)1 << 20)
#define MAX_DOCUMENT ((int64_t)1 << 16) /* tokens */

typedef struct
{
  size_t n; /* rows */
  char *path;
} Shard;

/* One model's cache. */
typedef struct
{
  char *folder;
  size_t d_model, n_rows;
  long layer; /* after block; −1 = the name does not say */
  CsDtype dtype;
  GArray *shards;      /* Shard */
  int fd;              /* of shard `open`; −1 */
  size_t open, before; /* rows before it */
  CsTorchFile *tokens, *ranges;
  unsigned char *raw;
  size_t raw_size;
} Cache;

static void
shard_clear (void *data)
{
  g_free (((Shard *)data)->path);
}

static void
cache_clear (Cache *cache)
{
  if (cache->fd > 0)
    close (cache->fd);
  g_clear_pointer (&cache->shards, g_array_unref);
  cs_torch_free (cache->tokens);
  cs_torch_free (cache->ranges);
  g_free (cache->folder);
  g_free (cache->raw);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Cache, cache_clear)

static bool
fail (const Cache *cache, GError **error, const char *what)
{
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT, "The activation cache “%s” cannot be used: %s.",
               cache->folder, what);
  return false;
}

/* path itself where it has a config.json, else the only layer_… folder in it. */
static char *
find_layer_folder (const char *path, GError **error)
{
  g_autofree char *config = g_build_filename (path, "config.json", NULL);
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autofree char *found = NULL;
  unsigned n = 0;
  const char *name;
  if (g_file_test (config, G_FILE_TEST_EXISTS))
    return g_canonicalize_filename (path, NULL);
  while (dir && (name = g_dir_read_name (dir)))
    if (g_str_has_prefix (name, "layer_"))
      {
        g_free (found);
        found = g_build_filename (path, name, NULL);
        n++;
      }
  if (n == 1)
    return g_canonicalize_filename (found, NULL);
  g_set_error (error, CS_ERROR, CS_ERROR_IO,
               "“%s” is no folder of an activation cache: name the folder of one layer, such as "
               "layer_13_out.",
               path);
  return NULL;
}

/* layer_13_out is after block 13, layer_13_in what enters it. */
static long
layer_of_name (const char *folder)
{
  g_autofree char *name = g_path_get_basename (folder);
  char *end = NULL;
  if (!g_str_has_prefix (name, "layer_") || !g_ascii_isdigit (name[6]))
    return -1;
  const gint64 layer = g_ascii_strtoll (name + 6, &end, 10);
  if (layer > 100000)
    return -1;
  return strcmp (end, "_in") == 0 ? (long)layer - 1 : (long)layer;
}

static bool
parse_dtype (const char *name, CsDtype *dtype)
{
  static const struct
  {
    const char *name;
    CsDtype dtype;
  } names[] = { { "torch.float32", CS_DTYPE_F32 },
                { "torch.float16", CS_DTYPE_F16 },
                { "torch.bfloat16", CS_DTYPE_BF16 },
                { "<f4", CS_DTYPE_F32 },
                { "<f2", CS_DTYPE_F16 } };
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    if (strcmp (name, names[i].name) == 0)
      {
        *dtype = names[i].dtype;
        return true;
      }
  return false;
}

static bool
read_shard_meta (Cache *cache, size_t index, GError **error)
{
  g_autofree char *name = g_strdup_printf ("shard_%zu.meta", index),
                  *data = g_strdup_printf ("shard_%zu.memmap", index);
  g_autofree char *meta_path = g_build_filename (cache->folder, name, NULL);
  g_autoptr (json_t) meta = cs_json_load (meta_path, 1 << 16, error);
  const char *dtype_name;
  CsDtype dtype;
  GStatBuf info;
  size_t bytes;
  if (!meta || !cs_json_get_string (meta, meta_path, "dtype", "torch.float32", &dtype_name, error))
    return false;
  json_t *shape = json_object_get (meta, "shape");
  const json_int_t n = json_integer_value (json_array_get (shape, 0)),
                   d = json_integer_value (json_array_get (shape, 1));
  if (json_array_size (shape) != 2 || n < 1 || d < 1 || (size_t)d != cache->d_model ||
      !parse_dtype (dtype_name, &dtype) || (index > 0 && dtype != cache->dtype))
    return fail (cache, error,
                 "the shape or type of a shard is not what config.json and the others say");
  cache->dtype = dtype;
  Shard shard = { (size_t)n, g_build_filename (cache->folder, data, NULL) };
  g_array_append_val (cache->shards, shard);
  if (!g_size_checked_mul (&bytes, (size_t)n, (size_t)d) ||
      !g_size_checked_mul (&bytes, bytes, cs_dtype_size (dtype)) ||
      g_stat (shard.path, &info) != 0 || (guint64)info.st_size != bytes)
    return fail (cache, error, "a shard's file is missing or has another size than its shape");
  cache->n_rows += (size_t)n;
  return true;
}

static CsTorchFile *
open_beside (const Cache *cache, const char *name, GError **error)
{
  g_autofree char *split = g_path_get_dirname (cache->folder),
                  *path = g_build_filename (split, name, NULL);
  g_autoptr (CsTorchFile) file = cs_torch_open (path, error);
  const CsTensor *tensor = file ? cs_torch_find (file, "") : NULL;
  if (!file)
    return NULL;
  if (tensor && tensor->dtype == CS_DTYPE_I64 && tensor->n_dims == 1)
    return g_steal_pointer (&file);
  g_set_error (error, CS_ERROR, CS_ERROR_FORMAT,
               "“%s” is no row of whole numbers (int64): collect the cache again.", path);
  return NULL;
}

static int64_t
number_at (const CsTorchFile *file, size_t index)
{
  int64_t value;
  memcpy (&value, (const char *)cs_torch_find (file, "")->data + 8 * index, 8);
  return value;
}

static size_t
n_numbers (const CsTorchFile *file)
{
  return cs_torch_find (file, "")->n_elements;
}

static bool
cache_open (Cache *cache, const char *path, GError **error)
{
  size_t n_shards;
  cache->fd = -1;
  cache->shards = g_array_new (FALSE, FALSE, sizeof (Shard));
  g_array_set_clear_func (cache->shards, shard_clear);
  if (!(cache->folder = find_layer_folder (path, error)))
    return false;
  g_autofree char *config_path = g_build_filename (cache->folder, "config.json", NULL);
  g_autofree char *split = g_path_get_dirname (cache->folder);
  g_autofree char *ranges = g_build_filename (split, "sequence_ranges.pt", NULL);
  g_autoptr (json_t) config = cs_json_load (config_path, 1 << 16, error);
  if (!config ||
      !cs_json_get_size (config, config_path, "d_model", 1, 1 << 20, 0, &cache->d_model, error) ||
      !cs_json_get_size (config, config_path, "shard_count", 1, MAX_SHARDS, 0, &n_shards, error))
    return false;
  if (cache->d_model == 0 || n_shards == 0)
    return fail (cache, error, "its config.json does not say d_model and shard_count");
  for (size_t i = 0; i < n_shards; i++)
    if (!read_shard_meta (cache, i, error))
      return false;
  cache->layer = layer_of_name (cache->folder);
  if (!(cache->tokens = open_beside (cache, "tokens.pt", error)))
    return false;
  if (g_file_test (ranges, G_FILE_TEST_EXISTS) &&
      !(cache->ranges = open_beside (cache, "sequence_ranges.pt", error)))
    return false;
  return n_numbers (cache->tokens) == cache->n_rows ||
         fail (cache, error, "it has not one token for each row");
}

/* The shard that holds a row, opened. */
static bool
seek_shard (Cache *cache, size_t row, GError **error)
{
  const Shard *shards = &g_array_index (cache->shards, Shard, 0);
  if (cache->fd >= 0 && row >= cache->before && row < cache->before + shards[cache->open].n)
    return true;
  if (cache->fd >= 0)
    close (cache->fd);
  cache->open = cache->before = 0;
  while (row >= cache->before + shards[cache->open].n)
    cache->before += shards[cache->open++].n;
  cache->fd = open (shards[cache->open].path, O_RDONLY | O_CLOEXEC);
  return cache->fd >= 0 || fail (cache, error, "a shard cannot be opened");
}

/* n rows into out, whose rows lie stride floats apart. */
static bool
read_rows (Cache *cache, size_t first, size_t n, float *out, size_t stride, GError **error)
{
  const size_t row_bytes = cache->d_model * cs_dtype_size (cache->dtype);
  if (cache->raw_size < n * row_bytes)
    {
      cache->raw_size = n * row_bytes;
      cache->raw = g_realloc (cache->raw, cache->raw_size);
    }
  for (size_t done = 0; done < n;)
    {
      if (!seek_shard (cache, first + done, error))
        return false;
      const size_t at = first + done - cache->before;
      const size_t here = MIN (n - done, g_array_index (cache->shards, Shard, cache->open).n - at);
      for (size_t got = 0; got < here * row_bytes;)
        {
          const ssize_t part = pread (cache->fd, cache->raw + got, here * row_bytes - got,
                                      (off_t)(at * row_bytes + got));
          if (part == 0 || (part < 0 && errno != EINTR))
            return fail (cache, error, "a shard cannot be read to its end");
          got += part > 0 ? (size_t)part : 0;
        }
      for (size_t t = 0; t < here; t++)
        cs_widen (cache->dtype, cache->raw + t * row_bytes, out + (done + t) * stride,
                  cache->d_model);
      done += here;
    }
  return true;
}

/* Ends of documents, in order: as stored, else a new one at each token that is the very first one
 * (BOS). */
static GArray *
document_ends (const Cache *cache, size_t n, GError **error)
{
  g_autoptr (GArray) ends = g_array_new (FALSE, FALSE, sizeof (int64_t));
  const size_t n_ranges = cache->ranges ? n_numbers (cache->ranges) : 0;
  int64_t last = 0;
  for (size_t i = 0; i < (cache->ranges ? n_ranges : n); i++)
    {
      const int64_t at = cache->ranges ? number_at (cache->ranges, i)
                         : number_at (cache->tokens, i) == number_at (cache->tokens, 0) ? (int64_t)i
                                                                                        : last;
      if (at < last || at > (int64_t)cache->n_rows)
        return fail (cache, error, "its sequence_ranges.pt is not in order"), NULL;
      if (at > last && at <= (int64_t)n)
        g_array_append_val (ends, at);
      last = at;
    }
  const int64_t end = (int64_t)n;
  const int64_t known = ends->len ? g_array_index (ends, int64_t, ends->len - 1) : 0;
  if (known < end && n == cache->n_rows)
    g_array_append_val (ends, end);
  last = 0;
  for (guint i = 0; i < ends->len; i++)
    {
      if (g_array_index (ends, int64_t, i) - last > MAX_DOCUMENT)
        return fail (
                   cache, error,
                   "it has a sequence of more than 65536 tokens, or does not say where they begin"),
               NULL;
      last = g_array_index (ends, int64_t, i);
    }
  return g_steal_pointer (&ends);
}

static bool
check_pair (const Cache *base, const Cache *chat, size_t n, GError **error)
{
  if (base->layer < 0)
    return fail (base, error, "its folder's name does not say which layer it is, such as layer_13_out");
  if (base->d_model != chat->d_model || base->layer != chat->layer)
    return fail (chat, error, "its width or layer is not that of the base model's cache");
  for (size_t i = 0; i < n; i++)
    {
      const int64_t id = number_at (base->tokens, i);
      if (id != number_at (chat->tokens, i))
        return fail (chat, error, "its tokens are not those of the base model's cache");
      if (id < 0 || id > INT32_MAX)
        return fail (base, error, "a token's id is out of range");
    }
  return true;
}

static bool
copy_documents (CsJob *job, Cache *cache, const GArray *ends, CsStore *store, GError **error)
{
  const size_t d = cache[0].d_model;
  int64_t longest = 0, first = 0;
  for (guint i = 0; i < ends->len; first = g_array_index (ends, int64_t, i++))
    longest = MAX (longest, g_array_index (ends, int64_t, i) - first);
  g_autofree float *rows = g_try_new (float, (size_t)longest * 2 * d);
  g_autofree int32_t *ids = g_new (int32_t, (size_t)longest);
  if (!rows)
    return fail (cache, error, "its longest sequence does not fit in memory");
  first = 0;
  for (guint i = 0; i < ends->len; i++)
    {
      const int64_t end = g_array_index (ends, int64_t, i);
      const size_t n = (size_t)(end - first);
      for (size_t t = 0; t < n; t++)
        ids[t] = (int32_t)number_at (cache[0].tokens, (size_t)first + t);
      if (!read_rows (&cache[0], (size_t)first, n, rows, 2 * d, error) ||
          !read_rows (&cache[1], (size_t)first, n, rows + d, 2 * d, error) ||
          !cs_store_append_document (store, ids, n, 0, rows, error))
        return false;
      first = end;
      if (job)
        {
          cs_job_progress (job, (double)first, (double)cache[0].n_rows, "tokens");
          if (!cs_job_checkpoint (job, error))
            return false;
        }
    }
  return cs_store_finish (store, error);
}

/* What stands n folders above a layer's: 1 split, 2 dataset, 3 model. */
static char *
ancestor (const char *folder, unsigned n)
{
  g_autofree char *path = g_strdup (folder);
  for (unsigned i = 0; i < n; i++)
    {
      char *parent = g_path_get_dirname (path);
      g_free (path);
      path = parent;
    }
  g_autofree char *name = g_path_get_basename (path);
  return g_utf8_make_valid (name, -1);
}

bool
cs_memmap_import (CsJob *job,
                  const char *base_folder,
                  const char *chat_folder,
                  const char *store_path,
                  GError **error)
{
  Cache cache[2] = { { .fd = -1 }, { .fd = -1 } };
  g_autoptr (GArray) ends = NULL;
  bool ok =
      cache_open (&cache[0], base_folder, error) && cache_open (&cache[1], chat_folder, error);
  const size_t n = ok ? MIN (cache[0].n_rows, cache[1].n_rows) : 0;
  ok = ok && check_pair (&cache[0], &cache[1], n, error);
  const Cache *shorter = &cache[cache[1].n_rows < cache[0].n_rows];
  ok = ok && (ends = document_ends (shorter, n, error));
  if (ok)
    {
      char *corpora[] = { ancestor (cache[0].folder, 2), NULL };
      CsStoreInfo info = { .d_model = cache[0].d_model,
                           .layer = (size_t)cache[0].layer,
                           .dtype = cache[0].dtype == CS_DTYPE_F16 && cache[1].dtype == CS_DTYPE_F16
                                        ? CS_DTYPE_F16
                                        : CS_DTYPE_F32,
                           .base_model = ancestor (cache[0].folder, 3),
                           .base_hash = g_strdup (""),
                           .chat_model = ancestor (cache[1].folder, 3),
                           .chat_hash = g_strdup (""),
                           .tokenizer_hash = g_strdup (""),
                           .corpora = g_strdupv (corpora) };
      g_autoptr (CsStore) store = cs_store_create (store_path, &info, n, ends->len, error);
      ok = store && copy_documents (job, cache, ends, store, error);
      if (store && !ok)
        {
          g_clear_pointer (&store, cs_store_free);
          g_unlink (store_path);
        }
      g_free (corpora[0]);
      cs_store_info_clear (&info);
    }
  cache_clear (&cache[0]);
  cache_clear (&cache[1]);
  return ok;
}
