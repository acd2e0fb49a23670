#include "latent-kin.h"

#include "errors.h"
#include "run-weights.h"

/* Of the store, for the latents that fire together: a few seconds on two slow cores. */
#define COFIRING_TOKENS 32768

struct CsKinSource
{
  gatomicrefcount refs;
  char *run_folder, *store_path;
  CsPairSource *pair_source;
  GMutex lock; /* guards what is loaded */
  const CsCrosscoder *crosscoder;
  CsPair *pair;
  GMutex cofiring_lock; /* held while the sample is read, so that lenses need not wait for it */
  CsCofiring *cofiring;
};

typedef struct
{
  CsKinSource *source;
  size_t latent;
} Request;

CsKinSource *
cs_kin_source_new (const char *run_folder,
                   const char *store_path,
                   CsPairSource *pair)
{
  CsKinSource *source = g_new0 (CsKinSource, 1);

  g_atomic_ref_count_init (&source->refs);
  g_mutex_init (&source->lock);
  g_mutex_init (&source->cofiring_lock);
  source->run_folder = g_strdup (run_folder);
  source->store_path = g_strdup (store_path);
  source->pair_source = cs_pair_source_ref (pair);
  return source;
}

CsKinSource *
cs_kin_source_ref (CsKinSource *source)
{
  g_atomic_ref_count_inc (&source->refs);
  return source;
}

void
cs_kin_source_unref (CsKinSource *source)
{
  if (!g_atomic_ref_count_dec (&source->refs))
    return;
  g_clear_pointer (&source->cofiring, cs_cofiring_free);
  g_clear_pointer (&source->pair, cs_pair_free);
  g_clear_pointer (&source->crosscoder, cs_run_weights_release);
  g_free (source->run_folder);
  g_free (source->store_path);
  cs_pair_source_unref (source->pair_source);
  g_mutex_clear (&source->lock);
  g_mutex_clear (&source->cofiring_lock);
  g_free (source);
}

void
cs_kin_free (CsKin *kin)
{
  if (kin == NULL)
    return;
  for (int m = 0; m < 2; m++)
    cs_lens_free (kin->lens[m]);
  g_free (kin->lens_error);
  g_free (kin);
}

static void
free_kin (void *kin)
{
  cs_kin_free (kin);
}

static void
request_free (void *data)
{
  Request *request = data;

  cs_kin_source_unref (request->source);
  g_free (request);
}

/* Loaded once and never changed after, so that it may be used without the lock. */
static const CsCrosscoder *
get_crosscoder (CsKinSource *source, size_t latent, GError **error)
{
  const CsCrosscoder *crosscoder;

  g_mutex_lock (&source->lock);
  if (source->crosscoder == NULL)
    source->crosscoder = cs_run_weights_get (source->run_folder, error);
  crosscoder = source->crosscoder;
  g_mutex_unlock (&source->lock);
  if (crosscoder == NULL || latent < crosscoder->n_latents)
    return crosscoder;
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH, "%s has no latent %zu: analyse the run again.",
               source->run_folder, latent);
  return NULL;
}

static const CsPair *
get_pair (CsKinSource *source, const CsCrosscoder *crosscoder, GError **error)
{
  const CsPair *pair;

  if (source->pair_source->folder[0] == NULL || source->pair_source->folder[1] == NULL)
    {
      g_set_error_literal (error, CS_ERROR, CS_ERROR_USAGE,
                           "Choose a base and a chat model in the Pair page.");
      return NULL;
    }
  g_mutex_lock (&source->lock);
  if (source->pair == NULL)
    source->pair = cs_pair_source_open (source->pair_source, error);
  pair = source->pair;
  g_mutex_unlock (&source->lock);
  if (pair == NULL || cs_model_config (pair->model[0])->d_model == crosscoder->d_model)
    return pair;
  g_set_error_literal (error, CS_ERROR, CS_ERROR_MISMATCH,
                       "The models are not those that the run was trained on: choose its pair.");
  return NULL;
}

/* --- Lens and neighbours --- */

static void
load_thread (GTask *task, void *object, void *data, GCancellable *cancellable)
{
  const Request *request = data;
  g_autoptr (CsKin) kin = g_new0 (CsKin, 1);
  g_autoptr (GError) lens_error = NULL;
  GError *error = NULL;
  const CsCrosscoder *crosscoder;
  const CsPair *pair;

  if (g_task_return_error_if_cancelled (task))
    return;
  crosscoder = get_crosscoder (request->source, request->latent, &error);
  if (crosscoder == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  pair = get_pair (request->source, crosscoder, &lens_error);
  for (int m = 0; m < 2 && pair != NULL; m++)
    kin->lens[m] = cs_lens_latent (pair, crosscoder, request->latent, m, CS_KIN_TOKENS);
  if (pair == NULL)
    kin->lens_error = g_strdup (lens_error->message);
  for (int part = 0; part < CS_NEIGHBOUR_N_PARTS; part++)
    kin->n_near[part] = cs_neighbours (crosscoder, NULL, request->latent, (CsNeighbourPart)part,
                                       CS_KIN_LATENTS, kin->near[part]);
  g_task_return_pointer (task, g_steal_pointer (&kin), free_kin);
}

static void
start (CsKinSource *source,
       size_t latent,
       GCancellable *cancellable,
       GTaskThreadFunc func,
       GAsyncReadyCallback callback,
       void *data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  Request *request = g_new0 (Request, 1);

  request->source = cs_kin_source_ref (source);
  request->latent = latent;
  g_task_set_task_data (task, request, request_free);
  g_task_run_in_thread (task, func);
}

void
cs_kin_source_load (CsKinSource *source,
                    size_t latent,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    void *data)
{
  start (source, latent, cancellable, load_thread, callback, data);
}

CsKin *
cs_kin_source_load_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}

/* --- Firing together --- */

/* With the lock held. */
static const CsCofiring *
get_cofiring (CsKinSource *source, const CsCrosscoder *crosscoder, GError **error)
{
  g_autoptr (CsTeam) team = NULL;

  if (source->cofiring != NULL)
    return source->cofiring;
  team = cs_team_new (0);
  source->cofiring =
      cs_cofiring_new (NULL, crosscoder, team, source->store_path, COFIRING_TOKENS, error);
  return source->cofiring;
}

static void
free_list (void *list)
{
  g_array_unref (list);
}

static void
cofiring_thread (GTask *task, void *object, void *data, GCancellable *cancellable)
{
  const Request *request = data;
  CsKinSource *source = request->source;
  g_autoptr (GArray) list = g_array_new (FALSE, FALSE, sizeof (CsCofiringLatent));
  const CsCrosscoder *crosscoder;
  const CsCofiring *cofiring;
  GError *error = NULL;

  crosscoder = get_crosscoder (source, request->latent, &error);
  if (crosscoder == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_mutex_lock (&source->cofiring_lock);
  if (g_task_return_error_if_cancelled (task))
    {
      g_mutex_unlock (&source->cofiring_lock);
      return;
    }
  cofiring = get_cofiring (source, crosscoder, &error);
  g_mutex_unlock (&source->cofiring_lock);
  if (cofiring == NULL)
    {
      g_task_return_error (task, error);
      return;
    }
  g_array_set_size (list, CS_KIN_LATENTS);
  g_array_set_size (list, (guint)cs_cofiring_find (cofiring, request->latent, CS_KIN_LATENTS,
                                                   (CsCofiringLatent *)(void *)list->data));
  g_task_return_pointer (task, g_steal_pointer (&list), free_list);
}

void
cs_kin_source_cofiring (CsKinSource *source,
                        size_t latent,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        void *data)
{
  start (source, latent, cancellable, cofiring_thread, callback, data);
}

GArray *
cs_kin_source_cofiring_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
