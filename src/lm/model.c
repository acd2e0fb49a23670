#include "model-private.h"

#include "errors.h"
#include "model-cache.h"

static size_t
sum_bytes (const CsSafetensors *file)
{
  size_t bytes = 0;
  for (size_t i = 0; i < cs_safetensors_n_tensors (file); i++)
    bytes += cs_safetensors_nth (file, i)->n_bytes;
  return bytes;
}

CsModel *
cs_model_open_limited (const char *folder, size_t widen_limit, GError **error)
{
  g_autoptr (CsModel) model = g_new0 (CsModel, 1);
  atomic_init (&model->ref_count, 1);
  model->folder = cs_model_folder_resolve (folder);
  model->name = cs_model_folder_name (model->folder);
  model->owned = g_ptr_array_new_with_free_func (g_free);
  pthread_mutex_init (&model->hash_lock, NULL);
  if (!g_file_test (model->folder, G_FILE_TEST_IS_DIR))
    {
      g_set_error (error, CS_ERROR, CS_ERROR_IO,
                   "%s is not a model folder: there is no such folder", folder);
      return NULL;
    }
  if (!cs_architecture_load (&model->architecture, model->folder, error))
    return NULL;
  model->file = cs_safetensors_open_model (model->folder, error);
  if (model->file == NULL || !cs_model_load_weights (model, widen_limit, error))
    return NULL;
  model->file_bytes = sum_bytes (model->file);
  return g_steal_pointer (&model);
}

CsModel *
cs_model_open (const char *folder, GError **error)
{
  return cs_model_open_limited (folder, CS_WIDEN_LIMIT, error);
}

CsModel *
cs_model_ref (CsModel *model)
{
  atomic_fetch_add_explicit (&model->ref_count, 1, memory_order_relaxed);
  return model;
}

void
cs_model_unref (CsModel *model)
{
  if (model == NULL || atomic_fetch_sub_explicit (&model->ref_count, 1, memory_order_acq_rel) > 1)
    return;
  g_clear_pointer (&model->file, cs_safetensors_free);
  g_ptr_array_unref (model->owned);
  g_clear_pointer (&model->replacements, g_array_unref);
  g_free (model->blocks);
  g_free (model->folder);
  g_free (model->name);
  g_free (model->hash);
  pthread_mutex_destroy (&model->hash_lock);
  g_free (model);
}

const CsModelConfig *
cs_model_config (const CsModel *model)
{
  return &model->architecture.sizes;
}

bool
cs_model_layer_slides (const CsModel *model, size_t layer)
{
  const CsArchitecture *a = &model->architecture;
  return a->sizes.sliding_window > 0 && layer < a->sizes.n_layers && a->slides[layer];
}

const char *
cs_model_folder (const CsModel *model)
{
  return model->folder;
}

const char *
cs_model_name (const CsModel *model)
{
  return model->name;
}

const char *
cs_model_dtype (const CsModel *model)
{
  return cs_dtype_name (model->embedding.parts[0].dtype);
}

size_t
cs_model_n_parameters (const CsModel *model)
{
  return model->n_parameters;
}

size_t
cs_model_file_bytes (const CsModel *model)
{
  return model->file_bytes;
}

const char *
cs_model_hash (CsModel *model)
{
  pthread_mutex_lock (&model->hash_lock);
  if (model->hash == NULL)
    model->hash = cs_safetensors_hash (model->file);
  pthread_mutex_unlock (&model->hash_lock);
  return model->hash;
}
