/* One latent as a control vector of llama.cpp. */
#include "errors.h"
#include "json.h"
#include "latents-exchange.h"
#include "store.h"

long
cs_run_layer (const char *run_folder, const char *store_path)
{
  g_autofree char *path = g_build_filename (run_folder, "config.json", NULL);
  g_autoptr (json_t) config =
      g_file_test (path, G_FILE_TEST_EXISTS) ? cs_json_load (path, 0, NULL) : NULL;
  json_t *layer = json_object_get (config, "layer");
  const char *own = json_string_value (json_object_get (config, "store"));
  const char *from = store_path ? store_path : own;
  if (json_is_integer (layer) && json_integer_value (layer) >= 0 &&
      json_integer_value (layer) <= 100000)
    return (long)json_integer_value (layer);
  g_autoptr (CsStore) store = from && g_file_test (from, G_FILE_TEST_EXISTS)
                                  ? cs_store_open (from, false, NULL)
                                  : NULL;
  return store ? (long)cs_store_info (store)->layer : -1;
}

/* llama.cpp's name of a model's kind: its model_type, without the underscores that it writes. */
static char *
architecture (const char *model_folder)
{
  g_autofree char *path = model_folder ? g_build_filename (model_folder, "config.json", NULL) : NULL;
  g_autoptr (json_t) config = path ? cs_json_load (path, 0, NULL) : NULL;
  const char *type = json_string_value (json_object_get (config, "model_type"));
  if (g_strcmp0 (type, "mistral") == 0)
    return g_strdup ("llama");
  if (g_strcmp0 (type, "gemma3_text") == 0)
    return g_strdup ("gemma3");
  g_auto (GStrv) parts = g_strsplit (type ? type : "", "_", -1);
  return g_strjoinv ("", parts);
}

bool
cs_latent_export_vector (const char *run_folder,
                         const CsLatentVectorOptions *options,
                         const char *path,
                         GError **error)
{
  g_autofree char *kind = architecture (options->model_folder);
  g_autofree char *table = g_build_filename (run_folder, "latents.h5", NULL);
  g_autoptr (CsLatents) latents = NULL;
  if (options->layer < 0)
    {
      g_set_error (error, CS_ERROR, CS_ERROR_USAGE,
                   "“%s” does not say which layer it reads: name it (--layer, or the study's layer "
                   "on the Pair page).",
                   run_folder);
      return false;
    }
  g_autoptr (CsCrosscoder) crosscoder = cs_crosscoder_load (run_folder, error);
  if (!crosscoder || (g_file_test (table, G_FILE_TEST_EXISTS) &&
                      !(latents = cs_latents_load (run_folder, error))))
    return false;
  CsControlVectorOptions vector = { .latent = options->latent,
                                    .model = options->model,
                                    .layer = (size_t)options->layer,
                                    .architecture = kind };
  if (latents && vector.latent < latents->n_latents)
    vector.activation = (double)latents->rows[vector.latent].max_act;
  return cs_control_vector_export (crosscoder, &vector, path, error);
}
