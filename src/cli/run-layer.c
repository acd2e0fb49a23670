#include "run-layer.h"

#include <stdio.h>

#include "harvest.h"
#include "json.h"
#include "store.h"

/* The layer of the store at path, which a run's configuration gives as it was typed or relative to
 * the run. */
static bool
layer_of_store (const char *run, const char *path, size_t *layer)
{
  g_autofree char *beside = g_build_filename (run, path, NULL);
  g_autoptr (CsStore) store = cs_store_open (path, false, NULL);

  if (store == NULL && !g_path_is_absolute (path))
    store = cs_store_open (beside, false, NULL);
  if (store != NULL)
    *layer = cs_store_info (store)->layer;
  return store != NULL;
}

size_t
cs_cli_layer_of_run (const char *run)
{
  g_autofree char *path = g_build_filename (run, "config.json", NULL);
  g_autoptr (json_t) config = cs_json_load (path, 0, NULL);
  const char *store = json_string_value (json_object_get (config, "store"));
  json_t *named = json_object_get (config, "layer");
  size_t layer;

  if (store != NULL && layer_of_store (run, store, &layer))
    return layer;
  if (json_is_integer (named) && json_integer_value (named) >= 0)
    return (size_t)json_integer_value (named);
  fprintf (stderr, "crosscope-cli: The run's activation store is gone, and with it the layer: the "
                   "middle one is taken "
                   "(--layer names another).\n");
  return CS_LAYER_MIDDLE;
}
