#include "file-kind.h"

#include <string.h>

#include <glib/gi18n.h>

#include "exchange.h"
#include "json.h"
#include "model-cache.h"

static bool
is_file (const char *folder, const char *name)
{
  g_autofree char *path = g_build_filename (folder, name, NULL);

  return g_file_test (path, G_FILE_TEST_IS_REGULAR);
}

static bool
ends_in (const char *path, const char *const *suffixes)
{
  g_autofree char *lower = g_ascii_strdown (path, -1);

  for (; *suffixes != NULL; suffixes++)
    if (g_str_has_suffix (lower, *suffixes))
      return true;
  return false;
}

static bool
is_model (const char *path)
{
  g_autofree char *folder = cs_model_folder_resolve (path);
  g_autofree char *file = g_build_filename (folder, "config.json", NULL);
  g_autoptr (json_t) config = g_file_test (file, G_FILE_TEST_EXISTS) ? cs_json_load (file, 1 << 20, NULL) : NULL;

  return json_is_string (json_object_get (config, "model_type"));
}

/* A layer's folder with its first shard, or what holds such a folder. */
static bool
is_cache (const char *folder)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  if (is_file (folder, "shard_0.memmap"))
    return true;
  dir = g_dir_open (folder, 0, NULL);
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      if (g_str_has_prefix (name, "layer_") && is_file (path, "shard_0.memmap"))
        return true;
    }
  return false;
}

static CsFileKind
kind_of_name (const char *path)
{
  static const char *const tables[] = { ".csv", NULL };
  static const char *const examples[] = { ".db", ".sqlite", ".sqlite3", NULL };
  static const char *const corpora[] = { ".txt", ".jsonl", ".jsonl.gz", ".txt.gz", NULL };

  return ends_in (path, tables)     ? CS_FILE_TABLE
         : ends_in (path, examples) ? CS_FILE_EXAMPLES
         : ends_in (path, corpora)  ? CS_FILE_CORPUS
                                    : CS_FILE_UNKNOWN;
}

CsFileKind
cs_file_kind (const char *path, char **problem)
{
  g_autofree char *name = g_path_get_basename (path);
  bool folder = g_file_test (path, G_FILE_TEST_IS_DIR);
  CsFileKind kind = folder ? CS_FILE_UNKNOWN : kind_of_name (path);
  g_autoptr (GError) error = NULL;

  *problem = NULL;
  if (kind != CS_FILE_UNKNOWN)
    return kind;
  if (folder ? is_file (path, "study.json") : g_str_equal (name, "study.json"))
    return CS_FILE_STUDY;
  if (is_model (path))
    return CS_FILE_MODEL;
  if (folder && is_cache (path))
    return CS_FILE_CACHE;
  if (cs_crosscoder_recognise (path, &error))
    return CS_FILE_CROSSCODER;
  *problem = folder || g_str_has_suffix (name, ".pt") || g_str_has_suffix (name, ".safetensors")
               ? g_strdup (error->message)
               : g_strdup_printf (_ ("“%s” is no study, model, crosscoder, corpus, table or activation cache."), path);
  return CS_FILE_UNKNOWN;
}

bool
cs_file_is_chat_model (const char *folder)
{
  g_autofree char *resolved = cs_model_folder_resolve (folder);
  g_autofree char *file = g_build_filename (resolved, "tokenizer_config.json", NULL);
  g_autoptr (json_t) config = NULL;

  if (is_file (resolved, "chat_template.jinja"))
    return true;
  config = g_file_test (file, G_FILE_TEST_EXISTS) ? cs_json_load (file, 64 << 20, NULL) : NULL;
  return json_object_get (config, "chat_template") != NULL;
}
