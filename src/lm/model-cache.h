/* Where models lie on a disk: plain folders, and the cache of Hugging Face's own tools.
 *
 *   HUB/models--google--gemma-2-2b/refs/main             the commit that "main" stood for
 *   HUB/models--google--gemma-2-2b/snapshots/COMMIT/…    its files, most often links to ../../blobs
 */
#pragma once

#include <stdbool.h>

#include <glib-object.h>

/* The folder that holds config.json and its neighbours, for whatever the user pointed at: such a
 * folder itself, one of its files, a models--…--… folder of the cache or its snapshots folder. What
 * is none of these comes back as it is, for the opening to complain about. Free with g_free(). */
char *cs_model_folder_resolve (const char *path);
/* "gemma-2-2b" for a snapshot of the cache, else the last part of the path. Free with g_free(). */
char *cs_model_folder_name (const char *folder);

typedef struct
{
  char *name;       /* "google/gemma-2-2b" */
  char *folder;     /* the snapshot: stays valid while the cache keeps it */
  char *repository; /* the models--…--… folder, which follows updates */
  char *model_type; /* of config.json */
  bool supported;   /* whether this version runs that type, and there are safetensors */
} CsCachedModel;

void cs_cached_model_free (CsCachedModel *model);

/* The models (CsCachedModel) in HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME/hub,
 * XDG_CACHE_HOME/huggingface/hub and ~/.cache/huggingface/hub, by name, each once; those without a
 * config.json are left out. Reads a few small files a model: not for a main loop with a slow disk.
 * Never NULL; free with g_ptr_array_unref(). */
GPtrArray *cs_model_cache_list (void);
/* The same for one such folder. */
GPtrArray *cs_model_cache_list_in (const char *hub);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (CsCachedModel, cs_cached_model_free)
