#include "corpus-survey.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#include "corpus-count.h"
#include "corpus.h"
#include "model.h"

#define SAMPLE_DOCUMENTS 200
#define MAX_DOCUMENT 1024            /* tokens kept of a document, as the harvest does */

typedef struct
{
  char **paths;
  char *base_folder, *chat_folder, *store_path, *date;
  bool skip_store;
} Request;

static void
request_free (void *data)
{
  Request *request = data;

  g_strfreev (request->paths);
  g_free (request->base_folder);
  g_free (request->chat_folder);
  g_free (request->date);
  g_free (request->store_path);
  g_free (request);
}

static void
corpus_info_free (void *data)
{
  CsCorpusInfo *info = data;

  g_free (info->name);
  g_free (info->problem);
  g_free (info);
}

void
cs_survey_free (CsSurvey *survey)
{
  g_ptr_array_unref (survey->corpora);
  g_free (survey->store_problem);
  g_strfreev (survey->store.corpora);
  g_free (survey->store.base_model);
  g_free (survey->store.chat_model);
  g_free (survey);
}

/* --- Corpora --- */

static const char *
kind_of (const char *name, bool chat)
{
  if (g_str_has_suffix (name, ".txt") || g_str_has_suffix (name, ".txt.gz"))
    return _ ("plain text");
  return chat ? _ ("conversations") : _ ("JSON lines");
}

static void
count_documents (CsCorpusInfo *info, const char *path, GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;

  if (!cs_corpus_count_documents (path, cancellable, &info->n_documents, &info->estimated, &error))
    info->problem = g_strdup (error->message);
}

typedef struct
{
  CsTokenizer *tokenizer;
  CsChatTemplate *chat;
} Reader;

/* Mean tokens of the first documents, times their number. */
static void
estimate_tokens (CsCorpusInfo *info, const char *path, const Reader *reader)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsCorpus) corpus = cs_corpus_open (path, reader->chat, reader->tokenizer, &error);
  g_autoptr (GArray) ids = g_array_new (FALSE, FALSE, sizeof (int32_t));
  CsCorpusDocument document = { 0 };
  size_t n = 0, n_chat = 0;

  while (corpus != NULL && n < SAMPLE_DOCUMENTS && cs_corpus_next (corpus, &document, &error))
    {
      cs_corpus_encode (reader->tokenizer, &document, MAX_DOCUMENT, ids, NULL);
      n_chat += document.is_chat;
      n++;
      cs_corpus_document_clear (&document);
    }
  if (error != NULL && info->problem == NULL)
    info->problem = g_strdup (error->message);
  info->kind = kind_of (info->name, n_chat > 0);
  if (n > 0)
    info->n_tokens = (double) ids->len / (double) n * info->n_documents;
}

static CsCorpusInfo *
survey_corpus (const char *path, const Reader *reader, GCancellable *cancellable)
{
  CsCorpusInfo *info = g_new0 (CsCorpusInfo, 1);
  GStatBuf status = { 0 };

  info->name = g_path_get_basename (path);
  info->kind = kind_of (info->name, false);
  info->n_documents = info->n_tokens = NAN;
  info->missing = g_stat (path, &status) != 0 && errno == ENOENT;
  if (info->missing)
    return info;
  info->bytes = (guint64) status.st_size;
  count_documents (info, path, cancellable);
  if (info->problem == NULL && reader->tokenizer != NULL)
    estimate_tokens (info, path, reader);
  return info;
}

/* --- Store and disk --- */

static void
survey_store (CsSurvey *survey, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (CsStore) store = NULL;
  const CsStoreInfo *info;
  GStatBuf status;

  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return;
  store = cs_store_open (path, false, &error);
  if (store == NULL)
    {
      survey->store_problem = g_strdup (error->message);
      return;
    }
  info = cs_store_info (store);
  survey->has_store = true;
  survey->store.d_model = info->d_model;
  survey->store.layer = info->layer;
  survey->store.dtype = info->dtype;
  survey->store.base_model = g_strdup (info->base_model);
  survey->store.chat_model = g_strdup (info->chat_model);
  survey->store.corpora = g_strdupv (info->corpora);
  survey->n_tokens = cs_store_n_tokens (store);
  survey->n_documents = cs_store_n_documents (store);
  survey->finished = cs_store_is_finished (store);
  survey->store_bytes = g_stat (path, &status) == 0 ? (guint64) status.st_size : 0;
}

static double
disk_free (const char *path)
{
  g_autofree char *folder = g_path_get_dirname (path);
  g_autoptr (GFile) file = g_file_new_for_path (folder);
  g_autoptr (GFileInfo) info =
    g_file_query_filesystem_info (file, G_FILE_ATTRIBUTE_FILESYSTEM_FREE, NULL, NULL);

  return info != NULL
           ? (double) g_file_info_get_attribute_uint64 (info, G_FILE_ATTRIBUTE_FILESYSTEM_FREE)
           : NAN;
}

/* --- The thread --- */

static void
survey_thread (GTask *task, void *source, void *data, GCancellable *cancellable)
{
  const Request *request = data;
  CsSurvey *survey = g_new0 (CsSurvey, 1);
  g_autoptr (CsTokenizer) tokenizer = NULL;
  g_autoptr (CsChatTemplate) chat = NULL;
  g_autoptr (CsModel) model = NULL;
  Reader reader;

  survey->corpora = g_ptr_array_new_with_free_func (corpus_info_free);
  survey->disk_free = disk_free (request->store_path);
  if (!request->skip_store)
    survey_store (survey, request->store_path);
  if (request->chat_folder != NULL)
    {
      model = cs_model_open (request->chat_folder, NULL);
      tokenizer = cs_tokenizer_open (request->chat_folder, NULL);
      chat = cs_chat_template_open_pair (request->chat_folder, request->base_folder, NULL);
      if (chat != NULL)
        cs_chat_template_set_date (chat, request->date, NULL);
    }
  survey->d_model = model != NULL ? cs_model_config (model)->d_model : survey->store.d_model;
  reader = (Reader){ tokenizer, chat };
  for (char **path = request->paths; *path != NULL && !g_cancellable_is_cancelled (cancellable); path++)
    g_ptr_array_add (survey->corpora, survey_corpus (*path, &reader, cancellable));
  g_task_return_pointer (task, survey, (GDestroyNotify) cs_survey_free);
}

void
cs_survey_async (GObject *source,
                 const char *const *paths,
                 const char *base_folder,
                 const char *chat_folder,
                 const char *date,
                 const char *store_path,
                 bool skip_store,
                 GCancellable *cancellable,
                 GAsyncReadyCallback callback,
                 void *data)
{
  g_autoptr (GTask) task = g_task_new (source, cancellable, callback, data);
  Request *request = g_new0 (Request, 1);

  request->paths = g_strdupv ((char **) (uintptr_t) paths);
  request->base_folder = g_strdup (base_folder);
  request->chat_folder = g_strdup (chat_folder);
  request->date = g_strdup (date);
  request->store_path = g_strdup (store_path);
  request->skip_store = skip_store;
  g_task_set_task_data (task, request, request_free);
  g_task_run_in_thread (task, survey_thread);
}

CsSurvey *
cs_survey_finish (GAsyncResult *result, GError **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
