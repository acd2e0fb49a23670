#include "run-layer.h"

#include <stdio.h>

#include "harvest.h"
#include "json.h"
#include "store.h"

static json_t *
config_of_run (const char *run)
{
  g_autofree char *path = g_build_filename (run, "config.json", NULL);

  return cs_json_load (path, 0, NULL);
}

/* The run's configuration names it as it was typed, or relative to the run. */
static CsStore *
store_of_run (const char *run, const json_t *config)
{
  const char *path = json_string_value (json_object_get (config, "store"));
  g_autofree char *beside = path != NULL ? g_build_filename (run, path, NULL) : NULL;
  CsStore *store = path != NULL ? cs_store_open (path, false, NULL) : NULL;

  if (store == NULL && path != NULL && !g_path_is_absolute (path))
    store = cs_store_open (beside, false, NULL);
  return store;
}

char *
cs_cli_replacements_of_run (const char *run)
{
  g_autoptr (json_t) config = config_of_run (run);
  g_autoptr (CsStore) store = store_of_run (run, config);

  return store != NULL ? g_strdup (cs_store_info (store)->base_replacements) : NULL;
}

size_t
cs_cli_layer_of_run (const char *run)
{
  g_autoptr (json_t) config = config_of_run (run);
  g_autoptr (CsStore) store = store_of_run (run, config);
  json_t *named = json_object_get (config, "layer");

  if (store != NULL)
    return cs_store_info (store)->layer;
  if (json_is_integer (named) && json_integer_value (named) >= 0)
    return (size_t)json_integer_value (named);
  fprintf (stderr, "crosscope-cli: The run's activation store is gone, and with it the layer: the "
                   "middle one is taken "
                   "(--layer names another).\n");
  return CS_LAYER_MIDDLE;
}
