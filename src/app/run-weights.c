#include "run-weights.h"

#include <glib/gstdio.h>

typedef struct
{
  char *path;      /* of the weights */
  GStatBuf stamp;  /* when they were loaded */
  CsCrosscoder *crosscoder;
  unsigned n_users;
} Entry;

static GMutex lock; /* held while one is loaded: two that ask for the same wait for one load */
static GSList *entries;

static void
entry_free (Entry *entry)
{
  g_free (entry->path);
  cs_crosscoder_free (entry->crosscoder);
  g_free (entry);
}

static bool
is_same_file (const GStatBuf *a, const GStatBuf *b)
{
  return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec
         && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static Entry *
find (const char *path, const GStatBuf *stamp)
{
  for (GSList *l = entries; l != NULL; l = l->next)
    {
      Entry *entry = l->data;

      if (g_str_equal (entry->path, path) && is_same_file (&entry->stamp, stamp))
        return entry;
    }
  return NULL;
}

static Entry *
load (const char *run_folder, const char *path, const GStatBuf *stamp, GError **error)
{
  CsCrosscoder *crosscoder = cs_crosscoder_load (run_folder, error);
  Entry *entry;

  if (crosscoder == NULL)
    return NULL;
  entry = g_new0 (Entry, 1);
  *entry = (Entry) { g_strdup (path), *stamp, crosscoder, 0 };
  entries = g_slist_prepend (entries, entry);
  return entry;
}

const CsCrosscoder *
cs_run_weights_get (const char *run_folder, GError **error)
{
  g_autofree char *path = g_build_filename (run_folder, "model.safetensors", NULL);
  GStatBuf stamp = { 0 };
  Entry *entry;

  g_mutex_lock (&lock);
  entry = g_stat (path, &stamp) == 0 ? find (path, &stamp) : NULL;
  if (entry == NULL)
    entry = load (run_folder, path, &stamp, error);
  if (entry != NULL)
    entry->n_users++;
  g_mutex_unlock (&lock);
  return entry != NULL ? entry->crosscoder : NULL;
}

void
cs_run_weights_release (const CsCrosscoder *crosscoder)
{
  Entry *unused = NULL;

  if (crosscoder == NULL)
    return;
  g_mutex_lock (&lock);
  for (GSList *l = entries; l != NULL; l = l->next)
    {
      Entry *entry = l->data;

      if (entry->crosscoder == crosscoder && --entry->n_users == 0)
        unused = entry;
    }
  entries = g_slist_remove (entries, unused);
  g_mutex_unlock (&lock);
  if (unused != NULL)
    entry_free (unused);
}
