#include <math.h>
#include <string.h>

#include <glib/gstdio.h>

#include "errors.h"
#include "file-replace.h"
#include "json.h"
#include "memmap-cache.h"
#include "running-moments.h"
#include "torch-file.h"

#define SHARD_SIZE ((size_t)1000000)
#define CHUNK ((size_t)1024) /* tokens read at a time */

/* One model's part of a corpus being written. */
typedef struct
{
  char *split, *folder; /* …/train and …/train/layer_13_out */
  CsFileReplace *shard; /* NULL between shards */
  size_t n_shards, n_in_shard;
  CsMoments moments;
} Side;

typedef struct
{
  CsJob *job;
  CsStore *store;
  size_t d_model, shard_size, done;
  CsDtype dtype;
  Side side[2];
  GArray *tokens, *ranges; /* int64_t */
  size_t longest;
  float *rows, *half; /* [CHUNK, 2, d], [CHUNK, d] */
  void *narrow;
  int32_t *ids;
  int8_t *corpus;
} Export;

static void
side_clear (Side *side)
{
  g_clear_pointer (&side->shard, cs_file_replace_free);
  g_clear_pointer (&side->split, g_free);
  g_clear_pointer (&side->folder, g_free);
  cs_moments_clear (&side->moments);
}

static void
export_clear (Export *e)
{
  side_clear (&e->side[0]);
  side_clear (&e->side[1]);
  g_clear_pointer (&e->store, cs_store_free);
  g_clear_pointer (&e->tokens, g_array_unref);
  g_clear_pointer (&e->ranges, g_array_unref);
  g_free (e->rows);
  g_free (e->half);
  g_free (e->narrow);
  g_free (e->ids);
  g_free (e->corpus);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Export, export_clear)

static char *
shard_path (const Side *side, const char *ending)
{
  g_autofree char *name = g_strdup_printf ("shard_%zu.%s", side->n_shards, ending);
  return g_build_filename (side->folder, name, NULL);
}

static bool
end_shard (const Export *e, Side *side, GError **error)
{
  static const char *const names[] = { [CS_DTYPE_F32] = "torch.float32",
                                       [CS_DTYPE_F16] = "torch.float16",
                                       [CS_DTYPE_BF16] = "torch.bfloat16" };
  if (!side->shard)
    return true;
  g_autofree char *meta_path = shard_path (side, "meta");
  g_autoptr (json_t) meta = json_object ();
  json_t *shape = json_array ();
  json_array_append_new (shape, json_integer ((json_int_t)side->n_in_shard));
  json_array_append_new (shape, json_integer ((json_int_t)e->d_model));
  json_object_set_new (meta, "shape", shape);
  json_object_set_new (meta, "dtype", json_string (names[e->dtype]));
  const bool ok =
      cs_file_replace_commit (side->shard, error) && cs_json_save (meta, meta_path, error);
  g_clear_pointer (&side->shard, cs_file_replace_free);
  side->n_shards++;
  side->n_in_shard = 0;
  return ok;
}

/* n rows of one model, across shards. */
static bool
write_rows (Export *e, Side *side, const float *rows, size_t n, GError **error)
{
  const size_t d = e->d_model;
  cs_moments_add (&side->moments, rows, n);
  for (size_t first = 0; first < n;)
    {
      if (!side->shard)
        {
          g_autofree char *path = shard_path (side, "memmap");
          if (!(side->shard = cs_file_replace_new (path, error)))
            return false;
        }
      const size_t here = MIN (n - first, e->shard_size - side->n_in_shard);
      cs_narrow (e->dtype, rows + first * d, e->narrow, here * d);
      if (!cs_file_replace_write (side->shard, e->narrow, here * d * cs_dtype_size (e->dtype),
                                  error))
        return false;
      side->n_in_shard += here;
      first += here;
      if (side->n_in_shard == e->shard_size && !end_shard (e, side, error))
        return false;
    }
  return true;
}

static bool
write_document (Export *e, size_t first, size_t end, GError **error)
{
  const size_t d = e->d_model;
  const int64_t begin = e->tokens->len;
  g_array_append_val (e->ranges, begin);
  e->longest = MAX (e->longest, end - first);
  for (; first < end; first += CHUNK)
    {
      const size_t n = MIN (CHUNK, end - first);
      if (!cs_store_read (e->store, first, n, e->rows, error) ||
          !cs_store_read_tokens (e->store, first, n, e->ids, NULL, NULL, error))
        return false;
      for (size_t t = 0; t < n; t++)
        {
          const int64_t id = e->ids[t];
          g_array_append_val (e->tokens, id);
        }
      for (unsigned m = 0; m < 2; m++)
        {
          for (size_t t = 0; t < n; t++)
            memcpy (e->half + t * d, e->rows + (2 * t + m) * d, d * sizeof (float));
          if (!write_rows (e, &e->side[m], e->half, n, error))
            return false;
        }
      e->done += n;
    }
  return true;
}

static bool
write_tensor (const char *folder,
              const char *name,
              CsDtype dtype,
              const void *data,
              size_t n_dims,
              size_t n,
              GError **error)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);
  const CsTensor tensor = { .name = "",
                            .dtype = dtype,
                            .n_dims = n_dims,
                            .shape = { n },
                            .n_elements = n,
                            .data = data,
                            .n_bytes = n * cs_dtype_size (dtype) };
  return cs_torch_write (path, &tensor, 1, error);
}

static bool
write_moments (const Export *e, const Side *side, GError **error)
{
  const size_t d = e->d_model;
  const int64_t count = (int64_t)side->moments.count;
  g_autofree double *std = g_new (double, d);
  for (size_t i = 0; i < d; i++)
    std[i] = sqrt (side->moments.m2[i] / (double)(count - 1));
  return write_tensor (side->folder, "mean.pt", CS_DTYPE_F64, side->moments.mean, 1, d, error) &&
         write_tensor (side->folder, "std.pt", CS_DTYPE_F64, std, 1, d, error) &&
         write_tensor (side->folder, "M2.pt", CS_DTYPE_F64, side->moments.m2, 1, d, error) &&
         write_tensor (side->folder, "count.pt", CS_DTYPE_I64, &count, 0, 1, error);
}

static bool
write_config (const Export *e, const Side *side, GError **error)
{
  g_autofree char *path = g_build_filename (side->folder, "config.json", NULL);
  g_autoptr (json_t) config = json_object ();
  json_object_set_new (config, "batch_size", json_integer (1));
  json_object_set_new (config, "context_len", json_integer ((json_int_t)e->longest));
  json_object_set_new (config, "shard_size", json_integer ((json_int_t)e->shard_size));
  json_object_set_new (config, "d_model", json_integer ((json_int_t)e->d_model));
  json_object_set_new (config, "shuffle_shards", json_false ());
  json_object_set_new (config, "io", json_string ("out"));
  json_object_set_new (config, "total_size", json_integer (e->tokens->len));
  json_object_set_new (config, "shard_count", json_integer ((json_int_t)side->n_shards));
  json_object_set_new (config, "store_tokens", json_true ());
  json_object_set_new (config, "store_sequence_ranges", json_true ());
  return cs_json_save (config, path, error);
}

/* config.json last: with it the cache is one. */
static bool
finish_side (Export *e, Side *side, GError **error)
{
  const int64_t end = e->tokens->len;
  g_array_append_val (e->ranges, end);
  const bool ok = end_shard (e, side, error) && write_moments (e, side, error) &&
                  write_tensor (side->split, "tokens.pt", CS_DTYPE_I64, e->tokens->data, 1,
                                e->tokens->len, error) &&
                  write_tensor (side->split, "sequence_ranges.pt", CS_DTYPE_I64, e->ranges->data, 1,
                                e->ranges->len, error) &&
                  write_config (e, side, error);
  g_array_set_size (e->ranges, e->ranges->len - 1);
  return ok;
}

/* The last part of a name or path, fit to be a folder's. */
static char *
folder_name (const char *name, const char *otherwise)
{
  g_autofree char *base = name && *name ? g_path_get_basename (name) : NULL;
  if (!base || strcmp (base, "/") == 0 || base[0] == '.')
    return g_strdup (otherwise);
  return g_strdelimit (g_steal_pointer (&base), "/\\:", '_');
}

static bool
start_side (Export *e,
            unsigned m,
            const char *root,
            const char *corpus,
            const char *split,
            GError **error)
{
  const CsStoreInfo *info = cs_store_info (e->store);
  g_autofree char *base = folder_name (info->base_model, "base"),
                  *chat = folder_name (info->chat_model, "chat");
  g_autofree char *name =
      strcmp (base, chat) == 0 ? g_strdup (m ? "chat" : "base") : g_strdup (m ? chat : base);
  g_autofree char *layer = g_strdup_printf ("layer_%zu_out", info->layer);
  Side *side = &e->side[m];
  side_clear (side);
  side->split = g_build_filename (root, name, corpus, split, NULL);
  side->folder = g_build_filename (side->split, layer, NULL);
  side->n_shards = side->n_in_shard = 0;
  cs_moments_init (&side->moments, e->d_model);
  if (g_mkdir_with_parents (side->folder, 0777) == 0)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_IO, "The folder “%s” cannot be made: choose another.",
               side->folder);
  return false;
}

/* The corpus's name as a folder; the same name a second time gets a number. */
static char *
corpus_folder (const Export *e, int corpus)
{
  char **names = cs_store_info (e->store)->corpora;
  char *folder = folder_name (names[corpus], "corpus");
  for (int i = 0; i < corpus; i++)
    {
      g_autofree char *other = folder_name (names[i], "corpus");
      if (strcmp (other, folder) == 0)
        {
          g_free (folder);
          return g_strdup_printf ("%s-%d", other, corpus + 1);
        }
    }
  return folder;
}

static bool
export_corpus (Export *e, int corpus, const char *root, const char *split, GError **error)
{
  const int64_t *documents = cs_store_documents (e->store);
  g_autofree char *name = corpus_folder (e, corpus);
  g_array_set_size (e->tokens, 0);
  g_array_set_size (e->ranges, 0);
  e->longest = 0;
  if (!start_side (e, 0, root, name, split, error) || !start_side (e, 1, root, name, split, error))
    return false;
  for (size_t i = 0; i < cs_store_n_documents (e->store); i++)
    {
      int8_t of;
      if (!cs_store_read_tokens (e->store, (size_t)documents[i], 1, NULL, NULL, &of, error))
        return false;
      if (of != corpus)
        continue;
      if (!write_document (e, (size_t)documents[i], (size_t)documents[i + 1], error))
        return false;
      if (e->job)
        {
          cs_job_progress (e->job, (double)e->done, (double)cs_store_n_tokens (e->store), "tokens");
          if (!cs_job_checkpoint (e->job, error))
            return false;
        }
    }
  return e->tokens->len == 0 ||
         (finish_side (e, &e->side[0], error) && finish_side (e, &e->side[1], error));
}

bool
cs_memmap_export (CsJob *job,
                  const char *store_path,
                  const char *root,
                  const CsMemmapOptions *options,
                  GError **error)
{
  g_auto (Export) e = { .job = job };
  if (!(e.store = cs_store_open (store_path, false, error)))
    return false;
  const CsStoreInfo *info = cs_store_info (e.store);
  e.d_model = info->d_model;
  e.shard_size = options->shard_size ? options->shard_size : SHARD_SIZE;
  e.dtype = options->has_dtype ? options->dtype : info->dtype;
  e.tokens = g_array_new (FALSE, FALSE, sizeof (int64_t));
  e.ranges = g_array_new (FALSE, FALSE, sizeof (int64_t));
  e.rows = g_new (float, CHUNK * 2 * e.d_model);
  e.half = g_new (float, CHUNK *e.d_model);
  e.narrow = g_malloc (CHUNK * e.d_model * 4);
  e.ids = g_new (int32_t, CHUNK);
  for (int corpus = 0; info->corpora && info->corpora[corpus]; corpus++)
    if (!export_corpus (&e, corpus, root, options->split ? options->split : "train", error))
      return false;
  return true;
}
