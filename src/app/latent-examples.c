#include "latent-examples.h"

#include "errors.h"
#include "latents-exchange.h"
#include "run-weights.h"

struct CsExampleSource
{
  gatomicrefcount refs;
  GMutex lock; /* held by the load at work: it guards what follows */
  char *run_folder, *store_path, *chat_folder;
  const CsCrosscoder *crosscoder;
  CsTokenizer *tokenizer;
};

typedef struct
{
  CsExampleSource *source;
  size_t latent, context, per_group;
  CsTokenizer *tokenizer; /* the source's, once loaded */
} Request;

CsExampleSource *
cs_example_source_new (const char *run_folder, const char *store_path, const char *chat_folder)
{
  CsExampleSource *source = g_new0 (CsExampleSource, 1);

  g_atomic_ref_count_init (&source->refs);
  g_mutex_init (&source->lock);
  source->run_folder = g_strdup (run_folder);
  source->store_path = g_strdup (store_path);
  source->chat_folder = g_strdup (chat_folder);
  return source;
}

CsExampleSource *
cs_example_source_ref (CsExampleSource *source)
{
  g_atomic_ref_count_inc (&source->refs);
  return source;
}

void
cs_example_source_unref (CsExampleSource *source)
{
  if (!g_atomic_ref_count_dec (&source->refs))
    return;
  g_clear_pointer (&source->crosscoder, cs_run_weights_release);
  g_clear_pointer (&source->tokenizer, cs_tokenizer_unref);
  g_free (source->run_folder);
  g_free (source->store_path);
  g_free (source->chat_folder);
  g_mutex_clear (&source->lock);
  g_free (source);
}

static void
request_free (void *data)
{
  Request *request = data;

  g_clear_pointer (&request->tokenizer, cs_tokenizer_unref);
  cs_example_source_unref (request->source);
  g_free (request);
}

static bool
fits (CsStore *store, CsExampleSource *source, const Request *request, GError **error)
{
  if (cs_store_info (store)->d_model == source->crosscoder->d_model &&
      request->latent < source->crosscoder->n_latents && cs_store_n_documents (store) > 0)
    return true;
  g_set_error (error, CS_ERROR, CS_ERROR_MISMATCH,
               "%s does not fit the run %s: harvest again with the layer and models of the run.",
               source->store_path, source->run_folder);
  return false;
}

/* With the lock held. */
static GArray *
load (CsExampleSource *source, Request *request, GError **error)
{
  g_autoptr (CsStore) store = NULL;

  if (source->tokenizer == NULL && source->chat_folder != NULL)
    source->tokenizer = cs_tokenizer_open (source->chat_folder, NULL);
  if (source->tokenizer != NULL)
    request->tokenizer = cs_tokenizer_ref (source->tokenizer);
  /* Those that came with an imported run need neither its weights nor a store. */
  if (cs_attached_examples_exist (source->run_folder))
    return cs_attached_examples_load (source->run_folder, request->latent, request->context,
                                      request->per_group, error);
  store = cs_store_open (source->store_path, false, error);
  if (store == NULL)
    return NULL;
  if (source->crosscoder == NULL)
    source->crosscoder = cs_run_weights_get (source->run_folder, error);
  if (source->crosscoder == NULL || !fits (store, source, request, error))
    return NULL;
  return cs_examples_load (source->run_folder, store, source->crosscoder, NULL, request->latent,
                           request->context, request->per_group, error);
}

static void
load_thread (GTask *task, void *object, void *data, GCancellable *cancellable)
{
  Request *request = data;
  GError *error = NULL;
  GArray *examples;

  g_mutex_lock (&request->source->lock);
  if (g_task_return_error_if_cancelled (task))
    {
      g_mutex_unlock (&request->source->lock);
      return;
    }
  examples = load (request->source, request, &error);
  g_mutex_unlock (&request->source->lock);
  if (examples != NULL)
    g_task_return_pointer (task, examples, (GDestroyNotify)g_array_unref);
  else
    g_task_return_error (task, error);
}

void
cs_example_source_load (CsExampleSource *source, size_t latent, size_t context, size_t per_group,
                        GCancellable *cancellable, GAsyncReadyCallback callback, void *data)
{
  g_autoptr (GTask) task = g_task_new (NULL, cancellable, callback, data);
  Request *request = g_new0 (Request, 1);

  request->source = cs_example_source_ref (source);
  request->latent = latent;
  request->context = context;
  request->per_group = per_group;
  g_task_set_task_data (task, request, request_free);
  g_task_run_in_thread (task, load_thread);
}

GArray *
cs_example_source_finish (GAsyncResult *result, CsTokenizer **tokenizer, GError **error)
{
  Request *request = g_task_get_task_data (G_TASK (result));
  GArray *examples = g_task_propagate_pointer (G_TASK (result), error);

  if (tokenizer != NULL)
    *tokenizer = examples != NULL ? g_steal_pointer (&request->tokenizer) : NULL;
  return examples;
}
