#include "model-cache.h"

#include <string.h>

#include <glib/gstdio.h>

#include "json.h"
#include "model-family.h"

#define REPOSITORY_PREFIX "models--"
#define MAX_REF_BYTES 4096
#define MAX_CONFIG_BYTES ((size_t)16 << 20)
/* A folder with more entries than this is not gone through to the end. */
enum
{
  MAX_ENTRIES = 100000
};

/* --- One folder --- */

static bool
has_file (const char *folder, const char *file)
{
  g_autofree char *path = g_build_filename (folder, file, NULL);
  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static bool
is_plain_name (const char *name)
{
  return *name != '\0' && *name != '.' && strchr (name, '/') == NULL;
}

/* SNAPSHOTS/REF's commit, where refs/main names one that is there. */
static char *
find_main (const char *repository)
{
  g_autofree char *ref = g_build_filename (repository, "refs", "main", NULL), *text = NULL;
  GStatBuf status;
  if (g_stat (ref, &status) != 0 || status.st_size > MAX_REF_BYTES ||
      !g_file_test (ref, G_FILE_TEST_IS_REGULAR) || !g_file_get_contents (ref, &text, NULL, NULL))
    return NULL;
  g_strstrip (text);
  if (!is_plain_name (text))
    return NULL;
  g_autofree char *snapshot = g_build_filename (repository, "snapshots", text, NULL);
  return has_file (snapshot, "config.json") ? g_steal_pointer (&snapshot) : NULL;
}

/* The snapshot with a config.json that was made last; the higher name among equals. */
static char *
find_newest (const char *repository)
{
  g_autofree char *snapshots = g_build_filename (repository, "snapshots", NULL);
  g_autoptr (GDir) dir = g_dir_open (snapshots, 0, NULL);
  g_autofree char *best = NULL;
  gint64 best_time = 0;
  const char *name;
  for (int i = 0; dir != NULL && i < MAX_ENTRIES && (name = g_dir_read_name (dir)) != NULL; i++)
    {
      g_autofree char *snapshot = g_build_filename (snapshots, name, NULL);
      GStatBuf status;
      if (!has_file (snapshot, "config.json") || g_stat (snapshot, &status) != 0)
        continue;
      if (best == NULL || status.st_mtime > best_time ||
          (status.st_mtime == best_time && strcmp (snapshot, best) > 0))
        {
          g_free (best);
          best = g_steal_pointer (&snapshot);
          best_time = status.st_mtime;
        }
    }
  return g_steal_pointer (&best);
}

static char *
find_snapshot (const char *repository)
{
  char *snapshot = find_main (repository);
  return snapshot != NULL ? snapshot : find_newest (repository);
}

static bool
is_model_file (const char *path)
{
  g_autofree char *name = g_path_get_basename (path);
  return g_str_has_suffix (name, ".safetensors") || strcmp (name, "config.json") == 0 ||
         strcmp (name, "tokenizer.json") == 0 || g_str_has_suffix (name, ".safetensors.index.json");
}

char *
cs_model_folder_resolve (const char *path)
{
  if (has_file (path, "config.json"))
    return g_strdup (path);
  if (g_file_test (path, G_FILE_TEST_IS_REGULAR) && is_model_file (path))
    return g_path_get_dirname (path);
  g_autofree char *absolute = g_canonicalize_filename (path, NULL);
  g_autofree char *name = g_path_get_basename (absolute);
  g_autofree char *repository =
      strcmp (name, "snapshots") == 0 ? g_path_get_dirname (absolute) : g_strdup (absolute);
  char *snapshot = find_snapshot (repository);
  return snapshot != NULL ? snapshot : g_strdup (path);
}

/* What "models--google--gemma-2-2b" is made of: the owner, where there is one, and the name. */
static GStrv
split_repository (const char *name)
{
  return g_strsplit (name + strlen (REPOSITORY_PREFIX), "--", 2);
}

char *
cs_model_folder_name (const char *folder)
{
  g_autofree char *absolute = g_canonicalize_filename (folder, NULL);
  g_autofree char *parent = g_path_get_dirname (absolute);
  g_autofree char *parent_name = g_path_get_basename (parent);
  if (strcmp (parent_name, "snapshots") == 0)
    {
      g_autofree char *repository = g_path_get_dirname (parent);
      g_autofree char *name = g_path_get_basename (repository);
      if (g_str_has_prefix (name, REPOSITORY_PREFIX) && strlen (name) > strlen (REPOSITORY_PREFIX))
        {
          g_auto (GStrv) parts = split_repository (name);
          return g_strdup (parts[g_strv_length (parts) - 1]);
        }
    }
  return g_path_get_basename (absolute);
}

/* --- The cache --- */

void
cs_cached_model_free (CsCachedModel *model)
{
  g_free (model->name);
  g_free (model->folder);
  g_free (model->repository);
  g_free (model->model_type);
  g_free (model);
}

/* "models--google--gemma-2-2b" is "google/gemma-2-2b". */
static char *
display_name (const char *repository)
{
  g_auto (GStrv) parts = split_repository (repository);
  g_autofree char *joined = g_strjoinv ("/", parts);
  return g_utf8_make_valid (joined, -1);
}

static bool
has_weights (const char *folder)
{
  return has_file (folder, "model.safetensors") ||
         has_file (folder, "model.safetensors.index.json");
}

/* NULL where there is no readable configuration: another kind of repository, or a broken one. */
static CsCachedModel *
describe_repository (const char *hub, const char *name)
{
  g_autofree char *repository = g_build_filename (hub, name, NULL);
  g_autofree char *folder = find_snapshot (repository);
  if (folder == NULL)
    return NULL;
  g_autofree char *path = g_build_filename (folder, "config.json", NULL);
  g_autoptr (json_t) config = cs_json_load (path, MAX_CONFIG_BYTES, NULL);
  const char *type = json_string_value (json_object_get (config, "model_type"));
  if (type == NULL)
    return NULL;
  CsCachedModel *model = g_new0 (CsCachedModel, 1);
  model->name = display_name (name);
  model->supported = cs_family_find (type) != NULL && has_weights (folder);
  model->folder = g_steal_pointer (&folder);
  model->repository = g_steal_pointer (&repository);
  model->model_type = g_strdup (type);
  return model;
}

static int
compare_models (const void *x, const void *y)
{
  const CsCachedModel *a = *(CsCachedModel *const *)x, *b = *(CsCachedModel *const *)y;
  int order = g_ascii_strcasecmp (a->name, b->name);
  return order != 0 ? order : strcmp (a->folder, b->folder);
}

static void
list_hub (GPtrArray *models, const char *hub)
{
  g_autoptr (GDir) dir = g_dir_open (hub, 0, NULL);
  const char *name;
  for (int i = 0; dir != NULL && i < MAX_ENTRIES && (name = g_dir_read_name (dir)) != NULL; i++)
    {
      CsCachedModel *model =
          g_str_has_prefix (name, REPOSITORY_PREFIX) ? describe_repository (hub, name) : NULL;
      if (model != NULL)
        g_ptr_array_add (models, model);
    }
}

GPtrArray *
cs_model_cache_list_in (const char *hub)
{
  GPtrArray *models = g_ptr_array_new_with_free_func ((GDestroyNotify)cs_cached_model_free);
  list_hub (models, hub);
  g_ptr_array_sort (models, compare_models);
  return models;
}

/* Adds VARIABLE's folder (and SUB in it), where the variable is set. */
static void
add_hub (GPtrArray *hubs, const char *variable, const char *sub)
{
  const char *value = g_getenv (variable);
  if (value == NULL || *value == '\0')
    return;
  g_autofree char *joined = g_build_filename (value, sub, NULL);
  char *hub = g_canonicalize_filename (joined, NULL);
  if (g_ptr_array_find_with_equal_func (hubs, hub, g_str_equal, NULL))
    g_free (hub);
  else
    g_ptr_array_add (hubs, hub);
}

GPtrArray *
cs_model_cache_list (void)
{
  GPtrArray *models = g_ptr_array_new_with_free_func ((GDestroyNotify)cs_cached_model_free);
  g_autoptr (GPtrArray) hubs = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *sub = g_build_filename ("huggingface", "hub", NULL);
  g_autofree char *home_sub = g_build_filename (".cache", sub, NULL);
  add_hub (hubs, "HF_HUB_CACHE", NULL);
  add_hub (hubs, "HUGGINGFACE_HUB_CACHE", NULL);
  add_hub (hubs, "HF_HOME", "hub");
  add_hub (hubs, "XDG_CACHE_HOME", sub);
  add_hub (hubs, "HOME", home_sub);
  for (guint i = 0; i < hubs->len; i++)
    list_hub (models, g_ptr_array_index (hubs, i));
  g_ptr_array_sort (models, compare_models);
  return models;
}
